"""The network of the forecaster: a bank, weighed and corrected."""

import numpy as np
import pytest
import torch

from sklearn_rnn.modules.bank import members_of
from sklearn_rnn.modules.forecasting import FORECAST_OUTPUTS, ForecastNetwork, median
from sklearn_rnn.modules.spreads import LEVELS, SPREADS
from sklearn_rnn.series import InputColumn

N, T, H, C, R = 7, 16, 5, 2, 2
PERIODS = [4]


def network(learned=False, **options):
    """Return a new network, or one whose weights are not zero."""
    options = {
        "window_length": T,
        "encoder_length": 12,
        "patch_length": 3,
        "horizon": H,
        "n_series_columns": C,
        "periods": PERIODS,
        "n_phases": 0,
        "log_offset": None,
        "columns": (),
        "cell": "lstm",
        "hidden_sizes": [6],
        "nonlinearity": "tanh",
        "dropout": 0.0,
        "output": "bank",
        "scaler": "window",
        "n_backtests": R,
        "n_members": 2,
        "decoded": False,
        "teacher_forcing": 0.5,
        "distribution": None,
        "backend": "auto",
        "seed": 0,
        **options,
    }
    made = ForecastNetwork(**options).double().eval().requires_grad_(False)
    if learned:
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(
                    0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                )
    return made


def batch_of(n_backtests=R, n_inputs=0, seed=0):
    rng = np.random.default_rng(seed)
    length = T + n_backtests * H
    values = torch.from_numpy(10 + rng.normal(size=(N, length, C)).cumsum(axis=1))
    return {
        "values": values,
        "observed": torch.ones(N, length, C, dtype=torch.bool),
        "tried": torch.ones(N, n_backtests, dtype=torch.bool),
        "phases": torch.arange(N),
        "level": values.abs().mean(1),
        "inputs": torch.from_numpy(rng.normal(size=(N, T + H, n_inputs))),
        "targets": torch.from_numpy(10 + rng.normal(size=(N, H, C))),
        "answered": torch.ones(N, H, C, dtype=torch.bool),
    }


def in_units(forecast):
    return forecast.point * forecast.scale[:, None]


# -- what it answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("output", FORECAST_OUTPUTS)
def test_answers_have_a_step_and_a_column_each(output, decoded):
    n_backtests = R if output == "bank" else 0
    model = network(learned=True, output=output, decoded=decoded, n_backtests=n_backtests)

    forecast = model(batch_of(n_backtests))

    assert forecast.point.shape == (N, H, C)
    assert forecast.members.shape == (2, N, H, C)
    assert forecast.spread.shape == (N, H, C, len(LEVELS))
    assert forecast.scale.shape == (N, C)
    assert all(bool(part.isfinite().all()) for part in forecast)
    torch.testing.assert_close(forecast.point, forecast.members.mean(0))


@pytest.mark.parametrize("distribution", SPREADS)
def test_spreads_are_quantiles_or_parameters(distribution):
    forecast = network(learned=True, distribution=distribution)(batch_of())

    _, first = SPREADS[distribution]
    if distribution is None:
        assert bool((forecast.spread.diff(dim=-1) >= 0).all())
    else:
        assert forecast.spread.shape[-1] == len(first)
        assert bool((forecast.spread > 0).all())


def test_a_new_network_answers_what_the_best_member_of_the_bank_does():
    model, batch = network(n_backtests=0), batch_of(0)
    errors = torch.ones(2, H, model.bank.n_members)
    errors[..., 3] = 1e-6
    model.set_prior(errors)

    answers = in_units(model(batch))

    matrix = list(members_of(T, H, PERIODS).values())[3]
    expected = np.einsum("ntc,th->nhc", batch["values"], matrix)
    np.testing.assert_allclose(answers.detach(), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("output", "origin"),
    [("last_value", "last"), ("identity", "mean"), ("last_value_ratio", "last")],
)
def test_a_new_network_without_bank_answers_where_it_starts_from(output, origin):
    batch = batch_of(0)

    answers = in_units(network(output=output, n_backtests=0)(batch))

    values = batch["values"]
    expected = values[:, -1:] if origin == "last" else values[:, -12:].mean(1, keepdim=True)
    torch.testing.assert_close(answers, expected.expand(-1, H, -1))


@pytest.mark.parametrize("decoded", [False, True])
def test_ratios_are_never_negative(decoded):
    model = network(True, output="last_value_ratio", n_backtests=0, decoded=decoded)
    with torch.no_grad():
        heads = [member.decoder.answer for member in model.members] if decoded else [model.head]
        for head in heads:
            head.bias.fill_(-9.0)

    point = model(batch_of(0)).point

    assert bool((point == 0).any())
    assert bool((point >= 0).all())


@pytest.mark.parametrize(
    "options",
    [{}, {"log_offset": 1e-3}, {"decoded": True}, {"output": "last_value", "n_backtests": 0}],
    ids=str,
)
def test_answers_grow_with_the_scale_of_the_values(options):
    model, batch = network(True, **options), batch_of(options.get("n_backtests", R))
    batch["values"] = batch["values"].abs() + 1
    larger = {**batch, "values": 1000 * batch["values"], "level": 1000 * batch["level"]}

    first, second = model(batch), model(larger)

    torch.testing.assert_close(in_units(second), 1000 * in_units(first))
    torch.testing.assert_close(second.spread, first.spread)


def test_a_constant_is_forecast_by_itself():
    batch = batch_of()
    batch["values"] = torch.full_like(batch["values"], 7.5)

    answers = in_units(network()(batch))

    torch.testing.assert_close(answers, torch.full_like(answers, 7.5), rtol=1e-5, atol=0)


def test_a_window_of_zeros_is_answered():
    batch = batch_of()
    batch["values"][0] = 0.0
    batch["values"][1, -12:] = 0.0  # with values before it

    for options in ({}, {"log_offset": 0.05}, {"decoded": True}):
        forecast = network(True, **options)(batch)
        assert bool(forecast.point.isfinite().all())
        assert bool((in_units(forecast)[0].abs() < 1e-6).all())


@pytest.mark.parametrize("options", [{}, {"decoded": True}, {"scaler": "series"}], ids=str)
@pytest.mark.parametrize("step", [-1, -6, -12])
def test_every_step_that_is_read_changes_the_answers(step, options):
    model, batch = network(True, **options), batch_of()
    other = {**batch, "values": batch["values"].clone()}
    other["values"][:, step] += 0.5

    change = (in_units(model(batch)) - in_units(model(other))).abs()

    assert bool((change > 1e-6).all())


def test_windows_are_answered_one_by_one():
    model, batch = network(True, log_offset=1e-3), batch_of()

    together = model(batch).point

    for row in range(N):
        alone = model({name: part[row : row + 1] for name, part in batch.items()})
        torch.testing.assert_close(alone.point[0], together[row])


def test_columns_are_read_together():
    model, batch = network(True), batch_of()
    other = {**batch, "values": batch["values"].clone()}
    other["values"][:, -3, 1] += 1

    change = (model(batch).point - model(other).point).abs()

    assert bool((change[..., 0] > 1e-9).all())


def test_phases_come_round():
    model, batch = network(True, n_phases=3), batch_of()

    same = model({**batch, "phases": batch["phases"] + 3}).point
    other = model({**batch, "phases": batch["phases"] + 1}).point

    torch.testing.assert_close(model(batch).point, same)
    assert bool((model(batch).point != other).all())


def test_a_series_scale_is_the_size_of_the_series():
    model, batch = network(True, scaler="series", n_backtests=0), batch_of(0)

    forecast = model(batch)

    torch.testing.assert_close(forecast.scale, batch["level"])
    # a fading series looks different from a small one
    smaller = model({**batch, "values": 0.1 * batch["values"]})
    assert not torch.allclose(0.1 * forecast.point, smaller.point, rtol=1e-3)


@pytest.mark.parametrize("n_members", [1, 2, 3, 4, 7])
def test_the_median_is_that_of_numpy(n_members):
    members = np.random.default_rng(n_members).normal(size=(n_members, 5, 3))

    np.testing.assert_array_equal(median(torch.from_numpy(members)), np.median(members, axis=0))


# -- what it knows of a window ---------------------------------------------------------------------


def test_a_window_of_which_nothing_was_observed_is_described_as_it_was_filled_in():
    batch = batch_of()
    model = network(learned=True)
    seen = model(batch)

    nothing = model({**batch, "observed": torch.zeros_like(batch["observed"])})

    torch.testing.assert_close(nothing.scale, seen.scale)
    widths = [answer.spread[..., -1] - answer.spread[..., 0] for answer in (nothing, seen)]
    assert (widths[0] < 10 * widths[1]).all()


def test_members_with_smaller_recent_errors_weigh_more():
    batch = batch_of()
    ramp = torch.arange(T + R * H, dtype=torch.float64)
    batch["values"] = (5 + ramp)[None, :, None].expand(N, -1, C)
    names = list(members_of(T, H, PERIODS))
    model = network()

    values, observed, _ = model._scaled(batch)
    logs = model.backtests(batch["tried"], values, None, observed, torch.ones(N, C, 1)).logs

    best = [names[int(k)] for k in logs[:, 0].argmin(0)]
    assert all("drift=1" in name or "beta=0." in name for name in best)
    states, common = torch.zeros(2, N, 6), torch.zeros(N, model.gate.knots.of_common.shape[2])
    bank = torch.zeros(H, len(names), C, N, dtype=torch.float64)
    gate, _ = model.gate(states.double(), common.double(), logs, bank)
    assert bool((gate.argmax(2) == logs.argmin(0)).all())


def test_errors_of_the_bank_are_counted_where_there_is_an_answer():
    model, batch = network(n_backtests=0), batch_of(0)
    batch["answered"][0, 2] = False

    errors, scale = model.bank_errors(batch)

    x, y = (batch[name].numpy() / scale[:, None].numpy() for name in ("values", "targets"))
    matrix = next(iter(members_of(T, H, PERIODS).values()))
    expected = np.abs(np.einsum("ntc,th->hcn", x, matrix) - y.transpose(1, 2, 0))
    expected[2, :, 0] = 0
    np.testing.assert_allclose(errors[:, 0], expected, rtol=1e-4, atol=1e-6)


# -- inputs ----------------------------------------------------------------------------------------

COLUMNS = (
    InputColumn("known"),
    InputColumn("past", known=False),
    InputColumn("category", n_categories=4),
    InputColumn("static", static=True),
    InputColumn("shop", n_categories=3, static=True),
)


def inputs():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(N, T + H, len(COLUMNS)))
    rows[..., 2], rows[..., 4] = rng.integers(4, size=(N, T + H)), 1
    rows[..., 3] = rows[:, :1, 3]
    return torch.from_numpy(rows)


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("column", range(len(COLUMNS)), ids=[c.name for c in COLUMNS])
@pytest.mark.parametrize("when", ["past", "future"])
def test_inputs_change_the_answers_where_they_are_known(column, when, decoded):
    model, batch = network(True, columns=COLUMNS, decoded=decoded), batch_of()
    batch["inputs"] = inputs()
    other = {**batch, "inputs": batch["inputs"].clone()}
    steps = slice(T - 6, T) if when == "past" else slice(T, T + H)
    changed = other["inputs"][:, steps, column]
    other["inputs"][:, steps, column] = (changed + 1) % (COLUMNS[column].n_categories or 100)

    change = (model(batch).point - model(other).point).abs()

    is_read = when == "past" or (COLUMNS[column].known and not COLUMNS[column].static)
    assert bool((change > 1e-9).all()) is is_read
    if not is_read:
        assert float(change.max()) == 0


def test_inputs_that_go_on_as_they_did_add_nothing_by_surprise():
    model, batch = network(n_backtests=0, columns=COLUMNS[:1]), batch_of(0)
    batch["inputs"] = torch.full((N, T + H, 1), 3.0, dtype=torch.float64)
    with torch.no_grad():
        for member in model.members:
            member.ahead.slope.weight.fill_(1.0)

    same = model(batch).point
    batch["inputs"][:, T + 2] = 4.0
    surprised = model(batch).point - same

    assert surprised[:, [0, 1, 3, 4]].abs().max() < 1e-9
    assert bool((surprised[:, 2] > 1e-3).all())


# -- first weights and units -----------------------------------------------------------------------


@pytest.mark.parametrize("decoded", [False, True])
def test_first_weights_come_from_the_seed_alone(decoded):
    before = torch.get_rng_state()

    first, second, other = (
        network(seed=seed, decoded=decoded, columns=COLUMNS, dropout=0.1) for seed in (1, 1, 2)
    )

    weights = [torch.cat([p.flatten() for p in m.parameters()]) for m in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (None, [5.0, 5.0]),
        ("normal", [5.0, 5.0]),
        ("student_t", [5.0, 1.0]),
        ("negative_binomial", [1.0, 1.0]),
    ],
)
def test_spreads_are_turned_into_units_of_the_data(distribution, expected):
    spread = torch.ones(N, H, C, 2, dtype=torch.float64)

    answer = network(distribution=distribution).in_units_of_data(
        spread, torch.full((N, C), 5.0, dtype=torch.float64)
    )

    assert answer[0, 0, 0].tolist() == expected


def test_answers_have_the_dtype_of_the_weights():
    assert network().float()(batch_of()).point.dtype == torch.float32
    assert network()(batch_of()).point.dtype == torch.float64
