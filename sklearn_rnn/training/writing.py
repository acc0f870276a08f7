"""Texts that go on a token at a time, by the net of a language model and numbers of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_rnn.kernels.sampling import (
    divide_by_temperature,
    draw,
    keep_allowed,
    keep_nucleus,
    keep_top_k,
    penalize_repetition,
)
from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.training.language import LanguageNet

__all__ = ["Writer"]


class Writer:
    """Write several texts side by side that go on alike.

    What is kept between two tokens has one size, however long the texts become.

    Parameters
    ----------
    net : LanguageNet
        Which answers what may follow.
    ids : ndarray of shape (T,), int64
        How all texts begin, or go on; of no token perhaps.
    n : int
        Texts.
    initial : tuple of tuples of Tensor of shape (1, ...) or (n, ...), optional
        The state that these tokens are read from, of all texts or of each.
    temperature, repetition_penalty : float
        See `sklearn_rnn.kernels.sampling`.
    top_k, top_p : int, float or None
        The same; None leaves all.
    """

    def __init__(
        self,
        net: LanguageNet,
        ids: NDArray[np.int64],
        n: int,
        initial: StackState | None = None,
        *,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
        repetition_penalty: float,
    ) -> None:
        self.net = net
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.penalty = repetition_penalty
        self.logits, self.state = net.begin(ids, n, initial)
        self.seen = torch.zeros(self.logits.shape, dtype=torch.bool)
        self.seen[:, torch.from_numpy(ids)] = True
        self._last: Tensor | None = None

    @torch.no_grad()
    def write(self, numbers: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the next token of each text.

        Parameters
        ----------
        numbers : ndarray of shape (N,), float64
            Even draws from [0, 1).
        allowed : ndarray of shape (N, V) or (V,), bool
            Which tokens may come, at least one in each row.

        Returns
        -------
        ndarray of shape (N,), int64
            Ids.
        """
        if self._last is not None:
            self.logits, self.state = self.net.go_on(self._last.to(self.net.device), self.state)
        tokens = self._choose(torch.from_numpy(numbers), torch.from_numpy(allowed))
        if self.penalty != 1:
            self.seen.scatter_(1, tokens.unsqueeze(1), True)
        self._last = tokens
        return tokens.numpy()

    def _choose(self, numbers: Tensor, allowed: Tensor) -> Tensor:
        logits: Any = self.logits.double().cpu()
        if self.penalty != 1:
            logits = penalize_repetition(logits, self.seen, self.penalty)
        logits = divide_by_temperature(keep_allowed(logits, allowed), self.temperature)
        if self.top_k is not None:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = keep_nucleus(logits, self.top_p)
        return draw(logits, numbers)
