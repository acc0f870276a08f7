"""The bank: each member is the classical forecaster that its name says."""

import numpy as np
import pytest
import torch

from sklearn_rnn.modules.bank import (
    LEVELS,
    SEASONS,
    LinearBank,
    Smoothing,
    members_of,
    seasonal_naive,
    seasons_of,
    smoothing_matrix,
)

HORIZON = 5


def window(length, seed=0):
    return 10 + np.random.default_rng(seed).normal(size=length).cumsum()


def line(x):
    """Return start and slope of the straight line through values."""
    if len(x) == 1:
        return x[0], 0.0
    slope, start = np.polyfit(np.arange(len(x)), x, 1)
    return start, slope


def holt_winters(x, horizon, smoothing, period):
    """Return what additive Holt-Winters forecasts, step by step, a number at a time."""
    alpha, beta, gamma, phi, drift = smoothing
    season = {}
    if period > 1:
        level, slope = np.mean(x[:period]), 0.0
        season = {t: x[t] - level for t in range(period)}
    else:
        level, slope = line(x[: max(12, len(x) // 4)]) if beta else (x[0], 0.0)
    for t in range(max(period, 1), len(x)):
        last_level, last_season = level, season.get(t - period, 0.0)
        of_level = alpha if beta else max(alpha, 1 / (t + 1))
        of_season = max(gamma, 1 / (1 + t // period))
        level = of_level * (x[t] - last_season) + (1 - of_level) * (last_level + phi * slope)
        slope = beta * (level - last_level) + (1 - beta) * phi * slope
        if period > 1:
            season[t] = of_season * (x[t] - level) + (1 - of_season) * last_season
    answers = []
    for step in range(1, horizon + 1):
        trend = sum(phi**k for k in range(1, step + 1)) * slope + step * drift * line(x)[1]
        back = len(x) - period + (step - 1) % period
        answers.append(level + trend + (season[back] if period > 1 else 0.0))
    return np.array(answers)


@pytest.mark.parametrize("length", [1, 4, 5, 12, 31])
@pytest.mark.parametrize("smoothing", LEVELS, ids=str)
def test_levels_are_exponential_smoothing(smoothing, length):
    x = window(length)

    forecast = x @ smoothing_matrix(length, HORIZON, smoothing)

    np.testing.assert_allclose(forecast, holt_winters(x, HORIZON, smoothing, period=1))


@pytest.mark.parametrize(("period", "length"), [(2, 4), (4, 8), (4, 11), (7, 30), (3, 6)])
@pytest.mark.parametrize("smoothing", SEASONS, ids=str)
def test_seasons_are_holt_winters(smoothing, period, length):
    x = window(length)

    forecast = x @ smoothing_matrix(length, HORIZON, smoothing, period)

    np.testing.assert_allclose(forecast, holt_winters(x, HORIZON, smoothing, period=period))


def test_simple_smoothing_without_slope_is_the_weighted_mean_of_the_past():
    weights = smoothing_matrix(4, 1, Smoothing(0.5)).ravel()

    assert weights.tolist() == [0.125, 0.125, 0.25, 0.5]


def test_a_long_smoothing_begins_as_the_mean_of_what_there_is():
    weights = smoothing_matrix(4, 1, Smoothing(0.01)).ravel()

    np.testing.assert_allclose(weights, 0.25)


def test_a_drift_goes_on_with_a_straight_line():
    x = 3 + 2 * np.arange(6.0)

    forecast = x @ smoothing_matrix(6, 3, Smoothing(1.0, drift=1.0))

    np.testing.assert_allclose(forecast, [15, 17, 19])


def test_seasonal_naive_repeats_the_last_season():
    x = np.arange(7.0)

    assert (x @ seasonal_naive(7, period=3).matrix(5)).tolist() == [4, 5, 6, 4, 5]


@pytest.mark.parametrize(
    ("length", "periods", "n_seasonal"),
    [
        (24, [12], 1 + len(SEASONS)),
        (23, [12], 1),
        (12, [12], 0),
        (24, [4, 12], 2 + 2 * len(SEASONS)),
        (24, [], 0),
    ],
)
def test_a_window_has_the_members_it_has_room_for(length, periods, n_seasonal):
    members = members_of(length, HORIZON, periods)

    assert len(members) == len(LEVELS) + n_seasonal
    assert all(matrix.shape == (length, HORIZON) for matrix in members.values())
    first = next(iter(members.values()))
    np.testing.assert_array_equal(window(length) @ first, np.full(HORIZON, window(length)[-1]))


def test_members_forecast_a_constant_by_itself():
    for matrix in members_of(24, HORIZON, [4, 12]).values():
        np.testing.assert_allclose(matrix.sum(axis=0), 1.0, atol=1e-9)


def test_seasonal_members_go_on_with_a_season():
    x = np.tile([1.0, 5.0, 2.0, 8.0], 6)

    for name, matrix in members_of(24, 8, [4]).items():
        if not name.startswith("level") and "drift=1" not in name:
            np.testing.assert_allclose(x @ matrix, np.tile([1.0, 5.0, 2.0, 8.0], 2), err_msg=name)


def bank(log_offset, length=24, periods=(4,), steps=range(HORIZON)):
    seasons = [list(members.values()) for members in seasons_of(length, periods)]
    return LinearBank(seasons, steps, log_offset).double()


def answers(bank, z):
    """Return the forecasts with the windows first (N, S, K)."""
    return bank(z, bank.logarithms(z)).permute(2, 0, 1)


@pytest.mark.parametrize(
    ("length", "periods", "steps"),
    [
        (24, [4], range(HORIZON)),  # more than a season ahead
        (24, [7], range(HORIZON)),  # less
        (24, [2, 5], range(HORIZON)),
        (11, [7], [0, 3, 9]),  # room for the naive one alone
        (24, [4], [1, 2, 6, 30]),
        (1, [], range(3)),
    ],
)
def test_the_bank_answers_each_member(length, periods, steps):
    windows = np.stack([window(length, seed) for seed in range(3)])
    made = bank(None, length, periods, steps)

    forecasts = answers(made, torch.from_numpy(windows))

    matrices = members_of(length, max(steps) + 1, periods).values()
    assert forecasts.shape == (3, len(steps), made.n_members)
    assert made.n_members == len(matrices)
    for k, matrix in enumerate(matrices):
        np.testing.assert_allclose(forecasts[..., k], windows @ matrix[:, list(steps)], rtol=1e-5)


def test_a_bank_may_have_one_member():
    last = LinearBank([list(seasons_of(24, [])[0].values())[:1]], range(HORIZON), None).double()

    forecasts = answers(last, torch.from_numpy(window(24))[None])

    assert last.n_members == 1
    assert forecasts.shape == (1, HORIZON, 1)
    assert bool((forecasts == window(24)[-1]).all())


def test_members_of_logarithms_follow_growth_by_a_share():
    growing = torch.from_numpy(0.1 * 1.05 ** np.arange(24.0))[None]
    truth = 0.1 * 1.05 ** np.arange(24, 24 + HORIZON)
    with_logs = bank(1e-9)

    forecasts = answers(with_logs, growing)
    error = (forecasts - torch.from_numpy(truth)[None, :, None]).abs().mean(dim=1)[0]

    assert with_logs.n_members == 2 * with_logs.n_linear
    assert error[with_logs.n_linear :].min() < 0.5 * error[: with_logs.n_linear].min()


def test_members_of_logarithms_are_members_of_the_transformed_window():
    x = np.abs(window(24))
    with_logs = bank(0.05)

    logs = answers(with_logs, torch.from_numpy(x)[None])[0, :, with_logs.n_linear :]

    for k, matrix in enumerate(members_of(24, HORIZON, [4]).values()):
        np.testing.assert_allclose(logs[:, k], np.exp(np.log(x + 0.05) @ matrix) - 0.05, rtol=1e-5)


def test_growth_is_not_believed_beyond_a_factor_of_e():
    exploding = torch.from_numpy(2.0 ** np.arange(24.0))[None]
    with_logs = bank(1e-3)

    forecasts = answers(with_logs, exploding)[..., with_logs.n_linear :]

    assert float(forecasts.max()) <= np.e * 2.0**23 + 1


def test_a_bank_with_logarithms_is_not_negative():
    falling = torch.linspace(5, 0, 24, dtype=torch.float64)[None]

    assert float(answers(bank(1e-3), falling).min()) >= -1e-3


def test_a_bank_with_logarithms_still_reads_windows_with_negative_values():
    z = torch.from_numpy(window(24) - 30)[None]
    with_logs = bank(1e-3)

    forecasts = answers(with_logs, torch.cat([z, z.abs()]))

    torch.testing.assert_close(forecasts[0], answers(bank(None), z)[0].repeat(1, 2))
    torch.testing.assert_close(forecasts[1], answers(with_logs, z.abs())[0])
