"""The gated recurrent unit as plain tensor mathematics."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from sklearn_rnn.kernels.scan import State, scan

__all__ = ["gru_sequence", "gru_step"]


def gru_step(x_side: Tensor, state: State, w_h: Tensor, b_h: Tensor) -> State:
    r"""Advance the hidden state by one time step.

    .. math::
        r_t &= \sigma(W_{xr} x_t + b_{xr} + W_{hr} h_{t-1} + b_{hr}) \\
        z_t &= \sigma(W_{xz} x_t + b_{xz} + W_{hz} h_{t-1} + b_{hz}) \\
        n_t &= \tanh(W_{xn} x_t + b_{xn} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    Parameters
    ----------
    x_side : Tensor of shape (N, 3 * H)
        What the input adds to the reset, update and candidate gates, in this order.
    state : tuple of one Tensor of shape (N, H)
        Hidden state before the step.
    w_h, b_h : Tensor of shape (3 * H, H) and (3 * H,)
        Recurrent weights and biases of the same three gates.

    Returns
    -------
    tuple of one Tensor of shape (N, H)
        Hidden state after the step.

    References
    ----------
    .. [1] K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
       statistical machine translation", EMNLP 2014, section 2.3. The reset gate is applied
       after the recurrent product, as cuDNN does, so that one product serves all three gates.
    """
    (h,) = state
    x_reset, x_update, x_new = x_side.chunk(3, dim=-1)
    h_reset, h_update, h_new = linear(h, w_h, b_h).chunk(3, dim=-1)
    reset = torch.sigmoid(x_reset + h_reset)
    update = torch.sigmoid(x_update + h_update)
    new = torch.tanh(x_new + reset * h_new)
    return (torch.lerp(new, h, update),)  # new + update * (h - new)


def gru_sequence(
    x: Tensor, state: State, w_x: Tensor, w_h: Tensor, b_x: Tensor, b_h: Tensor
) -> tuple[Tensor, State]:
    """Run `gru_step` over time: all hidden states (N, T, H), and the state after the last."""
    x_side = linear(x, w_x, b_x)  # (N, T, 3H): the input side of every step in one product
    return scan(lambda x_t, s: gru_step(x_t, s, w_h, b_h), x_side, state)
