"""Training steps without Python: from the sequences of a batch to the parameters after it.

A plan records, for batches of one size, everything that torch, a loss and an optimizer would do:
gather the sequences, read them, answer, compare, go back, clip, and move the parameters, which are
the network's own. Then whole runs of batches are done by one call.

The threads of a plan share each batch: each reads some of its sequences and sums gradients of its
own; then the first adds them up and moves the parameters while the others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.barrier import BARRIER, yielding
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.plans import Data, PlainNetwork
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.reader import BatchReader, Lesson
from sklearn_rnn.kernels.native.recorder import WEIGHTS, LayerRecorder, add
from sklearn_rnn.kernels.native.rules import RATES, Rule, record_rule
from sklearn_rnn.kernels.native.stages import FLOAT, INT, advance
from sklearn_rnn.kernels.native.tape import Tape
from sklearn_rnn.kernels.native.threads import shares

__all__ = ["StepPlan"]

#: So many calls of a barrier let everybody pass.
FOR_EVER = 2**62


class StepPlan:
    """Steps of training for batches of one size.

    Parameters
    ----------
    network : PlainNetwork
        What learns.
    loss : str
        A key of `heads.NATIVE_LOSSES`; its mean over a batch is learned from.
    option : float
        ``delta`` of huber, ``label_smoothing`` of log_loss.
    rule : Rule
        How parameters move.
    data : Data
        What is learned.
    rows : int
        Sequences in a batch.
    threads : int
        That share a batch.
    """

    def __init__(
        self,
        network: PlainNetwork,
        loss: str,
        option: float,
        rule: Rule,
        data: Data,
        rows: int,
        threads: int = 1,
    ) -> None:
        layers, head = network
        self.layers, self.rule, self.rows = layers, rule, rows
        self.recorders = [
            LayerRecorder(
                layer.cell,
                layer.weights[0].shape[1],
                layer.weights[1].shape[1],
                data.steps,
                learns=True,
                keeps_all=True,
            )
            for layer in layers
        ]
        answers = head[0].shape[0] if data.targets.is_floating_point() else 1
        constants = np.array([1 / (rows * answers), option], dtype=np.float32)
        self.lesson = Lesson(data, head, loss, constants)
        divided = shares(rows, threads, processor().lanes)
        self.threads = len(divided)
        self._counter = np.zeros(16, dtype=np.int64)  # a line of the processor's cache
        self._done = np.zeros(1, dtype=np.int64)
        self._turns: list[NDArray[np.int64]] = []
        others = [self._record_other(*share) for share in divided[1:]]
        first_tape = self._record_first(*divided[0], [reader for _, reader in others])
        self._tapes = [first_tape, *(tape for tape, _ in others)]
        self._pool = ThreadPoolExecutor(len(others)) if others else None

    def start(self, order: Tensor, rates: NDArray[np.float32]) -> None:
        """Begin a run of batches.

        Parameters
        ----------
        order : Tensor of shape (batches * rows,), int64
            Which sequences are read.
        rates : ndarray of shape (batches, RATES)
            For each batch; may be written until the batch is run.
        """
        self._held = (order, rates)
        self._losses = np.zeros((self.threads, len(rates)), dtype=np.float32)
        for count in (self._counter, self._done, *self._turns):
            count[:] = 0
        for tape, losses in zip(self._tapes, self._losses, strict=True):
            tape.give(
                order=order.data_ptr(),
                rates=rates.ctypes.data,
                losses=losses.ctypes.data,
                steps=self.lesson.data.steps,
            )

    @property
    def losses(self) -> NDArray[np.float32]:
        """Mean loss of each batch of the run (batches,); zero for those to come."""
        return self._losses.sum(axis=0)

    @property
    def done(self) -> int:
        """How many batches of the run the parameters have moved for."""
        return int(self._done[0])

    def set_steps(self, steps: int) -> None:
        """Say how long the longest sequence of the next batches is."""
        for tape in self._tapes:
            tape.give(steps=steps)

    def run(self, batches: int) -> None:
        """Learn from the next batches."""
        if self._pool is None:
            self._tapes[0].replay(batches)
            return
        others: list[Future] = []
        try:
            for tape in self._tapes[1:]:
                others.append(self._pool.submit(tape.replay, batches))
            self._tapes[0].replay(batches)
        except BaseException:  # Ctrl-C, before the first has begun or after it has finished
            self._counter[0] = FOR_EVER
            raise
        finally:
            wait(others)  # they hold addresses of what may be freed then
        for other in others:
            other.result()

    # -- recording -----------------------------------------------------------------------------

    def _record_first(self, first: int, count: int, others: Sequence[BatchReader]) -> Tape:
        """Record what the first thread does, which alone moves the parameters."""
        tape = Tape()
        for recorder, layer in zip(self.recorders, self.layers, strict=True):
            addresses = [weight.data_ptr() for weight in layer.weights]
            recorder.pack(tape, **dict(zip(WEIGHTS, addresses, strict=True)))
        wait = self._waiting(tape)
        wait()
        reader = BatchReader(tape, self.recorders, self.lesson, first, count)
        wait()
        for other in others:
            add(tape, other.sums, reader.sums)
        gradients = []
        for recorder, layer, sums in zip(
            self.recorders, self.layers, reader.layer_sums, strict=True
        ):
            own = [np.zeros(weight.shape, dtype=np.float32) for weight in layer.weights]
            recorder.unpack(tape, sums, **dict(zip(WEIGHTS, own, strict=True)))
            gradients += own
        parameters = [*(w for layer in self.layers for w in layer.weights), *self.lesson.head]
        ruled = record_rule(tape, self.rule, parameters, [*gradients, *reader.head_sums])
        rates = [(recorded.address("rates"), FLOAT * RATES) for recorded in ruled]
        advance(tape, [*self._moving(reader), *rates, (self._done.ctypes.data, 1)])
        return tape

    def _record_other(self, first: int, count: int) -> tuple[Tape, BatchReader]:
        tape = Tape()
        wait = self._waiting(tape)
        wait()
        reader = BatchReader(tape, self.recorders, self.lesson, first, count)
        wait()
        advance(tape, self._moving(reader))
        return tape, reader

    def _waiting(self, tape: Tape) -> Any:
        """Return what records that all threads wait for one another."""
        turn = np.zeros(1, dtype=np.int64)
        self._turns.append(turn)

        def wait() -> None:
            if self.threads > 1:
                tape.add(
                    step_library(),
                    "barrier",
                    BARRIER,
                    threads=self.threads,
                    turn=turn,
                    counter=self._counter,
                    yielding=yielding(),
                )

        return wait

    def _moving(self, reader: BatchReader) -> list[tuple[int, int]]:
        """Return where a reader's arguments lie that are others for the next batch, and by what."""
        return [
            *((recorded.address("order"), INT * self.rows) for recorded in reader.reading),
            *((recorded.address("total"), FLOAT) for recorded in reader.comparing),
        ]
