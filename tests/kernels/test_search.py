"""Searches against all sequences there are, written down one by one."""

import itertools

import numpy as np
import pytest
import torch

from sklearn_rnn.kernels.search import beam_search, greedy_search, length_penalty

SIZE, END, MOST = 4, 3, 3


class Model:
    """A model whose next token depends on all tokens before, of N rows of unlike probabilities."""

    def __init__(self, n, seed=0):
        generator = torch.Generator().manual_seed(seed)
        places = (SIZE + 1) ** (MOST + 2)
        logits = 2 * torch.randn(n, places, SIZE, generator=generator, dtype=torch.float64)
        self.log_probabilities = logits.log_softmax(2)

    def start(self, beam_size=1):
        """Return the first state: which row it is, and what was written as one number."""
        rows = torch.arange(len(self.log_probabilities)).repeat_interleave(beam_size)
        return rows, (torch.zeros_like(rows),)

    def first(self):
        return torch.full((len(self.log_probabilities),), SIZE)

    def __call__(self, tokens, state):
        rows, (code,) = state
        code = code * (SIZE + 1) + tokens
        return self.log_probabilities[rows, code], (rows, (code,))

    def log_probability(self, row, sequence):
        """Return that of a sequence, written down by the rules of probability."""
        total, code = 0.0, SIZE
        for token in sequence:
            total += self.log_probabilities[row, code, token].item()
            code = code * (SIZE + 1) + token
        return total


def all_sequences(most=MOST):
    for length in range(most + 1):
        yield from itertools.product(range(END), repeat=length)


def best_of_all(model, row, alpha):
    def score(sequence):
        return model.log_probability(row, (*sequence, END)) / length_penalty(
            len(sequence) + 1, alpha
        )

    return max(all_sequences(), key=score)


def sequences(found):
    return [
        tuple(row[:n]) for row, n in zip(found.steps.tolist(), found.lengths.tolist(), strict=True)
    ]


def limits(n, most=MOST):
    return torch.full((n,), most)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_all_beginnings_finds_the_best_of_all_sequences(alpha):
    model, wide = Model(20), 40

    found = beam_search(
        model, model.start(wide), model.first(), limits(20), END, beam_size=wide, alpha=alpha
    )

    best = [best_of_all(model, row, alpha) for row in range(20)]
    assert sequences(found) == best
    assert found.ended.all()
    np.testing.assert_allclose(
        found.log_probability,
        [model.log_probability(row, (*sequence, END)) for row, sequence in enumerate(best)],
    )


def test_greedy_takes_the_most_probable_token_of_each_step():
    model = Model(50)

    found = greedy_search(model, model.start(), model.first(), limits(50), END)

    for row, sequence in enumerate(sequences(found)):
        code = SIZE
        for token in (*sequence, *([END] if found.ended[row] else [])):
            assert token == model.log_probabilities[row, code].argmax()
            code = code * (SIZE + 1) + token
        whole = (*sequence, END) if found.ended[row] else sequence
        assert found.log_probability[row].item() == pytest.approx(model.log_probability(row, whole))
    assert 0 < found.ended.sum() < 50  # both are met


def test_a_beam_of_one_is_greedy():
    model = Model(50)

    greedy = greedy_search(model, model.start(), model.first(), limits(50), END)
    beam = beam_search(model, model.start(), model.first(), limits(50), END, beam_size=1)

    assert sequences(beam) == sequences(greedy)
    assert beam.ended.tolist() == greedy.ended.tolist()
    np.testing.assert_allclose(beam.log_probability, greedy.log_probability)


def test_no_narrow_beam_finds_a_more_probable_sequence_than_the_widest():
    model, n = Model(100), 100
    best = beam_search(model, model.start(40), model.first(), limits(n), END, beam_size=40)

    missed = []
    for size in (1, 2, 4):
        found = beam_search(model, model.start(size), model.first(), limits(n), END, beam_size=size)
        ended = found.ended
        less = best.log_probability[ended] - found.log_probability[ended]
        assert less.min() > -1e-12
        missed.append(int((less > 1e-12).sum()))

    assert missed[0] > missed[1] > missed[2]


def test_a_penalty_of_length_prefers_longer_sequences():
    model, n, size = Model(100), 100, 8

    lengths = [
        beam_search(
            model, model.start(size), model.first(), limits(n), END, beam_size=size, alpha=alpha
        )
        .lengths.float()
        .mean()
        for alpha in (0.0, 1.0, 3.0)
    ]

    assert lengths[0] < lengths[1] < lengths[2]


def test_the_penalty_is_that_of_the_paper():
    assert length_penalty(1, 0.7) == 1
    assert length_penalty(7, 1.0) == pytest.approx(2)
    assert length_penalty(100, 0.0) == 1


@pytest.mark.parametrize("beam_size", [1, 3])
def test_without_an_end_each_sequence_has_the_length_that_is_asked_for(beam_size):
    model, wanted = Model(6), torch.tensor([1, 2, 3, 3, 2, 1])
    start = model.start(beam_size)

    if beam_size == 1:
        found = greedy_search(model, start, model.first(), wanted)
    else:
        found = beam_search(model, start, model.first(), wanted, beam_size=beam_size)

    assert found.lengths.tolist() == wanted.tolist()
    assert found.ended.all()
    for row, sequence in enumerate(sequences(found)):
        assert found.log_probability[row].item() == pytest.approx(
            model.log_probability(row, sequence)
        )


def test_a_wide_beam_without_an_end_finds_the_best_of_a_length():
    model, wide = Model(10), 64
    wanted = torch.tensor([1, 2, 3, 3, 2, 1, 1, 2, 3, 2])

    found = beam_search(model, model.start(wide), model.first(), wanted, beam_size=wide)

    for row, sequence in enumerate(sequences(found)):
        every = itertools.product(range(SIZE), repeat=int(wanted[row]))
        assert sequence == max(every, key=lambda s, row=row: model.log_probability(row, s))


@pytest.mark.parametrize("beam_size", [1, 2, 5])
def test_rows_are_searched_as_if_alone(beam_size):
    together = Model(12)
    found = beam_search(
        together, together.start(beam_size), together.first(), limits(12), END, beam_size=beam_size
    )

    for row in range(12):
        alone = Model(1)
        alone.log_probabilities = together.log_probabilities[row : row + 1]
        one = beam_search(
            alone, alone.start(beam_size), alone.first(), limits(1), END, beam_size=beam_size
        )
        assert sequences(one)[0] == sequences(found)[row]


def test_what_never_ends_is_cut_off_and_says_so():
    def never(tokens, state):
        scores = torch.tensor([-1.0, -2.0, -3.0, -torch.inf]).expand(len(tokens), -1)
        return scores, state

    first, state = torch.zeros(2, dtype=torch.int64), torch.zeros(6, 1)

    found = beam_search(never, state, first, limits(2), END, beam_size=3)
    greedy = greedy_search(never, torch.zeros(2, 1), first, limits(2), END)

    for one in (found, greedy):
        assert sequences(one) == [(0, 0, 0)] * 2
        assert one.log_probability.tolist() == [-3.0] * 2
        assert not one.ended.any()


def test_an_empty_sequence_can_be_the_answer():
    def at_once(tokens, state):
        return torch.tensor([-9.0, -9.0, -9.0, -0.1]).expand(len(tokens), -1), state

    first = torch.zeros(2, dtype=torch.int64)

    greedy = greedy_search(at_once, torch.zeros(2, 1), first, limits(2), END)
    beam = beam_search(at_once, torch.zeros(4, 1), first, limits(2), END, beam_size=2)

    assert sequences(greedy) == sequences(beam) == [(), ()]
    assert greedy.ended.all()
    assert beam.ended.all()
