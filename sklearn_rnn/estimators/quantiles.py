"""Quantiles that a network has learned, and those between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_levels", "checked_levels", "wanted_levels"]


def checked_levels(name: str, quantiles: Any) -> NDArray[np.float64]:
    """Return the quantiles to learn, or say what is wrong with them.

    Parameters
    ----------
    name : str
        Who asks.
    quantiles : sequence of float
        Must ascend between 0 and 1.

    Returns
    -------
    ndarray of shape (Q,), float64
    """
    try:
        levels = np.asarray(quantiles, dtype=np.float64)
    except ValueError:
        levels = np.empty(0)
    if levels.ndim != 1 or not len(levels) or not (np.diff([0, *levels, 1]) > 0).all():
        raise ValueError(
            f"{name}: quantiles must ascend between 0 and 1, excluding both; got {quantiles!r}. "
            f"For example (0.1, 0.5, 0.9)."
        )
    return levels


def wanted_levels(
    name: str, loss: Any, learned: Sequence[float], alpha: float | Sequence[float] | None
) -> NDArray[np.float64]:
    """Return which quantiles are asked for, or say why they cannot be answered.

    Parameters
    ----------
    name : str
        Who asks.
    loss : str or callable
        What was learned.
    learned : sequence of float
        The quantiles, if it was those.
    alpha : float, sequence of float or None
        The quantiles wanted; None means all that were learned.

    Returns
    -------
    ndarray of shape (A,), float64
    """
    levels = np.asarray(learned, dtype=np.float64)
    if loss != "quantile":
        raise ValueError(
            f"{name}: predict_quantiles needs quantiles to be learned; got loss={loss!r}. Fit with "
            f"loss='quantile', quantiles={tuple(learned)}."
        )
    wanted = levels if alpha is None else np.atleast_1d(np.asarray(alpha, dtype=np.float64))
    if wanted.ndim > 1 or not wanted.size:
        raise ValueError(
            f"{name}: alpha must be a number or a list of some; got shape {wanted.shape}. For "
            f"example alpha=[0.1, 0.5, 0.9]."
        )
    if not ((wanted >= levels[0]) & (wanted <= levels[-1])).all():
        raise ValueError(
            f"{name}: alpha must lie between {levels[0]:g} and {levels[-1]:g}, the outermost "
            f"quantiles learned; got {wanted.min():g} to {wanted.max():g}. Fit with wider "
            f"quantiles=."
        )
    return wanted


def at_levels(answers: NDArray, learned: Sequence[float], wanted: NDArray) -> NDArray[np.float64]:
    """Interpolate linearly between quantiles: answers (..., Q) become (..., A)."""
    levels = np.asarray(learned, dtype=np.float64)
    if len(levels) == 1:
        return np.repeat(answers, len(wanted), axis=-1)
    above = np.clip(np.searchsorted(levels, wanted), 1, len(levels) - 1)
    share = (wanted - levels[above - 1]) / (levels[above] - levels[above - 1])
    low, high = answers[..., above - 1], answers[..., above]
    return low + share * (high - low)
