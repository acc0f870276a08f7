"""The loop over time, written once for every cell."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["StackState", "State", "scan"]

#: What a cell carries from one step to the next; the hidden state (N, H) comes first.
State = tuple[Tensor, ...]

#: What layers on top of one another carry, from the input upwards.
StackState = tuple[State, ...]


def scan(
    step: Callable[[Tensor, State], State], inputs: Tensor, state: State
) -> tuple[Tensor, State]:
    """Apply `step` to one time step after the other.

    Parameters
    ----------
    step : callable
        Takes the input of one time step (N, ...) and the state; answers the next state.
    inputs : Tensor of shape (N, T, ...)
        What each step reads.
    state : tuple of Tensor
        The state before the first step; its first entry is the hidden state (N, H).

    Returns
    -------
    states : Tensor of shape (N, T, H)
        The hidden state after every step.
    state : tuple of Tensor
        The whole state after the last step.
    """
    hidden = []
    for x in inputs.unbind(dim=1):
        state = step(x, state)
        hidden.append(state[0])
    return torch.stack(hidden, dim=1), state
