"""Sources that are read in parts: the encoder goes on from where it ended."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_rnn import RNNSeq2Seq
from sklearn_rnn.exceptions import CellError, StateError
from sklearn_rnn.modules.attention import Memory
from tests.estimators.test_state import Averages, Bare, Counts

SMALL = {
    "hidden_size": 6, "embedding_size": 4, "max_epochs": 2, "batch_size": 32, "random_state": 0,
    "dtype": "float64", "bidirectional": False,
}  # fmt: skip
CLOSE = {"atol": 1e-10}


def make(**options):
    return RNNSeq2Seq(**{**SMALL, **options})


def texts(n=70, seed=0):
    rng = np.random.default_rng(seed)
    X = ["".join(rng.choice(list("abc"), size=k)) for k in rng.integers(5, 9, size=n)]
    return X, [text[::-1] for text in X]


def numbers(n=70, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(k, 2)) for k in rng.integers(5, 9, size=n)]
    return X, [np.cumsum(x[:3, 0]) for x in X]


def halves(X):
    """Cut each source somewhere else."""
    return [x[: 1 + i % 4] for i, x in enumerate(X)], [x[1 + i % 4 :] for i, x in enumerate(X)]


def assert_same_states(one, other):
    assert [len(layer) for layer in one] == [len(layer) for layer in other]
    for layer, same in zip(one, other, strict=True):
        for part, expected in zip(layer, same, strict=True):
            assert_allclose(part, expected, **CLOSE)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("beam_size", [1, 3])
def test_without_attention_two_parts_are_answered_like_the_whole(cell, num_layers, beam_size):
    X, y = texts()
    options = {"cell": cell, "num_layers": num_layers, "beam_size": beam_size}
    model = make(attention=None, **options).fit(X, y)
    first, second = halves(X)

    begun, state = model.decode(first, return_state=True)
    ended, end = model.decode(second, initial_state=state, return_state=True)

    whole, whole_end = model.decode(X, return_state=True)
    assert_same_states(end, whole_end)
    assert len(end) == num_layers
    assert [one.sequence for one in begun] == model.predict(first)
    assert [one.sequence for one in ended] == [one.sequence for one in whole] == model.predict(X)
    for one, other in zip(ended, whole, strict=True):
        assert_allclose(one.probabilities, other.probabilities, **CLOSE)
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-9)


@pytest.mark.parametrize("options", [{}, {"missing": "mask"}, {"stop": "length"}], ids=str)
def test_numbers_are_read_on_and_written(options):
    X, y = numbers()
    model = make(attention=None, cell="lstm", **options).fit(X, y)
    first, second = halves(X)

    _, state = model.predict(first, lengths=3, return_state=True)
    answers, end = model.predict(second, lengths=3, initial_state=state, return_state=True)

    assert_allclose(answers, model.predict(X, lengths=3), **CLOSE)
    assert_same_states(end, model.predict(X, lengths=3, return_state=True)[1])


def test_all_answers_return_the_same_state():
    X, y = texts(10)
    model = make().fit(X, y)

    sequences, state = model.predict(X, return_state=True)
    rows, same = model.predict_proba(X, return_state=True)
    decoded, again = model.decode(X, return_state=True)

    assert sequences == model.predict(X)
    assert [one.sequence for one in decoded] == sequences
    for one, other, without in zip(rows, decoded, model.predict_proba(X), strict=True):
        assert_array_equal(one, other.probabilities)
        assert_allclose(one, without, **CLOSE)
    assert_same_states(same, state)
    assert_same_states(again, state)
    probabilities = model.predict_proba(X, initial_state=state)
    for one, other in zip(probabilities, model.decode(X, initial_state=state), strict=True):
        assert_array_equal(one, other.probabilities)


@pytest.mark.parametrize("attention", ["dot", "additive"])
def test_attention_looks_at_the_steps_given_each_of_which_knows_of_those_before(attention):
    X, y = texts()
    model = make(attention=attention).fit(X, y)
    X, network = [text[:5] for text in X], model.net_.module_
    ids = [[model.source_tokens_.index(token) + 1 for token in text] for text in X]
    with torch.no_grad():
        whole = network.encode(torch.tensor(ids).unsqueeze(2))
        late = Memory(whole.states[:, 2:], whole.keys[:, 2:], None, whole.summary)
        expected = network.write_tokens(late, torch.full((len(X),), 16), ends=True)

    _, state = model.predict([text[:2] for text in X], return_state=True)
    answers = model.decode([text[2:] for text in X], initial_state=state)

    assert [one.attention_.shape for one in answers] == [(len(a.sequence), 3) for a in answers]
    found = [one.log_probability for one in answers]
    assert_allclose(found, expected.log_probability.numpy(), **CLOSE)
    for one, steps, length in zip(answers, expected.steps, expected.lengths, strict=True):
        assert one.sequence == "".join(model.tokens_[i] for i in steps[:length])


def test_a_state_belongs_to_its_source_alone():
    X, y = texts()
    model = make(attention=None, cell="lstm").fit(X, y)
    first, second = halves(X)
    _, state = model.predict(first, return_state=True)
    together = model.decode(second, initial_state=state)

    for i in (0, 33, 69):
        own = tuple(tuple(part[[i]] for part in layer) for layer in state)
        (alone,) = model.decode(second[i : i + 1], initial_state=own)
        assert alone.sequence == together[i].sequence
        assert_allclose(alone.probabilities, together[i].probabilities, **CLOSE)


# -- refused -----------------------------------------------------------------------------------


def refused(model, X, message):
    zeros = np.zeros((len(X), 6))
    for method in (model.predict, model.predict_proba, model.decode):
        for arguments in ({"return_state": True}, {"initial_state": ((zeros,),)}):
            with pytest.raises(StateError, match=message):
                method(X, **arguments)


def test_encoders_that_read_both_ways_carry_no_state():
    X, y = texts(10)
    model = make(bidirectional=True).fit(X, y)

    refused(model, X, r"^RNNSeq2Seq: a state .* bidirectional=True, .* Fit with bidirectional=F")
    assert len(model.predict(X)) == 10


@pytest.mark.parametrize("bidirectional", [True, False])
def test_vectors_have_no_steps_to_go_on_from(bidirectional):
    X, y = np.random.default_rng(0).normal(size=(10, 3)), texts(10)[1]
    model = make(source="vector", bidirectional=bidirectional).fit(X, y)

    refused(model, X, r"^RNNSeq2Seq: a state .* between steps; got source='vector'")
    assert len(model.predict(X)) == 10


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.zeros((1, 10, 6)), r"one entry for each of 1 recurrent layer; got ndarray\."),
        (
            ((np.zeros((9, 6)),),),
            r"of shape \(10, 6\), one row for each sequence, .*; got \(9, 6\)\.",
        ),
        (((np.zeros((10, 6)),) * 2,), r"for layer 0 a tuple of 1 array, .*; got \(10, 6\) and"),
        (((np.full((10, 6), np.inf),),), r"finite numbers of float64; got others in layer 0\."),
    ],
)
def test_states_of_another_form_are_refused(state, message):
    X, y = texts(10)
    model = make(max_epochs=1).fit(X, y)

    for method in (model.predict, model.predict_proba, model.decode):
        with pytest.raises(StateError, match=r"^RNNSeq2Seq: initial_state must hold .*" + message):
            method(X, initial_state=state)


def test_states_are_given_by_name():
    X, y = texts(10)
    model = make(max_epochs=1).fit(X, y)
    _, state = model.predict(X, return_state=True)

    for method in (model.predict, model.predict_proba, model.decode):
        with pytest.raises(TypeError, match="positional"):
            method(X, None, state)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Averages, r"cell=Averages, .* of shapes \[\(2, 6\), \(2,\)\]\."),
        (Counts, r"cell=Counts, .* of shapes \[\(2, 6\), \(\)\]\."),
        (Bare, r"cell=Bare, .* is a Tensor\."),
    ],
)
def test_a_decoder_needs_cells_that_carry_vectors(cell, message):
    X, y = texts(10)

    with pytest.raises(
        CellError, match=r"a decoder needs a cell whose .* vectors \(N, H\).*" + message
    ):
        make(cell=cell).fit(X, y)


def test_nothing_is_answered_before_fit():
    with pytest.raises(NotFittedError):
        make().predict(["ab"], return_state=True)
