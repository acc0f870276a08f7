"""Forecasts at another frequency than that of the data."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sktime.datasets import load_airline
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster
from sktime.split import ExpandingWindowSplitter

from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError
from sklearn_rnn.sktime import Differencer, ResampledForecaster, SequenceScaler

DAYS = pd.date_range("2024-01-10", "2024-06-20", freq="D")
MONTHS = pd.date_range("2024-02-01", "2024-05-01", freq="MS")  # those that DAYS show whole
REFITS = "ignore:NotImplementedWarning. PolynomialTrendForecaster:UserWarning"


def daily(index=DAYS, seed=0, name="visits"):
    """Rows with a trend and noise."""
    noise = np.random.default_rng(seed).normal(size=len(index))
    return pd.Series(10 + 0.1 * np.arange(len(index)) + noise, index, name=name)


def trend():
    return PolynomialTrendForecaster()


def same(answer, expected):
    check = pd.testing.assert_series_equal
    check = pd.testing.assert_frame_equal if expected.ndim == 2 else check
    assert answer.index.names[-1] in (None, "day")
    nameless = [None] * expected.index.nlevels
    answer, expected = answer.rename_axis(nameless), expected.rename_axis(nameless)
    check(answer, expected, check_freq=False, check_index_type=False)


class OnInputs(BaseForecaster):
    """A straight line over inputs of the step itself, which must have y's index."""

    _tags = {
        "y_inner_mtype": "pd.Series",
        "X_inner_mtype": "pd.DataFrame",
        "capability:exogenous": True,
        "requires-fh-in-fit": False,
    }
    _config = {"remember_data": True}

    def _fit(self, y, X, fh):
        pd.testing.assert_index_equal(X.index, y.index, check_names=False)
        self.line_ = LinearRegression().fit(X, y)
        return self

    def _update(self, y, X=None, update_params=True):
        pd.testing.assert_index_equal(X.index, y.index, check_names=False)
        return self

    def _predict(self, fh, X):
        steps = fh.to_absolute_index(self.cutoff)
        return pd.Series(self.line_.predict(X.loc[steps]), steps, name="visits")


# -- beside resampling by hand -------------------------------------------------------------------


@pytest.mark.parametrize("aggregation", ["sum", "mean", "last", "max"])
@pytest.mark.parametrize(
    ("freq", "whole"), [("MS", slice(1, -1)), ("ME", slice(1, -1)), ("W", slice(1, -1))]
)
def test_days_are_forecast_in_months_and_weeks(aggregation, freq, whole):
    y = daily()
    by_hand = y.resample(freq).agg(aggregation).iloc[whole]

    forecaster = ResampledForecaster(trend(), freq, aggregation).fit(y, fh=[1, 2, 5])

    same(forecaster.predict(), trend().fit(by_hand, fh=[1, 2, 5]).predict().rename("visits"))
    assert forecaster.cutoff[0] == by_hand.index[-1]
    assert forecaster.freq_ == freq


def test_months_are_forecast_in_quarters():
    y = load_airline().iloc[:-2]
    quarters = y.iloc[:-1].groupby(y.index[:-1].asfreq("Q")).sum()

    forecaster = ResampledForecaster(NaiveForecaster(sp=4), "Q", "sum").fit(y, fh=[1, 2])

    same(forecaster.predict(), NaiveForecaster(sp=4).fit(quarters, fh=[1, 2]).predict())


def test_irregular_stamps_are_forecast_in_days():
    rng = np.random.default_rng(0)
    minutes = pd.date_range("2024-01-01", "2024-02-10", freq="min", inclusive="left")
    stamps = minutes[np.sort(rng.choice(len(minutes), 900, replace=False))]
    stamps = stamps[(stamps < "2024-01-20") | (stamps > "2024-01-23")]
    y = daily(stamps)
    by_hand = y.resample("D").mean().ffill()

    forecaster = ResampledForecaster(trend(), "D", fill="ffill").fit(y, fh=[1, 2])

    same(forecaster.predict(), trend().fit(by_hand, fh=[1, 2]).predict().rename("visits"))


def test_the_frequency_of_the_data_is_found_and_gaps_are_filled():
    y = daily().drop(DAYS[[3, 50, 51]])

    forecaster = ResampledForecaster(trend(), fill="time").fit(y, fh=[1])

    assert forecaster.freq_ == "D"
    assert "99% of the steps are 1 day" in forecaster.explanation_
    by_hand = y.resample("D").mean().interpolate("time")
    same(forecaster.predict(), trend().fit(by_hand, fh=[1]).predict().rename("visits"))


def test_time_zones_are_kept():
    y = daily(DAYS.tz_localize("Europe/Berlin"))

    forecaster = ResampledForecaster(NaiveForecaster(), "MS", "sum").fit(y, fh=[1])

    expected = pd.Series(
        [y["2024-05"].sum()], pd.DatetimeIndex(["2024-06-01"], tz="Europe/Berlin"), name="visits"
    )
    same(forecaster.predict(), expected)


# -- periods that have only begun ----------------------------------------------------------------


def test_a_part_of_a_period_is_left_out_or_kept():
    y = pd.Series(1.0, DAYS, name="visits")
    last = NaiveForecaster()

    dropped = ResampledForecaster(last, "MS", "sum").fit(y, fh=[1])
    kept = ResampledForecaster(last, "MS", "sum", incomplete="keep").fit(y, fh=[1])

    assert dropped.predict().index[0] == pd.Timestamp("2024-06-01")
    assert dropped.predict().iloc[0] == 31
    assert kept.predict().index[0] == pd.Timestamp("2024-07-01")
    assert kept.predict().iloc[0] == 20


@pytest.mark.parametrize(
    ("end", "expected"), [("2024-05-30", "2024-05-01"), ("2024-05-31", "2024-06-01")]
)
def test_a_period_is_whole_with_its_last_row(end, expected):
    forecaster = ResampledForecaster(NaiveForecaster(), "MS", "sum")

    forecaster.fit(daily()[:end], fh=[1])

    assert forecaster.predict().index[0] == pd.Timestamp(expected)


def test_a_month_of_working_days_is_whole_though_it_ends_on_a_weekend():
    days = pd.bdate_range("2024-01-01", "2024-03-29")  # a Friday, before a Sunday the 31st

    forecaster = ResampledForecaster(NaiveForecaster(), "MS", "sum").fit(daily(days), fh=[1])

    assert forecaster.predict().index[0] == pd.Timestamp("2024-04-01")


@pytest.mark.filterwarnings(REFITS)
@pytest.mark.parametrize("step", [7, 11, 40])
def test_update_completes_periods(step):
    y = daily()
    forecaster = ResampledForecaster(trend(), "MS", "sum").fit(y.iloc[:60], fh=[1, 2])

    for begin in range(60, len(y), step):
        forecaster.update(y.iloc[begin : begin + step])

        seen = y.iloc[: begin + step]
        afresh = ResampledForecaster(trend(), "MS", "sum").fit(seen, fh=[1, 2])
        assert forecaster.cutoff[0] == afresh.cutoff[0]
        same(forecaster.predict(), afresh.predict())


def test_update_corrects_a_period_that_was_kept_before_it_was_over():
    y = pd.Series(1.0, DAYS, name="visits")
    kept = ResampledForecaster(NaiveForecaster(), "MS", "sum", incomplete="keep")

    kept.fit(y[:"2024-06-05"], fh=[1]).update(y["2024-06-06":])

    assert kept.predict().index[0] == pd.Timestamp("2024-07-01")
    assert kept.predict().iloc[0] == 20


def test_new_values_of_rows_seen_win():
    y = pd.Series(1.0, DAYS, name="visits")
    forecaster = ResampledForecaster(NaiveForecaster(), "MS", "sum").fit(y, fh=[1])

    forecaster.update(pd.Series(2.0, pd.date_range("2024-06-16", "2024-06-30"), name="visits"))

    assert forecaster.predict().iloc[0] == 15 + 30


# -- horizons ------------------------------------------------------------------------------------


def test_steps_of_a_horizon_are_those_of_the_new_frequency():
    forecaster = ResampledForecaster(trend(), "MS", "sum").fit(daily())

    relative = forecaster.predict(fh=[1, 3])
    dates = pd.DatetimeIndex(["2024-06-01", "2024-08-01"])

    assert relative.index.equals(dates)
    same(forecaster.predict(fh=dates), relative)
    same(forecaster.predict(fh=ForecastingHorizon(dates, is_relative=False)), relative)


def test_periods_of_a_horizon_are_those_of_the_new_frequency():
    forecaster = ResampledForecaster(trend(), "Q", "sum").fit(load_airline())

    relative = forecaster.predict(fh=[2, 5])

    same(forecaster.predict(fh=pd.PeriodIndex(["1961Q2", "1962Q1"], freq="Q")), relative)


def test_whole_periods_of_the_past_are_forecast_too():
    y = daily()
    forecaster = ResampledForecaster(trend(), "MS", "sum").fit(y)

    answer = forecaster.predict(fh=[-1, 0, 1])

    by_hand = y.resample("MS").sum().iloc[1:-1]
    same(answer, trend().fit(by_hand).predict(fh=[-1, 0, 1]).rename("visits"))


@pytest.mark.parametrize(
    ("freq", "horizon", "number"),
    [
        ("MS", pd.DatetimeIndex(["2024-06-11", "2024-07-01"]), 1),
        ("MS", pd.DatetimeIndex(["2024-05-31"]), 1),
        ("W", pd.DatetimeIndex(["2024-06-24", "2024-07-01"]), 2),
        ("12D", pd.DatetimeIndex(["2024-06-27"]), 1),
    ],
)
def test_dates_between_steps_are_refused(freq, horizon, number):
    forecaster = ResampledForecaster(NaiveForecaster(), freq).fit(daily())

    with pytest.raises(FrequencyError, match=f"must name steps of freq='{freq}', .* got {number} "):
        forecaster.predict(fh=horizon)


def test_a_truth_of_another_frequency_is_refused():
    y, months = daily(), load_airline()
    forecaster = ResampledForecaster(NaiveForecaster(), "MS").fit(y)
    quarters = ResampledForecaster(NaiveForecaster(), "Q").fit(months)

    with pytest.raises(FrequencyError, match="To score forecasts, resample the truth first"):
        forecaster.predict_residuals(y)
    with pytest.raises(FrequencyError, match="must name steps of freq='Q', such as 1960Q4"):
        quarters.predict_residuals(months)


# -- intervals -----------------------------------------------------------------------------------


def test_intervals_are_those_of_the_forecaster_inside():
    y = daily()
    inside = NaiveForecaster(strategy="drift")
    by_hand = inside.clone().fit(y.resample("MS").sum().iloc[1:-1].rename("visits"), fh=[1, 2])

    forecaster = ResampledForecaster(inside, "MS", "sum").fit(y, fh=[1, 2])

    same(
        forecaster.predict_interval(coverage=[0.5, 0.9]),
        by_hand.predict_interval(None, None, [0.5, 0.9]),
    )
    same(
        forecaster.predict_quantiles(alpha=[0.1, 0.7]),
        by_hand.predict_quantiles(None, None, [0.1, 0.7]),
    )
    np.testing.assert_allclose(forecaster.predict_var(), by_hand.predict_var())


def test_what_the_forecaster_inside_cannot_this_cannot_either():
    able = ResampledForecaster(NaiveForecaster(), "MS")
    unable = ResampledForecaster(OnInputs(), "MS")

    assert able.get_tag("capability:pred_int")
    assert not unable.get_tag("capability:pred_int")
    assert unable.get_tag("capability:exogenous")
    assert not able.get_tag("capability:exogenous")


# -- inputs --------------------------------------------------------------------------------------


def inputs(end="2024-08-31"):
    index = pd.date_range(DAYS[0], end, freq="D")
    values = np.random.default_rng(1).normal(size=(len(index), 2))
    return pd.DataFrame(values, index, ["rain", "sun"])


def test_inputs_are_resampled_too_with_what_was_seen_of_the_period_begun():
    y, X = daily(), inputs()
    months_y, months_X = y.resample("MS").mean(), X.resample("MS").mean()
    line = LinearRegression().fit(months_X.loc[MONTHS], months_y.loc[MONTHS])
    forecaster = ResampledForecaster(OnInputs(), "MS").fit(y, X=X.loc[DAYS], fh=[1, 2])

    answer = forecaster.predict(X=X.loc["2024-06-21":])

    np.testing.assert_allclose(answer, line.predict(months_X.loc["2024-06":"2024-07"]))


def test_aggregation_may_differ_between_target_and_inputs():
    y, X = daily(), inputs()
    months_X = pd.concat([X["rain"].resample("MS").max(), X["sun"].resample("MS").last()], axis=1)
    line = LinearRegression().fit(months_X.loc[MONTHS], y.resample("MS").sum().loc[MONTHS])
    aggregation = {"visits": "sum", "rain": "max", "sun": "last"}
    forecaster = ResampledForecaster(OnInputs(), "MS", aggregation)

    answer = forecaster.fit(y, X=X.loc[DAYS], fh=[1]).predict(X=X.loc["2024-06-21":])

    np.testing.assert_allclose(answer, line.predict(months_X.loc["2024-06":"2024-06"]))


def test_update_takes_inputs():
    y, X = daily(), inputs()
    forecaster = ResampledForecaster(OnInputs(), "MS").fit(y.iloc[:100], X=X.iloc[:100])

    forecaster.update(y.iloc[100:], X=X.loc[DAYS[100:]])

    answer = forecaster.predict(fh=[1], X=X.loc["2024-06-21":])
    expected = forecaster.forecaster_.line_.predict(X.resample("MS").mean().loc[["2024-06-01"]])
    np.testing.assert_allclose(answer, expected)


@pytest.mark.parametrize(("end", "number"), [("2024-07-30", 1), ("2024-06-25", 2)])
def test_inputs_that_show_a_part_of_a_period_are_refused(end, number):
    y, X = daily(), inputs(end)
    forecaster = ResampledForecaster(OnInputs(), "MS").fit(y, X=X.loc[DAYS], fh=[1, 2])

    with pytest.raises(SeriesTooShortError, match=f"X must cover .* for {number} of 2, the first"):
        forecaster.predict(X=X.loc["2024-06-21":])


# -- panels --------------------------------------------------------------------------------------


def panel(levels):
    keys = [("a", "x"), ("a", "y"), ("b", "x")] if levels == 2 else ["a", "b", "c"]
    parts = [daily(seed=seed).to_frame() for seed in range(3)]
    names = [f"level {n}" for n in range(levels)]
    return pd.concat(parts, keys=keys, names=[*names, "day"])


@pytest.mark.parametrize("levels", [1, 2])
def test_each_series_of_a_panel_is_resampled_by_itself(levels):
    y = panel(levels)

    answer = ResampledForecaster(trend(), "MS", "sum").fit(y, fh=[1, 2]).predict()

    assert answer.index.names == y.index.names
    for name in y.index.droplevel(-1).unique():
        alone = ResampledForecaster(trend(), "MS", "sum").fit(y.loc[name], fh=[1, 2]).predict()
        same(answer.loc[name], alone)


@pytest.mark.filterwarnings(REFITS)
def test_panels_are_updated():
    y = panel(1)
    is_early = y.index.get_level_values(-1) < "2024-05-05"
    forecaster = ResampledForecaster(trend(), "MS", "sum").fit(y[is_early], fh=[1])

    forecaster.update(y[~is_early])

    afresh = ResampledForecaster(trend(), "MS", "sum").fit(y, fh=[1])
    same(forecaster.predict(), afresh.predict())


# -- inside and around ---------------------------------------------------------------------------


def test_a_pipeline_inside_works_at_the_new_frequency():
    y = load_airline()
    inside = Differencer((4,)) * SequenceScaler() * NaiveForecaster(strategy="mean")

    answer = ResampledForecaster(inside, "Q", "sum").fit(y, fh=[1, 2, 3]).predict()

    quarters = y.groupby(y.index.asfreq("Q")).sum()
    expected = quarters.iloc[-4:-1] + quarters.diff(4).mean()
    np.testing.assert_allclose(answer, expected)


def test_a_search_inside_scores_at_the_new_frequency():
    y = load_airline()
    search = ForecastingGridSearchCV(
        NaiveForecaster(),
        ExpandingWindowSplitter(fh=[1, 2], initial_window=24, step_length=4),
        {"sp": [1, 4]},
    )

    forecaster = ResampledForecaster(search, "Q", "sum").fit(y, fh=[1, 2])

    assert forecaster.forecaster_.best_params_ == {"sp": 4}
    assert len(forecaster.predict()) == 2


def test_parameters_of_the_forecaster_inside_can_be_set():
    forecaster = ResampledForecaster(NaiveForecaster(), "Q", "sum")

    forecaster.set_params(forecaster__sp=4, freq="Y")

    assert forecaster.forecaster.sp == 4
    assert forecaster.clone().get_params()["freq"] == "Y"


def test_a_pipeline_around_changes_rows_before_they_are_resampled():
    y = load_airline()

    around = TransformedTargetForecaster(
        [SequenceScaler("maxabs"), ResampledForecaster(NaiveForecaster(sp=4), "Q", "sum")]
    )

    plain = ResampledForecaster(NaiveForecaster(sp=4), "Q", "sum").fit(y, fh=[1, 2]).predict()
    np.testing.assert_allclose(around.fit(y, fh=[1, 2]).predict(), plain)


def test_the_data_are_not_changed_and_the_forecaster_is_cloned():
    y, X = daily(), inputs()
    before = y.copy(), X.copy()
    inside = OnInputs()
    forecaster = ResampledForecaster(inside, "MS").fit(y, X=X.loc[DAYS], fh=[1])

    answer = forecaster.predict(X=X.loc["2024-06-21":])

    pd.testing.assert_series_equal(y, before[0])
    pd.testing.assert_frame_equal(X, before[1])
    assert not inside.is_fitted
    again = pickle.loads(pickle.dumps(forecaster)).predict(X=X.loc["2024-06-21":])
    pd.testing.assert_series_equal(again, answer)


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"incomplete": "x"}, ValueError, "ResampledForecaster: incomplete must be 'drop' or"),
        ({"freq": "fortnight"}, FrequencyError, "freq must be a frequency that pandas knows"),
        ({"freq": "M"}, FrequencyError, "'MS' or 'ME'"),
        ({"freq": "-1D"}, FrequencyError, "freq must be a step forward"),
        ({"fill": "magic"}, ValueError, "fill must be None, a finite number"),
        ({"aggregation": "no such"}, ValueError, "aggregation must be a reducer"),
        ({"aggregation": {"rain": "sum"}}, ValueError, r"got none for \['visits'\]"),
        ({"freq": "YS"}, SeriesTooShortError, "at least one whole period; got 163 rows"),
    ],
)
def test_options_that_are_none_are_refused(options, kind, words):
    forecaster = ResampledForecaster(NaiveForecaster(), **{"freq": "MS", **options})

    with pytest.raises(kind, match=words):
        forecaster.fit(daily(), fh=[1])


@pytest.mark.parametrize("freq", ["MS", "infer"])
def test_one_row_does_not_tell_how_far_apart_rows_are(freq):
    with pytest.raises(SeriesTooShortError, match=r"two rows of different dates .* got 1 rows"):
        ResampledForecaster(NaiveForecaster(), freq).fit(daily().iloc[:1], fh=[1])


def test_one_row_may_be_kept():
    kept = ResampledForecaster(NaiveForecaster(), "MS", incomplete="keep")

    assert kept.fit(daily().iloc[:1], fh=[1]).predict().index[0] == pd.Timestamp("2024-02-01")


def test_whole_numbers_can_only_be_counted_by_ones():
    y = pd.Series(np.arange(20.0))

    with pytest.raises(FrequencyError, match="counts a horizon in ones; got 7"):
        ResampledForecaster(NaiveForecaster(), 7).fit(y, fh=[1])
    assert ResampledForecaster(NaiveForecaster()).fit(y, fh=[1]).predict().index[0] == 20


def test_rows_in_the_middle_of_each_month_show_whole_quarters():
    stamps = pd.date_range("2023-01-01", periods=12, freq="MS") + pd.Timedelta(days=14)
    y = pd.Series(np.arange(12.0), stamps)

    forecaster = ResampledForecaster(NaiveForecaster(), freq="QS", aggregation="sum")

    assert forecaster.fit(y, fh=[1]).forecaster_.cutoff[0] == pd.Timestamp("2023-10-01")
    assert len(forecaster._whole) == 4
