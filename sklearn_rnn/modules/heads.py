"""Heads: what turns one vector for each sequence into an answer."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from sklearn_rnn.modules.initialization import empty, initialize_linear

__all__ = ["HEADS", "Linear", "Quantiles", "build_head"]


class Linear(nn.Linear):
    """One number for each output: (N, D) becomes (N, O)."""

    def __init__(self, size: int, n_outputs: int, generator: Generator) -> None:
        super().__init__(size, n_outputs, device="meta")
        initialize_linear(self.to_empty(device="cpu"), generator)


class Quantiles(nn.Module):
    """Quantiles in ascending order that cannot cross: (N, D) becomes (N, O, Q).

    The middle quantile is free; the others are reached from it by positive steps.
    """

    def __init__(self, size: int, n_outputs: int, generator: Generator, n_quantiles: int) -> None:
        super().__init__()
        self.n_quantiles = n_quantiles
        self.linear = initialize_linear(empty(nn.Linear, size, n_outputs * n_quantiles), generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, D) to (N, O, Q), ascending along the last axis."""
        raw = self.linear(x).unflatten(1, (-1, self.n_quantiles))
        middle = self.n_quantiles // 2
        below, centre, above = raw.tensor_split([middle, middle + 1], dim=2)
        below = centre - softplus(below).flip(2).cumsum(dim=2).flip(2)
        return torch.cat([below, centre, centre + softplus(above).cumsum(dim=2)], dim=2)


#: A new head: write the class above and give it a name here.
HEADS: dict[str, type[nn.Module]] = {"linear": Linear, "quantiles": Quantiles}


def build_head(
    size: int, n_outputs: int, n_quantiles: int | None, generator: Generator
) -> nn.Module:
    """Return a head of vectors (N, `size`): of quantiles, if their number is given."""
    if n_quantiles is None:
        return HEADS["linear"](size, n_outputs, generator)
    return HEADS["quantiles"](size, n_outputs, generator, n_quantiles=n_quantiles)
