"""Statistics of windows: of what was observed, if anything was."""

import numpy as np
import torch

from sklearn_rnn.modules.described import LEAST_DEVIATION, described


def test_statistics_are_of_what_was_observed():
    z = torch.tensor([[[9.0, 1.0, 4.0, 1.0, 2.0]]])
    observed = torch.tensor([[[False, True, True, True, True]]])

    window = described(z, observed)

    seen = np.array([1.0, 4.0, 1.0, 2.0])
    deviation = seen.std() + LEAST_DEVIATION
    change = np.abs(np.diff(seen)).sum() / 4 + LEAST_DEVIATION
    expected = [np.log(deviation), np.log(change), 4 / 5, (seen.mean() - 2) / deviation]
    np.testing.assert_allclose(window.statistics[0, 0], expected, rtol=1e-5)
    assert window.last.item() == 2.0


def test_a_window_of_which_nothing_was_observed_is_described_as_it_was_filled_in():
    z, hidden = torch.tensor([[[3.0, 1.0, 2.0]]]), torch.zeros(1, 1, 3, dtype=torch.bool)
    statistics, full = described(z, hidden).statistics, described(z, ~hidden).statistics
    torch.testing.assert_close(statistics[..., [0, 1, 3]], full[..., [0, 1, 3]])
    assert statistics[0, 0, 2] == 0


def test_a_last_value_that_was_filled_in_lies_not_too_far_off():
    z, observed = torch.tensor([[[1.0, 1.0, 1.0, 500.0]]]), torch.tensor([[[True] * 3 + [False]]])

    assert described(z, observed).statistics[0, 0, 3] == -2.0
