"""One layer over a batch: forwards and backwards for batches of one shape.

A plan holds the memory that a batch needs and the operations, recorded once. Gradients can be
asked for as long as nothing else has been read with the same plan.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sklearn_rnn.exceptions import NativeKernelError
from sklearn_rnn.kernels.native.blocks import Block, aligned, cut
from sklearn_rnn.kernels.native.library import movement_library
from sklearn_rnn.kernels.native.movement import ENDS, TURN
from sklearn_rnn.kernels.native.plans import Task, Wanted
from sklearn_rnn.kernels.native.processors import SWITCH, processor
from sklearn_rnn.kernels.native.recorder import WEIGHTS, LayerRecorder, add, fill
from sklearn_rnn.kernels.native.tape import Given, Tape
from sklearn_rnn.kernels.native.threads import replay_together, shares
from sklearn_rnn.kernels.native.tiling import widths

__all__ = ["LayerPlan"]

FLOAT = 4  # bytes


class LayerPlan:
    """Memory and operations for one task.

    Addresses are given by name when a plan is used: `forward` takes ``x``, the weights under
    torch's names, ``first_state`` and ``first_memory`` (N, H) where a state is given, and where
    to write ``states``, ``last_state`` and ``last_memory``; `backward` takes ``d_states``,
    ``d_last_state``, ``d_last_memory`` and where to write ``d_x``, ``d_first_state``,
    ``d_first_memory`` and the gradients of weights, under torch's names again.

    Parameters
    ----------
    task : Task
        What it is made for.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.target = task, processor()
        keeps_all = task.learns or task.gives_states or task.has_lengths
        self.layer = LayerRecorder(
            task.cell,
            task.features,
            task.hidden,
            task.steps,
            learns=task.learns,
            keeps_all=keeps_all,
        )
        self.cell, self.lanes = self.layer.cell, self.layer.lanes
        self.shares = [
            [block._replace(first=first + block.first) for block in self._cut(count)]
            for first, count in shares(task.rows, task.threads, self.lanes)
        ]
        self.blocks = [block for share in self.shares for block in share]
        self.lengths = [aligned(b.width * self.lanes) for b in self.blocks]
        self.memories = [memory for share in self.shares for memory in self._memories(share)]
        self._forwards = self._record_forward()
        self._backwards: dict[Wanted, _Stages] = {}

    def _cut(self, count: int) -> list[Block]:
        return cut(count, self.lanes, widths(processor().registers))

    def _memories(self, share: list[Block]) -> list[tuple[NDArray, dict[str, NDArray]]]:
        """Return the memory of each block; those that nobody returns to have one together."""
        if self.task.learns:
            return [self._memory(block.width) for block in share]
        shared = {width: self._memory(width) for width in {block.width for block in share}}
        return [shared[block.width] for block in share]

    def _memory(self, width: int) -> tuple[NDArray, dict[str, NDArray]]:
        """Return an array for inputs, and those of the layer."""
        inputs = aligned(self.task.steps, self.task.features, width * self.lanes)
        return inputs, self.layer.memory(width)

    def forward(self, steps: int, lengths: NDArray | None = None, **addresses: int) -> None:
        """Read a batch of so many steps."""
        if lengths is not None:
            if len(lengths) and not 0 <= lengths.min() <= lengths.max() <= steps:
                # kernels would read somewhere else
                raise IndexError(
                    f"Lengths must lie between 0 and the {steps} steps of the batch; got "
                    f"{lengths.min()} to {lengths.max()}."
                )
            for block, kept in zip(self.blocks, self.lengths, strict=True):
                kept[: block.rows] = lengths[block.first : block.first + block.rows]
        last = steps if self.layer.keeps_all else steps % 2
        self._forwards.replay(steps=steps, last=last, **addresses)

    def backward(self, steps: int, wanted: Wanted, **addresses: int) -> None:
        """Write gradients of the batch that was read last."""
        if wanted not in self._backwards:
            self._backwards[wanted] = self._record_backward(wanted)
        self._backwards[wanted].replay(steps=steps, **addresses)

    def _state_names(self) -> list[tuple[str, str]]:
        """Return the name of each array of states, and what a single one is called."""
        return [("states", "state"), ("memory", "memory")][: 1 + self.cell.has_memory]

    # -- forwards ------------------------------------------------------------------------------

    def _record_forward(self) -> _Stages:
        stages = _Stages(len(self.shares))
        self.layer.pack(stages.first, **{name: Given(**{name: 1}) for name in WEIGHTS})
        for tape, share in zip(stages.together, self.shares, strict=True):
            for block in share:
                number = self.blocks.index(block)
                self._record_forward_of(tape, block, *self.memories[number], self.lengths[number])
        return stages

    def _record_forward_of(
        self, tape: Tape, block: Block, x: NDArray, memory: dict[str, NDArray], lengths: NDArray
    ) -> None:
        task, hidden, n = self.task, self.task.hidden, block.width * self.lanes
        turn = Turning(tape, block, n)
        turn.in_(x, "x", task.features)
        for array, single in self._state_names():
            if task.has_state:
                turn.in_(memory[array], f"first_{single}", hidden, has_steps=False)
            else:
                fill(tape, memory[array][0])
        self.layer.forward(tape, block.width, x, memory, fresh=not task.has_state)
        if task.gives_states:
            after_first = memory["states"].ctypes.data + FLOAT * hidden * n
            turn.out(after_first, "states", hidden)
        if task.has_lengths:
            tape.add(
                movement_library(),
                "ends",
                ENDS,
                rows=block.rows,
                hidden=hidden,
                width=n,
                states=memory["states"],
                lengths=lengths,
                result=Given(FLOAT * block.first * hidden, last_state=1),
            )
            return
        for array, single in self._state_names():
            last = Given(memory[array], last=FLOAT * hidden * n)
            turn.out(last, f"last_{single}", hidden, has_steps=False)

    # -- backwards -----------------------------------------------------------------------------

    def _record_backward(self, wanted: Wanted) -> _Stages:
        if processor() != self.target:  # its blocks have other widths
            raise NativeKernelError(
                f"The way back needs the instructions of the way forwards; {SWITCH} was changed "
                f"between them. Set it before a network is used."
            )
        stages, found = _Stages(len(self.shares)), []
        for tape, share in zip(stages.together, self.shares, strict=True):
            sums = self.layer.sums(tape)
            for block in share:
                number = self.blocks.index(block)
                memory, lengths = self.memories[number], self.lengths[number]
                self._record_backward_of(tape, wanted, block, *memory, lengths, sums)
            found.append(sums)
        for other in found[1:]:
            add(stages.last, other, found[0])
        gradients = {name: Given(**{f"d_{name}": 1}) for name in WEIGHTS}
        self.layer.unpack(stages.last, found[0], **gradients)
        return stages

    def _record_backward_of(
        self,
        tape: Tape,
        wanted: Wanted,
        block: Block,
        x: NDArray,
        memory: dict[str, NDArray],
        lengths: NDArray,
        sums: dict[str, Any],
    ) -> None:
        task, hidden, n = self.task, self.task.hidden, block.width * self.lanes
        turn = Turning(tape, block, n)
        # lanes without a sequence stay zero: nothing is ever written there
        d_state, d_memory, d_last = (aligned(hidden, n) for _ in range(3))
        d_states = aligned(task.steps * wanted.of_states, hidden, n)
        d_x = aligned(task.steps * wanted.for_x, task.features, n)
        for array, name, is_known in (
            (d_last if task.has_lengths else d_state, "d_last_state", wanted.of_last),
            (d_memory, "d_last_memory", wanted.of_memory),
        ):
            if is_known:
                turn.in_(array, name, hidden, has_steps=False)
        if wanted.of_states:
            turn.in_(d_states, "d_states", hidden)
        self.layer.backward(
            tape,
            block.width,
            x,
            memory,
            sums,
            fresh=not task.has_state,
            d_state=d_state,
            d_memory=d_memory,
            d_states=d_states if wanted.of_states else None,
            lengths=lengths if task.has_lengths and wanted.of_last else None,
            d_last=d_last,
            d_x=d_x if wanted.for_x else None,
        )
        if wanted.for_x:
            turn.out(d_x, "d_x", task.features)
        if wanted.for_state:
            for array, single in ((d_state, "state"), (d_memory, "memory")):
                if single == "state" or self.cell.has_memory:
                    turn.out(array, f"d_first_{single}", hidden, has_steps=False)
        for array in (d_state, d_memory):  # for the next batch
            fill(tape, array)


class _Stages:
    """Tapes of all threads, and before and after them what one does alone.

    A single thread has but one tape.
    """

    def __init__(self, threads: int) -> None:
        self.first = Tape()
        alone = threads == 1
        self.together = [self.first] if alone else [Tape() for _ in range(threads)]
        self.last = self.first if alone else Tape()
        self._all = [self.first] if alone else [self.first, *self.together, self.last]
        self._known: dict[str, int] = {}

    def replay(self, **given: int) -> None:
        """Replay all with what is given, of which often little is new."""
        new = {name: value for name, value in given.items() if self._known.get(name) != value}
        self._known.update(new)
        for tape in self._all:
            tape.give(**new)
        if len(self._all) == 1:
            self.first.replay()
            return
        self.first.replay()
        replay_together(self.together)
        self.last.replay()


class Turning:
    """Records moves between tensors (N, T, F), or (N, F), and arrays of a block (T, F, n)."""

    def __init__(self, tape: Tape, block: Block, n: int) -> None:
        self.tape, self.block, self.n = tape, block, n

    def in_(self, array: NDArray, name: str, features: int, has_steps: bool = True) -> None:
        """Record a move from the tensor given as `name`."""
        tensor, row, steps = self._tensor(name, features, has_steps)
        self._add(
            steps,
            rows=self.block.rows,
            columns=features,
            source=tensor,
            source_row=row,
            source_step=features,
            result=array,
            result_row=self.n,
            result_step=features * self.n,
        )

    def out(self, array: Any, name: str, features: int, has_steps: bool = True) -> None:
        """Record a move to the tensor given as `name`."""
        tensor, row, steps = self._tensor(name, features, has_steps)
        self._add(
            steps,
            rows=features,
            columns=self.block.rows,
            source=array,
            source_row=self.n,
            source_step=features * self.n,
            result=tensor,
            result_row=row,
            result_step=features,
        )

    def _tensor(self, name: str, features: int, has_steps: bool) -> tuple[Given, Any, Any]:
        """Return where the block begins in a tensor, how far apart rows lie, and the steps."""
        size = FLOAT * self.block.first * features
        if not has_steps:
            return Given(size, **{name: 1}), features, 1
        return Given(**{name: 1, "steps": size}), Given(steps=features), Given(steps=1)

    def _add(self, steps: Any, **arguments: Any) -> None:
        self.tape.add(movement_library(), "turn", TURN, steps=steps, **arguments)
