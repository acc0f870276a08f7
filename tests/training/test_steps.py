"""Batches of steps, their loss, and validation parts."""

import numpy as np
import pytest
import torch

from sklearn_rnn import RNNStepRegressor, make_windows
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.training.batches import Batches
from sklearn_rnn.training.splits import RandomPart
from sklearn_rnn.training.steps import StepDataset


def dataset(X, targets, weights=None):
    sequences = as_sequences(X, name="test")
    return StepDataset.from_sequences(
        sequences,
        centre=np.zeros(1),
        scale=np.ones(1),
        dtype="float64",
        targets=targets,
        weights=weights,
    )


def ragged(weights=None):
    """Steps that are their own targets, doubled."""
    X = [np.arange(10.0, 13), np.arange(20.0, 25), np.arange(30.0, 31)]
    steps = np.concatenate(X)
    return dataset(X, 2 * steps[:, np.newaxis], weights), steps


def test_targets_of_a_batch_are_those_of_its_steps_one_sequence_after_another():
    data, _ = ragged()

    inputs, targets = data.batch(torch.tensor([2, 0]))

    assert targets.flatten().tolist() == [60, 20, 22, 24]
    assert inputs["lengths"].tolist() == [1, 3]
    assert inputs["answered"].tolist() == [0, 3, 4, 5]
    assert inputs["x"].flatten(0, 1)[inputs["answered"]].flatten().tolist() == [30, 10, 11, 12]


def test_all_steps_of_equal_lengths_are_answered_without_a_choice():
    X = np.arange(12.0).reshape(3, 4)

    inputs, targets = dataset(X, X.reshape(-1, 1)).batch(torch.tensor([1, 2]))

    assert "answered" not in inputs
    assert "lengths" not in inputs
    assert targets.flatten().tolist() == inputs["x"].flatten().tolist()


def test_steps_of_no_weight_do_not_reach_the_loss():
    weights = np.array([1.0, 0, 2, 0, 0, 3, 0, 0, 1])
    data, steps = ragged(weights)

    inputs, targets = data.batch(torch.arange(3))

    assert targets.flatten().tolist() == (2 * steps[weights > 0]).tolist()
    assert inputs["weight"].tolist() == [1, 2, 3, 1]
    assert inputs["x"].flatten(0, 1)[inputs["answered"]].flatten().tolist() == [10, 12, 22, 30]


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 10)])
def test_a_subset_has_its_own_targets_and_weights(weights):
    data, _ = ragged(weights)

    part = data.subset(torch.tensor([1, 2])).subset(torch.tensor([1, 0]))
    inputs, targets = part.batch(torch.arange(2))

    assert targets.flatten().tolist() == [60, 40, 42, 44, 46, 48]
    if weights is not None:
        assert inputs["weight"].tolist() == [9, 4, 5, 6, 7, 8]


def test_windows_of_a_series_share_steps_and_have_targets_of_their_own():
    X, _ = make_windows(np.arange(20.0), 5)
    data = dataset(X, np.arange(X.size, dtype=float)[:, np.newaxis])

    assert len(data.steps) == 19 + 5 - 1
    seen = []
    for inputs, targets in Batches(data, 4, shuffle=True, generator=torch.Generator()):
        first = targets.view(-1, 5)[:, 0] / 5
        torch.testing.assert_close(inputs["x"][:, 0, 0], first)
        seen.extend(first.tolist())
    assert sorted(seen) == list(range(15))


def test_the_loss_of_an_epoch_is_the_mean_over_steps():
    X = [np.zeros(2), np.ones(6), np.ones(3)]
    y = [np.zeros(2), np.full(6, 3.0), np.full(3, 3.0)]
    options = {"scaler": None, "optimizer": "sgd", "lr": 1e-12, "max_epochs": 1}

    model = RNNStepRegressor(**options, batch_size=2, hidden_size=4, random_state=0).fit(X, y)

    errors = np.concatenate([model.predict(X)[i] - y[i] for i in range(3)])
    assert model.history_[0, "train_loss"] == pytest.approx(np.mean(errors**2), rel=1e-5)


def test_a_random_part_is_drawn_by_its_seed():
    data, _ = ragged()

    train, valid = RandomPart(0.4, seed=0)(data)
    again, _ = RandomPart(0.4, seed=0)(data)

    assert (len(train), len(valid)) == (2, 1)
    assert sorted([*train.starts.tolist(), *valid.starts.tolist()]) == data.starts.tolist()
    assert again.starts.tolist() == train.starts.tolist()


def test_a_random_part_leaves_something_to_train_on():
    data, _ = ragged()

    assert [len(part) for part in RandomPart(0.9, seed=0)(data)] == [1, 2]
    with pytest.raises(TargetError, match=r"at least 2 sequences.*; got 1"):
        RandomPart(0.5, seed=0)(data.subset(torch.tensor([0])))
