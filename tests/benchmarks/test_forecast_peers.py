"""Forecasts of others: naive ones against sktime, recurrent ones where they are installed."""

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.naive import NaiveForecaster

from benchmarks.forecast_peers import (
    conformal_naive,
    darts_block_rnn,
    filled,
    neuralforecast_lstm,
    seasonal_naive,
)

LEVELS = [0.1, 0.5, 0.9]


def series(*lengths):
    rng = np.random.default_rng(0)
    return [rng.normal(size=n).cumsum() + 50 for n in lengths]


@pytest.mark.parametrize("season", [1, 4, 7])
def test_seasonal_naive_is_that_of_sktime(season):
    train = series(7, 8, 30, 33)

    forecast = seasonal_naive(train, 10, season).forecast

    for values, ours in zip(train, forecast, strict=True):
        model = NaiveForecaster(sp=season).fit(pd.Series(values), fh=range(1, 11))
        np.testing.assert_allclose(ours, model.predict())


def test_seasonal_naive_goes_back_further_where_the_last_season_has_gaps():
    train = [np.array([1, 2, 3, 4, np.nan, 6, np.nan, 8, np.nan])]

    assert seasonal_naive(train, 6, 3).forecast.tolist() == [[4, 8, 6, 4, 8, 6]]
    assert seasonal_naive(train, 2, 1).forecast.tolist() == [[8, 8]]


def test_seasonal_naive_takes_the_last_value_for_what_a_short_series_never_had():
    forecast = seasonal_naive([np.array([1.0, 2.0]), np.array([np.nan])], 4, 4).forecast

    assert forecast.tolist() == [[2, 2, 1, 2], [0, 0, 0, 0]]


def test_conformal_naive_gives_the_intervals_of_sktime_for_all_series():
    train = series(20, 25, 15)

    outcome = conformal_naive(train, 3, 4, LEVELS, limit=np.inf)

    assert sorted(outcome.rows) == [0, 1, 2]
    assert (outcome.forecast, outcome.note) == (None, "")
    for i, ours in zip(outcome.rows, outcome.quantiles, strict=True):
        model = ConformalIntervals(NaiveForecaster(sp=4))
        model.fit(pd.Series(train[i]), fh=[1, 2, 3])
        np.testing.assert_allclose(ours, model.predict_quantiles(alpha=LEVELS).astype(float))


def test_conformal_naive_says_of_how_many_series_it_speaks():
    outcome = conformal_naive(series(20, 25, 15), 3, 4, LEVELS, limit=0)

    assert outcome.quantiles.shape == (1, 3, 3)
    assert outcome.note == "limit: 1 of 3 series, drawn at random"


def test_filled_has_no_gaps():
    assert filled(np.array([np.nan, 1, np.nan, 3, np.nan])).tolist() == [1, 1, 2, 3, 3]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shortest", [11, 40])
def test_neuralforecast_forecasts_all_series_and_says_when_it_was_stopped(shortest):
    pytest.importorskip("neuralforecast")
    train = series(60, shortest, 50)
    train[1][3] = np.nan

    outcome = neuralforecast_lstm(train, 4, limit=0)

    assert outcome.forecast.shape == (3, 4)
    assert np.isfinite(outcome.forecast).all()
    assert outcome.note.startswith("limit: ")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("shortest", [5, 40])
def test_darts_forecasts_all_series_and_says_when_it_was_stopped(shortest, scaled):
    pytest.importorskip("darts")
    train = series(60, shortest, 50)
    train[1][3] = np.nan

    outcome = darts_block_rnn(train, 4, 4, limit=0, scaled=scaled)

    assert outcome.forecast.shape == (3, 4)
    assert np.isfinite(outcome.forecast).all()
    assert outcome.note.startswith("limit: ")
    if scaled:
        assert outcome.forecast.mean() > 25  # the unit of the series, not of its scaler
