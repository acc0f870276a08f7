"""Windows of a fixed duration: what pandas rolls over, as slices, and nothing from later."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import RNNRegressor
from sklearn_rnn.exceptions import SequenceShapeError, TimeOrderError
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.transformers.spans import TimeSpanWindow

quick = settings(max_examples=60, deadline=None, derandomize=True)
thorough = settings(max_examples=200, deadline=None, derandomize=True)

#: Seconds between rows, from close together to far apart.
gaps = st.lists(st.integers(1, 40) | st.integers(1, 4000), min_size=1, max_size=30)
spans = st.integers(1, 300).map(lambda seconds: f"{seconds}s")
START = pd.Timestamp("2024-03-31 00:50")  # clocks change soon after, in Berlin


def irregular(gaps, tz=None):
    """Return a frame of two columns whose rows come `gaps` seconds after each other."""
    times = START + pd.to_timedelta(np.cumsum(gaps), unit="s")
    values = np.random.default_rng(len(gaps)).normal(size=(len(gaps), 2))
    index = pd.DatetimeIndex(times, tz="UTC").tz_convert(tz) if tz else pd.DatetimeIndex(times)
    return pd.DataFrame(values, index, columns=["a", "b"])


def by_hand(frame, span):
    """Return the rows within the span of each row, one by one."""
    times, values = frame.index, frame.to_numpy()
    reach = pd.Timedelta(span)
    return [values[(times > t - reach) & (times <= t)] for t in times]


def assert_holds(windows, expected):
    assert isinstance(windows, Sequences)
    assert len(windows) == len(expected)
    for window, other in zip(windows, expected, strict=True):
        np.testing.assert_array_equal(window, other)


SOME = irregular([5, 40, 3, 3, 900, 10, 50, 60, 61, 2])

# -- the rows of a span ------------------------------------------------------------------


@thorough
@given(gaps=gaps, span=spans)
def test_sums_of_windows_are_what_pandas_rolls_over(gaps, span):
    frame = irregular(gaps)

    windows = TimeSpanWindow(span).fit_transform(frame)

    expected = frame.rolling(span).sum().to_numpy()
    np.testing.assert_allclose([w.sum(axis=0) for w in windows], expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(windows.lengths, frame["a"].rolling(span).count())


@quick
@given(gaps=gaps, span=spans)
def test_windows_hold_the_rows_of_the_span_and_end_with_their_own(gaps, span):
    frame = irregular(gaps)

    windows = TimeSpanWindow(span).fit_transform(frame)

    assert_holds(windows, by_hand(frame, span))


def test_row_a_whole_span_ago_is_not_in_the_window():
    frame = irregular([60, 60, 59])

    windows = TimeSpanWindow("1min").fit_transform(frame)

    assert windows.lengths.tolist() == [1, 1, 2]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("span", ["1ns", "500ms", "1500ms", "2s", "2000000001ns", "3s"])
def test_spans_and_stamps_may_count_in_different_units(unit, span):
    frame = irregular([1, 1, 2, 3, 1])
    frame.index = frame.index.as_unit(unit)

    windows = TimeSpanWindow(span).fit_transform(frame)

    frame.index = frame.index.as_unit("ns")
    assert_holds(windows, by_hand(frame, span))


def test_stamps_may_lie_at_the_ends_of_what_pandas_can_count():
    index = pd.DatetimeIndex(
        [pd.Timestamp.min, START, START + pd.Timedelta("1h"), pd.Timestamp.max]
    )
    frame = pd.DataFrame({"a": np.arange(4.0)}, index.as_unit("ns"))

    windows = TimeSpanWindow("2h", add_elapsed=True).fit_transform(frame)

    assert windows.lengths.tolist() == [1, 1, 2, 1]
    assert (np.concatenate(list(windows))[:, 1] >= 0).all()


INDEXES = {
    "dates": lambda index: index,
    "zoned": lambda index: index.tz_localize("UTC").tz_convert("Europe/Berlin"),
    "periods": lambda index: index.to_period("s"),
    "durations": lambda index: index - index[0],
}


@pytest.mark.parametrize("kind", INDEXES)
@quick
@given(gaps=gaps, span=spans)
def test_every_index_of_times_gives_the_same_windows(kind, gaps, span):
    frame = irregular(gaps)
    expected = TimeSpanWindow(span, add_elapsed=True).fit_transform(frame)

    windows = TimeSpanWindow(span, add_elapsed=True).fit_transform(
        frame.set_axis(INDEXES[kind](frame.index))
    )

    assert_holds(windows, list(expected))


def test_a_change_of_clocks_changes_nothing():
    hours = pd.date_range("2024-03-30 20:00", periods=12, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"a": np.arange(12.0)}, hours)

    windows = TimeSpanWindow("3h").fit_transform(frame)

    assert windows.lengths.tolist() == [1, 2, *[3] * 10]


@pytest.mark.parametrize(
    "span", ["90min", pd.Timedelta("90min"), np.timedelta64(90, "m"), pd.offsets.Minute(90)]
)
def test_span_is_anything_that_pandas_takes_for_a_duration(span):
    expected = by_hand(SOME, "90min")

    assert_holds(TimeSpanWindow(span).fit_transform(SOME), expected)


def test_missing_values_are_carried_into_the_windows():
    frame = SOME.copy()
    frame.iloc[2] = np.nan
    frame.iloc[5, 0] = np.nan

    assert_holds(TimeSpanWindow("1min").fit_transform(frame), by_hand(frame, "1min"))


# -- the time between rows ---------------------------------------------------------------


@quick
@given(gaps=gaps, span=spans)
def test_seconds_since_the_row_before_are_the_last_feature(gaps, span):
    frame = irregular(gaps)
    seconds = frame.index.to_series().diff().dt.total_seconds().fillna(0)

    windows = TimeSpanWindow(span, add_elapsed=True).fit_transform(frame)

    assert_holds(windows, by_hand(frame.assign(elapsed=seconds), span))


def test_names_are_those_of_the_columns_and_of_what_is_added():
    assert TimeSpanWindow("1h").fit(SOME).get_feature_names_out().tolist() == ["a", "b"]
    added = TimeSpanWindow("1h", add_elapsed=True).fit(SOME).get_feature_names_out()
    assert added.tolist() == ["a", "b", "elapsed"]


# -- nothing from later ------------------------------------------------------------------


@pytest.mark.parametrize("add_elapsed", [False, True])
@quick
@given(gaps=gaps, span=spans, share=st.floats(0, 1))
def test_no_window_sees_a_later_row(add_elapsed, gaps, span, share):
    frame, t = irregular(gaps), int(share * (len(gaps) - 1))
    other = frame.copy()
    other.iloc[t + 1 :] = -7
    later = other.index[t + 1 :] + pd.Timedelta("1s") * np.arange(1, len(gaps) - t)
    other.index = other.index[: t + 1].append(later)
    windower = TimeSpanWindow(span, add_elapsed=add_elapsed)

    windows, others = windower.fit_transform(frame), windower.fit_transform(other)

    assert_holds(others.take(np.arange(t + 1)), list(windows)[: t + 1])


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3), TimeSeriesSplit(3, gap=4)])
def test_a_search_learns_and_predicts_nothing_from_after_the_cut(cv):
    frame = irregular([7, 30, 2, 90] * 12)
    y = frame["a"].to_numpy()
    other, other_y = frame.copy(), y.copy()
    cut = len(frame) // 2
    other.iloc[cut:], other_y[cut:] = 9.0, -9.0
    train, test = next(iter(cv.split(frame)))
    assert test[-1] < cut

    def answers(X, y):
        search = GridSearchCV(pipeline(), {"timespanwindow__span": ["1min", "3min"]}, cv=cv)
        search.fit(X, y)
        model = clone(search.estimator).fit(X.iloc[train], y[train])
        return search.cv_results_["split0_test_score"], model.predict(X.iloc[test])

    for result, expected in zip(answers(other, other_y), answers(frame, y), strict=True):
        np.testing.assert_array_equal(result, expected)


# -- the rows of fit ---------------------------------------------------------------------


@pytest.mark.parametrize("add_elapsed", [False, True])
@pytest.mark.parametrize("kind", INDEXES)
@quick
@given(gaps=gaps, span=spans, seen=st.integers(1, 30))
def test_later_rows_begin_with_the_rows_of_fit_within_the_span(kind, add_elapsed, gaps, span, seen):
    frame = irregular([*gaps, 10])
    frame = frame.set_axis(INDEXES[kind](frame.index))
    seen = min(seen, len(gaps))
    windower = TimeSpanWindow(span, add_elapsed=add_elapsed)
    whole = windower.fit_transform(frame)

    windows = windower.fit(frame[:seen]).transform(frame[seen:])

    assert_holds(windows, list(whole)[seen:])


@quick
@given(gaps=gaps, span=spans)
def test_rows_of_fit_have_the_same_windows_in_fit_transform_and_transform(gaps, span):
    frame = irregular(gaps)
    windower = TimeSpanWindow(span)

    windows = windower.fit_transform(frame)

    assert_holds(windower.transform(frame), list(windows))


@quick
@given(gaps=gaps, span=spans, start=st.integers(0, 29))
def test_rows_in_the_middle_of_fit_see_only_what_lies_before_them(gaps, span, start):
    frame = irregular(gaps)
    start = min(start, len(gaps) - 1)
    windower = TimeSpanWindow(span).fit(frame)

    windows = windower.transform(frame[start:])

    for window, whole in zip(windows, by_hand(frame, span)[start:], strict=True):
        np.testing.assert_array_equal(window, whole[len(whole) - len(window) :])


def test_only_the_rows_of_the_last_span_and_one_before_are_kept():
    windower = TimeSpanWindow("1min").fit(irregular([10] * 1000))

    assert len(windower.tail_) == 7


def test_rows_of_fit_longer_ago_than_the_span_are_not_in_the_windows():
    later = SOME.set_axis(SOME.index + pd.Timedelta("1D"))

    windows = TimeSpanWindow("1min").fit(SOME).transform(later)

    assert_holds(windows, by_hand(later, "1min"))


def test_time_zones_may_differ_between_fit_and_transform():
    frame = irregular([7, 30, 2, 90] * 5, tz="Europe/Berlin")
    windower = TimeSpanWindow("3min")
    whole = windower.fit_transform(frame)

    windows = windower.fit(frame[:9]).transform(frame[9:].tz_convert("Asia/Tokyo"))

    assert_holds(windows, list(whole)[9:])


def test_units_of_time_may_differ_between_fit_and_transform():
    frame = irregular([7, 30, 2, 90] * 5)
    windower = TimeSpanWindow("3min", add_elapsed=True)
    whole = windower.fit_transform(frame)
    later = frame[9:].set_axis(frame.index[9:].as_unit("s"))

    windows = windower.fit(frame[:9].set_axis(frame.index[:9].as_unit("ns"))).transform(later)

    assert_holds(windows, list(whole)[9:])


def test_the_span_of_fit_is_kept_until_the_next_fit():
    windower = TimeSpanWindow("1min").fit(SOME)
    expected = windower.transform(SOME)

    windower.set_params(span="1D")

    assert_holds(windower.transform(SOME), list(expected))


@quick
@given(gaps=gaps, span=spans, known=st.integers(0, 30))
def test_history_comes_before_the_rows_and_wins_over_those_of_fit(gaps, span, known):
    frame = irregular([*gaps, 10])
    known = min(known, len(gaps))
    windower = TimeSpanWindow(span, add_elapsed=True)
    whole = windower.fit_transform(frame)
    windower.fit(pd.DataFrame(-7.0, frame.index, frame.columns))

    history = frame[:known] if known else None
    windows = windower.transform(frame[known:], history=history)

    assert_holds(windows, list(whole)[known:])


# -- views, dtypes -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_are_slices_of_the_users_rows_that_cannot_be_written_to(dtype):
    frame = SOME.astype(dtype)

    windows = TimeSpanWindow("1h").fit_transform(frame)

    assert windows.steps.dtype == dtype
    assert np.shares_memory(windows.steps, frame.to_numpy())
    with pytest.raises(ValueError, match="read-only"):
        windows[0][0] = 0


def test_rows_of_fit_take_the_dtype_of_those_that_follow():
    windower = TimeSpanWindow("1h", add_elapsed=True).fit(SOME[:5])

    assert windower.transform(SOME[5:].astype(np.float32)).steps.dtype == np.float32


def test_input_is_left_as_it_was_and_what_is_kept_is_not_the_users():
    values = SOME.to_numpy().copy()
    frame = pd.DataFrame(values, SOME.index, copy=False)
    windower = TimeSpanWindow("1h", add_elapsed=True).fit(frame[:5])
    later = SOME[5:].set_axis([0, 1], axis=1)
    expected = list(windower.transform(later))

    np.testing.assert_array_equal(values, SOME)
    values[:] = -7

    assert_holds(windower.transform(later), expected)


def test_a_million_stamps_take_less_than_two_seconds():
    rng = np.random.default_rng(0)
    times = START + pd.to_timedelta(np.cumsum(rng.integers(1, 120, 1_000_000)), unit="s")
    frame = pd.DataFrame(rng.normal(size=(1_000_000, 3)), times)
    windower = TimeSpanWindow("2h", add_elapsed=True)

    start = time.process_time()
    windows = windower.fit_transform(frame)
    seconds = time.process_time() - start

    assert seconds < 2
    assert windows.lengths.mean() > 100


# -- pipelines ---------------------------------------------------------------------------


def pipeline(**parameters):
    model = RNNRegressor(hidden_size=2, max_epochs=1, random_state=0, missing="mask")
    return make_pipeline(TimeSpanWindow("3min", **parameters), model)


@pytest.mark.parametrize("add_elapsed", [False, True])
def test_pipelines_learn_and_are_scored_in_order_of_time(add_elapsed):
    frame = irregular([7, 30, 2, 90] * 15)
    frame.iloc[5] = np.nan  # nothing known of a row
    frame.iloc[20, 0] = np.nan

    scores = cross_val_score(
        pipeline(add_elapsed=add_elapsed), frame, np.arange(60.0), cv=TimeSeriesSplit(3)
    )

    assert np.isfinite(scores).all()


def test_spans_are_searched():
    frame = irregular([7, 30, 2, 90] * 15)
    grid = {"timespanwindow__span": ["1min", "5min"], "timespanwindow__add_elapsed": [True, False]}

    search = GridSearchCV(pipeline(), grid, cv=TimeSeriesSplit(2)).fit(frame, frame["a"])

    assert search.predict(frame).shape == (60,)
    assert search.best_params_["timespanwindow__span"] in {"1min", "5min"}


def test_pandas_output_of_the_step_before_carries_the_times_on():
    with sklearn.config_context(transform_output="pandas"):
        steps = make_pipeline(StandardScaler(), TimeSpanWindow("1min"))
        windows = steps.fit(SOME[:5]).transform(SOME[5:])

    alone = TimeSpanWindow("1min").set_output(transform="pandas").fit_transform(SOME)
    assert windows.lengths.tolist() == alone.lengths[5:].tolist()


# -- scikit-learn ------------------------------------------------------------------------


class DatedRows(TimeSpanWindow):
    """Gives scikit-learn's arrays a row a second, and answers with the sum of each window."""

    def __init__(self, span="3s", add_elapsed=False):
        super().__init__(span, add_elapsed)

    def fit(self, X, y=None):
        return super().fit(dated(X))

    def transform(self, X):
        return np.array([window.sum(axis=0) for window in super().transform(dated(X))])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def dated(X):
    if issparse(X):
        return X
    frame = X if hasattr(X, "iloc") else np.asarray(X)
    if frame.ndim != 2:
        return X
    return pd.DataFrame(frame).set_axis(pd.date_range("2000", periods=len(frame), freq="s"))


#: A frame names the column that holds no numbers; the check wants a TypeError, as of an array.
EXPECTED = {"check_dtype_object": "a column of objects is a ValueError that names the column"}


@parametrize_with_checks(
    [DatedRows(), DatedRows(span="1s")], expected_failed_checks=lambda estimator: EXPECTED
)
def test_scikit_learns_suite_on_rows_that_were_given_times(estimator, check):
    check(estimator)


OTHER_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_get_feature_names_out_error,
]


@pytest.mark.parametrize("check", OTHER_CHECKS, ids=lambda check: check.__name__)
def test_checks_of_names(check):
    check("DatedRows", DatedRows())


#: Of the class itself: arrays have no times, so scikit-learn's data are refused, and its suite
#: runs on `DatedRows` above. These bring no data.
CHECKS_WITHOUT_DATA = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_mixin_order,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_parameters_default_constructible,
]


@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA, ids=lambda check: check.__name__)
def test_checks_without_data(check):
    check("TimeSpanWindow", TimeSpanWindow("1h"))


def test_clones_are_unfitted_and_pickles_continue_the_same_series():
    windower = TimeSpanWindow("1h", add_elapsed=True).fit(SOME[:5])

    copied = pickle.loads(pickle.dumps(windower))

    assert clone(windower).get_params() == {"span": "1h", "add_elapsed": True}
    assert not hasattr(clone(windower), "tail_")
    assert_holds(copied.transform(SOME[5:]), list(windower.transform(SOME[5:])))


# -- words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "span", ["0s", "-3h", "often", None, pd.NaT, "NaT", [], pd.offsets.MonthEnd(1), 3, 2.5, True]
)
def test_spans_that_are_no_durations_are_refused(span):
    words = r"TimeSpanWindow: span must be a duration longer than 0.*got .*'90min'"

    with pytest.raises(ValueError, match=words):
        TimeSpanWindow(span).fit(SOME)


def test_numbers_are_no_spans_for_their_unit_would_be_a_guess():
    with pytest.raises(ValueError, match=r"got 90\. Give it a unit, as in '90min'"):
        TimeSpanWindow(90).fit(SOME)


def test_other_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="The 'add_elapsed' parameter of TimeSpanWindow must be"):
        TimeSpanWindow("1h", add_elapsed="yes").fit(SOME)


MIXED = pd.Index([pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2025", tz="Asia/Tokyo")])


@pytest.mark.parametrize(
    ("X", "found"),
    [
        (np.ones((2, 1)), "ndarray without an index"),
        ([[1.0], [2.0]], "list without an index"),
        (pd.DataFrame({"a": [1.0, 2.0]}), "RangeIndex of int64"),
        (pd.DataFrame({"a": [1.0, 2.0]}, ["2024-01-01", "2024-01-02"]), "Index of (str|object)"),
        (pd.DataFrame({"a": [1.0, 2.0]}, MIXED), "Index of object"),
    ],
    ids=["array", "list", "numbers", "text", "mixed zones"],
)
def test_rows_without_an_index_of_times_are_refused(X, found):
    words = rf"X must be a data frame with a DatetimeIndex.*; got {found}\. Set the times.*utc=True"

    with pytest.raises(ValueError, match=words):
        TimeSpanWindow("1h").fit(X)
    with pytest.raises(ValueError, match=words):
        TimeSpanWindow("1h").fit(SOME[["a"]]).transform(X)


@pytest.mark.parametrize("kind", INDEXES)
@pytest.mark.parametrize(
    ("rows", "found"),
    [([0, 2, 1], "rows out of order among 3"), ([0, 1, 1], "1 duplicates among 3")],
)
def test_times_out_of_order_or_twice_are_refused(kind, rows, found):
    frame = SOME.set_axis(INDEXES[kind](SOME.index))
    words = rf"TimeSpanWindow: the index of X must ascend.*got {found} rows\. Use X\.sort_index"

    with pytest.raises(TimeOrderError, match=words):
        TimeSpanWindow("1h").fit(frame.iloc[rows])
    with pytest.raises(TimeOrderError, match=words):
        TimeSpanWindow("1h").fit(frame).transform(frame.iloc[rows])


def test_rows_without_a_time_are_refused():
    frame = SOME.set_axis([pd.NaT, *SOME.index[1:]])

    with pytest.raises(
        TimeOrderError, match=r"needs a time; got 1 NaT among 10 rows\. Use X\[X\.i"
    ):
        TimeSpanWindow("1h").fit(frame)


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("dates", "zoned", "got times with a zone in X, times without a zone in fit"),
        ("zoned", "dates", "got times without a zone in X, times with a zone in fit"),
        ("dates", "durations", "got durations in X, times without a zone in fit"),
    ],
)
def test_times_that_cannot_be_compared_with_those_of_fit_are_refused(then, now, words):
    first, later = (SOME.set_axis(INDEXES[kind](SOME.index)) for kind in (then, now))

    with pytest.raises(ValueError, match=rf"must be comparable; {words}\. Give both a time zone"):
        TimeSpanWindow("1h").fit(first).transform(later)


def test_history_that_cannot_be_compared_is_refused():
    windower = TimeSpanWindow("1h").fit(SOME)

    with pytest.raises(ValueError, match="times with a zone in history"):
        windower.transform(SOME[5:], history=SOME[:5].tz_localize("UTC"))


def test_history_that_is_not_earlier_is_refused():
    windower = TimeSpanWindow("1h").fit(SOME)

    with pytest.raises(TimeOrderError, match=r"earlier than X; got 2 of 7 rows that are not\. Use"):
        windower.transform(SOME[5:], history=SOME[:7])


def test_history_of_other_columns_is_refused():
    windower = TimeSpanWindow("1h").fit(SOME)

    with pytest.raises(ValueError, match="feature names should match"):
        windower.transform(SOME[5:], history=SOME[:5].rename(columns={"a": "c"}))


def test_panels_and_single_columns_are_refused():
    windower = TimeSpanWindow("1h")

    with pytest.raises(SequenceShapeError, match=r"got a panel of 2\. Fit and transform each"):
        windower.fit([SOME, SOME])
    with pytest.raises(SequenceShapeError, match=r"got Series of 10 values\. Use X\.to_frame\(\)"):
        windower.fit(SOME["a"])


def test_columns_of_text_or_dates_are_named_and_their_values_are_not():
    frame = SOME.assign(name="secret", date=SOME.index)
    words = r"TimeSpanWindow: every column of X.*\['name', 'date'\]\. Encode them, or drop them\."

    with pytest.raises(ValueError, match=words) as info:
        TimeSpanWindow("1h").fit(frame)

    assert "secret" not in str(info.value)


def test_rows_without_columns_are_refused():
    with pytest.raises(SequenceShapeError, match=r"got 0 feature\(s\) \(shape=\(10, 0\)\)"):
        TimeSpanWindow("1h").fit(SOME[[]])


def test_infinity_is_refused():
    with pytest.raises(ValueError, match="infinity"):
        TimeSpanWindow("1h").fit(SOME.assign(a=np.inf))


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError, match="This TimeSpanWindow instance is not fitted yet"):
        TimeSpanWindow("1h").transform(SOME)
