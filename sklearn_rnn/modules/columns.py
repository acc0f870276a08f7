"""Columns of inputs as numbers that a network can read: scaled numbers, embedded categories."""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.initialization import empty
from sklearn_rnn.series import InputColumn

__all__ = ["InputColumns"]


def embedding_size(n_categories: int) -> int:
    """Return how many numbers stand for a category: few for few, 16 at most."""
    return min(16, (n_categories + 1) // 2)


class InputColumns(nn.Module):
    """Scale the numbers among the columns of inputs, and embed the categories.

    Parameters
    ----------
    columns : sequence of InputColumn
        What the columns are.
    generator : Generator
        Source of the first embeddings.

    Attributes
    ----------
    centre, scale : Tensor of shape (F,), float64
        Numbers become ``(x - centre) / scale``; to be set from the training data.
    """

    like: Tensor

    def __init__(self, columns: Sequence[InputColumn], generator: Generator) -> None:
        super().__init__()
        self.columns = tuple(columns)
        # no buffers, which would be rounded with the network: a date is a large number
        self.centre = torch.zeros(len(self.columns), dtype=torch.float64)
        self.scale = torch.ones(len(self.columns), dtype=torch.float64)
        self.register_buffer("like", torch.empty(0))  # whose dtype is that of the network
        self.embeddings = nn.ModuleDict()
        for number, column in enumerate(self.columns):
            if column.n_categories is not None:
                size = (column.n_categories, embedding_size(column.n_categories))
                table = empty(nn.Embedding, *size)
                nn.init.normal_(table.weight, std=0.3, generator=generator)
                self.embeddings[str(number)] = table

    def width(self, wanted: Callable[[InputColumn], bool]) -> int:
        """Return how many numbers the wanted columns become."""
        return sum(
            1 if c.n_categories is None else embedding_size(c.n_categories)
            for c in self.columns
            if wanted(c)
        )

    def read(self, inputs: Tensor, wanted: Callable[[InputColumn], bool]) -> Tensor:
        """Return the wanted columns of inputs (..., F) as numbers (..., E) of the network's dtype.

        Entries that are NaN, in columns of which only the past is known, become zero.
        """
        parts = []
        dtype = self.like.dtype
        for number, column in enumerate(self.columns):
            if not wanted(column):
                continue
            values = inputs[..., number]
            if column.n_categories is None:
                scaled = (values - self.centre[number].to(values)) / self.scale[number].to(values)
                parts.append(scaled.nan_to_num(0.0).to(dtype).unsqueeze(-1))
            else:
                parts.append(self.embeddings[str(number)](values.nan_to_num(0.0).long()))
        if not parts:
            return inputs.new_zeros((*inputs.shape[:-1], 0), dtype=dtype)
        return torch.cat(parts, dim=-1)
