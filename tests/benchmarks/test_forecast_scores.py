"""Scores against plain loops and the metrics of scikit-learn and sktime."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss
from sktime.performance_metrics.forecasting import (
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
)

from benchmarks.forecast_scores import (
    LEVELS,
    absolute_error,
    coverage,
    mean_over_series,
    scaled_error,
    scaled_interval_score,
    scaled_pinball,
    scaled_width,
    scores,
    seasonal_scale,
    symmetric_percentage_error,
)

N, H, SEASON = 5, 6, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def truth(rng):
    return rng.gamma(2, 10, size=(N, H))


@pytest.fixture
def forecast(rng, truth):
    return truth + rng.normal(0, 5, size=(N, H))


@pytest.fixture
def train(rng):
    return [rng.gamma(2, 10, size=length) for length in (9, 12, 30, 17, 5)]


@pytest.fixture
def scale(train):
    return np.array([seasonal_scale(values, SEASON) for values in train])


@pytest.fixture
def quantiles(rng, truth):
    return np.sort(truth[:, :, None] + rng.normal(0, 8, size=(N, H, 5)), axis=2)


def test_smape_and_mae_are_means_over_series(truth, forecast):
    expected = [
        mean_absolute_percentage_error(y, f, symmetric=True)
        for y, f in zip(truth, forecast, strict=True)
    ]

    assert symmetric_percentage_error(truth, forecast) == pytest.approx(100 * np.mean(expected))
    assert absolute_error(truth, forecast) == pytest.approx(np.abs(truth - forecast).mean())


def test_smape_of_zero_forecast_as_zero_is_no_error():
    assert symmetric_percentage_error(np.array([[0.0, 2.0]]), np.array([[0.0, 0.0]])) == 100


def test_mase_divides_by_the_seasonal_naive_error_in_sample(truth, forecast, train, scale):
    expected = [
        mean_absolute_scaled_error(y, f, y_train=x, sp=SEASON)
        for y, f, x in zip(truth, forecast, train, strict=True)
    ]

    assert scaled_error(truth, forecast, scale) == pytest.approx(np.mean(expected))


def test_seasonal_scale_skips_gaps():
    series = np.array([1.0, 2.0, 4.0, np.nan, 5.0, 9.0])

    assert seasonal_scale(series, 2) == pytest.approx((3 + 1) / 2)


@pytest.mark.parametrize("series", [[1, 2, 1, 2, 1], [1, 2], [np.nan] * 5])
def test_seasonal_scale_is_nan_where_nothing_can_be_divided_by_it(series):
    assert np.isnan(seasonal_scale(np.array(series, float), 2))


def test_pinball_is_that_of_all_levels_scaled(truth, quantiles, scale):
    expected = [
        np.mean(
            [mean_pinball_loss(truth[i], quantiles[i, :, k], alpha=a) for k, a in enumerate(LEVELS)]
        )
        / scale[i]
        for i in range(N)
    ]

    assert scaled_pinball(truth, quantiles, scale) == pytest.approx(np.mean(expected))


def test_intervals_are_scored_as_a_loop_over_steps_does(truth, quantiles, scale):
    lower, upper = quantiles[:, :, 0], quantiles[:, :, -1]
    inside, width, msis = np.zeros(N), np.zeros(N), np.zeros(N)
    for i in range(N):
        for j in range(H):
            y, low, high = truth[i, j], lower[i, j], upper[i, j]
            inside[i] += 100 * (low <= y <= high) / H
            width[i] += (high - low) / scale[i] / H
            penalty = 40 * (low - y) if y < low else 40 * (y - high) if y > high else 0
            msis[i] += (high - low + penalty) / scale[i] / H

    assert coverage(truth, lower, upper) == pytest.approx(inside.mean())
    assert scaled_width(truth, lower, upper, scale) == pytest.approx(width.mean())
    assert scaled_interval_score(truth, lower, upper, scale) == pytest.approx(msis.mean())
    assert 0 < inside.mean() < 100


def test_steps_without_a_truth_are_not_counted(truth, forecast, quantiles, scale):
    shorter = truth.copy()
    shorter[1, 4:] = shorter[3] = np.nan
    filled = forecast.copy()
    filled[1, 4:] = filled[3] = np.nan

    of_all = scores(shorter, scale, forecast, quantiles)
    of_known = scores(shorter, scale, filled, quantiles)

    assert of_all == of_known
    errors = [np.abs(truth - forecast)[i, : 4 if i == 1 else H].mean() for i in (0, 1, 2, 4)]
    assert of_all["MAE"] == pytest.approx(np.mean(errors))


def test_a_missing_forecast_is_not_passed_over(truth, forecast):
    forecast[2, 1] = np.nan

    assert np.isnan(absolute_error(truth, forecast))


def test_series_without_a_scale_are_left_out(truth, forecast, scale):
    scale[0] = np.nan

    assert scaled_error(truth, forecast, scale) == scaled_error(truth[1:], forecast[1:], scale[1:])
    assert np.isnan(mean_over_series(truth, truth, np.full(N, np.nan)))


def test_scores_name_what_there_is(truth, forecast, quantiles, scale):
    assert list(scores(truth, scale, forecast=forecast)) == ["sMAPE", "MASE", "MAE"]
    assert list(scores(truth, scale, quantiles=quantiles))[0::5] == ["cover 80", "MSIS"]
    low80, high80 = quantiles[:, :, 1], quantiles[:, :, 3]
    result = scores(truth, scale, quantiles=quantiles)
    assert result["cover 80"] == coverage(truth, low80, high80)
    assert result["width 80"] == scaled_width(truth, low80, high80, scale)
