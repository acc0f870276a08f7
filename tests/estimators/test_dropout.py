"""Dropout is for training: answers are the same each time, in as many threads as one likes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklearn_rnn import (
    RNNClassifier,
    RNNFeatures,
    RNNLanguageModel,
    RNNRegressor,
    RNNSeq2Seq,
    RNNStepClassifier,
    RNNStepRegressor,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6, 2))
TEXTS = ["".join(RNG.choice(list("abc"), size=n)) for n in RNG.integers(2, 9, size=70)]
OPTIONS = {"hidden_size": 8, "num_layers": 2, "dropout": 0.5, "max_epochs": 2, "random_state": 0}

ESTIMATORS = {
    "regressor": (RNNRegressor(**OPTIONS), X, X[:, 0, 0], "predict"),
    "classifier": (RNNClassifier(**OPTIONS), X, X[:, 0, 0] > 0, "predict_proba"),
    "steps, numbers": (RNNStepRegressor(**OPTIONS), X, X[..., 0], "predict"),
    "steps, labels": (RNNStepClassifier(**OPTIONS), X, X[..., 0] > 0, "predict_proba"),
    "features": (RNNFeatures(**OPTIONS), X, None, "transform"),
    "reconstruction": (RNNFeatures(**OPTIONS), X, None, "reconstruct"),
    "numbers written": (RNNSeq2Seq(**OPTIONS), X, X[..., 0], "predict"),
    "texts written": (
        RNNSeq2Seq(**OPTIONS),
        TEXTS,
        [text[::-1] for text in TEXTS],
        "predict_proba",
    ),
    "language": (
        RNNLanguageModel(**OPTIONS, input_dropout=0.5, output_dropout=0.5),
        TEXTS,
        None,
        "score_samples",
    ),
    "next token": (
        RNNLanguageModel(**OPTIONS, input_dropout=0.5, output_dropout=0.5),
        TEXTS,
        None,
        "predict_proba",
    ),
}


@pytest.fixture(params=ESTIMATORS)
def answer(request):
    """Return what asks a fitted estimator whose network is left as training leaves it."""
    model, data, y, method = ESTIMATORS[request.param]
    model = model.fit(data, y)

    def ask():
        model.module_.train()
        return np.concatenate([np.ravel(row) for row in getattr(model, method)(data)])

    return ask


def test_answers_are_the_same_each_time(answer):
    np.testing.assert_array_equal(answer(), answer())


def test_threads_that_answer_at_once_do_not_disturb_each_other():
    for model, data, y, method in ESTIMATORS.values():
        ask = getattr(model.fit(data, y), method)
        model.module_.eval()
        expected = [np.ravel(row) for row in ask(data)]

        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(ask, [data] * 6))

        for answer in answers:
            for row, wanted in zip(answer, expected, strict=True):
                np.testing.assert_array_equal(np.ravel(row), wanted)


@pytest.mark.parametrize(
    ("model", "option"),
    [
        (RNNLanguageModel(**OPTIONS), {"input_dropout": 0.5}),
        (RNNLanguageModel(**OPTIONS), {"output_dropout": 0.5}),
        (RNNLanguageModel(**OPTIONS), {"dropout": 0.0}),
        (RNNLanguageModel(**OPTIONS), {"tie_weights": True}),
        (RNNSeq2Seq(**OPTIONS), {"label_smoothing": 0.5}),
        (RNNSeq2Seq(**OPTIONS), {"dropout": 0.0}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else type(value).__name__,
)
def test_options_of_training_change_what_is_learned(model, option):
    y = [text[::-1] for text in TEXTS]
    losses = [
        model.set_params(**options).fit(TEXTS, y).history_[-1, "train_loss"]
        for options in ({name: model.get_params()[name] for name in option}, option)
    ]

    assert losses[0] != losses[1]
