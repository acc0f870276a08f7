"""Pipelines from raw series and text to answers, tuned as a whole."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_rnn import (
    Differencer,
    Resampler,
    RNNClassifier,
    SequencePadder,
    SequenceScaler,
    TokenEncoder,
)

pytestmark = pytest.mark.no_cover


def flat(cube):
    return cube.reshape(len(cube), -1)


def gappy_patients(n=90, seed=0):
    """Charts of unequal lengths at irregular hours: is the pulse rising, from whatever level?"""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        rises = rng.random() < 0.4
        hours = np.sort(rng.uniform(0, rng.uniform(24, 60), size=rng.integers(25, 60)))
        stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")
        drift = 0.3 if rises else -0.1
        pulse = rng.uniform(50, 110) + drift * hours + rng.normal(0, 3, len(hours))
        chart = pd.DataFrame({"pulse": pulse, "dose": rng.normal(size=len(hours))}, stamps)
        X.append(chart.sample(frac=1, random_state=1))  # as they were typed in
        y.append("rising" if rises else "steady")
    return X, np.array(y)


def charts():
    return make_pipeline(
        Resampler("3h", fill="ffill"),
        Differencer(),
        SequenceScaler(),
        RNNClassifier(
            cell="gru", hidden_size=4, missing="mask", max_epochs=12, lr=0.02, random_state=0
        ),
    )


# -- panels --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_panel_of_irregular_series_is_classified_and_every_step_is_tuned():
    X, y = gappy_patients()
    X_new, y_new = gappy_patients(60, seed=1)
    grid = {
        "resampler__freq": ["3h", "12h"],
        "differencer__lags": [(1,), (2,)],
        "sequencescaler__method": ["standard", "robust"],
        "rnnclassifier__hidden_size": [4],
    }

    search = GridSearchCV(charts(), grid, cv=StratifiedKFold(2), error_score="raise").fit(X, y)

    assert len({len(x) for x in X}) > 10
    assert search.score(X_new, y_new) > 0.85
    assert DummyClassifier().fit(X, y).score(X_new, y_new) < 0.7
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0
    assert set(search.best_params_) == set(grid)


def test_series_of_a_panel_are_answered_one_by_one_as_together():
    X, y = gappy_patients(40)
    model = charts().set_params(rnnclassifier__max_epochs=2).fit(X, y)

    together = model.predict_proba(X)

    alone = np.concatenate([model.predict_proba([x]) for x in X[:5]])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X[::-1]), together[::-1], rtol=1e-4, atol=1e-6)


def test_the_order_of_rows_in_a_chart_does_not_matter():
    X, y = gappy_patients(40)
    model = charts().set_params(rnnclassifier__max_epochs=2)
    in_order = [x.sort_index() for x in X]

    answer = clone(model).fit(X, y).predict_proba(X)

    np.testing.assert_array_equal(answer, clone(model).fit(in_order, y).predict_proba(in_order))


def test_series_may_be_in_one_frame_behind_the_pipeline_of_transformers():
    X, _ = gappy_patients(6)
    together = pd.concat(X, keys=range(6), names=["patient", "time"])
    steps = charts()[:-1]

    one_by_one = steps.fit_transform(X)
    answer = steps.fit_transform(together)

    for number, part in enumerate(one_by_one):
        np.testing.assert_allclose(answer.loc[number], part)
        assert answer.loc[number].index.equals(part.index)


def test_arrays_without_dates_go_the_same_way():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=80)
    slopes = np.where(y, 0.5, -0.1)
    X = [
        rng.uniform(0, 50) + s * np.arange(n)[:, np.newaxis] + rng.normal(0, 0.3, (n, 1))
        for s, n in zip(slopes, rng.integers(12, 30, size=80), strict=True)
    ]
    network = RNNClassifier(hidden_size=4, missing="mask", max_epochs=15, lr=0.02, random_state=0)
    model = make_pipeline(Resampler(factor=3), Differencer(), SequenceScaler(), network)

    score = model.fit(X[:50], y[:50]).score(X[50:], y[50:])

    assert score > 0.9


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_series_are_a_table_for_any_classifier(side):
    X, y = gappy_patients()
    model = make_pipeline(
        Resampler("6h", fill="ffill"),
        Differencer(rows="drop"),
        SequenceScaler(),
        SequencePadder(8, side=side, value=0.0, truncate="start", add_indicator=True),
        FunctionTransformer(flat),
        LogisticRegression(max_iter=500),
    )

    scores = cross_val_score(model, X, y, cv=3, error_score="raise")

    assert scores.mean() > 0.85
    assert model.fit(X, y)[-1].n_features_in_ == 8 * 3


# -- text ----------------------------------------------------------------------------------------


def words(n=160, seed=0, letters="abcdefgh"):
    """Words, and whether the first letter comes again at the end."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        text = "".join(rng.choice(list(letters), size=rng.integers(3, 9)))
        is_new = rng.random() < 0.5
        texts.append(text.replace("a", "b") + ("a" if is_new else ""))
        labels.append("with a" if is_new else "without")
    return texts, np.array(labels)


def reader(**options):
    return make_pipeline(
        TokenEncoder(),
        RNNClassifier(
            embedding_size=4, hidden_size=8, max_epochs=15, lr=0.02, random_state=0, **options
        ),
    )


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_text_is_read_though_some_of_its_letters_are_new(kind):
    X, y = words()
    X_new, y_new = words(60, seed=1, letters="abcdefghäß漢")
    assert set("".join(X_new)) - set("".join(X))

    model = reader().fit(kind(X), y)

    assert model.score(kind(X_new), y_new) > 0.8
    assert DummyClassifier().fit(X, y).score(X_new, y_new) < 0.7


def test_letters_that_only_some_folds_have_seen_are_no_trouble():
    X, y = words(90)
    X = [f"{text[:1]}{chr(0x4E00 + n)}{text[1:]}" for n, text in enumerate(X)]

    answers = cross_val_predict(reader(), X, y, cv=3)

    assert np.mean(answers == y) > 0.8


@pytest.mark.slow
def test_what_letters_are_known_can_be_searched():
    X, y = words(100)
    grid = {
        "tokenencoder__min_frequency": [1, 30, 1000],
        "rnnclassifier__embedding_size": [4],
    }

    search = GridSearchCV(reader(), grid, cv=2, error_score="raise").fit(X, y)

    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_["tokenencoder__min_frequency"] < 1000
    assert scores[2] < scores[0]  # where nothing is known, only the length is left


def test_one_hot_letters_need_no_embedding():
    X, y = words()
    X_past, X_new, y_past, y_new = train_test_split(X, y, random_state=0)
    network = RNNClassifier(hidden_size=8, max_epochs=15, lr=0.02, random_state=0)

    model = make_pipeline(TokenEncoder(one_hot=True), network).fit(X_past, y_past)

    assert model.score(X_new, y_new) > 0.9


def test_padded_tokens_are_read_as_those_of_unequal_lengths():
    X, _ = words(60)
    ids = TokenEncoder().fit_transform(X)
    padder = SequencePadder(value=0)

    padded = padder.fit_transform(ids)

    assert padded.dtype.kind == "i"
    back = padder.inverse_transform(padded, lengths=padder.lengths(ids))
    assert all(np.array_equal(a, b) for a, b in zip(back, ids, strict=True))
    assert TokenEncoder().fit(X).inverse_transform(padded) == X
