"""Differences and the way back, for the past, for later rows and for forecasts."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn import Differencer, SlidingWindow
from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError
from sklearn_rnn.transformers.differencing import difference, undifference

LAGS = [(1,), (2,), (1, 1), (1, 12), (7, 3, 1)]
quick = settings(max_examples=30, deadline=None, derandomize=True)


@st.composite
def lags_and_series(draw, rows_beyond=6):
    """Lags, and a panel with at least one row more than they use up."""
    lags = draw(st.sampled_from(LAGS) | st.lists(st.integers(1, 5), min_size=1, max_size=3))
    rows = sum(lags) + draw(st.integers(1, rows_beyond))
    columns = draw(st.integers(1, 3))
    values = st.floats(-1000, 1000, allow_subnormal=False)
    return lags, draw(arrays(np.float64, (rows, columns), elements=values))


def walk(rows, columns=2):
    return np.random.default_rng(0).normal(size=(rows, columns)).cumsum(axis=0)


def close(answer, expected):
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-7)


# -- the pair of functions -----------------------------------------------------------------------


@quick
@given(case=lags_and_series())
def test_undifference_undoes_difference_at_every_lag(case):
    lags, series = case
    lag = lags[0]

    changes = difference(series, lag)

    np.testing.assert_array_equal(changes[0], series[lag] - series[0])
    close(undifference(changes, series[:lag]), series[lag:])


# -- the past ------------------------------------------------------------------------------------


@quick
@given(case=lags_and_series())
def test_inverse_transform_restores_the_rows_of_fit(case):
    lags, series = case
    differencer = Differencer(lags)

    changes = differencer.fit_transform(series)

    assert changes.shape == series.shape
    assert np.isnan(changes[: sum(lags)]).all()
    assert np.isfinite(changes[sum(lags) :]).all()
    close(differencer.inverse_transform(changes), series)


@pytest.mark.parametrize("lags", LAGS)
def test_differences_equal_those_of_pandas(lags):
    series = pd.DataFrame(walk(60))
    expected = series
    for lag in lags:
        expected = expected.diff(lag)

    changes = Differencer(lags).fit_transform(series)

    np.testing.assert_allclose(changes, expected, atol=1e-9)


def test_order_of_lags_does_not_change_the_differences():
    series = walk(40)

    one, other = (Differencer(lags).fit_transform(series) for lags in [(7, 3, 1), (1, 7, 3)])

    np.testing.assert_allclose(one, other, atol=1e-9)


# -- later rows and forecasts --------------------------------------------------------------------


@quick
@given(case=lags_and_series(), cut=st.integers(0, 5), spare=st.integers(0, 3))
def test_later_rows_are_differenced_and_restored_given_history(case, cut, spare):
    lags, series = case
    before = sum(lags) + spare
    past, rows = series[-before - 1 :], series  # any series may follow any other
    past = np.resize(past, (before, series.shape[1]))
    differencer = Differencer(lags).fit(series)

    changes = differencer.transform(rows, history=past)

    assert np.isfinite(changes).all()
    whole = Differencer(lags).fit_transform(np.concatenate([past, rows]))
    close(changes, whole[before:])
    close(differencer.inverse_transform(changes, history=past), rows)


@quick
@given(case=lags_and_series(rows_beyond=8), steps=st.integers(1, 8))
def test_inverse_transform_continues_the_series_seen_in_fit(case, steps):
    lags, past = case
    future = np.resize(past[::-1] * 0.5 + 3, (steps, past.shape[1]))
    differencer = Differencer(lags).fit(past)

    changes = Differencer(lags).fit_transform(np.concatenate([past, future]))[len(past) :]

    close(differencer.inverse_transform(changes), future)


@pytest.mark.parametrize("lags", LAGS)
def test_a_longer_forecast_begins_with_the_shorter_one(lags):
    differencer = Differencer(lags).fit(walk(40))
    changes = walk(20)

    np.testing.assert_array_equal(
        differencer.inverse_transform(changes)[:3], differencer.inverse_transform(changes[:3])
    )


def test_one_dimensional_history_is_that_of_one_column():
    series = walk(20, 1)
    differencer = Differencer((1, 2)).fit(series[:10])

    changes = differencer.transform(series[10:], history=series[:10, 0])

    np.testing.assert_array_equal(changes, differencer.transform(series[10:], history=series[:10]))


INDEXES = {
    "months": pd.period_range("2000-01", periods=40, freq="M"),
    "days": pd.date_range("2000-01-01", periods=40, freq="D"),
    "days without freq": pd.DatetimeIndex(pd.date_range("2000-01-01", periods=40).values),
    "numbers": pd.RangeIndex(40),
}


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("lags", [(1,), (1, 12), (7, 3, 1)])
def test_rows_that_follow_by_their_index_need_no_history(index, lags):
    series = pd.DataFrame(walk(40), index=INDEXES[index])
    past, future = series.iloc[:30], series.iloc[30:]
    differencer = Differencer(lags).fit(past)

    changes = differencer.transform(future)

    close(changes, Differencer(lags).fit_transform(series).iloc[30:])
    close(differencer.inverse_transform(changes), future)


@pytest.mark.parametrize("index", INDEXES)
def test_rows_of_fit_are_differenced_as_in_fit(index):
    series = pd.DataFrame(walk(30), index=INDEXES[index][:30])
    differencer = Differencer((7, 12))

    changes = differencer.fit_transform(series)

    np.testing.assert_array_equal(differencer.transform(series), changes)
    assert np.isnan(changes.to_numpy()[:19]).all()


def test_rows_behind_a_gap_do_not_know_what_came_in_it():
    series = pd.DataFrame(walk(40), index=INDEXES["days"])
    differencer = Differencer((1, 2)).fit(series.iloc[:30])

    changes = differencer.transform(series.iloc[32:])

    expected = Differencer((1, 2)).fit_transform(series.to_numpy())[32:]
    assert np.isnan(changes.to_numpy()[:3]).all()
    close(changes.iloc[3:], expected[3:])


def test_plain_arrays_start_without_a_past():
    series = walk(30)

    changes = Differencer((1, 2)).fit(series[:20]).transform(series[20:])

    assert np.isnan(changes[:3]).all()
    np.testing.assert_array_equal(changes[3:], Differencer((1, 2)).fit_transform(series)[23:])


def test_a_pipeline_carries_a_forecast_back():
    series = walk(60)
    steps = make_pipeline(Differencer((1, 12)), StandardScaler()).fit(series[:50])
    scaled = steps[1].transform(steps[0].transform(series[50:], history=series[:50]))

    close(steps.inverse_transform(scaled), series[50:])


# -- scikit-learn --------------------------------------------------------------------------------


@parametrize_with_checks([Differencer(), Differencer(lags=(1, 2))])
def test_scikit_learns_suite(estimator, check):
    check(estimator)


OTHER_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
]


# they transform arrays after a fit on frames, as scikit-learn's own transformers are tested
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize("check", OTHER_CHECKS, ids=lambda check: check.__name__)
def test_checks_of_output_containers(check):
    check("Differencer", Differencer())


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_data_frames_keep_index_and_columns_there_and_back(output):
    series = pd.DataFrame(walk(10), index=INDEXES["months"][:10], columns=["a", "b"])
    differencer = Differencer().set_output(transform=output)

    changes = differencer.fit_transform(series)
    restored = differencer.inverse_transform(changes)

    for frame in (changes, restored):
        assert frame.columns.tolist() == ["a", "b"]
        assert frame.index.equals(series.index)
    close(restored, series)


def test_windows_behind_differences_know_the_time():
    series = pd.DataFrame(walk(30), index=INDEXES["days"][:30])
    steps = make_pipeline(Differencer((1, 2)), SlidingWindow(4)).fit(series.iloc[:20])

    windows = steps.transform(series.iloc[20:])

    np.testing.assert_allclose(windows, steps.transform(series)[20:], atol=1e-9)


def test_fit_transform_equals_fit_then_transform():
    series = walk(30)

    together = Differencer((1, 12)).fit_transform(series)

    np.testing.assert_array_equal(together, Differencer((1, 12)).fit(series).transform(series))


def test_array_likes_are_taken():
    series = walk(10)

    changes = Differencer().fit(series.tolist()).transform(tuple(map(tuple, series.tolist())))

    np.testing.assert_array_equal(changes, Differencer().fit_transform(series))


def test_clones_are_unfitted_and_pickles_continue_the_same_series():
    series = pd.DataFrame(walk(30), index=INDEXES["months"][:30])
    differencer = Differencer((1, 3)).fit(series.iloc[:20])

    copied = pickle.loads(pickle.dumps(differencer))

    assert clone(differencer).lags == (1, 3)
    assert not hasattr(clone(differencer), "tail_")
    np.testing.assert_array_equal(
        copied.transform(series.iloc[20:]), differencer.transform(series.iloc[20:])
    )


def test_what_is_kept_is_not_the_users_array():
    series = walk(10)
    differencer = Differencer().fit(series)
    before = series.copy()

    series[:] = 0

    close(differencer.inverse_transform(before[:1] * 0), before[-1:])


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lags", [(), 1, "1", (0,), (-1,), (1.5,), None, (1, "2")])
def test_lags_that_are_none_are_refused(lags):
    with pytest.raises(ValueError, match=r"Differencer: .*lags? must be .*; got .*\."):
        Differencer(lags).fit(walk(10))


def test_series_that_the_lags_use_up_is_refused():
    words = r"Differencer: lags=\(1, 12\) use up 13 rows; got a series of 13 .* at least 14 rows"

    with pytest.raises(SeriesTooShortError, match=words):
        Differencer((1, 12)).fit(walk(13))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_history_that_is_too_short_or_narrow_is_refused(method):
    differencer = Differencer((1, 2)).fit(walk(10))
    call = getattr(differencer, method)

    with pytest.raises(SeriesTooShortError, match=r"history must have at least 3 rows.* got 2\."):
        call(walk(5), history=walk(2))
    with pytest.raises(SequenceShapeError, match=r"\(n_rows, 2\).*got shape \(4, 1\)\. Give"):
        call(walk(5), history=walk(4, 1))


@pytest.mark.parametrize("rows", [slice(20, 30), slice(12, 30), slice(5, 12)])
def test_inverse_asks_for_the_rows_before_where_it_cannot_know_them(rows):
    series = pd.DataFrame(walk(30), index=INDEXES["days"][:30])
    differencer = Differencer((1, 2)).fit(series.iloc[:10])
    changes = differencer.transform(series, history=walk(3)).iloc[rows]

    with pytest.raises(ValueError, match="3 rows just before X must be known"):
        differencer.inverse_transform(changes)

    before = series.iloc[rows.start - 3 : rows.start]
    close(differencer.inverse_transform(changes, history=before), series.iloc[rows].to_numpy())


def test_periods_of_two_months_are_neighbours():
    index = pd.period_range("2020-01", periods=12, freq="2M")
    series = pd.DataFrame(walk(12), index=index)

    changes = Differencer((1,)).fit(series.iloc[:8]).transform(series.iloc[8:])

    close(changes, Differencer((1,)).fit_transform(series.to_numpy())[8:])


def test_one_day_at_a_time_follows_days_without_a_frequency():
    days = pd.DatetimeIndex(pd.date_range("2020-01-01", periods=20).to_list())
    series = pd.DataFrame(walk(20), index=days)
    differencer = Differencer((1,)).fit(series.iloc[:15])

    assert differencer.transform(series.iloc[15:16]).notna().all().all()
    half_days = series.iloc[15:18].set_axis(pd.date_range("2020-01-16", periods=3, freq="12h"))
    assert differencer.transform(half_days).iloc[0].isna().all()
