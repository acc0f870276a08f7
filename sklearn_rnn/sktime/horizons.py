"""Horizons of sktime as numbers of steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import HorizonError
from sklearn_rnn.sktime.timeline import Timeline

__all__ = ["Steps", "steps_of"]


class Steps(NamedTuple):
    """Steps ahead, ascending or not.

    Parameters
    ----------
    ahead : ndarray of shape (h,), int64
        How many steps after the cutoff, or after the end of each series.
    from_cutoff : bool
        Whether all series are meant to be forecast at the same stamps.
    """

    ahead: NDArray[np.int64]
    from_cutoff: bool

    def targets(self, ends: NDArray[np.int64], cutoff: int) -> NDArray[np.int64]:
        """Return the positions (N, h) that series with these ends are to be forecast at."""
        if self.from_cutoff:
            return np.broadcast_to(cutoff + self.ahead, (len(ends), len(self.ahead)))
        return ends[:, None] + self.ahead


def steps_of(fh: Any, timeline: Timeline, cutoff: int, name: str) -> Steps:
    """Count a horizon in steps.

    Parameters
    ----------
    fh : ForecastingHorizon
        Relative, in steps or durations, or absolute.
    timeline : Timeline
        The line of the series.
    cutoff : int
        The position of the cutoff.
    name : str
        Who asks; opens error messages.

    Raises
    ------
    HorizonError
        If a stamp is no step of the series.
    """
    index = fh.to_pandas()
    if fh.is_relative and pd.api.types.is_integer_dtype(index):
        return Steps(index.to_numpy(np.int64), False)
    stamps = index
    if fh.is_relative:  # durations
        stamps = timeline.stamps(cutoff, cutoff)[0] + index
    if not timeline.fits(stamps):
        example = timeline.stamps(cutoff + 1, cutoff + 1)[0]
        raise HorizonError(
            f"{name}: an absolute fh must hold stamps like those of y, such as {example!r}; got "
            f"{type(index).__name__} of {index.dtype}. Or count steps: fh=[1, 2]."
        )
    positions, on_line = timeline.positions(stamps)
    if not on_line.all():
        after = timeline.stamps(cutoff + 1, cutoff + 2)
        raise HorizonError(
            f"{name}: fh must name steps of {timeline.step!r}, such as {after[0]} and {after[1]}; "
            f"got {stamps[~on_line][0]}. Or count steps: fh=[1, 2]."
        )
    return Steps(positions - cutoff, not fh.is_relative)
