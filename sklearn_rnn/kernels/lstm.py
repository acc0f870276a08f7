"""The long short-term memory as plain tensor mathematics."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from sklearn_rnn.kernels.scan import State, scan

__all__ = ["lstm_sequence", "lstm_step"]


def lstm_step(x_side: Tensor, state: State, w_h: Tensor, b_h: Tensor) -> State:
    r"""Advance the hidden state and the memory by one time step.

    .. math::
        i_t &= \sigma(W_{xi} x_t + b_{xi} + W_{hi} h_{t-1} + b_{hi}) \\
        f_t &= \sigma(W_{xf} x_t + b_{xf} + W_{hf} h_{t-1} + b_{hf}) \\
        g_t &= \tanh(W_{xg} x_t + b_{xg} + W_{hg} h_{t-1} + b_{hg}) \\
        o_t &= \sigma(W_{xo} x_t + b_{xo} + W_{ho} h_{t-1} + b_{ho}) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
        h_t &= o_t \odot \tanh(c_t)

    Parameters
    ----------
    x_side : Tensor of shape (N, 4 * H)
        What the input adds to the input, forget, candidate and output gates, in this order.
    state : tuple of two Tensors of shape (N, H)
        Hidden state and memory before the step.
    w_h, b_h : Tensor of shape (4 * H, H) and (4 * H,)
        Recurrent weights and biases of the same four gates.

    Returns
    -------
    tuple of two Tensors of shape (N, H)
        Hidden state and memory after the step.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
       1997; with the forget gate of F. Gers et al., "Learning to forget", 2000, and without
       peepholes, as in torch.
    """
    h, c = state
    gates = x_side + linear(h, w_h, b_h)  # (N, 4H)
    write, forget, new, read = gates.chunk(4, dim=-1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(write) * torch.tanh(new)
    return torch.sigmoid(read) * torch.tanh(c), c


def lstm_sequence(
    x: Tensor, state: State, w_x: Tensor, w_h: Tensor, b_x: Tensor, b_h: Tensor
) -> tuple[Tensor, State]:
    """Run `lstm_step` over time: all hidden states (N, T, H), and the state after the last."""
    x_side = linear(x, w_x, b_x)  # (N, T, 4H): the input side of every step in one product
    return scan(lambda x_t, s: lstm_step(x_t, s, w_h, b_h), x_side, state)
