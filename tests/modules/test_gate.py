"""The gate: weights of the bank's members, and gradients that are written out."""

import pytest
import torch

from sklearn_rnn.modules.gate import GATE_KNOTS, Gate, ZeroLinear, interpolation

M, N, S, D, K, C = 2, 5, 3, 4, 6, 2


def learned(module):
    generator = torch.Generator().manual_seed(0)
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def gate(horizon=12, backtests=True):
    return learned(
        Gate(
            M,
            S,
            D,
            n_members=K,
            n_series_columns=C,
            horizon=horizon,
            backtests=backtests,
        )
    )


def read(horizon, seed=1):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((M, N, S), (N, D), (K, C, N), (horizon, K, C, N))
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def by_definition(made, states, common, logs, bank):
    """Return weights and means as torch would, one axis after another."""
    features = made.knots.of_state @ states.mT + made.knots.of_common @ common.t()
    knots = features.unflatten(1, (-1, K, C))
    logits = torch.einsum("hj,mjkcn->mhkcn", made.between_knots, knots) + made.bias.unsqueeze(-1)
    if logs is not None:
        logits = logits - made.trust[:, :, None, None, None] * logs
    weights = logits.softmax(2)
    return weights, torch.einsum("mhkcn,hkcn->mhcn", weights, bank)


@pytest.mark.parametrize("horizon", [1, 5, GATE_KNOTS, 12])
@pytest.mark.parametrize("backtests", [False, True])
def test_weights_are_a_softmax_over_the_bank(horizon, backtests):
    made = gate(horizon, backtests)
    states, common, logs, bank = read(horizon)
    logs = logs if backtests else None

    weights, means = made(states, common, logs, bank)

    expected_weights, expected_means = by_definition(made, states, common, logs, bank)
    torch.testing.assert_close(weights, expected_weights)
    torch.testing.assert_close(means, expected_means)


@pytest.mark.parametrize("of", ["weights", "means", "both"])
@pytest.mark.parametrize("backtests", [False, True])
def test_gradients_are_those_of_the_definition(of, backtests):
    made = gate(9, backtests)
    states, common, logs, bank = read(9)
    logs = logs if backtests else None
    states.requires_grad_()
    towards = torch.randn(M, 9, K, C, N, generator=torch.Generator().manual_seed(3)).double()

    gradients = []
    for way in (made, lambda *read: by_definition(made, *read)):
        weights, means = way(states, common, logs, bank)
        loss = 0 if of == "means" else (weights * towards).sum()
        loss = loss + (0 if of == "weights" else (means * towards[:, :, 0]).sum())
        gradients.append(torch.autograd.grad(loss, [states, *made.parameters()]))

    for written_out, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(written_out, expected)


def test_logits_far_apart_overflow_nowhere():
    made = gate().float()
    with torch.no_grad():
        made.bias[:, :, 2] = 500.0
    states, common, logs, bank = (x.float() for x in read(12))

    weights, means = made(states, common, logs, bank)

    torch.testing.assert_close(weights[:, :, 2], torch.ones_like(weights[:, :, 2]))
    torch.testing.assert_close(means, bank[:, 2].expand_as(means))


def test_a_prior_weighs_members_by_their_errors():
    made = Gate(M, S, D, n_members=K, n_series_columns=C, horizon=4, backtests=False)
    states, common, _, bank = (x.float() for x in read(4))
    errors = torch.rand(M, 4, K, generator=torch.Generator().manual_seed(2)) + 0.1

    made.set_prior(errors, sharpness=2.0)
    weights, _ = made(states, common, None, bank)

    expected = errors**-2 / (errors**-2).sum(-1, keepdim=True)
    torch.testing.assert_close(weights[..., 1, 3], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("bias", [False, True])
def test_linear_maps_begin_at_zero_and_are_one_for_each_network(bias):
    made = ZeroLinear(M, S, D, 7, bias=bias).double()
    states, common, *_ = read(3)

    assert bool((made(states, common) == 0).all())
    answers = learned(made)(states, common)
    assert answers.shape == (M, 7, N)
    for m in range(M):
        expected = states[m] @ made.of_state[m].t() + common @ made.of_common[m].t()
        if bias:
            expected = expected + made.bias[m].t()
        torch.testing.assert_close(answers[m], expected.t())


def test_interpolation_draws_straight_lines():
    torch.testing.assert_close(
        interpolation(5, 3) @ torch.tensor([0.0, 4.0, 2.0]), torch.tensor([0.0, 2.0, 4.0, 3.0, 2.0])
    )
    torch.testing.assert_close(interpolation(4, 4), torch.eye(4))
