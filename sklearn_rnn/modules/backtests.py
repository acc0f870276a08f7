"""Backtests: how the members of the bank did at earlier cutoffs of the same series."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sklearn_rnn.modules.bank import LinearBank, Member
from sklearn_rnn.modules.described import windows_last

__all__ = ["Backtest", "Backtests"]

#: Steps ahead, spread over the horizon, at which backtests compare: errors of neighbours are alike.
BACKTEST_STEPS = 12


class Backtest(NamedTuple):
    """How the members of the bank did.

    Parameters
    ----------
    errors : Tensor of shape (K, C, N)
        The mean absolute error of each.
    logs : Tensor of shape (K, C, N)
        Their logarithms around the mean, 0 where there was no earlier cutoff.
    """

    errors: Tensor
    logs: Tensor


class Backtests(nn.Module):
    """Compare what the bank makes of earlier windows with what came.

    Parameters
    ----------
    length, horizon : int
        Steps of a window, T, and of a forecast, H; cutoffs are H steps apart.
    seasons, log_offset
        Of the bank, see `sklearn_rnn.modules.bank.LinearBank`.
    """

    def __init__(
        self,
        length: int,
        horizon: int,
        seasons: Sequence[Sequence[Member]],
        log_offset: float | None,
    ) -> None:
        super().__init__()
        self.length, self.horizon = length, horizon
        apart = -(-horizon // BACKTEST_STEPS)
        self.steps = range(apart // 2, horizon, apart)
        self.bank = LinearBank(seasons, self.steps, log_offset)

    @torch.no_grad()
    def forward(
        self,
        tried: Tensor,
        values: Tensor,
        logs: Tensor | None,
        observed: Tensor,
        deviation: Tensor,
    ) -> Backtest:
        """Try the bank at R earlier cutoffs.

        Parameters
        ----------
        tried : Tensor of shape (N, R), bool
            Which of them count, the latest first.
        values, logs, observed : Tensor of shape (N, C, T + R * H)
            Scaled values, their logarithms as the bank takes them, and which were seen.
        deviation : Tensor of shape (N, C, 1)
            Stands for the errors where nothing was tried.

        Returns
        -------
        Backtest
            Means over the cutoffs, and over some of the steps ahead.
        """
        forecasts = self.bank(self._before(values), None if logs is None else self._before(logs))
        truth = self._after(values).clamp(-50, 50)
        known = (self._after(observed) & tried.t().flip(0).unsqueeze(1)).to(values.dtype)
        # (S, K, R * C * N)
        errors = forecasts.sub_(truth.flatten(1).unsqueeze(1)).abs_()
        errors.mul_(known.flatten(1).unsqueeze(1))
        total = errors.sum(0).unflatten(1, truth.shape[1:]).sum(1)
        count = known.sum((0, 1))
        mean = total / count.clamp(min=1)  # (K, C, N)
        relative = (mean + 0.05 * mean.mean(0) + 1e-3).log()
        relative = (relative - relative.mean(0)) * (count > 0)
        return Backtest(
            torch.where(count > 0, mean, windows_last(deviation)), relative.clamp(-4, 4)
        )

    def _before(self, x: Tensor) -> Tensor:
        """Cut out the windows before the cutoffs (R * C * N, T), the earliest first."""
        windows = x[..., : -self.horizon].unfold(-1, self.length, self.horizon)
        return windows.permute(2, 1, 0, 3).flatten(0, 2)

    def _after(self, x: Tensor) -> Tensor:
        """Cut out the steps after the cutoffs that are compared (S, R, C, N)."""
        after = x[..., self.length :].unfold(-1, self.horizon, self.horizon)
        return after[..., self.steps.start :: self.steps.step].permute(3, 2, 1, 0)
