"""What a forecaster knows of its series, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.sktime.inputs import covered
from sklearn_rnn.sktime.series import Layout, SeriesRows, joined

__all__ = ["Memory"]


@dataclass(frozen=True)
class Memory:
    """All rows of y and X that were given, and how many of each series lie in the past.

    Parameters
    ----------
    series : SeriesRows
        Rows of y.
    inputs : SeriesRows or None
        Rows of X.
    known : ndarray of shape (N,), int64
        Steps of each series up to now. There are more if an update went back in time: rows of
        what is then the future are kept, and not read.
    """

    series: SeriesRows
    inputs: SeriesRows | None
    known: NDArray[np.int64]

    @property
    def layout(self) -> Layout:
        """Return where the rows are that are known by now."""
        return replace(self.series.layout, lengths=self.known)

    @property
    def present(self) -> SeriesRows:
        """Return what is known by now."""
        return SeriesRows(self.layout, self.series.values)

    def end_with(self, new: Layout) -> int:
        """Return the last position of all series, once new rows are known."""
        others = np.ones(len(self.layout), bool)
        places = self.layout.places_of(new)
        others[places[places >= 0]] = False
        return int(np.append(new.ends, self.layout.ends[others]).max())

    def having(self, new: SeriesRows, inputs: SeriesRows | None, name: str) -> Memory:
        """Return what is known with new rows, which are from now.

        Parameters
        ----------
        new : SeriesRows
            Rows of some or all series, or of new ones, which come last then.
        inputs : SeriesRows or None
            Rows of X, if any are given.
        name : str
            Who asks; opens error messages.
        """
        old = self.series.layout
        series = joined(self.series, new)
        layout = series.layout
        known = np.append(self.known, layout.lengths[len(old) :])
        known[: len(old)] += old.firsts - layout.firsts[: len(old)]
        places = layout.places_of(new.layout)
        known[places] = new.layout.ends - layout.firsts[places] + 1
        if self.inputs is not None:
            inputs = self.inputs if inputs is None else joined(self.inputs, inputs)
        memory = Memory(series, inputs, known)
        if inputs is not None:
            covered(memory.layout, inputs.layout, name)
        return memory
