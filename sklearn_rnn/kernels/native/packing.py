"""Weights between torch's layout and that of the kernels.

torch has four tensors of which each holds all gates; a kernel reads one row for each part and
unit: weights of the state, the bias, weights of the input. See `recurrence`.
"""

from __future__ import annotations

from sklearn_rnn.kernels.native.cells import Cell
from sklearn_rnn.kernels.native.emission import Array, Emitter, Int
from sklearn_rnn.kernels.native.recurrence import FEW

__all__ = ["PACK", "UNPACK", "write_pack", "write_unpack"]

PACK = "hidden:n features:n weight_ih weight_hh bias_ih bias_hh weights turned turned_row:n"
UNPACK = (
    "hidden:n features:n d_weights d_weights_row:n d_inputs d_inputs_row:n d_bias "
    "weight_ih weight_hh bias_ih bias_hh"
)


def write_pack(emitter: Emitter, cell: Cell) -> None:
    """Write ``pack``: from torch's parameters to ``weights`` and their transpose ``turned``."""
    with emitter.operation("pack", PACK) as a:
        row = a.hidden + 1 + a.features
        for number, part in enumerate(cell.parts):
            with emitter.loop(0, a.hidden) as unit:
                gate = a.hidden * part.gate + unit
                packed = a.weights.at((a.hidden * number + unit) * row)
                bias = emitter.number(0.0)
                if part.reads_state:
                    _copy(emitter, a.weight_hh.at(gate * a.hidden), packed, a.hidden)
                    bias = bias + a.bias_hh.number(gate)
                if part.reads_input:
                    target = packed.at(a.hidden + 1)
                    _copy(emitter, a.weight_ih.at(gate * a.features), target, a.features)
                    bias = bias + a.bias_ih.number(gate)
                packed.store(bias, a.hidden)
        rows = a.hidden * len(cell.parts)
        emitter.call("transpose", rows, row, a.weights, row, a.turned, a.turned_row)


def write_unpack(emitter: Emitter, cell: Cell) -> None:
    """Write ``unpack``: from sums of gradients to torch's four gradients, which are overwritten."""
    with emitter.operation("unpack", UNPACK) as a:
        rows = a.hidden * len(cell.parts)
        for number, part in enumerate(cell.parts):
            with emitter.loop(0, a.hidden) as unit:
                gate = a.hidden * part.gate + unit
                row = a.hidden * number + unit
                bias = a.d_bias.load(row * emitter.lanes).total()
                if part.reads_state:
                    source = a.d_weights.at(row * a.d_weights_row)
                    _copy(emitter, source, a.weight_hh.at(gate * a.hidden), a.hidden)
                    a.bias_hh.store(bias, gate)
                if part.reads_input:
                    a.bias_ih.store(bias, gate)
                    target = a.weight_ih.at(gate * a.features)
                    is_few = a.features.compare("<=", FEW)
                    with emitter.when(is_few), emitter.loop(0, a.features) as f:
                        lanes = a.d_inputs.load((f * rows + row) * emitter.lanes)
                        target.store(lanes.total(), f)
                    with emitter.when(emitter.builder.not_(is_few)):
                        _copy(emitter, a.d_inputs.at(row * a.d_inputs_row), target, a.features)


def _copy(emitter: Emitter, source: Array, target: Array, count: Int) -> None:
    whole = count.multiple(emitter.lanes)
    with emitter.loop(0, whole, emitter.lanes) as i:
        target.store(source.load(i), i)
    with emitter.loop(whole, count) as i:
        target.store(source.number(i), i)
