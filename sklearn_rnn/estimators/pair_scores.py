"""How well the sequences that are written agree with the true ones."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklearn_rnn.estimators.pair_answers import writes_tokens

__all__ = ["PairScores"]


class PairScores:
    """Mixed into an estimator with `PairAnswers`."""

    stop_: str
    target_: str
    _codec: Any
    _refuse_other_number: Any
    _sources_of: Any
    _written: Any

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of sequences that are predicted without a mistake.

        For targets of numbers it is R² over all steps, each answer as long as its target.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        y : list of str, list of sequences, or ndarray
            True targets; tokens that fit has not seen count as mistakes.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        float
            At most 1.
        """
        check_is_fitted(self)
        if self.target_ == "numbers":
            return self._score_numbers(X, y, sample_weight)
        pairs = self._predicted_and_true(X, y)
        right = [predicted == true for predicted, true in pairs]
        return float(np.average(right, weights=_weights(sample_weight, right)))

    @available_if(writes_tokens)
    def token_accuracy(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of tokens that are predicted right, each at its place.

        Tokens that are missing at the end of an answer, or stand beyond the end of its target,
        count as wrong.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        y : list of str, list of sequences, or ndarray
            True targets.
        sample_weight : array-like of shape (N,), optional
            How much each token of a sequence counts.

        Returns
        -------
        float
            Between 0 and 1.
        """
        check_is_fitted(self)
        pairs = self._predicted_and_true(X, y)
        right = np.array([sum(map(operator.eq, *pair)) for pair in pairs])
        places = np.array([max(map(len, pair)) for pair in pairs])
        weights = _weights(sample_weight, right)
        weights = np.ones(len(places)) if weights is None else weights
        total = float(weights @ places)
        return float(weights @ right) / total if total else 1.0

    def _predicted_and_true(self, X: Any, y: Any) -> list[tuple[list[Any], list[Any]]]:
        """Return the tokens of each answer, and of its target."""
        codec: Any = self._codec
        true = [list(tokens) for tokens in codec.split(y)]
        sources = self._sources_of(X)
        self._refuse_other_number(len(sources), len(true))
        lengths = list(map(len, true)) if self.stop_ == "length" else None
        written = self._written(sources, lengths)
        predicted = [[codec.tokens[i] for i in one.steps] for _, one in written]
        return list(zip(predicted, true, strict=True))

    def _score_numbers(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> float:
        codec: Any = self._codec
        true = codec.read(y)
        lengths = np.array([len(row) for row in true])
        sources = self._sources_of(X)
        self._refuse_other_number(len(sources), len(true))
        written = self._written(sources, lengths)
        weights = _weights(sample_weight, true)
        answers = np.concatenate([np.reshape(row, (len(row), -1)) for row, _ in written])
        by_step = None if weights is None else np.repeat(weights, lengths)
        return float(r2_score(np.concatenate(true), answers, sample_weight=by_step))


def _weights(sample_weight: ArrayLike | None, of: Any) -> NDArray[np.float64] | None:
    return None if sample_weight is None else _check_sample_weight(sample_weight, np.zeros(len(of)))
