"""A training step on a window of tokens without Python: from tokens to the parameters after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.native.rules import RATES, Rule, record_rule
from sklearn_rnn.kernels.native.stages import advance
from sklearn_rnn.kernels.native.tape import Tape
from sklearn_rnn.kernels.native.token_network import TokenNetwork
from sklearn_rnn.kernels.native.window_reader import WindowReader

__all__ = ["WindowPlan"]


class WindowPlan:
    """Steps of training for windows of as many rows.

    Parameters
    ----------
    network : TokenNetwork
        What learns; its parameters are changed as they are.
    rule : Rule
        How parameters move.
    rows : int
        R.
    steps : int
        The largest T.
    """

    def __init__(self, network: TokenNetwork, rule: Rule, rows: int, steps: int) -> None:
        self.network, self.rule = network, rule  # the tape has addresses of their tensors
        self.rows, self.steps = rows, steps
        self._tape = Tape()
        self._constants, self._total = (np.zeros(size, dtype=np.float32) for size in (2, 1))
        self._rates = np.zeros(RATES, dtype=np.float32)
        self._done = np.zeros(1, dtype=np.int64)
        reader = WindowReader(self._tape, network, rows, steps, self._constants, self._total)
        record_rule(self._tape, rule, network.parameters, reader.gradients)
        advance(self._tape, [(self._done.ctypes.data, 1)])
        self._tape.give(rates=self._rates.ctypes.data)
        self._carried, self._last = reader.carried, 0

    @property
    def done(self) -> int:
        """For how many windows the parameters have moved."""
        return int(self._done[0])

    def states(self) -> list[NDArray[np.float32]]:
        """Return the states behind the last window, as a plan for as many rows takes them."""
        return [array[self._last] for array in self._carried]

    def learn(
        self,
        tokens: Tensor,
        following: Tensor,
        factors: Sequence[Tensor | None],
        rates: NDArray[np.float32],
        states: Sequence[NDArray[np.float32]] | None = None,
    ) -> float:
        """Learn from a window; return its mean loss before.

        Parameters
        ----------
        tokens, following : Tensor of shape (T, R), int64
            What is read, and what comes next: numbers below V, which are not looked at.
        factors : sequence of Tensor of shape (R, H), or None
            For each layer, what its states are multiplied by; None for those that drop nothing.
        rates : ndarray of shape (RATES,), float32
            See `optimizers`.
        states : sequence of ndarray, optional
            Those behind the window before; without them rows begin anew.
        """
        steps = len(tokens)
        if not 0 < steps <= self.steps or {tokens.shape, following.shape} != {(steps, self.rows)}:
            raise IndexError(  # kernels would read and write somewhere else
                f"A window must have up to {self.steps} steps of {self.rows} rows; got "
                f"{tuple(tokens.shape)} and {tuple(following.shape)}."
            )
        for number, array in enumerate(self._carried):
            array[0] = 0.0 if states is None else states[number]
        held = [tokens.contiguous(), following.contiguous()]  # alive until all is done
        given = {"tokens": held[0].data_ptr(), "following": held[1].data_ptr()}
        for number, part in enumerate(factors):
            if part is not None:
                held.append(part.contiguous())
                given[f"factors_{number}"] = held[-1].data_ptr()
        self._constants[0], self._total[0] = 1 / tokens.numel(), 0.0
        self._rates[:] = rates
        self._tape.give(steps=steps, **given)
        self._last = steps
        self._tape.replay()
        return float(self._total[0])
