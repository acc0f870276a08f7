"""RNNForecaster: what it answers, what it keeps, and what it says of bad input."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.base import ForecastingHorizon
from sktime.split import ExpandingWindowSplitter

from sklearn_rnn.exceptions import (
    FrequencyError,
    HorizonError,
    InputsError,
    MissingValuesError,
    PretrainingError,
    SeriesTooShortError,
    TargetError,
    TargetTypeError,
    TimeOrderError,
)
from sklearn_rnn.sktime import RNNForecaster

DAYS = pd.date_range("2024-01-01", periods=60, freq="D")


def tiny(**parameters):
    sizes = {
        "hidden_size": 4,
        "n_members": 1,
        "max_epochs": 1,
        "batches_per_epoch": 3,
        "batch_size": 8,
    }
    return RNNForecaster(**{**sizes, "random_state": 0, **parameters})


def series(length=40, seed=0, index=DAYS):
    rng = np.random.default_rng(seed)
    values = 10 + np.sin(np.arange(length) * 2 * np.pi / 7) + rng.normal(size=length) / 5
    return pd.Series(values, index[:length], name="y")


def panel(lengths=(30, 40, 25), ends=None):
    parts = {}
    for n, length in enumerate(lengths):
        end = max(lengths) if ends is None else ends[n]
        parts[f"s{n}"] = series(length, n, DAYS[end - length :]).to_frame() * (n + 1)
    return pd.concat(parts, names=["series", "time"])


STRATEGIES = [
    {"strategy": "direct"},
    {"strategy": "recursive"},
    {"strategy": "seq2seq"},
    {"distribution": "normal"},
]


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", STRATEGIES, ids=lambda p: str(p))
@pytest.mark.parametrize("multivariate", ["independent", "joint"])
def test_part_of_a_horizon_has_the_answers_of_the_whole(parameters, multivariate):
    y = pd.DataFrame({"a": series(), "b": series(seed=1) * 100})
    forecaster = tiny(horizon=6, multivariate=multivariate, **parameters).fit(y)

    whole = forecaster.predict(fh=range(1, 7))
    part = forecaster.predict(fh=[5, 2])
    bounds = forecaster.predict_interval(fh=[2, 5], coverage=0.8)

    pd.testing.assert_frame_equal(part, whole.iloc[[1, 4]], check_freq=False)
    assert whole.index.equals(DAYS[40:46])
    assert whole.index.freq == DAYS.freq
    assert (bounds["b"].to_numpy() > 20).all()
    all_bounds = forecaster.predict_interval(fh=range(1, 7), coverage=0.8)
    np.testing.assert_allclose(bounds, all_bounds.iloc[[1, 4]])


@pytest.mark.parametrize(
    "fh",
    [
        [2, 3],
        ForecastingHorizon([2, 3]),
        DAYS[[41, 42]],
        ForecastingHorizon(DAYS[[41, 42]], is_relative=False),
        pd.to_timedelta([2, 3], unit="D"),
    ],
    ids=["list", "horizon", "stamps", "absolute", "durations"],
)
def test_horizons_of_all_kinds_mean_the_same(fh):
    expected = tiny(horizon=3).fit(series()).predict(fh=[2, 3])

    answer = tiny(horizon=3).fit(series(), fh=fh).predict()

    pd.testing.assert_series_equal(answer, expected, check_freq=False)
    assert answer.index.equals(DAYS[[41, 42]])


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_steps_count_from_the_end_of_each_series_and_stamps_do_not(strategy):
    y = panel(ends=(30, 40, 36))
    forecaster = tiny(strategy=strategy, horizon=6).fit(y)

    steps = forecaster.predict(fh=[1, 2])
    stamps = forecaster.predict(fh=DAYS[[41]])

    expected = [("s0", 30), ("s0", 31), ("s1", 40), ("s1", 41), ("s2", 36), ("s2", 37)]
    assert steps.index.tolist() == [(name, DAYS[n]) for name, n in expected]
    assert stamps.index.tolist() == [(name, DAYS[41]) for name in ("s0", "s1", "s2")]
    assert stamps.loc["s1"].iloc[0, 0] == pytest.approx(steps.loc["s1"].iloc[1, 0])
    further = forecaster.predict(fh=range(1, 7))
    assert stamps.loc["s2"].iloc[0, 0] == pytest.approx(further.loc["s2"].iloc[5, 0])
    assert np.isfinite(stamps.to_numpy()).all()  # s0 is forecast 12 steps, and trained for 6


@pytest.mark.parametrize("distribution", [None, "normal"])
@pytest.mark.parametrize("local", [False, True])
def test_a_series_that_ends_early_is_answered_as_if_its_last_steps_were_missing(
    distribution, local
):
    y = panel(ends=(30, 36, 40), lengths=(30, 30, 30))
    forecaster = tiny(horizon=6, distribution=distribution, local=local).fit(y)

    whole = forecaster.predict_quantiles(fh=DAYS[40:46], alpha=[0.2, 0.5])
    answer = forecaster.predict(fh=DAYS[40:46])

    # answers to stamps do not depend on which others are asked for
    for n in (40, 41, 43):
        alone = forecaster.predict_quantiles(fh=DAYS[[n]], alpha=[0.2, 0.5])
        expected = whole[whole.index.get_level_values(1) == DAYS[n]]
        pd.testing.assert_frame_equal(alone, expected)
    near = forecaster.predict(fh=[5, 6]).loc["s1"]
    pd.testing.assert_frame_equal(answer.loc["s1"].iloc[:2], near, check_freq=False)

    parts = {
        "s0": pd.concat([y.loc["s0"], pd.DataFrame({"y": np.nan}, DAYS[30:40])]),
        "s1": pd.concat([y.loc["s1"], pd.DataFrame({"y": np.nan}, DAYS[36:40])]),
    }
    forecaster.update(pd.concat(parts, names=["series", "time"]), update_params=False)
    expected = forecaster.predict(fh=range(1, 7))
    pd.testing.assert_frame_equal(answer.loc["s0"], expected.loc["s0"], check_freq=False)
    pd.testing.assert_frame_equal(
        answer.loc["s1"].iloc[2:], expected.loc["s1"].iloc[2:], check_freq=False
    )


def test_inputs_of_all_steps_after_a_series_that_ends_early_are_needed():
    y = panel(ends=(30, 40, 40))
    X = pd.DataFrame({"x": np.arange(len(y)) % 5.0}, y.index)
    forecaster = tiny(horizon=6).fit(y, X)

    future = pd.concat({name: pd.DataFrame({"x": 1.0}, DAYS[40:46]) for name in ("s0", "s1", "s2")})
    for fh in (DAYS[40:42], DAYS[40:46]):
        with pytest.raises(InputsError, match=r"no rows for 10 of them in series 's0', the first"):
            forecaster.predict(fh=fh, X=future)


@pytest.mark.parametrize("multivariate", ["independent", "joint"])
@pytest.mark.parametrize("parameters", STRATEGIES, ids=lambda p: str(p))
def test_quantiles_ascend_around_the_forecast(parameters, multivariate):
    y = pd.DataFrame({"a": series(), "b": series(seed=1) * 100})
    forecaster = tiny(multivariate=multivariate, **parameters).fit(y, fh=[1, 3])
    levels = [0.01, 0.1, 0.25, 0.5, 0.75, 0.99]

    quantiles = forecaster.predict_quantiles(alpha=levels)

    assert list(quantiles.columns) == [(c, a) for c in "ab" for a in levels]
    for column in "ab":
        assert (np.diff(quantiles[column].to_numpy(), axis=1) >= 0).all()


@pytest.mark.parametrize("name", ["normal", "student_t", "negative_binomial", None])
def test_distributions_have_the_quantiles_of_the_forecaster(name):
    pytest.importorskip("skpro")
    y = panel().round()
    forecaster = tiny(distribution=name).fit(y, fh=[1, 2])

    distribution = forecaster.predict_proba()

    expected = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
    assert distribution.index.equals(expected.index)
    np.testing.assert_allclose(distribution.quantile([0.1, 0.5, 0.9]), expected, rtol=1e-4)
    assert distribution.sample(3).shape == (18, 1)


def test_forecasts_keep_names_and_types():
    y = load_airline()
    assert tiny().fit(y, fh=[1]).predict().name == y.name
    assert tiny().fit(y, fh=[1]).predict().index.name == y.index.name
    array = tiny().fit(y.to_numpy(), fh=[1, 2]).predict()
    assert isinstance(array, np.ndarray)
    assert array.shape == (2, 1)
    assert tiny().fit(panel(), fh=[1]).predict().index.names == ["series", "time"]


def test_series_in_any_order_have_the_same_answers():
    y = panel()
    mixed = y.swaplevel().sort_index().swaplevel()

    one, other = (tiny().fit(data, fh=[1, 2]).predict() for data in (y, mixed))

    # series are learned in another order, but each has the answers of its own past
    assert one.sort_index().index.equals(other.sort_index().index)
    for name in ("s0", "s1", "s2"):
        assert abs(one.loc[name] / other.loc[name] - 1).to_numpy().max() < 0.2


def test_constant_series_are_answered_exactly():
    y = panel()
    y.loc["s1"] = 7.0

    answer = tiny().fit(y, fh=range(1, 4)).predict()

    assert (answer.loc["s1"] == 7).to_numpy().all()


def test_missing_values_are_masked():
    y = series()
    y.iloc[[0, 1, 12, 13, 39]] = np.nan

    answer = tiny().fit(y, fh=[1, 2]).predict()

    assert answer.index.equals(DAYS[40:42])
    assert np.isfinite(answer).all()


@pytest.mark.parametrize("multivariate", ["independent", "joint"])
def test_a_series_that_was_not_seen_for_longer_than_a_window_has_sensible_bounds(multivariate):
    y = pd.DataFrame({"a": series(60), "b": series(60, 1)})
    y.iloc[-30:, 1] = np.nan
    forecaster = tiny(horizon=6, multivariate=multivariate, max_epochs=4).fit(y)

    bounds = forecaster.predict_interval(fh=range(1, 7), coverage=0.9)

    assert ((bounds > 2) & (bounds < 20)).all().all()  # values lie between 8 and 12


def test_local_models_know_their_own_series_alone():
    y = panel()
    changed = y.copy()
    changed.loc["s2"] = changed.loc["s2"].to_numpy() ** 2

    both = [tiny(local=True).fit(data, fh=[1, 2]) for data in (y, changed)]

    assert len(both[0].models_) == 3
    answers = [forecaster.predict() for forecaster in both]
    pd.testing.assert_frame_equal(answers[0].loc[["s0", "s1"]], answers[1].loc[["s0", "s1"]])
    alone = tiny().fit(y.loc["s1"], fh=[1, 2]).predict()
    np.testing.assert_allclose(alone, answers[0].loc["s1"])
    bounds = both[0].predict_interval(coverage=0.8)
    assert (bounds.iloc[:, 0] <= bounds.iloc[:, 1]).all()


def test_a_window_may_be_a_span_of_time():
    assert tiny(window_length="14D").fit(series(), fh=[1]).window_length_ == 14
    assert tiny(window_length=14).fit(series(), fh=[1]).window_length_ == 14
    months = load_airline()
    assert tiny(window_length=pd.DateOffset(years=2)).fit(months, fh=[1]).window_length_ == 24


def test_seasons_go_by_the_frequency_or_are_given():
    assert tiny().fit(load_airline(), fh=[1]).periods_ == [12]
    assert tiny(sp=[6, 3]).fit(load_airline(), fh=[1]).periods_ == [3, 6]
    assert tiny(sp=1).fit(load_airline(), fh=[1]).periods_ == []
    recursive = tiny(strategy="recursive").fit(load_airline())
    assert recursive.horizon_ == 12  # calibrated for a season


# -- inputs ----------------------------------------------------------------------------------------


def inputs(length=60):
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {"price": rng.normal(size=length), "day": DAYS[:length].day_name(), "sold": 1.0},
        DAYS[:length],
    )


@pytest.mark.parametrize("strategy", ["direct", "recursive", "seq2seq"])
def test_inputs_of_all_kinds_are_read(strategy):
    y, X = series(), inputs()
    forecaster = tiny(strategy=strategy, past_only=["sold"], calendar=True)
    forecaster.fit(y, X=X[:40], fh=[1, 2, 3])

    answer = forecaster.predict(X=X[["price", "day"]][40:43])

    assert answer.index.equals(DAYS[40:43])
    with_more = forecaster.predict(X=X)
    np.testing.assert_allclose(answer, with_more)


def test_inputs_of_fit_may_reach_into_the_future():
    y, X = series(), inputs()
    early = tiny().fit(y, X=X[:40], fh=[1, 2]).predict(X=X[40:42])

    late = tiny().fit(y, X=X, fh=[1, 2]).predict()

    assert late.index.equals(early.index)
    assert np.isfinite(late).all()


def test_only_the_past_of_past_only_columns_is_asked_for():
    y, X = series(), inputs()[["sold", "price"]]
    forecaster = tiny(past_only=["sold", "price"]).fit(y, X=X[:40], fh=[1, 2])

    assert np.isfinite(forecaster.predict()).all()


def test_known_inputs_are_learned():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.integers(0, 2, 300).astype(float)}, pd.RangeIndex(300))
    y = 10 + 5 * X["x"]
    forecaster = RNNForecaster(
        hidden_size=8, n_members=1, max_epochs=3, output="identity", window_length=4, random_state=0
    )

    forecaster.fit(y[:280], X=X[:280], fh=range(1, 6))
    answer = forecaster.predict(X=X[280:285])

    assert abs(answer - y[280:285]).mean() < 1.5  # and 2.5 for who does not see X


def test_names_of_columns_may_come_in_an_array_and_static_ones_need_no_future():
    y, X = series(), inputs()
    X["shop"] = 3
    options = {"static": np.array(["shop"]), "categorical": ("shop",), "past_only": X.columns[:3]}
    forecaster = tiny(**options).fit(y, X=X[:40], fh=[1, 2])

    assert np.isfinite(forecaster.predict()).all()


def test_panels_have_inputs_of_their_own():
    y = panel(ends=(30, 40, 36))
    X = pd.concat({name: inputs() for name in ("s2", "s0", "s1")}, names=["series", "time"])
    X["shop"] = X.index.get_level_values(0)
    past = X[X.index.isin(y.index)]

    forecaster = tiny(static=["shop"]).fit(y, X=past, fh=[1, 2])
    answer = forecaster.predict(X=X)

    assert len(answer) == 6
    with pytest.raises(
        InputsError, match="no rows for 2 of them in series 's0', the first 2024-01-31"
    ):
        forecaster.predict(X=X[X.index.get_level_values(1) >= DAYS[34]])


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (None, "trained with X, of columns .* so predict needs it"),
        (inputs()[40:41], "no rows for 1 of them, the first 2024-02-11"),
        (inputs()[["price"]][40:42], r"none for \['day', 'sold'\]"),
        (inputs().assign(z=1)[40:42], r"the new ones \['z'\]"),
        (inputs()[30:40], "no rows for 2 of them, the first 2024-02-10"),
    ],
)
def test_inputs_that_do_not_fit_are_explained(X, said):
    forecaster = tiny().fit(series(), X=inputs()[:40], fh=[1, 2])

    with pytest.raises(InputsError, match=said):
        forecaster.predict(X=X)


X40 = pd.DataFrame({"x": np.arange(40.0)}, DAYS[:40])


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (X40.to_numpy(), r"array of shape \(40, 1\).*pd\.DataFrame\(X, index=y\.index\)"),
        (X40.reset_index(drop=True), r"RangeIndex.*Use X\.set_index\(y\.index\)"),
        (X40.to_period("D"), r"PeriodIndex.*Use X\.set_index\(y\.index\)"),
        (X40.set_axis(DAYS[:40].astype(str)), r"of str.*Use X\.set_index\(y\.index\)"),
        (X40["x"].reset_index(drop=True), r"RangeIndex.*Use X\.set_axis\(y\.index\)"),
        (pd.concat([X40, X40], axis=1), "columns of X must have different names; got 'x' twice"),
        (pd.concat({"a": X40}), r"a panel as X, one series as y\. Use X\.loc\[name\]"),
        (X40.assign(l=[[1]] * 40), r"X must hold numbers .*; got \[1\], a list, in column 'l'"),
    ],
)
def test_inputs_unlike_the_series_are_explained_in_fit(X, said):
    with pytest.raises(InputsError, match=f"^RNNForecaster: .*{said}"):
        tiny().fit(series(), X=X, fh=[1])


def test_series_of_an_array_have_inputs_of_numbered_rows():
    with pytest.raises(InputsError, match=r"Use X\.reset_index\(drop=True\)"):
        tiny().fit(series().to_numpy(), X=X40, fh=[1])


def test_a_single_name_needs_no_list():
    options = {"past_only": "price", "static": "sold", "categorical": "day", "calendar": "month"}
    fits = [
        tiny(**names).fit(series(), X=inputs()[:40], fh=[1])
        for names in (options, {key: [name] for key, name in options.items()})
    ]

    one, listed = (forecaster.predict(X=inputs()[40:41]) for forecaster in fits)

    pd.testing.assert_series_equal(one, listed)
    assert fits[0].get_params()["past_only"] == "price"


def test_inputs_without_any_in_fit_are_refused():
    with pytest.raises(InputsError, match="trained without X; got X in predict"):
        tiny().fit(series(), fh=[1]).predict(X=inputs()[40:])


@pytest.mark.parametrize("argument", ["past_only", "static", "categorical"])
def test_names_that_the_inputs_do_not_have_are_refused(argument):
    with pytest.raises(InputsError, match=rf"{argument} must name columns of X; got \['z'\]"):
        tiny(**{argument: ["z"]}).fit(series(), X=inputs()[:40], fh=[1])
    with pytest.raises(InputsError, match=f"{argument} names columns of X; got no X"):
        tiny(**{argument: ["z"]}).fit(series(), fh=[1])


# -- update ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["direct", "recursive", "seq2seq"])
def test_update_moves_the_end_and_may_leave_the_weights(strategy):
    y = series(50)
    forecaster = tiny(strategy=strategy).fit(y[:40], fh=[1, 2])
    before = forecaster.models_

    forecaster.update(y[40:], update_params=False)

    assert forecaster.predict().index.equals(DAYS[50:52])
    assert forecaster.models_ == before
    assert forecaster.cutoff[0] == DAYS[49]
    forecaster.update(y[40:])
    assert forecaster.models_ != before
    assert forecaster.n_iter_ > 1


def test_update_in_pieces_is_update_in_one():
    y = panel((40, 40, 40))
    whole = tiny(horizon=3).fit(y)
    early = y[y.index.get_level_values(1) < DAYS[30]]
    pieces = tiny(horizon=3).fit(y)
    pieces._models = whole._models

    pieces.update(early.iloc[::-1].sort_index(), update_params=False)
    for name in ("s2", "s0", "s1"):
        pieces.update(y.loc[[name]], update_params=False)

    pd.testing.assert_frame_equal(pieces.predict(fh=[1, 3]), whole.predict(fh=[1, 3]))


def test_what_was_known_of_later_stamps_is_not_read_after_an_update_of_earlier_ones():
    y = series(50)
    forecaster = tiny(horizon=2).fit(y)
    other = tiny(horizon=2).fit(y)
    other.update(pd.Series(99.0, DAYS[45:50], name="y"), update_params=False)

    answers = [
        f.update(y[30:40], update_params=False).predict(fh=[1, 2]) for f in (forecaster, other)
    ]

    pd.testing.assert_series_equal(*answers)
    assert answers[0].index.equals(DAYS[40:42])


def test_new_series_are_forecast_as_well():
    y = panel()
    new = pd.concat({"s9": series(12).to_frame()}, names=["series", "time"])

    for local in (False, True):
        forecaster = tiny(local=local, horizon=2).fit(y).update(new)
        answer = forecaster.predict(fh=[1, 2])
        assert answer.index.get_level_values(0).unique().tolist() == ["s0", "s1", "s2", "s9"]
        assert answer.loc["s9"].index.equals(DAYS[12:14])


def test_new_rows_of_some_series_leave_the_others():
    y = panel()
    forecaster = tiny(horizon=2).fit(y)
    before = forecaster.predict(fh=[1])

    new = pd.concat({"s1": series(44).iloc[40:].to_frame()}, names=["series", "time"])
    after = forecaster.update(new, update_params=False).predict(fh=[1])

    pd.testing.assert_frame_equal(after.loc[["s0", "s2"]], before.loc[["s0", "s2"]])
    assert after.loc["s1"].index[0] == DAYS[44]


def test_a_gap_before_new_rows_is_missing_values():
    y = series(50)
    filled = y.copy()
    filled[40:45] = np.nan

    one = tiny(horizon=2).fit(y[:40]).update(y[45:], update_params=False).predict(fh=[1, 2])
    other = tiny(horizon=2).fit(y[:40]).update(filled[40:], update_params=False).predict(fh=[1, 2])

    pd.testing.assert_series_equal(one, other)


def test_new_rows_may_all_be_missing_but_not_of_a_new_series():
    forecaster = tiny(horizon=2).fit(panel())
    missing = panel(ends=(45, 45, 45)) * np.nan

    forecaster.update(missing)
    assert np.isfinite(forecaster.predict(fh=[1, 2])).to_numpy().all()

    with pytest.raises(MissingValuesError, match="in series 's9'"):
        forecaster.update(missing.loc[["s0"]].rename(index={"s0": "s9"}))


def test_update_needs_the_inputs_of_fit():
    y, X = series(50), inputs()
    forecaster = tiny().fit(y[:40], X=X[:40], fh=[1])

    with pytest.raises(InputsError, match="none for 2024-02-10"):
        forecaster.update(y[40:])
    forecaster.update(y[40:], X=X[40:50])
    assert forecaster.predict(X=X[50:51]).index[0] == DAYS[50]


def test_predictions_while_time_passes_are_those_of_each_moment():
    y = series(50)
    forecaster = tiny().fit(y[:40], fh=[1, 2])
    splitter = ExpandingWindowSplitter(fh=[1, 2], initial_window=3, step_length=3)

    answers = forecaster.update_predict(y[40:], splitter, update_params=False)

    moment = tiny().fit(y[:40], fh=[1, 2]).update(y[40:46], update_params=False).predict()
    np.testing.assert_allclose(answers[DAYS[45]].dropna().to_numpy().ravel(), moment)
    assert forecaster.cutoff[0] == DAYS[39]


# -- pretraining -----------------------------------------------------------------------------------


def test_pretrained_weights_are_taken_as_they_are():
    y = series(seed=9)
    forecaster = tiny().pretrain(panel(), fh=[1, 2, 3])

    answer = forecaster.fit(y, fh=[1, 2]).predict()

    learned = tiny().fit(panel(), fh=[1, 2, 3])
    expected = learned.update(
        pd.concat({"new": y.to_frame()}, names=["series", "time"]), update_params=False
    )
    expected = expected.predict().loc["new"][:2]
    np.testing.assert_allclose(answer, expected["y"])
    assert forecaster.n_iter_ == 1
    forecaster.update(y)
    assert forecaster.n_iter_ > 1
    assert forecaster.pretrained_.model.n_iter_ == 1


def test_clones_are_pretrained_too_and_pretraining_goes_on():
    forecaster = tiny().pretrain(panel(), fh=[1, 2])
    clone = forecaster.clone()

    answers = [one.fit(series(), fh=[1, 2]).predict() for one in (forecaster, clone)]
    clone.pretrain(panel((20, 21)))

    pd.testing.assert_series_equal(*answers)
    assert clone.pretrained_.model.n_iter_ > forecaster.pretrained_.model.n_iter_


@pytest.mark.parametrize(
    ("parameters", "y", "fh", "said"),
    [
        ({}, series(), [1, 5], "for a horizon of 2 or less; got 5"),
        ({}, load_airline(), [1], r"for seasons \[7\] of 'D'; got \[12\] of 'M'"),
        (
            {"multivariate": "joint"},
            pd.DataFrame({"a": series(), "b": series()}),
            [1],
            "for 1 columns of y; got 2",
        ),
    ],
)
def test_other_series_than_those_of_pretraining_are_refused(parameters, y, fh, said):
    forecaster = tiny(**parameters).pretrain(panel(), fh=[1, 2])

    with pytest.raises(PretrainingError, match=said):
        forecaster.fit(y, fh=fh)


def test_pretraining_reads_inputs_as_fit_does():
    y = panel()
    X = pd.concat(dict.fromkeys(("s0", "s1", "s2"), inputs()), names=["series", "time"])
    forecaster = tiny(past_only=["sold"], calendar=True).pretrain(y, X=X, fh=[1, 2])

    answer = forecaster.fit(series(), X=inputs()[:40], fh=[1, 2]).predict(X=inputs()[40:42])

    assert np.isfinite(answer).all()
    assert set(forecaster.get_pretrained_params()) == {"pretrained_"}
    with pytest.raises(InputsError, match="so fit needs it; got none"):
        forecaster.fit(series(), fh=[1])


def test_local_models_begin_with_what_was_pretrained():
    y = panel((40, 41))
    forecaster = tiny(local=True).pretrain(panel(), fh=[1, 2]).fit(y, fh=[1, 2])
    common = tiny().pretrain(panel(), fh=[1, 2]).fit(y, fh=[1, 2])

    pd.testing.assert_frame_equal(forecaster.predict(), common.predict())
    forecaster.update(y)
    assert len(forecaster.models_) == 2
    assert forecaster.models_[0] is not forecaster.models_[1]


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_pretraining_without_a_horizon_learns_a_season(strategy):
    pretrained = tiny(strategy=strategy).pretrain(panel())
    assert pretrained.state == "pretrained"
    assert pretrained.pretrained_.plan.horizon == 8


# -- what is kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fails",
    [
        lambda f: f.fit(series().replace(series().iloc[3], np.inf), fh=[1]),
        lambda f: f.fit(series()[::-1], fh=[1]),
        lambda f: f.fit(series(), fh=[0]),
        lambda f: f.fit("y", fh=[1]),
        lambda f: f.update(pd.Series([1.0, 2.0], DAYS[[40, 43]])),
        lambda f: f.update(pd.Series([1.0], pd.RangeIndex(1))),
        lambda f: f.update_predict_single(pd.Series([np.inf], DAYS[40:41])),
        lambda f: f.pretrain(panel() * np.nan, fh=[1]),
        lambda f: f.predict(fh=[9]),
        lambda f: f.predict(fh=[0]),
    ],
)
def test_nothing_is_lost_by_a_failure(fails):
    forecaster = tiny(horizon=2).fit(series(), fh=[1, 2])
    before = forecaster.predict()

    with pytest.raises((ValueError, TypeError, NotImplementedError)):
        fails(forecaster)

    pd.testing.assert_series_equal(forecaster.predict(), before)
    assert forecaster.cutoff[0] == DAYS[39]
    assert forecaster.state == "fitted"


def test_a_failure_while_training_loses_nothing(monkeypatch):
    forecaster = tiny().fit(series(), fh=[1, 2])
    before = forecaster.predict()

    def fail(*args, **options):
        raise RuntimeError("no more electricity")

    monkeypatch.setattr("sklearn_rnn.training.net.SequenceNet.partial_fit", fail)
    for action in (
        lambda: forecaster.fit(series(), fh=[1]),
        lambda: forecaster.update(series(45)[40:]),
        lambda: forecaster.pretrain(panel(), fh=[1]),
    ):
        with pytest.raises(RuntimeError, match="electricity"):
            action()

    pd.testing.assert_series_equal(forecaster.predict(), before)


def test_the_same_seed_gives_the_same_forecasts_and_others_others():
    y = series()
    answers = [tiny(random_state=seed).fit(y, fh=[1, 2]).predict() for seed in (1, 1, 2)]

    pd.testing.assert_series_equal(answers[0], answers[1])
    assert not np.allclose(answers[0], answers[2])


def test_forecasters_can_be_stored():
    forecaster = tiny(calendar=True).fit(panel(), fh=[1, 2])

    again = pickle.loads(pickle.dumps(forecaster))

    pd.testing.assert_frame_equal(again.predict(), forecaster.predict())


def test_rows_may_be_changed_by_their_owner_after_fit():
    y = series()
    forecaster = tiny().fit(y, fh=[1, 2])
    before = forecaster.predict()

    y.iloc[:] = 0.0

    pd.testing.assert_series_equal(forecaster.predict(), before)


# -- what is refused -------------------------------------------------------------------------------

GAP = DAYS[[0, 1, 2, 3, 6, 7]]


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        (series()[::-1], FrequencyError, "must go forward"),
        (series().iloc[[0, 2, 1, 3]], TimeOrderError, "2024-01-02.* after 2024-01-03"),
        (series().iloc[[0, 1, 1, 2]], TimeOrderError, "twice"),
        (pd.Series(1.0, GAP), FrequencyError, r"2024-01-07.* after 2024-01-04.*asfreq\('D'\)"),
        (pd.Series(np.nan, DAYS), MissingValuesError, "each series of y must have a value"),
        (pd.Series(list("abc"), DAYS[:3]), TargetTypeError, "real numbers"),
        (pd.Series([True, False], DAYS[:2]), TargetTypeError, "dtype bool"),
        (pd.Series([1j, 2], DAYS[:2]), TargetTypeError, "complex"),
        (pd.Series([1.0, np.inf], DAYS[:2]), MissingValuesError, "infinite"),
        (pd.Series([1.0], DAYS[:1]), SeriesTooShortError, "two steps at least"),
        (pd.Series([1.0, 2.0], [0.5, 1.5]), FrequencyError, "float64"),
        (pd.DataFrame(np.ones((3, 2)), DAYS[:3], ["a", "a"]), TargetTypeError, "'a' twice"),
    ],
)
@pytest.mark.parametrize("fh", [[1, 2], None])
def test_series_that_cannot_be_learned_are_explained(y, error, said, fh):
    with pytest.raises(error, match=f"^RNNForecaster: .*{said}"):
        tiny(horizon=None if fh else 2).fit(y, fh=fh)


def test_horizons_that_cannot_be_answered_are_explained():
    y = series()
    assert tiny().fit(y).horizon_ == 8  # the least; a week is shorter
    with pytest.raises(HorizonError, match=r"the 2 steps .* up to 5\. Fit with fh up to 5"):
        tiny(horizon=2).fit(y).predict(fh=[1, 5])
    with pytest.raises(HorizonError, match=r"2024-02-11 12:00:00"):
        tiny(horizon=2).fit(y).predict(fh=pd.DatetimeIndex(["2024-02-11 12:00"]))
    with pytest.raises(HorizonError, match="stamps like those of y"):
        tiny(horizon=2).fit(y).predict(fh=pd.PeriodIndex(["2024-02-11"], freq="D"))
    with pytest.raises(NotImplementedError, match=r"after the end of y, 2024-02-09.*evaluate"):
        tiny(horizon=2).fit(y).predict(fh=[-1, 1])
    recursive = tiny(strategy="recursive").fit(y)
    assert len(recursive.predict(fh=range(1, 41))) == 40


def test_a_local_model_needs_two_steps():
    y = panel((30, 1, 30))
    assert np.isfinite(tiny().fit(y, fh=[1, 2]).predict()).to_numpy().all()

    with pytest.raises(SeriesTooShortError, match="got one in series 's1'"):
        tiny(local=True).fit(y, fh=[1, 2])


@pytest.mark.parametrize("fh", [0, -1, np.array([-1, 0])])
def test_horizons_in_the_past_are_named_as_plain_numbers(fh):
    said = rf"got \[{', '.join(map(str, np.atleast_1d(fh)))}\]\. For answers to past rows"
    with pytest.raises(NotImplementedError, match=said):
        tiny().fit(series(), fh=fh)
    with pytest.raises(NotImplementedError, match=said):
        tiny().fit(series()).predict(fh=fh)


def test_residuals_of_past_rows_are_explained():
    with pytest.raises(NotImplementedError, match=r"got \[-39, -38, -37, -36, -35\]\."):
        tiny().fit(series(), fh=[1]).predict_residuals(series()[:5])


@pytest.mark.parametrize(
    ("y", "new", "said"),
    [
        (panel(), series().to_frame(), r"had a panel, .*; got one series\. Use pd\.concat\(\{name"),
        (series().to_frame(), panel(), r"had one series, .*; got a panel\. Use y\.loc\[name\]"),
        (panel(), pd.concat({"all": panel()}), "had a panel, .*; got a hierarchy of 3 levels"),
    ],
)
def test_data_of_another_kind_than_those_of_fit_are_refused(y, new, said):
    forecaster = tiny().fit(y, fh=[1])
    before = forecaster.predict()

    with pytest.raises(TargetError, match=f"^RNNForecaster: fit {said}"):
        forecaster.update(new)

    pd.testing.assert_frame_equal(forecaster.predict(), before)


@pytest.mark.parametrize("times", [DAYS, pd.RangeIndex(60)])
def test_swapped_levels_are_told_from_wrong_stamps(times):
    y = pd.concat({name: series(60, index=times).to_frame() for name in "ab"})
    X = y.rename(columns={"y": "x"})
    cure = r"last level of the index of {0} must be time; .* Use {0}\.swaplevel\(\)\.sort_index\(\)"

    with pytest.raises(FrequencyError, match=cure.format("y")):
        tiny().fit(y.swaplevel(), fh=[1])
    with pytest.raises(FrequencyError, match=cure.format("X")):
        tiny().fit(y, X=X.swaplevel(), fh=[1])
    with pytest.raises(FrequencyError, match=cure.format("X")):
        tiny().fit(y, X=X, fh=[1]).predict(X=X.swaplevel())


def test_columns_of_update_must_be_those_of_fit():
    y = pd.DataFrame({"a": series(50), "b": series(50, 1) * 10})
    forecaster = tiny(horizon=1).fit(y[:40])

    with pytest.raises(TargetError, match=r"columns of fit, \['a', 'b'\]"):
        forecaster.update(y[["a"]][40:])
    turned = forecaster.update(y[["b", "a"]][40:], update_params=False).predict(fh=[1])
    assert list(turned.columns) == ["a", "b"]
    assert turned["b"].iloc[0] > 50


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"strategy": "dirrec"}, "'strategy'.*'direct', 'recursive', 'seq2seq'"),
        ({"sp": [7, 0]}, "sp must hold whole numbers of steps"),
        ({"sp": 2.5}, "'sp'"),
        ({"sp": True}, "sp must hold whole numbers of steps"),
        ({"calendar": ["decade"]}, "calendar must name features among hour"),
        ({"static": 3}, "'static'"),
        ({"loss": "mae"}, "Did you mean 'absolute_error'"),
        ({"distribution": "gaussian"}, "'distribution'"),
        ({"hidden_size": 0}, "'hidden_size'"),
        ({"recency": 0}, "'recency'"),
        ({"teacher_forcing": 2}, "'teacher_forcing'"),
        ({"batch_size": None}, "'batch_size'"),
        ({"window_length": "soon"}, "window_length must be a number of steps or a span of time"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters, said):
    with pytest.raises(ValueError, match=said):
        tiny(**parameters).fit(series(), fh=[1])
