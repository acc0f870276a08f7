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
from sklearn_rnn.training.reading import ReadsTexts
from sklearn_rnn.training.splits import RandomPart
from sklearn_rnn.training.text_steps import TextSteps

__all__ = ["LanguageNet", "PartOfTexts", "StreamBatches", "TextDataset"]

#: Windows of a pass, at least: a short stream has fewer rows, for each window trains once.
LEAST_WINDOWS = 8

#: By how much rows may be longer, so that they begin where texts do: when their number is chosen,
#: and when the texts come in another order.
LONGER_ROWS, LONGEST_ROWS = 1.125, 1.25


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


class LanguageNet(ReadsTexts, SequenceNet):
    """A skorch net that reads windows of a stream, and carries the state between them."""

    train_batches = StreamBatches
    valid_batches = StreamBatches

    _carried: Any
    _fused: Any

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

    def _fused_steps(self, iterator: Any) -> Any:
        """Return what takes native steps through these windows; None where torch has to."""
        own = {"train_step": SequenceNet, "infer": LanguageNet, "get_loss": LanguageNet}
        if any(getattr(type(self), name) is not getattr(kind, name) for name, kind in own.items()):
            return None  # a class derived from this one trains in a way of its own
        steps = TextSteps.of(self, iterator) if type(iterator) is StreamBatches else None
        if steps is None or self._fused is None or not self._fused.does_as(steps):
            self._fused = steps
        return self._fused

    def _learn_by_fused_steps(
        self, fused: Any, iterator: Any, prefix: str
    ) -> Iterator[tuple[int, float]]:
        """Learn from each window by native steps; yields its tokens and their mean loss."""
        for size, loss in fused.losses(iterator):
            if self.keeps_batches:
                self.history.new_batch()
            self._record_batch(prefix, size, loss)
            yield size, loss
