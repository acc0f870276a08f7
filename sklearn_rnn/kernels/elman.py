"""The simple recurrent network of Elman as plain tensor mathematics."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from sklearn_rnn.kernels.scan import State, scan

__all__ = ["NONLINEARITIES", "elman_sequence", "elman_step"]

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


def elman_step(
    x_side: Tensor, state: State, w_h: Tensor, b_h: Tensor, nonlinearity: str = "tanh"
) -> State:
    r"""Advance the hidden state by one time step.

    .. math:: h_t = f(W_x x_t + b_x + W_h h_{t-1} + b_h)

    Parameters
    ----------
    x_side : Tensor of shape (N, H)
        What the input adds: :math:`W_x x_t + b_x`.
    state : tuple of one Tensor of shape (N, H)
        Hidden state before the step.
    w_h, b_h : Tensor of shape (H, H) and (H,)
        Recurrent weights and bias.
    nonlinearity : {"tanh", "relu"}, default="tanh"
        The function :math:`f`.

    Returns
    -------
    tuple of one Tensor of shape (N, H)
        Hidden state after the step.

    References
    ----------
    .. [1] J. L. Elman, "Finding structure in time", Cognitive Science 14(2), 1990.
    """
    (h,) = state
    return (NONLINEARITIES[nonlinearity](x_side + linear(h, w_h, b_h)),)


def elman_sequence(
    x: Tensor,
    state: State,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor,
    b_h: Tensor,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, State]:
    """Run `elman_step` over time: all hidden states (N, T, H), and the state after the last."""
    x_side = linear(x, w_x, b_x)  # (N, T, H): the input side of every step in one product
    return scan(lambda x_t, s: elman_step(x_t, s, w_h, b_h, nonlinearity), x_side, state)
