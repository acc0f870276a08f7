"""One correction of the bank: an encoder, and what is added step by step or from known inputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.decoder import Decoder
from sklearn_rnn.modules.initialization import empty, initialize_linear, initialize_uniformly
from sklearn_rnn.modules.noise import Dropout, draw_seed
from sklearn_rnn.modules.recurrent import RecurrentStack

__all__ = ["Correction", "Known"]


class Known(NamedTuple):
    """How many numbers are known of each step ahead, and how many of them are no embeddings."""

    width: int
    numbers: int


class Correction(nn.Module):
    """A member of the network, see `sklearn_rnn.modules.forecasting`.

    Parameters
    ----------
    n_inputs : int
        Numbers of a patch.
    n_common : int
        Features of a window that do not come from the encoder.
    n_series_columns : int
        C.
    known : Known
        What is known of the steps ahead.
    cell, hidden_sizes, nonlinearity, dropout, backend
        Of the encoder, see `sklearn_rnn.modules.recurrent.RecurrentStack`.
    decoded : bool
        Whether a second recurrent network makes the steps one after another.
    teacher_forcing : float
        See `sklearn_rnn.modules.decoder.Decoder`.
    generator : Generator
        Source of first weights, and of the seeds of further draws.
    """

    def __init__(
        self,
        *,
        n_inputs: int,
        n_common: int,
        n_series_columns: int,
        known: Known,
        cell: str | type[nn.Module],
        hidden_sizes: Sequence[int],
        nonlinearity: str,
        dropout: float,
        decoded: bool,
        teacher_forcing: float,
        backend: str,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.encoder = RecurrentStack(
            n_inputs,
            hidden_sizes,
            cell,
            bidirectional=False,
            dropout=dropout,
            backend=backend,
            nonlinearity=nonlinearity,
            generator=generator,
        )
        if isinstance(cell, str):
            for layer, size in zip(self.encoder.forwards, hidden_sizes, strict=True):
                initialize_uniformly(layer, size, generator)
        self.state_size = self.encoder.output_size
        self.dropout = Dropout(dropout, seed=draw_seed(generator))
        n_features = self.state_size + n_common
        self.decoder = self.ahead = None
        if decoded:
            self.decoder = Decoder(
                n_features,
                n_series_columns,
                known.width,
                hidden_size=hidden_sizes[-1],
                cell=cell,
                nonlinearity=nonlinearity,
                backend=backend,
                teacher_forcing=teacher_forcing,
                generator=generator,
            )
        if known.width:
            self.ahead = InputsAhead(n_features, known, n_series_columns, generator)

    def encode(self, read: Tensor) -> Tensor:
        """Return the state after reading patches (N, P, D)."""
        _, state = self.encoder(read, gives_states=False)
        return self.dropout(state)

    def forward(
        self,
        features: Tensor,
        start: Tensor,
        change: Any,
        truth: Tensor | None,
        known: Tensor | None,
        surprise: Tensor | None,
    ) -> Tensor:
        """Return what is to be added to `start` (N, C, H), beside what the head adds.

        Parameters
        ----------
        features : Tensor of shape (N, D)
            The encoder's state and what all members know.
        start : Tensor of shape (N, C, H)
            The forecast so far.
        change : object
            How a decoder sees values, and inputs move them.
        truth : Tensor of shape (N, C, H) or None
            True values while training; NaN where they are not known.
        known : Tensor of shape (N, H, E) or None
            Inputs of the steps ahead.
        surprise : Tensor of shape (N, H, S) or None
            How far numbers among them are from what would be expected.
        """
        answer = torch.zeros_like(start)
        if self.ahead is not None:
            answer = answer + self.ahead(features, known, surprise) * change.usual
        if self.decoder is not None:
            if truth is not None:
                truth = change.seen(torch.where(truth.isnan(), start.detach(), truth))
            answer = answer + self.decoder(features, change.seen(start), change.gain, truth, known)
        return answer


class InputsAhead(nn.Module):
    """What known inputs of the steps ahead add to the forecast.

    One part is linear in the surprise of each number, as in a regression; a small network over the
    inputs and the features of the window adds what depends on them together.
    """

    def __init__(
        self, n_features: int, known: Known, n_series_columns: int, generator: Generator
    ) -> None:
        super().__init__()
        hidden = 32
        n_inputs = known.width + known.numbers
        self.of_window = initialize_linear(empty(nn.Linear, n_features, hidden), generator)
        self.of_step = initialize_linear(empty(nn.Linear, n_inputs, hidden), generator)
        self.joined = zero_linear(hidden, n_series_columns)
        self.slope = zero_linear(known.numbers, n_series_columns) if known.numbers else None

    def forward(self, features: Tensor, known: Tensor, surprise: Tensor) -> Tensor:
        """Map features (N, D), inputs (N, H, E) and surprises (N, H, S) to (N, C, H)."""
        of_step = self.of_step(torch.cat([known, surprise], dim=-1))
        hidden = torch.tanh(of_step + self.of_window(features).unsqueeze(1))
        added = self.joined(hidden)
        if self.slope is not None:
            added = added + self.slope(surprise)
        return added.transpose(1, 2)


def zero_linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """Return a linear map that answers zero until it has learned."""
    layer = empty(nn.Linear, n_inputs, n_outputs)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
