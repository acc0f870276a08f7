"""Irregular series become regular: as pandas does it, in every form, and nothing in silence."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import Resampler, RNNClassifier, SequenceScaler
from sklearn_rnn.exceptions import (
    FrequencyError,
    MissingValuesError,
    SequenceShapeError,
    SeriesTooShortError,
    TimeOrderError,
)
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.transformers.resampling import FILLS, aggregate, fill_gaps, reducers_of

quick = settings(max_examples=40, deadline=None, derandomize=True)
by_fill = pytest.mark.parametrize("fill", [None, 0.5, *FILLS])

STAMPS = pd.to_datetime(["2024-01-03 12:00", "2024-01-01 09:00", "2024-01-01 17:00"])


def spread(values):
    """A function of the user's that fails where there is nothing."""
    return values.dropna().iloc[-1] - values.min()


def frame_of(**columns):
    """Rows of two days, unsorted, with a day between them that holds nothing."""
    return pd.DataFrame(columns, index=STAMPS)


@st.composite
def irregular(draw, zones=(None,)):
    """Rows at any minutes of some days: in no order, some at one time, some values missing."""
    rows = draw(st.integers(1, 25))
    minutes = draw(st.lists(st.integers(0, 4 * 1440), min_size=rows, max_size=rows))
    start = pd.Timestamp(draw(st.sampled_from(["2024-03-29", "2024-10-25"])), tz="UTC")
    index = start + pd.to_timedelta(np.array(minutes), unit="min")
    zone = draw(st.sampled_from(zones))
    index = index.tz_convert(zone) if zone else index.tz_localize(None)
    numbers = st.floats(-1e6, 1e6, allow_subnormal=False, width=32) | st.just(np.nan)
    columns = {
        name: draw(st.lists(numbers, min_size=rows, max_size=rows)) for name in ("load", "heat")
    }
    return pd.DataFrame(columns, index.rename("time"), dtype=np.float64)


def as_pandas_does(frame, freq, aggregation):
    """The bins of pandas; of no values there is no value."""
    bins = frame.sort_index(kind="stable").resample(freq)
    if aggregation == "sum":
        return bins.sum(min_count=1)
    if callable(aggregation):
        return bins.agg(lambda x: aggregation(x) if x.notna().any() else np.nan)
    return bins.agg(aggregation)


# -- reference -----------------------------------------------------------------------------------

ZONES = (None, "UTC", "Europe/Berlin", "America/New_York")


@pytest.mark.parametrize(
    "aggregation",
    [
        "mean",
        "sum",
        "last",
        "max",
        "median",
        "std",
        "count",
        spread,
        {"heat": "sum", "load": "max"},
    ],
)
@quick
@given(frame=irregular(ZONES), freq=st.sampled_from(["h", "D", "30min", "7h", "W", "MS", "12h"]))
def test_bins_equal_those_of_pandas(aggregation, frame, freq):
    before = frame.copy()

    regular = Resampler(freq, aggregation=aggregation).fit_transform(frame)

    if isinstance(aggregation, dict):
        parts = [as_pandas_does(frame[[c]], freq, aggregation[c]) for c in frame]
        expected = pd.concat(parts, axis=1)
    else:
        expected = as_pandas_does(frame, freq, aggregation)
    pd.testing.assert_frame_equal(regular, expected, check_freq=False)
    pd.testing.assert_frame_equal(frame, before)


@quick
@given(frame=irregular(ZONES))
def test_every_bin_from_the_first_row_to_the_last_is_a_row(frame):
    regular = Resampler("h").fit_transform(frame)

    stamps = frame.index.tz_convert("UTC") if frame.index.tz else frame.index
    first, last = stamps.min().floor("h"), stamps.max().floor("h")
    assert len(regular) == (last - first) / pd.Timedelta("1h") + 1
    assert regular.index.is_monotonic_increasing
    assert regular.index.is_unique


@pytest.mark.parametrize("aggregation", ["sum", "prod", "mean", "last", np.sum, spread])
def test_of_no_values_there_is_no_value(aggregation):
    frame = frame_of(a=[1.0, 2.0, 3.0], b=[1.0, np.nan, np.nan])

    regular = Resampler("D", aggregation=aggregation).fit_transform(frame)

    assert regular["a"].isna().tolist() == [False, True, False]
    assert regular["b"].isna().tolist() == [True, True, False]


def test_counting_nothing_gives_0_in_dates_and_in_periods():
    frame = frame_of(a=[1.0, 2.0, 3.0])
    periods = frame.set_axis(STAMPS.to_period("h"))

    assert Resampler("D", aggregation="count").fit_transform(frame)["a"].tolist() == [2, 0, 1]
    assert Resampler("D", aggregation="count").fit_transform(periods)["a"].tolist() == [2, 0, 1]
    assert Resampler("D", aggregation="any").fit_transform(frame)["a"].tolist() == [1, 0, 1]


def test_rows_of_one_time_stay_in_their_order():
    frame = pd.DataFrame({"a": [3.0, 1.0, 2.0]}, index=STAMPS[[0, 1, 1]])

    first = Resampler("D", aggregation="first").fit_transform(frame)
    last = Resampler("D", aggregation="last").fit_transform(frame)

    assert first["a"].iloc[0] == 1
    assert last["a"].iloc[0] == 2


def test_a_shorter_frequency_makes_more_rows():
    months = pd.Series([1.0, 2.0, 4.0], pd.date_range("2024-01-01", periods=3, freq="MS"), name="a")

    daily = Resampler("D", fill="ffill").fit_transform(months)

    pd.testing.assert_series_equal(daily, months.resample("D").ffill())
    assert Resampler("D").fit_transform(months).notna().sum() == 3


@pytest.mark.parametrize("freq", ["h", pd.Timedelta("1h"), pd.offsets.Hour(1)])
def test_a_frequency_has_several_forms(freq):
    frame = frame_of(a=[1.0, 2.0, 3.0])

    pd.testing.assert_frame_equal(
        Resampler(freq).fit_transform(frame), Resampler("60min").fit_transform(frame)
    )


# -- fills ---------------------------------------------------------------------------------------

GAPPY = np.array([np.nan, 1.0, np.nan, np.nan, 4.0, 0.0, np.nan, 3.0, np.nan])


def filled_by_hand(values, fill, x):
    """What `fill` makes of values at x."""
    known = np.flatnonzero(~np.isnan(values))
    inside = (np.arange(len(values)) >= known[0]) & (np.arange(len(values)) <= known[-1])
    if fill in ("ffill", "bfill"):
        return getattr(pd.Series(values), fill)().to_numpy()
    if isinstance(fill, float):
        return np.nan_to_num(values, nan=fill)
    if fill == "spline":
        return np.where(inside, CubicSpline(x[known], values[known])(x), np.nan)
    x = np.arange(len(values)) if fill == "linear" else x
    return np.where(inside, np.interp(x, x[known], values[known]), np.nan)


@pytest.mark.parametrize("fill", [0.5, *FILLS])
@pytest.mark.parametrize("kind", ["hours", "Berlin", "months", "periods", "numbers"])
def test_gaps_are_filled_as_by_hand_and_ends_stay(fill, kind):
    index = {
        "hours": pd.date_range("2024-01-01", periods=9, freq="h"),
        "Berlin": pd.date_range("2024-03-28", periods=9, freq="D", tz="Europe/Berlin"),
        "months": pd.date_range("2024-01-01", periods=9, freq="MS"),
        "periods": pd.period_range("2024-01", periods=9, freq="M"),
        "numbers": pd.RangeIndex(3, 30, 3),
    }[kind]
    freq = {"hours": "h", "Berlin": "D", "months": "MS", "periods": "M", "numbers": 3}[kind]
    dates = index.to_timestamp() if kind == "periods" else index
    x = np.asarray(dates.as_unit("ns").asi8 if kind != "numbers" else dates)
    x = (x - x[0]) / (x[1] - x[0])

    filled = Resampler(freq, fill=fill).fit_transform(pd.Series(GAPPY, index))

    np.testing.assert_allclose(filled, filled_by_hand(GAPPY, fill, x), rtol=1e-9)
    assert filled.index.equals(index)


def test_no_fill_leaves_what_is_missing():
    index = pd.date_range("2024-01-01", periods=9, freq="h")

    np.testing.assert_array_equal(Resampler("h").fit_transform(pd.Series(GAPPY, index)), GAPPY)


@pytest.mark.parametrize("fill", ["linear", "time", "spline"])
@pytest.mark.parametrize("known", [1, 2, 3])
def test_interpolation_makes_do_with_few_values(fill, known):
    values = pd.Series(1.0, pd.date_range("2024-01-01", periods=5, freq="h"))
    values.iloc[1:-1] = np.nan
    values.iloc[known:-1] = np.nan
    values.iloc[-1] = 1.0 if known > 1 else np.nan

    filled = Resampler("h", fill=fill).fit_transform(values)

    assert filled.notna().sum() == (5 if known > 1 else 1)
    assert (filled.dropna() == 1).all()


def test_interpolation_leaves_columns_without_gaps_as_they_are():
    frame = pd.DataFrame({"n": [1, 2], "x": [1.0, 2.0]}, pd.date_range("2024", periods=2))

    filled = Resampler("D", aggregation="last", fill="linear").fit_transform(frame)

    assert filled.dtypes.astype(str).tolist() == ["int64", "float64"]


# -- clocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("start", ["2024-03-08", "2024-03-29", "2024-04-05", "2024-10-04"])
@pytest.mark.parametrize(("freq", "hours"), [("h", 24 * 25), ("D", 24 * 25), ("15min", 24 * 4)])
def test_hours_and_days_are_regular_where_clocks_change(zone, start, freq, hours):
    every = pd.date_range(start, periods=2 * hours, freq="30min", tz="UTC").tz_convert(zone)
    rows = np.random.default_rng(0).permutation(len(every))[: len(every) // 3]
    series = pd.Series(np.arange(len(rows), dtype=float), every[rows])

    regular = Resampler(freq, fill="ffill").fit_transform(series)

    expected = pd.date_range(regular.index[0], regular.index[-1], freq=freq)
    assert regular.index.equals(expected)
    assert str(regular.index.tz) == zone
    assert not regular.isna().any()
    if freq == "D":
        assert (regular.index == regular.index.normalize()).all()


def test_both_hours_of_a_change_of_clocks_are_kept():
    index = pd.date_range("2024-10-27", periods=6, freq="h", tz="Europe/Berlin")  # 02:00 twice
    series = pd.Series(np.arange(6.0), index)

    pd.testing.assert_series_equal(Resampler("h").fit_transform(series[::-1]), series)


# -- dtypes and names ----------------------------------------------------------------------------

DTYPES = {
    "float32": np.array([3, 1, 2], dtype=np.float32),
    "float64": np.array([3, 1, 2], dtype=np.float64),
    "Float64": pd.array([3, 1, None], dtype="Float64"),
    "int64": np.array([3, 2**60 + 1, 2**60 + 3], dtype=np.int64),
    "uint8": np.array([3, 100, 200], dtype=np.uint8),
    "Int64": pd.array([3, 2**60 + 1, 2**60 + 3], dtype="Int64"),
    "bool": np.array([True, True, False]),
    "boolean": pd.array([True, True, False], dtype="boolean"),
    "category": pd.Categorical(["c", "a", "b"]),
    "string": pd.array(["c", "a", "b"], dtype="string"),
    "object": np.array(["c", "a", "b"], dtype=object),
    "datetime": pd.to_datetime(["2024-01-03", "2024-01-01", "2024-01-02"]).tz_localize("UTC"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("aggregation", ["first", "last"])
@pytest.mark.parametrize("fill", ["ffill", "bfill"])
def test_dtypes_are_kept_and_values_are_exact(dtype, aggregation, fill):
    frame = frame_of(a=DTYPES[dtype])

    regular = Resampler("D", aggregation=aggregation, fill=fill).fit_transform(frame)

    rows = {"first": 1, "last": 1 if dtype == "Float64" else 2}[aggregation]
    expected = frame["a"].iloc[[rows, rows if fill == "ffill" else 0, 0]]
    pd.testing.assert_series_equal(regular["a"], expected.set_axis(regular.index))


@pytest.mark.parametrize("dtype", list(DTYPES)[:8])
@pytest.mark.parametrize("aggregation", ["sum", "max", "mean"])
def test_dtypes_are_those_of_pandas_where_no_bin_is_empty(dtype, aggregation):
    frame = frame_of(a=DTYPES[dtype])
    rows = frame.iloc[1:] if dtype == "Float64" else frame

    regular = Resampler("3D", aggregation=aggregation).fit_transform(rows)

    expected = rows.sort_index().resample("3D").agg(aggregation)
    if (dtype, aggregation) == ("uint8", "sum"):
        expected = expected.astype(np.uint64)
    pd.testing.assert_frame_equal(regular, expected)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("uint8", [300, 300, 3]), ("bool", [1, 1, 1]), ("int64", [2**61 + 4, 2**61 + 4, 3])],
)
def test_sums_of_whole_numbers_neither_overflow_nor_round(dtype, expected):
    regular = Resampler("D", aggregation="sum", fill="ffill").fit_transform(
        frame_of(a=DTYPES[dtype])
    )

    assert regular["a"].tolist() == expected
    assert regular["a"].dtype.kind in "iu"


@pytest.mark.parametrize("aggregation", ["sum", "prod"])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("bool", "int64"), ("int8", "int64"), ("int32", "int64"), ("uint8", "uint64")],
)
def test_dtypes_of_sums_do_not_depend_on_values(dtype, expected, large, aggregation):
    values = np.array([1, 100 if large else 1, 100 if large else 0]).astype(dtype)
    frame = frame_of(a=values)

    regular = Resampler("D", aggregation=aggregation, fill=0).fit_transform(frame)

    whole = getattr(values[1:].astype(object), aggregation)()
    assert regular["a"].tolist() == [int(whole), 0, 1]
    assert regular["a"].dtype == expected


@pytest.mark.parametrize(
    ("fill", "dtype", "values"),
    [
        (None, "float64", [200, np.nan, 3]),
        (0, "uint8", [200, 0, 3]),
        (300, "uint64", [200, 300, 3]),
        (-1, "float64", [200, -1, 3]),
        (1e30, "float64", [200, 1e30, 3]),
        (0.5, "float64", [200, 0.5, 3]),
        ("linear", "float64", [200, 101.5, 3]),
    ],
)
def test_whole_numbers_stay_whole_if_what_fills_gaps_is(fill, dtype, values):
    frame = frame_of(a=DTYPES["uint8"])

    regular = Resampler("D", aggregation="last", fill=fill).fit_transform(frame)

    np.testing.assert_array_equal(regular["a"], values)
    assert regular["a"].dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "fill", "expected"),
    [
        ("float32", "linear", "float32"),
        ("float32", "spline", "float32"),
        ("float32", 0, "float32"),
        ("Int64", "linear", "Float64"),
        ("Int64", 0.5, "Float64"),
        ("Int64", 1, "Int64"),
        ("bool", 0.5, "float64"),
        ("bool", "time", "float64"),
        ("boolean", 0.5, "Float64"),
    ],
)
def test_filled_columns_are_floats_of_their_kind(dtype, fill, expected):
    regular = Resampler("D", aggregation="last", fill=fill).fit_transform(frame_of(a=DTYPES[dtype]))

    assert regular["a"].dtype == expected
    assert not regular["a"].isna().any()


@by_fill
@pytest.mark.parametrize("kind", ["dates", "periods", "numbers"])
def test_names_and_order_of_columns_are_kept(kind, fill):
    columns = pd.Index(["z", "a", "m"], name="meter")
    index = {"dates": STAMPS, "periods": STAMPS.to_period("D"), "numbers": pd.Index([3, 1, 1])}
    frame = pd.DataFrame(np.eye(3), index[kind].rename("time"), columns)
    rules = {"a": "max", "z": "mean", "m": "max"}

    regular = Resampler(1 if kind == "numbers" else "D", rules, fill).fit_transform(frame)

    assert regular.columns.equals(columns)
    assert regular.columns.name == "meter"
    assert regular.index.name == "time"
    assert len(regular) == 3


def test_columns_may_have_several_levels():
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["p", "q"])
    frame = pd.DataFrame(np.ones((3, 2)), STAMPS, columns)

    regular = Resampler("D", {("a", "x"): "sum", ("a", "y"): "max"}, "linear").fit_transform(frame)

    assert regular.columns.equals(columns)
    assert regular.to_numpy().tolist() == [[2, 1], [1.5, 1], [1, 1]]


@pytest.mark.parametrize("name", ["load", 7, None])
def test_a_series_gives_a_series_of_its_name(name):
    series = pd.Series([1.0, 2.0, 3.0], STAMPS, name=name)

    regular = Resampler("D").fit(series).transform(series.rename("other").iloc[::-1])

    assert isinstance(regular, pd.Series)
    assert regular.name == "other"
    assert Resampler("D").fit_transform(series).name == name


# -- periods and whole numbers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "to", "values", "labels"),
    [
        ("M", "Q", [0.5, 3.0], ["2024Q1", "2024Q2"]),
        ("M", "2M", [0.0, 1.0, 3.0, 4.0], ["2024-02", "2024-04", "2024-06", "2024-08"]),
        ("D", "M", [2.0], ["2024-02"]),
        ("D", "2D", [0.0, 1.0, 3.0, 4.0], ["2024-02-01", "2024-02-03", "2024-02-05", "2024-02-07"]),
        ("M", "Y", [2.0], ["2024"]),
    ],
)
def test_periods_become_longer_ones(of, to, values, labels):
    index = pd.period_range("2024-02", periods=7, freq=of)[[6, 0, 2, 5, 4]]
    series = pd.Series([4.0, 0.0, 1.0, 3.0, 2.0], index, name="a")
    if (of, to) == ("M", "Q"):
        series = series.iloc[1:4]
        values, labels = [0.0, 1.0, 3.0], ["2024Q1", "2024Q2", "2024Q3"]
    if to in ("2M", "2D"):
        series = series.drop(index[4])

    regular = Resampler(to).fit_transform(series)

    assert regular.tolist() == values
    assert regular.index.equals(pd.PeriodIndex(labels, freq=to))


def test_periods_become_shorter_ones_at_their_beginning():
    quarters = pd.Series([1.0, 4.0], pd.period_range("2024Q1", periods=2, freq="Q"))

    months = Resampler("M", fill="linear").fit_transform(quarters)

    assert months.tolist() == [1, 2, 3, 4]
    assert months.index.equals(pd.period_range("2024-01", periods=4, freq="M"))


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint16", "Int64"])
def test_whole_numbers_go_into_bins_from_the_first(dtype):
    series = pd.Series([4.0, 1.0, 2.0, 6.0], pd.Index([120, 1, 2, 2], dtype=dtype))

    regular = Resampler(50, aggregation="last").fit_transform(series)

    np.testing.assert_array_equal(regular, [6, np.nan, 4])
    assert regular.index.tolist() == [1, 51, 101]


def test_whole_numbers_far_apart_do_not_overflow_their_dtype():
    series = pd.Series([1.0, 2.0], pd.Index([-128, 127], dtype="int8"))

    assert Resampler(100).fit_transform(series).index.tolist() == [-128, -28, 72]


def bins_beyond_memory():
    stamps = pd.DatetimeIndex(["1970-01-01", "2024-01-01", "2024-01-02"])
    return {
        "one stamp of 1970": (stamps, "s", "1,704,153,601 bins from the first to the last of 3"),
        "periods": (stamps.to_period("s"), "s", "1,704,153,601 bins"),
        "one number": (pd.Index([0, 1, 5_000_000_000]), "infer", "freq=1 .* 5,000,000,001 bins"),
    }


@pytest.mark.parametrize("case", bins_beyond_memory())
def test_bins_that_would_fill_the_memory_are_refused_before_work(case):
    index, freq, words = bins_beyond_memory()[case]

    with pytest.raises(FrequencyError, match=f"Resampler: .*{words}.*Drop stray rows"):
        Resampler(freq).fit_transform(pd.Series([1.0, 2.0, 3.0], index))


# -- panels --------------------------------------------------------------------------------------


def panel_of_frames():
    """Two series of unequal lengths, the second one more finely measured."""
    rng = np.random.default_rng(0)
    first = pd.date_range("2024-01-01", periods=5, freq="12h", name="time")
    second = pd.date_range("2024-02-01", periods=30, freq="3h", name="time")
    return [pd.DataFrame(rng.normal(size=(len(i), 2)), i, ["a", "b"]) for i in (first, second)]


def test_each_frame_of_a_list_is_resampled_on_its_own():
    frames = panel_of_frames()

    regular = Resampler("D").fit_transform(frames)

    assert isinstance(regular, list)
    for frame, expected in zip(regular, frames, strict=True):
        pd.testing.assert_frame_equal(frame, expected.resample("D").mean())


def test_each_series_of_a_list_keeps_its_name():
    series = [frame["a"].rename(name) for frame, name in zip(panel_of_frames(), "xy", strict=True)]

    regular = Resampler("D").fit_transform(series)

    assert [x.name for x in regular] == ["x", "y"]
    assert [x.ndim for x in regular] == [1, 1]


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("column", [None, "a"])
def test_series_of_a_multiindex_are_resampled_each_on_its_own(levels, column):
    keys = ["v", "u"] if levels == 1 else [("v", 1), ("u", 2)]
    names = ["name", "time"] if levels == 1 else ["name", "number", "time"]
    whole = pd.concat(panel_of_frames(), keys=keys, names=names)
    whole = whole if column is None else whole[column]

    regular = Resampler("D").fit_transform(whole)

    assert type(regular) is type(whole)
    assert list(regular.index.names) == names
    parts = [frame.resample("D").mean() for frame in panel_of_frames()]
    expected = pd.concat(parts, keys=keys, names=names)
    pd.testing.assert_frame_equal(
        regular.to_frame() if column else regular, expected[[column]] if column else expected
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_are_aggregated_so_many_steps_at_a_time(dtype):
    X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(dtype)

    regular = Resampler(factor=2).fit_transform(X)

    expected = np.stack([X[:, :2].mean(1), X[:, 2:4].mean(1), X[:, 4]], axis=1)
    np.testing.assert_allclose(regular, expected, rtol=1e-6)
    assert regular.dtype == dtype
    assert Resampler(factor=9).fit_transform(X).shape == (3, 1, 2)
    np.testing.assert_array_equal(Resampler(factor=1).fit_transform(X), X)


def test_columns_of_a_table_are_steps():
    X = np.arange(10.0).reshape(2, 5)

    assert Resampler(factor=2).fit_transform(X).tolist() == [[0.5, 2.5, 4], [5.5, 7.5, 9]]
    assert Resampler(factor=2, aggregation={0: "max"}).fit_transform(X)[0].tolist() == [1, 3, 4]


def test_lists_and_sequences_of_unequal_lengths_keep_their_form():
    flat = [[1.0, 3.0, 8.0], [5.0, 7.0]]
    deep = [np.array(x)[:, np.newaxis] for x in flat]
    resampler = Resampler(factor=2, aggregation="sum")

    assert [x.tolist() for x in resampler.fit_transform(flat)] == [[4, 8], [12]]
    assert [x.tolist() for x in resampler.fit_transform(deep)] == [[[4], [8]], [[12]]]
    sequences = resampler.fit_transform(as_sequences(deep, name="test"))
    assert [x.tolist() for x in sequences] == [[[4], [8]], [[12]]]
    assert resampler.freq_ == 2


def test_overlapping_windows_are_sequences_of_their_own():
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 4)

    assert Resampler(factor=2).fit_transform(windows).tolist() == [
        [0.5, 2.5],
        [1.5, 3.5],
        [2.5, 4.5],
    ]


@by_fill
def test_padding_of_arrays_stays_padding(fill):
    X = np.full((2, 7, 1), np.nan)
    X[0, :3, 0], X[0, 4, 0] = [1, 2, 3], 5
    X[1, 4:, 0] = 1

    regular = Resampler(factor=1, fill=fill).fit_transform(X)

    assert np.isnan(regular[0, 5:]).all()
    assert np.isnan(regular[1, :4]).all()
    assert np.isnan(regular[0, 3, 0]) == (fill is None)
    assert not np.isnan(regular[0, [0, 1, 2, 4]]).any()


def test_a_sequence_of_which_nothing_is_known_stays_so():
    X = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])

    regular = Resampler(factor=1, fill="linear").fit_transform(X)

    np.testing.assert_array_equal(regular, [[1, 2, 3], [np.nan] * 3])


# -- as an estimator -----------------------------------------------------------------------------


NO_WAY_BACK = {"check_array_api_input": "it calls inverse_transform, and there is no way back"}


@parametrize_with_checks([Resampler(factor=2)], expected_failed_checks=lambda _: NO_WAY_BACK)
def test_scikit_learn_suite(estimator, check):
    check(estimator)


def test_what_was_fitted_on_one_series_resamples_another():
    days = pd.Series(np.arange(9.0), pd.date_range("2024-01-01", periods=9))
    hours = pd.Series(np.arange(60.0), pd.date_range("2025-01-01", periods=60, freq="h"))

    resampler = Resampler().fit(days)

    assert resampler.freq_ == "D"
    assert resampler.explanation_.endswith("at regular steps: freq='D'.")
    pd.testing.assert_series_equal(resampler.transform(hours), hours.resample("D").mean())
    assert Resampler("2D").fit(days).explanation_ == "freq='2D' was given."


@pytest.mark.parametrize("freq", ["h", "D", "B", "W-WED", "MS", "ME", "QE-DEC", "36h"])
def test_an_inferred_frequency_leaves_regular_series_as_they_are(freq):
    index = pd.date_range("2024-01-03", periods=30, freq=freq, tz="Europe/Berlin")
    series = pd.Series(np.arange(30.0), index)
    if freq == "36h":
        series = series.tz_localize(None)

    regular = Resampler().fit_transform(series)

    np.testing.assert_array_equal(regular, series)


def test_clones_and_pickles_do_the_same():
    frame = frame_of(a=[1.0, 2.0, 3.0])
    resampler = Resampler("D", aggregation={"a": "max"}, fill="linear").fit(frame)

    expected = resampler.transform(frame)

    pd.testing.assert_frame_equal(clone(resampler).fit_transform(frame), expected)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(resampler)).transform(frame), expected)
    assert len(resampler.set_params(freq="h").fit_transform(frame)) == 52
    assert not hasattr(clone(resampler), "freq_")


def test_refitting_forgets_what_was_learned_before():
    resampler = Resampler().fit(frame_of(a=[1.0, 2.0, 3.0]))

    resampler.set_params(factor=2).fit(np.zeros((2, 4, 3)))

    assert resampler.freq_ == 2
    assert resampler.explanation_ == "factor=2 was given."
    assert resampler.n_features_in_ == 3
    assert not hasattr(resampler, "feature_names_in_")


@by_fill
def test_the_input_is_neither_modified_nor_written_to(fill):
    frame = frame_of(a=[1.0, np.nan, 3.0], n=[1, 2, 3])
    before, X = frame.copy(), np.array([[1.0, np.nan, 3.0]])
    X.flags.writeable = False

    Resampler("h", fill=fill).fit_transform(frame)
    Resampler(factor=1, fill=fill).fit_transform(X)

    pd.testing.assert_frame_equal(frame, before)
    assert np.isnan(X[0, 1])


@pytest.mark.parametrize("fitted", [True, False])
def test_there_is_no_way_back(fitted):
    frame = frame_of(a=[1.0, 2.0, 3.0])
    resampler = Resampler("D").fit(frame) if fitted else Resampler("D")

    with pytest.raises(NotImplementedError, match=r"Resampler: there is no way back.*ResampledReg"):
        resampler.inverse_transform(frame)


def test_transform_waits_for_fit():
    with pytest.raises(NotFittedError):
        Resampler("D").transform(frame_of(a=[1.0, 2.0, 3.0]))


def test_a_panel_goes_through_a_pipeline_and_a_search():
    rng = np.random.default_rng(0)
    y = np.arange(18) % 2
    X = []
    for label in y:
        minutes = np.sort(rng.choice(600, size=rng.integers(20, 40), replace=False))
        index = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")
        X.append(pd.DataFrame({"a": rng.normal(4 * label, 1, len(index)), "b": 1.0}, index))
    model = RNNClassifier(hidden_size=4, max_epochs=15, missing="ffill", lr=0.05, random_state=0)
    pipeline = make_pipeline(Resampler("h", fill="linear"), SequenceScaler(), model)
    grid = {
        "resampler__freq": ["h", "30min"],
        "resampler__aggregation": ["mean", {"a": "max", "b": "last"}],
    }

    search = GridSearchCV(pipeline.set_output(transform="pandas"), grid, cv=2).fit(X, y)

    assert search.score(X, y) > 0.9
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_[0].feature_names_in_.tolist() == ["a", "b"]


# -- the functions -------------------------------------------------------------------------------


def test_functions_answer_in_the_order_of_the_reducers():
    frame = frame_of(a=[1, 2, 3], b=[1.0, 2.0, 3.0], c=[4, 5, 6])

    reducers = reducers_of({"c": "max", "b": "sum", "a": "max"}, frame.columns, "Test")
    bins = aggregate(frame.groupby([1, 0, 0]), reducers, "Test")

    assert reducers == {"max": ["a", "c"], "sum": ["b"]}
    assert bins.to_dict("list") == {"a": [3, 1], "c": [6, 4], "b": [5.0, 1.0]}


def test_fill_gaps_returns_a_frame_of_its_own():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0]}, pd.date_range("2024-01-01", periods=3))

    filled = fill_gaps(frame, "linear", "Test")

    assert filled["a"].tolist() == [1, 2, 3]
    assert frame["a"].isna().sum() == 1


# -- bad input -----------------------------------------------------------------------------------

GOOD = frame_of(a=[1.0, 2.0, 3.0], b=[4.0, 5.0, 6.0])
TEXT = frame_of(a=[1.0, 2.0, 3.0], t=["x", "y", "z"])
MIXED = pd.Index([pd.Timestamp("2024-01-01", tz=zone) for zone in ("UTC", "Asia/Tokyo", None)])
CUBE = np.zeros((2, 3, 1))
NO_DATES = r"Resampler: X must have dates, periods or whole numbers as index; got {}\. Give X\.set_"
BAD: dict[str, tuple[dict, Any, type[Exception], str]] = {
    "cube": ({}, CUBE, TimeOrderError, NO_DATES.format("arrays without dates")),
    "table": ({}, CUBE[0], TimeOrderError, NO_DATES.format("arrays without dates")),
    "list of arrays": ({}, [*CUBE], TimeOrderError, NO_DATES.format("arrays without dates")),
    "array among frames": ({}, [GOOD, CUBE[0]], TimeOrderError, r"got arrays without dates"),
    "text as index": ({}, GOOD.set_axis(["x", "y", "z"]), TimeOrderError, r"got an index of "),
    "text as index of one": (
        {},
        [GOOD, TEXT.set_axis(list("xyz"))],
        TimeOrderError,
        r"an index of",
    ),
    "numbers with a point": ({}, GOOD.set_axis([0.5, 1, 2]), TimeOrderError, r"index of float64\."),
    "zones in an index": ({}, GOOD.set_axis(MIXED), TimeOrderError, r"index of object\..*utc=True"),
    "zones in a panel": (
        {"freq": "D"},
        [GOOD, GOOD.tz_localize("UTC"), GOOD.tz_localize("Asia/Tokyo")],
        TimeOrderError,
        r"one time zone; got dates in zone Asia/Tokyo and dates in zone UTC and dates without a zo",
    ),
    "kinds in a panel": (
        {"freq": "D"},
        [GOOD, GOOD.reset_index(drop=True), GOOD.set_axis(STAMPS.to_period("D"))],
        TimeOrderError,
        r"got dates without a zone and periods of D and whole numbers\. Use tz_conv",
    ),
    "NaT": (
        {"freq": "D"},
        GOOD.set_axis(STAMPS.where([True, False, False])),
        TimeOrderError,
        r"every row must have a date; got 2 of 3 that are NaT\. Drop them",
    ),
    "empty list": ({}, [], ValueError, r"Resampler: X is empty; at least 1 series is needed"),
    "empty list, factor": ({"factor": 2}, [], ValueError, r"Resampler: X is empty; at least 1"),
    "no rows": (
        {"freq": "D"},
        GOOD[:0],
        SeriesTooShortError,
        r"every series must have a row.*0 ro",
    ),
    "no rows in one": ({}, [GOOD, GOOD[:0]], SeriesTooShortError, r"0 rows among 2\. Leave empty"),
    "no columns": ({"freq": "D"}, GOOD[[]], ValueError, r"got 0 columns of 0 names\. Rename"),
    "a name twice": (
        {"freq": "D"},
        GOOD[["a", "a"]],
        ValueError,
        r"got 2 columns of 1 names\. Ren",
    ),
    "infinity": (
        {"freq": "D"},
        GOOD.replace(5, -np.inf),
        ValueError,
        r"X contains infinity in the columns \['b'\]; every value must be finite or missing",
    ),
    "infinity in arrays": ({"factor": 2}, CUBE + np.inf, ValueError, r"X contains infinity"),
    "one stamp": (
        {},
        GOOD[:1],
        SeriesTooShortError,
        r"Resampler: freq='infer' needs two different",
    ),
    "unknown frequency": ({"freq": "x"}, GOOD, FrequencyError, r"Resampler: freq must be a freq"),
    "frequency of periods": (
        {"freq": "MS"},
        GOOD.set_axis(STAMPS.to_period("D")),
        FrequencyError,
        r"pandas knows for a PeriodIndex.*months, 'M'; got 'MS'",
    ),
    "negative frequency": ({"freq": "-1h"}, GOOD, FrequencyError, r"forward in time; got '-1h'"),
    "no frequency": ({"freq": "0h"}, GOOD, FrequencyError, r"forward in time; got '0h'"),
    "hours of numbers": (
        {"freq": "h"},
        GOOD.reset_index(drop=True),
        FrequencyError,
        r"freq must be a whole number of at least 1 for an index of whole numbers; got 'h'",
    ),
    "unknown fill": (
        {"fill": "x"},
        GOOD,
        ValueError,
        r"fill must be None, a finite number, or one",
    ),
    "true fill": ({"fill": True}, GOOD, ValueError, r"fill must be None.*; got True\."),
    "infinite fill": ({"fill": np.inf}, GOOD, ValueError, r"fill must be None.*; got inf\."),
    "list as fill": ({"fill": [1]}, GOOD, ValueError, r"fill must be None.*; got \[1\]\."),
    "text, mean": (
        {"freq": "D"},
        TEXT,
        ValueError,
        r"'mean' failed on them \(TypeError\)\. Use 'fi",
    ),
    "text, linear": (
        {"freq": "D", "aggregation": "last", "fill": "linear"},
        TEXT,
        ValueError,
        r"fill='linear' needs columns of numbers; the columns \['t'\] hold none\. Use 'ffill'",
    ),
    "text, number": (
        {"freq": "D", "aggregation": "last", "fill": 0},
        TEXT,
        ValueError,
        r"fill=0 needs columns of numbers; the columns \['t'\] hold none",
    ),
    "nothing known": (
        {"freq": "D", "fill": "ffill"},
        GOOD.assign(b=np.nan),
        MissingValuesError,
        r"fill='ffill' needs a value to start from; the columns \['b'\] hold none in a series of 3",
    ),
    "column left out": (
        {"freq": "D", "aggregation": {"a": "sum"}},
        GOOD,
        ValueError,
        r"aggregation must say what becomes of each column of X; got none for \['b'\], and some fo",
    ),
    "column added": (
        {"freq": "D", "aggregation": {"a": "sum", "b": "sum", "c": "sum"}},
        GOOD,
        ValueError,
        r"got none for \[\], and some for \['c'\], which X does not have",
    ),
    "unknown reducer": (
        {"aggregation": "x"},
        GOOD,
        ValueError,
        r"reducer that pandas knows.*'x'\.",
    ),
    "two reducers": (
        {"aggregation": {"a": ["min", "max"], "b": "max"}},
        GOOD,
        ValueError,
        r"for each column one; got \['min', 'max'\]\. Use 'mean'",
    ),
    "unknown reducer of arrays": (
        {"factor": 2, "aggregation": {1: "sum"}},
        CUBE,
        ValueError,
        r"got none for \[0\], and some for \[1\]",
    ),
    "factor with dates": (
        {"factor": 2},
        GOOD,
        TimeOrderError,
        r"factor=2 is for arrays; got 1 series with an index of datetime64\[.*Leave factor out",
    ),
    "factor with a panel": ({"factor": 2}, [GOOD, GOOD], TimeOrderError, r"arrays; got 2 series"),
    "factor with numbers": (
        {"factor": 2},
        [GOOD.reset_index(drop=True)],
        TimeOrderError,
        r"got 1 series with an index of int64\. Leave factor out and give freq=2, or",
    ),
    "factor and freq": (
        {"factor": 2, "freq": "h"},
        CUBE,
        ValueError,
        r"one length; got freq='h' an",
    ),
    "factor 0": (
        {"factor": 0},
        CUBE,
        ValueError,
        r"'factor' parameter of Resampler must be an int",
    ),
    "half a factor": (
        {"factor": 1.5},
        CUBE,
        ValueError,
        r"'factor' parameter of Resampler must be",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_words(case):
    options, X, error, words = BAD[case]

    with pytest.raises(error, match=words):
        Resampler(**options).fit_transform(X)


@pytest.mark.parametrize("reducer", ["cumsum", "ffill", "size", "ohlc", "describe", "shift"])
@pytest.mark.parametrize("freq", ["D", "3D"])
def test_what_does_not_reduce_is_refused(reducer, freq):
    with pytest.raises(ValueError, match=rf"Resampler: aggregation must .*{reducer}"):
        Resampler(freq, aggregation=reducer).fit_transform(GOOD)


def test_a_function_that_answers_several_values_is_refused():
    with pytest.raises(ValueError, match=r"Resampler: aggregation must be a reducer of pandas"):
        Resampler("D", aggregation=lambda x: [1, 2]).fit_transform(GOOD)


@pytest.mark.parametrize(
    ("columns", "words"), [(["b", "a"], "same order"), (["a", "c"], "unseen at fit time")]
)
@pytest.mark.parametrize("in_panel", [True, False])
def test_columns_of_transform_are_those_of_fit(columns, words, in_panel):
    resampler = Resampler("D").fit(GOOD)
    other = GOOD.set_axis(columns, axis=1)

    with pytest.raises(ValueError, match=words):
        resampler.transform([GOOD, other] if in_panel else other)
    with pytest.raises(ValueError, match=words):
        Resampler("D").fit([GOOD, other])


def test_number_of_features_of_transform_is_that_of_fit():
    with pytest.raises(ValueError, match=r"X has 1 features, but Resampler is expecting 2"):
        Resampler("D").fit(GOOD).transform(GOOD["a"])
    with pytest.raises(SequenceShapeError, match=r"X must have 1 features, as in fit; got 2\."):
        Resampler(factor=2).fit(CUBE).transform(np.zeros((2, 3, 2)))
