"""The rows just before: known by index, never from later, and NaN where nobody can say."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn import Differencer, SlidingWindow, make_windows
from sklearn_rnn.exceptions import SequenceShapeError, TimeOrderError
from sklearn_rnn.transformers.history import Tail, check_history, index_of

INDEXES = {
    "months": pd.period_range("2000-01", periods=40, freq="M"),
    "quarters": pd.period_range("2000Q1", periods=40, freq="Q"),
    "days": pd.date_range("2000-01-01", periods=40, freq="D"),
    "working days": pd.date_range("2000-01-03", periods=40, freq="B"),
    "ends of months": pd.date_range("2000-01-31", periods=40, freq="ME"),
    "hours over a change of clocks": pd.date_range(
        "2024-03-30 12:00", periods=40, freq="h", tz="Europe/Berlin"
    ),
    "range": pd.RangeIndex(40),
    "range from 100": pd.RangeIndex(100, 140),
    "integers": pd.Index(np.arange(40), dtype="int32"),
    "unsigned": pd.Index(np.arange(40), dtype="uint8"),
}
by_index = pytest.mark.parametrize("index", INDEXES)


def tail_of(index, length):
    """Rows are numbered: the row at position i is i."""
    return Tail(np.arange(len(index), dtype=float)[:, np.newaxis], index, length)


def before(past, rows, length=3):
    return tail_of(past, length).before(rows, length)[:, 0]


@by_index
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seen=st.integers(1, 20), start=st.integers(0, 30), length=st.integers(0, 12), data=st.data())
def test_rows_before_are_those_that_were_kept_and_lie_earlier(index, seen, start, length, data):
    kept = data.draw(st.integers(0, 12))
    whole = INDEXES[index]
    tail = tail_of(whole[:seen], kept)

    history = tail.before(whole[start : start + 5], length)

    positions = np.arange(start - length, start)
    known = (positions >= max(0, seen - kept)) & (positions < seen)
    np.testing.assert_array_equal(history[:, 0], np.where(known, positions, np.nan))


def test_dates_without_freq_are_continued_if_their_step_can_be_inferred():
    dates = pd.DatetimeIndex(pd.date_range("2000-01-01", periods=20, freq="6h").values)
    assert dates.freq is None

    np.testing.assert_array_equal(before(dates[:10], dates[10:]), [7, 8, 9])
    np.testing.assert_array_equal(before(dates[:10], dates[11:]), [8, 9, np.nan])
    np.testing.assert_array_equal(before(dates[:10], dates[10:11]), [7, 8, 9])


def test_step_is_inferred_from_the_new_rows_where_the_old_are_too_few():
    dates = pd.DatetimeIndex(pd.date_range("2000-01-01", periods=20, freq="6h").values)

    np.testing.assert_array_equal(before(dates[:2], dates[2:]), [np.nan, 0, 1])


DAYS = pd.date_range("2000-01-01", periods=6, freq="D")
HOURS = pd.date_range("2000-01-01", periods=6, freq="h")
UNCONNECTED = {
    "no index then": (None, DAYS),
    "no index now": (DAYS, None),
    "no rows": (DAYS, DAYS[:0]),
    "irregular dates": (DAYS[[0, 1, 3, 4]], pd.DatetimeIndex([DAYS[5]])),
    "dates off the grid": (HOURS, HOURS + pd.Timedelta("5h30min")),
    "dates between the last two": (HOURS, HOURS[4:] + pd.Timedelta("30min")),
    "other freq of dates": (HOURS, pd.date_range("2000-01-02", periods=3, freq="D")),
    "dates earlier than all": (DAYS, DAYS - pd.Timedelta("9D")),
    "dates out of order": (DAYS, (DAYS + pd.Timedelta("6D"))[::-1]),
    "no date": (DAYS, pd.DatetimeIndex([pd.NaT])),
    "other freq of periods": (
        pd.period_range("2000-01", periods=6, freq="M"),
        pd.period_range("2000-07-01", periods=6, freq="D"),
    ),
    "periods after dates": (DAYS, pd.period_range("2000-01-07", periods=6, freq="D")),
    "numbers after dates": (DAYS, pd.RangeIndex(6, 9)),
    "numbers earlier than all": (pd.RangeIndex(10, 16), pd.RangeIndex(5)),
    "numbers far later": (pd.RangeIndex(6), pd.RangeIndex(10, 12)),
    "words": (pd.Index(list("abcdef")), pd.Index(list("gh"))),
    "fractions": (pd.Index(np.arange(6.0)), pd.Index([6.0, 7.0])),
}


@pytest.mark.parametrize("case", UNCONNECTED)
def test_nothing_is_known_where_rows_cannot_be_placed(case):
    past, rows = UNCONNECTED[case]
    tail = Tail(np.arange(6.0 if past is None else len(past))[:, np.newaxis], past, 3)

    assert np.isnan(tail.before(rows, 3)).all()


@pytest.mark.parametrize("freq", ["D", "M"])
@pytest.mark.parametrize("rows", range(2, 13))
def test_periods_of_fit_never_see_periods_after_them(freq, rows):
    index = pd.period_range("2000-01", periods=rows, freq=freq)

    for start in range(rows):
        history = before(index, index[start:], length=9)

        assert not (history >= start).any()


def test_rows_kept_by_any_label_tell_what_came_before_them():
    words = pd.Index(list("abcdef"))

    np.testing.assert_array_equal(before(words, words[4:]), [np.nan, np.nan, 3])


def test_rows_kept_are_a_copy_and_survive_pickling():
    rows = np.arange(8.0).reshape(4, 2)
    tail = Tail(rows, DAYS[:4], 3)
    rows[:] = 0

    copied = pickle.loads(pickle.dumps(tail))

    np.testing.assert_array_equal(copied.before(DAYS[4:], 2), [[4, 5], [6, 7]])


def test_index_is_that_of_pandas_objects_only():
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])

    assert index_of(frame) is frame.index
    assert index_of(frame["a"]).equals(frame.index)
    assert index_of(frame.to_numpy()) is None
    assert index_of([1.0]) is None


def test_history_is_checked():
    np.testing.assert_array_equal(check_history([1, 2], 1, "Asker"), [[1.0], [2.0]])
    assert check_history(None, 1, "Asker") is None
    words = r"Asker: history must have shape \(n_rows, 2\).*; got shape \(3,\)\. Give"
    with pytest.raises(SequenceShapeError, match=words):
        check_history([1, 2, 3], 2, "Asker")


@pytest.mark.parametrize("cut", [SlidingWindow(2), Differencer(), lambda X: make_windows(X, 2)])
@pytest.mark.parametrize(
    ("order", "found"), [([1, 0, 2, 3], "rows out of order"), ([0, 1, 1, 2], "1 duplicates")]
)
def test_dates_that_do_not_ascend_are_refused(cut, order, found):
    X = pd.DataFrame({"a": np.arange(5.0)}, pd.date_range("2020", periods=5)).iloc[order]

    with pytest.raises(TimeOrderError, match=f"got {found} among 4 rows"):
        cut(X) if callable(cut) else cut.fit(X)


def test_dates_with_and_without_a_time_zone_are_not_mixed():
    zoned = (HOURS + pd.Timedelta("6h")).tz_localize("UTC")

    with pytest.raises(TimeOrderError, match="must have a time zone if those of fit had"):
        tail_of(HOURS, 3).before(zoned, 3)
