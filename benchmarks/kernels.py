"""How fast the native kernels are beside torch's own layers: steps, threads, answers, compiling.

All on windows of 24 values of one series, 64 in a batch, with one recurrent layer of RNN, GRU or
LSTM and a linear map to one answer, float32. Sides take turns in one process, each on one thread;
see `comparison`. Parts, each chosen by its name with ``--only``:

step
    A training step: gather the windows of a batch, forward, squared error, backward, Adam.
    "Fused" is `StepPlan`, which gathers from the series itself; its calls do a turn's batches at
    once, as a fit does. "Autograd" is the native layer inside a torch network. Theirs is a lean
    loop: torch's layer (batch first) and Linear on the last of all states, mse_loss, Adam with
    ``fused=True``; no data loader, no clipping. The wanted figures were set against this form; a
    further table has the leanest one known, which reads the last state that torch gives beside all
    others, and spares a gradient of them. It and "autograd" gather batches by
    ``index_select`` from windows that were cut beforehand. All sides begin with the same weights,
    and it is checked that they learn the same. A second table gives the operations of the
    matrix products of a fused step, 2 for a multiply-add, and their share of what this core can
    do: the peak is that of a loop of multiply-adds in registers, compiled in the same way.
length
    The same for windows of 168. Native code flushes numbers below 1e-38 to zero; torch is left at
    its default, which is not to.
threads
    A fused step by two threads against one: seconds on the wall, which mean something only on a
    machine that does nothing else.
inference
    The last state of a batch without gradients: the native layer against torch's.
latency
    One sequence: `predict_one` against `predict` of the same estimator by ``backend="torch"``, and
    against a torch network like it alone, in inference mode, with one answer and a ready tensor.
compile
    What the first fit takes above a second one, in processor seconds of a fresh process: with an
    empty folder of compiled code, and with what such a process left there. All libraries of a
    cell are needed, for batches of 64 and a last one of 45. Imports are not counted.

    python benchmarks/kernels.py [--quick] [--rounds 31] [--only step latency]
"""

import argparse
import copy
import os
import subprocess
import sys
import tempfile
import time
import warnings
from statistics import median

import numpy as np
import torch
from comparison import CPU, WALL, Table, cores, duration, in_turn, machine, sized
from torch import nn

from sklearn_rnn import RNNClassifier, RNNRegressor, make_windows
from sklearn_rnn.exceptions import NativeKernelError
from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.layers import NativeLayer

BATCH, WINDOW, WINDOWS = 64, 24, 10_000
CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
PARTS = ("step", "length", "threads", "inference", "latency", "compile")

#: Ratios wanted for RNN, GRU and LSTM, and those aimed at, by hidden size.
FUSED = {
    16: ((30, 25, 7), (55, 45, 13)),
    32: ((14, 11, 4), (23, 18, 6)),
    64: ((6, 5, 2.4), (9, 7, 3.3)),
    128: ((2.8, 2.8, 1.7), (4, 4, 2.3)),
    256: ((1.2, 1.2, 1.2), (None, None, None)),
}
AUTOGRAD = {16: (2.5, 5, 1.9), 32: (2.4, 4, 1.7), 64: (2.2, 3, 1.5), 128: (1.8, 2.2, 1.4)}
LONG_WINDOW, LONG_HIDDEN, FUSED_LONG = 168, 64, (5, 5, 3)
TWO_THREADS, BATCH_ANSWERS, ONE_ANSWER = 1.6, 2, 3
COLD_SECONDS, WARM_SECONDS = 3.0, 0.05

LEARNING_RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8


# -- the same network on each side ---------------------------------------------------------


class Windows:
    """Windows of a noisy sine, as a table with starts and as copies; the next value is asked."""

    def __init__(self, window):
        steps = np.arange(WINDOWS + window)
        noise = np.random.default_rng(0).normal(0, 0.1, len(steps))
        series = (np.sin(0.1 * steps) + noise).astype(np.float32)
        X, y = make_windows(series, window)
        self.window = window
        self.table = torch.from_numpy(series)[:, None]
        self.starts = torch.arange(WINDOWS)
        self.x = torch.tensor(np.asarray(X), dtype=torch.float32)
        self.y = torch.tensor(y, dtype=torch.float32)[:, None]
        self._orders = {}

    def order(self, batches):
        """Return which windows so many batches hold; drawn once, so that no turn waits for it."""
        if batches not in self._orders:
            generator = torch.Generator().manual_seed(0)
            drawn = torch.randint(WINDOWS, (batches * BATCH,), generator=generator)
            self._orders[batches] = drawn
        return self._orders[batches]


class Network(nn.Module):
    """A layer and a linear map of the last state, read as `read` reads it."""

    def __init__(self, layer, hidden, read):
        super().__init__()
        self.layer, self.head, self.read = layer, nn.Linear(hidden, 1), read

    def forward(self, x):
        return self.head(self.read(self.layer, x))


def last_of_all(layer, x):
    """Return the last of all states, as most write it."""
    return layer(x)[0][:, -1]


def last_state(layer, x):
    """Return the last hidden state: torch's layers give it beside all others, ours alone."""
    if isinstance(layer, NativeLayer):
        return layer(x, gives_states=False)[1][0]
    last = layer(x)[1]
    return (last[0] if isinstance(last, tuple) else last)[0]


def networks(cell, hidden):
    """Return one network with torch's layer and one with the native layer, of equal weights."""
    generator = torch.Generator().manual_seed(0)
    native = build_layer(
        cell, 1, hidden, backend="native", nonlinearity="tanh", generator=generator
    )
    torchs = CELLS[cell](1, hidden, batch_first=True)
    torchs.load_state_dict(native.state_dict())
    theirs = Network(torchs, hidden, last_of_all)
    ours = Network(native, hidden, last_state)
    ours.head.load_state_dict(theirs.head.state_dict())
    return theirs, ours


class Loop:
    """Training steps in plain torch."""

    def __init__(self, network, data):
        self.network, self.data = network, data
        self.optimizer = torch.optim.Adam(
            network.parameters(), lr=LEARNING_RATE, betas=BETAS, eps=EPS, fused=True
        )

    def run(self, batches):
        """Learn from so many batches; return the last loss."""
        for index in self.data.order(batches).split(BATCH):
            x, y = self.data.x.index_select(0, index), self.data.y.index_select(0, index)
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.network(x), y)
            loss.backward()
            self.optimizer.step()
        return loss.item()


class Fused:
    """Training steps of a native network as one recorded step."""

    def __init__(self, network, data, threads=1):
        from sklearn_rnn.kernels.native.optimizers import adam_constants
        from sklearn_rnn.kernels.native.plans import Data, PlainNetwork
        from sklearn_rnn.kernels.native.rules import Rule
        from sklearn_rnn.kernels.native.step import StepPlan

        self.data, self.done, head = data, 0, network.head
        self.network = network  # the plan knows addresses of its parameters only
        parameters = [*network.layer.as_layer().weights, head.weight, head.bias]
        buffers = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
        rule = Rule("adam", buffers, adam_constants(*BETAS, EPS, 0.0), False, None)
        plain = PlainNetwork((network.layer.as_layer(),), (head.weight, head.bias))
        rows = Data(data.table, data.starts, None, data.y, None, data.window)
        self.plan = StepPlan(plain, "squared_error", 0.0, rule, rows, BATCH, threads)

    def run(self, batches):
        """Learn from so many batches; return the last loss."""
        steps = self.done + np.arange(1, batches + 1)
        lr = np.full(batches, LEARNING_RATE)
        first, second = (1 - beta**steps for beta in BETAS)
        rates = np.stack([lr / first, 1 / np.sqrt(second), lr], axis=1).astype(np.float32)
        self.plan.start(self.data.order(batches), rates)
        self.plan.run(batches)
        self.done += batches
        return float(self.plan.losses[-1])


def check_alike(what, sides, batches=20):
    """Refuse to compare sides that do not learn the same."""
    losses = [side.run(batches) for side in sides]
    if not np.allclose(losses, losses[0], rtol=1e-3):
        raise NativeKernelError(f"{what}: after {batches} batches the losses are {losses}.")


def four_sides(cell, hidden, data):
    """Return the fused step, the native layer in torch, and torch alone in two forms."""
    theirs, ours = networks(cell, hidden)
    leaner = copy.deepcopy(theirs)
    leaner.read = last_state
    sides = [Fused(copy.deepcopy(ours), data), *(Loop(n, data) for n in (ours, theirs, leaner))]
    check_alike(f"{cell} {hidden}", sides)
    return sides


# -- steps ---------------------------------------------------------------------------------


def steps(rounds, sizes):
    data, peak = Windows(WINDOW), Peak()
    fused = Table(f"a training step, {BATCH} windows of {WINDOW}: fused against a lean torch loop")
    measured = {}
    for hidden in sizes:
        for i, cell in enumerate(CELLS):
            sides = [sized(side.run) for side in four_sides(cell, hidden, data)]
            measured[hidden, cell] = seconds = in_turn([*sides, sized(peak.run)], rounds)
            wanted, aims = FUSED[hidden]
            fused.add(row(cell, hidden), seconds[:, 0], seconds[:, 2], wanted[i], aims[i])
    fused.close()
    autograd = Table("the same by the native layer, torch's autograd and torch's fused Adam")
    for (hidden, cell), seconds in measured.items():
        wanted = dict(zip(CELLS, AUTOGRAD.get(hidden, [None] * 3), strict=True))[cell]
        autograd.add(row(cell, hidden), seconds[:, 1], seconds[:, 2], wanted)
    autograd.close()
    leaner = Table("fused, then autograd, against a loop that reads torch's h_n, not all states")
    for (hidden, cell), seconds in measured.items():
        leaner.add(row(cell, hidden), seconds[:, 0], seconds[:, 3])
        leaner.add(f"{row(cell, hidden)}, autograd", seconds[:, 1], seconds[:, 3])
    leaner.close()
    show_operations(measured, peak)


def length(rounds):
    data = Windows(LONG_WINDOW)
    table = Table(
        f"a training step, {BATCH} windows of {LONG_WINDOW}: fused, then autograd, against torch"
    )
    measured = {}
    for i, cell in enumerate(CELLS):
        sides = [sized(side.run) for side in four_sides(cell, LONG_HIDDEN, data)]
        measured[cell] = in_turn(sides, rounds)
        table.add(row(cell, LONG_HIDDEN), measured[cell][:, 0], measured[cell][:, 2], FUSED_LONG[i])
    for cell, seconds in measured.items():
        table.add(f"{row(cell, LONG_HIDDEN)}, autograd", seconds[:, 1], seconds[:, 2])
    table.close()


def show_operations(measured, peak):
    """Print what the fused steps do in a second, beside what the core can do."""
    best = [peak.operations / np.median(seconds[:, 4, CPU]) for seconds in measured.values()]
    print(f"\noperations of the products; peak {median(best) / 1e9:.0f} GFLOP/s")
    print(f"{'what':44s}{'GFLOP/s':>11}{'of the peak':>13}")
    for (hidden, cell), seconds in measured.items():
        rate = operations(cell, hidden) / seconds[:, 0, CPU]
        share = np.median(rate * seconds[:, 4, CPU]) / peak.operations
        print(f"{row(cell, hidden):44s}{np.median(rate) / 1e9:11.1f}{100 * share:12.0f}%")


def operations(cell, hidden, features=1, outputs=1):
    """Return the operations of a step's products: forward, to the state before, to the weights."""
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    forward = weights = 2 * gates * hidden * (features + hidden)
    backward = 2 * gates * hidden * hidden
    head = 3 * 2 * outputs * hidden
    return BATCH * (WINDOW * (forward + backward + weights) + head)


class Peak:
    """Multiply-adds of registers that wait for nothing, as many as hide how long one takes."""

    REPEATS = 200_000

    def __init__(self):
        from sklearn_rnn.kernels.native.compilation import load
        from sklearn_rnn.kernels.native.processors import processor
        from sklearn_rnn.kernels.native.tape import Tape

        target = processor()
        self.sums = 24 if target.registers >= 32 else 12
        self.operations = 2 * self.REPEATS * self.sums * target.lanes
        library = load(f"multiply-adds-{self.sums}", self._build, target)
        self._numbers = np.zeros((2, target.lanes), dtype=np.float32)
        self._result = np.zeros(target.lanes, dtype=np.float32)
        self._tape = Tape()
        self._tape.add(
            library,
            "multiply_adds",
            "repeats:n numbers result",
            repeats=self.REPEATS,
            numbers=self._numbers,
            result=self._result,
        )

    def _build(self, target):
        from sklearn_rnn.kernels.native.emission import Emitter

        emitter = Emitter("multiply-adds", target.lanes, target.registers)
        with emitter.operation("multiply_adds", "repeats:n numbers result") as a:
            factor, summand = a.numbers.load(), a.numbers.load(target.lanes)
            sums = [emitter.variable(float(i)) for i in range(self.sums)]
            with emitter.loop(0, a.repeats):
                for variable in sums:
                    variable.set(variable.get() * factor + summand)
            for variable in sums:
                a.result.add(variable.get())
        return emitter.module

    def run(self, times):
        self._tape.replay(times)


# -- threads -------------------------------------------------------------------------------


def threads(rounds):
    data, hidden = Windows(WINDOW), 64
    table = Table(f"a fused step by two threads against one, batch {BATCH}, on the wall", WALL)
    if cores() < 2:
        table.note("left out: this process may use one core only")
        return
    table.note("means something only on a machine that does nothing else")
    for cell in CELLS:
        _, network = networks(cell, hidden)
        two, one = (Fused(copy.deepcopy(network), data, n) for n in (2, 1))
        check_alike(cell, [two, one])
        seconds = in_turn([sized(side.run) for side in (two, one)], rounds)
        table.add(row(cell, hidden), seconds[:, 0], seconds[:, 1], TWO_THREADS)
    table.close()


# -- answers -------------------------------------------------------------------------------


def inference(rounds, sizes):
    data = Windows(WINDOW)
    table = Table(f"the last state of N windows of {WINDOW}, without gradients")
    with torch.no_grad():
        for hidden in (size for size in sizes if size <= 64):
            for cell in CELLS:
                theirs, ours = networks(cell, hidden)
                for n in (64, 256):
                    x = data.x[:n].contiguous()
                    sides = [sized(repeating(last_state, net.layer, x)) for net in (ours, theirs)]
                    seconds = in_turn(sides, rounds)
                    what = f"{row(cell, hidden)}, N {n}"
                    table.add(what, seconds[:, 0], seconds[:, 1], BATCH_ANSWERS)
    table.close()


def latency(rounds):
    X, y = make_windows(np.sin(0.1 * np.arange(500.0)), WINDOW)
    table = Table(f"one sequence of {WINDOW}: predict_one against predict by backend='torch'")
    for hidden in (16, 64):
        for cell in CELLS:
            options = {"cell": cell, "hidden_size": hidden, "max_epochs": 1, "random_state": 0}
            plain = {"bidirectional": False, "num_layers": 1, "pooling": "last", "patch_length": 1}
            for kind, target, more in (
                (RNNRegressor, y, {}),
                (RNNClassifier, np.digitize(y, [-0.5, 0.5]), plain),
            ):
                ours, theirs = (
                    kind(**options, **more, backend=backend).fit(X, target)
                    for backend in ("native", "torch")
                )
                x = np.ascontiguousarray(X[0])
                if not np.allclose(ours.predict_one(x), theirs.predict([x])[0], atol=1e-4):
                    raise NativeKernelError(f"{kind.__name__}, {cell}: answers differ.")
                bare, tensor = networks(cell, hidden)[0], torch.tensor(x, dtype=torch.float32)[None]
                sides = [
                    sized(repeating(ours.predict_one, x)),
                    sized(repeating(theirs.predict, [x])),
                    sized(repeating(torch.inference_mode()(bare), tensor)),
                ]
                seconds = in_turn(sides, rounds)
                what = f"{kind.__name__}, {row(cell, hidden)}"
                table.add(what, seconds[:, 0], seconds[:, 1], ONE_ANSWER)
                table.add("  and the bare torch network", seconds[:, 0], seconds[:, 2])
    table.close()


def repeating(function, *arguments):
    """Return what calls a function so many times."""

    def run(times):
        for _ in range(times):
            function(*arguments)

    return run


# -- compiling -----------------------------------------------------------------------------


def compiling(rounds):
    table = Table("compiled code of a fit, processor seconds in a fresh process")
    for cell in CELLS:
        cold, warm, sizes = [], [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(fresh(cell, folder))
                warm.append(fresh(cell, folder))
                sizes.append(sum(entry.stat().st_size for entry in os.scandir(folder)))
        table.limit(f"{cell}, nothing compiled yet", median(cold), COLD_SECONDS)
        what = f"{cell}, from the folder ({median(sizes) / 1e6:.1f} MB)"
        table.limit(what, median(warm), WARM_SECONDS)
    table.close()


def fresh(cell, folder):
    """Return what the first fit of a new process takes above its second."""
    environment = {**os.environ, "SKLEARN_RNN_CACHE": folder}
    command = [sys.executable, __file__, "--first-fit", cell]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return float(answer.stdout)


def first_fit(cell):
    """Print it. All that is not native has been used before, by fits that torch computes."""
    import sklearn_rnn.kernels.native.step  # noqa: F401  # brings llvmlite

    torch.set_num_threads(1)
    # a last batch of 45 takes blocks of every width, whatever the registers
    X, y = make_windows(np.sin(0.1 * np.arange(BATCH + 45.0 + WINDOW)), WINDOW)
    taken = []
    for backend in ("torch", "torch", "native", "native"):
        start = time.process_time()
        RNNRegressor(cell=cell, max_epochs=1, backend=backend, random_state=0).fit(X, y)
        taken.append(time.process_time() - start)
    print(taken[2] - taken[3])


# -- the whole -----------------------------------------------------------------------------


def row(cell, hidden):
    return f"{cell.upper():4s} hidden {hidden}"


def main(parts, rounds, quick):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(machine())
    why_not = why_unavailable()
    if why_not:
        print(f"There is nothing to measure: {why_not}.")
        return
    sizes = (16, 64) if quick else tuple(FUSED)
    print(f"medians of the ratios of {rounds} rounds" + (", quick" if quick else ""))
    run = {
        "step": lambda: steps(rounds, sizes),
        "length": lambda: length(rounds),
        "threads": lambda: threads(rounds),
        "inference": lambda: inference(rounds, sizes),
        "latency": lambda: latency(rounds),
        "compile": lambda: compiling(1 if quick else 3),
    }
    start = time.perf_counter()
    for part in parts:
        run[part]()
    print(f"\n{duration(time.perf_counter() - start)} in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="31; 5 with --quick")
    parser.add_argument("--quick", action="store_true", help="few rounds, two sizes")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--first-fit", choices=list(CELLS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.first_fit:
        first_fit(arguments.first_fit)
    else:
        rounds = arguments.rounds or (5 if arguments.quick else 31)
        main(arguments.only, rounds, arguments.quick)
