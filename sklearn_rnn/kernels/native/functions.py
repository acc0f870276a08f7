"""Functions of registers: exp and log as polynomials, and what processors have themselves.

The polynomials, and how arguments are brought into their range, are those of `expf` and `logf` in
Cephes (Moshier, netlib.org/cephes, single precision). What differs is how the power of two is
taken off and put on: by its bits, so that nothing has to be looked up or branched upon. All take
one number or a register of them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from sklearn_rnn.kernels.native.emission import FLOAT, Float

__all__ = ["absolute", "exp", "log", "multiply_add", "split_power", "sqrt"]

#: e^r is 1 + r + r^2 times this, for r of at most half of log 2; highest degree first.
_EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
#: log(1 + z) is z - z^2 / 2 + z^3 times this, for 1 + z between the roots of 1/2 and of 2.
_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
#: log 2 in two parts; the first has so few bits that its product with an exponent is exact.
_LOG_2 = (0.693359375, -2.12194440e-4)
#: Below is 0, above inf, even with numbers that are not normal.
_RANGE = (-104.0, 89.0)
#: A number this large has no fraction: adding it leaves a whole number in the lowest bits.
_ROUNDING = 1.5 * 2.0**23
_MANTISSA = 23  # bits
_BIAS = 127
#: The smallest number that is not flushed to zero; see `tape`.
_SMALLEST = 2.0**-126


def exp(x: Float) -> Float:
    """Return e^x: 0 for -inf, inf beyond 88.7, NaN for NaN; else within 2e-7 relatively."""
    builder = x.emitter.builder
    x = x.at_least(_RANGE[0]).at_most(_RANGE[1])
    raised = x * (1 / math.log(2)) + _ROUNDING
    power = raised - _ROUNDING
    rest = x - power * _LOG_2[0] - power * _LOG_2[1]
    result = _polynomial(rest, _EXP) * (rest * rest) + rest + 1.0
    # 2^128 is no float, though half of it, twice, is: so the power is put on in two steps
    whole = builder.sub(_bits(raised), _whole(raised, _bits_of(_ROUNDING)))
    half = builder.ashr(whole, _whole(raised, 1))
    return result * _power_of_two(x, half) * _power_of_two(x, builder.sub(whole, half))


def split_power(x: Float, factor: float) -> tuple[Float, Float]:
    """Return 2^n and y - n for the whole number n nearest to y = factor x, at most 126 in size."""
    builder, scale = x.emitter.builder, x.like(factor)
    raised = multiply_add(x, scale, x.like(_ROUNDING))
    # the lowest bits of the sum are n, and the others are shifted out
    shifted = builder.shl(_bits(raised), _whole(x, _MANTISSA))
    power = builder.add(shifted, _whole(x, _bits_of(1.0)))
    # the product once more, so that it is not rounded before n is taken away
    rest = multiply_add(x, scale, _ROUNDING - raised)
    return Float(x.emitter, builder.bitcast(power, x.value.type)), rest


def multiply_add(x: Float, y: Float, z: Float) -> Float:
    """Return x y + z, rounded once where the processor has an instruction for it."""
    return _intrinsic("fmuladd", x, y, z)


def log(x: Float) -> Float:
    """Return the natural logarithm: -inf for 0, NaN for NaN and for what is negative.

    Within 2e-7 relatively. Numbers below 2^-126 are taken for 0.
    """
    emitter, builder = x.emitter, x.emitter.builder
    root = _whole(x, _bits_of(math.sqrt(0.5)))
    power = builder.ashr(builder.sub(_bits(x), root), _whole(x, _MANTISSA))
    shift = builder.shl(power, _whole(x, _MANTISSA))
    mantissa = Float(emitter, builder.bitcast(builder.sub(_bits(x), shift), x.value.type))
    z, e = mantissa - 1.0, Float(emitter, builder.sitofp(power, x.value.type))
    square = z * z
    small = _polynomial(z, _LOG) * (z * square) + e * _LOG_2[1] - square * 0.5
    result = small + z + e * _LOG_2[0]
    result = emitter.select(x.compare("<", math.inf), result, x)
    odd = emitter.select(x.compare(">=", 0.0), x.like(-math.inf), x.like(math.nan))
    return emitter.select(x.compare(">=", _SMALLEST), result, odd)


def sqrt(x: Float) -> Float:
    """Return the square root, rounded as it should be; NaN for what is negative."""
    return _intrinsic("sqrt", x)


def absolute(x: Float) -> Float:
    """Return the absolute value."""
    return _intrinsic("fabs", x)


def _intrinsic(name: str, *arguments: Float) -> Float:
    """Call what LLVM has for both; llvmlite itself cannot name it for registers."""
    emitter, kind = arguments[0].emitter, arguments[0].value.type
    label = f"llvm.{name}." + ("f32" if kind == FLOAT else f"v{kind.count}f32")
    function = emitter.module.globals.get(label)
    if function is None:
        types = [kind] * len(arguments)
        function = ir.Function(emitter.module, ir.FunctionType(kind, types), label)
    return Float(emitter, emitter.builder.call(function, [a.value for a in arguments]))


def _polynomial(x: Float, coefficients: Sequence[float]) -> Float:
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result = result * x + coefficient
    return result


def _power_of_two(x: Float, power: Any) -> Float:
    """Return 2 to a whole number, by writing it where a float has its exponent."""
    builder = x.emitter.builder
    biased = builder.add(power, _whole(x, _BIAS))
    bits = builder.shl(biased, _whole(x, _MANTISSA))
    return Float(x.emitter, builder.bitcast(bits, x.value.type))


def _bits(x: Float) -> Any:
    """Return the bits of each float as a whole number of 32 bits."""
    return x.emitter.builder.bitcast(x.value, _whole_type(x))


def _bits_of(number: float) -> int:
    (bits,) = struct.unpack("i", struct.pack("f", number))
    return int(bits)


def _whole(x: Float, number: int) -> Any:
    """Return a whole number of 32 bits, in as many lanes as x has."""
    kind = _whole_type(x)
    return ir.Constant(kind, number if isinstance(kind, ir.IntType) else [number] * kind.count)


def _whole_type(x: Float) -> Any:
    one = ir.IntType(32)
    return one if x.value.type == FLOAT else ir.VectorType(one, x.value.type.count)
