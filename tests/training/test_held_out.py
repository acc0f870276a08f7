"""What is held out in time, and released."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_rnn.training.held_out import (
    LEAST_ORIGINS,
    MOST_SERIES,
    HeldOut,
    held_windows,
)
from sklearn_rnn.training.windows import WindowDataset
from tests.series_tables import table_of


def windows_of(*lengths, horizon=3):
    return WindowDataset(
        table_of([np.arange(length) for length in lengths]),
        window_length=4,
        horizon=horizon,
        periods=[],
        n_backtests=0,
        least_context=2,
        recency=4.0,
    )


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=12),
    st.integers(1, 30),
    st.sampled_from([1, 16, 64]),
    st.sampled_from([0.1, 0.25, 0.9]),
)
def test_windows_forecast_what_is_held_and_leave_enough_to_learn_from(
    lengths, horizon, wanted, share
):
    windows = windows_of(*lengths)

    held, chosen = held_windows(windows, horizon, wanted, share)

    left = windows.lengths - held
    assert bool((held >= 0).all())
    assert bool((held <= share * windows.lengths).all())
    assert bool((left >= torch.minimum(windows.lengths, torch.tensor(2))).all())
    # every target is held, and each series that holds something is asked
    assert bool((chosen.ends >= left[chosen.series]).all())
    assert bool((chosen.ends < windows.lengths[chosen.series]).all())
    assert set(chosen.series.tolist()) == set(held.nonzero().flatten().tolist())


def test_long_series_have_several_cutoffs_whose_horizons_are_all_held():
    windows = windows_of(200, 200)

    held, chosen = held_windows(windows, horizon=8, wanted=1, share=0.25)

    assert held.tolist() == [8 + (LEAST_ORIGINS - 1) * 2] * 2
    assert chosen.series.tolist() == [0] * LEAST_ORIGINS + [1] * LEAST_ORIGINS
    assert chosen.ends[:LEAST_ORIGINS].tolist() == [186, 188, 190, 192]


def test_few_series_give_as_many_windows_as_are_wanted():
    _, chosen = held_windows(windows_of(5000), horizon=8, wanted=64, share=0.25)

    assert len(chosen) == 64


def test_short_series_hold_less_than_a_horizon():
    held, chosen = held_windows(windows_of(8, 3), horizon=10, wanted=1, share=0.25)

    assert held.tolist() == [2, 0]
    assert (chosen.series.tolist(), chosen.ends.tolist()) == ([0], [6])


def test_of_many_series_some_are_held_evenly_spread():
    windows = windows_of(*[100] * 1000)

    held, chosen = held_windows(windows, horizon=5, wanted=64, share=0.25)

    asked = held.nonzero().squeeze(1)
    assert len(asked) == MOST_SERIES
    assert asked.diff().max() <= 1000 // MOST_SERIES + 1
    assert (asked[0].item(), asked[-1].item()) == (0, 999)
    assert chosen.series.unique().tolist() == asked.tolist()


def test_short_series_take_no_place_among_those_that_are_held():
    lengths = [3] * 400
    lengths[7] = lengths[311] = 100

    held, _ = held_windows(windows_of(*lengths), horizon=5, wanted=64, share=0.25)

    assert held.nonzero().flatten().tolist() == [7, 311]


class Net:
    """What the callback sees of a net."""

    callbacks_ = ()

    def __init__(self, epochs_before=0):
        self.history = [{}] * epochs_before


@pytest.mark.parametrize("epochs_before", [0, 5])
def test_the_held_part_is_forecast_once_and_then_released(epochs_before):
    windows = windows_of(40).holding(torch.tensor([8]))
    asked, net = [], Net(epochs_before)

    def forecast(net):
        asked.append((len(net.history) - epochs_before, windows.held.tolist()))
        return "answers"

    callback = HeldOut(2, forecast)
    callback.on_train_begin(net)
    held = []
    for _ in range(4):
        net.history.append({})
        callback.on_epoch_end(net, dataset_train=windows)
        held.append(windows.held.item())
    callback.on_train_end(net)

    assert asked == [(2, [8])]  # while it was held
    assert held == [8, 0, 0, 0]
    assert callback.answers_ == "answers"
    assert callback.forecast is None


def test_data_are_forgotten_when_training_ends_early():
    net, callback = Net(), HeldOut(2, lambda net: "answers")
    callback.on_train_begin(net)

    callback.on_train_end(net)

    assert callback.forecast is None
    assert not hasattr(callback, "answers_")
