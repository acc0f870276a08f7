"""What a layer is asked to do with a batch, and the plans that are kept for the next one.

Nothing here brings llvmlite: layers hold a pool from the beginning, and may be unpickled where
the kernels cannot run.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from torch import Tensor

from sklearn_rnn.kernels.native.processors import processor

__all__ = ["Data", "Layer", "Lease", "PlainNetwork", "PlanPool", "Task", "Wanted"]

#: Plans that a layer keeps for the next batches.
KEPT_PLANS = 8


class Layer(NamedTuple):
    """A layer: the name kernels have for its cell, and its four parameters in torch's order."""

    cell: str
    weights: tuple[Tensor, ...]


class PlainNetwork(NamedTuple):
    """Layers from the input upwards, and weights and bias of what answers from the last state."""

    layers: tuple[Layer, ...]
    head: tuple[Tensor, Tensor]


class Data(NamedTuple):
    """Sequences as runs of rows of one table, and what is to be answered for them.

    Parameters
    ----------
    table : Tensor of shape (S, F), float32
        The rows.
    starts : Tensor of shape (N,), int64
        The first row of each sequence.
    lengths : Tensor of shape (N,), int64, or None
        The number of its rows; None if all are alike.
    targets : Tensor of shape (N, O), float32; or (N,), int64, for classes
        What is to be answered.
    weights : Tensor of shape (N,), float32, or None
        How much each sequence counts.
    steps : int
        The largest length.
    """

    table: Tensor
    starts: Tensor
    lengths: Tensor | None
    targets: Tensor
    weights: Tensor | None
    steps: int


class Task(NamedTuple):
    """What a plan is made for.

    Parameters
    ----------
    cell : str
        A key of CELLS.
    rows, steps, features, hidden : int
        N, the largest T, F and H.
    learns : bool
        Whether gradients will be asked for.
    gives_states : bool
        Whether all states are wanted, not the last alone.
    has_lengths, has_state : bool
        Whether sequences have lengths of their own; whether a first state is given.
    threads : int
        That share the batch.
    """

    cell: str
    rows: int
    steps: int
    features: int
    hidden: int
    learns: bool
    gives_states: bool
    has_lengths: bool
    has_state: bool
    threads: int


class Wanted(NamedTuple):
    """Which gradients are known, and which are asked for beside those of the weights."""

    of_states: bool
    of_last: bool
    of_memory: bool
    for_x: bool
    for_state: bool


class PlanPool:
    """Plans of a layer that are not in use, the ones used last at the end.

    It copies and pickles as an empty one: what it holds is memory to work in.
    """

    def __init__(self) -> None:
        self._plans: list[Any] = []
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type, tuple]:
        return PlanPool, ()

    def take(self, task: Task) -> Lease:
        """Return a plan for a task; nobody else has it until the lease ends."""
        with self._lock:
            for plan in reversed(self._plans):
                if plan.task == task and plan.target == processor():
                    self._plans.remove(plan)
                    return Lease(self, plan)
        from sklearn_rnn.kernels.native.layer import LayerPlan  # brings llvmlite

        return Lease(self, LayerPlan(task))

    def clear(self) -> None:
        """Let go of all plans: they hold what a batch needs on its way, often much memory."""
        with self._lock:
            self._plans = []

    def put(self, plan: Any) -> None:
        """Take a plan back, unless somebody is at the pool: then another is made next time.

        A lease may end anywhere, for garbage is collected even in the midst of `take`; waiting
        there would be for ever.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._plans = [*self._plans, plan][-KEPT_PLANS:]
            finally:
                self._lock.release()


class Lease:
    """A plan in use; it goes back when nobody holds the lease any longer."""

    def __init__(self, pool: PlanPool, plan: Any) -> None:
        self.pool, self.plan = pool, plan

    def __del__(self) -> None:
        self.pool.put(self.plan)
