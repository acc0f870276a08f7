"""Which seasons a series of some frequency goes through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset

from sklearn_rnn.sktime.timeline import Timeline

__all__ = ["n_phases_of", "phases_of", "seasonal_periods"]

DAY = pd.Timedelta(days=1)

#: Steps of the calendar in a year, by what their aliases begin with.
A_YEAR = {"M": 12, "BM": 12, "SM": 24, "Q": 4, "BQ": 4, "W": 52}

#: What tells the season of the year or week that a step lies in, by number of seasons.
PHASES: dict[int, Any] = {
    12: lambda dates: dates.month - 1,
    7: lambda dates: dates.dayofweek,
    4: lambda dates: dates.quarter - 1,
}


def seasonal_periods(timeline: Timeline) -> list[int]:
    """Return the numbers of steps after which seasons return, the shortest first.

    Half-hours [48, 336], hours [24, 168], days [7], working days [5], weeks [52], months [12],
    quarters [4]; nothing for years and for whole numbers.
    """
    rule, number = _rule(timeline)
    if rule is None:
        return []
    if rule == "B":
        return [5] if number == 1 else []
    step = _length(rule, number)
    if step is None:
        whole, rest = divmod(A_YEAR.get(rule.rstrip("SE"), 0), number)
        return [whole] if whole > 1 and not rest else []
    week = 7 * DAY
    if step % week == pd.Timedelta(0):
        return [52 // (step // week)] if 52 % (step // week) == 0 and step < 26 * week else []
    if step >= DAY:
        cycles = [week]
    elif step >= pd.Timedelta(minutes=5):
        cycles = [DAY, week]
    elif step >= pd.Timedelta(seconds=30):
        cycles = [pd.Timedelta(hours=1), DAY]
    else:
        cycles = [pd.Timedelta(minutes=1), pd.Timedelta(hours=1)]
    return [cycle // step for cycle in cycles if cycle % step == pd.Timedelta(0) and cycle > step]


def n_phases_of(timeline: Timeline) -> int:
    """Return how many seasons of the calendar there are: months 12, days 7, quarters 4, else 0."""
    rule, number = _rule(timeline)
    if rule is None:
        return 0
    if _length(rule, number) == DAY:
        return 7
    seasons = A_YEAR.get(rule.rstrip("SE"), 0) if number == 1 else 0
    return seasons if seasons in PHASES else 0


def phases_of(timeline: Timeline, positions: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the season of the calendar at positions (N,), if the frequency has any."""
    number = n_phases_of(timeline)
    if not number:
        return None
    first = int(positions.min())
    dates = timeline.dates(first, int(positions.max()))
    return np.asarray(PHASES[number](dates), dtype=np.int64)[positions - first]


def _rule(timeline: Timeline) -> tuple[str | None, int]:
    """Return the alias of a frequency, without what follows a hyphen, and its multiple."""
    offset = timeline.offset()
    if offset is None:
        return None, 1
    try:
        return offset.rule_code.split("-")[0], offset.n
    except NotImplementedError:  # DateOffset(months=1) has no alias
        parts = dict(offset.kwds)
        months = parts.pop("months", 0) + 12 * parts.pop("years", 0)
        if months and not parts:
            return "M", months * offset.n
        if not months and parts and parts.keys() <= {"weeks", "days", "hours", "minutes"}:
            same = to_offset(pd.Timedelta(**parts) * offset.n)
            return same.rule_code, same.n
        return None, 1


def _length(rule: str, number: int) -> pd.Timedelta | None:
    """Return how long a step is, if all are as long."""
    if rule == "W":
        return 7 * DAY * number
    if rule == "D":
        return DAY * number
    try:
        return pd.Timedelta(to_offset(rule)) * number
    except (TypeError, ValueError):
        return None
