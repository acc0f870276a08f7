"""Pairs of sequences in batches, their loss, and what changes from epoch to epoch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.losses import log_loss
from sklearn_rnn.training.batches import Batches, SequenceDataset
from sklearn_rnn.training.seq2seq import PairDataset, PairLoss, PairNet, TeacherForcing
from sklearn_rnn.training.splits import RandomPart

BORDER = 9


def pairs(target_lengths, weights=None):
    """Return pairs whose source i holds i, and whose target counts up from 10 * i."""
    n = len(target_lengths)
    sources = SequenceDataset(
        torch.arange(n + 1.0).repeat_interleave(2).unsqueeze(1)[: 2 * n + 1],
        2 * torch.arange(n),
        torch.full((n,), 2),
        torch.zeros(n, dtype=torch.int64),
        weights,
    )
    rows = [
        torch.tensor([BORDER, *range(10 * i, 10 * i + k)]) for i, k in enumerate(target_lengths)
    ]
    lengths = torch.tensor(target_lengths)
    return PairDataset(sources, torch.cat(rows), (lengths + 1).cumsum(0) - lengths - 1, lengths)


def test_a_batch_holds_what_stands_before_each_step_and_what_was_to_be_written():
    inputs, target = pairs([2, 3, 1]).batch(torch.tensor([2, 0]))

    assert inputs["x"][:, 0, 0].tolist() == [2, 0]
    assert inputs["target_lengths"].tolist() == [1, 2]
    assert inputs["before"][0, 0] == BORDER
    assert inputs["before"][1].tolist() == [BORDER, 0]
    assert target[0, 0] == 20
    assert target[1].tolist() == [0, 1]


def test_equal_lengths_need_no_lengths():
    inputs, target = pairs([2, 2]).batch(torch.tensor([1, 0]))

    assert "target_lengths" not in inputs
    assert target.tolist() == [[10, 11], [0, 1]]


def test_a_subset_keeps_pairs_together():
    subset = pairs([2, 3, 1]).subset(torch.tensor([1]))

    inputs, target = subset.batch(torch.tensor([0]))

    assert inputs["x"].flatten().tolist() == [1, 1]
    assert target.tolist() == [[10, 11, 12]]


def test_shuffled_batches_hold_each_pair_once():
    generator = torch.Generator().manual_seed(0)
    batches = Batches(pairs([1] * 7), 3, shuffle=True, generator=generator)

    first = [target[:, 0] for _, target in batches]

    assert sorted(torch.cat(first).tolist()) == [10 * i for i in range(7)]


def test_the_loss_is_the_mean_over_steps_and_padding_is_none():
    generator = torch.Generator().manual_seed(0)
    answers = torch.randn(2, 3, 4, generator=generator)
    target = torch.randint(4, (2, 3), generator=generator)
    rows = [(0, 0), (0, 1), (0, 2), (1, 0)]
    each = [log_loss(answers[i, t][None], target[i, t][None]).item() for i, t in rows]

    lengths, weight = torch.tensor([3, 1]), torch.tensor([0.5, 2.0])
    plain = PairLoss("log_loss")(answers, target, lengths)
    weighted = PairLoss("log_loss")(answers, target, lengths, weight)

    assert plain.item() == pytest.approx(np.mean(each))
    assert weighted.item() == pytest.approx(np.mean(np.multiply(each, [0.5, 0.5, 0.5, 2.0])))
    spoiled = answers.clone()
    spoiled[1, 1:] = torch.nan
    assert PairLoss("log_loss")(spoiled, target, lengths).item() == pytest.approx(plain.item())


def test_the_end_of_numbers_is_learned_at_the_last_step():
    answers, target = torch.zeros(2, 3, 2), torch.zeros(2, 3, 1)
    lengths = torch.tensor([3, 1])
    right = answers.clone()
    right[..., 1] = -50.0
    right[0, 2, 1] = right[1, 0, 1] = 50.0
    loss = PairLoss("squared_error", learns_end=True)

    assert loss(right, target, lengths).item() == pytest.approx(0.0)
    assert loss(answers, target, lengths).item() == pytest.approx(np.log(2))
    assert loss(right, target + 1, lengths).item() == pytest.approx(1.0)


def test_a_random_part_is_a_part():
    dataset = pairs([1] * 20)

    train, valid = RandomPart(0.25, seed=0)(dataset)
    again, _ = RandomPart(0.25, seed=0)(dataset)

    assert (len(train), len(valid)) == (15, 5)
    assert sorted([*train.starts.tolist(), *valid.starts.tolist()]) == dataset.starts.tolist()
    assert torch.equal(train.starts, again.starts)
    with pytest.raises(TargetError, match="at least 2"):
        RandomPart(0.25, seed=0)(pairs([1]))


def test_teacher_forcing_falls_evenly_from_the_first_to_the_last_epoch():
    net = SimpleNamespace(history=[{}] * 3, max_epochs=5, module_=SimpleNamespace())
    forcing, shares = TeacherForcing(1.0, 0.2), []

    forcing.on_train_begin(net)
    for _ in range(5):
        net.history.append({})
        forcing.on_epoch_begin(net)
        shares.append(net.module_.teacher_forcing)

    np.testing.assert_allclose(shares, [1.0, 0.8, 0.6, 0.4, 0.2])


def test_a_batch_counts_by_its_steps():
    count = PairNet.batch_weight

    assert count(None, pairs([2, 3, 1]).batch(torch.tensor([0, 2]))) == 3
    assert count(None, pairs([2, 2]).batch(torch.tensor([0, 1]))) == 4


def test_numbers_have_the_dtype_asked_for_whatever_is_read():
    ids = SequenceDataset(
        torch.arange(2).unsqueeze(1), torch.arange(2), torch.ones(2, dtype=torch.int64), None
    )
    rows = [np.ones((2, 1)), np.ones((1, 1))]

    of_numbers = PairDataset.from_rows(ids, rows, np.zeros((1, 1)), dtype="float32")

    assert of_numbers.table.dtype == torch.float32
