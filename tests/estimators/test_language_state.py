"""Texts that are read, scored and written on from where an earlier reading ended."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback

from sklearn_rnn import FixedLines, RNNLanguageModel
from sklearn_rnn.exceptions import CellError, StateError, TokenError
from sklearn_rnn.tokens import join_words
from tests.estimators.test_state import Averages, Bare, Counts, Forgetful

EXACT = {
    "hidden_size": 6, "max_epochs": 1, "random_state": 0, "dtype": "float64", "window_length": 16,
}  # fmt: skip
CLOSE = {"atol": 1e-12, "rtol": 1e-12}


def texts(n=40, longest=150, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcd"), k)) for k in rng.integers(5, longest, size=n)]


def halves(X):
    """Cut each text somewhere else, also before its first token and behind its last."""
    cuts = [[0, 1, len(text) // 2, len(text)][i % 4] for i, text in enumerate(X)]
    pairs = zip(X, cuts, strict=True)
    return [list(parts) for parts in zip(*[(x[:c], x[c:]) for x, c in pairs], strict=True)]


class NotTrained(Callback):
    def on_batch_begin(self, net, **kwargs):
        raise AssertionError


def row(state, i):
    return tuple(tuple(part[[i]] for part in layer) for layer in state)


def assert_same_states(one, other, **tolerance):
    assert [len(layer) for layer in one] == [len(layer) for layer in other]
    for layer, same in zip(one, other, strict=True):
        for part, expected in zip(layer, same, strict=True):
            assert_allclose(part, expected, **(tolerance or CLOSE))


@pytest.fixture(scope="module")
def model():
    return RNNLanguageModel(cell="lstm", **EXACT).fit(texts())


@pytest.fixture(scope="module")
def words():
    X = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 8
    return RNNLanguageModel(level="word", **{**EXACT, "max_epochs": 20, "lr": 0.02}).fit(X)


# -- read and scored ---------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", Averages])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_two_parts_are_read_and_scored_like_the_whole(cell, num_layers):
    X = texts()
    model = RNNLanguageModel(cell=cell, num_layers=num_layers, **EXACT).fit(X)
    first, second = halves(X)

    begun, state = model.predict_proba(first, return_state=True)
    ended, end = model.predict_proba(second, initial_state=state, return_state=True)

    whole, whole_end = model.predict_proba(X, return_state=True)
    assert_allclose(begun, model.predict_proba(first), atol=1e-12)
    assert_allclose(whole, model.predict_proba(X), atol=1e-12)
    assert_allclose(ended, whole, **CLOSE)
    assert len(end) == num_layers
    assert end[0][0].shape == (40, 6)
    assert end[0][0].dtype == np.float64
    assert_same_states(end, whole_end)
    read = [i for i, text in enumerate(first) if text]  # without a state, none may be empty
    logs, state = model.score_samples([first[i] for i in read], return_state=True, ends=False)
    rest = model.score_samples([second[i] for i in read], initial_state=state)
    assert_allclose(logs + rest, model.score_samples([X[i] for i in read]), **CLOSE)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_two_parts_are_read_like_the_whole_in_single_precision(backend):
    X = texts()
    model = RNNLanguageModel(**{**EXACT, "dtype": "float32"}, backend=backend).fit(X)
    first, second = halves(X)

    state = model.predict(first, return_state=True)[1]

    assert state[0][0].dtype == np.float32
    whole = model.predict_proba(X)
    assert_allclose(model.predict_proba(second, initial_state=state), whole, atol=1e-6)


def test_a_text_that_goes_on_is_read_without_an_end_before_it(model):
    network = model.net_.module_.eval()
    ids = [0, *(model.vocabulary_[token] for token in "abcd")]  # the end, once, and the text
    with torch.no_grad():
        logits, state = network(torch.tensor([ids]))

    _, begun = model.predict(["ab"], return_state=True)
    found, end = model.predict_proba(["cd"], initial_state=begun, return_state=True)

    assert_allclose(found[0], logits[0, -1].softmax(0).numpy(), **CLOSE)
    assert_same_states(end, state)


def test_the_state_of_an_empty_text_is_that_in_which_texts_begin(model):
    X = texts(5)

    _, state = model.predict([""] * 5, return_state=True)

    assert_allclose(model.predict_proba(X, initial_state=state), model.predict_proba(X), **CLOSE)
    scores = model.score_samples(X, initial_state=state)
    assert_allclose(scores, model.score_samples(X), **CLOSE)


def test_a_state_alone_tells_the_next_token(model):
    X = texts(20)
    found, state = model.predict_proba(X, return_state=True)

    again, same = model.predict_proba([""] * 20, initial_state=state, return_state=True)

    assert_array_equal(again, found)
    assert_array_equal(same[0][1], state[0][1])
    assert_array_equal(model.predict([""] * 20, initial_state=state), model.predict(X))
    ends = np.log(found[:, 0])
    assert_allclose(model.score_samples([""] * 20, initial_state=state), ends, **CLOSE)
    none = model.score_samples([""] * 20, initial_state=state, ends=False)
    assert_array_equal(none, np.zeros(20))


def test_a_token_at_a_time(model):
    state, total = None, 0.0
    for token in "abcdabcd":
        score, state = model.score_samples(
            [token], initial_state=state, return_state=True, ends=False
        )
        total += score[0]

    assert total == pytest.approx(model.score_samples(["abcdabcd"], ends=False)[0], rel=1e-12)
    assert_same_states(state, model.predict(["abcdabcd"], return_state=True)[1])


def test_ends_are_counted_or_not(model):
    X = texts(6)
    end = np.log(model.predict_proba(X)[:, 0])

    assert_allclose(model.score_samples(X, ends=False) + end, model.score_samples(X), **CLOSE)


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_what_a_text_is_read_beside_makes_no_difference(dtype, atol):
    X = texts(35)
    model = RNNLanguageModel(**{**EXACT, "dtype": dtype, "hidden_size": 16}).fit(X)
    first, second = halves(X)
    state = model.predict(first, return_state=True)[1]

    found, end = model.predict_proba(second, initial_state=state, return_state=True)
    scores = model.score_samples(second, initial_state=state)

    for i in (0, 5, 34):
        alone, own = model.predict_proba(second[i : i + 1], row(state, i), return_state=True)
        assert_allclose(alone[0], found[i], atol=atol)
        assert_allclose(own[0][0][0], end[0][0][i], atol=atol)
        (score,) = model.score_samples(second[i : i + 1], row(state, i))
        assert score == pytest.approx(scores[i], rel=atol)


def test_words_and_items_go_on(words):
    _, state = words.predict(["the cat sat"], return_state=True)
    items = RNNLanguageModel(**EXACT).fit([[1, 2, (3, 4)] * 10])
    _, begun = items.predict([[1, 2]], return_state=True)

    after = words.predict_proba(["on the"], initial_state=state)
    assert_allclose(after, words.predict_proba(["the cat sat on the"]), **CLOSE)
    assert_allclose(
        items.predict_proba([[(3, 4)]], initial_state=begun),
        items.predict_proba([[1, 2, (3, 4)]]),
        **CLOSE,
    )


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", Averages])
def test_answers_are_the_same_whether_their_state_is_asked_for_or_not(cell, num_layers):
    X = [*texts(20), *"abcd", "abc" * 21, "ab" * 32, "abcda" * 13]
    model = RNNLanguageModel(cell=cell, num_layers=num_layers, **EXACT).fit(X)
    states = [None, model.predict(X[::-1], return_state=True)[1]]

    for initial in states:
        for ask in (
            lambda state, initial=initial: model.predict_proba(X, initial, return_state=state),
            lambda state, initial=initial: model.score_samples(X, initial, return_state=state),
            lambda state, initial=initial: model.score_samples(X, initial, state, ends=False),
        ):
            assert_allclose(ask(False), ask(True)[0], **CLOSE)
        tokens, _ = model.predict(X, initial, return_state=True)
        assert_array_equal(model.predict(X, initial), tokens)


def test_where_no_state_is_asked_for_a_text_is_read_in_windows_of_one_size(model, monkeypatch):
    network, sizes = model.net_.module_, []
    read = network.read

    def noted(tokens, state=None):
        sizes.append(tokens.shape[1])
        return read(tokens, state)

    monkeypatch.setattr(network, "read", noted)
    state = model.predict(["ab"], return_state=True)[1]
    sizes.clear()

    for length, expected in ((2, [4]), (31, [32]), (63, [64]), (130, [64, 64, 64])):
        for ask in (model.predict, model.predict_proba, model.score_samples):
            ask(["a" * length])
            assert sizes == expected
            sizes.clear()
    model.score(["a" * 12])
    model.perplexity(["a" * 12])
    assert sizes == [16, 16]
    sizes.clear()
    model.predict(["a" * 12], initial_state=state)
    assert 16 in sizes
    assert not {2, 8} & set(sizes)


def test_answers_that_read_padding_do_not_depend_on_what_is_read_beside():
    X = texts(35)
    model = RNNLanguageModel(**{**EXACT, "dtype": "float32", "hidden_size": 16}).fit(X)
    state = model.predict(X[::-1], return_state=True)[1]

    for initial in (None, state):
        found, scores = model.predict_proba(X, initial), model.score_samples(X, initial)
        for i in (0, 5, 34):
            own = None if initial is None else row(state, i)
            assert_array_equal(model.predict_proba([X[i]], own)[0], found[i])
            assert model.score_samples([X[i]], own)[0] == scores[i]


def test_the_end_is_predicted_where_a_text_most_probably_ends(words):
    _, state = words.predict(["the cat sat on"], return_state=True)

    assert words.predict(["the cat sat on the mat"]).tolist() == ["<end>"]
    assert words.predict(["the mat"], initial_state=state).tolist() == ["<end>"]


def test_a_pickled_model_goes_on_from_a_pickled_state(model):
    _, state = model.predict(texts(5), return_state=True)

    copy, same = pickle.loads(pickle.dumps((model, state)))

    found = copy.predict_proba(["ab"] * 5, initial_state=same)
    assert_array_equal(found, model.predict_proba(["ab"] * 5, initial_state=state))
    options = {"max_new_tokens": 5, "random_state": 0, "n_samples": 5}
    written = copy.generate(initial_state=same, **options)
    assert written == model.generate(initial_state=state, **options)


def test_tokens_of_a_callable_level_go_on():
    model = RNNLanguageModel(**EXACT, level=str.split).fit(["the cat sat on the mat"] * 5)
    _, state = model.predict(["the cat sat"], return_state=True)

    found = model.predict_proba(["on the"], initial_state=state)
    (text,) = model.generate("on the", max_new_tokens=2, temperature=0, initial_state=state)

    assert_allclose(found, model.predict_proba(["the cat sat on the"]), **CLOSE)
    (whole,) = model.generate("the cat sat on the", max_new_tokens=2, temperature=0)
    assert text == whole[3:]


def test_texts_without_tokens_that_do_not_end_are_certain(model):
    scores, state = model.score_samples(["", "a"], return_state=True, ends=False)

    _, begun = model.predict(["", "a"], return_state=True)
    assert scores[0] == 0
    assert scores[1] == pytest.approx(model.score_samples(["a"], ends=False)[0], rel=1e-12)
    assert_same_states(state, begun)
    assert_allclose(model.score_samples(["", "a"], ends=False), scores, **CLOSE)


# -- written -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["", "b", "cdab"])
def test_texts_that_go_on_are_written_like_those_that_begin(model, prompt):
    before = "abcd" * 30 + "a"
    options = {"max_new_tokens": 30, "random_state": 3, "temperature": 0.8, "top_k": 3}
    _, state = model.predict([before], return_state=True)

    more = model.generate(prompt, n_samples=3, initial_state=state, **options)
    streamed = model.stream(prompt, initial_state=state, **options)

    whole = model.generate(before + prompt, n_samples=3, **options)
    assert [before + text for text in more] == whole
    assert prompt + "".join(streamed) == more[0]
    if not prompt:
        assert model.generate(n_samples=3, initial_state=state, **options) == more


def test_the_state_of_written_texts_is_that_behind_their_last_tokens(model):
    written, state = model.generate(
        "ab", n_samples=20, max_new_tokens=12, stop="dc", random_state=0, return_state=True
    )

    assert len({len(text) for text in written}) > 2  # by the model, by the stop, or cut off
    found, expected = model.predict_proba(written, return_state=True)
    assert_same_states(state, expected)
    assert_allclose(model.predict_proba([""] * 20, initial_state=state), found, **CLOSE)
    plain = model.generate("ab", n_samples=20, max_new_tokens=12, stop="dc", random_state=0)
    assert written == plain


def test_texts_are_written_in_parts(words):
    (text,), state = words.generate("the cat", max_new_tokens=2, temperature=0, return_state=True)

    (more,) = words.generate(max_new_tokens=9, temperature=0, initial_state=state)

    assert len(text.split()) == 4
    assert [join_words([text, more])] == words.generate("the cat", temperature=0)


def test_a_token_called_as_the_end_is_as_unknown_in_a_prompt_as_elsewhere():
    model = RNNLanguageModel(**EXACT, level="word", unknown="ignore").fit(["a b c"] * 5)
    _, expected = model.predict(["<end> a"], return_state=True)

    _, state = model.generate(
        "<end> a", constraint=lambda tokens: [], random_state=0, return_state=True
    )

    assert_same_states(state, expected)
    assert_same_states(state, model.predict(["z a"], return_state=True)[1])


def test_one_random_state_goes_through_all_parts_and_a_stop_is_found_within_one(model):
    def parts(random_state, **options):
        found, state = "", None
        for _ in range(8):
            (text,), state = model.generate(
                max_new_tokens=1,
                random_state=random_state,
                initial_state=state,
                return_state=True,
                **options,
            )
            found += text
        return found

    drawn = parts(np.random.RandomState(0))

    assert parts(np.random.RandomState(0), stop=drawn[:2]) == drawn
    assert drawn == parts(np.random.RandomState(0)) != parts(0)


def test_samples_go_on_from_one_state_or_each_from_its_own(words):
    written, state = words.generate(
        n_samples=4, max_new_tokens=3, random_state=1, return_state=True
    )
    options = {"max_new_tokens": 5, "temperature": 0}

    each = words.generate(n_samples=4, initial_state=state, **options)
    all_of_the_first = words.generate(n_samples=4, initial_state=row(state, 0), **options)

    assert len(set(written)) > 1
    assert [words.generate(text, **options)[0] for text in written] == [
        join_words([a, b] if b else [a]) for a, b in zip(written, each, strict=True)
    ]
    assert all_of_the_first == [each[0]] * 4


def test_shapes_and_unknown_tokens_go_on_too():
    model = RNNLanguageModel(**EXACT, unknown="ignore").fit(["ab\n", "ba\n"] * 10)
    _, state = model.predict(["ab\n"], return_state=True)
    shape = FixedLines("ab", [3, 2], first="zb")

    (text,), end = model.generate(
        constraint=shape, initial_state=state, random_state=0, return_state=True
    )

    assert [len(line) for line in text.split()] == [3, 2]
    assert text.startswith("z")
    assert_same_states(end, model.predict(["ab\n" + text], return_state=True)[1])


# -- refused -----------------------------------------------------------------------------------

ZEROS = np.zeros((2, 6))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (ZEROS, r"one entry for each of 2 recurrent layers; got ndarray\."),
        (((ZEROS, ZEROS),), r"one entry for each of 2 recurrent layers; got 1\."),
        (((ZEROS,),) * 2, r"for layer 0 a tuple of 2 arrays, .*; got \(2, 6\)\."),
        (((ZEROS[:, 1:], ZEROS),) * 2, r"\(2, 6\), one row for .*; got \(2, 5\) and \(2, 6\)"),
        (((np.zeros((3, 6)),) * 2,) * 2, r"shape \(2, 6\) and \(2, 6\), .*; got \(3, 6\) and"),
        (((ZEROS, ZEROS * np.nan),) * 2, r"finite numbers of float64; got others in layer 0\."),
        (3.5, r"one entry for each of 2 recurrent layers; got float\."),
    ],
)
def test_states_of_another_form_are_refused(model, state, message):
    for ask in (
        lambda: model.predict(["a", "b"], initial_state=state),
        lambda: model.predict_proba(["a", "b"], initial_state=state),
        lambda: model.score_samples(["a", "b"], initial_state=state),
        lambda: model.generate(n_samples=2, initial_state=state),
    ):
        with pytest.raises(
            StateError, match=r"^RNNLanguageModel: initial_state must hold .*" + message
        ):
            ask()


def test_what_is_written_goes_on_from_one_row_or_one_for_each_text(model):
    _, state = model.predict(["a", "b"], return_state=True)

    shapes = r"of shape \(1, 6\) and \(1, 6\), one row, that of one text; got \(2, 6\) and"
    with pytest.raises(StateError, match=shapes) as error:
        model.stream(initial_state=state)
    assert "order of X" not in str(error.value)
    shapes = (
        r"of shape \(3, 6\) and \(3, 6\), one row for all texts, or one for each of n_samples; g"
    )
    with pytest.raises(StateError, match=shapes) as error:
        model.generate(n_samples=3, initial_state=state)
    assert "order of X" not in str(error.value)


@pytest.mark.parametrize(
    "value", [np.array([np.nan, 1]), np.array([1.5, 1]), [np.inf, 1], [1e30, 1]]
)
def test_parts_of_whole_numbers_take_nothing_else(value):
    model = RNNLanguageModel(**EXACT, cell=Averages).fit(texts(5))
    _, ((mean, _), upper) = model.predict(["ab", "c"], return_state=True)

    with pytest.raises(StateError, match=r"finite numbers of int64; got others in layer 0\."):
        model.predict(["a", "b"], initial_state=((mean, value), upper))
    assert len(model.predict(["a", "b"], initial_state=((mean, [2.0, 1.0]), upper))) == 2


@pytest.mark.parametrize("ends", [2, -1, 0, None, "no", np.array([True]), [True], 1.0])
def test_ends_is_true_or_false(model, ends):
    with pytest.raises(
        InvalidParameterError, match=r"'ends' parameter of RNNLanguageModel.score_s"
    ):
        model.score_samples(["a", "z"], ends=ends)


def test_ends_may_be_of_numpy(model):
    for ends in (True, False):
        found = model.score_samples(["ab"], ends=np.bool_(ends))
        assert_array_equal(found, model.score_samples(["ab"], ends=ends))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Counts, r"with one row for each .* 2 sequences is a tuple of shapes \[\(2, 6\), \(\)\]\."),
        (Bare, r"with one row for each sequence; got cell=Bare, .* is a Tensor\."),
        (Forgetful, r"begins from a state; got cell=Forgetful, whose forward takes x alone\."),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_cells_whose_state_texts_cannot_go_on_from_are_not_trained(cell, message, method):
    model = RNNLanguageModel(**EXACT, cell=cell, callbacks=[("trained", NotTrained())])

    with pytest.raises(CellError, match=r"^RNNLanguageModel: a language model needs .*" + message):
        getattr(model, method)(["abcd" * 20])
    assert not hasattr(model, "net_")


def test_texts_without_tokens_are_scored_only_where_they_go_on(model):
    with pytest.raises(ValueError, match="at least one token each; got 1 empty ones among 2"):
        model.score_samples(["a", ""], return_state=True)


def test_what_was_refused_before_still_is(model):
    _, state = model.predict(["a"], return_state=True)

    with pytest.raises(TokenError, match="the first of them 'x'"):
        model.generate("x", initial_state=state)
    with pytest.raises(NotFittedError):
        RNNLanguageModel().predict(["a"], initial_state=state)
