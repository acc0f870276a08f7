"""Validation sets: later than training for series, stratified for classes, or any part."""

from typing import Any

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from sklearn_rnn.exceptions import SeriesTooShortError, TargetError
from sklearn_rnn.training.batches import SequenceDataset

__all__ = ["LastPart", "RandomPart", "StratifiedPart"]


class LastPart:
    """Validate on the last sequences, and train on those before them.

    Windows of one series overlap. Training windows that share a step with a validation window
    would give it away, so they belong to neither part.

    Parameters
    ----------
    fraction : float
        Share of the sequences to validate on.
    """

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction

    def __call__(
        self, dataset: SequenceDataset, y: Tensor | None = None, **_: object
    ) -> tuple[SequenceDataset, SequenceDataset]:
        """Return training and validation part."""
        n = len(dataset)
        cut = n - max(1, round(self.fraction * n))
        border = dataset.starts[cut:].min()
        end = (dataset.starts[cut:] + dataset.lengths[cut:]).max()
        starts, lengths = dataset.starts[:cut], dataset.lengths[:cut]
        apart = ((starts + lengths <= border) | (starts >= end)).nonzero().squeeze(1)
        if len(apart) == 0:
            raise SeriesTooShortError(
                f"validation_fraction={self.fraction} leaves no sequence to train on that shares "
                f"no step with the validation part; got {n} sequences of up to {dataset.longest} "
                f"steps. Give more rows, a smaller window, or early_stopping=False."
            )
        return dataset.subset(apart), dataset.subset(torch.arange(cut, n))


class StratifiedPart:
    """Validate on a random part in which each class has its share.

    Parameters
    ----------
    fraction : float
        Share of the sequences to validate on.
    seed : int
        Source of the draw.
    """

    def __init__(self, fraction: float, seed: int) -> None:
        self.fraction = fraction
        self.seed = seed

    def __call__(
        self, dataset: SequenceDataset, y: Tensor | None = None, **_: object
    ) -> tuple[SequenceDataset, SequenceDataset]:
        """Return training and validation part."""
        classes, counts = dataset.targets.unique(return_counts=True)
        n_valid = round(self.fraction * len(dataset))
        if counts.min() < 2 or n_valid < len(classes) or len(dataset) - n_valid < len(classes):
            raise TargetError(
                f"early_stopping=True needs at least 2 sequences of each class and one of each in "
                f"the validation part; got {len(classes)} classes, the smallest of "
                f"{counts.min()}, and {n_valid} sequences to validate on. Give more sequences, a "
                f"larger validation_fraction, or early_stopping=False."
            )
        train, valid = train_test_split(
            range(len(dataset)),
            test_size=n_valid,
            stratify=dataset.targets.numpy(),
            random_state=self.seed,
        )
        return dataset.subset(torch.tensor(train)), dataset.subset(torch.tensor(valid))


class RandomPart:
    """Validate on a part drawn at random, and train on the rest.

    Parameters
    ----------
    fraction : float
        Share of the sequences to validate on.
    seed : int
        Source of the draw.
    """

    def __init__(self, fraction: float, seed: int) -> None:
        self.fraction = fraction
        self.seed = seed

    def __call__(self, dataset: Any, y: Tensor | None = None, **_: object) -> tuple[Any, Any]:
        """Return training and validation part, of anything with a ``subset(index)``."""
        if len(dataset) < 2:
            raise TargetError(
                f"early_stopping=True needs at least 2 sequences, one of them to validate on; got "
                f"{len(dataset)}. Give more, or set early_stopping=False."
            )
        train, valid = self._drawn(len(dataset))
        return dataset.subset(train), dataset.subset(valid)

    def _drawn(self, n: int) -> tuple[Tensor, Tensor]:
        """Return the places of both parts, in the order of the draw."""
        order = torch.randperm(n, generator=torch.Generator().manual_seed(self.seed))
        held = self._n_held(n)
        return order[held:], order[:held]

    def _n_held(self, n: int) -> int:
        """Return how many of `n` are held back: some, but not all."""
        return min(n - 1, max(1, round(self.fraction * n)))
