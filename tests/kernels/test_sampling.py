"""Each change of logits by itself, against its definition."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn.kernels.sampling import (
    divide_by_temperature,
    draw,
    keep_allowed,
    keep_nucleus,
    keep_top_k,
    penalize_repetition,
)

law = settings(max_examples=25, deadline=None, derandomize=True)
rows = st.lists(st.lists(st.floats(-30, 30), min_size=7, max_size=7), min_size=1, max_size=4).map(
    lambda values: torch.tensor(values, dtype=torch.float64)
)

CHANGES = {
    "top_k": lambda logits: keep_top_k(logits, 3),
    "nucleus": lambda logits: keep_nucleus(logits, 0.8),
    "temperature": lambda logits: divide_by_temperature(logits, 0.7),
    "greedy": lambda logits: divide_by_temperature(logits, 0),
    "allowed": lambda logits: keep_allowed(logits, torch.arange(7) > 1),
    "repetition": lambda logits: penalize_repetition(
        logits, (torch.arange(7) > 2).expand_as(logits), 1.3
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@given(logits=rows)
@law
def test_changes_leave_their_input_alone_and_something_possible(name, logits):
    before = logits.clone()

    after = CHANGES[name](logits)

    assert torch.equal(logits, before)
    assert after.shape == logits.shape
    assert after.dtype == logits.dtype
    assert (after > -torch.inf).any(dim=1).all()
    assert not after.isnan().any()


@pytest.mark.parametrize("name", CHANGES)
@given(logits=rows)
@law
def test_each_row_is_changed_by_itself(name, logits):
    alone = torch.cat([CHANGES[name](row) for row in logits.split(1)])

    torch.testing.assert_close(CHANGES[name](logits), alone)


@pytest.mark.parametrize("name", ["top_k", "nucleus", "allowed"])
@given(logits=rows)
@law
def test_what_is_kept_is_as_it_was(name, logits):
    after = CHANGES[name](logits)

    kept = after > -torch.inf
    assert torch.equal(after[kept], logits[kept])


@given(logits=rows, k=st.integers(1, 9))
@law
def test_top_k_keeps_the_k_largest(logits, k):
    kept = keep_top_k(logits, k) > -torch.inf

    for row, is_kept in zip(logits.tolist(), kept.tolist(), strict=True):
        least = sorted(row, reverse=True)[min(k, len(row)) - 1]
        assert is_kept == [value >= least for value in row]


@given(logits=rows, p=st.floats(0.01, 0.999))
@law
def test_the_nucleus_is_the_smallest_set_that_reaches_p(logits, p):
    probabilities = logits.softmax(dim=1).numpy()
    kept = (keep_nucleus(logits, p) > -torch.inf).numpy()

    for row, is_kept in zip(probabilities, kept, strict=True):
        inside = np.sort(row[is_kept])
        assert inside.sum() >= p - 1e-9
        assert len(inside) == 1 or inside[1:].sum() < p + 1e-9  # one fewer does not reach it
        assert is_kept.all() or row[~is_kept].max() <= inside[0]


def test_a_nucleus_of_all_keeps_all():
    logits = torch.tensor([[0.0, -50.0, 3.0]])

    assert torch.equal(keep_nucleus(logits, 1.0), logits)


def test_temperature_divides_what_probabilities_are_made_of():
    logits = torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64)

    for temperature in (0.3, 1.0, 2.5):
        expected = (logits / temperature).softmax(dim=1)
        found = divide_by_temperature(logits, temperature).softmax(dim=1)
        torch.testing.assert_close(found, expected)


def test_a_tiny_temperature_does_not_overflow():
    found = divide_by_temperature(torch.tensor([[900.0, 899.0]]), 1e-38).softmax(dim=1)

    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0]]))


def test_temperature_zero_leaves_the_first_of_the_largest():
    logits = torch.tensor([[1.0, 5.0, 5.0], [7.0, 0.0, -torch.inf]])

    found = divide_by_temperature(logits, 0) > -torch.inf

    assert found.tolist() == [[False, True, False], [True, False, False]]


def test_penalty_lowers_what_was_seen_and_nothing_else():
    logits = torch.tensor([[2.0, -2.0, 2.0, -2.0]], dtype=torch.float64)
    seen = torch.tensor([[True, True, False, False]])

    assert penalize_repetition(logits, seen, 1.25).tolist() == [[1.6, -2.5, 2.0, -2.0]]
    assert torch.equal(penalize_repetition(logits, seen, 1.0), logits)


def test_draws_follow_the_probabilities():
    probabilities = np.array([0.1, 0.0, 0.55, 0.35, 0.0])
    logits = torch.from_numpy(probabilities).log().expand(20_000, -1)
    numbers = torch.from_numpy(np.random.default_rng(0).random(20_000))

    counts = np.bincount(draw(logits, numbers).numpy(), minlength=5)

    np.testing.assert_allclose(counts / 20_000, probabilities, atol=0.01)
    assert counts[[1, 4]].sum() == 0


@pytest.mark.parametrize("number", [0.0, np.nextafter(1.0, 0.0)])
def test_numbers_at_the_ends_draw_what_is_possible(number):
    logits = torch.full((1, 1000), -torch.inf)
    logits[0, 300:310] = 0.1

    found = draw(logits, torch.tensor([number], dtype=torch.float64)).item()

    assert found == (300 if number == 0 else 309)
