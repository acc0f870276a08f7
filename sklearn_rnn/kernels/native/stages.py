"""What a network does with a block beside its layers: gather sequences, answer from the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.blocks import Block, aligned
from sklearn_rnn.kernels.native.gathering import ADVANCE, GATHER, LAST_STATES
from sklearn_rnn.kernels.native.heads import LINEAR
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.plans import Data
from sklearn_rnn.kernels.native.tape import Given, Recorded, Tape

__all__ = ["FLOAT", "INT", "address_of", "advance", "gather", "last_state", "linear", "order_of"]

FLOAT, INT = 4, 8  # bytes


def order_of(block: Block) -> Given:
    """Return where the numbers of a block's sequences are; the tape wants ``order``."""
    return Given(INT * block.first, order=1)


def gather(tape: Tape, data: Data, block: Block, x: NDArray, lengths: NDArray) -> Recorded:
    """Record that a block's sequences are gathered in x (T, F, n), and their lengths (n,)."""
    _, features, n = x.shape
    return tape.add(
        step_library(),
        "gather",
        GATHER,
        rows=block.rows,
        width=n,
        steps=Given(steps=1),
        features=features,
        order=order_of(block),
        starts=data.starts.data_ptr(),
        lengths=address_of(data.lengths),
        table=data.table.data_ptr(),
        x=x,
        block_lengths=lengths,
    )


def last_state(
    tape: Tape, data: Data, block: Block, states: NDArray, lengths: NDArray, last: str = "steps"
) -> Any:
    """Return where the state at the end of each sequence is, (H, n), recorded if need be.

    `last` is what the tape calls the place of the last state among ``states``.
    """
    hidden, n = states.shape[1:]
    if data.lengths is None:
        return Given(states, **{last: FLOAT * hidden * n})
    result = aligned(hidden, n)
    tape.add(
        step_library(),
        "last_states",
        LAST_STATES,
        rows=block.rows,
        hidden=hidden,
        width=n,
        states=states,
        lengths=lengths,
        result=result,
    )
    return result


def linear(tape: Tape, head: tuple[Tensor, Tensor], state: Any, answers: NDArray) -> None:
    """Record answers (O, n) from a state (H, n)."""
    weight, bias = head
    tape.add(
        step_library(),
        "linear",
        LINEAR,
        width=answers.shape[1],
        hidden=weight.shape[1],
        outputs=len(bias),
        state=state,
        weight=weight.data_ptr(),
        bias=bias.data_ptr(),
        answers=answers,
    )


def address_of(tensor: Tensor | None) -> int:
    """Return where a tensor lies; 0 if there is none."""
    return 0 if tensor is None else tensor.data_ptr()


def advance(tape: Tape, moving: Sequence[tuple[int, int]]) -> None:
    """Record that arguments move on to the next batch."""
    places, steps = (np.array(column, dtype=np.int64) for column in zip(*moving, strict=True))
    tape.add(step_library(), "advance", ADVANCE, count=len(moving), places=places, steps=steps)
