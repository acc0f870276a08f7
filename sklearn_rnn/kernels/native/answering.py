"""Answers of a network for many sequences, without Python between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.blocks import Block, aligned, cut
from sklearn_rnn.kernels.native.gathering import ADVANCE
from sklearn_rnn.kernels.native.library import movement_library, step_library
from sklearn_rnn.kernels.native.movement import TURN
from sklearn_rnn.kernels.native.plans import Data, PlainNetwork
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.recorder import WEIGHTS, LayerRecorder, fill
from sklearn_rnn.kernels.native.stages import FLOAT, INT, gather, last_state, linear
from sklearn_rnn.kernels.native.tape import Given, Recorded, Tape
from sklearn_rnn.kernels.native.tiling import widths

__all__ = ["AnswerPlan"]


class AnswerPlan:
    """Answers for as many sequences at a time as a block holds.

    Parameters
    ----------
    network : PlainNetwork
        What answers; its weights are read when the plan is made.
    data : Data
        What it reads; targets and weights are not looked at.
    """

    def __init__(self, network: PlainNetwork, data: Data) -> None:
        self.network, self.data = network, data
        self.lanes = processor().lanes
        self.widths = widths(processor().registers)
        self.rows = self.widths[0] * self.lanes
        packing = Tape()
        self.recorders = []
        for number, (cell, weights) in enumerate(network.layers):
            hidden, features = weights[1].shape[1], weights[0].shape[1]
            is_top = number + 1 == len(network.layers)
            recorder = LayerRecorder(
                cell,
                features,
                hidden,
                data.steps,
                learns=False,
                keeps_all=not is_top or data.lengths is not None,
            )
            addresses = [weight.data_ptr() for weight in weights]
            recorder.pack(packing, **dict(zip(WEIGHTS, addresses, strict=True)))
            self.recorders.append(recorder)
        packing.replay()
        self._tapes: dict[int, Tape] = {}

    def answer(self, order: Tensor, answers: Tensor) -> None:
        """Write answers.

        Parameters
        ----------
        order : Tensor of shape (M,), int64
            The sequences asked for.
        answers : Tensor of shape (M, O), float32
            Where to write.
        """
        count, outputs = answers.shape
        lengths = None if self.data.lengths is None else self.data.lengths[order]
        for rows, first, times in (
            (self.rows, 0, count // self.rows),
            (count % self.rows, count - count % self.rows, 1),
        ):
            if not rows or not times:
                continue
            tape = self._tape(rows)
            tape.give(
                order=order.data_ptr() + INT * first,
                answers=answers.data_ptr() + FLOAT * outputs * first,
            )
            self._give_steps(tape, self.data.steps)
            if lengths is None:
                tape.replay(times)
                continue
            part = lengths[first : first + rows * times].view(times, rows)
            for steps in part.amax(dim=1).tolist():
                self._give_steps(tape, steps)
                tape.replay()

    def _give_steps(self, tape: Tape, steps: int) -> None:
        keeps_all = self.recorders[-1].keeps_all
        tape.give(steps=steps, last=steps if keeps_all else steps % 2)

    def _tape(self, rows: int) -> Tape:
        if rows not in self._tapes:
            tape, moving = Tape(), []
            for block in cut(rows, self.lanes, self.widths):
                moving += self._record(tape, block, rows)
            places, steps = (np.array(part, dtype=np.int64) for part in zip(*moving, strict=True))
            count = len(moving)
            tape.add(step_library(), "advance", ADVANCE, count=count, places=places, steps=steps)
            self._tapes[rows] = tape
        return self._tapes[rows]

    def _record(self, tape: Tape, block: Block, rows: int) -> list[tuple[int, int]]:
        """Record a block; return where arguments lie that move on, and by what."""
        data, n = self.data, block.width * self.lanes
        lengths, x = aligned(n), aligned(data.steps, self.recorders[0].features, n)
        gathered = gather(tape, data, block, x, lengths)
        for recorder in self.recorders:
            memory = recorder.memory(block.width)
            fill(tape, memory["states"][0])
            if recorder.cell.has_memory:
                fill(tape, memory["memory"][0])
            recorder.forward(tape, block.width, x, memory, fresh=True)
            x = memory["states"][1:]
        outputs = len(self.network.head[1])
        answers = aligned(outputs, n)
        state = last_state(tape, data, block, memory["states"], lengths, last="last")
        linear(tape, self.network.head, state, answers)
        turned = self._turn_out(tape, block, answers)
        return [
            (gathered.address("order"), INT * rows),
            (turned.address("result"), FLOAT * outputs * rows),
        ]

    def _turn_out(self, tape: Tape, block: Block, answers: NDArray) -> Recorded:
        outputs, n = answers.shape
        return tape.add(
            movement_library(),
            "turn",
            TURN,
            steps=1,
            rows=outputs,
            columns=block.rows,
            source=answers,
            source_row=n,
            source_step=0,
            result=Given(FLOAT * outputs * block.first, answers=1),
            result_row=outputs,
            result_step=0,
        )
