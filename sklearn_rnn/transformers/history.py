"""The rows just before: what a transformer of rows in time needs to know of the past."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, validate_data

from sklearn_rnn.exceptions import SequenceShapeError, TimeOrderError
from sklearn_rnn.transformers.panels import axes_of

__all__ = ["Tail", "check_columns", "check_history", "check_order", "index_of", "rows_of"]

#: Rows by which a frequency is told.
RECENT = 50


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
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)):
        return
    if index.is_monotonic_increasing and index.is_unique:
        return
    twice = index.duplicated().sum()
    found = f"{twice} duplicates" if twice else "rows out of order"
    raise TimeOrderError(
        f"{name}: the index of X must ascend, for rows are taken for neighbours in time; got "
        f"{found} among {len(index)} rows. Use X.sort_index(), and drop or average duplicates."
    )


def check_columns(X: Any, name: str) -> None:
    """Refuse columns of text or dates by their names, which scikit-learn does by their values.

    Raises
    ------
    ValueError
        If a column of a Series or data frame holds something that is no number.
    """
    if not hasattr(X, "iloc"):
        return
    frame = X.to_frame() if X.ndim == 1 else X
    numbers = ("integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty")
    wrong = [
        column
        for place, (column, dtype) in enumerate(frame.dtypes.items())
        if not pd.api.types.is_numeric_dtype(dtype)
        and pd.api.types.infer_dtype(frame.iloc[:, place], skipna=True) not in numbers
    ]
    if wrong:
        raise ValueError(
            f"{name}: every column of X must hold numbers; got text, dates or categories in "
            f"{wrong}. Encode them, or drop them."
        )


def rows_of(
    estimator: Any, X: Any, *, reset: bool, dtype: Any = np.float64
) -> NDArray[np.floating]:
    """Return a series as rows (T, F), or several of equal length as (..., T, F), checked.

    Parameters
    ----------
    estimator : object
        Who asks: keeps or compares the number and names of columns.
    X : array-like, Series or DataFrame
        NaN is welcome, infinity is not.
    reset : bool
        Whether this is `fit`.
    dtype : dtype or list of dtype, default=float64
        What to answer in; of a list, as it came if that is in it.
    """
    name = type(estimator).__name__
    check_order(X, name)
    check_columns(X, name)
    if hasattr(X, "iloc") and X.ndim == 1:
        X = X.to_frame()
    options: Any = {"dtype": dtype, "ensure_all_finite": "allow-nan"}
    if axes_of(X) > 2:
        return _cube_of(estimator, X, reset, options)
    try:
        return validate_data(estimator, X, reset=reset, **options)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{name}: X must hold numbers; got text, or something else that is no number (shape "
            f"{np.shape(X)}). Encode it, or drop it."
        ) from error


def _cube_of(estimator: Any, X: Any, reset: bool, options: dict[str, Any]) -> NDArray:
    values = check_array(X, allow_nd=True, estimator=estimator, input_name="X", **options)
    features = values.shape[-1]
    if reset:
        estimator.n_features_in_ = features
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif features != estimator.n_features_in_:
        raise SequenceShapeError(
            f"X has {features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input: those of fit. Features are the last "
            f"axis."
        )
    return values


class Tail:
    """The last rows of a series with their index, from which later rows can be continued.

    Parameters
    ----------
    rows : ndarray of shape (..., T, F)
        The series.
    index : Index or None
        Its index, of which the frequency is learned. Without one nothing is known about what
        comes between.
    length : int
        Rows to keep.
    """

    def __init__(self, rows: NDArray, index: pd.Index | None, length: int) -> None:
        first = max(0, rows.shape[-2] - length)
        self.rows = np.array(rows[..., first:, :])
        self.index = None if index is None else index[first:]
        self.start: Any = None if index is None else index[0]
        self._recent = None if index is None else index[-max(length, RECENT) :]

    @cached_property
    def freq(self) -> str | None:
        """How often rows have come of late; looked at only when others follow."""
        return _frequency(self._recent) or _frequency(self.index)

    def before(self, index: pd.Index | None, length: int) -> NDArray:
        """Return the `length` rows just before `index[0]`; NaN where none is known.

        Only rows earlier than that are given, so that a block of the rows kept here is told of
        its own past and nothing else; a gap between the rows kept and `index` counts as rows.
        """
        history = np.full((length, self.rows.shape[-1]), np.nan)
        known_and_gap = self.known_before(index)
        if known_and_gap is None or known_and_gap[1] >= length:
            return history
        known, gap = known_and_gap
        number = min(len(known), length - gap)
        if number:
            history[length - gap - number : length - gap] = known[len(known) - number :]
        return history

    def known_before(self, index: pd.Index | None) -> tuple[NDArray, int] | None:
        """Return the rows kept that lie before `index[0]`, and how many are missing in between.

        None if that cannot be said.
        """
        gap = self._gap(index)
        if gap is None:
            return None
        return self.rows[..., : self.rows.shape[-2] + min(gap, 0), :], max(gap, 0)

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
        if (known.tz is None) != (index.tz is None) or first < known[0]:
            return None
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
    """Return `history` as float64 (..., T, F), or say what is wrong with it."""
    if history is None:
        return None
    rows = np.asarray(history, dtype=np.float64)
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim < 2 or rows.shape[-1] != n_features:
        raise SequenceShapeError(
            f"{name}: history must have shape (n_rows, {n_features}), the rows just before X; got "
            f"shape {np.shape(history)}. Give it the columns of X."
        )
    return rows
