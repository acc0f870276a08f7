"""A recurrent decoder: the steps of a forecast one after another, each from the one before."""

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.initialization import empty, initialize_linear
from sklearn_rnn.modules.noise import draw_seed

__all__ = ["Decoder"]


class Decoder(nn.Module):
    """Add to a planned forecast, step by step (Sutskever et al. 2014).

    At each step it reads the value of the step before, the plan for this step and its inputs.
    While training, the value before is the true one for some of the windows (teacher forcing,
    Williams and Zipser 1989), and its own answer for the others, as it will be in use.

    Parameters
    ----------
    n_features : int
        D, what is known of a window; the first state is made of it.
    n_columns, n_inputs : int
        C columns that are answered, and E inputs of a step.
    hidden_size, cell, nonlinearity, backend
        See `sklearn_rnn.modules.cells.build_layer`.
    teacher_forcing : float
        Share of the windows that read the truth.
    generator : Generator
        Source of first weights, and of the seed of the draws.
    """

    def __init__(
        self,
        n_features: int,
        n_columns: int,
        n_inputs: int,
        *,
        hidden_size: int,
        cell: str | type[nn.Module],
        nonlinearity: str,
        backend: str,
        teacher_forcing: float,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.teacher_forcing = teacher_forcing
        self.input_size = 2 * n_columns + n_inputs
        self.layer = build_layer(
            cell,
            self.input_size,
            hidden_size,
            backend=backend,
            nonlinearity=nonlinearity,
            generator=generator,
        )
        self.first = initialize_linear(empty(nn.Linear, n_features, hidden_size), generator)
        self.answer = empty(nn.Linear, hidden_size, n_columns)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)
        self.seed = draw_seed(generator)
        self._draws: Generator | None = None

    def forward(
        self,
        features: Tensor,
        plan: Tensor,
        gain: Tensor,
        truth: Tensor | None,
        known: Tensor | None,
    ) -> Tensor:
        """Decode.

        Parameters
        ----------
        features : Tensor of shape (N, D)
            What is known of each window.
        plan : Tensor of shape (N, C, H)
            The forecast before anything is added, as changes from the last value.
        gain : Tensor of shape (N, C, 1)
            What an answer of one adds to such a change.
        truth : Tensor of shape (N, C, H) or None
            The true changes, while training.
        known : Tensor of shape (N, H, E) or None
            Inputs of the steps ahead.

        Returns
        -------
        Tensor of shape (N, C, H)
            What is added.
        """
        state = self._first_state(features)
        forced = self._forced(features, truth)
        before = torch.zeros_like(plan[..., 0])
        answers = []
        for step in range(plan.shape[2]):
            read = [before, plan[..., step]]
            if known is not None:
                read.append(known[:, step])
            states, state = self.layer(torch.cat(read, dim=1).unsqueeze(1), state)
            answer = self.answer(states[:, 0])
            answers.append(answer)
            before = (plan[..., step] + answer * gain[..., 0]).clamp(-10, 10)
            if truth is not None and forced is not None:
                before = torch.where(forced, truth[..., step], before)
        return torch.stack(answers, dim=2)

    def _first_state(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the state before the first step: its hidden part is made of the features."""
        hidden = torch.tanh(self.first(features))
        probe = features.new_zeros(len(features), 1, self.input_size)
        with torch.no_grad():
            _, parts = self.layer(probe)
        return (hidden, *(torch.zeros_like(part) for part in parts[1:]))

    def _forced(self, features: Tensor, truth: Tensor | None) -> Tensor | None:
        if truth is None or self.teacher_forcing == 0:
            return None
        if self._draws is None:
            self._draws = Generator().manual_seed(self.seed)
        draws = torch.rand(len(features), 1, generator=self._draws)
        return draws.to(features.device) < self.teacher_forcing
