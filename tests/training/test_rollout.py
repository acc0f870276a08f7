"""Forecasts of any length, by reading one's own answers."""

import numpy as np
import pytest
import torch

from sklearn_rnn.series import InputColumn
from sklearn_rnn.training.rollout import BLOCK, roll_out
from sklearn_rnn.training.windows import ChosenWindows
from tests.series_tables import fitted, table_of, walks, with_inputs

SERIES = walks(40, 23, 9)
STRATEGIES = ("recursive", "direct", "seq2seq")


@pytest.fixture(scope="module")
def forecasters():
    table = table_of(SERIES)
    return {
        name: fitted(table, strategy=name, window_length=8, horizon=3, n_backtests=0)
        for name in STRATEGIES
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_going_on_equals_feeding_answers_back_by_hand(forecasters, strategy):
    forecaster, horizon = forecasters[strategy], 7

    at_once = forecaster.predict(table_of(SERIES), horizon)

    known = [list(x) for x in SERIES]
    step = forecaster.sizes_.step
    for _ in range(-(-horizon // step)):
        answers = forecaster.predict(table_of(known), step)
        for x, answer in zip(known, answers[:, :, 0], strict=True):
            x.extend(answer)
    by_hand = [x[len(y) : len(y) + horizon] for x, y in zip(known, SERIES, strict=True)]
    np.testing.assert_allclose(at_once[:, :, 0], by_hand, rtol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fewer_steps_are_the_first_of_more(forecasters, strategy):
    forecaster, table = forecasters[strategy], table_of(SERIES)

    most = forecaster.predict(table, 20)

    assert np.isfinite(most).all()
    for horizon in (1, 2, 3, 4, 11):
        np.testing.assert_array_equal(forecaster.predict(table, horizon), most[:, :horizon])


def test_many_windows_go_on_as_each_alone(forecasters):
    forecaster = forecasters["recursive"]
    net, windows = forecaster.nets_[0], forecaster._windows(table_of(SERIES), forecaster.sizes_)
    series = torch.arange(3).repeat(BLOCK // 3 + 2)
    ends = 4 + torch.arange(len(series)) % 5

    together = roll_out(net, ChosenWindows(windows, series, ends), 4)

    for row in (0, BLOCK - 1, BLOCK, len(series) - 1):
        chosen = ChosenWindows(windows, series[row : row + 1], ends[row : row + 1])
        alone = roll_out(net, chosen, 4)
        np.testing.assert_allclose(alone.point[0], together.point[row], rtol=1e-6)
        np.testing.assert_allclose(alone.spread[0], together.spread[row], rtol=1e-4, atol=1e-6)


def test_steps_after_the_cutoff_are_not_read(forecasters):
    forecaster = forecasters["recursive"]
    other = [np.concatenate([x[:8], x[8:] + 100 * np.sin(x[8:])]) for x in SERIES]
    answers = []
    for series in (SERIES, other):
        windows = forecaster._windows(table_of(series), forecaster.sizes_)
        chosen = ChosenWindows(windows, torch.arange(3), torch.full((3,), 8))
        answers.append(roll_out(forecaster.nets_[0], chosen, 5))

    np.testing.assert_array_equal(answers[0].point, answers[1].point)


def test_missing_values_of_the_past_are_missing_as_answers_go_on():
    series = [x.copy() for x in SERIES]
    for x in series:
        x[[3, -4, -1]] = np.nan
    forecaster = fitted(table_of(series), strategy="recursive", window_length=8)

    answers = forecaster.predict(table_of(series), 6)

    alone = [forecaster.predict(table_of([x]), 6)[0] for x in series]
    np.testing.assert_allclose(answers, alone, rtol=1e-6)
    filled = forecaster.predict(table_of([np.nan_to_num(x, nan=9.0) for x in series]), 6)
    assert not np.allclose(answers, filled, rtol=1e-4)


def test_answers_of_what_was_never_negative_end_at_zero():
    falling = np.linspace(20, 0.5, 40)
    columns = np.stack([falling, falling - 30], axis=1)
    forecaster = fitted(table_of([columns]), strategy="recursive", window_length=8)

    answers = forecaster.predict(table_of([columns]), 40)[0]

    assert answers[:, 0].min() == 0
    assert answers[:, 1].min() < -30


@pytest.mark.parametrize("known", [True, False])
def test_inputs_ahead_are_read_if_they_are_known(known):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=len(x) + 6) for x in SERIES]
    columns = [InputColumn("x", known=known)]
    series = [x + 3 * z[: len(x)] for x, z in zip(SERIES, inputs, strict=True)]
    forecaster = fitted(with_inputs(series, inputs, columns), strategy="recursive")
    other = [np.concatenate([z[:-5], rng.normal(size=5)]) for z in inputs]
    # without a last step that is missing, which no answer may need
    gone = [np.concatenate([z[:-6], np.full(6, np.nan)]) for z in inputs]

    first, second, third = (
        forecaster.predict(with_inputs(series, z, columns), 6) for z in (inputs, other, gone)
    )

    if known:
        assert (first[:, 0] == second[:, 0]).all()
        assert (first[:, 1:] != second[:, 1:]).all()
    else:
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, third)


def test_answers_made_of_answers_are_no_surer_than_these():
    forecaster = fitted(table_of(SERIES), horizon=3, calibrate=False)

    quantiles = forecaster.predict_quantiles(table_of(SERIES), 24, [0.1, 0.9])

    width = np.ptp(quantiles, axis=-1)[..., 0]
    assert (np.diff(width[:, 2:]) > 0).all()
