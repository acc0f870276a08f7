"""Native steps of language models: taken where they can be, and then all is as with torch."""

import copy
import pickle
import signal

import numpy as np
import pytest
from skorch.callbacks import Callback

pytest.importorskip("llvmlite")

from sklearn_rnn import RNNLanguageModel
from sklearn_rnn.exceptions import TrainingDivergedError, TrainingInterruptedWarning
from sklearn_rnn.kernels.native import threads
from sklearn_rnn.kernels.native.tape import Tape
from sklearn_rnn.modules.layers import NativeLSTM
from sklearn_rnn.training import net, text_steps
from sklearn_rnn.training.language import TextDataset

RNG = np.random.default_rng(0)
WORDS = ["one", "two", "three", "four", "seven"]
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(3, 20))) for _ in range(40)]
SMALL = {
    "cell": "gru", "hidden_size": 12, "num_layers": 1, "embedding_size": 6, "max_epochs": 3,
    "batch_size": 5, "window_length": 16, "lr": 0.01, "dropout": 0.0, "output_dropout": 0.0,
    "random_state": 0,
}  # fmt: skip


@pytest.fixture
def epochs(monkeypatch):
    """Counts epochs of native steps."""
    taken = []
    original = text_steps.TextSteps.losses
    monkeypatch.setattr(text_steps.TextSteps, "losses", lambda *a: taken.append(1) or original(*a))
    return taken


def both(**options):
    """Return a model trained natively and one by torch."""
    models = [RNNLanguageModel(**{**SMALL, **options}, backend=b) for b in ("native", "torch")]
    return [model.fit(TEXTS) for model in models]


def assert_alike(native, torch_, tolerance=1e-5):
    for ours, theirs in zip(native.module_.parameters(), torch_.module_.parameters(), strict=True):
        assert (ours - theirs).abs().max() <= tolerance * max(1, theirs.abs().max())


NATIVE = {
    "one layer": {},
    "two layers, dropout": {"num_layers": 2, "dropout": 0.2, "output_dropout": 0.1},
    "lstm": {"cell": "lstm", "num_layers": 2, "dropout": 0.3},
    "elman": {"cell": "rnn", "output_dropout": 0.2},
    "relu": {"cell": "rnn", "nonlinearity": "relu"},
    "layers of unequal size": {"hidden_size": (9, 17), "num_layers": 2, "dropout": 0.1},
    "many rows": {"batch_size": 37, "window_length": 4, "max_epochs": 5},
    "in order": {"shuffle": False},
    "no clipping": {"gradient_clip_value": None},
    "clipping always": {"gradient_clip_value": 0.05},
    "constant rate": {"lr_scheduler": None},
    "cosine, sgd": {"lr_scheduler": "cosine", "optimizer": "sgd", "optimizer__momentum": 0.9},
    "plateau": {"lr_scheduler": "plateau"},
    "adam": {"optimizer": "adam", "optimizer__weight_decay": 0.01},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 5},
    "words": {"level": "word", "window_length": 4},
}


@pytest.mark.parametrize("name", NATIVE)
def test_training_is_that_of_torch(name, epochs):
    native, torch_ = both(**NATIVE[name])

    assert len(epochs) == len(native.history_) == len(torch_.history_)
    assert native.history_[0].keys() == torch_.history_[0].keys()
    assert sum(native.history_[:, "train_batch_count"]) >= 50
    for key in ("train_loss", "valid_loss", "lr"):
        if key in native.history_[0]:
            ours, theirs = native.history_[:, key], torch_.history_[:, key]
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert_alike(native, torch_)


def test_the_default_model_takes_native_steps(epochs):
    RNNLanguageModel(max_epochs=1, random_state=0).fit(TEXTS[:3])

    assert epochs == [1]


class SlowLSTM(NativeLSTM):
    """A cell of a user's own, which does something else."""

    def forward(self, x, state=None, lengths=None, gives_states=True):
        """Forget half of it."""
        states, last = super().forward(x, state, lengths, gives_states)
        return 0.5 * states, last


class Listener(Callback):
    """Sees every batch."""

    def on_batch_end(self, net, **kwargs):
        """Keep what the network answered."""
        self.answers_ = kwargs["y_pred"]


BY_TORCH = {
    "dropout of vectors": {"input_dropout": 0.1},
    "tied weights": {"tie_weights": True},
    "tied weights, projected": {"tie_weights": True, "embedding_size": 7},
    "smoothing": {"label_smoothing": 0.1},
    "double precision": {"dtype": "float64"},
    "another optimizer": {"optimizer": "rmsprop"},
    "a cell of one's own": {"cell": SlowLSTM},
    "a listener": {"callbacks": [("mine", Listener())]},
    "torch": {"backend": "torch"},
    "reference": {"backend": "reference"},
}


@pytest.mark.parametrize("name", BY_TORCH)
def test_torch_does_what_native_steps_do_not_know(name, epochs):
    options = {**SMALL, "max_epochs": 1, **BY_TORCH[name]}
    smoothing = options.pop("label_smoothing", None)
    if smoothing is not None:
        options["callbacks"] = [("mine", BeforeTraining(_smooth_labels))]

    model = RNNLanguageModel(**options).fit(TEXTS)

    assert not epochs
    assert np.isfinite(model.history_[-1, "train_loss"])


class BeforeTraining(Callback):
    """Changes a net before it learns."""

    def __init__(self, change):
        self.change = change

    def on_train_begin(self, net, **kwargs):
        """Change it."""
        self.change(net)


def _smooth_labels(net):
    net.criterion_.options["label_smoothing"] = 0.1


def _hear(net):
    net.module_.layers[0].register_forward_hook(lambda *a: None)


def _hear_the_way_back(net):
    net.module_.layers[0].register_full_backward_hook(lambda *a: None)


def _freeze(net):
    net.module_.embedding.weight.requires_grad_(False)


@pytest.mark.parametrize("change", [_hear, _hear_the_way_back, _freeze])
def test_who_wants_to_see_batches_gets_those_of_torch(change, epochs):
    callbacks = [("mine", BeforeTraining(change))]
    native, torch_ = both(callbacks=callbacks, max_epochs=1)

    assert not epochs
    assert_alike(native, torch_)


def _replace_weights(net):
    for parameter in net.module_.parameters():
        parameter.data = parameter.data.clone()


def _load_optimizer(net):
    net.optimizer_.load_state_dict(net.optimizer_.state_dict())


def _drop_more(net):
    net.module_.dropouts[-1].p = 0.4


class BetweenEpochs(BeforeTraining):
    """Changes a net after each epoch."""

    def on_train_begin(self, net, **kwargs):
        """Wait."""

    def on_epoch_end(self, net, **kwargs):
        """Change it."""
        self.change(net)


@pytest.mark.parametrize("change", [_replace_weights, _load_optimizer, _drop_more, copy.deepcopy])
def test_what_callbacks_change_between_epochs_holds(change, epochs):
    native, torch_ = both(callbacks=[("mine", BetweenEpochs(change))])

    assert len(epochs) == 3
    assert_alike(native, torch_)


def test_training_goes_on_where_torch_left_off_and_the_other_way_round(epochs):
    models = []
    for backends in (("native", "torch"), ("torch", "native"), ("torch", "torch")):
        model = RNNLanguageModel(**SMALL, warm_start=True)
        for backend in backends:
            model.set_params(backend=backend).partial_fit(TEXTS)
        models.append(model)

    assert len(epochs) == 2
    assert_alike(models[0], models[2])
    assert_alike(models[1], models[2])


def test_optimizer_and_history_are_as_torch_leaves_them():
    native, torch_ = both(callbacks=[("epoch", Callback())], output_dropout=0.2)

    states = [model.net_.optimizer_.state_dict()["state"] for model in (native, torch_)]
    assert states[0].keys() == states[1].keys()
    for number, theirs in states[1].items():
        for name, value in theirs.items():
            np.testing.assert_allclose(states[0][number][name], value, rtol=1e-3, atol=1e-6)
    for key in ("train_loss", "train_batch_size"):
        batches = [model.history_[:, "batches", :, key] for model in (native, torch_)]
        np.testing.assert_allclose(*batches, rtol=1e-5)
    assert all(p.grad is None for p in native.module_.parameters())


def test_those_who_kept_what_they_made_of_weights_are_told():
    model = RNNLanguageModel(**SMALL).fit(TEXTS)
    versions = [p._version for p in model.module_.parameters()]
    module = model.net_.module_

    model.net_.partial_fit(some_texts())

    assert all(p._version > v for p, v in zip(module.parameters(), versions, strict=True))


def some_texts(shift=0):
    return TextDataset.from_ids([np.array([1, 2, 3, 4, 5]) + shift] * 60, 0, 8)


def test_tokens_that_no_vector_belongs_to_are_an_error_as_with_torch(epochs):
    model = RNNLanguageModel(**SMALL).fit(TEXTS)

    with pytest.raises(IndexError):
        model.net_.partial_fit(some_texts(shift=1000))

    assert len(epochs) == 3


@pytest.mark.parametrize("after", [False, True], ids=["before a step", "after it"])
def test_an_interrupted_step_is_counted_if_it_was_made(monkeypatch, after):
    replay, count = Tape.replay, []

    def interrupted(tape, times=1):
        is_step = any(r.names[0:2] == ["count", "decoupled"] for r in tape.recorded)
        if is_step and len(count) == 4:
            if after:
                replay(tape, times)
            signal.default_int_handler(signal.SIGINT, None)
        replay(tape, times)
        count.extend([1] * is_step)

    monkeypatch.setattr(Tape, "replay", interrupted)
    monkeypatch.setattr(net, "_is_raised_by_code", lambda stop: False)
    with pytest.warns(TrainingInterruptedWarning):
        model = RNNLanguageModel(**SMALL).fit(TEXTS)
    monkeypatch.undo()

    states = model.net_.optimizer_.state.values()
    assert {float(state["step"]) for state in states} == {4 + after}
    assert np.isfinite(model.perplexity(TEXTS[:2]))


def test_the_same_seed_gives_the_same_bits():
    options = {**SMALL, "num_layers": 2, "dropout": 0.2, "backend": "native"}
    models = [RNNLanguageModel(**options).fit(TEXTS) for _ in range(2)]

    assert_alike(*models, tolerance=0.0)


def test_a_diverging_loss_is_an_error():
    with pytest.raises(TrainingDivergedError, match="must stay finite"):
        RNNLanguageModel(**{**SMALL, "lr": 1e30, "optimizer": "sgd", "cell": "rnn"}).fit(TEXTS)


def test_batches_worth_several_threads_are_shared_by_torch(monkeypatch, epochs):
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(threads, "ROWS_OF_A_THREAD", 1)

    RNNLanguageModel(**{**SMALL, "max_epochs": 1}, n_threads=3).fit(TEXTS)
    RNNLanguageModel(**{**SMALL, "max_epochs": 1}, n_threads=2).fit(TEXTS)

    assert len(epochs) == 1


def test_what_was_trained_natively_goes_on_where_kernels_cannot_run(monkeypatch, epochs):
    model = RNNLanguageModel(**SMALL, warm_start=True).fit(TEXTS)
    model = pickle.loads(pickle.dumps(model))
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "off")

    model.partial_fit(TEXTS)

    assert len(epochs) == 3
