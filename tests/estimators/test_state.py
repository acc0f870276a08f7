"""A state carried from one call to the next."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_rnn import RecurrentCell, RNNClassifier, RNNRegressor
from sklearn_rnn.exceptions import MissingValuesError, StateError

EXACT = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "dtype": "float64"}
FORWARDS = {**EXACT, "bidirectional": False, "pooling": "last"}
CLOSE = {"atol": 1e-10}


def sequences(n=70, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 2)) for length in rng.integers(5, 12, size=n)]


def sums(X):
    return np.array([x[:, 0].sum() for x in X])


def labels(X):
    return np.where(sums(X) > 0, "up", "down")


def halves(X):
    """Cut each sequence somewhere else."""
    return [x[: 1 + i % 4] for i, x in enumerate(X)], [x[1 + i % 4 :] for i, x in enumerate(X)]


class Averages(RecurrentCell):
    """Carries a number of steps, of a shape of its own, beside the mean that it is for."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)

    def initial_state(self, x):
        return (*super().initial_state(x), torch.zeros(len(x), dtype=torch.int64))

    def step(self, x, state):
        mean, seen = state
        return mean + (self.read(x) - mean) / (seen + 1).unsqueeze(1), seen + 1


class Forgetful(torch.nn.Module):
    """A layer that cannot begin from a state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.layer = torch.nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x):
        states, last = self.layer(x)
        return states, (last[0],)


class Bare(torch.nn.Module):
    """A layer whose state is none: torch's own, with an axis for layers and directions."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.layer = torch.nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x, state=None):
        return self.layer(x, state)


class Counts(RecurrentCell):
    """Carries one number for all sequences."""

    def initial_state(self, x):
        return (*super().initial_state(x), x.new_zeros(()))

    def step(self, x, state):
        return state[0] + x[:, :1], state[1] + 1


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", Averages])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_two_halves_answer_like_the_whole(cell, num_layers):
    X = sequences()
    model = RNNRegressor(cell=cell, num_layers=num_layers, **EXACT).fit(X, sums(X))
    first, second = halves(X)

    _, state = model.predict(first, return_state=True)
    answers, end = model.predict(second, initial_state=state, return_state=True)
    whole, whole_end = model.predict(X, return_state=True)

    assert_allclose(answers, model.predict(X), **CLOSE)
    assert_allclose(whole, model.predict(X), **CLOSE)
    assert len(end) == num_layers
    for layer, whole_layer in zip(end, whole_end, strict=True):
        for part, whole_part in zip(layer, whole_layer, strict=True):
            assert part.dtype == (np.float64 if part.ndim > 1 else np.int64)
            assert_allclose(part, whole_part, **CLOSE)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_two_halves_answer_like_the_whole_in_single_precision(backend):
    X = sequences()
    model = RNNRegressor(**{**EXACT, "dtype": "float32"}, backend=backend).fit(X, sums(X))
    first, second = halves(X)

    state = model.predict(first, return_state=True)[1]

    assert state[0][0].dtype == np.float32
    assert_allclose(model.predict(second, initial_state=state), model.predict(X), atol=2e-5)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_all_answers_of_a_classifier_may_begin_from_a_state(method):
    X = sequences()
    model = RNNClassifier(**FORWARDS).fit(X, labels(X))
    answer = getattr(model, method)
    first, second = halves(X)

    begun, state = answer(first, return_state=True)
    ended = answer(second, initial_state=state)

    if method == "predict":
        assert_array_equal(begun, answer(first))
        assert_array_equal(ended, answer(X))
    else:
        assert_allclose(begun, answer(first), **CLOSE)
        assert_allclose(ended, answer(X), **CLOSE)


def test_quantiles_may_begin_from_a_state():
    X = sequences()
    model = RNNRegressor(loss="quantile", **EXACT).fit(X, sums(X))
    first, second = halves(X)

    _, state = model.predict_quantiles(first, [0.2, 0.5], return_state=True)

    answers = model.predict_quantiles(second, [0.2, 0.5], initial_state=state)
    assert_allclose(answers, model.predict_quantiles(X, [0.2, 0.5]), **CLOSE)


def test_a_step_at_a_time():
    X = np.stack([x[:5] for x in sequences()])
    model = RNNRegressor(**EXACT).fit(X, sums(X))

    state = None
    for step in range(5):
        answers, state = model.predict(X[:, [step]], initial_state=state, return_state=True)

    assert_allclose(answers, model.predict(X), **CLOSE)


def test_tokens_and_missing_values_are_read_on():
    rng = np.random.default_rng(0)
    tokens, numbers = rng.integers(0, 4, size=(30, 8)), rng.normal(size=(30, 8, 1))
    numbers[rng.random(numbers.shape) < 0.2] = np.nan
    numbers[:, [0, 3, 4, 7]] = 1.0  # no padding on either side of the cut
    y = (tokens == 2).sum(axis=1)
    for X, options in (
        (tokens[..., np.newaxis], {"embedding_size": 3}),
        (numbers, {"missing": "mask"}),
    ):
        model = RNNRegressor(**EXACT, **options).fit(X, y)
        state = model.predict(X[:, :4], return_state=True)[1]
        answers = model.predict(X[:, 4:], initial_state=state)
        assert_allclose(answers, model.predict(X), **CLOSE)


@pytest.mark.parametrize("missing", ["mask", "ffill"])
def test_a_part_of_nothing_but_padding_is_read_as_one_missing_step(missing):
    X = np.random.default_rng(0).normal(size=(20, 6, 2))
    model = RNNRegressor(**EXACT, missing=missing).fit(X, X[:, 0, 0])
    _, state = model.predict(X[:, :3], return_state=True)
    unknown, next_step = np.full((20, 1, 2), np.nan), X[:, 3:4]

    def read(*steps):
        part = np.concatenate(steps, axis=1)
        return model.predict(part, initial_state=state, return_state=True)[1][0][0]

    once = read(unknown)
    assert np.abs(once - state[0][0]).max() > 1e-3
    assert_array_equal(read(unknown, unknown), once)
    assert_array_equal(read(unknown, unknown, unknown), once)
    assert_allclose(read(next_step, unknown), read(next_step), **CLOSE)
    assert_allclose(read(unknown, unknown, next_step), read(next_step), **CLOSE)


def test_steps_without_any_value_come_one_at_a_time_as_in_the_whole():
    X = np.random.default_rng(0).normal(size=(20, 6, 2))
    X[:, [2, 3]] = np.nan
    model = RNNRegressor(**EXACT, missing="mask").fit(X, X[:, 0, 0])

    state = None
    for step in range(6):
        answers, state = model.predict(X[:, [step]], initial_state=state, return_state=True)

    assert_allclose(answers, model.predict(X), **CLOSE)


def test_a_part_of_nothing_but_padding_is_refused_where_nothing_may_be_missing(fitted):
    model, X = fitted
    _, state = model.predict(X, return_state=True)

    with pytest.raises(MissingValuesError, match="NaN only"):
        model.predict(np.full((5, 1, 2), np.nan), initial_state=state)


def test_answers_that_read_all_states_cover_the_steps_given():
    X = sequences()
    model = RNNClassifier(**{**FORWARDS, "pooling": "mean"}).fit(X, labels(X))
    first, second = halves(X)
    begun, state = model.decision_function(first, return_state=True)
    ended = model.decision_function(second, initial_state=state)

    shares = np.array([len(x) for x in first]) / np.array([len(x) for x in X])

    whole = model.decision_function(X)
    assert_allclose(shares * begun + (1 - shares) * ended, whole, **CLOSE)


def test_a_state_belongs_to_its_sequence_alone():
    X = sequences()
    model = RNNRegressor(cell="lstm", **EXACT).fit(X, sums(X))
    first, second = halves(X)
    state = model.predict(first, return_state=True)[1]
    together = model.predict(second, initial_state=state)
    order = np.random.default_rng(0).permutation(len(X))

    shuffled = model.predict(
        [second[i] for i in order],
        initial_state=tuple(tuple(part[order] for part in layer) for layer in state),
    )
    alone = [
        model.predict([x], initial_state=[[part[[i]] for part in layer] for layer in state])[0]
        for i, x in enumerate(second)
    ]

    assert_allclose(shuffled, together[order], **CLOSE)
    assert_allclose(alone, together, **CLOSE)


def test_a_state_outlives_a_pickle_and_changes_nothing():
    X = sequences()
    model = RNNRegressor(**EXACT).fit(X, sums(X))
    before = model.predict(X)
    state = model.predict(X, return_state=True)[1]
    kept = tuple(tuple(part.copy() for part in layer) for layer in state)

    copy, same = pickle.loads(pickle.dumps((model, state)))
    answers = model.predict(X, initial_state=state)

    assert_array_equal(copy.predict(X, initial_state=same), answers)
    assert not np.allclose(answers, before)
    assert_array_equal(model.predict(X), before)
    assert_array_equal(state[0], kept[0])


@pytest.fixture(scope="module")
def fitted():
    X = sequences(5)
    return RNNRegressor(cell="lstm", num_layers=2, **EXACT).fit(X, sums(X)), X


ZEROS = np.zeros((5, 6))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (((ZEROS, ZEROS),), r"one entry for each of 2 recurrent layers; got 1\."),
        (ZEROS, r"one entry for each of 2 recurrent layers; got ndarray\."),
        (
            (ZEROS, ZEROS),
            r"for layer 0 a tuple of 2 arrays, of shape \(5, 6\) and \(5, 6\); got an array of "
            r"shape \(5, 6\)\.",
        ),
        (((ZEROS, ZEROS), (ZEROS,)), r"for layer 1 a tuple of 2 arrays, .*; got \(5, 6\)\."),
        (((), ()), r"for layer 0 .* one row for each sequence, .*; got none\."),
        (
            ((ZEROS[:4], ZEROS[:4]),) * 2,
            r"\(5, 6\) and \(5, 6\), one row for each sequence, .*; got \(4, 6\) and \(4, 6\)\.",
        ),
        (
            ((ZEROS[:, :5], ZEROS),) * 2,
            r"one row for each sequence, .*; got \(5, 5\) and \(5, 6\)\.",
        ),
        (((ZEROS, ZEROS * np.nan),) * 2, r"finite numbers of float64; got others in layer 0\."),
        (((ZEROS, ZEROS.astype(str)),) * 2, r"finite numbers of float64; got others in layer 0\."),
        (((ZEROS, [[1.0, 2.0], [3.0]]),) * 2, r"for layer 0 .*; got rows of unequal lengths\."),
    ],
)
def test_states_of_another_form_are_refused(fitted, state, message):
    model, X = fitted

    with pytest.raises(StateError, match=r"^RNNRegressor: initial_state must hold .*" + message):
        model.predict(X, initial_state=state)


def test_states_must_be_finite_in_the_dtype_of_the_network():
    X = sequences(5)
    model = RNNRegressor(cell="gru", hidden_size=6, max_epochs=1).fit(X, sums(X))

    with pytest.raises(StateError, match=r"finite numbers of float32; got others in layer 0\."):
        model.predict(X, initial_state=((ZEROS + 1e300,),))


def test_a_state_may_be_given_from_its_end(fitted):
    model, X = fitted
    _, state = model.predict(X, return_state=True)
    turned = tuple(tuple(part[::-1] for part in layer) for layer in state)

    answers = model.predict(X[::-1], initial_state=turned)

    np.testing.assert_allclose(answers[::-1], model.predict(X, initial_state=state), rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, r"got bidirectional=True, .* Fit with bidirectional=False\.$"),
        ({"scaler": "window"}, r"got scaler='window', which scales each by itself\."),
        ({"cell": Forgetful}, r"got cell=Forgetful, whose forward takes x alone\."),
    ],
)
def test_what_carries_no_state_says_so(options, message):
    X = sequences(8)
    model = RNNRegressor(**{**EXACT, **options}).fit(X, sums(X))

    for arguments in ({"return_state": True}, {"initial_state": ((np.zeros((8, 6)),),)}):
        with pytest.raises(
            StateError, match=r"^RNNRegressor: a state can be carried on .*" + message
        ):
            model.predict(X, **arguments)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("cell", "found"), [(Bare, "a Tensor"), (Counts, r"a tuple of shapes \[\(64, 6\), \(\)\]")]
)
def test_states_that_cannot_be_divided_among_sequences_are_refused(cell, found):
    X = sequences(8)
    model = RNNRegressor(**EXACT, cell=cell).fit(X, sums(X))

    message = rf"^{cell.__name__}: .* one row for each sequence, here 64; got {found}\. Let"
    with pytest.raises(StateError, match=message):
        model.predict(X, return_state=True)


class Flat(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.linear(x[:, -1])


def test_a_network_of_ones_own_has_no_state_that_we_know():
    X = np.random.default_rng(0).normal(size=(8, 4, 2))
    model = RNNRegressor(**EXACT, module=Flat).fit(X, X[:, 0, 0])

    with pytest.raises(StateError, match=r"by our networks only; got module=Flat\."):
        model.predict(X, return_state=True)
