"""Operations recorded once with their arguments, and replayed by one call.

Python decides what is to be done, for a batch of a given shape; the processor then does it again
and again without Python. Replaying lets other threads of Python run. It flushes numbers below
1e-38 to zero, for a state that fades out over a long sequence ends there, where processors take a
hundred times as long for a product; the mode is as before afterwards.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from sklearn_rnn.kernels.native.compilation import Library, load
from sklearn_rnn.kernels.native.emission import INT, INTS, Emitter, Int, Ints
from sklearn_rnn.kernels.native.processors import Processor, processor

__all__ = ["Given", "Recorded", "Tape"]

#: Bits of the x86 control register: results below 1e-38 are zero, and so are such inputs.
FLUSH_TO_ZERO = 0x8040


class Given:
    """An argument that is known only when the tape is replayed.

    Parameters
    ----------
    offset : int, default=0
        Where it begins to count; an array stands for its address.
    **factors : int
        It is `offset` and the numbers or addresses given under these names, times their factors.
    """

    def __init__(self, offset: Any = 0, **factors: int) -> None:
        self.array, self.offset = offset, _number(offset)  # an array is kept alive
        self.factors = list(factors.items())


class Recorded:
    """A recorded operation and its arguments.

    Parameters
    ----------
    signature : str
        Names of the arguments, in order; see `sklearn_rnn.kernels.native.emission`.
    arguments : dict
        Whole numbers, addresses, arrays and `Given`.
    """

    def __init__(self, signature: str, arguments: Mapping[str, Any]) -> None:
        self.names = [argument.partition(":")[0] for argument in signature.split()]
        if set(self.names) != arguments.keys():
            wrong = sorted(set(self.names) ^ arguments.keys())
            raise TypeError(f"Arguments are {self.names}; missing or unknown are {wrong}.")
        values = [arguments[name] for name in self.names]
        self.given = [(i, v) for i, v in enumerate(values) if isinstance(v, Given)]
        self.arrays = [v for v in values if isinstance(v, np.ndarray)]  # kept alive
        self.values = np.array([_number(v) for v in values], dtype=np.int64)

    def address(self, name: str) -> int:
        """Return where an argument lies."""
        return self.values.ctypes.data + self.values.itemsize * self.names.index(name)


class Tape:
    """A list of operations, which may have arguments that change between replays.

    Examples
    --------
    >>> from sklearn_rnn.kernels.native.tape import Tape
    >>> len(Tape())
    0
    """

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self._libraries: list[Library] = []
        self._entries: list[tuple[int, int]] = []
        self._table: NDArray[np.int64] | None = None
        self._known: dict[str, int] = {}
        self._depending: dict[tuple[str, ...], list[tuple[NDArray[np.int64], int, int, list]]] = {}

    def __len__(self) -> int:
        """Return the number of operations."""
        return len(self.recorded)

    def add(self, library: Library, name: str, signature: str, **arguments: Any) -> Recorded:
        """Record an operation of a library."""
        recorded = Recorded(signature, arguments)
        self.recorded.append(recorded)
        self._libraries.append(library)  # its code lives as long as the tape
        self._entries.append((library.address(name), recorded.values.ctypes.data))
        return recorded

    def give(self, **given: int) -> None:
        """Fill in the arguments that are `Given` and depend on these; others stay as they are."""
        self._known.update(given)
        names = tuple(given)
        if names not in self._depending:
            self._depending[names] = [
                (recorded.values, place, argument.offset, argument.factors)
                for recorded in self.recorded
                for place, argument in recorded.given
                if any(name in given for name, _ in argument.factors)
            ]
        known = self._known
        for values, place, number, factors in self._depending[names]:
            for name, factor in factors:
                number += known[name] * factor
            values[place] = number

    def replay(self, times: int = 1) -> None:
        """Do everything that was recorded, in order, and all of it so many times."""
        if self._table is None or 2 * len(self._entries) != len(self._table):
            self._table = np.array(self._entries, dtype=np.int64).ravel()
            self._address = self._table.ctypes.data
            self._replay = _replayer(processor())
        self._replay(self._address, len(self._entries), times)


def _number(value: Any) -> int:
    if isinstance(value, Given):
        return 0
    return value.ctypes.data if isinstance(value, np.ndarray) else int(value)


@cache
def _replayer(target: Processor) -> Any:
    library = load("tape", _build, target)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    replay: Any = function(library.address("replay"))
    replay.library = library  # the code lives as long as the function
    return replay


def _build(target: Processor) -> ir.Module:
    """Write ``replay(entries, count, times)``: an entry is a function and its arguments."""
    emitter = Emitter("tape", target.lanes, target.registers)
    with emitter.function("replay", [INTS, INT, INT]) as (entries, count, times):
        table = Ints(emitter, entries)
        builder = emitter.builder
        before = _flush_to_zero(emitter)
        with (
            emitter.loop(0, Int(emitter, times)),
            emitter.loop(0, Int(emitter, count)) as number,
        ):
            address, arguments = (table.number(number * 2 + i).value for i in range(2))
            operation = ir.FunctionType(ir.VoidType(), [INTS]).as_pointer()
            function = builder.inttoptr(address, operation)
            builder.call(function, [builder.inttoptr(arguments, INTS)])
        if before is not None:
            _control(emitter, "ldmxcsr", before)
    return emitter.module


def _flush_to_zero(emitter: Emitter) -> Any:
    """Change the processor's mode; return where the mode before is kept, None if it has none."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    word, builder = ir.IntType(32), emitter.builder
    before, now = emitter.reserve(word), emitter.reserve(word)
    _control(emitter, "stmxcsr", before)
    flushing = builder.or_(builder.load(before), ir.Constant(word, FLUSH_TO_ZERO))
    builder.store(flushing, now)
    _control(emitter, "ldmxcsr", now)
    return before


def _control(emitter: Emitter, name: str, place: Any) -> None:
    bytes_ = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [bytes_])
    name = f"llvm.x86.sse.{name}"
    function = emitter.module.globals.get(name) or ir.Function(emitter.module, kind, name)
    emitter.builder.call(function, [emitter.builder.bitcast(place, bytes_)])
