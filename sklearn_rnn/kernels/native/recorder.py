"""What a layer adds to a tape: its weights, its arrays, and its operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.kernels.native.blocks import aligned, round_up
from sklearn_rnn.kernels.native.cells import CELLS
from sklearn_rnn.kernels.native.library import layer_library, movement_library, packing_library
from sklearn_rnn.kernels.native.movement import ADD, FILL
from sklearn_rnn.kernels.native.packing import PACK, UNPACK
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.recurrence import BACKWARD, FEW, FORWARD
from sklearn_rnn.kernels.native.tape import Given, Tape

__all__ = ["WEIGHTS", "LayerRecorder", "add", "fill"]

#: Numbers between two rows of transposed weights. A tile reads up to 16 rows side by side, and of
#: lines that lie a multiple of 4096 bytes apart the nearest cache holds 8 or 12.
SPARE = 16

#: Parameters of a layer, as torch names them.
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class LayerRecorder:
    """Records the operations of one layer; see `recurrence` for the arrays.

    Parameters
    ----------
    cell : str
        A key of CELLS.
    features, hidden, steps : int
        F, H and the largest T.
    learns : bool
        Whether what the way back wants is kept.
    keeps_all : bool
        Whether all states are kept, not the last alone.
    """

    def __init__(
        self, cell: str, features: int, hidden: int, steps: int, *, learns: bool, keeps_all: bool
    ) -> None:
        self.name, self.cell = cell, CELLS[cell]
        self.features, self.hidden, self.steps = features, hidden, steps
        self.learns, self.keeps_all = learns, keeps_all
        self.lanes = processor().lanes
        self.n_sums = len(self.cell.parts) * hidden
        columns = hidden + 1 + features
        self.weights = aligned(self.n_sums, columns)
        self.turned = aligned(columns, self.n_sums + SPARE)

    def memory(self, width: int) -> dict[str, NDArray]:
        """Return new arrays for a block."""
        n = width * self.lanes
        slots = self.steps + 1 if self.keeps_all else 2
        gates = self.steps * (self.learns and self.cell.has_gates)
        kept = self.steps * (self.learns and self.cell.has_kept)
        return {
            "states": aligned(slots, self.hidden, n),
            "memory": aligned(slots * self.cell.has_memory, self.hidden, n),
            "gates": aligned(gates, self.n_sums, n),
            "kept": aligned(kept, self.hidden, n),
        }

    def pack(self, tape: Tape, **weights: Any) -> None:
        """Record the packing of weights."""
        tape.add(
            packing_library(self.name),
            "pack",
            PACK,
            hidden=self.hidden,
            features=self.features,
            **weights,
            weights=self.weights,
            turned=self.turned,
            turned_row=self.n_sums + SPARE,
        )

    def forward(
        self, tape: Tape, width: int, x: Any, memory: dict[str, NDArray], *, fresh: bool
    ) -> None:
        """Record all steps; x is (T, F, n)."""
        tape.add(
            layer_library(self.name, width),
            f"forward_{width}",
            FORWARD,
            steps=Given(steps=1),
            hidden=self.hidden,
            features=self.features,
            slots=-1 if self.keeps_all else 1,
            saves=self.learns,
            fresh=fresh,
            weights=self.weights,
            x=x,
            x_step=self.features * width * self.lanes,
            **memory,
        )

    def sums(self, tape: Tape) -> dict[str, Any]:
        """Return new arrays for gradients of the weights, and record that they begin with zeros."""
        row, x_row = round_up(self.hidden, self.lanes), round_up(self.features, self.lanes)
        few = (self.features, self.n_sums, self.lanes)
        arrays = {
            "d_weights": aligned(self.n_sums, row),
            "d_inputs": aligned(*few) if self.features <= FEW else aligned(self.n_sums, x_row),
            "d_bias": aligned(self.n_sums, self.lanes),
        }
        for array in arrays.values():
            fill(tape, array)
        return {**arrays, "d_weights_row": row, "d_inputs_row": x_row}

    def backward(
        self,
        tape: Tape,
        width: int,
        x: Any,
        memory: dict[str, NDArray],
        sums: dict[str, Any],
        *,
        fresh: bool,
        d_state: NDArray,
        d_memory: NDArray,
        d_states: NDArray | None = None,
        lengths: NDArray | None = None,
        d_last: NDArray | None = None,
        d_x: NDArray | None = None,
    ) -> None:
        """Record the way back."""
        n = width * self.lanes
        tape.add(
            layer_library(self.name, width),
            f"backward_{width}",
            BACKWARD,
            steps=Given(steps=1),
            hidden=self.hidden,
            features=self.features,
            fresh=fresh,
            turned=self.turned,
            turned_row=self.n_sums + SPARE,
            x=x,
            x_step=self.features * n,
            d_state=d_state,
            d_memory=d_memory,
            d_states=0 if d_states is None else d_states,
            lengths=0 if lengths is None else lengths,
            d_last=0 if d_last is None else d_last,
            d_x=0 if d_x is None else d_x,
            sums=aligned(self.n_sums, n),
            state_turned=aligned(n, sums["d_weights_row"]),
            x_turned=aligned(n, sums["d_inputs_row"]),
            **memory,
            **sums,
        )

    def unpack(self, tape: Tape, sums: dict[str, Any], **gradients: Any) -> None:
        """Record the writing of gradients in torch's layout."""
        tape.add(
            packing_library(self.name),
            "unpack",
            UNPACK,
            hidden=self.hidden,
            features=self.features,
            **sums,
            **gradients,
        )


def fill(tape: Tape, array: NDArray) -> None:
    """Record that an array becomes zeros; its size is a multiple of a register's."""
    tape.add(movement_library(), "fill", FILL, count=array.size, target=array)


def add(tape: Tape, sums: Mapping[str, Any], to: Mapping[str, Any]) -> None:
    """Record that arrays are added to those of the same name."""
    for name, array in to.items():
        if isinstance(array, np.ndarray):
            arguments = {"count": array.size, "source": sums[name], "target": array}
            tape.add(movement_library(), "add", ADD, **arguments)
