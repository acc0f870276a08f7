"""ResampledRegressor: a regular grid inside, the original rows outside, and never a look ahead."""

import pickle
import zoneinfo
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import validate_data

from sklearn_rnn import Differencer, ResampledRegressor, RNNRegressor, SlidingWindow
from sklearn_rnn.exceptions import (
    FrequencyError,
    MissingValuesError,
    TargetError,
    TimeOrderError,
)


def irregular(n=300, seed=0, hours=24.0 * 20, tz=None):
    """Rows at random minutes, two columns; the target is the first column, doubled."""
    rng = np.random.default_rng(seed)
    minutes = np.sort(rng.choice(int(hours * 60), size=n, replace=False))
    index = pd.Timestamp("2024-03-20", tz=tz) + pd.to_timedelta(minutes, unit="min")
    X = pd.DataFrame(rng.normal(size=(n, 2)).cumsum(axis=0), index, columns=["a", "b"])
    return X, (2 * X["a"]).rename("power")


class Echo(RegressorMixin, BaseEstimator):
    """Answers with the first column of its inputs, and keeps what it was given."""

    def fit(self, X, y):
        self.inputs_, self.targets_ = X, y
        return self

    def predict(self, X):
        self.asked_ = X
        return X.iloc[:, 0].to_numpy()


# -- what is inside ------------------------------------------------------------------------------


def test_regular_rows_are_left_as_they_are():
    index = pd.date_range("2024-01-01", periods=30, freq="h")
    X = pd.DataFrame({"a": np.arange(30.0)}, index)
    y = X["a"] * 3

    model = ResampledRegressor(Echo()).fit(X, y)

    pd.testing.assert_frame_equal(model.estimator_.inputs_, X)
    pd.testing.assert_series_equal(model.estimator_.targets_, y)
    pd.testing.assert_series_equal(model.predict(X), X["a"])
    assert "freq='h'" in model.explanation_


@pytest.mark.parametrize("aggregation", ["mean", "sum", "last", "max", {"a": "min", "b": "last"}])
@pytest.mark.parametrize("freq", ["h", "3h", "D"])
def test_inputs_are_rows_up_to_a_point_and_targets_rows_from_it_on(freq, aggregation):
    X, y = irregular()

    model = ResampledRegressor(Echo(), freq, aggregation, fill="ffill").fit(X, y)

    inputs = X.resample(freq, closed="right", label="right").agg(aggregation)
    means = y.resample(freq).mean()
    grid = model.estimator_.inputs_
    assert grid.index.equals(means.index)
    known = inputs.index.intersection(grid.index)[1:]
    some = X.resample(freq, closed="right", label="right").size().loc[known] > 0
    np.testing.assert_allclose(grid.loc[known[some]], inputs.loc[known[some]])
    held = means.dropna()
    np.testing.assert_allclose(model.estimator_.targets_.loc[held.index], held)
    assert grid.index.freq is not None


@pytest.mark.parametrize("freq", ["20min", "h", "5h", "D", "W", "MS", "B"])
def test_each_row_is_answered_by_the_last_point_at_or_before_it(freq):
    X, y = irregular(hours=24 * 70)
    model = ResampledRegressor(Echo(), freq, fill="ffill").fit(X, y)

    answers = model.predict(X)

    grid = model.estimator_.asked_
    expected = pd.merge_asof(
        pd.DataFrame(index=X.index), grid[["a"]], left_index=True, right_index=True
    )["a"]
    pd.testing.assert_series_equal(answers, expected, check_names=False)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(cut=st.integers(1, 198), freq=st.sampled_from(["20min", "h", "7h", "D", "2D", "W"]))
def test_no_answer_knows_a_row_that_comes_after_it(cut, freq):
    X, y = irregular(200)
    changed = X.copy()
    changed.iloc[cut:] += 1000.0
    model = ResampledRegressor(Echo(), freq, fill="ffill").fit(X, y)

    before, after = model.predict(X), model.predict(changed)

    pd.testing.assert_series_equal(before.iloc[:cut], after.iloc[:cut])


def test_an_answer_knows_the_rows_that_come_before_it():
    X, y = irregular(200)
    changed = X.copy()
    changed.iloc[100:] += 1000.0
    model = ResampledRegressor(Echo(), "h", fill="ffill").fit(X, y)

    difference = model.predict(changed) - model.predict(X)

    assert (difference.iloc[105:] == 1000).mean() > 0.9


@settings(max_examples=30, deadline=None, derandomize=True)
@given(cut=st.integers(60, 190), freq=st.sampled_from(["20min", "h", "7h", "D", "2D"]))
def test_rows_after_those_of_fit_are_answered_as_in_one_piece(cut, freq):
    X, y = irregular(200)
    model = ResampledRegressor(Echo(), freq, fill="ffill").fit(X.iloc[:cut], y.iloc[:cut])

    answers = model.predict(X.iloc[cut:])

    whole = ResampledRegressor(Echo(), freq, fill="ffill").fit(X, y)
    pd.testing.assert_series_equal(answers, whole.predict(X).iloc[cut:])


@pytest.mark.parametrize("tz", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("freq", ["h", "D"])
def test_time_zones_and_changes_of_clocks_are_kept(tz, freq):
    X, y = irregular(tz=tz)

    answers = ResampledRegressor(Echo(), freq, fill="ffill").fit(X, y).predict(X)

    assert answers.index.equals(X.index)
    assert answers.notna().all()


MIDNIGHTS = [  # zones and days whose midnight there is not, or twice, or that there are not at all
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Havana", "2018-11-04"),
    ("Asia/Beirut", "2024-03-31"),
    ("Pacific/Apia", "2011-12-30"),
]


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("freq", ["h", "6h", "D", "2D", "W", "W-FRI", "MS"])
@pytest.mark.parametrize(("zone", "day"), MIDNIGHTS)
def test_clocks_may_change_at_midnight(zone, day, freq, before):
    first = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=-before, hours=12)
    every = pd.date_range(first, periods=60, freq="3h").tz_convert(zone)
    X = pd.DataFrame({"a": np.arange(60.0)}, every)
    y = X["a"] + 1
    model = ResampledRegressor(Echo(), freq, fill="ffill").fit(X.iloc[:45], y.iloc[:45])

    answers = model.predict(X.iloc[45:])

    whole = ResampledRegressor(Echo(), freq, fill="ffill").fit(X, y)
    grid = whole.estimator_.inputs_.index
    assert grid.is_monotonic_increasing
    assert grid.is_unique
    assert grid[0] <= every[0]
    assert (answers <= X["a"].iloc[45:]).all()
    pd.testing.assert_series_equal(answers, whole.predict(X).iloc[45:])


@pytest.mark.parametrize(("zone", "day"), MIDNIGHTS[:3])
def test_days_begin_at_midnight_or_soon_after(zone, day):
    every = pd.date_range(pd.Timestamp(day) - pd.Timedelta("2D"), periods=50, freq="3h", tz="UTC")
    X = pd.DataFrame({"a": np.arange(50.0)}, every.tz_convert(zone))

    grid = ResampledRegressor(Echo(), "D").fit(X, X["a"]).estimator_.inputs_

    days = pd.Series(1, X.index).groupby(X.index.date)
    assert [point.date() for point in grid.index] == list(days.groups)
    ends = pairwise(grid.index)
    known = [X["a"][(X.index > a) & (X.index <= b)].mean() for a, b in ends]
    np.testing.assert_allclose(grid["a"].iloc[1:], known)


def test_days_before_those_of_fit_are_answered_where_clocks_change():
    every = pd.date_range("2024-03-25", "2024-04-05", freq="5h", tz="Europe/Berlin")
    X = pd.DataFrame({"a": np.arange(len(every))}, every)
    late = ResampledRegressor(Echo(), "D", fill="ffill").fit(X.iloc[40:], X["a"].iloc[40:])

    late.predict(X)

    points = late.estimator_.asked_.index
    assert (points == points.normalize()).all()
    assert points.freqstr == "D"


@pytest.mark.parametrize("freq", ["D", "2D", "W"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("start", ["2024-03-05", "2024-10-20"])
def test_points_of_days_stay_at_midnight_after_a_change_of_clocks(start, zone, freq):
    every = pd.date_range(start, periods=200, freq="5h", tz=zone)
    X = pd.DataFrame({"a": np.arange(200.0)}, every)
    model = ResampledRegressor(Echo(), freq, fill="ffill").fit(X.iloc[:150], X["a"].iloc[:150])

    model.predict(X.iloc[150:])

    points = model.estimator_.inputs_.index.union(model.estimator_.asked_.index)
    assert (points == points.normalize()).all()
    assert len(set(np.diff(points.tz_localize(None)))) == 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC", None])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_rows_of_the_same_zone_are_answered_in_whatever_unit(unit, zone):
    X, y = irregular(tz=zone)
    model = ResampledRegressor(Echo(), "D", fill="ffill").fit(X.iloc[:200], y.iloc[:200])
    expected = model.predict(X.iloc[200:])

    asked = X.iloc[200:].set_axis(X.index[200:].as_unit(unit))

    np.testing.assert_array_equal(model.predict(asked), expected)


def test_a_zone_may_come_from_another_library():
    pytz = pytest.importorskip("pytz")
    X, y = irregular(tz="Europe/Berlin")
    model = ResampledRegressor(Echo(), "D", fill="ffill").fit(X.iloc[:200], y.iloc[:200])

    for zone in (zoneinfo.ZoneInfo("Europe/Berlin"), pytz.timezone("Europe/Berlin")):
        answers = model.predict(X.iloc[200:].tz_convert(zone))

        np.testing.assert_array_equal(answers, model.predict(X.iloc[200:]))
        assert answers.index.tz is zone


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_units_of_dates_of_the_target_do_not_matter(unit, zone):
    X, y = irregular(tz=zone)
    other = y.set_axis(y.index.as_unit(unit))
    model = ResampledRegressor(Echo(), "D", fill="ffill")

    np.testing.assert_array_equal(model.fit(X, other).predict(X), model.fit(X, y).predict(X))
    later = other.set_axis(other.index + pd.Timedelta("1min"))
    with pytest.raises(TargetError, match="y must have the index of X"):
        model.fit(X, later)


def test_order_of_rows_does_not_matter():
    X, y = irregular()
    shuffled = np.random.default_rng(1).permutation(len(X))
    model = ResampledRegressor(LinearRegression(), "h", fill="ffill")

    in_order = model.fit(X, y).predict(X)
    other = model.fit(X.iloc[shuffled], y.iloc[shuffled]).predict(X.iloc[shuffled])

    pd.testing.assert_series_equal(other, in_order.iloc[shuffled])


def test_rows_of_the_same_moment_are_aggregated():
    X, y = irregular(50)
    twice, targets = pd.concat([X, X]), pd.concat([y, y])

    one = ResampledRegressor(Echo(), "D", fill="ffill").fit(X, y)
    two = ResampledRegressor(Echo(), "D", fill="ffill").fit(twice, targets)

    np.testing.assert_allclose(two.predict(X), one.predict(X))


# -- forms ---------------------------------------------------------------------------------------


def test_answers_have_the_form_of_the_target():
    X, y = irregular()
    model = ResampledRegressor(LinearRegression(), "h", fill="ffill")
    two = pd.DataFrame({"p": y, "q": -y})

    series, frame = model.fit(X, y).predict(X), clone(model).fit(X, two).predict(X)
    flat = clone(model).fit(X, y.to_numpy()).predict(X)
    table = clone(model).fit(X, two.to_numpy()).predict(X)
    column = clone(model).fit(X, y.to_frame()).predict(X)

    assert series.name == "power"
    assert frame.columns.tolist() == ["p", "q"]
    np.testing.assert_array_equal(flat, series)
    np.testing.assert_allclose(table, frame)
    np.testing.assert_allclose(column["power"], series)


def test_a_series_is_a_frame_of_one_column():
    X, y = irregular()
    model = ResampledRegressor(LinearRegression(), "h", fill="ffill")

    np.testing.assert_array_equal(
        model.fit(X["a"], y).predict(X["a"]), model.fit(X[["a"]], y).predict(X[["a"]])
    )


def test_copies_answer_alike():
    X, y = irregular()
    model = ResampledRegressor(LinearRegression(), "h", fill="ffill").fit(X, y)

    copied = pickle.loads(pickle.dumps(model))

    pd.testing.assert_series_equal(copied.predict(X), model.predict(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_inputs_are_not_changed():
    X, y = irregular()
    before = X.copy()

    ResampledRegressor(LinearRegression(), "h", fill="ffill").fit(X, y).predict(X)

    pd.testing.assert_frame_equal(X, before)


def test_a_refit_that_fails_loses_nothing():
    X, y = irregular()
    model = ResampledRegressor(LinearRegression(), "h", fill="ffill").fit(X, y)
    before = model.predict(X)

    with pytest.raises(FrequencyError):
        model.set_params(freq="-1h").fit(X, y)

    pd.testing.assert_series_equal(model.predict(X), before)


# -- scikit-learn's tools ------------------------------------------------------------------------


def seasonal(n=1200, seed=0):
    """Irregular rows over fifty days: heating depends on how the temperature has been going."""
    rng = np.random.default_rng(seed)
    hours = np.sort(rng.uniform(0, 24 * 50, size=n))
    hours = hours[(hours < 500) | (hours > 520)]  # a gap of most of a day
    index = (pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")).round("s")
    cold = 5 + 8 * np.sin(2 * np.pi * hours / 24) + 0.02 * hours + rng.normal(0, 0.3, len(hours))
    slope = 8 * np.cos(2 * np.pi * (hours - 2) / 24)
    X = pd.DataFrame({"temperature": cold, "wind": rng.normal(size=len(hours))}, index)
    return X, pd.Series(200 - 6 * slope, index, name="kilowatt")


@pytest.mark.slow
def test_a_search_over_every_step_from_raw_rows_to_answers_in_their_units():
    X, y = seasonal()
    inside = make_pipeline(
        Differencer((1, 24)),
        StandardScaler().set_output(transform="pandas"),
        SlidingWindow(24),
        RNNRegressor(
            cell="gru", missing="mask", max_epochs=25, lr=0.01, batch_size=32, random_state=0
        ),
    )
    grid = {
        "freq": ["h", "2h"],
        "estimator__differencer__lags": [(1, 24), (1,)],
        "estimator__slidingwindow__window_length": [8],
        "estimator__rnnregressor__hidden_size": [16],
    }
    past, future = X.iloc[:1000], X.iloc[1000:]

    search = GridSearchCV(
        ResampledRegressor(inside, fill="ffill"), grid, cv=TimeSeriesSplit(2), error_score="raise"
    ).fit(past, y.iloc[:1000])
    answers = search.predict(future)

    assert answers.index.equals(future.index)
    assert answers.name == "kilowatt"
    assert search.score(future, y.iloc[1000:]) > 0.8
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0


def test_scores_of_frequencies_are_taken_at_the_same_rows():
    X, y = seasonal(400)
    seen = []

    def score(model, X_new, y_new):
        seen.append((model.freq, len(y_new)))
        return model.score(X_new, y_new)

    inside = make_pipeline(SlidingWindow(3, flatten=True), HistGradientBoostingRegressor())
    GridSearchCV(
        ResampledRegressor(inside, fill="ffill"),
        {"freq": ["2h", "6h"]},
        cv=TimeSeriesSplit(2),
        scoring=score,
    ).fit(X, y)

    assert len({rows for _, rows in seen}) == 1
    assert {freq for freq, _ in seen} == {"2h", "6h"}


def test_targets_may_be_transformed_inside_and_outside():
    X, y = seasonal(400)
    line = LinearRegression()
    inside = ResampledRegressor(
        TransformedTargetRegressor(line, transformer=StandardScaler()), "2h", fill="ffill"
    )

    plain = ResampledRegressor(line, "2h", fill="ffill").fit(X, y).predict(X)

    np.testing.assert_allclose(inside.fit(X, y).predict(X), plain)
    outside = TransformedTargetRegressor(
        ResampledRegressor(line, "2h", fill="ffill"), func=lambda t: t, inverse_func=lambda t: t
    )
    np.testing.assert_allclose(outside.fit(X, y.to_numpy()).predict(X), plain)
    assert np.isfinite(cross_val_score(inside, X, y, cv=TimeSeriesSplit(3))).all()


class Hourly(ResampledRegressor):
    """Gives the rows of arrays an hour each: scikit-learn's suite knows no dates."""

    def _checked(self, X, reset):
        rows = validate_data(self, X, reset=reset, dtype=np.float64)
        index = pd.date_range("2024-01-01", periods=len(rows), freq="h")
        return super()._checked(pd.DataFrame(rows, index), reset)

    def _targets(self, index, y):
        return super()._targets(index, y if y is None else np.asarray(y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.allow_nan = False
        return tags


def test_scikit_learns_suite_has_nothing_to_say_of_rows_with_dates():
    with pytest.warns(SkipTestWarning, match="requires input  of type InputTags"):
        check_estimator(ResampledRegressor(LinearRegression()), on_skip="warn")


@parametrize_with_checks([Hourly(LinearRegression(), freq="h")])
def test_scikit_learns_suite(estimator, check):
    check(estimator)


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "found"),
    [
        (None, "ndarray"),
        (pd.RangeIndex(30), "an index of int64"),
        (pd.period_range("2020-01", periods=30, freq="M"), r"an index of period\[M\]"),
    ],
)
def test_rows_without_dates_are_refused(index, found):
    X = np.zeros((30, 1)) if index is None else pd.DataFrame({"a": np.zeros(30)}, index)

    with pytest.raises(TimeOrderError, match=rf"X must be a data frame with dates .* got {found}"):
        ResampledRegressor(LinearRegression(), "D").fit(X, np.zeros(30))


def test_rows_without_a_date_and_no_rows_are_refused():
    X, y = irregular(10)
    index = X.index.to_series()
    index.iloc[3] = pd.NaT
    model = ResampledRegressor(LinearRegression(), "D")

    with pytest.raises(TimeOrderError, match="got 10 rows, 1 of them NaT"):
        model.fit(X.set_axis(pd.DatetimeIndex(index)), y.to_numpy())
    with pytest.raises(TimeOrderError, match="got 0 rows"):
        model.fit(X.iloc[:0], y.iloc[:0])


def test_another_time_zone_is_refused():
    X, y = irregular(tz="Europe/Berlin")
    model = ResampledRegressor(LinearRegression(), "D", fill="ffill").fit(X, y)

    with pytest.raises(TimeOrderError, match="time zone of fit, Europe/Berlin; got UTC"):
        model.predict(X.tz_convert("UTC"))


def test_a_target_with_gaps_is_refused_unless_filled():
    X, y = seasonal()

    for fill in (None, 0.0):
        with pytest.raises(MissingValuesError, match=r"leaves \d+ of \d+ points .* Set fill="):
            ResampledRegressor(LinearRegression(), "h", fill=fill).fit(X, y)
    for name in ("ffill", "linear", "time"):
        assert ResampledRegressor(LinearRegression(), "h", fill=name).fit(X, y).score(X, y) < 1


def test_points_that_would_fill_the_memory_are_refused():
    X, y = irregular(50)
    stray = X.index.to_series()
    stray.iloc[0] = pd.Timestamp("1970-01-01")
    X, y = X.set_axis(pd.DatetimeIndex(stray)), y.to_numpy()

    with pytest.raises(FrequencyError, match=r"ResampledRegressor: freq='s' .* of 50 rows\. Drop"):
        ResampledRegressor(LinearRegression(), "s", fill="ffill").fit(X, y)


def test_targets_of_other_rows_are_refused():
    X, y = irregular()

    with pytest.raises(TargetError, match="y must have the index of X; got another, of 300 rows"):
        ResampledRegressor(LinearRegression(), "h").fit(X, y.iloc[::-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ResampledRegressor(LinearRegression(), "h").fit(X, y.to_numpy()[:-1])
    with pytest.raises(ValueError, match="y contains NaN"):
        ResampledRegressor(LinearRegression(), "h").fit(X, y.where(y > 0).to_numpy())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"freq": "fortnight"}, "freq must be a frequency that pandas knows"),
        ({"freq": "-1h"}, "freq must be a step forward"),
        ({"fill": "magic"}, "fill must be None, a finite number"),
        ({"aggregation": {"a": "mean"}}, r"aggregation must say .* got none for \['b'\]"),
        ({"aggregation": "no such"}, "aggregation must be a reducer"),
    ],
)
def test_options_that_are_none_are_refused(options, words):
    X, y = irregular()

    with pytest.raises(ValueError, match=f"ResampledRegressor: {words}"):
        ResampledRegressor(LinearRegression(), **{"freq": "D", **options}).fit(X, y)


def test_columns_must_be_those_of_fit():
    X, y = irregular()
    model = ResampledRegressor(LinearRegression(), "D", fill="ffill").fit(X, y)

    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X.rename(columns={"a": "c"}))
