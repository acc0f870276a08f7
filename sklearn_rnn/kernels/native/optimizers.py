"""Steps of Adam and of stochastic gradient descent, and the clipping of gradients.

They change tensors as they are, of any shape and anywhere in memory. The formulas are those of
``torch.optim``, whose states they share, so that either can go on where the other stopped.

============= ===========================================================================
array         holds
============= ===========================================================================
rates         lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), lr; t counts the steps from 1 on
scale         the one number by which gradients are multiplied first
constants     of Adam: see `adam_constants`; of SGD: momentum, dampening, weight decay
============= ===========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.kernels.native.emission import Array, Emitter, Float, Int
from sklearn_rnn.kernels.native.functions import sqrt

__all__ = ["ADAM", "CLIP", "NORM", "SGD", "adam_constants", "write_optimizers"]

ADAM = "count:n decoupled:n parameter gradient mean square constants rates scale"
SGD = "count:n nesterov:n parameter gradient buffer constants rates scale"
NORM = "count:n gradient total"
CLIP = "limit total scale"

#: What torch adds to a norm before it divides by it.
CLIP_EPS = 1e-6


def adam_constants(
    beta1: float, beta2: float, eps: float, weight_decay: float
) -> NDArray[np.float32]:
    """Return the constants of Adam: those given, 1 - beta1 and 1 - beta2.

    The last are taken before they are rounded: 1 - 0.999 from float32 is 1e-5 away from 0.001.
    """
    values = [beta1, beta2, eps, weight_decay, 1 - beta1, 1 - beta2]
    return np.array(values, dtype=np.float32)


def write_optimizers(emitter: Emitter) -> None:
    """Write operations on `count` parameters.

    - ``adam``: Adam (Kingma and Ba 2015), and with `decoupled` AdamW (Loshchilov and Hutter 2019).
    - ``sgd``: with momentum if there is a buffer, and Nesterov's if wanted. A buffer of zeros
      makes the first step torch's if dampening is 0 in that step: torch does not damp it.
    - ``norm``: adds the sum of squares of a gradient to ``total[0]``.
    - ``clip``: writes the scale that keeps the norm below ``limit[0]``, and sets the total to 0.
      NaN stays NaN, as in ``torch.nn.utils.clip_grad_norm_``.
    """
    with emitter.operation("adam", ADAM) as a:
        _write_adam(emitter, a)
    with emitter.operation("sgd", SGD) as a:
        _write_sgd(emitter, a)
    with emitter.operation("norm", NORM) as a:
        _write_norm(emitter, a)
    with emitter.operation("clip", CLIP) as a:
        norm = sqrt(a.total.number())
        scale = a.limit.number() / (norm + CLIP_EPS)
        a.scale.store(scale.at_most(1.0))
        a.total.store(emitter.number(0.0))


def _each(
    emitter: Emitter, count: Int, step: Callable[[Int, Callable[[Array], Float]], None]
) -> None:
    """Write a step for whole registers, then for single numbers; it is given how to read them."""
    whole = count.multiple(emitter.lanes)
    with emitter.loop(0, whole, emitter.lanes) as i:
        step(i, lambda array: array.load(i))
    with emitter.loop(whole, count) as i:
        step(i, lambda array: array.number(i))


def _write_adam(emitter: Emitter, a: SimpleNamespace) -> None:
    _, beta2, eps, weight_decay, rest1, rest2 = (a.constants.number(i) for i in range(6))
    step_size, correction, lr = (a.rates.number(i) for i in range(3))
    scale, is_decoupled = a.scale.number(), a.decoupled.compare("!=", 0)
    decay = emitter.select(is_decoupled, emitter.number(0.0), weight_decay)
    shrinking = emitter.select(is_decoupled, 1.0 - lr * weight_decay, emitter.number(1.0))

    def step(i: Int, read: Callable[[Array], Float]) -> None:
        parameter = read(a.parameter)
        gradient = read(a.gradient) * scale + parameter * decay
        mean, square = read(a.mean), read(a.square)
        mean = mean + (gradient - mean) * rest1
        square = square * beta2 + gradient * gradient * rest2
        denominator = sqrt(square) * correction + eps
        a.mean.store(mean, i)
        a.square.store(square, i)
        a.parameter.store(parameter * shrinking - mean * step_size / denominator, i)

    _each(emitter, a.count, step)


def _write_sgd(emitter: Emitter, a: SimpleNamespace) -> None:
    momentum, dampening, weight_decay = (a.constants.number(i) for i in range(3))
    lr, scale = a.rates.number(2), a.scale.number()
    share, is_nesterov = 1.0 - dampening, a.nesterov.compare("!=", 0)

    def plain(i: Int, read: Callable[[Array], Float]) -> None:
        parameter = read(a.parameter)
        gradient = read(a.gradient) * scale + parameter * weight_decay
        a.parameter.store(parameter - gradient * lr, i)

    def with_momentum(i: Int, read: Callable[[Array], Float]) -> None:
        parameter = read(a.parameter)
        gradient = read(a.gradient) * scale + parameter * weight_decay
        buffer = read(a.buffer) * momentum + gradient * share
        a.buffer.store(buffer, i)
        ahead = gradient + buffer * momentum
        a.parameter.store(parameter - emitter.select(is_nesterov, ahead, buffer) * lr, i)

    has_buffer = a.buffer.is_given()
    with emitter.when(has_buffer):
        _each(emitter, a.count, with_momentum)
    with emitter.when(emitter.builder.not_(has_buffer)):
        _each(emitter, a.count, plain)


def _write_norm(emitter: Emitter, a: SimpleNamespace) -> None:
    # several sums at once, for each addition waits for the one before it
    lanes, sums = emitter.lanes, [emitter.variable(0.0) for _ in range(4)]

    def add(i: Int, count: int) -> None:
        for k, variable in enumerate(sums[:count]):
            gradient = a.gradient.load(i + k * lanes)
            variable.add(gradient * gradient)

    many, whole = a.count.multiple(len(sums) * lanes), a.count.multiple(lanes)
    with emitter.loop(0, many, len(sums) * lanes) as i:
        add(i, len(sums))
    with emitter.loop(many, whole, lanes) as i:
        add(i, 1)
    total = emitter.variable(emitter.number(0.0))
    with emitter.loop(whole, a.count) as i:
        gradient = a.gradient.number(i)
        total.add(gradient * gradient)
    first, second, third, fourth = (variable.get() for variable in sums)
    a.total.add(((first + second) + (third + fourth)).total() + total.get())
