"""Forecasts of real series: of one that sktime bundles, and of panels where these are at hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.naive import NaiveForecaster

from benchmarks.forecast_scores import absolute_error
from benchmarks.series_files import load_task
from sklearn_rnn.datasets import load_airline
from sklearn_rnn.sktime import RNNForecaster

pytestmark = pytest.mark.no_cover

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.slow
def test_three_years_of_airline_passengers():
    y = load_airline()
    past, future, fh = y[:-36], y[-36:], range(1, 37)

    forecaster = RNNForecaster(max_epochs=4, random_state=0).fit(past, fh=fh)
    naive = NaiveForecaster(sp=12).fit(past, fh=fh).predict()

    forecast = forecaster.predict()
    assert np.abs(forecast - future).mean() < 0.85 * np.abs(naive - future).mean()
    low, high = forecaster.predict_interval(coverage=0.9).to_numpy().T
    assert ((low <= future) & (future <= high)).mean() >= 0.8


@pytest.mark.skipif(not (DATA / "hospital.tsf").exists(), reason="needs hospital.tsf")
def test_hospital_patients_of_the_monash_archive():
    task = load_task(DATA, "hospital", horizon=12)
    forecaster = RNNForecaster(sp=12, max_epochs=5, random_state=0)

    forecast = forecaster.fit(task.panel, fh=range(1, 13)).predict().to_numpy()

    error = absolute_error(task.truth, forecast.reshape(-1, 12))
    assert error < 18.6  # the best of twelve published methods has 17.43, SES 21.76


def test_days_of_the_week_of_a_series_with_gaps():
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=200, freq="D")
    y = pd.Series(100 + 20 * (days.dayofweek >= 5) + rng.normal(0, 2, 200), days)
    y.iloc[rng.integers(0, 180, 30)] = np.nan

    forecast = RNNForecaster(max_epochs=4, random_state=0).fit(y[:-14], fh=range(1, 15)).predict()

    assert np.abs(forecast - y[-14:]).mean() < 4
