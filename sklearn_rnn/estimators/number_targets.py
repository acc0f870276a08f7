"""Targets that are sequences of numbers, and the form in which they came."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.estimators.vocabulary import plain
from sklearn_rnn.exceptions import MissingValuesError, TargetError

__all__ = ["NumberTargets"]


class NumberTargets:
    """Sequences of numbers to be written, of one step or more.

    Parameters
    ----------
    y : ndarray of shape (N, T) or (N, T, O), or list of array-like of shape (T_i,) or (T_i, O)
        What fit has seen.
    who : str
        Who asks and for what, as in "RNNSeq2Seq: y"; opens error messages.

    Attributes
    ----------
    n_outputs : int
        O.
    """

    def __init__(self, y: Any, who: str) -> None:
        self.who = who
        self.is_array = hasattr(y, "__array__")
        rows = self._rows(y)
        self.has_axis = rows[0].ndim == 2
        self.n_outputs = rows[0].shape[1] if self.has_axis else 1
        self.centre, self.scale = np.zeros(self.n_outputs), np.ones(self.n_outputs)

    def read(self, y: Any) -> list[NDArray[np.float64]]:
        """Return the sequences, each of shape (T_i, O).

        Parameters
        ----------
        y : as in fit
            Sequences. Steps of NaN only at the end of a sequence of an array are padding.

        Returns
        -------
        list of ndarray
            Without padding.

        Raises
        ------
        TargetError
            If a sequence has other axes, another number of outputs, or no step.
        MissingValuesError
            If a number is missing.
        """
        rows = self._rows(y)
        axes = {(row.ndim, row.shape[1:]) for row in rows}
        wanted = (2, (self.n_outputs,)) if self.has_axis else (1, ())
        if axes != {wanted}:
            found = sorted(axes - {wanted})[0]
            shown = {1: "(T,)", 2: f"(T, {found[1][0] if found[1] else 1})"}.get(found[0], "more")
            raise TargetError(
                f"{self.who} must hold sequences of one shape, "
                f"{f'(T, {self.n_outputs})' if self.has_axis else '(T,)'}; got {shown}. Give each "
                f"the same outputs."
            )
        sequences = [row if self.has_axis else row[:, np.newaxis] for row in rows]
        if hasattr(y, "__array__"):
            sequences = [_without_padding(row) for row in sequences]
        self._refuse_gaps(sequences)
        return sequences

    def encode(self, sequences: list[NDArray], dtype: str) -> list[NDArray[np.float64]]:
        """Return sequences in scaled units, which have to fit into numbers of `dtype`."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = [(row - self.centre) / self.scale for row in sequences]
        most = np.finfo(dtype).max
        scales = np.isfinite(self.scale).all() and np.isfinite(self.centre).all()
        beyond = sum(not (np.abs(row) <= most).all() for row in rows)
        if beyond or not scales:
            largest = max(float(np.abs(row).max()) for row in sequences)
            raise TargetError(
                f"{self.who} must hold numbers that {dtype} can count with once they are scaled; "
                f"got numbers of up to {largest:.3g}. Give them in a larger unit, or as logarithms."
            )
        return rows

    def decode(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo `encode` for one sequence (T, O), and give it the axes of fit."""
        numbers = row * self.scale + self.centre
        return numbers if self.has_axis else numbers[:, 0]

    def _rows(self, y: Any) -> list[NDArray[np.float64]]:
        try:
            rows = [_numbers(np.asarray(row)) for row in plain(y)]
        except ValueError as error:
            raise TargetError(
                f"{self.who} must hold sequences of numbers, each an array (T,) or (T, O); got "
                f"steps of unequal sizes. Give each step the same outputs."
            ) from error
        if not rows:
            raise TargetError(f"{self.who} is empty; at least 1 sequence is needed.")
        kinds = {row.dtype.kind for row in rows if row.size}
        if kinds - set("biuf"):
            what = "complex numbers" if "c" in kinds else "something else (Unknown label type)"
            raise TargetError(
                f"{self.who} must hold sequences of real numbers; got {what} among {len(rows)} "
                f"sequences. Give numbers, or tokens only."
            )
        flat = sum(row.ndim not in (1, 2) for row in rows)
        if flat:
            raise TargetError(
                f"{self.who} must hold a sequence for each of X, an array (T,) or (T, O); got "
                f"{flat} of {len(rows)} with {rows[0].ndim} axes. For one number each use "
                f"RNNRegressor, or y[:, np.newaxis]."
            )
        return [row.astype(np.float64) for row in rows]

    def _refuse_gaps(self, sequences: list[NDArray]) -> None:
        empty = sum(not len(row) for row in sequences)
        if empty:
            raise TargetError(
                f"{self.who} must hold sequences of at least one step; got {empty} of "
                f"{len(sequences)} without any. Leave them out of X and y."
            )
        gaps = sum(bool(np.isnan(row).any()) for row in sequences)
        if gaps:
            raise MissingValuesError(
                f"{self.who} contains NaN inside {gaps} of {len(sequences)} sequences; every step "
                f"needs its numbers. Fill the gaps, or leave such sequences out."
            )
        infinite = sum(not np.isfinite(row).all() for row in sequences)
        if infinite:
            raise TargetError(
                f"{self.who} contains infinity in {infinite} of {len(sequences)} sequences; every "
                f"number must be finite. Replace it, or leave such sequences out."
            )


def _numbers(row: NDArray) -> NDArray:
    """Return a row of objects as numbers, None being a missing one, if that is all it holds."""
    if row.dtype == object and all(item is None or isinstance(item, Real) for item in row.flat):
        return row.astype(np.float64)
    return row


def _without_padding(row: NDArray) -> NDArray:
    """Cut off steps of NaN only at the end of a sequence (T, O)."""
    held = np.flatnonzero(~np.isnan(row).all(axis=1))
    return row[: held[-1] + 1 if len(held) else 0]
