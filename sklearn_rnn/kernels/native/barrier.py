"""Threads that wait for one another without Python."""

from __future__ import annotations

import ctypes
import os
from functools import cache

from llvmlite import ir

from sklearn_rnn.kernels.native.emission import INT, Emitter, Int

__all__ = ["BARRIER", "write_barrier", "yielding"]

BARRIER = "threads:n turn counter yielding:n"

#: How often a thread looks before it offers its processor to others.
LOOKS = 2000


def write_barrier(emitter: Emitter) -> None:
    """Write ``barrier``: returns once all threads have called it.

    ``counter`` counts their calls; ``turn``, each thread's own, what it had been after the last
    wait. Both are int64. ``yielding`` is the address of a function without arguments by which a
    waiting thread lets others run, or 0.
    """
    with emitter.operation("barrier", BARRIER) as a:
        builder, counter = emitter.builder, a.counter.ints().pointer
        turn = a.turn.ints()
        wanted = turn.number() + a.threads
        turn.store(wanted)
        builder.atomic_rmw("add", counter, ir.Constant(INT, 1), "seq_cst")
        looks = emitter.reserve(INT)
        builder.store(ir.Constant(INT, 0), looks)
        head, body, after = (builder.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        now = Int(emitter, builder.load_atomic(counter, "seq_cst", 8))
        builder.cbranch(now.compare("<", wanted), body, after)
        builder.position_at_end(body)
        looked = Int(emitter, builder.load(looks)) + 1
        builder.store(looked.value, looks)
        patient = builder.and_(looked.compare(">", LOOKS), a.yielding.compare("!=", 0))
        with emitter.when(patient):
            function = ir.FunctionType(ir.IntType(32), []).as_pointer()
            builder.call(builder.inttoptr(a.yielding.value, function), [])
        builder.branch(head)
        builder.position_at_end(after)


@cache
def yielding() -> int:
    """Return the address of the system's function that lets other threads run; 0 if unknown."""
    library = ctypes.windll.kernel32 if os.name == "nt" else ctypes.CDLL(None)  # type: ignore[attr-defined]
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0
