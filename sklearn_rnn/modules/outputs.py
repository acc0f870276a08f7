"""Outputs: how the number that a head answers is meant.

Each takes the head's answer f, an origin and a spread, tensors of one shape or numbers. The origin
is where "nothing changes" lies (zero, the mean of the window, or its last value), the spread the
size of a usual change from there.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["FROM_LAST_VALUE", "OUTPUTS", "POSITIVE"]


def affine(f: Tensor, origin: Tensor | float, spread: Tensor | float) -> Tensor:
    """Answer `origin + spread * f`."""
    return origin + spread * f


def ratio(f: Tensor, origin: Tensor | float, spread: Tensor | float) -> Tensor:
    """Answer `max(origin * (1 + spread * f), 0)`: never negative."""
    return torch.relu(origin * (1 + spread * f))


def softplus(f: Tensor, origin: Tensor | float, spread: Tensor | float) -> Tensor:
    """Answer `spread * log(1 + exp(f))`: positive."""
    return spread * functional.softplus(f)


def exponential(f: Tensor, origin: Tensor | float, spread: Tensor | float) -> Tensor:
    """Answer `spread * exp(f)`: positive, and f may be far from 1."""
    return spread * torch.exp(f)


#: A new output: write the function above and give it a name here.
OUTPUTS: dict[str, Callable[[Tensor, Tensor | float, Tensor | float], Tensor]] = {
    "identity": affine,
    "last_value": affine,
    "last_value_ratio": ratio,
    "softplus": softplus,
    "exp": exponential,
}

#: Outputs whose origin is the last value of the sequence.
FROM_LAST_VALUE = frozenset({"last_value", "last_value_ratio"})

#: Outputs that cannot be negative; they are learned on targets that are scaled but not centred.
POSITIVE = frozenset({"last_value_ratio", "softplus", "exp"})
