"""Differences of series at given lags, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_is_fitted

from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.transformers.history import (
    Tail,
    check_history,
    check_order,
    index_of,
    restored_on_failure,
    rows_of,
)
from sklearn_rnn.transformers.lags import difference, lost_rows, rows_to_compare, undifference
from sklearn_rnn.transformers.panels import axes_of, in_form_of, is_panel, names_of, series_of

__all__ = ["Differencer", "Ends"]


class Ends:
    """The first and the last rows of a series: what its differences cannot tell.

    As a rule as many rows as the lags use up; more if values are missing among them.

    Attributes
    ----------
    length : int
        Rows of the series.
    head : ndarray of shape (..., R, F)
        First rows.
    tail : Tail
        Last rows, with their index.
    starts : tuple
        The index of the first row, and of the first that has a difference; None where there is
        none.
    """

    def __init__(self, rows: NDArray, index: pd.Index | None, lags: tuple[int, ...]) -> None:
        length, reach = rows.shape[-2], sum(lags)
        first = last = min(reach, length)
        if np.isnan(rows).any():
            after = rows_to_compare(rows, lags)
            while first < length and _unknown(rows_to_compare(rows[..., :first, :], lags)) > (
                _unknown(after)
            ):
                first = min(2 * first, length)
            while last < length and not _same(rows_to_compare(rows[..., -last:, :], lags), after):
                last = min(2 * last, length)
        self.length = length
        self.head = np.array(rows[..., :first, :])
        self.tail = Tail(rows, index, last)
        self.starts = tuple(
            None if index is None or place >= length else index[place] for place in (0, reach)
        )


def _unknown(befores: list[NDArray]) -> int:
    """Count the values that rows would have to be compared with, and are not known."""
    return sum(int(np.isnan(before).sum()) for before in befores)


def _same(befores: list[NDArray], others: list[NDArray]) -> bool:
    pairs = zip(befores, others, strict=True)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)


def _behind_gap(before: NDArray, gap: int) -> NDArray:
    """Return what rows are compared with if `gap` rows of which nothing is known come between."""
    lag = before.shape[-2]
    after = np.full_like(before, np.nan)
    after[..., : max(lag - gap, 0), :] = before[..., gap:, :]
    return after


class Differencer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Difference series at one or several lags, in order, and add the differences up again.

    Rows are time steps. The first ``sum(lags)`` rows, of which nothing comes before, become NaN
    or are dropped. After `fit` on a Series or data frame, rows that follow those of fit by their
    index are differenced with the last rows of fit instead.

    A missing value stays where it was: each value is compared with the last known one at its lag
    (or twice, three times its lag).

    Parameters
    ----------
    lags : tuple of int, default=(1,)
        ``(1,)`` removes a trend; ``(12,)`` a yearly season of months; ``(1, 12)`` both; ``(1, 1)``
        is the second difference.
    rows : {"keep", "drop"}, default="keep"
        What becomes of rows that have no difference: "keep" gives NaN, so that y stays aligned in a
        pipeline; "drop" leaves them out, which no pipeline of rows in time can carry through to y.

    Attributes
    ----------
    ends_ : dict of Ends
        The first and the last rows of fit, from which its other rows are restored and forecasts go
        on. By the name of the series in a panel (its position in a list); for one series, and for
        an array (N, T, F), the name is None.
    lags_, rows_ : tuple of int, str
        What fit was told: `transform` and its inverse go by that.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str
        Their names, if X was a data frame.

    See Also
    --------
    sklearn_rnn.sktime.Differencer : The same in sktime's pipelines.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import Differencer
    >>> series = np.array([[1.0], [4.0], [9.0], [16.0]])
    >>> steps = Differencer().fit(series)
    >>> steps.transform(series).ravel()
    array([nan,  3.,  5.,  7.])
    >>> steps.inverse_transform(steps.transform(series)).ravel()
    array([ 1.,  4.,  9., 16.])
    >>> steps.inverse_transform([[9.0], [11.0]]).ravel()  # a forecast
    array([25., 36.])
    >>> paths = np.array([[[9.0], [11.0]], [[8.0], [8.0]]])  # two forecasts
    >>> steps.inverse_transform(paths)[:, :, 0]
    array([[25., 36.],
           [24., 32.]])
    """

    _parameter_constraints: dict = {
        "lags": "no_validation",  # said in our words
        "rows": [StrOptions({"keep", "drop"})],
    }

    def __init__(self, lags: tuple[int, ...] = (1,), rows: str = "keep") -> None:
        self.lags = lags
        self.rows = rows

    def fit(self, X: Any, y: Any = None) -> Differencer:
        """Remember the first and the last rows.

        Parameters
        ----------
        X : array-like, Series or DataFrame of shape (T, F), or panel
            Rows are time steps, in order. A panel is a list of series, an array (N, T, F), or a
            data frame with a MultiIndex of series and time.
        y : None
            Not used.

        Returns
        -------
        Differencer
            Itself.

        Raises
        ------
        SeriesTooShortError
            If a series has fewer rows than the lags use up.
        """
        self._validate_params()
        lags = _checked(self.lags)
        ends: dict[Hashable, Ends] = {}
        with restored_on_failure(self):
            for name, raw, rows in self._series(X, reset=True):
                _check_length(name, rows, lags, self.rows)
                ends[name] = Ends(rows, index_of(raw), lags)
        self.ends_, self.lags_, self.rows_ = ends, lags, self.rows
        return self

    def transform(self, X: Any, history: Any = None) -> Any:
        """Return differences.

        Parameters
        ----------
        X : array-like, Series or DataFrame of shape (T, F), or panel
            Rows are time steps, in order.
        history : array-like of shape (n_rows, F), optional
            At least ``sum(lags)`` rows just before X, for data without an index. For an array
            (N, T, F) of shape (N, n_rows, F); for another panel a list.

        Returns
        -------
        ndarray, Series, DataFrame or panel, float64
            In the form of X, with its index. NaN where a row before is not known.
        """
        check_is_fitted(self)
        return self._map(X, history, self._differences)

    def inverse_transform(self, X: Any, history: Any = None) -> Any:
        """Add differences up.

        Parameters
        ----------
        X : array-like, Series or DataFrame of shape (T, F), or panel
            Differences. If they begin with ``sum(lags)`` rows of NaN, as `transform` makes them,
            and with the index of fit, if there is one, they are those of the rows of fit. After fit
            on one series, an array (n_paths, T, F) holds sample paths (or quantiles) of what comes
            next; after fit on a panel of N series so does an array (N, n_paths, T, F).
        history : array-like of shape (n_rows, F), optional
            At least ``sum(lags)`` rows of the series just before X; with ``(N, n_rows, F)`` each of
            N paths has its own. For a panel a list. If not given, X is taken to follow right
            after the rows of fit; an index that says otherwise is an error.

        Returns
        -------
        ndarray, Series, DataFrame or panel, float64
            The series, in the form of X, with its index.
        """
        check_is_fitted(self)
        return self._map(X, history, self._sums)

    def _map(self, X: Any, history: Any, change: Callable[..., NDArray]) -> Any:
        """Change each series, told of the rows before it, and give all the form of X."""
        named = list(self._series(X, reset=False))
        pasts = self._pasts(X, history, len(named))
        parts = [
            self._like(raw, change(name, rows, index_of(raw), past))
            for (name, raw, rows), past in zip(named, pasts, strict=True)
        ]
        return in_form_of(X, parts) if _is_list(X) else parts[0]

    def _differences(
        self, name: Hashable, rows: NDArray, index: pd.Index | None, past: NDArray | None
    ) -> NDArray:
        known, gap = past, 0
        # Series of a list have no names: those of another list are others, whatever their dates.
        if past is None and not isinstance(name, int) and name in self.ends_:
            known, gap = self.ends_[name].tail.known_before(index) or (None, 0)
        told = known is not None and known.shape[-2] >= self._reach() and not gap
        drop = self.rows_ == "drop" and not told
        if drop:
            _check_length(name, rows, self.lags_, "drop")
        for before in self._befores(known, gap):
            rows, _ = difference(rows, _spread(before, rows))
        return rows[..., self._reach() :, :] if drop else rows

    def _befores(self, past: NDArray | None, gap: int = 0) -> list[NDArray]:
        """Return what rows are to be compared with that come `gap` rows after `past`."""
        if past is None:
            past = np.full((self._reach(), self.n_features_in_), np.nan)
        # behind a gap, differences of differences would bridge it: they begin anew
        gap = self._reach() if gap and len(self.lags_) > 1 else gap
        return [_behind_gap(before, gap) for before in rows_to_compare(past, self.lags_)]

    def _sums(
        self, name: Hashable, changes: NDArray, index: pd.Index | None, past: NDArray | None
    ) -> NDArray:
        if past is not None:
            return self._add_up(changes, self._befores(past))
        ends = self.ends_.get(name)
        if ends is None:
            raise ValueError(
                f"Differencer: history= must give the {self._reach()} rows just before each series "
                f"to add its differences up; fit has seen {len(self.ends_)} series, and others. "
                f"Give them, or the panel of fit."
            )
        begin = self._place_in_fit(changes, index, ends)
        if begin is None:
            return self._add_up(changes, self._befores_of_later(index, ends.tail))
        head = ends.head[..., begin : begin + changes.shape[-2], :]
        later = changes[..., head.shape[-2] :, :]
        # within fit a NaN is a missing value: every phase that ever begins has begun in the head
        restored = self._add_up(later, self._befores(ends.head), may_lose=False)
        return np.concatenate([head, restored], axis=-2)

    def _place_in_fit(self, changes: NDArray, index: pd.Index | None, ends: Ends) -> int | None:
        """Return at which row of fit `changes` begin; None if they come later."""
        reach = self._reach()
        first = None if index is None or not len(index) else index[0]
        if changes.shape[:-2] != ends.head.shape[:-2] or changes.shape[-2] > ends.length:
            return None
        if self.rows_ == "drop":
            # without an index, nothing tells differences of the past from a forecast
            return reach if first is not None and first == ends.starts[1] else None
        if first is not None and ends.starts[0] is not None and first != ends.starts[0]:
            return None
        within = changes.shape[-2] >= reach and np.isnan(changes[..., :reach, :]).all()
        return 0 if within else None

    def _befores_of_later(self, index: pd.Index | None, tail: Tail) -> list[NDArray]:
        """Return what rows are to be compared with that come after those of fit."""
        right_after = self._befores(tail.rows)
        if index is None or tail.index is None:
            return right_after
        known = tail.known_before(index) if len(index) else None
        befores = self._befores(*known) if known is not None else []
        if not befores or _unknown(befores) > _unknown(right_after):
            raise ValueError(
                f"Differencer: the {self._reach()} rows just before X must be known to add its "
                f"differences up; X starts at {index[0]}, and fit ended at {tail.index[-1]}. "
                f"Give them as history=."
            )
        return befores

    def _add_up(self, changes: NDArray, befores: list[NDArray], may_lose: bool = True) -> NDArray:
        lost = np.zeros(changes.shape, dtype=bool)
        for before in reversed(befores):
            before = _spread(before, changes)
            changes = undifference(changes, before)
            if may_lose:
                lost = lost_rows(lost, before)
                changes[lost] = np.nan
        return changes

    def _series(self, X: Any, reset: bool) -> Iterator[tuple[Hashable, Any, NDArray]]:
        """Yield the name of each series, how it came, and its rows, checked."""
        if not _is_list(X):
            yield None, X, rows_of(self, X, reset=reset)
            return
        came = series_of(X)
        sequences = as_sequences(came, name="Differencer", missing="mask", trim=False)
        _check_names_of_panel(self, came[0], sequences.n_features, reset)
        for i, (name, series) in enumerate(zip(names_of(X), came, strict=True)):
            check_order(series, "Differencer")
            yield name, series, np.asarray(sequences[i], dtype=np.float64)

    def _pasts(self, X: Any, history: Any, number: int) -> list[NDArray | None]:
        if history is None:
            return [None] * number
        histories = [history]
        if _is_list(X):
            histories = series_of(history) if is_panel(history) else list(history)
        if len(histories) != number:
            raise SequenceShapeError(
                f"Differencer: history must have an item for each series of X; got "
                f"{len(histories)} for {number} series. Give a list of the rows before each."
            )
        pasts = [check_history(past, self.n_features_in_, "Differencer") for past in histories]
        shortest = min(past.shape[-2] for past in pasts if past is not None)
        if shortest < self._reach():
            raise SeriesTooShortError(
                f"Differencer: history must have at least {self._reach()} rows for "
                f"lags={self.lags_}; got {shortest}. Give more of the rows just before X."
            )
        return pasts

    def _like(self, raw: Any, rows: NDArray) -> Any:
        """Give rows the index and names that they had: a window behind wants to know the time."""
        if not hasattr(raw, "iloc"):
            return rows[:, 0] if axes_of(raw) == 1 else rows
        index = raw.index[len(raw) - len(rows) :]
        if raw.ndim == 1:
            return pd.Series(rows[:, 0], index, name=raw.name)
        named = all(isinstance(name, str) for name in raw.columns)
        return pd.DataFrame(rows, index, self.get_feature_names_out() if named else raw.columns)

    def _reach(self) -> int:
        """Return how many rows the lags use up."""
        return sum(self.lags_)

    def __sklearn_tags__(self):
        """Tell scikit-learn that NaN is welcome, and that a row depends on those before it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.three_d_array = True
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def _is_list(X: Any) -> bool:
    """Tell whether X is a panel whose series are looked at one by one: any but an array."""
    return is_panel(X) and not isinstance(X, np.ndarray)


def _checked(lags: Any) -> tuple[int, ...]:
    """Return lags as whole numbers, or say what they must be."""
    if not isinstance(lags, (tuple, list)) or not len(lags):
        raise ValueError(
            f"Differencer: lags must be a tuple of whole numbers, as in (1, 12); got {lags!r}."
        )
    whole = [isinstance(lag, (int, np.integer)) and not isinstance(lag, bool) for lag in lags]
    if not all(whole) or min(lags) < 1:
        raise ValueError(
            f"Differencer: every lag must be a whole number of at least 1; got {lags!r}."
        )
    return tuple(int(lag) for lag in lags)


def _check_length(name: Hashable, rows: NDArray, lags: tuple[int, ...], mode: str) -> None:
    reach, length = sum(lags), rows.shape[-2]
    least = reach + (mode == "drop")
    if length < least:
        which = "" if name is None else f" ({name})"
        raise SeriesTooShortError(
            f"Differencer: lags={lags} use up {reach} rows; got a series{which} of {length} "
            f"(n_samples={length}). Give at least {least} rows, or fewer lags."
        )


def _spread(before: NDArray, rows: NDArray) -> NDArray:
    """Let (N, lag, F) stand for all paths of (N, n_paths, T, F)."""
    if before.ndim == 2:
        return before
    if rows.ndim < before.ndim or len(rows) != len(before):
        raise SequenceShapeError(
            f"Differencer: X must have the {len(before)} series of fit or of history on its first "
            f"axis; got shape {rows.shape}. Give one past for all, (n_rows, n_features), or one "
            f"for each."
        )
    return before.reshape(len(before), *[1] * (rows.ndim - before.ndim), *before.shape[1:])


def _check_names_of_panel(estimator: Any, first: Any, n_features: int, reset: bool) -> None:
    """Learn or compare what scikit-learn keeps of columns, by the first series of a panel."""
    named = first if hasattr(first, "columns") else np.empty((0, n_features))
    if reset or hasattr(first, "columns"):
        _check_feature_names(estimator, named, reset=reset)
    _check_n_features(estimator, np.empty((0, n_features)), reset=reset)
