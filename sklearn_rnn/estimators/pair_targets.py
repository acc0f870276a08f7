"""What a decoder is to write: sequences of tokens or of numbers, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.estimators.number_targets import NumberTargets
from sklearn_rnn.estimators.pair_parameters import NUMBER_LOSSES
from sklearn_rnn.estimators.vocabulary import Vocabulary, kinds_of_items, plain
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.seq2seq import PairDataset
from sklearn_rnn.transformers.scaling import centre_and_scale

__all__ = ["PairTargets", "column_of"]


class PairTargets:
    """Mixed into an estimator whose targets are sequences, of other lengths than those in X."""

    dtype: str
    level: str | Callable
    loss: str | Callable
    max_length: int | None
    scaler: str | None
    stop: str
    target: str
    target_level: str | Callable | None

    n_outputs_: int
    stop_: str
    target_: str
    tokens_: list[Any]
    _codec: Vocabulary | NumberTargets
    _common_length: int | None
    _longest: int

    def __sklearn_tags__(self):
        """Tell scikit-learn that an answer is more than one value."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.required = True
        tags.target_tags.single_output, tags.target_tags.multi_output = False, True
        return tags

    def _check_targets(self, y: Any, first: bool) -> NDArray[np.object_]:
        """Return ids (T_i,) or numbers (T_i, O) of each target, in a column of objects."""
        who = f"{type(self).__name__}: y"
        if not hasattr(plain(y), "__len__") or isinstance(y, (str, bytes, Mapping, Set)):
            raise TargetError(
                f"{who} must hold a sequence for each of X; got {type(y).__name__}. Give a list."
            )
        if first:
            self.target_ = self.target
            if self.target == "auto":
                kinds = kinds_of_items(y)
                self.target_ = "numbers" if "real" in kinds and "token" not in kinds else "tokens"
            level, parameter = self._level_of_targets()
            self._codec = (
                Vocabulary(y, level, who, parameter)
                if self.target_ == "tokens"
                else NumberTargets(y, who)
            )
            self._refuse_loss(type(self).__name__)
        codec = self._codec
        rows = codec.encode(y) if isinstance(codec, Vocabulary) else codec.read(y)
        if first:
            self._learn_lengths(rows)
        self._check_written(rows)
        return column_of(rows)

    def _level_of_targets(self) -> tuple[str | Callable, str]:
        """Return how texts in y become tokens, and which parameter says so."""
        if self.target_level is None:
            return self.level, "level"
        return self.target_level, "target_level"

    def _targets_of(self, sequences: Sequences, y: Any, first: bool) -> NDArray[np.object_]:
        rows = self._check_targets(y, first)
        self._refuse_other_number(len(sequences), len(rows))
        return rows

    def _refuse_other_number(self, sources: int, targets: int) -> None:
        if sources != targets:
            raise ValueError(
                f"{type(self).__name__}: y must hold one sequence for each of X; got inconsistent "
                f"numbers of samples: [{sources}, {targets}]. Give as many of one as of the other."
            )

    def _refuse_loss(self, name: str) -> None:
        of_numbers = self.target_ == "numbers"
        if self.loss in (["log_loss"] if of_numbers else NUMBER_LOSSES):
            raise ValueError(
                f"{name}: loss={self.loss!r} is for {'tokens' if of_numbers else 'numbers'}; got y "
                f"of {self.target_}. Leave loss at 'auto', or say with target= what y holds."
            )

    def _learn_lengths(self, rows: list[NDArray]) -> None:
        """Learn how sequences end, and what there is to be written."""
        found = {len(row) for row in rows}
        self._longest = max(found)
        self._common_length = self._longest if len(found) == 1 else None
        self.stop_ = self.stop
        if self.stop == "auto":
            fixed = self.target_ == "numbers" and self._common_length is not None
            self.stop_ = "length" if fixed else "learned"
        if isinstance(self._codec, Vocabulary):
            self.tokens_ = self._codec.tokens
            self.n_outputs_ = len(self.tokens_)
            if not self.tokens_:
                raise TargetError(
                    f"{type(self).__name__}: y must hold tokens; got {len(rows)} sequences without "
                    f"any. Give some that are not empty."
                )
        else:
            self.__dict__.pop("tokens_", None)
            self.n_outputs_ = self._codec.n_outputs

    def _check_written(self, rows: list[NDArray]) -> None:
        name = type(self).__name__
        longest = max(map(len, rows))
        if self.stop_ == "length" and min(map(len, rows)) == 0:
            raise TargetError(
                f"{name}: y must hold sequences of at least one step with stop='length'; got "
                f"{sum(not len(row) for row in rows)} of {len(rows)} without any. Leave them out, "
                f"or set stop='learned'."
            )
        if self.stop_ == "learned" and self.max_length is not None and longest > self.max_length:
            over = sum(len(row) > self.max_length for row in rows)
            raise TargetError(
                f"{name}: y must hold sequences of at most max_length={self.max_length} steps, for "
                f"a longer one would never reach its end; got {over} longer ones of {len(rows)}, "
                f"up to {longest}. Raise max_length, or leave it at None."
            )
        if self.target_ == "tokens":
            unknown = sum(int((row < 0).sum()) for row in rows)
            if unknown:
                raise TargetError(
                    f"{name}: y must hold the {self.n_outputs_} tokens of the first call; got "
                    f"{unknown} others. Fit anew with warm_start=False."
                )
        self._longest = max(self._longest, longest)
        if self._common_length is not None and {len(row) for row in rows} != {self._common_length}:
            self._common_length = None

    def _learn_targets(self, sequences: Sequences, targets: NDArray, weights: NDArray | None):
        if isinstance(self._codec, NumberTargets) and self.scaler is not None:
            each = np.ones(len(targets)) if weights is None else weights
            by_step = np.repeat(each, [len(row) for row in targets])
            with np.errstate(over="ignore", invalid="ignore"):  # `_encode` says it in words
                self._codec.centre, self._codec.scale = centre_and_scale(
                    np.concatenate(list(targets)), self.scaler, by_step
                )

    def _encode(self, targets: NDArray) -> NDArray:
        if isinstance(self._codec, NumberTargets):
            return column_of(self._codec.encode(list(targets), self.dtype))
        return targets

    def _pairs(self, sources: SequenceDataset, targets: NDArray, dtype: str) -> PairDataset:
        """Put a row before each target, and behind it, if it is learned, that of its end."""
        before: NDArray = np.zeros((1, self.n_outputs_))
        if self.target_ == "tokens":
            before = np.array([self.n_outputs_])
        after = before if self._writes_its_end() else None
        return PairDataset.from_rows(sources, list(targets), before, after, dtype=dtype)

    def _writes_its_end(self) -> bool:
        """Tell whether the end is a token, and so a step more."""
        return self.target_ == "tokens" and self.stop_ == "learned"


def column_of(rows: list[NDArray]) -> NDArray[np.object_]:
    """Return arrays of unequal lengths as one array of objects, which can be indexed."""
    column = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        column[i] = row
    return column
