"""Windows: views of the series, one for each row, none of which sees what comes later."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import SlidingWindow, make_windows
from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError
from sklearn_rnn.transformers.windows import windows_of

quick = settings(max_examples=50, deadline=None, derandomize=True)
sizes = st.integers(1, 5)


def numbered(rows, columns=2):
    """Return a series whose every value is another."""
    return np.arange(rows * columns, dtype=float).reshape(rows, columns)


def by_hand(series, window_length, past=()):
    """Return the window that ends with each row, one by one."""
    padding = np.full((window_length, series.shape[1]), np.nan)
    long = np.concatenate([padding, np.reshape(past, (-1, series.shape[1])), series])
    first = len(long) - len(series)
    return np.array(
        [long[first + t + 1 - window_length : first + t + 1] for t in range(len(series))]
    )


# -- make_windows ------------------------------------------------------------------------


@quick
@given(window_length=sizes, horizon=sizes, step_length=sizes, more=st.integers(0, 7))
def test_windows_and_targets_are_cut_where_they_belong(window_length, horizon, step_length, more):
    series = numbered(window_length + horizon + more)

    X, y = make_windows(series, window_length, horizon, step_length)

    starts = range(0, more + 1, step_length)
    assert len(X) == len(y) == len(starts)
    for i, start in enumerate(starts):
        border = start + window_length
        np.testing.assert_array_equal(X[i], series[start:border])
        np.testing.assert_array_equal(y[i].reshape(horizon, 2), series[border : border + horizon])


@pytest.mark.parametrize(
    ("columns", "horizon", "shape"), [(1, 1, ()), (1, 3, (3,)), (2, 1, (2,)), (2, 3, (3, 2))]
)
def test_targets_have_no_axis_of_length_one(columns, horizon, shape):
    X, y = make_windows(numbered(10, columns), 4, horizon)

    assert X.shape == (7 - horizon, 4, columns)
    assert y.shape == (7 - horizon, *shape)


@pytest.mark.parametrize("convert", [np.array, pd.Series, list, tuple])
def test_series_of_one_axis_has_one_feature(convert):
    X, y = make_windows(convert(numbered(6, 1)[:, 0]), 4)

    np.testing.assert_array_equal(X[:, :, 0], [[0, 1, 2, 3], [1, 2, 3, 4]])
    np.testing.assert_array_equal(y, [4, 5])


@pytest.mark.parametrize("convert", [np.array, pd.DataFrame])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_windows_of_floats_are_views_that_cannot_be_written_to(convert, dtype):
    series = convert(numbered(20).astype(dtype))

    X, y = make_windows(series, 4, horizon=2, step_length=3)

    assert X.dtype == y.dtype == dtype
    assert np.shares_memory(X, np.asarray(series))
    assert np.shares_memory(y, np.asarray(series))
    assert not X.flags.writeable
    assert not y.flags.writeable


@pytest.mark.parametrize("dtype", [int, bool, object])
def test_other_numbers_become_floats(dtype):
    X, y = make_windows(numbered(8).astype(dtype), 3)

    assert X.dtype == y.dtype == np.float64


@pytest.mark.parametrize("name", ["window_length", "horizon", "step_length"])
@pytest.mark.parametrize("size", [0, -1, 1.5, "2", None])
def test_sizes_that_are_none_are_refused(name, size):
    words = rf"make_windows: {name} must be a whole number of at least 1; got {size!r}\."

    with pytest.raises(ValueError, match=words):
        make_windows(numbered(10), **{"window_length": 2, name: size})


def test_series_shorter_than_window_and_horizon_is_refused():
    make_windows(numbered(7), 4, horizon=3)
    words = r"window_length=4 and horizon=3 need a series of at least 7 steps; got 6\. Give more"

    with pytest.raises(SeriesTooShortError, match=words):
        make_windows(numbered(6), 4, horizon=3)


@pytest.mark.parametrize("series", [3.0, np.zeros((9, 2, 2))])
def test_series_of_other_axes_is_refused(series):
    with pytest.raises(SequenceShapeError, match=r"must have shape \(n_steps,\) or.*; got \("):
        make_windows(series, 3)


@pytest.mark.parametrize(
    "series",
    [
        ["a", "b", "c", "d"],
        [1.0, "b", 3.0, 4.0],
        [None, {}, 3.0, 4.0],
        np.ones(9) + 1j,
        pd.date_range("2000", periods=9),
    ],
    ids=["text", "some text", "objects", "complex", "dates"],
)
def test_series_that_holds_no_real_numbers_is_refused(series):
    with pytest.raises(ValueError, match="make_windows: series must hold numbers; got dtype"):
        make_windows(series, 2)


# -- a window for each row ---------------------------------------------------------------


@quick
@given(rows=st.integers(1, 12), window_length=st.integers(1, 8))
def test_each_row_has_the_window_that_ends_with_it(rows, window_length):
    series = numbered(rows)

    windows = SlidingWindow(window_length).fit_transform(series)

    np.testing.assert_array_equal(windows, by_hand(series, window_length))


KINDS = {
    "array": lambda x: x,
    "periods": lambda x: pd.DataFrame(x, pd.period_range("2000-01", periods=len(x), freq="M")),
    "dates": lambda x: pd.DataFrame(x, pd.date_range("2000-01-01", periods=len(x), freq="D")),
    "numbers": lambda x: pd.DataFrame(x),
}


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(rows=st.integers(2, 20), window_length=st.integers(1, 12), share=st.floats(0, 1))
def test_no_window_sees_a_later_row(kind, rows, window_length, share):
    series, t = numbered(rows), int(share * (rows - 1))
    other = series.copy()
    other[t + 1 :] = -7
    frame, other_frame = KINDS[kind](series), KINDS[kind](other)
    windower = SlidingWindow(window_length)

    windows, others = windower.fit_transform(frame), windower.fit_transform(other_frame)

    np.testing.assert_array_equal(windows[: t + 1], others[: t + 1])


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(rows=st.integers(1, 20), window_length=st.integers(1, 12))
def test_rows_of_fit_have_the_same_windows_in_fit_transform_and_transform(
    kind, rows, window_length
):
    series = numbered(rows)
    windower = SlidingWindow(window_length)

    windows = windower.fit_transform(KINDS[kind](series))

    np.testing.assert_array_equal(windower.transform(KINDS[kind](series)), windows)
    np.testing.assert_array_equal(windows, by_hand(series, window_length))


@pytest.mark.parametrize("kind", ["periods", "dates", "numbers"])
@quick
@given(seen=st.integers(1, 15), gap=st.integers(0, 6), window_length=st.integers(1, 8))
def test_rows_that_follow_by_their_index_begin_with_the_last_rows_of_fit(
    kind, seen, gap, window_length
):
    series = numbered(25)
    frame = KINDS[kind](series)

    windows = SlidingWindow(window_length).fit(frame[:seen]).transform(frame[seen + gap :])

    known = np.where(np.arange(25)[:, np.newaxis] < seen, series, np.nan)[: seen + gap]
    np.testing.assert_array_equal(windows, by_hand(series[seen + gap :], window_length, known))


def test_dates_without_freq_follow_if_their_step_can_be_inferred():
    dates = pd.DatetimeIndex(pd.date_range("2000-01-01", periods=20, freq="h").values)
    frame = pd.DataFrame(numbered(20), dates)
    windower = SlidingWindow(4).fit(frame[:12])

    adjacent, later = windower.transform(frame[12:]), windower.transform(frame[13:])

    np.testing.assert_array_equal(adjacent, windows_of(numbered(20)[9:], 4))
    np.testing.assert_array_equal(later[0, :, 0], [20, 22, np.nan, 26])


def test_dates_with_a_gap_among_those_of_fit_are_neighbours_as_in_fit():
    dates = pd.date_range("2000-01-01", periods=20, freq="h")
    frame = pd.DataFrame(numbered(20), dates).drop(dates[10])

    windows = SlidingWindow(4).fit(frame[:12]).transform(frame[12:])

    np.testing.assert_array_equal(windows, SlidingWindow(4).fit_transform(frame)[12:])


@pytest.mark.parametrize("rows", [2, 5, 15])
def test_rows_in_the_middle_of_fit_see_only_what_lies_before_them(rows):
    frame = KINDS["dates"](numbered(20))
    windower = SlidingWindow(4).fit(frame)

    windows = windower.transform(frame[-rows:])

    whole = windower.transform(frame)
    np.testing.assert_array_equal(windows[3:], whole[-rows:][3:])
    first = windows[:3]
    np.testing.assert_array_equal(first[~np.isnan(first)], whole[-rows:][:3][~np.isnan(first)])


@pytest.mark.parametrize("gap", [0, 2, 5])
def test_folds_of_a_series_are_given_what_training_has_seen(gap):
    frame = pd.DataFrame(numbered(40))
    whole = by_hand(numbered(40), 4)

    for train, test in TimeSeriesSplit(4, gap=gap).split(frame):
        windows = SlidingWindow(4).fit(frame.iloc[train]).transform(frame.iloc[test])

        unknown = np.isnan(windows)
        np.testing.assert_array_equal(windows[~unknown], whole[test][~unknown])
        # of the first window, the rows in the gap; with a gap as long as that, all before its own
        assert unknown[0, :, 0].sum() == min(gap, 3)
        assert not unknown[3 + gap :].any()


def test_plain_arrays_start_without_a_past():
    series = numbered(20)

    windows = SlidingWindow(4).fit(series[:10]).transform(series[10:])

    np.testing.assert_array_equal(windows, by_hand(series[10:], 4))


@quick
@given(window_length=st.integers(1, 6), given_rows=st.integers(0, 8))
def test_history_comes_before_the_rows(window_length, given_rows):
    series = numbered(20)
    windower = SlidingWindow(window_length).fit(series)
    past = series[8 - given_rows : 8]

    windows = windower.transform(series[8:], history=past)

    np.testing.assert_array_equal(windows, by_hand(series[8:], window_length, past))


def test_history_wins_over_the_index():
    frame = KINDS["dates"](numbered(20))
    windower = SlidingWindow(3).fit(frame[:10])

    windows = windower.transform(frame[10:], history=[[-1, -2], [-3, -4]])

    np.testing.assert_array_equal(windows[0], [[-1, -2], [-3, -4], [20, 21]])


def test_missing_values_are_carried_into_the_windows():
    series = numbered(6)
    series[2] = np.nan

    np.testing.assert_array_equal(SlidingWindow(3).fit_transform(series), by_hand(series, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_keep_the_dtype_and_are_views_of_one_padded_copy(dtype):
    windows = SlidingWindow(5).fit_transform(numbered(1000).astype(dtype))

    assert windows.dtype == dtype
    # from one window to the next is one row, as from one step to the next
    assert windows.strides == (2 * windows.itemsize, 2 * windows.itemsize, windows.itemsize)
    assert not windows.flags.owndata


# -- full windows, flat windows ----------------------------------------------------------


@quick
@given(window_length=sizes, step_length=sizes, more=st.integers(0, 8))
def test_full_windows_lie_within_the_series(window_length, step_length, more):
    series = numbered(window_length + more)

    windows = SlidingWindow(window_length, step_length, rows="full").fit_transform(series)

    starts = range(0, more + 1, step_length)
    np.testing.assert_array_equal(windows, [series[s : s + window_length] for s in starts])
    assert not windows.flags.writeable


def test_flat_windows_have_a_named_column_for_each_lag_and_feature():
    frame = pd.DataFrame(numbered(6), columns=["a", "b"])

    windower = SlidingWindow(3, flatten=True)
    flat = pd.DataFrame(windower.fit_transform(frame), columns=windower.get_feature_names_out())

    for lag in range(3):
        for name in frame:
            np.testing.assert_array_equal(flat[f"{name}_lag{lag}"], frame[name].shift(lag))


def test_flat_windows_are_the_windows_of_each_row():
    series = numbered(9)

    flat = SlidingWindow(3, flatten=True).fit_transform(series)

    np.testing.assert_array_equal(flat, by_hand(series, 3).reshape(9, 6))


def test_names_are_those_of_the_columns_if_not_flat():
    frame = pd.DataFrame(numbered(6), columns=["a", "b"])

    assert SlidingWindow(3).fit(frame).get_feature_names_out().tolist() == ["a", "b"]
    assert SlidingWindow(3).fit(numbered(6)).get_feature_names_out().tolist() == ["x0", "x1"]


@pytest.mark.parametrize("flatten", [False, True])
def test_pandas_output_is_accepted_and_has_no_effect(flatten):
    frame = KINDS["periods"](numbered(12))
    expected = SlidingWindow(3, flatten=flatten).fit_transform(frame)

    asked = SlidingWindow(3, flatten=flatten).set_output(transform="pandas").fit_transform(frame)
    with sklearn.config_context(transform_output="pandas"):
        globally = SlidingWindow(3, flatten=flatten).fit_transform(frame)
        pipeline = make_pipeline(StandardScaler(), SlidingWindow(3, flatten=flatten))
        after_frames = pipeline.fit(frame[:8]).transform(frame[8:])

    assert type(asked) is type(globally) is type(after_frames) is np.ndarray
    np.testing.assert_array_equal(asked, expected)
    np.testing.assert_array_equal(globally, expected)
    assert not np.isnan(after_frames).any()  # frames between the steps carry the index on


def test_flat_windows_work_in_a_pipeline_with_any_regressor():
    frame = KINDS["dates"](np.sin(numbered(60, 1)))
    y = np.roll(frame.to_numpy()[:, 0], -1)
    pipeline = make_pipeline(SlidingWindow(2, flatten=True), LinearRegression())

    windows = pipeline[0].fit(frame[:40])
    pipeline[1].fit(windows.transform(frame[:40])[1:], y[1:40])

    assert pipeline.score(frame[40:59], y[40:59]) > 0.999


# -- scikit-learn ------------------------------------------------------------------------


@parametrize_with_checks([SlidingWindow(), SlidingWindow(flatten=True)])
def test_scikit_learns_suite(estimator, check):
    check(estimator)


OTHER_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_get_feature_names_out_error,
]


@pytest.mark.parametrize("check", OTHER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("flatten", [False, True])
def test_checks_of_names_and_containers(check, flatten):
    check("SlidingWindow", SlidingWindow(flatten=flatten))


def test_checks_of_feature_names_of_flat_windows():
    one = SlidingWindow(1, flatten=True)  # the check wants as many columns as came in

    estimator_checks.check_transformer_get_feature_names_out("SlidingWindow", one)
    estimator_checks.check_transformer_get_feature_names_out_pandas("SlidingWindow", one)


@pytest.mark.parametrize("parameters", [{}, {"flatten": True}, {"rows": "full"}])
def test_fit_transform_equals_fit_then_transform(parameters):
    series, windower = numbered(20), SlidingWindow(4, **parameters)

    together = windower.fit_transform(series)

    np.testing.assert_array_equal(clone(windower).fit(series).transform(series), together)


def test_array_likes_are_taken():
    series = numbered(10)

    windows = SlidingWindow(3).fit(series.tolist()).transform(tuple(series))

    np.testing.assert_array_equal(windows, by_hand(series, 3))


def test_clones_are_unfitted_and_pickles_continue_the_same_series():
    frame = KINDS["periods"](numbered(20))
    windower = SlidingWindow(4).fit(frame[:12])

    copied = pickle.loads(pickle.dumps(windower))

    assert clone(windower).get_params() == windower.get_params()
    assert not hasattr(clone(windower), "tail_")
    np.testing.assert_array_equal(copied.transform(frame[12:]), windower.transform(frame[12:]))


def test_what_is_kept_is_not_the_users_array():
    series = numbered(20)
    frame = pd.DataFrame(series)
    windower = SlidingWindow(4).fit(frame[:12])
    later = frame[12:].copy()
    expected = windower.transform(later)

    series[:] = -7

    np.testing.assert_array_equal(windower.transform(later), expected)


# -- words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"window_length": 0},
        {"window_length": 1.5},
        {"step_length": 0, "rows": "full"},
        {"rows": "some"},
        {"flatten": "yes"},
    ],
)
def test_parameters_out_of_range_are_refused(parameters):
    name = next(iter(parameters))

    with pytest.raises(ValueError, match=f"The '{name}' parameter of SlidingWindow must be"):
        SlidingWindow(**parameters).fit(numbered(20))


def test_skipping_windows_needs_full_ones():
    words = r"rows='keep' gives a window for every row.*must be 1; got 2\. Set rows='full'"

    with pytest.raises(ValueError, match=words):
        SlidingWindow(step_length=2).fit(numbered(20))


def test_full_windows_longer_than_the_series_are_refused():
    windower = SlidingWindow(8, rows="full").fit(numbered(20))
    words = r"window_length=8 with rows='full' needs at least as many rows; got 7\. Give more"

    with pytest.raises(SeriesTooShortError, match=words):
        windower.transform(numbered(7))


def test_history_is_refused_with_full_windows_which_have_no_use_for_it():
    windower = SlidingWindow(3, rows="full").fit(numbered(20))

    with pytest.raises(ValueError, match=r"lie within X; got a history of 2 rows as well\. Leave"):
        windower.transform(numbered(20), history=numbered(2))


def test_history_of_other_columns_is_refused():
    windower = SlidingWindow(3).fit(numbered(20))

    with pytest.raises(SequenceShapeError, match=r"\(n_rows, 2\).*got shape \(5, 1\)\. Give"):
        windower.transform(numbered(20), history=numbered(5, 1))


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError, match="This SlidingWindow instance is not fitted yet"):
        SlidingWindow().transform(numbered(20))
