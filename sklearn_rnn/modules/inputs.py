"""What happens to a batch of sequences before the first recurrent layer."""

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.initialization import empty
from sklearn_rnn.modules.lengths import steps_mask

__all__ = ["MissingValues", "Patches", "TokenEmbedding", "fill_forward", "window_statistics"]


def fill_forward(x: Tensor) -> Tensor:
    """Replace each NaN by the value last seen in its sequence and feature, or by 0 before any."""
    steps = torch.arange(x.shape[1], device=x.device).view(1, -1, 1)
    seen = torch.where(x.isnan(), -1, steps).cummax(dim=1).values  # (N, T, F), -1 before any
    return x.gather(1, seen.clamp(min=0)).nan_to_num()


def window_statistics(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each sequence and feature: two of (N, 1, F).

    Missing values and padding do not count. A feature that is constant within a sequence has
    deviation 1, so that it becomes zeros rather than noise.
    """
    counts = ~x.isnan()
    if lengths is not None:
        counts &= steps_mask(x, lengths).unsqueeze(2)
    number = counts.sum(dim=1, keepdim=True).clamp(min=1)
    values = torch.where(counts, x, 0)
    mean = values.sum(dim=1, keepdim=True) / number
    variance = torch.where(counts, values - mean, 0).square().sum(dim=1, keepdim=True) / number
    deviation = variance.sqrt()
    return mean, torch.where(deviation > 1e-6 * mean.abs().clamp(min=1e-6), deviation, 1)


class MissingValues(nn.Module):
    """Make NaN readable: filled forward, or filled with 0 beside a channel that says so.

    Parameters
    ----------
    how : {"mask", "ffill"}
        With "mask", F channels become 2F.
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Map (N, T, F) to (N, T, F), or to (N, T, 2F) with a mask beside it; keep lengths."""
        if self.how == "mask":
            return torch.cat([x.nan_to_num(), x.isnan().to(x.dtype)], dim=2), lengths
        return fill_forward(x), lengths


class Patches(nn.Module):
    """Group neighbouring steps into one: (N, T, F) becomes (N, T / length, F * length).

    A long series costs the network one step for each patch, and what lies far back stays within
    reach. The last patch of a sequence is filled up with its last step.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the patches and how many of them each sequence has."""
        n, steps, features = x.shape
        patches = -(-steps // self.length)
        ends = torch.full((n,), steps, device=x.device) if lengths is None else lengths
        wanted = torch.arange(patches * self.length, device=x.device)
        source = torch.minimum(wanted, ends.unsqueeze(1) - 1)  # (N, patches * length)
        x = x.gather(1, source.unsqueeze(2).expand(-1, -1, features))
        if lengths is not None:
            lengths = (lengths + self.length - 1) // self.length
        return x.reshape(n, patches, self.length * features), lengths


class TokenEmbedding(nn.Module):
    """Look up a learned vector for each token: (N, T, 1) of whole numbers becomes (N, T, E)."""

    def __init__(self, n_tokens: int, size: int, generator: Generator) -> None:
        super().__init__()
        self.table = empty(nn.Embedding, n_tokens, size)
        nn.init.normal_(self.table.weight, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors (N, T, E)."""
        return self.table(x.squeeze(2))
