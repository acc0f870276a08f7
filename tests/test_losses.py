"""Losses: equal to scikit-learn's metrics where it has them; weights, masks, and shapes."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from sklearn_rnn.exceptions import LossShapeError
from sklearn_rnn.losses import LOSSES, Loss


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    return rng.gamma(2, size=(20, 3)), rng.gamma(2, size=(20, 3)), rng.uniform(size=20)


def tensors(*arrays):
    return tuple(torch.from_numpy(a) for a in arrays)


METRICS = {
    "squared_error": metrics.mean_squared_error,
    "absolute_error": metrics.mean_absolute_error,
}


@pytest.mark.parametrize("name", METRICS)
def test_weighted_loss_equals_the_metric(name, answers):
    prediction, target, weight = answers

    loss = Loss(name)(*tensors(prediction, target, weight / weight.mean()))

    expected = METRICS[name](target, prediction, sample_weight=weight)
    assert loss.item() == pytest.approx(expected)


def test_poisson_is_half_the_deviance(answers):
    prediction, target, _ = answers
    counts = np.round(target)

    loss = Loss("poisson")(*tensors(prediction, counts))

    expected = metrics.mean_poisson_deviance(counts.ravel(), prediction.ravel()) / 2
    assert loss.item() == pytest.approx(expected)


def test_quantile_is_the_pinball_loss(answers):
    prediction, target, weight = answers
    pair = np.stack([prediction, prediction + 1], axis=2)

    loss = Loss("quantile", quantiles=[0.1, 0.9])(*tensors(pair, target, weight / weight.mean()))

    expected = np.mean(
        [
            metrics.mean_pinball_loss(target, pair[..., i], alpha=a, sample_weight=weight)
            for i, a in enumerate((0.1, 0.9))
        ]
    )
    assert loss.item() == pytest.approx(expected)


def test_huber_is_half_a_square_and_then_a_line():
    prediction, target = torch.tensor([[0.5], [4.0]]), torch.zeros(2, 1)

    assert LOSSES["huber"](prediction, target, delta=2.0).flatten().tolist() == [0.125, 6.0]


def test_squared_percentage_error_has_a_floor_under_its_denominator():
    prediction, target = torch.tensor([[3.0], [1.0]]), torch.tensor([[2.0], [0.0]])

    losses = LOSSES["squared_percentage_error"](prediction, target, eps=0.5)

    assert losses.flatten().tolist() == [0.25, 2.0]


def test_log_loss_equals_the_metric():
    rng = np.random.default_rng(0)
    logits, labels, weight = rng.normal(size=(20, 4)), rng.integers(0, 4, 20), rng.uniform(size=20)

    loss = Loss("log_loss")(*tensors(logits, labels, weight / weight.mean()))

    proba = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = metrics.log_loss(labels, proba, sample_weight=weight, labels=range(4))
    assert loss.item() == pytest.approx(expected)


def test_masked_answers_do_not_count_even_if_nan():
    prediction = torch.tensor([[1.0, 5.0], [2.0, 2.0]], requires_grad=True)
    target = torch.tensor([[0.0, float("nan")], [0.0, 0.0]])

    loss = Loss("squared_error")(prediction, target, mask=~target.isnan())
    loss.backward()

    assert loss.item() == pytest.approx((1 + 4 + 4) / 3)
    assert prediction.grad.tolist() == [[pytest.approx(2 / 3), 0], [pytest.approx(4 / 3)] * 2]


SHAPES = [((4, 1), (4,)), ((4,), (4, 1)), ((4, 2), (4, 1)), ((4, 1), (3, 1))]


@pytest.mark.parametrize(("prediction", "target"), SHAPES)
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"log_loss"}))
def test_unequal_shapes_are_refused(name, prediction, target):
    prediction = (*prediction, 1) if name == "quantile" else prediction

    with pytest.raises(LossShapeError, match="must have one shape"):
        Loss(name)(torch.ones(prediction), torch.ones(target))


def test_classes_must_be_one_for_each_row_of_logits():
    with pytest.raises(LossShapeError, match=r"got \(4, 3\) and \(4, 1\)"):
        Loss("log_loss")(torch.zeros(4, 3), torch.zeros(4, 1, dtype=torch.int64))


def test_losses_of_torch_and_of_users_are_taken():
    prediction, target = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
    weight = torch.tensor([1.5, 0.5])

    assert Loss(torch.nn.SmoothL1Loss, beta=1.0)(prediction, target, weight) == (3 * 0.5 + 2.5) / 4
    assert Loss(lambda p, t: (p - t).abs().mean())(prediction, target) == 2
    with pytest.raises(LossShapeError, match="weights need a loss of one number for each answer"):
        Loss(lambda p, t: (p - t).abs().mean())(prediction, target, weight)
    assert Loss(lambda p, t, power: (p - t) ** power, power=2)(prediction, target) == 5
