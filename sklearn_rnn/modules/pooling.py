"""Poolings: how the states of many steps become one vector."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.initialization import empty, initialize_linear
from sklearn_rnn.modules.lengths import steps_mask

__all__ = ["POOLINGS", "Pooling"]


class _Part(nn.Module):
    """One pooling, built alike whether or not it has something to learn."""

    #: Whether it reads more than final states.
    reads_states: ClassVar[bool] = True

    def __init__(self, size: int, generator: Generator) -> None:
        super().__init__()


class Last(_Part):
    """The state after the last step; of a backward layer, the state after the first."""

    reads_states = False

    def forward(self, states: Tensor, last: Tensor, mask: Tensor | None) -> Tensor:
        """Return (N, D)."""
        return last


class Mean(_Part):
    """The mean over the steps of a sequence."""

    def forward(self, states: Tensor, last: Tensor, mask: Tensor | None) -> Tensor:
        """Return (N, D)."""
        if mask is None:
            return states.mean(dim=1)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)


class Max(_Part):
    """The largest value over the steps of a sequence, for each unit."""

    def forward(self, states: Tensor, last: Tensor, mask: Tensor | None) -> Tensor:
        """Return (N, D)."""
        if mask is not None:
            states = states.masked_fill(~mask, -torch.inf)
        return states.amax(dim=1)


class Attention(_Part):
    """A weighted mean over the steps; the weights are a softmax of a learned score.

    References
    ----------
    .. [1] Z. Yang et al., "Hierarchical attention networks for document classification", NAACL
       2016, section 2.2, with the score linear in the state.
    """

    def __init__(self, size: int, generator: Generator) -> None:
        super().__init__(size, generator)
        self.score = initialize_linear(empty(nn.Linear, size, 1), generator)

    def forward(self, states: Tensor, last: Tensor, mask: Tensor | None) -> Tensor:
        """Return (N, D)."""
        scores = self.score(states)  # (N, T, 1)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return (scores.softmax(dim=1) * states).sum(dim=1)


class Pooling(nn.Module):
    """One or several poolings side by side: states (N, T, D) become (N, D * poolings).

    Parameters
    ----------
    names : sequence of str
        Keys of POOLINGS.
    size : int
        D, the size of a state.
    generator : Generator
        Source of first weights.
    """

    def __init__(self, names: Sequence[str], size: int, generator: Generator) -> None:
        super().__init__()
        self.names = list(names)
        self.parts = nn.ModuleList(POOLINGS[name](size, generator) for name in names)
        self.output_size = size * len(names)
        self.reads_states = any(POOLINGS[name].reads_states for name in names)

    def forward(self, states: Tensor | None, last: Tensor, lengths: Tensor | None) -> Tensor:
        """Join what each pooling makes of states (N, T, D) and of the final states (N, D).

        Where `reads_states` is false, the former may be None.
        """
        mask = None
        if states is not None and lengths is not None and self.reads_states:
            mask = steps_mask(states, lengths).unsqueeze(2)
        if len(self.parts) == 1:
            return self.parts[0](states, last, mask)
        return torch.cat([part(states, last, mask) for part in self.parts], dim=1)


#: A new pooling: write the class above, give it a name here, and every estimator offers it.
POOLINGS: dict[str, type[_Part]] = {
    "last": Last,
    "mean": Mean,
    "max": Max,
    "attention": Attention,
}
