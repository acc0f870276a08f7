"""What recurrent estimators do alike: check, build, train, and keep scikit-learn's contract."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklearn_rnn.estimators.inputs import SequenceInput
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.net_training import NetTraining
from sklearn_rnn.estimators.options import RoutedParameters, layer_sizes
from sklearn_rnn.modules.custom import build_custom
from sklearn_rnn.modules.network import SequenceNetwork
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.net import ClassifierNet, SequenceNet
from sklearn_rnn.training.threads import torch_threads

__all__ = ["RecurrentEstimator"]


class RecurrentEstimator(SequenceInput, NetTraining, RoutedParameters):
    """Base of the estimators: `fit` is check, build, train.

    Subclasses turn `y` into what the loss wants, and answers into what users want.
    """

    #: Whether the network answers logits of classes.
    _classes = False

    _seeds: np.random.RandomState

    # -- what subclasses say -----------------------------------------------------------------

    def _check_targets(self, y: ArrayLike, first: bool) -> NDArray:
        """Return targets (N, O) in float64, or class numbers (N,); learn what they are if first."""
        raise NotImplementedError

    def _training_weights(self, targets: NDArray, weights: NDArray | None) -> NDArray | None:
        """Return how much each sequence counts."""
        return weights

    def _learn_targets(self, sequences: Sequences, targets: NDArray, weights: NDArray | None):
        """Learn what `_encode` and `_network_options` need."""

    def _encode(self, targets: NDArray) -> NDArray:
        """Return targets as the loss wants them."""
        return targets

    def _network_options(self) -> dict[str, Any]:
        """Return what the task adds to the network's arguments, ``n_outputs`` at least."""
        raise NotImplementedError

    def _split(self, seed: int) -> Any:
        """Return how to hold back a validation part."""
        raise NotImplementedError

    def _loss(self) -> Any:
        """Return what training makes small, as `sklearn_rnn.losses.Loss` takes it."""
        return self.loss

    def _loss_options(self) -> dict[str, Any]:
        """Return options of the loss that are parameters of the estimator."""
        return {}

    def _kind_of_net(self) -> type[SequenceNet]:
        """Return what kind of net trains the network."""
        return ClassifierNet if self._classes else SequenceNet

    def _inner_callbacks(self) -> list[tuple[str, Any]]:
        """Return callbacks that the training itself needs, by name."""
        return []

    # -- check -> build -> train ---------------------------------------------------------------

    @answers_unknown
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None):
        """Train on sequences and their targets.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T), or list of arrays of shape (T_i, F) or (T_i,)
            Sequences. With two axes each number is one step of one feature.
        y : array-like of shape (N,) or (N, O)
            The answer for each sequence.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts; sequences of weight 0 are left out.

        Returns
        -------
        RecurrentEstimator
            Itself.
        """
        self._validate()
        goes_on = self.warm_start and hasattr(self, "net_")
        with self._all_or_nothing():
            self._train(X, y, sample_weight, epochs=self.max_epochs, goes_on=goes_on)
        return self

    def _partial_fit(self, X: ArrayLike, y: ArrayLike | None, sample_weight: ArrayLike | None):
        self._validate()
        with self._all_or_nothing():
            self._train(X, y, sample_weight, epochs=None, goes_on=hasattr(self, "net_"))
        return self

    def _train(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        *,
        epochs: int | None,
        goes_on: bool,
    ) -> None:
        """Check, build, train; `epochs` None means one, as `partial_fit` does it."""
        self._refuse_no_targets(y)
        sequences = self._read(X, first=not goes_on)
        targets = self._targets_of(sequences, y, first=not goes_on)
        check_consistent_length(sequences.starts, targets)
        sequences, targets, weights = self._weigh(sequences, targets, sample_weight)
        if goes_on:
            self._seeds = copy.deepcopy(self._seeds)  # the old ones stay if training fails
        else:
            self._seeds = check_random_state(self.random_state)
            self._learn_inputs(sequences, weights)
            self._learn_targets(sequences, targets, weights)
        with torch_threads(self.n_threads), flushed_denormals(), self._naming_options():
            dataset = self._dataset(sequences, self._encode(targets), weights)
            net = self._build(len(sequences), epochs)
            if goes_on:
                self._take_over(net, with_optimizer=epochs is None)
            net.partial_fit(dataset)
        # answers are given by what was fitted, whatever parameters are set afterwards
        self._settings = self.get_params(deep=False)
        self._keep(net)

    def _targets_of(self, sequences: Sequences, y: Any, first: bool) -> NDArray:
        """Return what is to be learned of these sequences; most look at y alone."""
        return self._check_targets(y, first)

    def _refuse_no_targets(self, y: ArrayLike | None) -> None:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Give "
                f"one answer for each sequence."
            )

    def _weigh(
        self, sequences: Sequences, targets: NDArray, sample_weight: ArrayLike | None
    ) -> tuple[Sequences, NDArray, NDArray | None]:
        """Return what has a weight, and the weights, of mean 1; None if all count alike."""
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, sequences.starts, dtype=np.float64, ensure_non_negative=True
            )
            if not weights.any():
                raise ValueError(
                    f"{type(self).__name__}: Sample weights must contain at least one non-zero "
                    f"number; got {len(weights)} zeros."
                )
            kept = weights > 0  # before classes are counted
            sequences, targets, weights = sequences.take(kept), targets[kept], weights[kept]
        weights = self._training_weights(targets, weights)
        if weights is None:
            return sequences, targets, None
        kept = weights > 0  # a class may have no weight
        weights = weights[kept] / weights[kept].mean()
        return sequences.take(kept), targets[kept], weights

    # -- network -------------------------------------------------------------------------------

    def _build(self, n_sequences: int, epochs: int | None) -> SequenceNet:
        """Return an untrained net; for `partial_fit` one of a single epoch at the full rate."""
        seed, split_seed, order_seed = (int(s) for s in self._seeds.randint(2**31 - 1, size=3))
        return self._untrained(
            *self._network(seed),
            epochs,
            kind=self._kind_of_net(),
            loss=self._loss(),
            batch_size=int(min(self.batch_size or n_sequences, n_sequences)),
            split=self._split(split_seed),
            seed=order_seed,
            routed={**self._loss_options(), **self._routed()},
            inner_callbacks=self._inner_callbacks(),
        )

    def _network(self, seed: int) -> tuple[Any, dict[str, Any]]:
        """Return what builds the network, and its arguments."""
        task = self._network_options()
        if self.module is not None:
            sizes = {"n_features": self.n_channels_in_, "n_outputs": task["n_outputs"]}
            own = {
                name.removeprefix("module__"): value
                for name, value in self._routed().items()
                if name.startswith("module__")
            }
            return partial(build_custom, self.module), {**sizes, "seed": seed, **own}
        pooling = [self.pooling] if isinstance(self.pooling, str) else list(self.pooling)
        return SequenceNetwork, {
            "n_features": self.n_channels_in_,
            "hidden_sizes": layer_sizes(self.hidden_size, self.num_layers),
            "cell": self.cell,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
            "nonlinearity": self.nonlinearity,
            "backend": self.backend,
            "pooling": pooling,
            "missing": self.missing,
            "window_scaling": self.scaler == "window",
            "input_noise": self.input_noise,
            "patch_length": self.patch_length_,
            "n_tokens": getattr(self, "n_tokens_", None),
            "embedding_size": self.embedding_size and int(self.embedding_size),
            "seed": seed,
            **task,
        }

    def _answers(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what the network answers for X."""
        check_is_fitted(self)
        dataset = self._dataset(self._read(X, first=False))
        with torch_threads(self.n_threads), flushed_denormals():
            return self.net_.answers(dataset)
