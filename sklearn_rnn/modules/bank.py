"""A bank of classical forecasters, each a fixed linear map from a window to its continuation.

Exponential smoothing with fixed parameters (Holt 1957, Winters 1960) is linear in what it reads:
level l, slope b and season s follow, from the first value of the window to the last,

    l_t = alpha (x_t - s_{t-p}) + (1 - alpha) (l_{t-1} + phi b_{t-1})
    b_t = beta (l_t - l_{t-1}) + (1 - beta) phi b_{t-1}
    s_t = gamma (x_t - l_t) + (1 - gamma) s_{t-p}

and the forecast k steps on is l + (phi + ... + phi^k) b + s. In the beginning, where little has
been read, alpha and gamma are larger, so that level and season are means of what there is. So each
member of the bank is a matrix, found by smoothing the unit vectors. Members with the same season
are one matrix product: not of all their forecasts, but of the few numbers these are made of, a
level for each phase of the season and a slope.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["LinearBank", "Member", "members_of", "seasons_of", "smoothing_matrix"]


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


class Member(NamedTuple):
    """A member of the bank; its forecast k steps on is base + (phi + ... + phi^k) slope.

    Parameters
    ----------
    base : ndarray of shape (P, T)
        Level and season, as linear maps of the window, for each of the P phases of a season.
    slope : ndarray of shape (T,)
        The slope as such a map.
    phi : float
        How much of the slope is left after a step.
    """

    base: NDArray[np.float64]
    slope: NDArray[np.float64]
    phi: float = 1.0

    def growth(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return by what the slope is multiplied after some steps, counted from 0."""
        return np.cumsum(self.phi ** np.arange(1.0, steps.max() + 2))[steps]

    def matrix(self, horizon: int) -> NDArray[np.float64]:
        """Return the matrix (T, H) from a window to its forecast."""
        steps = np.arange(horizon)
        return (self.base[steps % len(self.base)] + np.outer(self.growth(steps), self.slope)).T


def smoothed(length: int, smoothing: Smoothing, period: int = 1) -> Member:
    """Smooth the unit vectors of windows.

    Parameters
    ----------
    length : int
        Steps of a window, T; at least one period.
    smoothing : Smoothing
        The parameters.
    period : int, default=1
        Steps of a season; 1 for none.

    Returns
    -------
    Member
        What the smoothing knows at the end of a window.
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
    base = level + np.stack(seasons[-period:]) if seasonal else level[None]
    return Member(base, drift * _line(x)[1] if drift else slope, phi)


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
    return smoothed(length, smoothing, period).matrix(horizon)


def _line(x: NDArray) -> tuple[NDArray, NDArray]:
    """Return start and slope of the straight line through values, by least squares."""
    time = np.arange(len(x)) - (len(x) - 1) / 2
    slope = time @ x / max(float(time @ time), 1e-9)
    return x.mean(axis=0) + time[0] * slope, slope


def seasonal_naive(length: int, period: int) -> Member:
    """Return the member that repeats the last season of a window."""
    return Member(np.eye(length)[length - period :], np.zeros(length))


def seasons_of(length: int, periods: Sequence[int]) -> list[dict[str, Member]]:
    """Return the members of the bank, by name, that a window of this length has room for.

    Parameters
    ----------
    length : int
        Steps of a window.
    periods : sequence of int
        Seasons, in steps.

    Returns
    -------
    list of dict of str to Member
        Those without a season, of which the first repeats the last value; then those of each
        period.
    """
    seasons = [{f"level {s}": smoothed(length, s) for s in LEVELS}]
    for period in periods:
        if length > period:
            members = {f"naive of {period}": seasonal_naive(length, period)}
            if length >= 2 * period:
                members.update({f"{period} {s}": smoothed(length, s, period) for s in SEASONS})
            seasons.append(members)
    return seasons


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
    return {
        name: member.matrix(horizon)
        for members in seasons_of(length, periods)
        for name, member in members.items()
    }


class SharedSeason(nn.Module):
    """The members of the bank that have one season, at some steps ahead.

    Parameters
    ----------
    members : sequence of Member
        K of them; those without a slope come first, and no slope is added to them.
    steps : ndarray of shape (S,), int64
        Steps ahead that are wanted, counted from 0.
    """

    matrix: Tensor
    place: Tensor | None
    growth: Tensor

    def __init__(self, members: Sequence[Member], steps: NDArray[np.int64]) -> None:
        super().__init__()
        base = np.stack([member.base for member in members], axis=1)  # (P, K, T)
        phases, place = np.unique(steps % len(base), return_inverse=True)
        in_order = len(phases) == 1 or np.array_equal(place, np.arange(len(steps)))
        slopes = np.stack([member.slope for member in members])
        self.n_members, self.n_phases = len(members), len(phases)
        self.n_level = int(np.append(slopes.any(axis=1), True).argmax())
        growth = [member.growth(steps) for member in members[self.n_level :]]
        rows = np.concatenate([base[phases].reshape(-1, base.shape[2]), slopes[self.n_level :]])
        self.register_buffer("matrix", torch.from_numpy(rows).float())
        self.register_buffer("place", None if in_order else torch.from_numpy(place))
        shape = (len(members) - self.n_level, len(steps), 1)
        growth_of_steps = torch.from_numpy(np.reshape(growth, shape)).float()
        self.register_buffer("growth", growth_of_steps.transpose(0, 1).contiguous())

    def fill(self, forecasts: Tensor, z: Tensor) -> None:
        """Write the forecasts (S, K, N) of windows (N, T)."""
        n_base = self.n_phases * self.n_members
        base, slopes = (self.matrix @ z.t()).tensor_split([n_base])
        base = base.view(self.n_phases, self.n_members, len(z))
        forecasts.copy_(base if self.place is None else base.index_select(0, self.place))
        if len(slopes):
            forecasts[:, self.n_level :].addcmul_(self.growth, slopes)


class LinearBank(nn.Module):
    """Forecasts of all members for each window, of the values and of their logarithms.

    Logarithms make growth by a share, and seasons that grow with the level, linear too. They are
    taken only where training has seen nothing negative.

    Windows are the last axis of forecasts, not the first: all that is done with forecasts is done
    alike for each window, and mostly sums over members or steps, which are sums of whole rows then.

    Parameters
    ----------
    seasons : sequence of sequence of Member
        See `seasons_of`.
    steps : sequence of int
        Steps ahead that are wanted, S of them, counted from 0.
    log_offset : float or None
        Added to values before the logarithm; None leaves logarithms out.

    Attributes
    ----------
    n_members : int
        K, forecasts from logarithms included: the second half.
    """

    seasons: Any

    def __init__(
        self,
        seasons: Sequence[Sequence[Member]],
        steps: Sequence[int],
        log_offset: float | None,
    ) -> None:
        super().__init__()
        self.n_steps, self.log_offset = len(steps), log_offset
        self.seasons = nn.ModuleList(SharedSeason(s, np.asarray(steps)) for s in seasons)
        self.n_linear = sum(len(members) for members in seasons)
        self.n_members = self.n_linear * (1 if log_offset is None else 2)

    def _fill(self, forecasts: Tensor, z: Tensor) -> None:
        """Write the forecasts (S, linear members, N) of windows (N, T)."""
        parts = forecasts.split([season.n_members for season in self.seasons], dim=1)
        for season, part in zip(self.seasons, parts, strict=True):
            season.fill(part, z)

    def linear(self, z: Tensor) -> Tensor:
        """Map windows (N, T) to the linear members' forecasts (S, linear members, N)."""
        forecasts = z.new_empty(self.n_steps, self.n_linear, len(z))
        self._fill(forecasts, z)
        return forecasts

    def logarithms(self, z: Tensor) -> Tensor | None:
        """Return the binary logarithms of values, if there are members that read them."""
        return None if self.log_offset is None else (z.clamp(min=0) + self.log_offset).log2_()

    def forward(self, z: Tensor, logs: Tensor | None) -> Tensor:
        """Map windows, each divided by its scale, to forecasts.

        Parameters
        ----------
        z : Tensor of shape (N, T)
            Windows.
        logs : Tensor of shape (N, T) or None
            Their `logarithms`.

        Returns
        -------
        Tensor of shape (S, K, N)
            The forecast of each member.
        """
        if logs is None:
            return self.linear(z)
        forecasts = z.new_empty(self.n_steps, self.n_members, len(z))
        plain, grown = forecasts.split(self.n_linear, dim=1)
        self._fill(plain, z)
        self._fill(grown, logs)
        # growth of a share is not believed beyond a factor of e above what was seen
        grown.clamp_(max=logs.amax(dim=1) + math.log2(math.e)).exp2_().sub_(self.log_offset)
        negative = z.amin(dim=1) < 0
        if not negative.any():
            plain.clamp_(min=0)
            return forecasts
        # unlike all that training has seen: as if there were no logarithms
        grown.copy_(torch.where(negative, plain, grown))
        plain.copy_(torch.where(negative, plain, plain.clamp(min=0)))
        return forecasts
