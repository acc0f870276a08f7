"""Widths of intervals from errors on what training had not seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sklearn_rnn.training.calibration import ENOUGH, calibration_factors, interpolated

LEVELS = np.array([0.025, 0.1, 0.3, 0.5, 0.7, 0.9, 0.975])
NORMAL = stats.norm.ppf(LEVELS)


def distances(n, horizon, spread=1.0):
    return np.broadcast_to(spread * NORMAL, (n, horizon, len(LEVELS)))


def test_distances_that_are_right_stay_as_they_are():
    errors = np.random.default_rng(0).normal(size=(4000, 3))

    factors = calibration_factors(errors, distances(4000, 3), LEVELS)

    np.testing.assert_allclose(factors, 1.0, atol=0.15)


def test_factors_are_those_by_which_errors_are_larger():
    deviation = np.array([1.5, 1.0, 3.0])
    errors = deviation * np.random.default_rng(0).normal(size=(4000, 3))

    factors = calibration_factors(errors, distances(4000, 3), LEVELS)

    outer = np.abs(LEVELS - 0.5) > 0.3
    np.testing.assert_allclose(factors[:, outer] / deviation[:, None], 1.0, atol=0.12)
    assert (factors[:, LEVELS == 0.5] == 1).all()


def test_between_calibrated_quantiles_lies_their_share_of_the_errors():
    errors = 4 * np.random.default_rng(0).exponential(size=(3000, 1)) - 1
    around = distances(3000, 1)

    calibrated = around * calibration_factors(errors, around, LEVELS)

    for low in range(len(LEVELS) // 2):
        inside = (calibrated[..., low] <= errors) & (errors <= calibrated[..., -1 - low])
        assert inside.mean() == pytest.approx(1 - 2 * LEVELS[low], abs=1e-3)


def test_intervals_are_not_narrowed():
    errors = 0.1 * np.random.default_rng(0).normal(size=(3000, 1))

    assert (calibration_factors(errors, distances(3000, 1), LEVELS) == 1).all()


def test_times_that_went_up_widen_both_sides_alike():
    errors = 0.5 + np.random.default_rng(0).normal(size=(3000, 1))

    factors = calibration_factors(errors, distances(3000, 1), LEVELS)[0]

    assert (factors[LEVELS != 0.5] > 1).all()
    np.testing.assert_array_equal(factors, factors[::-1])


def test_steps_with_few_errors_borrow_from_their_neighbours():
    errors = np.random.default_rng(0).normal(size=(20, 50))
    errors[:, :25] *= 10

    factors = calibration_factors(errors, distances(20, 50), LEVELS)

    reach = -(-ENOUGH // 20) // 2 + 1
    np.testing.assert_allclose(factors[: 25 - reach, -1], 10, rtol=0.35)
    np.testing.assert_allclose(factors[25 + reach :, -1], 1, rtol=0.35)


def test_what_is_not_known_is_left_out_and_steps_of_nothing_stay():
    errors = np.random.default_rng(0).normal(size=(4000, 2))
    half = np.where(np.arange(4000)[:, None] % 2, errors, np.nan)

    factors = calibration_factors(half, distances(4000, 2), LEVELS)

    np.testing.assert_allclose(
        factors, calibration_factors(errors[1::2], distances(2000, 2), LEVELS)
    )
    nothing = calibration_factors(np.full((5, 3), np.nan), distances(5, 3), LEVELS)
    assert (nothing == 1).all()
    assert (calibration_factors(errors[:9], distances(9, 2, spread=0.0), LEVELS) == 1).all()


def test_levels_that_are_known_are_answered_exactly():
    around = np.sort(np.random.default_rng(0).normal(size=(4, 3, len(LEVELS))), axis=-1)

    np.testing.assert_allclose(interpolated(around, LEVELS, LEVELS), around, atol=1e-12)
    np.testing.assert_allclose(interpolated(around, LEVELS, LEVELS[[5, 1]]), around[..., [5, 1]])


def test_levels_between_and_beyond_are_those_of_a_normal_distribution():
    wanted = np.array([0.001, 0.05, 0.5, 0.62, 0.8, 0.999])

    quantiles = interpolated(3 * NORMAL, LEVELS, wanted)

    np.testing.assert_allclose(quantiles, 3 * stats.norm.ppf(wanted), atol=1e-12)


@given(
    st.lists(st.floats(0, 100), min_size=len(LEVELS), max_size=len(LEVELS)),
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9, unique=True),
)
def test_answers_ascend_even_if_what_is_known_crosses(sizes, wanted):
    crossing = np.array(sizes) * np.sign(LEVELS - 0.5)

    quantiles = interpolated(crossing, LEVELS, np.sort(wanted))

    assert (np.diff(quantiles) >= -1e-9).all()


def test_what_crosses_is_widened_on_both_sides_alike():
    crossing = np.array([-2.0, -3.0, -1.0, 0.0, 1.0, 3.0, 2.0])

    ordered = interpolated(crossing, LEVELS, LEVELS)

    np.testing.assert_allclose(ordered, [-3, -3, -1, 0, 1, 3, 3])


@pytest.mark.parametrize("n", [1, 5, 19])
def test_few_errors_give_the_largest_of_them_for_outer_levels(n):
    errors = 10 + np.random.default_rng(n).normal(size=(n, 1))

    factors = calibration_factors(errors, distances(n, 1), LEVELS)

    assert factors[0, -1] == pytest.approx(np.abs(errors / NORMAL[-1]).max())
