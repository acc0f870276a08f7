"""The network of the forecaster: recurrent encoders that weigh a bank of classical forecasters.

A window is divided by its own mean size, so that one network serves series of any scale. The bank
(see `sklearn_rnn.modules.bank`) forecasts it in many simple ways. An encoder reads the end of the
window in patches, and from its last state, from statistics of the window and from how well each
member of the bank did a little earlier, the network decides how much of each member to take for
each step ahead, and what to add:

    forecast[h] = sum_k gate[h, k] * bank[h, k] + head[h] * deviation

The head starts at zero and the gate where the members' errors put it, so that training begins with
a good classical forecast. The bank takes much of the time; so several such corrections, each with
an encoder of its own, share it, and their median is the forecast.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from sklearn_rnn.modules.bank import LinearBank
from sklearn_rnn.modules.columns import InputColumns
from sklearn_rnn.modules.corrections import Correction, Known, zero_linear
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE, OUTPUTS
from sklearn_rnn.modules.spreads import SPREADS
from sklearn_rnn.series import InputColumn

__all__ = ["FORECAST_OUTPUTS", "FORECAST_SCALERS", "Forecast", "ForecastNetwork"]

#: What a forecast starts from: the bank, or one of the outputs of other networks.
FORECAST_OUTPUTS = ("bank", "last_value", "last_value_ratio", "identity")

#: By what a window is divided: its own mean size, or that of its series.
FORECAST_SCALERS = ("window", "series")

#: Numbers that describe each column of a window: see `_Window`.
N_STATISTICS = 4

#: Added to deviations, which are shares of the size of a window: a constant has none.
LEAST_DEVIATION = 1e-3

#: Steps ahead, spread over the horizon, at which backtests compare: errors of neighbours are alike.
BACKTEST_STEPS = 12


class Forecast(NamedTuple):
    """Answers for windows, in units of their scale.

    Parameters
    ----------
    point : Tensor of shape (N, H, C)
        The forecast.
    members : Tensor of shape (M, N, H, C)
        Those of which it is the median.
    spread : Tensor of shape (N, H, C, P)
        Distances of quantiles from it, or the parameters of a distribution around it.
    scale : Tensor of shape (N, C), float64
        Size of the values of each window.
    """

    point: Tensor
    members: Tensor
    spread: Tensor
    scale: Tensor


class _Window(NamedTuple):
    """What is known of the end of windows (N, C, E) before anything is learned."""

    z: Tensor  # values over their scale
    observed: Tensor  # 1 where a value was seen, 0 where it was filled in
    last: Tensor  # (N, C, 1)
    mean: Tensor
    deviation: Tensor
    statistics: Tensor  # (N, C, N_STATISTICS)


class _Backtest(NamedTuple):
    """How the members of the bank did at earlier cutoffs."""

    errors: Tensor  # mean absolute error of each (N, C, K)
    logs: Tensor  # their logarithms around the mean, 0 where there was no earlier cutoff


class ForecastNetwork(nn.Module):
    """Forecast H steps of C columns from windows of T steps.

    Parameters
    ----------
    window_length, encoder_length, patch_length : int
        T, the steps at its end that encoders read, E, and those read as one (E is a multiple).
    horizon : int
        H.
    n_series_columns : int
        C, columns that are read and answered together.
    periods : sequence of int
        Seasons that the bank knows.
    n_phases : int
        Phases of the calendar; 0 if there is none.
    log_offset : float or None
        See `sklearn_rnn.modules.bank.LinearBank`.
    columns : sequence of InputColumn
        Columns of the inputs.
    cell, nonlinearity, backend : str or class
        See `sklearn_rnn.modules.cells.build_layer`.
    hidden_sizes : sequence of int
        Size of each recurrent layer.
    dropout : float
        Between layers, and on the state that is read at the end.
    output : {"bank", "last_value", "last_value_ratio", "identity"}
        What the head's answer is added to, or multiplied with.
    scaler : {"window", "series"}
        Whether each window is divided by its own mean size and read as changes from its last
        value, or is divided by the mean size of its series and read as it is. The latter knows
        how large values are: an epidemic that fades looks different from one that begins.
    n_backtests : int
        Earlier cutoffs, H steps apart, at which the bank is tried.
    n_members : int
        M, corrections that share the bank.
    decoded : bool
        Whether a second recurrent network makes the steps one after another.
    teacher_forcing : float
        Share of the windows in training whose decoder reads the true step before.
    distribution : str or None
        A key of `sklearn_rnn.modules.spreads.SPREADS`.
    seed : int
        The only source of randomness.
    """

    backtest_steps: Tensor
    members: Any

    def __init__(
        self,
        *,
        window_length: int,
        encoder_length: int,
        patch_length: int,
        horizon: int,
        n_series_columns: int,
        periods: Sequence[int],
        n_phases: int,
        log_offset: float | None,
        columns: Sequence[InputColumn],
        cell: str | type[nn.Module],
        hidden_sizes: Sequence[int],
        nonlinearity: str,
        dropout: float,
        output: str,
        scaler: str,
        n_backtests: int,
        n_members: int,
        decoded: bool,
        teacher_forcing: float,
        distribution: str | None,
        backend: str,
        seed: int,
    ) -> None:
        super().__init__()
        generator = Generator().manual_seed(seed)
        self.window_length, self.encoder_length = window_length, encoder_length
        self.patch_length, self.horizon = patch_length, horizon
        self.n_series_columns, self.n_phases = n_series_columns, n_phases
        self.output, self.distribution = output, distribution
        self.by_window, self.n_backtests = scaler == "window", n_backtests
        in_bank = output == "bank"
        self.bank = LinearBank(
            window_length, horizon, periods, log_offset if in_bank else None, only_last=not in_bank
        )
        apart = -(-horizon // BACKTEST_STEPS)
        self.register_buffer("backtest_steps", torch.arange(apart // 2, horizon, apart))
        self.inputs = InputColumns(columns, generator)
        n_common = (
            (n_series_columns * N_STATISTICS if self.by_window else 0)
            + n_phases
            + self.inputs.width(_is_static)
            + (n_series_columns * self.bank.n_members if n_backtests else 0)
        )
        n_dynamic = self.inputs.width(_is_dynamic)
        self.members = nn.ModuleList(
            Correction(
                n_inputs=patch_length * (2 * n_series_columns + n_dynamic),
                n_common=n_common,
                n_members=self.bank.n_members,
                n_series_columns=n_series_columns,
                horizon=horizon,
                known=Known(
                    self.inputs.width(_is_known), sum(_is_known_number(c) for c in columns)
                ),
                backtests=n_backtests > 0,
                cell=cell,
                hidden_sizes=hidden_sizes,
                nonlinearity=nonlinearity,
                dropout=dropout,
                decoded=decoded,
                teacher_forcing=teacher_forcing,
                backend=backend,
                generator=generator,
            )
            for _ in range(n_members)
        )
        self.spread_of, first = SPREADS[distribution]
        n_states = n_members * self.members[0].state_size
        self.spread = zero_linear(n_states + n_common, n_series_columns * horizon * len(first))
        with torch.no_grad():
            self.spread.bias.copy_(torch.tensor(first).repeat(n_series_columns * horizon))

    def forward(self, batch: dict[str, Tensor]) -> Forecast:
        """Forecast windows.

        Parameters
        ----------
        batch : dict of str to Tensor
            ``values`` and ``observed`` (N, T + R * H, C): what lies before the cutoffs, the
            values that were missing filled in; ``tried`` (N, R), which of the R backtests, the
            latest first, have enough before them; ``phases`` (N,); ``level`` (N, C); with inputs
            ``inputs`` (N, T + H, F); while training ``targets`` and ``answered`` (N, H, C), which
            a decoder may read.

        Returns
        -------
        Forecast
            Answers for all H steps.
        """
        values, observed, scale = self._scaled(batch)
        window = described(
            values[..., -self.encoder_length :], observed[..., -self.encoder_length :]
        )
        bank = self._banked(values[..., -self.window_length :])
        backtest = None
        if self.n_backtests:
            backtest = self._backtest(batch["tried"], values, observed, window.deviation)
        common = self._common(batch, window, backtest)
        read = self._read(batch, window)
        origin, size = self._origin(window), self._size(window)
        known = numbers = truth = usual = None
        if self.inputs.width(_is_known):
            known = self.inputs.read(batch["inputs"][:, -self.horizon :], _is_known)
            numbers = self._numbers_ahead(batch)
            # a holiday may move what has hardly moved in the window, but did before
            usual = self._size(described(values, observed)) / size
        if self.training:
            truth = (batch["targets"].transpose(1, 2) / scale.unsqueeze(-1)).to(values.dtype)
            truth = truth.masked_fill(~batch["answered"].transpose(1, 2), torch.nan)
        points, states, gates = [], [], []
        for member in self.members:
            state = member.encode(read)
            features = torch.cat([state, common], dim=1)
            gate = member.weights(features, None if backtest is None else backtest.logs)
            start = (bank * gate).sum(-1) if self.output == "bank" else origin
            surprise = None if numbers is None else _surprise(numbers, gate)
            change = _Change(window, size, usual, self.output == "last_value_ratio")
            answer = member(features, start, change, truth, known, surprise)
            output = OUTPUTS["identity" if self.output == "bank" else self.output]
            points.append(output(answer, start, size))
            states.append(state)
            gates.append(gate)
        members = torch.stack(points)
        # a likelihood is learned by all members together, so it needs their mean
        point = members.quantile(0.5, dim=0) if self.distribution is None else members.mean(0)
        # quantiles are learned beside the forecast and do not change it; the parameters of a
        # distribution are learned together with it
        features = torch.cat([*states, common], dim=1)
        raw = self.spread(features.detach() if self.distribution is None else features)
        unit = _unit(bank, torch.stack(gates).mean(0), point, window, backtest)
        spread = self.spread_of(raw.view(*point.shape, -1), unit)
        return Forecast(
            point.transpose(1, 2), members.transpose(2, 3), spread.transpose(1, 2), scale
        )

    def _scaled(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return values over their scale and what was observed (N, C, T + R * H), and the scale."""
        observed = batch["observed"].transpose(1, 2)
        values = batch["values"].transpose(1, 2)
        if self.by_window:
            counted = _counted(observed[..., -self.encoder_length :])
            size = (values[..., -self.encoder_length :].abs() * counted).sum(-1)
            scale = size / counted.sum(-1)
            scale = torch.maximum(scale, 1e-8 * batch["level"])  # a window may be all zeros
        else:
            scale = batch["level"]
        return (values / scale.unsqueeze(-1)).to(self.spread.weight.dtype), observed, scale

    def _banked(self, z: Tensor, steps: Tensor | None = None) -> Tensor:
        """Return the bank's forecasts (N, C, H, K) of windows (N, C, T)."""
        return self.bank(z.flatten(0, 1), steps).unflatten(0, z.shape[:2])

    @torch.no_grad()
    def _backtest(
        self, tried: Tensor, values: Tensor, observed: Tensor, deviation: Tensor
    ) -> _Backtest:
        """Compare what the bank makes of earlier windows with what came.

        Where nothing was tried, a deviation (N, C, 1) stands for the errors.
        """
        horizon, steps = self.horizon, self.backtest_steps
        total: Any = 0
        count: Any = 0
        for number in range(1, self.n_backtests + 1):
            end = values.shape[-1] - number * horizon
            bank = self._banked(values[..., end - self.window_length : end], steps)
            truth = values[..., end : end + horizon][..., steps].clamp(-50, 50).unsqueeze(-1)
            known = observed[..., end : end + horizon][..., steps]
            known = (known & tried[:, None, number - 1 : number]).to(values.dtype)
            total = total + torch.einsum("nchk,nch->nck", (bank - truth).abs(), known)
            count = count + known.sum(-1, keepdim=True)
        errors = total / count.clamp(min=1)
        logs = (errors + 0.05 * errors.mean(-1, keepdim=True) + 1e-3).log()
        logs = (logs - logs.mean(-1, keepdim=True)) * (count > 0)
        return _Backtest(torch.where(count > 0, errors, deviation), logs.clamp(-4, 4))

    def _read(self, batch: dict[str, Tensor], window: _Window) -> Tensor:
        """Return the patches that encoders read (N, E / patch, D)."""
        z = window.z
        if self.by_window:
            z = (z - window.last) / window.deviation
        z = (z * window.observed).clamp(-10, 10)
        patches = [_patches(z, self.patch_length), _patches(window.observed, self.patch_length)]
        if self.inputs.width(_is_dynamic):
            past = batch["inputs"][:, -self.horizon - self.encoder_length : -self.horizon]
            dynamic = self.inputs.read(past, _is_dynamic)
            patches.append(_patches(dynamic.transpose(1, 2), self.patch_length))
        return torch.cat(patches, dim=-1)

    def _common(
        self, batch: dict[str, Tensor], window: _Window, backtest: _Backtest | None
    ) -> Tensor:
        """Return what all members know of each window beside their own state (N, D)."""
        dtype = window.z.dtype
        features = [window.statistics.flatten(1)] if self.by_window else []
        if self.n_phases:
            features.append(one_hot(batch["phases"] % self.n_phases, self.n_phases).to(dtype))
        if self.inputs.width(_is_static):
            at_end = batch["inputs"][:, -self.horizon - 1]
            features.append(self.inputs.read(at_end, _is_static))
        if backtest is not None:
            features.append(backtest.logs.flatten(1))
        return torch.cat([*features, window.z.new_zeros(len(window.z), 0)], dim=1)

    def _origin(self, window: _Window) -> Tensor:
        """Return where "nothing changes" lies (N, C, H), for outputs without a bank."""
        if self.output in FROM_LAST_VALUE:
            origin = window.last
        else:
            origin = window.mean if self.by_window else torch.zeros_like(window.mean)
        return origin.expand(-1, -1, self.horizon)

    def _size(self, window: _Window) -> Tensor:
        """Return the size of a usual change (N, C, 1)."""
        if self.by_window and self.output != "last_value_ratio":
            return window.deviation
        return torch.ones_like(window.deviation)

    def _numbers_ahead(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return known numbers of the steps ahead (N, E, H), and the bank's forecasts of them.

        What a series owes to its inputs is in the bank's forecast as far as the inputs go on as
        they did; only the rest needs to be added.
        """
        numbers = self.inputs.read(batch["inputs"], _is_known_number).transpose(1, 2)
        past, future = numbers.split([self.window_length, self.horizon], dim=2)
        expected = self.bank.linear(past.flatten(0, 1)).unflatten(0, past.shape[:2])
        return future, expected

    def set_input_sizes(self, centre: NDArray, scale: NDArray) -> None:
        """Say how inputs are scaled: their centres and spreads (F,)."""
        self.inputs.centre.copy_(torch.from_numpy(centre))
        self.inputs.scale.copy_(torch.from_numpy(scale))

    def input_sizes(self) -> tuple[NDArray, NDArray]:
        """Return centres and spreads of the inputs (F,)."""
        return self.inputs.centre.cpu().numpy(), self.inputs.scale.cpu().numpy()

    def in_units_of_data(self, spread: Tensor, scale: Tensor) -> Tensor:
        """Turn spreads (N, H, C, P) of windows with a scale (N, C) into those of the data."""
        if self.distribution == "negative_binomial":
            return spread  # its alpha has no unit
        factor = scale[:, None, :, None].expand(spread.shape).clone()
        if self.distribution == "student_t":
            factor[..., 1] = 1.0  # degrees of freedom
        return spread * factor

    @torch.no_grad()
    def bank_errors(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the absolute errors of the bank's members.

        Parameters
        ----------
        batch : dict of str to Tensor
            As for `forward`, with ``targets`` and ``answered`` (N, H, C).

        Returns
        -------
        Tensor of shape (N, C, H, K)
            In units of the windows' scale; 0 where nothing was observed.
        Tensor of shape (N, C), float64
            The scale.
        """
        values, _, scale = self._scaled(batch)
        bank = self._banked(values[..., -self.window_length :])
        truth = (batch["targets"].transpose(1, 2) / scale.unsqueeze(-1)).to(values.dtype)
        error = (bank - truth.unsqueeze(-1)).abs()
        return error.masked_fill(~batch["answered"].transpose(1, 2).unsqueeze(-1), 0.0), scale


def described(z: Tensor, observed: Tensor) -> _Window:
    """Gather the statistics of scaled windows (N, C, E)."""
    mask = observed.to(z.dtype)
    counted = _counted(observed).to(z.dtype)
    count = counted.sum(-1, keepdim=True)
    mean = (z * counted).sum(-1, keepdim=True) / count
    size = (((z - mean) * counted).square().sum(-1, keepdim=True) / count).sqrt() + LEAST_DEVIATION
    change = (z.diff(dim=-1).abs() * counted[..., :-1]).sum(-1, keepdim=True) / count
    last = z[..., -1:]
    share = mask.mean(-1, keepdim=True)
    # a last value that was seen is within these bounds; one that was filled in may lie anywhere
    furthest = z.shape[-1] ** 0.5
    from_last = ((mean - last) / size).clamp(-furthest, furthest)
    statistics = torch.cat([size.log(), (change + LEAST_DEVIATION).log(), share, from_last], dim=-1)
    return _Window(z, mask, last, mean, size, statistics)


def _counted(observed: Tensor) -> Tensor:
    """Return what statistics are of: what was observed, or if nothing was, what was filled in."""
    return observed | ~observed.any(-1, keepdim=True)


class _Change(NamedTuple):
    """How a decoder sees values: as changes from the last one, in deviations."""

    window: _Window
    size: Tensor
    usual: Tensor | None  # size of a change that inputs make, in sizes
    is_ratio: bool

    def seen(self, values: Tensor) -> Tensor:
        """Return values (N, C, H) as changes."""
        return ((values - self.window.last) / self.window.deviation).clamp(-10, 10)

    @property
    def gain(self) -> Tensor:
        """Return what an answer of one adds to a change (N, C, 1)."""
        size = self.window.last if self.is_ratio else self.size
        return size / self.window.deviation


def _surprise(numbers: tuple[Tensor, Tensor], gate: Tensor) -> Tensor:
    """Return how far known numbers will be from what the bank would expect (N, H, E)."""
    future, expected = numbers
    weights = gate.mean(1)  # over columns (N, H, K)
    linear = expected.shape[-1]
    if weights.shape[-1] > linear:  # members that read logarithms count as their linear twins
        weights = weights[..., :linear] + weights[..., linear:]
    surprise = future - torch.einsum("nehk,nhk->neh", expected, weights)
    return surprise.clamp(-10, 10).transpose(1, 2)


@torch.no_grad()
def _unit(
    bank: Tensor, gate: Tensor, point: Tensor, window: _Window, backtest: _Backtest | None
) -> Tensor:
    """Return a first guess of how far off the forecast may be (N, C, H)."""
    unit = 0.5 * (gate * (bank - point.unsqueeze(-1)).abs()).sum(-1) + 0.05 * window.deviation
    if backtest is not None:
        unit = unit + 0.5 * (gate * backtest.errors.unsqueeze(2)).sum(-1)
    return unit


def _patches(x: Tensor, length: int) -> Tensor:
    """Map (N, C, T) to (N, T / length, C * length)."""
    n, c, _ = x.shape
    return x.reshape(n, c, -1, length).transpose(1, 2).reshape(n, -1, c * length)


def _is_static(column: InputColumn) -> bool:
    return column.static


def _is_dynamic(column: InputColumn) -> bool:
    return not column.static


def _is_known(column: InputColumn) -> bool:
    return column.known and not column.static


def _is_known_number(column: InputColumn) -> bool:
    return _is_known(column) and column.n_categories is None
