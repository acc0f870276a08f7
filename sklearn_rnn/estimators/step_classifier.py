"""Classification of every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from sklearn_rnn.estimators.labels import LabelAnswers
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.estimators.state import States, with_state
from sklearn_rnn.estimators.steps import StepEstimator
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.training.splits import RandomPart

__all__ = ["RNNStepClassifier"]


@document
class RNNStepClassifier(ClassifierMixin, LabelAnswers, StepEstimator):
    """Recurrent network that answers every step of a sequence with a label.

    An answer may depend on the steps up to its own, and with ``bidirectional=True`` on all of the
    sequence. Sequences may be arrays of equal length, a list of arrays of unequal lengths, or
    token ids; `y` has the same steps. Inputs are scaled inside.

    Steps at either end of a sequence of an array (N, T, F) that are NaN in every feature are
    padding: `y` is not read there. Probabilities are NaN there; labels, of which none says so, are
    answered as a list of arrays without padding.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Labels, sorted.
    {attributes}

    See Also
    --------
    RNNStepRegressor : Numbers instead of labels.
    RNNClassifier : One answer for each sequence.
    flat_steps : Targets and answers for scikit-learn's metrics.

    References
    ----------
    .. [1] A. Graves and J. Schmidhuber, "Framewise phoneme classification with bidirectional LSTM
       and other neural network architectures", Neural Networks 18(5-6), 2005.
    .. [2] M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", IEEE
       Transactions on Signal Processing 45(11), 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNStepClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=100)]
    >>> y = [np.where(np.cumsum(x) > 0, "above", "below") for x in X]
    >>> model = RNNStepClassifier(hidden_size=16, max_epochs=30, random_state=0)
    >>> model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.9
    True
    >>> model.predict([[0.5, 1.0, -3.0]])
    array([['above', 'above', 'below']], dtype='<U5')
    """

    _units = "steps"
    _renamed_parameters = {"loss": "class_loss"}
    _validation_part = "They are sequences drawn at random."

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
        loss: str | Callable = "log_loss",
        label_smoothing: float = 0.0,
        class_weight: dict | str | None = None,
        scaler: str | None = "standard",
        missing: str = "error",
        input_noise: float = 0.1,
        module: Any = None,
        optimizer: str | type = "adam",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = "onecycle",
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
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> RNNStepClassifier:
        """Train for one epoch, going on from what was learned before.

        The scale of inputs is that of the first call. The rate stays at `lr`, and nothing is held
        back for early stopping.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences.
        y : array-like of shape (N, T), or list of arrays of shape (T_i,)
            The labels of all steps.
        classes : array-like of shape (C,), optional
            All labels there will ever be; needed in the first call unless `y` has them all.
        sample_weight : array-like of shape (N,) or (N, T), or list of (T_i,), optional
            How much each sequence, or each step, counts.

        Returns
        -------
        RNNStepClassifier
            Itself.
        """
        with self._announced(classes):
            return self._partial_fit(X, y, sample_weight)

    def predict(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer every step with its most probable label.

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
        answers : ndarray of shape (N, T), or list of ndarray of shape (T_i,)
            Of the dtype of the labels in fit. A list if X is one, or has padding: then without
            that.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        sequences, logits, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored_labels(self._labelled(logits)), state)

    def predict_proba(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer every step with the probability of each class.

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
        answers : ndarray of shape (N, T, C), or list of ndarray of shape (T_i, C), float64
            Columns in the order of `classes_`; NaN in the padding.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        sequences, logits, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored(softmax(logits, axis=1)), state)

    def predict_log_proba(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer every step with the logarithm of the probability of each class.

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
        answers : ndarray of shape (N, T, C), or list of ndarray of shape (T_i, C), float64
            Columns in the order of `classes_`; NaN in the padding.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        sequences, logits, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored(log_softmax(logits, axis=1)), state)

    def decision_function(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer every step with logits; the largest is the label.

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
        answers : ndarray of shape (N, T, C) or (N, T), or list of ndarray, float64
            With two classes, the log-odds of the second, (N, T). NaN in the padding.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        sequences, logits, state = self._step_answers(X, initial_state, return_state)
        return with_state(sequences.restored(self._decided(logits)), state)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of right labels over all steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        y : array-like of shape (N, T), or list of arrays of shape (T_i,)
            The true labels of all steps; those of padding are not read.
        sample_weight : array-like of shape (N,) or (N, T), or list of (T_i,), optional
            How much each sequence, or each step, counts.

        Returns
        -------
        float
            Between 0 and 1.
        """
        truth, logits, weights = self._scored(X, y, sample_weight)
        return float(accuracy_score(truth, self._labelled(logits), sample_weight=weights))

    def _check_targets(self, y: ArrayLike, first: bool) -> Any:
        targets = super()._check_targets(y, first)
        if targets.values.ndim > 1:
            raise TargetError(
                f"RNNStepClassifier: y must have one label for each step, shape (N, T) or a list "
                f"of arrays of shape (T_i,); got {targets.values.shape[1]} for each. Fit one model "
                f"for each kind of label."
            )
        if first:  # which classes there are is seen when padding is gone
            self.__dict__.pop("classes_", None)
        return targets

    def _checked_values(self, values: NDArray) -> NDArray[np.int64]:
        return self._as_class_numbers(values, first=not hasattr(self, "classes_"))

    def _split(self, seed: int) -> RandomPart:
        return RandomPart(self.validation_fraction, seed)
