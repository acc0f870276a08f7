"""Backtests: errors of the bank's members at earlier cutoffs."""

import numpy as np
import pytest
import torch

from sklearn_rnn.modules.backtests import BACKTEST_STEPS, Backtests
from sklearn_rnn.modules.bank import members_of, seasons_of

N, C, T, R, PERIODS = 7, 2, 16, 2, [4]


def backtests(horizon, log_offset=None):
    seasons = [list(members.values()) for members in seasons_of(T, PERIODS)]
    return Backtests(T, horizon, seasons, log_offset).double()


def values_of(horizon):
    rng = np.random.default_rng(0)
    return torch.from_numpy(10 + rng.normal(size=(N, C, T + R * horizon)).cumsum(axis=2))


@pytest.mark.parametrize("horizon", [1, 5, 2 * BACKTEST_STEPS + 1])
@pytest.mark.parametrize("number", [1, 2])
def test_errors_are_those_of_the_bank_at_earlier_cutoffs(number, horizon):
    made, x = backtests(horizon), values_of(horizon)
    tried = (torch.arange(1, R + 1) == number).repeat(N, 1)
    tried[2] = False
    end = T + R * horizon - number * horizon
    observed = torch.ones(x.shape, dtype=torch.bool)
    observed[3, 0, end + horizon - 1] = False
    deviation = torch.full((N, C, 1), 7.0, dtype=torch.float64)

    errors, logs = made(tried, x, None, observed, deviation)

    steps = list(made.steps)
    after = x[..., end : end + horizon]
    for k, matrix in enumerate(members_of(T, horizon, PERIODS).values()):
        wrong = (x[..., end - T : end] @ torch.from_numpy(matrix) - after).abs()[..., steps]
        seen = observed[..., end : end + horizon][..., steps]
        for n, c in [(0, 1), (3, 0), (4, 0)]:
            if seen[n, c].any():
                expected = wrong[n, c][seen[n, c]].mean().item()
                assert errors[k, c, n].item() == pytest.approx(expected, rel=1e-4)
    assert bool((errors[..., 2] == 7).all())  # nothing was tried
    assert bool((logs[..., 2] == 0).all())
    assert bool((logs[..., 0].argsort(0) == errors[..., 0].argsort(0)).all())


def test_errors_are_means_over_the_cutoffs():
    made, x = backtests(3, log_offset=0.05), values_of(3).abs()
    observed, deviation = torch.ones(x.shape, dtype=torch.bool), torch.ones(N, C, 1)
    logs = made.bank.logarithms(x)

    both, first, second = (
        made(torch.tensor([tried]).expand(N, R), x, logs, observed, deviation).errors
        for tried in ([True, True], [True, False], [False, True])
    )

    assert both.shape == (made.bank.n_members, C, N)
    torch.testing.assert_close(both, (first + second) / 2)
