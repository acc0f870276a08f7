"""What is known of texts: how probable they are, and which token follows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.generation import check_choices
from sklearn_rnn.estimators.state import States, with_state
from sklearn_rnn.estimators.texts import UNKNOWN, TextInput
from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.tokens import UNKNOWN_ID
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.threads import torch_threads

__all__ = ["TextAnswers"]


class TextAnswers(TextInput):
    """Mixed into a language model that has a net."""

    # -- scores --------------------------------------------------------------------------------

    def score_samples(
        self,
        X: Any,
        initial_state: States | None = None,
        return_state: bool = False,
        ends: bool = True,
    ) -> Any:
        """Return the log-likelihood of each text.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts; without their end, or from a state, they may be empty.
        initial_state : tuple of tuples of ndarray, optional
            The state behind what comes before each text, as an earlier call has returned it. Only
            the tokens of X are counted.
        return_state : bool, default=False
            Whether the state behind the last token of each text is returned as well.
        ends : bool, default=True
            Whether the texts end here, and their ends are counted; False for those that go on.

        Returns
        -------
        scores : ndarray of shape (N,), float64
            Natural logarithms, sums over the tokens of a text and its end.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.

        Raises
        ------
        ValueError
            If a text is empty that neither goes on nor will; or if `ends` is not a bool.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_rnn import RNNLanguageModel
        >>> model = RNNLanguageModel(hidden_size=16, max_epochs=2, random_state=0)
        >>> model = model.fit(["abcde" * 60])
        >>> begun, state = model.score_samples(["abcd"], return_state=True, ends=False)
        >>> ended = model.score_samples(["eab"], initial_state=state)
        >>> bool(np.allclose(begun + ended, model.score_samples(["abcdeab"])))
        True
        """
        check_is_fitted(self)
        check_choices(f"{type(self).__name__}.score_samples", ends=ends)
        logs, state = self._log_probabilities(X, initial_state, bool(ends), bool(return_state))
        found = np.array([row.sum() for row in logs])
        return with_state(found, self._as_arrays([state], return_state))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a token, the ends of texts included.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts.
        y : None
            Not used.

        Returns
        -------
        float
            Natural logarithm, 0 at best.
        """
        return float(np.concatenate(self._log_probabilities(X)[0]).mean())

    def perplexity(self, X: Any) -> float:
        """Return among how many equally probable tokens the model seems to choose.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts.

        Returns
        -------
        float
            ``exp(-score(X))``, 1 at best.
        """
        return float(np.exp(-self.score(X)))

    def bits_per_character(self, X: Any) -> float:
        """Return in how many bits a character of these texts can be written, whatever the level.

        Parameters
        ----------
        X : list, ndarray or Series of str
            Texts.

        Returns
        -------
        float
            The negative base-2 logarithm of the probability of all texts, ends included, over
            their characters.

        Raises
        ------
        ValueError
            If the model has learned from lists of items.
        TokenError
            If a text has a token that is read as "<unk>": nobody could tell which it was.
        """
        check_is_fitted(self)
        if not self._is_text:
            raise ValueError(
                f"{type(self).__name__}: bits_per_character is for texts; got a model of lists of "
                f"items. Use score or perplexity."
            )
        unknown = sum((ids == UNKNOWN_ID).any() for ids in self._ids(X, refuses_empty=True))
        if unknown:
            raise TokenError(
                f"{type(self).__name__}: bits_per_character needs texts of tokens that fit has "
                f"learned, for {UNKNOWN!r} does not say which it was; got others in {unknown} of "
                f"{len(X)} texts. Leave these out, or use level='char'."
            )
        return float(-self.score_samples(X).sum() / np.log(2) / sum(map(len, X)))

    def _log_probabilities(
        self,
        X: Any,
        initial_state: States | None = None,
        ends: bool = True,
        return_state: bool = False,
    ) -> tuple[list[NDArray[np.float64]], Any]:
        """Return that of each token, and the states behind the texts as tensors, if wanted."""
        check_is_fitted(self)
        ids = self._ids(X, refuses_empty=ends and initial_state is None)
        before = self._state_of_texts(initial_state, len(ids))
        with torch_threads(self.n_threads), flushed_denormals():
            return self.net_.log_probabilities(ids, before, ends, return_state)

    # -- the next token ------------------------------------------------------------------------

    def predict_proba(
        self, X: Any, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Return how probable each token is after each text.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Beginnings of texts, or how they go on from a state; any of them may be empty.
        initial_state : tuple of tuples of ndarray, optional
            The state behind what comes before each text, as an earlier call has returned it.
            Without it texts begin, behind the end of another.
        return_state : bool, default=False
            Whether the state behind the last token of each text is returned as well.

        Returns
        -------
        probabilities : ndarray of shape (N, V), float64
            Columns in the order of `tokens_`; the first is the end.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory.
        """
        return with_state(*self._next_probabilities(X, initial_state, return_state))

    def predict(
        self, X: Any, initial_state: States | None = None, return_state: bool = False
    ) -> Any:
        """Return the most probable token after each text.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Beginnings of texts, or how they go on from a state; any of them may be empty.
        initial_state : tuple of tuples of ndarray, optional
            As in `predict_proba`.
        return_state : bool, default=False
            As in `predict_proba`.

        Returns
        -------
        tokens : ndarray of shape (N,), object
            Tokens; `end` where the text most probably ends.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: as in `predict_proba`.
        """
        found, state = self._next_probabilities(X, initial_state, return_state)
        return with_state(self.tokens_[found.argmax(axis=1)], state)

    def _next_probabilities(
        self, X: Any, initial_state: States | None, return_state: bool
    ) -> tuple[NDArray[np.float64], States | None]:
        """Return those of the token after each text, and the states there, if wanted."""
        check_is_fitted(self)
        ids = self._ids(X, refuses_empty=False)
        before = self._state_of_texts(initial_state, len(ids))
        with torch_threads(self.n_threads), flushed_denormals():
            found, state = self.net_.next_probabilities(ids, before, bool(return_state))
        return found, self._as_arrays([state], return_state)
