"""Forecasts of any length: a network's answers are read again as if they had been seen."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.training.forecast_net import Answers, ForecastNet
from sklearn_rnn.training.windows import ChosenWindows, WindowDataset

__all__ = ["roll_out"]

#: Windows that go on together; more would only take more memory.
BLOCK = 512


def roll_out(
    net: ForecastNet,
    chosen: ChosenWindows,
    horizon: int,
    not_negative: NDArray[np.bool_] | None = None,
) -> Answers:
    """Forecast `horizon` steps after each cutoff.

    A network that answers as many steps is asked once. One that answers fewer is asked again, with
    its answers behind what it had read.

    Parameters
    ----------
    net : ForecastNet
        A trained net.
    chosen : ChosenWindows
        Of which series, and after which cutoffs. Later steps of the series are not read.
    horizon : int
        Steps H.
    not_negative : ndarray of shape (N, C), bool, optional
        Which columns of which series cannot be negative: their forecasts end at zero.

    Returns
    -------
    Answers
        For N windows and H steps.
    """
    step = chosen.windows.horizon
    if not_negative is None:
        not_negative = np.zeros((len(chosen), chosen.windows.values.shape[1]), dtype=np.bool_)
    if horizon <= step:
        point, spread = net.forecasts(chosen)
        point = _clipped(point, not_negative)
        return Answers(point[:, :horizon], spread[:, :horizon])
    parts = [
        _block(
            net, chosen.windows, chosen.series[i], chosen.ends[i], horizon, not_negative[i.numpy()]
        )
        for i in torch.arange(len(chosen)).split(BLOCK)
    ]
    return Answers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _block(
    net: ForecastNet,
    windows: WindowDataset,
    series: Tensor,
    ends: Tensor,
    horizon: int,
    not_negative: NDArray[np.bool_],
) -> Answers:
    own, origins = _tails(windows, series, ends, horizon)
    step = windows.horizon
    number = torch.arange(len(series))
    points: list[np.ndarray] = []
    spreads: list[np.ndarray] = []
    for done in range(0, horizon, step):
        point, spread = net.forecasts(ChosenWindows(own, number, origins + done))
        point = _clipped(point, not_negative)
        if done and step > 1:
            # backtests on answers find no errors: such a block does not know how far off it may be
            spread = np.broadcast_to(spreads[0][:, -1:], spread.shape)
        points.append(point)
        spreads.append(spread)
        rows = (own.starts + origins + done)[:, None] + torch.arange(step)
        own.values[rows] = torch.from_numpy(point)
    return Answers(
        np.concatenate(points, axis=1)[:, :horizon], np.concatenate(spreads, axis=1)[:, :horizon]
    )


def _tails(
    windows: WindowDataset, series: Tensor, ends: Tensor, horizon: int
) -> tuple[WindowDataset, Tensor]:
    """Return the steps before each cutoff as series of their own, with room for what comes."""
    room = -(-horizon // windows.horizon) * windows.horizon
    kept = windows.reach
    own = copy.copy(windows)
    origins = ends.clamp(max=kept)
    first = ends - origins
    rows = windows.starts[series][:, None] + (first[:, None] + torch.arange(kept))
    rows = torch.minimum(rows, (windows.starts[series] + ends - 1)[:, None])
    columns = windows.values.shape[1]
    own.values = torch.zeros((len(series), kept + room, columns), dtype=torch.float64)
    own.values[:, :kept] = windows.values[rows]
    own.values = own.values.flatten(0, 1)
    if windows.observed is not None:
        observed = torch.ones((len(series), kept + room, columns), dtype=torch.bool)
        observed[:, :kept] = windows.observed[rows]
        # a short series goes on where it ends, not where the room for it does
        beyond = torch.arange(kept + room) >= origins[:, None]
        own.observed = (observed | beyond.unsqueeze(2)).flatten(0, 1)
    own.starts = torch.arange(len(series)) * (kept + room)
    own.lengths = origins + room
    own.held = torch.zeros_like(origins)
    own.origins = origins
    own.phases = windows.phases[series] + first
    own.level, own.change = windows.level[series], windows.change[series]
    if windows.inputs is not None and windows.input_starts is not None:
        own.input_starts = windows.input_starts[series] + first
        # inputs end where they did, counted from the new first step
        own.steps_ahead = windows.lengths[series] + windows.steps_ahead - first - own.lengths
    return own, origins


def _clipped(point: NDArray, not_negative: NDArray) -> NDArray:
    return np.where(not_negative[:, None], np.maximum(point, 0.0), point)
