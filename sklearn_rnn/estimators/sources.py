"""What comes in to be read by an encoder: sequences of numbers, of tokens, or vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from sklearn_rnn.estimators.inputs import SequenceInput
from sklearn_rnn.estimators.vocabulary import Vocabulary, kinds_of_items
from sklearn_rnn.exceptions import (
    SequenceLengthError,
    SequenceShapeError,
    TokenError,
    UnknownTokenWarning,
)
from sklearn_rnn.sequences import Sequences, as_sequences
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.transformers.scaling import centre_and_scale

__all__ = ["SourceInput"]


class SourceInput(SequenceInput):
    """Mixed into an estimator that reads tokens and vectors as it does sequences of numbers."""

    source: str
    level: str | Callable
    unknown: str

    source_: str
    source_tokens_: list[Any]
    patch_length_: int
    _vocabulary: Vocabulary

    def __sklearn_tags__(self):
        """Tell scikit-learn that text may come in."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags

    def _read(self, X: Any, *, first: bool) -> Sequences:
        """Return X as sequences; learn what they are, or compare them with those of fit."""
        self._refuse_containers(X)
        X = self._as_array(X)
        if first:
            self.source_ = self._kind_of_source(X)
            for name in ("_vocabulary", "source_tokens_", "n_tokens_", "feature_names_in_"):
                self.__dict__.pop(name, None)
        if self.source_ == "tokens":
            return self._read_tokens(X, first)
        if self.source_ == "vector":
            return self._read_vectors(X, first)
        if hasattr(X, "__len__") and "token" in kinds_of_items(X):
            raise TokenError(
                f"{type(self).__name__}: X must hold numbers{'' if first else ', as in fit'}; got "
                f"text or other tokens. Fit with source='tokens'."
            )
        return super()._read(X, first=first)

    def _as_array(self, X: Any) -> Any:
        """Return a tensor as an array; what scikit-learn reads, and lists, as they are."""
        if isinstance(X, np.ndarray) or hasattr(X, "to_numpy") or not hasattr(X, "__array__"):
            return X
        try:
            return np.asarray(X)
        except (RuntimeError, TypeError) as error:  # one with a gradient, or on another device
            raise SequenceShapeError(
                f"{type(self).__name__}: X must be an array, or a list of sequences; got a "
                f"{type(X).__name__} that numpy cannot read ({error}). Give "
                f"X.detach().cpu().numpy()."
            ) from error

    def _kind_of_source(self, X: Any) -> str:
        if isinstance(X, (str, bytes)):
            raise TokenError(
                f"{type(self).__name__}: X must be a list of texts; got a single text. [text] is a "
                f"list of one."
            )
        if self.source != "auto":
            return self.source
        if not hasattr(X, "__len__"):
            return "sequence"
        return "tokens" if "token" in kinds_of_items(X) else "sequence"

    def _read_tokens(self, X: Any, first: bool) -> Sequences:
        who = f"{type(self).__name__}: X"
        if not hasattr(X, "__len__"):
            raise TokenError(f"{who} must be a list of sequences; got {type(X).__name__}.")
        if len(X) == 0:
            raise ValueError(f"{who} is empty; at least 1 sequence is needed.")
        if first:
            self._vocabulary = Vocabulary(X, self.level, who)
            self.source_tokens_ = self._vocabulary.tokens
            self.n_tokens_ = len(self.source_tokens_) + 1  # id 0 is of those that are not known
            self.input_ndim_ = self.n_channels_in_ = self.n_features_in_ = 1
        ids = self._vocabulary.encode(X)
        lengths = np.array([len(row) for row in ids])
        empty = int((lengths == 0).sum())
        if empty:
            raise SequenceLengthError(
                f"{who} must hold sequences of at least one token; got {empty} of {len(ids)} "
                f"without any, an empty text perhaps. Leave them out."
            )
        steps = np.concatenate(ids) + 1
        if not first:
            self._complain_of_unknown(int((steps == 0).sum()), len(steps))
        return Sequences(steps[:, np.newaxis].astype(float), np.cumsum(lengths) - lengths, lengths)

    def _complain_of_unknown(self, number: int, among: int) -> None:
        if not number or self.unknown == "ignore":
            return
        message = f"{type(self).__name__}: X holds {number} tokens (of {among}) that fit has not "
        if self.unknown == "error":
            raise TokenError(
                f"{message}seen. Leave them out, or set unknown='warn' to have them read as tokens "
                f"that say nothing."
            )
        warnings.warn(
            f"{message}seen; they are read as tokens that say nothing. Set unknown='ignore' if "
            f"that is as it should be.",
            UnknownTokenWarning,
            stacklevel=7,
        )

    def _read_vectors(self, X: Any, first: bool) -> Sequences:
        name, missing = type(self).__name__, self._setting("missing", first)
        values = np.asarray(X) if not hasattr(X, "ndim") else X
        if values.ndim == 3:
            values = np.asarray(values).reshape(len(values), -1)
        elif values.ndim != 2:
            raise SequenceShapeError(
                f"{name}: with source='vector', X must have the axes (n_vectors, n_features), or "
                f"(n_images, height, width); got shape {np.shape(X)}. Reshape your data, "
                f"X.reshape(len(X), -1) perhaps."
            )
        values = validate_data(
            self, values, reset=first, dtype=[np.float64, np.float32], ensure_all_finite=False
        )
        self.input_ndim_, self.n_channels_in_ = 2, values.shape[1]
        return as_sequences(values[:, np.newaxis], name=name, missing=missing, trim=False)

    def _check_tokens(self, sequences: Sequences, first: bool) -> None:
        """Let numbers be: with `source` and not `embedding_size` users say that X holds tokens."""

    def _learn_inputs(self, sequences: Sequences, weights: NDArray | None) -> None:
        """Learn the scale."""
        features = sequences.n_features
        self._centre, self._scale = np.zeros(features), np.ones(features)
        if self.scaler is not None and self.source_ != "tokens":
            held = sequences.coverage(weights)
            self._centre, self._scale = centre_and_scale(sequences.steps, self.scaler, held)
        self.patch_length_ = 1

    def _sources(
        self, sequences: Sequences, dtype: str, weights: NDArray | None = None
    ) -> SequenceDataset:
        return SequenceDataset.from_sequences(
            sequences,
            centre=self._centre,
            scale=self._scale,
            dtype=dtype,
            tokens=self.source_ == "tokens",
            weights=weights,
        )
