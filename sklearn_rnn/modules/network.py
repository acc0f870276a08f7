"""The network that estimators train: inputs, recurrent layers, pooling, head, output."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.native.plans import PlainNetwork
from sklearn_rnn.modules.heads import HEADS, Linear
from sklearn_rnn.modules.inputs import (
    MissingValues,
    Patches,
    TokenEmbedding,
    fill_forward,
    window_statistics,
)
from sklearn_rnn.modules.lengths import last_step
from sklearn_rnn.modules.noise import Dropout, InputNoise
from sklearn_rnn.modules.online import ReaderPool
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE, OUTPUTS
from sklearn_rnn.modules.pooling import Pooling
from sklearn_rnn.modules.recurrent import RecurrentStack

__all__ = ["SequenceNetwork"]


class SequenceNetwork(nn.Module):
    """Read sequences (N, T, F), answer (N, O), or (N, O, Q) with quantiles.

    Parameters
    ----------
    n_features, n_outputs : int
        F and O.
    hidden_sizes : sequence of int
        Size of each recurrent layer.
    cell, bidirectional, backend, nonlinearity
        See `sklearn_rnn.modules.recurrent.RecurrentStack`.
    dropout : float
        Share of the values between two layers, and before the head, that is zeroed while training.
    pooling : sequence of str
        Keys of POOLINGS.
    missing : {"error", "mask", "ffill"}
        What NaN means; see `sklearn_rnn.modules.inputs.MissingValues`.
    window_scaling : bool
        Whether each sequence is scaled by its own mean and standard deviation, and the answer
        back by them.
    input_noise : float
        Standard deviation of the noise added to inputs while training.
    patch_length : int
        Steps that are read as one.
    n_tokens, embedding_size : int or None
        Given both, X holds tokens, and each is looked up in a table of that size.
    n_quantiles : int or None
        Q, if the answer is a set of quantiles.
    output : str
        Key of OUTPUTS.
    origin_columns : sequence of int
        For each output, the feature whose last value (or whose window) it is measured from.
    origin_ratio, origin_shift, spread : sequence of float
        For each output, the linear map from the scale of that feature to the scale of the target,
        and the size of a usual change.
    seed : int
        The only source of randomness.
    """

    origin_ratio: Tensor
    origin_shift: Tensor
    spread: Tensor

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        hidden_sizes: Sequence[int],
        cell: str | type[nn.Module] = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        backend: str = "auto",
        pooling: Sequence[str] = ("last",),
        missing: str = "error",
        window_scaling: bool = False,
        input_noise: float = 0.0,
        patch_length: int = 1,
        n_tokens: int | None = None,
        embedding_size: int | None = None,
        n_quantiles: int | None = None,
        output: str = "identity",
        origin_columns: Sequence[int] = (0,),
        origin_ratio: Sequence[float] = (1.0,),
        origin_shift: Sequence[float] = (0.0,),
        spread: Sequence[float] = (1.0,),
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = Generator().manual_seed(seed)
        self.window_scaling = window_scaling
        self.output = output
        self.origin_columns = list(origin_columns)
        for name, values in {
            "origin_ratio": origin_ratio,
            "origin_shift": origin_shift,
            "spread": spread,
        }.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

        self.embedding: TokenEmbedding | None = None
        width = n_features
        if embedding_size is not None and n_tokens is not None:
            self.embedding = TokenEmbedding(n_tokens, embedding_size, generator)
            width = embedding_size
        self.inputs = _inputs(input_noise, missing, patch_length, seed=_draw(generator))
        self.recurrent = RecurrentStack(
            width * (1 + (missing == "mask")) * patch_length,
            hidden_sizes,
            cell,
            bidirectional=bidirectional,
            dropout=dropout,
            backend=backend,
            nonlinearity=nonlinearity,
            generator=generator,
        )
        self.dropout = Dropout(dropout, seed=_draw(generator))
        self.pooling = Pooling(pooling, self.recurrent.output_size, generator)
        quantiles: dict[str, Any] = {} if n_quantiles is None else {"n_quantiles": n_quantiles}
        head = HEADS["quantiles" if quantiles else "linear"]
        self.head = head(self.pooling.output_size, n_outputs, generator, **quantiles)
        self.readers = ReaderPool()

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (N, T, F), right-padded to the longest of `lengths` (N,), to answers."""
        return self._answer(x, lengths, self.recurrent)

    def answer_one(self, x: NDArray[np.floating]) -> NDArray[np.floating] | None:
        """Map one sequence (T, F) of finite numbers to its answer (O,) or (O, Q).

        None if native kernels cannot read it; then `forward` can. Nothing is learned, and as in
        evaluation nothing is random.
        """
        reader = None if self.embedding is not None else self.readers.take(self)
        if reader is None:
            return None
        if reader.is_whole_network:
            answer = reader.answer(x)
        else:
            if any(part.training for part in (self.dropout, *self.inputs)):
                self.eval()
            with torch.no_grad():
                batch = torch.from_numpy(x.astype(np.float32)).unsqueeze(0)
                answer = self._answer(batch, None, reader)[0].numpy()
        self.readers.put(reader)
        return answer

    def _answer(self, x: Tensor, lengths: Tensor | None, recurrent: Callable[..., Any]) -> Tensor:
        origin = spread = None
        if self.embedding is not None:
            x = self.embedding(x)
        elif self.window_scaling or self.output in FROM_LAST_VALUE:
            x, origin, spread = self._from_window(x, lengths)
        for change in self.inputs:
            x, lengths = change(x, lengths)
        states, last = recurrent(x, lengths, self.pooling.reads_states)
        answer = self.head(self.dropout(self.pooling(states, last, lengths)))  # (N, O) or (N, O, Q)
        if origin is None or spread is None:
            return answer if self.output == "identity" else OUTPUTS[self.output](answer, 0, 1)
        if answer.ndim > origin.ndim:
            origin, spread = origin.unsqueeze(2), spread.unsqueeze(2)
        return OUTPUTS[self.output](answer, origin, spread)

    def as_plain(self) -> PlainNetwork | None:
        """Return its parameters, if it is but recurrent layers and a linear map of their end.

        Such a network can be trained without torch; see `sklearn_rnn.kernels.native.step`.
        """
        layers = self.recurrent.as_layers()
        has_more = (
            self.embedding is not None
            or self.window_scaling
            or self.output != "identity"
            or len(self.inputs) > 0
            or self.dropout.p > 0
            or self.pooling.reads_states
            or len(self.pooling.parts) > 1
        )
        if layers is None or has_more or type(self.head) is not Linear:
            return None
        if type(self) is not SequenceNetwork:  # who derives from it has something else in mind
            return None
        return PlainNetwork(layers, (self.head.weight, self.head.bias))

    def _from_window(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, scaled if asked, and for each output its origin and spread (N, O)."""
        columns = self.origin_columns
        spread = self.spread.expand(len(x), -1)
        origin = last_step(fill_forward(x[..., columns]), lengths)
        if self.window_scaling:
            mean, deviation = window_statistics(x, lengths)
            x = (x - mean) / deviation
            if self.output == "identity":
                origin = mean[:, 0, columns]
            if self.output != "last_value_ratio":
                spread = deviation[:, 0, columns] * self.origin_ratio
        return x, origin * self.origin_ratio + self.origin_shift, spread


def _inputs(noise: float, missing: str, patch_length: int, seed: int) -> nn.ModuleList:
    """Return what changes a batch first: only what has something to do, for a call takes time."""
    steps = nn.ModuleList()
    if noise > 0:
        steps.append(InputNoise(noise, seed))
    if missing != "error":
        steps.append(MissingValues(missing))
    if patch_length > 1:
        steps.append(Patches(patch_length))
    return steps


def _draw(generator: Generator) -> int:
    return int(torch.randint(2**31, (), generator=generator))
