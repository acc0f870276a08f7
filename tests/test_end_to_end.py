"""The main jobs, as users do them, on data that is real or has a known answer."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklearn_rnn import Differencer, RNNClassifier, RNNRegressor, SlidingWindow, make_windows
from sklearn_rnn.datasets import (
    load_airline,
    load_classification,
    make_random_walk,
    make_sine,
)

pytestmark = pytest.mark.no_cover


def test_defaults_classify_real_sequences():
    X, y = load_classification("ItalyPowerDemand", "train")
    X_new, y_new = load_classification("ItalyPowerDemand", "test")

    model = RNNClassifier(random_state=0).fit(X, y)

    assert model.score(X_new, y_new) > 0.94
    assert DummyClassifier().fit(X, y).score(X_new, y_new) < 0.6


@pytest.mark.slow
def test_defaults_tell_speakers_of_unequal_utterances_apart():
    X, y = load_classification("JapaneseVowels", "train")
    X_new, y_new = load_classification("JapaneseVowels", "test")

    model = RNNClassifier(max_epochs=30, random_state=0).fit(X, y)

    assert model.score(X_new, y_new) > 0.96


def test_next_month_is_predicted_better_than_by_naive_answers():
    series = load_airline()
    log = np.log(series)
    X, y = log.to_frame()[11:-1], log.diff(12).shift(-1)[11:-1]
    model = make_pipeline(
        Differencer(lags=(12,)),
        SlidingWindow(12),
        RNNRegressor(cell="gru", hidden_size=8, output="last_value", missing="mask",
                     max_epochs=40, random_state=0),
    )  # fmt: skip

    growth = [
        model.fit(X.iloc[past], y.iloc[past]).predict(X.iloc[future])
        for past, future in TimeSeriesSplit(n_splits=2, test_size=12).split(X)
    ]

    truth, year_before = series[-24:], series.shift(12)[-24:]
    error = np.abs(year_before * np.exp(np.concatenate(growth)) - truth).mean()
    assert error < 0.6 * np.abs(series.shift(1)[-24:] - truth).mean()
    assert error < 0.6 * np.abs(year_before - truth).mean()


def test_a_sine_is_continued():
    X, y = make_windows(make_sine(3000), 5)
    X_new, y_new = make_windows(make_sine(2000, start=3000), 5)

    model = RNNRegressor(cell="gru", max_epochs=20, random_state=0).fit(X, y)

    assert np.abs(model.predict(X_new) - y_new).mean() < 0.005


def test_nobody_predicts_a_random_walk_and_the_last_value_is_not_thrown_away():
    X, y = make_windows(make_random_walk(600, random_state=0), 60)

    model = RNNRegressor(
        hidden_size=[80, 100], dropout=0.2, output="last_value", max_epochs=5, random_state=0
    ).fit(X[:400], y[:400])

    naive = np.abs(X[400:, -1, 0] - y[400:]).mean()
    ours = np.abs(model.predict(X[400:]) - y[400:]).mean()
    assert 0.9 * naive < ours < 1.3 * naive


def test_the_newest_value_matters_most_on_an_autoregressive_series():
    rng = np.random.default_rng(0)
    series = np.zeros(1500)
    for t in range(1, 1500):
        series[t] = 0.9 * series[t - 1] + rng.normal()
    X, y = make_windows(series, 12)

    model = RNNRegressor(hidden_size=16, max_epochs=15, random_state=0).fit(X[:1000], y[:1000])

    error = np.abs(model.predict(X[1000:]) - y[1000:]).mean()
    best = LinearRegression().fit(X[:1000, -1], y[:1000])
    assert error < 1.1 * np.abs(best.predict(X[1000:, -1]) - y[1000:]).mean()
    effect = []
    for step in range(12):
        changed = X[1000:].copy()
        changed[:, step] += 1
        effect.append(np.abs(model.predict(changed) - model.predict(X[1000:])).mean())
    assert np.argmax(effect) == 11
