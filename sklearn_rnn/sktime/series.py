"""The door between data frames and the table of series that networks read.

Series stand in the rows of a frame in any order of series; in the table they stand one after
another, each step a row. Nothing here walks from series to series: ten thousand cost little more
than one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import (
    FrequencyError,
    InputsError,
    MissingValuesError,
    TargetError,
    TargetTypeError,
    TimeOrderError,
)
from sklearn_rnn.sktime.timeline import Timeline, timeline_of

__all__ = [
    "Layout",
    "SeriesRows",
    "check_columns",
    "check_same_levels",
    "joined",
    "layout_of",
    "numbers_of",
    "read_series",
    "rows_at",
]


@dataclass(frozen=True)
class Layout:
    """Where the rows of series are.

    Parameters
    ----------
    timeline : Timeline
        The line that stamps lie on.
    starts : ndarray of shape (N,), int64
        First row of each series.
    lengths : ndarray of shape (N,), int64
        Their rows, a step each.
    firsts : ndarray of shape (N,), int64
        Where on the line the first row of each lies.
    instances : Index of length N, or None
        Names of series; None for one that has no name.
    order : ndarray of shape (R,) or None
        Which row of the frame each row is, if they stood in another order there.
    """

    timeline: Timeline
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    firsts: NDArray[np.int64]
    instances: pd.Index | None
    order: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.starts)

    @property
    def ends(self) -> NDArray[np.int64]:
        """Return where on the line the last row of each series lies, (N,)."""
        return self.firsts + self.lengths - 1

    def positions(self) -> NDArray[np.int64]:
        """Return where on the line each row lies, (R,)."""
        return rows_at(self.firsts, self.lengths)

    def named(self, number: int) -> str:
        """Say which series, if it has a name."""
        return "" if self.instances is None else f" in series {self.instances[number]!r}"

    def stamp(self, position: int) -> Any:
        """Return the stamp at a position, for a message."""
        return self.timeline.stamps(position, position)[0]

    def places_of(self, other: Layout) -> NDArray[np.int64]:
        """Return which of these series each of the others is, -1 for none, (N of other,)."""
        if self.instances is None or other.instances is None:
            same = self.instances is other.instances
            return np.full(len(other), 0 if same else -1, dtype=np.int64)
        return self.instances.get_indexer(other.instances)


@dataclass(frozen=True)
class SeriesRows:
    """Series of numbers and where they are.

    Parameters
    ----------
    layout : Layout
        Where.
    values : ndarray of shape (R, C), float64
        Rows; NaN where a value is missing.
    """

    layout: Layout
    values: NDArray[np.float64]


def rows_at(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return start, start + 1, ... for each series, one after another."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)


# -- from a frame ----------------------------------------------------------------------------------


def read_series(
    frame: pd.DataFrame, name: str, timeline: Timeline | None = None, what: str = "y"
) -> SeriesRows:
    """Read the series of numbers in a frame.

    Parameters
    ----------
    frame : DataFrame of shape (R, C)
        With an index in time, or a MultiIndex whose last level is time.
    name : str
        Who asks; opens error messages.
    timeline : Timeline, optional
        The line that stamps have to lie on; if not given, it is found.
    what : str, default="y"
        What the frame is called.

    Returns
    -------
    SeriesRows
        Its values are those of the frame, not a copy, wherever possible.
    """
    values = numbers_of(frame, name, what)
    layout = layout_of(frame.index, name, timeline, what)
    return SeriesRows(layout, values if layout.order is None else values[layout.order])


def numbers_of(frame: pd.DataFrame, name: str, what: str = "y") -> NDArray[np.float64]:
    """Return the numbers in a frame, (R, C), or say which column holds none.

    Raises
    ------
    TargetTypeError, or InputsError for X
        If a column holds anything else than numbers.
    MissingValuesError
        If one is infinite.
    """
    check_columns(frame, name, what)
    refusal = TargetTypeError if what == "y" else InputsError
    for column, dtype in frame.dtypes.items():
        number = pd.api.types.is_numeric_dtype(dtype)
        boolean = pd.api.types.is_bool_dtype(dtype) and what == "y"
        if not number or boolean or pd.api.types.is_complex_dtype(dtype):
            raise refusal(
                f"{name}: {what} must hold real numbers, nothing categorical; got dtype {dtype} in "
                f"column {column!r}. Use {what}.astype(float) if these are numbers."
            )
    if all(isinstance(dtype, np.dtype) for dtype in frame.dtypes):
        values = frame.to_numpy(np.float64)
    else:
        values = frame.to_numpy(np.float64, na_value=np.nan)
    for j in range(values.shape[1]):
        infinite = np.isinf(values[:, j])
        if infinite.any():
            raise MissingValuesError(
                f"{name}: {what} must be finite, or NaN where a value is missing; got "
                f"{infinite.sum()} infinite values in column {frame.columns[j]!r}, the first at "
                f"{frame.index[infinite.argmax()]}. Use {what}.replace([np.inf, -np.inf], np.nan)."
            )
    return values


def check_columns(frame: pd.DataFrame, name: str, what: str) -> None:
    """See that columns have names of their own."""
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        refusal = TargetTypeError if what == "y" else InputsError
        raise refusal(
            f"{name}: columns of {what} must have different names; got {twice!r} twice. Use "
            f"{what}.set_axis([...], axis=1)."
        )


def layout_of(
    index: pd.Index, name: str, timeline: Timeline | None = None, what: str = "y"
) -> Layout:
    """Find the series in an index, and see that each has a row for every step.

    Parameters
    ----------
    index : Index
        In time, or a MultiIndex whose last level is time.
    name : str
        Who asks; opens error messages.
    timeline : Timeline, optional
        The line that stamps have to lie on; if not given, it is found.
    what : str, default="y"
        Whose index this is.

    Returns
    -------
    Layout
        Of rows in the order of series, in which these first come.

    Raises
    ------
    TimeOrderError
        If a stamp is missing (NaT), comes twice, or before an earlier one.
    FrequencyError
        If stamps do not follow one another in equal steps.
    """
    if not len(index):
        raise TimeOrderError(f"{name}: {what} must have rows; got none. Give one at least.")
    levels = index.nlevels
    for level in range(levels - 1):
        if _has_missing(index, level):
            called = index.names[level] if index.names[level] is not None else level
            raise TimeOrderError(
                f"{name}: every series of {what} needs a name; got missing ones (NaN) in level "
                f"{called!r} of its index. Name them, or leave them out: "
                f"{what}[{what}.index.get_level_values({called!r}).notna()]."
            )
    if index.isna().any() if levels == 1 else _has_missing(index, levels - 1):
        raise TimeOrderError(
            f"{name}: every row of {what} needs a stamp; got missing ones (NaT or NaN) in its "
            f"index. Use {what}[{what}.index.notna()]."
        )
    if not isinstance(index, pd.MultiIndex):
        line = timeline or timeline_of(index, index.unique(), name, what)
        _check_kind(line, index, name, what)
        places, on_line = line.positions(index)
        lengths = np.array([len(index)])
        layout = Layout(line, np.zeros(1, np.int64), lengths, places[:1], None)
    else:
        _check_levels(index, timeline, name, what)
        starts, lengths, order, instances = _runs(index)
        level, codes = index.levels[-1], np.asarray(index.codes[-1])
        codes = codes if order is None else codes[order]
        used = np.flatnonzero(np.bincount(codes, minlength=len(level)))
        stamps = level[used] if len(used) < len(level) else level
        if timeline is None:
            longest = lengths.argmax()
            rows = codes[starts[longest] : starts[longest] + lengths[longest]]
            timeline = timeline_of(level[rows], stamps, name, what)
        _check_kind(timeline, level, name, what)
        # stamps are looked up once each, however many series share them
        of_stamps, on_line = timeline.positions(stamps)
        short = np.abs(of_stamps).max() < 2**30
        of_level = np.zeros(len(level), np.int32 if short else np.int64)
        on_level = np.ones(len(level), bool)
        of_level[used], on_level[used] = of_stamps, on_line
        places = of_level[codes]
        on_line = on_level[codes] if not on_level.all() else np.ones(1, bool)
        firsts = places[starts].astype(np.int64)
        layout = Layout(timeline, starts, lengths, firsts, instances, order)
    _check_steps(layout, places, on_line, index, name, what)
    return layout


def _has_missing(index: pd.MultiIndex, level: int) -> bool:
    if (np.asarray(index.codes[level]) < 0).any():
        return True
    # NaN may also be an entry of the level, which need not be used
    return bool(index.levels[level].hasnans and index.get_level_values(level).hasnans)


def _check_levels(index: pd.MultiIndex, timeline: Timeline | None, name: str, what: str) -> None:
    """See that time is not in another level than the last."""
    is_time = timeline.fits if timeline is not None else _may_be_time
    if is_time(index.levels[-1]) or not any(is_time(level) for level in index.levels[:-1]):
        return
    time = next(n for n, level in enumerate(index.levels) if is_time(level))
    # numbers before stamps, be those text, are names
    if pd.api.types.is_integer_dtype(index.levels[time]) and _is_date(index.levels[-1][0]):
        return
    swap = ".swaplevel()" if index.nlevels == 2 else f".swaplevel({time}, -1)"
    raise FrequencyError(
        f"{name}: the last level of the index of {what} must be time; got {index.names[-1]!r}, of "
        f"{index.levels[-1].dtype}, and time in level {time}. Use {what}{swap}.sort_index()."
    )


def _is_date(value: Any) -> bool:
    try:
        pd.Timestamp(value)
    except (TypeError, ValueError):
        return isinstance(value, pd.Period)
    return True


def _may_be_time(index: pd.Index) -> bool:
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)) or bool(
        pd.api.types.is_integer_dtype(index)
    )


def _runs(index: pd.MultiIndex) -> tuple[Any, Any, Any, pd.Index]:
    """Return starts and lengths of series, the order of rows if it is another, and names."""
    codes = [np.asarray(level) for level in index.codes[:-1]]
    changes = np.zeros(len(index), bool)
    changes[0] = True
    for level in codes:
        changes[1:] |= level[1:] != level[:-1]
    starts = np.flatnonzero(changes)
    names = index[starts].droplevel(-1)
    order = None
    if not names.is_unique:  # rows of a series stand apart from one another
        names, runs = names.unique(), names
        series = np.repeat(names.get_indexer(runs), np.diff(np.append(starts, len(index))))
        order = np.argsort(series, kind="stable")
        lengths = np.bincount(series)
        return np.cumsum(lengths) - lengths, lengths, order, names
    return starts, np.diff(np.append(starts, len(index))), order, names


def _check_kind(timeline: Timeline, index: pd.Index, name: str, what: str) -> None:
    if not timeline.fits(index):
        kind = type(timeline).__name__.lower()
        zone = " (with a time zone, or without, as in fit)" if kind == "dates" else ""
        raise FrequencyError(
            f"{name}: the index of {what} must hold {kind} in steps of {timeline.step!r}{zone} "
            f"like that of y in fit; got {type(index).__name__} of {index.dtype}. Give all data "
            f"an index of the same kind."
        )


def _check_steps(
    layout: Layout,
    places: NDArray[np.int64],
    on_line: NDArray[np.bool_],
    index: pd.Index,
    name: str,
    what: str,
) -> None:
    """Say which rows do not follow those before them, if any."""
    steps = np.diff(places)
    steps[layout.starts[1:] - 1] = 1  # from a series to the next
    if on_line.all() and (steps == 1).all():
        return
    timeline = layout.timeline
    off = not on_line.all()
    at = np.arange(len(index)) if layout.order is None else layout.order
    stamps = index.get_level_values(-1)
    _check_twice(layout, stamps[at], name, what)
    wrong = steps < 1 if (steps < 1).any() else steps != 1  # rather that than the gaps it makes
    row = int((~on_line).argmax()) if off else int(wrong.argmax()) + 1
    number = int(np.searchsorted(layout.starts, row, side="right")) - 1
    stamp, where = stamps[at[row]], layout.named(number)
    if off:
        if layout.instances is not None and layout.lengths[number] > 1:
            _check_frequencies(layout, stamps, at, number, name, what)
        raise FrequencyError(
            f"{name}: stamps of {what} must be {timeline.step!r} apart, as they are elsewhere; got "
            f"{stamp}{where}, which lies between steps. Use {what}.asfreq(...), or "
            f"sklearn_rnn.sktime.Resampler, to bring all rows to one frequency."
        )
    before, step = stamps[at[row - 1]], steps[row - 1]
    if step < 0:
        raise TimeOrderError(
            f"{name}: rows of {what} must be in the order of time; got {stamp} after "
            f"{before}{where}. Use {what}.sort_index()."
        )
    if layout.instances is not None:
        _check_frequencies(layout, stamps, at, number, name, what)
    more = int((steps != 1).sum()) - 1
    start = layout.starts[number]
    also = f", and {more} more gap{'s' if more > 1 else ''}" if more else ""
    raise FrequencyError(
        f"{name}: {what} must have a row for every step of {timeline.step!r}; got {stamp} after "
        f"{before}{where}{also}. "
        f"{_mended(layout, (places[start], places[start + layout.lengths[number] - 1]), what)}"
    )


def _check_twice(layout: Layout, stamps: pd.Index, name: str, what: str) -> None:
    """Say which stamp comes twice in a series, be it in order or not."""
    number = np.repeat(np.arange(len(layout)), layout.lengths)
    twice = pd.DataFrame({"series": number, "stamp": stamps}).duplicated().to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise TimeOrderError(
            f"{name}: no stamp of {what} may come twice; got {stamps[row]} twice"
            f"{layout.named(number[row])}. Use {what}[~{what}.index.duplicated()], or "
            f"{what}.groupby({what}.index).mean()."
        )


def _mended(layout: Layout, ends: tuple[int, int], what: str) -> str:
    """Say how gaps become rows of NaN, and what becomes of those."""
    step = layout.timeline.step
    if layout.timeline.offset() is None:
        grid = f"range({ends[0]}, {ends[1] + 1})"
        cure = f"Whole numbers count by ones: use reset_index(drop=True), or reindex({grid})"
    elif layout.instances is not None:
        cure = f"Use sklearn_rnn.sktime.Resampler({step!r}).fit_transform({what})"
    elif isinstance(layout.stamp(0), pd.Period):
        cure = f"Use {what}.resample({step!r}).mean()"
    else:
        cure = f"Use {what}.asfreq({step!r})"
    if what == "X":
        return f"{cure}; NaN in X count as the value before. predict needs the steps between, too."
    return f"{cure}; NaN in y are left out of training."


def _check_frequencies(
    layout: Layout, stamps: pd.Index, at: NDArray, number: int, name: str, what: str
) -> None:
    """Tell a series of another frequency from one with gaps."""
    rows = at[layout.starts[number] : layout.starts[number] + layout.lengths[number]]
    try:
        own = timeline_of(stamps[rows], stamps[rows].unique(), name)
    except FrequencyError:
        return
    if own.step != layout.timeline.step and len(rows) > 2:
        raise FrequencyError(
            f"{name}: all series of {what} must have the same frequency; got {own.step!r}"
            f"{layout.named(number)}, {layout.timeline.step!r} elsewhere. Bring them to one with "
            f"sklearn_rnn.sktime.Resampler, or fit a forecaster for each."
        )


# -- rows that come later --------------------------------------------------------------------------


def check_same_levels(old: Layout, new: Layout, name: str) -> None:
    """See that new rows are of one series, or of a panel, as those of fit were."""
    had, got = _kind(old), _kind(new)
    if had == got:
        return
    cure = "Give y the levels of the index of fit, or fit again"
    if new.instances is None:
        cure = "Use pd.concat({name: y}), with the name of a series"
        if had != "a panel":
            cure = f"{cure} as a tuple"
    elif old.instances is None:
        cure = "Use y.loc[name] for one of them, or fit with all"
    raise TargetError(f"{name}: fit had {had}, and update needs the like; got {got}. {cure}.")


def _kind(layout: Layout) -> str:
    if layout.instances is None:
        return "one series"
    levels = layout.instances.nlevels
    return "a panel" if levels == 1 else f"a hierarchy of {levels + 1} levels"


def joined(old: SeriesRows, new: SeriesRows) -> SeriesRows:
    """Put new rows behind or over the old ones; series that are new come last.

    Steps between that nobody has are NaN.
    """
    a, b = old.layout, new.layout
    places = a.places_of(b)
    is_new = places < 0
    places = np.where(is_new, len(a) + np.cumsum(is_new) - 1, places)
    number = len(a) + int(is_new.sum())
    firsts, ends = np.empty(number, np.int64), np.empty(number, np.int64)
    firsts[: len(a)], ends[: len(a)] = a.firsts, a.ends
    firsts[places[is_new]], ends[places[is_new]] = b.firsts[is_new], b.ends[is_new]
    firsts[places] = np.minimum(firsts[places], b.firsts)
    ends[places] = np.maximum(ends[places], b.ends)
    lengths = ends - firsts + 1
    starts = np.cumsum(lengths) - lengths
    values = np.full((int(lengths.sum()), old.values.shape[1]), np.nan)
    for part, to in ((old, np.arange(len(a))), (new, places)):
        layout = part.layout
        rows = rows_at(starts[to] + layout.firsts - firsts[to], layout.lengths)
        read = rows_at(layout.starts, layout.lengths)
        values[rows] = part.values[read]
    instances = a.instances
    if instances is not None and b.instances is not None and is_new.any():
        instances = instances.append(b.instances[is_new])
    layout = replace(
        a, starts=starts, lengths=lengths, firsts=firsts, instances=instances, order=None
    )
    return SeriesRows(layout, values)
