"""Likelihoods agree with those of scipy."""

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_rnn.likelihoods import LIKELIHOODS

RNG = np.random.default_rng(0)
LOCATION = RNG.uniform(0.5, 3, size=40)
VALUE = RNG.uniform(0, 5, size=40)
SCALE = np.full(40, 4.0)


def likelihood(name, *parameters, value=VALUE, scale=SCALE):
    parameters = torch.from_numpy(np.stack(parameters, axis=-1))
    arrays = (torch.from_numpy(a) for a in (value, scale))
    value, scale = arrays
    return LIKELIHOODS[name](torch.from_numpy(LOCATION), parameters, value, scale).numpy()


def test_normal():
    sigma = RNG.uniform(0.2, 2, size=40)

    losses = likelihood("normal", sigma)

    np.testing.assert_allclose(losses, -stats.norm.logpdf(VALUE, LOCATION, sigma))


def test_student_t():
    sigma, df = RNG.uniform(0.2, 2, size=40), RNG.uniform(2.1, 30, size=40)

    losses = likelihood("student_t", sigma, df)

    np.testing.assert_allclose(losses, -stats.t.logpdf(VALUE, df, LOCATION, sigma))


def test_negative_binomial_is_that_of_the_count_in_units_of_the_data():
    alpha = RNG.uniform(0.05, 2, size=40)
    counts = RNG.poisson(5, size=40)

    losses = likelihood("negative_binomial", alpha, value=counts / SCALE)

    mean, size = LOCATION * SCALE, 1 / alpha
    np.testing.assert_allclose(losses, -stats.nbinom.logpmf(counts, size, size / (size + mean)))
    assert np.allclose(stats.nbinom.var(size, size / (size + mean)), mean + alpha * mean**2)


def test_a_forecast_below_zero_has_no_count_of_infinite_surprise():
    location = torch.tensor([-3.0, 0.0], requires_grad=True)

    losses = LIKELIHOODS["negative_binomial"](
        location, torch.full((2, 1), 0.5), torch.tensor([0.0, 7.0]), torch.ones(2)
    )

    assert bool(losses.isfinite().all())


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_best_location_is_the_mean_of_the_values(name):
    values = torch.from_numpy(np.random.default_rng(1).poisson(4, size=4000).astype(float))
    parameters = torch.full((4000, 2), 3.0, dtype=torch.float64)
    losses = {
        location: LIKELIHOODS[name](
            torch.full_like(values, location), parameters, values, torch.ones_like(values)
        )
        .mean()
        .item()
        for location in np.arange(1.0, 8.0, 0.25)
    }

    best = min(losses, key=losses.get)

    assert best == pytest.approx(values.mean().item(), abs=0.3)
