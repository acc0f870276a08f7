"""`predict_one` answers what `predict` does for one sequence, whoever computes it."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_rnn import RecurrentCell, RNNClassifier, RNNRegressor
from sklearn_rnn.exceptions import MissingValuesError, SequenceShapeError
from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.modules.online import KEPT_STEPS

N, T, F = 24, 7, 2
X = np.random.default_rng(0).normal(size=(N, T, F)) * [1.0, 30.0] + [5.0, -200.0]
Y = np.random.default_rng(1).normal(size=N) * 100 + 1000
LABELS = np.array(["down", "none", "up"])[np.arange(N) % 3]

native = pytest.mark.skipif(why_unavailable() is not None, reason="no native kernels here")
both = pytest.mark.parametrize("estimator_class", [RNNRegressor, RNNClassifier])


class Mean(RecurrentCell):
    """A cell of the user's."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)

    def step(self, x, state):
        return (0.9 * state[0] + 0.1 * self.read(x),)


class Flat(torch.nn.Module):
    """A network of the user's."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.linear(x.mean(dim=1))


def fitted(estimator_class, X=X, y=None, **options):
    sizes = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}
    if y is None:
        y = Y if estimator_class is RNNRegressor else LABELS
    return estimator_class(**{**sizes, **options}).fit(X, y)


def assert_same_answers(model, sequences=X):
    """Compare all that can be asked for one sequence with the same for many."""
    together = model.predict(list(sequences))
    for x, answer in zip(sequences, together, strict=True):
        one = model.predict_one(x)
        assert np.shape(one) == np.shape(answer)
        assert one.dtype == answer.dtype
        if isinstance(model, RNNRegressor):
            np.testing.assert_allclose(one, answer, rtol=1e-6, atol=5e-4)
        else:
            assert one == answer
    if isinstance(model, RNNClassifier):
        wanted = model.predict_proba(list(sequences))
        found = np.stack([model.predict_proba_one(x) for x in sequences])
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert found.dtype == wanted.dtype


@pytest.fixture
def no_batches(monkeypatch):
    """Fail if a sequence takes the ordinary way."""

    def refuse(self, X):
        raise AssertionError("this network can be read without a batch")

    def forbid():
        for estimator_class in (RNNRegressor, RNNClassifier):
            monkeypatch.setattr(estimator_class, "_answers", refuse)

    return forbid


COVERED = [
    {},
    {"cell": "gru", "num_layers": 3},
    {"cell": "rnn"},
    {"cell": "rnn", "nonlinearity": "relu"},
    {"bidirectional": True, "num_layers": 2, "hidden_size": [5, 17]},
    {"pooling": "max"},
    {"pooling": ["last", "attention", "mean", "attention"], "bidirectional": True},
    {"dropout": 0.5, "num_layers": 2, "input_noise": 1.0},
    {"missing": "ffill"},
    {"missing": "mask"},
    {"patch_length": 3, "input_noise": 1.0},
    {"scaler": None},
    {"scaler": "robust"},
    {"scaler": "window", "dropout": 0.5, "input_noise": 1.0},
    {"backend": "native"},
]
ONLY_NUMBERS = [
    {"y": np.stack([Y, -Y, 2 * Y], axis=1)},
    {"y": Y.reshape(-1, 1)},
    {"output": "last_value"},
    {"output": "last_value", "scaler": "window", "y": X[:, -1]},
    {"output": "last_value_ratio"},
    {"output": "softplus"},
    {"loss": "poisson"},
    {"loss": "quantile", "y": np.stack([Y, -Y], axis=1)},
    {"loss": "quantile", "output": "last_value"},
]


@native
@pytest.mark.parametrize("options", COVERED, ids=str)
@both
def test_native_kernels_answer_as_batches_do(estimator_class, options, no_batches):
    model = fitted(estimator_class, **options)

    assert_same_answers(model)
    no_batches()
    model.predict_one(X[0])


@native
@pytest.mark.parametrize("options", ONLY_NUMBERS, ids=lambda o: str([*o.items()])[:50])
def test_native_kernels_answer_numbers_of_all_kinds(options, no_batches):
    model = fitted(RNNRegressor, **options)

    assert_same_answers(model)
    no_batches()
    model.predict_one(X[0])


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "torch"},
        {"backend": "reference"},
        {"dtype": "float64"},
        {"cell": Mean},
        {"module": Flat},
    ],
    ids=str,
)
@both
def test_other_networks_answer_the_ordinary_way(estimator_class, options):
    assert_same_answers(fitted(estimator_class, **options))


@both
def test_token_ids_are_looked_up(estimator_class):
    tokens = np.random.default_rng(2).integers(0, 5, size=(N, T))

    assert_same_answers(fitted(estimator_class, tokens, embedding_size=3), tokens)


@both
def test_it_works_without_native_kernels(estimator_class, monkeypatch):
    model = fitted(estimator_class)
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "off")

    assert_same_answers(model)
    assert_same_answers(fitted(estimator_class))


@both
@pytest.mark.parametrize("missing", ["mask", "ffill"])
def test_missing_values_are_read_as_in_batches(estimator_class, missing):
    gaps = np.where(np.random.default_rng(3).random(X.shape) < 0.2, np.nan, X)
    gaps[:5, :3] = np.nan  # padding
    model = fitted(estimator_class, list(gaps), missing=missing)

    assert_same_answers(model, gaps)


@both
def test_sequences_may_be_of_any_length(estimator_class):
    model = fitted(estimator_class)
    draw = np.random.default_rng(4)

    assert_same_answers(model, [draw.normal(size=(n, F)) for n in (1, 300, 2, 40, 299)])


def test_memory_for_a_very_long_sequence_is_not_kept():
    model = fitted(RNNRegressor, hidden_size=1)
    x = np.random.default_rng(5).normal(size=(KEPT_STEPS + 1, F))

    assert_same_answers(model, [x])
    assert not model.module_.readers._readers


@both
def test_a_sequence_of_one_feature_may_have_one_axis(estimator_class):
    table = X[..., 0]
    for shape in (table, table[..., np.newaxis]):
        model = fitted(estimator_class, shape)

        assert_same_answers(model, table)
        assert_same_answers(model, table[..., np.newaxis])
        assert_same_answers(model, table[:, :4])


@pytest.mark.parametrize(
    "convert",
    [
        np.ndarray.tolist,
        lambda x: x.astype(np.float32).astype(np.float64).astype(object),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: pd.DataFrame(x, columns=["a", "b"]),
        lambda x: torch.from_numpy(x),
    ],
)
def test_a_sequence_may_be_anything_like_an_array(convert):
    model = fitted(RNNRegressor)

    np.testing.assert_allclose(model.predict_one(convert(X[0])), model.predict_one(X[0]), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["f2", "f4", "i1", "u2", "i8", "?"])
def test_numbers_of_all_kinds_are_read(dtype):
    x = (X[0] > 5).astype(dtype)
    model = fitted(RNNRegressor)

    np.testing.assert_allclose(model.predict_one(x), model.predict(x[np.newaxis])[0], rtol=1e-6)


@both
def test_very_large_numbers_are_read_as_in_batches(estimator_class):
    large = np.full((3, F), 1e30)

    assert_same_answers(fitted(estimator_class), [large, -large, large.astype(np.float32)])


def test_labels_may_be_of_any_kind():
    for labels in (np.arange(N) % 3, np.arange(N) % 2 == 0, LABELS.astype(object)):
        model = fitted(RNNClassifier, y=labels)

        assert [model.predict_one(x) for x in X] == model.predict(X).tolist()


# -- what is refused -----------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("x", "found"),
    [
        (X, r"ndarray of shape \(24, 7, 2\)"),
        (X[:1], r"ndarray of shape \(1, 7, 2\)"),
        (X[0, :, :1], r"ndarray of shape \(7, 1\)"),
        (X[0, :, 0], r"ndarray of shape \(7,\)"),
        (X[0].T, r"ndarray of shape \(2, 7\)"),
        (X[0, :0], r"ndarray of shape \(0, 2\)"),
        ([[1.0, 2.0], [3.0]], "a nested list of unequal lengths"),
        (3.0, r"float of shape \(\)"),
        ({"a": [1.0]}, r"dict of shape \(\)"),
        (None, r"NoneType of shape \(\)"),
    ],
)
def test_what_is_not_one_sequence_is_refused(estimator_class, x, found):
    model = fitted(estimator_class)

    with pytest.raises(SequenceShapeError, match=f"x must be one sequence .*got {found}"):
        model.predict_one(x)
    assert_same_answers(model)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.nan, MissingValuesError, "contains NaN"),
        (np.inf, ValueError, "contains infinity"),
        (-np.inf, ValueError, "contains infinity"),
        ("text", ValueError, "must hold numbers"),
        (1j, ValueError, "must hold real numbers"),
        (np.datetime64("2020-01-01"), ValueError, "got dates or durations"),
    ],
)
@both
def test_what_predict_refuses_is_refused(estimator_class, value, error, message):
    model = fitted(estimator_class)
    x = np.full_like(X[0], value, dtype=np.asarray(value).dtype)
    if isinstance(value, float):
        x[:, 0] = 1.0  # else these steps are padding

    with pytest.raises(error, match=message):
        model.predict_one(x)


@both
def test_it_has_to_be_fitted_first(estimator_class):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        estimator_class().predict_one(X[0])


# -- what may have changed -----------------------------------------------------------------------


@native
@both
def test_training_that_goes_on_is_noticed(estimator_class):
    model = fitted(estimator_class)
    before = model.predict_one(X[0]) if estimator_class is RNNRegressor else None

    model.partial_fit(X, Y if estimator_class is RNNRegressor else LABELS)

    assert_same_answers(model)
    assert model.predict_one(X[0]) != before


@pytest.mark.parametrize("options", [{}, {"pooling": "attention", "bidirectional": True}])
@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.data.mul_(1.5),
        lambda p: p.detach().numpy().__imul__(1.5),
        lambda p: setattr(p, "data", 1.5 * p.data),
        lambda p: torch.nn.init.constant_(p, 0.1),
    ],
)
def test_weights_that_change_in_any_way_are_noticed(options, change):
    model = fitted(RNNRegressor, **options)
    for name, parameter in model.module_.named_parameters():
        before = model.predict_one(X[0])

        change(parameter)

        assert_same_answers(model, X[:2])
        # a softmax of scores stays what it is when all of them rise
        assert name == "pooling.parts.0.score.bias" or model.predict_one(X[0]) != before, name


def test_other_modules_and_parameters_are_noticed():
    model = fitted(RNNRegressor)
    network = model.module_
    model.predict_one(X[0])

    network.head = torch.nn.Linear(6, 1)
    assert_same_answers(model)
    network.recurrent.forwards[0].bias_hh_l0 = torch.nn.Parameter(torch.ones(24))
    assert_same_answers(model)
    network.recurrent.forwards[0] = torch.nn.utils.parametrizations.weight_norm(
        network.recurrent.forwards[0], "weight_hh_l0"
    )
    assert_same_answers(model)


def test_a_network_in_training_mode_answers_without_noise():
    for options in ({}, {"scaler": "window"}):
        model = fitted(RNNRegressor, dropout=0.5, num_layers=2, input_noise=3.0, **options)
        wanted = model.predict(X[:1])[0]

        model.module_.train()

        np.testing.assert_allclose(model.predict_one(X[0]), wanted, rtol=1e-6)


@both
def test_copies_answer_for_themselves(estimator_class):
    model = fitted(estimator_class)
    model.predict_one(X[0])
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with torch.no_grad():
            for parameter in copied.module_.parameters():
                parameter.mul_(-1)

        assert_same_answers(copied)
        assert_same_answers(model)
    assert not hasattr(clone(model), "net_")


def test_nothing_else_changes():
    model = fitted(RNNRegressor)
    before, state = dict(vars(model)), torch.get_rng_state()

    model.predict_one(X[0])

    assert vars(model) == before
    assert torch.equal(torch.get_rng_state(), state)


@both
def test_answers_are_the_callers_own(estimator_class):
    y = None if estimator_class is RNNClassifier else np.stack([Y, -Y], axis=1)
    model = fitted(estimator_class, y=y)
    method = model.predict_one if y is not None else model.predict_proba_one
    first = method(X[0])
    kept = first.copy()

    method(X[1])

    np.testing.assert_array_equal(first, kept)


@both
def test_many_threads_may_ask_at_once(estimator_class):
    model = fitted(estimator_class, hidden_size=40, num_layers=2)
    method = model.predict_one if estimator_class is RNNRegressor else model.predict_proba_one
    sequences = [np.random.default_rng(n).normal(size=(20 + n % 7, F)) for n in range(60)]
    wanted = [method(x) for x in sequences]
    start = threading.Barrier(6)

    def ask(_):
        start.wait(60)
        return [method(x) for _ in range(5) for x in sequences]

    with ThreadPoolExecutor(6) as pool:
        for answers in pool.map(ask, range(6)):
            np.testing.assert_array_equal(answers, 5 * wanted)
