"""A training step on a window of tokens moves parameters as torch does."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("llvmlite")

from sklearn_rnn.kernels.native import recorder, window_reader
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.optimizers import adam_constants
from sklearn_rnn.kernels.native.plans import Layer
from sklearn_rnn.kernels.native.rules import Rule
from sklearn_rnn.kernels.native.tape import Tape
from sklearn_rnn.kernels.native.token_network import TokenNetwork
from sklearn_rnn.kernels.native.tokens import LOOK_UP, SCATTER
from sklearn_rnn.kernels.native.window_reader import WindowReader
from sklearn_rnn.kernels.native.window_step import WindowPlan

CELLS = {
    "rnn_tanh": nn.RNN,
    "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
RATE, CAPACITY = 2e-3, 12


class Network(nn.Module):
    """What the plan trains, as torch has it."""

    def __init__(self, cell, *, n_tokens=30, size=8, hidden=16, layers=1, drops=False):
        super().__init__()
        self.cell, self.drops = cell, drops
        self.vectors = nn.Embedding(n_tokens, size)
        sizes = [size, *[hidden] * layers]
        self.layers = nn.ModuleList(
            CELLS[cell](*pair, batch_first=True) for pair in itertools.pairwise(sizes)
        )
        self.head = nn.Linear(hidden, n_tokens)

    def forward(self, tokens, factors, states):
        x, after = self.vectors(tokens), []
        for layer, factor, state in zip(self.layers, factors, states, strict=True):
            x, last = layer(x, state)
            x = x if factor is None else x * factor.unsqueeze(1)
            after.append(tuple(s.detach() for s in last) if self.cell == "lstm" else last.detach())
        return self.head(x), after

    def as_tokens(self):
        layers = (Layer(self.cell, tuple(getattr(la, n) for n in NAMES)) for la in self.layers)
        drops = (self.drops,) * len(self.layers)
        head = (self.head.weight, self.head.bias)
        return TokenNetwork(self.vectors.weight, tuple(layers), drops, head)


class Window:
    """Random tokens, factors, and whether rows begin anew."""

    def __init__(self, network, rows, steps, begins):
        n_tokens, hidden = network.vectors.num_embeddings, network.head.in_features
        self.tokens, self.following = torch.randint(n_tokens, (2, rows, steps)).unbind()
        self.begins = begins
        self.factors = [
            (torch.rand(rows, hidden) >= 0.3).float() / 0.7 if network.drops else None
            for _ in network.layers
        ]


def windows(network, rows, count=60):
    """Return windows of unequal size; some begin anew."""
    return [Window(network, rows, 7 + i % 5, i % 20 == 0) for i in range(count)]


def rates(number):
    t = number + 1
    return np.array([RATE / (1 - 0.9**t), 1 / np.sqrt(1 - 0.999**t), RATE], dtype=np.float32)


def new_plan(network, rows, steps=CAPACITY, largest_norm=1.0):
    tokens = network.as_tokens()
    buffers = [(torch.zeros_like(p), torch.zeros_like(p)) for p in tokens.parameters]
    limit = np.array([largest_norm], dtype=np.float32)
    rule = Rule("adam", buffers, adam_constants(0.9, 0.999, 1e-8, 0.0), False, limit)
    return WindowPlan(tokens, rule, rows, steps)


def learn_natively(network, all_windows):
    network = copy.deepcopy(network)
    plan, states, losses = new_plan(network, len(all_windows[0].tokens)), None, []
    for number, w in enumerate(all_windows):
        states = None if w.begins else states
        losses.append(plan.learn(w.tokens.t(), w.following.t(), w.factors, rates(number), states))
        states = plan.states()
    assert plan.done == len(all_windows)
    return network, losses


def learn_by_torch(network, all_windows):
    network = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    states, losses = None, []
    for w in all_windows:
        optimizer.zero_grad()
        states = [None] * len(network.layers) if w.begins else states
        logits, states = network(w.tokens, w.factors, states)
        loss = functional.cross_entropy(logits.flatten(0, 1), w.following.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return network, losses


def assert_close(network, expected, tolerance):
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        assert (ours - theirs).abs().max() <= tolerance * max(1, theirs.abs().max())


@pytest.mark.parametrize(("layers", "rows"), [(1, 70), (2, 21)])
@pytest.mark.parametrize("drops", [False, True], ids=["", "dropout"])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_sixty_windows_are_those_of_torch(cell, drops, layers, rows):
    torch.manual_seed(1)
    network = Network(cell, layers=layers, drops=drops)
    read = windows(network, rows)

    trained, losses = learn_natively(network, read)

    expected, expected_losses = learn_by_torch(network, read)
    assert_close(trained, expected, 1e-5)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)


@pytest.mark.parametrize(
    "sizes",
    [
        {"cell": "gru", "n_tokens": 2, "size": 1, "hidden": 1},
        {"cell": "lstm", "n_tokens": 37, "size": 33, "hidden": 21},
        {"cell": "gru", "n_tokens": 100, "size": 40, "hidden": 32, "drops": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [1, 23])
def test_gradients_are_those_of_double_precision(lanes, sizes, rows):
    torch.manual_seed(1)
    network = Network(layers=2, **sizes)
    tape, total = Tape(), np.zeros(1, np.float32)
    w = Window(network, rows, 11, True)
    constants = np.array([1 / w.tokens.numel(), 0], dtype=np.float32)
    reader = WindowReader(tape, network.as_tokens(), rows, CAPACITY, constants, total)
    held = [w.tokens.t().contiguous(), w.following.t().contiguous()]
    factors = {f"factors_{i}": f.data_ptr() for i, f in enumerate(w.factors) if network.drops}
    tape.give(steps=11, tokens=held[0].data_ptr(), following=held[1].data_ptr(), **factors)
    tape.replay()

    exact = copy.deepcopy(network).double()
    wide = [None if f is None else f.double() for f in w.factors]
    logits, _ = exact(w.tokens, wide, [None, None])
    loss = functional.cross_entropy(logits.flatten(0, 1), w.following.flatten())
    loss.backward()

    np.testing.assert_allclose(total[0], loss.item(), rtol=1e-6)
    for ours, parameter in zip(reader.gradients, exact.as_tokens().parameters, strict=True):
        theirs = parameter.grad.numpy()
        ours = ours.ravel()[: theirs.size].reshape(theirs.shape)  # behind it lie zeros
        np.testing.assert_allclose(ours, theirs, atol=5e-6 * np.abs(theirs).max())


def test_states_are_carried_to_a_plan_of_other_size():
    torch.manual_seed(0)
    network, nothing = Network("lstm", layers=2), np.zeros(3, np.float32)
    plans = [new_plan(network, 5, steps) for steps in (CAPACITY, 40)]
    first, second = windows(network, 5, count=2)

    def learn(plan, w, states):
        return plan.learn(w.tokens.t(), w.following.t(), w.factors, nothing, states)

    learn(plans[0], first, None)
    states = [state.copy() for state in plans[0].states()]
    losses = [learn(plan, second, states) for plan in plans]

    assert losses[0] == losses[1] != learn(plans[0], second, None)


def test_the_same_windows_give_the_same_bits():
    torch.manual_seed(0)
    network = Network("gru", drops=True)
    read = windows(network, 21, count=10)

    trained = [learn_natively(network, read) for _ in range(2)]

    assert_close(trained[0][0], trained[1][0], 0.0)
    assert trained[0][1] == trained[1][1]


def test_nan_spreads():
    torch.manual_seed(0)
    network = Network("lstm", drops=True)
    with torch.no_grad():
        network.vectors.weight[3, 2] = torch.nan
    window = Window(network, 5, 8, True)
    window.tokens[2, 4] = 3

    trained, losses = learn_natively(network, [window])

    assert np.isnan(losses).all()
    assert all(p.isnan().any() for p in trained.parameters())


def test_a_window_that_does_not_fit_is_refused():
    network = Network("gru")
    plan = new_plan(network, 5)
    before = copy.deepcopy(network)

    for rows, steps in ((5, CAPACITY + 1), (6, 4), (5, 0)):
        w = Window(network, rows, steps, True)
        with pytest.raises(IndexError, match="up to 12 steps of 5 rows"):
            plan.learn(w.tokens.t(), w.following.t(), w.factors, rates(0))

    assert_close(network, before, 0.0)
    assert plan.done == 0


class Guarded:
    """Arrays between numbers that nobody may touch, which are NaN should anybody read them."""

    MARGIN, CANARY = 512, 0x7FC0BEEF

    def __init__(self):
        self.arrays = []

    def __call__(self, *shape):
        """Return zeros."""
        whole = np.full(int(np.prod(shape)) + 2 * self.MARGIN, self.CANARY, np.uint32)
        self.arrays.append(whole)
        inside = whole[self.MARGIN : -self.MARGIN].view(np.float32)
        inside[:] = 0
        return inside.reshape(shape)

    def are_untouched(self):
        """Tell whether all margins are as they were."""
        ends = slice(None, self.MARGIN), slice(-self.MARGIN, None)
        return all((a[end] == self.CANARY).all() for a in self.arrays for end in ends)


@pytest.mark.parametrize("drops", [False, True], ids=["", "dropout"])
@pytest.mark.parametrize("rows", [1, 5, 37])
def test_nothing_is_touched_beside_the_arrays(lanes, monkeypatch, rows, drops):
    guarded = Guarded()
    for module in (window_reader, recorder):
        monkeypatch.setattr(module, "aligned", guarded)
    torch.manual_seed(0)
    network = Network("lstm", n_tokens=11, size=5, hidden=7, layers=2, drops=drops)
    for parameter in network.parameters():
        inside = guarded(*parameter.shape)
        inside[:] = parameter.detach().numpy()
        parameter.data = torch.from_numpy(inside)
    plan, states = new_plan(network, rows), None
    for steps in (CAPACITY, 1, 5):
        w = Window(network, rows, steps, True)
        loss = plan.learn(w.tokens.t(), w.following.t(), w.factors, rates(0), states)
        states = plan.states()
        assert np.isfinite(loss)

    assert guarded.are_untouched()
    assert all(p.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("size", [1, 7, 16, 33, 64])
@pytest.mark.parametrize("rows", [1, 13, 16])
def test_vectors_are_looked_up_and_gradients_go_back_to_them(lanes, size, rows):
    rng = np.random.default_rng(0)
    n, steps = 32, 3
    table = rng.normal(size=(6, size)).astype(np.float32)
    tokens = rng.integers(6, size=(steps, rows))
    x = np.full((steps, size, n), np.nan, np.float32)
    d_x = rng.normal(size=(steps, size, n)).astype(np.float32)
    d_x[..., rows:] = 0
    d_table = table.copy()
    tape = Tape()
    common = {"rows": rows, "width": n, "steps": steps, "size": size, "tokens_row": rows}
    common["tokens"] = tokens
    tape.add(step_library(), "look_up", LOOK_UP, table=table, x=x, **common)
    tape.add(step_library(), "scatter", SCATTER, d_table=d_table, d_x=d_x, **common)

    tape.replay()

    expected = table.copy()
    np.add.at(expected, tokens, d_x[..., :rows].transpose(0, 2, 1))
    np.testing.assert_array_equal(x[..., :rows], table[tokens].transpose(0, 2, 1))
    assert not x[..., rows:].any()
    np.testing.assert_allclose(d_table, expected, rtol=1e-5, atol=1e-5)
