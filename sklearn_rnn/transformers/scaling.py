"""Centre and spread of the features of sequences, whatever their lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.exceptions import SequenceShapeError
from sklearn_rnn.sequences import Sequences, as_sequences, is_list_of_sequences

__all__ = ["SCALINGS", "SequenceScaler", "centre_and_scale"]


def _standard(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = np.average(x, weights=weights)
    return mean, np.sqrt(np.average(np.square(x - mean), weights=weights))


def _minmax(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Smallest value and range."""
    return x.min(), x.max() - x.min()


def _maxabs(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Zero and the largest absolute value."""
    return 0.0, np.abs(x).max()


def _robust(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Median and interquartile range."""
    order = np.argsort(x)
    share = np.cumsum(weights[order])
    # the smallest value that has at least that share of the weight at or below it
    at = np.searchsorted(share, np.array([0.25, 0.5, 0.75]) * share[-1] * (1 - 1e-12))
    low, middle, high = x[order][at]
    return middle, high - low


#: A new scaling: a function of values and weights that gives centre and scale, and a name here.
SCALINGS: dict[str, Callable[[NDArray, NDArray], tuple[float, float]]] = {
    "standard": _standard,
    "minmax": _minmax,
    "maxabs": _maxabs,
    "robust": _robust,
}


def centre_and_scale(
    x: NDArray, method: str, weights: NDArray | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each column what to subtract and what to divide by.

    Parameters
    ----------
    x : ndarray of shape (S, F)
        NaN does not count.
    method : str
        A key of SCALINGS.
    weights : ndarray of shape (S,), optional
        How often each row counts; rows of weight 0 do not.

    Returns
    -------
    centre, scale : ndarray of shape (F,), float64
        A column that is constant, or of which nothing is known, has scale 1.
    """
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    for j in range(x.shape[1]):
        counts = (weights > 0) & ~np.isnan(x[:, j])
        if counts.any():
            values = np.asarray(x[counts, j], dtype=np.float64)
            centre[j], spread = SCALINGS[method](values, weights[counts])
            # rounding makes the deviation of a constant column tiny rather than zero
            if spread > 10 * np.finfo(np.float64).eps * np.abs(values).max():
                scale[j] = spread
    return centre, scale


class SequenceScaler(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Scale the features of sequences, of equal lengths or not.

    For tables scikit-learn's own scalers remain the answer; this one takes (N, T, F) and lists of
    arrays. NaN stays NaN and does not count.

    Parameters
    ----------
    method : {"standard", "minmax", "maxabs", "robust"}, default="standard"
        Subtract and divide by: mean and standard deviation; smallest value and range; zero and
        largest absolute value; median and interquartile range.
    per : {"feature", "sequence"}, default="feature"
        Whether a feature is scaled alike in all sequences, as learned in fit, or in each sequence
        by its own statistics. The latter has no inverse, for they are not kept.

    Attributes
    ----------
    centre_, scale_ : ndarray of shape (F,), float64
        What is subtracted, and what is divided by; a constant feature is divided by 1.
    n_channels_in_ : int
        Features of a step.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import SequenceScaler
    >>> scaler = SequenceScaler("minmax")
    >>> X = [np.array([[0.0], [5.0]]), np.array([[10.0], [5.0], [2.5]])]
    >>> [x.ravel() for x in scaler.fit_transform(X)]
    [array([0. , 0.5]), array([1.  , 0.5 , 0.25])]
    """

    _parameter_constraints: dict = {
        "method": [StrOptions(set(SCALINGS))],
        "per": [StrOptions({"feature", "sequence"})],
    }

    def __init__(self, method: str = "standard", per: str = "feature") -> None:
        self.method = method
        self.per = per

    def fit(self, X: Any, y: Any = None) -> SequenceScaler:
        """Learn centre and scale.

        Parameters
        ----------
        X : array-like of shape (N, T, F), or list of arrays of shape (T_i, F)
            Sequences. A table (N, T) has one feature.
        y : None
            Not used.

        Returns
        -------
        SequenceScaler
            Itself.
        """
        self._validate_params()
        sequences = self._check(X)
        held = sequences.coverage()
        self.centre_, self.scale_ = centre_and_scale(sequences.steps, self.method, held)
        self.n_channels_in_ = sequences.n_features
        return self

    def transform(self, X: Any) -> NDArray | list[NDArray]:
        """Scale sequences.

        Parameters
        ----------
        X : array-like of shape (N, T, F), or list of arrays of shape (T_i, F)
            Sequences with the features of fit.

        Returns
        -------
        ndarray or list of ndarray, float64
            In the form of X.
        """
        if self.per == "feature":
            return self._map(X, lambda x: (x - self.centre_) / self.scale_)
        return self._map(X, self._by_itself)

    def inverse_transform(self, X: Any) -> NDArray | list[NDArray]:
        """Scale back.

        Parameters
        ----------
        X : array-like of shape (N, T, F), or list of arrays of shape (T_i, F)
            Scaled sequences.

        Returns
        -------
        ndarray or list of ndarray, float64
            In the form of X.
        """
        if self.per == "sequence":
            raise ValueError(
                "SequenceScaler: per='sequence' has no inverse, since the statistics of each "
                "sequence are not kept. Use per='feature', or scaler='window' of RNNRegressor."
            )
        return self._map(X, lambda x: x * self.scale_ + self.centre_)

    def _by_itself(self, x: NDArray) -> NDArray:
        centre, scale = centre_and_scale(x, self.method)
        return (x - centre) / scale

    def _check(self, X: Any) -> Sequences:
        return as_sequences(X, name="SequenceScaler", missing="mask", trim=False)

    def _map(self, X: Any, change: Callable[[NDArray], NDArray]) -> NDArray | list[NDArray]:
        check_is_fitted(self)
        sequences = self._check(X)
        if sequences.n_features != self.n_channels_in_:
            raise SequenceShapeError(
                f"SequenceScaler: X must have {self.n_channels_in_} features, as in fit; got "
                f"{sequences.n_features}. Features are the last axis."
            )
        changed = [change(sequences[i]) for i in range(len(sequences))]
        if is_list_of_sequences(X):
            return [x[:, 0] if np.ndim(raw) == 1 else x for x, raw in zip(changed, X, strict=True)]
        return np.stack(changed).reshape(np.shape(X))

    def __sklearn_tags__(self):
        """Tell scikit-learn that sequences and NaN are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = False
        return tags
