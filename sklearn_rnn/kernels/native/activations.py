"""tanh and the sigmoid, for registers, several at the price of one division.

Both are made of an exponential: sigmoid(x) = 1 / (1 + e^-x), and tanh(x) = g / (g + 2) with
g = e^2x - 1. A power of two is split off by its bits, and what is left is a polynomial. Both
saturate where e^20 is left out of account, 2e-9 from their limits. Both are within 1e-6 of their
value; on processors with one unit for products and another for sums that is a third less work than
a quotient of polynomials.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

from sklearn_rnn.kernels.native.emission import Float
from sklearn_rnn.kernels.native.functions import split_power

__all__ = ["squash", "tanh"]

#: (2^r - 1) / r for r of at most 1/2, highest degree first; of all such polynomials the one by
#: which 2^r is nearest, 9e-8 relatively (weighted least squares, Lawson 1961).
_POWER = (
    1.3264723892793787e-3,
    9.67151286955037e-3,
    5.550733754247883e-2,
    2.4022242080363362e-1,
    6.931469775914962e-1,
)
#: Exponents beyond this are taken for it; the product of four denominators is still a float.
_LARGEST = 20.0


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    (result,) = squash([x], "t")
    return result


def squash(values: Sequence[Any], kinds: str) -> list[Any]:
    """Return tanh ("t") or the sigmoid ("s") of each value."""
    quotients = [
        _tanh_quotient(x) if kind == "t" else _sigmoid_quotient(x)
        for x, kind in zip(values, kinds, strict=True)
    ]
    inverses = _inverses([denominator for _, denominator in quotients])
    return [
        inverse if numerator is None else numerator * inverse
        for (numerator, _), inverse in zip(quotients, inverses, strict=True)
    ]


def _tanh_quotient(x: Float) -> tuple[Float, Float]:
    power, rest, polynomial = _parts(x, 2.0)
    growth = power * (rest * polynomial) + (power - 1.0)  # exact where x is small
    return growth, growth + 2.0


def _sigmoid_quotient(x: Float) -> tuple[None, Float]:
    power, rest, polynomial = _parts(x, -1.0)
    return None, power * (rest * polynomial + 1.0) + 1.0


def _parts(x: Float, factor: float) -> tuple[Float, Float, Float]:
    """Return p, r and q of e^(factor x) = p (1 + r q), p a power of two."""
    largest = _LARGEST / abs(factor)
    x = x.at_most(largest).at_least(-largest)
    power, rest = split_power(x, factor / math.log(2))
    polynomial = rest * _POWER[0] + _POWER[1]
    for coefficient in _POWER[2:]:
        polynomial = polynomial * rest + coefficient
    return power, rest, polynomial


def _inverses(values: list[Any], inverse: Any = None) -> list[Any]:
    """Return 1 / v for each value, given 1 / (the product of all) or dividing once for it."""
    if inverse is None:
        inverse = 1.0 / _product(values)
    if len(values) == 1:
        return [inverse]
    half = len(values) // 2
    left, right = values[:half], values[half:]
    return [
        *_inverses(left, inverse * _product(right)),
        *_inverses(right, inverse * _product(left)),
    ]


def _product(values: list[Any]) -> Any:
    return functools.reduce(operator.mul, values)
