"""The gate: how much of each member of the bank a network takes, for each step ahead.

The forecasts of the bank are by far the largest arrays of the forecaster: each step ahead of each
window has one from every member. So the weights are computed for all members of the network
together, and their gradients are written out, which spares most of the passes over these arrays.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["Gate", "ZeroLinear"]

#: Steps ahead at which the gate reads the features of a window; between them it goes straight on.
GATE_KNOTS = 8

LOG2E = math.log2(math.e)


class ZeroLinear(nn.Module):
    """Linear maps, one for each member of the network, that answer zero until they have learned.

    Parameters
    ----------
    n_networks : int
        M, members of the network.
    state_size : int
        S, numbers of a member's own state.
    n_common : int
        D, numbers that all members know.
    n_outputs : int
        O.
    bias : bool, default=True
        Whether a bias is added.
    """

    def __init__(
        self, n_networks: int, state_size: int, n_common: int, n_outputs: int, bias: bool = True
    ) -> None:
        super().__init__()
        self.of_state = nn.Parameter(torch.zeros(n_networks, n_outputs, state_size))
        self.of_common = nn.Parameter(torch.zeros(n_networks, n_outputs, n_common))
        self.bias = nn.Parameter(torch.zeros(n_networks, n_outputs, 1)) if bias else None

    def forward(self, states: Tensor, common: Tensor) -> Tensor:
        """Map states (M, N, S) and common features (N, D) to (M, O, N)."""
        shared = (self.of_common.flatten(0, 1) @ common.t()).unflatten(0, self.of_common.shape[:2])
        answers = torch.baddbmm(shared, self.of_state, states.mT)
        return answers if self.bias is None else answers + self.bias


class Gate(nn.Module):
    """Weights of the bank's members, and their weighted mean.

    Parameters
    ----------
    n_networks, state_size, n_common : int
        As in `ZeroLinear`.
    n_members : int
        K, members of the bank.
    n_series_columns, horizon : int
        C and H.
    backtests : bool
        Whether recent errors of the bank's members are known.
    """

    between_knots: Tensor

    def __init__(
        self,
        n_networks: int,
        state_size: int,
        n_common: int,
        *,
        n_members: int,
        n_series_columns: int,
        horizon: int,
        backtests: bool,
    ) -> None:
        super().__init__()
        n_knots = min(horizon, GATE_KNOTS)
        n_outputs = n_knots * n_members * n_series_columns
        self.knots = ZeroLinear(n_networks, state_size, n_common, n_outputs, bias=False)
        self.register_buffer("between_knots", interpolation(horizon, n_knots))
        self.bias = nn.Parameter(torch.zeros(n_networks, horizon, n_members, n_series_columns))
        self.trust = None
        if backtests:  # how far to trust recent errors, learned for each step
            self.trust = nn.Parameter(torch.full((n_networks, horizon), 0.7))

    def forward(
        self, states: Tensor, common: Tensor, logs: Tensor | None, bank: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Weigh the bank.

        Parameters
        ----------
        states : Tensor of shape (M, N, S)
            Of each member of the network.
        common : Tensor of shape (N, D)
            What all know.
        logs : Tensor of shape (K, C, N) or None
            Logarithms of recent errors.
        bank : Tensor of shape (H, K, C, N)
            The bank's forecasts.

        Returns
        -------
        weights : Tensor of shape (M, H, K, C, N)
            How much of each member of the bank to take.
        means : Tensor of shape (M, H, C, N)
            The forecasts with these weights.
        """
        knots = self.knots(states, common).view(len(states), -1, bank[0].numel())
        return _Weighing.apply(knots, self.bias, self.trust, self.between_knots, logs, bank)

    @torch.no_grad()
    def set_prior(self, errors: Tensor, sharpness: float = 4.0) -> None:
        """Begin with the members of the bank that were best.

        Parameters
        ----------
        errors : Tensor of shape (M, H, K)
            Mean error of each member of the bank at each step, as each network counts it.
        sharpness : float, default=4.0
            Weights are proportional to ``errors ** -sharpness``.
        """
        bias = -sharpness * torch.log(errors + 1e-6)
        self.bias.copy_((bias - bias.amax(-1, keepdim=True)).unsqueeze(-1))


class _Weighing(Function):
    """The softmax over the bank's members, and the mean of their forecasts with these weights."""

    @staticmethod
    def forward(
        ctx: Any,
        knots: Tensor,  # (M, knots, K * C * N)
        bias: Tensor,
        trust: Tensor | None,
        between_knots: Tensor,
        logs: Tensor | None,
        bank: Tensor,
    ) -> tuple[Tensor, Tensor]:
        # powers of two are computed three times faster than those of e
        weights = (between_knots * LOG2E @ knots).view(len(knots), *bank.shape)
        weights += (bias * LOG2E).unsqueeze(-1)
        if trust is not None and logs is not None:
            weights.addcmul_((trust * LOG2E)[:, :, None, None, None], logs, value=-1)
        weights -= weights.amax(2, keepdim=True)
        weights.exp2_()
        weights *= weights.sum(2, keepdim=True).reciprocal_()
        means = (weights * bank).sum(2)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weights, means, between_knots, logs, bank)
        return weights, means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_weights: Tensor | None, of_means: Tensor | None) -> Any:
        weights, means, between_knots, logs, bank = ctx.saved_tensors
        change: Any = 0.0
        if of_means is not None:
            change = (bank - means.unsqueeze(2)).mul_(of_means.unsqueeze(2))
        if of_weights is not None:
            change = change + of_weights - (of_weights * weights).sum(2, keepdim=True)
        of_logits = change.mul_(weights).flatten(2)  # (M, H, K * C * N)
        of_trust = None if logs is None else -(of_logits @ logs.flatten())
        return between_knots.t() @ of_logits, change.sum(-1), of_trust, None, None, None


def interpolation(horizon: int, knots: int) -> Tensor:
    """Return the matrix (H, knots) that draws straight lines between values at some of H steps."""
    place = torch.linspace(0, knots - 1, horizon)
    return (1 - (place.unsqueeze(1) - torch.arange(knots)).abs()).clamp(min=0)
