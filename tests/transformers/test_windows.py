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
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import RNNRegressor, SlidingWindow, make_windows
from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError, TimeOrderError
from sklearn_rnn.sequences import Sequences, as_sequences
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


@pytest.mark.parametrize("series", [3.0, np.zeros((9, 9, 2, 2))])
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


@pytest.mark.parametrize("column", ["name", "date", "kind"])
def test_columns_that_hold_no_numbers_are_named_and_their_values_are_not(column):
    values = {"name": list("qwer"), "date": DAYS[:4], "kind": pd.Categorical(list("qwer"))}
    frame = pd.DataFrame({"load": numbered(4, 1)[:, 0], column: values[column]})

    with pytest.raises(ValueError, match=rf"must hold numbers.*\['{column}'\]\. Encode") as info:
        make_windows(frame, 2)

    assert "q" not in str(info.value)


def test_missing_values_of_pandas_are_nan():
    frame = pd.DataFrame({"a": pd.array([1, None, 3, 4], dtype="Int64")})

    X, y = make_windows(frame, 3)

    np.testing.assert_array_equal(X[0, :, 0], [1, np.nan, 3])
    np.testing.assert_array_equal(y, [4])


# -- panels ------------------------------------------------------------------------------


def panel_of(lengths, columns=2):
    """Return series whose first value in each step says of which series it is."""
    series = [numbered(length, columns) + 1000 * (i + 1) for i, length in enumerate(lengths)]
    for i, x in enumerate(series):
        x[:, 0] = i
    return series


def as_frames(series):
    return [pd.DataFrame(x, DAYS[: len(x)], columns=["which", "value"]) for x in series]


def as_multiindex(series):
    return pd.concat(as_frames(series), keys=[f"s{i}" for i in range(len(series))])


DAYS = pd.date_range("2000-01-01", periods=60, freq="D")
PANELS = {
    "list": list,
    "tuple": tuple,
    "frames": as_frames,
    "object array": lambda series: np.array([*series, None], dtype=object)[:-1],
    "nested lists": lambda series: [x.tolist() for x in series],
    "MultiIndex": as_multiindex,
    "MultiIndex of two levels": lambda series: pd.concat({"group": as_multiindex(series)}),
    "MultiIndex in order of time": lambda series: as_multiindex(series).sort_index(level=1),
    "Sequences": lambda series: as_sequences(series, name="test"),
    "array": np.array,
    "array in another order": lambda series: (
        np.array(series).transpose(1, 0, 2).copy().swapaxes(0, 1)
    ),
}
RAGGED = set(PANELS) - {"array", "array in another order"}


@pytest.mark.parametrize("form", PANELS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(window_length=sizes, horizon=sizes, step_length=sizes, data=st.data())
def test_windows_of_a_panel_are_those_of_its_series_one_after_the_other(
    form, window_length, horizon, step_length, data
):
    more = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=4))
    more = more if form in RAGGED else [more[0]] * len(more)
    series = panel_of([window_length + horizon + extra for extra in more])
    alone = [make_windows(x, window_length, horizon, step_length) for x in series]

    X, y = make_windows(PANELS[form](series), window_length, horizon, step_length)

    assert isinstance(X, Sequences)
    np.testing.assert_array_equal(np.asarray(list(X)), np.concatenate([x for x, _ in alone]))
    np.testing.assert_array_equal(y, np.concatenate([y for _, y in alone]))


def test_no_window_and_no_target_crosses_from_one_series_to_the_next():
    X, y = make_windows(panel_of([9, 6, 12]), 3, horizon=2)

    for window, target in zip(X, y, strict=True):
        assert len({*window[:, 0], *target[:, 0]}) == 1
    assert len(X) == 5 + 2 + 8


@pytest.mark.parametrize(
    ("columns", "horizon", "shape"), [(1, 1, ()), (1, 3, (3,)), (2, 1, (2,)), (2, 3, (3, 2))]
)
def test_targets_of_a_panel_have_the_axes_of_those_of_a_series(columns, horizon, shape):
    X, y = make_windows([numbered(10, columns), numbered(8, columns)], 4, horizon)

    assert X[0].shape == (4, columns)
    assert y.shape == (12 - 2 * (horizon - 1) - 2, *shape)


@pytest.mark.parametrize("convert", [np.array, list, pd.Series])
def test_series_of_a_panel_may_have_one_axis(convert):
    X, y = make_windows([convert([1.0, 2.0, 3.0]), convert([7.0, 8.0, 9.0, 10.0])], 2)

    np.testing.assert_array_equal(np.array(list(X))[:, :, 0], [[1, 2], [7, 8], [8, 9]])
    np.testing.assert_array_equal(y, [3, 9, 10])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("columns", [1, 3])
def test_windows_of_an_array_of_series_are_views_that_cannot_be_written_to(dtype, columns):
    panel = np.ones((4, 30, columns), dtype=dtype)

    X, y = make_windows(panel, 5)

    assert X[0].dtype == y.dtype == dtype
    assert np.shares_memory(X.steps, panel)
    assert X.steps.shape == (120, columns)
    assert not X.steps.flags.writeable


def test_windows_of_a_list_of_series_share_one_table():
    X, _ = make_windows(panel_of([30, 20]), 5)

    assert X.steps.shape == (50, 2)
    assert np.shares_memory(X[0], X[1])
    assert not X[0].flags.writeable


def test_panel_is_left_as_it_was_and_may_be_read_only():
    panel = np.array(panel_of([8, 8]))
    before = panel.copy()
    panel.flags.writeable = False

    make_windows(panel, 3)

    np.testing.assert_array_equal(panel, before)


def test_estimators_learn_from_windows_of_a_panel_what_they_learn_from_their_copies():
    X, y = make_windows([np.sin(np.arange(40.0)), np.cos(np.arange(30.0))], 6)
    model = RNNRegressor(hidden_size=3, max_epochs=2, random_state=0)

    answers = clone(model).fit(X, y).predict(X)

    copies = np.array(list(X))
    np.testing.assert_array_equal(answers, clone(model).fit(copies, y).predict(copies))


def test_scikit_learn_splits_windows_of_a_panel():
    X, y = make_windows([np.sin(np.arange(40.0)), np.cos(np.arange(30.0))], 6)
    model = RNNRegressor(hidden_size=2, max_epochs=1, random_state=0)

    X_train, X_test, y_train, y_test = train_test_split(X, y, shuffle=False)
    score = model.fit(X_train, y_train).score(X_test, y_test)
    scores = cross_val_score(model, X, y, cv=KFold(3))

    assert len(X_train) + len(X_test) == len(X) == 58
    assert np.isfinite([score, *scores]).all()


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([9, 6, 5, 0], r"at least 7 steps in every series; got fewer in 3 of 4, and 0 in the"),
        ([3, 6], r"fewer in 2 of 2, and 3 in the shortest\. Leave these out.*len\(x\) >= 7\]"),
    ],
)
def test_series_of_a_panel_that_are_too_short_are_counted_not_left_out(lengths, words):
    with pytest.raises(SeriesTooShortError, match=words):
        make_windows(panel_of(lengths), 4, horizon=3)


def test_short_series_of_an_array_or_of_sequences_are_counted_too():
    panel = np.ones((5, 6, 2))

    for form in (panel, as_sequences(panel, name="test")):
        with pytest.raises(SeriesTooShortError, match=r"got fewer in 5 of 5, and 6 in the"):
            make_windows(form, 6)


def test_series_of_a_panel_out_of_order_is_named():
    frame = as_multiindex(panel_of([6, 6]))
    wrong = pd.concat([frame.iloc[:6], frame.iloc[:5:-1]])

    with pytest.raises(TimeOrderError, match=r"make_windows, series 's1': the index of X must asc"):
        make_windows(wrong, 3)


def test_series_of_a_panel_that_hold_no_numbers_are_named():
    frames = as_frames(panel_of([6, 6]))
    frames[1]["name"] = "q"

    with pytest.raises(ValueError, match=r"series 1: every column.*numbers.*\['name'\]\. Encode"):
        make_windows(frames, 3)
    with pytest.raises(ValueError, match=r"series 1: series must hold numbers; got dtype <U1"):
        make_windows([np.ones(9), np.array(list("qwer"))], 3)


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ([np.ones((9, 2)), np.ones((9, 3))], r"same features; got \(9, 2\) and \(9, 3\)"),
        ([np.ones((9, 2, 2))], r"must have shape \(n_steps, n_features\)"),
        ([*as_frames([np.ones((9, 2))]), pd.DataFrame(np.ones((9, 2)))], r"same columns"),
    ],
    ids=["features", "axes", "columns"],
)
def test_series_of_a_panel_that_do_not_fit_together_are_refused(panel, words):
    with pytest.raises(SequenceShapeError, match=words):
        make_windows(panel, 3)


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


PANELS_REFUSED = ["list", "frames", "MultiIndex", "Sequences", "array"]


@pytest.mark.parametrize("form", PANELS_REFUSED)
def test_panels_are_refused_for_windows_would_cross_from_series_to_series(form):
    panel = PANELS[form](panel_of([9, 9]))
    words = r"SlidingWindow: X must have shape.*got a panel of 2\. Cut each series with make_wind"

    with pytest.raises(SequenceShapeError, match=words):
        SlidingWindow(3).fit(panel)


def test_further_axes_are_refused():
    with pytest.raises(SequenceShapeError, match=r"got shape \(2, 9, 2, 2\)"):
        SlidingWindow(3).fit(np.ones((2, 9, 2, 2)))


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (pd.Series, r"got Series of 9 values\. Use X\.to_frame\(\)\."),
        (np.array, r"got ndarray of 9 values\. Reshape your data: X\.reshape\(-1, 1\)"),
        (list, r"got list of 9 values\. Reshape your data"),
    ],
)
def test_a_single_column_is_refused_with_what_makes_it_a_table(convert, words):
    with pytest.raises(SequenceShapeError, match=words):
        SlidingWindow(3).fit(convert(np.ones(9)))


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_columns_of_text_or_dates_are_named_and_their_values_are_not(method):
    frame = KINDS["dates"](numbered(4, 3))
    windower = SlidingWindow(2).fit(frame)
    frame.columns = ["load", "date", "name"]
    frame["date"], frame["name"] = DAYS[:4], list("qwer")
    words = r"SlidingWindow: every column of X.*\['date', 'name'\]\. Encode them, or drop them\."

    with pytest.raises(ValueError, match=words) as info:
        getattr(windower, method)(frame)

    assert "q" not in str(info.value)
    assert "2000" not in str(info.value)


def test_text_in_an_array_is_refused_without_showing_it():
    with pytest.raises(ValueError, match=r"SlidingWindow: X must hold numbers; got text") as info:
        SlidingWindow(2).fit(np.array([["secret"], ["words"]], dtype=object))

    assert "secret" not in str(info.value)


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError, match="This SlidingWindow instance is not fitted yet"):
        SlidingWindow().transform(numbered(20))
