"""LLVM code from Python expressions: vectors, whole numbers, arrays and loops.

This is the lowest of the three floors of the generator. It knows instructions and nothing of
recurrences: `emitter.loop` writes a loop, ``a + b`` an addition, ``array.load(i)`` a load. What
the kernels compute is said in `cells` and `recurrence`, how products are cut into registers in
`tiling`.

An *operation* is a function of the one form ``void f(int64 *arguments)``: numbers and addresses
lie one after another in memory, in the order of its signature, so that a list of operations can be
recorded once and replayed without Python; see `tape`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from llvmlite import ir

__all__ = ["Array", "Emitter", "Float", "Int", "Variable"]

FLOAT, INT, BOOL = ir.FloatType(), ir.IntType(64), ir.IntType(1)
FLOATS, INTS = FLOAT.as_pointer(), INT.as_pointer()

#: Rounding of x * y + z may be once instead of twice, and -0 be 0. NaN and inf stay as they are.
FAST = ("nsz", "contract")


class Int:
    """A whole number of 64 bits that is known when the code runs."""

    def __init__(self, emitter: Emitter, value: Any) -> None:
        self.emitter, self.value = emitter, value

    def _binary(self, name: str, other: Any) -> Int:
        return Int(
            self.emitter, getattr(self.emitter.builder, name)(self.value, self._value(other))
        )

    def _value(self, other: Any) -> Any:
        return other.value if isinstance(other, Int) else ir.Constant(INT, int(other))

    def __add__(self, other: Any) -> Int:
        return self._binary("add", other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Int:
        return self._binary("sub", other)

    def __rsub__(self, other: Any) -> Int:
        return Int(self.emitter, self._value(other)) - self

    def __mul__(self, other: Any) -> Int:
        return self._binary("mul", other)

    __rmul__ = __mul__

    def __and__(self, other: Any) -> Int:
        return self._binary("and_", other)

    def multiple(self, of: int) -> Int:
        """Return the largest multiple of `of`, a power of two, that is not above this number."""
        return self._binary("and_", -of)

    def compare(self, how: str, other: Any) -> Any:
        """Return a condition, for instance ``n.compare("<", 3)``."""
        return self.emitter.builder.icmp_signed(how, self.value, self._value(other))

    def float(self) -> Float:
        """Return the number as a float."""
        return Float(self.emitter, self.emitter.builder.sitofp(self.value, FLOAT))


class Float:
    """One float32, or a register full of them."""

    def __init__(self, emitter: Emitter, value: Any) -> None:
        self.emitter, self.value = emitter, value

    def _binary(self, name: str, other: Any, swapped: bool = False) -> Float:
        pair = (self.value, self.like(other).value)
        left, right = reversed(pair) if swapped else pair
        return Float(self.emitter, getattr(self.emitter.builder, name)(left, right, flags=FAST))

    def like(self, other: Any) -> Float:
        """Return a Float or Python number in the width of this one."""
        if isinstance(other, Float):
            wide = isinstance(self.value.type, ir.VectorType)
            narrow = not isinstance(other.value.type, ir.VectorType)
            return self.emitter.spread(other) if wide and narrow else other
        return self.emitter.constant(other, self.value.type)

    def __add__(self, other: Any) -> Float:
        return self._binary("fadd", other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Float:
        return self._binary("fsub", other)

    def __rsub__(self, other: Any) -> Float:
        return self._binary("fsub", other, swapped=True)

    def __mul__(self, other: Any) -> Float:
        return self._binary("fmul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Float:
        return self._binary("fdiv", other)

    def __rtruediv__(self, other: Any) -> Float:
        return self._binary("fdiv", other, swapped=True)

    def compare(self, how: str, other: Any) -> Any:
        """Return a condition, lane by lane; it is false where either side is NaN."""
        return self.emitter.builder.fcmp_ordered(how, self.value, self.like(other).value)

    def at_most(self, limit: float) -> Float:
        """Return the smaller of this and `limit`; NaN stays NaN."""
        return self.emitter.select(self.compare(">", limit), self.like(limit), self)

    def at_least(self, limit: float) -> Float:
        """Return the larger of this and `limit`; NaN stays NaN."""
        return self.emitter.select(self.compare("<", limit), self.like(limit), self)

    def int(self) -> Int:
        """Return a number without its fraction."""
        return Int(self.emitter, self.emitter.builder.fptosi(self.value, INT))

    def total(self) -> Float:
        """Return the sum over the lanes, added up in halves."""
        value, builder, half = self.value, self.emitter.builder, self.emitter.lanes
        while half > 1:
            half //= 2
            halves = [
                builder.shuffle_vector(value, value, _numbers(range(start, start + half)))
                for start in (0, half)
            ]
            value = builder.fadd(*halves, flags=FAST)
        return Float(self.emitter, builder.extract_element(value, ir.Constant(ir.IntType(32), 0)))


class Variable:
    """A Float that changes; LLVM keeps it in a register."""

    def __init__(self, emitter: Emitter, start: Float) -> None:
        self.emitter = emitter
        self.place = emitter.reserve(start.value.type)
        self.set(start)

    def get(self) -> Float:
        """Return the value it has now."""
        return Float(self.emitter, self.emitter.builder.load(self.place))

    def set(self, value: Float) -> None:
        """Give it another."""
        self.emitter.builder.store(value.value, self.place)

    def add(self, value: Float) -> None:
        """Add to it."""
        self.set(self.get() + value)


class Array:
    """Numbers of float32 in memory; offsets count numbers, not bytes."""

    def __init__(self, emitter: Emitter, pointer: Any) -> None:
        self.emitter, self.pointer = emitter, pointer

    def at(self, offset: Any) -> Array:
        """Return the array that begins at `offset`."""
        return Array(self.emitter, self._place(offset))

    def _place(self, offset: Any) -> Any:
        return self.emitter.builder.gep(self.pointer, [self.emitter.int(offset).value])

    def load(self, offset: Any = 0, registers: int = 1) -> Float:
        """Return so many registers full of numbers from `offset` on, as one value."""
        builder = self.emitter.builder
        kind = ir.VectorType(FLOAT, registers * self.emitter.lanes)
        place = builder.bitcast(self._place(offset), kind.as_pointer())
        return Float(self.emitter, builder.load(place, align=4))

    def store(self, value: Float, offset: Any = 0) -> None:
        """Write registers full of numbers, or a single one, from `offset` on."""
        builder, place = self.emitter.builder, self._place(offset)
        if isinstance(value.value.type, ir.VectorType):
            place = builder.bitcast(place, value.value.type.as_pointer())
        builder.store(value.value, place, align=4)

    def add(self, value: Float, offset: Any = 0) -> None:
        """Add to what is there."""
        wide = isinstance(value.value.type, ir.VectorType)
        self.store((self.load(offset) if wide else self.number(offset)) + value, offset)

    def number(self, offset: Any = 0) -> Float:
        """Return the one number at `offset`."""
        return Float(self.emitter, self.emitter.builder.load(self._place(offset)))

    def spread(self, offset: Any = 0) -> Float:
        """Return a register with the number at `offset` in all lanes."""
        return self.emitter.spread(self.number(offset))

    def ints(self) -> Ints:
        """Return the same memory as numbers of int64."""
        return Ints(self.emitter, self.emitter.builder.bitcast(self.pointer, INTS))

    def is_given(self) -> Any:
        """Return the condition that the address is not 0."""
        return Int(self.emitter, self.emitter.builder.ptrtoint(self.pointer, INT)).compare("!=", 0)


class Ints:
    """Numbers of int64 in memory."""

    def __init__(self, emitter: Emitter, pointer: Any) -> None:
        self.emitter, self.pointer = emitter, pointer

    def number(self, offset: Any = 0) -> Int:
        """Return the number at `offset`."""
        builder = self.emitter.builder
        return Int(
            self.emitter, builder.load(builder.gep(self.pointer, [self.emitter.int(offset).value]))
        )

    def store(self, value: Int, offset: Any = 0) -> None:
        """Write the number at `offset`."""
        builder = self.emitter.builder
        place = builder.gep(self.pointer, [self.emitter.int(offset).value])
        builder.store(value.value, place)


class Emitter:
    """Writes the functions of one module.

    Parameters
    ----------
    name : str
        Of the module.
    lanes : int
        Float32 numbers in a register.
    registers : int
        Registers that the processor has.
    """

    def __init__(self, name: str, lanes: int, registers: int) -> None:
        self.module = ir.Module(name)
        self.lanes, self.registers = lanes, registers
        self.vector = ir.VectorType(FLOAT, lanes)
        self.builder: Any = None
        self._function: Any = None

    # -- functions -----------------------------------------------------------------------------

    @contextmanager
    def operation(self, name: str, signature: str) -> Iterator[SimpleNamespace]:
        """Write an operation; yields its arguments by name.

        In a signature ``steps:n`` is a whole number and ``x`` an array of floats.
        """
        with self.function(name, [INTS]) as (memory,):
            arguments = {}
            for place, argument in enumerate(signature.split()):
                label, _, kind = argument.partition(":")
                value = Ints(self, memory).number(place)
                pointer = None if kind else self.builder.inttoptr(value.value, FLOATS)
                arguments[label] = value if kind else Array(self, pointer)
            yield SimpleNamespace(**arguments)

    @contextmanager
    def procedure(self, name: str, signature: str) -> Iterator[SimpleNamespace]:
        """Write a function that others of this module `call`; arguments as in `operation`."""
        labels = [argument.partition(":") for argument in signature.split()]
        types = [INT if kind else FLOATS for _, _, kind in labels]
        with self.function(name, types) as values:
            self._function.linkage = "internal"
            self._function.attributes.add("noinline")
            yield SimpleNamespace(
                **{
                    label: (Int if kind else Array)(self, value)
                    for (label, _, kind), value in zip(labels, values, strict=True)
                }
            )

    @contextmanager
    def function(self, name: str, types: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Write a function of arguments of LLVM's types."""
        kind = ir.FunctionType(ir.VoidType(), types)
        self._function = ir.Function(self.module, kind, name)
        # variables are reserved at the entry, ahead of all code, where LLVM looks for them
        entry = self._function.append_basic_block("entry")
        body = self._function.append_basic_block("body")
        self.builder = ir.IRBuilder(body)
        self._entry = ir.IRBuilder(entry)
        yield self._function.args
        self.builder.ret_void()
        self._entry.branch(body)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a procedure."""
        values = [a.pointer if isinstance(a, Array) else self.int(a).value for a in arguments]
        self.builder.call(self.module.get_global(name), values)

    def reserve(self, kind: Any) -> Any:
        """Return a place for a variable."""
        return self._entry.alloca(kind)

    # -- control -------------------------------------------------------------------------------

    @contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1) -> Iterator[Int]:
        """Repeat what is written inside for ``range(start, stop, step)``."""
        place = self.reserve(INT)
        self.builder.store(self.int(start).value, place)
        head, body, after = (self._function.append_basic_block() for _ in range(3))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = Int(self, self.builder.load(place))
        self.builder.cbranch(index.compare("<" if step > 0 else ">", stop), body, after)
        self.builder.position_at_end(body)
        yield index
        self.builder.store((index + step).value, place)
        self.builder.branch(head)
        self.builder.position_at_end(after)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Do what is written inside if the condition holds."""
        with self.builder.if_then(condition):
            yield

    def select(self, condition: Any, yes: Any, no: Any) -> Any:
        """Return `yes` where the condition holds, `no` elsewhere; both are computed."""
        value = self.builder.select(condition, yes.value, no.value)
        return type(yes)(self, value)

    # -- values --------------------------------------------------------------------------------

    def int(self, value: Any) -> Int:
        """Return a whole number as an Int."""
        return value if isinstance(value, Int) else Int(self, ir.Constant(INT, int(value)))

    def constant(self, value: float, kind: Any = None) -> Float:
        """Return a number, in all lanes unless another type is asked for."""
        kind = self.vector if kind is None else kind
        (rounded,) = struct.unpack("f", struct.pack("f", value))
        wide = isinstance(kind, ir.VectorType)
        return Float(self, ir.Constant(kind, [rounded] * kind.count if wide else rounded))

    def number(self, value: float) -> Float:
        """Return one float."""
        return self.constant(value, FLOAT)

    def spread(self, number: Float) -> Float:
        """Return a register with one number in all lanes."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = ir.Constant(ir.IntType(32), 0)
        one = self.builder.insert_element(nothing, number.value, first)
        return Float(self, self.builder.shuffle_vector(one, nothing, _numbers([0] * self.lanes)))

    def variable(self, start: Any) -> Variable:
        """Return a variable; a Python number starts one with as many lanes as a register."""
        return Variable(self, start if isinstance(start, Float) else self.constant(start))

    def join(self, registers: Sequence[Float]) -> Float:
        """Return registers laid one behind the other as one value.

        What is done to it is done to each of them in turn, so that none waits for its own result.
        """
        values = [register.value for register in registers]
        while len(values) > 1:
            order = _numbers(range(2 * values[0].type.count))
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [self.builder.shuffle_vector(left, right, order) for left, right in pairs]
        return Float(self, values[0])

    def fold(self, value: Float) -> Float:
        """Return one register, the sum of those that make up a value."""
        sums, count = value.value, value.value.type.count
        while count > self.lanes:
            count //= 2
            halves = [
                self.builder.shuffle_vector(sums, sums, _numbers(range(first, first + count)))
                for first in (0, count)
            ]
            sums = self.builder.fadd(*halves, flags=FAST)
        return Float(self, sums)

    def interleave(self, first: Float, second: Float, order: Sequence[Any]) -> Float:
        """Return the lanes at `order` of two registers laid one behind the other."""
        return Float(self, self.builder.shuffle_vector(first.value, second.value, _numbers(order)))


def _numbers(values: Any) -> Any:
    values = list(values)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(values)), values)
