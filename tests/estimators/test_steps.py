"""Estimators that answer every step: shapes, padding, weights, probabilities, states, tools."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score, log_loss, make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_rnn import (
    RNNStepClassifier,
    RNNStepRegressor,
    SequenceScaler,
    TokenEncoder,
    flat_steps,
    make_windows,
)
from sklearn_rnn.datasets import make_echo
from sklearn_rnn.exceptions import (
    LossShapeError,
    MissingValuesError,
    ParameterNameError,
    StateError,
    TargetError,
)
from tests.estimators.behaviour import BehaviourKit

PLAIN = {"cell": "gru", "input_noise": 0.0, "lr_scheduler": None}
TINY = {**PLAIN, "hidden_size": 4, "max_epochs": 3, "random_state": 0}
QUICK = {**PLAIN, "hidden_size": 16, "lr": 0.02, "max_epochs": 30, "random_state": 0}
EXACT = {**PLAIN, "dtype": "float64", "hidden_size": 8, "lr": 0.03, "batch_size": 8}
BOTH = pytest.mark.parametrize("kind", [RNNStepRegressor, RNNStepClassifier])


def sums(n=60, features=2, seed=0):
    """Sequences of unequal lengths, and at each step the sum of the first feature so far."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, features)) for length in rng.integers(3, 9, size=n)]
    return X, [x[:, 0].cumsum() for x in X]


def labels(y):
    return [np.where(values > 0, "up", "down") for values in y]


def data_for(kind, **options):
    X, y = sums(**options)
    return X, (labels(y) if kind is RNNStepClassifier else y)


def padded(sequences, before=2, after=3, fill=np.nan):
    """Return an array in which `before` steps lie before each sequence, and more behind it."""
    longest = max(map(len, sequences)) + before + after
    shape = (len(sequences), longest, *np.shape(sequences[0])[1:])
    array = np.full(shape, fill, dtype=np.asarray(sequences[0]).dtype)
    for row, sequence in zip(array, sequences, strict=True):
        row[before : before + len(sequence)] = sequence
    return array


def as_array(n=12, steps=6, features=2, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, steps, features))
    return X, X[..., 0].cumsum(axis=1)


# -- the behavioural kit ---------------------------------------------------------------------------


class StepKit(BehaviourKit):
    options: dict = {}

    def make(self, **options):
        return self.estimator(**{**EXACT, **self.options, **options})

    def data(self, n=24, seed=0):
        rng = np.random.default_rng(seed)
        X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=n)]
        y = [x[0, 0] + x[:, 1] for x in X]
        return X, labels(y) if self.estimator is RNNStepClassifier else y

    def answers(self, model, X):
        """Return the answers of each sequence in a row, without padding, with zeros behind."""
        is_classifier = self.estimator is RNNStepClassifier
        answers = model.predict_proba(X) if is_classifier else model.predict(X)
        rows = np.zeros((len(answers), 12, 2 if is_classifier else 1))
        for row, answer in zip(rows, answers, strict=True):
            answer = answer.reshape(len(answer), -1)
            held = answer[~np.isnan(answer).any(axis=1)]
            row[: len(held)] = held
        return rows

    def test_fit_does_not_depend_on_padding(self, fitted):
        model, X, y = fitted
        fill = "" if self.estimator is RNNStepClassifier else np.nan
        array = padded(X)

        again = clone(model).fit(array, padded(y, fill=fill))

        np.testing.assert_allclose(self.answers(again, X), self.answers(model, X), atol=1e-6)


class TestRegressor(StepKit):
    estimator = RNNStepRegressor


class TestClassifier(StepKit):
    estimator = RNNStepClassifier


class TestClassifierWithEverything(StepKit):
    estimator = RNNStepClassifier
    options = {
        "cell": "gru",
        "num_layers": 2,
        "bidirectional": True,
        "scaler": "robust",
        "missing": "mask",
    }

    def test_a_refit_after_a_failure_works(self, fitted):
        model, X, y = fitted
        before = self.answers(model, X)

        with pytest.raises(ValueError, match="infinity"):
            model.fit([np.full_like(x, np.inf) for x in X], y)

        np.testing.assert_array_equal(self.answers(model, X), before)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_every_backend_gives_the_same_answers(cell):
    X, y = sums()
    options = {**TINY, "cell": cell, "num_layers": 2}

    answers = [
        np.concatenate(RNNStepRegressor(**options, backend=backend).fit(X, y).predict(X))
        for backend in ("native", "torch", "reference")
    ]

    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)
    np.testing.assert_allclose(answers[2], answers[1], atol=1e-4)


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_an_array_is_answered_by_an_array_with_the_axes_of_y(n_outputs):
    X, y = as_array()
    if n_outputs is not None:
        y = np.stack([y] * n_outputs, axis=2)

    answers = RNNStepRegressor(**TINY).fit(X, y).predict(X)

    assert answers.shape == y.shape
    assert answers.dtype == np.float64


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_a_list_is_answered_by_a_list_with_the_axes_of_y(n_outputs):
    X, y = sums()
    if n_outputs is not None:
        y = [np.stack([values] * n_outputs, axis=1) for values in y]

    answers = RNNStepRegressor(**TINY).fit(X, y).predict(X)

    assert isinstance(answers, list)
    assert [a.shape for a in answers] == [values.shape for values in y]


def test_a_table_has_one_feature_and_an_answer_for_each_column():
    X = np.random.default_rng(0).normal(size=(20, 5))
    y = (X.cumsum(axis=1) > 0).astype(int)

    model = RNNStepClassifier(**TINY).fit(pd.DataFrame(X), pd.DataFrame(y))

    assert model.predict(X).shape == (20, 5)
    assert model.predict_proba(X).shape == (20, 5, 2)
    np.testing.assert_array_equal(model.predict([*X.tolist()]), model.predict(X))


@pytest.mark.parametrize(
    "as_y",
    [
        lambda y: np.array([*y, None], dtype=object)[:-1],
        lambda y: pd.Series(y),
        lambda y: [values.tolist() for values in y],
        tuple,
    ],
    ids=["object array", "Series of arrays", "nested lists", "tuple"],
)
def test_containers_of_targets_do_not_matter(as_y):
    X, y = sums()

    one, other = RNNStepRegressor(**TINY).fit(X, y), RNNStepRegressor(**TINY).fit(X, as_y(y))

    np.testing.assert_array_equal(other.predict(X)[0], one.predict(X)[0])


def test_windows_of_a_series_stay_views_and_are_answered_like_their_copies():
    series = np.random.default_rng(0).normal(size=80)
    X, _ = make_windows(series, window_length=7)
    y = np.cumsum(X[..., 0], axis=1)

    of_views = RNNStepRegressor(**TINY).fit(X, y)
    of_copies = RNNStepRegressor(**TINY, scaler=None).fit(X.copy(), y)

    assert not X.flags.owndata
    assert of_views.predict(X).shape == y.shape
    np.testing.assert_array_equal(
        of_copies.predict(X), RNNStepRegressor(**TINY, scaler=None).fit(X, y).predict(X.copy())
    )


LABELS = {
    "int8": lambda up: up.astype("int8"),
    "bool": lambda up: up,
    "minus one and one": lambda up: np.where(up, 1.0, -1.0),
    "str": lambda up: np.where(up, "rising", "low"),
    "object": lambda up: np.where(up, "rising", "low").astype(object),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_come_back(kind):
    X, y = as_array(n=60)
    y = LABELS[kind](y > 0)

    model = RNNStepClassifier(**QUICK).fit(X, y)

    assert model.score(X, y) > 0.9
    assert model.predict(X).dtype == y.dtype
    assert set(model.classes_) == set(y.ravel())


def test_probabilities_logits_and_labels_agree():
    X, y = sums()
    y = [np.digitize(values, [-1, 1]) for values in y]
    model = RNNStepClassifier(**TINY).fit(X, y)

    proba, logits = model.predict_proba(X), model.decision_function(X)

    for i in range(3):
        assert logits[i].shape == (len(X[i]), 3)
        np.testing.assert_allclose(proba[i].sum(axis=1), 1)
        np.testing.assert_allclose(model.predict_log_proba(X)[i], np.log(proba[i]))
        np.testing.assert_array_equal(proba[i].argmax(axis=1), model.predict(X)[i])
    two = model.fit(X, labels(sums()[1]))
    np.testing.assert_allclose(
        two.decision_function(X)[0], np.log(two.predict_proba(X)[0]) @ [-1, 1], atol=1e-12
    )


def test_quantiles_are_ordered_at_every_step_and_hold_their_share():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    y = X + rng.normal(size=X.shape)
    model = RNNStepRegressor(**{**QUICK, "max_epochs": 15}, loss="quantile").fit(X[:200], y[:200])

    answers = model.predict_quantiles(X[200:])

    assert answers.shape == (200, 8, 5)
    assert (np.diff(answers, axis=-1) >= 0).all()
    shares = (y[200:, :, None] <= answers).mean(axis=(0, 1))
    np.testing.assert_allclose(shares, model.quantiles, atol=0.05)
    np.testing.assert_allclose(model.predict(X[200:]), answers[..., 2])
    between = model.predict_quantiles(X[200:], alpha=[0.25, 0.375])
    np.testing.assert_allclose(between[..., 1], answers[..., 1:3].mean(axis=-1))
    with pytest.raises(ValueError, match="predict_quantiles needs quantiles"):
        RNNStepRegressor(**TINY).fit(X, y).predict_quantiles(X)


# -- time ------------------------------------------------------------------------------------------


@BOTH
def test_answers_know_nothing_of_later_steps(kind):
    X, y = data_for(kind)
    model = kind(**TINY, num_layers=2).fit(X, y)
    answer = model.predict if kind is RNNStepRegressor else model.predict_proba

    changed = [np.concatenate([x[:2], 5 - x[2:]]) for x in X]

    for before, after in zip(answer(X), answer(changed), strict=True):
        np.testing.assert_allclose(after[:2], before[:2], atol=1e-6)
        assert np.abs(after[2:] - before[2:]).max() > 1e-3


def test_both_directions_know_later_steps():
    X, _ = as_array(n=80)
    y = X[..., 0][:, ::-1].cumsum(axis=1)[:, ::-1]  # the sum of what is still to come

    forwards = RNNStepRegressor(**QUICK).fit(X, y).score(X, y)
    both = RNNStepRegressor(**QUICK, bidirectional=True).fit(X, y).score(X, y)

    assert forwards < 0.6 < 0.95 < both


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@BOTH
def test_reading_in_two_parts_gives_the_answers_of_the_whole(kind, cell):
    X, y = data_for(kind)
    model = kind(**{**TINY, "cell": cell}, num_layers=2, dtype="float64").fit(X, y)
    answer = model.predict if kind is RNNStepRegressor else model.predict_proba

    first, state = answer([x[:2] for x in X], return_state=True)
    second, _ = answer([x[2:] for x in X], initial_state=state, return_state=True)

    for whole, *halves in zip(answer(X), first, second, strict=True):
        np.testing.assert_allclose(np.concatenate(halves), whole, atol=1e-12)


def test_every_answer_may_begin_from_a_state():
    X, y = as_array()
    classifier = RNNStepClassifier(**TINY, dtype="float64").fit(X, y > 0)
    regressor = RNNStepRegressor(**TINY, dtype="float64", loss="quantile").fit(X, y)
    methods = [
        classifier.predict,
        classifier.predict_log_proba,
        classifier.decision_function,
        regressor.predict_quantiles,
    ]

    for answer in methods:
        first, state = answer(X[:, :4], return_state=True)
        second = answer(X[:, 4:], initial_state=state)
        np.testing.assert_allclose(np.concatenate([first, second], axis=1), answer(X), atol=1e-12)


def test_states_are_refused_where_there_is_none():
    X, y = sums()
    model = RNNStepRegressor(**TINY, bidirectional=True).fit(X, y)

    with pytest.raises(StateError, match="bidirectional"):
        model.predict(X, return_state=True)
    with pytest.raises(StateError, match="initial_state must hold"):
        RNNStepRegressor(**TINY).fit(X, y).predict(X, initial_state=[(np.zeros((1, 4)),)])


def test_last_value_continues_a_trend_at_every_step():
    series = np.arange(60.0)
    X = np.stack([series[i : i + 10] for i in range(30)])
    new = 200 + X

    model = RNNStepRegressor(**QUICK, output="last_value").fit(X, X + 1)

    assert np.abs(model.predict(new) - (new + 1)).max() < 5
    assert np.abs(RNNStepRegressor(**QUICK).fit(X, X + 1).predict(new) - (new + 1)).max() > 50


@pytest.mark.parametrize(
    "options",
    [{"loss": "poisson"}, {"output": "softplus"}, {"output": "last_value_ratio"}],
    ids=str,
)
def test_positive_outputs_are_positive(options):
    X, y = as_array()

    assert RNNStepRegressor(**TINY, **options).fit(X**2, y**2).predict(X**2).min() >= 0


def test_quantiles_of_changes_have_their_axes():
    X, _ = as_array()
    model = RNNStepRegressor(**TINY, output="last_value", loss="quantile", quantiles=[0.2, 0.8])

    assert model.fit(X, X).predict_quantiles(X).shape == (12, 6, 2, 2)


# -- padding ---------------------------------------------------------------------------------------


def test_numbers_and_probabilities_are_nan_in_the_padding_and_labels_leave_it_out():
    X, y = sums()
    array = padded(X)
    regressor = RNNStepRegressor(**TINY).fit(X, y)
    classifier = RNNStepClassifier(**TINY).fit(X, labels(y))

    numbers, proba = regressor.predict(array), classifier.predict_proba(array)
    answers = classifier.predict(array)

    is_padding = np.isnan(array).all(axis=2)
    np.testing.assert_array_equal(np.isnan(numbers), is_padding)
    np.testing.assert_array_equal(np.isnan(proba[..., 0]), is_padding)
    assert [len(a) for a in answers] == [len(x) for x in X]
    np.testing.assert_array_equal(answers[3], classifier.predict(X)[3])


@BOTH
def test_what_y_holds_in_the_padding_is_not_read(kind):
    X, y = data_for(kind)
    junk = 1e9 if kind is RNNStepRegressor else "junk"
    array, targets = padded(X), padded(y, fill=junk)
    weights = np.where(np.isnan(array[..., 0]), np.nan, 1.0)

    of_lists, of_arrays = kind(**TINY).fit(X, y), kind(**TINY).fit(array, targets, weights)

    np.testing.assert_allclose(of_arrays.score(array, targets), of_lists.score(X, y), atol=1e-6)
    if kind is RNNStepClassifier:
        assert set(of_arrays.classes_) == {"up", "down"}


def test_a_step_of_which_nothing_is_known_is_answered_within_a_sequence():
    X, y = as_array(n=30)
    X[:, 2] = np.nan

    for missing in ("mask", "ffill"):
        model = RNNStepRegressor(**TINY, missing=missing).fit(X, y)
        assert np.isfinite(model.predict(X)).all()


# -- weights ---------------------------------------------------------------------------------------


@BOTH
def test_a_step_of_weight_two_counts_as_a_sequence_given_twice_does(kind):
    X, y = as_array()
    y = y > 0 if kind is RNNStepClassifier else y
    options = {**TINY, "dtype": "float64", "batch_size": None}
    weights = np.repeat(1 + (np.arange(12) % 2), 6).reshape(12, 6)
    index = np.repeat(np.arange(12), 1 + (np.arange(12) % 2))

    by_step = kind(**options).fit(X, y, sample_weight=weights)
    by_sequence = kind(**options).fit(X, y, sample_weight=weights[:, 0])
    twice = kind(**options).fit(X[index], y[index])

    answer = "predict_proba" if kind is RNNStepClassifier else "predict"
    expected = getattr(twice, answer)(X)
    np.testing.assert_allclose(getattr(by_step, answer)(X), expected, atol=1e-9)
    np.testing.assert_allclose(getattr(by_sequence, answer)(X), expected, atol=1e-9)


def test_steps_of_no_weight_need_no_answer_and_teach_nothing():
    X, y = sums()
    weights = [np.arange(len(x)) % 2 for x in X]
    holes = [np.where(w > 0, values, np.nan) for w, values in zip(weights, y, strict=True)]
    junk = [np.where(w > 0, values, 1e6) for w, values in zip(weights, y, strict=True)]

    of_holes = RNNStepRegressor(**TINY).fit(X, holes, weights)
    of_junk = RNNStepRegressor(**TINY).fit(X, junk, weights)

    np.testing.assert_array_equal(of_holes.predict(X)[0], of_junk.predict(X)[0])
    assert of_holes.score(X, holes, weights) == of_junk.score(X, junk, weights)
    with pytest.raises(MissingValuesError, match="sample_weight of 0"):
        RNNStepRegressor(**TINY).fit(X, holes)


def test_labels_of_no_weight_are_no_classes():
    X, y = sums()
    weights = [np.r_[0, np.ones(len(x) - 1)] for x in X]
    marked = [np.r_[["?"], values[1:]] for values in labels(y)]

    model = RNNStepClassifier(**TINY).fit(X, marked, weights)

    assert list(model.classes_) == ["down", "up"]


def test_a_sequence_without_weight_is_left_out():
    X, y = as_array()
    weights = np.ones((12, 6))
    weights[5:] = 0

    some = RNNStepRegressor(**TINY).fit(X, y, weights)

    np.testing.assert_array_equal(
        some.predict(X), RNNStepRegressor(**TINY).fit(X[:5], y[:5], weights[:5]).predict(X)
    )


def test_class_weight_is_a_weight_of_steps():
    X, y = as_array()
    y = np.digitize(y, [-1, 1])

    by_class = RNNStepClassifier(**TINY, class_weight={0: 1, 1: 2, 2: 3}).fit(X, y)
    by_step = RNNStepClassifier(**TINY).fit(X, y, sample_weight=np.array([1, 2, 3])[y])
    no_first = RNNStepClassifier(**QUICK, class_weight={0: 0, 1: 1, 2: 1}).fit(X, y)
    balanced = RNNStepClassifier(**TINY, class_weight="balanced").fit(X, y)

    np.testing.assert_allclose(by_class.predict_proba(X), by_step.predict_proba(X), atol=1e-6)
    assert no_first.predict_proba(X)[..., 0].max() < 0.25
    assert balanced.predict_proba(X).shape == (12, 6, 3)


def test_score_is_that_of_scikit_learn_over_flat_steps():
    X, y = sums()
    weights = [np.full(len(x), i % 3) for i, x in enumerate(X)]
    regressor = RNNStepRegressor(**TINY).fit(X, y)
    classifier = RNNStepClassifier(**TINY).fit(X, labels(y))

    truth, answers, flat = flat_steps(y, regressor.predict(X), weights)

    assert regressor.score(X, y) == pytest.approx(r2_score(truth, answers))
    assert regressor.score(X, y, weights) == pytest.approx(
        r2_score(truth, answers, sample_weight=flat)
    )
    assert classifier.score(X, labels(y)) == accuracy_score(
        *flat_steps(labels(y), classifier.predict(X))
    )


# -- training --------------------------------------------------------------------------------------


@BOTH
def test_early_stopping_holds_back_sequences(kind):
    X, y = data_for(kind)
    options = {**QUICK, "early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3}

    model = kind(**options).fit(X, y)

    assert model.best_epoch_ <= model.n_iter_ == len(model.history_)
    assert np.isfinite(model.history_[:, "valid_loss"]).all()
    assert model.score(X, y) > 0.7


@BOTH
def test_partial_fit_and_warm_start_go_on(kind):
    X, y = data_for(kind)
    options = {**TINY, "warm_start": True}
    model = kind(**options).fit(X, y)

    model.fit(X, y).partial_fit(X, y)

    assert model.n_iter_ == 3 + 3 + 1


def test_partial_fit_is_told_of_classes_to_come():
    X, y = sums()
    model = RNNStepClassifier(**TINY).partial_fit(X, labels(y), classes=["down", "flat", "up"])

    assert list(model.classes_) == ["down", "flat", "up"]
    with pytest.raises(TargetError, match="labels of the first call"):
        model.partial_fit(X, [["else"] * len(x) for x in X])
    with pytest.raises(TargetError, match="classes must be those of the first call"):
        model.partial_fit(X, labels(y), classes=["down", "up"])
    assert list(model.classes_) == ["down", "flat", "up"]


def test_history_and_random_numbers_are_as_in_other_estimators():
    X, y = sums()
    model = RNNStepRegressor(**{**TINY, "dropout": 0.3, "input_noise": 0.1})

    one, two = clone(model).fit(X, y), clone(model).fit(X, y)

    assert len(one.history_) == 3
    np.testing.assert_array_equal(one.predict(X)[0], two.predict(X)[0])


def test_tokens_are_read_through_an_embedding():
    texts = ["abcab", "bca", "cabcab", "abc"] * 10
    y = [[{"a": "b", "b": "c", "c": "a"}[letter] for letter in text] for text in texts]
    model = make_pipeline(
        TokenEncoder(level="char"), RNNStepClassifier(**QUICK, embedding_size=4)
    ).fit(texts, y)

    assert "".join(model.predict(["cab", "bcabc"])[1]) == "cabca"


def test_a_module_of_the_users_answers_every_step():
    class Mean(torch.nn.Module):
        def __init__(self, n_features, n_outputs, hidden=3):
            super().__init__()
            self.layer = torch.nn.GRU(n_features, hidden, batch_first=True)
            self.head = torch.nn.Linear(hidden, n_outputs)

        def forward(self, x, lengths=None):
            return self.head(self.layer(x)[0])

    class Once(Mean):
        def forward(self, x, lengths=None):
            return super().forward(x)[:, -1]

    X, y = sums()

    model = RNNStepRegressor(**TINY, module=Mean, module__hidden=5).fit(X, y)

    assert [a.shape for a in model.predict(X)] == [values.shape for values in y]
    with pytest.raises(StateError, match="our networks only"):
        model.predict(X, return_state=True)
    with pytest.raises(LossShapeError, match="every step"):
        RNNStepRegressor(**TINY, module=Once).fit(X, y)


def test_a_loss_of_the_users_sees_steps():
    seen = []

    def loss(prediction, target):
        seen.append((tuple(prediction.shape), tuple(target.shape)))
        return (prediction - target).abs()

    X, y = sums()
    RNNStepRegressor(**{**TINY, "max_epochs": 1}, batch_size=None, loss=loss).fit(X, y)

    n_steps = sum(map(len, X))
    assert seen == [((n_steps, 1), (n_steps, 1))]


# -- tools -----------------------------------------------------------------------------------------


@BOTH
def test_search_over_ragged_targets_gives_the_same_scores_in_parallel(kind):
    X, y = data_for(kind)
    grid = {"hidden_size": [2, 4]}
    one = GridSearchCV(kind(**TINY), grid, cv=3).fit(X, y)

    with joblib.parallel_config("threading"):
        two = GridSearchCV(kind(**TINY), grid, cv=3, n_jobs=2).fit(X, y)

    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    assert len(one.best_estimator_.predict(X)) == len(X)


def test_metrics_of_scikit_learn_take_flat_steps():
    X, y = sums()
    y = labels(y)

    def macro_f1(truth, answers):
        return f1_score(*flat_steps(truth, answers), average="macro")

    def negative_log_loss(model, X, y):
        return -log_loss(*flat_steps(y, model.predict_proba(X)))

    model = make_pipeline(SequenceScaler(), RNNStepClassifier(**TINY))

    assert (cross_val_score(model, X, y, cv=3, scoring=make_scorer(macro_f1)) > 0).all()
    assert (cross_val_score(model, X, y, cv=3, scoring=negative_log_loss) < 0).all()


def test_cross_val_predict_answers_arrays():
    X, y = as_array()

    assert cross_val_predict(RNNStepRegressor(**TINY), X, y, cv=3).shape == (12, 6)


@BOTH
def test_pickles_and_clones_keep_everything(kind):
    X, y = data_for(kind)
    model = kind(**TINY).fit(X, y)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)

    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(file)):
        assert copy.get_params() == model.get_params()
        np.testing.assert_array_equal(copy.predict(X)[0], model.predict(X)[0])
        copy.partial_fit(X, y)
    assert not hasattr(clone(model), "net_")


def test_flat_steps_leaves_out_the_padding_of_answers():
    y = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    answers = np.array([[1.5, 2.5, np.nan], [np.nan, 5.5, 6.5]])

    truth, flat = flat_steps(y, answers)

    assert truth.tolist() == [1, 2, 5, 6]
    assert flat.tolist() == [1.5, 2.5, 5.5, 6.5]
    assert flat_steps(answers).shape == (6,)
    assert flat_steps(np.zeros((2, 3, 4))).shape == (6, 4)


def test_flat_steps_of_unequal_steps_are_refused():
    with pytest.raises(TargetError, match="same steps; got 3 in 2 sequences beside 4 in 2"):
        flat_steps([[1, 2], [3]], [[1, 2], [3, 4]])


# -- bad input -------------------------------------------------------------------------------------


RAGGED, SUMS = sums(n=6)
BAD_TARGETS = {
    "one for each sequence": (np.zeros(6), "must have a value for every step.* sequences"),
    "a number": (5.0, "must have a value for every step"),
    "four axes": (np.zeros((6, 3, 2, 2)), "must have a value for every step"),
    "other sequences": (SUMS[:5], "inconsistent numbers of samples"),
    "a step less": ([SUMS[0][:-1], *SUMS[1:]], r"others for 1 of 6 sequences.* number 0"),
    "two outputs and one": ([SUMS[0][:, None], *SUMS[1:]], "must have a value for every step"),
    "none": (None, "requires y to be passed"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
@BOTH
def test_targets_that_are_none_are_refused(kind, case):
    y, words = BAD_TARGETS[case]

    with pytest.raises(ValueError, match=words):
        kind(**TINY).fit(RAGGED, y)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([values * 1j for values in SUMS], "real numbers"),
        (labels(SUMS), "must hold numbers"),
        ([np.full(len(values), np.nan) for values in SUMS], "contains NaN"),
        ([np.full(len(values), np.inf) for values in SUMS], "contains infinity"),
    ],
    ids=["complex", "labels", "NaN", "infinity"],
)
def test_numbers_that_are_none_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        RNNStepRegressor(**TINY).fit(RAGGED, y)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([np.zeros(len(values)) for values in SUMS], "at least 2 classes"),
        ([np.zeros((len(values), 2)) for values in SUMS], "one label for each step"),
        (SUMS, "Unknown label type"),
        ([np.full(len(values), np.nan) for values in SUMS], "contains NaN"),
    ],
    ids=["one class", "two labels", "numbers", "NaN"],
)
def test_labels_that_are_none_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        RNNStepClassifier(**TINY).fit(RAGGED, y)


BAD_WEIGHTS = {
    "other sequences": (np.ones(5), "sample_weight"),
    "lists of other sequences": ([np.ones(len(x)) for x in RAGGED[:5]], "the 6 sequences of X"),
    "a step more": ([np.ones(len(x) + 1) for x in RAGGED], "as many steps as X has"),
    "two for a step": ([np.ones((len(x), 2)) for x in RAGGED], "2 for each step"),
    "negative": ([-np.ones(len(x)) for x in RAGGED], "Negative values"),
    "zeros": ([np.zeros(len(x)) for x in RAGGED], "at least one non-zero"),
    "zeros of sequences": (np.zeros(6), "at least one non-zero"),
    "NaN": ([np.full(len(x), np.nan) for x in RAGGED], "NaN"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
@BOTH
def test_weights_that_are_none_are_refused(kind, case):
    weights, words = BAD_WEIGHTS[case]
    y = SUMS if kind is RNNStepRegressor else labels(SUMS)

    with pytest.raises(ValueError, match=words):
        kind(**TINY).fit(RAGGED, y, sample_weight=weights)


def test_parameters_that_are_none_are_refused():
    with pytest.raises(ParameterNameError, match="hidden_size"):
        RNNStepRegressor(units=3)
    with pytest.raises(ValueError, match="scaler"):
        RNNStepRegressor(scaler="window").fit(RAGGED, SUMS)
    with pytest.raises(ValueError, match="quantiles must ascend"):
        RNNStepRegressor(loss="quantile", quantiles=[0.5, 0.1]).fit(RAGGED, SUMS)
    with pytest.raises(ValueError, match="a token is none"):
        RNNStepRegressor(embedding_size=2, output="last_value").fit(RAGGED, SUMS)
    with pytest.raises(ValueError, match="not negative"):
        RNNStepRegressor(loss="poisson").fit(RAGGED, SUMS)
    with pytest.raises(ValueError, match="class_weight must hold"):
        RNNStepClassifier(class_weight={"up": 0, "down": 0}).fit(RAGGED, labels(SUMS))


def test_other_outputs_are_refused_when_training_goes_on():
    model = RNNStepRegressor(**TINY).fit(RAGGED, SUMS)
    before = model.predict(RAGGED)[0]

    with pytest.raises(TargetError, match="1 outputs for each step"):
        model.partial_fit(RAGGED, [np.stack([values] * 2, axis=1) for values in SUMS])

    np.testing.assert_array_equal(model.predict(RAGGED)[0], before)


def test_the_labels_that_were_learned_stay_if_a_refit_fails():
    model = RNNStepClassifier(**TINY).fit(RAGGED, labels(SUMS))

    with pytest.raises(TargetError, match="2 classes"):
        model.fit(RAGGED, [["one"] * len(x) for x in RAGGED])

    assert list(model.classes_) == ["down", "up"]
    assert set(np.concatenate(model.predict(RAGGED))) <= {"down", "up"}


def test_early_stopping_needs_a_second_sequence():
    with pytest.raises(TargetError, match="early_stopping"):
        RNNStepClassifier(**TINY, early_stopping=True).fit([SUMS[0]], labels(SUMS[:1]))


# -- what is learned -------------------------------------------------------------------------------


def test_an_echo_comes_back_at_every_step():
    X, y = make_echo(60, n_steps=20, delay=2, random_state=0)

    model = RNNStepClassifier(**{**QUICK, "max_epochs": 30}).fit(X[:40], y[:40])

    assert model.score(X[40:], y[40:]) > 0.99
