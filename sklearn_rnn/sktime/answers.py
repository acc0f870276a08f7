"""Forecasts as frames and distributions, with the stamps that they are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.sktime.series import Layout

__all__ = ["LEVELS", "distribution", "frame_of", "histogram", "index_of", "quantile_frame"]

#: Levels of the quantiles that stand for a distribution of no particular shape.
LEVELS = np.arange(1, 100) / 100


def index_of(layout: Layout, targets: NDArray[np.int64], time_name: Any) -> pd.Index:
    """Return the index of forecasts at positions (N, h), series by series."""
    stamps = layout.timeline.at(targets[0])
    if layout.instances is None:
        return stamps.rename(time_name)
    first, last = int(targets.min()), int(targets.max())
    stamps = layout.timeline.stamps(first, last).take(targets.ravel() - first)
    series = layout.instances.repeat(targets.shape[1])
    levels = [series.get_level_values(level) for level in range(series.nlevels)]
    return pd.MultiIndex.from_arrays([*levels, stamps], names=[*series.names, time_name])


def frame_of(values: NDArray[np.float64], index: pd.Index, columns: Any) -> pd.DataFrame:
    """Return forecasts (N, h, C) as a frame."""
    return pd.DataFrame(values.reshape(len(index), -1), index, columns)


def quantile_frame(
    values: NDArray[np.float64], index: pd.Index, columns: Any, levels: Any
) -> pd.DataFrame:
    """Return quantiles (N, h, C, Q) as a frame with a column for each column of y and level."""
    return frame_of(values, index, pd.MultiIndex.from_product([columns, levels]))


def distribution(
    name: str, parameters: dict[str, NDArray[np.float64]], index: pd.Index, columns: Any
) -> Any:
    """Return a distribution of skpro, of parameters (N, h, C)."""
    from skpro import distributions

    flat = {key: value.reshape(len(index), -1) for key, value in parameters.items()}
    if name == "negative_binomial":
        flat["alpha"] = 1 / flat["alpha"]  # theirs is the size, ours the dispersion
    kind = {"normal": "Normal", "student_t": "TDistribution"}.get(name, "NegativeBinomial")
    return getattr(distributions, kind)(**flat, index=index, columns=columns)


def histogram(values: NDArray[np.float64], index: pd.Index, columns: Any) -> Any:
    """Return a distribution of skpro that has these quantiles (N, h, C, Q) at LEVELS.

    Between quantiles all values are as likely, and so on beyond the first and the last.
    """
    from skpro.distributions import Histogram

    quantiles = values.reshape(len(index), -1, len(LEVELS))
    first, last = quantiles[..., :1], quantiles[..., -1:]
    lowest = first - (quantiles[..., 1:2] - first)
    highest = last + (last - quantiles[..., -2:-1])
    edges = np.concatenate([lowest, quantiles, highest], axis=-1)
    # bins of no width have no density
    width = 1e-9 * np.maximum(np.abs(edges).max(axis=-1, keepdims=True), 1.0)
    edges = np.maximum.accumulate(edges, axis=-1) + width * np.arange(edges.shape[-1])
    masses = np.full((*edges.shape[:-1], edges.shape[-1] - 1), 1 / (len(LEVELS) + 1))
    return Histogram(edges, masses, index=index, columns=columns)
