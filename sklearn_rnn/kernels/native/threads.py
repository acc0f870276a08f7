"""Tapes that are replayed at the same time, and how a batch is divided among threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from sklearn_rnn.kernels.native.blocks import round_up

__all__ = ["replay_together", "shares", "worthwhile_threads"]

#: Multiplications of a batch below which a second thread is not worth the waiting.
WORTH_A_THREAD = 2e6

#: Sequences of a batch that a thread should have at least.
ROWS_OF_A_THREAD = 32


def worthwhile_threads(threads: int, rows: int, steps: int, parameters: int) -> int:
    """Return how many of the threads allowed are worth having for batches of this size."""
    if rows * steps * parameters < WORTH_A_THREAD:
        return 1
    return max(1, min(threads, rows // ROWS_OF_A_THREAD))


def shares(rows: int, threads: int, lanes: int) -> list[tuple[int, int]]:
    """Return the first row of each thread, and how many it has: whole registers but for the last.

    There may be fewer than asked for, but there is one even of no rows.
    """
    share = max(lanes, round_up(-(-rows // threads), lanes))
    return [(first, min(share, rows - first)) for first in range(0, max(1, rows), share)]


def replay_together(tapes: Sequence[Any]) -> None:
    """Replay tapes that do not wait for one another, the first in this thread."""
    others = [_pool(os.getpid()).submit(tape.replay) for tape in tapes[1:]]
    tapes[0].replay()
    for other in others:
        other.result()


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: those of its parent do not follow it."""
    return ThreadPoolExecutor(os.cpu_count() or 1)
