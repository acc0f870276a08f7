"""The network of language models: states, ties, dropout."""

import pytest
import torch

from sklearn_rnn.modules.language import LanguageNetwork, LockedDropout

TOKENS = torch.randint(11, (3, 10), generator=torch.Generator().manual_seed(0))


def network(**options):
    given = {"n_tokens": 11, "embedding_size": 5, "hidden_sizes": [7, 6], "seed": 0, **options}
    return LanguageNetwork(**given)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_two_halves_with_the_state_between_are_the_whole(cell, backend):
    model = network(cell=cell, backend=backend).double().eval()

    whole, last = model(TOKENS)
    first, state = model(TOKENS[:, :4])
    second, state = model(TOKENS[:, 4:], state)

    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, last)


def test_native_layers_answer_as_those_of_torch():
    native, by_torch = network(cell="lstm"), network(cell="lstm", backend="torch")

    torch.testing.assert_close(native(TOKENS)[0], by_torch(TOKENS)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gradients_of_a_window_with_a_state_are_those_of_torch(cell):
    found = {}
    for backend in ("auto", "torch"):
        model = network(cell=cell, backend=backend, tie_weights=True)
        _, state = model(TOKENS[:, :5])
        state = tuple(tuple(part.detach() for part in layer) for layer in state)
        logits, _ = model(TOKENS[:, 5:], state)
        logits.square().sum().backward()
        found[backend] = {name: p.grad for name, p in model.named_parameters()}

    torch.testing.assert_close(found["auto"], found["torch"], atol=1e-4, rtol=1e-3)


def test_answers_look_at_no_token_to_come():
    model = network().eval()
    changed = TOKENS.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % 11

    before, after = model(TOKENS)[0], model(changed)[0]

    torch.testing.assert_close(after[:, :6], before[:, :6])
    assert not torch.allclose(after[:, 6:], before[:, 6:])


@pytest.mark.parametrize(("sizes", "projected"), [([7, 5], False), ([7, 6], True)])
def test_tied_weights_are_one_parameter_and_fit_any_size(sizes, projected):
    model = network(tie_weights=True, hidden_sizes=sizes)

    assert model.weight is model.embedding.weight
    assert isinstance(model.projection, torch.nn.Linear) is projected
    assert model(TOKENS)[0].shape == (3, 10, 11)
    assert sum(p.shape == (11, 5) for p in model.parameters()) == 1


@pytest.mark.parametrize("place", ["input_dropout", "dropout", "output_dropout"])
def test_dropout_works_at_its_place_while_training_only(place):
    model = network(**{place: 0.5})

    assert not torch.equal(model(TOKENS)[0], model(TOKENS)[0])
    model.eval()
    assert torch.equal(model(TOKENS)[0], model(TOKENS)[0])


def test_dropout_is_the_same_at_all_steps_and_keeps_the_mean():
    dropout = LockedDropout(0.25, seed=0)
    x = torch.ones(400, 6, 50)

    found = dropout(x)

    assert torch.equal(found, found[:, :1].expand_as(found))
    assert not torch.equal(found[0], found[1])
    assert abs(found.mean().item() - 1) < 0.02


def test_seeds_make_the_network_and_nothing_global_does():
    before = torch.get_rng_state()

    first, again, other = network(), network(), network(seed=1)

    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(TOKENS)[0], again(TOKENS)[0])
    assert not torch.equal(first(TOKENS)[0], other(TOKENS)[0])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_texts_begin_in_the_state_behind_a_token(cell):
    model = network(cell=cell).eval()

    state = model.begin(3, 2)

    torch.testing.assert_close(state, model(torch.tensor([[3], [3]]))[1])
    vectors, _ = model.read(torch.tensor([[3], [3]]))
    assert torch.equal(state[-1][0], vectors[:, 0])  # answers are made of the hidden state alone
