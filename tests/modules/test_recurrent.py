"""Laws of the recurrent stack, for every cell and backend."""

import copy
import pickle

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_rnn.exceptions import CellError, StateError
from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.modules.cells import CELLS, RecurrentCell, build_layer
from sklearn_rnn.modules.noise import Dropout
from sklearn_rnn.modules.recurrent import RecurrentStack

IMPLEMENTATIONS = [
    (cell, backend)
    for cell, made_by in CELLS.items()
    for backend in made_by
    if backend != "native" or why_unavailable() is None
]


def stack(cell="gru", backend="auto", sizes=(5,), bidirectional=False, dropout=0.0, seed=0):
    return RecurrentStack(
        3,
        sizes,
        cell,
        bidirectional=bidirectional,
        dropout=dropout,
        backend=backend,
        nonlinearity="tanh",
        generator=torch.Generator().manual_seed(seed),
    ).double()


def ragged(lengths, features=3):
    x = torch.randn(
        len(lengths),
        max(lengths),
        features,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(0),
    )
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    return x, torch.tensor(lengths)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("cell", "backend"), IMPLEMENTATIONS)
def test_a_batch_of_unequal_lengths_answers_like_its_rows(cell, backend, bidirectional):
    network = stack(cell, backend, sizes=(5, 4), bidirectional=bidirectional)
    x, lengths = ragged([7, 3, 1, 5])

    states, last = network(x, lengths)

    for row, length in enumerate(lengths):
        alone, alone_last = network(x[row : row + 1, :length])
        torch.testing.assert_close(states[row, :length], alone[0])
        torch.testing.assert_close(last[row], alone_last[0])


@pytest.mark.parametrize("cell", CELLS)
def test_right_padding_gives_the_numbers_of_packed_sequences(cell):
    network = stack(cell, "torch", bidirectional=True)
    x, lengths = ragged([7, 3, 1, 5])
    theirs = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](
        3, 5, batch_first=True, bidirectional=True, dtype=torch.float64
    )
    weights = dict(network.forwards[0].named_parameters())
    weights |= {f"{n}_reverse": p for n, p in network.backwards[0].named_parameters()}
    theirs.load_state_dict({name: p.detach() for name, p in weights.items()})

    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)

    states, _ = network(x, lengths)
    held = torch.arange(7) < lengths.unsqueeze(1)
    torch.testing.assert_close(states[held], expected[held])


@pytest.mark.parametrize(("cell", "backend"), IMPLEMENTATIONS)
def test_reading_goes_on_from_a_state_as_if_there_had_been_no_break(cell, backend):
    network = stack(cell, backend, sizes=(5, 4))
    x, _ = ragged([9, 9])
    whole, last = network(x)

    first, _, state = network.read_on(x[:, :4])
    second, end = network(x[:, 4:], None, True, state)

    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(end, last)
    assert [[part.shape for part in layer] for layer in state] == [
        [(2, size)] * (2 if cell == "lstm" else 1) for size in (5, 4)
    ]


@pytest.mark.parametrize(("cell", "backend"), IMPLEMENTATIONS)
def test_each_sequence_has_the_state_of_its_own_end(cell, backend):
    network = stack(cell, backend, sizes=(5, 4))
    x, lengths = ragged([7, 3, 1, 5, 3])
    initial = network.read_on(x.flip(0))[2]

    states, last, state = network.read_on(x, lengths, True, initial)

    for row, length in enumerate(lengths):
        before = tuple(tuple(part[row : row + 1] for part in layer) for layer in initial)
        alone, _, end = network.read_on(x[row : row + 1, :length], None, True, before)
        torch.testing.assert_close(states[row, :length], alone[0])
        torch.testing.assert_close(last[row], states[row, length - 1])
        for layer, alone_layer in zip(state, end, strict=True):
            for part, alone_part in zip(layer, alone_layer, strict=True):
                torch.testing.assert_close(part[row], alone_part[0])


def test_the_first_state_has_a_gradient():
    network = stack("lstm", sizes=(5, 4))
    x, lengths = ragged([6, 2])
    initial = tuple(
        tuple(torch.zeros(2, size, dtype=torch.float64, requires_grad=True) for _ in range(2))
        for size in (5, 4)
    )

    network(x, lengths, True, initial)[1].sum().backward()

    assert all(part.grad.abs().min() > 0 for layer in initial for part in layer)


def test_layers_that_read_backwards_have_no_state_to_carry_on():
    network = stack(bidirectional=True)
    x, lengths = ragged([6, 2])

    with pytest.raises(StateError, match=r"^RecurrentStack: .* got bidirectional=True"):
        network.read_on(x, lengths)
    with pytest.raises(StateError, match=r"Fit with bidirectional=False\.$"):
        network(x, lengths, True, ((torch.zeros(2, 5),),))


def test_padding_has_no_gradient():
    network = stack(bidirectional=True)
    x, lengths = ragged([6, 2])
    x.requires_grad_()

    network(x, lengths)[1].sum().backward()

    assert x.grad[1, :2].abs().min() > 0
    assert x.grad[1, 2:].abs().max() == 0


def test_sizes_per_layer_are_kept():
    network = stack(sizes=(8, 4), bidirectional=True)

    assert [layer.hidden_size for layer in network.forwards] == [8, 4]
    assert network(torch.zeros(2, 5, 3, dtype=torch.float64))[1].shape == (2, 8)


@pytest.mark.parametrize(("cell", "backend"), IMPLEMENTATIONS)
def test_first_weights_are_orthogonal_with_an_open_forget_gate(cell, backend):
    layer = build_layer(
        cell,
        3,
        6,
        backend=backend,
        nonlinearity="tanh",
        generator=torch.Generator().manual_seed(0),
    )

    for block in layer.weight_hh_l0.detach().split(6):
        torch.testing.assert_close(block @ block.T, torch.eye(6), atol=1e-5, rtol=0)
    gates = layer.bias_ih_l0.detach().split(6)
    for gate, bias in enumerate(gates):
        assert (bias == (1.0 if gate == layer.forget_gate else 0.0)).all()
    assert (layer.bias_hh_l0 == 0).all()


def test_weights_come_from_the_generator_alone():
    state = torch.get_rng_state()

    one, two = stack(seed=3), stack(seed=3)

    assert torch.equal(state, torch.get_rng_state())
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(next(one.parameters()), next(stack(seed=4).parameters()))


def test_backends_draw_the_same_first_weights():
    for a, b in zip(
        stack("lstm", "torch").parameters(), stack("lstm", "reference").parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_dropout_zeroes_its_share_while_training_only():
    dropout = Dropout(0.25, seed=0)
    x = torch.ones(100, 100)

    dropped = dropout(x)

    assert 0.23 < (dropped == 0).double().mean() < 0.27
    torch.testing.assert_close(dropped.mean(), torch.tensor(1.0), atol=0.02, rtol=0)
    assert torch.equal(dropout.eval()(x), x)


def test_dropout_comes_between_layers_only():
    x = torch.ones(2, 5, 3, dtype=torch.float64)

    one, two = stack(dropout=0.5).train(), stack(sizes=(5, 5), dropout=0.5).train()

    assert torch.equal(one(x)[0], one(x)[0])
    assert not torch.equal(two(x)[0], two(x)[0])


def test_a_class_of_torch_means_its_name():
    layer = build_layer(
        torch.nn.GRU,
        3,
        4,
        backend="auto",
        nonlinearity="tanh",
        generator=torch.Generator().manual_seed(0),
    )

    assert isinstance(layer, CELLS["gru"]["torch"])


def test_a_cell_without_a_step_says_so():
    with pytest.raises(NotImplementedError, match=r"RecurrentCell must define `step\(x, state\)`"):
        RecurrentCell(1, 1)(torch.zeros(1, 1, 1))


class Keeps(RecurrentCell):
    """A cell of one's own that remembers its first step, in a second tensor."""

    def initial_state(self, x):
        return (*super().initial_state(x), x.new_zeros(len(x), 1))

    def step(self, x, state):
        h, first = state
        return h + x[:, :1], torch.where(first == 0, x[:, :1], first)


class Forgets(Keeps):
    def step(self, x, state):
        return super().step(x, state)[:1]


def test_a_cell_may_carry_several_tensors_of_which_the_first_is_the_hidden_state():
    x = torch.ones(2, 3, 1)

    states, (last, first) = Keeps(1, 4)(x)

    assert states[:, :, 0].tolist() == [[1, 2, 3]] * 2
    assert torch.equal(last, states[:, -1])
    assert first.tolist() == [[1], [1]]


def test_a_step_that_loses_part_of_the_state_is_refused():
    words = r"^Forgets: step must return .* a tuple of 2 tensors .*; got a tuple of \(a Tensor of"

    with pytest.raises(CellError, match=words):
        Forgets(1, 4)(torch.ones(2, 3, 1))


class AlwaysWrong(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()

    def forward(self, x):
        return x


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_of_a_layer_is_checked_too_when_it_is_first_called(copied):
    layer = copied(
        build_layer(
            AlwaysWrong,
            3,
            4,
            backend="auto",
            nonlinearity="tanh",
            generator=torch.Generator().manual_seed(0),
        )
    )

    with pytest.raises(CellError, match=r"^AlwaysWrong: forward must return all hidden states"):
        layer(torch.ones(2, 3, 3))
    assert layer(torch.ones(2, 3, 3)).shape == (2, 3, 3)  # only what it answers first is looked at
