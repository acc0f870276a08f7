"""Batches, validation parts, schedules, stopping, threads: what happens while a net is trained."""

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_rnn import RNNClassifier, RNNRegressor, make_windows
from sklearn_rnn.exceptions import TrainingInterruptedWarning
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.training.batches import Batches, SequenceDataset
from sklearn_rnn.training.device import choose_device
from sklearn_rnn.training.splits import LastPart, StratifiedPart
from sklearn_rnn.training.threads import torch_threads

TINY = {"cell": "gru", "hidden_size": 4, "random_state": 0}


def dataset(X, targets=None, weights=None, scale=1.0):
    sequences = as_sequences(X, name="test")
    features = sequences.n_features
    return SequenceDataset.from_sequences(
        sequences,
        centre=np.zeros(features),
        scale=np.full(features, scale),
        dtype="float64",
        targets=targets,
        weights=weights,
    )


def regression_data(n=60):
    X = np.random.default_rng(0).normal(size=(n, 5, 2))
    return X, X[:, 0, 0]


# -- batches -------------------------------------------------------------------------------------


def test_batches_of_windows_are_cut_from_the_series():
    series = np.arange(50.0)
    X, y = make_windows(series, 7)
    data = dataset(X, targets=y[:, np.newaxis], scale=2.0)

    assert data.steps.shape == (50 - 1 + 7 - 1, 1)  # the series but its last step, and room
    seen = []
    for inputs, targets in Batches(data, 10, shuffle=True, generator=torch.Generator()):
        torch.testing.assert_close(targets, 2 * inputs["x"][:, -1] + 1)
        seen.extend(targets.flatten().tolist())
    assert sorted(seen) == y.tolist()
    assert seen != y.tolist()


def test_batches_of_unequal_lengths_end_in_zeros():
    X = [np.full((n, 1), n, dtype=float) for n in (3, 1, 5, 2)]

    ((inputs, _),) = Batches(dataset(X), 4)

    assert inputs["lengths"].tolist() == [3, 1, 5, 2]
    for row, n in zip(inputs["x"][..., 0], (3, 1, 5, 2), strict=True):
        assert row.tolist() == [n] * n + [0] * (5 - n)


def test_a_batch_is_as_long_as_its_longest_sequence():
    X = [np.ones((n, 1)) for n in (2, 3, 50)]

    shapes = [inputs["x"].shape[1] for inputs, _ in Batches(dataset(X), 1)]

    assert shapes == [2, 3, 50]


def test_large_values_keep_their_digits():
    X, y = make_windows(1e8 + np.arange(40.0), 4)

    model = RNNRegressor(**TINY, max_epochs=200, lr=0.02).fit(X, y)

    assert np.abs(model.predict(X) - y).max() < 3  # float32 steps by 8 there


# -- validation parts ----------------------------------------------------------------------------


def test_no_window_straddles_the_border_of_the_validation_part():
    X, y = make_windows(np.arange(100.0), 10)
    train, valid = LastPart(0.2)(dataset(X, targets=y[:, np.newaxis]))

    assert len(valid) == 18
    last_seen = (train.starts + train.lengths).max()
    assert last_seen <= valid.starts.min()
    assert len(train) == 72 - 9


def test_sequences_that_do_not_overlap_are_all_used():
    X, y = regression_data(50)
    train, valid = LastPart(0.1)(dataset(X, targets=y[:, np.newaxis]))

    assert (len(train), len(valid)) == (45, 5)


def test_classes_have_their_share_of_the_validation_part():
    X, _ = regression_data(50)
    train, valid = StratifiedPart(0.2, seed=0)(dataset(X, targets=np.repeat([0, 1], [40, 10])))

    assert train.targets.bincount().tolist() == [32, 8]
    assert valid.targets.bincount().tolist() == [8, 2]


# -- stopping ------------------------------------------------------------------------------------


def test_early_stopping_keeps_the_weights_of_the_best_epoch():
    X, y = regression_data()
    noise = np.random.default_rng(1).normal(size=len(y))
    model = RNNRegressor(
        **TINY, lr=0.05, early_stopping=True, validation_fraction=0.3, n_iter_no_change=5
    ).fit(X, noise)

    losses = model.history_[:, "valid_loss"]

    assert model.n_iter_ < model.max_epochs
    assert model.n_iter_ == model.best_epoch_ + 5
    held = X[-18:], noise[-18:]
    scale = noise.std()  # the loss is taken in scaled units
    kept = np.mean((model.predict(held[0]) - held[1]) ** 2) / scale**2
    assert kept == pytest.approx(losses[model.best_epoch_ - 1], rel=1e-4)


def test_ctrl_c_ends_training_with_a_usable_model():
    # in a process of its own, for the signal comes whenever it comes
    code = """
        import os, signal, threading, warnings
        import numpy as np
        from skorch.callbacks import Callback
        from sklearn_rnn import RNNRegressor

        class CtrlC(Callback):
            def on_epoch_end(self, net, **kwargs):  # a slow machine takes seconds to come here
                if len(net.history) == 1:
                    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

        # a shell that runs tests in the background has its children ignore Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
        X = np.random.default_rng(0).normal(size=(500, 20, 1))
        model = RNNRegressor(max_epochs=10_000, callbacks=[CtrlC()], random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, X[:, 0, 0])
        print([w.category.__name__ for w in caught], 0 < model.n_iter_ < 10_000)
        print(str(caught[0].message))
        print(model.predict(X[:2]).shape)
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )

    lines = answer.stdout.splitlines()
    assert lines[0] == f"['{TrainingInterruptedWarning.__name__}'] True", answer.stderr
    assert "of 10000 epochs; the model is what it had learned by then" in lines[1]
    assert lines[2] == "(2,)"


def test_a_callback_that_ends_training_is_not_taken_for_ctrl_c():
    class StopAtTwo(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, y = regression_data()
    model = RNNRegressor(**TINY, callbacks=[StopAtTwo()]).fit(X, y)  # warnings are errors here

    assert model.n_iter_ == 2


# -- schedules -----------------------------------------------------------------------------------


def rates(schedule, **options):
    X, y = regression_data()
    model = RNNRegressor(
        **TINY, lr=0.01, lr_scheduler=schedule, max_epochs=10, batch_size=20, **options
    ).fit(X, y)
    name = "lr" if schedule in ("onecycle", "cosine") else "event_lr"
    return model.history_[:, name]


def test_onecycle_rises_and_falls_over_all_batches():
    values = rates("onecycle")

    assert 0.009 < max(values) <= 0.01
    assert 1 <= int(np.argmax(values)) <= 4
    assert values[-1] < 1e-5


def test_cosine_falls_from_the_rate_to_nothing():
    values = rates("cosine")

    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-4


def test_plateau_lowers_the_rate_when_nothing_improves():
    values = rates("plateau", lr_scheduler__patience=0, lr_scheduler__threshold=10.0)

    assert values[-1] < 0.01 * values[0]


def test_a_schedule_of_torch_is_stepped_each_epoch():
    values = rates(torch.optim.lr_scheduler.ExponentialLR, lr_scheduler__gamma=0.5)

    np.testing.assert_allclose(values, 0.01 * 0.5 ** np.arange(10))


# -- going on ------------------------------------------------------------------------------------


def test_partial_fit_goes_on_and_warm_start_too():
    X, y = regression_data()
    model = RNNRegressor(**TINY, lr=0.02)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.n_iter_ == len(model.history_) == 30
    assert model.history_[-1, "train_loss"] < 0.5 * model.history_[0, "train_loss"]

    before = model.history_[-1, "train_loss"]
    model.set_params(warm_start=True, max_epochs=5).fit(X, y)
    assert model.n_iter_ == 35
    assert model.history_[30, "train_loss"] < 1.5 * before

    model.set_params(warm_start=False).fit(X, y)
    assert model.n_iter_ == 5


def test_partial_fit_shuffles_anew_and_repeats_itself_from_a_seed():
    X, y = regression_data()
    models = [RNNRegressor(**TINY, batch_size=10, shuffle=s) for s in (True, True, False)]
    for _ in range(3):
        for model in models:
            model.partial_fit(X, y)
    one, two, in_order = (model.predict(X) for model in models)

    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, in_order)


def test_a_network_that_has_changed_cannot_go_on():
    X, y = regression_data()
    model = RNNRegressor(**TINY, warm_start=True, max_epochs=1).fit(X, y)
    before = model.predict(X)

    with pytest.raises(ValueError, match=r"the network has changed since the last fit"):
        model.set_params(hidden_size=5).fit(X, y)

    np.testing.assert_array_equal(model.predict(X), before)


def test_partial_fit_knows_classes_to_come():
    X, y = regression_data()
    labels = np.where(y > 0, "b", "c")
    model = RNNClassifier(**TINY, num_layers=1).partial_fit(X, labels, classes=["a", "b", "c"])

    assert model.predict_proba(X).shape == (60, 3)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, labels, classes=["b", "c"])
    with pytest.raises(ValueError, match="must hold the 3 labels of the first call; got 60 others"):
        model.partial_fit(X, ["d"] * 60)


# -- threads and devices -------------------------------------------------------------------------


def test_threads_are_put_back_when_calls_overlap():
    torch.set_num_threads(2)
    barrier, inside = threading.Barrier(2), []

    def call():
        with torch_threads(1):
            barrier.wait()
            inside.append(torch.get_num_threads())
            barrier.wait()

    try:
        workers = [threading.Thread(target=call) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        fresh = []
        last = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
        last.start()
        last.join()

        assert inside == [1, 1]
        assert torch.get_num_threads() == 2
        assert fresh == [2]
    finally:
        torch.set_num_threads(1)


def test_threads_can_be_left_alone():
    torch.set_num_threads(2)
    try:
        with torch_threads(None):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_call_inside_a_call_keeps_the_threads_of_the_outer_one():
    torch.set_num_threads(2)
    try:
        with torch_threads(1):
            with torch_threads(1):
                pass
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_device_that_cannot_be_used_is_named():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match=r"device='abacus' cannot be used: .* Use 'cpu'"):
        choose_device("abacus")


# -- progress ------------------------------------------------------------------------------------


def test_nothing_is_printed_unless_asked(capfd):
    X, y = regression_data()
    RNNRegressor(**TINY, max_epochs=2, early_stopping=True).fit(X, y)
    assert capfd.readouterr() == ("", "")

    RNNRegressor(**TINY, max_epochs=2, early_stopping=True, verbose=1).fit(X, y)
    bar = capfd.readouterr()
    assert bar.out == ""
    assert "2/2" in bar.err
    assert "valid_loss" in bar.err

    RNNRegressor(**TINY, max_epochs=2, verbose=2).fit(X, y)
    assert "train_loss" in capfd.readouterr().out


def test_training_that_diverges_says_so_and_leaves_the_old_model():
    X, y = regression_data()
    model = RNNRegressor(**TINY, max_epochs=2).fit(X, y)
    before = model.predict(X)

    with pytest.raises(ValueError, match=r"must stay finite; it was \w+ in epoch \d+\. Lower"):
        model.set_params(optimizer="sgd", lr=1e30, gradient_clip_value=None).fit(X, y)

    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "nadam"])
def test_every_optimizer_takes_every_schedule(optimizer):
    X, y = regression_data()
    for schedule in ("onecycle", "cosine"):
        model = RNNRegressor(**TINY, optimizer=optimizer, lr_scheduler=schedule, max_epochs=4)
        group = model.fit(X, y).net_.optimizer_.param_groups[0]
        assert group.get("momentum", 0) == 0


def test_going_on_takes_new_options_of_the_optimizer():
    X, y = regression_data()
    model = RNNRegressor(**TINY, max_epochs=1).fit(X, y)

    model.set_params(optimizer__weight_decay=0.7).partial_fit(X, y)

    assert model.net_.optimizer_.param_groups[0]["weight_decay"] == 0.7
    assert next(iter(model.net_.optimizer_.state.values()))["step"] == 2


def test_lbfgs_calls_the_loss_as_often_as_it_likes():
    X, y = regression_data()
    model = RNNRegressor(
        **TINY,
        optimizer="lbfgs",
        lr=1.0,
        optimizer__line_search_fn="strong_wolfe",
        batch_size=None,
        gradient_clip_value=None,
        max_epochs=20,
    ).fit(X, y)

    assert model.score(X, y) > 0.95
