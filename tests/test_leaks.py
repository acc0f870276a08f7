"""Nothing looks ahead: a value after the cut changes nothing learnt or answered before it.

One way of looking for leaks is used for every transformer, and it is shown to find some.
"""

from functools import cache, partial

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_rnn import (
    Differencer,
    ResampledRegressor,
    Resampler,
    RNNRegressor,
    SequencePadder,
    SequenceScaler,
    SlidingWindow,
    TimeSpanWindow,
)
from sklearn_rnn import sktime as ours_for_sktime

pytestmark = pytest.mark.no_cover

ROWS, CUT = 96, 60
few = settings(max_examples=5, deadline=None, derandomize=True)
places = {
    "place": st.integers(CUT, ROWS - 1),
    "column": st.integers(0, 1),
    "value": st.sampled_from([1e6, -40.0, 0.0]),
}


def rows_in_time(irregular=False):
    """A frame of two columns and a target that depends on the rows before."""
    rng = np.random.default_rng(0)
    hours = np.arange(ROWS) + (rng.uniform(-0.4, 0.4, ROWS) if irregular else 0)
    index = (pd.Timestamp("2024-01-01 12:00") + pd.to_timedelta(hours, unit="h")).round("s")
    X = pd.DataFrame(rng.normal(size=(ROWS, 2)).cumsum(axis=0), index, ["a", "b"])
    y = (X["a"].diff().fillna(0) + 0.1 * X["b"]).rename("y")
    return X, y


def days():
    """A panel: a list of frames, one for each day, of unequal lengths and irregular stamps."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for day in pd.date_range("2024-01-01", periods=ROWS, freq="D"):
        minutes = np.sort(rng.choice(1440, size=rng.integers(40, 60), replace=False))
        values = rng.normal(size=(len(minutes), 2)).cumsum(axis=0)
        X.append(pd.DataFrame(values, day + pd.to_timedelta(minutes, unit="min"), ["a", "b"]))
        y.append(values[-1, 0] - values[0, 0])
    return X, np.array(y)


def altered(X, y, place, column, value):
    """Return the same data but for one value of X and of y."""
    y = y.copy()
    if isinstance(X, list):
        X = list(X)
        X[place] = X[place].copy()
        X[place].iloc[len(X[place]) // 2, column] = value
        y[place] = value
    else:
        X = X.copy()
        X.iloc[place, column] = value
        y.iloc[place] = value
    return X, y


def search_of(model, grid):
    return GridSearchCV(clone(model), grid, cv=TimeSeriesSplit(3), error_score="raise")


def outcome(model, grid, X, y, prepare=None):
    """Return what was learnt of the rows before the cut, and what was answered and scored where.

    `prepare` is done to all rows at once before they are split, as it should not be.
    """
    X = X if prepare is None else prepare(X)
    past = search_of(model, grid).fit(X[:CUT], y[:CUT])
    whole = search_of(model, grid).set_params(refit=False).fit(X, y).cv_results_
    folds = enumerate(TimeSeriesSplit(3).split(np.empty((ROWS, 1))))
    return {
        "best parameters": past.best_params_,
        "learnt": joblib.hash(learnt_by(past.best_estimator_)),
        "answers": np.asarray(past.predict(X)),
        "scores of the past": past.cv_results_["mean_test_score"],
        "scores by last row": {test[-1]: whole[f"split{k}_test_score"] for k, (_, test) in folds},
    }


def learnt_by(model):
    """Return the fitted attributes of all steps that are numbers or arrays of them."""
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    return [
        {
            name: value
            for name, value in vars(step).items()
            if name.endswith("_") and isinstance(value, (int, float, str, tuple, np.ndarray))
        }
        for step in steps
    ]


def assert_looks_not_ahead(model, grid, X, y, place, column, value, prepare=None, before=None):
    """Change a value at `place`: nothing before it may change. `before` is the outcome without."""
    before = outcome(model, grid, X, y, prepare) if before is None else before
    after = outcome(model, grid, *altered(X, y, place, column, value), prepare)

    assert before["best parameters"] == after["best parameters"]
    assert before["learnt"] == after["learnt"]
    close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
    close(after["answers"][:place], before["answers"][:place], err_msg="answers")
    close(after["scores of the past"], before["scores of the past"], err_msg="scores of the past")
    for row, scores in before["scores by last row"].items():
        if row < place:
            close(after["scores by last row"][row], scores, err_msg="scores before")


def trees():
    return HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3)


def means(windows):
    """Return the mean of each window, as a table."""
    return np.array([np.nanmean(window, axis=0) for window in windows])


def flat(cube):
    return cube.reshape(len(cube), -1)


IN_TIME = {
    "Differencer": (
        make_pipeline(Differencer(), trees()),
        {"differencer__lags": [(1,), (1, 6)]},
    ),
    "SlidingWindow": (
        make_pipeline(SlidingWindow(flatten=True), trees()),
        {"slidingwindow__window_length": [2, 5]},
    ),
    "StandardScaler": (
        make_pipeline(StandardScaler(), Ridge()),
        {"standardscaler__with_std": [True, False]},
    ),
    "SequenceScaler": (
        make_pipeline(SequenceScaler(), Ridge()),
        {"sequencescaler__method": ["standard", "robust"]},
    ),
    "all": (
        make_pipeline(Differencer(), SequenceScaler(), SlidingWindow(flatten=True), trees()),
        {"differencer__lags": [(1,), (1, 6)], "slidingwindow__window_length": [2, 5]},
    ),
    "sktime": (
        make_pipeline(
            ours_for_sktime.Differencer(rows="keep"), ours_for_sktime.SequenceScaler(), trees()
        ),
        {"differencer__lags": [(1,), (1, 6)]},
    ),
}
IRREGULAR = {
    "TimeSpanWindow": (
        make_pipeline(TimeSpanWindow("2h"), FunctionTransformer(means), Ridge()),
        {"timespanwindow__span": ["2h", "5h"]},
    ),
    "ResampledRegressor": (
        ResampledRegressor(
            make_pipeline(Differencer(), SlidingWindow(3, flatten=True), trees()), fill="ffill"
        ),
        {"freq": ["2h", "3h"], "estimator__slidingwindow__window_length": [2, 3]},
    ),
}
PANELS = {
    "Resampler": (
        make_pipeline(Resampler("3h", fill="ffill"), FunctionTransformer(means), Ridge()),
        {"resampler__freq": ["3h", "8h"]},
    ),
    "Resampler, Differencer, SequenceScaler, SequencePadder": (
        make_pipeline(
            Resampler("3h", fill="ffill"),
            Differencer(),
            SequenceScaler(),
            SequencePadder(8, value=0.0, truncate="start"),
            FunctionTransformer(np.nan_to_num),
            FunctionTransformer(flat),
            Ridge(),
        ),
        {"resampler__freq": ["3h", "4h"], "sequencescaler__method": ["standard", "minmax"]},
    ),
    "each sequence by itself": (
        make_pipeline(SequenceScaler(per="sequence"), FunctionTransformer(means), Ridge()),
        {"sequencescaler__method": ["standard", "robust"]},
    ),
}


@cache
def untouched(cases, name):
    """Return the outcome on data that nothing was done to: the same for every example."""
    tables, data = {
        "in time": (IN_TIME, rows_in_time),
        "irregular": (IRREGULAR, partial(rows_in_time, irregular=True)),
        "panels": (PANELS, days),
    }[cases]
    return outcome(*tables[name], *data())


# -- rows in time --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_TIME)
@few
@given(**places)
def test_rows_in_time_know_nothing_of_later_ones(name, place, column, value):
    case = [*IN_TIME[name], *rows_in_time()]

    assert_looks_not_ahead(*case, place, column, value, before=untouched("in time", name))


@pytest.mark.slow
@pytest.mark.parametrize("name", IRREGULAR)
@few
@given(**places)
def test_irregular_rows_know_nothing_of_later_ones(name, place, column, value):
    case = [*IRREGULAR[name], *rows_in_time(irregular=True)]

    assert_looks_not_ahead(*case, place, column, value, before=untouched("irregular", name))


def test_missing_values_do_not_let_later_ones_through():
    X, y = rows_in_time()
    X.iloc[[10, 11, 57, 58, 62]] = np.nan

    for place in (CUT, 63, 70):
        assert_looks_not_ahead(*IN_TIME["all"], X, y, place, 0, 1e6)


@pytest.mark.slow
@pytest.mark.parametrize("place", [CUT, 77, ROWS - 1])
def test_a_network_knows_nothing_of_later_rows(place):
    model = make_pipeline(
        Differencer(),
        SlidingWindow(4),
        RNNRegressor(hidden_size=3, missing="mask", max_epochs=2, random_state=0, dtype="float64"),
    )
    grid = {"slidingwindow__window_length": [3, 4]}

    assert_looks_not_ahead(model, grid, *rows_in_time(), place, 0, 40.0)


# -- panels --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", PANELS)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(**places)
def test_series_of_a_panel_know_nothing_of_later_ones(name, place, column, value):
    case = [*PANELS[name], *days()]

    assert_looks_not_ahead(*case, place, column, value, before=untouched("panels", name))


@few
@given(place=st.integers(5, 30), column=st.integers(0, 1), value=places["value"])
def test_within_a_series_of_a_panel_bins_and_differences_know_nothing_of_later_rows(
    place, column, value
):
    X, _ = days()
    other = X[0].copy()
    other.iloc[place, column] = value
    steps = make_pipeline(Resampler("2h", "mean", "ffill"), Differencer()).fit(X)

    before, after = steps.transform([X[0]])[0], steps.transform([other])[0]

    untouched = before.index <= X[0].index[place] - pd.Timedelta("2h")
    pd.testing.assert_frame_equal(after[untouched], before[untouched])


# -- the test can fail ---------------------------------------------------------------------------


class CentredMean(TransformerMixin, BaseEstimator):
    """Smooths by the rows around, of which some come later."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return pd.DataFrame(X).rolling(5, center=True, min_periods=1).mean()


def scaled_by_all(X):
    return (X - X.mean()) / X.std()


@pytest.mark.parametrize(
    "leak",
    [CentredMean(), FunctionTransformer(scaled_by_all)],
    ids=["centred mean", "scaled by all rows given"],
)
def test_a_transformer_that_looks_ahead_is_found(leak):
    model, grid = make_pipeline(leak, Ridge()), {"ridge__alpha": [0.1, 10.0]}

    with pytest.raises(AssertionError, match="answers"):
        assert_looks_not_ahead(model, grid, *rows_in_time(), 70, 0, -40.0)


def test_scaling_before_the_split_is_found():
    def prepare(X):
        return StandardScaler().set_output(transform="pandas").fit_transform(X)

    model, grid = make_pipeline(Ridge()), {"ridge__alpha": [0.1, 10.0]}

    with pytest.raises(AssertionError):
        assert_looks_not_ahead(model, grid, *rows_in_time(), 70, 0, 1e6, prepare)
    assert_looks_not_ahead(model, grid, *rows_in_time(), 70, 0, 1e6)


def test_windows_that_reach_ahead_are_found():
    def prepare(X):
        return pd.concat([X, X.shift(-1).add_suffix(" next")], axis=1).ffill()

    model, grid = make_pipeline(Ridge()), {"ridge__alpha": [0.1, 10.0]}

    with pytest.raises(AssertionError):
        assert_looks_not_ahead(model, grid, *rows_in_time(), CUT, 0, 1e6, prepare)


@pytest.mark.parametrize(("fill", "is_leaking"), [("ffill", False), ("linear", True)])
def test_resampling_that_fills_from_both_sides_is_found_where_it_is_asked_for(fill, is_leaking):
    X, y = rows_in_time(irregular=True)
    X.iloc[64:68, 0] = np.nan
    model = ResampledRegressor(Ridge(), "h", fill=fill).fit(X[:CUT], y[:CUT])
    other, _ = altered(X, y, 68, 0, 1e6)

    difference = np.abs(model.predict(X) - model.predict(other))[:68].max()

    assert (difference > 1e-6) == is_leaking
