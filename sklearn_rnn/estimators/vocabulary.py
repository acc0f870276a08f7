"""Tokens of texts, or of sequences of items, as ids, and back in the form in which they came."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.tokens import LEVELS, equals_itself

__all__ = ["Vocabulary", "kinds_of_items", "plain"]

Level = str | Callable[[str], Sequence[Hashable]]


def plain(X: Any) -> Any:
    """Return what a series, a tensor or another thing that numpy reads, holds; lists as they are.

    Parameters
    ----------
    X : array-like
        Sequences.

    Returns
    -------
    ndarray or list
        What can be gone through.
    """
    if hasattr(X, "to_numpy"):
        return X.to_numpy()
    return np.asarray(X) if hasattr(X, "__array__") else X


def kinds_of_items(X: Any) -> set[str]:
    """Return of what kinds the items of sequences are: "token", "whole" and "real" numbers.

    Parameters
    ----------
    X : array-like, or list of str or of sequences
        Sequences. A string is a sequence of tokens, and None one, unless it stands among numbers.

    Returns
    -------
    set of str
        The kinds that occur; empty if there are no items.
    """
    if hasattr(X, "dtype") and X.dtype != object:
        return {_kind_of_array(X)}
    values = plain(X)
    kinds: set[str] = set()
    for item in values:
        if isinstance(item, (str, bytes)):
            kinds.add("token")
        elif hasattr(item, "dtype") and item.dtype != object:
            kinds.add(_kind_of_array(item))
        elif hasattr(item, "__len__"):
            kinds.update(_kind(part) for part in item)
        else:
            kinds.add(_kind(item))
    if "missing" in kinds:
        kinds.remove("missing")
        return kinds or {"token"}
    return kinds


def _kind_of_array(X: Any) -> str:
    if not isinstance(X.dtype, np.dtype):
        if hasattr(X, "to_numpy"):  # of pandas, with a dtype of its own
            return "token"
        X = np.asarray(X)  # a tensor
    return _KINDS.get(X.dtype.kind, "token")


#: Kinds of numpy's dtypes; any other holds tokens.
_KINDS = {"b": "whole", "i": "whole", "u": "whole", "f": "real", "c": "real"}


def _kind(item: Any) -> str:
    """Return the kind of one item of a sequence."""
    if item is None:
        return "missing"
    if isinstance(item, (list, np.ndarray)):  # a step of several features
        return "token" if any(isinstance(part, (str, bytes)) for part in item) else "real"
    if isinstance(item, (int, np.integer, np.bool_)):
        return "whole"
    return "real" if isinstance(item, (float, np.floating)) else "token"


class Vocabulary:
    """The tokens of the sequences seen in fit, and the form that these had.

    Parameters
    ----------
    X : list, ndarray or Series of str, or of sequences of hashable, or ndarray of shape (N, T)
        What fit has seen.
    level : {"char", "word"} or callable
        How a text becomes tokens.
    who : str
        Who asks and for what, as in "RNNSeq2Seq: y"; opens error messages.
    parameter : str, default="level"
        Name of the parameter that gave `level`.

    Attributes
    ----------
    tokens : list
        Sorted, as labels of classes are; the place of each is its id.
    """

    def __init__(self, X: Any, level: Level, who: str, parameter: str = "level") -> None:
        self.who = who
        self.level, self.parameter = level, parameter
        self.of_texts = _are_texts(X)
        self.is_array = hasattr(X, "__array__")
        first = next(iter(plain(X)), None)
        self.dtype = first.dtype if isinstance(first, np.ndarray) else None
        self.tokens: list[Any] = _sorted(set().union(*self.split(X)))
        self.ids = {token: i for i, token in enumerate(self.tokens)}

    def split(self, X: Any) -> list[Sequence[Any]]:
        """Return the tokens of each sequence.

        Parameters
        ----------
        X : as in fit
            Texts if fit has seen texts, else sequences of items.

        Returns
        -------
        list of list
            Tokens.

        Raises
        ------
        TokenError
            If X holds something else than in fit, or tokens that cannot be found again.
        """
        if isinstance(X, (str, bytes)):
            raise TokenError(
                f"{self.who} must be a list of texts, or of lists of tokens; got a single text. "
                f"[text] is a list of one."
            )
        items = plain(X)
        items = items.tolist() if isinstance(items, np.ndarray) and items.dtype != object else items
        items = [item.tolist() if isinstance(item, np.ndarray) else item for item in items]
        texts = sum(isinstance(item, str) for item in items)
        if self.of_texts and texts < len(items):
            raise TokenError(
                f"{self.who} must hold texts only; got {len(items) - texts} of {len(items)} that "
                f"are none. Leave out what is missing, in X and in y."
            )
        if self.of_texts:
            return self._checked([self._split_text(text) for text in items])
        lists = sum(isinstance(item, (list, tuple)) for item in items)
        if lists < len(items):
            raise TokenError(
                f"{self.who} must hold sequences of tokens only, lists or arrays of one axis; got "
                f"{len(items) - lists} of {len(items)} that are none. Give a list for each."
            )
        return self._checked(items)

    def _split_text(self, text: str) -> list[Any]:
        split = LEVELS[self.level][0] if isinstance(self.level, str) else self.level
        tokens = split(text)
        if not isinstance(tokens, Iterable):
            raise TokenError(
                f"{self.who} needs a {self.parameter} that returns a list of tokens for each text; "
                f"got {type(tokens).__name__}. Let {self.parameter} return a list."
            )
        return list(tokens)

    def encode(self, X: Any) -> list[NDArray[np.int64]]:
        """Return the ids of each sequence, (T_i,); -1 for tokens that are not known."""
        return [
            np.fromiter((self.ids.get(token, -1) for token in tokens), np.int64, len(tokens))
            for tokens in self.split(X)
        ]

    def join(self, ids: NDArray[np.int64]) -> Any:
        """Return one sequence of ids in the form of those in fit: a text, a list or an array."""
        tokens = [self.tokens[i] for i in ids]
        if self.of_texts and isinstance(self.level, str):
            return LEVELS[self.level][1](tokens)
        return tokens if self.dtype is None else np.array(tokens, dtype=self.dtype)

    def _checked(self, sequences: list[Any]) -> list[Any]:
        """Return sequences if each of their tokens can be found again."""
        try:
            distinct: set[Any] = set().union(*sequences)
        except TypeError as error:
            raise TokenError(
                f"{self.who} must hold tokens that are hashable, as text, numbers and tuples are; "
                f"got others among {len(sequences)} sequences ({error}). tuple(token) is hashable."
            ) from error
        if not all(map(equals_itself, distinct)):
            number = sum(not all(map(equals_itself, tokens)) for tokens in sequences)
            raise TokenError(
                f"{self.who} must hold tokens that equal themselves, to be found again, as NaN and "
                f"NA do not; got such tokens in {number} of {len(sequences)} sequences. Leave them "
                f"out."
            )
        return sequences


def _are_texts(X: Any) -> bool:
    held = (value for value in plain(X) if value is not None)
    return isinstance(next(held, None), str)


def _sorted(tokens: set[Any]) -> list[Any]:
    try:
        return sorted(tokens)
    except TypeError:  # tokens of kinds that have no order between them
        return sorted(tokens, key=lambda token: (type(token).__name__, repr(token)))
