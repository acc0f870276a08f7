"""Centre and spread of features, over a whole data set or of each sequence by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklearn_rnn.transformers.tables import Table

__all__ = ["METHODS", "matched", "of_all", "of_each"]

#: A range below this is none: dividing by it could overflow.
SMALLEST = 1e-150

Quantiles = tuple[float, float]


def of_all(
    rows: NDArray, counts: NDArray | None, method: str, quantiles: Quantiles, alike: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and spread of each feature over all rows, by scikit-learn's own scalers.

    Parameters
    ----------
    rows : ndarray of shape (S, F)
        NaN does not count.
    counts : ndarray of shape (S,), optional
        How often each row counts, a whole number.
    method : str
        A key of METHODS.
    quantiles : tuple of float
        In percent, for "robust".
    alike : bool
        Whether all features share their statistics.

    Returns
    -------
    centre, spread : ndarray of shape (F,), float64
        The spread is 1 where there is none, or where nothing is known.
    """
    n_features, rows = rows.shape[1], np.asarray(rows, dtype=np.float64)
    if counts is not None and (counts == 1).all():
        counts = None
    if counts is not None:
        rows, counts = rows[counts > 0], counts[counts > 0]
    if alike:
        rows = rows.reshape(-1, 1)
        counts = None if counts is None else np.repeat(counts, n_features)
    unknown = np.isnan(rows).all(axis=0)
    if unknown.any():  # of which scikit-learn would learn NaN, and warn
        rows = np.where(unknown, 0.0, rows)
    centre, spread = METHODS[method][0](rows, counts, quantiles)
    return np.broadcast_to(centre, n_features).copy(), np.broadcast_to(spread, n_features).copy()


def of_each(
    table: Table, method: str, quantiles: Quantiles
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and spread (N, F) of each sequence by itself; 1 where there is no spread."""
    centre = np.zeros((len(table.lengths), table.rows.shape[1]))
    spread = np.ones_like(centre)
    for index, x in _blocks(table):
        middle, width = METHODS[method][1](x, quantiles)
        # rounding makes the deviation of a constant feature tiny rather than zero
        varies = width > np.fmax(10 * np.finfo(np.float64).eps * np.abs(middle), SMALLEST)
        centre[index] = np.where(np.isnan(middle), 0.0, middle)
        spread[index] = np.where(varies, width, 1.0)
    return centre, spread


def matched(table: Table, centre: NDArray, scale: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Return rows, centre and scale with axes that go together, whether (F,) or (N, F)."""
    rows, lengths = table.rows, table.lengths
    if centre.ndim == 1:
        return rows, centre, scale
    if (lengths == lengths[0]).all():
        blocks = rows.reshape(len(lengths), -1, rows.shape[1])
        return blocks, centre[:, np.newaxis], scale[:, np.newaxis]
    return rows, np.repeat(centre, lengths, axis=0), np.repeat(scale, lengths, axis=0)


def _blocks(table: Table) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield sequences of one length at a time: where they are, and an array (n, length, F)."""
    lengths, rows = table.lengths, np.asarray(table.rows, dtype=np.float64)
    starts = np.cumsum(lengths) - lengths
    for length in np.unique(lengths):
        index = np.flatnonzero(lengths == length)
        if len(index) == len(lengths):
            yield index, rows.reshape(len(index), length, -1)
        else:
            yield index, rows[starts[index, np.newaxis] + np.arange(length)]


# -- over all rows (S, F), as scikit-learn has them -----------------------------------------------


def _of_all_standard(
    rows: NDArray, counts: NDArray | None, quantiles: Quantiles
) -> tuple[NDArray, NDArray]:
    scaler = StandardScaler().fit(rows, sample_weight=counts)
    return scaler.mean_, scaler.scale_


def _of_all_minmax(
    rows: NDArray, counts: NDArray | None, quantiles: Quantiles
) -> tuple[NDArray, NDArray]:
    scaler = MinMaxScaler().fit(rows)
    # scikit-learn takes a range below 1e-15 for none, and loses it next to feature_range[0]
    return scaler.data_min_, np.where(scaler.data_range_ > SMALLEST, scaler.data_range_, 1.0)


def _of_all_maxabs(
    rows: NDArray, counts: NDArray | None, quantiles: Quantiles
) -> tuple[NDArray, NDArray]:
    scale = MaxAbsScaler().fit(rows).scale_
    return np.zeros(len(scale)), scale


def _of_all_robust(
    rows: NDArray, counts: NDArray | None, quantiles: Quantiles
) -> tuple[NDArray, NDArray]:
    rows = rows if counts is None else np.repeat(rows, counts.astype(np.int64), axis=0)
    scaler = RobustScaler(quantile_range=tuple(quantiles)).fit(rows)
    return scaler.center_, scaler.scale_


# -- and of each sequence by itself: (N, T, F) becomes centres (N, F) and spreads (N, F) ------


def _of_each_standard(x: NDArray, quantiles: Quantiles) -> tuple[NDArray, NDArray]:
    mean = np.mean(x, axis=1)
    spread = np.sqrt(np.mean(np.square(x - mean[:, np.newaxis]), axis=1))
    gaps = np.flatnonzero(np.isnan(mean).any(axis=1))
    if len(gaps):  # leaving values out takes twice the time, so only where it must be
        mean[gaps], spread[gaps] = _mean_and_deviation_of_known(x[gaps])
    return mean, spread


def _mean_and_deviation_of_known(x: NDArray) -> tuple[NDArray, NDArray]:
    known = ~np.isnan(x)
    number = np.maximum(known.sum(axis=1), 1)
    mean = np.sum(x, axis=1, where=known) / number
    squares = np.square(x - mean[:, np.newaxis])
    return mean, np.sqrt(np.sum(squares, axis=1, where=known) / number)


def _of_each_minmax(x: NDArray, quantiles: Quantiles) -> tuple[NDArray, NDArray]:
    low = np.fmin.reduce(x, axis=1)  # NaN only where there is nothing else
    return low, np.fmax.reduce(x, axis=1) - low


def _of_each_maxabs(x: NDArray, quantiles: Quantiles) -> tuple[NDArray, NDArray]:
    largest = np.fmax.reduce(np.abs(x), axis=1)
    return np.zeros_like(largest), largest


def _of_each_robust(x: NDArray, quantiles: Quantiles) -> tuple[NDArray, NDArray]:
    ordered = np.sort(x, axis=1)  # NaN last
    last = np.maximum((~np.isnan(x)).sum(axis=1, keepdims=True) - 1, 0)
    low, middle, high = (
        _at_share(ordered, last, share / 100) for share in (quantiles[0], 50.0, quantiles[1])
    )
    return middle, high - low


def _at_share(ordered: NDArray, last: NDArray, share: float) -> NDArray:
    """Return what lies at a share of the way from the first to the last value, as numpy does."""
    place = share * last
    below = np.floor(place).astype(np.int64)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=1)
    return (low + (high - low) * (place - below))[:, 0]


#: A new method of `SequenceScaler`: centre and spread over all rows, and of each sequence.
METHODS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "standard": (_of_all_standard, _of_each_standard),
    "minmax": (_of_all_minmax, _of_each_minmax),
    "robust": (_of_all_robust, _of_each_robust),
    "maxabs": (_of_all_maxabs, _of_each_maxabs),
}
