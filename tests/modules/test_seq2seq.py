"""Encoder and decoder: one call over all steps is what a loop over steps would be."""

import itertools

import numpy as np
import pytest
import torch
from torch import Generator, nn

from sklearn_rnn import RecurrentCell
from sklearn_rnn.modules.attention import ATTENTIONS
from sklearn_rnn.modules.cells import CELLS
from sklearn_rnn.modules.seq2seq import Seq2SeqNetwork

N, T_IN, T, F, V = 3, 5, 4, 2, 6


class TwoStates(RecurrentCell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, x):
        return (*super().initial_state(x), x.new_zeros(len(x), self.hidden_size))

    def step(self, x, state):
        h, memory = state
        memory = 0.9 * memory + torch.tanh(self.read(torch.cat([x, h], dim=1)))
        return torch.tanh(memory), memory


def build(writes_tokens=True, **options):
    options = {
        "hidden_sizes": [5, 5],
        "learns_end": True,
        "attention": "dot",
        "n_source_tokens": None,
        "embedding_size": 3,
        **options,
    }
    return Seq2SeqNetwork(F, V, writes_tokens=writes_tokens, **options).double()


def batch(writes_tokens=True, seed=0):
    generator = Generator().manual_seed(seed)
    x = torch.randn(N, T_IN, F, generator=generator, dtype=torch.float64)
    lengths = torch.tensor([5, 3, 1])
    if writes_tokens:
        return x, lengths, torch.randint(V, (N, T), generator=generator)
    return x, lengths, torch.randn(N, T, V, generator=generator, dtype=torch.float64)


CELLS_AND_ATTENTIONS = [
    *itertools.product([*CELLS, TwoStates], ["dot"]),
    ("gru", "additive"),
    ("lstm", None),
]


@pytest.mark.parametrize(("cell", "attention"), CELLS_AND_ATTENTIONS)
@pytest.mark.parametrize("writes_tokens", [True, False])
def test_all_steps_at_once_are_as_one_after_the_other(cell, attention, writes_tokens):
    network = build(writes_tokens, cell=cell, attention=attention)
    x, lengths, before = batch(writes_tokens)

    together = network(x, lengths, before)

    memory = network.encode(x, lengths)
    state, answers = network.first_state(memory), []
    for t in range(T):
        one = network.decode(before[:, t : t + 1], memory, state)
        state = one.state
        answers.append(one.answers)
    torch.testing.assert_close(torch.cat(answers, dim=1), together)
    assert together.shape == (N, T, V + 1)


@pytest.mark.parametrize("attention", [*ATTENTIONS, None])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_of_a_source_changes_nothing(attention, bidirectional):
    network = build(attention=attention, bidirectional=bidirectional)
    x, lengths, before = batch()

    together = network(x, lengths, before)

    for i, length in enumerate(lengths.tolist()):
        alone = network(x[i : i + 1, :length], None, before[i : i + 1])
        torch.testing.assert_close(alone, together[i : i + 1])


def test_native_kernels_give_the_answers_and_gradients_of_torch():
    x, lengths, before = batch()
    results = []
    for backend in ("auto", "torch"):
        network = build(backend=backend, cell="lstm").float()
        answers = network(x.float(), lengths, before)
        answers.square().sum().backward()
        results.append([answers, *(p.grad for p in network.parameters())])

    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("writes_tokens", [True, False])
def test_without_teacher_forcing_each_step_reads_what_was_written(writes_tokens):
    network = build(writes_tokens)
    x, lengths, before = batch(writes_tokens)
    network.teacher_forcing = 0.0

    answers = network.train()(x, lengths, before)

    read = before[:, :1]
    memory = network.encode(x, lengths)
    state = network.first_state(memory)
    for t in range(T):
        one = network.decode(read, memory, state)
        torch.testing.assert_close(one.answers[:, 0], answers[:, t])
        own, state = one.answers[..., :V], one.state
        read = own.argmax(2) if writes_tokens else own


def test_gradients_of_scheduled_sampling_are_those_of_a_loop():
    x, lengths, before = batch()
    network = build().train()
    network.teacher_forcing = 0.5
    network(x, lengths, before).square().sum().backward()
    found = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    network._draws = None  # the same steps read the truth again

    mixed = network._partly_own(network.encode(x, lengths), before)
    memory = network.encode(x, lengths)
    state, total = network.first_state(memory), 0.0
    for t in range(T):
        answers, _, state = network.decode(mixed[:, t : t + 1], memory, state)
        total = total + answers.square().sum()
    total.backward()

    assert (mixed != before).any()
    for one, parameter in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad)


def test_answers_do_not_depend_on_teacher_forcing_in_evaluation():
    network = build().eval()
    x, lengths, before = batch()
    expected = network(x, lengths, before)

    network.teacher_forcing = 0.0

    torch.testing.assert_close(network(x, lengths, before), expected)


def test_written_tokens_have_the_probability_that_reading_them_again_gives():
    network = build().eval()
    x, lengths, _ = batch()
    with torch.no_grad():
        memory = network.encode(x, lengths)
        for size in (1, 4):
            found = network.write_tokens(memory, torch.full((N,), 7), ends=True, beam_size=size)
            for i, n in enumerate(found.lengths.tolist()):
                steps = [V, *found.steps[i, :n].tolist(), V]
                one = Seq2SeqNetwork.encode(network, x[i : i + 1], lengths[i : i + 1])
                before = torch.tensor([steps[:-1]])
                answers = network.decode(before, one, network.first_state(one)).answers[0]
                after = torch.tensor(steps[1:])
                picked = answers.log_softmax(1).gather(1, after.unsqueeze(1))[:, 0]
                total = picked.sum() if found.ended[i] else picked[:-1].sum()
                torch.testing.assert_close(found.log_probability[i], total)


def test_numbers_are_written_until_the_network_says_so():
    network = build(writes_tokens=False).eval()
    x, lengths, _ = batch()
    limits = torch.full((N,), 9)
    with torch.no_grad():
        memory = network.encode(x, lengths)
        network.answer.bias[-1] = 50.0
        at_once = network.write_numbers(memory, limits, ends=True)
        network.answer.bias[-1] = -50.0
        never = network.write_numbers(memory, limits, ends=True)
        asked = network.write_numbers(memory, torch.tensor([1, 2, 3]), ends=False)

    assert at_once.lengths.tolist() == [1, 1, 1]
    assert at_once.ended.all()
    assert never.lengths.tolist() == [9, 9, 9]
    assert not never.ended.any()
    assert asked.lengths.tolist() == [1, 2, 3]
    assert asked.ended.all()


def test_a_seed_gives_the_same_network_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()

    one, other, third = build(seed=1), build(seed=1), build(seed=2)

    assert torch.equal(torch.get_rng_state(), before)
    parameters = [torch.cat([p.flatten() for p in net.parameters()]) for net in (one, other, third)]
    np.testing.assert_array_equal(*(p.detach().numpy() for p in parameters[:2]))
    assert not torch.equal(parameters[0], parameters[2])


def test_tokens_that_are_not_known_say_nothing():
    network = build(n_source_tokens=4)

    assert (network.encoder.tokens.table.weight[0] == 0).all()
    assert (network.encoder.tokens.table.weight[1:] != 0).all()
