"""The transformers of sktime: exact ways back, panels, and what cannot be added up."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sktime.datasets import load_airline
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster
from sktime.transformations.difference import Differencer as TheirDifferencer
from sktime.utils._testing.hierarchical import _make_hierarchical

from sklearn_rnn import make_windows
from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError, TimeOrderError
from sklearn_rnn.sktime import (
    Differencer,
    ResampledForecaster,
    Resampler,
    SequenceScaler,
    SlidingWindow,
)

LAGS = [(1,), (2,), (1, 1), (1, 12), (7, 3)]
INDEXES = {
    "months": pd.period_range("2020-01", periods=40, freq="M"),
    "days": pd.date_range("2024-02-20", periods=40, freq="D"),
    "days of which no frequency is told": pd.DatetimeIndex(
        list(pd.date_range("2024-02-20", periods=40, freq="D"))
    ),
    "first days of months": pd.date_range("2020-01-01", periods=40, freq="MS"),
    "numbers": pd.RangeIndex(100, 140),
}
every_index = pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
quick = settings(max_examples=200, deadline=None, derandomize=True)


def walk(index, columns=("a", "b"), seed=0):
    steps = np.random.default_rng(seed).normal(size=(len(index), len(columns)))
    return pd.DataFrame(steps.cumsum(axis=0), index, list(columns))


def panel(lengths=(30, 22, 41), columns=("a", "b")):
    parts = [walk(pd.RangeIndex(n), columns, seed) for seed, n in enumerate(lengths)]
    return pd.concat(parts, keys=range(len(parts)), names=["series", "time"])


def close(answer, expected):
    pd.testing.assert_frame_equal(answer, expected, check_freq=False, rtol=1e-9, atol=1e-9)


# -- Differencer: the way back -------------------------------------------------------------------


@every_index
@pytest.mark.parametrize("rows", ["drop", "keep"])
@pytest.mark.parametrize("lags", LAGS)
def test_the_rows_of_fit_come_back(index, rows, lags):
    series = walk(index)
    differencer = Differencer(lags, rows).fit(series)

    changes = differencer.transform(series)

    reach = sum(lags) if rows == "drop" else 0
    assert changes.index.equals(index[reach:])
    assert changes.isna().to_numpy().sum() == (0 if rows == "drop" else 2 * sum(lags))
    close(differencer.inverse_transform(changes), series.iloc[reach:])


@every_index
@pytest.mark.parametrize("rows", ["drop", "keep"])
@pytest.mark.parametrize("lags", LAGS)
def test_later_rows_come_back(index, rows, lags):
    series = walk(index)
    differencer = Differencer(lags, rows).fit(series.iloc[:25])

    changes = differencer.transform(series.iloc[25:])

    assert changes.index.equals(index[25:])
    expected = Differencer(lags, "keep").fit_transform(series).iloc[25:]
    close(changes, expected)
    close(differencer.inverse_transform(changes), series.iloc[25:])


@every_index
def test_any_part_of_the_rows_of_fit_comes_back(index):
    series = walk(index)
    differencer = Differencer((1, 3)).fit(series)
    changes = differencer.transform(series)

    for begin, end in [(4, 9), (10, 11), (20, 40), (39, 40)]:
        part = changes.loc[index[begin] : index[end - 1]]
        close(differencer.inverse_transform(part), series.iloc[begin:end])


@every_index
def test_rows_across_the_end_of_fit_come_back(index):
    series = walk(index)
    differencer = Differencer((1, 3)).fit(series.iloc[:30])

    changes = Differencer((1, 3)).fit_transform(series)

    close(differencer.inverse_transform(changes.iloc[20:]), series.iloc[24:])


@every_index
@pytest.mark.parametrize("step", [1, 3, 7])
def test_update_moves_the_end_on(index, step):
    series = walk(index)
    differencer = Differencer((1, 7)).fit(series.iloc[:20])

    for end in range(20 + step, 35, step):
        differencer.update(series.iloc[end - step : end])
        changes = differencer.transform(series.iloc[end:])

        close(differencer.inverse_transform(changes), series.iloc[end:])


@quick
@given(
    lags=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    values=arrays(
        np.float64, (30, 2), elements=st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(np.nan)
    ),
    cut=st.integers(15, 29),
)
def test_missing_values_stay_where_they_were(lags, values, cut):
    series = pd.DataFrame(values, INDEXES["days"][:30], ["a", "b"])
    past, future = series.iloc[:cut], series.iloc[cut:]
    differencer = Differencer(tuple(lags), "keep").fit(past)

    changes, later = differencer.transform(past), differencer.transform(future)

    assert changes.isna().to_numpy()[past.isna().to_numpy()].all()
    np.testing.assert_allclose(
        differencer.inverse_transform(changes), past, rtol=0, atol=1e-9 * 1e6
    )
    back = differencer.inverse_transform(later).to_numpy()
    given = ~np.isnan(back)  # never wrong, though not all may be known
    np.testing.assert_allclose(back[given], future.to_numpy()[given], rtol=0, atol=1e-9 * 1e6)


@pytest.mark.parametrize("lags", LAGS)
def test_series_of_a_panel_are_differenced_each_by_itself(lags):
    series = panel()
    differencer = Differencer(lags).fit(series)

    changes = differencer.transform(series)

    for name in range(3):
        alone = Differencer(lags).fit_transform(series.loc[name])
        close(changes.loc[name], alone)
    back = differencer.inverse_transform(changes)
    close(back, series.loc[back.index])


def test_hierarchies_come_back():
    series = _make_hierarchical(hierarchy_levels=(2, 3), min_timepoints=20, max_timepoints=30)
    differencer = Differencer((1, 2)).fit(series)

    back = differencer.inverse_transform(differencer.transform(series))

    close(back, series.loc[back.index])
    assert back.index.names == series.index.names


@pytest.mark.parametrize("lags", [1, 12, [1, 12], [1, 1]])
def test_differences_equal_those_of_sktime_where_both_have_some(lags):
    y = load_airline()
    ours = Differencer(tuple(np.atleast_1d(lags)))
    theirs = TheirDifferencer(lags, na_handling="drop_na")

    changes = ours.fit_transform(y)

    expected = theirs.fit_transform(y)
    pd.testing.assert_series_equal(changes, expected, check_freq=False)
    pd.testing.assert_series_equal(
        ours.inverse_transform(changes), theirs.inverse_transform(expected), check_freq=False
    )
    # of fewer rows than the lags theirs makes nothing: test_forecasts_go_on_from_the_last_row
    future = changes.iloc[-24:].set_axis(pd.period_range("1961-01", periods=24, freq="M"))
    pd.testing.assert_series_equal(
        ours.inverse_transform(future), theirs.inverse_transform(future), check_freq=False
    )


# -- Differencer: forecasts ----------------------------------------------------------------------


@every_index
@pytest.mark.parametrize("lags", LAGS)
def test_forecasts_go_on_from_the_last_row(index, lags):
    y = walk(index)["a"]
    inside = NaiveForecaster(strategy="mean")

    answer = (Differencer(lags) * inside).fit(y, fh=range(1, 15)).predict()

    changes = y.to_numpy()
    for lag in lags:
        changes = changes[lag:] - changes[:-lag]
    going_on = [y.to_numpy()]
    for lag in lags:
        going_on.append(going_on[-1][lag:] - going_on[-1][:-lag])
    future = np.full(14, changes.mean())
    for lag, level in zip(reversed(lags), reversed(going_on[:-1]), strict=True):
        level = list(level)
        for change in future:
            level.append(level[-lag] + change)
        future = np.array(level[-14:])
    np.testing.assert_allclose(answer, future, rtol=1e-9, atol=1e-9)


@every_index
@pytest.mark.parametrize(("fh", "number"), [([1, 3], 1), ([3], 2), ([2, 3], 1), ([1, 2, 6, 9], 5)])
def test_steps_left_out_of_a_sum_are_named(index, fh, number):
    y = walk(index)["a"]
    forecaster = Differencer() * NaiveForecaster(strategy="drift")
    forecaster.fit(y, fh=fh)

    with pytest.raises(ValueError, match=rf"every step on the way; missing are {number}: .* fh=\["):
        forecaster.predict()


def test_the_steps_left_out_are_named_by_their_dates():
    forecaster = (Differencer() * NaiveForecaster()).fit(load_airline(), fh=[1, 4])

    with pytest.raises(ValueError, match=r"missing are 2: 1961-02, 1961-03\. Forecast them too"):
        forecaster.predict()


@every_index
@pytest.mark.parametrize("fh", [[1, 3], [3], [12], [2, 5, 11], [1, 13], [13, 1, 25]])
def test_steps_that_are_no_part_of_a_sum_may_be_left_out(index, fh):
    y = walk(index)["a"]
    forecaster = Differencer((12,)) * PolynomialTrendForecaster(degree=2)
    whole = forecaster.fit(y, fh=range(1, 26)).predict()

    answer = forecaster.fit(y, fh=fh).predict()

    np.testing.assert_allclose(answer, whole.iloc[np.sort(fh) - 1])
    assert answer.index.equals(whole.index[np.sort(fh) - 1])


def test_a_gap_within_the_rows_of_fit_is_named_too():
    forecaster = (Differencer() * PolynomialTrendForecaster()).fit(load_airline())

    with pytest.raises(ValueError, match="missing are 2: 1960-09, 1960-10"):
        forecaster.predict(fh=[-4, -1])


def test_in_sample_forecasts_add_up_from_the_row_before():
    y = load_airline()
    forecaster = (Differencer() * PolynomialTrendForecaster()).fit(y)

    answer = forecaster.predict(fh=[-3, -2, -1, 0, 1, 2])

    inside = PolynomialTrendForecaster().fit(y.diff().iloc[1:]).predict(fh=[-3, -2, -1, 0, 1, 2])
    np.testing.assert_allclose(answer, y.iloc[-5] + inside.cumsum())


def test_bounds_and_quantiles_are_added_up():
    y = load_airline()
    inside = NaiveForecaster(strategy="mean")
    forecaster = (Differencer() * inside).fit(y, fh=[1, 2, 3])

    bounds = forecaster.predict_interval(coverage=0.8)
    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])

    of_changes = inside.fit(y.diff().iloc[1:], fh=[1, 2, 3]).predict_interval(coverage=0.8)
    np.testing.assert_allclose(bounds, y.iloc[-1] + of_changes.cumsum())
    np.testing.assert_allclose(quantiles.iloc[:, [0, 2]], bounds)
    np.testing.assert_allclose(quantiles.iloc[:, 1], forecaster.predict())
    assert bounds.index.equals(forecaster.predict().index)


def test_a_forecast_after_update_goes_on_from_the_new_end():
    y = load_airline()
    forecaster = TransformedTargetForecaster([Differencer(), NaiveForecaster()])

    forecaster.fit(y.iloc[:-6], fh=[1, 2]).update(y.iloc[-6:])

    growth = y.iloc[-1] - y.iloc[-2]
    np.testing.assert_allclose(forecaster.predict(), y.iloc[-1] + growth * np.array([1, 2]))


def test_a_series_of_unequal_steps_is_differenced_but_not_continued():
    stamps = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-11", "2024-01-12"])
    series = pd.DataFrame({"a": [1.0, 3.0, 2.0, 7.0, 8.0]}, stamps)
    differencer = Differencer().fit(series)

    changes = differencer.transform(series)

    assert changes["a"].tolist() == [2.0, -1.0, 5.0, 1.0]
    close(differencer.inverse_transform(changes), series.iloc[1:])
    close(differencer.inverse_transform(changes.iloc[2:]), series.iloc[3:])
    with pytest.raises(ValueError, match="the 1 rows just before X must be known"):
        differencer.inverse_transform(changes.set_axis(stamps[1:] + pd.Timedelta(days=20)))


def test_periods_of_another_length_are_refused():
    around = Differencer() * ResampledForecaster(NaiveForecaster(), "Q", "sum")
    around.fit(load_airline(), fh=[1])

    with pytest.raises(TimeOrderError, match=r"index of period\[M\], .* got period\[Q-DEC\]"):
        around.predict()


def test_rows_before_those_of_fit_cannot_be_added_up():
    series = walk(INDEXES["days"])
    changes = series.diff().iloc[1:]
    differencer = Differencer().fit(series.iloc[10:20])

    for end in (8, 15, 30):
        with pytest.raises(ValueError, match="the 1 rows just before X must be known"):
            differencer.inverse_transform(changes.iloc[:end])


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"lags": (0,)}, ValueError, "every lag must be a whole number of at least 1"),
        ({"lags": 1}, ValueError, "lags must be a tuple"),
        ({"rows": "x"}, ValueError, "'rows' parameter of Differencer"),
        ({"lags": (1, 12, 131)}, SeriesTooShortError, "use up 144 rows; got a series of 144"),
    ],
)
def test_lags_that_are_none_are_refused(options, kind, words):
    with pytest.raises(kind, match=words):
        Differencer(**options).fit(load_airline())


def test_other_columns_than_those_of_fit_are_refused():
    series = walk(INDEXES["days"])

    for transformer in (Differencer(), Resampler("W")):
        with pytest.raises(ValueError, match="feature names should match"):
            transformer.fit(series).transform(series.rename(columns={"a": "c"}))


# -- SequenceScaler ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["standard", "minmax", "robust", "maxabs"])
@pytest.mark.parametrize("per", ["feature", "dataset"])
def test_scaled_series_come_back(method, per):
    series = walk(INDEXES["months"]) * [1.0, 1e6]
    scaler = SequenceScaler(method, per).fit(series.iloc[:30])

    scaled = scaler.transform(series)

    assert scaled.index.equals(series.index)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), series, rtol=1e-9, atol=1e-6)


def test_all_series_of_a_panel_have_one_scale():
    series = panel() * [1.0, 100.0]
    scaler = SequenceScaler().fit(series)

    scaled = scaler.transform(series)

    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(series))
    close(scaler.inverse_transform(scaled), series)
    assert abs(scaled.loc[0].to_numpy().mean()) > 0.01


def test_hierarchies_have_one_scale():
    series = _make_hierarchical(hierarchy_levels=(2, 3), min_timepoints=20, max_timepoints=30)

    scaled = SequenceScaler("minmax", feature_range=(-1, 1)).fit_transform(series)

    np.testing.assert_allclose(scaled, MinMaxScaler((-1, 1)).fit_transform(series))
    assert scaled.index.equals(series.index)


def test_missing_values_do_not_count():
    series = walk(INDEXES["days"])
    gappy = series.copy()
    gappy.loc[series.index.dayofweek > 4] = np.nan

    scaled = SequenceScaler().fit_transform(gappy)

    assert scaled.isna().equals(gappy.isna())
    np.testing.assert_allclose(scaled.std(ddof=0), 1)


def test_scale_options_that_are_none_are_refused():
    with pytest.raises(ValueError, match="method"):
        SequenceScaler("magic").fit(load_airline())


# -- SlidingWindow -------------------------------------------------------------------------------


@every_index
@pytest.mark.parametrize(("length", "step"), [(1, 1), (4, 1), (5, 3), (40, 1)])
def test_windows_are_the_parts_of_the_series(index, length, step):
    series = walk(index)

    windows = SlidingWindow(length, step).fit_transform(series)

    starts = range(0, len(series) - length + 1, step)
    assert windows.index.get_level_values(0).nunique() == len(starts)
    for number, start in enumerate(starts):
        close(windows.loc[number], series.iloc[start : start + length].rename_axis("time"))


def test_windows_are_those_of_make_windows():
    y = load_airline()

    windows = SlidingWindow(12).fit_transform(y)

    X, _ = make_windows(y.to_frame(), 12)
    np.testing.assert_array_equal(windows.to_numpy().reshape(-1, 12, 1)[:-1], X)


def test_a_series_shorter_than_a_window_is_refused():
    with pytest.raises(SeriesTooShortError, match="window"):
        SlidingWindow(41).fit_transform(walk(INDEXES["days"]))


# -- Resampler -----------------------------------------------------------------------------------


def test_months_become_quarters():
    y = load_airline()

    quarters = Resampler("Q", "sum").fit_transform(y)

    expected = y.groupby(y.index.asfreq("Q")).sum()
    np.testing.assert_array_equal(quarters, expected)
    assert quarters.index.equals(expected.index)


@pytest.mark.parametrize("aggregation", ["mean", "last", "max", {"a": "sum", "b": "first"}])
def test_days_become_months_as_in_pandas(aggregation):
    series = walk(pd.date_range("2024-01-10", periods=120, freq="D"))

    months = Resampler("MS", aggregation).fit_transform(series)

    close(months, series.resample("MS").agg(aggregation))


def test_irregular_stamps_become_regular_and_gaps_are_filled():
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2024-01-01", periods=2000, freq="min")
    stamps = stamps[np.sort(rng.choice(2000, 60, replace=False))]
    series = walk(stamps)

    hours = Resampler("h", fill="ffill").fit_transform(series)

    close(hours, series.resample("h").mean().ffill())


def test_series_of_a_panel_are_resampled_each_by_itself():
    index = pd.date_range("2024-01-01", periods=60, freq="D")
    parts = [walk(index[:n], seed=n) for n in (60, 31, 45)]
    series = pd.concat(parts, keys=["x", "y", "z"], names=["series", "time"])

    weeks = Resampler("W", "sum").fit_transform(series)

    for name, part in zip("xyz", parts, strict=True):
        close(weeks.loc[name], part.resample("W").sum().rename_axis("time"))


def test_what_was_found_is_told():
    resampler = Resampler().fit(walk(INDEXES["days"]))

    assert resampler.core_.freq_ == "D"
    assert "at regular steps" in resampler.core_.explanation_


def test_resampling_has_no_inverse_and_says_so():
    resampler = Resampler("Q").fit(load_airline())

    assert not resampler.get_tag("capability:inverse_transform")
    with pytest.raises(NotImplementedError):
        resampler.inverse_transform(load_airline())


def test_an_unknown_frequency_is_refused():
    with pytest.raises(FrequencyError, match="freq must be a frequency that pandas knows"):
        Resampler("fortnight").fit(load_airline())


# -- all -----------------------------------------------------------------------------------------


ALL = [
    Differencer((1, 2)),
    Differencer((12,), "keep"),
    Resampler("Q", "sum"),
    SequenceScaler("robust"),
    SlidingWindow(6, 2),
]


@pytest.mark.parametrize("transformer", ALL, ids=lambda transformer: type(transformer).__name__)
def test_data_are_not_changed_and_nothing_is_lost_in_pickling(transformer):
    y = load_airline()
    before = y.copy()
    transformer = transformer.clone()

    answer = transformer.fit_transform(y)

    pd.testing.assert_series_equal(y, before)
    again = pickle.loads(pickle.dumps(transformer)).transform(y)
    same = pd.testing.assert_series_equal if answer.ndim == 1 else pd.testing.assert_frame_equal
    same(again, answer)


@pytest.mark.parametrize("transformer", ALL, ids=lambda transformer: type(transformer).__name__)
def test_names_and_columns_are_kept(transformer):
    series = walk(INDEXES["months"], ["temperature", "wind"])
    series.index.name = "month"

    answer = transformer.clone().fit_transform(series)

    assert list(answer.columns) == ["temperature", "wind"]
    assert answer.index.names[-1] == "month"
    named = transformer.clone().fit_transform(series["wind"])
    assert named.name == "wind" if named.ndim == 1 else list(named.columns) == ["wind"]


@pytest.mark.parametrize("transformer", ALL, ids=lambda transformer: type(transformer).__name__)
def test_tags_tell_the_truth_about_the_index(transformer):
    y = load_airline()

    answer = transformer.clone().fit_transform(y)

    if transformer.get_tag("transform-returns-same-time-index"):
        assert answer.index.equals(y.index)
    if transformer.get_tag("scitype:transform-output") == "Panel":
        assert isinstance(answer.index, pd.MultiIndex)
