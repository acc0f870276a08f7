"""A network that reads a sequence into a vector, and writes it again."""

import pytest
import torch

from sklearn_rnn.exceptions import StateError
from sklearn_rnn.modules.features import SequenceAutoencoder, SequenceDecoder


def network(**options):
    return SequenceAutoencoder(2, **{"hidden_sizes": (5,), "cell": "gru", **options}).double()


def ragged(lengths):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(len(lengths), max(lengths), 2, dtype=torch.float64, generator=generator)
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    return x, torch.tensor(lengths)


@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "hidden_sizes": (4, 3), "pooling": ("last", "max")}]
)
def test_a_batch_of_unequal_lengths_is_written_like_its_rows(options):
    model = network(**options)
    x, lengths = ragged([7, 3, 1, 5])

    written = model(x, lengths)

    for row, length in enumerate(lengths):
        torch.testing.assert_close(written[row, :length], model(x[row : row + 1, :length])[0])


def test_the_last_step_is_written_first():
    options = {"hidden_size": 3, "cell": "gru", "nonlinearity": "tanh", "backend": "torch"}
    decoder = SequenceDecoder(4, 2, generator=torch.Generator().manual_seed(0), **options)
    code = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))

    long, short = decoder(code, 6), decoder(code, 6, torch.tensor([6, 2]))

    torch.testing.assert_close(decoder(code, 4), long[:, 2:])  # what comes before is not known yet
    torch.testing.assert_close(short[0], long[0])
    torch.testing.assert_close(short[1, :2], long[1, 4:])


def test_nothing_but_the_vector_reaches_what_is_written():
    model = network()
    x, _ = ragged([6, 6])
    code = model.encode(x)

    torch.testing.assert_close(model.decoder(code, 6), model(x))
    assert code.shape == (2, 5)


def test_tokens_become_a_logit_for_each():
    model = network(n_tokens=7, embedding_size=3)

    assert model(torch.zeros(2, 4, 1, dtype=torch.int64)).shape == (2, 4, 7)


def test_a_mask_is_read_but_not_written():
    model = network(missing="mask")
    x, _ = ragged([6, 6])
    x[0, 2] = torch.nan

    written = model(x)

    assert model.recurrent.forwards[0].input_size == 4
    assert written.shape == x.shape
    assert written.isfinite().all()


def test_dropout_and_noise_stop_after_training():
    model = network(dropout=0.5, input_noise=0.5)
    x, _ = ragged([6, 6])

    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


def test_reading_goes_on_from_a_state():
    model = network(cell="lstm", hidden_sizes=(4, 3))
    x, lengths = ragged([7, 4])
    first = torch.tensor([3, 2])

    _, state = model.encode_and_state(x[:, :3], first)
    rest = torch.stack([x[0, 3:], torch.nn.functional.pad(x[1, 2:4], (0, 0, 0, 2))])
    code, _ = model.encode_and_state(rest, lengths - first, state)

    torch.testing.assert_close(code, model.encode(x, lengths))
    with pytest.raises(StateError, match="Fit with bidirectional=False"):
        network(bidirectional=True).encode_and_state(x)
