"""The network that answers every step: inputs, recurrent layers, and one head for all steps."""

from collections.abc import Sequence
from typing import Any

from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.modules.heads import build_head
from sklearn_rnn.modules.inputs import fill_forward
from sklearn_rnn.modules.noise import Dropout, draw_seed
from sklearn_rnn.modules.origins import MeasuredAnswers
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE
from sklearn_rnn.modules.reader import SequenceReader

__all__ = ["StepNetwork"]


class StepNetwork(MeasuredAnswers, SequenceReader):
    """Read sequences (N, T, F), answer (N, T, O), or (N, T, O, Q) with quantiles.

    What is answered at a step is a map, the same at all steps, of the state there. Without
    `bidirectional` it depends on no later step.

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
    missing : {"error", "mask", "ffill"}
        What NaN means; see `sklearn_rnn.modules.inputs.MissingValues`.
    input_noise : float
        Standard deviation of the noise added to inputs while training.
    n_tokens, embedding_size : int or None
        Given both, X holds tokens, and each is looked up in a table of that size.
    n_quantiles : int or None
        Q, if the answer is a set of quantiles.
    output : str
        Key of OUTPUTS; the last value is that of the step itself.
    origin_columns : sequence of int
        For each output, the feature whose value it is measured from.
    origin_ratio, origin_shift, spread : sequence of float
        For each output, the linear map from the scale of that feature to the scale of the target,
        and the size of a usual change.
    seed : int
        The only source of randomness.
    """

    _draws_in_vain = False

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
        missing: str = "error",
        input_noise: float = 0.0,
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
            n_tokens=n_tokens,
            embedding_size=embedding_size,
            cell=cell,
            bidirectional=bidirectional,
            dropout=dropout,
            nonlinearity=nonlinearity,
            backend=backend,
        )
        self._measure_from(origin_columns, origin_ratio, origin_shift, spread, output=output)
        self.dropout = Dropout(dropout, seed=draw_seed(generator))
        self.head = build_head(self.recurrent.output_size, n_outputs, n_quantiles, generator)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (N, T, F), right-padded to the longest of `lengths` (N,), to answers.

        What it answers in the padding means nothing.
        """
        origin = self._origin(x)
        x, lengths = self._changed(x, lengths)
        states, _ = self.recurrent(x, lengths, True)
        return self._concluded(states, origin)

    def answer_and_state(
        self, x: Tensor, lengths: Tensor | None = None, initial: StackState | None = None
    ) -> tuple[Tensor, StackState]:
        """Return the answers of `forward`, and what layers carry at the end of each sequence.

        Handed back as `initial` with the steps that follow, they go on from there.
        """
        origin = self._origin(x)
        x, lengths = self._changed(x, lengths)
        states, _, ends = self.recurrent.read_on(x, lengths, True, initial)
        return self._concluded(states, origin), ends

    def _concluded(self, states: Any, origin: Tensor | None) -> Tensor:
        """Return answers (N, T, O) or (N, T, O, Q), from states (N, T, D)."""
        answer = self.head(self.dropout(states).flatten(0, 1))  # (N * T, O) or (N * T, O, Q)
        spread = None if origin is None else self.spread.expand(len(origin), -1)
        return self._measured(answer, origin, spread).unflatten(0, states.shape[:2])

    def _origin(self, x: Tensor) -> Tensor | None:
        """Return where "nothing changes" lies at each step (N * T, O); None where that is zero."""
        if self.output not in FROM_LAST_VALUE:
            return None
        return self._origin_at(fill_forward(x[..., self.origin_columns]).flatten(0, 1))
