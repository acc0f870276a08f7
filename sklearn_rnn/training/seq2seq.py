"""Training of an encoder and a decoder: pairs of sequences, their loss, and the net over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.losses import Loss
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.net import PREDICTION_BATCH, SequenceNet
from sklearn_rnn.training.states import rows_of_state

__all__ = ["PairDataset", "PairLoss", "PairNet", "TeacherForcing", "Written"]


class PairDataset(Dataset):
    """Sources, and what is to be written for each.

    Parameters
    ----------
    sources : SequenceDataset
        What is read; its targets are not used.
    table : Tensor of shape (S,), int64, or (S, O)
        The targets one after the other, before each a row for what stands before its first step.
    starts : Tensor of shape (N,), int64
        That row of each target.
    lengths : Tensor of shape (N,), int64
        Steps that are answered for each target.
    """

    def __init__(
        self, sources: SequenceDataset, table: Tensor, starts: Tensor, lengths: Tensor
    ) -> None:
        self.sources = sources
        self.table = table
        self.starts = starts
        self.lengths = lengths
        self.longest = int(lengths.max())
        self.has_equal_lengths = int(lengths.min()) == self.longest

    @classmethod
    def from_rows(
        cls,
        sources: SequenceDataset,
        rows: Sequence[NDArray],
        before: NDArray,
        after: NDArray | None = None,
        *,
        dtype: str,
    ) -> PairDataset:
        """Put the targets into one table.

        Parameters
        ----------
        sources : SequenceDataset
            What is read.
        rows : sequence of ndarray of shape (T_i,), int64, or (T_i, O)
            What is to be written.
        before, after : ndarray of shape (1,) or (1, O)
            What stands before each target, and what is to be written behind it, if anything.
        dtype : {"float32", "float64"}
            Of numbers that are written; the sources may be ids of tokens.

        Returns
        -------
        PairDataset
            Tensors on the CPU.
        """
        ends = [] if after is None else [after]
        parts = [part for row in rows for part in (before, row, *ends)]
        table = torch.from_numpy(np.concatenate(parts))
        if table.is_floating_point():
            table = table.to(getattr(torch, dtype))
        lengths = np.array([len(row) + len(ends) for row in rows])
        starts = np.cumsum(lengths + 1) - lengths - 1
        return cls(sources, table, torch.from_numpy(starts), torch.from_numpy(lengths))

    def __len__(self) -> int:
        """Return N."""
        return len(self.starts)

    def __getitem__(self, i: int) -> tuple[dict[str, Tensor], Tensor]:
        """Return a batch of one; skorch asks for it, training does not."""
        return self.batch(torch.tensor([i]))

    def subset(self, index: Tensor) -> PairDataset:
        """Return the pairs at `index` over the same tables."""
        return PairDataset(
            self.sources.subset(index), self.table, self.starts[index], self.lengths[index]
        )

    def batch(self, index: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Gather the pairs at `index`, padded to the longest of them.

        Beside what `SequenceDataset` gives there is what stands ``before`` each step, (N, T) or
        (N, T, O), and ``target_lengths`` (N,) where they differ. The padding of a target holds
        whatever comes next in the table.
        """
        inputs, _ = self.sources.batch(index)
        longest = self.longest
        if not self.has_equal_lengths:
            inputs["target_lengths"] = self.lengths.index_select(0, index)
            longest = int(inputs["target_lengths"].max())
        rows = self.starts.index_select(0, index).unsqueeze(1) + torch.arange(longest + 1)
        run = self.table[rows.clamp_(max=len(self.table) - 1)]
        inputs["before"] = run[:, :-1]
        return inputs, run[:, 1:]


class PairLoss(nn.Module):
    """The mean loss of the steps of a batch; padding is none of them.

    Parameters
    ----------
    loss : str or callable
        See `sklearn_rnn.losses.Loss`; its rows are steps.
    learns_end : bool
        Whether the last answer to a step of numbers is the logit of "this is the last step", whose
        cross-entropy is added. For tokens, the end is one of them.
    **options
        Passed on to the loss.
    """

    def __init__(
        self, loss: str | Callable[..., Any], learns_end: bool = False, **options: Any
    ) -> None:
        super().__init__()
        self.mean = Loss(loss, **options)
        self.learns_end = learns_end

    def forward(
        self,
        answers: Tensor,
        target: Tensor,
        lengths: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss.

        Parameters
        ----------
        answers : Tensor of shape (N, T, O)
            Of the network.
        target : Tensor of shape (N, T), int64, or (N, T, O)
            What was to be answered.
        lengths : Tensor of shape (N,) or None
            Steps of each target; None if all have T.
        weight : Tensor of shape (N,) or None
            How much each pair counts.

        Returns
        -------
        Tensor
            A scalar.
        """
        n, longest = target.shape[:2]
        steps = torch.arange(longest, device=target.device)
        if lengths is None:
            lengths = torch.full((n,), longest, device=target.device)
            rows: Any = slice(None)
        else:
            rows = (steps < lengths.unsqueeze(1)).flatten().nonzero().squeeze(1)
        answers, target = answers.flatten(0, 1)[rows], target.flatten(0, 1)[rows]
        if weight is not None:
            weight = weight.repeat_interleave(longest)[rows]
        if target.is_floating_point() and self.learns_end:
            is_last = (steps == lengths.unsqueeze(1) - 1).flatten()[rows]
            of_end = binary_cross_entropy_with_logits(
                answers[:, -1], is_last.to(answers.dtype), weight
            )
            return self.mean(answers[:, :-1], target, weight) + of_end
        return self.mean(answers, target, weight)


class TeacherForcing(Callback):
    """Lower the share of the steps that read the truth, evenly from epoch to epoch.

    Parameters
    ----------
    first, last : float
        The share in the first and in the last epoch.
    """

    def __init__(self, first: float, last: float) -> None:
        self.first = first
        self.last = last

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Count epochs from here."""
        self.before_ = len(net.history)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Tell the network the share."""
        done = len(net.history) - 1 - self.before_
        passed = done / max(1, net.max_epochs - 1)
        net.module_.teacher_forcing = self.first + passed * (self.last - self.first)


class Written(NamedTuple):
    """What was written for one source.

    Parameters
    ----------
    steps : ndarray of shape (T,), int64, or (T, O), float64
        Ids of tokens, or numbers.
    log_probability : float
        Of the tokens and their end; NaN for numbers.
    ended : bool
        Whether it came to its end, rather than being cut off.
    """

    steps: NDArray
    log_probability: float
    ended: bool


class PairNet(SequenceNet):
    """A skorch net for `PairDataset`, whose network reads one sequence and writes another."""

    loss_class = PairLoss

    def infer(self, x: dict[str, Tensor], **fit_params: Any) -> Tensor:
        """Call the network with sources, their lengths, and what stands before each step."""
        x = self._on_device(x)
        return self.module_(x["x"], x.get("lengths"), x["before"])

    def get_loss(
        self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the mean loss of a batch, over steps."""
        X = self._on_device(X)
        return self.criterion_(
            y_pred, y_true.to(self.device), X.get("target_lengths"), X.get("weight")
        )

    def batch_weight(self, batch: tuple[dict[str, Tensor], Tensor]) -> int:
        """Return how many steps a batch has, as its loss is a mean over these."""
        inputs, targets = batch
        if "target_lengths" in inputs:
            return int(inputs["target_lengths"].sum())
        return targets.shape[0] * targets.shape[1]

    def write(
        self,
        sources: SequenceDataset,
        limits: NDArray[np.int64],
        *,
        ends: bool,
        beam_size: int,
        alpha: float,
        initial: StackState | None = None,
    ) -> list[Written]:
        """Return what the network writes for each source.

        As answers must not depend on what is asked together, batches are filled up to one size:
        torch rounds differently for different numbers of rows.

        Parameters
        ----------
        sources : SequenceDataset
            What is read.
        limits : ndarray of shape (N,), int64
            Most steps of each sequence; how many it gets if it does not end by itself.
        ends : bool
            Whether it ends where the network says so.
        beam_size, alpha
            See `sklearn_rnn.kernels.search.beam_search`.
        initial : tuple of tuples of Tensor of shape (N, ...), optional
            The states in which the encoder begins.

        Returns
        -------
        list of Written
            One for each source.
        """
        network, written = self.module_, []
        for index, batch in self._full_batches(sources):
            memory = self._memory(index, batch, initial)
            filled = torch.from_numpy(limits[_filled(index).numpy()]).to(self.device)
            if network.writes_tokens:
                found = network.write_tokens(
                    memory, filled, ends=ends, beam_size=beam_size, alpha=alpha
                )
            else:
                found = network.write_numbers(memory, filled, ends=ends)
            written.extend(_each(found, len(index)))
        return written

    def look_again(
        self, pairs: PairDataset, initial: StackState | None = None
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
        """Return what the network answers to each step of known targets, and its attention.

        Parameters
        ----------
        pairs : PairDataset
            Sources, and what was written for each.
        initial : tuple of tuples of Tensor of shape (N, ...), optional
            The states in which the encoder begins.

        Returns
        -------
        list of tuple of ndarray
            Answers (T, O) and weights (T, T_in), None without attention, in float64.
        """
        network, seen = self.module_, []
        for index, batch in self._full_batches(pairs):
            memory = self._memory(index, batch, initial)
            answers, weights, _ = network.decode(
                batch["before"], memory, network.first_state(memory)
            )
            for row, i in enumerate(index.tolist()):
                steps, length = int(pairs.lengths[i]), int(pairs.sources.lengths[i])
                read = None if weights is None else _numpy(weights[row, :steps, :length])
                seen.append((_numpy(answers[row, :steps]), read))
        return seen

    def _memory(self, index: Tensor, batch: dict[str, Tensor], initial: StackState | None) -> Any:
        """Return what the encoder has read of a batch of sources."""
        before = None
        if initial is not None:
            before = rows_of_state(initial, _filled(index), self.device)
        return self.module_.encode(batch["x"], batch.get("lengths"), before)

    def _full_batches(
        self, dataset: SequenceDataset | PairDataset
    ) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        """Yield places in a dataset, and a batch of them, filled up by the last."""
        self._set_training(False)  # and left so, for other threads may be reading
        with torch.no_grad():
            for index in torch.arange(len(dataset)).split(PREDICTION_BATCH):
                yield index, self._on_device(dataset.batch(_filled(index))[0])

    def _on_device(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: part.to(self.device) for name, part in batch.items()}


def _filled(index: Tensor) -> Tensor:
    return torch.cat([index, index[-1:].expand(PREDICTION_BATCH - len(index))])


def _numpy(x: Tensor) -> NDArray[np.float64]:
    return x.double().cpu().numpy()


def _each(found: Any, n: int) -> list[Written]:
    """Return the first n of what was found, without what lies beyond each length."""
    steps, *others = (part.cpu() for part in found)
    if steps.is_floating_point():
        steps = steps.double()
    rows = zip(steps.numpy()[:n], *(part.tolist()[:n] for part in others), strict=True)
    return [Written(row[:length].copy(), number, end) for row, length, number, end in rows]
