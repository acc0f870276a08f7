"""Classification of sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.labels import LabelAnswers
from sklearn_rnn.estimators.online import OnlineAnswers
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.estimators.state import CarriedState, States, with_state
from sklearn_rnn.training.splits import StratifiedPart

__all__ = ["RNNClassifier"]


@document
class RNNClassifier(ClassifierMixin, LabelAnswers, OnlineAnswers, CarriedState, RecurrentEstimator):
    """Recurrent network that reads a sequence and answers with a label.

    Sequences may be arrays of equal length, a list of arrays of unequal lengths, or token ids.
    Inputs are scaled inside. The defaults are one configuration for all data, compared by
    cross-validation on the training parts of seven public data sets of 36 to 270 sequences; the
    rule of `patch_length` was compared again after a look at one test part, so expect a little
    less on data of your own. See ``benchmarks/classification.py``.

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
    RNNRegressor : Numbers instead of labels.

    References
    ----------
    .. [1] K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
       statistical machine translation", EMNLP 2014.
    .. [2] M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", IEEE
       Transactions on Signal Processing 45(11), 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 2)) for length in rng.integers(5, 15, size=60)]
    >>> y = ["up" if x[:, 0].sum() > 0 else "down" for x in X]
    >>> model = RNNClassifier(hidden_size=16, max_epochs=30, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape, bool(model.score(X, y) > 0.9)
    ((2,), True)
    """

    _classes = True
    _renamed_parameters = {"loss": "class_loss"}
    _validation_part = "Each class gives its share."

    def __init__(
        self,
        *,
        cell: str | type = "gru",
        hidden_size: int | Sequence[int] = 64,
        num_layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        pooling: str | Sequence[str] = ("mean", "max", "attention"),
        embedding_size: int | None = None,
        patch_length: int | str = "auto",
        loss: str | Callable = "log_loss",
        label_smoothing: float = 0.05,
        class_weight: dict | str | None = None,
        scaler: str | None = "standard",
        missing: str = "error",
        input_noise: float = 0.1,
        module: Any = None,
        optimizer: str | type = "adamw",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = "onecycle",
        gradient_clip_value: float | None = 1.0,
        max_epochs: int = 100,
        batch_size: int | None = 16,
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

    def predict(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer each sequence with its most probable label.

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
        answers : ndarray of shape (N,)
            Of the dtype of the labels in fit.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        logits, state = self._answers_from(X, initial_state, return_state)
        return with_state(self._labelled(logits), state)

    def predict_one(self, x: ArrayLike) -> Any:
        """Answer one sequence with its most probable label, as soon as it has come in.

        It is what ``predict([x])[0]`` answers, many times faster: with ``backend="auto"`` machine
        code reads a single sequence of float32. Networks that it does not know answer as `predict`
        does. Threads may call this at the same time.

        Parameters
        ----------
        x : array-like of shape (T, F) or (T,)
            The sequence, with the features of fit.

        Returns
        -------
        scalar
            One of `classes_`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_rnn import RNNClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(40, 12))
        >>> y = np.where(X.sum(axis=1) > 0, "up", "down")
        >>> model = RNNClassifier(hidden_size=8, max_epochs=20, random_state=0).fit(X, y)
        >>> str(model.predict_one(np.ones(12)))
        'up'
        """
        best = self._answer_one(x).argmax()
        return self.classes_[best]

    def predict_proba_one(self, x: ArrayLike) -> NDArray[np.float64]:
        """Answer one sequence with the probability of each class; see `predict_one`.

        Parameters
        ----------
        x : array-like of shape (T, F) or (T,)
            The sequence, with the features of fit.

        Returns
        -------
        ndarray of shape (C,), float64
            In the order of `classes_`.
        """
        return softmax(self._answer_one(x))

    def predict_proba(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer each sequence with the probability of each class.

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
        answers : ndarray of shape (N, C), float64
            Columns in the order of `classes_`.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        logits, state = self._answers_from(X, initial_state, return_state)
        return with_state(softmax(logits, axis=1), state)

    def predict_log_proba(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer each sequence with the logarithm of the probability of each class.

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
        answers : ndarray of shape (N, C), float64
            Columns in the order of `classes_`.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        logits, state = self._answers_from(X, initial_state, return_state)
        return with_state(log_softmax(logits, axis=1), state)

    def decision_function(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer each sequence with logits; the largest is the label.

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
        answers : ndarray of shape (N, C), or (N,) with two classes, float64
            With two classes, the log-odds of the second.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        logits, state = self._answers_from(X, initial_state, return_state)
        return with_state(self._decided(logits), state)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> RNNClassifier:
        """Train for one epoch, going on from what was learned before.

        The scale of inputs is that of the first call. The rate stays at `lr`, and nothing is held
        back for early stopping.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences.
        y : array-like of shape (N,)
            The label of each sequence.
        classes : array-like of shape (C,), optional
            All labels there will ever be; needed in the first call unless `y` has them all.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        RNNClassifier
            Itself.
        """
        with self._announced(classes):
            return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y: ArrayLike, first: bool) -> NDArray[np.int64]:
        return self._as_class_numbers(column_or_1d(y, warn=True), first)

    def _split(self, seed: int) -> StratifiedPart:
        return StratifiedPart(self.validation_fraction, seed)
