"""Regression of one number, or several, from a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_array

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.number_answers import NumberAnswers, refuse_other_kinds
from sklearn_rnn.estimators.online import OnlineAnswers
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.estimators.quantiles import checked_levels
from sklearn_rnn.estimators.state import CarriedState, States, with_state
from sklearn_rnn.exceptions import MissingValuesError, TargetError
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE
from sklearn_rnn.sequences import Sequences

__all__ = ["RNNRegressor"]


@document
class RNNRegressor(RegressorMixin, NumberAnswers, OnlineAnswers, CarriedState, RecurrentEstimator):
    """Recurrent network that reads a sequence and answers with numbers.

    Sequences may be windows of a series (see `SlidingWindow` and `make_windows`), rows of a table,
    or a list of arrays of unequal lengths. Inputs and target are scaled inside.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    n_outputs_ : int
        Numbers answered for each sequence.

    See Also
    --------
    RNNClassifier : Labels instead of numbers.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
       1997.
    .. [2] K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
       statistical machine translation", EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNRegressor, make_windows
    >>> series = np.sin(0.2 * np.arange(300))
    >>> X, y = make_windows(series, window_length=10)
    >>> model = RNNRegressor(cell="gru", hidden_size=16, max_epochs=30, random_state=0)
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.99
    True
    """

    _validation_part = "The last sequences are held back: what comes later is predicted."

    def __init__(
        self,
        *,
        cell: str | type = "lstm",
        hidden_size: int | Sequence[int] = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        pooling: str | Sequence[str] = "last",
        embedding_size: int | None = None,
        patch_length: int | str = 1,
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
        batch_size: int | None = 64,
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

    def __sklearn_tags__(self):
        """Tell scikit-learn that several numbers may be answered."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Answer each sequence with numbers.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        initial_state : tuple of tuples of ndarray, optional
            Where to begin: the state that an earlier call has returned for the steps before.
        return_state : bool, default=False
            Whether the state at the end of each sequence is returned as well.

        Returns
        -------
        answers : ndarray of shape (N,) or (N, O), float64
            With the axes that `y` had in fit. With ``loss="quantile"``, the quantile nearest to
            0.5.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_rnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(30, 20, 2))
        >>> y = X[:, :, 0].sum(axis=1)
        >>> model = RNNRegressor(hidden_size=8, max_epochs=5, random_state=0).fit(X, y)
        >>> first, state = model.predict(X[:, :15], return_state=True)
        >>> bool(np.allclose(model.predict(X[:, 15:], initial_state=state), model.predict(X)))
        True
        """
        answers, state = self._answers_from(X, initial_state, return_state)
        return with_state(self._predicted(answers), state)

    def predict_one(self, x: ArrayLike) -> np.float64 | NDArray[np.float64]:
        """Answer one sequence, as soon as it has come in.

        It is what ``predict([x])[0]`` answers, up to rounding, many times faster: with
        ``backend="auto"`` machine code reads a single sequence of float32 in some millionths of
        a second. Networks that it does not know answer as `predict` does. Threads may call this
        at the same time.

        Parameters
        ----------
        x : array-like of shape (T, F) or (T,)
            The sequence, with the features of fit.

        Returns
        -------
        float64, or ndarray of shape (O,), float64
            As a row of what `predict` answers.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_rnn import RNNRegressor, make_windows
        >>> series = np.sin(0.2 * np.arange(300))
        >>> X, y = make_windows(series, window_length=10)
        >>> model = RNNRegressor(hidden_size=8, max_epochs=5, random_state=0).fit(X, y)
        >>> bool(np.isclose(model.predict_one(series[-10:]), model.predict([series[-10:]])[0]))
        True
        """
        return self._predicted(self._answer_one(x)[np.newaxis])[0]

    @answers_unknown
    def predict_quantiles(
        self,
        X: ArrayLike,
        alpha: float | Sequence[float] | None = None,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Answer each sequence with quantiles; needs ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        alpha : float or sequence of float, optional
            Which quantiles; all of `quantiles` if not given. One between two that were learned is
            interpolated linearly.
        initial_state : tuple of tuples of ndarray, optional
            Where to begin: the state that an earlier call has returned for the steps before.
        return_state : bool, default=False
            Whether the state at the end of each sequence is returned as well.

        Returns
        -------
        answers : ndarray of shape (N, Q) or (N, O, Q), float64
            One column for each of `alpha`.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.

        Raises
        ------
        ValueError
            If the model has learned no quantiles, or none as extreme as `alpha` asks for.
        """
        wanted = self._wanted_levels(alpha)
        answers, state = self._answers_from(X, initial_state, return_state)
        return with_state(self._quantiles_at(wanted, answers), state)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RNNRegressor:
        """Train for one epoch, going on from what was learned before.

        The scale of inputs and target is that of the first call. The rate stays at `lr`, and
        nothing is held back for early stopping.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences.
        y : array-like of shape (N,) or (N, O)
            The answer for each sequence.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        RNNRegressor
            Itself.
        """
        return self._partial_fit(X, y, sample_weight)

    def _validate(self) -> None:
        super()._validate()
        checked_levels("RNNRegressor", self.quantiles)
        if self.embedding_size is not None and self.output in FROM_LAST_VALUE:
            raise ValueError(
                f"RNNRegressor: output={self.output!r} measures from the last value, and the last "
                f"token is none. Use output='identity' with embedding_size."
            )

    def _check_targets(self, y: ArrayLike, first: bool) -> NDArray[np.float64]:
        values = np.asarray(y)
        refuse_other_kinds(values, "RNNRegressor")
        if values.ndim > 2:
            raise TargetError(
                f"RNNRegressor: y must have shape (N,) or (N, O); got {values.ndim} axes, shape "
                f"{values.shape}. Use y.reshape(len(y), -1)."
            )
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise MissingValuesError(
                f"RNNRegressor: y contains NaN in {np.isnan(values).sum()} places; every sequence "
                f"needs its answer. Drop the others, X[~np.isnan(y)], or fill the gaps."
            )
        checked: NDArray = check_array(y, ensure_2d=False, input_name="y", estimator=self)
        targets = np.asarray(checked, dtype=np.float64).reshape(len(checked), -1)
        self._refuse_negative_counts(targets)
        if first:
            self.n_outputs_, self._y_ndim = targets.shape[1], checked.ndim
        elif targets.shape[1] != self.n_outputs_:
            raise TargetError(
                f"RNNRegressor: y must have {self.n_outputs_} outputs, as in the first call; got "
                f"{targets.shape[1]}. Fit anew with warm_start=False to change them."
            )
        return targets

    def _learn_targets(self, sequences: Sequences, targets: NDArray, weights: NDArray | None):
        ends = sequences.starts + sequences.lengths - 1
        self._learn_scale(targets, sequences.steps[ends], weights)
