"""Text into tokens, tokens into whole numbers, and back without a loss.

A token is a piece of text (a character, a word), or whatever items a sequence has. Ids count from
0; the first two are kept for padding and for tokens that are not known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "PADDING_ID",
    "UNKNOWN_ID",
    "decode",
    "encode",
    "equals_itself",
    "join_words",
    "ordered_by_frequency",
    "split_words",
]

PADDING_ID, UNKNOWN_ID = 0, 1

_WORD_OR_SPACE = re.compile(r"\S+|\s")


def split_words(text: str) -> list[str]:
    r"""Split text into words and the white space that is not one blank between two words.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        Words, runs of characters that are not white space; and every character of white space by
        itself, but for the single blank between two words, which `join_words` puts back.

    Examples
    --------
    >>> from sklearn_rnn.tokens import split_words
    >>> split_words("to be  or\n")
    ['to', 'be', ' ', ' ', 'or', '\n']
    """
    pieces = _WORD_OR_SPACE.findall(text)
    last = len(pieces) - 1
    return [
        piece
        for i, piece in enumerate(pieces)
        if not (
            piece == " "
            and 0 < i < last
            and not pieces[i - 1].isspace()
            and not pieces[i + 1].isspace()
        )
    ]


def join_words(tokens: Iterable[str]) -> str:
    r"""Join what `split_words` has split: a blank goes between two words that are neighbours.

    Parameters
    ----------
    tokens : iterable of str
        Words and characters of white space.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from sklearn_rnn.tokens import join_words
    >>> join_words(["to", "be", " ", " ", "or", "\n"])
    'to be  or\n'
    """
    pieces: list[str] = []
    after_word = False
    for token in tokens:
        is_word = not token.isspace()
        if is_word and after_word:
            pieces.append(" ")
        pieces.append(token)
        after_word = is_word
    return "".join(pieces)


def equals_itself(token: Hashable) -> bool:
    """Tell whether a token is found again in a vocabulary, which NaN is not.

    Parameters
    ----------
    token : hashable
        Of a tuple or a frozenset, every item is looked at.

    Returns
    -------
    bool
        False for NaN of any kind, NaT and NA.

    Examples
    --------
    >>> from sklearn_rnn.tokens import equals_itself
    >>> equals_itself("nan"), equals_itself(float("nan"))
    (True, False)
    """
    if isinstance(token, (tuple, frozenset)):
        return all(map(equals_itself, token))
    try:
        return bool(token == token)
    except (TypeError, ValueError):  # NA of pandas is neither equal to itself nor unequal
        return False


def ordered_by_frequency(
    sequences: Iterable[Iterable[Hashable]], min_frequency: int = 1
) -> list[Any]:
    """Return the distinct tokens of all sequences, the most frequent first.

    Parameters
    ----------
    sequences : iterable of iterables of hashable
        Tokens.
    min_frequency : int, default=1
        How often a token must occur in all sequences together.

    Returns
    -------
    list
        Tokens that are equally frequent are sorted, whatever the order of sequences.

    Examples
    --------
    >>> from sklearn_rnn.tokens import ordered_by_frequency
    >>> ordered_by_frequency(["banana", "bar"])
    ['a', 'b', 'n', 'r']
    """
    counts: Counter[Any] = Counter()
    for tokens in sequences:
        counts.update(tokens)
    kept = [token for token, count in counts.items() if count >= min_frequency]
    try:
        return sorted(kept, key=lambda token: (-counts[token], token))
    except TypeError:  # tokens of kinds that have no order between them
        return sorted(kept, key=lambda token: (-counts[token], type(token).__name__, repr(token)))


def encode(tokens: Sequence[Hashable], vocabulary: Mapping[Any, int]) -> NDArray[np.int64]:
    """Return the ids of tokens, `UNKNOWN_ID` for those that the vocabulary does not have.

    Parameters
    ----------
    tokens : sequence of hashable
        Tokens; a string is a sequence of its characters.
    vocabulary : mapping from hashable to int
        Id of each token.

    Returns
    -------
    ndarray of shape (T,), int64
        One id for each token.

    Examples
    --------
    >>> from sklearn_rnn.tokens import encode
    >>> encode("abc", {"a": 2, "b": 3})
    array([2, 3, 1])
    """
    ids = (vocabulary.get(token, UNKNOWN_ID) for token in tokens)
    return np.fromiter(ids, dtype=np.int64, count=len(tokens))


def decode(ids: Iterable[int], tokens: Sequence[Any]) -> list[Any]:
    """Return the tokens of ids, leaving padding out.

    Parameters
    ----------
    ids : iterable of int
        Positions in `tokens`.
    tokens : sequence
        The token of each id; the first is not used.

    Returns
    -------
    list
        Tokens.

    Examples
    --------
    >>> from sklearn_rnn.tokens import decode
    >>> decode([2, 3, 1, 0, 0], ["<pad>", "<unk>", "a", "b"])
    ['a', 'b', '<unk>']
    """
    return [tokens[i] for i in ids if i != PADDING_ID]


#: How text becomes tokens, and tokens text again. A new level: a pair of functions here.
LEVELS: dict[str, tuple[Callable[[str], Sequence[str]], Callable[[Iterable[str]], str]]] = {
    "char": (list, "".join),
    "word": (split_words, join_words),
}
