"""The recurrent decoder: steps from those before, with and without the truth."""

import pytest
import torch

from sklearn_rnn.modules.decoder import Decoder

N, C, H, D, E = 6, 2, 5, 3, 4


def decoder(teacher_forcing=0.5, cell="lstm", n_inputs=0, answers=True):
    generator = torch.Generator().manual_seed(0)
    made = Decoder(
        D,
        C,
        n_inputs,
        hidden_size=7,
        cell=cell,
        nonlinearity="tanh",
        backend="auto",
        teacher_forcing=teacher_forcing,
        generator=generator,
    )
    if answers:  # a new one answers zero
        torch.nn.init.normal_(made.answer.weight, generator=generator)
    return made


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def decoded(made, *, plan=None, truth=None, known=None, features=None):
    features = random(N, D) if features is None else features
    plan = random(N, C, H, seed=1) if plan is None else plan
    return made(features, plan, torch.ones(N, C, 1), truth, known)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_new_decoder_adds_nothing(cell):
    answer = decoded(decoder(cell=cell, answers=False))

    assert answer.shape == (N, C, H)
    assert bool((answer == 0).all())


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_what_is_known_of_the_window_reaches_every_step(cell):
    made = decoder(cell=cell)

    change = decoded(made) - decoded(made, features=random(N, D) + 1)

    assert bool((change.abs().amax(dim=(0, 1)) > 1e-4).all())


def test_a_step_changes_itself_and_those_after_it_alone():
    made, plan = decoder(), random(N, C, H, seed=1)
    other = plan.clone()
    other[..., 2] += 1

    change = (decoded(made, plan=plan) - decoded(made, plan=other)).abs().amax(dim=(0, 1))

    assert change[:2].tolist() == [0, 0]
    assert bool((change[2:] > 0).all())


def test_inputs_of_a_step_change_it_and_those_after_it_alone():
    made, known = decoder(n_inputs=E), random(N, H, E, seed=2)
    other = known.clone()
    other[:, 3] += 1

    change = (decoded(made, known=known) - decoded(made, known=other)).abs().amax(dim=(0, 1))

    assert change[:3].tolist() == [0, 0, 0]
    assert bool((change[3:] > 0).all())


def test_each_step_reads_the_answer_before():
    made, plan, features = decoder(), random(N, C, H, seed=1), random(N, D)
    answers = decoded(made, plan=plan, features=features)

    # fed by hand: what was planned and answered is the value before
    before, state, by_hand = torch.zeros(N, C), made._first_state(features), []
    for step in range(H):
        read = torch.cat([before, plan[..., step]], dim=1).unsqueeze(1)
        states, state = made.layer(read, state)
        by_hand.append(made.answer(states[:, 0]))
        before = (plan[..., step] + by_hand[-1]).clamp(-10, 10)

    torch.testing.assert_close(answers, torch.stack(by_hand, dim=2))


def rows_that_read(made, truth):
    other = truth.clone()
    other[..., 0] += 1
    made._draws = None  # the same draws twice
    first = decoded(made, truth=truth)
    made._draws = None
    return ((first - decoded(made, truth=other)).abs().amax(dim=(1, 2)) > 0).tolist()


def test_teachers_force_all_none_or_some():
    truth = random(N, C, H, seed=3)

    assert rows_that_read(decoder(1.0), truth) == [True] * N
    assert rows_that_read(decoder(0.0), truth) == [False] * N
    assert 0 < sum(rows_that_read(decoder(0.5), truth)) < N


def test_the_true_last_step_is_not_read():
    made, truth = decoder(1.0), random(N, C, H, seed=3)
    other = truth.clone()
    other[..., -1] += 1

    assert torch.equal(decoded(made, truth=truth), decoded(made, truth=other))
    assert not torch.equal(decoded(made, truth=truth), decoded(made))


def test_draws_leave_the_global_generator_alone():
    before = torch.get_rng_state()

    decoded(decoder(0.5), truth=random(N, C, H))

    assert torch.equal(before, torch.get_rng_state())
