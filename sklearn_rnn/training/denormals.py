"""Numbers too small to be kept in full: zero during a call, and no longer."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["flushed_denormals"]


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Let torch take float32 numbers below 1.2e-38 as zero, then restore what the user had.

    Gradients that vanish over many steps end as such numbers, and processors compute with them
    several times more slowly. Nothing happens where they are zero already, or cannot be.

    Every thread has this setting to itself. Only the calling thread is set: the threads over which
    torch spreads a large operation keep what they have, and compute their part of it exactly. A
    thread that is started meanwhile may begin with the setting of the one that starts it.
    """
    if _are_flushed() or not torch.set_flush_denormal(True):
        yield
        return
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _are_flushed() -> bool:
    """Answer whether small numbers are zero in this thread, which torch sets but cannot tell.

    What torch sets belongs to the processor, and so holds for the floats of Python too.
    """
    return sys.float_info.min / 2 == 0
