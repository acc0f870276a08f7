"""What a classifier learns, and the labels it takes."""

import numpy as np
import pandas as pd
import pytest

from sklearn_rnn import RNNClassifier
from sklearn_rnn.datasets import make_letter_cycle

QUICK = {"hidden_size": 16, "num_layers": 1, "lr": 0.02, "max_epochs": 25, "random_state": 0}


def ragged(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=n)]
    return X, np.array([int(x[:, 0].sum() > 0) + int(x[:, 1].sum() > 1) for x in X])


LABELS = {
    "int8": lambda y: y.astype("int8"),
    "bool": lambda y: y > 0,
    "minus one and one": lambda y: np.where(y > 0, 1.0, -1.0),
    "str": lambda y: np.array(["low", "middle", "high"])[y],
    "str object": lambda y: np.array(["low", "middle", "high"], dtype=object)[y],
    "pandas str": lambda y: pd.Series(["low", "middle", "high"])[y].reset_index(drop=True),
    "category": lambda y: pd.Series(np.array(["a", "b", "c"])[y], dtype="category"),
    "Int64": lambda y: pd.Series(y, dtype="Int64"),
    "list": lambda y: y.tolist(),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_come_back(kind):
    X, y = ragged()
    labels = LABELS[kind](y)

    model = RNNClassifier(**QUICK).fit(X, labels)

    assert model.score(X, labels) > 0.8
    assert set(model.predict(X)) <= set(model.classes_) == set(labels)


def test_probabilities_logits_and_labels_agree():
    X, y = ragged()
    model = RNNClassifier(**QUICK).fit(X, y)

    proba = model.predict_proba(X)

    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba))
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
    assert model.decision_function(X).shape == (60, 3)
    two = model.fit(X, y > 0)
    np.testing.assert_allclose(
        two.decision_function(X), np.log(two.predict_proba(X)) @ [-1, 1], atol=1e-12
    )


def test_class_weight_moves_the_border():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X[:, 0] + rng.normal(size=300) > 1.5).astype(int)
    options = {**QUICK, "hidden_size": 4}

    plain = RNNClassifier(**options).fit(X, y).predict(X).mean()
    balanced = RNNClassifier(**options, class_weight="balanced").fit(X, y).predict(X).mean()
    heavy = RNNClassifier(**options, class_weight={0: 1, 1: 50}).fit(X, y).predict(X).mean()

    assert plain < balanced < heavy


def test_class_weight_is_a_sample_weight():
    X, y = ragged()
    options = {**QUICK, "max_epochs": 3}

    by_class = RNNClassifier(**options, class_weight={0: 1, 1: 2, 2: 3}).fit(X, y)
    by_sample = RNNClassifier(**options).fit(X, y, sample_weight=np.array([1, 2, 3])[y])

    np.testing.assert_allclose(by_class.predict_proba(X), by_sample.predict_proba(X), atol=1e-6)


def test_a_class_of_no_weight_is_not_learned():
    X, y = ragged()
    weights = {0: 0, 1: 1, 2: 1}

    model = RNNClassifier(**QUICK, batch_size=4, class_weight=weights).fit(X, y)

    assert np.isfinite(model.predict_proba(X)).all()
    assert model.predict_proba(X)[:, 0].max() < 0.2
    assert list(model.classes_) == [0, 1, 2]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("one_hot", [True, False])
def test_the_next_letter_of_the_alphabet_is_learned(cell, one_hot):
    X, y = make_letter_cycle(n_letters=5, n_repeats=20, one_hot=one_hot)
    embedding = {} if one_hot else {"embedding_size": 2}

    model = RNNClassifier(cell=cell, max_epochs=50, random_state=0, **embedding).fit(X, y)

    assert model.score(X, y) == 1.0


def test_long_sequences_are_read_in_patches():
    X = np.random.default_rng(0).normal(size=(20, 1000, 1))
    model = RNNClassifier(**{**QUICK, "max_epochs": 1}).fit(X, np.arange(20) % 2)

    assert model.patch_length_ == -(-1000 // 200)
    assert RNNClassifier(**{**QUICK, "max_epochs": 1}, patch_length=3).fit(
        X, np.arange(20) % 2
    ).patch_length_ == 3  # fmt: skip


def test_a_loss_of_the_users_sees_logits_and_classes():
    import torch

    def focal(logits, classes):
        log_p = logits.log_softmax(dim=1).gather(1, classes[:, None])[:, 0]
        return -((1 - log_p.exp()) ** 2) * log_p

    X, y = ragged()

    assert RNNClassifier(**QUICK, loss=focal).fit(X, y).score(X, y) > 0.8
    assert RNNClassifier(**QUICK, loss=torch.nn.CrossEntropyLoss).fit(X, y).score(X, y) > 0.8
