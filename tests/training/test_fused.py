"""Native training steps: taken where they can be, and then all is as with torch."""

import copy
import pickle
import signal

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EpochScoring, Freezer

pytest.importorskip("llvmlite")

from sklearn_rnn import RNNClassifier, RNNRegressor
from sklearn_rnn.exceptions import (
    LossShapeError,
    NativeKernelError,
    TrainingDivergedError,
    TrainingInterruptedWarning,
)
from sklearn_rnn.kernels.native import threads
from sklearn_rnn.kernels.native.tape import Tape
from sklearn_rnn.training import callbacks, fused, net, rules
from sklearn_rnn.training.batches import SequenceDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 9, 2))
RAGGED = [x[: RNG.integers(1, 10)] for x in X]
Y = X[:, -1, 0] - X[:, -2, 1]
LABELS = np.digitize(Y, [-0.5, 0.5])
SMALL = {"hidden_size": 7, "max_epochs": 5, "batch_size": 32, "lr": 0.01, "random_state": 0}


@pytest.fixture
def epochs(monkeypatch):
    """Counts epochs of native steps."""
    taken = []
    original = fused.FusedSteps.losses
    monkeypatch.setattr(fused.FusedSteps, "losses", lambda *a: taken.append(1) or original(*a))
    return taken


def both(estimator, X, y, fit=None, **options):
    """Return an estimator trained natively and one by torch."""
    models = [estimator(**{**SMALL, **options}, backend=b) for b in ("native", "torch")]
    return [model.fit(X, y, **(fit or {})) for model in models]


PLAIN = {
    "num_layers": 1,
    "bidirectional": False,
    "pooling": "last",
    "input_noise": 0.0,
    "lr_scheduler": None,
    "patch_length": 1,
}
NATIVE = {
    "defaults": {},
    "two layers": {"num_layers": 2, "cell": "gru"},
    "elman": {"cell": "rnn", "nonlinearity": "relu"},
    "no clipping": {"gradient_clip_value": None},
    "clipping always": {"gradient_clip_value": 1e-2},
    "huber": {"loss": "huber", "loss__delta": 0.3},
    "adam": {"optimizer": "adam", "optimizer__weight_decay": 0.1},
    "adam, other options": {"optimizer": "adam", "optimizer__betas": (0.8, 0.9)},
    "adamw": {"optimizer": "adamw", "optimizer__weight_decay": 0.1},
    "torch's own class": {"optimizer": torch.optim.AdamW},
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "optimizer__momentum": 0.9, "optimizer__nesterov": True},
    "onecycle": {"lr_scheduler": "onecycle"},
    "cosine": {"lr_scheduler": "cosine", "optimizer": "sgd"},
    "momentum that changes": {
        "lr_scheduler": torch.optim.lr_scheduler.OneCycleLR,
        "lr_scheduler__max_lr": 0.05,
        "lr_scheduler__total_steps": 9,
    },
    "plateau": {"lr_scheduler": "plateau", "lr_scheduler__patience": 0},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2},
    "in order": {"shuffle": False},
    "all at once": {"batch_size": None},
    "scores each epoch": {"callbacks": [("r2", EpochScoring("r2", lower_is_better=False))]},
}
BY_TORCH = {
    "two directions": {"bidirectional": True},
    "dropout": {"dropout": 0.2},
    "mean of states": {"pooling": "mean"},
    "window scaling": {"scaler": "window"},
    "changes": {"output": "last_value"},
    "another optimizer": {"optimizer": "rmsprop"},
    "amsgrad": {"optimizer": "adam", "optimizer__amsgrad": True},
    "a loss of one's own": {"loss": torch.nn.functional.mse_loss},
    "double precision": {"dtype": "float64"},
    "reference": {"backend": "reference"},
    "torch": {"backend": "torch"},
    "decoupled": {"optimizer": "adam", "optimizer__decoupled_weight_decay": True},
    "damped": {"optimizer": "sgd", "optimizer__momentum": 0.9, "optimizer__dampening": 0.5},
}


@pytest.mark.parametrize("name", NATIVE)
def test_training_is_that_of_torch(name, epochs):
    native, torch_ = both(RNNRegressor, X, Y, **NATIVE[name])

    assert len(epochs) == native.n_iter_
    for key in native.history_[0]:
        if key.endswith("_loss") or key in ("lr", "event_lr", "r2"):
            ours, theirs = native.history_[:, key], torch_.history_[:, key]
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert native.n_iter_ == torch_.n_iter_
    assert native.history_[0].keys() == torch_.history_[0].keys()
    np.testing.assert_allclose(native.predict(X), torch_.predict(X), atol=2e-4)


@pytest.mark.parametrize("name", BY_TORCH)
def test_torch_does_what_native_steps_do_not_know(name, epochs):
    model = RNNRegressor(**{**SMALL, "max_epochs": 2, **BY_TORCH[name]}).fit(X, Y)

    assert not epochs
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("sequences", [X, RAGGED], ids=["equal", "ragged"])
@pytest.mark.parametrize(
    "options",
    [{}, {"label_smoothing": 0.0}, {"class_weight": "balanced", "num_layers": 2}],
    ids=str,
)
def test_classes_of_sequences_of_any_length(sequences, options, epochs):
    native, torch_ = both(RNNClassifier, sequences, LABELS, **{**PLAIN, **options})

    assert len(epochs) == 5
    expected = torch_.predict_proba(sequences)
    np.testing.assert_allclose(native.predict_proba(sequences), expected, atol=2e-5)


def test_weights_of_sequences(epochs):
    weights = RNG.uniform(size=len(X))
    native, torch_ = both(RNNRegressor, X, Y, fit={"sample_weight": weights})

    assert epochs
    np.testing.assert_allclose(native.predict(X), torch_.predict(X), atol=2e-4)


def test_training_goes_on_where_torch_left_off_and_the_other_way_round(epochs):
    models = []
    for backends in (("native", "torch"), ("torch", "native"), ("torch", "torch")):
        model = RNNRegressor(**SMALL, warm_start=True)
        for backend in backends:
            model.set_params(backend=backend).partial_fit(X, Y)
        models.append(model.predict(X))

    assert len(epochs) == 2
    np.testing.assert_allclose(models[0], models[2], atol=1e-5)
    np.testing.assert_allclose(models[1], models[2], atol=1e-5)


def test_optimizer_and_history_are_as_torch_leaves_them():
    native, torch_ = both(RNNRegressor, X, Y, callbacks=[("epoch", Callback())])

    states = [model.net_.optimizer_.state_dict() for model in (native, torch_)]
    for ours, theirs in zip(*(state["state"].values() for state in states), strict=True):
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value, rtol=1e-3, atol=1e-6)
    batches = [model.history_[:, "batches", :, "train_loss"] for model in (native, torch_)]
    np.testing.assert_allclose(*batches, rtol=1e-4, atol=1e-5)
    sizes = [model.history_[0, "batches", :, "train_batch_size"] for model in (native, torch_)]
    assert sizes[0] == sizes[1] == [32, 32, 32, 32, 22]


class Listener(Callback):
    """Sees every batch."""

    def on_batch_end(self, net, **kwargs):
        """Keep what the network answered."""
        self.answers_ = kwargs["y_pred"]


class Shy(Callback):
    """Looks at gradients."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Keep their names."""
        self.names_ = [name for name, _ in named_parameters]


@pytest.mark.parametrize(
    "callback", [Listener(), Shy(), Freezer("head.*")], ids=["batches", "gradients", "frozen"]
)
def test_who_listens_between_batches_hears_them(callback, epochs):
    model = RNNRegressor(**SMALL, callbacks=[("mine", callback)]).fit(X, Y)

    assert not epochs
    if isinstance(callback, Freezer):
        again = RNNRegressor(**{**SMALL, "max_epochs": 1}, callbacks=[("mine", callback)]).fit(X, Y)
        assert torch.equal(model.module_.head.weight, again.module_.head.weight)
    else:
        fitted = dict(model.net_.callbacks_)["mine"]
        assert getattr(fitted, "answers_", None) is not None or fitted.names_


def test_a_hook_on_the_network_is_called(epochs):
    seen = []

    class Hook(Callback):
        def on_train_begin(self, net, **kwargs):
            net.module_.recurrent.register_forward_hook(lambda *a: seen.append(1))

    RNNRegressor(**SMALL, callbacks=[("hook", Hook())]).fit(X, Y)

    assert seen
    assert not epochs


def _replace_weights(net):
    for parameter in net.module_.parameters():
        parameter.data = parameter.data.clone()


def _load_optimizer(net):
    net.optimizer_.load_state_dict(net.optimizer_.state_dict())
    net.optimizer_.param_groups[0]["lr"] /= 2


def _decay_weights(net):
    net.optimizer_.param_groups[0]["weight_decay"] = 0.5


def _freeze(net):
    net.module_.head.weight.requires_grad_(False)
    net.module_.head.weight.grad = None


def _change_loss(net):
    net.criterion_.loss = "huber"


class BetweenEpochs(Callback):
    """Changes a net after each epoch."""

    def __init__(self, change):
        self.change = change

    def on_epoch_end(self, net, **kwargs):
        self.change(net)


@pytest.mark.parametrize(
    "change",
    [_replace_weights, _load_optimizer, _decay_weights, _freeze, _change_loss, copy.deepcopy],
)
def test_what_callbacks_change_between_epochs_holds(change, epochs):
    mine = [("mine", BetweenEpochs(change))]
    native, torch_ = both(RNNRegressor, X, Y, callbacks=mine, optimizer="adamw")

    assert len(epochs) == (1 if change is _freeze else native.n_iter_)
    np.testing.assert_allclose(native.predict(X), torch_.predict(X), atol=2e-4)


def _on_the_way_back(net, seen):
    net.module_.head.register_full_backward_hook(lambda *a: seen.append(1))


def _on_a_gradient(net, seen):
    net.module_.head.weight.register_post_accumulate_grad_hook(lambda p: seen.append(1))


def _on_the_loss(net, seen):
    net.criterion_.register_forward_hook(lambda *a: seen.append(1))


@pytest.mark.parametrize("register", [_on_the_way_back, _on_a_gradient, _on_the_loss])
def test_other_hooks_are_called(register, epochs):
    seen = []

    class Hook(Callback):
        def on_train_begin(self, net, **kwargs):
            register(net, seen)

    RNNRegressor(**SMALL, callbacks=[("hook", Hook())]).fit(X, Y)

    assert seen
    assert not epochs


def test_a_parameter_that_was_frozen_counts_its_own_steps():
    nets = [m.net_ for m in both(RNNRegressor, X, Y, optimizer="adam")]
    for each in nets:
        del each.optimizer_.state[each.module_.head.weight]
        each.partial_fit(_dataset(np.zeros((len(X), 1))))
    states = [each.optimizer_.state[each.module_.head.weight] for each in nets]

    assert float(states[0]["step"]) == float(states[1]["step"])
    np.testing.assert_allclose(*(s["exp_avg_sq"] for s in states), rtol=1e-3, atol=1e-8)


def _dataset(targets, features=2):
    """Return as many sequences as X has, all of zeros."""
    n = len(targets)
    steps = torch.zeros((n + 8, features))
    targets = torch.as_tensor(targets)
    targets = targets.float() if targets.is_floating_point() else targets
    return SequenceDataset(steps, torch.arange(n), torch.full((n,), 9), targets)


def test_data_that_do_not_fit_are_an_error_as_with_torch(epochs):
    regressor = RNNRegressor(**SMALL).fit(X, Y).net_
    for dataset in (_dataset(np.zeros((40, 3))), _dataset(np.zeros((40, 1)), features=50)):
        with pytest.raises((LossShapeError, RuntimeError)):
            regressor.partial_fit(dataset)
    classifier = RNNClassifier(**SMALL, **PLAIN).fit(X, LABELS).net_
    with pytest.raises(IndexError, match="out of bounds"):
        classifier.partial_fit(_dataset(np.full(40, 7)))
    with pytest.raises(RuntimeError, match="delta"):
        RNNRegressor(**SMALL, loss="huber", loss__delta=-1.0).fit(X, Y)

    assert len(epochs) == 10


@pytest.mark.parametrize("after", [False, True], ids=["before the steps", "after them"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_interrupted_steps_are_counted_and_no_thread_waits_for_ever(
    monkeypatch, after, n_threads, epochs
):
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 0)
    model = RNNRegressor(**{**SMALL, "batch_size": 75}, n_threads=n_threads)
    plans, replay = [], Tape.replay
    original = fused.FusedSteps._plan
    monkeypatch.setattr(
        fused.FusedSteps, "_plan", lambda *a: plans.append(original(*a)) or plans[-1]
    )

    def interrupted(tape, times=1):
        is_first = plans and tape is plans[0]._tapes[0]
        if after or not is_first:
            replay(tape, times)
        if is_first:
            signal.default_int_handler(signal.SIGINT, None)

    monkeypatch.setattr(Tape, "replay", interrupted)
    monkeypatch.setattr(net, "_is_raised_by_code", lambda stop: False)
    with pytest.warns(TrainingInterruptedWarning):
        model.fit(X, Y)
    states = model.net_.optimizer_.state.values()

    assert plans[0].threads == n_threads
    assert {float(state["step"]) for state in states} == {float(after)}


def test_the_same_seed_gives_the_same_bits():
    models = [RNNRegressor(**SMALL, backend="native").fit(X, Y) for _ in range(2)]

    assert (models[0].predict(X) == models[1].predict(X)).all()


@pytest.mark.parametrize("sequences", [X, RAGGED], ids=["equal", "ragged"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_an_answer_does_not_depend_on_what_it_is_asked_together_with(sequences, num_layers):
    model = RNNRegressor(**SMALL, num_layers=num_layers, backend="native").fit(sequences, Y)
    together = model.predict(sequences)

    for rows in (slice(0, 1), slice(3, 20), slice(7, 87), slice(1, 150)):
        assert (model.predict(sequences[rows]) == together[rows]).all()


def test_a_diverging_loss_is_an_error():
    with pytest.raises(TrainingDivergedError, match="must stay finite"):
        RNNRegressor(**{**SMALL, "lr": 1e30, "optimizer": "sgd"}, backend="native").fit(X, 1e3 * Y)


def test_threads_share_large_batches(monkeypatch, epochs):
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 0)
    plans = []
    original = fused.FusedSteps._plan
    monkeypatch.setattr(
        fused.FusedSteps, "_plan", lambda *a: plans.append(original(*a)) or plans[-1]
    )
    options = {**SMALL, "batch_size": 100}
    one = RNNRegressor(**options).fit(X, Y)
    two = RNNRegressor(**options, n_threads=2).fit(X, Y)
    again = RNNRegressor(**options, n_threads=2).fit(X, Y)

    assert [plan.threads for plan in plans] == [1, 1, 2, 1, 2, 1]
    np.testing.assert_allclose(two.predict(X), one.predict(X), atol=1e-5)
    assert (two.predict(X) == again.predict(X)).all()


def test_what_was_trained_natively_answers_where_kernels_cannot_run(monkeypatch, epochs):
    model = pickle.loads(pickle.dumps(RNNRegressor(**SMALL, warm_start=True).fit(X, Y)))
    expected = model.predict(X)
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "off")

    np.testing.assert_allclose(model.predict(X), expected, atol=1e-5)
    model.fit(X, Y)

    assert len(epochs) == SMALL["max_epochs"]


def test_the_native_backend_is_an_error_where_kernels_cannot_run(monkeypatch, capsys):
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "off")

    with pytest.raises(NativeKernelError, match="backend='auto'"):
        RNNRegressor(**SMALL, backend="native").fit(X, Y)
    callbacks.mention_missing_kernels.cache_clear()
    for _ in range(2):
        RNNRegressor(**SMALL, verbose=1).fit(X, Y)
    said = capsys.readouterr().out

    assert said.count("Recurrences go through torch") == 1
    callbacks.mention_missing_kernels.cache_clear()


def test_weights_that_two_layers_share_are_left_to_torch():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([weight])

    assert rules.NativeRule.of(optimizer, [weight, weight]) is None
    assert rules.NativeRule.of(optimizer, [weight]) is not None
