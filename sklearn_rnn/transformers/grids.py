"""A regular grid in time, and what is known at each of its points without looking ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import MissingValuesError
from sklearn_rnn.transformers.frequencies import check_bins, check_frequency, is_fixed
from sklearn_rnn.transformers.resampling import FILLS, aggregate, fill_gaps, reducers_of

__all__ = ["Grid"]


class Grid:
    """Points in time, `freq` apart, at which inputs are known and answers begin.

    At a point g the inputs are what the rows in (g - freq, g] hold; the target is the mean over
    the rows in [g, g + freq), which are answered there.

    Parameters
    ----------
    index : DatetimeIndex
        Dates of the first rows that there are, ascending.
    freq : str or DateOffset
        Distance of points.
    aggregation, fill
        As in `Resampler`.
    name : str
        Who asks; opens error messages.

    Attributes
    ----------
    freq : DateOffset
        Distance of points.
    origin : Timestamp
        The point that all others are counted from.
    zone : tzinfo or None
        The time zone of the dates.
    """

    def __init__(
        self, index: pd.DatetimeIndex, freq: Any, aggregation: Any, fill: Any, name: str
    ) -> None:
        self.freq = check_frequency(freq, index, name)
        self.zone = index.tz
        midnight = index[0].tz_localize(None).normalize()
        self._start = midnight if is_fixed(self.freq) else self.freq.rollback(midnight)
        self.origin = self._in_zone(self._start)
        self._aggregation, self._fill, self._name = aggregation, fill, name
        self._recent: pd.DataFrame | None = None
        self._known: pd.DataFrame | None = None

    def remember(self, frame: pd.DataFrame, inputs: pd.DataFrame) -> None:
        """Keep what is to be known of these rows, and their inputs, by the points after them."""
        last = inputs.index[-1]
        recent = frame.index > self._beside(last, -1)
        self._recent = frame[recent | (frame.index == frame.index[-1])]
        # The last point, and the next if no more rows come before it.
        known = [inputs.iloc[-1:]]
        if frame.index[-1] > last:
            rows = frame[frame.index > last]
            known.append(self._aggregated(rows, np.zeros(len(rows), dtype=np.intp)))
            known[1].index = pd.DatetimeIndex([self._beside(last, 1)])
        self._known = pd.concat(known)

    def points(self, stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return points from the last at or before the first of ascending `stamps` to their end.

        Raises
        ------
        FrequencyError
            If they are far more than `stamps`.
        """
        check_bins(stamps, self.freq, self._name)
        if is_fixed(self.freq):
            start = self.origin + (stamps[0] - self.origin) // self.freq * self.freq
            return pd.date_range(start, stamps[-1], freq=self.freq)
        walls = self._walls(stamps[[0, -1]].tz_localize(None))
        points = self._in_zone(walls)
        if self.zone is not None:
            exact = walls.tz_localize(self.zone, nonexistent="NaT", ambiguous="NaT")
            if exact.hasnans:  # pandas has no name for the frequency of points that were moved
                points = points[_are_of_one_day(points, walls)]
            else:
                points = pd.DatetimeIndex(points, freq=self.freq)
        first, last = points.searchsorted(stamps[[0, -1]], side="right")
        return points[first - 1 : last]

    def _walls(self, stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return points of the calendar around stamps, both as clocks on the wall show them."""
        first, last = stamps.min(), stamps.max()  # of one hour that comes twice, in any order
        start = self._start
        while start > first:
            start = start - self.freq
        start = start - self.freq  # the zone may have left out the day that `start` was
        return pd.date_range(start, last, freq=self.freq)

    def _in_zone(self, walls: Any) -> Any:
        """Return when clocks on the wall show this: the first time, or else soon after it."""
        if self.zone is None:
            return walls
        return walls.tz_localize(self.zone, nonexistent="shift_forward", ambiguous=True)

    def _beside(self, point: pd.Timestamp, step: int) -> pd.Timestamp:
        """Return the point after one of the grid, for a step of 1, or before it, for -1."""
        if is_fixed(self.freq):
            return point + step * self.freq
        wall = point.tz_localize(None)
        midnight = wall.normalize()
        wall = midnight if self._in_zone(midnight) == point else wall  # it had been moved
        beside = None
        while beside is None or not _are_of_one_day(beside, wall):
            wall = wall + step * self.freq
            beside = self._in_zone(wall)
        return beside

    def places(self, stamps: pd.DatetimeIndex, points: pd.DatetimeIndex) -> NDArray[np.intp]:
        """Return for each of `stamps` the last of `points` at or before it."""
        return points.searchsorted(stamps, side="right") - 1

    def inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what is known at each point: what the rows since the last one hold."""
        points = self.points(frame.index)
        before = self._rows_before(frame, points[0])
        rows = pd.concat([before, frame]) if len(before) else frame
        places = points.searchsorted(rows.index, side="left")
        if len(before) and before.index[0] == frame.index[0]:
            places[: len(before)] = 0
        complete = places < len(points)  # rows behind the last point belong to one yet to come
        inputs = self._aggregated(rows[complete], places[complete])
        inputs = inputs.reindex(range(len(points))).set_axis(points)
        if not isinstance(self._fill, str):
            return fill_gaps(inputs, self._fill, self._name)
        if self._fill != "ffill" and not inputs.isna().all().any():
            inputs = fill_gaps(inputs, self._fill, self._name)
        # behind the last value there is nothing to look ahead to
        return self._carried_on(inputs, frame.index[0])

    def _aggregated(self, rows: pd.DataFrame, places: NDArray[np.intp]) -> pd.DataFrame:
        reducers = reducers_of(self._aggregation, rows.columns, self._name)
        return aggregate(rows.groupby(places), reducers, self._name)[list(rows.columns)]

    def _carried_on(self, inputs: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
        """Repeat the last value known, also of rows remembered if these come after them."""
        if self._known is None or self._recent is None or first <= self._recent.index[-1]:
            return inputs.ffill()
        point = inputs.index[0]
        # the point after the last is complete only if these rows do not belong to it
        known = (
            self._known[self._known.index < point]
            if point > self._known.index[0]
            else (self._known.iloc[:1])
        )
        return inputs.combine_first(known).ffill().loc[point:].set_axis(inputs.index)

    def _rows_before(self, frame: pd.DataFrame, point: pd.Timestamp) -> pd.DataFrame:
        """Return what is known at the first point, beside a row that falls on it.

        Rows remembered, if these come after them. Else nothing comes before the first row, and it
        counts for the point before it too: no row that it helps to answer is earlier.
        """
        first = frame.index[0]
        if self._recent is not None and first > self._recent.index[-1]:
            return self._recent[self._recent.index > self._beside(point, -1)]
        return frame[frame.index == first] if first > point else frame.iloc[:0]

    def targets(self, targets: pd.DataFrame, points: pd.DatetimeIndex) -> pd.DataFrame:
        """Return the mean target of the rows that each point answers.

        Raises
        ------
        MissingValuesError
            If a point answers no rows, and `fill` does not say what it should have answered.
        """
        places = self.places(targets.index, points)
        means = targets.groupby(places).mean().reindex(range(len(points))).set_axis(points)
        if isinstance(self._fill, str) and self._fill in FILLS:
            means = fill_gaps(means, self._fill, self._name)
        gaps = int(means.isna().any(axis=1).sum())
        if gaps:
            raise MissingValuesError(
                f"{self._name}: fill={self._fill!r} leaves {gaps} of {len(points)} points of the "
                f"grid without a target, as no rows lie in the {self.freq.freqstr} after them. "
                f"Set fill='ffill' (or another of {sorted(FILLS)}), or a longer freq."
            )
        return means


def _are_of_one_day(points: Any, walls: Any) -> Any:
    """Tell which points were not moved to another day, as their zone has left out their own."""
    return points.tz_localize(None).normalize() == walls.normalize()
