"""What is said of a window beside its values: where it lies, and how much it changes."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LEAST_DEVIATION", "N_STATISTICS", "Window", "counted_of", "described", "windows_last"]

#: Numbers that describe each column of a window: see `Window`.
N_STATISTICS = 4

#: Added to deviations, which are shares of the size of a window: a constant has none.
LEAST_DEVIATION = 1e-3


class Window(NamedTuple):
    """What is known of the end of windows (N, C, E) before anything is learned."""

    z: Tensor  # values over their scale
    observed: Tensor  # 1 where a value was seen, 0 where it was filled in
    last: Tensor  # (N, C, 1)
    mean: Tensor
    deviation: Tensor
    statistics: Tensor  # (N, C, N_STATISTICS)


def described(z: Tensor, observed: Tensor) -> Window:
    """Gather the statistics of scaled windows (N, C, E)."""
    mask = observed.to(z.dtype)
    counted = counted_of(observed).to(z.dtype)
    count = counted.sum(-1, keepdim=True)
    mean = (z * counted).sum(-1, keepdim=True) / count
    size = (((z - mean) * counted).square().sum(-1, keepdim=True) / count).sqrt() + LEAST_DEVIATION
    change = (z.diff(dim=-1).abs() * counted[..., :-1]).sum(-1, keepdim=True) / count
    last = z[..., -1:]
    share = mask.mean(-1, keepdim=True)
    # a last value that was seen is within these bounds; one that was filled in may lie anywhere
    furthest = z.shape[-1] ** 0.5
    from_last = ((mean - last) / size).clamp(-furthest, furthest)
    statistics = torch.cat([size.log(), (change + LEAST_DEVIATION).log(), share, from_last], dim=-1)
    return Window(z, mask, last, mean, size, statistics)


def counted_of(observed: Tensor) -> Tensor:
    """Return what statistics are of: what was observed, or if nothing was, what was filled in."""
    return observed | ~observed.any(-1, keepdim=True)


def windows_last(x: Tensor) -> Tensor:
    """Map a number for each column of each window (N, C, 1) to (C, N)."""
    return x.squeeze(-1).t()
