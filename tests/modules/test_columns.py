"""Columns of inputs: numbers are scaled, categories embedded."""

import pytest
import torch

from sklearn_rnn.modules.columns import InputColumns, embedding_size
from sklearn_rnn.series import InputColumn

NAN = float("nan")
COLUMNS = (
    InputColumn("price"),
    InputColumn("shop", n_categories=5, static=True),
    InputColumn("sales", known=False),
    InputColumn("holiday", n_categories=2),
)


def everything(column):
    return True


def columns(chosen=COLUMNS, seed=0):
    return InputColumns(chosen, torch.Generator().manual_seed(seed))


def inputs(*rows):
    return torch.tensor(rows, dtype=torch.float64)[None]


@pytest.mark.parametrize(("n", "size"), [(1, 1), (2, 1), (3, 2), (10, 5), (31, 16), (1000, 16)])
def test_embeddings_grow_with_the_categories_to_an_end(n, size):
    assert embedding_size(n) == size


def test_numbers_are_centred_and_scaled():
    read = columns()
    read.centre.copy_(torch.tensor([10.0, 0, 1, 0]))
    read.scale.copy_(torch.tensor([2.0, 1, 4, 1]))

    answer = read.read(inputs([14, 0, 3, 1]), lambda c: c.n_categories is None)

    assert answer.dtype == torch.float32
    assert answer.flatten().tolist() == [2.0, 0.5]


def test_what_is_missing_counts_as_the_mean_or_as_unknown():
    read = columns()
    read.centre.fill_(3.0)

    missing = read.read(inputs([NAN, NAN, NAN, NAN]), everything)

    torch.testing.assert_close(missing, read.read(inputs([3, 0, 3, 0]), everything))


def test_categories_are_looked_up():
    read = columns()

    answers = read.read(inputs([0, 1, 0, 0], [0, 4, 0, 0], [9, 1, 9, 9]), lambda c: c.static)

    assert answers.shape == (1, 3, embedding_size(5)) == (1, 3, read.width(lambda c: c.static))
    torch.testing.assert_close(answers[0, 0], answers[0, 2])
    assert not torch.equal(answers[0, 0], answers[0, 1])


def test_width_counts_what_is_read():
    read = columns()

    answer = read.read(inputs([1, 2, 3, 1]), everything)

    assert read.width(everything) == answer.shape[-1] == 1 + embedding_size(5) + 1 + 1


def test_no_column_is_read_as_nothing():
    answer = columns().read(inputs([1, 2, 3, 1]), lambda c: c.name == "weather")

    assert answer.shape == (1, 1, 0)
    assert answer.dtype == torch.float32


def test_large_numbers_keep_their_small_differences():
    read = columns([InputColumn("seconds since 1970")]).to(torch.float32)
    read.centre.fill_(1.7e9 + 1)

    answer = read.read(torch.tensor([[1.7e9], [1.7e9 + 1]], dtype=torch.float64), everything)

    assert answer.flatten().tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chosen", [COLUMNS, COLUMNS[:1]])
def test_numbers_have_the_dtype_of_the_network(chosen, dtype):
    read = columns(chosen).to(dtype)

    assert read.read(inputs([1, 2, 3, 1][: len(chosen)]), everything).dtype == dtype


def test_first_embeddings_come_from_the_generator_alone():
    before = torch.get_rng_state()

    first, second, other = columns(seed=3), columns(seed=3), columns(seed=4)

    assert torch.equal(first.embeddings["1"].weight, second.embeddings["1"].weight)
    assert not torch.equal(first.embeddings["1"].weight, other.embeddings["1"].weight)
    assert torch.equal(before, torch.get_rng_state())
