"""Seasons by frequency, and what the calendar says of a stamp."""

import numpy as np
import pandas as pd
import pytest

from sklearn_rnn.exceptions import FrequencyError
from sklearn_rnn.sktime.calendar import (
    CALENDAR,
    calendar_columns,
    calendar_names,
    calendar_values,
)
from sklearn_rnn.sktime.seasons import n_phases_of, phases_of, seasonal_periods
from sklearn_rnn.sktime.timeline import timeline_of


def line_of(freq, kind=pd.date_range):
    index = pd.RangeIndex(30) if freq is None else kind("2024-01-01", periods=30, freq=freq)
    return timeline_of(index, index, "test")


@pytest.mark.parametrize(
    ("freq", "periods", "n_phases"),
    [
        ("s", [60, 3600], 0),
        ("min", [60, 1440], 0),
        ("5min", [288, 2016], 0),
        ("15min", [96, 672], 0),
        ("30min", [48, 336], 0),
        ("h", [24, 168], 0),
        ("6h", [4, 28], 0),
        ("D", [7], 7),
        ("2D", [], 0),
        ("7D", [52], 0),
        ("W", [52], 0),
        ("2W", [26], 0),
        ("B", [5], 0),
        ("MS", [12], 12),
        ("ME", [12], 12),
        ("BME", [12], 12),
        ("2MS", [6], 0),
        ("QS", [4], 4),
        ("QE-NOV", [4], 4),
        ("YS", [], 0),
        (pd.DateOffset(months=3), [4], 0),
        (pd.DateOffset(months=1), [12], 12),
        (pd.DateOffset(hours=1), [24, 168], 0),
        (pd.DateOffset(days=1), [7], 7),
        (None, [], 0),
    ],
)
def test_seasons_go_by_the_frequency(freq, periods, n_phases):
    line = line_of(freq)

    assert seasonal_periods(line) == periods
    assert n_phases_of(line) == n_phases


@pytest.mark.parametrize(
    ("freq", "periods"),
    [("h", [24, 168]), ("D", [7]), ("W", [52]), ("M", [12]), ("Q", [4]), ("Y", [])],
)
def test_periods_have_the_seasons_of_dates(freq, periods):
    assert seasonal_periods(line_of(freq, pd.period_range)) == periods


def test_phases_are_months_weekdays_and_quarters():
    at = np.array([0, 3, 14, -1])

    assert phases_of(line_of("MS"), at).tolist() == [0, 3, 2, 11]
    assert phases_of(line_of("D"), at).tolist() == [0, 3, 0, 6]
    assert phases_of(line_of("Q", pd.period_range), at).tolist() == [0, 3, 2, 3]
    assert phases_of(line_of("h"), at) is None
    assert phases_of(line_of(None), at) is None


@pytest.mark.parametrize(
    ("freq", "names"),
    [
        ("h", ["hour", "day_of_week", "day_of_year"]),
        ("D", ["day_of_week", "day_of_year"]),
        ("W", ["week"]),
        ("MS", ["month"]),
        ("QE", ["quarter"]),
        ("YS", []),
    ],
)
def test_features_are_chosen_by_the_frequency(freq, names):
    assert calendar_names(True, line_of(freq), "test") == names
    assert calendar_names(None, line_of(freq), "test") == []
    assert calendar_names([], line_of(freq), "test") == []


@pytest.mark.parametrize("name", CALENDAR)
def test_hands_lie_on_a_circle_and_come_round(name):
    line = line_of("h" if name == "hour" else "D")
    stamps = line.stamps(0, 8783)

    values = calendar_values([name], line, 0, len(stamps) - 1)

    np.testing.assert_allclose((values**2).sum(axis=1), 1)
    share = np.arctan2(values[:, 0], values[:, 1]) / (2 * np.pi) % 1
    assert share.min() == pytest.approx(0, abs=0.01)
    assert share.max() > 0.7
    assert [column.name for column in calendar_columns([name])] == [f"{name}_sin", f"{name}_cos"]
    assert all(column.known for column in calendar_columns([name]))


def test_values_of_the_calendar_are_those_of_the_stamps():
    line = line_of("D")

    values = calendar_values(["day_of_week"], line, -7, 13)  # three weeks from a Monday

    np.testing.assert_allclose(values[:7], values[7:14])
    np.testing.assert_allclose(values[7], [0, 1], atol=1e-12)
    np.testing.assert_allclose(values[8], [np.sin(2 * np.pi / 7), np.cos(2 * np.pi / 7)])


def test_the_clock_on_the_wall_counts():
    index = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
    line = timeline_of(index, index, "test")

    values = calendar_values(["hour"], line, 0, 71)

    shown = index.hour.to_numpy() / 24
    np.testing.assert_allclose(values[:, 0], np.sin(2 * np.pi * shown), atol=1e-12)


def test_what_does_not_move_is_refused():
    with pytest.raises(FrequencyError, match="'hour', which is the same at all steps of 'MS'"):
        calendar_names(["month", "hour"], line_of("MS"), "test")
    with pytest.raises(FrequencyError, match="needs dates or periods"):
        calendar_names(True, line_of(None), "test")
