"""sktime's pipelines, searches, validation, ensembles and hierarchies around RNNForecaster."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone as sklearn_clone
from sklearn.preprocessing import StandardScaler
from sktime.datasets import load_airline, load_longley
from sktime.forecasting.compose import (
    EnsembleForecaster,
    ForecastingPipeline,
    TransformedTargetForecaster,
)
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.performance_metrics.forecasting.probabilistic import PinballLoss
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.adapt import TabularToSeriesAdaptor
from sktime.transformations.boxcox import LogTransformer
from sktime.transformations.detrend import Deseasonalizer, Detrender
from sktime.transformations.hierarchical.aggregate import Aggregator

from sklearn_rnn.sktime import Differencer, ResampledForecaster, RNNForecaster, SequenceScaler

MONTHS = load_airline()


def tiny(**parameters):
    sizes = {"hidden_size": 4, "n_members": 1, "max_epochs": 1, "batches_per_epoch": 3}
    return RNNForecaster(**{**sizes, "batch_size": 8, "random_state": 0, **parameters})


TRANSFORMERS = {
    "differences": lambda: Differencer((1, 12)),
    "scaled": SequenceScaler,
    "deseasonalized": lambda: Deseasonalizer(sp=12, model="multiplicative"),
    "detrended": Detrender,
    "logarithms": LogTransformer,
}


def hierarchy():
    index = pd.period_range("2018-01", periods=48, freq="M")
    rng = np.random.default_rng(0)
    parts = {
        (region, shop): pd.DataFrame({"sold": 20 + level + rng.normal(size=48)}, index)
        for level, (region, shop) in enumerate([("n", "a"), ("n", "b"), ("s", "c")])
    }
    return pd.concat(parts, names=["region", "shop", "month"])


# -- pipelines -------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["direct", "recursive", "seq2seq"])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_targets_may_be_transformed(name, strategy):
    if name == "deseasonalized":
        pytest.importorskip("statsmodels")
    y, fh, transformer = MONTHS[:-12], range(1, 13), TRANSFORMERS[name]()
    pipeline = TransformedTargetForecaster([transformer, tiny(strategy=strategy)])

    answer = pipeline.fit(y, fh=fh).predict()

    own = transformer.clone()
    inside = tiny(strategy=strategy).fit(own.fit_transform(y), fh=fh).predict()
    expected = own.inverse_transform(inside)
    np.testing.assert_allclose(answer, expected)
    assert answer.index.equals(MONTHS.index[-12:])
    assert answer.name == MONTHS.name


def test_bounds_go_back_through_a_transformation():
    y = MONTHS[:-12]
    pipeline = LogTransformer() * tiny()

    bounds = pipeline.fit(y, fh=[1, 2]).predict_interval(coverage=0.8)

    inside = tiny().fit(np.log(y), fh=[1, 2]).predict_interval(coverage=0.8)
    np.testing.assert_allclose(bounds, np.exp(inside))


def test_inputs_may_be_transformed():
    y, X = load_longley()
    pipeline = ForecastingPipeline(
        [TabularToSeriesAdaptor(StandardScaler()), tiny(strategy="recursive")]
    )

    answer = pipeline.fit(y[:-3], X=X[:-3], fh=[1, 2, 3]).predict(X=X[-3:])

    assert answer.index.equals(y.index[-3:])
    scaler = StandardScaler().fit(X[:-3])
    scaled = pd.DataFrame(scaler.transform(X), X.index, X.columns)
    forecaster = tiny(strategy="recursive").fit(y[:-3], X=scaled[:-3], fh=[1, 2, 3])
    np.testing.assert_allclose(answer, forecaster.predict(X=scaled[-3:]))


# -- searches and validation -----------------------------------------------------------------------


def test_nested_parameters_are_searched():
    y = MONTHS[:72]
    pipeline = TransformedTargetForecaster([("difference", Differencer()), ("rnn", tiny())])
    grid = {"difference__lags": [(1,), (1, 12)], "rnn__strategy": ["direct", "recursive"]}
    splitter = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=48, step_length=12)

    search = ForecastingGridSearchCV(pipeline, splitter, grid, error_score="raise")
    search.fit(y, fh=[1, 2, 3])

    assert set(search.best_params_) == set(grid)
    scores = search.cv_results_.filter(like="mean_test").iloc[:, 0]
    assert scores.nunique() == 4
    assert search.predict().index.equals(MONTHS.index[72:75])


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
@pytest.mark.parametrize("splitter", [ExpandingWindowSplitter, SlidingWindowSplitter])
@pytest.mark.parametrize("parameters", [{}, {"strategy": "recursive"}, {"strategy": "seq2seq"}])
def test_folds_know_their_own_past_alone(splitter, strategy, parameters):
    y = MONTHS[:84].astype(float)
    size = "initial_window" if splitter is ExpandingWindowSplitter else "window_length"
    folds = splitter(fh=[1, 2, 3], step_length=12, **{size: 48})

    def answers(data):
        table = evaluate(
            tiny(**parameters),
            folds,
            data,
            strategy=strategy,
            scoring=PinballLoss(),
            return_data=True,
            error_score="raise",
        )
        return table["cutoff"], table["y_pred_quantiles"]

    cutoffs, before = answers(y)

    for number, cutoff in enumerate(cutoffs):
        changed = y.copy()
        changed[changed.index > cutoff] = 1e4 * np.arange(1, (changed.index > cutoff).sum() + 1)
        _, after = answers(changed)
        for fold in range(number + 1):
            pd.testing.assert_frame_equal(after[fold], before[fold])
        for fold in range(number + 1, len(cutoffs)):
            assert not np.allclose(after[fold], before[fold])


def test_scores_with_inputs():
    y, X = load_longley()
    splitter = ExpandingWindowSplitter(fh=[1, 2], initial_window=10, step_length=2)

    folds = evaluate(tiny(), splitter, y, X, error_score="raise")

    assert folds.iloc[:, 0].notna().all()


# -- around it -------------------------------------------------------------------------------------


def test_it_is_part_of_an_ensemble():
    y = MONTHS[:-12]
    members = [("rnn", tiny()), ("naive", NaiveForecaster(sp=12))]

    answer = EnsembleForecaster(members).fit(y, fh=[1, 2]).predict()

    parts = [member.clone().fit(y, fh=[1, 2]).predict() for _, member in members]
    np.testing.assert_allclose(answer, (parts[0] + parts[1]) / 2)


def test_it_forecasts_at_another_frequency():
    forecaster = ResampledForecaster(tiny(sp=4), "Q", "sum")

    answer = forecaster.fit(MONTHS, fh=[1, 2]).predict()
    bounds = forecaster.predict_interval(coverage=0.8)

    quarters = MONTHS.groupby(MONTHS.index.asfreq("Q")).sum()
    assert answer.index.equals(pd.period_range("1961Q1", "1961Q2", freq="Q"))
    expected = tiny(sp=4).fit(quarters, fh=[1, 2])
    np.testing.assert_allclose(answer, expected.predict())
    np.testing.assert_allclose(bounds, expected.predict_interval(coverage=0.8))


@pytest.mark.filterwarnings("ignore:Found elements in the index of X named '__total'")
@pytest.mark.parametrize("method", ["bu", "ols"])
@pytest.mark.parametrize("local", [False, True])
def test_sums_of_a_hierarchy_agree(method, local):
    y = hierarchy()
    forecaster = ReconcilerForecaster(tiny(local=local), method=method)

    answer = forecaster.fit(y, fh=[1, 2, 3]).predict()

    shops = answer[~answer.index.isin(["__total"], level="shop")]["sold"]
    total = answer.loc[("__total", "__total"), "sold"]
    np.testing.assert_allclose(shops.groupby("month").sum(), total)
    north = answer.loc[("n", "__total"), "sold"]
    np.testing.assert_allclose(shops.loc["n"].groupby("month").sum(), north)
    assert len(shops) == 3 * 3


def test_a_hierarchy_is_learned_by_one_model():
    y = Aggregator().fit_transform(hierarchy())
    forecaster = tiny().fit(y, fh=[1, 3])

    answer = forecaster.predict()

    assert len(forecaster.models_) == 1
    assert answer.index.names == ["region", "shop", "month"]
    expected = y.index.droplevel(-1).unique()
    assert answer.index.droplevel(-1).unique().equals(expected)


def test_sktime_calibrates_its_intervals():
    conformal = ConformalIntervals(tiny(calibrate=False), initial_window=100, sample_frac=0.2)

    bounds = conformal.fit(MONTHS[:-12], fh=[1, 2, 3]).predict_interval(coverage=0.8)

    assert (bounds.iloc[:, 0] < bounds.iloc[:, 1]).all()


def test_scikit_learn_clones_it():
    forecaster = tiny(sp=[3, 12], calendar=["month"])

    copy = sklearn_clone(forecaster)

    assert copy is not forecaster
    assert copy.get_params() == forecaster.get_params()
    assert not copy.__sklearn_is_fitted__()
    assert copy.fit(MONTHS, fh=[1]).__sklearn_is_fitted__()
