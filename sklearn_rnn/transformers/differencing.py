"""Differences of a series at given lags, and the way back."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_rnn.exceptions import SeriesTooShortError
from sklearn_rnn.transformers.history import Tail, check_history, check_order, index_of

__all__ = ["Differencer", "difference", "undifference"]


def difference(x: NDArray, lag: int) -> NDArray:
    """Subtract from each row the row `lag` steps earlier: (T, F) becomes (T - lag, F)."""
    return x[lag:] - x[:-lag]


def undifference(dx: NDArray, before: NDArray) -> NDArray:
    """Add differences back up, given the `lag` rows that come right before them.

    The same call restores the past and continues into the future: only `before` differs.
    """
    lag = len(before)
    x = np.concatenate([before, dx])
    for phase in range(lag):
        x[phase::lag] = x[phase::lag].cumsum(axis=0)
    return x[lag:]


class Differencer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Difference a series at one or several lags, in order; rows are time steps.

    The number of rows stays as it is: the first ``sum(lags)`` rows, of which nothing comes
    before, become NaN. After `fit` on a data frame, rows that follow those of fit by
    their index are differenced with the last rows of fit instead.

    Parameters
    ----------
    lags : tuple of int, default=(1,)
        ``(1,)`` removes a trend; ``(1, 12)`` a trend and then a yearly season of months.

    Attributes
    ----------
    head_ : ndarray of shape (sum(lags), n_features), float64
        The first rows of fit, from which its other rows are restored.
    tail_ : Tail
        The last rows of fit, with their index, from which forecasts go on.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str
        Their names, if X was a data frame.

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
    """

    def __init__(self, lags: tuple[int, ...] = (1,)) -> None:
        self.lags = lags

    def fit(self, X: ArrayLike, y: Any = None) -> Differencer:
        """Remember the first and the last rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (T, F)
            Rows are time steps, in order.
        y : None
            Not used.

        Returns
        -------
        Differencer
            Itself.

        Raises
        ------
        SeriesTooShortError
            If there are no more rows than the lags use up.
        """
        reach = self._reach()
        rows = self._check(X, reset=True)
        if len(rows) <= reach:
            raise SeriesTooShortError(
                f"Differencer: lags={self.lags} use up {reach} rows; got a series of {len(rows)} "
                f"(n_samples={len(rows)}). Give at least {reach + 1} rows, or fewer lags."
            )
        self.head_ = np.array(rows[:reach])
        self.tail_ = Tail(rows, index_of(X), reach)
        return self

    def transform(
        self, X: ArrayLike, history: ArrayLike | None = None
    ) -> NDArray[np.float64] | pd.DataFrame:
        """Return differences.

        Parameters
        ----------
        X : array-like or DataFrame of shape (T, F)
            Rows are time steps, in order.
        history : array-like of shape (n_rows, F), optional
            At least ``sum(lags)`` rows just before X, for data without an index.

        Returns
        -------
        ndarray or DataFrame of shape (T, F), float64
            NaN where a row before is not known. A data frame keeps its index.
        """
        check_is_fitted(self)
        rows = self._check(X, reset=False)
        past = self._given(history)
        if past is None:
            past = self.tail_.before(index_of(X), self._reach())
        rows = np.concatenate([past, rows])
        for lag in self.lags:
            rows = difference(rows, lag)
        return self._like(X, rows)

    def inverse_transform(
        self, X: ArrayLike, history: ArrayLike | None = None
    ) -> NDArray[np.float64] | pd.DataFrame:
        """Add differences up.

        Parameters
        ----------
        X : array-like or DataFrame of shape (T, F)
            Differences. If they begin with ``sum(lags)`` rows of NaN, as `transform` makes them,
            and with the index of fit, if there is one, they are those of the rows of fit.
        history : array-like of shape (n_rows, F), optional
            At least ``sum(lags)`` rows of the series just before X. If not given, X is taken to
            follow right after the rows of fit; an index that says otherwise is an error.

        Returns
        -------
        ndarray or DataFrame of shape (T, F), float64
            The series. A data frame keeps its index.
        """
        check_is_fitted(self)
        changes = self._check(X, reset=False)
        reach, past = self._reach(), self._given(history)
        if past is not None:
            rows = self._add_up(changes, past)
        elif self._starts_like_fit(X) and np.isnan(changes[:reach]).all():
            rows = np.concatenate([self.head_, self._add_up(changes[reach:], self.head_)])
        else:
            rows = self._add_up(changes, self._known_before(X))
        return self._like(X, rows)

    def _starts_like_fit(self, X: Any) -> bool:
        """Tell whether X may hold the rows of fit from the first on."""
        index, start = index_of(X), self.tail_.start
        if len(X) < self._reach():
            return False
        return index is None or start is None or index[0] == start

    def _known_before(self, X: Any) -> NDArray:
        """Return the rows just before X: the last of fit, if X has no index that says otherwise."""
        index = index_of(X)
        kept = self.tail_.index
        if index is None or kept is None:
            return self.tail_.rows
        past, unknown = self.tail_.before(index, self._reach()), np.isnan(self.tail_.rows)
        if np.isnan(past).any() and not unknown.any():
            raise ValueError(
                f"Differencer: the {self._reach()} rows just before X must be known to add its "
                f"differences up; X starts at {index[0]}, and fit ended at {kept[-1]}. "
                f"Give them as history=."
            )
        return past

    def _like(self, X: Any, rows: NDArray) -> NDArray | pd.DataFrame:
        """Give rows the index and columns of X, so that a window behind still knows the time."""
        if not hasattr(X, "iloc"):
            return rows
        named = all(isinstance(name, str) for name in X.columns)
        return pd.DataFrame(rows, X.index, self.get_feature_names_out() if named else X.columns)

    def _add_up(self, changes: NDArray, past: NDArray) -> NDArray:
        stages = [past]
        for lag in self.lags[:-1]:
            stages.append(difference(stages[-1], lag))
        for lag, stage in zip(reversed(self.lags), reversed(stages), strict=True):
            changes = undifference(changes, stage[len(stage) - lag :])
        return changes

    def _reach(self) -> int:
        """Return how many rows the lags use up."""
        lags = self.lags
        if not isinstance(lags, (tuple, list)) or not len(lags):
            raise ValueError(
                f"Differencer: lags must be a tuple of whole numbers, as in (1, 12); got {lags!r}."
            )
        if not all(isinstance(lag, Integral) and lag >= 1 for lag in lags):
            raise ValueError(
                f"Differencer: every lag must be a whole number of at least 1; got {lags!r}."
            )
        return int(sum(lags))

    def _given(self, history: ArrayLike | None) -> NDArray | None:
        past, reach = check_history(history, self.n_features_in_, "Differencer"), self._reach()
        if past is not None and len(past) < reach:
            raise SeriesTooShortError(
                f"Differencer: history must have at least {reach} rows for lags={self.lags}; got "
                f"{len(past)}. Give more of the rows just before X."
            )
        return None if past is None else past[len(past) - reach :]

    def _check(self, X: ArrayLike, reset: bool) -> NDArray[np.float64]:
        check_order(X, "Differencer")
        return validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")

    def __sklearn_tags__(self):
        """Tell scikit-learn that NaN is welcome, and that a row depends on those before it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
