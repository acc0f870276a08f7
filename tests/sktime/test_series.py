"""The door between frames and tables: any order and index, and what it says of bad ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn.exceptions import (
    FrequencyError,
    InputsError,
    MissingValuesError,
    TargetTypeError,
    TimeOrderError,
)
from sklearn_rnn.sktime.inputs import covered, filled, learn_inputs
from sklearn_rnn.sktime.series import joined, layout_of, read_series
from sklearn_rnn.sktime.tables import check_values, lengthened, table_of, together
from sklearn_rnn.sktime.timeline import timeline_of

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")

INDICES = {
    "days": DAYS,
    "days without a frequency": DAYS._with_freq(None),
    "days in a zone where clocks change": pd.date_range(
        "2024-03-20", periods=40, tz="Europe/Berlin"
    ),
    "hours over a change of clocks": pd.date_range(
        "2024-03-30", periods=60, freq="h", tz="Europe/Berlin"
    ),
    "working days": pd.date_range("2024-01-01", periods=40, freq="B"),
    "month ends": pd.date_range("2024-01-31", periods=40, freq="ME"),
    "quarters": pd.date_range("2024-01-01", periods=20, freq="QS"),
    "every second month": pd.date_range("2024-01-01", periods=20, freq="2MS"),
    "days in the middle of months": pd.date_range(
        "2024-01-15", periods=20, freq=pd.DateOffset(months=1)
    )._with_freq(None),
    "nanoseconds": pd.date_range("2024-01-01", periods=9, freq="30min").as_unit("ns"),
    "periods": pd.period_range("2024-01", periods=40, freq="M"),
    "periods of two weeks": pd.period_range("2024-01", periods=40, freq="2W"),
    "numbers": pd.RangeIndex(3, 33),
    "negative numbers": pd.Index(np.arange(-5, 25)),
}


def frame(values, index, **columns):
    return pd.DataFrame({"y": values, **columns}, index)


def panel(**parts):
    return pd.concat(parts, names=["series", "time"])


def taken_apart(rows):
    layout = rows.layout
    return {
        None if layout.instances is None else layout.instances[n]: (
            rows.values[start : start + length],
            layout.timeline.stamps(first, first + length - 1),
        )
        for n, (start, length, first) in enumerate(
            zip(layout.starts, layout.lengths, layout.firsts, strict=True)
        )
    }


# -- stamps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INDICES)
def test_stamps_become_positions_and_stamps_again(name):
    index = INDICES[name]
    line = timeline_of(index[:-6], index[:-6], "test")

    positions, on_line = line.positions(index)

    assert on_line.all()
    assert (np.diff(positions) == 1).all()
    assert line.stamps(int(positions[0]), int(positions[-1])).equals(index)
    assert line.stamps(int(positions[-3]), int(positions[-1])).equals(index[-3:])
    assert line.at(positions[[1, 4, 2]]).equals(index[[1, 4, 2]])
    before = line.stamps(int(positions[0]) - 5, int(positions[0]) - 1)
    assert (line.positions(before)[0] == positions[0] + np.arange(-5, 0)).all()


@pytest.mark.parametrize(
    ("name", "span", "steps"),
    [
        ("days", "30D", 30),
        ("days", pd.Timedelta("36h"), 2),
        ("hours over a change of clocks", "2D", 48),
        ("month ends", pd.DateOffset(years=2), 24),
        ("month ends", "1YE", 12),
        ("periods", "365D", 12),
        ("working days", "14D", 10),
        ("quarters", "10D", 1),
    ],
)
def test_a_span_of_time_is_so_many_steps(name, span, steps):
    index = INDICES[name]

    assert timeline_of(index, index, "test").steps_within(span, "window_length") == steps


def test_dates_of_other_zones_and_units_have_the_same_positions():
    index = INDICES["hours over a change of clocks"]
    line = timeline_of(index, index, "test")

    for other in (index.tz_convert("UTC"), index.as_unit("ns"), index.tz_convert("Asia/Tokyo")):
        positions, on_line = line.positions(other)
        assert on_line.all()
        np.testing.assert_array_equal(positions, np.arange(len(index)))
    assert not line.positions(index + pd.Timedelta("1ns"))[1].any()


# -- series ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INDICES)
def test_one_series_is_read_without_a_copy(name):
    y = frame(np.arange(len(INDICES[name]), dtype=float), INDICES[name])

    rows = read_series(y, "test")

    assert np.shares_memory(rows.values, y["y"].to_numpy())
    _, stamps = taken_apart(rows)[None]
    assert stamps.equals(y.index)


@pytest.mark.parametrize("name", INDICES)
def test_series_of_a_panel_may_begin_and_end_when_they_like(name):
    index = INDICES[name]
    rng = np.random.default_rng(0)
    parts = {
        "b": frame(rng.normal(size=len(index) - 2), index[:-2]),
        "a": frame(rng.normal(size=len(index) - 3), index[3:]),
        "c": frame(rng.normal(size=1), index[5:6]),
    }

    read = taken_apart(read_series(panel(**parts), "test"))

    assert list(read) == ["b", "a", "c"]
    for key, part in parts.items():
        np.testing.assert_array_equal(read[key][0], part.to_numpy())
        assert read[key][1].equals(part.index)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_rows_of_series_may_stand_in_any_order_of_series(data):
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    firsts = data.draw(st.lists(st.integers(0, 5), min_size=len(lengths), max_size=len(lengths)))
    parts = {
        ("x", str(n)): frame(np.arange(length) + 10.0 * n, DAYS[first : first + length])
        for n, (length, first) in enumerate(zip(lengths, firsts, strict=True))
    }
    if len({stamp for part in parts.values() for stamp in part.index}) == 1:
        return  # nobody knows then how far apart stamps are
    whole = pd.concat(parts, names=["a", "b", "time"])
    turns = data.draw(st.permutations(np.repeat(range(len(lengths)), lengths).tolist()))
    ends = np.cumsum(lengths) - lengths
    seen = dict.fromkeys(range(len(lengths)), 0)
    order = []
    for turn in turns:
        order.append(ends[turn] + seen[turn])
        seen[turn] += 1
    try:
        read = taken_apart(read_series(whole.iloc[order], "test"))
    except FrequencyError:  # a step that none of the series shows
        return

    for key, part in parts.items():
        np.testing.assert_array_equal(read[key][0], part.to_numpy())
        assert read[key][1].equals(part.index)


def test_integers_and_nullable_numbers_become_floats():
    y = frame(pd.array([1, None, 3], dtype="Int64"), DAYS[:3], z=np.array([1, 2, 3], np.int8))

    values = read_series(y, "test").values

    np.testing.assert_array_equal(values, [[1, 1], [np.nan, 2], [3, 3]])


A_GAP = DAYS[[0, 1, 2, 3, 6, 7]]


@pytest.mark.parametrize(
    ("index", "error", "said"),
    [
        (DAYS[[0, 2, 1, 3, 4]], TimeOrderError, "2024-01-02.* after 2024-01-03"),
        (DAYS[[0, 1, 1, 2, 3]], TimeOrderError, r"2024-01-02.* twice.*duplicated\(\)"),
        (DAYS[[3, 1, 2, 1, 4]], TimeOrderError, r"2024-01-02.* twice.*duplicated\(\)"),
        (A_GAP, FrequencyError, r"2024-01-07.* after 2024-01-04.*asfreq\('D'\)"),
        (pd.Index([1, 2, 5, 6]), FrequencyError, r"5 after 2.*reindex\(range\(1, 7\)\)"),
        (
            pd.PeriodIndex(["2024-01", "2024-02", "2024-04"], freq="M"),
            FrequencyError,
            r"2024-04 after 2024-02.*resample\('M'\)",
        ),
        (DAYS[:1]._with_freq(None), FrequencyError, "at least two different dates"),
        (DAYS[:0], TimeOrderError, "must have rows"),
        (DAYS[[0, 1, 2]].insert(3, pd.NaT), TimeOrderError, "NaT"),
        (DAYS[::-1], FrequencyError, "forward"),
        (pd.timedelta_range("0D", periods=5), FrequencyError, "TimedeltaIndex"),
        (pd.Index([0.0, 1.0]), FrequencyError, "float64"),
        (
            pd.MultiIndex.from_product([[1, 2], ["2024-01-01", "2024-01-02"]]),
            FrequencyError,
            r"must hold dates.*to_datetime",
        ),
        (
            pd.MultiIndex.from_tuples([(None, 0), ("b", 0)], names=["shop", "day"]),
            TimeOrderError,
            r"every series of y needs a name; .* level 'shop'",
        ),
        (
            pd.MultiIndex([["a", np.nan], [0]], [[0, 1], [0, 0]]),
            TimeOrderError,
            "every series of y needs a name; .* level 0",
        ),
    ],
)
def test_an_index_that_is_no_line_of_steps_is_explained(index, error, said):
    with pytest.raises(error, match=f"^test: .*{said}"):
        layout_of(index, "test")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"a": DAYS, "b": A_GAP}, "2024-01-07.* after 2024-01-04.* in series 'b'.*Resampler"),
        ({"a": DAYS, "b": DAYS[[0, 1, 1]]}, "twice in series 'b'"),
        ({"a": DAYS, "b": DAYS[[1, 0, 2]]}, "after 2024-01-02.* in series 'b'"),
        (
            {"a": DAYS, "b": pd.date_range("2024-01-07", periods=4, freq="W")},
            "same frequency; got 'W-SUN' in series 'b', 'D' elsewhere",
        ),
        (
            {"a": pd.date_range("2024-01-07", periods=4, freq="W"), "b": DAYS},
            "same frequency; got 'W-SUN' in series 'a', 'D' elsewhere",
        ),
        (
            {"a": DAYS, "b": pd.date_range("2024-01-01", periods=30, freq="h")},
            "same frequency; got 'h' in series 'b', 'D' elsewhere",
        ),
        ({"a": DAYS, "b": DAYS[:2] + pd.Timedelta("5h")}, "lies between steps"),
    ],
)
def test_a_series_of_a_panel_that_is_no_line_of_steps_is_named(parts, said):
    y = panel(**{key: frame(np.zeros(len(index)), index) for key, index in parts.items()})

    with pytest.raises((FrequencyError, TimeOrderError), match=said):
        read_series(y, "test")


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        (list("abc"), TargetTypeError, "dtype (str|object) in column 'y'"),
        ([True, False, True], TargetTypeError, "dtype bool"),
        ([1j, 2, 3], TargetTypeError, "complex128"),
        (DAYS[:3], TargetTypeError, "datetime64"),
        (pd.Categorical([1, 2, 3]), TargetTypeError, "categor"),
        ([1.0, np.inf, -np.inf], MissingValuesError, "2 infinite .* first at 2024-01-02"),
    ],
)
def test_values_that_are_no_numbers_are_named(column, error, said):
    with pytest.raises(error, match=said):
        read_series(frame(column, DAYS[:3]), "test")


def test_two_columns_of_one_name_are_refused():
    y = pd.DataFrame(np.zeros((3, 2)), DAYS[:3], ["a", "a"])

    with pytest.raises(TargetTypeError, match="'a' twice"):
        read_series(y, "test")


def test_dates_are_only_read_with_dates_like_those_of_fit():
    line = read_series(frame(np.zeros(40), DAYS), "test").layout.timeline

    for other in (
        pd.RangeIndex(3),
        pd.period_range("2024", periods=3, freq="D"),
        DAYS.tz_localize("UTC"),
    ):
        with pytest.raises(FrequencyError, match="the index of y must hold dates"):
            layout_of(other, "test", line)


# -- later rows ------------------------------------------------------------------------------------


def test_new_rows_win_and_what_lies_between_is_missing():
    old = panel(a=frame(np.arange(4.0), DAYS[:4]), b=frame(np.arange(3.0), DAYS[:3]))
    new = panel(
        c=frame([7.0], DAYS[9:10]),
        a=frame([20.0, 30.0, 40.0], DAYS[2:5]),
        b=frame([5.0], DAYS[5:6]),
    )
    rows = read_series(old, "test")

    both = taken_apart(joined(rows, read_series(new, "test", rows.layout.timeline)))

    assert list(both) == ["a", "b", "c"]
    np.testing.assert_array_equal(both["a"][0].ravel(), [0, 1, 20, 30, 40])
    np.testing.assert_array_equal(both["b"][0].ravel(), [0, 1, 2, np.nan, np.nan, 5])
    np.testing.assert_array_equal(both["c"][0].ravel(), [7])
    assert both["c"][1].equals(DAYS[9:10])


def test_earlier_rows_may_come_later():
    rows = read_series(frame([3.0, 4.0], DAYS[3:5]), "test")
    earlier = read_series(frame([0.0, 1.0], DAYS[:2]), "test", rows.layout.timeline)

    values, stamps = taken_apart(joined(rows, earlier))[None]

    np.testing.assert_array_equal(values.ravel(), [0, 1, np.nan, 3, 4])
    assert stamps.equals(DAYS[:5])


# -- tables ----------------------------------------------------------------------------------------


def test_columns_become_series_that_begin_with_their_first_value():
    y = panel(
        a=frame([np.nan, 1.0, 2.0], DAYS[:3], z=[3.0, 4.0, np.nan]),
        b=frame([5.0, np.nan], DAYS[1:3], z=[np.nan, 6.0]),
    )
    rows = read_series(y, "test")

    apart, joint = (table_of(rows, None, joint=joint) for joint in (False, True))

    series = [apart.values[s : s + n, 0] for s, n in zip(apart.starts, apart.lengths, strict=True)]
    np.testing.assert_array_equal(series[0], [1, 2])
    np.testing.assert_array_equal(series[1], [5, np.nan])
    np.testing.assert_array_equal(series[2], [3, 4, np.nan])
    np.testing.assert_array_equal(series[3], [6])
    assert apart.phases.tolist() == [1, 1, 0, 2]  # 1 January 2024 was a Monday
    assert joint.lengths.tolist() == [3, 2]
    assert joint.values.shape == (5, 2)


def test_answers_of_columns_come_together_again():
    answers = np.arange(3 * 2 * 4).reshape(6, 4, 1)  # 3 columns of 2 series, 4 steps

    whole = together(answers, 3, joint=False)

    assert whole.shape == (2, 4, 3)
    np.testing.assert_array_equal(whole[1, :, 2], answers[5, :, 0])
    levels = together(np.stack([answers, -answers], axis=-1), 3, joint=False)
    np.testing.assert_array_equal(levels[..., 1], -whole)


def test_a_series_without_a_value_is_named():
    y = panel(a=frame([1.0, 2.0], DAYS[:2]), b=frame([np.nan, np.nan], DAYS[:2]))

    with pytest.raises(MissingValuesError, match="column 'y' in series 'b'"):
        check_values(read_series(y, "test"), y.columns, "test")


def test_missing_steps_may_follow_a_series():
    y = panel(a=frame([1.0, 2.0], DAYS[:2]), b=frame([3.0], DAYS[:1]))

    rows = lengthened(read_series(y, "test"), np.array([1, 2]))

    np.testing.assert_array_equal(rows.values.ravel(), [1, 2, np.nan, 3, np.nan, np.nan])
    assert rows.layout.lengths.tolist() == [3, 3]


# -- inputs ----------------------------------------------------------------------------------------


def inputs_of(X, y, steps_ahead=0, future=None, calendar=(), **what):
    reader = learn_inputs(X, **what, name="test")
    layout = read_series(y, "test").layout
    parts = [reader.read(X, layout.timeline, past=True)]
    covered(layout, parts[0].layout, "test")
    if future is not None:
        parts.append(reader.read(future, layout.timeline, past=False))
    return filled(layout, steps_ahead, layout.ends + steps_ahead, reader, parts, calendar)


def test_inputs_go_on_beyond_their_series():
    y = panel(a=frame([1.0, 2.0], DAYS[1:3]), b=frame([3.0], DAYS[:1]))
    X = panel(
        b=pd.DataFrame({"x": [7.0, 8.0]}, DAYS[:2]),
        a=pd.DataFrame({"x": np.arange(4.0)}, DAYS[:4]),
    )
    future = panel(
        a=pd.DataFrame({"x": [30.0, 40.0]}, DAYS[3:5]),
        b=pd.DataFrame({"x": [90.0]}, DAYS[2:3]),
    )

    inputs = inputs_of(X, y, 2, future)

    np.testing.assert_array_equal(inputs.values.ravel(), [1, 2, 30, 40, 7, 8, 90])
    assert inputs.starts.tolist() == [0, 4]


def test_missing_inputs_are_the_value_before_or_else_the_mean():
    y = frame(np.arange(5.0), DAYS[:5])
    X = pd.DataFrame(
        {"x": [np.nan, 1.0, np.nan, 3.0, np.nan], "c": ["a", None, "b", "a", "b"]}, DAYS[:5]
    )

    inputs = inputs_of(X, y)

    np.testing.assert_array_equal(inputs.values[:, 0], [2, 1, 1, 3, 3])
    np.testing.assert_array_equal(inputs.values[:, 1], [1, 0, 2, 1, 2])
    assert inputs.columns[1].n_categories == 3


@pytest.mark.parametrize("dtype", [object, "category", "str"])
def test_categories_that_fit_has_not_seen_are_unknown(dtype):
    y = frame(np.arange(3.0), DAYS[:3])
    X = pd.DataFrame({"c": pd.Series(["b", "a", "b"], DAYS[:3]).astype(dtype)})
    future = pd.DataFrame({"c": pd.Series(["c", "b"], DAYS[3:5]).astype(dtype)})

    inputs = inputs_of(X, y, 2, future)

    assert inputs.values.ravel().tolist() == [2, 1, 2, 0, 2]


def test_numbers_may_name_categories_and_columns_may_end_with_the_past():
    y = frame(np.arange(3.0), DAYS[:3])
    X = pd.DataFrame({"shop": [9, 9, 9], "sold": [1.0, 2.0, 3.0], "price": 1.0}, DAYS[:3])
    future = pd.DataFrame({"price": [2.0, 3.0]}, DAYS[3:5])

    inputs = inputs_of(
        X,
        y,
        2,
        future,
        categorical=["shop"],
        static=["shop"],
        past_only=["sold"],
        calendar=["hour"],
    )

    assert [column.name for column in inputs.columns[:3]] == ["shop", "sold", "price"]
    assert [column.known for column in inputs.columns] == [True, False, True, True, True]
    assert [column.static for column in inputs.columns] == [True, False, False, False, False]
    np.testing.assert_array_equal(inputs.values[:, 0], 1)
    np.testing.assert_array_equal(inputs.values[:, 2], [1, 1, 1, 2, 3])


def test_a_static_column_that_changes_is_named_with_its_series():
    y = panel(a=frame(np.zeros(3), DAYS[:3]), b=frame(np.zeros(3), DAYS[:3]))
    X = y.assign(size=[1, np.nan, 1, 2, 2, 3], kind=["u", None, "u", "v", "v", "w"])

    for column, options in (("size", {}), ("kind", {"categorical": ["kind"]})):
        with pytest.raises(InputsError, match=f"column '{column}' of X is static.* in series 'b'"):
            inputs_of(X[[column]], y, static=[column], **options)
        own = X.loc[["a"], [column]]
        assert inputs_of(own, y.loc[["a"]], static=[column], **options).values.shape == (3, 1)


def test_a_column_is_not_both_of_the_past_and_static():
    y = frame(np.arange(3.0), DAYS[:3])

    with pytest.raises(InputsError, match=r"got \['y'\] in both"):
        inputs_of(y, y, past_only=["y"], static=["y"])


def test_lists_are_no_categories():
    y = frame(np.arange(3.0), DAYS[:3])
    future = pd.DataFrame({"c": [[1, 2]]}, DAYS[3:4])

    with pytest.raises(InputsError, match=r"got \[1, 2\], a list, in column 'c'"):
        inputs_of(y.assign(c="a")[["c"]], y, 1, future)


def test_columns_that_are_only_new_or_only_missing_are_all_that_is_said():
    y = frame(np.arange(3.0), DAYS[:3])
    future = y.set_axis(DAYS[3:6])

    with pytest.raises(InputsError, match=r"of fit, \['y'\]; got the new ones \['z'\]\. Use X"):
        inputs_of(y, y, 3, future.assign(z=1))
    with pytest.raises(InputsError, match=r"got none for \['x'\]\. Give X with \['x'\]"):
        inputs_of(y.assign(x=1), y, 3, future)


@pytest.mark.parametrize(
    ("future", "said"),
    [
        (pd.DataFrame({"x": [1.0]}, DAYS[3:4]), "no rows for 2 of them, the first 2024-01-05"),
        (pd.DataFrame({"x": [1.0, 2.0]}, DAYS[4:6]), "no rows for 1 of them, the first 2024-01-04"),
        (pd.DataFrame({"x": [1.0, 2.0]}, DAYS[[3, 5]]), "2024-01-06.* after 2024-01-04"),
        (pd.DataFrame({"z": np.zeros(3)}, DAYS[3:6]), r"none for \['x'\] and the new ones \['z'\]"),
        (pd.DataFrame({"x": list("abc")}, DAYS[3:6]), "real numbers"),
        (pd.DataFrame({"x": np.zeros(3)}, pd.RangeIndex(3)), "index of X must hold dates"),
    ],
)
def test_inputs_that_do_not_cover_the_horizon_are_explained(future, said):
    y = frame(np.arange(3.0), DAYS[:3])
    X = pd.DataFrame({"x": np.arange(3.0)}, DAYS[:3])

    with pytest.raises((InputsError, FrequencyError), match=said):
        inputs_of(X, y, 3, future)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        ({"a": DAYS[:3]}, "none in series 'b'"),
        ({"a": DAYS[:3], "b": DAYS[:2]}, "none for 2024-01-03.* in series 'b'"),
        ({"a": DAYS[1:3], "b": DAYS[1:3]}, "none for 2024-01-01.* in series 'a', nor for 1 more"),
    ],
)
def test_inputs_that_do_not_cover_the_series_are_explained(X, said):
    y = panel(a=frame(np.zeros(3), DAYS[:3]), b=frame(np.zeros(3), DAYS[:3]))
    X = panel(**{key: frame(np.zeros(len(index)), index) for key, index in X.items()})

    with pytest.raises(InputsError, match=said):
        inputs_of(X, y)
