"""Writing by a fitted language model: whole texts, or one text a token at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.generation import Rule, Texts, check_choices
from sklearn_rnn.estimators.state import States, is_of_one, with_state
from sklearn_rnn.estimators.texts import TextInput
from sklearn_rnn.estimators.verse import FixedLines
from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.threads import torch_threads
from sklearn_rnn.training.writing import Writer

__all__ = ["WritesTexts"]

#: What the rows of a state are of which texts are written.
ROWS_OF_SAMPLES = "one row for all texts, or one for each of n_samples"
ROWS_OF_STREAM = "one row, that of one text"


class WritesTexts(TextInput):
    """Mixed into a language model that has a net."""

    def generate(
        self,
        prompt: Any = None,
        max_new_tokens: int | None = 100,
        n_samples: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Any = None,
        constraint: Callable[[Sequence[Any]], Iterable[Hashable] | None] | None = None,
        random_state: Any = None,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Write texts, a token at a time, each drawn by its probability.

        "<unk>" is never written: the other tokens share its probability by theirs. Only a
        constraint that allows nothing but tokens that fit has not learned brings such ones in,
        with ``unknown="ignore"``.

        Parameters
        ----------
        prompt : str, list of hashable or None, default=None
            How the texts begin; of any length. With ``level="word"`` one blank at the end of a
            str is left out, as the separator that it is, unless fit has learned such blanks.
        max_new_tokens : int or None, default=100
            Tokens that are added at most; a text may end before. None goes on until all texts
            end: by the model, which may take long or, at temperature 0, never happen; by `stop`;
            or by a constraint such as `FixedLines`.
        n_samples : int, default=1
            How many texts to write.
        temperature : float, default=1.0
            Below 1 what is probable becomes more so, above 1 less; 0 always takes the most
            probable token.
        top_k : int or None, default=None
            Draw from so many most probable tokens only.
        top_p : float or None, default=None
            Draw from the fewest tokens whose probabilities add up to this (nucleus, [1]_).
        repetition_penalty : float, default=1.0
            Above 1 makes tokens that have come before less probable, [2]_.
        stop : str, token, list of these or None, default=None
            A text ends behind any of these, if this call has written all of it. In a model of
            texts a string may be several tokens.
        constraint : callable or None, default=None
            Takes the list of tokens so far, those of the prompt included, and returns those that
            may follow: a list, or in a model of texts a string; None for all, [] to end the text.
            The list is not to be changed. See `FixedLines`, which also refuses a prompt, or a
            `max_new_tokens`, by which its shape would break.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. The first texts are the same whatever `n_samples`, but for rounding.
            An int draws the same numbers in each call: where texts go on, hand one RandomState on.
        initial_state : tuple of tuples of ndarray, optional
            The state behind what comes before the prompt, as an earlier call has returned it: one
            row for all texts, or one for each of `n_samples`. Texts then go on, also without a
            prompt. A state does not say which tokens it has read, so `repetition_penalty` and
            `constraint` know only those of the prompt and what is written.
        return_state : bool, default=False
            Whether the state behind the last token of each text is returned as well.

        Returns
        -------
        texts : list of str, or of lists
            The texts, prompt included; lists of tokens if `level` is a callable or fit has seen
            lists of items. They do not tell whether a text has ended or was cut off.
        state : tuple of tuples of ndarray of shape (n_samples, H)
            Only if `return_state`: for each layer, from the input upwards, its hidden state, and
            of an LSTM its memory. The end of a text, which is no token of it, has not been read.

        Raises
        ------
        ValueError
            If an argument is out of its range, or if the prompt does not fit `FixedLines`.
        TokenError
            If a token of the prompt is not known and `unknown` is "error", or if the constraint
            allows unknown ones only.
        StateError
            If `initial_state` is of another form than the states of this model.

        References
        ----------
        .. [1] A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
        .. [2] N. Keskar et al., "CTRL: a conditional transformer language model for controllable
           generation", 2019.

        Examples
        --------
        >>> from sklearn_rnn import RNNLanguageModel
        >>> model = RNNLanguageModel(hidden_size=16, window_length=16, random_state=0)
        >>> model.fit(["abcde" * 60]).generate("bcd", max_new_tokens=6, temperature=0)
        ['bcdeabcde']
        """
        texts = self._texts(
            "generate",
            prompt,
            stop,
            initial_state,
            max_new_tokens=max_new_tokens,
            n_samples=n_samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            constraint=constraint,
            random_state=random_state,
        )
        written: list[list[Any]] = [[] for _ in range(n_samples)]
        begun, count = texts.writer.state, 0
        with torch_threads(self.n_threads), flushed_denormals():
            while any(texts.alive) and (max_new_tokens is None or count < max_new_tokens):
                for i, token in texts.write():
                    written[i].append(token)
                count += 1
            ids = [self._as_ids(tokens) for tokens in written]
            # the writer itself has gone on behind texts that have ended
            ends = [self.net_.read_on(ids, begun)] if return_state else []
        found = [self._join([*self._prompt(prompt), *tokens]) for tokens in written]
        return with_state(found, self._as_arrays(ends, return_state))

    def stream(
        self,
        prompt: Any = None,
        max_new_tokens: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Any = None,
        constraint: Callable[[Sequence[Any]], Iterable[Hashable] | None] | None = None,
        random_state: Any = None,
        initial_state: States | None = None,
    ) -> Iterator[Any]:
        """Write one text and hand over each token as soon as it is there.

        A token takes the same time and memory however long the text is; a constraint, which sees
        the whole text, makes the memory grow with it. The tokens are those of `generate` with the
        same arguments.

        Parameters
        ----------
        prompt : str, list of hashable or None, default=None
            How the text begins; it is not handed over.
        max_new_tokens : int or None, default=None
            Tokens at most; None goes on until the text ends.
        temperature : float, default=1.0
            See `generate`, here and below.
        top_k : int or None, default=None
            Draw from so many most probable tokens only.
        top_p : float or None, default=None
            Draw from the fewest tokens whose probabilities add up to this.
        repetition_penalty : float, default=1.0
            Above 1 makes tokens that have come before less probable.
        stop : str, token, list of these or None, default=None
            The text ends behind any of these.
        constraint : callable or None, default=None
            From the tokens so far to those that may follow.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        initial_state : tuple of tuples of ndarray, optional
            The state behind what comes before the prompt, with one row.

        Returns
        -------
        iterator of tokens
            Characters, words or items. Between words, blanks are left out; see
            `sklearn_rnn.tokens.join_words`.

        Examples
        --------
        >>> from sklearn_rnn import RNNLanguageModel
        >>> model = RNNLanguageModel(hidden_size=16, window_length=16, random_state=0)
        >>> tokens = model.fit(["abcde" * 60]).stream("a", temperature=0)
        >>> next(tokens), next(tokens)
        ('b', 'c')
        """
        texts = self._texts(
            "stream",
            prompt,
            stop,
            initial_state,
            max_new_tokens=max_new_tokens,
            n_samples=1,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            constraint=constraint,
            random_state=random_state,
        )
        return self._flowing(texts, max_new_tokens)

    def _flowing(self, texts: Texts, most: int | None) -> Iterator[Any]:
        count = 0
        while texts.alive[0] and (most is None or count < most):
            with torch_threads(self.n_threads), flushed_denormals():  # not while others compute
                written = texts.write()
            for _, token in written:
                yield token
            count += 1

    def _texts(
        self, method: str, prompt: Any, stop: Any, state: States | None = None, **choices: Any
    ) -> Texts:
        """Check what was asked for, read the prompt, and return texts that begin with it."""
        check_is_fitted(self)
        name = f"{type(self).__name__}.{method}"
        check_choices(name, **choices)
        tokens = self._prompt(prompt)
        if self.unknown == "error":
            self._refuse_unknown(tokens)
        if isinstance(choices["constraint"], FixedLines):
            choices["constraint"].check(name, tokens, choices["max_new_tokens"])
        n = choices["n_samples"]
        rows = ROWS_OF_SAMPLES if method == "generate" else ROWS_OF_STREAM
        before = self._state_of_texts(state, 1 if is_of_one(state) else n, rows)
        rule = Rule(
            name,
            choices["constraint"],
            self.vocabulary_,
            self._split if self._is_text else None,
            self.unknown == "ignore",
        )
        seed = check_random_state(choices["random_state"]).randint(2**31 - 1)
        with torch_threads(self.n_threads), flushed_denormals():
            writer = Writer(
                self.net_,
                self._as_ids(tokens),
                choices["n_samples"],
                before,
                temperature=choices["temperature"],
                top_k=choices["top_k"],
                top_p=choices["top_p"],
                repetition_penalty=choices["repetition_penalty"],
            )
        stops = self._stops(stop, name)
        return Texts(writer, self.tokens_, tokens, choices["n_samples"], rule, stops, seed)

    def _prompt(self, prompt: Any) -> list[Any]:
        """Return the tokens of a prompt."""
        if prompt is None:
            return []
        is_list = isinstance(prompt, (list, tuple, np.ndarray))
        if not is_list and not (self._is_text and isinstance(prompt, str)):
            wanted = "a text or a list of tokens" if self._is_text else "a list of tokens"
            raise ValueError(
                f"{type(self).__name__}: prompt must be {wanted}, as fit has seen; got "
                f"{type(prompt).__name__}. Leave it out to begin with nothing."
            )
        tokens = self._split(prompt.tolist() if isinstance(prompt, np.ndarray) else prompt)
        ends_blank = isinstance(prompt, str) and len(tokens) > 1 and tokens[-1] == " "
        if self._level == "word" and ends_blank and " " not in self.vocabulary_:
            tokens.pop()  # it only separates the next word
        if not all(isinstance(token, Hashable) for token in tokens):
            raise TokenError(
                f"{type(self).__name__}: prompt must hold hashable tokens, as fit has seen; got "
                f"others among {len(tokens)}. Give the tokens of one text."
            )
        return tokens

    def _stops(self, stop: Any, name: str) -> list[list[Any]]:
        """Return the sequences of tokens behind which a text ends."""
        if stop is None:
            return []
        each = list(stop) if isinstance(stop, (list, set, frozenset)) else [stop]
        if self._is_text:
            found = [self._split(text) if isinstance(text, str) else [text] for text in each]
        else:
            found = [[token] for token in each]
        if not all(found):
            raise ValueError(
                f"{name}: stop must hold one token at least; got an empty text among {len(each)}. "
                f"Leave it out."
            )
        return found
