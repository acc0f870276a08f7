"""Batches cut from one table of steps: the only copy, and no Python call for each sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.data import Dataset

from sklearn_rnn.sequences import Sequences

__all__ = ["Batches", "SequenceDataset"]


class SequenceDataset(Dataset):
    """Sequences, targets and weights as tensors, from which batches are taken.

    Parameters
    ----------
    steps : Tensor of shape (S + longest - 1, F)
        The table of steps; the rows past S let a batch read beyond a short last sequence.
    starts, lengths : Tensor of shape (N,), int64
        Where each sequence starts, and how long it is.
    targets : Tensor of shape (N, O), or (N,) for classes
        Scaled, as the loss wants them; a dummy while predicting.
    weights : Tensor of shape (N,), optional
        How much each sequence counts in the loss.
    """

    def __init__(
        self,
        steps: Tensor,
        starts: Tensor,
        lengths: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
    ) -> None:
        self.steps = steps
        self.starts = starts
        self.lengths = lengths
        self.targets = targets
        self.weights = weights
        self.longest = int(lengths.max())
        self.has_equal_lengths = int(lengths.min()) == self.longest

    @classmethod
    def from_sequences(
        cls,
        sequences: Sequences,
        *,
        centre: NDArray,
        scale: NDArray,
        dtype: str,
        tokens: bool = False,
        targets: NDArray | None = None,
        weights: NDArray | None = None,
    ) -> SequenceDataset:
        """Scale the table in float64 and cast it, once: windows that overlap share its rows.

        Parameters
        ----------
        sequences : Sequences
            What to learn from, or answer for.
        centre, scale : ndarray of shape (F,)
            Steps become ``(steps - centre) / scale``.
        dtype : {"float32", "float64"}
            Of the batches.
        tokens : bool, default=False
            Whether steps are token ids, which stay whole numbers.
        targets : ndarray of shape (N, O) or (N,), optional
            Floats are cast to `dtype`.
        weights : ndarray of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        SequenceDataset
            Tensors on the CPU.
        """
        rows, features = sequences.steps.shape
        spare = int(sequences.lengths.max()) - 1
        floats: torch.dtype = getattr(torch, dtype)
        steps = torch.zeros((rows + spare, features), dtype=torch.int64 if tokens else floats)
        table = (sequences.steps - centre) / scale
        if tokens:
            table = np.nan_to_num(table)  # padding, which no batch holds
        np.copyto(steps.numpy()[:rows], table, casting="unsafe")
        if targets is None:
            targets = np.zeros(len(sequences), dtype=np.int64)
        target = torch.from_numpy(np.array(targets))
        return cls(
            steps,
            torch.from_numpy(np.ascontiguousarray(sequences.starts)),
            torch.from_numpy(np.ascontiguousarray(sequences.lengths)),
            target.to(floats) if target.is_floating_point() else target,
            None if weights is None else torch.as_tensor(weights, dtype=floats),
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.starts)

    def __getitem__(self, i: int) -> tuple[dict[str, Tensor], Tensor]:
        """Return a batch of one; skorch asks for it, training does not."""
        return self.batch(torch.tensor([i]))

    def subset(self, index: Tensor) -> SequenceDataset:
        """Return the sequences at `index` over the same table."""
        weights = None if self.weights is None else self.weights[index]
        return SequenceDataset(
            self.steps, self.starts[index], self.lengths[index], self.targets[index], weights
        )

    def batch(self, index: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Gather the sequences at `index`, right-padded with zeros to the longest of them."""
        inputs: dict[str, Tensor] = {}
        lengths, longest = None, self.longest
        if not self.has_equal_lengths:
            lengths = self.lengths.index_select(0, index)
            longest = int(lengths.max())
        features = self.steps.shape[1]
        # every run of `longest` rows, as a view; index_select copies only those of the batch
        runs = self.steps.as_strided(
            (len(self.steps) - longest + 1, longest, features), (features, features, 1)
        )
        x = runs.index_select(0, self.starts.index_select(0, index))
        if lengths is not None:
            beyond = torch.arange(longest) >= lengths.unsqueeze(1)
            x.masked_fill_(beyond.unsqueeze(2), 0)
            inputs["lengths"] = lengths
        inputs["x"] = x
        if self.weights is not None:
            inputs["weight"] = self.weights.index_select(0, index)
        return inputs, self.targets.index_select(0, index)


class Batches:
    """Iterate over a dataset in batches, shuffled anew each time if asked.

    Parameters
    ----------
    dataset : SequenceDataset
        What to take batches from.
    batch_size : int
        Sequences in a batch; the last may be smaller.
    shuffle : bool, default=False
        Whether each pass has another order.
    generator : Generator, optional
        Source of the order; torch's global generator is never used.
    """

    def __init__(
        self,
        dataset: SequenceDataset,
        batch_size: int,
        shuffle: bool = False,
        generator: Generator | None = None,
        **_: Any,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        """Yield ``({"x": (N, T, F), "lengths": (N,), "weight": (N,)}, targets)``."""
        for index in self.order().split(self.batch_size):
            yield self.dataset.batch(index)

    def order(self) -> Tensor:
        """Return in which order the sequences are read this time (N,)."""
        n = len(self.dataset)
        return torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
