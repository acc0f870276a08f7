"""A recurrent autoencoder: a sequence becomes one vector, and the vector the sequence again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.heads import Linear
from sklearn_rnn.modules.lengths import reverse
from sklearn_rnn.modules.network import encoded, encoded_from
from sklearn_rnn.modules.noise import Dropout, draw_seed
from sklearn_rnn.modules.pooling import Pooling
from sklearn_rnn.modules.reader import SequenceReader

__all__ = ["SequenceAutoencoder", "SequenceDecoder"]


class SequenceDecoder(nn.Module):
    """Write a sequence from one vector: (N, D) becomes (N, T, O), last step first.

    The vector is read at every step. What was written before is not: a decoder that knows the step
    before can go on without the vector, which then says little of the whole (Srivastava 2015).
    It begins at the end, of which the encoder remembers most (Sutskever 2014).

    Parameters
    ----------
    size : int
        D.
    n_outputs : int
        Numbers written at each step.
    hidden_size, cell, nonlinearity, backend
        See `sklearn_rnn.modules.cells.build_layer`.
    generator : Generator
        Source of first weights.
    """

    def __init__(
        self,
        size: int,
        n_outputs: int,
        *,
        hidden_size: int,
        cell: str | type[nn.Module],
        nonlinearity: str,
        backend: str,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.layer = build_layer(
            cell,
            size,
            hidden_size,
            backend=backend,
            nonlinearity=nonlinearity,
            generator=generator,
        )
        self.head = Linear(hidden_size, n_outputs, generator)

    def forward(self, code: Tensor, steps: int, lengths: Tensor | None = None) -> Tensor:
        """Map vectors (N, D) to steps (N, T, O); what lies beyond `lengths` (N,) means nothing."""
        states, _ = self.layer(code.unsqueeze(1).expand(-1, steps, -1))
        return self.head(reverse(states, lengths))


class SequenceAutoencoder(SequenceReader):
    """Read sequences (N, T, F) into vectors (N, D), and write them again from these.

    Parameters
    ----------
    n_features : int
        F.
    hidden_sizes, cell, bidirectional, dropout, nonlinearity, backend, pooling, missing,
    input_noise, n_tokens, embedding_size, seed
        As in `sklearn_rnn.modules.network.SequenceNetwork`; what pooling makes is the vector.

    References
    ----------
    .. [1] N. Srivastava, E. Mansimov and R. Salakhutdinov, "Unsupervised learning of video
       representations using LSTMs", ICML 2015.
    """

    def __init__(
        self,
        n_features: int,
        *,
        hidden_sizes: Sequence[int],
        cell: str | type[nn.Module] = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        backend: str = "auto",
        pooling: Sequence[str] = ("last",),
        missing: str = "error",
        input_noise: float = 0.0,
        n_tokens: int | None = None,
        embedding_size: int | None = None,
        seed: int = 0,
    ) -> None:
        generator = Generator().manual_seed(seed)
        options: dict[str, Any] = {"cell": cell, "nonlinearity": nonlinearity, "backend": backend}
        super().__init__(
            n_features,
            hidden_sizes,
            generator=generator,
            missing=missing,
            input_noise=input_noise,
            n_tokens=n_tokens,
            embedding_size=embedding_size,
            bidirectional=bidirectional,
            dropout=dropout,
            **options,
        )
        self.pooling = Pooling(pooling, self.recurrent.output_size, generator)
        self.dropout = Dropout(dropout, seed=draw_seed(generator))
        self.decoder = SequenceDecoder(
            self.pooling.output_size,
            n_features if n_tokens is None or embedding_size is None else n_tokens,
            hidden_size=hidden_sizes[-1],
            generator=generator,
            **options,
        )

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (N, T, F) to what is written again (N, T, F); tokens to logits (N, T, V)."""
        return self.decoder(self.dropout(self.encode(x, lengths)), x.shape[1], lengths)

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, gives_states: bool = False
    ) -> Tensor:
        """Return vectors (N, D), or if wanted the states of the last layer (N, T, D)."""
        x, lengths = self._changed(x, lengths)
        return encoded(self.recurrent, self.pooling, x, lengths, gives_states)

    def encode_and_state(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        initial: StackState | None = None,
        gives_states: bool = False,
    ) -> tuple[Tensor, StackState]:
        """Return what `encode` does, and what layers carry at the end of each sequence."""
        x, lengths = self._changed(x, lengths)
        return encoded_from(self.recurrent, self.pooling, x, lengths, initial, gives_states)
