"""Differences of rows at a lag, and their sums: plain functions of arrays (..., T, F)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference", "lost_rows", "rows_to_compare", "undifference"]


def difference(x: NDArray, before: NDArray) -> tuple[NDArray, NDArray]:
    """Subtract from each row the last known one that lies 1, 2, ... times `lag` rows earlier.

    A row that is NaN is passed over, so that there are as many NaN after as before.

    Parameters
    ----------
    x : ndarray of shape (..., T, F)
        Rows.
    before : ndarray of shape (..., lag, F)
        What the first `lag` rows are compared with; NaN where that is not known.

    Returns
    -------
    changes : ndarray of shape (..., T, F)
        The differences.
    after : ndarray of shape (..., lag, F)
        What the rows that follow are to be compared with.
    """
    seen = np.concatenate([_like_rows(before, x), x], axis=-2)
    if np.isnan(x).any():  # where only `before` is unknown there is nothing older to fall back on
        seen = _last_known(seen, before.shape[-2])
    length = x.shape[-2]
    return x - seen[..., :length, :], seen[..., length:, :]


def undifference(changes: NDArray, before: NDArray) -> NDArray:
    """Add up the differences (..., T, F) that `difference` made with the same `before`.

    The same call restores the past and continues into the future: only `before` differs.
    """
    lag, length = before.shape[-2], changes.shape[-2]
    blocks = _blocks(np.concatenate([_like_rows(before, changes), changes], axis=-2), lag)
    missing = np.isnan(blocks)
    missing[..., 0, :, :] = False  # of a phase that began nowhere nothing is known
    sums = np.where(missing, 0.0, blocks).cumsum(axis=-3)
    sums[missing] = np.nan
    return _rows(sums)[..., lag : lag + length, :]


def lost_rows(lost: NDArray[np.bool_], before: NDArray) -> NDArray[np.bool_]:
    """Tell which sums say nothing: of phases that began nowhere, and what comes after a lost one.

    `undifference` passes over NaN as a missing value. One that is NaN because the difference was
    lost is none: sums over it would be wrong.

    Parameters
    ----------
    lost : ndarray of shape (..., T, F), bool
        Differences that are not known although the values may be.
    before : ndarray of shape (..., lag, F)
        As in `undifference`.
    """
    lag, length = before.shape[-2], lost.shape[-2]
    unknown = np.concatenate([_like_rows(np.isnan(before), lost), lost], axis=-2).astype(float)
    spread = np.maximum.accumulate(_blocks(unknown, lag), axis=-3)
    return _rows(spread)[..., lag : lag + length, :] > 0


def _like_rows(before: NDArray, x: NDArray) -> NDArray:
    return np.broadcast_to(before, (*x.shape[:-2], *before.shape[-2:]))


def _blocks(rows: NDArray, lag: int) -> NDArray:
    """Lay rows (..., T, F) out as (..., K, lag, F): a phase of the lag is a column of blocks."""
    *leading, length, features = rows.shape
    spare = -length % lag
    rows = np.concatenate([rows, np.full((*leading, spare, features), np.nan)], axis=-2)
    return rows.reshape(*leading, (length + spare) // lag, lag, features)


def _rows(blocks: NDArray) -> NDArray:
    *leading, number, lag, features = blocks.shape
    return blocks.reshape(*leading, number * lag, features)


def _last_known(rows: NDArray, lag: int) -> NDArray:
    """Replace NaN by the last value of its phase, where there is one."""
    blocks = _blocks(rows, lag)
    position = np.arange(blocks.shape[-3])[:, np.newaxis, np.newaxis]
    known = np.maximum.accumulate(np.where(np.isnan(blocks), 0, position), axis=-3)
    return _rows(np.take_along_axis(blocks, known, axis=-3))[..., : rows.shape[-2], :]


def rows_to_compare(past: NDArray, lags: tuple[int, ...]) -> list[NDArray]:
    """Return what the row after `past` (..., R, F) is compared with, at each stage."""
    befores = []
    for lag in lags:
        nothing = np.full((*past.shape[:-2], lag, past.shape[-1]), np.nan)
        past, before = difference(past, nothing)
        befores.append(before)
    return befores
