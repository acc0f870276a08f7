"""The stream of texts: every token read in its place, with the state before it."""

import numpy as np
import pytest
import torch

from sklearn_rnn.training.language import PartOfTexts, StreamBatches, TextDataset

END = 0


def texts(lengths, window_length=8):
    """Return texts whose tokens say their place in the stream: no two are alike."""
    numbers = iter(range(1, 10_000))
    ids = [np.array([next(numbers) for _ in range(length)], dtype=np.int64) for length in lengths]
    return TextDataset.from_ids(ids, END, window_length)


def read_rows(batches):
    """Return all that each row of each run reads, and what follows it, (R, steps) both."""
    windows = list(batches)
    assert len(windows) == len(batches)
    runs = []
    for window, following in windows:
        if window["begins"]:
            runs.append(([], []))
        runs[-1][0].append(window["x"])
        runs[-1][1].append(following.view(len(window["x"]), -1))
    read, following = (torch.cat([torch.cat(r[i], dim=1) for r in runs]) for i in (0, 1))
    return read, following


def test_texts_lie_end_to_end_with_their_ends():
    dataset = texts([2, 3])

    assert dataset.tokens.tolist() == [1, 2, END, 3, 4, 5, END]
    assert dataset.lengths.tolist() == [3, 4]
    assert dataset.subset(torch.tensor([1, 0])).tokens.tolist() == [3, 4, 5, END, 1, 2, END]
    read, following = dataset[1]
    assert (read.tolist(), following.tolist()) == ([END, 3, 4, 5], [3, 4, 5, END])


@pytest.mark.parametrize("lengths", [[297], [30, 400, 50], [5, 9, 3, 7] * 30, [1], [3, 200, 2]])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_token_follows_the_one_before_it(lengths, batch_size, shuffle):
    dataset = texts(lengths)
    batches = StreamBatches(dataset, batch_size, shuffle, torch.Generator().manual_seed(0))

    read, following = read_rows(batches)

    pairs = set(zip(read.flatten().tolist(), following.flatten().tolist(), strict=True))
    firsts = {int(dataset.subset(torch.tensor([i])).tokens[0]) for i in range(len(dataset))}
    inside = {(i, i + 1) for i in range(1, sum(lengths)) if i + 1 not in firsts}
    ends = {(int(dataset[i][0][-1]), END) for i in range(len(dataset))}
    assert pairs == inside | ends | {(END, first) for first in firsts}
    assert torch.equal(read[:, 1:], following[:, :-1])  # a row goes on where it was
    assert max(len(window["x"]) for window, _ in batches) <= batch_size


def test_rows_begin_where_texts_do_if_these_are_short():
    batches = StreamBatches(texts([5, 9, 3, 7] * 80), 4, True, torch.Generator().manual_seed(0))

    read, following = read_rows(batches)

    assert batches.rows == 4
    assert len(read) == 4 * batches.runs > 16  # the more rows, the more texts without a state
    assert (read[:, 0] == END).all()
    assert following.numel() <= 1.25 * 28 / 24 * 320 * 7


def test_which_texts_begin_rows_does_not_depend_on_their_lengths():
    ids = [np.full(length, length) for length in [8] * 100 + [5] * 300 + [1] * 600]
    dataset = TextDataset.from_ids(ids, END, 64)
    batches = StreamBatches(dataset, 16, True, torch.Generator().manual_seed(0))

    firsts = np.concatenate([read_rows(batches)[1][:, 0].numpy() for _ in range(60)])

    shares = np.bincount(firsts, minlength=9)[[8, 5, 1]] / len(firsts)
    assert len(firsts) == 60 * 63
    np.testing.assert_allclose(shares, [0.1, 0.3, 0.6], atol=0.02)


def test_a_long_text_has_as_many_rows_as_a_batch():
    batches = StreamBatches(texts([5000]), 4)

    assert (batches.rows, batches.runs) == (4, 1)
    assert sum(len(y) for _, y in batches) == 5004


def test_windows_are_as_long_as_asked_and_about_equal():
    batches = StreamBatches(texts([297]), 3)

    lengths = [window["x"].shape[1] for window, _ in batches]

    assert len(lengths) == len(batches) == 13
    assert sum(lengths) == 100
    assert max(lengths) <= 8
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(("length", "rows"), [(2, 1), (200, 3), (1100, 16), (5000, 16)])
def test_few_tokens_make_few_rows_so_that_there_are_some_windows(length, rows):
    batches = StreamBatches(texts([length]), 16)

    assert batches.rows == rows
    assert len(batches) >= min(8, -(-length // 8))


def test_shuffling_changes_the_order_of_texts_each_time_and_by_the_seed():
    def orders(seed):
        generator = torch.Generator().manual_seed(seed)
        batches = StreamBatches(texts([3] * 30), 1, True, generator)
        return [read_rows(batches)[1].flatten().tolist() for _ in range(2)]

    assert orders(0)[0] != orders(0)[1]
    assert orders(0) == orders(0)
    assert orders(0) != orders(1)


def test_validation_is_whole_texts():
    dataset = texts([4] * 20)

    train, valid = PartOfTexts(0.2, seed=0)(dataset)

    assert (len(train), len(valid)) == (16, 4)
    together = torch.cat([train.tokens, valid.tokens]).sort().values
    assert torch.equal(together, dataset.tokens.sort().values)
    assert not torch.equal(PartOfTexts(0.2, seed=1)(dataset)[1].tokens, valid.tokens)


def test_validation_of_a_single_text_is_its_end():
    train, valid = PartOfTexts(0.25, seed=0)(texts([11]))

    assert train.tokens.tolist() == [*range(1, 10), END]
    assert valid.tokens.tolist() == [10, 11, END]
