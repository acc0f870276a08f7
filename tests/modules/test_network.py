"""What surrounds the recurrent layers: poolings, patches, missing values, heads, outputs."""

import pytest
import torch

from sklearn_rnn.modules.custom import build_custom
from sklearn_rnn.modules.heads import Quantiles
from sklearn_rnn.modules.inputs import MissingValues, Patches, fill_forward, window_statistics
from sklearn_rnn.modules.network import SequenceNetwork
from sklearn_rnn.modules.outputs import OUTPUTS
from sklearn_rnn.modules.pooling import POOLINGS

NAN = float("nan")


def series(*values):
    return torch.tensor(values).view(1, -1, 1)


def network(n_features=2, n_outputs=1, **options):
    options = {"hidden_sizes": [6], "seed": 0, **options}
    return SequenceNetwork(n_features, n_outputs, **options).double().eval()


def ragged_batch():
    x = torch.randn(3, 8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([8, 5, 2])
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    return x, lengths


OPTIONS = [
    *({"pooling": [name]} for name in POOLINGS),
    {"pooling": list(POOLINGS), "bidirectional": True},
    {"patch_length": 3, "bidirectional": True},
    {"window_scaling": True},
    {"missing": "mask"},
    {"output": "last_value"},
    {"output": "last_value_ratio", "window_scaling": True},
    {"n_quantiles": 3, "output": "last_value"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_answers_do_not_depend_on_padding(options):
    model = network(**options)
    x, lengths = ragged_batch()

    together = model(x, lengths)

    for row, length in enumerate(lengths):
        torch.testing.assert_close(together[row], model(x[row : row + 1, :length])[0])


def test_fill_forward_knows_the_past_only():
    filled = fill_forward(series(NAN, 1.0, NAN, NAN, 4.0, NAN))

    assert filled.flatten().tolist() == [0, 1, 1, 1, 4, 4]


def test_a_mask_tells_zero_from_missing():
    channels, _ = MissingValues("mask")(series(0.0, NAN), None)

    assert channels.tolist() == [[[0, 0], [0, 1]]]


def test_window_statistics_count_what_is_there():
    x = torch.tensor([[[1.0], [3.0], [NAN], [99.0]], [[5.0], [5.0], [5.0], [5.0]]])

    mean, deviation = window_statistics(x, torch.tensor([3, 4]))

    assert mean.flatten().tolist() == [2, 5]
    assert deviation.flatten().tolist() == [1, 1]  # a constant window is not divided by zero


def test_patches_fill_the_last_one_with_the_last_step():
    patches, lengths = Patches(3)(series(1.0, 2.0, 3.0, 4.0, 0.0), torch.tensor([4]))

    assert patches.tolist() == [[[1, 2, 3], [4, 4, 4]]]
    assert lengths.tolist() == [2]


def test_patches_keep_features_of_a_step_together():
    x = torch.arange(8.0).view(1, 4, 2)

    patches, lengths = Patches(2)(x, None)

    assert patches.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert lengths is None


def test_quantiles_never_cross():
    head = Quantiles(4, 2, torch.Generator().manual_seed(0), n_quantiles=5)
    x = 10 * torch.randn(100, 4, generator=torch.Generator().manual_seed(1))

    answers = head(x)

    assert answers.shape == (100, 2, 5)
    assert (answers.diff(dim=2) >= 0).all()


def test_last_value_answers_a_change_from_the_last_value():
    model = network(n_features=2, n_outputs=2, output="last_value", origin_columns=[0, 1],
                    origin_ratio=[1, 1], origin_shift=[0, 0], spread=[1, 1])  # fmt: skip
    torch.nn.init.zeros_(model.head.weight)
    x, lengths = ragged_batch()

    answers = model(x, lengths)

    torch.testing.assert_close(answers, torch.stack([x[i, n - 1] for i, n in enumerate(lengths)]))


def test_last_value_ratio_is_never_negative():
    f = torch.linspace(-5, 5, 11)

    answers = OUTPUTS["last_value_ratio"](f, torch.tensor(2.0), torch.tensor(1.0))

    torch.testing.assert_close(answers, ((1 + f) * 2).clamp(min=0))


def test_window_scaling_makes_answers_follow_level_and_size():
    model = network(n_features=1, window_scaling=True)
    x = torch.randn(4, 9, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(model(100 + 10 * x), 100 + 10 * model(x))


def test_last_value_skips_what_is_missing():
    model = network(n_features=1, output="last_value", missing="mask")
    torch.nn.init.zeros_(model.head.weight)

    assert model(series(1.0, 2.0, NAN).double()).item() == 2


def test_every_output_has_a_gradient_to_the_last_step_and_the_first():
    model = network(n_outputs=3, n_features=2, hidden_sizes=[6, 6])
    x, _ = ragged_batch()
    x.requires_grad_()
    for output in range(3):
        (gradient,) = torch.autograd.grad(model(x)[:, output].sum(), x)
        assert gradient[:, -1].abs().min() > 0
        assert gradient[:, 0].abs().max() > 0


def test_a_module_of_the_users_is_copied_and_a_class_is_given_sizes():
    class Flat(torch.nn.Module):
        def __init__(self, n_features, n_outputs, width=4):
            super().__init__()
            self.out = torch.nn.Linear(n_features, n_outputs)
            self.width = width

        def forward(self, x):
            return self.out(x[:, -1])

    state = torch.get_rng_state()
    one = build_custom(Flat, n_features=3, n_outputs=2, seed=1, width=7)
    two = build_custom(Flat, n_features=3, n_outputs=2, seed=1)

    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(one.out.weight, two.out.weight)
    assert one.width == 7
    copied = build_custom(one, n_features=3, n_outputs=2, seed=5)
    assert copied is not one
    assert torch.equal(copied.out.weight, one.out.weight)
