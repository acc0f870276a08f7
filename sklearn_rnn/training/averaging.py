"""Weights averaged over the last steps of training, which vary less from seed to seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

__all__ = ["AveragedWeights"]


class AveragedWeights(Callback):
    """Keep an exponential moving average of the weights, and end training with it.

    Polyak and Juditsky (1992); the average runs over about ``1 / (1 - decay)`` steps.

    Parameters
    ----------
    decay : float
        How much of the average stays at each step.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Begin with the weights as they are."""
        self._weights: list[Tensor] = [p.detach() for p in net.module_.parameters()]
        self.averages_: list[Tensor] = [w.clone() for w in self._weights]
        self._steps = 0

    @torch.no_grad()
    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Move the average towards the weights; at first faster, for it began anywhere."""
        if training:
            self._steps += 1
            decay = min(self.decay, self._steps / (self._steps + 10))
            torch._foreach_lerp_(self.averages_, self._weights, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the averages for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, average in zip(self._weights, self.averages_, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Leave the averages in the network."""
        self._swap()
        del self._weights, self.averages_
