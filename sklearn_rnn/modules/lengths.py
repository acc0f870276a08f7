"""Sequences of unequal lengths in one tensor: right-padded, with their lengths beside them.

``lengths=None`` says that every sequence fills its row, which spares the work.
"""

import torch
from torch import Tensor

__all__ = ["last_step", "reverse", "steps_mask"]


def steps_mask(x: Tensor, lengths: Tensor) -> Tensor:
    """Return (N, T), true where x (N, T, ...) holds a step of its sequence."""
    return torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)


def last_step(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the last step of each sequence: (N, T, F) becomes (N, F)."""
    if lengths is None:
        return x[:, -1]
    return x[torch.arange(len(x), device=x.device), lengths - 1]


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Turn each sequence round within its own length; padding stays behind it."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    backwards = lengths.unsqueeze(1) - 1 - steps  # (N, T), negative in the padding
    source = torch.where(backwards >= 0, backwards, steps)
    return x.gather(1, source.unsqueeze(2).expand_as(x))
