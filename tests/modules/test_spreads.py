"""Heads for uncertainty: quantiles that ascend, parameters that are allowed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_rnn.modules.spreads import LEAST_FREEDOM, LEVELS, SPREADS, quantile_offsets

N_STEPS = len(LEVELS) - 1
MIDDLE = LEVELS.index(0.5)


def test_levels_are_symmetric_around_the_median():
    assert [round(1 - level, 10) for level in reversed(LEVELS)] == list(LEVELS)
    assert len(LEVELS) == 2 * MIDDLE + 1


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=N_STEPS, max_size=N_STEPS),
    st.floats(0, 1e6, width=32),
)
def test_quantiles_ascend_through_the_forecast_whatever_the_network_says(raw, unit):
    offsets = quantile_offsets(torch.tensor(raw), torch.tensor(unit))

    assert offsets.shape == (len(LEVELS),)
    assert offsets[MIDDLE] == 0
    assert bool((offsets.diff() >= 0).all())


def test_quantiles_begin_as_those_of_a_normal_distribution():
    spread_of, first = SPREADS[None]

    offsets = spread_of(torch.tensor(first), torch.tensor(2.0))

    expected = 2 * torch.special.ndtri(torch.tensor(LEVELS))
    torch.testing.assert_close(offsets, expected)


@pytest.mark.parametrize("name", SPREADS)
def test_each_spread_widens_with_its_unit(name):
    spread_of, first = SPREADS[name]
    raw = torch.tensor(first).unsqueeze(1).expand(-1, 2)

    spread = spread_of(raw, torch.tensor([1.0, 3.0]))

    assert bool(spread.isfinite().all())
    if name == "negative_binomial":  # its alpha has no unit
        assert torch.equal(spread[:, 0], spread[:, 1])
    else:
        torch.testing.assert_close(spread[0, 1], 3 * spread[0, 0])


@pytest.mark.parametrize("name", ["normal", "student_t", "negative_binomial"])
@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_parameters_stay_positive_and_finite_at_the_extremes(name, extreme):
    spread_of, first = SPREADS[name]

    spread = spread_of(torch.full((len(first), 1), extreme), torch.tensor([1.0]))

    assert bool((spread > 0).all())
    assert bool(spread.isfinite().all())


def test_a_student_t_has_a_variance():
    spread_of, _ = SPREADS["student_t"]

    freedom = spread_of(torch.tensor([[0.0], [-1e4]]), torch.tensor([1.0]))[1]

    assert float(freedom) >= LEAST_FREEDOM - 1e-6 > 2
