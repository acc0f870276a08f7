"""Text, or sequences of items, as sequences of whole numbers or of one-hot vectors, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.exceptions import SequenceShapeError, TokenError
from sklearn_rnn.tokens import (
    LEVELS,
    PADDING_ID,
    decode,
    encode,
    equals_itself,
    ordered_by_frequency,
)

__all__ = ["TokenEncoder"]


class TokenEncoder(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Number the tokens of texts, or of sequences of items, and turn numbers back into them.

    Nothing is normalized and nothing is lost: from the ids of texts whose tokens fit has seen,
    `inverse_transform` gives back the same texts, to the last blank.

    In front of an estimator with ``embedding_size``, ids need no padding, for estimators take
    sequences of unequal lengths: ``make_pipeline(TokenEncoder(), RNNClassifier(embedding_size=8))``
    learns from a list of strings. Such an estimator has a vector for each id up to the largest
    in fit; here that is always the last of the vocabulary, so both count `n_tokens_`, and tokens
    that come up later are ids they know: `unknown`. Its vector is learned only if fit meets
    tokens rarer than `min_frequency`. An empty text becomes an empty sequence, which estimators
    refuse.

    Parameters
    ----------
    level : {"char", "word"} or callable, default="char"
        What is a token of a text. "word": a run of characters that are not white space; a single
        blank between two words goes without saying, and every other character of white space is
        a token of its own. A callable takes a text and returns a list of tokens. Not used where
        X holds lists of items, which are tokens already.
    one_hot : bool, default=False
        Whether to return vectors that are 1 at the id and 0 elsewhere, rather than ids.
    min_frequency : int, default=1
        How often a token must occur in fit to be known.
    unknown : str, default="<unk>"
        What stands for tokens that are not known when ids are turned back.
    padding : str, default="<pad>"
        Name of id 0 in the vocabulary, for padding between `transform` and `inverse_transform`,
        as by ``SequencePadder(value=0)``. No token of fit may have this name.

    Attributes
    ----------
    vocabulary_ : dict of token to int
        Id of each token: 0 of `padding`, 1 of `unknown`, then the tokens of fit, the most frequent
        first and equally frequent ones sorted.
    n_tokens_ : int
        V, the number of ids.

    See Also
    --------
    SequencePadder : Fills ids up to one length.

    Examples
    --------
    >>> from sklearn_rnn import TokenEncoder
    >>> encoder = TokenEncoder(level="word").fit(["to be or not to be"])
    >>> encoder.vocabulary_
    {'<pad>': 0, '<unk>': 1, 'be': 2, 'to': 3, 'not': 4, 'or': 5}
    >>> ids = encoder.transform(["to be", "not  here"])
    >>> ids
    [array([3, 2]), array([4, 1, 1, 1])]
    >>> encoder.inverse_transform(ids)
    ['to be', 'not <unk> <unk> <unk>']
    """

    _parameter_constraints: dict = {
        "level": [StrOptions(set(LEVELS)), callable],
        "one_hot": ["boolean"],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "unknown": [str],
        "padding": [str],
    }

    def __init__(
        self,
        level: str | Callable[[str], Sequence[Hashable]] = "char",
        one_hot: bool = False,
        min_frequency: int = 1,
        unknown: str = "<unk>",
        padding: str = "<pad>",
    ) -> None:
        self.level = level
        self.one_hot = one_hot
        self.min_frequency = min_frequency
        self.unknown = unknown
        self.padding = padding

    def fit(self, X: Any, y: Any = None) -> TokenEncoder:
        """Learn the vocabulary.

        Parameters
        ----------
        X : list, ndarray or Series of str, or of lists of hashable
            Texts, any of which may be empty; or sequences of items.
        y : None
            Not used.

        Returns
        -------
        TokenEncoder
            Itself.

        Raises
        ------
        ValueError
            If X is a single text, is empty, or holds something that is neither text nor a list
            of items; or if a token has the name of padding.
        TokenError
            If a token is not hashable, or is NaN, NaT or NA.
        """
        self._validate_params()
        if self.unknown == self.padding:
            raise ValueError(
                f"TokenEncoder: unknown and padding must differ; got {self.padding!r} for both."
            )
        sequences, are_texts = self._read(X, self.level)
        known = ordered_by_frequency(sequences, self.min_frequency)
        if any(isinstance(token, str) and token == self.padding for token in known):
            number = sum(self.padding in tokens for tokens in sequences)
            raise ValueError(
                f"TokenEncoder: padding={self.padding!r} must not be a token of X, for padding is "
                f"left out on the way back; it occurs in {number} of {len(sequences)} sequences. "
                f"Set another name for padding."
            )
        tokens = [self.padding, self.unknown, *(t for t in known if t != self.unknown)]
        self._level = self.level if are_texts else None
        self.vocabulary_ = {token: i for i, token in enumerate(tokens)}
        self.n_tokens_ = len(tokens)
        return self

    def transform(self, X: Any) -> list[NDArray]:
        """Turn texts into ids.

        Parameters
        ----------
        X : list, ndarray or Series of str, or of lists of hashable
            Texts if fit has seen texts, else sequences of items.

        Returns
        -------
        list of ndarray of shape (T_i,), int64, or (T_i, V), float64
            Ids, or with `one_hot` vectors of ones and zeros. Tokens that are not known have the
            id 1. A text without tokens is an array without steps.

        Raises
        ------
        ValueError
            If X holds lists of items and fit has seen texts, or the other way round.
        TokenError
            If a token is not hashable, or is NaN, NaT or NA.
        """
        check_is_fitted(self)
        sequences, are_texts = self._read(X, self._level)
        if are_texts != (self._level is not None):
            raise ValueError(
                f"TokenEncoder: X must hold {'text' if self._level else 'lists of items'}, as in "
                f"fit; got {'text' if are_texts else 'lists of items'}, {len(sequences)} of them. "
                f"Fit again to change."
            )
        known = {token: i for token, i in self.vocabulary_.items() if i != PADDING_ID}
        ids = [encode(tokens, known) for tokens in sequences]
        if not self.one_hot:
            return ids
        return [(i[:, np.newaxis] == np.arange(self.n_tokens_)).astype(np.float64) for i in ids]

    def inverse_transform(self, X: Any) -> list[Any]:
        """Turn ids, or one-hot vectors, back into texts.

        Parameters
        ----------
        X : list of array-like of shape (T_i,) or (T_i, V), or ndarray of shape (N, T) or (N, T, V)
            Ids; or vectors with a value for each id, of which the largest decides: one-hot
            vectors or probabilities. Padding is left out: the id 0, NaN, or a vector of zeros.

        Returns
        -------
        list of str, or of lists
            Texts; lists of tokens if `level` is a callable or fit has seen lists of items. The
            id 1 becomes `unknown`.

        Raises
        ------
        TokenError
            If an id is not a whole number below `n_tokens_`.
        SequenceShapeError
            If X has other axes, or vectors of another size than `n_tokens_`.
        """
        check_is_fitted(self)
        if hasattr(X, "ndim") and X.ndim not in (2, 3) and X.dtype != object:
            raise SequenceShapeError(
                f"TokenEncoder: X must have the axes (n_sequences, n_steps) or (n_sequences, "
                f"n_steps, {self.n_tokens_}), or be a list of arrays; got shape {np.shape(X)}. "
                f"X[np.newaxis] is one sequence."
            )
        X = X.to_numpy() if hasattr(X, "columns") else X
        tokens = list(self.vocabulary_)
        sequences = [decode(self._ids(x).tolist(), tokens) for x in X]
        if isinstance(self._level, str):
            _, join = LEVELS[self._level]
            return [join(sequence) for sequence in sequences]
        return sequences

    def set_output(self, *, transform: str | None = None) -> TokenEncoder:
        """Accept any container and keep to lists of arrays: texts differ in length.

        Parameters
        ----------
        transform : str, optional
            Not used.

        Returns
        -------
        TokenEncoder
            Itself.
        """
        return self

    def _read(self, X: Any, level: Any) -> tuple[list[Any], bool]:
        """Return the tokens of each sequence, and whether sequences are texts."""
        if isinstance(X, (str, bytes)) or not hasattr(X, "__len__") or isinstance(X, (dict, set)):
            raise ValueError(
                f"TokenEncoder: X must be a list of texts, or of lists of items; got "
                f"{type(X).__name__}. [text] is a list of one text, list(X) one of many."
            )
        if getattr(X, "ndim", 1) != 1:
            raise SequenceShapeError(
                f"TokenEncoder: X must have one axis, (n_sequences,); got shape {np.shape(X)}. "
                f"Give a single column of texts, or list(X) for rows of items."
            )
        items = X.tolist() if hasattr(X, "tolist") else list(X)
        if not items:
            raise ValueError("TokenEncoder: X is empty; at least 1 sequence is needed.")
        if all(isinstance(item, str) for item in items):
            split = LEVELS[level][0] if isinstance(level, str) else level
            items = items if split in (None, list) else [list(split(text)) for text in items]
            return self._checked(items), True
        arrays = [item.tolist() if isinstance(item, np.ndarray) else item for item in items]
        if not all(isinstance(item, (list, tuple)) for item in arrays):
            kinds = sorted({type(item).__name__ for item in items})
            raise ValueError(
                f"TokenEncoder: X must hold texts only, or lists of items only; got "
                f"{' and '.join(kinds)} among {len(items)} items. Replace what is missing, by '' "
                f"perhaps."
            )
        return self._checked(arrays), False

    def _checked(self, sequences: list[Any]) -> list[Any]:
        """Return sequences if each of their tokens can be found again."""
        lists = [tokens for tokens in sequences if not isinstance(tokens, str)]
        try:
            distinct: set[Any] = set().union(*lists)
        except TypeError as error:
            raise TokenError(
                f"TokenEncoder: tokens must be hashable, as text, numbers and tuples are; got "
                f"others among {len(sequences)} sequences ({error}). tuple(token) is hashable."
            ) from error
        if not all(map(equals_itself, distinct)):
            number = sum(not all(map(equals_itself, tokens)) for tokens in lists)
            raise TokenError(
                f"TokenEncoder: tokens must equal themselves to be found again, as NaN, NaT and NA "
                f"do not; got such tokens in {number} of {len(sequences)} sequences. Replace them, "
                f"or leave them out: x[~pd.isna(x)] of an array x."
            )
        return sequences

    def _ids(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the ids (T,) of one sequence, given as such or as vectors (T, V)."""
        values = np.asarray(x)
        if values.size == 0:
            return np.zeros(0, dtype=np.int64)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        of_numbers = values.dtype.kind in "biuf"
        if of_numbers and values.ndim == 2 and values.shape[1] == self.n_tokens_:
            return self._largest(values)
        if not of_numbers or values.ndim != 1:
            raise SequenceShapeError(
                f"TokenEncoder: every sequence must be ids, shape (n_steps,), or vectors, shape "
                f"(n_steps, {self.n_tokens_}); got shape {values.shape}, dtype {values.dtype}. "
                f"Give what transform gave."
            )
        values = np.where(np.isnan(values), PADDING_ID, values)
        wrong = (values != np.floor(values)) | (values < 0) | (values >= self.n_tokens_)
        if wrong.any():
            raise TokenError(
                f"TokenEncoder: X must hold ids, whole numbers from 0 to {self.n_tokens_ - 1}; got "
                f"{wrong.sum()} others among {len(values)} steps. Give what transform gave."
            )
        return values.astype(np.int64)

    def _largest(self, vectors: NDArray) -> NDArray[np.int64]:
        """Return where each vector is largest; 0 if it is NaN or zero, as padding is."""
        missing = np.isnan(vectors)
        some = (missing.any(axis=1) & ~missing.all(axis=1)).sum()
        if some:
            raise TokenError(
                f"TokenEncoder: a vector must hold a number for each of {self.n_tokens_} ids, or "
                f"NaN only, as padding; got both in {some} of {len(vectors)} steps."
            )
        return np.argmax(vectors, axis=1)

    def __sklearn_tags__(self):
        """Tell scikit-learn that X is text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags
