"""Training on an answer for every step: only steps that count reach the loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sklearn_rnn.exceptions import LossShapeError
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.net import PREDICTION_BATCH, SequenceNet

__all__ = ["StepDataset", "StepNet"]


class StepDataset(SequenceDataset):
    """Sequences with a target at each of their steps.

    Parameters
    ----------
    steps, starts, lengths
        As in `SequenceDataset`.
    targets : Tensor of shape (S, O), or (S,) for classes
        Those of all steps, one sequence after another.
    weights : Tensor of shape (S,), optional
        How much each step counts in the loss; those of weight 0 do not reach it.
    firsts : Tensor of shape (N,), int64, optional
        Where the targets of each sequence begin; without it, the sequences have them in turn.
    """

    def __init__(
        self,
        steps: Tensor,
        starts: Tensor,
        lengths: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        firsts: Tensor | None = None,
    ) -> None:
        # for the class above, the target of a sequence is where those of its steps begin
        firsts = lengths.cumsum(0) - lengths if firsts is None else firsts
        super().__init__(steps, starts, lengths, firsts)
        self.step_targets = targets
        self.step_weights = weights
        self.has_silent_steps = weights is not None and bool((weights == 0).any())

    def subset(self, index: Tensor) -> StepDataset:
        """Return the sequences at `index` over the same tables."""
        return StepDataset(
            self.steps,
            self.starts[index],
            self.lengths[index],
            self.step_targets,
            self.step_weights,
            self.targets[index],
        )

    def batch(self, index: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Gather the sequences at `index`, and the targets of their steps (S,) or (S, O).

        ``inputs["answered"]`` has the places of these steps among the N * T of the batch, padding
        included; it is left out where all of them are answered.
        """
        inputs, firsts = super().batch(index)
        n, longest = inputs["x"].shape[:2]
        lengths = self.lengths.index_select(0, index)
        before = lengths.cumsum(0) - lengths
        within = torch.arange(int(lengths.sum()))
        rows = within + (firsts - before).repeat_interleave(lengths)
        places = within + (torch.arange(n) * longest - before).repeat_interleave(lengths)
        if self.step_weights is not None:
            weights = self.step_weights.index_select(0, rows)
            if self.has_silent_steps:
                counts = weights > 0
                rows, places, weights = rows[counts], places[counts], weights[counts]
            inputs["weight"] = weights
        if len(places) < n * longest:
            inputs["answered"] = places
        return inputs, self.step_targets.index_select(0, rows)


class StepNet(SequenceNet):
    """A skorch net for `StepDataset`: the network answers (N, T, O), the loss sees steps (S, O)."""

    def infer(self, x: dict[str, Tensor], **fit_params: Any) -> Tensor:
        """Return the answers at the steps that are asked for, one sequence after another."""
        answers = super().infer(x, **fit_params)
        if answers.shape[:2] != x["x"].shape[:2]:
            raise LossShapeError(
                f"A network that answers every step must map (N, T, F) to (N, T, O); got "
                f"{tuple(answers.shape)} for {tuple(x['x'].shape)}. Leave out what sums up steps."
            )
        answers = answers.flatten(0, 1)
        if "answered" not in x:
            return answers
        return answers.index_select(0, x["answered"].to(answers.device))

    def raw_answers(self, dataset: SequenceDataset) -> Tensor:
        """Return what the network answers at each step, one sequence after another.

        Batches are filled up to one size, as in `SequenceNet.raw_answers`.
        """
        n = len(dataset)
        filled = torch.arange(n + -n % PREDICTION_BATCH).clamp(max=n - 1)
        return self.forward(dataset.subset(filled))[: int(dataset.lengths.sum())]
