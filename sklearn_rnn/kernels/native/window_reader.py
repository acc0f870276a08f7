"""A window of a stream of tokens: look up, read, drop, answer at every step, go back.

Unlike a batch of `reader`, a window begins in the state in which another ended, and every step is
answered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.kernels.native.blocks import Block, aligned, cut, round_up
from sklearn_rnn.kernels.native.dropout import DROP
from sklearn_rnn.kernels.native.layer import Turning
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.recorder import WEIGHTS, LayerRecorder, fill
from sklearn_rnn.kernels.native.stages import INT
from sklearn_rnn.kernels.native.step_heads import COLLECT_HEAD, LEARN_STEPS
from sklearn_rnn.kernels.native.tape import Given, Tape
from sklearn_rnn.kernels.native.tiling import widths
from sklearn_rnn.kernels.native.token_network import TokenNetwork
from sklearn_rnn.kernels.native.tokens import LOOK_UP, SCATTER

__all__ = ["WindowReader"]

#: Registers of sequences over which gradients of the answer's weights are summed at a time.
TOGETHER = 4


class WindowReader:
    """Records the reading of windows, and the gradients of their mean loss.

    The tape wants ``steps``; ``tokens`` and ``following``, addresses of (T, R) int64, what is read
    and what comes next; and ``factors_0``, ... for each layer that drops, addresses of (R, H).

    Parameters
    ----------
    tape : Tape
        Where it is recorded.
    network : TokenNetwork
        What reads.
    rows, steps : int
        R and the largest T.
    constants : ndarray of float32
        Of the loss; see `heads.write_losses`.
    total : ndarray of float32
        The loss is added to it.
    """

    def __init__(
        self,
        tape: Tape,
        network: TokenNetwork,
        rows: int,
        steps: int,
        constants: NDArray[np.float32],
        total: NDArray[np.float32],
    ) -> None:
        self.tape, self.network, self.rows, self.steps = tape, network, rows, steps
        self.constants, self.total = constants, total
        self.lanes = processor().lanes
        self.recorders = [
            LayerRecorder(
                layer.cell,
                layer.weights[0].shape[1],
                layer.weights[1].shape[1],
                steps,
                learns=True,
                keeps_all=True,
            )
            for layer in network.layers
        ]
        #: Gradients in torch's layout, in the order of the network's parameters.
        self.gradients = [np.zeros(p.shape, dtype=np.float32) for p in network.parameters]
        #: Of each block and layer, what is carried: states, and memory of a cell that has one.
        self.carried: list[NDArray[np.float32]] = []
        for recorder, layer in zip(self.recorders, network.layers, strict=True):
            addresses = [weight.data_ptr() for weight in layer.weights]
            recorder.pack(tape, **dict(zip(WEIGHTS, addresses, strict=True)))
        self._begin_sums()
        for block in cut(rows, self.lanes, widths(processor().registers)):
            self._record(block)
        self._collect()

    def _begin_sums(self) -> None:
        """Record that all sums of gradients begin with zeros."""
        outputs, hidden = self.network.head[0].shape
        self.layer_sums = [recorder.sums(self.tape) for recorder in self.recorders]
        self.head_sums = [
            aligned(outputs, round_up(hidden, self.lanes)),
            aligned(outputs, self.lanes),
        ]
        self.vector_sums = aligned(round_up(self.network.vectors.numel(), self.lanes))
        for array in (*self.head_sums, self.vector_sums):
            fill(self.tape, array)
        self.gradients[0] = self.vector_sums  # laid out as torch has them

    def _collect(self) -> None:
        """Record that sums of gradients become gradients."""
        outputs, hidden = self.network.head[0].shape
        for number, (recorder, sums) in enumerate(
            zip(self.recorders, self.layer_sums, strict=True)
        ):
            own = self.gradients[1 + number * len(WEIGHTS) :][: len(WEIGHTS)]
            recorder.unpack(self.tape, sums, **dict(zip(WEIGHTS, own, strict=True)))
        self.tape.add(
            step_library(),
            "collect_head",
            COLLECT_HEAD,
            hidden=hidden,
            outputs=outputs,
            d_weight=self.head_sums[0],
            d_weight_row=self.head_sums[0].shape[1],
            d_bias=self.head_sums[1],
            weight=self.gradients[-2],
            bias=self.gradients[-1],
        )

    def _record(self, block: Block) -> None:
        """Record all that is done with a block."""
        n, tape = block.width * self.lanes, self.tape
        memories = [recorder.memory(block.width) for recorder in self.recorders]
        for memory in memories:
            self.carried += [memory[name] for name in ("states", "memory") if memory[name].size]
        factors = [self._factors(block, number) for number in range(len(self.recorders))]
        inputs = [aligned(self.steps, self.recorders[0].features, n)]
        d_inputs = [aligned(*inputs[0].shape)]
        self._look_up(block, inputs[0])
        for number, recorder in enumerate(self.recorders):
            memory = memories[number]
            recorder.forward(tape, block.width, inputs[number], memory, fresh=False)
            said = memory["states"][1:]
            heard = said if factors[number] is None else aligned(*said.shape)
            self._drop(factors[number], said, heard)
            inputs.append(heard)
            d_inputs.append(aligned(*said.shape))
        self._learn_steps(block, inputs[-1], d_inputs[-1])
        for number in reversed(range(len(self.recorders))):
            recorder, d_states = self.recorders[number], d_inputs[number + 1]
            d_state, d_memory = aligned(recorder.hidden, n), aligned(recorder.hidden, n)
            fill(tape, d_state)
            fill(tape, d_memory)
            self._drop(factors[number], d_states, d_states)
            recorder.backward(
                tape,
                block.width,
                inputs[number],
                memories[number],
                self.layer_sums[number],
                fresh=False,
                d_state=d_state,
                d_memory=d_memory,
                d_states=d_states,
                d_x=d_inputs[number],
            )
        self._scatter(block, d_inputs[0])

    def _look_up(self, block: Block, x: NDArray) -> None:
        arrays = {"table": self.network.vectors.data_ptr(), "x": x}
        self._add_with_tokens(block, "look_up", LOOK_UP, "tokens", size=x.shape[1], **arrays)

    def _scatter(self, block: Block, d_x: NDArray) -> None:
        arrays = {"d_table": self.vector_sums, "d_x": d_x}
        self._add_with_tokens(block, "scatter", SCATTER, "tokens", size=d_x.shape[1], **arrays)

    def _learn_steps(self, block: Block, states: NDArray, d_states: NDArray) -> None:
        """Record answers, their loss and its gradients."""
        weight, bias = self.network.head
        (outputs, hidden), n = weight.shape, block.width * self.lanes
        together, row = max(1, TOGETHER // block.width), self.head_sums[0].shape[1]
        self._add_with_tokens(
            block,
            "learn_steps",
            LEARN_STEPS,
            "following",
            together=together,
            hidden=hidden,
            outputs=outputs,
            states=states,
            weight=weight.data_ptr(),
            bias=bias.data_ptr(),
            errors=aligned(outputs, together * n),
            turned=aligned(together * n, row),
            turned_row=row,
            d_states=d_states,
            d_weight=self.head_sums[0],
            d_bias=self.head_sums[1],
            constants=self.constants,
            total=self.total,
        )

    def _add_with_tokens(
        self, block: Block, name: str, signature: str, given: str, **arguments: Any
    ) -> None:
        """Record an operation on the block's tokens, or on those that follow."""
        self.tape.add(
            step_library(),
            name,
            signature,
            rows=block.rows,
            width=block.width * self.lanes,
            steps=Given(steps=1),
            tokens=Given(INT * block.first, **{given: 1}),
            tokens_row=self.rows,
            **arguments,
        )

    def _factors(self, block: Block, number: int) -> NDArray | None:
        """Return what is left of a layer's units, (H, n), zero in lanes without a sequence."""
        if not self.network.drops[number]:
            return None
        hidden, n = self.recorders[number].hidden, block.width * self.lanes
        factors = aligned(hidden, n)
        turn = Turning(self.tape, block, n)
        turn.in_(factors, f"factors_{number}", hidden, has_steps=False)
        return factors

    def _drop(self, factors: NDArray | None, source: NDArray, result: NDArray) -> None:
        """Record that units are multiplied by what is left of them."""
        if factors is not None:
            arguments = {"count": factors.size, "source": source, "result": result}
            steps = Given(steps=1)
            self.tape.add(step_library(), "drop", DROP, steps=steps, factors=factors, **arguments)
