"""Texts and items as ids or vectors, and the same texts again."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from sklearn_rnn import RNNClassifier
from sklearn_rnn.exceptions import SequenceLengthError, SequenceShapeError, TokenError
from sklearn_rnn.transformers.padding import SequencePadder
from sklearn_rnn.transformers.tokens import TokenEncoder

law = settings(max_examples=200, deadline=None, derandomize=True)
# hypothesis also draws words that it finds in our source, and the name of padding is refused
words = st.text().filter(lambda text: "<pad>" not in text)
texts = st.lists(words | st.text(alphabet="ab \t\n\u00a0."), min_size=1, max_size=5)
items = st.lists(
    st.lists(st.integers() | words | st.tuples(st.integers(), st.text()), max_size=5),
    min_size=1,
    max_size=5,
)
levels = st.sampled_from(["char", "word"])
WORDS = ["to be or not to be", "to  be", ""]


# -- what it gives ---------------------------------------------------------------------------------


def test_ids_begin_with_padding_and_unknown_and_go_on_by_frequency():
    encoder = TokenEncoder(level="word").fit(WORDS)

    ids = encoder.transform(WORDS)

    expected = {"<pad>": 0, "<unk>": 1, "be": 2, "to": 3, " ": 4, "not": 5, "or": 6}
    assert encoder.vocabulary_ == expected
    assert encoder.n_tokens_ == 7
    assert all(x.dtype == np.int64 for x in ids)
    for x, wanted in zip(ids, [[3, 2, 6, 5, 3, 2], [3, 4, 4, 2], []], strict=True):
        np.testing.assert_array_equal(x, wanted)


def test_characters_are_the_default():
    np.testing.assert_array_equal(TokenEncoder().fit_transform(["abba", "a"])[0], [2, 3, 3, 2])


def test_one_hot_vectors_are_one_at_the_id():
    ids = TokenEncoder().fit_transform(["abc", "", "a"])

    vectors = TokenEncoder(one_hot=True).fit_transform(["abc", "", "a"])

    assert [x.shape for x in vectors] == [(3, 5), (0, 5), (1, 5)]
    assert vectors[0].dtype == np.float64
    for one, other in zip(vectors, ids, strict=True):
        np.testing.assert_array_equal(one, np.eye(5)[other])


def test_rare_tokens_are_unknown():
    encoder = TokenEncoder(level="word", min_frequency=2).fit(WORDS)

    assert list(encoder.vocabulary_) == ["<pad>", "<unk>", "be", "to", " "]
    assert encoder.inverse_transform(encoder.transform(WORDS[:1])) == ["to be <unk> <unk> to be"]


def test_tokens_that_fit_has_not_seen_are_unknown():
    encoder = TokenEncoder(unknown="?").fit(["abc"])

    ids = encoder.transform(["axb", "", "üa"])

    np.testing.assert_array_equal(ids[0], [2, 1, 3])
    assert encoder.inverse_transform(ids) == ["a?b", "", "?a"]


def test_a_callable_makes_the_tokens():
    encoder = TokenEncoder(level=str.splitlines)

    ids = encoder.fit_transform(["a b\nc", "c"])

    assert encoder.inverse_transform(ids) == [["a b", "c"], ["c"]]


def test_items_of_lists_are_tokens_as_they_are():
    X = [["a", 1, (2, "b")], (1,), np.array([1, 1]), [None]]
    encoder = TokenEncoder(level="word")

    ids = encoder.fit_transform(X)

    assert encoder.vocabulary_ == {"<pad>": 0, "<unk>": 1, 1: 2, None: 3, "a": 4, (2, "b"): 5}
    assert encoder.inverse_transform(ids) == [["a", 1, (2, "b")], [1], [1, 1], [None]]


CONTAINERS = {
    "tuple": tuple,
    "array": np.array,
    "object array": lambda X: np.array(X, dtype=object),
    "series": pd.Series,
    "series of objects": lambda X: pd.Series(X, dtype=object, index=[7, 8, 9]),
    "categories": lambda X: pd.Series(X, dtype="category"),
}
if hasattr(np.dtypes, "StringDType"):
    CONTAINERS["string array"] = lambda X: np.array(X, dtype=np.dtypes.StringDType())


@pytest.mark.parametrize("container", CONTAINERS)
def test_texts_may_come_in_any_container(container):
    X = CONTAINERS[container](WORDS)
    encoder = TokenEncoder(level="word")

    ids = encoder.fit_transform(X)

    assert encoder.vocabulary_ == TokenEncoder(level="word").fit(WORDS).vocabulary_
    assert encoder.inverse_transform(ids) == WORDS


# -- the way back ----------------------------------------------------------------------------------


@law
@given(X=texts, level=levels, one_hot=st.booleans())
def test_inverse_transform_restores_every_text(X, level, one_hot):
    encoder = TokenEncoder(level, one_hot, padding="\x00pad \x00")

    ids = encoder.fit_transform(X)

    assert encoder.inverse_transform(ids) == X


@law
@given(X=items, one_hot=st.booleans())
def test_inverse_transform_restores_every_list_of_items(X, one_hot):
    encoder = TokenEncoder(one_hot=one_hot)

    ids = encoder.fit_transform(X)

    assert encoder.inverse_transform(ids) == X


@law
@given(
    X=texts,
    level=levels,
    one_hot=st.booleans(),
    side=st.sampled_from(["left", "right"]),
    value=st.sampled_from([0, np.nan]),
    more=st.integers(1, 3),
)
def test_inverse_transform_leaves_padding_out(X, level, one_hot, side, value, more):
    encoder = TokenEncoder(level, one_hot).fit(X)
    sequences = encoder.transform(X)
    padder = SequencePadder(max(map(len, sequences)) + more, side, value)

    padded = padder.fit_transform(sequences)

    assert encoder.inverse_transform(padded) == X


def test_the_likeliest_token_is_taken_of_probabilities():
    encoder = TokenEncoder().fit(["ab"])
    probabilities = np.array([[[0.1, 0.0, 0.2, 0.7], [0.0, 0.0, 0.9, 0.1]]])

    assert encoder.inverse_transform(probabilities) == ["ba"]


@pytest.mark.parametrize(
    "X",
    [
        [[2, 3]],
        np.array([[2, 3, 0]]),
        np.array([[[2.0], [3.0], [np.nan]]]),
        pd.DataFrame([[2, 3, 0]]),
        pd.Series([np.array([2, 3])]),
    ],
)
def test_ids_may_come_in_any_container(X):
    assert TokenEncoder().fit(["ab"]).inverse_transform(X) == ["ab"]


def test_the_name_of_unknown_tokens_may_occur_in_texts():
    X = ["the <unk> of", "the cat"]
    encoder = TokenEncoder(level="word")

    ids = encoder.fit_transform(X)

    np.testing.assert_array_equal(ids[0][1], 1)
    assert encoder.n_tokens_ == 5
    assert encoder.inverse_transform(ids) == X


def test_the_name_of_padding_is_no_token():
    X = ["a <pad> b", "c"]

    with pytest.raises(ValueError, match=r"padding='<pad>' must not be a token.*in 1 of 2 seq"):
        TokenEncoder(level="word").fit(X)
    encoder = TokenEncoder(level="word").fit(["a b c"])
    assert encoder.inverse_transform(encoder.transform(X)) == ["a <unk> b", "c"]


# -- in front of a network -------------------------------------------------------------------------


def letters():
    """Texts whose last letter is their class, and a few with a letter that no other has."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 8, size=30)
    X = ["".join(rng.choice(list("abcd"), size=n)) + "xy"[i % 2] for i, n in enumerate(lengths)]
    X[3] = "ü" + X[3]
    X[20] = "Ω" + X[20]
    return X, np.arange(30) % 2


MODEL = make_pipeline(
    TokenEncoder(), RNNClassifier(embedding_size=4, hidden_size=8, max_epochs=8, lr=0.05)
)


@pytest.mark.parametrize("container", [list, np.array, pd.Series])
def test_classifier_of_texts_meets_unseen_tokens_in_validation(container):
    X, y = letters()

    scores = cross_val_score(clone(MODEL), container(X), y, cv=3, error_score="raise")

    assert scores.mean() > 0.6


def test_encoder_and_embedding_count_the_same_tokens():
    X, y = letters()
    model = clone(MODEL).fit(X, y)

    encoder, classifier = model[0], model[1]

    assert encoder.n_tokens_ == classifier.n_tokens_ == len(encoder.vocabulary_)
    assert model.predict(["€", "Ωx"]).shape == (2,)
    with pytest.raises(SequenceLengthError, match=r"1 sequence \(1\) of 2 have none"):
        model.predict(["x", ""])


def test_parameters_can_be_searched():
    X, y = letters()
    model = make_pipeline(TokenEncoder(), RNNClassifier(hidden_size=4, max_epochs=2))
    grid = {"tokenencoder__min_frequency": [1, 2], "tokenencoder__one_hot": [True]}

    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)

    assert search.best_score_ > 0


# -- words and manners -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ("text", r"must be a list of texts.*got str\. \[text\] is"),
        (b"text", "got bytes"),
        (iter(["a"]), r"list\(X\) one of many"),
        ([], "at least 1 sequence"),
        (["a", None], "got NoneType and str among 2 items"),
        (["a", ["b"]], "got list and str among 2 items"),
        ([b"a"], "got bytes among 1 items"),
        ([1, 2], "got int among 2 items"),
        (pd.Series(["a", None]), "among 2 items. Replace what is missing"),
        (np.array([["a"], ["b"]]), r"must have one axis.*got shape \(2, 1\)"),
        ([[["a"]]], "tokens must be hashable"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(X, words):
    with pytest.raises(ValueError, match=words):
        TokenEncoder().fit(X)


@pytest.mark.parametrize(
    "nan",
    [
        np.array([np.nan, np.nan]),
        np.array([1.0, np.nan], np.float32),
        np.array([np.nan, "a"], dtype=object),
        np.array([(np.nan, 1)], dtype="f8, i8"),
        [np.nan],
        ("a", float("nan")),
        [(1, (2, np.float32("nan")))],
        [frozenset([np.nan])],
        [complex(0, np.nan)],
        [Decimal("nan")],
        [pd.NaT],
        [pd.NA],
        [np.datetime64("NaT")],
    ],
    ids=repr,
)
def test_items_that_are_nan_are_counted_and_refused(nan):
    encoder = TokenEncoder().fit([[1.0]])
    words = r"TokenEncoder: tokens must equal themselves.*got such tokens in 2 of 3 seq"

    for method in (encoder.fit, encoder.transform):
        with pytest.raises(TokenError, match=words):
            method([nan, [1.0], nan])


@pytest.mark.parametrize(
    "parameters",
    [{"level": "sentence"}, {"one_hot": 2}, {"min_frequency": 0}, {"unknown": None}],
)
def test_wrong_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter of"):
        TokenEncoder(**parameters).fit(["a"])


def test_unknown_and_padding_must_differ():
    with pytest.raises(ValueError, match="unknown and padding must differ; got '_' for both"):
        TokenEncoder(unknown="_", padding="_").fit(["a"])


def test_texts_and_items_are_not_mixed_up():
    with pytest.raises(ValueError, match="must hold text, as in fit; got lists of items, 1 of"):
        TokenEncoder().fit(["a"]).transform([["a"]])
    with pytest.raises(ValueError, match="must hold lists of items, as in fit; got text, 1 of"):
        TokenEncoder().fit([["a"]]).transform(["a"])


@pytest.mark.parametrize("ids", [[5], [-1], [0.5], [np.inf]])
def test_ids_that_are_not_known_are_refused(ids):
    encoder = TokenEncoder().fit(["abc"])

    with pytest.raises(TokenError, match=r"whole numbers from 0 to 4; got 1 others among 2 steps"):
        encoder.inverse_transform([[2, *ids]])


def test_vectors_that_are_partly_missing_are_refused():
    encoder = TokenEncoder().fit(["a"])

    with pytest.raises(TokenError, match=r"or NaN only, as padding; got both in 1 of 1 steps\."):
        encoder.inverse_transform([[[np.nan, 0.0, 1.0]]])


@pytest.mark.parametrize("X", [[1, 2], np.ones(3), np.ones((1, 2, 4)), [["a"]], np.ones((1,) * 4)])
def test_other_axes_than_those_of_ids_and_vectors_are_refused(X):
    encoder = TokenEncoder().fit(["abc"])

    with pytest.raises(SequenceShapeError, match=r"TokenEncoder: .*got shape"):
        encoder.inverse_transform(X)


def test_transform_before_fit_is_refused():
    encoder = TokenEncoder()

    for method in (encoder.transform, encoder.inverse_transform):
        with pytest.raises(NotFittedError, match="This TokenEncoder instance is not fitted"):
            method(["a"])


def test_parameters_set_after_fit_wait_for_the_next():
    encoder = TokenEncoder(level="word").fit(WORDS)

    encoder.set_params(level="char", unknown="?")

    assert encoder.inverse_transform(encoder.transform(["to be", "x"])) == ["to be", "<unk>"]


def test_clones_are_unfitted_and_pickles_encode_alike():
    encoder = TokenEncoder(level="word").set_output(transform="pandas").fit(WORDS)

    copied = pickle.loads(pickle.dumps(encoder))

    assert not hasattr(clone(encoder), "vocabulary_")
    assert copied.inverse_transform(copied.transform(WORDS)) == WORDS


#: What scikit-learn's suite has for all estimators; the rest of it feeds tables of numbers.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_mixin_order,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_checks_of_scikit_learn_that_need_no_table(check):
    check("TokenEncoder", TokenEncoder())


def test_tags_tell_that_x_is_text():
    tags = TokenEncoder().__sklearn_tags__().input_tags

    assert (tags.string, tags.one_d_array, tags.two_d_array) == (True, True, False)
