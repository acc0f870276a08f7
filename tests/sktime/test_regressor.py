"""Numbers for the series of a panel, and forecasts by reduction. See test_classifier.py too."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sktime.datasets import load_airline, load_longley
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.regression.model_selection import TSRGridSearchCV
from sktime.split import ExpandingWindowSplitter
from sktime.utils._testing.hierarchical import _make_hierarchical

import sklearn_rnn
from sklearn_rnn.exceptions import MissingValuesError
from sklearn_rnn.sktime import Differencer, RNNRegressor

SMALL = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


def panel(n=40, seed=0):
    """Series of unequal lengths, and what is to be found in them."""
    rng = np.random.default_rng(seed)
    X = [
        pd.DataFrame({"a": rng.normal(size=k), "b": rng.normal(size=k)})
        for k in rng.integers(4, 9, n)
    ]
    return X, np.array([x["a"].iloc[-1] - x["b"].iloc[-1] for x in X])


# -- numbers -------------------------------------------------------------------------------------


def test_numbers_are_learned_and_come_in_their_units():
    X, y = panel(120)
    y = 1000 + 50 * y

    model = RNNRegressor(hidden_size=16, max_epochs=60, lr=0.01, random_state=0).fit(X[:90], y[:90])

    assert model.score(X[90:], y[90:]) > 0.8
    assert model.predict(X).dtype == np.float64


def test_one_network_answers_several_targets():
    X, y = panel()
    both = pd.DataFrame({"one": y, "two": -2 * y}, index=range(5, 45))
    inside = sklearn_rnn.RNNRegressor(**SMALL, missing="mask")
    expected = inside.fit([x.to_numpy() for x in X], both).predict([x.to_numpy() for x in X])

    model = RNNRegressor(**SMALL).fit(X, both)

    assert model.estimator_.n_outputs_ == 2
    assert model.predict(X).columns.tolist() == ["one", "two"]
    np.testing.assert_array_equal(model.predict(X), expected)
    array = RNNRegressor(**SMALL).fit(X, both.to_numpy()).predict(X)
    np.testing.assert_array_equal(array, expected)
    assert isinstance(model.score(X, both), float)


@pytest.mark.parametrize("axes", [1, 2])
def test_one_target_is_answered_in_one_axis(axes):
    X, y = panel(8)

    answer = RNNRegressor(**SMALL).fit(X, y.reshape((8, 1)[:axes])).predict(X)

    assert answer.shape == (8,)


def test_one_series_can_be_fitted():
    X, _ = panel(1)

    with pytest.warns(UserWarning, match="single label"):  # sktime warns of regressors too
        model = RNNRegressor(**SMALL).fit(X, np.array([3.0]))

    np.testing.assert_allclose(model.predict(X), [3.0], atol=1)


def test_targets_may_not_be_missing_and_nothing_is_lost():
    X, y = panel()
    model = RNNRegressor(**SMALL).fit(X, y)
    expected = model.predict(X)

    with pytest.raises(MissingValuesError, match="RNNRegressor: y contains NaN in 1 places"):
        model.fit(X, np.r_[np.nan, y[1:]])

    np.testing.assert_array_equal(model.predict(X), expected)


def test_sktime_searches():
    X = np.random.default_rng(0).normal(size=(12, 2, 5))
    grid = {"hidden_size": [2, 3], "optimizer__weight_decay": [0.0, 0.5]}

    search = TSRGridSearchCV(RNNRegressor(**SMALL), grid, cv=KFold(2)).fit(X, X[:, 0, -1])

    assert set(search.best_params_) == set(grid)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 4
    assert search.predict(X).shape == (12,)


# -- reduction -----------------------------------------------------------------------------------


def reduced(strategy="recursive", window_length=4, **options):
    return make_reduction(
        RNNRegressor(**{**SMALL, **options}),
        strategy=strategy,
        window_length=window_length,
        scitype="time-series-regressor",
    )


@pytest.mark.parametrize("strategy", ["direct", "recursive", "multioutput", "dirrec"])
@pytest.mark.parametrize("inputs", [False, True])
def test_sktime_makes_forecasters_of_it(strategy, inputs):
    y, X = load_longley()
    y = y.astype(float)
    past, future = (X.iloc[:-3], X.iloc[-3:]) if inputs else (None, None)

    forecaster = reduced(strategy, output="last_value").fit(y.iloc[:-3], X=past, fh=[1, 2, 3])

    answer = forecaster.predict(X=future)
    assert answer.index.equals(y.index[-3:])
    assert (answer / y.iloc[-3:] - 1).abs().max() < 0.1
    again = forecaster.clone().fit(y.iloc[:-3], X=past, fh=[1, 2, 3]).predict(X=future)
    np.testing.assert_array_equal(answer, again)


def test_inputs_are_read_in_a_reduction():
    y, X = load_longley()
    y = y.astype(float)

    with_inputs = reduced().fit(y.iloc[:-3], X=X.iloc[:-3], fh=[1])

    assert with_inputs.estimator_.estimator_.n_channels_in_ == 1 + X.shape[1]
    other = with_inputs.clone().fit(y.iloc[:-3], X=-(X.iloc[:-3] ** 2), fh=[1])
    assert (other.predict(X=X.iloc[-3:]) != with_inputs.predict(X=X.iloc[-3:])).all()


def test_forecasts_are_those_of_windows_made_by_hand():
    y = load_airline()
    X, targets = sklearn_rnn.make_windows(y.to_numpy(), window_length=12)
    inside = sklearn_rnn.RNNRegressor(**SMALL, missing="mask", batch_size=None, dtype="float64")
    inside.fit(X, targets)
    series = list(y)
    for _ in range(3):
        series.append(inside.predict(np.array(series[-12:])[np.newaxis, :, np.newaxis])[0])

    answer = (
        reduced(window_length=12, batch_size=None, dtype="float64").fit(y).predict(fh=[1, 2, 3])
    )

    np.testing.assert_allclose(answer, series[-3:], rtol=1e-9)


def test_it_beats_naive_forecasts_of_the_airline_series():
    y = load_airline()
    past, future = y.iloc[:-24], y.iloc[-24:]
    network = {"scaler": "window", "output": "last_value_ratio"}
    network |= {"hidden_size": 16, "max_epochs": 40, "lr": 0.01}

    def error_of(forecaster):
        return (forecaster.fit(past, fh=range(1, 25)).predict() - future).abs().mean()

    error = error_of(reduced(window_length=12, **network))

    assert error < error_of(NaiveForecaster()) / 4
    assert error < error_of(NaiveForecaster(sp=12)) / 2


def test_sktime_searches_a_reduction_with_its_network():
    y = load_airline()
    grid = {
        "window_length": [6, 12],
        "estimator__hidden_size": [2, 4],
        "estimator__optimizer__weight_decay": [0.0, 0.5],
    }
    splitter = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=120, step_length=12)

    search = ForecastingGridSearchCV(reduced(), splitter, grid, error_score="raise")
    search.fit(y.iloc[:-3], fh=[1, 2, 3])

    assert set(search.best_params_) == set(grid)
    assert search.predict().index.equals(y.index[-3:])
    assert search.cv_results_.filter(like="mean_test").iloc[:, 0].nunique() == 8
    chosen = search.best_forecaster_.estimator
    assert chosen.hidden_size == search.best_params_["estimator__hidden_size"]
    assert (
        chosen.optimizer__weight_decay == search.best_params_["estimator__optimizer__weight_decay"]
    )


def test_a_search_reaches_it_through_a_pipeline():
    y = np.log(load_airline())
    splitter = ExpandingWindowSplitter(fh=[1, 2], initial_window=130, step_length=6)
    pipeline = Differencer((1, 12)) * reduced()
    name = next(key for key in pipeline.get_params() if key.endswith("__hidden_size"))

    search = ForecastingGridSearchCV(pipeline, splitter, {name: [2, 4]}, error_score="raise")

    assert search.fit(y).best_params_[name] in (2, 4)


def test_each_series_of_a_panel_is_forecast():
    y = _make_hierarchical((3,), min_timepoints=20, max_timepoints=20, random_state=0)

    answer = reduced().fit(y, fh=[1, 2]).predict()

    assert answer.index.nlevels == 2
    assert answer.shape == (6, 1)
    assert answer.notna().all(axis=None)
