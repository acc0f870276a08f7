"""Our kernels are the recurrences that torch computes, and have the gradients of their formulas."""

import pytest
import torch

from sklearn_rnn.modules.cells import CELLS

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
KINDS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", None), ("lstm", None)]


def pair(cell, nonlinearity, dtype, features=3, hidden=5):
    """Torch's layer and ours, with the same weights."""
    options = {"nonlinearity": nonlinearity} if nonlinearity else {}
    theirs = CELLS[cell]["torch"](features, hidden, **options)
    ours = CELLS[cell]["reference"](features, hidden, **options)
    generator = torch.Generator().manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    ours.load_state_dict(theirs.state_dict())
    return theirs.to(dtype), ours.to(dtype)


def draw(*shape, dtype=torch.float64, seed=1):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_sequence_and_its_gradients_equal_torch(cell, nonlinearity, dtype):
    theirs, ours = pair(cell, nonlinearity, dtype)
    x = draw(4, 7, 3, dtype=dtype)
    weights = draw(4, 7, 5, dtype=dtype, seed=2)
    results = []
    for layer in (theirs, ours):
        inputs = x.clone().requires_grad_()
        states, last = layer(inputs)
        (states * weights).sum().backward()
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        results.append((states.detach(), last, inputs.grad, gradients))

    torch.testing.assert_close(
        results[1], results[0], rtol=TOLERANCE[dtype], atol=10 * TOLERANCE[dtype]
    )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_states_equal_torch_to_the_digit_promised(cell, nonlinearity, dtype):
    theirs, ours = pair(cell, nonlinearity, dtype)
    x = draw(4, 20, 3, dtype=dtype)

    difference = (ours(x)[0] - theirs(x)[0]).abs().max()

    assert difference < TOLERANCE[dtype]


@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_gradients_are_those_of_the_formula(cell, nonlinearity):
    _, ours = pair(cell, nonlinearity, torch.float64, features=2, hidden=3)
    x = draw(2, 4, 2).requires_grad_()
    parameters = [p.detach().clone().requires_grad_() for p in ours.parameters()]
    names = [name for name, _ in ours.named_parameters()]

    def states(x, *parameters):
        return torch.func.functional_call(ours, dict(zip(names, parameters, strict=True)), (x,))[0]

    assert torch.autograd.gradcheck(states, (x, *parameters))


@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_a_sequence_read_in_two_parts_ends_in_the_same_state(cell, nonlinearity, backend):
    layer = dict(zip(("torch", "reference"), pair(cell, nonlinearity, torch.float64), strict=True))
    x = draw(4, 9, 3)

    _, middle = layer[backend](x[:, :4])
    _, end = layer[backend](x[:, 4:], middle)

    torch.testing.assert_close(end, layer[backend](x)[1])
