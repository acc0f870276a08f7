"""The network that answers every step."""

import pytest
import torch

from sklearn_rnn.modules.steps import StepNetwork

OPTIONS = [
    {},
    {"cell": "gru", "hidden_sizes": [4, 5]},
    {"bidirectional": True},
    {"missing": "mask"},
    {"output": "last_value"},
    {"output": "last_value_ratio", "missing": "ffill"},
    {"n_quantiles": 3, "output": "last_value"},
]


def network(n_features=2, n_outputs=1, **options):
    options = {"hidden_sizes": [6], "seed": 0, **options}
    return StepNetwork(n_features, n_outputs, **options).double().eval()


def ragged_batch():
    x = torch.randn(3, 8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([8, 5, 2])
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    return x, lengths


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_answers_do_not_depend_on_padding(options):
    model = network(**options)
    x, lengths = ragged_batch()

    together = model(x, lengths)

    assert together.shape[:3] == (3, 8, 1)
    for row, length in enumerate(lengths):
        alone = model(x[row : row + 1, :length])[0]
        torch.testing.assert_close(together[row, :length], alone)


@pytest.mark.parametrize("options", [o for o in OPTIONS if "bidirectional" not in o], ids=str)
def test_what_is_answered_depends_on_no_later_step_and_reading_can_go_on(options):
    model = network(**options)
    x, _ = ragged_batch()

    whole = model(x)
    first, state = model.answer_and_state(x[:, :3])
    second, _ = model.answer_and_state(x[:, 3:], initial=state)

    torch.testing.assert_close(model(x[:, :3]), whole[:, :3])
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    assert model.why_no_state() is None


def test_both_directions_have_no_state():
    assert "bidirectional=True" in network(bidirectional=True).why_no_state()


def test_changes_are_measured_from_the_value_of_each_step():
    model = network(
        output="last_value",
        missing="ffill",
        origin_columns=[1],
        origin_ratio=[2.0],
        origin_shift=[0.5],
        spread=[3.0],
    )
    plain = network(missing="ffill")
    plain.load_state_dict(model.state_dict())
    x, _ = ragged_batch()
    x[0, 2, 1] = torch.nan

    expected = 3 * plain(x) + 2 * x[..., 1:] + 0.5

    expected[0, 2] = 3 * plain(x)[0, 2] + 2 * x[0, 1, 1] + 0.5  # the value seen last
    torch.testing.assert_close(model(x), expected)


def test_tokens_are_looked_up():
    model = network(1, 4, n_tokens=3, embedding_size=2)

    answers = model(torch.tensor([[[0], [1], [2], [1]]]))

    assert answers.shape == (1, 4, 4)


def test_noise_and_dropout_are_for_training_alone():
    model = network(input_noise=0.5, dropout=0.5)
    x, _ = ragged_batch()

    torch.testing.assert_close(model(x), model(x))
    assert not torch.equal(model.train()(x), model(x))
