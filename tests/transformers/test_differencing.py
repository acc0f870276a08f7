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
from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError, TimeOrderError
from sklearn_rnn.transformers.lags import difference, undifference

LAGS = [(1,), (2,), (1, 1), (1, 12), (7, 3, 1)]
quick = settings(max_examples=200, deadline=None, derandomize=True)


VALUES = {
    "small": st.floats(-1000, 1000, allow_subnormal=False),
    "large": st.floats(-1e12, 1e12, allow_subnormal=False),
    "tiny": st.floats(-1e-12, 1e-12, allow_subnormal=False),
    "constant": st.just(0.1),
}


@st.composite
def lags_and_series(draw, rows_beyond=6, holes=False):
    """Lags, and a table with at least as many rows as they use up."""
    lags = draw(st.sampled_from(LAGS) | st.lists(st.integers(1, 5), min_size=1, max_size=3))
    rows = sum(lags) + draw(st.integers(0, rows_beyond))
    columns = draw(st.integers(1, 3))
    values = VALUES[draw(st.sampled_from(list(VALUES)))]
    if holes:
        values = values | st.just(np.nan)
    return lags, draw(arrays(np.float64, (rows, columns), elements=values))


def walk(rows, columns=2):
    return np.random.default_rng(0).normal(size=(rows, columns)).cumsum(axis=0)


def close(answer, expected, of=None):
    """Equal to 1e-9 of the largest value: a difference rounds by the larger of its two values."""
    largest = np.nanmax(np.abs(np.asarray(expected if of is None else of)), initial=0.0)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-9 * largest)


# -- the pair of functions -----------------------------------------------------------------------


@quick
@given(case=lags_and_series(holes=True), known=st.booleans())
def test_undifference_undoes_difference_at_every_lag(case, known):
    lags, series = case
    before = series[: lags[0]] if known else np.zeros((lags[0], series.shape[1]))
    before = np.nan_to_num(before)

    changes, after = difference(series, before)

    np.testing.assert_array_equal(np.isnan(changes), np.isnan(series))
    assert not np.isnan(after).any()
    close(undifference(changes, before), series)


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


@quick
@given(case=lags_and_series(holes=True))
def test_missing_values_stay_where_they_were_and_nothing_else_is_lost(case):
    lags, series = case
    differencer = Differencer(lags)

    changes = differencer.fit_transform(series)

    assert np.isnan(changes[np.isnan(series)]).all()
    close(differencer.inverse_transform(changes), series)


def test_a_value_after_a_gap_is_compared_with_the_last_one_known():
    series = np.array([[1.0], [3.0], [np.nan], [np.nan], [10.0], [11.0]])

    changes = Differencer().fit_transform(series)

    np.testing.assert_array_equal(changes.ravel(), [np.nan, 2, np.nan, np.nan, 7, 1])


@quick
@given(case=lags_and_series())
def test_dropped_rows_are_left_out_and_the_others_come_back(case):
    lags, series = case
    series = np.concatenate([series, series[:1]])
    differencer = Differencer(lags, rows="drop").fit(series)
    reach = sum(lags)

    changes = differencer.transform(series)

    assert len(changes) == len(series) - reach
    np.testing.assert_array_equal(changes, Differencer(lags).fit_transform(series)[reach:])
    restored = differencer.inverse_transform(changes, history=differencer.ends_[None].head)
    close(restored, series[reach:], of=series)


def test_dropped_rows_with_dates_are_known_to_be_those_of_fit():
    series = pd.DataFrame(walk(40), index=INDEXES["days"], columns=["a", "b"])
    differencer = Differencer((1, 7), rows="drop").fit(series.iloc[:30])

    past = differencer.transform(series.iloc[:30])
    future = differencer.transform(series.iloc[30:])

    assert past.index.equals(series.index[8:30])
    assert future.index.equals(series.index[30:])
    close(differencer.inverse_transform(past), series.iloc[8:30])
    close(differencer.inverse_transform(future), series.iloc[30:])


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
    past, rows = series[-before - 1 :], series  # any rows may follow any others
    past = np.resize(past, (before, series.shape[1]))
    differencer = Differencer(lags).fit(series)

    changes = differencer.transform(rows, history=past)

    assert np.isfinite(changes).all()
    whole = Differencer(lags).fit_transform(np.concatenate([past, rows]))
    close(changes, whole[before:], of=series)
    close(differencer.inverse_transform(changes, history=past), rows, of=series)


@quick
@given(case=lags_and_series(rows_beyond=8), steps=st.integers(1, 8))
def test_inverse_transform_continues_the_series_seen_in_fit(case, steps):
    lags, past = case
    future = np.resize(past[::-1] * 0.5, (steps, past.shape[1]))
    differencer = Differencer(lags).fit(past)

    changes = Differencer(lags).fit_transform(np.concatenate([past, future]))[len(past) :]

    close(differencer.inverse_transform(changes), future, of=past)


@quick
@given(case=lags_and_series(rows_beyond=8, holes=True), steps=st.integers(1, 8))
def test_the_future_comes_back_after_a_past_with_holes(case, steps):
    lags, past = case
    future = np.resize(np.nan_to_num(past[::-1]), (steps, past.shape[1]))
    past[: sum(lags)] = np.nan_to_num(past[: sum(lags)])  # each phase began somewhere
    series = pd.DataFrame(np.concatenate([past, future]))
    differencer = Differencer(lags).fit(series.iloc[: len(past)])

    changes = differencer.transform(series.iloc[len(past) :])

    whole = Differencer(lags).fit_transform(series).iloc[len(past) :]
    close(changes, whole, of=past)
    close(differencer.inverse_transform(changes), future, of=past)


@quick
@given(
    lags=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    values=arrays(np.float64, (30, 1), elements=st.integers(-9, 9).map(float) | st.just(np.nan)),
    cut=st.integers(12, 29),
)
def test_what_comes_back_of_the_future_is_right_whatever_is_missing(lags, values, cut):
    series = pd.DataFrame(values)
    differencer = Differencer(lags).fit(series.iloc[:cut])

    changes = differencer.transform(series.iloc[cut:])

    whole = Differencer(lags).fit_transform(series).iloc[cut:]
    np.testing.assert_array_equal(changes, whole)
    restored = differencer.inverse_transform(changes).to_numpy()
    given = ~np.isnan(restored)
    np.testing.assert_array_equal(restored[given], values[cut:][given])


def test_rows_after_one_that_cannot_be_known_are_not_made_up():
    series = pd.DataFrame(np.arange(36.0) ** 2)
    series.iloc[12] = np.nan  # no January of fit has a value with one before it
    differencer = Differencer((1, 12)).fit(series.iloc[:20])

    restored = differencer.inverse_transform(differencer.transform(series.iloc[20:]))

    close(restored.iloc[:4], series.iloc[20:24])
    assert restored.iloc[4:].isna().all().all()


def test_values_before_a_long_gap_are_those_of_the_right_rows():
    x = [1, 5, 2, np.nan, np.nan, np.nan, 7, np.nan, 20, 100, 30, 110]
    series = pd.DataFrame({"x": x}, pd.date_range("2024", periods=12))
    differencer = Differencer((2, 1)).fit(series.iloc[:10])

    whole = Differencer((2, 1)).fit_transform(series)

    close(differencer.inverse_transform(whole.iloc[10:]), series.iloc[10:])
    close(differencer.transform(series.iloc[10:]), whole.iloc[10:])


@quick
@given(case=lags_and_series(), paths=st.integers(1, 4), steps=st.integers(1, 5))
def test_sample_paths_come_back_as_each_would_alone(case, paths, steps):
    lags, past = case
    changes = np.random.default_rng(0).normal(size=(paths, steps, past.shape[1]))
    differencer = Differencer(lags).fit(past)

    together = differencer.inverse_transform(changes)

    for path, expected in zip(together, changes, strict=True):
        np.testing.assert_array_equal(path, differencer.inverse_transform(expected))


def test_paths_from_many_origins_each_have_their_own_past():
    series = walk(60)
    lags, steps = (1, 12), 4
    differencer = Differencer(lags).fit(series[:20])
    origins = range(13, 56)
    changes = Differencer(lags).fit_transform(series)

    restored = differencer.inverse_transform(
        np.array([changes[origin : origin + steps] for origin in origins]),
        history=np.array([series[origin - 13 : origin] for origin in origins]),
    )

    close(restored, np.array([series[origin : origin + steps] for origin in origins]))


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


@pytest.mark.parametrize("lags", [(4,), (1, 4), (4, 1)])
def test_rows_behind_a_gap_do_not_know_what_came_in_it(lags):
    series = pd.DataFrame(walk(40), index=INDEXES["days"])
    differencer = Differencer(lags).fit(series.iloc[:30])

    changes = differencer.transform(series.iloc[32:])

    expected = Differencer(lags).fit_transform(series).iloc[32:]
    unknown = changes.isna().all(axis=1).to_numpy()
    if lags == (4,):
        np.testing.assert_array_equal(np.flatnonzero(unknown), [2, 3])
    assert not unknown[sum(lags) :].any()
    close(changes[~unknown], expected[~unknown])


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


def test_the_same_step_goes_by_several_names():
    hours = pd.date_range("2024-01-01", periods=12, freq="60min")
    series = pd.DataFrame({"x": np.arange(12.0) ** 2}, hours)
    later = series.iloc[6:].set_axis(pd.DatetimeIndex(hours[6:].to_list()))
    differencer = Differencer((1,)).fit(series.iloc[:6])

    close(differencer.inverse_transform(differencer.transform(later)), later)


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(0, 120, 10), pd.to_timedelta(np.arange(12) * 90, unit="s")]
)
def test_numbers_and_durations_come_at_their_own_step(index):
    series = pd.DataFrame({"x": np.arange(12.0) ** 2}, index)
    differencer = Differencer((1, 2)).fit(series.iloc[:7])

    changes = differencer.transform(series.iloc[7:])

    close(changes, Differencer((1, 2)).fit_transform(series).iloc[7:])
    close(differencer.inverse_transform(changes), series.iloc[7:])


def test_working_days_with_holidays_are_no_days_of_the_calendar():
    days = pd.bdate_range("2024-01-01", periods=40).drop(["2024-01-15", "2024-02-19"])
    series = pd.DataFrame({"x": np.arange(38.0)}, days)

    changes = Differencer((1,)).fit(series[:"2024-02-11"]).transform(series["2024-02-12":])

    assert changes.iloc[0].item() == 1  # the Friday before


def test_another_time_zone_is_the_same_time():
    hours = pd.date_range("2024-01-01", periods=12, freq="h", tz="UTC")
    series = pd.DataFrame({"x": np.arange(12.0) ** 2}, hours)
    differencer = Differencer((1,)).fit(series.iloc[:6])

    changes = differencer.transform(series.iloc[6:].tz_convert("Europe/Berlin"))

    close(changes, series.diff().iloc[6:])


def test_a_long_gap_takes_no_memory():
    stamps = pd.date_range("2024-01-01", periods=10, freq="us")
    series = pd.DataFrame({"x": np.arange(10.0)}, stamps)
    later = series.set_axis(stamps + pd.Timedelta(days=60))

    changes = Differencer((1,)).fit(series).transform(later)

    assert changes.iloc[0].isna().all()


def test_rows_out_of_order_by_number_are_refused():
    series = pd.DataFrame({"x": np.arange(10.0)})

    with pytest.raises(TimeOrderError, match="the index of X must ascend"):
        Differencer().fit(series.sample(frac=1, random_state=0))


def test_a_refit_that_fails_and_new_parameters_change_nothing():
    series = walk(20)
    differencer = Differencer((1, 2)).fit(series)
    before = differencer.inverse_transform(np.ones((3, 2)))

    with pytest.raises(SeriesTooShortError):
        differencer.fit(walk(2, 5))
    differencer.set_params(lags=(3,))

    np.testing.assert_array_equal(differencer.inverse_transform(np.ones((3, 2))), before)


def test_more_differences_than_fit_has_rows_are_not_those_of_fit():
    differencer = Differencer().fit(walk(5))

    restored = differencer.inverse_transform(Differencer().fit_transform(walk(8)))

    assert np.isnan(restored[0]).all()


def test_paths_of_another_number_of_series_are_refused():
    differencer = Differencer().fit(walk(20)[np.newaxis].repeat(3, axis=0))

    with pytest.raises(SequenceShapeError, match=r"X must have the 3 series .* got shape \(5,"):
        differencer.inverse_transform(np.zeros((5, 4, 2)))


# -- panels --------------------------------------------------------------------------------------


def panel(form):
    """Three series of two columns; of unequal lengths where the form allows it."""
    series = [walk(20) + 10 * i for i in range(3)]
    if form == "array":
        return np.array(series)
    series = [x[: 14 + 2 * i] for i, x in enumerate(series)]
    if form == "list":
        return series
    if form == "flat list":
        return [x[:, 0] for x in series]
    frames = [pd.DataFrame(x, INDEXES["days"][: len(x)], columns=["a", "b"]) for x in series]
    if form == "frames":
        return frames
    if form == "series":
        return [frame["a"] for frame in frames]
    return pd.concat(frames, keys=["x", "y", "z"], names=["who", "when"])


def each(X):
    """The series of a panel, as arrays."""
    if hasattr(X, "iloc"):
        return [X.loc[name].to_numpy() for name in ("x", "y", "z")]
    return [np.asarray(x) for x in X]


FORMS = ["array", "list", "flat list", "frames", "series", "levels"]


@pytest.mark.parametrize("rows", ["keep", "drop"])
@pytest.mark.parametrize("form", FORMS)
def test_series_of_a_panel_are_differenced_each_by_itself(form, rows):
    X = panel(form)

    changes = Differencer((1, 3), rows=rows).fit_transform(X)

    assert type(changes) is type(X)
    for one, series in zip(each(changes), each(X), strict=True):
        alone = Differencer((1, 3), rows=rows).fit_transform(series.reshape(len(series), -1))
        np.testing.assert_array_equal(one, alone.reshape(-1, *series.shape[1:]))


@pytest.mark.parametrize("form", FORMS)
def test_a_panel_comes_back_from_its_differences(form):
    X = panel(form)
    differencer = Differencer((1, 3)).fit(X)

    restored = differencer.inverse_transform(differencer.transform(X))

    assert type(restored) is type(X)
    for one, series in zip(each(restored), each(X), strict=True):
        close(one, series)
    if form == "levels":
        pd.testing.assert_index_equal(restored.index, X.index)


@quick
@given(data=st.data(), lags=st.sampled_from([(1,), (2, 1), (3,)]))
def test_any_panel_comes_back_even_with_one_row_and_holes(data, lags):
    lengths = data.draw(st.lists(st.integers(sum(lags), 6), min_size=1, max_size=4))
    values = VALUES["large"] | st.just(np.nan)
    X = [data.draw(arrays(np.float64, (n, 2), elements=values)) for n in lengths]
    differencer = Differencer(lags).fit(X)

    restored = differencer.inverse_transform(differencer.transform(X))

    for one, series in zip(restored, X, strict=True):
        close(one, series)


@pytest.mark.parametrize("form", ["array", "list", "frames"])
def test_forecasts_of_a_panel_go_on_from_each_series(form):
    X = panel(form)
    steps = np.ones((3, 4, 2))
    forms = {"array": steps, "list": list(steps), "frames": [pd.DataFrame(x) for x in steps]}
    if form == "frames":
        later = [pd.date_range(x.index[-1] + x.index.freq, periods=4) for x in X]
        forms["frames"] = [x.set_axis(X[0].columns, axis=1) for x in forms["frames"]]
        forms["frames"] = [x.set_axis(i) for x, i in zip(forms["frames"], later, strict=True)]
    differencer = Differencer((1,)).fit(X)

    future = differencer.inverse_transform(forms[form])

    for one, series in zip(each(future), each(X), strict=True):
        close(one, series[-1] + np.arange(1, 5)[:, np.newaxis])


def test_sample_paths_of_a_panel_go_on_from_each_series():
    X = panel("array")
    paths = np.random.default_rng(0).normal(size=(3, 5, 4, 2))

    future = Differencer((1, 2)).fit(X).inverse_transform(paths)

    for one, series, steps in zip(future, X, paths, strict=True):
        close(one, Differencer((1, 2)).fit(series).inverse_transform(steps))


def test_series_are_known_by_name_in_a_panel_with_names():
    X = panel("levels")
    days = X.index.get_level_values("when")
    past, future = X[days < "2000-01-11"], X[days >= "2000-01-11"]
    differencer = Differencer().fit(past)

    changes = differencer.transform(future.loc[["z", "x"]])

    expected = X.groupby("who").diff()[days >= "2000-01-11"].loc[["z", "x"]]
    close(changes, expected)
    close(differencer.inverse_transform(changes), future.loc[["z", "x"]])


def test_series_of_another_list_know_nothing_of_those_of_fit():
    X = panel("frames")
    later = [frame.set_axis(frame.index + pd.Timedelta(days=len(frame))) for frame in X]

    changes = Differencer().fit(X).transform(later)

    assert all(change.iloc[0].isna().all() for change in changes)


def test_history_of_a_panel_is_a_list():
    X = panel("list")
    differencer = Differencer((1, 2)).fit(X)
    past, later = [x[:10] for x in X], [x[10:] for x in X]

    changes = differencer.transform(later, history=past)

    for one, series in zip(changes, X, strict=True):
        close(one, Differencer((1, 2)).fit_transform(series)[10:])
    for one, expected in zip(
        differencer.inverse_transform(changes, history=past), later, strict=True
    ):
        close(one, expected)
    with pytest.raises(SequenceShapeError, match="an item for each series of X; got 2 for 3"):
        differencer.transform(later, history=past[:2])


def test_differences_of_series_that_fit_has_not_seen_need_their_past():
    X = panel("list")
    differencer = Differencer().fit(X)

    with pytest.raises(ValueError, match=r"history= must give the 1 rows just before each series"):
        differencer.inverse_transform([x[:3] for x in [*X, *X]])


def test_a_series_without_a_frame_comes_back_with_its_name():
    series = pd.Series(walk(20)[:, 0], INDEXES["days"][:20], name="price")

    changes = Differencer().fit_transform(series)

    pd.testing.assert_series_equal(changes, series.diff())
    pd.testing.assert_series_equal(Differencer().fit(series).inverse_transform(changes), series)


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
    words = r"Differencer: lags=\(1, 12\) use up 13 rows; got a series of 12 .* at least 13 rows"

    with pytest.raises(SeriesTooShortError, match=words):
        Differencer((1, 12)).fit(walk(12))
    with pytest.raises(SeriesTooShortError, match=r"got a series \(1\) of 12"):
        Differencer((1, 12)).fit([walk(13), walk(12)])


@pytest.mark.parametrize("column", [["a", "b"], pd.date_range("2020", periods=2)])
def test_columns_that_hold_no_numbers_are_named(column):
    frame = pd.DataFrame({"x": [1.0, 2.0], "what": column})

    with pytest.raises(ValueError, match=r"Differencer: every column .* got text, .* \['what'\]"):
        Differencer().fit(frame)


def test_mistakes_in_series_of_a_panel_are_refused():
    infinite, wide = panel("list"), panel("list")
    infinite[1][3, 0] = np.inf
    wide[1] = wide[1][:, [0, 1, 1]]

    with pytest.raises(ValueError, match="X contains infinity in 1 step"):
        Differencer().fit(infinite)
    with pytest.raises(SequenceShapeError, match="same features"):
        Differencer().fit(wide)
    with pytest.raises(ValueError, match="X has 1 features, but Differencer is expecting 2"):
        Differencer().fit(panel("list")).transform([x[:, :1] for x in panel("list")])


def test_a_series_of_which_nothing_would_be_left_is_refused():
    differencer = Differencer((1, 2), rows="drop").fit(walk(4))

    with pytest.raises(SeriesTooShortError, match=r"got a series of 3 .* at least 4 rows"):
        differencer.transform(walk(3))


def test_rows_are_kept_or_dropped_and_nothing_else():
    with pytest.raises(ValueError, match="'rows' parameter of Differencer"):
        Differencer(rows="zero").fit(walk(5))


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
