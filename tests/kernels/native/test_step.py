"""A training step without Python moves parameters as torch does."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("llvmlite")

from sklearn_rnn.kernels.native.optimizers import adam_constants
from sklearn_rnn.kernels.native.plans import Data, Layer, PlainNetwork
from sklearn_rnn.kernels.native.rules import Rule
from sklearn_rnn.kernels.native.step import StepPlan

CELLS = {
    "rnn_tanh": nn.RNN,
    "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
RATE = 1e-3


class Network(nn.Module):
    """What the plan trains, as torch has it."""

    def __init__(self, cell, features, hidden, layers, outputs):
        super().__init__()
        self.cell = cell
        self.rnn = CELLS[cell](features, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x, lengths):
        states, _ = self.rnn(x)
        return self.head(states[torch.arange(len(x)), lengths - 1])

    def as_plain(self):
        layers = tuple(
            Layer(self.cell, tuple(getattr(self.rnn, f"{name}_l{i}") for name in NAMES))
            for i in range(self.rnn.num_layers)
        )
        return PlainNetwork(layers, (self.head.weight, self.head.bias))


def adam_rates(batches):
    t = np.arange(1, batches + 1)
    return np.stack(
        [RATE / (1 - 0.9**t), 1 / np.sqrt(1 - 0.999**t), np.full(batches, RATE)], axis=1
    ).astype(np.float32)


def adam_rule(parameters, largest_norm=None):
    buffers = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    limit = None if largest_norm is None else np.array([largest_norm], dtype=np.float32)
    return Rule("adam", buffers, adam_constants(0.9, 0.999, 1e-8, 0.0), False, limit)


def problem(
    *, cell="gru", hidden=16, features=1, layers=1, outputs=1, steps=12, n=300, ragged=False
):
    torch.manual_seed(0)
    network = Network(cell, features, hidden, layers, outputs)
    lengths = torch.randint(1, steps + 1, (n,)) if ragged else None
    data = Data(
        torch.randn(n + steps, features), torch.randperm(n), lengths, torch.randn(n, outputs),
        None, steps,
    )  # fmt: skip
    return network, data


def windows(data, index):
    """Return a batch as torch reads it, and its lengths."""
    x = torch.stack([data.table[s : s + data.steps] for s in data.starts[index].tolist()])
    if data.lengths is None:
        return x, torch.full((len(index),), data.steps)
    return x, data.lengths[index]


def learn_by_torch(network, data, order, largest_norm):
    network = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    losses = []
    for index in order:
        optimizer.zero_grad()
        loss = functional.mse_loss(network(*windows(data, index)), data.targets[index])
        loss.backward()
        if largest_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), largest_norm)
        optimizer.step()
        losses.append(loss.item())
    return network, losses


def learn_natively(network, data, order, *, largest_norm=None, threads=1, at_a_time=7):
    network = copy.deepcopy(network)
    rule = adam_rule(list(network.parameters()), largest_norm)
    rows, batches = order.shape[1], len(order)
    plan = StepPlan(network.as_plain(), "squared_error", 0.0, rule, data, rows, threads)
    plan.start(order.reshape(-1), adam_rates(batches))
    for first in range(0, batches, at_a_time):
        plan.run(min(at_a_time, batches - first))
    return network, plan.losses


def largest_difference(network, other):
    pairs = zip(network.parameters(), other.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"features": 3, "outputs": 4, "hidden": 21},
        {"layers": 3, "hidden": 8},
        {"ragged": True, "layers": 2},
        {"steps": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("rows", [1, 50, 64])
def test_a_hundred_steps_are_those_of_torch(cell, options, rows):
    network, data = problem(cell=cell, **options)
    order = torch.randint(len(data.starts), (100, rows))
    expected, losses = learn_by_torch(network, data, order, None)
    trained, native_losses = learn_natively(network, data, order)
    assert largest_difference(trained, expected) < 1e-5
    np.testing.assert_allclose(native_losses, losses, rtol=1e-5, atol=1e-5)
    assert largest_difference(trained, network) > 1e-2


@pytest.mark.parametrize("largest_norm", [1e-3, 0.1, 100.0])
def test_clipping_is_that_of_torch(largest_norm):
    network, data = problem(cell="lstm", layers=2)
    order = torch.randint(len(data.starts), (60, 40))
    expected, _ = learn_by_torch(network, data, order, largest_norm)
    trained, _ = learn_natively(network, data, order, largest_norm=largest_norm)
    assert largest_difference(trained, expected) < 1e-5


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("ragged", [False, True])
def test_threads_share_a_batch(threads, ragged):
    network, data = problem(cell="lstm", hidden=24, layers=2, ragged=ragged)
    order = torch.randint(len(data.starts), (40, 100))
    expected, _ = learn_by_torch(network, data, order, 0.5)
    first, losses = learn_natively(network, data, order, threads=threads, largest_norm=0.5)
    again, losses_again = learn_natively(network, data, order, threads=threads, largest_norm=0.5)
    assert largest_difference(first, expected) < 1e-5
    assert largest_difference(first, again) == 0
    np.testing.assert_array_equal(losses, losses_again)


def test_results_do_not_depend_on_how_many_batches_are_run_at_a_time():
    network, data = problem(cell="gru")
    order = torch.randint(len(data.starts), (30, 64))
    one, _ = learn_natively(network, data, order, at_a_time=1)
    all_, _ = learn_natively(network, data, order, at_a_time=30)
    assert largest_difference(one, all_) == 0


def test_a_diverging_network_becomes_nan_and_not_something_else():
    network, data = problem()
    data.targets[3] = torch.nan
    order = torch.full((2, 16), 3)
    trained, losses = learn_natively(network, data, order)
    assert np.isnan(losses).all()
    assert all(p.isnan().all() for p in trained.parameters())
