"""Sequences as vectors: what an autoencoder, or a network trained with targets, has read."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import RNNFeatures
from sklearn_rnn.exceptions import (
    MissingValuesError,
    SequenceShapeError,
    StateError,
    TargetError,
    TokenError,
)
from tests.estimators.behaviour import BehaviourKit

TINY = {"hidden_size": 6, "pooling": "last", "max_epochs": 2, "random_state": 0}
EXACT = {**TINY, "dtype": "float64"}
SUITE = {"hidden_size": 8, "max_epochs": 3, "dtype": "float64", "batch_size": None}


@pytest.mark.no_cover
@parametrize_with_checks([RNNFeatures(**SUITE)])
def test_scikit_learns_suite(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([RNNFeatures(task="reconstruction", missing="mask", **SUITE)])
def test_scikit_learns_suite_on_missing_values(estimator, check):
    check(estimator)


def ragged(n=24, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=n)]


def levels(X):
    return np.array([x[0, 0] + x[-1, 1] for x in X])


def labels(X):
    return np.where(levels(X) > 0, "high", "low")


def waves(n=80, seed=0):
    """Return sine waves of two rates, which start anywhere, and their rates."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(n) % 2, 0.3, 0.5)
    steps = rate[:, np.newaxis] * np.arange(20) + rng.uniform(0, 2 * np.pi, size=(n, 1))
    return np.sin(steps) + rng.normal(scale=0.05, size=(n, 20)), rate


class Kit(BehaviourKit):
    options: dict = {}

    def make(self, **options):
        shared = {"dtype": "float64", "hidden_size": 12, "lr": 0.02, "batch_size": 8}
        return RNNFeatures(**{**shared, **self.options, **options})

    def data(self, n=24, seed=0):
        X = ragged(n, seed)
        return X, labels(X)

    def answers(self, model, X):
        return model.transform(X)


class TestAutoencoder(Kit):
    options = {"task": "reconstruction"}

    def test_twenty_sequences_can_be_learned_by_heart(self):
        X, _ = self.data(n=20)

        options = {"hidden_size": 32, "max_epochs": 150, "batch_size": None, "dtype": "float32"}
        model = self.make(**options, random_state=0).fit(X)

        assert model.score(X) > 0.97


class TestAutoencoderWithEverything(TestAutoencoder):
    options = {
        "task": "reconstruction",
        "cell": "lstm",
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "mean", "max", "attention"),
    }


class TestWithLabels(Kit):
    def test_twenty_sequences_can_be_learned_by_heart(self):
        X, y = self.data(n=20)

        model = make_pipeline(self.make(max_epochs=80, random_state=0), LogisticRegression(C=100))

        assert model.fit(X, y).score(X, y) > 0.99


def test_an_autoencoder_learns_what_tells_waves_apart():
    X, rate = waves()
    X_new, rate_new = waves(seed=1)
    features = RNNFeatures(task="reconstruction", hidden_size=16, max_epochs=60, random_state=0)

    model = make_pipeline(features, LogisticRegression()).fit(X, rate > 0.4)

    assert model[0].score(X_new) > 0.8
    assert model.score(X_new, rate_new > 0.4) > 0.95


def test_what_the_vector_has_to_hold_is_told_by_the_task():
    X = np.stack([x[:3] for x in ragged(60)])
    y = X[:, 0, 0]
    told = RNNFeatures(hidden_size=2, max_epochs=60, lr=0.03, random_state=0).fit(X, y)
    written = clone(told).fit(X)

    assert (told.task_, written.task_) == ("regression", "reconstruction")
    scores = [Ridge(0.01).fit(m.transform(X), y).score(m.transform(X), y) for m in (told, written)]
    assert scores[0] > 0.95 > 0.6 > scores[1]  # two numbers of six cannot hold all


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (None, "reconstruction"),
        (np.arange(24) % 3, "classification"),
        (np.array(["a", "b"] * 12), "classification"),
        (np.arange(24) / 7, "regression"),
        (np.random.default_rng(0).normal(size=(24, 2)), "regression"),
        (np.random.default_rng(0).integers(0, 2, size=(24, 2)), "regression"),
    ],
)
def test_the_task_follows_from_the_targets(y, task):
    model = RNNFeatures(**TINY).fit(ragged(), y)

    assert model.task_ == task
    assert hasattr(model, "classes_") == (task == "classification")
    assert model.transform(ragged()).shape == (24, 6)


def test_a_task_by_name_wins():
    X, y = ragged(), np.arange(24) % 3
    model = RNNFeatures(task="regression", **TINY).fit(X, y)
    assert (model.task_, model.module_.head.out_features) == ("regression", 1)

    model.set_params(task="reconstruction").fit(X, y)
    same = RNNFeatures(task="reconstruction", **TINY).fit(X)

    assert_array_equal(model.transform(X), same.transform(X))


def test_a_refit_forgets_the_labels():
    X = ragged()
    model = RNNFeatures(**TINY).fit(X, labels(X))
    assert list(model.classes_) == ["high", "low"]

    model.fit(X)

    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("y", [None, np.arange(24) % 2], ids=["autoencoder", "labels"])
def test_steps_have_the_form_of_what_came(y, bidirectional):
    X = ragged()
    model = RNNFeatures(**EXACT, bidirectional=bidirectional).fit(X, y)
    last = model.transform(X)
    model.set_params(output="steps")

    steps = model.transform(X)

    assert [part.shape for part in steps] == [(len(x), 6 * (1 + bidirectional)) for x in X]
    assert_allclose([part[-1, :6] for part in steps], last[:, :6], atol=1e-12)
    assert_allclose([part[0, 6:] for part in steps], last[:, 6:], atol=1e-12)
    padded = np.full((24, 10, 2), np.nan)
    for i, x in enumerate(X):
        padded[i, i % 2 : i % 2 + len(x)] = x
    cube = model.transform(padded)
    assert cube.shape == (24, 10, 6 * (1 + bidirectional))
    for i, part in enumerate(steps):
        held = slice(i % 2, i % 2 + len(part))
        assert_allclose(cube[i, held], part, atol=1e-12)
        assert np.isnan(np.delete(cube[i], held, axis=0)).all()


def test_a_vector_is_the_state_after_the_last_step():
    X = ragged()
    model = RNNFeatures(**EXACT).fit(X)
    layer = model.module_.recurrent.forwards[0]

    for x, vector in zip(X[:3], model.transform(X), strict=False):
        scaled = torch.from_numpy((x - model._centre) / model._scale).unsqueeze(0)
        with torch.no_grad():
            assert_allclose(layer(scaled)[1][0][0].numpy(), vector, atol=1e-12)


@pytest.mark.parametrize("output", ["sequence", "steps"])
@pytest.mark.parametrize("y", [None, np.arange(24) % 2], ids=["autoencoder", "labels"])
def test_reading_goes_on_from_a_state(y, output):
    X = ragged()
    model = RNNFeatures(**EXACT, cell="lstm", num_layers=2, output=output).fit(X, y)
    first, second = (
        [x[: 1 + i % 2] for i, x in enumerate(X)],
        [x[1 + i % 2 :] for i, x in enumerate(X)],
    )

    begun, state = model.transform(first, return_state=True)
    ended = model.transform(second, initial_state=state)

    whole = model.transform(X)
    if output == "sequence":
        assert_allclose(begun, model.transform(first), atol=1e-12)
        assert_allclose(ended, whole, atol=1e-12)
    else:
        for early, late, x in zip(begun, ended, whole, strict=True):
            assert_allclose(np.concatenate([early, late]), x, atol=1e-12)
    with pytest.raises(StateError, match=r"^RNNFeatures: initial_state must hold one entry for"):
        model.transform(second, initial_state=state[:1])
    with pytest.raises(StateError, match=r"^RNNFeatures: .* Fit with bidirectional=False\.$"):
        RNNFeatures(**TINY, bidirectional=True).fit(X, y).transform(X, return_state=True)


def test_vectors_join_poolings():
    X = ragged()
    model = RNNFeatures(**{**EXACT, "pooling": ("last", "mean")}).fit(X)

    vectors = model.transform(X)
    steps = model.set_params(output="steps").transform(X)

    assert_allclose(vectors[:, :6], [part[-1] for part in steps], atol=1e-12)
    assert_allclose(vectors[:, 6:], [part.mean(axis=0) for part in steps], atol=1e-12)


def test_columns_have_names():
    X, _ = waves(n=10)
    model = RNNFeatures(**{**TINY, "pooling": ("last", "max")}).set_output(transform="pandas")

    table = model.fit_transform(pd.DataFrame(X, index=[f"row{i}" for i in range(10)]))

    assert list(table.columns) == list(model.get_feature_names_out())
    assert list(table.columns) == [f"rnnfeatures{i}" for i in range(12)]
    assert table.index[3] == "row3"
    model.set_params(output="steps")
    assert len(model.get_feature_names_out()) == 6
    with pytest.raises(ValueError, match=r"are no table; got set_output\(transform='pandas'\)"):
        model.transform(X)
    assert model.set_output(transform="default").transform(X).shape == (10, 20, 6)


def test_a_search_goes_through_the_pipeline():
    X, rate = waves()
    steps = {"max_epochs": 40, "batch_size": 8, "lr": 0.02}
    features = RNNFeatures(**{**TINY, **steps, "task": "reconstruction"})
    grid = {"rnnfeatures__hidden_size": [1, 12], "logisticregression__C": [1.0]}

    search = GridSearchCV(make_pipeline(features, LogisticRegression()), grid, cv=2)
    search.fit(list(X[:, :, np.newaxis]), rate > 0.4)

    assert search.best_params_["rnnfeatures__hidden_size"] == 12
    assert search.best_score_ > 0.8


def test_a_search_may_look_at_the_autoencoders_own_score():
    X, _ = waves(40)
    search = GridSearchCV(RNNFeatures(**TINY), {"max_epochs": [1, 40]}, cv=2).fit(list(X))

    assert search.best_params_ == {"max_epochs": 40}


@pytest.mark.parametrize("y", [None, np.arange(24) % 2, np.arange(24) / 7])
def test_pickles_and_clones(y):
    X = ragged()
    model = RNNFeatures(**TINY, optimizer__weight_decay=0.01).fit(X, y)

    same = pickle.loads(pickle.dumps(model))

    assert_array_equal(same.transform(X), model.transform(X))
    assert_array_equal(same.partial_fit(X, y).transform(X), model.partial_fit(X, y).transform(X))
    assert clone(model).get_params() == model.get_params()


def test_reconstruction_is_in_the_units_and_the_form_of_what_came():
    X, _ = waves()
    X = 100 + 10 * X
    model = RNNFeatures(hidden_size=16, max_epochs=60, random_state=0).fit(X)

    written = model.reconstruct(X)

    assert written.shape == X.shape
    assert model.score(X) == pytest.approx(r2_score(X.ravel(), written.ravel()))
    assert model.score(X) > 0.8
    cube = model.reconstruct(X[:, :, np.newaxis])
    assert_allclose(cube[:, :, 0], written, atol=1e-4)
    pieces = model.reconstruct([x[: 5 + i % 3] for i, x in enumerate(X)])
    assert [piece.shape for piece in pieces[:3]] == [(5, 1), (6, 1), (7, 1)]


def test_weights_count_in_the_score():
    X = ragged()
    model = RNNFeatures(**EXACT).fit(X)
    weights = np.arange(24) % 3

    repeated = [x for x, weight in zip(X, weights, strict=True) for _ in range(weight)]

    assert model.score(X, sample_weight=weights) == pytest.approx(model.score(repeated))


def test_tokens_are_written_again():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 4, size=length) for length in rng.integers(2, 5, size=60)]
    model = RNNFeatures(
        embedding_size=4, hidden_size=24, max_epochs=80, lr=0.02, random_state=0
    ).fit(X)

    written = model.reconstruct(X)

    right = np.concatenate([w[:, 0] == x for w, x in zip(written, X, strict=True)])
    assert model.score(X) == pytest.approx(right.mean())
    assert right.mean() > 0.9
    with pytest.raises(TokenError, match="token ids below 4"):
        model.transform([np.array([0, 7])])


@pytest.mark.parametrize("missing", ["mask", "ffill"])
def test_missing_values_are_not_learned(missing):
    X, _ = waves(40)
    gaps = np.random.default_rng(0).random(X.shape) < 0.2
    gaps[:, 0] = gaps[:, -1] = False
    model = RNNFeatures(hidden_size=12, max_epochs=60, missing=missing, random_state=0)

    model.fit(np.where(gaps, np.nan, X))

    written = model.reconstruct(np.where(gaps, np.nan, X))
    assert np.isfinite(written).all()
    assert r2_score(X[~gaps], written[~gaps]) > 0.8
    assert r2_score(X[gaps], written[gaps]) > 0.5  # as the rest of the wave says
    assert model.score(np.where(gaps, np.nan, X)) == pytest.approx(
        r2_score(X[~gaps], written[~gaps])
    )


def test_sequences_of_which_nothing_is_known_are_answered():
    X = np.full((6, 4), np.nan)
    X[:3] = 1.0
    model = RNNFeatures(**TINY, missing="mask", batch_size=1).fit(X)

    assert np.isfinite(model.transform(X)).all()


def test_weights_of_two_are_two_copies():
    X = ragged()
    exact = {**EXACT, "batch_size": None, "max_epochs": 10}
    weights = 1 + np.arange(24) % 2

    one = RNNFeatures(**exact).fit(X, sample_weight=weights)
    two = RNNFeatures(**exact).fit([x for x, w in zip(X, weights, strict=True) for _ in range(w)])

    assert_allclose(one.transform(X), two.transform(X), atol=1e-8)


@pytest.mark.parametrize("y", [None, np.arange(40) % 2, np.arange(40) / 7])
def test_early_stopping_keeps_the_best_epoch(y):
    X = ragged(40)
    model = RNNFeatures(
        **{**TINY, "max_epochs": 30, "lr": 0.05},
        early_stopping=True,
        n_iter_no_change=2,
        validation_fraction=0.25,
    ).fit(X, y)

    losses = model.history_[:, "valid_loss"]

    assert model.best_epoch_ == 1 + int(np.argmin(losses)) or model.n_iter_ == 30
    assert model.n_iter_ <= 30


def test_noise_is_added_to_what_is_read_not_to_what_is_written():
    X, _ = waves()
    plain = RNNFeatures(hidden_size=16, max_epochs=40, random_state=0).fit(X)
    noisy = RNNFeatures(hidden_size=16, max_epochs=40, random_state=0, input_noise=0.5).fit(X)

    blurred = X + np.random.default_rng(0).normal(scale=0.5 * X.std(), size=X.shape)

    errors = [((model.reconstruct(blurred) - X) ** 2).mean() for model in (plain, noisy)]
    assert errors[1] < errors[0]


def test_partial_fit_and_warm_start_go_on():
    X = ragged()
    for y in (None, labels(X), levels(X)):
        model = RNNFeatures(**TINY).partial_fit(X, y)
        for _ in range(4):
            model.partial_fit(X, y)
        assert model.n_iter_ == 5
        losses = model.history_[:, "train_loss"]
        assert losses[-1] < losses[0]
        again = RNNFeatures(**TINY, warm_start=True).fit(X, y).fit(X, y)
        assert again.n_iter_ == 4


def test_a_cell_of_ones_own_reads_and_writes():
    from tests.estimators.test_state import Averages

    X = ragged()
    model = RNNFeatures(**TINY, cell=Averages).fit(X)

    assert model.transform(X).shape == (24, 6)
    assert isinstance(model.module_.decoder.layer, Averages)


@pytest.mark.parametrize(
    ("options", "y", "error", "message"),
    [
        ({"task": "classification"}, None, ValueError, r"task='classification' requires y"),
        ({"task": "regression"}, None, ValueError, r"task='regression' requires y"),
        ({}, np.zeros(24, dtype=int), TargetError, r"at least 2 classes .*; got 1 class in 24"),
        ({}, np.arange(23) % 2, ValueError, r"inconsistent numbers of samples"),
        ({}, np.where(np.arange(24) % 2, 0.5, np.nan), ValueError, r"NaN"),
        ({}, [{}] * 24, TargetError, r"a label, or numbers, .*; got .* 'unknown'"),
        ({"output": "both"}, None, ValueError, r"'output' parameter of RNNFeatures must be a str"),
        ({"scaler": "window"}, None, ValueError, r"'scaler' parameter of RNNFeatures must be"),
        ({"task": "anything"}, None, ValueError, r"'task' parameter of RNNFeatures must be"),
        ({"module__size": 1}, None, TypeError, r"module__size is for a module of your choice"),
    ],
)
def test_what_cannot_be_learned_is_refused(options, y, error, message):
    with pytest.raises(error, match=message):
        RNNFeatures(**{**TINY, **options}).fit(ragged(), y)


def test_nothing_fitted_is_lost_when_targets_change():
    X = ragged()
    model = RNNFeatures(**TINY).fit(X, labels(X))
    before = model.transform(X)

    with pytest.raises(TargetError, match=r"the 2 labels of the first call; got 24 others"):
        model.partial_fit(X, np.arange(24))
    with pytest.raises(TargetError, match=r"which learned classification; got None"):
        model.partial_fit(X)
    with pytest.raises(MissingValuesError, match="NaN"):
        model.fit([np.full_like(x, np.nan) for x in X])

    assert_array_equal(model.transform(X), before)
    numbers = RNNFeatures(**TINY).fit(X, levels(X))
    with pytest.raises(TargetError, match=r"1 numbers for each sequence, .*; got 2\."):
        numbers.partial_fit(X, np.zeros((24, 2)))
    with pytest.raises(SequenceShapeError, match="must have 2 features"):
        model.transform([x[:, :1] for x in X])


def test_only_an_autoencoder_writes():
    X = ragged()
    model = RNNFeatures(**TINY).fit(X, labels(X))

    assert not hasattr(model, "reconstruct")
    assert not hasattr(model, "score")
    assert not hasattr(RNNFeatures(task="regression"), "score")
    assert hasattr(model.fit(X), "score")
    with pytest.raises(ValueError, match=r"'output' parameter of RNNFeatures must be a str"):
        model.set_params(output="stpes").transform(X)


def test_targets_of_steps_are_no_targets_of_sequences():
    X = [np.ones((3, 1)), np.ones((2, 1))]

    with pytest.raises(TargetError, match=r"got lists of unequal lengths\. Set task='reconstr"):
        RNNFeatures().fit(X, [[1.0, 2.0, 3.0], [1.0, 2.0]])


def test_dates_are_no_numbers():
    dates = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]")

    with pytest.raises(TargetError, match=r"RNNFeatures: y must hold numbers; got dates"):
        RNNFeatures(task="regression").fit(np.ones((4, 3)), dates)
