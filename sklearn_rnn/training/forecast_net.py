"""The skorch net of the forecaster: windows in, forecasts out, errors counted in fair units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_rnn.likelihoods import LIKELIHOODS
from sklearn_rnn.losses import LOSSES
from sklearn_rnn.training.memory import keep_freed_memory
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.windows import (
    ChosenBatches,
    ChosenWindows,
    RandomBatches,
    WindowDataset,
)

__all__ = ["Answers", "ForecastLoss", "ForecastNet"]

#: How much the quantile head counts beside the forecast. It has weights of its own, so this only
#: keeps its gradient from using up the norm that clipping allows.
QUANTILE_SHARE = 0.1

#: A window whose error is beyond this many of its units counts no more than that.
LARGEST_ERROR = 5.0

#: Windows smaller than this share of their series are not learned from.
LEAST_SIZE = 1e-6

#: Losses that grow with the error, not with its square or share.
LINEAR_LOSSES = ("absolute_error", "huber")


#: Windows from which a new gate learns which members of the bank are good.
PRIOR_BATCH, PRIOR_BATCHES = 128, 8


class Answers(NamedTuple):
    """Forecasts of N windows in the units of the data.

    Parameters
    ----------
    point : ndarray of shape (N, H, C)
        The forecast.
    spread : ndarray of shape (N, H, C, P)
        Distances of quantiles from it, or parameters of a distribution around it.
    """

    point: NDArray[np.float64]
    spread: NDArray[np.float64]


class ForecastLoss(nn.Module):
    """The error of forecasts, in units that make series of all scales count alike.

    The unit of a window lies between its size and the usual change of its series over a season.

    Parameters
    ----------
    loss : str or callable
        A key of LOSSES, or a callable of (prediction, target) that gives one number for each.
    distribution : str or None
        A key of LIKELIHOODS, which then takes the place of the loss; None also trains quantiles.
    levels : sequence of float
        Levels of the quantile head.
    change_shares : sequence of float
        For each member of the network: 0 takes the size of the window as its unit, 1 the change of
        its series; in between, their weighted geometric mean.
    """

    levels: Tensor
    change_shares: Tensor

    def __init__(
        self,
        loss: str | Callable[..., Any],
        distribution: str | None,
        levels: tuple[float, ...],
        change_shares: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.loss, self.distribution = loss, distribution
        self.register_buffer("change_shares", torch.tensor(change_shares))
        self.register_buffer("levels", torch.tensor(levels))

    def units(self, scale: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Return the unit of each window and column for each member (M, N, C), float64."""
        size = torch.maximum(scale, 0.05 * batch["level"])
        share = self.change_shares.to(scale.dtype)[:, None, None]
        return size ** (1 - share) * batch["change"] ** share

    def forward(self, forecast: Any, target: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean loss of a batch.

        Parameters
        ----------
        forecast : Forecast
            What the network answered.
        target : Tensor of shape (N, H, C), float64
            In the units of the data.
        batch : dict
            Which targets were ``answered`` (N, H, C); ``level`` and ``change`` (N, C) of series.
        """
        point, members, spread, scale = forecast
        usable = scale > LEAST_SIZE * batch["level"]
        known = batch["answered"] & usable.unsqueeze(1)
        truth = (target / scale.unsqueeze(1)).to(point.dtype).masked_fill(~known, 1.0)
        if self.distribution is not None:
            likelihood = LIKELIHOODS[self.distribution]
            losses = likelihood(point, spread, truth, scale.unsqueeze(1).to(point.dtype))
            return _Mean(known, losses.dtype)(losses, None)
        ratios = (scale / self.units(scale, batch)).to(point.dtype).unsqueeze(2)  # (M, N, 1, C)
        loss = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        losses = loss(members * ratios, truth * ratios)
        largest = LARGEST_ERROR if self.loss in LINEAR_LOSSES else None
        beyond = spread - (truth - point.detach()).unsqueeze(-1)  # quantiles above the truth
        pinball = (beyond * ((beyond > 0).to(beyond.dtype) - self.levels)).mean(-1)
        mean = _Mean(known, losses.dtype)
        quantiles = mean(pinball * ratios.mean(0), LARGEST_ERROR)
        return mean(losses, largest) + QUANTILE_SHARE * quantiles


class _Mean:
    """A mean over what is known (N, H, C) of each window and column, then over these."""

    def __init__(self, known: Tensor, dtype: torch.dtype) -> None:
        counts = known.sum(1)
        self.shares = known / counts.clamp(min=1).unsqueeze(1).to(dtype)
        self.n_counted = (counts > 0).sum().clamp(min=1)

    def __call__(self, losses: Tensor, largest: float | None) -> Tensor:
        """Average losses (..., N, H, C), those of a window and column at most `largest`."""
        each = (losses * self.shares).sum(-2)
        if largest is not None:
            each = each.clamp(max=largest)
        return each.sum((-2, -1)).mean() / self.n_counted


class ForecastNet(SequenceNet):
    """A skorch net over windows that are cut while it trains."""

    loss_class = ForecastLoss
    train_batches = RandomBatches
    valid_batches = ChosenBatches

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Prepare the memory for batches."""
        super().on_train_begin(net, X=X, y=y, **kwargs)
        keep_freed_memory()

    def infer(self, x: dict[str, Tensor], **fit_params: Any) -> Any:
        """Call the network with a batch."""
        return self.module_(self._on_device(x))

    def get_loss(
        self, y_pred: Any, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the mean loss of a batch."""
        return self.criterion_(y_pred, y_true.to(self.device), self._on_device(X))

    def begin_with_best_members(self, windows: WindowDataset, seed: int) -> None:
        """Let the gate of a new network begin where the members' errors in training put it.

        Parameters
        ----------
        windows : WindowDataset
            What will be trained on.
        seed : int
            Of the draws from it.
        """
        generator = torch.Generator().manual_seed(seed)
        batches = RandomBatches(windows, PRIOR_BATCH, generator, PRIOR_BATCHES)
        total: Any = 0.0
        count = 0
        for batch, _ in batches:
            batch = self._on_device(batch)
            errors, scale = self.module_.bank_errors(batch)
            usable = (scale > LEAST_SIZE * batch["level"]) & batch["answered"].any(1)
            ratios = (scale / self.criterion_.units(scale, batch)).to(errors.dtype)
            in_units = (errors * ratios.mT[:, None, None]).clamp_(max=LARGEST_ERROR)
            total = total + in_units[..., usable.t()].sum(-1)  # (M, H, K)
            count += int(usable.sum())
        if count:
            self.module_.set_prior(total / count)

    def _on_device(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: part.to(self.device) for name, part in batch.items()}

    def forecasts(self, chosen: ChosenWindows) -> Answers:
        """Return what the network answers for windows.

        Batches are filled up to one size, so that an answer does not depend on what it is asked
        together with.

        Parameters
        ----------
        chosen : ChosenWindows
            The windows.
        """
        size = 64
        was_training = self.module_.training
        self._set_training(False)
        points, spreads = [], []
        with torch.no_grad():
            for index in torch.arange(len(chosen)).split(size):
                filled = torch.cat([index, index[-1:].expand(size - len(index))])
                batch, _ = chosen.windows.batch(chosen.series[filled], chosen.ends[filled])
                point, _, spread, scale = self.infer(batch)
                point = point.double() * scale.unsqueeze(1)
                spread = spread.double()
                spread = self.module_.in_units_of_data(spread, scale)
                points.append(point[: len(index)].cpu().numpy())
                spreads.append(spread[: len(index)].cpu().numpy())
        self._set_training(was_training)
        return Answers(np.concatenate(points), np.concatenate(spreads))
