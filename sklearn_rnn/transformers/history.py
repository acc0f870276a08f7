"""The rows just before: what a transformer of rows in time needs to know of the past."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_rnn.exceptions import SequenceShapeError, TimeOrderError

__all__ = ["Tail", "check_history", "check_order", "index_of"]


def index_of(X: Any) -> pd.Index | None:
    """Return the index of a Series or data frame; None of anything else."""
    return X.index if hasattr(X, "iloc") else None


def check_order(X: Any, name: str) -> None:
    """Refuse dates that are out of order or occur twice: their neighbours are not neighbours.

    Raises
    ------
    TimeOrderError
        If X has an index of dates or periods that does not ascend.
    """
    index = index_of(X)
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        return
    twice, ordered = index.duplicated().sum(), index.is_monotonic_increasing
    if twice or not ordered:
        found = f"{twice} duplicates" if twice else "rows out of order"
        raise TimeOrderError(
            f"{name}: the index of X must ascend, for rows are taken for neighbours in time; got "
            f"{found} among {len(index)} rows. Use X.sort_index(), and drop or average duplicates."
        )


class Tail:
    """The last rows of a series with their index, from which later rows can be continued.

    Parameters
    ----------
    rows : ndarray of shape (T, F)
        The series.
    index : Index or None
        Its index, of which the frequency is learned. Without one nothing is known about what
        comes between.
    length : int
        Rows to keep.
    """

    def __init__(self, rows: NDArray, index: pd.Index | None, length: int) -> None:
        first = max(0, len(rows) - length)
        self.rows = np.array(rows[first:])
        self.index = None if index is None else index[first:]
        self.start: Any = None if index is None else index[0]
        self.freq = _frequency(index) or _frequency(self.index)

    def before(self, index: pd.Index | None, length: int) -> NDArray:
        """Return the `length` rows just before `index[0]`; NaN where none is known.

        Only rows earlier than that are given, so that a block of the rows kept here is told of
        its own past and nothing else; a gap between the rows kept and `index` counts as rows.
        """
        history = np.full((length, self.rows.shape[1]), np.nan)
        gap = self._gap(index)
        if gap is None or gap >= length:
            return history
        # a negative gap: the first rows of `index` are among those kept
        known = self.rows[: len(self.rows) + min(gap, 0)]
        gap = max(gap, 0)
        number = min(len(known), length - gap)
        if number:
            history[length - gap - number : length - gap] = known[len(known) - number :]
        return history

    def _gap(self, index: pd.Index | None) -> int | None:
        """Count the rows missing between the rows kept and `index`; None if that cannot be said."""
        if index is None or self.index is None or not len(index) or not len(self.index):
            return None
        first, last = index[0], self.index[-1]
        if first in self.index and self.index.is_unique:
            return self.index.get_loc(first) - len(self.index)
        if type(index) is not type(self.index) and not self._both_whole_numbers(index):
            return None
        if isinstance(index, pd.PeriodIndex):
            known = index.freq == self.index.freq and first > last
            rows, rest = divmod((first - last).n, index.freq.n) if known else (0, 1)
            return None if rest else rows - 1
        if isinstance(index, pd.DatetimeIndex):
            return self._gap_in_time(index)
        return int(first - last) - 1 if self._both_whole_numbers(index) and first > last else None

    def _both_whole_numbers(self, index: pd.Index) -> bool:
        return pd.api.types.is_integer_dtype(index) and pd.api.types.is_integer_dtype(self.index)

    def _gap_in_time(self, index: pd.DatetimeIndex) -> int | None:
        known: pd.DatetimeIndex = self.index
        first, last = index[0], known[-1]
        theirs = _frequency(index)
        step = self.freq or theirs
        if step is None or (theirs is not None and theirs != step):
            return None
        if not known.append(index).is_monotonic_increasing:
            return None
        between = pd.date_range(last, first, freq=step)
        # off the grid of steps, how many rows are missing cannot be said
        on_grid = len(between) > 1 and between[0] == last and between[-1] == first
        return len(between) - 2 if on_grid else None


def _frequency(index: pd.Index | None) -> str | None:
    """Return how often dates come, as told or as seen; None if that cannot be said."""
    if not isinstance(index, pd.DatetimeIndex):
        return None
    if index.freq is not None:
        return index.freqstr
    return pd.infer_freq(index) if len(index) > 2 else None


def check_history(history: ArrayLike | None, n_features: int, name: str) -> NDArray | None:
    """Return `history` as float64 (T, F), or say what is wrong with it."""
    if history is None:
        return None
    rows = np.asarray(history, dtype=np.float64)
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != n_features:
        raise SequenceShapeError(
            f"{name}: history must have shape (n_rows, {n_features}), the rows just before X; got "
            f"shape {np.shape(history)}. Give it the columns of X."
        )
    return rows
