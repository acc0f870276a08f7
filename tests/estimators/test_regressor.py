"""What a regressor learns, and how its answers are meant."""

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_rnn import RecurrentCell, RNNRegressor, make_windows
from sklearn_rnn.datasets import make_letter_cycle

QUICK = {"cell": "gru", "hidden_size": 16, "lr": 0.02, "max_epochs": 60, "random_state": 0}


def sums(n=200, features=2):
    X = np.random.default_rng(0).normal(size=(n, 6, features))
    return X, X.sum(axis=(1, 2))


def counts(n=300):
    """Sequences whose level is the rate of a Poisson count."""
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.5, 6, size=n)
    return rng.poisson(rate[:, None], size=(n, 8)).astype(float), rng.poisson(rate), rate


@pytest.mark.parametrize("as_target", [np.ravel, lambda y: y[:, None], lambda y: np.c_[y, -2 * y]])
def test_predict_keeps_the_axes_of_y(as_target):
    X, y = sums()
    y = as_target(y)

    model = RNNRegressor(**QUICK).fit(X, y)

    assert model.predict(X).shape == y.shape
    assert model.predict(X).dtype == np.float64
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", torch.nn.GRU])
def test_every_cell_learns_a_sum(cell):
    X, y = sums()

    assert RNNRegressor(**{**QUICK, "cell": cell}).fit(X, y).score(X, y) > 0.95


@pytest.mark.parametrize("scaler", ["standard", "minmax", "maxabs", "robust", None])
def test_scale_of_inputs_and_target_does_not_matter(scaler):
    X, y = sums()
    if scaler == "maxabs":  # does not shift
        X, y = 1e3 * X, 1e-3 * y
    elif scaler is not None:
        X, y = 1e6 + 1e3 * X, 1e-3 * y - 50

    assert RNNRegressor(**QUICK, scaler=scaler).fit(X, y).score(X, y) > 0.9


def test_window_scaling_answers_at_levels_never_seen():
    wave = np.sin(0.3 * np.arange(300))
    X, y = make_windows(wave, 12)

    model = RNNRegressor(**QUICK, scaler="window").fit(X, y)

    np.testing.assert_allclose(model.predict(500 + 20 * X), 500 + 20 * model.predict(X), atol=1e-2)
    assert np.abs(model.predict(500 + 20 * X) - (500 + 20 * y)).max() < 4


def test_last_value_continues_a_trend():
    X, y = make_windows(np.arange(400.0), 10)

    model = RNNRegressor(**QUICK, output="last_value").fit(X[:200], y[:200])

    assert np.abs(model.predict(X[200:]) - y[200:]).max() < 15
    # identity stays near the largest value it has seen
    assert np.abs(RNNRegressor(**QUICK).fit(X[:200], y[:200]).predict(X[200:]) - y[200:]).max() > 60


def test_last_value_belongs_to_the_column_of_each_output():
    series = np.cumsum(np.random.default_rng(0).normal(size=(300, 2)), axis=0)
    series[:, 1] += 1000
    X, y = make_windows(pd.DataFrame(series), 5)

    model = RNNRegressor(**{**QUICK, "max_epochs": 5}, output="last_value").fit(X, y)

    assert np.abs(model.predict(X) - X[:, -1]).max() < 3


def test_last_value_ratio_is_never_negative():
    X, y, _ = counts()
    model = RNNRegressor(
        **QUICK, output="last_value_ratio", loss="squared_percentage_error", missing="mask"
    ).fit(X, y)

    answers = model.predict(X)

    assert answers.min() >= 0
    assert answers[X[:, -1] == 0].max() < 1e-5  # nothing grows from nothing


@pytest.mark.parametrize("options", [{"loss": "poisson"}, {"output": "softplus"}])
def test_rates_of_counts_are_positive_and_near_the_truth(options):
    X, y, rate = counts()

    answers = RNNRegressor(**{**QUICK, "max_epochs": 30}, **options).fit(X, y).predict(X)

    assert answers.min() > 0
    assert np.corrcoef(answers, rate)[0, 1] > 0.7
    assert abs(answers.mean() / y.mean() - 1) < 0.2


def test_quantiles_are_ordered_and_hold_their_share():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    y = X[:, 0] + rng.normal(size=3000) * np.exp(0.5 * X[:, 1])
    model = RNNRegressor(**{**QUICK, "max_epochs": 15}, loss="quantile").fit(X[:1000], y[:1000])

    answers = model.predict_quantiles(X[1000:])

    assert answers.shape == (2000, 5)
    assert (np.diff(answers, axis=1) >= 0).all()
    shares = (y[1000:, None] <= answers).mean(axis=0)
    np.testing.assert_allclose(shares, model.quantiles, atol=0.1)
    np.testing.assert_allclose(model.predict(X[1000:]), answers[:, 2])
    between = model.predict_quantiles(X[1000:], alpha=[0.25, 0.375])
    np.testing.assert_allclose(between[:, 1], answers[:, 1:3].mean(axis=1))


def test_quantiles_of_several_outputs():
    X, y = sums()
    model = RNNRegressor(**{**QUICK, "max_epochs": 2}, loss="quantile", quantiles=[0.5])

    model.fit(X, np.c_[y, -y])

    assert model.predict_quantiles(X).shape == (200, 2, 1)
    assert model.predict(X).shape == (200, 2)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", torch.nn.SmoothL1Loss])
def test_losses_learn(loss):
    X, y = sums()

    assert RNNRegressor(**QUICK, loss=loss).fit(X, y).score(X, y) > 0.9


def test_a_loss_of_the_users_sees_prediction_and_target():
    def lopsided(prediction, target):
        error = target - prediction
        return torch.where(error > 0, 9 * error, -error)

    X = np.random.default_rng(0).normal(size=(400, 3))
    y = np.random.default_rng(1).normal(size=400)

    model = RNNRegressor(**{**QUICK, "max_epochs": 30}, loss=lopsided).fit(X, y)

    assert 0.82 < (y <= model.predict(X)).mean() < 0.98


def test_weights_count_in_batches_of_one():
    X, y = np.zeros((40, 3)), np.repeat([0.0, 10.0], 20)

    model = RNNRegressor(**{**QUICK, "max_epochs": 20, "lr": 0.005}, batch_size=1)
    model.fit(X, y, sample_weight=np.repeat([9.0, 1.0], 20))

    assert model.predict(X[:1])[0] < 3  # 5 if weights did not count


def test_weights_move_the_answer():
    X, y = np.zeros((100, 3)), np.repeat([0.0, 10.0], 50)
    weights = np.repeat([3.0, 1.0], 50)

    model = RNNRegressor(**{**QUICK, "batch_size": None}, dtype="float64")
    model.fit(X, y, sample_weight=weights)

    assert model.predict(X[:1])[0] == pytest.approx(2.5, abs=0.05)


def test_a_mask_tells_what_is_missing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 6, 2))
    missing = rng.uniform(size=X.shape) < 0.3
    missing[:, :, 0] = False  # a step that is missing altogether might be padding
    y = missing.sum(axis=(1, 2)).astype(float)  # nothing but the gaps says so
    X[missing] = np.nan

    scores = {
        how: RNNRegressor(**QUICK, missing=how).fit(X[:600], y[:600]).score(X[600:], y[600:])
        for how in ("mask", "ffill")
    }

    assert scores["mask"] > 0.9 > 0.6 > scores["ffill"]


def test_tokens_are_embedded():
    X, _ = make_letter_cycle(one_hot=False)

    model = RNNRegressor(**QUICK, embedding_size=3).fit(X, (X[:, 0] + 1) % 5)

    assert model.n_tokens_ == 5
    assert model.module_.embedding.table.weight.shape == (5, 3)
    np.testing.assert_allclose(model.predict(X[:5]), [1, 2, 3, 4, 0], atol=0.2)


def test_stacked_layers_have_sizes_of_their_own():
    X, y = sums()
    model = RNNRegressor(**{**QUICK, "hidden_size": [12, 8]}, dropout=0.1, bidirectional=True)

    assert model.fit(X, y).score(X, y) > 0.9
    assert model.module_.recurrent.output_size == 16


def test_a_cell_of_the_users_is_trained():
    class Leaky(RecurrentCell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.read = torch.nn.Linear(input_size + hidden_size, hidden_size)

        def step(self, x, state):
            (h,) = state
            return (0.5 * h + 0.5 * torch.tanh(self.read(torch.cat([x, h], dim=1))),)

    X, y = sums()
    state = torch.get_rng_state()
    model = RNNRegressor(**{**QUICK, "cell": Leaky}, bidirectional=True).fit(X, y)

    assert model.score(X, y) > 0.9
    assert torch.equal(state, torch.get_rng_state())
    again = RNNRegressor(**{**QUICK, "cell": Leaky}, bidirectional=True).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), again.predict(X))


def test_a_module_of_the_users_is_trained():
    class Mean(torch.nn.Module):
        def __init__(self, n_features, n_outputs, width):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(n_features, width),
                torch.nn.Tanh(),
                torch.nn.Linear(width, n_outputs),
            )

        def forward(self, x, lengths=None):
            states = self.layers(x)
            if lengths is None:
                return states.mean(dim=1)
            held = torch.arange(x.shape[1]) < lengths[:, None]
            return (states * held[..., None]).sum(dim=1) / lengths[:, None]

    X, y = sums()
    ragged = [x[: 3 + i % 4] for i, x in enumerate(X)]

    assert RNNRegressor(**QUICK, module=Mean, module__width=8).fit(X, y).score(X, y) > 0.9
    model = RNNRegressor(**QUICK, module=Mean, module__width=8)
    model.fit(ragged, [x.mean() for x in ragged])
    assert model.score(ragged, [x.mean() for x in ragged]) > 0.9


def test_tables_and_series_of_one_feature_are_the_same_thing():
    X, y = sums(features=1)

    table = RNNRegressor(**{**QUICK, "max_epochs": 3}).fit(X[:, :, 0], y)
    axes = RNNRegressor(**{**QUICK, "max_epochs": 3}).fit(X, y)

    np.testing.assert_array_equal(table.predict(X[:, :, 0]), axes.predict(X))
    np.testing.assert_array_equal(axes.predict(X[:, :, 0]), axes.predict(X))
    assert (table.n_features_in_, axes.n_features_in_) == (6, 1)


def test_lists_at_predict_may_be_of_equal_lengths():
    X, y = sums()
    ragged = [x[: 3 + i % 4] for i, x in enumerate(X)]
    model = RNNRegressor(**{**QUICK, "max_epochs": 2}).fit([x.tolist() for x in ragged], y)

    np.testing.assert_allclose(
        model.predict([ragged[0].tolist(), ragged[4].tolist()]), model.predict(ragged)[[0, 4]]
    )


def test_windows_of_a_series_are_not_copied_by_fit():
    X, y = make_windows(np.sin(np.arange(3000.0)), 500)
    model = RNNRegressor(**{**QUICK, "hidden_size": 2, "max_epochs": 1}, callbacks=[])
    seen = []
    build = model._dataset
    model._dataset = lambda *args: seen.append(build(*args)) or seen[-1]

    model.fit(X[:50], y[:50])

    assert seen[0].steps.shape[0] < 2 * 3000


@pytest.mark.parametrize(
    "changed",
    [{"missing": "mask"}, {"dtype": "float64"}, {"embedding_size": 2}, {"loss": "huber"}],
    ids=str,
)
def test_parameters_set_after_fit_do_not_change_its_answers(changed):
    X, y = sums(n=50)
    model = RNNRegressor(**{**QUICK, "max_epochs": 2}, loss="quantile").fit(X, y)
    before = model.predict_quantiles(X)

    model.set_params(**changed, quantiles=[0.3])

    np.testing.assert_array_equal(model.predict_quantiles(X), before)
