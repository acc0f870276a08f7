"""Where the steps of sequences lie in X: padding is cut off, and answers are put back in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.sequences import Sequences, is_list_of_sequences

__all__ = ["StepSequences", "steps_of"]


@dataclass(frozen=True)
class StepSequences(Sequences):
    """Sequences that remember where X had their steps.

    Attributes
    ----------
    steps, starts, lengths
        As in `Sequences`: without padding.
    skipped : ndarray of shape (N,), int64
        Steps of padding before the first of each sequence.
    totals : ndarray of shape (N,), int64
        Steps that X has for each sequence, padding included.
    is_list : bool
        Whether X was a list of sequences rather than one array.
    """

    skipped: NDArray[np.int64]
    totals: NDArray[np.int64]
    is_list: bool

    @classmethod
    def of(cls, sequences: Sequences, X: Any) -> StepSequences:
        """Return what has become of X, with what there was.

        Parameters
        ----------
        sequences : Sequences
            Made of X.
        X : array-like or list of arrays
            As users give it.

        Returns
        -------
        StepSequences
            Over the same table.
        """
        if hasattr(X, "__array__") and not hasattr(X, "ndim"):
            X = np.asarray(X)
        if isinstance(X, Sequences):
            totals, starts = X.lengths, X.starts
        elif getattr(X, "ndim", 1) > 1:
            n, steps = X.shape[:2]
            # windows of one series overlap: the table tells how far one lies from the next
            hop = (len(sequences.steps) - steps) // max(1, n - 1)
            totals, starts = np.full(n, steps), np.arange(n) * hop
        else:
            totals = np.array([len(x) for x in X])
            starts = np.cumsum(totals) - totals
        return cls(
            sequences.steps,
            sequences.starts,
            sequences.lengths,
            sequences.starts - starts,
            totals,
            is_list_of_sequences(X),
        )

    def take(self, index: NDArray | slice) -> StepSequences:
        """Return the sequences at `index` (integers, booleans, a slice) over the same table."""
        return replace(
            self,
            starts=self.starts[index],
            lengths=self.lengths[index],
            skipped=self.skipped[index],
            totals=self.totals[index],
        )

    @property
    def n_steps(self) -> int:
        """S, the steps of all sequences together."""
        return int(self.lengths.sum())

    @property
    def rows(self) -> NDArray[np.int64]:
        """For each step, its row in the table, one sequence after another (S,)."""
        return _runs(self.starts, self.lengths)

    @property
    def places(self) -> NDArray[np.int64]:
        """For each step, its place among all that X has, padding included (S,)."""
        return _runs(np.cumsum(self.totals) - self.totals + self.skipped, self.lengths)

    def restored(self, answers: NDArray[np.float64]) -> Any:
        """Return answers (S, ...) in the shape of X: an array (N, T, ...), or a list of (T_i, ...).

        They are NaN in the padding.
        """
        n_places = int(self.totals.sum())
        if len(answers) < n_places:
            padded = np.full((n_places, *answers.shape[1:]), np.nan)
            padded[self.places] = answers
            answers = padded
        return self._divided(answers, self.totals)

    def restored_labels(self, labels: NDArray) -> Any:
        """Do the same for labels, of which none means padding: then a list without it."""
        if len(labels) == self.totals.sum():
            return self._divided(labels, self.totals)
        return _pieces(labels, self.lengths)

    def _divided(self, answers: NDArray, lengths: NDArray) -> Any:
        if self.is_list:
            return _pieces(answers, lengths)
        return answers.reshape(len(self), -1, *answers.shape[1:])


def steps_of(sequences: Sequences, batches: Iterable[Any]) -> NDArray[np.float64]:
    """Return the steps (S, D) that padded batches of sequences hold, one sequence after another.

    Parameters
    ----------
    sequences : Sequences
        What the batches are of, in turn.
    batches : iterable of Tensor of shape (n, T, D)
        Padded behind the steps of each sequence.

    Returns
    -------
    ndarray of shape (S, D), float64
    """
    done, parts = 0, []
    for batch in batches:
        lengths = sequences.lengths[done : done + len(batch)]
        is_step = np.arange(batch.shape[1]) < lengths[:, np.newaxis]
        parts.append(batch.double().numpy()[is_step])
        done += len(batch)
    return np.concatenate(parts)


def _runs(starts: NDArray, lengths: NDArray) -> NDArray[np.int64]:
    """Return start, start + 1, ... of each run, one run after another."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


def _pieces(values: NDArray, lengths: NDArray) -> list[NDArray]:
    ends = np.cumsum(lengths).tolist()
    return [values[a:b] for a, b in zip([0, *ends], ends, strict=False)]
