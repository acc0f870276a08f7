"""Heads for uncertainty: how far from the forecast the value may lie.

Each maps features to the parameters of a distribution around the forecast, in multiples of a unit:
the spread that the members of the bank and their recent errors suggest. So a head starts from a
sensible width for every series, and learns what to add.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["LEVELS", "SPREADS"]

#: Levels of the quantile head; the middle one is the forecast itself.
LEVELS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.995)

#: Least degrees of freedom of a Student t distribution: its variance is finite above 2.
LEAST_FREEDOM = 2.05


def _first_steps() -> list[float]:
    """Return what the quantile head adds up at first: the steps between normal quantiles."""
    z = torch.special.ndtri(torch.tensor(LEVELS, dtype=torch.float64))
    steps = z.diff()
    return torch.log(torch.expm1(steps)).tolist()  # the inverse of softplus


def _signs() -> list[list[float]]:
    """Return which steps lie between each quantile and the middle one (Q, Q - 1), and where."""
    middle, n = len(LEVELS) // 2, len(LEVELS) - 1
    return [
        [float(middle <= step < level) - float(level <= step < middle) for step in range(n)]
        for level in range(n + 1)
    ]


def quantile_offsets(raw: Tensor, unit: Tensor) -> Tensor:
    """Map raw numbers (Q - 1, ...) to distances (Q, ...) from the forecast that ascend."""
    return torch.tensordot(SIGNS.to(raw), softplus(raw), 1) * unit


def normal(raw: Tensor, unit: Tensor) -> Tensor:
    """Map a raw number to a standard deviation (1, ...)."""
    return torch.exp(raw.clamp(-8, 8)) * unit


def student_t(raw: Tensor, unit: Tensor) -> Tensor:
    """Map raw numbers to scale and degrees of freedom (2, ...)."""
    scale, freedom = raw
    return torch.stack([torch.exp(scale.clamp(-8, 8)) * unit, LEAST_FREEDOM + softplus(freedom)])


def negative_binomial(raw: Tensor, unit: Tensor) -> Tensor:
    """Map a raw number to alpha (1, ...): the variance is mean + alpha * mean squared."""
    return torch.exp(raw.clamp(-12, 6))


SIGNS = torch.tensor(_signs())


#: A new distribution: a function above, its first raw numbers here, its loss in
#: `sklearn_rnn.likelihoods`. None is the head of quantiles.
SPREADS: dict[str | None, tuple[Callable[[Tensor, Tensor], Tensor], list[float]]] = {
    None: (quantile_offsets, _first_steps()),
    "normal": (normal, [0.0]),
    "student_t": (student_t, [0.0, 3.0]),
    "negative_binomial": (negative_binomial, [-2.0]),
}
