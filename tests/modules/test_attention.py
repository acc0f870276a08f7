"""Attention: what every kind must do, and what each computes."""

import pytest
import torch
from torch import Generator

from sklearn_rnn.modules.attention import ATTENTIONS, Memory

H, D, T, Q, N = 5, 6, 4, 3, 2


def example(kind, lengths=None):
    generator = Generator().manual_seed(0)
    attention = ATTENTIONS[kind](H, D, generator).double()
    states = torch.randn(N, T, D, generator=generator, dtype=torch.float64)
    queries = torch.randn(N, Q, H, generator=generator, dtype=torch.float64)
    held = None if lengths is None else torch.arange(T) < torch.tensor(lengths).unsqueeze(1)
    return attention, queries, Memory(states, attention.keys(states), held, states[:, -1])


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_weights_of_the_steps_add_up_to_one_and_padding_has_none(kind):
    attention, queries, memory = example(kind, lengths=[4, 2])

    read, weights = attention(queries, memory)

    torch.testing.assert_close(weights.sum(2), torch.ones(N, Q, dtype=torch.float64))
    assert (weights[1, :, 2:] == 0).all()
    assert (weights[1, :, :2] > 0).all()
    torch.testing.assert_close(read, torch.einsum("nqt,ntd->nqd", weights, memory.states))


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_padding_is_not_read(kind):
    attention, queries, memory = example(kind, lengths=[4, 2])
    short = Memory(memory.states[1:, :2], memory.keys[1:, :2], None, memory.summary[1:])

    read, weights = attention(queries, memory)

    alone, its_weights = attention(queries[1:], short)
    torch.testing.assert_close(read[1:], alone)
    torch.testing.assert_close(weights[1:, :, :2], its_weights)


def test_dot_is_the_general_product_of_luong_over_a_square_root():
    attention, queries, memory = example("dot")

    scores = attention.scores(queries, memory.keys)

    for n, q, t in ((0, 0, 0), (1, 2, 3)):
        product = queries[n, q] @ attention.key.weight @ memory.states[n, t]
        torch.testing.assert_close(scores[n, q, t], product / H**0.5)


def test_additive_is_the_small_network_of_bahdanau():
    attention, queries, memory = example("additive")

    scores = attention.scores(queries, memory.keys)

    for n, q, t in ((0, 0, 0), (1, 2, 3)):
        hidden = torch.tanh(
            attention.query(queries[n, q]) + attention.key.weight @ memory.states[n, t]
        )
        torch.testing.assert_close(scores[n, q, t], attention.score.weight[0] @ hidden)


def test_memory_is_repeated_row_by_row():
    _, _, memory = example("dot", lengths=[4, 2])

    twice = memory.repeated(2)

    torch.testing.assert_close(twice.states[1], memory.states[0])
    torch.testing.assert_close(twice.summary[2:], memory.summary[1:].expand(2, -1))
    assert twice.held[3].tolist() == memory.held[1].tolist()
