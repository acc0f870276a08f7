"""Training an autoencoder, and reading what a network has made of sequences on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.states import full_batches

__all__ = ["AutoencoderNet", "codes", "rewritten"]


class AutoencoderNet(SequenceNet):
    """A skorch net whose target is what it reads; padding and missing values do not count."""

    def get_loss(
        self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the weighted mean loss over the steps of a batch."""
        steps, lengths, weight = X["x"], X.get("lengths"), X.get("weight")
        longest = steps.shape[1]
        if weight is not None:
            weight = weight.repeat_interleave(longest if lengths is None else lengths)
        if lengths is None:
            target, answers = steps.flatten(0, 1), y_pred.flatten(0, 1)
        else:
            held = torch.arange(longest) < lengths.unsqueeze(1)
            target, answers = steps[held], y_pred[held.to(self.device)]
        mask = None
        if not target.is_floating_point():
            target = target.squeeze(1)
        elif target.isnan().any():
            mask = target.isfinite()
            if not mask.any():
                return answers.sum() * 0  # nothing is known of these sequences
        sent = (part if part is None else part.to(self.device) for part in (target, weight, mask))
        return self.criterion_(answers, *sent)


def codes(net: SequenceNet, dataset: SequenceDataset, gives_states: bool) -> Iterator[Tensor]:
    """Yield vectors (n, D), or if wanted all states (n, T, D), of one batch after the other."""
    return _read(partial(net.module_.encode, gives_states=gives_states), net, dataset)


def rewritten(net: SequenceNet, dataset: SequenceDataset) -> Iterator[Tensor]:
    """Yield what an autoencoder writes again (n, T, O), of one batch after the other."""
    return _read(net.module_, net, dataset)


def _read(
    network: Callable[..., Tensor], net: SequenceNet, dataset: SequenceDataset
) -> Iterator[Tensor]:
    net.module_.eval()
    for index, held in full_batches(len(dataset)):
        inputs, _ = dataset.batch(index)
        lengths = inputs["lengths"].to(net.device) if "lengths" in inputs else None
        with torch.no_grad():
            yield network(inputs["x"].to(net.device), lengths)[:held].cpu()
