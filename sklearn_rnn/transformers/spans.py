"""Windows of a fixed duration over rows that need not come regularly, as slices of one table."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_rnn.exceptions import TimeOrderError
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.transformers.history import check_order, index_of, rows_of
from sklearn_rnn.transformers.windows import check_rows, read_only

__all__ = ["TimeSpanWindow", "TimedRows", "first_rows_within", "seconds_between"]


def first_rows_within(stamps: pd.Index, span: pd.Timedelta) -> NDArray[np.int64]:
    """Return for each row, at time t, the first row of those in (t - span, t].

    Parameters
    ----------
    stamps : DatetimeIndex or TimedeltaIndex of length T
        Ascending, none twice.
    span : Timedelta
        Longer than 0.
    """
    ticks = stamps.asi8
    # An index counts in units of its own, into which a span need not go without remainder: what
    # is less than a span ago is at most so many whole units ago.
    reach = -(-span // pd.Timedelta(1, unit=stamps.unit)) - 1
    reach = min(reach, int(ticks[-1]) - int(ticks[0]))  # so that nothing overflows
    return np.searchsorted(ticks, np.maximum(ticks, ticks[0] + reach) - reach)


def seconds_between(stamps: pd.Index) -> NDArray[np.float64]:
    """Return the seconds from the row before to each row, (T,); 0 for the first."""
    ticks = stamps.asi8
    # no difference is negative, so unsigned numbers hold those of centuries too
    passed = np.diff(ticks, prepend=ticks[:1]).view(np.uint64)
    return passed / (pd.Timedelta(seconds=1) // pd.Timedelta(1, unit=stamps.unit))


@dataclass(frozen=True)
class TimedRows:
    """Rows and when they are from.

    Attributes
    ----------
    rows : ndarray of shape (T, F)
        Values.
    stamps : DatetimeIndex or TimedeltaIndex of length T
        Times, without a zone or in UTC; ascending, none twice.
    """

    rows: NDArray[np.floating]
    stamps: pd.Index

    def __len__(self) -> int:
        """Return T."""
        return len(self.rows)

    @property
    def clock(self) -> str:
        """Say what the stamps can be compared with."""
        if isinstance(self.stamps, pd.TimedeltaIndex):
            return "durations"
        return "times without a zone" if self.stamps.tz is None else "times with a zone"

    def end(self, span: pd.Timedelta) -> TimedRows:
        """Return a copy of the rows of the last `span`, and of the one before them."""
        # the one before tells how much time had passed until the first of them
        first = max(0, first_rows_within(self.stamps, span)[-1] - 1)
        return TimedRows(np.array(self.rows[first:]), self.stamps[first:])

    def before(self, time: Any) -> TimedRows:
        """Return the rows earlier than `time`."""
        number = self.stamps.searchsorted(time)
        return TimedRows(self.rows[:number], self.stamps[:number])

    def then(self, later: TimedRows) -> TimedRows:
        """Return these rows and `later` ones, in the dtype of those; themselves if that is all."""
        if not len(self):
            return later
        rows = np.concatenate([self.rows.astype(later.rows.dtype), later.rows])
        return TimedRows(rows, self.stamps.append(later.stamps))


class TimeSpanWindow(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn each row into the window of all rows of the last so many minutes, hours or days.

    The window of a row at time t holds the rows in ``(t - span, t]``, the row itself the last. As
    rows need not come regularly, windows differ in their number of steps: the answer is
    `Sequences`, slices of one table, which the estimators of this package take as they are. The
    number of rows stays as it is, so this works in scikit-learn's pipelines, in `TimeSeriesSplit`
    and in searches, and no window sees what comes after its row.

    After `fit`, rows that come later than those of fit begin with the rows of fit that lie within
    the span. Where rows are known to be regular, `SlidingWindow` is simpler.

    Parameters
    ----------
    span : str, timedelta or offset
        How far a window reaches back, as pandas' `Timedelta` takes it: ``"90min"``, ``"7D"``. A
        day has 24 hours, also when clocks change. No plain number: its unit would be a guess.
    add_elapsed : bool, default=False
        Whether to add a last feature: the seconds since the row before, 0 for the first row that
        is known. Without it, the network cannot tell rows close in time from rows far apart.

    Attributes
    ----------
    span_ : Timedelta
        The span of fit.
    tail_ : TimedRows
        The last rows of fit, with their times.
    n_features_in_ : int
        Columns in fit.
    feature_names_in_ : ndarray of str
        Their names.

    See Also
    --------
    SlidingWindow : Windows of a fixed number of rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_rnn import TimeSpanWindow
    >>> times = pd.to_datetime(["2024-01-01 08:00", "2024-01-01 08:50", "2024-01-01 09:10"])
    >>> X = pd.DataFrame({"load": [1.0, 2.0, 3.0]}, index=times)
    >>> [window.ravel().tolist() for window in TimeSpanWindow("1h").fit_transform(X)]
    [[1.0], [1.0, 2.0], [2.0, 3.0]]
    """

    _parameter_constraints: dict = {"span": "no_validation", "add_elapsed": ["boolean"]}

    def __init__(self, span: Any, add_elapsed: bool = False) -> None:
        self.span = span
        self.add_elapsed = add_elapsed

    def fit(self, X: pd.DataFrame, y: Any = None) -> TimeSpanWindow:
        """Remember the rows of the last span.

        Parameters
        ----------
        X : DataFrame of shape (T, F)
            Rows with a DatetimeIndex, a TimedeltaIndex, or a PeriodIndex, whose periods count
            from their start; in order, no time twice.
        y : None
            Not used.

        Returns
        -------
        TimeSpanWindow
            Itself.

        Raises
        ------
        TimeOrderError
            If the index does not ascend.
        ValueError
            If there is no index of times, or the span is none.
        """
        self._validate_params()
        span = self._checked_span()
        self.tail_ = self._read(X, reset=True).end(span)
        self.span_ = span
        return self

    def transform(self, X: pd.DataFrame, history: pd.DataFrame | None = None) -> Sequences:
        """Return windows.

        Parameters
        ----------
        X : DataFrame of shape (T, F)
            Rows with an index of times as in fit; a time zone may be another.
        history : DataFrame of shape (n_rows, F), optional
            Rows before X with their times, to begin with in place of those of fit.

        Returns
        -------
        Sequences
            T windows of shape (n_rows in the span, F), or F + 1 with the seconds elapsed. Slices
            of one read-only table: X itself, if nothing comes before or between.
        """
        check_is_fitted(self)
        new = self._read(X, reset=False)
        past = self._past(new, history)
        known = past.then(new)
        first = first_rows_within(known.stamps, self.span_)
        lengths = np.arange(1, len(known) + 1) - first
        steps = known.rows
        if self.add_elapsed:
            elapsed = seconds_between(known.stamps).astype(steps.dtype)
            steps = np.column_stack([steps, elapsed])
        return Sequences(read_only(steps), first[len(past) :], lengths[len(past) :])

    def _past(self, new: TimedRows, history: pd.DataFrame | None) -> TimedRows:
        """Return the rows to begin with, all of them earlier than the new ones."""
        given = self.tail_
        if history is not None:
            given = self._read(history, reset=False)
        if given.clock != new.clock:
            source = "fit" if history is None else "history"
            raise ValueError(
                f"TimeSpanWindow: times of X and of {source} must be comparable; got {new.clock} "
                f"in X, {given.clock} in {source}. Give both a time zone or neither "
                f"(tz_localize), or durations to both."
            )
        past = given.before(new.stamps[0])
        if history is not None and len(past) < len(given):
            raise TimeOrderError(
                f"TimeSpanWindow: all of history must be earlier than X; got "
                f"{len(given) - len(past)} of {len(given)} rows that are not. Use "
                f"history[history.index < X.index[0]]."
            )
        return past

    def _read(self, X: Any, reset: bool) -> TimedRows:
        check_rows(X, "TimeSpanWindow", "Fit and transform each series on its own.")
        stamps = _stamps_of(X)
        return TimedRows(rows_of(self, X, reset=reset, dtype=[np.float64, np.float32]), stamps)

    def _checked_span(self) -> pd.Timedelta:
        wanted = (
            f"TimeSpanWindow: span must be a duration longer than 0, as pd.Timedelta takes it; got "
            f"{self.span!r}."
        )
        if isinstance(self.span, Number) and not isinstance(self.span, np.timedelta64):
            raise ValueError(f"{wanted} Give it a unit, as in '90min' or '7D'.")
        try:
            span = pd.Timedelta(self.span)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{wanted} Examples are '90min' and '7D'.") from error
        if not span > pd.Timedelta(0):  # nor NaT
            raise ValueError(f"{wanted} Examples are '90min' and '7D'.")
        return span

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return names of the features of a step.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns of X, if fit has not seen them.

        Returns
        -------
        ndarray of str
            Those of the columns, and ``"elapsed"`` if that is added.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return np.append(names, ["elapsed"]) if self.add_elapsed else names

    def set_output(self, *, transform: str | None = None) -> TimeSpanWindow:
        """Accept any container and keep to `Sequences`: windows have three axes.

        Parameters
        ----------
        transform : str, optional
            Not used.

        Returns
        -------
        TimeSpanWindow
            Itself.
        """
        return self

    def __sklearn_tags__(self):
        """Tell scikit-learn that rows need an index, which its own arrays do not have."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _stamps_of(X: Any) -> pd.Index:
    """Return when rows are from, in UTC if that is known, or say why that cannot be told."""
    index = index_of(X)
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        raise ValueError(
            f"TimeSpanWindow: X must be a data frame with a DatetimeIndex, PeriodIndex or "
            f"TimedeltaIndex; got {_kind_of(X, index)}. Set the times as index, with "
            f"pd.to_datetime(times, utc=True) if zones are mixed; in a pipeline, steps before keep "
            f"it with set_output(transform='pandas')."
        )
    if index.hasnans:
        raise TimeOrderError(
            f"TimeSpanWindow: every row of X needs a time; got {index.isna().sum()} NaT among "
            f"{len(index)} rows. Use X[X.index.notna()]."
        )
    check_order(pd.DataFrame(index=index), "TimeSpanWindow")
    zone = getattr(index, "tz", None)
    return index if zone is None else index.tz_convert("UTC")


def _kind_of(X: Any, index: pd.Index | None) -> str:
    if issparse(X):
        return f"sparse {type(X).__name__}"
    if index is None:
        return f"{type(X).__name__} without an index"
    return f"{type(index).__name__} of {index.dtype}"
