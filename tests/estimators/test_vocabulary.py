"""What sequences hold, and tokens numbered and back in the form in which they came."""

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_rnn.estimators.vocabulary import Vocabulary, kinds_of_items
from sklearn_rnn.exceptions import TokenError


@pytest.mark.parametrize(
    ("X", "kinds"),
    [
        (["ab", "c"], {"token"}),
        (np.array(["ab", "c"]), {"token"}),
        (pd.Series(["ab", "c"]), {"token"}),
        ([["do", "re"], ["mi"]], {"token"}),
        ([[("a", 1)], [None]], {"token"}),
        ([[1, 2], [3]], {"whole"}),
        ([[True, False]], {"whole"}),
        (np.ones((2, 3), dtype=bool), {"whole"}),
        ([[1, 2.5], [3]], {"whole", "real"}),
        ([np.arange(3), np.ones(2)], {"whole", "real"}),
        (np.zeros((2, 3, 1)), {"real"}),
        ([[[1, 2], [3, 4]]], {"real"}),
        (np.array([[1, "a"], [2, "b"]], dtype=object), {"whole", "token"}),
        ([[], []], set()),
        ([["a", 1.5]], {"token", "real"}),
        ([["b", float("nan")]], {"token", "real"}),
        ([[[1], ["a"]]], {"token", "real"}),
        ([[1.5, None]], {"real"}),
        ([[None]], {"token"}),
        (torch.zeros(2, 3), {"real"}),
        ([torch.arange(3)], {"whole"}),
    ],
)
def test_kinds_of_items(X, kinds):
    assert kinds_of_items(X) == kinds


@pytest.mark.parametrize(
    ("X", "level"),
    [
        (["banana", "", "Ümläut 文"], "char"),
        (["to be  or\n", "not"], "word"),
        ([["do", "re"], ["do"], []], "char"),
        ([[("a", 1), None], [frozenset("x")]], "char"),
    ],
)
def test_what_is_joined_is_what_was_split(X, level):
    vocabulary = Vocabulary(X, level, "X")

    assert [vocabulary.join(ids) for ids in vocabulary.encode(X)] == X


def test_arrays_come_back_as_arrays_of_their_dtype():
    X = np.array([[3, 1], [2, 3]], dtype=np.int16)
    vocabulary = Vocabulary(X, "char", "X")

    back = [vocabulary.join(ids) for ids in vocabulary.encode(X)]

    assert vocabulary.tokens == [1, 2, 3]
    assert back[0].dtype == np.int16
    np.testing.assert_array_equal(back, X)


def test_ids_are_the_places_of_sorted_tokens_however_frequent():
    assert Vocabulary(["cab", "bbb"], "char", "X").encode(["abcd"])[0].tolist() == [0, 1, 2, -1]
    assert Vocabulary([["b", 2, "a", 1]], "char", "X").tokens == [1, 2, "a", "b"]


def test_a_callable_splits_texts_and_nobody_knows_how_to_join_them():
    vocabulary = Vocabulary(["a-b", "b"], lambda text: text.split("-"), "X")

    assert vocabulary.tokens == ["a", "b"]
    assert vocabulary.join(np.array([0, 1])) == ["a", "b"]


def test_what_was_not_there_in_fit_is_refused():
    of_texts, of_lists = Vocabulary(["a"], "char", "Who: X"), Vocabulary([["a"]], "char", "Who: X")

    with pytest.raises(TokenError, match="Who: X must hold texts only; got 1 of 2"):
        of_texts.encode(["a", ["a"]])
    with pytest.raises(TokenError, match=r"Who: X must hold sequences of tokens only.*got 1 of 1"):
        of_lists.encode(["a"])
