"""Layers on top of one another over one sequence, as online prediction wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_rnn.kernels.native.answers import LINEAR_ONE, POOL_ONE, SCORES_ONE
from sklearn_rnn.kernels.native.blocks import aligned, round_up
from sklearn_rnn.kernels.native.cells import CELLS
from sklearn_rnn.kernels.native.library import answers_library, single_library
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.single import CHUNK, FORWARD_ONE, PACK_ONE, packed_size
from sklearn_rnn.kernels.native.tape import Given, Tape

__all__ = ["NATIVE_POOLINGS", "Head", "LayerWeights", "OneSequence", "Pooled"]

FLOAT = 4  # bytes

#: The operation behind each pooling. The last state is a mean over one step.
NATIVE_POOLINGS = {"last": "mean", "mean": "mean", "max": "max", "attention": "weighted"}


class LayerWeights(NamedTuple):
    """A layer in one direction: its cell, a key of CELLS, and weights (float32) as torch has them.

    They are read where they lie, at each call, so the arrays may share the memory of tensors.
    """

    cell: str
    weight_ih: NDArray[np.float32]
    weight_hh: NDArray[np.float32]
    bias_ih: NDArray[np.float32]
    bias_hh: NDArray[np.float32]

    @property
    def hidden(self) -> int:
        """H."""
        return self.weight_hh.shape[1]


class Pooled(NamedTuple):
    """How states become one vector; "attention" has the weights (1, D * H) and bias of a score.

    Names are those of `sklearn_rnn.modules.pooling`.
    """

    name: str
    weight: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None


class Head(NamedTuple):
    """A linear map of what poolings make: weight (O, D * H * poolings), bias (O,)."""

    poolings: Sequence[Pooled]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


class OneSequence:
    """Reads one sequence after another, in one thread at a time.

    Weights that have changed since the last call are noticed: they are compared with those that
    were used then.

    Parameters
    ----------
    layers : sequence of sequences of LayerWeights
        From the input upwards; of each layer one direction, or two, of which the second reads from
        the end.
    head : Head, optional
        What answers from the last layer's states.

    Attributes
    ----------
    answer : ndarray of shape (O,), float32
        With a head, the answer of the last call. The next one overwrites it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn.kernels.native.one_sequence import LayerWeights, OneSequence
    >>> weights = [np.full(shape, 0.1, dtype="f4") for shape in [(3, 2), (3, 3), (3,), (3,)]]
    >>> reader = OneSequence([[LayerWeights("rnn_tanh", *weights)]])
    >>> reader.read(np.ones((5, 2))).shape
    (5, 1, 3)
    """

    def __init__(self, layers: Sequence[Sequence[LayerWeights]], head: Head | None = None) -> None:
        self.layers = [list(directions) for directions in layers]
        self.head = head
        self.answer = aligned(0 if head is None else len(head.weight))
        self.lanes = processor().lanes
        self.capacity = self.steps = 0
        self._weights = [[self._memory(depth, w) for w in ws] for depth, ws in enumerate(layers)]

    def read(
        self, x: ArrayLike, state: Sequence[Sequence[Sequence[ArrayLike]]] | None = None
    ) -> NDArray[np.float32]:
        """Read a sequence.

        Parameters
        ----------
        x : array-like of shape (T, F)
            Its steps; at least one.
        state : sequence of sequences of sequences of array-like of shape (H,), optional
            For each layer and each direction, the state before its first step, and then the
            memory of an LSTM. Zeros without it.

        Returns
        -------
        ndarray of shape (T, D, H), float32
            The last layer's states, of each of D directions. They are overwritten by the next call.
        """
        steps = len(x)  # type: ignore[arg-type]
        if steps != self.steps:
            self._prepare(steps)
        np.copyto(self._input, x, casting="unsafe")
        if state is None:
            self._tape.replay()
            return self._top
        self._begin(state)
        self._tape.replay()
        self._begin([[[0.0, 0.0] for _ in layer] for layer in self.layers])
        return self._top

    def last_state(self) -> list[list[tuple[NDArray[np.float32], ...]]]:
        """Return copies of the states after the last step, in the form in which `read` takes them.

        Of a second direction it is the state after the first step, which it reads last.
        """
        return [
            [
                tuple(
                    array.copy()
                    for array in (rows[-1], memory["memory"][: w.hidden])[: self._kept(w)]
                )
                for w, rows, memory in zip(ws, self._rows(depth), self._weights[depth], strict=True)
            ]
            for depth, ws in enumerate(self.layers)
        ]

    # -- memory --------------------------------------------------------------------------------

    def _memory(self, depth: int, weights: LayerWeights) -> dict[str, NDArray]:
        """Return arrays of one layer and direction, by the names that operations have for them."""
        cell, padded = CELLS[weights.cell], round_up(weights.hidden, self.lanes)
        size = packed_size(cell, self.lanes, weights.hidden, self._features(depth))
        return {
            "weights": aligned(size),
            "first_memory": aligned(padded * cell.has_memory),
            "memory": aligned(padded * cell.has_memory),
            "sums": aligned(CHUNK, padded, len(cell.parts)),
            **{f"seen_{name}": aligned(*w.shape) for name, w in _named(weights).items()},
        }

    def _grouping(self, depth: int) -> dict[str, int]:
        """Return how the features of a layer lie: both directions below, each filled up."""
        if depth == 0:
            features = self.layers[0][0].weight_ih.shape[1]
            return {"groups": 1, "group": features, "group_step": features}
        below = self.layers[depth - 1]
        hidden = below[0].hidden
        return {
            "groups": len(below),
            "group": hidden,
            "group_step": round_up(hidden, self.lanes),
        }

    def _features(self, depth: int) -> int:
        """Return how many numbers a layer reads in a step, those between groups among them."""
        grouping = self._grouping(depth)
        return (grouping["groups"] - 1) * grouping["group_step"] + grouping["group"]

    # -- tape ----------------------------------------------------------------------------------

    def _prepare(self, steps: int) -> None:
        """Make ready for sequences of so many steps."""
        if steps > self.capacity:
            self.capacity = max(steps, 2 * self.capacity)
            features = self._features(0)
            self._x = aligned(self.capacity, features)
            # the first row is the state before a sequence, and the last, read backwards
            self._states = [
                aligned(self.capacity + 2, len(ws), round_up(ws[0].hidden, self.lanes))
                for ws in self.layers
            ]
            self._tape = self._record()
        self.steps = steps
        self._tape.give(steps=steps)
        for states, ws in zip(self._states, self.layers, strict=True):
            if len(ws) > 1:  # of a longer sequence, it may hold a state
                states[steps + 1, 1] = 0.0
        self._input = self._x[:steps]
        self._top = self._states[-1][1 : steps + 1, :, : self.layers[-1][0].hidden]

    def _record(self) -> Tape:
        tape = Tape()
        for depth, ws in enumerate(self.layers):
            below = self._states[depth - 1][1:] if depth else self._x
            for direction, (weights, memory) in enumerate(
                zip(ws, self._weights[depth], strict=True)
            ):
                self._record_layer(tape, depth, direction, weights, memory, below)
        if self.head is not None:
            self._record_head(tape, self.head)
        return tape

    def _record_layer(
        self,
        tape: Tape,
        depth: int,
        direction: int,
        weights: LayerWeights,
        memory: dict[str, NDArray],
        below: NDArray,
    ) -> None:
        library, states = single_library(weights.cell), self._states[depth]
        padded = states.shape[2]
        sizes = {"vectors": padded // self.lanes, "hidden": weights.hidden}
        seen = {name: array for name, array in memory.items() if name.startswith("seen_")}
        tape.add(
            library,
            "pack",
            PACK_ONE,
            **sizes,
            **self._grouping(depth),
            **_named(weights),
            **seen,
            weights=memory["weights"],
        )
        row, above = below[0].size, states[0].size
        x: Any = below
        first: Any = states
        if direction:  # from the last step to the first
            x = Given(below.ctypes.data - FLOAT * row, steps=FLOAT * row)
            start = states.ctypes.data + FLOAT * (above + padded)
            first = Given(start, steps=FLOAT * above)
            row, above = -row, -above
        tape.add(
            library,
            "forward",
            FORWARD_ONE,
            **sizes,
            steps=Given(steps=1),
            features=self._features(depth),
            x=x,
            x_step=row,
            states=first,
            states_step=above,
            **{name: array for name, array in memory.items() if name not in seen},
        )

    def _record_head(self, tape: Tape, head: Head) -> None:
        library, states, hidden = answers_library(), self._states[-1], self.layers[-1][0].hidden
        row, padded, directions = states[0].size, states.shape[2], states.shape[1]
        size = directions * hidden
        scores, vector = aligned(self.capacity), aligned(len(head.poolings) * size + padded)
        for number, pooled in enumerate(head.poolings):
            if pooled.name == "attention":
                tape.add(
                    library,
                    "scores",
                    SCORES_ONE,
                    steps=Given(steps=1),
                    hidden=hidden,
                    directions=directions,
                    group_step=padded,
                    row=row,
                    states=states[1:],
                    weight=pooled.weight,
                    bias=pooled.bias,
                    scores=scores,
                )
            for direction in range(directions):
                start: Any = states[1:, direction]
                if pooled.name == "last" and direction == 0:
                    start = Given(states, steps=FLOAT * row)
                tape.add(
                    library,
                    NATIVE_POOLINGS[pooled.name],
                    POOL_ONE,
                    steps=1 if pooled.name == "last" else Given(steps=1),
                    vectors=padded // self.lanes,
                    row=row,
                    states=start,
                    scores=scores,
                    result=vector[number * size + direction * hidden :],
                )
        tape.add(
            library,
            "linear",
            LINEAR_ONE,
            rows=len(head.weight),
            columns=len(head.poolings) * size,
            weight=head.weight,
            bias=head.bias,
            x=vector,
            result=self.answer,
        )

    # -- states --------------------------------------------------------------------------------

    def _rows(self, depth: int) -> list[NDArray[np.float32]]:
        """Return for each direction its states (T + 1, H), in the order in which it reads."""
        states, hidden = self._states[depth], self.layers[depth][0].hidden
        forwards = states[: self.steps + 1, 0, :hidden]
        backwards = [states[1 : self.steps + 2, 1, :hidden][::-1]] if states.shape[1] > 1 else []
        return [forwards, *backwards]

    def _kept(self, weights: LayerWeights) -> int:
        """Return how many arrays a state has."""
        return 1 + CELLS[weights.cell].has_memory

    def _begin(self, state: Sequence[Sequence[Sequence[ArrayLike]]]) -> None:
        for depth, (ws, parts) in enumerate(zip(self.layers, state, strict=True)):
            memories = self._weights[depth]
            for w, rows, memory, part in zip(ws, self._rows(depth), memories, parts, strict=True):
                rows[0] = part[0]
                if self._kept(w) > 1:
                    memory["first_memory"][: w.hidden] = part[1]


def _named(weights: LayerWeights) -> dict[str, NDArray[np.float32]]:
    return {name: array for name, array in weights._asdict().items() if name != "cell"}
