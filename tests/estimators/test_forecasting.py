"""One model for all series: what it learns, keeps, forgets and leaves alone."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_rnn.exceptions import SeriesTooShortError, TargetError, TrainingDivergedError
from sklearn_rnn.series import InputColumn
from tests.series_tables import SMALL, fitted, table_of, walks, with_inputs

SERIES = walks(40, 23, 60)
TABLE = table_of(SERIES)
STRATEGIES = ("direct", "recursive", "seq2seq")
DISTRIBUTIONS = ("normal", "student_t", "negative_binomial")


@pytest.fixture(scope="module")
def forecaster():
    return fitted(TABLE)


def mean_error(answers, truth):
    return np.abs(answers[..., 0] - truth).mean()


# -- what it learns --------------------------------------------------------------------------------


def autoregressive(n_series, length, coefficient=0.9, seed=0):
    noise = np.random.default_rng(seed).normal(size=(length, n_series))
    x = np.zeros((length, n_series))
    for t in range(1, length):
        x[t] = coefficient * x[t - 1] + noise[t]
    return x.T


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_last_observation_matters_most_for_the_first_step(strategy):
    series = autoregressive(20, 80)
    trained = fitted(table_of(series), strategy=strategy, max_epochs=6, window_length=12)

    def moved_by(step):
        other = series.copy()
        other[:, step] += 1.0
        change = trained.predict(table_of(other), 4) - trained.predict(table_of(series), 4)
        return np.abs(change[..., 0]).mean(axis=0)

    by_last, by_earlier = moved_by(-1), moved_by(-4)

    assert by_last.argmax() == 0
    assert by_last[0] > 0.5  # 0.9 is right
    assert by_last[0] > 2 * by_earlier[0]
    assert (by_earlier > 0).all()


def waves(n_series, length, period=12, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, period, size=(n_series, 1))
    wave = np.sin(2 * np.pi * (np.arange(length) + start) / period)
    return 3 + wave + noise * rng.normal(size=(n_series, length))


@pytest.mark.parametrize(
    ("strategy", "output"),
    [("direct", "bank"), ("direct", "last_value"), ("recursive", "bank"), ("seq2seq", "bank")],
)
def test_a_wave_is_continued(strategy, output):
    x = waves(20, 66)
    past, future = x[:, :-6], x[:, -6:]
    options = {"hidden_size": 16, "max_epochs": 6, "recency": np.inf, "lr": 0.01}

    trained = fitted(table_of(past), horizon=6, strategy=strategy, output=output, **options)

    error = mean_error(trained.predict(table_of(past), 6), future)
    assert error < 0.35 * np.abs(past[:, -1:] - future).mean()
    # the same network knows other series
    others = waves(20, 66, seed=1)
    error = mean_error(trained.predict(table_of(others[:, :-6]), 6), others[:, -6:])
    assert error < 0.4 * np.abs(others[:, -7:-6] - others[:, -6:]).mean()


@pytest.mark.parametrize("strategy", ["direct", "seq2seq"])
def test_known_inputs_explain_what_they_drive(strategy):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 66))
    y = 10 + 3 * x + 0.2 * rng.normal(size=x.shape)
    past, future = y[:, :-6], y[:, -6:]
    options = {"horizon": 6, "strategy": strategy, "lr": 0.01, "calibrate": False}

    def error(table):
        return mean_error(fitted(table, **options).predict(table, 6), future)

    without, with_x = error(table_of(past)), error(with_inputs(past, x, [InputColumn("x")]))

    assert with_x < 0.3 * without


@pytest.mark.parametrize("value", [0.1, 1e6 / 3])
def test_inputs_that_never_changed_have_no_scale(value):
    table = with_inputs(SERIES, [np.full(70, value)] * 3, [InputColumn("x")])
    _, scale = fitted(table, max_epochs=1).nets_[0].module_.input_sizes()

    assert scale.tolist() == [1.0]


def test_an_indicator_of_the_past_leads():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 62))
    y = 10 + 3 * np.roll(x, 2, axis=1) + 0.2 * rng.normal(size=x.shape)
    past, future = y[:, :-2], y[:, -2:]
    options = {"window_length": 6, "max_epochs": 6, "lr": 0.01, "hidden_size": 16}

    def error(table):
        trained = fitted(table, horizon=2, calibrate=False, **options)
        return mean_error(trained.predict(table, 2), future)

    column = InputColumn("x", known=False)
    without, leading = error(table_of(past)), error(with_inputs(past, x, [column]))

    assert leading < 0.6 * without


def test_categories_and_static_columns_tell_series_apart():
    rng = np.random.default_rng(0)
    weekend = np.arange(66) % 7 >= 5
    shop = np.arange(24) % 2
    y = 10 + np.where(weekend, 5, 0) * np.where(shop, 1, -1)[:, None]
    y = y + 0.2 * rng.normal(size=y.shape)
    past, future = y[:, :-6], y[:, -6:]
    # a window too short to tell what a weekend does in a shop
    options = {"window_length": 4, "max_epochs": 6, "lr": 0.02, "calibrate": False}

    def error(*names):
        columns = {
            "weekend": (InputColumn("weekend", n_categories=3), np.tile(weekend + 1, (24, 1))),
            "shop": (
                InputColumn("shop", n_categories=3, static=True),
                np.repeat(shop + 1, 66).reshape(24, 66),
            ),
        }
        rows = np.stack([columns[name][1] for name in names], axis=2)
        table = with_inputs(past, rows, [columns[name][0] for name in names])
        return mean_error(fitted(table, horizon=6, **options).predict(table, 6), future)

    both, only_weekend, only_shop = error("weekend", "shop"), error("weekend"), error("shop")

    assert both < 0.5 * only_weekend
    assert both < 0.5 * only_shop


def test_columns_are_answered_together_and_help_one_another():
    rng = np.random.default_rng(0)
    leader = rng.normal(size=(20, 61))
    follower = np.roll(leader, 1, axis=1) + 0.1 * rng.normal(size=leader.shape)
    y = 10 + np.stack([leader, 5 * follower], axis=2)
    past, future = y[:, :-1], y[:, -1]
    options = {"horizon": 1, "window_length": 6, "max_epochs": 6, "lr": 0.01, "hidden_size": 16}

    together = fitted(table_of(past), **options).predict(table_of(past), 1)
    alone = table_of(past[..., 1:])

    assert together.shape == (20, 1, 2)
    error = np.abs(together[:, 0, 1] - future[:, 1]).mean()
    assert (
        error
        < 0.6 * np.abs(fitted(alone, **options).predict(alone, 1)[:, 0, 0] - future[:, 1]).mean()
    )


# -- how sure it is --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"strategy": "seq2seq"}, {"n_estimators": 2}], ids=str)
def test_intervals_hold_their_share(options):
    y = 50 + 4 * np.random.default_rng(0).normal(size=(150, 54))
    past, future = table_of(y[:, :-4]), y[:, -4:]

    quantiles = fitted(past, **options).predict_quantiles(past, 4, [0.1, 0.9])[:, :, 0]

    inside = (quantiles[..., 0] <= future) & (future <= quantiles[..., 1])
    assert inside.mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(("distribution", "scale"), [("normal", 1.0), ("student_t", 1.0)])
def test_the_deviation_of_normal_values_is_found(distribution, scale):
    y = 50 + 4 * np.random.default_rng(0).normal(size=(40, 100))

    trained = fitted(table_of(y), distribution=distribution, lr=0.01)
    name, parameters = trained.predict_distribution(table_of(y), 4)

    assert name == distribution
    variance = parameters["sigma"] ** 2
    if distribution == "student_t":
        variance = variance * parameters["df"] / (parameters["df"] - 2)
    assert np.median(parameters["mu"]) == pytest.approx(50, abs=1)
    assert np.sqrt(np.median(variance)) == pytest.approx(4, rel=0.2)


def test_counts_have_the_variance_that_was_seen():
    rng = np.random.default_rng(0)
    y = rng.negative_binomial(4, 4 / (4 + 6), size=(40, 100))  # mean 6, variance 6 + 36 / 4
    table = table_of(y)

    trained = fitted(table, distribution="negative_binomial", lr=0.01)
    _, parameters = trained.predict_distribution(table, 4)

    assert np.median(parameters["mu"]) == pytest.approx(6, rel=0.15)
    assert np.median(parameters["alpha"]) == pytest.approx(0.25, rel=0.4)
    quantiles = trained.predict_quantiles(table, 4, [0.1, 0.5, 0.9])
    np.testing.assert_array_equal(quantiles, np.round(quantiles))
    assert quantiles.min() >= 0


@pytest.mark.parametrize("distribution", [None, *DISTRIBUTIONS])
def test_quantiles_ascend_around_the_forecast(distribution):
    levels = np.array([0.001, 0.05, 0.37, 0.5, 0.6, 0.95, 0.999])
    table = replace(TABLE, values=np.round(TABLE.values))  # counts have to be whole
    trained = fitted(table, distribution=distribution, max_epochs=2, n_estimators=2)

    quantiles = trained.predict_quantiles(table, 9, levels)

    assert quantiles.shape == (3, 9, 1, len(levels))
    assert (np.diff(quantiles) >= 0).all()
    assert (quantiles[..., 0] < quantiles[..., -1]).all()
    if distribution is None:
        np.testing.assert_allclose(quantiles[..., 3], trained.predict(table, 9))


def test_calibration_is_by_steps_and_can_be_left_out(forecaster):
    assert forecaster.factors_.shape[0] == forecaster.horizon_ == 4
    assert (forecaster.factors_ != 1).any()
    assert (fitted(TABLE, calibrate=False, max_epochs=1).factors_ == 1).all()
    widths = np.ptp(forecaster.predict_quantiles(TABLE, 40, [0.4, 0.6]), axis=-1)
    assert (np.diff(widths[:, 3:], axis=1) > 0).all()  # beyond what was calibrated


# -- the same answers ------------------------------------------------------------------------------


def test_seeds_decide_everything(forecaster):
    again, other = fitted(TABLE), fitted(TABLE, random_state=1)

    np.testing.assert_array_equal(forecaster.predict(TABLE, 9), again.predict(TABLE, 9))
    np.testing.assert_array_equal(forecaster.factors_, again.factors_)
    assert not np.array_equal(forecaster.predict(TABLE, 9), other.predict(TABLE, 9))


def test_two_workers_train_the_same_ensemble():
    options = {"n_estimators": 2, "max_epochs": 2, "strategy": "seq2seq", "dropout": 0.1}
    one, two = fitted(TABLE, **options), fitted(TABLE, n_jobs=2, **options)

    np.testing.assert_array_equal(one.predict(TABLE, 4), two.predict(TABLE, 4))
    first, second = (net.module_.state_dict() for net in one.nets_)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_an_ensemble_answers_the_median():
    three = fitted(TABLE, n_estimators=3, max_epochs=1)
    table = table_of(SERIES[:1])

    answers = [one.point for one in three._answers(table, 4)]

    np.testing.assert_array_equal(three.predict(table, 4), np.median(answers, axis=0))


def test_series_are_answered_by_themselves(forecaster):
    together = forecaster.predict(TABLE, 6)

    alone = [forecaster.predict(table_of([x]), 6)[0] for x in SERIES]

    np.testing.assert_allclose(together, alone, rtol=1e-6)
    reverse = TABLE.take(np.array([2, 1, 0]))
    np.testing.assert_allclose(forecaster.predict(reverse, 6), together[::-1], rtol=1e-6)


def test_nothing_outside_is_touched():
    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(torch.get_num_threads())

    seen, threads = [], torch.get_num_threads()
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    torch.set_num_threads(2)
    filters = list(warnings.filters)
    try:
        trained = fitted(TABLE, strategy="seq2seq", dropout=0.1, max_epochs=2, callbacks=[Watch()])
        trained.predict_quantiles(TABLE, 6, [0.5])
        trained.update(TABLE, epochs=1)
        left = torch.get_num_threads()
    finally:
        torch.set_num_threads(threads)

    assert set(seen) == {1}  # while it trains
    assert left == 2
    assert torch.equal(states[0], torch.get_rng_state())
    np.testing.assert_array_equal(states[1], np.random.get_state()[1])  # noqa: NPY002
    assert warnings.filters == filters


# -- going on, and being kept ----------------------------------------------------------------------


def weights(forecaster):
    return torch.cat([p.detach().flatten() for p in forecaster.nets_[0].module_.parameters()])


def test_an_update_goes_on_from_where_training_ended():
    trained = fitted(TABLE)
    before, factors = weights(trained).clone(), trained.factors_

    trained.update(table_of(walks(60, 70)), epochs=2)

    moved = (weights(trained) - before).norm() / before.norm()
    assert 0 < moved < 0.3
    assert trained.n_iter_ == len(trained.history_) == SMALL["max_epochs"] + 2
    assert trained.factors_ is factors


def test_a_failed_update_or_fit_loses_nothing():
    trained = fitted(TABLE, max_epochs=1)
    before, answers = dict(vars(trained)), trained.predict(TABLE, 5)

    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise ZeroDivisionError

    trained.settings = {**trained.settings, "callbacks": [Stop()]}
    for fail in (
        lambda: trained.update(TABLE, epochs=1),
        lambda: trained.fit(table_of(walks(30)), horizon=9, periods=[3], n_phases=0),
    ):
        with pytest.raises(ZeroDivisionError):
            fail()
    trained.settings = before["settings"]

    assert vars(trained) == before
    np.testing.assert_array_equal(trained.predict(TABLE, 5), answers)


@pytest.mark.parametrize(
    "options", [{}, {"strategy": "seq2seq", "dropout": 0.1}, {"early_stopping": True}], ids=str
)
def test_what_was_fitted_can_be_pickled_without_the_data(options):
    def pickled(lengths):
        table = table_of(walks(*lengths))
        trained = fitted(table, max_epochs=2, batches_per_epoch=5, window_length=8, **options)
        return table, trained, pickle.dumps(trained)

    table, trained, small = pickled([40, 40])
    _, _, large = pickled([4000, 4000])

    assert len(large) < len(small) + 2000
    again = pickle.loads(small)
    np.testing.assert_array_equal(again.predict(table, 5), trained.predict(table, 5))
    again.update(table, epochs=1)


def test_pickles_do_not_grow_with_updates():
    trained = fitted(TABLE, n_estimators=2, n_jobs=2, max_epochs=1)
    size = len(pickle.dumps(trained))

    for _ in range(2):
        trained.update(TABLE, epochs=1)

    assert len(pickle.dumps(trained)) < size + 3000


def test_a_training_that_ends_early_keeps_no_data_either():
    class Stop(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) > 1:
                raise KeyboardInterrupt  # skorch's way to end training

    trained = fitted(table_of(walks(4000)), callbacks=[Stop()], max_epochs=9)

    assert trained.n_iter_ == 1
    assert (trained.factors_ == 1).all()  # it never came to the calibration
    held = dict(trained.nets_[0].callbacks_)["held_out"]
    assert held.forecast is None


# -- options ---------------------------------------------------------------------------------------


def test_early_stopping_ends_when_nothing_is_gained():
    options = {"early_stopping": True, "max_epochs": 30, "n_iter_no_change": 2, "lr": 0.05}
    trained = fitted(TABLE, lr_scheduler=None, **options)

    losses = [row["valid_loss"] for row in trained.history_]
    assert trained.n_iter_ < 30
    assert np.argmin(losses) < trained.n_iter_ - 1
    assert (trained.factors_ != 1).any()


@pytest.mark.parametrize("length", [2, 3, 9])
def test_early_stopping_needs_something_to_validate_on(length):
    with pytest.raises(SeriesTooShortError, match=f"{length} steps, leaves none"):
        fitted(table_of([np.arange(length)]), early_stopping=True, validation_fraction=0.1)
    with pytest.raises(SeriesTooShortError, match="2 steps, leaves none"):
        fitted(table_of([[1, 2]]), early_stopping=True, validation_fraction=0.9)


def test_an_epoch_may_go_over_all_windows():
    trained = fitted(TABLE, batches_per_epoch=None, calibrate=False, max_epochs=2, batch_size=10)

    windows = trained._windows(TABLE, trained.sizes_)
    assert trained.history_[0]["train_batch_count"] == -(-len(windows) // 10)


def test_callbacks_see_every_epoch():
    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.history[-1]["train_loss"])

    seen = []
    trained = fitted(TABLE, callbacks=[Watch()])

    assert seen == [row["train_loss"] for row in trained.history_]
    assert len(seen) == SMALL["max_epochs"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_double_precision_is_precise(strategy):
    columns = [InputColumn("x"), InputColumn("shop", n_categories=3, static=True)]
    rows = [np.stack([np.arange(len(y) + 4), np.ones(len(y) + 4)], axis=1) for y in SERIES]
    table = with_inputs(SERIES, rows, columns)

    trained = fitted(table, dtype="float64", strategy=strategy, max_epochs=1)

    assert weights(trained).dtype == torch.float64
    assert np.isfinite(trained.predict(table, 4)).all()


@pytest.mark.parametrize(
    "options",
    [{"max_epochs": 1, "batches_per_epoch": 10}, {"max_epochs": 1, "batches_per_epoch": 1}],
    ids=str,
)
def test_the_shortest_training_works(options):
    assert np.isfinite(fitted(TABLE, **options).predict(TABLE, 4)).all()


def test_divergence_is_said():
    with pytest.raises(TrainingDivergedError), np.errstate(all="ignore"):
        fitted(
            TABLE,
            optimizer="sgd",
            lr=1e30,
            gradient_clip_value=None,
            loss="squared_error",
            lr_scheduler=None,
            weight_decay=0.0,
        )


# -- all kinds of series ---------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize(
    "series",
    [
        [[1, 2]],
        [[1, 2, 3], [9]],
        [[4, 3, 2, 1, 0]],
        [[1], *walks(40, 9)],
        [np.zeros(20), *walks(30)],
        [-50 - walks(30)[0]],
        [np.concatenate([np.zeros(30), [5, 0, 3]]), np.zeros(25)],
        [np.where(np.arange(30) % 7, walks(30)[0], np.nan)],
        [np.append(walks(30)[0], [np.nan] * 9), np.append([np.nan] * 9, walks(30)[0])],
        [np.full(12, np.nan), *walks(30)],
        [1e12 * walks(30)[0], 1e-6 * walks(30)[0], walks(30)[0]],
    ],
    ids=[
        "two",
        "three and one",
        "five",
        "one beside others",
        "zeros",
        "negative",
        "rare",
        "gaps",
        "ends",
        "nothing known",
        "scales",
    ],
)
def test_all_kinds_of_series_are_answered(series, strategy):
    table = table_of(series)

    trained = fitted(table, strategy=strategy, max_epochs=1, batches_per_epoch=5, periods=[3])
    answers = trained.predict(table, 6)
    quantiles = trained.predict_quantiles(table, 6, [0.1, 0.5, 0.9])

    assert np.isfinite(answers).all()
    assert np.isfinite(quantiles).all()
    lowest, highest = table.extremes()
    assert (answers[lowest[:, 0] >= 0] >= 0).all()
    for answer, low, high in zip(answers, lowest, highest, strict=True):
        size = max(abs(low[0]), abs(high[0]))
        if np.isfinite(size):
            assert np.abs(answer).max() <= 10 * size


def test_a_series_of_one_step_cannot_be_learned_from():
    with pytest.raises(SeriesTooShortError, match="got 2 of one step"):
        fitted(table_of([[1], [2]]))


@pytest.mark.parametrize(
    ("value", "parameters", "message"),
    [
        (-3.0, {"distribution": "negative_binomial"}, "counts.* 0 or more; got -3 in y"),
        (2.5, {"distribution": "negative_binomial"}, "counts.* whole numbers; got 2.5 in y"),
        (-3.0, {"output": "last_value_ratio"}, "'last_value_ratio' is for .*; got -3 in y"),
    ],
)
def test_values_that_cannot_be_answered_are_refused(value, parameters, message):
    table = table_of([[1.0, value, np.nan, 4.0] * 5])
    with pytest.raises(TargetError, match=message):
        fitted(table, **parameters)
    before = fitted(table_of([[1.0, 3.0, np.nan, 4.0] * 5]), **parameters)
    with pytest.raises(TargetError, match=message):
        before.update(table, epochs=1)


@pytest.mark.parametrize("value", [0.0, 3.3, -1e12, 1e-9])
def test_constants_are_forecast_exactly(value, forecaster):
    table = table_of([np.full(20, value), SERIES[0], [value, np.nan, value]])

    answers = forecaster.predict(table, 7)
    quantiles = forecaster.predict_quantiles(table, 7, [0.1, 0.9])

    assert (answers[[0, 2]] == value).all()
    assert (quantiles[[0, 2]] == value).all()
    np.testing.assert_allclose(answers[1], forecaster.predict(table.take(np.array([1])), 7)[0])


@pytest.mark.parametrize("factor", [1000.0, 1e-6, 1e12])
def test_training_does_not_depend_on_the_unit(factor):
    first, second = (fitted(table_of([f * x for x in SERIES]), max_epochs=2) for f in (1.0, factor))

    np.testing.assert_allclose(
        second.predict(table_of([factor * x for x in SERIES]), 4) / factor,
        first.predict(TABLE, 4),
        rtol=1e-3,
    )


def test_negative_series_are_answered_by_what_has_seen_positive_ones_alone(forecaster):
    assert forecaster.sizes_.log_offset is not None

    answers = forecaster.predict(table_of([x - 200 for x in SERIES]), 4)

    np.testing.assert_allclose(answers[:, 0, 0], [x[-1] - 200 for x in SERIES], atol=15)


def test_ratios_of_the_last_value_are_never_negative():
    falling = [np.round(1000 * 0.7 ** np.arange(n)) for n in (20, 25, 30)]
    trained = fitted(
        table_of(falling),
        strategy="recursive",
        output="last_value_ratio",
        loss="squared_percentage_error",
        window_length=6,
    )

    answers = trained.predict(table_of([x[:10] for x in falling]), 40)

    assert answers.min() >= 0
    assert (np.diff(answers[:, :, 0]) <= 0).mean() > 0.9


# -- the rules of sizes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "horizon", "periods", "expected"),
    [
        (500, 12, [12], 24),  # two seasons
        (500, 30, [12], 60),  # two horizons
        (500, 2, [], 10),  # the least
        (30, 12, [12], 18),  # what there is
        (15, 12, [12], 13),  # a season and one
        (5000, 48, [24, 168], 336),
        (5000, 400, [24, 168], 336),  # the most
    ],
)
def test_the_length_of_a_window_follows_a_rule(length, horizon, periods, expected):
    tiny = {"max_epochs": 1, "batches_per_epoch": 1, "calibrate": False, "n_backtests": 0}
    trained = fitted(table_of(walks(length)), horizon=horizon, periods=periods, **tiny)

    assert trained.sizes_.encoder_length - expected in range(trained.patch_length_)
    assert trained.sizes_.encoder_length % trained.patch_length_ == 0
    assert trained.sizes_.encoder_length // trained.patch_length_ <= 32


def test_a_chosen_length_is_rounded_up_to_whole_patches():
    trained = fitted(TABLE, window_length=7, patch_length=3, max_epochs=1)

    assert (trained.window_length_, trained.patch_length_) == (9, 3)
