"""Sequences as vectors for other estimators: what a trained recurrent network has read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.labels import class_numbers
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.number_answers import refuse_other_kinds
from sklearn_rnn.estimators.parameters import PARAMETERS, Choices, Parameter, document, validate
from sklearn_rnn.estimators.state import CarriedState, States, with_state
from sklearn_rnn.estimators.step_layout import StepSequences, steps_of
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.modules.features import SequenceAutoencoder
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.features import AutoencoderNet, codes, rewritten
from sklearn_rnn.training.net import ClassifierNet, SequenceNet
from sklearn_rnn.training.splits import LastPart, StratifiedPart
from sklearn_rnn.training.states import answers_and_states
from sklearn_rnn.training.threads import torch_threads
from sklearn_rnn.transformers.scaling import SCALINGS, centre_and_scale

__all__ = ["RNNFeatures"]

TASKS = ("reconstruction", "classification", "regression")

#: What y holds, in scikit-learn's words, and what is then learned.
TASK_OF_TARGET = {
    "binary": "classification",
    "multiclass": "classification",
    "continuous": "regression",
    "continuous-multioutput": "regression",
    "multiclass-multioutput": "regression",
    "multilabel-indicator": "regression",
}

#: What an autoencoder does not have of a network that answers.
ONLY_ANSWERS = ("window_scaling", "patch_length", "n_outputs")


def _writes(estimator: RNNFeatures) -> bool:
    """Tell whether there is a decoder; asked before fit, nobody can know."""
    if getattr(estimator, "task_", estimator.task) in ("auto", "reconstruction"):
        return True
    raise AttributeError(
        f"RNNFeatures: only an autoencoder writes sequences again; got task={estimator.task!r} "
        f"and a y. Fit without y, or with task='reconstruction'."
    )


@document
class RNNFeatures(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CarriedState, RecurrentEstimator
):
    """Recurrent network that makes of each sequence a vector, for any other estimator.

    Fitted without `y`, it is an autoencoder: what it has read into one vector, a second network
    writes again from that vector alone, so that the vector has to hold the sequence. Fitted with
    `y`, it learns to answer that, and the vector is what it answers from. Sequences may be arrays
    of equal length, a list of arrays of unequal lengths, or token ids. Inputs are scaled inside.
    The defaults are one configuration for all data, compared by cross-validation on the training
    parts of six public data sets; see ``benchmarks/features.py``.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    task_ : {"reconstruction", "classification", "regression"}
        What was learned.
    classes_ : ndarray of shape (C,)
        After classification, the labels, sorted.
    {attributes}

    See Also
    --------
    RNNClassifier : Labels for sequences, with no second estimator.
    RNNRegressor : Numbers for sequences.

    References
    ----------
    .. [1] N. Srivastava, E. Mansimov and R. Salakhutdinov, "Unsupervised learning of video
       representations using LSTMs", ICML 2015.
    .. [2] P. Vincent et al., "Extracting and composing robust features with denoising
       autoencoders", ICML 2008: `input_noise`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_rnn import RNNFeatures
    >>> rng = np.random.default_rng(0)
    >>> phase = rng.uniform(0, 6, size=(60, 1))
    >>> rate = np.repeat([0.3, 0.5], 30)
    >>> X = np.sin(rate[:, np.newaxis] * np.arange(20) + phase)
    >>> features = RNNFeatures(hidden_size=16, max_epochs=50, task="reconstruction", random_state=0)
    >>> model = make_pipeline(features, LogisticRegression()).fit(X, rate > 0.4)
    >>> model[0].transform(X).shape, bool(model.score(X, rate > 0.4) > 0.9)
    ((60, 48), True)
    """

    _validation_part = "The last sequences are; with labels, each class gives its share."
    _own_parameters = {
        "task": Parameter(
            '{"auto", "reconstruction", "classification", "regression"}',
            [Choices({"auto", *TASKS})],
            'What the network learns. "auto": without `y` to write each sequence again, with '
            "labels to tell them, with other numbers to answer these. A pipeline passes `y` on; "
            '"reconstruction" does not look at it.',
        ),
        "output": Parameter(
            '{"sequence", "steps"}',
            [Choices({"sequence", "steps"})],
            "What `transform` answers: one vector for each sequence, as `pooling` says, or with "
            '"steps" the state after every step. It may be set after fit.',
        ),
        "pooling": PARAMETERS["pooling"]._replace(
            meaning="How the states of all steps become the vector; several are joined."
        ),
        "scaler": PARAMETERS["scaler"]._replace(
            kind="{" + ", ".join(f'"{name}"' for name in SCALINGS) + "} or None",
            allowed=[Choices(set(SCALINGS)), None],
            meaning="Scaling of the inputs, and of a target of numbers, learned in fit. To scale "
            "each sequence by itself, put a `SequenceScaler` before.",
        ),
    }

    # every step is read and written again; network and loss follow from the task
    patch_length = 1
    module = None
    loss = "squared_error"

    def __init__(
        self,
        *,
        task: str = "auto",
        output: str = "sequence",
        cell: str | type = "gru",
        hidden_size: int | Sequence[int] = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        pooling: str | Sequence[str] = ("last", "mean", "max"),
        embedding_size: int | None = None,
        scaler: str | None = "standard",
        missing: str = "error",
        input_noise: float = 0.0,
        optimizer: str | type = "adam",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = None,
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

    @answers_unknown
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> RNNFeatures:
        """Train the network that makes vectors of sequences.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences. With two axes each number is one step of one feature.
        y : array-like of shape (N,) or (N, O), optional
            A label, or numbers, for each sequence; see `task`.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts; sequences of weight 0 are left out.

        Returns
        -------
        RNNFeatures
            Itself.
        """
        return super().fit(X, y, sample_weight)  # type: ignore[arg-type]

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> RNNFeatures:
        """Train for one epoch, going on from what was learned before.

        Task, scale and labels are those of the first call. The rate stays at `lr`, and nothing is
        held back for early stopping.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences.
        y : array-like of shape (N,) or (N, O), optional
            A label, or numbers, for each sequence; see `task`.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        RNNFeatures
            Itself.
        """
        return self._partial_fit(X, y, sample_weight)

    def transform(
        self, X: ArrayLike, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Make a vector of each sequence, or of each of its steps.

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
        vectors : ndarray of shape (N, D), or (N, T, D) or list of (T_i, D), float64
            D is the size of the last layer, twice that with both directions, for each of
            `pooling`. With ``output="steps"``, what came as a list leaves as a list, and padding
            is NaN.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        check_is_fitted(self)
        validate("RNNFeatures", {"output": self.output}, {"output": self._own_parameters["output"]})
        wants_steps = self.output == "steps"
        if wants_steps:
            self._refuse_tables()
        if initial_state is not None or return_state:
            self._refuse_no_state()
        sequences = self._read(X, first=False)
        batches, state = self._encoded(sequences, initial_state, return_state)
        if wants_steps:
            vectors = StepSequences.of(sequences, X).restored(steps_of(sequences, batches))
        else:
            vectors = np.concatenate([batch.double().numpy() for batch in batches])
        return with_state(vectors, state)

    @available_if(_writes)
    def reconstruct(self, X: ArrayLike) -> Any:
        """Write each sequence again, from its vector alone.

        What comes back unlike it went in is unlike what was seen in fit.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.

        Returns
        -------
        ndarray of shape (N, T, F) or (N, T), or list of ndarray of shape (T_i, F), float64
            What came as a list leaves as a list, and padding is NaN. Tokens are the most probable
            ones.
        """
        check_is_fitted(self)
        sequences = self._read(X, first=False)
        written = StepSequences.of(sequences, X).restored(self._written(sequences))
        has_two_axes = isinstance(written, np.ndarray) and np.ndim(X) == 2
        return written[:, :, 0] if has_two_axes else written

    @available_if(_writes)
    def score(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return how much of the sequences their vectors hold.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences with the features of fit.
        y : object, optional
            Not looked at.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        float
            The share of the variance of all known values that `reconstruct` explains, the mean
            over features (R2, at most 1); of tokens, the share that it writes as they were.
        """
        check_is_fitted(self)
        sequences = self._read(X, first=False)
        written = self._written(sequences)
        read = np.concatenate(list(sequences))
        weights = _check_sample_weight(sample_weight, sequences.starts, dtype=np.float64)
        weights = np.repeat(weights, sequences.lengths)
        if hasattr(self, "n_tokens_"):
            return float(accuracy_score(read, written, sample_weight=weights))
        known = ~np.isnan(read)
        scores = [
            r2_score(read[held, feature], written[held, feature], sample_weight=weights[held])
            for feature, held in enumerate(known.T)
            if held.sum() > 1
        ]
        return float(np.mean(scores)) if scores else np.nan

    @property
    def _n_features_out(self) -> int:
        """D, by which scikit-learn names the columns."""
        network: Any = self.module_
        steps = self.output == "steps"
        return network.recurrent.output_size if steps else network.pooling.output_size

    # -- targets -------------------------------------------------------------------------------

    def _refuse_no_targets(self, y: ArrayLike | None) -> None:
        if y is None and self.task in ("classification", "regression"):
            raise ValueError(
                f"RNNFeatures: task={self.task!r} requires y to be passed, but the target y is "
                f"None. Give one answer for each sequence, or use task='auto'."
            )

    def _targets_of(self, sequences: Sequences, y: Any, first: bool) -> NDArray:
        if first:
            self.__dict__.pop("classes_", None)
            self.task_ = self._task_for(y)
        if self.task_ == "reconstruction":
            return np.zeros(len(sequences), dtype=np.int64)  # it is its own target
        if y is None:
            raise TargetError(
                f"RNNFeatures: y must be given, as in the first call, which learned "
                f"{self.task_}; got None. Give it, or fit anew with warm_start=False."
            )
        return self._check_targets(y, first)

    def _check_targets(self, y: ArrayLike, first: bool) -> NDArray:
        return self._labels(y, first) if self.task_ == "classification" else self._numbers(y, first)

    def _task_for(self, y: ArrayLike | None) -> str:
        if self.task != "auto":
            return self.task
        if y is None:
            return "reconstruction"
        try:
            values = np.asarray(y)
        except ValueError as error:
            raise TargetError(
                "RNNFeatures: y must hold a label, or numbers, for each sequence; got lists of "
                "unequal lengths. Set task='reconstruction' to leave y to the steps behind."
            ) from error
        if values.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        kind = type_of_target(y, input_name="y")
        if kind not in TASK_OF_TARGET:
            raise TargetError(
                f"RNNFeatures: Unknown label type: y must hold a label, or numbers, for each "
                f"sequence; got what scikit-learn calls {kind!r}. Give an array of shape (N,) or "
                f"(N, O)."
            )
        return TASK_OF_TARGET[kind]

    def _labels(self, y: ArrayLike, first: bool) -> NDArray[np.int64]:
        labels = column_or_1d(y, warn=True)
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        if first:
            check_classification_targets(labels)
            self.classes_ = np.unique(labels)
        remedy = "Give all in the first call"
        return class_numbers(labels, self.classes_, name="RNNFeatures", remedy=remedy)

    def _numbers(self, y: ArrayLike, first: bool) -> NDArray[np.float64]:
        refuse_other_kinds(np.asarray(y), "RNNFeatures")
        targets = check_array(
            y, dtype=np.float64, ensure_2d=False, input_name="y", estimator=type(self).__name__
        )
        targets = targets.reshape(len(targets), -1)
        if not first and targets.shape[1] != len(self._y_centre):
            raise TargetError(
                f"RNNFeatures: y must have {len(self._y_centre)} numbers for each sequence, as in "
                f"the first call; got {targets.shape[1]}. Fit anew with warm_start=False to change "
                f"them."
            )
        return targets

    def _training_weights(self, targets: NDArray, weights: NDArray | None) -> NDArray | None:
        if self.task_ == "classification" and len(self.classes_) < 2:
            raise TargetError(
                f"RNNFeatures: y must have at least 2 classes to tell apart; got 1 class in "
                f"{len(targets)} sequences. Give sequences of another class too, or use "
                f"task='reconstruction'."
            )
        return weights

    def _learn_targets(self, sequences: Sequences, targets: NDArray, weights: NDArray | None):
        if self.task_ == "regression":
            self._y_centre, self._y_scale = centre_and_scale(targets, "standard", weights)

    def _encode(self, targets: NDArray) -> NDArray:
        if self.task_ == "regression":
            return (targets - self._y_centre) / self._y_scale
        return targets

    # -- network -------------------------------------------------------------------------------

    def _loss(self) -> str:
        writes_tokens = self.task_ == "reconstruction" and hasattr(self, "n_tokens_")
        return "log_loss" if writes_tokens or self.task_ == "classification" else self.loss

    def _kind_of_net(self) -> type[SequenceNet]:
        kinds = {"reconstruction": AutoencoderNet, "classification": ClassifierNet}
        return kinds.get(self.task_, SequenceNet)

    def _split(self, seed: int) -> Any:
        if self.task_ == "classification":
            return StratifiedPart(self.validation_fraction, seed)
        return LastPart(self.validation_fraction)

    def _network_options(self) -> dict[str, Any]:
        if self.task_ == "classification":
            return {"n_outputs": len(self.classes_)}
        return {"n_outputs": len(self._y_centre) if self.task_ == "regression" else 0}

    def _network(self, seed: int) -> tuple[Any, dict[str, Any]]:
        network, options = super()._network(seed)
        if self.task_ != "reconstruction":
            return network, options
        shared = {name: value for name, value in options.items() if name not in ONLY_ANSWERS}
        return SequenceAutoencoder, shared

    # -- answers -------------------------------------------------------------------------------

    def _encoded(
        self, sequences: Sequences, initial_state: States | None, return_state: bool
    ) -> tuple[Sequence[Any], States | None]:
        """Return batches of vectors, or of the states of steps, and the state at each end."""
        dataset, wants_steps = self._dataset(sequences), self.output == "steps"
        with torch_threads(self.n_threads), flushed_denormals():
            if initial_state is None and not return_state:
                return list(codes(self.net_, dataset, wants_steps)), None
            before = self._checked_state(initial_state, dataset)
            pairs = answers_and_states(self.net_, dataset, before, self._reader())
            batches, ends = zip(*pairs, strict=True)
        return batches, self._as_arrays(ends, return_state)

    def _reader(self) -> Any:
        network: Any = self.module_
        return partial(network.encode_and_state, gives_states=self.output == "steps")

    def _written(self, sequences: Sequences) -> NDArray:
        """Return what is written again of each step (S, F), in the units of X."""
        dataset = self._dataset(sequences)
        with torch_threads(self.n_threads), flushed_denormals():
            batches = list(rewritten(self.net_, dataset))
        steps = steps_of(sequences, batches)
        if hasattr(self, "n_tokens_"):
            return steps.argmax(axis=1)[:, np.newaxis]
        return self._centre + self._scale * steps

    def _refuse_tables(self) -> None:
        container = _get_output_config("transform", self)["dense"]
        if container != "default":
            raise ValueError(
                f"RNNFeatures: output='steps' answers arrays of three axes, or lists, which are "
                f"no table; got set_output(transform={container!r}). Use output='sequence', or "
                f"set_output(transform='default')."
            )
