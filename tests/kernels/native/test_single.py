"""One sequence, its units side by side in registers, gives the states and answers of torch."""

import numpy as np
import pytest
import torch
from torch import Generator, nn

pytest.importorskip("llvmlite")

from sklearn_rnn.kernels.native.one_sequence import Head, LayerWeights, OneSequence, Pooled
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.modules.pooling import POOLINGS, Pooling

CELLS = {
    "rnn_tanh": lambda *sizes, **o: nn.RNN(*sizes, nonlinearity="tanh", **o),
    "rnn_relu": lambda *sizes, **o: nn.RNN(*sizes, nonlinearity="relu", **o),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

every_cell = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture(params=["avx512", "avx2", "plain"])
def lanes(request, monkeypatch):
    """Use registers of each width that the processor has."""
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", request.param)
    wanted = {"avx512": 16, "avx2": 8, "plain": 4}[request.param]
    if processor().lanes != wanted:
        pytest.skip(f"this processor has no {request.param}")
    return wanted


def make(cell, features, hidden, num_layers=1, bidirectional=False, seed=0):
    """Return layers of torch, and a reader of the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        options = {"num_layers": num_layers, "bidirectional": bidirectional}
        network = CELLS[cell](features, hidden, batch_first=True, **options)
    return network, OneSequence(weights_of(cell, network))


def weights_of(cell, network):
    ways = ("", "_reverse")[: 1 + network.bidirectional]
    return [
        [
            LayerWeights(
                cell, *(getattr(network, f"{n}_l{depth}{way}").detach().numpy() for n in NAMES)
            )
            for way in ways
        ]
        for depth in range(network.num_layers)
    ]


def expected(network, x, state=None):
    """Return states (T, D, H) and the last state, computed in float64."""
    exact = type(network)(
        network.input_size,
        network.hidden_size,
        network.num_layers,
        bidirectional=network.bidirectional,
        batch_first=True,
        **({"nonlinearity": network.nonlinearity} if isinstance(network, nn.RNN) else {}),
    ).double()
    exact.load_state_dict(network.state_dict())
    with torch.no_grad():
        states, last = exact(torch.as_tensor(x, dtype=torch.float64), state)
    return states.reshape(len(x), -1, network.hidden_size).numpy(), last


def assert_close(found, wanted, tolerance=2e-6):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


def steps(count, features, seed=0):
    return np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32)


@every_cell
@pytest.mark.parametrize(
    ("features", "hidden", "length"),
    [(1, 2, 1), (2, 3, 5), (1, 4, 33), (3, 7, 16), (40, 16, 17), (1, 17, 24), (5, 50, 200)],
)
def test_states_are_those_of_torch(lanes, cell, features, hidden, length):
    network, reader = make(cell, features, hidden)
    x = steps(length, features)

    assert_close(reader.read(x), expected(network, x)[0])


@every_cell
@pytest.mark.parametrize("features", [1, 40, 600])
def test_many_units_are_as_exact(lanes, cell, features):
    network, reader = make(cell, features, 300)
    x = steps(30, features)

    assert_close(reader.read(x), expected(network, x)[0])


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("hidden", [3, 16, 37])
def test_layers_lie_on_top_of_one_another(lanes, cell, bidirectional, hidden):
    network, reader = make(cell, 2, hidden, num_layers=3, bidirectional=bidirectional)
    x = steps(20, 2)

    assert_close(reader.read(x), expected(network, x)[0])


def test_layers_may_have_cells_and_sizes_of_their_own(lanes):
    networks = [make("gru", 2, 5)[0], make("lstm", 5, 9)[0], make("rnn_tanh", 9, 3)[0]]
    layers = [
        weights_of(c, n)[0] for c, n in zip(("gru", "lstm", "rnn_tanh"), networks, strict=True)
    ]
    x = steps(12, 2)

    states = OneSequence(layers).read(x)

    wanted = x
    for network in networks:
        wanted = expected(network, wanted)[0][:, 0]
    assert_close(states[:, 0], wanted)


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_follow_one_another_without_a_trace(cell, bidirectional):
    network, reader = make(cell, 1, 6, num_layers=2, bidirectional=bidirectional)

    for length in (5, 40, 3, 39, 1, 80, 5):
        x = steps(length, 1, seed=length)
        assert_close(reader.read(x), expected(network, x)[0])


@every_cell
def test_a_sequence_may_be_read_in_pieces(cell):
    _, reader = make(cell, 2, 6, num_layers=2)
    x = steps(30, 2)
    whole = reader.read(x).copy()

    first = reader.read(x[:13]).copy()
    second = reader.read(x[13:], state=reader.last_state()).copy()

    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(reader.read(x), whole)


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_before_and_after_are_those_of_torch(lanes, cell, bidirectional):
    network, reader = make(cell, 2, 6, num_layers=2, bidirectional=bidirectional)
    x, count = steps(9, 2), 4 if bidirectional else 2
    given = torch.from_numpy(np.random.default_rng(1).normal(size=(2, count, 6)))
    parts = [given[i].reshape(2, -1, 6).numpy() for i in range(2)]
    state = [[(h, c) for h, c in zip(*layer, strict=True)] for layer in zip(*parts, strict=True)]

    found = reader.read(x, state=state)

    wanted, last = expected(network, x, tuple(given) if cell == "lstm" else given[0])
    assert_close(found, wanted)
    kept = last if cell == "lstm" else (last,)
    for number, array in enumerate(kept):
        after = [ways[number] for layer in reader.last_state() for ways in layer]
        assert_close(np.stack(after), array.numpy())


@every_cell
@pytest.mark.parametrize("name", NAMES)
def test_weights_that_change_are_noticed(cell, name):
    network, reader = make(cell, 2, 6, num_layers=2, bidirectional=True)
    x = steps(8, 2)
    before = reader.read(x).copy()

    getattr(network, f"{name}_l1_reverse").data.view(-1)[-1] += 1  # no version counts this

    after = reader.read(x)
    assert_close(after, expected(network, x)[0])
    assert np.abs(after - before).max() > 1e-3


def test_weights_that_are_no_longer_numbers_are_noticed():
    network, reader = make("gru", 2, 6)
    x = steps(8, 2)
    reader.read(x)

    with torch.no_grad():
        network.weight_hh_l0[0, 0] = torch.nan

    assert np.isnan(reader.read(x)[-1]).all()


@every_cell
def test_what_is_no_number_spreads_and_what_is_huge_saturates(cell):
    network, reader = make(cell, 1, 5)
    x = steps(6, 1)
    x[2] = np.nan

    states = reader.read(x)

    assert np.isfinite(states[:2]).all()
    assert np.isnan(states[2:]).all()
    if cell != "rnn_relu":
        x[2] = 1e30
        assert_close(reader.read(x), expected(network, x)[0])


@pytest.mark.parametrize("names", [[name] for name in POOLINGS] + [[*POOLINGS, "attention"]])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("hidden", [5, 16, 50])
def test_poolings_and_the_head_are_those_of_torch(lanes, names, bidirectional, hidden):
    directions = 1 + bidirectional
    network = make("gru", 2, hidden, bidirectional=bidirectional)[0]
    pooling = Pooling(names, directions * hidden, Generator().manual_seed(0))
    weight, bias = (
        torch.randn(s, generator=Generator().manual_seed(1))
        for s in ((3, pooling.output_size), (3,))
    )
    scores = [[p.detach().numpy() for p in part.parameters()] for part in pooling.parts]
    poolings = [Pooled(name, *arrays) for name, arrays in zip(names, scores, strict=True)]
    reader = OneSequence(weights_of("gru", network), Head(poolings, weight.numpy(), bias.numpy()))

    for length in (1, 30, 7):
        x = steps(length, 2, seed=length)
        reader.read(x)

        states = torch.from_numpy(expected(network, x)[0])
        last = torch.cat([states[-1, 0], *([states[0, 1]] if bidirectional else [])])
        with torch.no_grad():
            pooled = pooling.double()(states.reshape(1, length, -1), last.unsqueeze(0), None)
        wanted = pooled[0] @ weight.double().T + bias.double()
        np.testing.assert_allclose(reader.answer, wanted.numpy(), rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("unknown", [0, 3, 5])
def test_poolings_pass_on_what_is_no_number(name, unknown):
    network = make("gru", 1, 5)[0]
    weight, score = (
        np.ones((1, 5), np.float32),
        (np.ones((1, 5), np.float32), np.zeros(1, np.float32)),
    )
    pooled = Pooled(name, *score) if name == "attention" else Pooled(name)
    reader = OneSequence(
        weights_of("gru", network), Head([pooled], weight, np.zeros(1, np.float32))
    )
    x = steps(6, 1)
    x[unknown] = np.nan

    reader.read(x)

    assert np.isnan(reader.answer).all()
