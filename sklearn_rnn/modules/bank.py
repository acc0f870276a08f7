"""A bank of classical forecasters, each a fixed linear map from a window to its continuation.

Exponential smoothing with fixed parameters (Holt 1957, Winters 1960) is linear in what it reads:
level l, slope b and season s follow, from the first value of the window to the last,

    l_t = alpha (x_t - s_{t-p}) + (1 - alpha) (l_{t-1} + phi b_{t-1})
    b_t = beta (l_t - l_{t-1}) + (1 - beta) phi b_{t-1}
    s_t = gamma (x_t - l_t) + (1 - gamma) s_{t-p}

and the forecast k steps on is l + (phi + ... + phi^k) b + s. In the beginning, where little has
been read, alpha and gamma are larger, so that level and season are means of what there is. So each
member of the bank is a matrix, found by smoothing the unit vectors, and all members together are
one matrix product.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["LinearBank", "members_of", "smoothing_matrix"]


class Smoothing(NamedTuple):
    """Parameters of one exponential smoothing.

    Without `beta` there is no slope, but a `drift` may be added: this share of the slope of a
    straight line through the whole window.
    """

    alpha: float
    beta: float = 0.0
    gamma: float = 0.0
    phi: float = 1.0
    drift: float = 0.0


#: From the last value alone to a long mean, then with slopes.
LEVELS = (
    Smoothing(1.0),
    Smoothing(0.5),
    Smoothing(0.2),
    Smoothing(0.05),
    Smoothing(0.01),
    Smoothing(0.9, beta=0.5, phi=0.98),
    Smoothing(0.7, beta=0.2, phi=0.95),
    Smoothing(0.4, beta=0.1, phi=0.95),
    Smoothing(0.15, beta=0.05, phi=0.98),
    Smoothing(0.5, beta=0.1),
    Smoothing(0.2, beta=0.05),
    Smoothing(1.0, drift=1.0),
    Smoothing(0.3, drift=0.5),
)

#: For each period of which a window holds two.
SEASONS = (
    Smoothing(0.05, gamma=0.02),
    Smoothing(0.05, gamma=0.1),
    Smoothing(0.3, gamma=0.1),
    Smoothing(0.7, gamma=0.3),
    Smoothing(0.3, beta=0.05, gamma=0.3, phi=0.95),
    Smoothing(0.9, beta=0.1, gamma=0.3, phi=0.95),
    Smoothing(0.2, gamma=0.1, drift=1.0),
)


def smoothing_matrix(
    length: int, horizon: int, smoothing: Smoothing, period: int = 1
) -> NDArray[np.float64]:
    """Return exponential smoothing as a matrix.

    Parameters
    ----------
    length : int
        Steps of a window, T; at least one period.
    horizon : int
        Steps to forecast, H.
    smoothing : Smoothing
        Its parameters.
    period : int, default=1
        Steps of a season; 1 for none.

    Returns
    -------
    ndarray of shape (T, H)
        A window (T,) times this is its forecast (H,).

    Examples
    --------
    >>> from sklearn_rnn.modules.bank import Smoothing, smoothing_matrix
    >>> smoothing_matrix(3, 1, Smoothing(0.5)).ravel()
    array([0.25, 0.25, 0.5 ])
    """
    alpha, beta, gamma, phi, drift = smoothing
    x = np.eye(length)
    seasonal = period > 1
    first = period if seasonal else 1
    level, slope = x[:first].mean(axis=0), np.zeros(length)
    seasons = [value - level for value in x[:first]] if seasonal else []
    if beta and not seasonal:
        level, slope = _line(x[: min(length, max(12, length // 4))])
    for t in range(first, length):
        # without a slope, a mean of all so far until that is steadier than the parameter
        gain = alpha if beta else max(alpha, 1 / (t + 1))
        before, season = level, seasons[t - period] if seasonal else 0.0
        level = gain * (x[t] - season) + (1 - gain) * (level + phi * slope)
        slope = beta * (level - before) + (1 - beta) * phi * slope
        if seasonal:
            gain = max(gamma, 1 / (t // period + 1))
            seasons.append(gain * (x[t] - level) + (1 - gain) * season)
    steps = np.arange(1, horizon + 1)[:, None]
    forecasts = level + np.cumsum(phi**steps, axis=0) * slope + drift * steps * _line(x)[1]
    if seasonal:
        forecasts = forecasts + np.stack(
            [seasons[length - period + k % period] for k in steps[:, 0] - 1]
        )
    return forecasts.T


def _line(x: NDArray) -> tuple[NDArray, NDArray]:
    """Return start and slope of the straight line through values, by least squares."""
    time = np.arange(len(x)) - (len(x) - 1) / 2
    slope = time @ x / max(float(time @ time), 1e-9)
    return x.mean(axis=0) + time[0] * slope, slope


def seasonal_naive_matrix(length: int, horizon: int, period: int) -> NDArray[np.float64]:
    """Return the matrix (T, H) that repeats the last season of a window."""
    matrix = np.zeros((length, horizon))
    steps = np.arange(horizon)
    matrix[length - period + steps % period, steps] = 1.0
    return matrix


def members_of(length: int, horizon: int, periods: Sequence[int]) -> dict[str, NDArray]:
    """Return the members of the bank, by name, that a window of this length has room for.

    Parameters
    ----------
    length, horizon : int
        Steps of a window and of a forecast.
    periods : sequence of int
        Seasons, in steps.

    Returns
    -------
    dict of str to ndarray of shape (T, H)
        The first repeats the last value.
    """
    members = {f"level {s}": smoothing_matrix(length, horizon, s) for s in LEVELS}
    for period in periods:
        if length > period:
            members[f"naive of {period}"] = seasonal_naive_matrix(length, horizon, period)
        if length >= 2 * period:
            for s in SEASONS:
                members[f"{period} {s}"] = smoothing_matrix(length, horizon, s, period)
    return members


class LinearBank(nn.Module):
    """Forecasts of all members for each window, of the values and of their logarithms.

    Logarithms make growth by a share, and seasons that grow with the level, linear too. They are
    taken only where training has seen nothing negative.

    Parameters
    ----------
    length, horizon : int
        T and H.
    periods : sequence of int
        Seasons, in steps.
    log_offset : float or None
        Added to values before the logarithm; None leaves logarithms out.
    only_last : bool, default=False
        Whether the bank has no member but the last value.

    Attributes
    ----------
    n_members : int
        K, forecasts from logarithms included.
    """

    matrix: Tensor

    def __init__(
        self,
        length: int,
        horizon: int,
        periods: Sequence[int],
        log_offset: float | None,
        only_last: bool = False,
    ) -> None:
        super().__init__()
        members = members_of(length, horizon, periods)
        if only_last:
            members = dict(list(members.items())[:1])
        matrix = np.stack(list(members.values()), axis=2)  # (T, H, members)
        self.horizon = horizon
        self.n_linear = matrix.shape[2]
        self.log_offset = log_offset
        self.n_members = self.n_linear * (1 if log_offset is None else 2)
        self.register_buffer("matrix", torch.from_numpy(matrix.reshape(length, -1)).float())

    def linear(self, z: Tensor, steps: Tensor | None = None) -> Tensor:
        """Map windows (N, T) to the linear members' forecasts (N, H, members), or some steps."""
        matrix, horizon = self.matrix, self.horizon
        if steps is not None:
            matrix = matrix.unflatten(1, (horizon, self.n_linear))[:, steps].flatten(1)
            horizon = len(steps)
        return (z @ matrix).unflatten(1, (horizon, self.n_linear))

    def forward(self, z: Tensor, steps: Tensor | None = None) -> Tensor:
        """Map windows (N, T), each divided by its scale, to forecasts (N, H, K).

        Parameters
        ----------
        z : Tensor of shape (N, T)
            Windows.
        steps : Tensor of shape (S,), int64, optional
            Which of the H steps are wanted; all by default.

        Returns
        -------
        Tensor of shape (N, H, K), or (N, S, K)
            The forecast of each member.
        """
        forecasts = self.linear(z, steps)
        if self.log_offset is None:
            return forecasts
        logs = torch.log(z.clamp(min=0) + self.log_offset)
        # growth of a share is not believed beyond a factor of e above what was seen
        top = logs.amax(dim=1)[:, None, None] + 1.0
        grown = torch.exp(torch.minimum(self.linear(logs, steps), top)) - self.log_offset
        both = torch.cat([forecasts.clamp(min=0), grown], dim=2)
        negative = (z < 0).any(dim=1)
        if negative.any():  # unlike all that training has seen: as if there were no logarithms
            both[negative] = forecasts[negative].repeat(1, 1, 2)
        return both
