"""Sequences cut into blocks that the kernels work on; see `recurrence`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "aligned", "cut", "round_up"]


class Block(NamedTuple):
    """Some sequences: the first, how many they are, and how many registers hold one each."""

    first: int
    rows: int
    width: int


def cut(n: int, lanes: int, widths: Sequence[int]) -> list[Block]:
    """Cut n sequences into blocks.

    Parameters
    ----------
    n : int
        Sequences.
    lanes : int
        Sequences in a register.
    widths : sequence of int
        How many registers a block may have, the most first.

    Returns
    -------
    list of Block
        Only the last may have registers that are not full.
    """
    result, first = [], 0
    while first < n:
        width = next((w for w in widths if w * lanes <= n - first), widths[-1])
        result.append(Block(first, min(width * lanes, n - first), width))
        first += result[-1].rows
    return result


def round_up(number: int, lanes: int) -> int:
    """Return the smallest multiple of `lanes` that is not below a number."""
    return -(-number // lanes) * lanes


def aligned(*shape: int) -> NDArray[np.float32]:
    """Return zeros that begin where a line of the processor's cache does."""
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, dtype=np.float32)
    return memory[(-memory.ctypes.data // 4) % 16 :][:count].reshape(shape)
