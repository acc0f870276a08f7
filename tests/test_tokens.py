"""Text into words and ids, and back: whatever the text."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn.tokens import (
    LEVELS,
    decode,
    encode,
    equals_itself,
    join_words,
    ordered_by_frequency,
    split_words,
)

law = settings(max_examples=200, deadline=None, derandomize=True)

#: Any text, and text of the few characters that make words hard to put together again.
texts = st.text() | st.text(alphabet="ab \t\n\u00a0\u2003\x1c.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("a b", ["a", "b"]),
        ("a  b", ["a", " ", " ", "b"]),
        (" a", [" ", "a"]),
        ("a ", ["a", " "]),
        ("a\nb", ["a", "\n", "b"]),
        ("a \nb", ["a", " ", "\n", "b"]),
        (" ", [" "]),
        ("it's, so.", ["it's,", "so."]),
        ("äö 😀\u00a0c", ["äö", "😀", "\u00a0", "c"]),
    ],
)
def test_words_are_runs_of_characters_that_are_not_white_space(text, words):
    assert split_words(text) == words
    assert join_words(words) == text


@pytest.mark.parametrize("level", LEVELS)
@law
@given(text=texts)
def test_every_text_comes_back_from_its_tokens(level, text):
    split, join = LEVELS[level]

    tokens = split(text)

    assert all(tokens)
    assert join(tokens) == text


@law
@given(text=texts)
def test_a_blank_is_a_token_unless_it_stands_alone_between_two_words(text):
    tokens = split_words(text)

    implied = sum(not one.isspace() and not other.isspace() for one, other in pairwise(tokens))
    assert tokens.count(" ") + implied == text.count(" ")


@law
@given(sequences=st.lists(texts, max_size=5))
def test_ids_of_known_tokens_are_their_places(sequences):
    tokens = ["<pad>", "<unk>", *ordered_by_frequency(sequences)]
    vocabulary = {token: i for i, token in enumerate(tokens)}

    for text in sequences:
        ids = encode(text, vocabulary)

        assert ids.dtype == np.int64
        assert decode(ids.tolist(), tokens) == list(text)


def test_order_is_by_frequency_and_then_sorted_whatever_the_order_of_sequences():
    one = ordered_by_frequency(["cab", "abb"])
    other = ordered_by_frequency(["bba", "bac"])

    assert one == other == ["b", "a", "c"]
    assert ordered_by_frequency(["cab", "abb"], min_frequency=2) == ["b", "a"]


def test_tokens_without_an_order_between_them_are_sorted_by_kind():
    assert ordered_by_frequency([[3, "a", (1, 2)], ["a"], [1]]) == ["a", 1, 3, (1, 2)]


@pytest.mark.parametrize(
    "token", ["nan", 0.0, float("inf"), None, (), ("a", (1, None)), frozenset([1.0]), b"a"]
)
def test_most_tokens_equal_themselves(token):
    assert equals_itself(token)


@pytest.mark.parametrize(
    "token",
    [
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT"),
        pd.NaT,
        pd.NA,
        ("a", (1, float("nan"))),
        frozenset([("a", float("nan"))]),
    ],
    ids=repr,
)
def test_nan_of_any_kind_does_not_equal_itself_wherever_it_stands(token):
    assert not equals_itself(token)


def test_unknown_tokens_and_padding_have_ids_of_their_own():
    np.testing.assert_array_equal(encode("abc", {"a": 2}), [2, 1, 1])
    assert decode([0, 2, 0, 1], ["<pad>", "<unk>", "a"]) == ["a", "<unk>"]
