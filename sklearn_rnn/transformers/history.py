"""The rows just before: what a transformer of rows in time needs to know of the past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.tseries.frequencies import to_offset
from sklearn.utils.validation import check_array, validate_data

from sklearn_rnn.exceptions import SequenceShapeError, TimeOrderError
from sklearn_rnn.transformers.panels import axes_of

__all__ = [
    "Tail",
    "check_columns",
    "check_history",
    "check_order",
    "index_of",
    "restored_on_failure",
    "rows_of",
]

#: Rows by which a frequency is told.
RECENT = 50

#: Rows that may be missing before it is not worth to know how many.
LONGEST_GAP = 100_000


def index_of(X: Any) -> pd.Index | None:
    """Return the index of a Series or data frame; None of anything else."""
    return X.index if hasattr(X, "iloc") else None


def check_order(X: Any, name: str) -> None:
    """Refuse rows that are out of order or occur twice: their neighbours are not neighbours.

    Raises
    ------
    TimeOrderError
        If X has an index of dates, periods, durations or whole numbers that does not ascend.
    """
    index = index_of(X)
    times = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
    if not isinstance(index, times) and not (
        index is not None and pd.api.types.is_integer_dtype(index)
    ):
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
        if index.hasnans or self.index.hasnans:
            return None
        if isinstance(index, pd.DatetimeIndex) and isinstance(self.index, pd.DatetimeIndex):
            if (self.index.tz is None) != (index.tz is None):
                raise TimeOrderError(
                    f"The dates of X must have a time zone if those of fit had one, and none if "
                    f"not; got {index.tz} after {self.index.tz}. Use X.tz_localize, on all data."
                )
            index = index if index.tz is None else index.tz_convert(self.index.tz)
        elif index.dtype != self.index.dtype and not self._both_whole_numbers(index):
            return None
        first, last = index[0], self.index[-1]
        if first in self.index and self.index.is_unique:
            return self.index.get_loc(first) - len(self.index)
        if first < self.index[0]:
            return None
        if isinstance(index, pd.PeriodIndex):
            known = index.freq == self.index.freq and first > last
            rows, rest = divmod((first - last).n, index.freq.n) if known else (0, 1)
            return None if rest else rows - 1
        if isinstance(index, pd.DatetimeIndex):
            return self._gap_in_time(index)
        return self._gap_in_numbers(first, last)

    def _both_whole_numbers(self, index: pd.Index) -> bool:
        return pd.api.types.is_integer_dtype(index) and pd.api.types.is_integer_dtype(self.index)

    def _gap_in_numbers(self, first: Any, last: Any) -> int | None:
        """Count rows between whole numbers or durations, that come at one step."""
        recent: Any = self._recent
        if not pd.api.types.is_integer_dtype(recent) and not isinstance(recent, pd.TimedeltaIndex):
            return None
        steps = {recent[i + 1] - recent[i] for i in range(len(recent) - 1)}
        if len(steps) != 1 and isinstance(recent, pd.TimedeltaIndex):
            return None
        step = steps.pop() if len(steps) == 1 else 1
        rows, rest = divmod(first - last, step)
        return None if rest else int(rows) - 1

    def _gap_in_time(self, index: pd.DatetimeIndex) -> int | None:
        kept: Any = self.index
        recent: Any = self._recent
        first, last = index[0], kept[-1]
        theirs = _frequency(index)
        step = self.freq or _frequent(recent, theirs)
        if step is None:
            return None
        between = _dates(last, first, step)
        # off the grid of steps, how many rows are missing cannot be said
        if between is None or len(between) < 2 or between[0] != last or between[-1] != first:
            return None
        some = index[:RECENT]
        onwards = _dates(first, some[-1], step)
        if onwards is None or not some.isin(onwards).all():
            return None
        # regular, but at another step; the same step goes by several names
        if theirs is not None and len(onwards) != len(some):
            return None
        return len(between) - 2


def _frequent(known: pd.DatetimeIndex, theirs: str | None) -> str | None:
    """Return the step of rows some of which are missing, if the rows after them show what it is.

    Days that leave out weekends are working days, whatever the rows of one week look like.
    """
    if len(known) < 3:
        return theirs
    weekdays = len(known) >= 10 and bool((known.dayofweek < 5).all())
    if weekdays and bool((known == known.normalize()).all()):
        return "B"
    if theirs is None:
        return None
    steps = np.diff(known.asi8)
    usual = pd.Timedelta(int(np.median(steps)), unit=known.unit)
    return theirs if known[-1] + to_offset(theirs) == known[-1] + usual else None


def _dates(start: pd.Timestamp, end: pd.Timestamp, step: str) -> pd.DatetimeIndex | None:
    """Return dates at a step; None if there are more than anybody looks back."""
    offset = to_offset(step)
    if (end - start) / abs((start + offset) - start) > LONGEST_GAP:
        return None
    return pd.date_range(start, end, freq=offset)


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
    if np.isinf(rows).any():
        raise ValueError(
            f"{name}: history must be finite; got infinity in {np.isinf(rows).sum()} places. "
            f"Replace it, by NaN where the value is not known."
        )
    return rows


@contextmanager
def restored_on_failure(estimator: Any) -> Iterator[None]:
    """Leave an estimator as it was fitted before, if fitting it again fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
