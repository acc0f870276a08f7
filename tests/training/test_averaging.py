"""Averaged weights."""

import pytest
import torch

from sklearn_rnn.training.averaging import AveragedWeights


class Net:
    """What the callback sees of a net."""

    def __init__(self):
        self.module_ = torch.nn.Linear(1, 1, bias=False)
        self.move(0.0)

    def move(self, value):
        torch.nn.init.constant_(self.module_.weight, value)

    @property
    def weight(self):
        return self.module_.weight.item()


def trained(decay, values):
    net, average = Net(), AveragedWeights(decay)
    average.on_train_begin(net)
    for value in values:
        net.move(value)
        average.on_batch_end(net, training=True)
        average.on_batch_end(net, training=False)
    return net, average


def test_training_ends_with_the_mean_of_many_steps():
    net, average = trained(0.9, [3.0, 5.0] * 200)

    average.on_train_end(net)

    # the last value counts a little more
    assert net.weight == pytest.approx(4.0, abs=0.06)


def test_the_average_runs_over_about_as_many_steps_as_it_says():
    net, average = trained(0.99, [0.0] * 1000 + [1.0] * 100)

    average.on_train_end(net)

    assert net.weight == pytest.approx(1 - 0.99**100, abs=1e-4)


def test_what_it_began_with_is_soon_forgotten():
    net, average = trained(0.999, [1.0] * 100)

    average.on_train_end(net)

    assert net.weight == pytest.approx(1.0, abs=1e-6)


def test_the_network_has_the_averages_for_a_while_even_if_something_fails():
    net, average = trained(0.9, [1.0, 2.0, 3.0])

    def ask_in_vain():
        with average.in_place():
            seen.append(net.weight)
            raise ZeroDivisionError

    seen = []
    with pytest.raises(ZeroDivisionError):
        ask_in_vain()

    assert 1.0 < seen[0] < 3.0
    assert net.weight == 3.0


def test_nothing_is_kept_after_training():
    net, average = trained(0.9, [1.0])

    average.on_train_end(net)

    assert vars(average).keys() == {"decay", "_steps"}
