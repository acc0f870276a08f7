"""Texts while they are written: what may come next, where they stop, which numbers they draw."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.tokens import UNKNOWN_ID
from sklearn_rnn.training.reading import END_ID
from sklearn_rnn.training.writing import Writer

__all__ = ["Rule", "Texts", "check_choices"]

#: Answers of a constraint that are kept as masks, for it may give the same one again.
KEPT_MASKS = 32

CHOICES: dict[str, list[Any]] = {
    "max_new_tokens": [Interval(Integral, 1, None, closed="left"), None],
    "n_samples": [Interval(Integral, 1, None, closed="left")],
    "temperature": [Interval(Real, 0, None, closed="left")],
    "top_k": [Interval(Integral, 1, None, closed="left"), None],
    "top_p": [Interval(Real, 0, 1, closed="right"), None],
    "repetition_penalty": [Interval(Real, 0, None, closed="neither")],
    "constraint": [callable, None],
    "random_state": ["random_state"],
    "ends": ["boolean"],
}


def check_choices(name: str, **choices: Any) -> None:
    """Refuse what texts cannot be written or scored with.

    Parameters
    ----------
    name : str
        Who asks, estimator and method.
    **choices
        Arguments of `RNNLanguageModel.generate` and `RNNLanguageModel.score_samples`.
    """
    table = {key: CHOICES[key] for key in choices}
    validate_parameter_constraints(table, choices, caller_name=name)


class Rule:
    """A constraint of the user's as masks over the vocabulary.

    Parameters
    ----------
    name : str
        Who asks; opens the messages.
    constraint : callable or None
        From the tokens so far to those that may follow; None allows all.
    vocabulary : dict of token to int
        Ids.
    split : callable or None
        Splits a string that the constraint gives into tokens.
    takes_unknown : bool
        Whether a token may come that the vocabulary does not have, if no other is allowed.
    """

    def __init__(
        self,
        name: str,
        constraint: Callable[[Sequence[Any]], Iterable[Hashable] | None] | None,
        vocabulary: dict[Any, int],
        split: Callable[[str], Sequence[Hashable]] | None,
        takes_unknown: bool,
    ) -> None:
        self.name, self.constraint, self.vocabulary = name, constraint, vocabulary
        self.split, self.takes_unknown = split, takes_unknown
        self.everything = np.ones(len(vocabulary), dtype=bool)
        self.everything[UNKNOWN_ID] = False
        self._kept: dict[int, tuple[Any, NDArray[np.bool_] | None, list[Any]]] = {}

    def __call__(self, tokens: Sequence[Any]) -> tuple[NDArray[np.bool_] | None, list[Any]]:
        """Return which ids may follow, None if nothing may; and what an unknown one stands for."""
        allowed = None if self.constraint is None else self.constraint(tokens)
        if allowed is None:
            return self.everything, []
        if not isinstance(allowed, (str, tuple, frozenset)):  # it may be another next time
            return self._mask(allowed)
        if id(allowed) not in self._kept:
            mask, unknown = self._mask(allowed)
            if len(self._kept) == KEPT_MASKS:
                self._kept.clear()
            # the answer itself is kept too: as long as it lives, nothing else has its id
            self._kept[id(allowed)] = (allowed, mask, unknown)
        return self._kept[id(allowed)][1:]

    def _mask(self, allowed: Any) -> tuple[NDArray[np.bool_] | None, list[Any]]:
        if isinstance(allowed, str) and self.split is not None:
            allowed = self.split(allowed)
        try:
            tokens = list(allowed)
            ids = {self.vocabulary.get(token, UNKNOWN_ID) for token in tokens} - {UNKNOWN_ID}
        except TypeError as error:
            raise TypeError(
                f"{self.name}: constraint must return the tokens that may follow, or None for all; "
                f"got {type(allowed).__name__} ({error}). Return a list of tokens."
            ) from error
        if not tokens:
            return None, []
        if not ids and not self.takes_unknown:
            raise TokenError(
                f"{self.name}: constraint must allow a token that fit has learned; got "
                f"{len(tokens)} that it has not, such as {tokens[0]!r}. Allow others, return [] "
                f"to end the text, or set unknown='ignore', by which a text may have them."
            )
        mask = np.zeros_like(self.everything)
        mask[list(ids) or [UNKNOWN_ID]] = True
        return mask, [] if ids else tokens


class Texts:
    """Several texts that are written side by side, each with random numbers of its own.

    Parameters
    ----------
    writer : Writer
        What chooses.
    tokens : sequence
        The token of each id.
    prompt : sequence
        The tokens that all texts begin with.
    n : int
        How many texts.
    rule : Rule
        What may follow.
    stops : list of lists of tokens
        A text ends behind any of these.
    seed : int
        Of the numbers: those of the first text are the same, however many there are.
    """

    def __init__(
        self,
        writer: Writer,
        tokens: Sequence[Any],
        prompt: Sequence[Any],
        n: int,
        rule: Rule,
        stops: list[list[Any]],
        seed: int,
    ) -> None:
        self.writer, self.tokens, self.rule, self.stops = writer, tokens, rule, stops
        self.numbers = [np.random.default_rng([seed, i]) for i in range(n)]
        longest = max(map(len, stops), default=0)
        self.tails: list[deque[Any]] = [deque(maxlen=longest) for _ in range(n)]
        # only a constraint wants to see all of a text
        self.texts = None if rule.constraint is None else [list(prompt) for _ in range(n)]
        self.alive = [True] * n

    def write(self) -> list[tuple[int, Any]]:
        """Write one token; return which texts went on, and with which token."""
        n = len(self.alive)
        allowed = self.rule.everything  # (V,)
        unknown: list[list[Any]] = [[]] * n
        if self.texts is not None:
            allowed = np.tile(allowed, (n, 1))
            for i in self._living():
                mask, unknown[i] = self.rule(self.texts[i])
                if mask is None:
                    self.alive[i] = False
                else:
                    allowed[i] = mask
        if not any(self.alive):
            return []
        draws = np.array([numbers.random() for numbers in self.numbers])
        ids = self.writer.write(draws, allowed)
        written = []
        for i in self._living():
            if ids[i] == END_ID:
                self.alive[i] = False
                continue
            token = self.tokens[ids[i]]
            if ids[i] == UNKNOWN_ID:
                token = unknown[i][int(draws[i] * len(unknown[i]))]
            self._add(i, token)
            written.append((i, token))
        return written

    def _living(self) -> list[int]:
        return [i for i, is_alive in enumerate(self.alive) if is_alive]

    def _add(self, i: int, token: Any) -> None:
        if self.texts is not None:
            self.texts[i].append(token)
        if self.stops:
            self.tails[i].append(token)
            tail = list(self.tails[i])
            self.alive[i] = not any(tail[-len(stop) :] == stop for stop in self.stops)
