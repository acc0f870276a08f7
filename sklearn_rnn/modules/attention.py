"""Attention: what a decoder reads of all that was encoded, weighted anew for each step."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.initialization import empty, initialize_linear

__all__ = ["ATTENTIONS", "Memory"]


class Memory(NamedTuple):
    """What an encoder has read: N sequences of T steps.

    Parameters
    ----------
    states : Tensor of shape (N, T, D)
        What it made of each step.
    keys : Tensor of shape (N, T, K)
        By which attention finds a step; the states if there is no attention.
    held : Tensor of shape (N, T), bool, or None
        Where there is a step rather than padding; None if there is no padding.
    summary : Tensor of shape (N, D)
        What it made of the whole sequence.
    """

    states: Tensor
    keys: Tensor
    held: Tensor | None
    summary: Tensor

    def repeated(self, times: int) -> "Memory":
        """Return each sequence several times, one after the other."""
        parts = (None if x is None else x.repeat_interleave(times, dim=0) for x in self)
        return Memory(*parts)  # type: ignore[arg-type]


class Attention(nn.Module):
    """Weigh the encoder's steps by their scores: ``softmax(scores) @ states``.

    Subclasses say how a query (N, Q, H) and a key (N, T, K) make a score.
    """

    def keys(self, states: Tensor) -> Tensor:
        """Return the keys (N, T, K) of states (N, T, D): what need not wait for a query."""
        raise NotImplementedError

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the scores (N, Q, T)."""
        raise NotImplementedError

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return what is read for each query (N, Q, D), and the weights of the steps (N, Q, T)."""
        scores = self.scores(queries, memory.keys)
        if memory.held is not None:
            scores = scores.masked_fill(~memory.held.unsqueeze(1), -torch.inf)
        weights = scores.softmax(dim=2)
        return weights @ memory.states, weights


class DotAttention(Attention):
    """Score by a product, ``query @ W @ state`` (Luong et al. 2015, "general").

    It is divided by the square root of H (Vaswani et al. 2017), without which the weights of wide
    layers begin too sharp to learn.
    """

    def __init__(self, query_size: int, state_size: int, generator: Generator) -> None:
        super().__init__()
        self.key = initialize_linear(
            empty(nn.Linear, state_size, query_size, bias=False), generator
        )

    def keys(self, states: Tensor) -> Tensor:
        """Return ``W @ state``, (N, T, H)."""
        return self.key(states) * self.key.out_features**-0.5

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the products of queries (N, Q, H) and keys (N, T, H)."""
        return queries @ keys.mT


class AdditiveAttention(Attention):
    """Score by a small network, ``v @ tanh(W @ query + U @ state)`` (Bahdanau et al. 2015)."""

    def __init__(self, query_size: int, state_size: int, generator: Generator) -> None:
        super().__init__()
        self.query = initialize_linear(empty(nn.Linear, query_size, query_size), generator)
        self.key = initialize_linear(
            empty(nn.Linear, state_size, query_size, bias=False), generator
        )
        self.score = initialize_linear(empty(nn.Linear, query_size, 1, bias=False), generator)

    def keys(self, states: Tensor) -> Tensor:
        """Return ``U @ state``, (N, T, H)."""
        return self.key(states)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the scores of each pair of a query (N, Q, H) and a key (N, T, H)."""
        pairs = torch.tanh(self.query(queries).unsqueeze(2) + keys.unsqueeze(1))  # (N, Q, T, H)
        return self.score(pairs).squeeze(3)


#: A new attention: write the class above and give it a name here.
ATTENTIONS: dict[str, type[Attention]] = {"dot": DotAttention, "additive": AdditiveAttention}
