"""sktime's and scikit-learn's pipelines and searches around the classes for sktime."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sktime.datasets import load_airline
from sktime.forecasting.compose import TransformedTargetForecaster, make_reduction
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster
from sktime.split import ExpandingWindowSplitter, temporal_train_test_split

from sklearn_rnn import RNNRegressor
from sklearn_rnn.sktime import (
    Differencer,
    ResampledForecaster,
    Resampler,
    SequenceScaler,
    SlidingWindow,
)

FORECASTERS = {
    "naive": NaiveForecaster(strategy="drift"),
    "mean": NaiveForecaster(strategy="mean"),
    "trend": PolynomialTrendForecaster(),
    "reduction": make_reduction(LinearRegression(), window_length=12),
    "direct reduction": make_reduction(Ridge(), window_length=6, strategy="direct"),
}


def pipeline(forecaster, lags=(1, 12), method="standard"):
    return TransformedTargetForecaster(
        [
            ("difference", Differencer(lags)),
            ("scale", SequenceScaler(method)),
            ("forecaster", forecaster.clone()),
        ]
    )


# -- sktime --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("lags", [(1,), (12,), (1, 12)])
def test_any_forecaster_can_be_fitted_on_scaled_differences(name, lags):
    y = load_airline()
    past, future = temporal_train_test_split(y, test_size=12)

    answer = pipeline(FORECASTERS[name], lags).fit(past, fh=range(1, 13)).predict()

    assert answer.index.equals(future.index)
    assert answer.name == y.name
    changes = Differencer(lags).fit_transform(past)
    center, scale = changes.mean(), changes.std(ddof=0)
    inside = FORECASTERS[name].clone().fit((changes - center) / scale, fh=range(1, 13)).predict()
    expected = list(past)
    levels = [np.asarray(past)]
    for lag in lags:
        levels.append(levels[-1][lag:] - levels[-1][:-lag])
    expected = np.asarray(inside) * scale + center
    for lag, level in zip(reversed(lags), reversed(levels[:-1]), strict=True):
        level = list(level)
        for change in expected:
            level.append(level[-lag] + change)
        expected = np.array(level[-12:])
    np.testing.assert_allclose(answer, expected)


def test_differences_make_a_seasonal_forecast_better():
    past, future = temporal_train_test_split(load_airline(), test_size=12)
    error = {}

    for lags in [(1,), (12,), (1, 12)]:
        forecaster = pipeline(FORECASTERS["mean"], lags).fit(past, fh=range(1, 13))
        error[lags] = np.abs(forecaster.predict() / future - 1).mean()

    assert error[1, 12] < error[1,] / 2
    assert error[1, 12] < 0.1


def test_a_search_over_every_step():
    y = np.log(load_airline())
    forecaster = pipeline(make_reduction(Ridge(1e-3), window_length=12))
    grid = {
        "difference__lags": [(1,), (1, 12)],
        "scale__method": ["standard", "robust"],
        "forecaster__window_length": [3, 12],
    }
    splitter = ExpandingWindowSplitter(fh=range(1, 7), initial_window=96, step_length=12)

    search = ForecastingGridSearchCV(forecaster, splitter, grid, error_score="raise")
    search.fit(y.iloc[:-12], fh=range(1, 13))

    assert len(search.cv_results_) == 8
    assert set(search.best_params_) == set(grid)
    assert np.abs(search.predict() - y.iloc[-12:]).mean() < 0.1
    scores = search.cv_results_.filter(like="mean_test").iloc[:, 0]
    assert scores.nunique() == 8


@pytest.mark.parametrize("strategy", ["refit", "update"])
def test_folds_are_forecast_from_their_own_past(strategy):
    y = load_airline()
    splitter = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=60, step_length=24)
    forecaster = Differencer((12,)) * NaiveForecaster()

    folds = evaluate(
        forecaster, splitter, y, strategy=strategy, return_data=True, error_score="raise"
    )

    for _, fold in folds.iterrows():
        cutoff, answer = fold["cutoff"], fold["y_pred"]
        growth = y[cutoff] - y[cutoff - 12]
        expected = [y[step - 12] + growth for step in answer.index]
        np.testing.assert_allclose(answer, expected)


def test_bounds_are_scaled_back_and_added_up():
    y = load_airline()
    inside = NaiveForecaster(strategy="mean")

    bounds = pipeline(inside, (1,)).fit(y, fh=[1, 2, 3]).predict_interval(coverage=0.9)

    plain = (Differencer() * inside.clone()).fit(y, fh=[1, 2, 3]).predict_interval(coverage=0.9)
    np.testing.assert_allclose(bounds, plain)
    assert (bounds.iloc[:, 0] < bounds.iloc[:, 1]).all()


@pytest.mark.slow
def test_a_network_forecasts_scaled_differences_by_reduction():
    y = np.log(load_airline())
    network = RNNRegressor(cell="gru", hidden_size=8, max_epochs=30, lr=0.01, random_state=0)
    forecaster = pipeline(make_reduction(network, window_length=12))

    answer = forecaster.fit(y.iloc[:-12], fh=range(1, 13)).predict()

    assert answer.index.equals(y.index[-12:])
    assert np.abs(answer - y.iloc[-12:]).mean() < 0.1


# -- scikit-learn --------------------------------------------------------------------------------


def rows():
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=150, freq="D")
    X = pd.DataFrame(rng.normal(size=(150, 2)).cumsum(axis=0), index, ["a", "b"])
    return X, X["a"].diff().fillna(0).rename("y")


def in_sklearn():
    return make_pipeline(
        Differencer(rows="keep"),
        SequenceScaler(),
        HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, random_state=0),
    )


def test_a_pipeline_of_scikit_learn_is_fitted_and_answers():
    X, y = rows()

    model = in_sklearn().fit(X.iloc[:120], y.iloc[:120])

    assert model.score(X.iloc[120:], y.iloc[120:]) > 0.8
    changes = model[0].transform(X.iloc[120:])
    pd.testing.assert_frame_equal(changes, X.diff().iloc[120:], check_freq=False)


def test_scikit_learn_validates_and_searches():
    X, y = rows()
    model = in_sklearn()

    scores = cross_val_score(model, X, y, cv=TimeSeriesSplit(3), error_score="raise")
    search = GridSearchCV(
        model,
        {"differencer__lags": [(1,), (7,)], "sequencescaler__method": ["standard", "minmax"]},
        cv=TimeSeriesSplit(3),
        error_score="raise",
    ).fit(X, y)

    assert (scores > 0.5).all()
    assert search.best_params_["differencer__lags"] == (1,)
    assert search.predict(X).shape == (150,)


@pytest.mark.slow
def test_a_search_in_two_processes_finds_the_same():
    X, y = rows()
    grid = {"differencer__lags": [(1,), (7,)]}
    one, two = (
        GridSearchCV(in_sklearn(), grid, cv=TimeSeriesSplit(2), n_jobs=n, error_score="raise")
        for n in (1, 2)
    )

    scores = [search.fit(X, y).cv_results_["mean_test_score"] for search in (one, two)]

    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    "estimator",
    [
        Differencer((1, 12)),
        Resampler("Q"),
        SequenceScaler("robust"),
        SlidingWindow(3),
        ResampledForecaster(NaiveForecaster(), "Q"),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scikit_learn_can_clone_show_and_ask_them(estimator):
    copy = clone(estimator)

    assert copy is not estimator
    assert repr(copy) == repr(estimator)
    tags = get_tags(copy)
    assert tags.input_tags.allow_nan
    assert (tags.transformer_tags is None) == isinstance(estimator, ResampledForecaster)
    assert not copy.__sklearn_is_fitted__()
    assert copy.fit(load_airline()).__sklearn_is_fitted__()


def test_what_scikit_learn_sets_while_it_fits_is_kept_and_nothing_else():
    differencer = Differencer().fit(load_airline())
    differencer._parent_callback_ctx = context = object()

    differencer.fit(load_airline().iloc[:20])

    assert differencer._parent_callback_ctx is context
    assert len(differencer.seen_) == 20
    differencer.reset()
    assert not hasattr(differencer, "seen_")
    assert not differencer.is_fitted


def test_targets_of_scikit_learn_may_be_scaled_by_ours():
    X, y = rows()
    model = TransformedTargetRegressor(
        LinearRegression(), transformer=SequenceScaler("maxabs"), check_inverse=False
    )

    answer = model.fit(X, y).predict(X)

    np.testing.assert_allclose(answer, LinearRegression().fit(X, y).predict(X))
