"""Whole texts, read by the net of a language model: what follows each token, and the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.training.states import join_states, rows_of_state

__all__ = ["END_ID", "ReadsTexts"]

#: The id of the token that ends a text.
END_ID = 0

#: Texts that are read at a time, and steps of each: what native kernels take at once.
READING_ROWS, READING_STEPS = 16, 64

#: Sizes of windows that may be padded: a text takes the least into which it fits.
PADDED_WINDOWS = [4, 8, 16, 32, READING_STEPS]

#: Sizes of windows for what is left of a text where none is padded.
SHORTER_WINDOWS = [32, 16, 8, 4, 2, 1]

#: Steps of all rows whose answers are computed at a time, for a large vocabulary makes them large.
ANSWERED_STEPS = 16

#: Rows that are answered at a time where one answer for each text is asked for: always as many,
#: for torch rounds differently by their number.
ANSWERED_ROWS = 64

#: What is told of a window: which texts (R,), the step (R,) at which it begins in each, whether it
#: belongs to a text (R,), and the last layer's states (READING_ROWS, T, H).
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
    def carried(self, n: int) -> tuple[Any, ...]:
        """Return what layers carry for n texts that have just begun, even if that is no state."""
        self._set_training(False)
        return self.module_.begin(END_ID, n)

    @torch.no_grad()
    def log_probabilities(
        self,
        texts: Sequence[NDArray[np.int64]],
        initial: StackState | None = None,
        ends: bool = True,
        gives_state: bool = True,
    ) -> tuple[list[NDArray[np.float64]], StackState | None]:
        """Return the log-probability of each token, given those before it, and the states.

        Parameters
        ----------
        texts : sequence of ndarray of shape (T_i,), int64
            Ids; of no token perhaps.
        initial : tuple of tuples of Tensor of shape (N, ...), optional
            The states in which texts begin.
        ends : bool, default=True
            Whether the end of each text is one more token.
        gives_state : bool, default=True
            Whether states are wanted, see `read_on`.

        Returns
        -------
        logs : list of ndarray of shape (T_i + 1,) or (T_i,), float64
            Natural logarithms.
        state : tuple of tuples of Tensor of shape (N, ...) or None
            Behind the last token of each text, which is not its end.
        """
        end = [END_ID] if ends else []
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

        return found, self.read_on(texts, initial, note, gives_state)

    @torch.no_grad()
    def next_probabilities(
        self,
        texts: Sequence[NDArray[np.int64]],
        initial: StackState | None = None,
        gives_state: bool = True,
    ) -> tuple[NDArray[np.float64], StackState | None]:
        """Return the probabilities (N, V) of the token after each text, and the states there."""
        last_steps = np.array([len(text) for text in texts]) - 1
        places: list[NDArray[np.intp]] = []
        vectors: list[Tensor] = []

        def note(
            index: NDArray[np.intp], firsts: NDArray[np.intp], reads: NDArray[np.bool_], x: Tensor
        ) -> None:
            steps = last_steps[index] - firsts
            rows = np.flatnonzero(reads & (steps < x.shape[1]))
            places.append(index[rows])
            vectors.append(x[torch.from_numpy(rows), torch.from_numpy(steps[rows])])

        state = self.read_on(texts, initial, note, gives_state)
        last = torch.cat(vectors)[torch.from_numpy(np.concatenate(places).argsort())]
        filled = pad(last, (0, 0, 0, -len(last) % ANSWERED_ROWS))
        logits = torch.cat([self.module_.answer(part) for part in filled.split(ANSWERED_ROWS)])
        return logits[: len(last)].double().softmax(dim=1).cpu().numpy(), state

    @torch.no_grad()
    def read_on(
        self,
        texts: Sequence[NDArray[np.int64]],
        initial: StackState | None = None,
        seen: Seen | None = None,
        gives_state: bool = True,
    ) -> StackState | None:
        """Read texts in batches; return the state (N, ...) of each layer behind each text.

        What a text is read with does not depend on its batch mates, for torch rounds differently
        by shape: all batches have as many rows, and the windows of a text are as long as the text
        itself asks for. If a state is wanted, they hold nothing but the text; if not, the last one
        is padded, which is faster.

        `seen` is told of each window. The state in which a text begins counts as a step before its
        first.
        """
        self._set_training(False)
        begun, end_steps = None, 0
        if initial is None and gives_state:
            begun = self.module_.begin(END_ID, READING_ROWS)
        elif initial is None:
            texts, end_steps = [np.concatenate([[END_ID], text]) for text in texts], 1
        lengths = np.array([len(text) for text in texts])
        order, ends = [], []
        for index, held, sizes in _batches(lengths, gives_state):
            rows = torch.from_numpy(index)
            state: Any = rows_of_state(initial, rows, self.device) if initial else begun
            firsts = np.zeros(READING_ROWS, dtype=np.intp)
            if seen is not None and state is not None:
                seen(index[:held], firsts[:held] - 1, firsts[:held] == 0, state[-1][0].unsqueeze(1))
            for size in sizes:
                reads = lengths[index] - firsts >= (size if gives_state else 1)
                if not reads.any():
                    continue
                window = _window(texts, index[:held], firsts, size).to(self.device)
                vectors, after = self.module_.read(window, state)
                if seen is not None:
                    seen(index[:held], firsts[:held] - end_steps, reads[:held], vectors)
                state = _moved(state, after, reads) if gives_state else after
                firsts = firsts + size * reads
            if gives_state:
                order.append(rows[:held])
                ends.append(rows_of_state(state, slice(held), "cpu"))
        if not gives_state:
            return None
        return rows_of_state(join_states(ends), torch.cat(order).argsort(), "cpu")

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


def _batches(
    lengths: NDArray[np.intp], exact: bool
) -> Iterator[tuple[NDArray[np.intp], int, list[int]]]:
    """Yield READING_ROWS texts, how many of them are asked for, and the sizes of their windows.

    Exact windows are as many long ones as fit, then one half as long, and so on, down to a single
    step, of which a text takes those that it fills. Else all windows of a batch have one size.
    """
    order = np.argsort(lengths, kind="stable")
    classes = [READING_STEPS] if exact else PADDED_WINDOWS
    ends = np.searchsorted(lengths[order], classes, side="right").tolist()
    ends[-1] = len(order)  # longer ones are read in several windows
    start = 0
    for size, end in zip(classes, ends, strict=True):
        for first in range(start, end, READING_ROWS):
            held = min(READING_ROWS, end - first)
            index = order.take(first + np.arange(READING_ROWS).clip(max=held - 1))
            longest = int(lengths[index[-1]])
            if exact:
                yield index, held, [size] * (longest // size) + SHORTER_WINDOWS
            else:
                yield index, held, [size] * -(-longest // size)
        start = end


def _window(
    texts: Sequence[NDArray[np.int64]],
    index: NDArray[np.intp],
    firsts: NDArray[np.intp],
    size: int,
) -> Tensor:
    """Return the ids (READING_ROWS, size) of texts from their steps `firsts` on, padded."""
    window = np.zeros((READING_ROWS, size), dtype=np.int64)
    for row, text in enumerate(index):
        part = texts[text][firsts[row] : firsts[row] + size]
        window[row, : len(part)] = part
    return torch.from_numpy(window)


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
