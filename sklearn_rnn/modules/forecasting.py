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

What is read and described has the windows as its first axis, what is forecast as its last, as the
bank answers it, until a `Forecast` is made of it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from sklearn_rnn.modules.backtests import Backtest, Backtests
from sklearn_rnn.modules.bank import LinearBank, seasons_of
from sklearn_rnn.modules.columns import InputColumns
from sklearn_rnn.modules.corrections import Correction, Known, zero_linear
from sklearn_rnn.modules.described import (
    N_STATISTICS,
    Window,
    counted_of,
    described,
    windows_last,
)
from sklearn_rnn.modules.gate import Gate, ZeroLinear
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE, OUTPUTS
from sklearn_rnn.modules.spreads import SPREADS
from sklearn_rnn.series import InputColumn

__all__ = ["FORECAST_OUTPUTS", "FORECAST_SCALERS", "Forecast", "ForecastNetwork"]

#: What a forecast starts from: the bank, or one of the outputs of other networks.
FORECAST_OUTPUTS = ("bank", "last_value", "last_value_ratio", "identity")

#: By what a window is divided: its own mean size, or that of its series.
FORECAST_SCALERS = ("window", "series")


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


class _Scaled(NamedTuple):
    """Windows and what lies before them, over their scale."""

    values: Tensor  # (N, C, T + R * H)
    observed: Tensor  # of the same shape
    scale: Tensor  # (N, C), float64


class _KnownAhead(NamedTuple):
    """What is known of the steps ahead."""

    inputs: Tensor | None  # (N, H, E)
    surprises: Tensor | None  # how far numbers among them are from what was to be expected, for M
    usual: Tensor | None  # size of a change that inputs make, in sizes (N, C, 1)


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
        self.by_window = scaler == "window"
        in_bank = output == "bank"
        seasons = [list(members.values()) for members in seasons_of(window_length, periods)]
        if not in_bank:
            seasons, log_offset = [seasons[0][:1]], None  # the last value alone
        self.bank = LinearBank(seasons, range(horizon), log_offset)
        self.backtests = None
        if n_backtests:
            self.backtests = Backtests(window_length, horizon, seasons, log_offset)
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
                n_series_columns=n_series_columns,
                known=Known(
                    self.inputs.width(_is_known), sum(_is_known_number(c) for c in columns)
                ),
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
        state_size = self.members[0].state_size
        n_answers = horizon * n_series_columns
        self.gate = self.head = None
        if in_bank:
            self.gate = Gate(
                n_members,
                state_size,
                n_common,
                n_members=self.bank.n_members,
                n_series_columns=n_series_columns,
                horizon=horizon,
                backtests=n_backtests > 0,
            )
        if not decoded:
            self.head = ZeroLinear(n_members, state_size, n_common, n_answers)
        self.spread_of, first = SPREADS[distribution]
        self.spread = zero_linear(n_members * state_size + n_common, len(first) * n_answers)
        with torch.no_grad():
            self.spread.bias.copy_(torch.tensor(first).repeat_interleave(n_answers))

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
        scaled = self._scaled(batch)
        values, observed, scale = scaled
        window = described(
            values[..., -self.encoder_length :], observed[..., -self.encoder_length :]
        )
        logs = self.bank.logarithms(values)
        bank = self._banked(values, logs)
        backtest = None
        if self.backtests is not None:
            backtest = self.backtests(batch["tried"], values, logs, observed, window.deviation)
        common = self._common(batch, window, backtest)
        read = self._read(batch, window)
        states = torch.stack([member.encode(read) for member in self.members])  # (M, N, S)
        if self.gate is None:
            weights = bank.new_ones(()).expand(len(states), *bank.shape)
            start = self._origin(window).expand(len(states), -1, -1, -1)
        else:
            recent = None if backtest is None else backtest.logs
            weights, start = self.gate(states, common, recent, bank)
        answer = torch.zeros_like(start)
        if self.head is not None:
            answer = self.head(states, common).view_as(start)
        if self.inputs.width(_is_known) or self.head is None:
            known = self._known_ahead(batch, scaled, window, weights)
            answer = answer + self._corrections(batch, scaled, window, states, common, start, known)
        output = OUTPUTS["identity" if self.output == "bank" else self.output]
        members = output(answer, start, windows_last(self._size(window)))  # (M, H, C, N)
        # a likelihood is learned by all members together, so it needs their mean
        point = median(members.detach()) if self.distribution is None else members.mean(0)
        unit = _unit(bank, weights, point, window, backtest)
        spread = self._spread(states, common, unit)
        return Forecast(
            point.permute(2, 0, 1), members.permute(0, 3, 1, 2), spread.permute(3, 1, 2, 0), scale
        )

    def _spread(self, states: Tensor, common: Tensor, unit: Tensor) -> Tensor:
        """Return how far off forecasts may be (P, H, C, N), in multiples of a unit (H, C, N)."""
        features = torch.cat([*states, common], dim=1)
        if self.distribution is None:
            # quantiles are learned beside the forecast and do not change it; the parameters of a
            # distribution are learned together with it
            features = features.detach()
        raw = torch.addmm(self.spread.bias.unsqueeze(1), self.spread.weight, features.t())
        return self.spread_of(raw.view(-1, *unit.shape), unit)

    def _corrections(
        self,
        batch: dict[str, Tensor],
        scaled: _Scaled,
        window: Window,
        states: Tensor,
        common: Tensor,
        start: Tensor,
        known: _KnownAhead,
    ) -> Tensor:
        """Return what inputs and decoders add to `start` (M, H, C, N)."""
        truth = None
        if self.training:
            truth = batch["targets"].transpose(1, 2) / scaled.scale.unsqueeze(-1)
            truth = truth.masked_fill(~batch["answered"].transpose(1, 2), torch.nan)
            truth = truth.to(start.dtype)
        is_ratio = self.output == "last_value_ratio"
        change = _Change(window, self._size(window), known.usual, is_ratio)
        added = []
        for number, member in enumerate(self.members):
            features = torch.cat([states[number], common], dim=1)
            before = start[number].permute(2, 1, 0)
            surprise = None if known.surprises is None else known.surprises[number]
            added.append(member(features, before, change, truth, known.inputs, surprise))
        return torch.stack(added).permute(0, 3, 2, 1)

    def _known_ahead(
        self, batch: dict[str, Tensor], scaled: _Scaled, window: Window, weights: Tensor
    ) -> _KnownAhead:
        """Return what inputs say of the steps ahead, if there are any."""
        if not self.inputs.width(_is_known):
            return _KnownAhead(None, None, None)
        inputs = self.inputs.read(batch["inputs"][:, -self.horizon :], _is_known)
        # a holiday may move what has hardly moved in the window, but did before
        usual = self._size(described(scaled.values, scaled.observed)) / self._size(window)
        return _KnownAhead(inputs, self._surprises(batch, weights), usual)

    def _scaled(self, batch: dict[str, Tensor]) -> _Scaled:
        """Divide values by their scale."""
        observed = batch["observed"].transpose(1, 2)
        values = batch["values"].transpose(1, 2)
        if self.by_window:
            counted = counted_of(observed[..., -self.encoder_length :])
            size = (values[..., -self.encoder_length :].abs() * counted).sum(-1)
            scale = size / counted.sum(-1)
            scale = torch.maximum(scale, 1e-8 * batch["level"])  # a window may be all zeros
        else:
            scale = batch["level"]
        values = (values / scale.unsqueeze(-1)).to(self.spread.weight.dtype)
        return _Scaled(values, observed, scale)

    def _banked(self, values: Tensor, logs: Tensor | None) -> Tensor:
        """Return the bank's forecasts (H, K, C, N) of the ends of values (N, C, ...)."""
        z = _columns_first(values[..., -self.window_length :])
        if logs is not None:
            logs = _columns_first(logs[..., -self.window_length :])
        return self.bank(z, logs).unflatten(2, values.shape[1::-1])

    def _read(self, batch: dict[str, Tensor], window: Window) -> Tensor:
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
        self, batch: dict[str, Tensor], window: Window, backtest: Backtest | None
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
            features.append(backtest.logs.flatten(0, 1).t())
        return torch.cat([*features, window.z.new_zeros(len(window.z), 0)], dim=1)

    def _origin(self, window: Window) -> Tensor:
        """Return where "nothing changes" lies (H, C, N), for outputs without a bank."""
        if self.output in FROM_LAST_VALUE:
            origin = window.last
        else:
            origin = window.mean if self.by_window else torch.zeros_like(window.mean)
        return windows_last(origin).expand(self.horizon, -1, -1)

    def _size(self, window: Window) -> Tensor:
        """Return the size of a usual change (N, C, 1)."""
        if self.by_window and self.output != "last_value_ratio":
            return window.deviation
        return torch.ones_like(window.deviation)

    def _surprises(self, batch: dict[str, Tensor], weights: Tensor) -> Tensor:
        """Return how far known numbers will be from what the bank would expect (M, N, H, E).

        What a series owes to its inputs is in the bank's forecast as far as the inputs go on as
        they did; only the rest needs to be added.
        """
        numbers = self.inputs.read(batch["inputs"], _is_known_number).transpose(1, 2)
        past, future = numbers.split([self.window_length, self.horizon], dim=2)
        expected = self.bank.linear(_columns_first(past)).unflatten(2, past.shape[1::-1])
        weights = weights.mean(3)  # over columns (M, H, K, N)
        if self.bank.n_members > self.bank.n_linear:
            # members that read logarithms count as their linear twins
            weights = weights.unflatten(2, (2, -1)).sum(2)
        surprises = future - torch.einsum("hken,mhkn->mneh", expected, weights)
        return surprises.clamp(-10, 10).transpose(2, 3)

    def set_prior(self, errors: Tensor) -> None:
        """Let the gate begin with the members of the bank whose errors (M, H, K) are smallest."""
        if self.gate is not None:
            self.gate.set_prior(errors)

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
        Tensor of shape (H, K, C, N)
            In units of the windows' scale; 0 where nothing was observed.
        Tensor of shape (N, C), float64
            The scale.
        """
        values, _, scale = self._scaled(batch)
        bank = self._banked(values, self.bank.logarithms(values))
        truth = batch["targets"].permute(1, 2, 0) / scale.t()  # (H, C, N)
        error = bank.sub_(truth.to(values.dtype).unsqueeze(1)).abs_()
        return error.masked_fill_(~batch["answered"].permute(1, 2, 0).unsqueeze(1), 0.0), scale


class _Change(NamedTuple):
    """How a decoder sees values: as changes from the last one, in deviations."""

    window: Window
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


@torch.no_grad()
def _unit(
    bank: Tensor, weights: Tensor, point: Tensor, window: Window, backtest: Backtest | None
) -> Tensor:
    """Return a first guess of how far off the forecast may be (H, C, N)."""
    off = (bank - point.unsqueeze(1)).abs_()
    if backtest is not None:
        off += backtest.errors
    total = weights[0].clone()
    for other in weights[1:]:  # faster than torch's mean over few
        total += other
    return (0.5 / len(weights)) * off.mul_(total).sum(1) + 0.05 * windows_last(window.deviation)


def median(members: Tensor) -> Tensor:
    """Return the median over the first axis; between two, their mean.

    Whole tensors are sorted, by the least and the greatest of two at a time: members are few, and
    torch sorts numbers that lie far apart.
    """
    ordered = list(members)
    for last in range(len(ordered) - 1, 0, -1):
        for i in range(last):
            low, high = ordered[i], ordered[i + 1]
            ordered[i], ordered[i + 1] = torch.minimum(low, high), torch.maximum(low, high)
    below, above = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return below if below is above else (below + above) / 2


def _columns_first(x: Tensor) -> Tensor:
    """Map (N, C, T) to rows (C * N, T)."""
    return x.transpose(0, 1).flatten(0, 1)


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
