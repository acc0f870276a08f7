"""Shapes of texts as constraints of a language model: lines of given lengths, acrostics."""

from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral
from typing import Any

__all__ = ["FixedLines"]


class FixedLines:
    r"""Lines with so many tokens each, as of a poem, for ``constraint=`` of `RNNLanguageModel`.

    Whatever the model has learned, what it writes has exactly this shape. The whole shape counts
    against ``max_new_tokens=`` of `RNNLanguageModel.generate`; None leaves room for any.

    Parameters
    ----------
    letters : iterable of hashable
        Tokens that may stand in a line: of a Chinese poem, its characters without punctuation.
    lengths : sequence of int
        Tokens of each line, its end not counted.
    ends : hashable or sequence of hashable, default="\n"
        The token behind every line, or a list of one for each line; None as the last leaves the
        end of the last line out.
    first : sequence of hashable or None, default=None
        The first token of each line: an acrostic.

    Raises
    ------
    ValueError
        If there are no letters or lines, if a length is not a whole number of at least 1, or if
        there is not one of `ends` and `first` for each line.

    Examples
    --------
    >>> from sklearn_rnn import FixedLines, RNNLanguageModel
    >>> model = RNNLanguageModel(hidden_size=8, window_length=8, max_epochs=1, random_state=0)
    >>> model = model.fit(["what is here\nis new\n"])
    >>> shape = FixedLines("whatisernew", [3, 3], first="in")
    >>> text, = model.generate(constraint=shape, random_state=0)
    >>> [len(line) for line in text.split()], [line[0] for line in text.split()]
    ([3, 3], ['i', 'n'])
    """

    def __init__(
        self,
        letters: Iterable[Hashable],
        lengths: Sequence[int],
        ends: Any = "\n",
        first: Sequence[Hashable] | None = None,
    ) -> None:
        if not hasattr(lengths, "__len__") or not all(isinstance(n, Integral) for n in lengths):
            raise ValueError(
                f"FixedLines: lengths must be a list of whole numbers, one for each line; got "
                f"{lengths!r}. [5] * 4 makes four lines of 5 tokens."
            )
        every = list(ends) if isinstance(ends, (list, tuple)) else [ends] * len(lengths)
        inside = tuple(dict.fromkeys(letters))
        if not inside or not len(lengths) or min(lengths) < 1:
            raise ValueError(
                f"FixedLines: letters must hold a token and lengths numbers of at least 1; got "
                f"{len(inside)} letters and lengths={list(lengths)}."
            )
        for name, given in (("ends", every), ("first", first)):
            if given is not None and len(given) != len(lengths):
                raise ValueError(
                    f"FixedLines: {name} must have one token for each of {len(lengths)} lines; got "
                    f"{len(given)}."
                )
        # what may stand at each place; one tuple for all that are alike
        self.places: list[tuple[Hashable, ...]] = []
        for i, (length, end) in enumerate(zip(lengths, every, strict=True)):
            self.places += [inside if first is None else (first[i],)]
            self.places += [inside] * (length - 1)
            if end is not None or i + 1 < len(lengths):
                self.places.append((end,))

    def __call__(self, tokens: Sequence[Any]) -> tuple[Hashable, ...]:
        """Return the tokens that may follow `tokens`, which begin the text."""
        return self.places[len(tokens)] if len(tokens) < len(self.places) else ()

    def check(self, name: str, prompt: Sequence[Hashable], max_new_tokens: int | None) -> None:
        """Refuse a prompt that breaks the shape, or too few tokens to complete it.

        Parameters
        ----------
        name : str
            Who asks; opens the messages.
        prompt : sequence of hashable
            Tokens that begin the text.
        max_new_tokens : int or None
            Tokens that are added at most.

        Raises
        ------
        ValueError
            If the shape could not be kept.
        """
        if len(prompt) > len(self.places):
            raise ValueError(
                f"{name}: prompt must fit the shape of FixedLines, of {len(self.places)} tokens "
                f"with the ends of lines; got {len(prompt)} tokens. Shorten it, or ask for more "
                f"or longer lines."
            )
        for i, (token, place) in enumerate(zip(prompt, self.places, strict=False)):
            if token not in place:
                wanted = repr(place[0]) if len(place) == 1 else f"one of {len(place)} letters"
                raise ValueError(
                    f"{name}: prompt must fit the shape of FixedLines; got {token!r} as token "
                    f"{i + 1}, where the shape has {wanted}. Change the prompt, or the lengths, "
                    f"ends, letters or first of the shape."
                )
        missing = len(self.places) - len(prompt)
        if max_new_tokens is not None and missing > max_new_tokens:
            raise ValueError(
                f"{name}: max_new_tokens must leave room for the shape of FixedLines; got "
                f"{max_new_tokens}, and {missing} tokens are to be written. Set "
                f"max_new_tokens=None to write until the shape is complete."
            )
