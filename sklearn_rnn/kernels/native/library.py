"""Which compiled library holds which operations, and how it is written."""

from __future__ import annotations

from functools import partial

from llvmlite import ir

from sklearn_rnn.kernels.native import (
    answers,
    barrier,
    dropout,
    gathering,
    heads,
    movement,
    optimizers,
    packing,
    recurrence,
    single,
    step_heads,
    tokens,
)
from sklearn_rnn.kernels.native.cells import CELLS
from sklearn_rnn.kernels.native.compilation import Library, load
from sklearn_rnn.kernels.native.emission import Emitter
from sklearn_rnn.kernels.native.processors import Processor, processor
from sklearn_rnn.kernels.native.tiling import write_products, write_transpose

__all__ = [
    "answers_library",
    "layer_library",
    "movement_library",
    "packing_library",
    "single_library",
    "step_library",
]


def layer_library(cell: str, width: int) -> Library:
    """Return ``forward_<width>`` and ``backward_<width>`` of a cell, for blocks of that width."""
    return load(f"{cell}-{width}", partial(_build_layer, cell, width), processor())


def packing_library(cell: str) -> Library:
    """Return ``pack`` and ``unpack`` of a cell."""
    return load(f"{cell}-packing", partial(_build_packing, cell), processor())


def movement_library() -> Library:
    """Return ``fill``, ``add``, ``turn`` and ``ends``."""
    return load("movement", _build_movement, processor())


def single_library(cell: str) -> Library:
    """Return ``pack`` and ``forward`` of a cell for one sequence; see `single`."""
    return load(f"{cell}-single", partial(_build_single, cell), processor())


def answers_library() -> Library:
    """Return what answers from the states of one sequence; see `answers`."""
    return load("answers", _build_answers, processor())


def step_library() -> Library:
    """Return all that a training step does beside its layers.

    See `gathering`, `heads` and `optimizers`; for windows of tokens `tokens`, `step_heads` and
    `dropout`.
    """
    return load("step", _build_step, processor())


def _build_layer(cell: str, width: int, target: Processor) -> ir.Module:
    emitter = Emitter(f"{cell}-{width}", target.lanes, target.registers)
    write_products(emitter)
    write_transpose(emitter)
    recurrence.write_forward(emitter, CELLS[cell], width)
    recurrence.write_backward(emitter, CELLS[cell], width)
    return emitter.module


def _build_packing(cell: str, target: Processor) -> ir.Module:
    emitter = Emitter(f"{cell}-packing", target.lanes, target.registers)
    write_transpose(emitter)
    packing.write_pack(emitter, CELLS[cell])
    packing.write_unpack(emitter, CELLS[cell])
    return emitter.module


def _build_movement(target: Processor) -> ir.Module:
    emitter = Emitter("movement", target.lanes, target.registers)
    write_transpose(emitter)
    movement.write_movement(emitter)
    return emitter.module


def _build_single(cell: str, target: Processor) -> ir.Module:
    emitter = Emitter(f"{cell}-single", target.lanes, target.registers)
    single.write_forward_one(emitter, CELLS[cell])
    single.write_pack_one(emitter, CELLS[cell])
    return emitter.module


def _build_answers(target: Processor) -> ir.Module:
    emitter = Emitter("answers", target.lanes, target.registers)
    answers.write_answers(emitter)
    return emitter.module


def _build_step(target: Processor) -> ir.Module:
    emitter = Emitter("step", target.lanes, target.registers)
    write_products(emitter)
    write_transpose(emitter)
    gathering.write_gathering(emitter)
    heads.write_linear(emitter)
    heads.write_losses(emitter)
    tokens.write_tokens(emitter)
    step_heads.write_step_heads(emitter)
    dropout.write_dropout(emitter)
    optimizers.write_optimizers(emitter)
    barrier.write_barrier(emitter)
    return emitter.module
