"""Answers that begin from a state, and the state at the end of each sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.net import PREDICTION_BATCH, SequenceNet

__all__ = [
    "answers_and_states",
    "full_batches",
    "join_states",
    "rows_of_state",
    "state_form",
    "states_as_tensors",
]


def answers_and_states(
    net: SequenceNet,
    dataset: SequenceDataset,
    initial: StackState | None = None,
    read: Callable[..., tuple[Tensor, StackState]] | None = None,
) -> Iterator[tuple[Tensor, StackState]]:
    """Yield answers, and the states at the ends, of one batch of sequences after the other.

    Parameters
    ----------
    net : SequenceNet
        What has been trained.
    dataset : SequenceDataset
        What to read.
    initial : tuple of tuples of Tensor of shape (N, ...), optional
        For each layer the state to begin from; zeros, or what the cell says, without it.
    read : callable, optional
        A method of the network that takes x, lengths and the state to begin from, and returns
        answers and the state at each end; ``answer_and_state`` without it.

    Yields
    ------
    answers : Tensor
        Of the network's shape, one row for each sequence of the batch.
    state : tuple of tuples of Tensor
        For each layer what it carries after each sequence.
    """
    device, read = net.device, read or net.module_.answer_and_state
    net.module_.eval()
    for index, held in full_batches(len(dataset)):
        inputs, _ = dataset.batch(index)
        lengths = inputs["lengths"].to(device) if "lengths" in inputs else None
        before = None if initial is None else rows_of_state(initial, index, device)
        with torch.no_grad():
            answers, state = read(inputs["x"].to(device), lengths, before)
        yield answers[:held].cpu(), rows_of_state(state, slice(held), "cpu")


def full_batches(n: int, size: int = PREDICTION_BATCH) -> Iterator[tuple[Tensor, int]]:
    """Yield indices of one number of sequences, and how many of them are asked for.

    Torch rounds differently for different numbers of rows, and an answer is not to depend on what
    it is asked together with. So the last of n sequences fills the last batch up.
    """
    rows = torch.arange(n + -n % size).clamp(max=n - 1)
    for number, index in enumerate(rows.split(size)):
        yield index, min(size, n - number * size)


def rows_of_state(state: StackState, rows: Tensor | slice, device: Any) -> StackState:
    """Return the state of some sequences, on a device."""
    return tuple(tuple(part[rows].to(device) for part in layer) for layer in state)


def join_states(states: list[StackState]) -> StackState:
    """Put the states of several batches together."""
    return tuple(
        tuple(torch.cat(parts) for parts in zip(*layers, strict=True))
        for layers in zip(*states, strict=True)
    )


def state_form(
    net: SequenceNet,
    dataset: SequenceDataset,
    read: Callable[..., tuple[Tensor, StackState]] | None = None,
) -> StackState:
    """Return what layers carry after the first step of the first sequence (1, ...).

    Only reading tells what a cell of the user's carries, and in which dtypes.
    """
    one = dataset.subset(torch.tensor([0]))
    step = SequenceDataset(one.steps, one.starts, torch.ones_like(one.lengths), one.targets)
    ((_, state),) = answers_and_states(net, step, read=read)
    return state


def states_as_tensors(states: Sequence[Sequence[NDArray]], form: StackState) -> StackState:
    """Return states as tensors of the dtypes that layers carry."""
    return tuple(
        tuple(torch.tensor(part, dtype=like.dtype) for part, like in zip(*layers, strict=True))
        for layers in zip(states, form, strict=True)
    )
