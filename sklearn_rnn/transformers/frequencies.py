"""Which regular grid of dates irregular ones belong to, found and explained."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import Day, Tick

from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError

__all__ = ["check_bins", "check_frequency", "infer_frequency", "is_fixed", "is_time"]

#: Steps that people measure in, for stamps of which no two are equally far apart.
ROUND_STEPS = ["1ms", "10ms", "100ms", "1s", "5s", "10s", "15s", "30s"]
ROUND_STEPS += ["1min", "5min", "10min", "15min", "30min", "1h", "2h", "3h", "6h", "12h"]

#: Longer ones by their length in days, of which months and years have no fixed number.
ROUND_DAYS = {"D": 1.0, "7D": 7.0, "MS": 30.44, "QS": 91.31, "YS": 365.25}

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]

NS_A_DAY = 86_400_000_000_000

#: More bins than both of these are due to a stray stamp, or to a step far too short.
MOST_BINS = 10_000_000
MOST_BINS_A_ROW = 1_000


def is_time(index: pd.Index) -> bool:
    """Tell whether an index can be put on a regular grid: dates, periods, or whole numbers."""
    dates = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))
    return dates or pd.api.types.is_integer_dtype(index)


def is_fixed(freq: Any) -> bool:
    """Tell whether an offset is always as long; a day is not, where clocks change."""
    return isinstance(freq, Tick) and not isinstance(freq, Day)  # which pandas 2 has for a Tick


def infer_frequency(indexes: Sequence[pd.Index], name: str) -> tuple[Any, str]:
    """Find the frequency that one or several indexes of one kind follow, and say why.

    Dates without gaps have the frequency that pandas infers. Of others, first days, last days or
    the same days of months are months, quarters or years, which begin on a first day unless all are
    last days; days from Monday to Friday are working days. Else the step that more than half of all
    steps are; else the longest step that all others are multiples of, unless that is far below the
    median; else the round step that is nearest to the median.

    Parameters
    ----------
    indexes : list of DatetimeIndex, PeriodIndex or integer Index
        Each of at least one stamp; in any order.
    name : str
        Who asks; opens error messages.

    Returns
    -------
    freq : str or int
        An alias of pandas; for whole numbers the longest step that all steps are multiples of.
    explanation : str
        What was found, as a sentence.

    Raises
    ------
    SeriesTooShortError
        If no series has two different stamps to measure a step between.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_rnn.transformers.frequencies import infer_frequency
    >>> stamps = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-05-01"])
    >>> infer_frequency([stamps], "doctest")[0]
    'MS'
    """
    stamps = [_ordered(index) for index in indexes]
    found = _found(stamps)
    if isinstance(stamps[0], pd.PeriodIndex):
        freq = stamps[0].freqstr
        return freq, f"{found}; periods of {freq} say so themselves: freq={freq!r}."
    steps = np.concatenate([_steps(index) for index in stamps])
    if not len(steps):
        raise SeriesTooShortError(
            f"{name}: freq='infer' needs two different stamps at least in one series; got {found}. "
            f"Give freq."
        )
    if not isinstance(stamps[0], pd.DatetimeIndex):
        step = int(np.gcd.reduce(steps))
        return step, f"{found}; all steps between them are multiples of {step}: freq={step}."
    freq = _regular(stamps)
    if freq is not None:
        return freq, f"{found}, at regular steps: freq={freq!r}."
    median = np.median(steps)
    freq, reason = _calendar(stamps) or _of_steps(steps, median)
    return freq, (
        f"{found}; the median step between them is {pd.Timedelta(median)}, the longest "
        f"{pd.Timedelta(steps.max())}; {reason}: freq={freq!r}."
    )


def _found(stamps: list[pd.Index]) -> str:
    """Say how many stamps there are, and of when."""
    number = sum(map(len, stamps))
    first, last = min(index[0] for index in stamps), max(index[-1] for index in stamps)
    series = f" in {len(stamps):,} series" if len(stamps) > 1 else ""
    return f"{number:,} stamp{'s' if number != 1 else ''}{series} from {first} to {last}"


def _ordered(index: pd.Index) -> pd.Index:
    """Return the different stamps in their order."""
    index = index if index.is_monotonic_increasing else index.sort_values()
    ticks = index.asi8 if hasattr(index, "asi8") else index.to_numpy(np.int64)
    is_new = np.diff(ticks) > 0
    return index if is_new.all() else index[np.append([True], is_new)]


def _steps(index: pd.Index) -> NDArray[np.int64]:
    """Return steps between neighbours, dates in nanoseconds of the clock on the wall."""
    if not isinstance(index, pd.DatetimeIndex):
        return np.diff(index.to_numpy(np.int64))
    on_the_wall = index.tz_localize(None)
    ticks = on_the_wall.asi8
    if not on_the_wall.is_monotonic_increasing:  # an hour comes twice when clocks go back
        ticks = np.sort(ticks)
    # a step fits into nanoseconds where a date, in a unit of its own, need not
    steps = np.diff(ticks) * pd.Timedelta(1, unit=index.unit).as_unit("ns").value
    return steps[steps > 0]


def _regular(stamps: list[pd.DatetimeIndex]) -> str | None:
    """Return what pandas infers, if that is the same for all that are long enough."""
    freqs = {_without_gaps(index) for index in stamps if len(index) > 2}
    return freqs.pop() if len(freqs) == 1 else None


def _without_gaps(index: pd.DatetimeIndex) -> str | None:
    """Return what pandas infers, but not business hours, which have a gap each night."""
    steps = np.diff(index.asi8)
    shortest, longest = steps.min(), steps.max()
    if longest > 4 * shortest:  # working days are 1 or 3 days apart, and nothing else differs more
        return None
    # what holds for the first of equal steps holds for all, and is found sooner
    return pd.infer_freq(index[:1000] if shortest == longest else index)


def _calendar(stamps: list[pd.DatetimeIndex]) -> tuple[str, str] | None:
    """Return the step of the calendar that all stamps lie on, though some may be missing."""
    if all(_once_a_month(index) for index in stamps):
        if all(index.is_month_start.all() for index in stamps):
            return _months(stamps, "S"), "all are first days of months"
        if all(index.is_month_end.all() for index in stamps):
            return _months(stamps, "E"), "all are last days of months"
        day = max(index.day.max() for index in stamps)
        if all((index.day == np.minimum(day, index.days_in_month)).all() for index in stamps):
            where = f"day {day} of a month" + (" or its last" if day > 28 else "")
            return _months(stamps, "S"), f"all are on {where}, in bins that begin on a first day"
    if not all(_at_midnight(index) for index in stamps):
        return None
    days = np.unique(np.concatenate([index.dayofweek for index in stamps]))
    return ("B", "all are days from Monday to Friday") if days.tolist() == [0, 1, 2, 3, 4] else None


def _once_a_month(index: pd.DatetimeIndex) -> bool:
    return bool((np.diff(index.year * 12 + index.month) > 0).all())


def _at_midnight(index: pd.DatetimeIndex) -> bool:
    day = pd.Timedelta(days=1) // pd.Timedelta(1, unit=index.unit)
    return bool((index.tz_localize(None).asi8 % day == 0).all())


def _months(stamps: list[pd.DatetimeIndex], side: str) -> str:
    """Return months, quarters or years, whichever is the longest that all stamps lie on."""
    months = np.concatenate([index.year * 12 + index.month - 1 for index in stamps])
    number, name = np.gcd.reduce(months - months.min()), MONTHS[months.min() % 12]
    if number % 12 == 0:
        return to_offset(f"{number // 12}Y{side}-{name}").freqstr
    if number % 3 == 0:
        return to_offset(f"{number // 3}Q{side}-{name}").freqstr
    return to_offset(f"{number}M{side}").freqstr


def _of_steps(steps: NDArray[np.int64], median: float) -> tuple[str, str]:
    """Return a frequency for stamps that lie on no calendar, and why that one."""
    values, counts = np.unique(steps, return_counts=True)
    often, share = values[counts.argmax()], counts.max() / len(steps)
    if share > 1 / 2:
        return _alias(often), f"{share:.0%} of the steps are {pd.Timedelta(often)}"
    divisor = np.gcd.reduce(values)
    if 4 * divisor >= median:
        return _alias(divisor), f"all are multiples of {pd.Timedelta(divisor)}"
    return _round(median), "few are equal, so the round step nearest to the median is taken"


def _round(step: float) -> str:
    """Return the round step, from a millisecond to a year, that is nearest by ratio."""
    lengths = {alias: float(pd.Timedelta(alias).value) for alias in ROUND_STEPS}
    lengths |= {alias: days * NS_A_DAY for alias, days in ROUND_DAYS.items()}
    nearest = min(lengths, key=lambda alias: abs(np.log(lengths[alias] / step)))
    return to_offset(nearest).freqstr


def _alias(step: int) -> str:
    days, rest = divmod(int(step), NS_A_DAY)
    # a day is a day even where clocks change, 24 hours are not
    return to_offset(pd.Timedelta(int(step)) if rest else f"{days}D").freqstr


def check_frequency(freq: Any, index: pd.Index, name: str) -> Any:
    """Return `freq` as what bins of `index` are made of, or say what it must be.

    Parameters
    ----------
    freq : str, DateOffset or int
        A frequency.
    index : DatetimeIndex, PeriodIndex or integer Index
        What it is for.
    name : str
        Who asks.

    Returns
    -------
    DateOffset or int
        For periods the offset that their own alias means ("M", not "ME").

    Raises
    ------
    FrequencyError
        If pandas does not know it, or if it does not fit the index.
    """
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        if not isinstance(freq, Integral) or isinstance(freq, bool) or freq < 1:
            raise FrequencyError(
                f"{name}: freq must be a whole number of at least 1 for an index of whole numbers; "
                f"got {freq!r}. Give one, or dates to X: X.set_axis(pd.to_datetime(...))."
            )
        return int(freq)
    try:
        offset = _offset_of(freq, index)
    except (ValueError, TypeError, NotImplementedError) as error:
        month = "'M'" if isinstance(index, pd.PeriodIndex) else "'MS' or 'ME' ('M' is for periods)"
        raise FrequencyError(
            f"{name}: freq must be a frequency that pandas knows for a {type(index).__name__}, "
            f"such as '15min', 'h', 'D', 'W' or, for months, {month}; got {freq!r}. Or let "
            f"freq='infer' find one."
        ) from error
    if offset is None or offset.n < 1:
        raise FrequencyError(
            f"{name}: freq must be a step forward in time; got {freq!r}. Give 'h' or 'D', for "
            f"example."
        )
    return offset


def _offset_of(freq: Any, index: pd.Index) -> Any:
    """Return what pandas makes of `freq`, or fail as pandas does."""
    if isinstance(index, pd.PeriodIndex):
        return pd.PeriodIndex([], freq=freq).freq
    offset = to_offset(freq)
    # DateOffset(months=1) has none, and pandas does not resample by it
    return offset if offset is None or offset.rule_code else None


def check_bins(index: pd.Index, freq: Any, name: str) -> None:
    """Refuse to make so many bins of few rows that they would fill the memory.

    Parameters
    ----------
    index : DatetimeIndex, PeriodIndex or integer Index
        The rows, at least one, in any order.
    freq : DateOffset or int
        As `check_frequency` returns it.
    name : str
        Who asks.

    Raises
    ------
    FrequencyError
        If there are more than ten million bins, and more than a thousand for each row.
    """
    bins = _number_of_bins(index, freq)
    if bins > max(MOST_BINS, MOST_BINS_A_ROW * len(index)):
        step = freq if isinstance(freq, Integral) else freq.freqstr
        raise FrequencyError(
            f"{name}: freq={step!r} must make at most {MOST_BINS:,} bins, or {MOST_BINS_A_ROW:,} a "
            f"row; got {bins:,} bins from the first to the last of {len(index):,} rows. Drop "
            f"stray rows far from all others (see X.index.min() and X.index.max()), or give a "
            f"longer freq."
        )


def _number_of_bins(index: pd.Index, freq: Any) -> int:
    """Return how many bins there are from the first row to the last, to within one."""
    unit = 1
    if isinstance(index, pd.DatetimeIndex):
        if not is_fixed(freq):
            return 1  # all days of the calendar of pandas fit into memory
        ticks, step = index.asi8, freq.nanos
        unit = pd.Timedelta(1, unit=index.unit).as_unit("ns").value
    elif isinstance(index, pd.PeriodIndex):
        ticks, step = index.asfreq(freq.base, how="start").asi8, freq.n
    else:
        ticks, step = index.to_numpy(), freq
    return (int(ticks.max()) - int(ticks.min())) * unit // step + 1
