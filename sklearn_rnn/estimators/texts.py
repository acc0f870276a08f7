"""Texts that come in, and the tokens they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.estimators.state import ROWS, CheckedStates, States
from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.tokens import LEVELS, UNKNOWN_ID
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.reading import END_ID
from sklearn_rnn.training.threads import torch_threads
from sklearn_rnn.transformers.tokens import TokenEncoder

__all__ = ["UNKNOWN", "TextInput"]

UNKNOWN = "<unk>"


def _tokens_of(name: str, level: Callable[[str], Any], text: str) -> list[Any]:
    """Return what a `level` of the user's makes of a text, if it is a list."""
    tokens = level(text)
    if not isinstance(tokens, (list, tuple, np.ndarray)):
        raise TypeError(
            f"{name}: level must return a list of tokens for a text; got "
            f"{type(tokens).__name__} for a text of {len(text)} characters. Return list(...) of it."
        )
    return list(tokens)


class TextInput(CheckedStates):
    """Mixed into a language model: its vocabulary, texts as ids of tokens, and their states."""

    end: str
    level: Any
    min_frequency: int
    unknown: str
    n_threads: int | None
    n_tokens_: int
    net_: Any
    tokens_: Any
    vocabulary_: dict[Any, int]
    _encoder: TokenEncoder
    _is_text: bool
    _level: Any

    # -- what is learned -----------------------------------------------------------------------

    def _learn_vocabulary(self, X: Any) -> None:
        if self.end == UNKNOWN:
            raise ValueError(
                f"{type(self).__name__}: end must be another name than {UNKNOWN!r}, which stands "
                f"for tokens that are not known; got end={self.end!r}. Leave it out for '<end>'."
            )
        level: Any = self.level
        if not isinstance(level, str):
            level = partial(_tokens_of, type(self).__name__, level)
        with self._naming_encoder():
            encoder = TokenEncoder(level, min_frequency=self.min_frequency, padding=self.end)
            self._encoder = encoder.set_params(unknown=UNKNOWN).fit(X)
        self._is_text = all(isinstance(text, str) for text in X)
        self.vocabulary_ = self._encoder.vocabulary_
        self.n_tokens_ = len(self.vocabulary_)
        self.tokens_ = np.empty(self.n_tokens_, dtype=object)
        self.tokens_[:] = list(self.vocabulary_)
        self._level = level

    def _check_vocabulary(self, X: Any, ids: list[NDArray[np.int64]]) -> None:
        """Refuse a vocabulary without tokens, and tokens that are called as unknown ones are."""
        name = type(self).__name__
        if self.n_tokens_ == UNKNOWN_ID + 1 and self.min_frequency > 1:
            raise ValueError(
                f"{name}: min_frequency must leave a token to learn; got {self.min_frequency}, and "
                f"no token occurs so often in {len(ids)} texts. Lower it."
            )
        number = sum(
            (text == UNKNOWN_ID).any() and UNKNOWN in self._split(x)
            for text, x in zip(ids, X, strict=True)
        )
        if number:
            raise ValueError(
                f"{name}: {UNKNOWN!r} must not be a token of X, for it stands for tokens that are "
                f"not known and is never written; it occurs in {number} of {len(ids)} texts. "
                f"Replace it by another name, as '<rare>'."
            )

    # -- what comes in -------------------------------------------------------------------------

    @contextmanager
    def _naming_encoder(self) -> Iterator[None]:
        """Let errors about texts come from the model, not from the encoder in it."""
        try:
            yield
        except (ValueError, TypeError) as error:
            if "TokenEncoder" not in str(error):
                raise  # the user's own, as of `level`
            text = str(error).replace("TokenEncoder", type(self).__name__)
            text = text.replace("padding=", "end=").replace("for padding is", "for the end is")
            text = text.replace("Set another name for padding", "Set another name for the end")
            text = text.replace(
                "Replace what is missing, by '' perhaps.", "Leave out what is neither."
            )
            raise type(error)(text) from error

    def _ids(self, X: Any, *, refuses_empty: bool, learns: bool = False) -> list[NDArray[np.int64]]:
        """Return the ids of texts; refuse what the model cannot read."""
        with self._naming_encoder():
            ids = self._encoder.transform(X)
        empty = sum(len(text) == 0 for text in ids)
        if empty and refuses_empty:
            raise ValueError(
                f"{type(self).__name__}: X must hold texts with at least one token each; got "
                f"{empty} empty ones among {len(ids)}. Leave them out."
            )
        if self.unknown == "error" and not learns:
            for text, x in zip(ids, X, strict=True):
                if (text == UNKNOWN_ID).any():
                    self._refuse_unknown(self._split(x))
        return ids

    def _as_ids(self, tokens: Sequence[Any]) -> NDArray[np.int64]:
        """Return ids of tokens that may be unknown, as one is that is called as the end."""
        ids = [self.vocabulary_.get(token) or UNKNOWN_ID for token in tokens]
        return np.array(ids, dtype=np.int64)

    def _state_of_texts(self, state: States | None, n: int, rows: str = ROWS) -> Any:
        """Return the state in which n texts go on as tensors; None if they begin."""
        if state is None:
            return None
        with torch_threads(self.n_threads), flushed_denormals():
            form = self.net_.state_form()
        return self._checked(state, form, n, rows)

    def _split(self, text: Any) -> list[Any]:
        """Return the tokens of a text, or of a list as they are."""
        if not isinstance(text, str) or not self._is_text:
            return list(text)
        split = LEVELS[self._level][0] if isinstance(self._level, str) else self._level
        return list(split(text))

    def _join(self, tokens: list[Any]) -> Any:
        """Return the text of tokens; a list of them where there is no way back."""
        if self._is_text and isinstance(self._level, str):
            return LEVELS[self._level][1](tokens)
        return tokens

    def _refuse_unknown(self, tokens: list[Any]) -> None:
        # the end is no token of a text, though it has an id
        unknown = [t for t in tokens if self.vocabulary_.get(t, END_ID) == END_ID]
        if unknown:
            hint = "Leave them out"
            if self._is_text and self._level == "word" and str(unknown[0]).isspace():
                hint = "White space but single blanks between words is a token: strip it"
            raise TokenError(
                f"{type(self).__name__}: tokens must be among the {self.n_tokens_ - 2} that fit "
                f"has learned; got {len(unknown)} others in a text of {len(tokens)}, the first of "
                f"them {unknown[0]!r}. {hint}, or set unknown='ignore' to read them as "
                f"{UNKNOWN!r}."
            )
