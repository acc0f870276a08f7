"""What the calendar says of a stamp, as numbers that are known for any time to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import FrequencyError
from sklearn_rnn.series import InputColumn
from sklearn_rnn.sktime.timeline import Timeline

__all__ = ["CALENDAR", "calendar_columns", "calendar_names", "calendar_values"]


class Hand(NamedTuple):
    """A hand of the calendar: where it stands in its round, and for which steps it moves."""

    #: Share of the round, in [0, 1), at dates.
    share: Callable[[pd.DatetimeIndex], Any]
    #: Days of the longest step that it moves with.
    longest: float
    #: Days of the shortest and the longest step for which `calendar=True` chooses it.
    usual: tuple[float, float]


NEVER = (np.inf, 0.0)


def _time_of_day(dates: pd.DatetimeIndex) -> Any:
    return (dates - dates.normalize()) / pd.Timedelta(days=1)


#: A new feature: give it a name here.
CALENDAR = {
    "hour": Hand(_time_of_day, 0.99, (0, 0.99)),
    "day_of_week": Hand(lambda d: (d.dayofweek + _time_of_day(d)) / 7, 6.9, (0, 1.5)),
    "day_of_month": Hand(lambda d: (d.day - 1) / d.days_in_month, 27, NEVER),
    "day_of_year": Hand(lambda d: (d.dayofyear - 1) / (365 + d.is_leap_year), 190, (0, 6.8)),
    "week": Hand(lambda d: (d.isocalendar().week.to_numpy(float) - 1) / 53, 190, (6.9, 26)),
    "month": Hand(lambda d: (d.month - 1) / 12, 190, (27, 65)),
    "quarter": Hand(lambda d: (d.quarter - 1) / 4, 190, (80, 100)),
}


def calendar_names(calendar: Any, timeline: Timeline, name: str) -> list[str]:
    """Return which features of the calendar are wanted.

    Parameters
    ----------
    calendar : None, bool or list of str
        True chooses those that fit the frequency.
    timeline : Timeline
        The line of the series.
    name : str
        Who asks; opens error messages.

    Raises
    ------
    FrequencyError
        If the index has no dates, or a feature is the same at every step.
    """
    if calendar is None or calendar is False or (calendar is not True and not len(calendar)):
        return []
    dates = timeline.dates(0, 64)
    if dates is None:
        raise FrequencyError(
            f"{name}: calendar={calendar!r} needs dates or periods as index; got whole numbers. "
            f"Give y dates, or calendar=None."
        )
    step = (dates[-1] - dates[0]) / pd.Timedelta(days=64)
    if calendar is True:
        return [key for key, hand in CALENDAR.items() if hand.usual[0] <= step <= hand.usual[1]]
    still = [key for key in calendar if step > CALENDAR[key].longest]
    if still:
        raise FrequencyError(
            f"{name}: calendar={calendar!r} must name what differs from step to step; got "
            f"{still[0]!r}, which is the same at all steps of {timeline.step!r}. Leave it out, or "
            f"use calendar=True."
        )
    return list(calendar)


def calendar_columns(names: list[str]) -> tuple[InputColumn, ...]:
    """Return what the columns of `calendar_values` are: two for each feature."""
    return tuple(InputColumn(f"{name}_{wave}") for name in names for wave in ("sin", "cos"))


def calendar_values(
    names: list[str], timeline: Timeline, first: int, last: int
) -> NDArray[np.float64]:
    """Return sine and cosine of each feature from one position to another, (P, 2 * n_names).

    A round has no beginning in them: December is as near to January as July is to August.
    """
    dates = timeline.dates(first, last)
    values = np.empty((last - first + 1, 2 * len(names)))
    for number, name in enumerate(names):
        angle = 2 * np.pi * np.asarray(CALENDAR[name].share(dates), dtype=float)
        values[:, 2 * number], values[:, 2 * number + 1] = np.sin(angle), np.cos(angle)
    return values
