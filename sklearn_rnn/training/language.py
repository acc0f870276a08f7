"""Training of language models: a stream of tokens in rows, windows of it with a state between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.data import Dataset

from sklearn_rnn.training.memory import keep_freed_memory
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.splits import RandomPart

__all__ = ["LanguageNet", "PartOfTexts", "StreamBatches", "TextDataset"]

#: Texts that are read at a time to be scored, and steps of each: what native kernels take at once.
READING_ROWS, READING_STEPS, LEAST_STEPS = 16, 64, 4

#: Windows of a pass, at least: a short stream has fewer rows, for each window trains once.
LEAST_WINDOWS = 8

#: By how much rows may be longer, so that they begin where texts do: when their number is chosen,
#: and when the texts come in another order.
LONGER_ROWS, LONGEST_ROWS = 1.125, 1.25

#: Steps of all rows whose answers are computed at a time, for a large vocabulary makes them large.
ANSWERED_STEPS = 16

#: Rows that are answered at a time where one answer for each text is asked for.
ANSWERED_ROWS = 64


class TextDataset(Dataset):
    """Texts as ids of tokens, end to end, each with the id of the end behind it.

    Parameters
    ----------
    tokens : Tensor of shape (S,), int64
        All texts.
    lengths : Tensor of shape (N,), int64
        How many tokens each text has, its end included.
    window_length : int
        Steps through which gradients go back, at most.
    """

    def __init__(self, tokens: Tensor, lengths: Tensor, window_length: int) -> None:
        self.tokens = tokens
        self.lengths = lengths
        self.window_length = window_length

    @classmethod
    def from_ids(
        cls, sequences: Sequence[NDArray[np.int64]], end: int, window_length: int
    ) -> TextDataset:
        """Lay texts end to end.

        Parameters
        ----------
        sequences : sequence of ndarray of shape (T_i,), int64
            Ids of each text.
        end : int
            The id that ends a text.
        window_length : int
            Steps of a window.

        Returns
        -------
        TextDataset
            With tensors on the CPU.
        """
        last = np.array([end])
        tokens = np.concatenate([part for ids in sequences for part in (ids, last)])
        lengths = torch.tensor([len(ids) + 1 for ids in sequences])
        return cls(torch.from_numpy(tokens), lengths, window_length)

    def __len__(self) -> int:
        """Return N."""
        return len(self.lengths)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        """Return one text, as what is read and what follows; training reads windows instead."""
        text = self.subset(torch.tensor([i])).tokens
        return text.roll(1), text

    def subset(self, index: Tensor) -> TextDataset:
        """Return the texts at `index`, in that order."""
        lengths = self.lengths[index]
        first = (self.lengths.cumsum(0) - self.lengths)[index]
        shifts = first - (lengths.cumsum(0) - lengths)  # from a place here to one there
        places = torch.arange(int(lengths.sum())) + shifts.repeat_interleave(lengths)
        return TextDataset(self.tokens[places], lengths, self.window_length)


class StreamBatches:
    """Iterate over texts as one circular stream, cut into rows that are read side by side.

    A batch is a window of as many rows as fit into it, and the next batch goes on where it ended,
    so that a state can be carried from one to the next: gradients go back through one window, and
    what was read before is known all the same (Williams and Peng 1990, Mikolov et al. 2010).

    A row begins without a state, as texts do when they are scored or written. So rows begin where
    texts do, and of short texts there are many rows, read in several runs; of a long one there are
    as many as a batch has. Every token is read, and follows another, once in a pass, or twice
    where rows overlap.

    Parameters
    ----------
    dataset : TextDataset
        The texts.
    batch_size : int
        Rows of a batch; fewer if a pass had but few windows then.
    shuffle : bool, default=False
        Whether each pass has the texts in another order.
    generator : Generator, optional
        Source of the order.
    """

    def __init__(
        self,
        dataset: TextDataset,
        batch_size: int,
        shuffle: bool = False,
        generator: Generator | None = None,
        **_: Any,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        n, window = len(dataset.tokens), dataset.window_length
        self.rows = max(1, min(batch_size, n // (window * LEAST_WINDOWS)))
        self.runs = self._runs()
        self.windows = -(-n // (self.runs * self.rows * window))  # of a run

    def _runs(self) -> int:
        """Return in how many runs the rows are read: the most whose rows begin where texts do."""
        n, window = len(self.dataset.tokens), self.dataset.window_length
        size = window * -(-n // (window * len(self.dataset)))  # of a usual text, in whole windows
        while True:
            runs = -(-n // (size * self.rows))
            if runs == 1 or self._begin_with_texts(self.dataset, runs, LONGER_ROWS) is not None:
                return runs
            size *= 2

    def __len__(self) -> int:
        """Return the number of windows."""
        return self.runs * self.windows

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Tensor]]:
        """Yield ``({"x": (R, T), "begins": bool}, next tokens (R * T,))``."""
        texts = self.dataset
        if self.shuffle:
            texts = texts.subset(torch.randperm(len(texts), generator=self.generator))
        stream = texts.tokens
        chosen = self._begin_with_texts(texts, self.runs, LONGEST_ROWS)
        starts, steps = chosen or self._begin_evenly()
        ends = [steps * (i + 1) // self.windows for i in range(self.windows)]
        for run in range(self.runs):
            places = starts[run :: self.runs].unsqueeze(1) + torch.arange(steps)  # (R, steps)
            following, read = stream[places % len(stream)], stream[places % len(stream) - 1]
            for first, end in zip([0, *ends], ends, strict=False):
                window = slice(first, end)  # about equal ones, rather than a short one at the end
                yield {"x": read[:, window], "begins": first == 0}, following[:, window].flatten()

    def _begin_evenly(self) -> tuple[Tensor, int]:
        """Return where each row begins, and how many steps they have."""
        n, rows = len(self.dataset.tokens), self.runs * self.rows
        return torch.arange(rows) * n // rows, -(-n // rows)

    def _begin_with_texts(
        self, texts: TextDataset, runs: int, longest: float
    ) -> tuple[Tensor, int] | None:
        """Return the same for rows that begin where texts do; None if that makes some long."""
        n, rows = len(texts.tokens), runs * self.rows
        even = torch.arange(rows) * n // rows
        begins = texts.lengths.cumsum(0) - texts.lengths
        begins = torch.cat([begins, torch.tensor([n])])  # behind the last text comes the first
        # The next text from an even place on. Which one that is does not depend on how long it is;
        # the nearest one would be a long text more often, for it also claims places inside it.
        starts = begins[torch.searchsorted(begins, even)]
        steps = int(starts.diff(append=starts[:1] + n).max())
        return None if steps > longest * n / rows else (starts, steps)


class PartOfTexts(RandomPart):
    """Validate on texts drawn at random; on the end of the text if there is but one.

    Parameters
    ----------
    fraction : float
        Share of the texts, or of the one text.
    seed : int
        Source of the draw.
    """

    def __call__(
        self, dataset: TextDataset, y: Any = None, **_: object
    ) -> tuple[TextDataset, TextDataset]:
        """Return training and validation part."""
        if len(dataset) > 1:
            train, valid = self._drawn(len(dataset))
            return dataset.subset(train.sort().values), dataset.subset(valid)
        tokens = dataset.tokens
        cut = len(tokens) - self._n_held(len(tokens))
        parts = [torch.cat([tokens[:cut], tokens[-1:]]), tokens[cut:]]
        read, held = (
            TextDataset(part, torch.tensor([len(part)]), dataset.window_length) for part in parts
        )
        return read, held


class LanguageNet(SequenceNet):
    """A skorch net that reads windows of a stream, and carries the state between them."""

    train_batches = StreamBatches
    valid_batches = StreamBatches

    _carried: Any

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Begin without a state, and prepare the memory for windows."""
        super().on_train_begin(net, X=X, y=y, **kwargs)
        self._carried = None
        keep_freed_memory()

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget the state: it is not part of what was learned."""
        super().on_train_end(net, X=X, y=y, **kwargs)
        del self._carried

    def infer(self, x: dict[str, Any], **fit_params: Any) -> Tensor:
        """Return the logits (R * T, V) of a window, from where the last one ended."""
        if "state" not in x:  # an optimizer may ask more than once for the same window
            x["state"] = None if x["begins"] else self._carried
        logits, state = self.module_(x["x"].to(self.device), x["state"])
        self._carried = tuple(tuple(part.detach() for part in layer) for layer in state)
        return logits.flatten(0, 1)

    def get_loss(
        self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the mean loss of a token."""
        return self.criterion_(y_pred, y_true.to(self.device))

    # -- reading whole texts -------------------------------------------------------------------

    @torch.no_grad()
    def log_probabilities(
        self, sequences: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float64]]:
        """Return the log-probability of each token but the first, given those before it.

        Parameters
        ----------
        sequences : sequence of ndarray of shape (T_i,), int64
            Ids, at least two in each.

        Returns
        -------
        list of ndarray of shape (T_i - 1,), float64
            Natural logarithms.
        """
        found = [np.empty(len(ids) - 1) for ids in sequences]
        for texts, first, vectors in self._windows([ids[:-1] for ids in sequences]):
            for part in vectors.split(ANSWERED_STEPS, dim=1):
                logs = self.module_.answer(part).log_softmax(dim=2).double().cpu().numpy()
                for row, text in enumerate(texts):
                    following = sequences[text][first + 1 : first + 1 + part.shape[1]]
                    steps = np.arange(len(following))
                    found[text][first : first + len(steps)] = logs[row, steps, following]
                first += part.shape[1]
        return found

    @torch.no_grad()
    def next_probabilities(self, sequences: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
        """Return the probabilities (N, V) of the token after each sequence."""
        filled = len(sequences) + -len(sequences) % ANSWERED_ROWS
        last: Tensor | None = None
        for texts, first, vectors in self._windows(sequences):
            if last is None:
                last = vectors.new_zeros(filled, vectors.shape[2])
            for row, text in enumerate(texts):
                step = len(sequences[text]) - 1 - first
                if 0 <= step < vectors.shape[1]:
                    last[text] = vectors[row, step]
        parts = [self.module_.answer(part) for part in last.split(ANSWERED_ROWS)]  # type: ignore[union-attr]
        logits = torch.cat(parts)[: len(sequences)].double()
        return logits.softmax(dim=1).cpu().numpy()

    @torch.no_grad()
    def _windows(
        self, sequences: Sequence[NDArray[np.int64]]
    ) -> Iterator[tuple[NDArray[np.intp], int, Tensor]]:
        """Read texts in batches; yields which texts, from which step on, and states (R, T, H).

        What a text is read with does not depend on its batch mates, for torch rounds differently
        by shape: all batches have as many rows, and windows as long as the text itself asks for.
        """
        lengths = np.array([len(ids) for ids in sequences])
        whole = np.clip(lengths, LEAST_STEPS, READING_STEPS)
        sizes = 2 ** np.ceil(np.log2(whole)).astype(int)
        self._set_training(False)
        for size in np.unique(sizes):
            alike = np.flatnonzero(sizes == size)
            alike = alike[np.argsort(lengths[alike], kind="stable")]
            for texts in np.split(alike, range(READING_ROWS, len(alike), READING_ROWS)):
                state = None
                for first in range(0, int(lengths[texts].max()), int(size)):
                    window = np.zeros((READING_ROWS, size), dtype=np.int64)
                    for row, text in zip(window, texts, strict=False):
                        part = sequences[text][first : first + size]
                        row[: len(part)] = part
                    tokens = torch.from_numpy(window).to(self.device)
                    vectors, state = self.module_.read(tokens, state)
                    yield texts, first, vectors

    # -- writing -------------------------------------------------------------------------------

    @torch.no_grad()
    def begin(self, ids: NDArray[np.int64], n: int) -> tuple[Tensor, Any]:
        """Read the beginning of a text; return logits (n, V) of what follows, and the state."""
        self._set_training(False)
        state = None
        for window in torch.from_numpy(ids).to(self.device).split(READING_STEPS):
            vectors, state = self.module_.read(window.unsqueeze(0), state)
        logits = self.module_.answer(vectors[:, -1])
        repeated = tuple(
            tuple(part.expand(n, -1).contiguous() for part in layer) for layer in state or ()
        )
        return logits.expand(n, -1), repeated

    @torch.no_grad()
    def go_on(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one more token of each text (N,); return logits (N, V) and the state."""
        logits, state = self.module_(tokens.unsqueeze(1), state)
        return logits[:, 0], state
