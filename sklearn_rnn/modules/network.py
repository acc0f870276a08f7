"""The network that estimators train: inputs, recurrent layers, pooling, head, output."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.native.plans import PlainNetwork
from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.modules.heads import Linear, build_head
from sklearn_rnn.modules.inputs import fill_forward, window_statistics
from sklearn_rnn.modules.lengths import last_step
from sklearn_rnn.modules.noise import Dropout, draw_seed
from sklearn_rnn.modules.online import ReaderPool
from sklearn_rnn.modules.origins import MeasuredAnswers
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE
from sklearn_rnn.modules.pooling import Pooling
from sklearn_rnn.modules.reader import SequenceReader
from sklearn_rnn.modules.recurrent import RecurrentStack

__all__ = ["SequenceNetwork", "encoded", "encoded_from"]


class SequenceNetwork(MeasuredAnswers, SequenceReader):
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
        generator = Generator().manual_seed(seed)
        super().__init__(
            n_features,
            hidden_sizes,
            generator=generator,
            missing=missing,
            input_noise=input_noise,
            patch_length=patch_length,
            n_tokens=n_tokens,
            embedding_size=embedding_size,
            cell=cell,
            bidirectional=bidirectional,
            dropout=dropout,
            nonlinearity=nonlinearity,
            backend=backend,
        )
        self.window_scaling = window_scaling
        self._measure_from(origin_columns, origin_ratio, origin_shift, spread, output=output)
        self.dropout = Dropout(dropout, seed=draw_seed(generator))
        self.pooling = Pooling(pooling, self.recurrent.output_size, generator)
        self.head = build_head(self.pooling.output_size, n_outputs, n_quantiles, generator)
        self.readers = ReaderPool()

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (N, T, F), right-padded to the longest of `lengths` (N,), to answers."""
        return self._answer(x, lengths, self.recurrent)

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, gives_states: bool = False
    ) -> Tensor:
        """Return what the head reads (N, D), or if wanted all states (N, T, D)."""
        x, lengths, _, _ = self._prepared(x, lengths)
        return encoded(self.recurrent, self.pooling, x, lengths, gives_states)

    def encode_and_state(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        initial: StackState | None = None,
        gives_states: bool = False,
    ) -> tuple[Tensor, StackState]:
        """Return the same, and what layers carry at the end of each sequence."""
        x, lengths, _, _ = self._prepared(x, lengths)
        return encoded_from(self.recurrent, self.pooling, x, lengths, initial, gives_states)

    def why_no_state(self) -> str | None:
        """Say why reading cannot stop at the end of X and go on later; None if it can."""
        if self.window_scaling:
            return (
                "a state can be carried on only between sequences on one scale; got "
                "scaler='window', which scales each by itself. Fit with scaler='standard'."
            )
        return super().why_no_state()

    def answer_and_state(
        self, x: Tensor, lengths: Tensor | None = None, initial: StackState | None = None
    ) -> tuple[Tensor, StackState]:
        """Return the answers of `forward`, and what layers carry at the end of each sequence.

        Handed back as `initial` with the steps that follow, they go on from there. An answer that
        reads more than the last state covers the steps of x alone.
        """
        x, lengths, origin, spread = self._prepared(x, lengths)
        states, last, state = self.recurrent.read_on(x, lengths, self.pooling.reads_states, initial)
        return self._concluded(states, last, lengths, origin, spread), state

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
        x, lengths, origin, spread = self._prepared(x, lengths)
        states, last = recurrent(x, lengths, self.pooling.reads_states)
        return self._concluded(states, last, lengths, origin, spread)

    def _prepared(
        self, x: Tensor, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Return what recurrent layers read, its lengths, and what answers are measured from."""
        origin = spread = None
        if self.embedding is None and (self.window_scaling or self.output in FROM_LAST_VALUE):
            x, origin, spread = self._from_window(x, lengths)
        x, lengths = self._changed(x, lengths)
        return x, lengths, origin, spread

    def _concluded(
        self,
        states: Tensor | None,
        last: Tensor,
        lengths: Tensor | None,
        origin: Tensor | None,
        spread: Tensor | None,
    ) -> Tensor:
        """Return answers (N, O) or (N, O, Q), from what recurrent layers have made."""
        answer = self.head(self.dropout(self.pooling(states, last, lengths)))
        return self._measured(answer, origin, spread)

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
        return x, self._origin_at(origin), spread


def encoded(
    recurrent: RecurrentStack,
    pooling: Pooling,
    x: Tensor,
    lengths: Tensor | None,
    gives_states: bool,
) -> Any:
    """Return what layers make of x: one vector for each sequence, or if wanted all states."""
    states, last = recurrent(x, lengths, gives_states or pooling.reads_states)
    return states if gives_states else pooling(states, last, lengths)


def encoded_from(
    recurrent: RecurrentStack,
    pooling: Pooling,
    x: Tensor,
    lengths: Tensor | None,
    initial: StackState | None,
    gives_states: bool,
) -> tuple[Any, StackState]:
    """Return the same from a state on, and the state at the end of each sequence."""
    wanted = gives_states or pooling.reads_states
    states, last, state = recurrent.read_on(x, lengths, wanted, initial)
    return (states if gives_states else pooling(states, last, lengths)), state
