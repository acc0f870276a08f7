"""Texts are read in windows of fixed sizes, each token once, and each state at its own end."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from sklearn_rnn.training.reading import END_ID, READING_ROWS, READING_STEPS, ReadsTexts

PRIME = 1_000_003


class Counting(torch.nn.Module):
    """Carries a number that tells all tokens read and their order, beside a column of it."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def begin(self, token, n):
        return self.read(torch.full((n, 1), token))[1]

    def read(self, tokens, state=None):
        self.shapes.append(tuple(tokens.shape))
        state = state or ((torch.full((len(tokens), 1), 7.0),),)
        number, states = state[-1][0][:, 0].long(), []
        for column in tokens.unbind(1):
            number = (31 * number + column + 1) % PRIME
            states.append(number)
        states = torch.stack(states, dim=1).double()
        return states.unsqueeze(2), ((states[:, -1:], number),)

    def answer(self, vectors):
        return torch.cat([vectors % 5, vectors % 3], dim=-1)


class Net(ReadsTexts, SimpleNamespace):
    def _set_training(self, is_training):
        assert not is_training


def net():
    return Net(module_=Counting(), device="cpu")


def number_of(tokens, before=7):
    for token in tokens:
        before = (31 * before + int(token) + 1) % PRIME
    return before


def texts(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 9, size=length) for length in lengths]


LENGTHS = [0, 1, 63, 64, 65, 200, 3, 0, 127, 128, *range(5, 40)]


@pytest.mark.parametrize("lengths", [LENGTHS, [0], [64], [5, 0]], ids=len)
def test_each_text_ends_in_the_state_of_all_of_its_tokens_in_their_order(lengths):
    X, reader = texts(lengths), net()

    state = reader.read_on(X)
    further = reader.read_on(X, state)

    begun = number_of([END_ID])
    expected = [number_of(text, begun) for text in X]
    assert state[0][0][:, 0].tolist() == state[0][1].tolist() == expected
    twice = [number_of(text, first) for text, first in zip(X, expected, strict=True)]
    assert further[0][1].tolist() == twice


def test_what_is_read_together_has_one_of_a_few_shapes():
    reader = net()

    reader.read_on(texts(LENGTHS))

    sizes = {steps for _, steps in reader.module_.shapes}
    assert {rows for rows, _ in reader.module_.shapes} == {READING_ROWS}
    assert sizes <= {1, 2, 4, 8, 16, 32, READING_STEPS}


@pytest.mark.parametrize(
    ("length", "steps"), [(0, [4]), (3, [4]), (4, [8]), (63, [64]), (64, [64] * 2), (200, [64] * 4)]
)
def test_without_a_state_a_text_is_read_in_padded_windows_of_its_own_size(length, steps):
    reader, other = net(), net()

    assert reader.read_on(texts([length]), gives_state=False) is None
    other.read_on(texts([length, *LENGTHS]), gives_state=False)

    assert reader.module_.shapes == [(READING_ROWS, size) for size in steps]
    assert set(reader.module_.shapes) <= set(other.module_.shapes)


@pytest.mark.parametrize("gives_state", [True, False])
def test_what_follows_is_answered_from_the_last_step_of_each_text(gives_state):
    X, reader = texts([*LENGTHS, *range(64, 130)]), net()
    before = reader.read_on(texts([2] * len(X), seed=1))

    for initial in (None, before):
        found, state = reader.next_probabilities(X, initial, gives_state)

        first = [number_of([END_ID])] * len(X) if initial is None else before[0][1].tolist()
        numbers = np.array([number_of(*pair) for pair in zip(X, first, strict=True)])
        logits = np.column_stack([numbers % 5, numbers % 3]).astype(float)
        np.testing.assert_allclose(found, softmax(logits, axis=1), rtol=1e-12)
        assert (state is not None) == gives_state


@pytest.mark.parametrize("ends", [True, False])
def test_each_token_is_answered_from_the_state_before_it(ends):
    X, reader = [text % 2 for text in texts(LENGTHS)], net()
    before = reader.read_on([text[:2] for text in texts(LENGTHS, seed=1)])

    for initial in (None, before):
        logs, state = reader.log_probabilities(X, initial, ends)

        first = [number_of([END_ID])] * len(X) if initial is None else before[0][1].tolist()
        assert state[0][1].tolist() == [number_of(*pair) for pair in zip(X, first, strict=True)]
        padded, none = reader.log_probabilities(X, initial, ends, gives_state=False)
        assert none is None
        for text, found, same, number in zip(X, logs, padded, first, strict=True):
            following = [*text, END_ID] if ends else list(text)
            numbers = np.array([number_of(text[:i], number) for i in range(len(following))])
            logits = np.column_stack([numbers % 5, numbers % 3]).astype(float)
            expected = log_softmax(logits, axis=1)[np.arange(len(following)), following]
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            np.testing.assert_array_equal(same, found)


def test_a_prompt_is_read_once_for_all_texts_or_from_the_state_of_each():
    prompt, reader = texts([150])[0], net()
    begun = reader.read_on(texts([4, 5, 6]))

    logits, state = reader.begin(prompt, 3)
    each, states = reader.begin(prompt, 3, begun)
    alone, same = reader.begin(prompt[:0], 3, begun)

    assert state[0][1].tolist() == [number_of(prompt, number_of([END_ID]))] * 3
    assert logits.shape == each.shape == (3, 2)
    assert states[0][1].tolist() == [number_of(prompt, int(first)) for first in begun[0][1]]
    assert torch.equal(same[0][0], begun[0][0])
    assert torch.equal(alone, reader.module_.answer(begun[0][0]))
