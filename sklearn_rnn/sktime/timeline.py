"""Regular stamps as whole numbers, and whole numbers as stamps again.

Windows and horizons are counted in steps. So the stamps of all series are put on one line, where
the next step is one further on, whatever they are: dates, periods or whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset

from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError
from sklearn_rnn.transformers.frequencies import check_bins, infer_frequency

__all__ = ["Dates", "Numbers", "Periods", "Timeline", "timeline_of"]


class Timeline:
    """A line on which stamps have positions; each kind of index has its own."""

    #: What users call the step from one stamp to the next.
    step: str

    def fits(self, index: pd.Index) -> bool:
        """Tell whether the stamps are of the kind that lies on this line."""
        raise NotImplementedError

    def positions(self, index: pd.Index) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where stamps lie, and whether they lie on the line at all."""
        raise NotImplementedError

    def stamps(self, first: int, last: int) -> pd.Index:
        """Return the stamps from one position to another, both included."""
        raise NotImplementedError

    def dates(self, first: int, last: int) -> pd.DatetimeIndex | None:
        """Return when these steps begin, if that is known."""
        raise NotImplementedError

    def offset(self) -> Any:
        """Return the step as an offset of pandas; None where it is no time."""
        return None

    def at(self, positions: NDArray[np.int64]) -> pd.Index:
        """Return the stamps at positions, with their frequency if those follow one another."""
        first, last = int(positions.min()), int(positions.max())
        stamps = self.stamps(first, last)
        if len(positions) == len(stamps) and (np.diff(positions) == 1).all():
            return stamps
        return stamps.take(positions - first)

    def steps_within(self, span: Any, name: str) -> int:
        """Return how many steps a span of time holds, at least one.

        Parameters
        ----------
        span : str, timedelta or offset
            Such as ``"30D"``.
        name : str
            Who asks, and for what; opens error messages.
        """
        duration = _duration(span, name)
        last = self.dates(0, 0)
        if last is None:
            raise FrequencyError(
                f"{name}={span!r} needs dates or periods as index; got whole numbers. Give a "
                f"number of steps."
            )
        begin = last[0] - duration
        if not begin < last[0]:
            raise FrequencyError(f"{name} must be longer than 0; got {span!r}. Give '30D', say.")
        number = 64
        while True:  # steps of a calendar are not equally long, so they are laid out and counted
            dates = self.dates(-number, 0)
            if dates[0] <= begin:  # type: ignore[index]
                return max(1, int((dates > begin).sum()))
            number *= 4


@dataclass(frozen=True)
class Numbers(Timeline):
    """Whole numbers, which sktime counts by ones."""

    step = "1"

    def fits(self, index: pd.Index) -> bool:
        """Tell whether the index is one of whole numbers."""
        return bool(pd.api.types.is_integer_dtype(index))

    def positions(self, index: pd.Index) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the numbers."""
        return index.to_numpy(np.int64), np.ones(len(index), dtype=bool)

    def stamps(self, first: int, last: int) -> pd.Index:
        """Return the numbers from one to another."""
        return pd.Index(np.arange(first, last + 1))

    def dates(self, first: int, last: int) -> pd.DatetimeIndex | None:
        """Return None: nobody knows when a number is."""
        return None


@dataclass(frozen=True)
class Periods(Timeline):
    """Periods of one frequency, one of which is the origin."""

    origin: pd.Period

    @property
    def step(self) -> str:  # type: ignore[override]
        """Return the alias of the frequency."""
        return self.origin.freqstr

    def offset(self) -> Any:
        """Return the frequency."""
        return self.origin.freq

    def fits(self, index: pd.Index) -> bool:
        """Tell whether these are periods of the same frequency."""
        return isinstance(index, pd.PeriodIndex) and index.freq == self.origin.freq

    def positions(self, index: pd.Index) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many periods lie between the origin and each."""
        number, rest = np.divmod(index.asi8 - self.origin.ordinal, self.origin.freq.n)
        return number, rest == 0

    def stamps(self, first: int, last: int) -> pd.Index:
        """Return the periods from one position to another."""
        origin = self.origin
        return pd.period_range(origin + first, origin + last, freq=origin.freq)

    def dates(self, first: int, last: int) -> pd.DatetimeIndex | None:
        """Return the beginnings of periods."""
        return self.stamps(first, last).to_timestamp(how="start")


@dataclass(frozen=True)
class Dates(Timeline):
    """Dates, a step of the calendar or of the clock apart, counted from an origin."""

    origin: pd.Timestamp
    freq: Any

    @property
    def step(self) -> str:  # type: ignore[override]
        """Return the alias of the frequency."""
        return self.freq.freqstr

    def offset(self) -> Any:
        """Return the frequency."""
        return self.freq

    def fits(self, index: pd.Index) -> bool:
        """Tell whether these are dates, with a time zone if the others have one."""
        is_date = isinstance(index, pd.DatetimeIndex)
        return is_date and (index.tz is None) == (self.origin.tz is None)

    def positions(self, index: pd.Index) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many steps lie between the origin and each date."""
        if not len(index):
            return np.zeros(0, np.int64), np.zeros(0, bool)
        if index.tz is not None:
            index = index.tz_convert(self.origin.tz)
        low, high = min(index.min(), self.origin), max(index.max(), self.origin)
        line, before = self._line(low, high)
        places = np.minimum(line.searchsorted(index), len(line) - 1)
        return places - before, np.asarray(line[places] == index)

    def _line(self, low: pd.Timestamp, high: pd.Timestamp) -> tuple[pd.DatetimeIndex, int]:
        """Return all dates between two, and how many of them come before the origin."""
        later = pd.date_range(self.origin, high, freq=self.freq)
        earlier = pd.date_range(self.origin, low, freq=-self.freq)[1:]
        return (later if not len(earlier) else earlier[::-1].append(later)), len(earlier)

    def stamps(self, first: int, last: int) -> pd.Index:
        """Return the dates from one position to another."""
        back, ahead = max(0, -first), max(0, last)
        later = pd.date_range(self.origin, periods=ahead + 1, freq=self.freq)
        if back:
            start = pd.date_range(self.origin, periods=back + 1, freq=-self.freq)[-1]
            later = pd.date_range(start, periods=back + ahead + 1, freq=self.freq)
        return later[first + back : last + back + 1]

    def dates(self, first: int, last: int) -> pd.DatetimeIndex | None:
        """Return the dates as the clock on the wall shows them."""
        return self.stamps(first, last).tz_localize(None)


def timeline_of(longest: pd.Index, every: pd.Index, name: str, what: str = "y") -> Timeline:
    """Find the line on which stamps lie.

    Parameters
    ----------
    longest : Index
        The stamps of the longest series, in order.
    every : Index
        All stamps that there are, each once, in any order.
    name : str
        Who asks; opens error messages.
    what : str, default="y"
        Whose stamps these are.

    Returns
    -------
    Timeline
        With the first of all stamps at 0, or whole numbers where they are.

    Raises
    ------
    FrequencyError
        If no frequency can be found, or the stamps are of no kind that has one.
    """
    if pd.api.types.is_integer_dtype(every):
        return Numbers()
    if isinstance(every, pd.PeriodIndex):
        return Periods(every.min())
    if not isinstance(every, pd.DatetimeIndex):
        raise FrequencyError(
            f"{name}: the index of {what} in time must hold dates, periods of one frequency or "
            f"whole numbers; got {type(every).__name__} of {every.dtype}. Use "
            f"{what}.set_axis(pd.to_datetime(...)), or {what}.reset_index(drop=True)."
        )
    freq = longest.freq
    if freq is None:
        freq = _from_any_day(to_offset(_inferred(longest, every, name)), every)
    if getattr(freq, "n", 1) < 1:
        raise FrequencyError(
            f"{name}: dates must go forward; got steps of {freq.freqstr!r}. Use "
            f"{what}.sort_index()."
        )
    check_bins(every, freq, name)
    return Dates(every.min(), freq)


def _inferred(longest: pd.DatetimeIndex, every: pd.DatetimeIndex, name: str) -> Any:
    """Return the frequency that the dates show."""
    stamps = longest if len(longest) > 2 else every.sort_values()
    try:
        return infer_frequency([stamps], name)[0]
    except SeriesTooShortError:  # they are all the same
        if every.freq is not None:
            return every.freq
        raise FrequencyError(
            f"{name}: dates need a frequency, or at least two different dates to see it; got "
            f"{every[0]} only. Give it with y.asfreq('D'), or use periods: y.to_period('D')."
        ) from None


def _from_any_day(freq: Any, every: pd.DatetimeIndex) -> Any:
    """Return months from the day of the dates on, if that is neither the first nor the last."""
    months = _months(freq)
    days = every.day.unique()
    if months and len(days) == 1 and days[0] <= 28 and not freq.is_on_offset(every[0]):
        return pd.DateOffset(months=months)
    return freq


def _months(offset: Any) -> int:
    """Return how many months an offset of months, quarters or years has, else 0."""
    rule = offset.rule_code.split("-")[0]
    return {"M": 1, "Q": 3, "Y": 12}.get(rule.removeprefix("B").rstrip("SE"), 0) * offset.n


def _duration(span: Any, name: str) -> Any:
    """Return what can be taken from a date."""
    if isinstance(span, pd.Timedelta) or type(span) is pd.DateOffset:
        return span
    try:
        return pd.Timedelta(span)
    except (TypeError, ValueError):
        pass
    try:
        offset = to_offset(span)
    except (TypeError, ValueError) as error:
        raise FrequencyError(
            f"{name} must be a number of steps or a span of time; got {span!r}. Give 48 or '30D', "
            f"for example."
        ) from error
    # a year is twelve months from any day, not only from the end of a year
    months = _months(offset)
    if months:
        return pd.DateOffset(months=months)
    return pd.Timedelta(days=7 * offset.n) if offset.rule_code.startswith("W-") else offset
