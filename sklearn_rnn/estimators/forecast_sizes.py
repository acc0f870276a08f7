"""The sizes of a forecaster's network, which data and horizon decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_rnn.series import SeriesTable

__all__ = ["ForecastSizes", "forecast_sizes"]

#: Longest window that the rule chooses, and patches that encoders read.
LONGEST_WINDOW, MOST_PATCHES = 336, 32

#: Shortest window that the rule chooses, where series are long enough.
SHORTEST_WINDOW = 10

#: Share of a series of median length that the bank may read: the more, the fewer are the windows
#: of training that are full.
BANK_SHARE = 2 / 3


@dataclass(frozen=True)
class ForecastSizes:
    """Sizes of windows, in steps, and what they are read for.

    Parameters
    ----------
    window_length : int
        Steps that the bank reads.
    encoder_length : int
        Steps that encoders read.
    patch_length : int
        Steps that they read as one.
    horizon : int
        Steps ahead that are trained, or calibrated.
    step : int
        Steps that the network answers at once.
    periods : tuple of int
        Seasons.
    n_phases : int
        Seasons of the calendar; 0 if they are not known.
    least_context : int
        Steps before a cutoff of training, where a series has as many.
    n_backtests : int
        Earlier cutoffs at which the bank is tried.
    log_offset : float or None
        Added before logarithms; None where values may be negative.
    """

    window_length: int
    encoder_length: int
    patch_length: int
    horizon: int
    step: int
    periods: tuple[int, ...]
    n_phases: int
    least_context: int
    n_backtests: int
    log_offset: float | None


def forecast_sizes(
    table: SeriesTable,
    *,
    horizon: int,
    periods: Sequence[int],
    n_phases: int,
    recursive: bool,
    in_bank: bool,
    window_length: int | None,
    patch_length: int | None,
    n_backtests: int | None,
) -> ForecastSizes:
    """Decide what is not given.

    Encoders read two seasons or horizons, and the bank four, of which series have enough. The bank
    is tried over four seasons, two to four times: a long horizon says enough in two, a short one
    sees only a part of the season.

    Parameters
    ----------
    table : SeriesTable
        The series.
    horizon, periods, n_phases
        As in `ForecastSizes`.
    recursive : bool
        Whether answers are fed back one by one. One step ahead says nothing about a longer way, so
        the bank is not tried.
    in_bank : bool
        Whether there is a bank.
    window_length, patch_length, n_backtests : int or None
        What the user wants.

    Returns
    -------
    ForecastSizes
        All sizes.
    """
    periods = tuple(sorted(periods))
    longest, median = max(periods, default=1), int(np.median(table.lengths))
    length = window_length
    if length is None:
        wanted = max(2 * longest, 2 * horizon, SHORTEST_WINDOW)
        length = min(wanted, max(median - horizon, longest + 1), LONGEST_WINDOW)
    patch = patch_length or -(-length // MOST_PATCHES)
    length = whole = -(-length // patch) * patch
    if window_length is None and in_bank:
        there = int(BANK_SHARE * (median - horizon))
        whole = max(length, min(4 * max(longest, horizon), there, LONGEST_WINDOW))
    if n_backtests is None:
        n_backtests = min(max(-(-4 * longest // horizon), 2), 4)
    seasons = [period + 1 for period in periods if period < length]
    lowest = np.nanmin(table.values, initial=np.inf)
    log_offset = None
    if lowest >= 0:
        log_offset = 1e-3 if lowest > 0 else 0.05
    return ForecastSizes(
        window_length=whole,
        encoder_length=length,
        patch_length=patch,
        horizon=horizon,
        step=1 if recursive else horizon,
        periods=periods,
        n_phases=n_phases,
        least_context=min(length, max([*seasons, horizon // 2, 4])),
        n_backtests=n_backtests if in_bank and not recursive else 0,
        log_offset=log_offset,
    )
