"""Frequencies found in stamps of all kinds, and refused where they are none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError
from sklearn_rnn.transformers.frequencies import (
    check_bins,
    check_frequency,
    infer_frequency,
    is_fixed,
    is_time,
)

quick = settings(max_examples=50, deadline=None, derandomize=True)

REGULAR = ["h", "15min", "90s", "250ms", "36h", "D", "3D", "B", "W-WED", "2W-WED", "MS", "ME"]
REGULAR += ["2MS", "BMS", "BME", "QS-OCT", "QE-DEC", "YS-JAN", "YE-JUN", "WOM-2TUE"]


def found(*indexes):
    return infer_frequency(list(indexes), "Test")[0]


def some_of(index, share, seed=0):
    """Part of an index, its ends and the two stamps that begin it among them."""
    chosen = np.random.default_rng(seed).random(len(index)) < share
    chosen[[0, 1, -1]] = True
    return index[chosen]


# -- regular dates -------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", REGULAR)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_without_gaps_have_the_frequency_that_made_them(freq, zone):
    index = pd.date_range("2024-01-03", periods=40, freq=freq, tz=zone)

    assert found(index) == freq


@pytest.mark.parametrize("freq", ["h", "D", "15min"])
@pytest.mark.parametrize("start", ["2024-03-29", "2024-10-25"])
def test_changes_of_clocks_change_no_frequency(freq, start):
    index = pd.date_range(start, periods=500, freq=freq, tz="Europe/Berlin")

    assert found(index) == freq
    assert found(some_of(index, 0.8)) == freq


@quick
@given(
    freq=st.sampled_from(["h", "15min", "D", "3D", "7h", "90s"]),
    share=st.floats(0.3, 1),
    seed=st.integers(0, 99),
)
def test_order_and_duplicates_do_not_matter_nor_do_gaps_hide_a_step(freq, share, seed):
    index = some_of(pd.date_range("2024-01-03", periods=100, freq=freq), share, seed)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(np.append(np.arange(len(index)), rng.integers(0, len(index), 20)))

    assert found(index) == freq
    assert found(index[shuffled]) == freq


# -- gaps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", ["MS", "ME", "QS-JAN", "QE-FEB", "YS-JAN", "YE-DEC", "B"])
def test_days_of_the_calendar_are_known_in_spite_of_gaps(freq):
    index = some_of(pd.date_range("2020-01-31", periods=60, freq=freq), 0.6)

    name = found(index)

    assert index.isin(pd.date_range(index[0], index[-1], freq=name)).all()
    assert name.split("-")[0] == freq.split("-")[0]


def test_months_of_a_panel_lie_on_one_grid():
    january = pd.to_datetime(["2020-01-01", "2021-01-01", "2023-01-01"])

    assert found(january, january) == "YS-JAN"
    assert found(january, january + pd.DateOffset(months=3)) == "QS-JAN"
    assert found(january, january + pd.DateOffset(months=1)) == "MS"


@pytest.mark.parametrize("hour", [0, 12])
@pytest.mark.parametrize("zone", [None, "America/Sao_Paulo"])
@pytest.mark.parametrize(
    ("day", "months", "freq"), [(15, 1, "MS"), (30, 1, "MS"), (9, 3, "QS-JAN")]
)
def test_the_same_day_of_each_month_is_a_month_and_none_is_in_a_bin_with_another(
    day, months, freq, zone, hour
):
    first = pd.Timestamp(2024, 1, day, hour)
    index = pd.DatetimeIndex([first + pd.DateOffset(months=months * n) for n in range(12)], tz=zone)

    name, explanation = infer_frequency([index], "Test")

    assert name == freq
    where = f"day {day} of a month{' or its last' if day > 28 else ''}"
    assert f"; all are on {where}, in bins that begin on a first day: freq=" in explanation
    assert pd.Series(1, index).resample(name).sum().tolist() == [1] * 12
    assert found(index.delete([3, 4, 8])) == freq


@pytest.mark.parametrize("freq", ["MS", "ME"])
def test_first_and_last_days_are_known_at_any_hour(freq):
    index = pd.date_range("2024-01-01", periods=12, freq=freq) + pd.Timedelta("12h")

    assert found(index.delete(5)) == freq


def test_one_missing_hour_and_one_late_stamp_leave_hours():
    index = pd.date_range("2024-01-01", periods=100, freq="h").delete([20, 50])

    assert found(index.append(pd.DatetimeIndex(["2024-01-03 07:13"]))) == "h"


def test_hours_of_business_are_hours():
    assert found(pd.date_range("2024-01-01 09:00", periods=40, freq="bh")) == "h"


# -- irregular -----------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", ["5s", "15min", "h", "6h", "D", "7D"])
@pytest.mark.parametrize("seed", range(3))
def test_jittered_stamps_have_the_round_step_nearest_to_their_median(freq, seed):
    index = pd.date_range("2024-01-01", periods=200, freq=freq)
    step = (index[1] - index[0]).total_seconds()
    jitter = np.random.default_rng(seed).uniform(-0.2, 0.2, 200) * step

    name = found(index + pd.to_timedelta(jitter, unit="s"))

    assert name == freq


def test_jittered_days_of_months_are_months():
    index = pd.date_range("2010-01-01", periods=100, freq="MS")
    jitter = pd.to_timedelta(np.random.default_rng(0).uniform(0, 2, 100), unit="D")

    assert found(index + jitter) == "MS"


@pytest.mark.parametrize(
    ("stamps", "freq"),
    [
        (["2024-01-01 10:00", "2024-01-01 10:20"], "20min"),
        (["2024-01-03", "2024-01-05"], "2D"),
        (["2024-01-03 10:00", "2024-01-05 12:00"], "50h"),
        (["2024-03-01", "2024-06-01"], "QS-MAR"),
        (["2024-05-05", "2024-05-04"], "D"),
    ],
)
def test_two_stamps_are_one_step_apart(stamps, freq):
    assert found(pd.to_datetime(stamps)) == freq


def test_dates_beyond_those_of_nanoseconds_have_a_frequency():
    index = pd.date_range("2900-01-01", periods=30, freq="h", unit="s").delete(3)

    assert found(index) == "h"


def test_units_of_indexes_do_not_matter():
    days = pd.date_range("2024-01-03", periods=30).delete([4, 9])

    assert found(days.as_unit("s"), days.as_unit("ns")) == "D"


# -- periods and whole numbers -------------------------------------------------------------------


@pytest.mark.parametrize("freq", ["M", "D", "Q-DEC", "2M", "h"])
def test_periods_have_their_own_frequency(freq):
    assert found(pd.period_range("2020", periods=5, freq=freq)[[3, 0, 0]]) == freq


@pytest.mark.parametrize(
    ("numbers", "step"), [([1, 2, 4], 1), ([10, 0, 30, 30], 10), ([-128, 127], 255), ([4, 10], 6)]
)
def test_whole_numbers_have_the_longest_step_that_reaches_all(numbers, step):
    assert found(pd.Index(numbers)) == step
    if min(numbers) >= -128:
        assert found(pd.Index(numbers, dtype="int8")) == step


@pytest.mark.parametrize(
    ("index", "answer"),
    [
        (pd.date_range("2024", periods=2), True),
        (pd.period_range("2024", periods=2, freq="M"), True),
        (pd.RangeIndex(2), True),
        (pd.Index(["a", "b"]), False),
        (pd.Index([0.5, 1.5]), False),
    ],
)
def test_is_time_knows_what_can_be_put_on_a_grid(index, answer):
    assert is_time(index) is answer


@pytest.mark.parametrize(
    ("freq", "answer"), [("h", True), ("24h", True), ("D", False), ("7D", False), ("MS", False)]
)
def test_hours_are_always_as_long_and_days_are_not(freq, answer):
    assert is_fixed(pd.tseries.frequencies.to_offset(freq)) is answer


# -- what is said --------------------------------------------------------------------------------

HOURS = pd.date_range("2024-01-01", periods=48, freq="h")
EXPLAINED = {
    "regular": (HOURS, r"48 stamps from 2024-01-01 00:00:00 to .*, at regular steps: freq='h'\."),
    "gappy": (
        HOURS.delete([5, 9, 10]),
        r"45 stamps .* median step .* 01:00:00, the longest .* 03:00:00; 95% of the steps are "
        r"0 days 01:00:00: freq='h'\.",
    ),
    "months": (
        pd.to_datetime(["2024-01-01", "2024-02-01", "2024-05-01"]),
        r"; all are first days of months: freq='MS'\.",
    ),
    "month ends": (
        pd.to_datetime(["2024-01-31", "2024-02-29", "2024-05-31"]),
        r"; all are last days of months: freq='ME'\.",
    ),
    "working days": (
        pd.date_range("2024-01-01", periods=20, freq="B").delete([2, 7]),
        r"; all are days from Monday to Friday: freq='B'\.",
    ),
    "multiples": (HOURS[[0, 2, 5, 9, 14]], r"; all are multiples of .*01:00:00: freq='h'\."),
    "jittered": (
        HOURS + pd.to_timedelta(np.arange(48) ** 2 % 17, unit="s"),
        r"; few are equal, so the round step nearest to the median is taken: freq='h'\.",
    ),
    "periods": (
        pd.period_range("2024", periods=2, freq="M"),
        r"2 stamps from 2024-01 to 2024-02; periods of M say so themselves: freq='M'\.",
    ),
    "numbers": (pd.Index([6, 2]), r"2 stamps from 2 to 6; all .* are multiples of 4: freq=4\."),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_explanation_says_what_was_found(case):
    index, words = EXPLAINED[case]

    assert pd.Series([infer_frequency([index], "Test")[1]]).str.contains(words).all()


def test_explanation_of_a_panel_spans_all_series():
    explanation = infer_frequency([HOURS[20:], HOURS[:10]], "Test")[1]

    assert explanation.startswith("38 stamps in 2 series from 2024-01-01 00:00:00 to 2024-01-02 23")


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stamps", [["2024-01-01"], ["2024-01-01", "2024-01-01"]])
def test_one_stamp_has_no_frequency(stamps):
    words = r"Test: freq='infer' needs two different stamps .* got 1 stamp from 2024-01-01.*Give fr"

    with pytest.raises(SeriesTooShortError, match=words):
        found(pd.to_datetime(stamps))


DATES, PERIODS, NUMBERS = HOURS[:2], pd.period_range("2024", periods=2, freq="M"), pd.RangeIndex(2)


@pytest.mark.parametrize(
    ("freq", "index"),
    [("x", DATES), ("x", PERIODS), (5, DATES), (5, PERIODS), ("ME", PERIODS)],
)
def test_what_pandas_does_not_know_is_no_frequency(freq, index):
    words = rf"Test: freq must be a frequency that pandas knows for a .*Index.*got {freq!r}\. Or"

    with pytest.raises(FrequencyError, match=words):
        check_frequency(freq, index, "Test")


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 still takes M for dates, and warns")
def test_months_of_dates_have_another_name_than_those_of_periods():
    with pytest.raises(FrequencyError, match=r"'MS' or 'ME' \('M' is for periods\); got 'M'"):
        check_frequency("M", DATES, "Test")


@pytest.mark.parametrize("freq", ["-1h", "0h", pd.Timedelta(0), None, "0D"])
def test_dates_go_forward(freq):
    with pytest.raises(FrequencyError, match=r"Test: freq must be a step forward in time; got"):
        check_frequency(freq, DATES, "Test")


@pytest.mark.parametrize("freq", ["-1M", "0M"])
def test_periods_go_forward(freq):
    with pytest.raises(FrequencyError, match=r"Test: freq must be a step forward in time; got"):
        check_frequency(freq, PERIODS, "Test")


@pytest.mark.parametrize("freq", [0, -2, 1.5, "h", None, True])
def test_whole_numbers_go_forward_by_whole_numbers(freq):
    with pytest.raises(FrequencyError, match=r"Test: freq must be a whole number of at least 1"):
        check_frequency(freq, NUMBERS, "Test")


@pytest.mark.parametrize("offset", [pd.DateOffset(months=1), pd.DateOffset(hours=-1)])
def test_offsets_that_pandas_cannot_resample_by_are_refused(offset):
    with pytest.raises(FrequencyError, match=r"Test: freq must be a frequency that pandas knows"):
        check_frequency(offset, DATES, "Test")


@pytest.mark.parametrize(
    ("index", "freq", "bins"),
    [
        (pd.to_datetime(["1970-01-01", "2024-01-01"]), "s", "1,704,067,201"),
        (pd.to_datetime(["2024-01-01", "1970-01-01"]).as_unit("s"), "s", "1,704,067,201"),
        (pd.PeriodIndex(["1970-01-01", "2024-01-01"], freq="D"), "s", "1,704,067,201"),
        (pd.Index([0, 1, 5_000_000_000]), 1, "5,000,000,001"),
        (pd.Index([0, 2**64 - 1], dtype="uint64"), 2, f"{2**63:,}"),
    ],
)
def test_bins_that_would_fill_the_memory_are_refused(index, freq, bins):
    words = (
        rf"Test: freq={freq!r} must make at most 10,000,000 bins, or 1,000 a row; got {bins} bins "
        rf"from the first to the last of {len(index)} rows\. Drop stray rows .* or give a longer"
    )

    with pytest.raises(FrequencyError, match=words):
        check_bins(index, check_frequency(freq, index, "Test"), "Test")


@pytest.mark.parametrize(
    ("index", "freq"),
    [
        (pd.Index([0, 9_999_999]), 1),  # ten million
        (pd.Index(np.append(np.arange(20_000), 19_999_999)), 1),  # less than a thousand a row
        (pd.to_datetime(["1970-01-01", "2024-01-01"]), "h"),
        (pd.to_datetime(["1700-01-01", "2200-01-01"]), "D"),
        (pd.PeriodIndex(["1970-01-01", "2024-01-01"], freq="s"), "D"),
    ],
)
def test_many_bins_are_made_if_they_fit(index, freq):
    check_bins(index, check_frequency(freq, index, "Test"), "Test")
