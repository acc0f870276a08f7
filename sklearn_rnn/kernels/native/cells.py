"""The mathematics of the cells, for machine code: what happens to a unit in one time step.

The equations are those of `sklearn_rnn.kernels.elman`, `lstm` and `gru`, which are the reference;
here stand the same equations once more with their derivatives written out. A value is a register
of numbers, one number for each sequence of a block, so that everything below reads as if there
were one sequence and one unit. Nothing is said of loops, memory or products: see `recurrence`.

A *part* is one of the sums that enter a cell, such as the input gate of an LSTM before its
sigmoid. It reads the hidden state, the input, or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from sklearn_rnn.kernels.native.activations import squash, tanh

__all__ = ["CELLS", "After", "Before", "Cell", "Part"]


class Part(NamedTuple):
    """A sum that enters a cell; `gate` is its place among the gates of torch's weights."""

    gate: int
    reads_state: bool = True
    reads_input: bool = True


class After(NamedTuple):
    """A unit after a step, and what the way back will want to know, one value for each part."""

    state: Any
    memory: Any = None
    gates: Sequence[Any] = ()
    kept: Any = None


class Before(NamedTuple):
    """Gradients of a step: of its sums, and what flows to the state and memory before it.

    What reaches the state before through the products of the sums is not among it.
    """

    sums: Sequence[Any]
    state: Any = None
    memory: Any = None


class Cell:
    """What the kernels want to know of a cell."""

    #: In the order in which their weights are packed: those that read the state lie together.
    parts: ClassVar[tuple[Part, ...]]
    #: Whether there is a memory beside the hidden state.
    has_memory: ClassVar[bool] = False
    #: Whether `gates` and `kept` are given by `forward`.
    has_gates: ClassVar[bool] = True
    has_kept: ClassVar[bool] = False

    def forward(self, sums: Sequence[Any], state: Any, memory: Any) -> After:
        """Return the unit after a step from its sums and what it was before."""
        raise NotImplementedError

    def backward(self, d_state: Any, d_memory: Any, seen: Any) -> Before:
        """Return gradients from those of the state and memory after the step.

        `seen` has ``state``, ``memory`` (before the step), ``after`` (the state after it),
        ``gates`` and ``kept``.
        """
        raise NotImplementedError


class Tanh(Cell):
    """Elman network: h' = tanh(a)."""

    parts = (Part(0),)
    has_gates = False

    def forward(self, sums, state, memory):
        """Return tanh of the sum."""
        return After(tanh(sums[0]))

    def backward(self, d_state, d_memory, seen):
        """Tanh' = 1 - h'^2."""
        return Before([d_state * (1.0 - seen.after * seen.after)])


class Relu(Cell):
    """Elman network: h' = max(a, 0)."""

    parts = (Part(0),)
    has_gates = False

    def forward(self, sums, state, memory):
        """Return the sum where it is positive."""
        return After(sums[0].at_least(0.0))

    def backward(self, d_state, d_memory, seen):
        """Pass on what reaches a positive state, or, as torch does, one that is NaN."""
        stops = seen.after.compare("<=", 0.0)
        return Before([d_state.emitter.select(stops, d_state.like(0.0), d_state)])


class LSTM(Cell):
    """Long short-term memory: c' = f c + i g and h' = o tanh(c')."""

    parts = (Part(0), Part(1), Part(2), Part(3))
    has_memory = has_kept = True

    def forward(self, sums, state, memory):
        """Gates i, f, g, o; tanh of the memory is kept."""
        i, f, g, o = squash(sums, "ssts")
        memory = f * memory + i * g
        kept = tanh(memory)
        return After(o * kept, memory, (i, f, g, o), kept)

    def backward(self, d_state, d_memory, seen):
        """Sigmoid' = s (1 - s), tanh' = 1 - t^2."""
        (i, f, g, o), kept = seen.gates, seen.kept
        d_memory = d_memory + d_state * o * (1.0 - kept * kept)
        d_i = d_memory * i
        sums = [
            d_i * g * (1.0 - i),
            d_memory * f * seen.memory * (1.0 - f),
            d_i * (1.0 - g * g),
            d_state * kept * o * (1.0 - o),
        ]
        return Before(sums, memory=d_memory * f)


class GRU(Cell):
    """Gated recurrent unit: h' = n + z (h - n) with n = tanh(x-side + r * state-side)."""

    parts = (Part(0), Part(1), Part(2, reads_input=False), Part(2, reads_state=False))

    def forward(self, sums, state, memory):
        """Gates r, z, the state's side of the candidate, and the candidate n itself."""
        r, z = squash(sums[:2], "ss")
        n = tanh(sums[3] + r * sums[2])
        return After(n + z * (state - n), gates=(r, z, sums[2], n))

    def backward(self, d_state, d_memory, seen):
        """Return gradients of both sides of the candidate, as the reset gate parts them."""
        r, z, state_side, n = seen.gates
        passed_on = d_state * z
        d_n = (d_state - passed_on) * (1.0 - n * n)
        d_side = d_n * r
        sums = [
            d_side * state_side * (1.0 - r),
            passed_on * (seen.state - n) * (1.0 - z),
            d_side,
            d_n,
        ]
        return Before(sums, state=passed_on)


#: A new cell: write its class above and give it a name here; kernels of all shapes follow from it.
CELLS: dict[str, Cell] = {"rnn_tanh": Tanh(), "rnn_relu": Relu(), "lstm": LSTM(), "gru": GRU()}
