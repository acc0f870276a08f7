"""The net of the forecaster: fair errors, and answers that depend on their window alone."""

import numpy as np
import pytest
import torch

from sklearn_rnn.modules.forecasting import Forecast
from sklearn_rnn.training.forecast_net import LARGEST_ERROR, ForecastLoss
from sklearn_rnn.training.windows import ChosenWindows
from tests.series_tables import fitted, table_of, walks

SERIES = walks(40, 23, 60)


@pytest.fixture(scope="module")
def forecaster():
    return fitted(table_of(SERIES), periods=[4], n_members=2)


def answers(forecaster, series, ends, values=SERIES):
    windows = forecaster._windows(table_of(values), forecaster.sizes_)
    return forecaster.nets_[0].forecasts(
        ChosenWindows(windows, torch.as_tensor(series), torch.as_tensor(ends))
    )


def test_answers_do_not_depend_on_batch_mates(forecaster):
    rng = np.random.default_rng(0)
    series, ends = rng.integers(3, size=150), rng.integers(5, 23, size=150)
    others = np.arange(150) % 2 == 1
    together = answers(forecaster, series, ends)

    series[others], ends[others] = 0, 40
    among_others = answers(forecaster, series, ends)

    np.testing.assert_array_equal(together.point[~others], among_others.point[~others])
    np.testing.assert_array_equal(together.spread[~others], among_others.spread[~others])


def test_answers_do_not_depend_on_their_order(forecaster):
    rng = np.random.default_rng(0)
    series, ends = rng.integers(3, size=150), rng.integers(5, 23, size=150)
    together = answers(forecaster, series, ends)

    # matrix products may round the last bit by the place of a row
    order = rng.permutation(150)
    shuffled = answers(forecaster, series[order], ends[order])
    np.testing.assert_allclose(shuffled.point, together.point[order], rtol=1e-6)
    for row in (0, 63, 64, 149):
        alone = answers(forecaster, series[[row]], ends[[row]])
        np.testing.assert_allclose(alone.point[0], together.point[row], rtol=1e-6)


@pytest.mark.parametrize("factor", [1000.0, 1e12, 1e-6, 1e-12])
def test_answers_grow_with_the_scale_of_the_series(forecaster, factor):
    point, spread = answers(forecaster, [0, 1, 2], [40, 23, 60])

    scaled = answers(forecaster, [0, 1, 2], [40, 23, 60], [factor * x for x in SERIES])

    np.testing.assert_allclose(scaled.point / factor, point, rtol=1e-4)
    np.testing.assert_allclose(scaled.spread / factor, spread, rtol=1e-2, atol=1e-3)


def test_a_forecast_leaves_the_net_in_the_state_it_was_in(forecaster):
    net = forecaster.nets_[0]
    for training in (True, False):
        net.module_.train(training)
        answers(forecaster, [0], [40])
        assert net.module_.training is training
    net.module_.eval()


# -- the loss --------------------------------------------------------------------------------------


def forecast(point, scale, members=None, n_levels=1):
    point = torch.as_tensor(point, dtype=torch.float32)[..., None]
    members = point[None] if members is None else members
    scale = torch.as_tensor(scale, dtype=torch.float64)[:, None]
    return Forecast(point, members, torch.zeros(*point.shape, n_levels), scale)


def batch(answered, level, change=None):
    level = torch.as_tensor(level, dtype=torch.float64)[:, None]
    change = level if change is None else torch.as_tensor(change, dtype=torch.float64)[:, None]
    return {"answered": torch.as_tensor(answered)[..., None], "level": level, "change": change}


def loss_of(forecast, target, batch, loss="absolute_error", shares=(0.0,)):
    # a quantile at level one half and of no distance: half the absolute error, a tenth of it
    criterion = ForecastLoss(loss, None, (0.5,), shares)
    return criterion(forecast, torch.as_tensor(target, dtype=torch.float64)[..., None], batch)


def test_errors_count_in_units_of_their_windows():
    small = loss_of(forecast([[1.0, 2.0]], [10.0]), [[20.0, 20.0]], batch([[True, True]], [10.0]))
    large = loss_of(forecast([[1.0, 2.0]], [1e6]), [[2e6, 2e6]], batch([[True, True]], [1e6]))

    assert small.item() == pytest.approx(0.5 * 1.05)
    assert large.item() == pytest.approx(small.item())


def test_small_windows_of_large_series_count_in_a_share_of_the_series():
    loss = loss_of(forecast([[1.0]], [1.0]), [[2.0]], batch([[True]], [100.0]))

    assert loss.item() == pytest.approx(1.05 / 5)


def test_units_lie_between_size_and_change():
    answered = batch([[True]], [10.0], [0.1])

    losses = [
        loss_of(forecast([[1.0]], [10.0]), [[10.01]], answered, shares=(s,)).item()
        for s in (0.0, 0.5, 1.0)
    ]

    np.testing.assert_allclose(losses, [1.05e-3, 1.05e-2, 1.05e-1], rtol=1e-2)


def test_what_is_not_known_does_not_count_even_if_it_is_missing():
    given = forecast([[1.0, 9.0], [5.0, 5.0]], [1.0, 1.0])
    answered = batch([[True, False], [False, False]], [1.0, 1.0])

    loss = loss_of(given, [[2.0, np.nan], [np.nan, np.nan]], answered)

    assert loss.item() == pytest.approx(1.05)


def test_windows_of_nearly_nothing_do_not_count():
    given = forecast([[1.0], [1.0]], [1.0, 1e-9])

    loss = loss_of(given, [[2.0], [1e6]], batch([[True], [True]], [1.0, 1.0]))

    assert loss.item() == pytest.approx(1.05)


@pytest.mark.parametrize(
    ("loss", "is_bounded"), [("absolute_error", True), ("huber", True), ("squared_error", False)]
)
def test_errors_beyond_a_bound_count_as_much_if_the_loss_is_linear(loss, is_bounded):
    far, farther = (
        loss_of(forecast([[0.0]], [1.0]), [[y]], batch([[True]], [1.0]), loss=loss).item()
        for y in (100.0, 1000.0)
    )

    assert (far == farther == pytest.approx(1.1 * LARGEST_ERROR)) is is_bounded


def test_a_loss_may_be_a_callable():
    def fourth_power(prediction, target):
        return (prediction - target) ** 4

    answered = batch([[True]], [1.0])

    loss = loss_of(forecast([[0.0]], [1.0]), [[2.0]], answered, loss=fourth_power)

    assert loss.item() == pytest.approx(16 + 0.1)


def test_quantiles_are_learned_beside_the_forecast_and_do_not_move_it():
    point = torch.zeros(1, 1, 1, requires_grad=True)
    spread = torch.zeros(1, 1, 1, 1, requires_grad=True)
    given = Forecast(point, point[None], spread, torch.ones(1, 1, dtype=torch.float64))

    loss_of(given, [[2.0]], batch([[True]], [1.0])).backward()

    assert point.grad.item() == -1.0
    assert spread.grad.item() == pytest.approx(-0.05)
