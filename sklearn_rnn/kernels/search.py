"""The search for a sequence that a model of next tokens finds probable: greedy, and by a beam.

A search sees the model as a function ``step(tokens, state)``: from the token before, of R rows
(R,), and what is carried from step to step, to the logarithms of the probabilities of the next
token (R, V) and the state after it. A state is a tensor with R rows, or a tuple of states.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Found", "beam_search", "greedy_search", "length_penalty"]

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Found(NamedTuple):
    """The sequences that a search has found.

    Parameters
    ----------
    steps : Tensor of shape (N, L), int64
        Tokens, each sequence from its first on; what lies beyond its length means nothing.
    lengths : Tensor of shape (N,), int64
        Tokens of each, its end not counted.
    log_probability : Tensor of shape (N,)
        Of the whole sequence, that of its end included.
    ended : Tensor of shape (N,), bool
        Whether it came to its end, rather than being cut off.
    """

    steps: Tensor
    lengths: Tensor
    log_probability: Tensor
    ended: Tensor


def length_penalty(length: int, alpha: float) -> float:
    """Return what the logarithm of a probability is divided by (Wu et al. 2016, equation 14)."""
    return float(((5 + length) / 6) ** alpha)


def greedy_search(
    step: Step, state: Any, first: Tensor, limits: Tensor, end: int | None = None
) -> Found:
    """Take the most probable token at each step.

    Parameters
    ----------
    step : callable
        The model; see the head of this module.
    state : Tensor or tuple
        Before the first step, N rows.
    first : Tensor of shape (N,), int64
        What stands before the first token.
    limits : Tensor of shape (N,), int64
        Most tokens of each sequence; without `end`, how many it gets.
    end : int or None
        The token that ends a sequence and is not part of it.

    Returns
    -------
    Found
        One sequence for each row.
    """
    tokens, alive = first, torch.ones_like(first, dtype=torch.bool)
    lengths, ended = torch.zeros_like(first), torch.full_like(alive, end is None)
    total: Any = 0.0
    written = []
    for t in range(int(limits.max()) + (end is not None)):
        log_probabilities, state = step(tokens, state)
        best, tokens = log_probabilities.max(dim=1)
        ends = alive & (tokens == end) if end is not None else torch.zeros_like(alive)
        goes_on = alive & ~ends & (t < limits)
        total = total + torch.where(goes_on | ends, best, 0)
        ended = ended | ends
        alive = goes_on
        lengths = lengths + goes_on
        if not alive.any():
            break
        written.append(tokens)
    tokens = torch.stack(written, dim=1) if written else first.new_zeros(len(first), 0)
    return Found(tokens, lengths, total, ended)


def beam_search(
    step: Step,
    state: Any,
    first: Tensor,
    limits: Tensor,
    end: int | None = None,
    *,
    beam_size: int,
    alpha: float = 0.0,
) -> Found:
    """Keep the most probable beginnings at each step, and answer the best sequence that ended.

    Sequences of unequal lengths are compared by the logarithm of their probability over
    `length_penalty`, the end counted as a token. The search goes on until no beginning can still
    become better than what has ended.

    Parameters
    ----------
    step : callable
        The model. It is asked for N * `beam_size` rows, those of one sequence together.
    state : Tensor or tuple
        Before the first step, with as many rows.
    first, limits, end
        As in `greedy_search`, N rows. Only without `end` may limits differ.
    beam_size : int
        Beginnings that are kept of each sequence.
    alpha : float, default=0.0
        The larger, the more long sequences are preferred.

    Returns
    -------
    Found
        One sequence for each of N. One that never ends within its limit is the most probable
        beginning.
    """
    n, most = len(first), int(limits.max())
    beams = torch.arange(n, device=first.device).unsqueeze(1) * beam_size  # first row of each
    tokens = first.unsqueeze(1).expand(n, beam_size)
    written = first.new_zeros(n, beam_size, 0)
    scores: Any = None
    best = _Best(n, most, first)
    for t in range(most + (end is not None)):
        log_probabilities, state = step(tokens.reshape(-1), state)
        size = log_probabilities.shape[1]
        if scores is None:  # all beginnings are the same one, so only one of them counts
            scores = log_probabilities.new_full((n, beam_size), -torch.inf)
            scores[:, 0] = 0
        total = (scores.reshape(-1, 1) + log_probabilities).view(n, beam_size, size)
        if end is not None:
            top, chosen = total.view(n, -1).topk(beam_size)
            of_end = torch.where(chosen % size == end, top, -torch.inf)
            last, place = of_end.max(dim=1)
            parent = chosen.gather(1, place.unsqueeze(1)) // size
            best.keep(last, length_penalty(t + 1, alpha), _rows(written, parent)[:, 0])
            total[..., end] = -torch.inf
            bound = total.view(n, -1).max(dim=1).values / length_penalty(most + 1, alpha)
            if t == most or bool((best.scores >= bound).all()):
                break
        scores, chosen = total.view(n, -1).topk(beam_size)
        parent, tokens = chosen // size, chosen % size
        written = torch.cat([_rows(written, parent), tokens.unsqueeze(2)], dim=2)
        state = _select(state, (parent + beams).view(-1))
        if end is None:
            last = torch.where(limits == t + 1, scores[:, 0], -torch.inf)
            best.keep(last, 1.0, written[:, 0])
    return best.found(scores[:, 0], written[:, 0])


class _Best:
    """The best sequence that has ended so far, of each of N."""

    def __init__(self, n: int, most: int, like: Tensor) -> None:
        self.scores = torch.full((n,), -torch.inf, device=like.device)
        self.log_probability = torch.full((n,), -torch.inf, device=like.device)
        self.tokens = like.new_zeros(n, most)
        self.lengths = like.new_zeros(n)

    def keep(self, log_probability: Tensor, penalty: float, tokens: Tensor) -> None:
        """Take over sequences (N, t) that are better than what is known."""
        scores = log_probability / penalty
        better = scores > self.scores.to(scores.dtype)
        self.scores = torch.where(better, scores, self.scores.to(scores.dtype))
        self.log_probability = torch.where(
            better, log_probability, self.log_probability.to(scores.dtype)
        )
        t = tokens.shape[1]
        self.tokens[:, :t] = torch.where(better.unsqueeze(1), tokens, self.tokens[:, :t])
        self.lengths = torch.where(better, t, self.lengths)

    def found(self, scores: Tensor, written: Tensor) -> Found:
        """Return the best; where nothing has ended, what is written (N, t) so far."""
        ended = self.scores > -torch.inf
        t = written.shape[1]
        self.tokens[:, :t] = torch.where(ended.unsqueeze(1), self.tokens[:, :t], written)
        lengths = torch.where(ended, self.lengths, t)
        log_probability = torch.where(ended, self.log_probability, scores)
        return Found(self.tokens, lengths, log_probability, ended)


def _rows(written: Tensor, parent: Tensor) -> Tensor:
    """Return the beginnings (N, B, t) that others (N, K) go on from."""
    return written.gather(1, parent.unsqueeze(2).expand(-1, -1, written.shape[2]))


def _select(state: Any, index: Tensor) -> Any:
    """Return the rows of a state at `index`."""
    if isinstance(state, tuple):
        return tuple(_select(part, index) for part in state)
    return state.index_select(0, index)
