"""How long whole fits take beside those of plain skorch, sktime, darts and neuralforecast.

10,000 windows of 24 values of one series, 20 epochs in batches of 64, one recurrent layer (RNN, GRU
or LSTM; tanh) and a linear map of its last state, Adam with a learning rate of 0.001; no clipping,
no validation, no scaling, one thread. Regression asks for the next value by the squared error,
classification which third it is in by the cross-entropy. Sides take turns in one process; see
`comparison`. Data has been brought into the form that each side wants beforehand; what is counted
is making the model and fitting it. What was learned is printed below the times: the error over
all windows.

Ours are `RNNRegressor` and `RNNClassifier`. What the others do otherwise:

lean torch loop
    No library: what anyone would write, with `fused=True` for Adam. Not among the peers.
skorch
    The same torch module in a NeuralNetRegressor or NeuralNetClassifier, with its own data loader.
sktime
    SimpleRNNRegressorTorch and SimpleRNNClassifierTorch, and GRUClassifier; there is no regressor
    with a GRU, and none at all with an LSTM alone. Batches are not shuffled. Weights begin
    orthogonal (ours too) and biases at zero.
darts
    `BlockRNNModel` on the series itself, of which it cuts the same windows; regression only.
neuralforecast
    RNN, GRU and LSTM on the series itself; regression only. It has no epochs of windows: each of as
    many steps draws 64 of all 10,000. The decoder is one linear layer, the loss MSE with its masks.

darts and neuralforecast train by Lightning, whose bars, logs, summaries and checkpoints are off.
A peer that is not installed is left out. The fastest peer is what the wanted ratio is about.

The search is `GridSearchCV` over 12 candidates and 3 folds, by two workers that have been warmed
up, of a GRU classifier as above on 1,500 windows, 20 epochs, beside the same of skorch; seconds on
the wall, which mean something only on a machine that does nothing else.

    python benchmarks/fit.py [--quick] [--rounds 3] [--only regression search]
"""

import argparse
import logging
import time
import warnings
from importlib import metadata

import numpy as np
import torch
from comparison import CPU, WALL, Side, Table, cores, duration, in_turn, machine
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from sklearn_rnn import RNNClassifier, RNNRegressor, make_windows

BATCH, WINDOW, WINDOWS, EPOCHS, CLASSES = 64, 24, 10_000, 20, 3
LEARNING_RATE = 1e-3
CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
#: How many times as fast as the fastest peer, by hidden size.
WANTED = {16: 5, 64: 2.5}
WANTED_SEARCH = 5
SEARCH_WINDOWS = 1_500
CANDIDATES = {"hidden_size": [8, 16, 32], "lr": [1e-3, 3e-3, 1e-2, 3e-2]}


class Task:
    """Windows of a noisy sine and what is asked of each: its next value, or which third that is."""

    def __init__(self, classifies, windows, epochs, hidden=16, cell="rnn"):
        steps = np.arange(windows + WINDOW)
        noise = np.random.default_rng(0).normal(0, 0.1, len(steps))
        self.series = np.sin(0.1 * steps) + noise
        self.X, self.y = make_windows(self.series, WINDOW)
        self.classifies, self.epochs, self.hidden, self.cell = classifies, epochs, hidden, cell
        if classifies:
            self.y = np.digitize(self.y, np.quantile(self.y, [1 / 3, 2 / 3]))

    def tensors(self):
        """Return windows (N, T, 1) and targets as torch wants them."""
        x = torch.tensor(np.asarray(self.X), dtype=torch.float32)
        if self.classifies:
            return x, torch.from_numpy(self.y)
        return x, torch.tensor(self.y, dtype=torch.float32)[:, None]

    def error(self, answers):
        """Return how far answers are from what was asked: mean square, or the share of errors."""
        if not self.classifies:
            return float(np.mean((np.ravel(answers) - self.y) ** 2))
        answers = np.asarray(answers)
        return float(np.mean((answers.argmax(axis=1) if answers.ndim == 2 else answers) != self.y))


class Network(nn.Module):
    """What a user of torch would write."""

    def __init__(self, cell, hidden_size, outputs):
        super().__init__()
        self.layer = CELLS[cell](1, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, outputs)

    def forward(self, x):
        last = self.layer(x)[1]
        return self.head((last[0] if isinstance(last, tuple) else last)[0])


# -- the sides: each takes a task, and returns what fits and then answers all windows ---------


def sklearn_rnn(task):
    options = {
        "cell": task.cell,
        "hidden_size": task.hidden,
        "lr": LEARNING_RATE,
        "max_epochs": task.epochs,
        "batch_size": BATCH,
    }

    def fit():
        model = (our_classifier if task.classifies else our_regressor)(**options)
        model.fit(task.X, task.y)
        return lambda: model.predict(task.X)

    return fit


def our_regressor(**options):
    return RNNRegressor(
        **options, gradient_clip_value=None, scaler=None, n_threads=1, random_state=0
    )


def our_classifier(**options):
    return RNNClassifier(
        **options,
        bidirectional=False,
        num_layers=1,
        pooling="last",
        patch_length=1,
        optimizer="adam",
        lr_scheduler=None,
        input_noise=0.0,
        label_smoothing=0.0,
        gradient_clip_value=None,
        scaler=None,
        n_threads=1,
        random_state=0,
    )


def lean_loop(task):
    x, target = task.tensors()
    loss = nn.functional.cross_entropy if task.classifies else nn.functional.mse_loss

    def fit():
        network = Network(task.cell, task.hidden, CLASSES if task.classifies else 1)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
        for _ in range(task.epochs):
            for index in torch.randperm(len(x)).split(BATCH):
                optimizer.zero_grad()
                loss(network(x[index]), target[index]).backward()
                optimizer.step()
        return lambda: answered(network, x)

    return fit


def skorch(task):
    x, target = (tensor.numpy() for tensor in task.tensors())

    def fit():
        net = skorch_net(task.classifies, task.epochs, cell=task.cell, hidden_size=task.hidden)
        net.fit(x, target)
        return lambda: net.predict(x)

    return fit


def skorch_net(classifies, epochs, **module):
    kind = NeuralNetClassifier if classifies else NeuralNetRegressor
    return kind(
        Network,
        **{f"module__{name}": value for name, value in module.items()},
        module__outputs=CLASSES if classifies else 1,
        criterion=nn.CrossEntropyLoss if classifies else nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        max_epochs=epochs,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def sktime(task):
    from sktime.classification.deep_learning.gru import GRUClassifier
    from sktime.classification.deep_learning.rnn import SimpleRNNClassifierTorch
    from sktime.regression.deep_learning.rnn import SimpleRNNRegressorTorch

    common = {
        "hidden_dim": task.hidden,
        "n_layers": 1,
        "num_epochs": task.epochs,
        "batch_size": BATCH,
        "optimizer": "Adam",
        "lr": LEARNING_RATE,
        "random_state": 0,
    }
    plain = {"activation_hidden": "Tanh", "callbacks": None}
    kinds = {
        ("rnn", False): (SimpleRNNRegressorTorch, plain),
        ("rnn", True): (SimpleRNNClassifierTorch, plain),
        ("gru", True): (GRUClassifier, {"batch_first": True}),
    }
    if (task.cell, task.classifies) not in kinds:
        return None
    kind, more = kinds[task.cell, task.classifies]
    x = np.ascontiguousarray(task.X.transpose(0, 2, 1))

    def fit():
        model = kind(**common, **more).fit(x, task.y)
        return lambda: model.predict(x)

    return fit


def darts(task):
    if task.classifies:
        return None
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    series = TimeSeries.from_values(task.series.astype(np.float32))
    x, _ = task.tensors()

    def fit():
        model = BlockRNNModel(
            input_chunk_length=WINDOW,
            output_chunk_length=1,
            model=task.cell.upper(),
            hidden_dim=task.hidden,
            batch_size=BATCH,
            n_epochs=task.epochs,
            optimizer_kwargs={"lr": LEARNING_RATE},
            random_state=0,
            pl_trainer_kwargs=quiet_trainer(),
        )
        model.fit(series, verbose=False)
        network = model.model
        return lambda: answered(lambda x: network.fc(network.rnn(x)[0][:, -1]), x)

    return fit


def neuralforecast(task):
    if task.classifies:
        return None
    import pandas as pd
    from neuralforecast import NeuralForecast, models
    from neuralforecast.losses.pytorch import MSE

    frame = pd.DataFrame({"unique_id": 0, "ds": np.arange(len(task.series)), "y": task.series})
    x, _ = task.tensors()

    def fit():
        network = getattr(models, task.cell.upper())(
            h=1,
            input_size=WINDOW,
            encoder_n_layers=1,
            encoder_hidden_size=task.hidden,
            decoder_layers=1,
            loss=MSE(),
            max_steps=task.epochs * -(-len(task.X) // BATCH),
            learning_rate=LEARNING_RATE,
            windows_batch_size=BATCH,
            scaler_type="identity",
            random_seed=0,
            **quiet_trainer(),
        )
        model = NeuralForecast([network], freq=1)
        model.fit(frame)
        fitted = model.models[0]
        return lambda: answered(lambda x: fitted.mlp_decoder(fitted.hist_encoder(x)[0][:, -1]), x)

    return fit


def quiet_trainer():
    """Return what keeps Lightning's trainer from all but training."""
    for name in ("pytorch_lightning", "lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
    }


def answered(network, x):
    with torch.no_grad():
        return network(x).numpy()


SIDES = {
    "ours": sklearn_rnn,
    "lean torch loop": lean_loop,
    "skorch": skorch,
    "sktime": sktime,
    "darts": darts,
    "neuralforecast": neuralforecast,
}
PEERS = tuple(SIDES)[2:]


# -- whole fits ------------------------------------------------------------------------------


class Fitting:
    """A side that keeps what it fitted last."""

    def __init__(self, fit):
        self.fit = fit

    def __call__(self, times):
        for _ in range(times):
            self.answers = self.fit()


def compare(classifies, rounds, windows, epochs):
    table = Table(
        f"{'classification' if classifies else 'regression'}: "
        f"{windows:,} windows of {WINDOW}, {epochs} epochs in batches of {BATCH}"
    )
    for hidden, wanted in WANTED.items():
        for cell in CELLS:
            task = Task(classifies, windows, epochs, hidden, cell)
            sides = made(task)
            for warm in made(Task(classifies, 1000, 1, hidden, cell)).values():
                warm(1)
            seconds = in_turn([Side(side) for side in sides.values()], rounds)
            taken = dict(zip(sides, seconds.swapaxes(0, 1), strict=True))
            peers = [name for name in taken if name in PEERS]
            peers.sort(key=lambda name: np.median(taken[name][:, CPU]))
            for name in (*peers, "lean torch loop"):
                goal = wanted if name == peers[0] else None
                what = f"{cell.upper():4s} hidden {hidden}, {name}"
                table.add(what, taken["ours"], taken[name], goal)
            errors = (f"{name} {task.error(side.answers()):.4f}" for name, side in sides.items())
            table.note(f"{'wrong' if classifies else 'mean squared error'}: {', '.join(errors)}")
    table.close()


def made(task):
    """Return those sides of a task that are there, by name."""
    there = {name: side for name, side in SIDES.items() if name not in PEERS or installed(name)}
    fits = {name: side(task) for name, side in there.items()}
    return {name: Fitting(fit) for name, fit in fits.items() if fit is not None}


def installed(name):
    """Return the version of a peer; None if it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# -- a search --------------------------------------------------------------------------------


def search(rounds, windows, epochs):
    for side in searches(windows, 1):
        side(1)  # workers start, and load what they need
    table = Table(
        f"GridSearchCV of a GRU classifier, 12 candidates, 3 folds, two workers, "
        f"{windows:,} windows, {epochs} epochs",
        WALL,
    )
    if cores() < 2:
        table.note("on one core, which two workers share")
    sides = searches(windows, epochs)
    seconds = in_turn([Side(side) for side in sides], rounds)
    table.add("against skorch", seconds[:, 0], seconds[:, 1], WANTED_SEARCH)
    best = (f"{side.best:.4f}" for side in sides)
    table.note(f"accuracy of the best: ours, theirs {', '.join(best)}")
    table.close()


def searches(windows, epochs):
    """Return our search and skorch's."""
    task = Task(True, windows, epochs)
    x, target = (tensor.numpy() for tensor in task.tensors())
    ours = our_classifier(cell="gru", max_epochs=epochs, batch_size=BATCH)
    theirs = skorch_net(True, epochs, cell="gru", hidden_size=8)
    grid = {"module__hidden_size": CANDIDATES["hidden_size"], "lr": CANDIDATES["lr"]}
    return Searching(ours, CANDIDATES, task.X, task.y), Searching(theirs, grid, x, target)


class Searching:
    """A search that is done with two workers."""

    def __init__(self, model, grid, *data):
        self.search = GridSearchCV(model, grid, cv=3, n_jobs=2, refit=False)
        self.data = data

    def __call__(self, times):
        for _ in range(times):
            self.best = self.search.fit(*self.data).cv_results_["mean_test_score"].max()


# -- the whole -------------------------------------------------------------------------------


def main(parts, rounds, quick):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    print(machine())
    versions = {name: installed(name) for name in PEERS}
    print(", ".join(f"{name} {version}" for name, version in versions.items() if version))
    for name, version in versions.items():
        if not version:
            print(f"{name} is not installed, and left out")
    print(f"medians of the ratios of {rounds} rounds")
    windows, epochs = (2_000, 2) if quick else (WINDOWS, EPOCHS)
    run = {
        "regression": lambda: compare(False, rounds, windows, epochs),
        "classification": lambda: compare(True, rounds, windows, epochs),
        "search": lambda: search(rounds, SEARCH_WINDOWS, 2 if quick else EPOCHS),
    }
    start = time.perf_counter()
    for part in parts:
        run[part]()
    print(f"\n{duration(time.perf_counter() - start)} in all")


if __name__ == "__main__":
    parts = ("regression", "classification", "search")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="3; 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="one round, few windows and epochs")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART")
    arguments = parser.parse_args()
    main(arguments.only, arguments.rounds or (1 if arguments.quick else 3), arguments.quick)
