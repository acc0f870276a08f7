"""Windows of many series, gathered when a batch is made: no window is ever stored."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.data import Dataset

from sklearn_rnn.series import SeriesTable

__all__ = ["ChosenBatches", "ChosenWindows", "RandomBatches", "WindowDataset"]

Batch = tuple[dict[str, Tensor], Tensor]


class WindowDataset(Dataset):
    """Series from which windows are cut at any cutoff.

    Parameters
    ----------
    table : SeriesTable
        The series.
    window_length, horizon : int
        Steps before a cutoff that are read, T, and steps after it that are answered, H.
    periods : sequence of int
        Seasons. What is missing is filled from one season before, for networks and banks that need
        a number everywhere; what was filled in is marked, and never a target.
    n_backtests : int
        R, earlier cutoffs, H steps apart, that windows reach back behind.
    least_context : int
        Steps before a cutoff, at least, where a series has as many.
    recency : float
        How many times the longer of horizon and season training cutoffs lie before the end, in the
        mean; infinity draws all alike.
    steps_ahead : int or Tensor of shape (N,), default=0
        Rows of inputs that each series has beyond its known steps.
    """

    def __init__(
        self,
        table: SeriesTable,
        *,
        window_length: int,
        horizon: int,
        periods: Sequence[int],
        n_backtests: int,
        least_context: int,
        recency: float,
        steps_ahead: int | Tensor = 0,
    ) -> None:
        self.window_length, self.horizon = window_length, horizon
        self.periods = sorted(periods)
        self.n_backtests, self.least_context = n_backtests, least_context
        self.lag = recency * max(horizon, *self.periods, 1)
        self.steps_ahead = steps_ahead
        self.starts = torch.from_numpy(np.ascontiguousarray(table.starts))
        self.lengths = torch.from_numpy(np.ascontiguousarray(table.lengths))
        self.held = torch.zeros_like(self.lengths)
        self.origins: Tensor | None = None  # where answers begin that are read as if seen
        values, observed = _filled(table, self.periods)
        self.values = torch.from_numpy(values)
        self.observed = None if observed is None else torch.from_numpy(observed)
        phases = np.zeros(len(table), dtype=np.int64) if table.phases is None else table.phases
        self.phases = torch.from_numpy(np.ascontiguousarray(phases))
        self.inputs = self.input_starts = None
        if table.inputs is not None and table.input_starts is not None and table.columns:
            self.inputs = torch.from_numpy(np.ascontiguousarray(table.inputs))
            self.input_starts = torch.from_numpy(np.ascontiguousarray(table.input_starts))
        self.past_only = torch.tensor([not column.known for column in table.columns])
        level, change = _sizes(table, self.periods)
        self.level, self.change = torch.from_numpy(level), torch.from_numpy(change)

    def __len__(self) -> int:
        """Return the number of cutoffs that training may draw."""
        first, last = self.cutoffs()
        return int((last - first + 1).clamp(min=0).sum())

    def holding(self, held: Tensor) -> WindowDataset:
        """Return the same series, the last steps of each of which training must not see.

        Parameters
        ----------
        held : Tensor of shape (N,), int64
            How many steps of each.
        """
        other = copy.copy(self)
        other.held = held
        return other

    def cutoffs(self) -> tuple[Tensor, Tensor]:
        """Return the first and the last cutoff of each series (N,); of some there are none.

        A cutoff has H steps behind it, or as many as there are if it else had too few before it.
        """
        known = self.lengths - self.held
        last = torch.maximum(known - self.horizon, (known - 1).clamp(max=self.least_context))
        first = last.clamp(max=self.least_context).clamp(min=1)
        return first, last

    def batch(self, series: Tensor, ends: Tensor) -> Batch:
        """Gather windows.

        Parameters
        ----------
        series, ends : Tensor of shape (N,), int64
            Of which series, and how many of its steps lie before the cutoff.

        Returns
        -------
        tuple
            What `ForecastNetwork` reads, and targets (N, H, C) in float64.
        """
        targets, answered = self._targets(series, ends)
        values, observed = self._window(series, ends)
        batch = {
            "values": values,
            "observed": observed,
            "phases": self.phases[series] + ends,
            "level": self.level[series],
            "change": self.change[series],
            "targets": targets,
            "answered": answered,
        }
        if self.n_backtests:
            earlier = ends[:, None] - self.horizon * torch.arange(1, self.n_backtests + 1)
            batch["tried"] = earlier >= max(self.least_context // 2, 2)
        if self.inputs is not None and self.input_starts is not None:
            steps = ends[:, None] + torch.arange(-self.window_length, self.horizon)
            ahead = self.steps_ahead
            ahead = ahead[series] if isinstance(ahead, Tensor) else ahead
            final = (self.lengths[series] + ahead - 1)[:, None]
            batch["inputs"] = self._inputs(series, steps, final)
            if self.past_only.any():  # their last known value goes on
                seen = ends if self.origins is None else torch.minimum(ends, self.origins[series])
                known = self._inputs(series, steps, seen[:, None] - 1)[..., self.past_only]
                batch["inputs"][..., self.past_only] = known
        return batch, targets

    @property
    def reach(self) -> int:
        """Steps before a cutoff that are gathered: a window before each backtest."""
        return self.window_length + self.n_backtests * self.horizon

    def _window(self, series: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return the steps before cutoffs (N, T + R * H, C), and which of them were observed.

        What lies before the first step is taken from the same season of the first cycle.
        """
        steps = ends[:, None] + torch.arange(-self.reach, 0)
        known = steps >= 0
        missing = self.reach - int(ends.min())
        if missing > 0:
            cycle = torch.ones_like(ends)
            for period in self.periods:
                cycle = torch.where(ends >= period, period, cycle)
            early = steps[:, :missing]
            early.copy_(torch.where(early >= 0, early, early.remainder(cycle[:, None])))
        rows = self.starts[series][:, None] + steps
        values = self.values[rows]
        observed = known.unsqueeze(-1)
        if self.observed is not None:
            return values, observed & self.observed[rows]
        return values, observed.expand_as(values)

    def _inputs(self, series: Tensor, steps: Tensor, last: Tensor) -> Tensor:
        """Return the inputs of steps (N, T + H, F); before the first and after the last, theirs."""
        steps = torch.minimum(steps.clamp(min=0), last)
        return self.inputs[self.input_starts[series][:, None] + steps]  # type: ignore[index]

    def _targets(self, series: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return the H steps after cutoffs (N, H, C), and which of them are known."""
        limits = (self.lengths - self.held)[series][:, None]
        steps = ends[:, None] + torch.arange(self.horizon)
        known = (steps < limits).unsqueeze(-1)
        rows = self.starts[series][:, None] + torch.minimum(steps, limits - 1)
        values = self.values[rows]
        if self.observed is not None:
            return values, known & self.observed[rows]
        return values, known.expand_as(values)


class ChosenWindows(Dataset):
    """Some windows of a dataset, at cutoffs that were chosen.

    Parameters
    ----------
    windows : WindowDataset
        The series.
    series, ends : Tensor of shape (N,), int64
        As `WindowDataset.batch` takes them.
    """

    def __init__(self, windows: WindowDataset, series: Tensor, ends: Tensor) -> None:
        self.windows, self.series, self.ends = windows, series, ends

    @classmethod
    def at_the_end(cls, windows: WindowDataset) -> ChosenWindows:
        """Choose the last steps of each series, after which nothing is known."""
        return cls(windows, torch.arange(len(windows.lengths)), windows.lengths)

    def __len__(self) -> int:
        """Return N."""
        return len(self.series)

    def truth(self, horizon: int) -> NDArray[np.float64]:
        """Return what came after the cutoffs (N, H, C), held or not; NaN where it is not known."""
        windows, lengths = self.windows, self.windows.lengths[self.series][:, None]
        steps = self.ends[:, None] + torch.arange(horizon)
        rows = windows.starts[self.series][:, None] + torch.minimum(steps, lengths - 1)
        known = (steps < lengths).unsqueeze(2)
        if windows.observed is not None:
            known = known & windows.observed[rows]
        return windows.values[rows].masked_fill(~known, np.nan).numpy()


class ChosenBatches:
    """Iterate over chosen windows in their order.

    Parameters
    ----------
    dataset : ChosenWindows
        What to take batches from.
    batch_size : int
        Windows in a batch; the last may be smaller.
    """

    def __init__(self, dataset: ChosenWindows, batch_size: int, **_: Any) -> None:
        self.dataset, self.batch_size = dataset, batch_size

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches as `WindowDataset.batch` makes them."""
        chosen = self.dataset
        for index in torch.arange(len(chosen)).split(self.batch_size):
            yield chosen.windows.batch(chosen.series[index], chosen.ends[index])


class RandomBatches:
    """Iterate over windows at random cutoffs, of which the recent ones are drawn more often.

    Every series is drawn as often as any other, however long it is. How far a cutoff lies before
    the last possible one is exponentially distributed.

    Parameters
    ----------
    dataset : WindowDataset
        What to draw from.
    batch_size : int
        Windows in a batch.
    generator : Generator
        Source of the draws.
    batches_per_epoch : int or None
        Batches of an epoch; None goes over all windows once.
    """

    def __init__(
        self,
        dataset: WindowDataset,
        batch_size: int,
        generator: Generator,
        batches_per_epoch: int | None = None,
        **_: Any,
    ) -> None:
        self.dataset, self.batch_size = dataset, batch_size
        self.generator, self.batches_per_epoch = generator, batches_per_epoch
        self.waiting = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        if self.batches_per_epoch is None:
            return -(-len(self.dataset) // self.batch_size)
        return self.batches_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches as `WindowDataset.batch` makes them."""
        if self.batches_per_epoch is None:
            yield from self._all_once()
            return
        first, last = self.dataset.cutoffs()
        usable = (last >= first).nonzero().squeeze(1)
        self.waiting = self.waiting[(last >= first)[self.waiting]]
        for _ in range(self.batches_per_epoch):
            series = self._next_series(usable)
            yield self.dataset.batch(series, self.draw(first[series], last[series]))

    def _next_series(self, usable: Tensor) -> Tensor:
        """Take the next of a shuffled pass over all series, and begin new passes as needed."""
        parts, missing = [], self.batch_size
        while missing:
            if not len(self.waiting):
                self.waiting = usable[torch.randperm(len(usable), generator=self.generator)]
            taken, self.waiting = self.waiting[:missing], self.waiting[missing:]
            parts.append(taken)
            missing -= len(taken)
        return torch.cat(parts)

    def draw(self, first: Tensor, last: Tensor) -> Tensor:
        """Draw a cutoff between first and last for each (N,)."""
        span = (last - first + 1).double()
        share = torch.rand(len(first), generator=self.generator).double()
        lag = self.dataset.lag
        if np.isinf(lag):
            back = share * span
        else:
            back = -lag * torch.log1p(-share * -torch.expm1(-span / lag))
        return last - torch.minimum(back.long(), (span - 1).long())

    def _all_once(self) -> Iterator[Batch]:
        first, last = self.dataset.cutoffs()
        counts = (last - first + 1).clamp(min=0)
        before = counts.cumsum(0)
        order = torch.randperm(int(before[-1]), generator=self.generator)
        for index in order.split(self.batch_size):
            series = torch.searchsorted(before, index, right=True)
            ends = first[series] + index - (before - counts)[series]
            yield self.dataset.batch(series, ends)


def _filled(
    table: SeriesTable, periods: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Fill in what is missing from one season before, or else the last value before it.

    Nothing is filled from later steps, so a window never knows what comes after it.
    """
    values = np.ascontiguousarray(table.values, dtype=np.float64)
    observed = ~np.isnan(values)
    if observed.all():
        return values, None
    values = values.copy()
    period = max((p for p in periods if p > 1), default=1)
    for start, length in zip(table.starts, table.lengths, strict=True):
        rows = slice(start, start + length)
        if not observed[rows].all():
            for column in values[rows].T:  # a view: filled in place
                _fill_forward(column, period)
                _fill_forward(column, 1)
    return np.nan_to_num(values, copy=False, nan=0.0), observed


def _fill_forward(column: NDArray, lag: int) -> None:
    """Give NaN the last value a multiple of `lag` steps before it."""
    n = len(column)
    source = np.arange(n + -n % lag)
    source[:n][np.isnan(column)] = -1
    source = np.maximum.accumulate(source.reshape(-1, lag), axis=0).ravel()[:n]
    column[:] = np.where(source >= 0, column[source], np.nan)


def _sizes(
    table: SeriesTable, periods: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each series' mean size and its mean change over a season (N, C)."""
    n, columns = len(table), table.values.shape[1]
    level, change = np.zeros((n, columns)), np.zeros((n, columns))
    for i, (start, length) in enumerate(zip(table.starts, table.lengths, strict=True)):
        values = table.values[start : start + length]
        known = ~np.isnan(values)
        level[i] = np.where(known, np.abs(values), 0).sum(0) / np.maximum(known.sum(0), 1)
        period = next((p for p in sorted(periods) if p < length), 1)
        differences = np.abs(values[period:] - values[:-period])
        known = ~np.isnan(differences)
        change[i] = np.where(known, differences, 0).sum(0) / np.maximum(known.sum(0), 1)
    level = np.maximum(level, 1e-150)  # of zeros alone
    return level, np.maximum(change, 1e-2 * level)
