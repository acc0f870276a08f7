"""An encoder: what a recurrent stack makes of each step of a source, and of the whole."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.modules.inputs import MissingValues, TokenEmbedding
from sklearn_rnn.modules.noise import InputNoise, draw_seed
from sklearn_rnn.modules.recurrent import RecurrentStack

__all__ = ["Encoder"]

#: Id of source tokens that are not known.
UNKNOWN = 0


class Encoder(nn.Module):
    """Read sequences of numbers (N, T, F), or of tokens (N, T, 1).

    Parameters
    ----------
    n_features : int
        F.
    n_tokens : int or None
        Given, sequences hold tokens; the first of them are all that are not known.
    embedding_size : int
        Size of the vector of a token.
    missing : {"error", "mask", "ffill"}
        See `sklearn_rnn.modules.inputs.MissingValues`.
    input_noise : float
        Standard deviation of the noise added to numbers while training.
    generator : Generator
        Source of the first weights and of the seed of the noise.
    **layers
        Of `sklearn_rnn.modules.recurrent.RecurrentStack`.
    """

    def __init__(
        self,
        n_features: int,
        *,
        n_tokens: int | None,
        embedding_size: int,
        missing: str,
        input_noise: float,
        generator: Generator,
        **layers: Any,
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleList()
        self.tokens: TokenEmbedding | None = None
        width = n_features * (1 + (missing == "mask"))
        if n_tokens is not None:
            width = embedding_size
            self.tokens = TokenEmbedding(n_tokens, embedding_size, generator)
            with torch.no_grad():
                self.tokens.table.weight[UNKNOWN] = 0  # learned only where it is met
        else:
            if input_noise > 0:
                seed = draw_seed(generator)
                self.inputs.append(InputNoise(input_noise, seed))
            if missing != "error":
                self.inputs.append(MissingValues(missing))
        self.stack = RecurrentStack(width, generator=generator, **layers)
        self.output_size = self.stack.output_size

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None,
        gives_states: bool = True,
        initial: StackState | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Return the states of all steps (N, T, D), if wanted, and the summary (N, D)."""
        x, lengths = self._changed(x, lengths)
        return self.stack(x, lengths, gives_states, initial)

    def read_on(
        self, x: Tensor, lengths: Tensor | None, initial: StackState | None = None
    ) -> tuple[Tensor, StackState]:
        """Return the summary (N, D), and what each layer carries at the end of each sequence."""
        x, lengths = self._changed(x, lengths)
        _, summary, state = self.stack.read_on(x, lengths, False, initial)
        return summary, state

    def _changed(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what recurrent layers read, and its lengths."""
        if self.tokens is not None:
            x = self.tokens(x)
        for change in self.inputs:
            x, lengths = change(x, lengths)
        return x, lengths
