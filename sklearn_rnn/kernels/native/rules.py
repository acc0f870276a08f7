"""An optimizer's step on a tape: clipping, and how each parameter moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.optimizers import ADAM, CLIP, NORM, SGD
from sklearn_rnn.kernels.native.tape import Given, Recorded, Tape

__all__ = ["RATES", "Rule", "record_rule"]

#: Numbers that change from batch to batch, for an optimizer; see `optimizers`.
RATES = 3


class Rule(NamedTuple):
    """How an optimizer moves the parameters.

    Parameters
    ----------
    name : {"adam", "adamw", "sgd"}
        The formula.
    buffers : list of tuple of Tensor
        For each parameter what the optimizer remembers of it: two tensors for Adam, for SGD one
        or none. They come in the order of the network's parameters.
    constants : ndarray of float32
        What stays the same; see `optimizers`.
    nesterov : bool
        For SGD.
    largest_norm : ndarray of float32, or None
        Of all gradients together, which are shortened to it.
    """

    name: str
    buffers: list[tuple[Tensor, ...]]
    constants: NDArray[np.float32]
    nesterov: bool
    largest_norm: NDArray[np.float32] | None


def record_rule(
    tape: Tape, rule: Rule, parameters: Sequence[Tensor], gradients: Sequence[NDArray[np.float32]]
) -> list[Recorded]:
    """Record clipping and the optimizer's step; the tape wants ``rates``.

    Returns
    -------
    list of Recorded
        The operations that read the rates.
    """
    scale = np.ones(1, dtype=np.float32)
    if rule.largest_norm is not None:
        total = np.zeros(1, dtype=np.float32)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            arguments = {"count": parameter.numel(), "gradient": gradient, "total": total}
            tape.add(step_library(), "norm", NORM, **arguments)
        limits = {"limit": rule.largest_norm, "total": total, "scale": scale}
        tape.add(step_library(), "clip", CLIP, **limits)
    return [
        _move(tape, rule, parameter, gradient, buffers, scale)
        for parameter, gradient, buffers in zip(parameters, gradients, rule.buffers, strict=True)
    ]


def _move(
    tape: Tape,
    rule: Rule,
    parameter: Tensor,
    gradient: NDArray[np.float32],
    buffers: tuple[Tensor, ...],
    scale: NDArray[np.float32],
) -> Recorded:
    """Record how one parameter moves."""
    common = {
        "count": parameter.numel(),
        "parameter": parameter.data_ptr(),
        "gradient": gradient,
        "constants": rule.constants,
        "rates": Given(rates=1),
        "scale": scale,
    }
    addresses = [buffer.data_ptr() for buffer in buffers]
    if rule.name == "sgd":
        buffer = addresses[0] if addresses else 0
        return tape.add(step_library(), "sgd", SGD, nesterov=rule.nesterov, buffer=buffer, **common)
    mean, square = addresses
    decoupled = rule.name == "adamw"
    return tape.add(
        step_library(), "adam", ADAM, decoupled=decoupled, mean=mean, square=square, **common
    )
