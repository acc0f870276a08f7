"""What comes in: X as sequences, compared with what fit has seen, scaled and cast once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Set, ValuesView
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from sklearn_rnn.exceptions import (
    SequenceLengthError,
    SequenceShapeError,
    TokenError,
    TransposedInputWarning,
)
from sklearn_rnn.sequences import (
    Sequences,
    as_sequences,
    is_list_of_sequences,
    reading_numbers,
)
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.transformers.scaling import centre_and_scale

__all__ = ["SequenceInput"]

#: Patches that ``patch_length="auto"`` leaves of a sequence of median length, at most.
AUTO_PATCHES = 200

#: Token ids from here on are taken for something that has not been numbered: hashes, code points
#: of some standard. Each id up to the largest gets a vector of its own.
MANY_TOKENS = 2**24

#: One step of so many features or more is taken for a series that lies on the wrong axis.
MANY_FEATURES = 16


class SequenceInput:
    """Mixed into an estimator that reads sequences; see `RecurrentEstimator` for its parameters."""

    dtype: str
    embedding_size: int | None
    missing: str
    patch_length: int | str
    scaler: str | None

    _settings: dict[str, Any]

    input_ndim_: int
    n_features_in_: int
    n_channels_in_: int
    n_tokens_: int

    def __sklearn_tags__(self):
        """Tell scikit-learn what may come in."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.missing != "error"
        return tags

    def _read(self, X: ArrayLike, *, first: bool) -> Sequences:
        """Return X as sequences; learn its features, or compare them with those of fit."""
        name, missing = type(self).__name__, self._setting("missing", first)
        self._refuse_containers(X)
        is_list = is_list_of_sequences(X)
        if not first and self.input_ndim_ == 3 and isinstance(X, (list, tuple)) and len(X):
            is_list, X = True, [np.asarray(x) for x in X]
        if is_list or getattr(X, "ndim", None) == 3:
            sequences = as_sequences(X, name=name, missing=missing)
            if first:
                self.__dict__.pop("feature_names_in_", None)
                self.input_ndim_, self.n_features_in_ = 3, sequences.n_features
        elif not first and self.input_ndim_ == 3 and self.n_channels_in_ == 1:
            sequences = as_sequences(X, name=name, missing=missing)
        else:
            self._refuse_axes(X, first)
            floats = [np.float64, np.float32]
            with reading_numbers(X, name), self._naming_other_lengths():
                values = validate_data(
                    self, X, reset=first, dtype=floats, ensure_all_finite="allow-nan"
                )
            trim = missing != "error"  # a table has no padding, unless NaN is welcome
            sequences = as_sequences(values, name=name, missing=missing, trim=trim)
            if first:
                self.input_ndim_ = 2
        if first:
            self.__dict__.pop("n_tokens_", None)
            self.n_channels_in_ = sequences.n_features
            self._warn_of_transposed(sequences)
        elif sequences.n_features != self.n_channels_in_:
            self._refuse_features(X, sequences)
        if self.embedding_size is not None if first else hasattr(self, "n_tokens_"):
            self._check_tokens(sequences, first)
        return sequences

    def _refuse_containers(self, X: Any) -> None:
        """Refuse what holds sequences, but is neither a list of them nor an array."""
        is_series = hasattr(X, "iloc") and getattr(X, "ndim", None) == 1
        if is_series and any(hasattr(x, "__len__") and not isinstance(x, str) for x in X):
            what, items = f"a {type(X).__name__} of {len(X)} arrays", "list(X)"
        elif isinstance(X, Mapping) and not issparse(X):  # scipy has a sparse dict
            what, items = f"a {type(X).__name__} of {len(X)} items", "list(X.values())"
        elif isinstance(X, (Iterator, Set, ValuesView)):
            what, items = f"a {type(X).__name__}", "list(X)"
        else:
            return
        raise SequenceShapeError(
            f"{type(self).__name__}: X must be an array, or a list of arrays of shape (n_steps, "
            f"n_features); got {what}. Give {items}."
        )

    @contextmanager
    def _naming_other_lengths(self) -> Iterator[None]:
        """Add to scikit-learn's error about another number of columns what they mean here."""
        try:
            yield
        except ValueError as error:
            if "features as input" not in str(error):
                raise
            raise SequenceLengthError(
                f"{error} In an array of two axes each column is a step, {self.n_features_in_} "
                f"in fit. For sequences of other lengths give np.asarray(X)[..., np.newaxis], or a "
                f"list of arrays."
            ) from error

    def _refuse_axes(self, X: ArrayLike, first: bool) -> None:
        shape = np.shape(X) if hasattr(X, "ndim") and not issparse(X) else None
        if shape is not None and len(shape) > 3:
            raise SequenceShapeError(
                f"{type(self).__name__}: X must have the axes (n_sequences, n_steps, n_features) "
                f"or (n_sequences, n_steps); got {len(shape)} axes, shape {shape}. Flatten further "
                f"axes into features."
            )
        if not first and self.input_ndim_ == 3 and shape is not None and len(shape) == 2:
            raise SequenceShapeError(
                f"{type(self).__name__}: X must have {self.n_channels_in_} features for each step, "
                f"as in fit, so three axes; got shape {shape}. A single sequence needs its own "
                f"axis: X[np.newaxis]."
            )

    def _refuse_features(self, X: Any, sequences: Sequences) -> None:
        found, wanted = sequences.n_features, self.n_channels_in_
        hint = "Features are the last axis."
        if getattr(X, "ndim", None) == 3 and np.shape(X)[1] == wanted:
            hint = "X looks transposed: steps come before features, so try X.transpose(0, 2, 1)."
        shape = f"shape {np.shape(X)}" if hasattr(X, "ndim") else f"{len(sequences)} sequences"
        raise SequenceShapeError(
            f"{type(self).__name__}: X must have {wanted} features, as in fit; got {found} "
            f"({shape}). {hint}"
        )

    def _warn_of_transposed(self, sequences: Sequences) -> None:
        if sequences.lengths.max() == 1 and sequences.n_features >= MANY_FEATURES:
            warnings.warn(
                f"{type(self).__name__}: every sequence has one step of {sequences.n_features} "
                f"features, so there is nothing to recur over. If these are steps, use "
                f"X.transpose(0, 2, 1): axes are (n_sequences, n_steps, n_features).",
                TransposedInputWarning,
                stacklevel=6,
            )

    def _check_tokens(self, sequences: Sequences, first: bool) -> None:
        name, steps = type(self).__name__, sequences.steps[sequences.coverage() > 0]
        if sequences.n_features != 1:
            raise TokenError(
                f"{name}: with embedding_size, a step is one token id; got "
                f"{sequences.n_features} features. Give X the shape (n_sequences, n_steps)."
            )
        if (steps != np.floor(steps)).any() or steps.min() < 0:
            raise TokenError(
                f"{name}: with embedding_size, X must hold token ids, whole numbers from 0; got "
                f"values between {steps.min():g} and {steps.max():g}. Number your tokens, or set "
                f"embedding_size=None for measurements."
            )
        if steps.max() >= MANY_TOKENS:
            raise TokenError(
                f"{name}: with embedding_size, X must hold token ids that count up from 0; got ids "
                f"of {steps.max():.0f}, and each up to it would need a vector. Number your tokens."
            )
        if first:
            self.n_tokens_ = int(steps.max()) + 1
        elif steps.max() >= self.n_tokens_:
            raise TokenError(
                f"{name}: X must hold token ids below {self.n_tokens_}, those seen in fit; got "
                f"{int(steps.max())}. Map unknown tokens to an id that fit has seen."
            )

    def _learn_inputs(self, sequences: Sequences, weights: NDArray | None) -> None:
        """Learn scale and patch length."""
        features = sequences.n_features
        self._centre, self._scale = np.zeros(features), np.ones(features)
        if self.scaler is not None and self.embedding_size is None:
            method = "standard" if self.scaler == "window" else self.scaler
            held = sequences.coverage(weights)
            self._centre, self._scale = centre_and_scale(sequences.steps, method, held)
        if self.patch_length == "auto":
            self.patch_length_ = max(1, -(-int(np.median(sequences.lengths)) // AUTO_PATCHES))
        else:
            self.patch_length_ = int(self.patch_length)

    def _setting(self, name: str, first: bool) -> Any:
        """Return a parameter as it is, or after the first fit, as it was then."""
        return getattr(self, name) if first else self._settings[name]

    def _dataset(
        self,
        sequences: Sequences,
        targets: NDArray | None = None,
        weights: NDArray | None = None,
    ) -> SequenceDataset:
        return SequenceDataset.from_sequences(
            sequences,
            centre=self._centre,
            scale=self._scale,
            dtype=self._setting("dtype", first=targets is not None),
            tokens=hasattr(self, "n_tokens_"),
            targets=targets,
            weights=weights,
        )
