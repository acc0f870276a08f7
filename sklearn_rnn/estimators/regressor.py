"""Regression of one number, or several, from a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.online import OnlineAnswers
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.exceptions import MissingValuesError, TargetError
from sklearn_rnn.losses import POSITIVE_TARGETS, UNCENTRED
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE, POSITIVE
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.splits import LastPart
from sklearn_rnn.transformers.scaling import centre_and_scale

__all__ = ["RNNRegressor"]


@document
class RNNRegressor(RegressorMixin, OnlineAnswers, RecurrentEstimator):
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

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Answer each sequence with numbers.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.

        Returns
        -------
        ndarray of shape (N,) or (N, O), float64
            With the axes that `y` had in fit. With ``loss="quantile"``, the quantile nearest to
            0.5.
        """
        return self._predicted(self._answers(X))

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
        self, X: ArrayLike, alpha: float | Sequence[float] | None = None
    ) -> NDArray[np.float64]:
        """Answer each sequence with quantiles; needs ``loss="quantile"``.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        alpha : float or sequence of float, optional
            Which quantiles; all of `quantiles` if not given. One between two that were learned is
            interpolated linearly.

        Returns
        -------
        ndarray of shape (N, Q) or (N, O, Q), float64
            One column for each of `alpha`.

        Raises
        ------
        ValueError
            If the model has learned no quantiles, or none as extreme as `alpha` asks for.
        """
        check_is_fitted(self)
        loss, levels = self._settings["loss"], self._settings["quantiles"]
        if loss != "quantile":
            raise ValueError(
                f"RNNRegressor: predict_quantiles needs quantiles to be learned; got "
                f"loss={loss!r}. Fit with loss='quantile', quantiles={tuple(levels)}."
            )
        answers = self._in_units(self._answers(X))
        levels = np.asarray(levels, dtype=np.float64)
        wanted = levels if alpha is None else np.atleast_1d(np.asarray(alpha, dtype=np.float64))
        if wanted.ndim > 1 or not wanted.size:
            raise ValueError(
                f"RNNRegressor: alpha must be a number or a list of some; got shape {wanted.shape}."
                f" For example alpha=[0.1, 0.5, 0.9]."
            )
        if not ((wanted >= levels[0]) & (wanted <= levels[-1])).all():
            raise ValueError(
                f"RNNRegressor: alpha must lie between {levels[0]:g} and {levels[-1]:g}, the "
                f"outermost quantiles learned; got {wanted.min():g} to {wanted.max():g}. Fit with "
                f"wider quantiles=."
            )
        if len(levels) == 1:
            answers = np.repeat(answers, len(wanted), axis=-1)
        above = np.clip(np.searchsorted(levels, wanted), 1, max(1, len(levels) - 1))
        if len(levels) > 1:
            share = (wanted - levels[above - 1]) / (levels[above] - levels[above - 1])
            low, high = answers[..., above - 1], answers[..., above]
            answers = low + share * (high - low)
        return answers[:, 0] if self._y_ndim == 1 else answers

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
        try:
            levels = np.asarray(self.quantiles, dtype=np.float64)
        except ValueError:
            levels = np.empty(0)
        if levels.ndim != 1 or not len(levels) or not (np.diff([0, *levels, 1]) > 0).all():
            raise ValueError(
                f"RNNRegressor: quantiles must ascend between 0 and 1, excluding both; got "
                f"{self.quantiles!r}. For example (0.1, 0.5, 0.9)."
            )
        if self.embedding_size is not None and self.output in FROM_LAST_VALUE:
            raise ValueError(
                f"RNNRegressor: output={self.output!r} measures from the last value, and the last "
                f"token is none. Use output='identity' with embedding_size."
            )

    def _check_targets(self, y: ArrayLike, first: bool) -> NDArray[np.float64]:
        values = np.asarray(y)
        if values.dtype.kind == "c":
            raise TargetError(
                "RNNRegressor: y must hold real numbers; got complex ones. Give real and imaginary "
                "part as two outputs."
            )
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
        if self.loss in POSITIVE_TARGETS and targets.min() < 0:
            raise TargetError(
                f"RNNRegressor: loss={self.loss!r} is for counts, which are not negative; got "
                f"{(targets < 0).sum()} negative values in y. Use loss='squared_error', or mend y."
            )
        if first:
            self.n_outputs_, self._y_ndim = targets.shape[1], checked.ndim
        elif targets.shape[1] != self.n_outputs_:
            raise TargetError(
                f"RNNRegressor: y must have {self.n_outputs_} outputs, as in the first call; got "
                f"{targets.shape[1]}. Fit anew with warm_start=False to change them."
            )
        return targets

    def _output(self) -> str:
        """Return how the answer is meant; a positive one if the loss wants that."""
        if self.loss in POSITIVE_TARGETS and self.output not in POSITIVE:
            return "exp"
        return self.output

    def _learn_targets(self, sequences: Sequences, targets: NDArray, weights: NDArray | None):
        outputs = targets.shape[1]
        self._y_centre, self._y_scale = np.zeros(outputs), np.ones(outputs)
        self._spread = np.ones(outputs)
        features = sequences.n_features
        self._columns = list(range(outputs)) if features == outputs else [0] * outputs
        if self.scaler is None:
            return
        if self._output() in POSITIVE or self.loss in UNCENTRED:
            level = np.average(np.abs(targets), axis=0, weights=weights)
            self._y_scale = np.where(level > 0, level, 1.0)
        else:
            method = "standard" if self.scaler == "window" else self.scaler
            self._y_centre, self._y_scale = centre_and_scale(targets, method, weights)
        if self._output() in FROM_LAST_VALUE:
            ends = sequences.starts + sequences.lengths - 1
            last = sequences.steps[ends][:, self._columns].astype(np.float64)
            change = (targets - last) / self._y_scale
            if self._output() == "last_value_ratio":
                last = np.where(last == 0, np.nan, last)  # nothing is relative to zero
                change = targets / last - 1
            self._spread = centre_and_scale(change, "standard", weights)[1]

    def _encode(self, targets: NDArray) -> NDArray:
        return (targets - self._y_centre) / self._y_scale

    def _in_units(self, answers: NDArray) -> NDArray[np.float64]:
        """Undo `_encode`, for (N, O) or (N, O, Q)."""
        by_output = (1, -1) if answers.ndim == 2 else (1, -1, 1)
        return self._y_centre.reshape(by_output) + self._y_scale.reshape(by_output) * answers

    def _predicted(self, answers: NDArray) -> NDArray[np.float64]:
        """Return what `predict` answers, from answers (N, O) or (N, O, Q) of the network."""
        answers = self._in_units(answers)
        if answers.ndim == 3:
            levels = np.asarray(self._settings["quantiles"])
            answers = answers[:, :, int(np.argmin(np.abs(levels - 0.5)))]
        return answers[:, 0] if self._y_ndim == 1 else answers

    def _network_options(self) -> dict[str, Any]:
        columns = self._columns
        return {
            "n_outputs": self.n_outputs_,
            "n_quantiles": len(self.quantiles) if self.loss == "quantile" else None,
            "output": self._output(),
            "origin_columns": columns,
            "origin_ratio": (self._scale[columns] / self._y_scale).tolist(),
            "origin_shift": ((self._centre[columns] - self._y_centre) / self._y_scale).tolist(),
            "spread": self._spread.tolist(),
        }

    def _loss_options(self) -> dict[str, Any]:
        return {"loss__quantiles": list(self.quantiles)} if self.loss == "quantile" else {}

    def _split(self, seed: int) -> LastPart:
        return LastPart(self.validation_fraction)
