"""Split-conformal calibration: widths of intervals set by errors on what training had not seen.

For each pair of levels, such as 0.1 and 0.9, the distances of both quantiles from the forecast are
multiplied so that between them would have lain at least the right share of the held-out values
(Romano et al. 2019, with a factor instead of a shift, so that series of any scale can share it).
Each side for itself would learn whether values went up or down in just that time, which all series
of a panel may do together and which says nothing of the next. And intervals become wider only: that
a short time was calm is no reason to expect it of the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["calibration_factors", "interpolated"]

#: Errors from which a factor is found; neighbouring steps ahead lend theirs if there are fewer.
ENOUGH = 500


def calibration_factors(
    errors: NDArray, distances: NDArray, levels: NDArray
) -> NDArray[np.float64]:
    """Return by what to multiply the distances of quantiles.

    Parameters
    ----------
    errors : ndarray of shape (N, H)
        True value minus forecast; NaN where it is not known.
    distances : ndarray of shape (N, H, Q)
        Quantile minus forecast.
    levels : ndarray of shape (Q,)
        Levels, ascending and symmetric around one half.

    Returns
    -------
    ndarray of shape (H, Q)
        1 or more; 1 where nothing is known.
    """
    horizon, n_levels = distances.shape[1:]
    factors = np.ones((horizon, n_levels))
    known = ~np.isnan(errors)
    counts = known.sum(axis=0)
    for step in range(horizon):
        reach = 0
        while reach < horizon:
            chosen = slice(max(0, step - reach), step + reach + 1)
            if counts[chosen].sum() >= ENOUGH:
                break
            reach += 1
        chosen = slice(max(0, step - reach), step + reach + 1)
        inside = known[:, chosen]
        if not inside.any():
            continue
        found, around = errors[:, chosen][inside], distances[:, chosen][inside]
        for low in range(n_levels // 2):
            high = n_levels - 1 - low
            share = levels[high] - levels[low]
            factor = _factor(found, around[:, low], around[:, high], share)
            factors[step, [low, high]] = max(factor, 1.0)
    return factors


def _factor(errors: NDArray, below: NDArray, above: NDArray, share: float) -> float:
    """Return by what to multiply two distances so that a share of the errors lies between them."""
    distance = np.where(errors < 0, below, above)
    ratios = (errors / np.where(distance == 0, np.nan, distance))[distance != 0]
    if not len(ratios):
        return 1.0
    return float(np.quantile(ratios, min(share * (1 + 1 / len(ratios)), 1.0)))


def interpolated(distances: NDArray, levels: NDArray, wanted: NDArray) -> NDArray[np.float64]:
    """Return the distances of other quantiles, on the scale of a normal distribution.

    Parameters
    ----------
    distances : ndarray of shape (..., Q)
        Of the quantiles at `levels` from the forecast.
    levels : ndarray of shape (Q,)
        Ascending.
    wanted : ndarray of shape (L,)
        Between 0 and 1; beyond the outermost levels tails go on as normal ones.

    Returns
    -------
    ndarray of shape (..., L)
        Ascending where `wanted` is.
    """
    at, sought = ndtri(levels), ndtri(wanted)
    above = np.maximum.accumulate(distances, axis=-1)  # what crosses is widened, on both sides
    below = np.minimum.accumulate(distances[..., ::-1], axis=-1)[..., ::-1]
    ordered = np.where(levels < 0.5, below, above)
    right = np.clip(np.searchsorted(at, sought), 1, len(at) - 1)
    share = (sought - at[right - 1]) / (at[right] - at[right - 1])
    low, high = ordered[..., right - 1], ordered[..., right]
    return low + share * (high - low)
