"""Negative log-likelihoods of a value, given a forecast and what lies around it.

Each takes location and value, tensors of one shape, and the distribution's parameters, which have
one more axis; all in the units of a window, whose `scale` turns them into those of the data.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LIKELIHOODS"]


def normal(location: Tensor, parameters: Tensor, value: Tensor, scale: Tensor) -> Tensor:
    """Return minus the log-density of a normal distribution."""
    deviation = parameters[..., 0]
    return (
        0.5 * ((value - location) / deviation).square()
        + deviation.log()
        + 0.5 * math.log(2 * math.pi)
    )


def student_t(location: Tensor, parameters: Tensor, value: Tensor, scale: Tensor) -> Tensor:
    """Return minus the log-density of Student's t distribution."""
    spread, freedom = parameters.unbind(-1)
    return -torch.distributions.StudentT(freedom, location, spread, validate_args=False).log_prob(
        value
    )


def negative_binomial(location: Tensor, parameters: Tensor, value: Tensor, scale: Tensor) -> Tensor:
    """Return minus the log-probability of a count.

    The mean is the location, and the variance mean + alpha * mean squared (Salinas et al. 2020).
    """
    mean = (location * scale).clamp(min=1e-4)
    size = 1 / parameters[..., 0]
    count = (value * scale).round().clamp(min=0)
    return -(
        torch.lgamma(count + size)
        - torch.lgamma(size)
        - torch.lgamma(count + 1)
        + size * torch.log(size / (size + mean))
        + count * torch.log(mean / (size + mean))
    )


LIKELIHOODS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "normal": normal,
    "student_t": student_t,
    "negative_binomial": negative_binomial,
}
