"""Regression at every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.number_answers import NumberAnswers, refuse_other_kinds
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.estimators.quantiles import checked_levels
from sklearn_rnn.estimators.state import States, with_state
from sklearn_rnn.estimators.step_layout import StepSequences
from sklearn_rnn.estimators.steps import StepEstimator
from sklearn_rnn.exceptions import MissingValuesError, TargetError
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE

__all__ = ["RNNStepRegressor"]


@document
class RNNStepRegressor(RegressorMixin, NumberAnswers, StepEstimator):
    """Recurrent network that answers every step of a sequence with numbers.

    An answer may depend on the steps up to its own, and with ``bidirectional=True`` on all of the
    sequence. Sequences may be arrays of equal length or a list of arrays of unequal lengths; `y`
    has the same steps. Inputs and target are scaled inside.

    Steps at either end of a sequence of an array (N, T, F) that are NaN in every feature are
    padding: `y` is not read there, and NaN is answered.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    n_outputs_ : int
        Numbers answered for each step.

    See Also
    --------
    RNNStepClassifier : Labels instead of numbers.
    RNNRegressor : One answer for each sequence.
    flat_steps : Targets and answers for scikit-learn's metrics.

    References
    ----------
    .. [1] J. L. Elman, "Finding structure in time", Cognitive Science 14(2), 1990.
    .. [2] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
       1997.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNStepRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=100)]
    >>> y = [np.cumsum(x) for x in X]
    >>> model = RNNStepRegressor(hidden_size=16, max_epochs=30, random_state=0)
    >>> model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.9
    True
    >>> model.predict([[0.5, 1.0, -1.0], [0.5]])[0].shape
    (3,)
    """

    _validation_part = "The last sequences are held back: what comes later is predicted."

    def __init__(
        self,
        *,
        cell: str | type = "gru",
        hidden_size: int | Sequence[int] = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        embedding_size: int | None = None,
        output: str = "identity",
        loss: str | Callable = "squared_error",
        quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
        scaler: str | None = "standard",
        missing: str = "error",
        input_noise: float = 0.0,
        module: Any = None,
        optimizer: str | type = "adam",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = None,
        gradient_clip_value: float | None = 1.0,
        max_epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        device: str = "auto",
        n_threads: int | None = 1,
        dtype: str = "float32",
        backend: str = "auto",
        verbose: int = 0,
        **routed: Any,
    ) -> None:
        self._store(locals())

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RNNStepRegressor:
        """Train for one epoch, going on from what was learned before.

        The scale of inputs and target is that of the first call. The rate stays at `lr`, and
        nothing is held back for early stopping.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences.
        y : array-like of shape (N, T) or (N, T, O), or list of arrays of shape (T_i,) or (T_i, O)
            The answers for all steps.
        sample_weight : array-like of shape (N,) or (N, T), or list of (T_i,), optional
            How much each sequence, or each step, counts.

        Returns
        -------
        RNNStepRegressor
            Itself.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer every step with numbers.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        initial_state : tuple of tuples of ndarray, optional
            Where to begin: the state that an earlier call has returned for the steps before. Needs
            ``bidirectional=False``.
        return_state : bool, default=False
            Whether the state at the end of each sequence is returned as well.

        Returns
        -------
        answers : ndarray of shape (N, T) or (N, T, O), or list of ndarray, float64
            A list if X is one; with the axes that `y` had in fit. NaN in the padding. With
            ``loss="quantile"``, the quantile nearest to 0.5.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        sequences, answers, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored(self._predicted(answers)), state)

    @answers_unknown
    def predict_quantiles(
        self,
        X: ArrayLike,
        alpha: float | Sequence[float] | None = None,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Answer every step with quantiles; needs ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        alpha : float or sequence of float, optional
            Which quantiles; all of `quantiles` if not given. One between two that were learned is
            interpolated linearly.
        initial_state : tuple of tuples of ndarray, optional
            Where to begin: the state that an earlier call has returned for the steps before. Needs
            ``bidirectional=False``.
        return_state : bool, default=False
            Whether the state at the end of each sequence is returned as well.

        Returns
        -------
        answers : ndarray of shape (N, T, Q) or (N, T, O, Q), or list of ndarray, float64
            The last axis has one place for each of `alpha`. NaN in the padding.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.

        Raises
        ------
        ValueError
            If the model has learned no quantiles, or none as extreme as `alpha` asks for.
        """
        wanted = self._wanted_levels(alpha)
        sequences, answers, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored(self._quantiles_at(wanted, answers)), state)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination, R2, over all steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        y : array-like of shape (N, T) or (N, T, O), or list of arrays of shape (T_i,) or (T_i, O)
            The true answers for all steps; those of padding are not read.
        sample_weight : array-like of shape (N,) or (N, T), or list of (T_i,), optional
            How much each sequence, or each step, counts.

        Returns
        -------
        float
            1 is perfect, 0 is as good as the mean.
        """
        truth, answers, weights = self._scored(X, y, sample_weight)
        return float(r2_score(truth, self._predicted(answers), sample_weight=weights))

    def _validate(self) -> None:
        super()._validate()
        checked_levels("RNNStepRegressor", self.quantiles)
        if self.embedding_size is not None and self.output in FROM_LAST_VALUE:
            raise ValueError(
                f"RNNStepRegressor: output={self.output!r} measures from the value of the step, "
                f"and a token is none. Use output='identity' with embedding_size."
            )

    def _check_targets(self, y: ArrayLike, first: bool) -> Any:
        targets = super()._check_targets(y, first)
        n_outputs = 1 if targets.values.ndim == 1 else targets.values.shape[1]
        if first:
            self.n_outputs_, self._y_ndim = n_outputs, targets.values.ndim
        elif n_outputs != self.n_outputs_:
            raise TargetError(
                f"RNNStepRegressor: y must have {self.n_outputs_} outputs for each step, as in the "
                f"first call; got {n_outputs}. Fit anew with warm_start=False to change them."
            )
        return targets

    def _checked_values(self, values: NDArray) -> NDArray[np.float64]:
        refuse_other_kinds(values, "RNNStepRegressor")
        try:
            targets = values.astype(np.float64).reshape(len(values), self.n_outputs_)
        except (TypeError, ValueError) as error:
            raise TargetError(
                f"RNNStepRegressor: y must hold numbers; got {values.dtype}. RNNStepClassifier "
                f"learns labels."
            ) from error
        if np.isnan(targets).any():
            raise MissingValuesError(
                f"RNNStepRegressor: y contains NaN at {np.isnan(targets).any(axis=1).sum()} of "
                f"{len(targets)} steps that count; every one needs its answer. Give these steps a "
                f"sample_weight of 0, or fill the gaps."
            )
        if not np.isfinite(targets).all():
            raise TargetError(
                f"RNNStepRegressor: y contains infinity at "
                f"{(~np.isfinite(targets)).any(axis=1).sum()} steps; every answer must be finite. "
                f"Mend y, or give these steps a sample_weight of 0."
            )
        self._refuse_negative_counts(targets)
        return targets

    def _learn_targets(  # type: ignore[override]
        self, sequences: StepSequences, targets: NDArray, weights: NDArray | None
    ) -> None:
        self._learn_scale(targets, sequences.steps[sequences.rows], weights)
