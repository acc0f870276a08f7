"""Sequences in, sequences out: what goes in comes out in the same form, or is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import RNNRegressor, RNNSeq2Seq
from sklearn_rnn.exceptions import (
    CellError,
    MissingValuesError,
    ParameterNameError,
    SequenceLengthError,
    SequenceShapeError,
    TargetError,
    TokenError,
    UnknownTokenWarning,
)
from tests.estimators.behaviour import BehaviourKit

SMALL = {"hidden_size": 16, "embedding_size": 8, "batch_size": 32, "random_state": 0, "lr": 0.02}


def make(**options):
    return RNNSeq2Seq(**{**SMALL, "max_epochs": 2, **options})


def texts(n=60, seed=0, letters="abc"):
    rng = np.random.default_rng(seed)
    X = ["".join(rng.choice(list(letters), size=k)) for k in rng.integers(1, 5, size=n)]
    return X, [text[::-1] for text in X]


def numbers(n=40, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(k, 2)) for k in rng.integers(2, 6, size=n)]
    return X, [np.cumsum(x[:, 0]) for x in X]


@pytest.fixture(scope="module")
def reverser():
    """Return a model that has learned to turn texts round, and pairs that it has not seen."""
    X, y = texts(300)
    model = make(hidden_size=32, max_epochs=25).fit(X, y)
    return model, *texts(50, seed=1)


class TestNumbers(BehaviourKit):
    options: dict = {}

    def make(self, **options):
        exact = {"dtype": "float64", "hidden_size": 8, "batch_size": 8, "lr": 0.03}
        return RNNSeq2Seq(**{**exact, "lr_scheduler": None, **self.options, **options})

    def data(self, n=24, seed=0):
        rng = np.random.default_rng(seed)
        X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=n)]
        return X, np.array([[x[0, 0] + x[-1, 1], x[0, 1] - x[-1, 0]] for x in X])


class TestNumbersWithEverything(TestNumbers):
    options = {
        "attention": "additive",
        "cell": "lstm",
        "num_layers": 2,
        "missing": "ffill",
        "teacher_forcing": (1.0, 0.5),
    }

    def test_a_refit_after_a_failure_works(self, fitted):
        model, X, y = fitted
        before = self.answers(model, X)

        with pytest.raises(ValueError, match="infinity"):
            model.fit([np.full_like(x, np.inf) for x in X], y)

        np.testing.assert_array_equal(self.answers(model, X), before)


class TestTokens(TestNumbers):
    options = {"attention": None, "cell": "lstm"}

    def data(self, n=24, seed=0):
        X, y = super().data(n, seed)
        return X, [["high" if level > 0 else "low" for level in row] for row in y]

    def answers(self, model, X):
        return np.stack(model.predict_proba(X, lengths=2))


# -- scikit-learn ------------------------------------------------------------------------------


# Settings under which a weight of 2 equals a second copy of a pair, and answers are one array.
EXACT = {
    "hidden_size": 8,
    "embedding_size": 8,
    "max_epochs": 5,
    "dtype": "float64",
    "batch_size": None,
}


@pytest.mark.no_cover
@parametrize_with_checks(
    [
        RNNSeq2Seq(stop="length", **EXACT),
        RNNSeq2Seq(target="numbers", source="vector", **EXACT),
    ]
)
def test_scikit_learns_suite(estimator, check):
    check(estimator)


def test_a_search_over_ragged_targets_works():
    X, y = texts(60)
    X, y = [list(x) for x in X], [list(row) for row in y]
    search = GridSearchCV(
        make(), {"attention": ["dot", None], "optimizer__weight_decay": [0.0]}, cv=2
    )

    search.fit(X, y)

    assert 0 <= search.best_score_ <= 1
    assert len(search.best_estimator_.predict(X)) == 60


def test_targets_that_are_arrays_of_unequal_lengths_are_cross_validated():
    X, y = numbers()

    scores = cross_val_score(make(max_epochs=20), X, y, cv=2)

    assert scores.shape == (2,)
    assert (scores > 0.2).all()


def test_a_pickled_model_answers_the_same(reverser):
    model, X, _ = reverser

    again = pickle.loads(pickle.dumps(model))

    assert again.predict(X) == model.predict(X)
    np.testing.assert_array_equal(
        again.decode(X[:1])[0].attention_, model.decode(X[:1])[0].attention_
    )


# -- what is learned ---------------------------------------------------------------------------


def test_strings_come_out_reversed(reverser):
    model, X, y = reverser

    assert model.score(X, y) > 0.9
    assert model.token_accuracy(X, y) > 0.95
    assert model.predict(["abcc", "ba"]) == ["ccba", "ab"]


def test_attention_of_a_reversal_runs_backwards(reverser):
    model, _, _ = reverser

    (answer,) = model.decode(["abca"])

    assert answer.attention_.shape == (4, 4)
    np.testing.assert_allclose(answer.attention_.sum(axis=1), 1, atol=1e-6)
    assert answer.attention_[0].argmax() > answer.attention_[-1].argmax()


def test_a_decoded_sequence_is_the_predicted_one_and_its_probability_that_of_its_tokens(reverser):
    model, X, _ = reverser

    for sequence, answer, rows in zip(
        model.predict(X), model.decode(X), model.predict_proba(X), strict=True
    ):
        assert answer.sequence == sequence
        assert answer.ended
        np.testing.assert_array_equal(rows, answer.probabilities)
        assert rows.shape == (len(sequence), len(model.tokens_) + 1)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
        picked = [
            row[model.tokens_.index(token)] for row, token in zip(rows, sequence, strict=True)
        ]
        assert [model.tokens_[i] for i in rows.argmax(axis=1)] == list(sequence)
        assert answer.log_probability <= np.log(picked).sum() + 1e-6


def test_a_beam_finds_sequences_that_are_at_least_as_probable_in_sum(reverser):
    model, X, y = reverser
    greedy = [answer.log_probability for answer in model.decode(X)]

    beam = clone(model).set_params(beam_size=5)
    beam.__dict__ = {**vars(model), "beam_size": 5}
    wide = [answer.log_probability for answer in beam.decode(X)]

    assert np.sum(wide) >= np.sum(greedy) - 1e-4
    assert beam.score(X, y) >= model.score(X, y) - 0.05


def test_numbers_of_unequal_lengths_are_learned_with_their_ends():
    X, y = numbers(150)

    model = make(max_epochs=30, hidden_size=32).fit(X[:120], y[:120])

    answers = model.predict(X[120:])
    assert model.stop_ == "learned"
    assert np.mean([len(a) == len(b) for a, b in zip(answers, y[120:], strict=True)]) > 0.9
    assert model.score(X[120:], y[120:]) > 0.6


def test_the_score_of_numbers_is_r2_over_all_steps():
    X, y = numbers(20)
    model = make().fit(X, y)
    weights = np.arange(1.0, 21.0)
    lengths = [len(row) for row in y]

    answers = np.concatenate(model.predict(X, lengths=lengths))

    true = np.concatenate(y)
    assert model.score(X, y) == pytest.approx(r2_score(true, answers))
    by_step = np.repeat(weights, lengths)
    assert model.score(X, y, weights) == pytest.approx(
        r2_score(true, answers, sample_weight=by_step)
    )


def test_images_become_words():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(80, 4, 4))
    y = ["a light one" if image.mean() > 0 else "dark" for image in images]

    for source in ("auto", "vector"):
        model = make(level="word", source=source, max_epochs=25).fit(images, y)
        assert model.score(images, y) > 0.9
        assert set(model.predict(images)) == set(y)
    assert model.n_features_in_ == 16


def test_teacher_forcing_reaches_the_network_and_still_learns():
    X, y = texts(300)
    model = make(hidden_size=32, max_epochs=25, teacher_forcing=(1.0, 0.25)).fit(X, y)

    assert model.module_.teacher_forcing == 0.25
    assert model.score(X, y) > 0.7


# -- forms of what comes in and goes out -------------------------------------------------------


def test_words_come_out_as_text_and_lists_as_lists():
    X, y = ["eins zwei", "zwei", "eins"] * 10, ["one two", "two", "one"] * 10

    of_texts = make(level="word", max_epochs=15).fit(X, y)
    of_lists = make(max_epochs=15).fit([x.split() for x in X], [row.split() for row in y])

    assert of_texts.tokens_ == of_lists.tokens_ == ["one", "two"]
    assert of_texts.source_tokens_ == ["eins", "zwei"]
    assert of_texts.predict(X[:3]) == y[:3]
    assert of_lists.predict([["eins", "zwei"], ["zwei"]]) == [["one", "two"], ["two"]]


def test_levels_of_source_and_target_may_differ():
    X, y = ["ab", "b", "a"] * 10, ["A, then B", "B", "A"] * 10

    model = make(target_level=lambda text: text.split(", "), max_epochs=15).fit(X, y)

    assert model.source_tokens_ == ["a", "b"]
    assert model.tokens_ == ["A", "B", "then B"]
    assert model.predict(X[:2]) == [["A", "then B"], ["B"]]
    assert model.score(X, y) == 1


def test_arrays_of_texts_come_out_as_arrays():
    X, y = texts(30)

    for kind in (np.array, pd.Series):
        model = make().fit(kind(X), kind(y))
        answers = model.predict(kind(X))
        assert isinstance(answers, np.ndarray)
        assert answers.shape == (30,)
        assert isinstance(answers[0], str)


def test_ids_are_tokens_and_come_out_as_ids():
    X = [[1.0, 2.0], [2.0, 1.0]] * 20
    y = np.array([[5, 7, 5], [7, 5, 5]] * 20, dtype=np.int32)

    model = make(stop="length", max_epochs=20).fit(X, y)
    ragged = make(max_epochs=20).fit(X, list(y))

    answers = model.predict(X)
    assert model.target_ == "tokens"
    assert model.tokens_ == [5, 7]
    assert answers.shape == (40, 3)
    assert answers.dtype == np.int32
    assert model.predict_proba(X)[0].shape == (3, 2)
    np.testing.assert_array_equal(answers, y)
    assert ragged.predict(X)[0].tolist() == [5, 7, 5]


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2)])
def test_numbers_come_out_with_the_axes_that_went_in(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=(20, *shape))

    as_array, as_list = make().fit(X, y), make().fit(X, list(y))

    assert as_array.predict(X).shape == y.shape
    assert isinstance(as_list.predict(X), list)
    np.testing.assert_allclose(np.stack(as_list.predict(X)), as_array.predict(X), atol=1e-6)
    assert as_array.predict(X, lengths=5).shape == (20, 5, *shape[1:])


def test_nan_at_the_end_of_targets_is_padding():
    X, y = numbers(20)
    padded = np.full((20, 7), np.nan)
    for row, numbers_ in zip(padded, y, strict=True):
        row[: len(numbers_)] = numbers_

    model, again = make().fit(X, y), make().fit(X, padded)

    for one, other in zip(model.predict(X), again.predict(X), strict=True):
        np.testing.assert_allclose(one, other)


def test_lengths_are_kept_exactly(reverser):
    model, X, _ = reverser
    lengths = np.arange(1, 51)

    answers = model.predict(X, lengths=lengths)

    assert [len(answer) for answer in answers] == lengths.tolist()
    assert [rows.shape[1] for rows in model.predict_proba(X, lengths=3)] == [3] * 50


def test_what_does_not_end_is_cut_off_at_max_length(reverser):
    model, _, _ = reverser
    short = clone(model)
    short.__dict__ = {**vars(model), "max_length": 2}

    (answer,) = short.decode(["abc"])

    assert len(answer.sequence) <= 2
    assert not answer.ended


def test_empty_targets_are_learned():
    X, y = ["a", "bb"] * 20, ["", "b"] * 20

    model = make(max_epochs=15).fit(X, y)

    assert model.predict(["a", "bb"]) == ["", "b"]
    empty, full = model.decode(["a", "bb"])
    assert empty.probabilities.shape == (0, 2)
    assert empty.attention_.shape == (0, 1)
    assert full.attention_.shape == (1, 2)


def test_sample_weights_decide_between_contradictions():
    X = ["ab"] * 40
    y = ["x", "yy"] * 20
    weights = [1.0, 9.0] * 20

    model = make(max_epochs=15).fit(X, y, sample_weight=weights)

    assert model.predict(["ab"]) == ["yy"]
    assert model.score(["ab", "ab"], ["x", "yy"], sample_weight=[1, 3]) == 0.75
    assert model.token_accuracy(["ab", "ab"], ["x", "yy"], sample_weight=[1, 1]) == 0.5


def test_token_accuracy_counts_what_is_missing_or_too_much():
    model = make(max_epochs=15).fit(["a", "b"] * 20, ["xyz", "x"] * 20)

    assert model.predict(["a", "b"]) == ["xyz", "x"]
    assert model.token_accuracy(["a"], ["x"]) == pytest.approx(1 / 3)
    assert model.token_accuracy(["b"], ["xyz"]) == pytest.approx(1 / 3)
    assert model.token_accuracy(["a", "b"], ["xyz", "q"]) == pytest.approx(3 / 4)
    assert model.score(["a", "b"], ["xyz", "q"]) == 0.5


def kinds_of_sources(n):
    """Return X and the `source` that reads it, of each kind."""
    rng = np.random.default_rng(1)
    return {
        "texts": (texts(n)[0], "auto"),
        "ids": (rng.integers(0, 5, size=(n, 4)), "tokens"),
        "sequences": ([rng.normal(size=(k, 2)) for k in rng.integers(1, 5, size=n)], "auto"),
        "vectors": (rng.normal(size=(n, 3)), "vector"),
    }


def kinds_of_targets(n):
    """Return y and the `target` that is asked for, of each kind."""
    rng = np.random.default_rng(2)
    return {
        "texts": (texts(n)[1], "auto"),
        "ids": (rng.integers(0, 4, size=(n, 3)), "auto"),
        "numbers": (rng.normal(size=(n, 3)), "auto"),
        "ragged numbers": ([rng.normal(size=k) for k in rng.integers(1, 4, size=n)], "auto"),
        "several numbers": (rng.normal(size=(n, 3, 2)), "auto"),
        "whole numbers": (rng.integers(0, 9, size=(n, 3)), "numbers"),
    }


@pytest.mark.parametrize("attention", ["dot", "additive", None])
@pytest.mark.parametrize("written", kinds_of_targets(1))
@pytest.mark.parametrize("read", kinds_of_sources(1))
def test_every_kind_of_source_leads_to_every_kind_of_target(read, written, attention):
    (X, source), (y, target) = kinds_of_sources(8)[read], kinds_of_targets(8)[written]
    settings = {"source": source, "target": target, "attention": attention, "max_epochs": 1}
    for options in ({}, {"dtype": "float64", "teacher_forcing": 0.5}):
        model = make(hidden_size=4, **settings, **options).fit(X, y)

        answers = model.predict(X, lengths=2)

        assert [len(answer) for answer in answers] == [2] * 8
        assert np.ndim(answers[0]) == np.ndim(y[0])
        assert np.isfinite(model.score(X, y))
        decoded = model.decode(X, lengths=2)
        assert all((one.attention_ is None) == (attention is None) for one in decoded)


def test_numbers_are_learned_of_texts():
    X = ["a", "ab", "ba", "b"] * 30
    y = [[{"a": 0.5, "b": 2.5}[letter] for letter in text] for text in X]

    model = make(hidden_size=32, max_epochs=30).fit(X, y)

    assert model.target_ == "numbers"
    assert model.score(X, y) > 0.9
    assert [len(answer) for answer in model.predict(["ab", "a"])] == [2, 1]


def test_tokens_may_be_text_and_numbers():
    X, y = ["ab", "c"], [["a", 1.5], ["a"]]

    model = make().fit(X, y)

    assert model.target_ == "tokens"
    assert model.tokens_ == [1.5, "a"]


@pytest.mark.parametrize("source", ["auto", "vector"])
def test_tensors_are_read_as_arrays(source):
    X = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0))
    y = ["a", "b", "c"] * 2

    model = make(source=source).fit(X, y)

    assert model.source_ == ("sequence" if source == "auto" else "vector")
    assert model.predict(X) == model.predict(X.numpy())


def test_numbers_may_be_targets_in_tensors():
    X, y = ["ab", "c"] * 2, torch.arange(8.0).view(4, 2)

    model = make().fit(X, y)

    assert model.target_ == "numbers"
    assert model.predict(X).shape == (4, 2)


# -- training that goes on ---------------------------------------------------------------------


def test_partial_fit_goes_on_and_keeps_its_tokens():
    X, y = texts(60)
    model = make()

    for _ in range(3):
        model.partial_fit(X, y)

    assert model.n_iter_ == 3
    with pytest.raises(TargetError, match="the 3 tokens of the first call; got 1 others"):
        model.partial_fit(X[:1], ["z"])
    assert model.n_iter_ == 3
    with pytest.warns(UnknownTokenWarning):
        model.partial_fit(["z"], y[:1])


def test_warm_start_goes_on():
    X, y = texts(60)
    model = make(warm_start=True).fit(X, y)

    model.set_params(max_epochs=3).fit(X, y)

    assert model.n_iter_ == 5


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({}, {"level": "word"}),
        ({"target_level": "char"}, {"target_level": "word"}),
        ({}, {"target_level": "word"}),
        ({}, {"source": "sequence"}),
        ({}, {"target": "numbers"}),
        ({}, {"stop": "length"}),
    ],
)
def test_what_is_read_and_written_cannot_change_between_fits(options, changed):
    X, y = texts(20)
    model = make(warm_start=True, **options).fit(X, y)
    model.set_params(**changed)

    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"cannot go on, because {next(iter(changed))} has"):
            method(X, y)

    assert model.n_iter_ == 2
    assert model.set_params(warm_start=False, source="auto", target="auto").fit(X, y).n_iter_ == 2


def test_what_auto_has_found_may_be_said_before_training_goes_on():
    X, y = texts(20)
    model = make(warm_start=True).fit(X, y)

    model.set_params(source="tokens", target="tokens", stop="learned").fit(X, y)

    assert model.n_iter_ == 4


def test_the_loss_of_an_epoch_is_the_mean_over_its_steps():
    X, y = ["ab"] * 6, ["a", "a", "abbbbbb", "b", "ba", "bb"]
    still = {"lr": 1e-12, "max_epochs": 1, "dtype": "float64", "shuffle": False}

    in_batches = make(**{**still, "batch_size": 2}).fit(X, y)
    at_once = make(**{**still, "batch_size": None}).fit(X, y)

    expected = at_once.history_[-1, "train_loss"]
    assert in_batches.history_[-1, "train_loss"] == pytest.approx(expected, rel=1e-6)


def test_early_stopping_keeps_the_best_epoch():
    X, y = texts(60)

    model = make(early_stopping=True, n_iter_no_change=2, max_epochs=30, lr=0.05).fit(X, y)

    losses = model.history_[:, "valid_loss"]
    assert model.best_epoch_ == int(np.argmin(losses)) + 1


def test_settings_of_fit_are_not_those_set_afterwards():
    X, y = texts(30)
    model = make().fit(X, y)
    before = model.predict(X)

    model.set_params(hidden_size=3, level="word", attention=None, stop="length")

    assert model.predict(X) == before


# -- what is refused ---------------------------------------------------------------------------


def refused(error, match, X, y, **options):
    with pytest.raises(error, match=match):
        make(**options).fit(X, y)


def nothing(text):
    """Stand for a function that has forgotten to return its tokens."""


def test_parameters_are_checked():
    X, y = texts(4)
    for options, match in [
        ({"beam_size": 0}, "beam_size"),
        ({"max_length": 0}, "max_length"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"attention": "luong"}, "attention"),
        ({"teacher_forcing": 1.5}, "teacher_forcing"),
        ({"teacher_forcing": (1.0, 0.5, 0.1)}, "two, of the first"),
        ({"loss": "quantile"}, "loss"),
        ({"loss": "squared_error"}, "is for numbers; got y of tokens"),
        ({"scaler": "window"}, "scaler"),
        ({"stop": "never"}, "stop"),
    ]:
        refused(ValueError, match, X, y, **options)
    refused(ValueError, "is for tokens; got y of numbers", *numbers(4), loss="log_loss")
    refused(ValueError, "nonlinearity='relu' is for cell='rnn'", X, y, nonlinearity="relu")
    refused(ParameterNameError, "reaches nothing", X, y, loss__delta=2.0)
    for theirs, ours in [
        ("teacher_forcing_ratio", "teacher_forcing"),
        ("beam_width", "beam_size"),
        ("num_beams", "beam_size"),
        ("max_len", "max_length"),
    ]:
        refused(ParameterNameError, f"Use {ours}", X, y, **{theirs: 1})
        with pytest.raises(ParameterNameError, match="has no parameter") as error:
            RNNRegressor(**{theirs: 1})  # it has nothing of the kind
        assert f"Use {ours}" not in str(error.value)
    refused(ParameterNameError, "is for a module of your choice", X, y, module__size=2)


def test_a_beam_of_none_is_refused_after_fit_too(reverser):
    model, X, _ = reverser
    none = clone(model)
    none.__dict__ = {**vars(model), "beam_size": 0}

    with pytest.raises(ValueError, match="'beam_size' parameter of RNNSeq2Seq must be an int"):
        none.predict(X)


def test_sources_are_checked():
    y = ["x", "y"]
    refused(SequenceLengthError, "at least one token; got 1 of 2", ["ab", ""], y)
    refused(TokenError, "got a single text", "ab", y)
    refused(TokenError, "must hold texts only; got 1 of 2", ["ab", None], y)
    refused(TokenError, "hashable", [[["a"], {}], [("b",), {}]], y, source="tokens")
    refused(TokenError, "equal themselves", [["a", None, float("nan")], ["b"]], y)
    refused(ValueError, "empty", [], [])
    refused(ValueError, "RNNSeq2Seq: .* inconsistent numbers", ["ab", "b"], ["x"])
    refused(TokenError, "Leave out what is missing, in X and in y", ["ab", None], y)
    refused(TokenError, r"unhashable.*tuple\(token\)", [[[1], ["a"]], [[2]]], y)
    refused(TokenError, "source='tokens'", [[[1], ["a"]], [[2]]], y, source="sequence")
    refused(TokenError, "X needs a level that .* got NoneType", ["a", "b"], y, level=nothing)
    with_gradient = torch.ones(2, 3, 1, requires_grad=True)
    refused(SequenceShapeError, r"Give X\.detach", with_gradient, y)
    refused(SequenceShapeError, "n_vectors, n_features", np.zeros((2, 3, 4, 5)), y, source="vector")
    refused(TokenError, "Fit with source='tokens'", ["ab", "c"], y, source="sequence")
    refused(SequenceShapeError, r"Give list\(X\.values", {"a": "b", "c": "d"}, y)
    refused(SequenceShapeError, r"got a generator. Give list\(X\)", (x for x in "ab"), y)
    refused(ValueError, "X must have the axes", 5, y)


def test_targets_are_checked():
    X = ["ab", "c"]
    refused(TargetError, "a sequence for each of X; got str", X, "xy")
    refused(TargetError, "at most max_length=2 steps.*got 1 longer", X, ["abc", "a"], max_length=2)
    refused(TargetError, "without any", X, ["", ""])
    refused(TargetError, "at least one step with stop='length'", X, ["", "a"], stop="length")
    refused(TargetError, "use RNNRegressor", X, [1.5, 2.5])
    refused(TargetError, "of at least one step; got 1 of 2", X, [[1.5], []])
    refused(MissingValuesError, "contains NaN inside 1 of 2", X, [[np.nan, 1.5], [1.0]])
    refused(TargetError, "infinity in 1 of 2", X, [[np.inf], [1.0]])
    refused(TargetError, "complex", X, [np.array([1j]), np.array([1.0])], target="numbers")
    refused(TargetError, r"one shape, \(T, 2\)", X, [np.zeros((2, 2)), np.zeros((2, 3))])
    refused(TargetError, "a sequence for each of X; got dict", X, {"a": 1, "b": 2})
    refused(TokenError, "must hold texts only; got 1 of 2", X, ["a", None])
    refused(ValueError, "requires y", X, None)
    refused(TokenError, "y must hold tokens that equal themselves", X, [["b", np.nan], ["a"]])
    refused(TokenError, r"unhashable.*tuple\(token\)", X, [[["a"]], [["b"]]])
    refused(MissingValuesError, "contains NaN inside 1 of 2", X, [[1.5, None, 2.5], [1.0]])
    refused(TokenError, "y needs a target_level that", X, ["a", "b"], target_level=nothing)
    refused(TargetError, "RNNSeq2Seq: early_stopping", ["a"], ["b"], early_stopping=True)


@pytest.mark.parametrize("scaler", ["standard", None])
def test_numbers_beyond_the_dtype_are_refused(scaler):
    y = np.random.default_rng(0).normal(size=(4, 3)) * 1e300

    refused(TargetError, "float32 can count with", ["a", "b"] * 2, y, scaler=scaler)


def test_targets_without_an_end_need_lengths():
    X, y = numbers(20)
    model = make(stop="length").fit(X, y)

    with pytest.raises(TargetError, match=r"no end was learned.*predict\(X, lengths="):
        model.predict(X)

    assert np.isfinite(model.score(X, y))
    assert [len(row) for row in model.predict(X, lengths=[len(x) for x in X])] == list(map(len, X))
    for lengths in (0, 1.5, [1, 2], "3"):
        with pytest.raises(ValueError, match="lengths must be"):
            model.predict(X, lengths=lengths)


@pytest.mark.parametrize("unknown", ["warn", "ignore", "error"])
def test_unknown_tokens_are_answered_as_asked(unknown, recwarn):
    model = make(unknown=unknown).fit(["ab", "b"] * 10, ["x", "yx"] * 10)

    if unknown == "error":
        with pytest.raises(TokenError, match=r"holds 2 tokens \(of 3\) that fit has not seen"):
            model.predict(["aq", "q"])
    elif unknown == "warn":
        with pytest.warns(UnknownTokenWarning, match="2 tokens"):
            assert len(model.predict(["aq", "q"])) == 2
    else:
        assert len(model.predict(["aq", "q"])) == 2
        assert not recwarn.list


def test_unknown_tokens_in_y_of_score_are_mistakes():
    model = make(max_epochs=15).fit(["a", "b"] * 10, ["x", "y"] * 10)

    assert model.score(["a", "b"], ["x", "ü"]) == 0.5


def test_numbers_have_no_probabilities():
    model = make().fit(*numbers(10))

    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(numbers(10)[0])
    assert not hasattr(model, "token_accuracy")
    assert not hasattr(make(target="numbers"), "predict_proba")


def test_a_failed_fit_leaves_the_fitted_model(reverser):
    model, X, _ = reverser
    before = model.predict(X)

    with pytest.raises(SequenceLengthError):
        model.fit(["", "a"], ["a", "b"])

    assert model.predict(X) == before


def test_tokens_without_an_end_are_scored_at_the_lengths_of_their_targets():
    X, y = texts(200)
    model = make(stop="length", max_epochs=20).fit(X, y)

    assert model.score(X, y) > 0.5
    with pytest.raises(TargetError, match="no end was learned"):
        model.predict(X)


def test_new_sources_are_checked(reverser):
    model, _, _ = reverser
    of_numbers = make().fit(*numbers(10))

    for X, match in [
        ([[1.0, 2.0]], "must hold texts only; got 1 of 1"),
        ("abc", "single text"),
    ]:
        with pytest.raises(TokenError, match=match):
            model.predict(X)
    with pytest.raises(TokenError, match="must hold numbers, as in fit"):
        of_numbers.predict(["ab"])
    with pytest.raises(SequenceShapeError, match="must have 2 features, as in fit; got 3"):
        of_numbers.predict([np.zeros((4, 3))])


class OnlyX(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.layer = torch.nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x):
        states, last = self.layer(x)
        return states, (last[0],)


class Own(OnlyX):
    def forward(self, x, state=None):
        states, last = self.layer(x, None if state is None else state[0].unsqueeze(0))
        return states, (last[0],)


def test_a_cell_of_the_users_writes_if_it_begins_from_a_state():
    X, y = texts(40)

    assert len(make(cell=Own).fit(X, y).predict(X)) == 40
    refused(CellError, "a decoder needs a cell that begins from a state", X, y, cell=OnlyX)
