"""Windows held out in time for a part of the training, to see how far forecasts are off."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_rnn.training.averaging import AveragedWeights
from sklearn_rnn.training.forecast_net import Answers
from sklearn_rnn.training.windows import ChosenWindows, WindowDataset

__all__ = ["HeldOut", "held_windows"]


#: Cutoffs of each series whose forecasts are compared with what came: series of one panel have
#: their good and bad times together, so a single one would say little, however many they are.
LEAST_ORIGINS = 4

#: Series of which the end is held out, evenly spread over all. They say enough, and training misses
#: what is held: with the ends of all held out for a while, forecasts were worse by up to 3 %.
MOST_SERIES = 128


class HeldOut(Callback):
    """Forecast the held-out end of the series once, then let training have it too.

    Errors on what training has seen are too small. So it begins without the end of each series;
    after `epochs` the network forecasts it as it would the future, and from then on learns from
    all. Nothing is trained twice, and no data are lost to the forecasts.

    Parameters
    ----------
    epochs : int
        Epochs before.
    forecast : callable
        From the net to its answers for the held-out windows.
    """

    def __init__(self, epochs: int, forecast: Callable[[NeuralNet], Answers] | None) -> None:
        self.epochs = epochs
        self.forecast = forecast

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Count epochs from here."""
        self._before = len(net.history)

    def on_epoch_end(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        """Forecast, and release what was held."""
        if self.forecast is None or len(net.history) - self._before != self.epochs:
            return
        average = [cb for _, cb in net.callbacks_ if isinstance(cb, AveragedWeights)]
        with average[0].in_place() if average else nullcontext():
            self.answers_ = self.forecast(net)
        dataset_train.held = torch.zeros_like(dataset_train.held)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget how to forecast: that knows the data, which are no part of the net."""
        self.forecast = None


def held_windows(
    windows: WindowDataset, horizon: int, wanted: int, share: float
) -> tuple[Tensor, ChosenWindows]:
    """Choose how much of the end of some series to hold out, and windows that forecast it.

    Parameters
    ----------
    windows : WindowDataset
        The series.
    horizon : int
        Steps of a forecast.
    wanted : int
        Windows wanted over all series: few long series give several each.
    share : float
        Of a series, at most, that is held out. Of short ones less than a horizon is.

    Returns
    -------
    held : Tensor of shape (N,), int64
        Steps of each series.
    chosen : ChosenWindows
        Windows whose targets are all held. The later ones of a series also read steps that are:
        they forecast from all that is known by then, as will be done in use.
    """
    each = max(LEAST_ORIGINS, -(-wanted // len(windows.lengths)))
    apart = max(1, horizon // each)
    held = (windows.lengths * share).long().clamp(max=horizon + (each - 1) * apart)
    held = torch.minimum(held, (windows.lengths - 2).clamp(min=0))  # two are needed to learn from
    able = held.nonzero().squeeze(1)
    if len(able) > MOST_SERIES:
        asked = able[torch.linspace(0, len(able) - 1, MOST_SERIES).long()]
        held = torch.zeros_like(held).index_copy(0, asked, held[asked])
    counts = (1 + (held - horizon) // apart).clamp(min=1) * (held > 0)
    series = torch.repeat_interleave(torch.arange(len(counts)), counts)
    number = torch.arange(len(series)) - (counts.cumsum(0) - counts)[series]
    ends = (windows.lengths - held)[series] + number * apart
    return held, ChosenWindows(windows, series, ends)
