"""The loss of an autoencoder counts what is there, and nothing else."""

import numpy as np
import pytest
import torch

from sklearn_rnn.modules.features import SequenceAutoencoder
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.building import build_net
from sklearn_rnn.training.features import AutoencoderNet, codes, rewritten


def net(loss="squared_error", max_epochs=1, **options):
    network = {"n_features": 2, "hidden_sizes": [4], "cell": "gru", "seed": 0, **options}
    return build_net(
        SequenceAutoencoder,
        network,
        kind=AutoencoderNet,
        loss=loss,
        optimizer="adam",
        lr=0.01,
        lr_scheduler=None,
        gradient_clip_value=None,
        max_epochs=max_epochs,
        batch_size=3,
        shuffle=False,
        split=None,
        patience=1,
        tol=0.0,
        callbacks=None,
        seed=0,
        device="cpu",
        dtype="float64",
        verbose=0,
        routed={},
    )


def dataset(X, tokens=False, weights=None):
    sequences = as_sequences(X, name="test", missing="mask")
    ones = np.ones(sequences.n_features)
    return SequenceDataset.from_sequences(
        sequences, centre=0 * ones, scale=ones, dtype="float64", tokens=tokens, weights=weights
    )


def ragged(lengths=(5, 2, 4)):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 2)) for length in lengths]


def loss_of(trained, data):
    inputs, targets = data.batch(torch.arange(len(data)))
    with torch.no_grad():
        return trained.get_loss(trained.infer(inputs), targets, X=inputs).item()


@pytest.mark.parametrize("lengths", [(5, 2, 4), (4, 4, 4)])
def test_the_loss_is_the_mean_over_the_values_of_all_steps(lengths):
    X, trained = ragged(lengths), net()
    with torch.no_grad():
        written = [trained.module_(torch.from_numpy(x[np.newaxis]))[0].numpy() for x in X]

    loss = loss_of(trained, dataset(X))

    errors = np.concatenate([w - x for w, x in zip(written, X, strict=True)])
    assert loss == pytest.approx(np.mean(errors**2))


def test_weights_are_those_of_all_steps_of_a_sequence():
    X, trained, weights = ragged(), net(), np.array([0.5, 2.0, 0.5])
    alone = [loss_of(trained, dataset([x])) for x in X]

    loss = loss_of(trained, dataset(X, weights=weights))

    assert loss == pytest.approx(np.dot(alone, weights * [5, 2, 4]) / 11)


def test_missing_values_have_no_part():
    X, trained = ragged(), net(missing="mask")
    X[0][1] = X[1][0, 0] = np.nan
    with torch.no_grad():
        written = [trained.module_(torch.from_numpy(x[np.newaxis]))[0].numpy() for x in X]

    loss = loss_of(trained, dataset(X))

    errors = np.concatenate([w - x for w, x in zip(written, X, strict=True)])
    assert loss == pytest.approx(np.nanmean(errors**2))
    assert loss_of(trained, dataset([np.full((2, 2), np.nan)])) == 0


def test_tokens_are_told_apart():
    X = [np.array([[0.0], [2.0], [1.0]]), np.array([[1.0]])]
    trained = net("log_loss", n_tokens=3, embedding_size=2)
    with torch.no_grad():
        logits = [trained.module_(torch.tensor(x[np.newaxis], dtype=torch.int64))[0] for x in X]
    truth = torch.tensor([0, 2, 1, 1])

    loss = loss_of(trained, dataset(X, tokens=True))

    expected = torch.nn.functional.cross_entropy(torch.cat(logits), truth)
    assert loss == pytest.approx(expected.item())


def test_what_is_read_and_written_comes_in_batches_in_order():
    X = ragged(np.random.default_rng(0).integers(1, 6, size=70))
    trained = net(max_epochs=2).fit(dataset(X))

    vectors = torch.cat(list(codes(trained, dataset(X), False)))
    states = [row for batch in codes(trained, dataset(X), True) for row in batch]
    again = [row for batch in rewritten(trained, dataset(X)) for row in batch]

    assert (vectors.shape, len(states), len(again)) == ((70, 4), 70, 70)
    for x, vector, state, written in zip(X, vectors, states, again, strict=True):
        torch.testing.assert_close(state[len(x) - 1], vector)
        torch.testing.assert_close(written[: len(x)], trained.module_(torch.from_numpy(x)[None])[0])
