"""Whole texts, read by the net of a language model: what follows each token, and the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.training.states import full_batches, join_states, rows_of_state

__all__ = ["END_ID", "ReadsTexts"]

#: The id of the token that ends a text.
END_ID = 0

#: Texts that are read at a time, and steps of each: what native kernels take at once.
READING_ROWS, READING_STEPS = 16, 64

#: Steps of all rows whose answers are computed at a time, for a large vocabulary makes them large.
ANSWERED_STEPS = 16

#: What is told of a window: which texts (R,), the step (R,) at which it begins in each, whether it
#: belongs to a text (R,), and the last layer's states (R, T, H).
Seen = Callable[[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_], Tensor], None]


class ReadsTexts:
    """Mixed into a net whose network is a `LanguageNetwork`.

    A text is ids of tokens without any end. It begins behind the end of another text, of which
    nothing else is known, or in a state that is given. That state is also the one from which the
    first token is told: the last layer's hidden state is all that an answer is made of.
    """

    device: Any
    module_: Any
    _set_training: Callable[[bool], None]

    @torch.no_grad()
    def state_form(self) -> StackState:
        """Return what layers carry for one text that has just begun."""
        self._set_training(False)
        return rows_of_state(self.module_.begin(END_ID, 1), slice(None), "cpu")

    @torch.no_grad()
    def log_probabilities(
        self,
        texts: Sequence[NDArray[np.int64]],
        initial: StackState | None = None,
        ends: bool = True,
    ) -> tuple[list[NDArray[np.float64]], StackState]:
        """Return the log-probability of each token, given those before it, and the states.

        Parameters
        ----------
        texts : sequence of ndarray of shape (T_i,), int64
            Ids; of no token perhaps.
        initial : tuple of tuples of Tensor of shape (N, ...), optional
            The states in which texts begin.
        ends : bool, default=True
            Whether the end of each text is one more token.

        Returns
        -------
        logs : list of ndarray of shape (T_i + 1,) or (T_i,), float64
            Natural logarithms.
        state : tuple of tuples of Tensor of shape (N, ...)
            Behind the last token of each text, which is not its end.
        """
        end = [END_ID] * ends
        targets = [np.concatenate([text, end]).astype(np.int64) for text in texts]
        found = [np.empty(len(following)) for following in targets]

        def note(
            index: NDArray[np.intp], firsts: NDArray[np.intp], reads: NDArray[np.bool_], x: Tensor
        ) -> None:
            for start, part in enumerate(x.split(ANSWERED_STEPS, dim=1)):
                logs = self.module_.answer(part).log_softmax(dim=2).double().cpu().numpy()
                for row in np.flatnonzero(reads):
                    first = firsts[row] + 1 + start * ANSWERED_STEPS  # the token after each step
                    following = targets[index[row]][first : first + part.shape[1]]
                    steps = np.arange(len(following))
                    found[index[row]][first : first + len(steps)] = logs[row, steps, following]

        return found, self.read_on(texts, initial, note)

    @torch.no_grad()
    def next_probabilities(
        self, texts: Sequence[NDArray[np.int64]], initial: StackState | None = None
    ) -> tuple[NDArray[np.float64], StackState]:
        """Return the probabilities (N, V) of the token after each text, and the states there."""
        state = self.read_on(texts, initial)
        last = state[-1][0].to(self.device)
        logits = [
            self.module_.answer(last[index])[:held] for index, held in full_batches(len(texts))
        ]
        return torch.cat(logits).double().softmax(dim=1).cpu().numpy(), state

    @torch.no_grad()
    def read_on(
        self,
        texts: Sequence[NDArray[np.int64]],
        initial: StackState | None = None,
        seen: Seen | None = None,
    ) -> StackState:
        """Read texts in batches; return the state (N, ...) of each layer behind each text.

        What a text is read with does not depend on its batch mates, for torch rounds differently
        by shape: all batches have as many rows, and the windows of a text are as many long ones as
        fit into it, then half as long, and so on, down to a single step. Where a window does not
        belong to a text, its state stays as it is. `seen` is told of each window, and before of the
        states in which texts begin, as one step that lies before the first.
        """
        self._set_training(False)
        lengths = np.array([len(text) for text in texts])
        order = torch.from_numpy(np.argsort(lengths, kind="stable"))
        begun: Any = None if initial else self.module_.begin(END_ID, READING_ROWS)
        ends = []
        for places, held in full_batches(len(texts), READING_ROWS):
            index = order[places].numpy()
            state = rows_of_state(initial, order[places], self.device) if initial else begun
            firsts = np.zeros(READING_ROWS, dtype=np.intp)
            if seen is not None:
                seen(index, firsts - 1, firsts == 0, state[-1][0].unsqueeze(1))
            for size in _sizes_of_windows(int(lengths[index].max())):
                reads = lengths[index] - firsts >= size
                if not reads.any():
                    continue
                window = np.zeros((READING_ROWS, size), dtype=np.int64)
                for row in np.flatnonzero(reads):
                    window[row] = texts[index[row]][firsts[row] : firsts[row] + size]
                vectors, after = self.module_.read(torch.from_numpy(window).to(self.device), state)
                if seen is not None:
                    seen(index, firsts, reads, vectors)
                state = _moved(state, after, reads)
                firsts = firsts + size * reads
            ends.append(rows_of_state(state, slice(held), "cpu"))
        return rows_of_state(join_states(ends), order.argsort(), "cpu")

    # -- before and while texts are written ----------------------------------------------------

    @torch.no_grad()
    def begin(
        self, ids: NDArray[np.int64], n: int, initial: StackState | None = None
    ) -> tuple[Tensor, StackState]:
        """Read how n texts go on; return logits (n, V) of what follows, and their states.

        They go on alike, from the state in which texts begin, or from one or n that are given.
        """
        self._set_training(False)
        if initial is None:
            state = self.module_.begin(END_ID, 1)
        else:
            state = rows_of_state(initial, slice(None), self.device)
        tokens = torch.from_numpy(ids).to(self.device).expand(len(state[0][0]), -1)
        for first in range(0, len(ids), READING_STEPS):
            _, state = self.module_.read(tokens[:, first : first + READING_STEPS], state)
        logits = self.module_.answer(state[-1][0])
        repeated = tuple(
            tuple(part.expand(n, *part.shape[1:]).contiguous() for part in layer) for layer in state
        )
        return logits.expand(n, -1), repeated

    @torch.no_grad()
    def go_on(self, tokens: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """Read one more token of each text (N,); return logits (N, V) and the state."""
        logits, state = self.module_(tokens.unsqueeze(1), state)
        return logits[:, 0], state


def _sizes_of_windows(longest: int) -> list[int]:
    """Return the sizes of windows in which texts of up to `longest` steps are read."""
    whole, size = [READING_STEPS] * (longest // READING_STEPS), READING_STEPS // 2
    while size:
        whole.append(size)
        size //= 2
    return whole


def _moved(before: StackState, after: StackState, reads: NDArray[np.bool_]) -> StackState:
    """Return the states after a window of those rows that it belongs to."""
    if reads.all():
        return after
    return tuple(
        tuple(torch.where(_column(reads, new), new, old) for old, new in zip(*layers, strict=True))
        for layers in zip(before, after, strict=True)
    )


def _column(rows: NDArray[np.bool_], like: Tensor) -> Tensor:
    """Return rows (R,) with the axes of a tensor (R, ...)."""
    return torch.from_numpy(rows).to(like.device).view(-1, *[1] * (like.ndim - 1))
