"""The network of language models: tokens in, logits of the next token out, a state between."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from sklearn_rnn.kernels.native.token_network import TokenNetwork
from sklearn_rnn.kernels.scan import State
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.initialization import empty, initialize_linear
from sklearn_rnn.modules.layers import native_layers
from sklearn_rnn.modules.noise import Dropout, draw_seed

__all__ = ["LanguageNetwork", "LockedDropout"]


class LockedDropout(Dropout):
    """Dropout that zeroes the same values at every step of a sequence (Gal, Ghahramani 2016).

    What a state says at one step is then missing at all others too, so the network cannot carry
    it past the dropout; and a window needs one draw instead of one for each step.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x (N, T, D), some of the D zeroed in each sequence while training."""
        if not self.training or self.p == 0:
            return x
        shape = (len(x), 1, x.shape[2])
        kept = torch.rand(shape, generator=self.generator(x), device=x.device) >= self.p
        return x * (kept.to(x.dtype) / (1 - self.p))


class LanguageNetwork(nn.Module):
    """Read tokens (N, T), answer logits (N, T, V) of the token after each.

    Parameters
    ----------
    n_tokens : int
        V.
    embedding_size : int
        Size E of the vector of a token.
    hidden_sizes : sequence of int
        Size of each recurrent layer, from the input upwards.
    cell, nonlinearity, backend : str or class
        See `sklearn_rnn.modules.cells.build_layer`.
    tie_weights : bool
        Whether the vectors of tokens are also the weights of the answer (Press and Wolf 2017,
        Inan et al. 2017). A last layer of another size than E is projected to it.
    input_dropout, dropout, output_dropout : float
        Share of the values that is zeroed while training: of the vectors of tokens, between two
        layers, and before the answer.
    seed : int
        The only source of randomness.
    """

    def __init__(
        self,
        n_tokens: int,
        embedding_size: int,
        hidden_sizes: Sequence[int],
        *,
        cell: str | type[nn.Module] = "lstm",
        nonlinearity: str = "tanh",
        backend: str = "auto",
        tie_weights: bool = False,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = Generator().manual_seed(seed)
        self.embedding = empty(nn.Embedding, n_tokens, embedding_size)
        # tied vectors are drawn small, for logits of usual size, and enlarged where they are read
        self.input_scale = embedding_size**0.5 if tie_weights else 1.0
        nn.init.normal_(self.embedding.weight, std=1 / self.input_scale, generator=generator)
        self.layers = nn.ModuleList()
        size = embedding_size
        for hidden_size in hidden_sizes:
            self.layers.append(
                build_layer(
                    cell,
                    size,
                    hidden_size,
                    backend=backend,
                    nonlinearity=nonlinearity,
                    generator=generator,
                )
            )
            size = hidden_size
        self.projection: nn.Module = nn.Identity()
        if tie_weights and size != embedding_size:
            self.projection = empty(nn.Linear, size, embedding_size, bias=False)
            size = initialize_linear(self.projection, generator).out_features
        weight = torch.empty(n_tokens, size)
        self.weight = self.embedding.weight if tie_weights else nn.Parameter(weight)
        if not tie_weights:
            nn.init.xavier_uniform_(self.weight, generator=generator)
        self.bias = nn.Parameter(torch.zeros(n_tokens))
        self.dropouts = nn.ModuleList(
            LockedDropout(share, seed=draw_seed(generator))
            for share in [input_dropout, *[dropout] * (len(hidden_sizes) - 1), output_dropout]
        )

    def forward(
        self, tokens: Tensor, state: tuple[State, ...] | None = None
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Map tokens (N, T) to logits (N, T, V) and the state of each layer after the last."""
        vectors, state = self.read(tokens, state)
        return self.answer(vectors), state

    def read(
        self, tokens: Tensor, state: tuple[State, ...] | None = None
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Map tokens (N, T) to the last layer's states (N, T, H), and the state of each layer."""
        x = self.embedding(tokens)
        if self.input_scale != 1:
            x = x * self.input_scale
        after = []
        for depth, layer in enumerate(self.layers):
            x, last = layer(self.dropouts[depth](x), None if state is None else state[depth])
            after.append(last)
        return self.dropouts[-1](x), tuple(after)

    def begin(self, token: int, n: int) -> tuple[State, ...]:
        """Return the state of each layer in n texts that begin behind a token."""
        return self.read(torch.full((n, 1), token, device=self.embedding.weight.device))[1]

    def as_tokens(self) -> TokenNetwork | None:
        """Return its parameters, if it does but what native steps know.

        Such a network can be trained without torch; see `sklearn_rnn.kernels.native.window_step`.
        """
        layers = native_layers(self.layers)
        shares: list[float] = [dropout.p for dropout in self.dropouts]  # type: ignore[misc]
        has_more = (
            self.weight is self.embedding.weight
            or not isinstance(self.projection, nn.Identity)
            or shares[0] > 0
        )
        if layers is None or has_more or type(self) is not LanguageNetwork:
            return None
        return TokenNetwork(
            self.embedding.weight,
            layers,
            tuple(share > 0 for share in shares[1:]),
            (self.weight, self.bias),
        )

    def answer(self, vectors: Tensor) -> Tensor:
        """Map states (..., H) to logits (..., V)."""
        return linear(self.projection(vectors), self.weight, self.bias)
