"""What networks read sequences with: vectors of tokens, changes of a batch, recurrent layers."""

from collections.abc import Sequence
from typing import Any

from torch import Generator, Tensor, nn

from sklearn_rnn.modules.inputs import MissingValues, Patches, TokenEmbedding
from sklearn_rnn.modules.noise import InputNoise, draw_seed
from sklearn_rnn.modules.recurrent import RecurrentStack

__all__ = ["SequenceReader"]


class SequenceReader(nn.Module):
    """Base of networks that read sequences (N, T, F).

    Parameters
    ----------
    n_features : int
        F.
    hidden_sizes : sequence of int
        Size of each recurrent layer.
    generator : Generator
        Source of the first weights and of the seed of the noise.
    missing : {"error", "mask", "ffill"}
        What NaN means; see `sklearn_rnn.modules.inputs.MissingValues`.
    input_noise : float
        Standard deviation of the noise added to inputs while training.
    patch_length : int
        Steps that are read as one.
    n_tokens, embedding_size : int or None
        Given both, X holds tokens, and each is looked up in a table of that size.
    **layers
        Of `sklearn_rnn.modules.recurrent.RecurrentStack`.
    """

    #: Whether a seed is drawn for noise that there is not; the first weights depend on that.
    _draws_in_vain = True

    def __init__(
        self,
        n_features: int,
        hidden_sizes: Sequence[int],
        *,
        generator: Generator,
        missing: str = "error",
        input_noise: float = 0.0,
        patch_length: int = 1,
        n_tokens: int | None = None,
        embedding_size: int | None = None,
        **layers: Any,
    ) -> None:
        super().__init__()
        self.embedding: TokenEmbedding | None = None
        width = n_features
        if embedding_size is not None and n_tokens is not None:
            self.embedding = TokenEmbedding(n_tokens, embedding_size, generator)
            width = embedding_size
        self.inputs = nn.ModuleList()  # only what has something to do, for a call takes time
        seed = draw_seed(generator) if input_noise > 0 or self._draws_in_vain else 0
        if input_noise > 0:
            self.inputs.append(InputNoise(input_noise, seed))
        if missing != "error":
            self.inputs.append(MissingValues(missing))
        if patch_length > 1:
            self.inputs.append(Patches(patch_length))
        width *= (1 + (missing == "mask")) * patch_length
        self.recurrent = RecurrentStack(width, hidden_sizes, generator=generator, **layers)

    def why_no_state(self) -> str | None:
        """Say why reading cannot stop at the end of X and go on later; None if it can."""
        return self.recurrent.why_no_state()

    def _changed(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what recurrent layers read, and its lengths."""
        if self.embedding is not None:
            x = self.embedding(x)
        for change in self.inputs:
            x, lengths = change(x, lengths)
        return x, lengths
