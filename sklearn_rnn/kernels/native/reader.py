"""What one thread does with its sequences of a batch: read, answer, compare, go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.blocks import Block, aligned, cut, round_up
from sklearn_rnn.kernels.native.heads import LINEAR_BACK, LOSS
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.plans import Data
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.recorder import LayerRecorder, fill
from sklearn_rnn.kernels.native.stages import address_of, gather, last_state, linear, order_of
from sklearn_rnn.kernels.native.tape import Given, Recorded, Tape
from sklearn_rnn.kernels.native.tiling import widths

__all__ = ["BatchReader", "Lesson"]


class Lesson(NamedTuple):
    """What is learned.

    Parameters
    ----------
    data : Data
        What there is to learn from.
    head : tuple of two Tensors
        Weights (O, H) and bias (O,) of the linear map from the last state to the answer.
    loss : str
        A key of `heads.NATIVE_LOSSES`.
    constants : ndarray of float32
        Of the loss.
    """

    data: Data
    head: tuple[Tensor, Tensor]
    loss: str
    constants: NDArray[np.float32]


class BatchReader:
    """Records the reading of some sequences of a batch, and holds the sums of their gradients.

    The tape wants ``order`` and ``losses``, addresses of the batch's first sequence and of its
    loss, and ``steps``.

    Parameters
    ----------
    tape : Tape
        Where it is recorded.
    recorders : sequence of LayerRecorder
        The layers, from the input upwards.
    lesson : Lesson
        What is learned.
    first, count : int
        Which sequences of a batch.
    """

    def __init__(
        self, tape: Tape, recorders: Sequence[LayerRecorder], lesson: Lesson, first: int, count: int
    ) -> None:
        self.tape, self.recorders, self.lesson = tape, recorders, lesson
        self.lanes = processor().lanes
        self.layer_sums = [recorder.sums(tape) for recorder in recorders]
        self.head_sums = [aligned(round_up(part.numel(), self.lanes)) for part in lesson.head]
        for array in self.head_sums:
            fill(tape, array)
        #: Operations that read the order, and those that add to the loss.
        self.reading: list[Recorded] = []
        self.comparing: list[Recorded] = []
        arrays: dict[int, _BlockArrays] = {}
        for block in cut(count, self.lanes, widths(processor().registers)):
            if block.width not in arrays:  # one block is done with before the next begins
                arrays[block.width] = _BlockArrays(recorders, lesson, block.width * self.lanes)
            self._record(block._replace(first=first + block.first), arrays[block.width])

    @property
    def sums(self) -> dict[str, NDArray[np.float32]]:
        """All arrays that hold sums of gradients."""
        layers = {
            f"{name} of layer {number}": array
            for number, sums in enumerate(self.layer_sums)
            for name, array in sums.items()
            if isinstance(array, np.ndarray)
        }
        return {**layers, "weight": self.head_sums[0], "bias": self.head_sums[1]}

    def _record(self, block: Block, arrays: _BlockArrays) -> None:
        tape, data = self.tape, self.lesson.data
        self.reading.append(gather(tape, data, block, arrays.inputs[0], arrays.lengths))
        layers = list(zip(self.recorders, arrays.inputs, arrays.memories, strict=True))
        for recorder, x, memory in layers:
            recorder.forward(tape, block.width, x, memory, fresh=True)
        self._record_head(block, arrays)
        for number in reversed(range(len(layers))):
            recorder, x, memory = layers[number]
            is_top = number + 1 == len(layers)
            has_ends = is_top and data.lengths is not None
            if has_ends or not is_top:  # linear_back writes it elsewhere
                fill(tape, arrays.d_state[number])
            fill(tape, arrays.d_memory[number])
            recorder.backward(
                tape,
                block.width,
                x,
                memory,
                self.layer_sums[number],
                fresh=True,
                d_state=arrays.d_state[number],
                d_memory=arrays.d_memory[number],
                d_states=None if is_top else arrays.d_inputs[number + 1],
                lengths=arrays.lengths if has_ends else None,
                d_last=arrays.d_last if has_ends else None,
                d_x=arrays.d_inputs[number] if number else None,
            )

    def _record_head(self, block: Block, arrays: _BlockArrays) -> None:
        tape, data, n = self.tape, self.lesson.data, block.width * self.lanes
        weight, _ = self.lesson.head
        outputs, hidden = weight.shape
        state = last_state(tape, data, block, arrays.memories[-1]["states"], arrays.lengths)
        linear(tape, self.lesson.head, state, arrays.answers)
        loss = tape.add(
            step_library(),
            self.lesson.loss,
            LOSS,
            rows=block.rows,
            width=n,
            outputs=outputs,
            order=order_of(block),
            targets=data.targets.data_ptr(),
            weights=address_of(data.weights),
            answers=arrays.answers,
            errors=arrays.errors,
            constants=self.lesson.constants,
            total=Given(losses=1),
        )
        self.reading.append(loss)
        self.comparing.append(loss)
        tape.add(
            step_library(),
            "linear_back",
            LINEAR_BACK,
            width=n,
            hidden=hidden,
            outputs=outputs,
            state=state,
            weight=weight.data_ptr(),
            errors=arrays.errors,
            d_state=arrays.d_state[-1] if data.lengths is None else arrays.d_last,
            d_weight=self.head_sums[0],
            d_bias=self.head_sums[1],
        )


class _BlockArrays:
    """The arrays of a block through all layers; see `recurrence`."""

    def __init__(self, recorders: Sequence[LayerRecorder], lesson: Lesson, n: int) -> None:
        steps, width = lesson.data.steps, n // processor().lanes
        outputs, hidden = lesson.head[0].shape
        self.memories = [recorder.memory(width) for recorder in recorders]
        # what a layer reads are the states of the one below, after its first step and on
        first = aligned(steps, recorders[0].features, n)
        self.inputs = [first, *(memory["states"][1:] for memory in self.memories[:-1])]
        self.d_inputs = [aligned(steps * bool(i), r.features, n) for i, r in enumerate(recorders)]
        self.d_state = [aligned(recorder.hidden, n) for recorder in recorders]
        self.d_memory = [aligned(recorder.hidden, n) for recorder in recorders]
        self.lengths = aligned(n)
        self.d_last = aligned(hidden, n)
        self.answers, self.errors = aligned(outputs, n), aligned(outputs, n)
