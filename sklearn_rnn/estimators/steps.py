"""What estimators that answer every step do alike: pair, weigh, train, and put answers in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.state import CarriedState, States
from sklearn_rnn.estimators.step_layout import StepSequences, steps_of
from sklearn_rnn.estimators.step_parameters import STEP_PARAMETERS
from sklearn_rnn.estimators.step_targets import (
    StepValues,
    as_step_values,
    step_weights,
    values_of_steps,
)
from sklearn_rnn.modules.network import SequenceNetwork
from sklearn_rnn.modules.steps import StepNetwork
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.states import answers_and_states
from sklearn_rnn.training.steps import StepDataset, StepNet
from sklearn_rnn.training.threads import torch_threads

__all__ = ["StepEstimator"]


class StepEstimator(CarriedState, RecurrentEstimator):
    """Base of the estimators that answer every step.

    Subclasses turn the values of steps into what the loss wants, and answers into what users want.
    """

    # each step is answered for itself: there is nothing to pool, and no step to join with others
    pooling = "last"
    patch_length = 1

    #: Networks get these from sequences as a whole; what is answered at a step must not.
    _not_for_steps = ("pooling", "window_scaling", "patch_length")

    _own_parameters = STEP_PARAMETERS

    # -- what subclasses say -------------------------------------------------------------------

    def _checked_values(self, values: NDArray) -> NDArray:
        """Return the values (S, ...) of steps that count as targets, or say what is wrong."""
        raise NotImplementedError

    # -- check -> build -> train ---------------------------------------------------------------

    def __sklearn_tags__(self):
        """Tell scikit-learn that there is a value for every step."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    @answers_unknown
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None):
        """Train on sequences and the answers to their steps.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences. With two axes each number is one step of one feature.
        y : array-like of shape (N, T), or list of arrays of shape (T_i,)
            The answer at every step: numbers, with a last axis of several if wanted, or labels of
            any dtype. What it holds in the padding, or where `sample_weight` is 0, is not read.
        sample_weight : array-like of shape (N,) or (N, T), or list of (T_i,), optional
            How much each sequence, or each step, counts. Steps of weight 0 are read, but nothing
            is learned of what is to be answered there.

        Returns
        -------
        StepEstimator
            Itself.
        """
        self._validate()
        goes_on = self.warm_start and hasattr(self, "net_")
        with self._all_or_nothing():
            self._train(X, y, sample_weight, epochs=self.max_epochs, goes_on=goes_on)
        return self

    def _read(self, X: ArrayLike, *, first: bool) -> StepSequences:
        return StepSequences.of(super()._read(X, first=first), X)

    def _check_targets(self, y: ArrayLike, first: bool) -> Any:
        return as_step_values(y, name=type(self).__name__)

    def _weigh(  # type: ignore[override]
        self, sequences: StepSequences, targets: StepValues, sample_weight: ArrayLike | None
    ) -> tuple[StepSequences, NDArray, NDArray | None]:
        """Return what has a weight, targets (S, ...), and weights (S,) of mean 1 where above 0."""
        name = type(self).__name__
        values = values_of_steps(targets, sequences, name=name)
        weights = step_weights(sample_weight, sequences, name=name)
        if weights is not None:
            self._refuse_no_weight(weights)
        counts = np.ones(len(values), dtype=bool) if weights is None else weights > 0
        checked = self._checked_values(values[counts])
        of_steps = self._training_weights(checked, None if weights is None else weights[counts])
        if of_steps is None:
            return sequences, checked, None
        weights = np.zeros(len(counts))
        weights[counts] = of_steps / of_steps[of_steps > 0].mean()  # a class may have no weight
        filled = np.zeros((len(counts), *checked.shape[1:]), dtype=checked.dtype)
        filled[counts] = checked
        begins = np.cumsum(sequences.lengths) - sequences.lengths
        kept = np.maximum.reduceat(weights, begins) > 0
        of_kept = np.repeat(kept, sequences.lengths)
        return sequences.take(kept), filled[of_kept], weights[of_kept]

    def _refuse_no_weight(self, weights: NDArray) -> None:
        if not weights.any():
            raise ValueError(
                f"{type(self).__name__}: Sample weights must contain at least one non-zero "
                f"number; got zeros for all {len(weights)} steps."
            )

    def _learn_inputs(self, sequences: Sequences, weights: NDArray | None) -> None:
        if weights is not None:  # a sequence is read as a whole, whichever of its steps count
            begins = np.cumsum(sequences.lengths) - sequences.lengths
            weights = np.add.reduceat(weights, begins) / sequences.lengths
        super()._learn_inputs(sequences, weights)

    def _dataset(
        self,
        sequences: Sequences,
        targets: NDArray | None = None,
        weights: NDArray | None = None,
    ) -> StepDataset:
        none = np.zeros(int(sequences.lengths.sum()), dtype=np.int64)
        made: Any = StepDataset.from_sequences(
            sequences,
            centre=self._centre,
            scale=self._scale,
            dtype=self._setting("dtype", first=targets is not None),
            tokens=hasattr(self, "n_tokens_"),
            targets=none if targets is None else targets,
            weights=weights,
        )
        return made

    def _kind_of_net(self) -> type[SequenceNet]:
        return StepNet

    def _network(self, seed: int) -> tuple[Any, dict[str, Any]]:
        network, options = super()._network(seed)
        if network is not SequenceNetwork:
            return network, options
        ours = {k: v for k, v in options.items() if k not in self._not_for_steps}
        return StepNetwork, ours

    # -- answers -------------------------------------------------------------------------------

    def _step_answers(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> tuple[StepSequences, NDArray[np.float64], States | None]:
        """Return X as sequences, what is answered at each of their steps, and the state if asked.

        Answers are (S, O) or (S, O, Q), one sequence after another.
        """
        check_is_fitted(self)
        carries = initial_state is not None or return_state
        if carries:
            self._refuse_no_state()
        sequences = self._read(X, first=False)
        dataset = self._dataset(sequences)
        with torch_threads(self.n_threads), flushed_denormals():
            if not carries:
                return sequences, self.net_.answers(dataset), None
            before = self._checked_state(initial_state, dataset)
            batches = list(answers_and_states(self.net_, dataset, before))
        answers = steps_of(sequences, (padded for padded, _ in batches))
        state = self._as_arrays([state for _, state in batches], return_state)
        return sequences, answers, state

    def _scored(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray, NDArray[np.float64], NDArray[np.float64] | None]:
        """Return truth, answers and weights of the steps that count, side by side."""
        name = type(self).__name__
        sequences, answers, _ = self._step_answers(X)
        targets = as_step_values(y, name=name)
        check_consistent_length(sequences.starts, targets)
        values = values_of_steps(targets, sequences, name=name)
        weights = step_weights(sample_weight, sequences, name=name)
        if weights is None:
            return values, answers, None
        self._refuse_no_weight(weights)
        counts = weights > 0
        return values[counts], answers[counts], weights[counts]
