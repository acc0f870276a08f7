"""The data model of forecasting: many series of unequal lengths in one table.

Series stand one after another, so that a window is a run of rows and needs no copy, and a thousand
series cost no more than their values.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["InputColumn", "SeriesTable"]


@dataclass(frozen=True)
class InputColumn:
    """What a column of the inputs is.

    Parameters
    ----------
    name : str
        As users know it.
    known : bool, default=True
        Whether its values are known ahead of time; if not, only those of the past are read.
    n_categories : int, optional
        The column holds codes, of which 0 stands for what is unknown; None for numbers.
    static : bool, default=False
        Whether it is constant within a series.
    """

    name: str
    known: bool = True
    n_categories: int | None = None
    static: bool = False


@dataclass(frozen=True)
class SeriesTable:
    """N series of C columns, one after another.

    Parameters
    ----------
    values : ndarray of shape (S, C), float64
        Steps of all series; NaN where a value is missing.
    starts : ndarray of shape (N,), int64
        Row of the first step of each series.
    lengths : ndarray of shape (N,), int64
        Known steps of each series.
    phases : ndarray of shape (N,), int64, optional
        Where in the calendar (month of the year, day of the week) the first step lies.
    inputs : ndarray of shape (R, F), float64, optional
        Rows of inputs, which may go on beyond the known steps.
    input_starts : ndarray of shape (N,), int64, optional
        Row of the inputs that belongs to the first step of each series; series may share rows.
    columns : tuple of InputColumn
        What the F columns of the inputs are.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    phases: NDArray[np.int64] | None = None
    inputs: NDArray[np.float64] | None = None
    input_starts: NDArray[np.int64] | None = None
    columns: tuple[InputColumn, ...] = ()

    def __len__(self) -> int:
        """Return N."""
        return len(self.starts)

    def take(self, index: NDArray) -> "SeriesTable":
        """Return some of the series, over the same rows."""

        def some(array: NDArray | None) -> NDArray | None:
            return None if array is None else array[index]

        return replace(
            self,
            starts=self.starts[index],
            lengths=self.lengths[index],
            phases=some(self.phases),
            input_starts=some(self.input_starts),
        )

    def extremes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the least and the largest value of each series and column (N, C)."""
        shape = (len(self), self.values.shape[1])
        lowest, highest = np.empty(shape), np.empty(shape)
        for i, (start, length) in enumerate(zip(self.starts, self.lengths, strict=True)):
            values = self.values[start : start + length]
            np.fmin.reduce(values, out=lowest[i])
            np.fmax.reduce(values, out=highest[i])
        return lowest, highest
