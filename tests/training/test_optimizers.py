"""Our leaner steps move parameters exactly as torch's do."""

import copy

import pytest
import torch

from sklearn_rnn.training.optimizers import LeanAdam, LeanAdamW

OPTIONS = [{}, {"weight_decay": 0.1}, {"amsgrad": True}, {"betas": (0.5, 0.9), "maximize": True}]


def train(optimizer_class, options, steps=5, half_way=None):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 4, generator=generator), torch.randn(30, 1, generator=generator)
    weights = [torch.randn(4, 8, generator=generator), torch.randn(8, 1, generator=generator)]
    weights = [w.requires_grad_() for w in weights]
    optimizer = optimizer_class(weights, lr=0.05, fused=True, **options)
    for step in range(steps):
        optimizer.zero_grad()
        (x @ weights[0] @ weights[1] - y).square().mean().backward()
        optimizer.step()
        if half_way is not None and step == 2:
            half_way(optimizer)
    return [w.detach() for w in weights], optimizer


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("ours", "theirs"), [(LeanAdam, torch.optim.Adam), (LeanAdamW, torch.optim.AdamW)]
)
def test_a_lean_step_is_torchs_step(ours, theirs, options):
    weights, optimizer = train(ours, options)
    expected, reference = train(theirs, options)

    torch.testing.assert_close(weights, expected, rtol=0, atol=0)
    for mine, its in zip(optimizer.state.values(), reference.state.values(), strict=True):
        assert mine["step"] == its["step"]
        torch.testing.assert_close(mine["exp_avg_sq"], its["exp_avg_sq"], rtol=0, atol=0)


def test_a_state_that_is_loaded_is_used():
    def reload(optimizer):
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))

    expected, _ = train(LeanAdam, {})

    weights, _ = train(LeanAdam, {}, half_way=reload)

    torch.testing.assert_close(weights, expected, rtol=0, atol=0)


def test_parameters_without_a_gradient_are_counted_apart_as_by_torch():
    def steps(optimizer_class):
        weights = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)]
        optimizer = optimizer_class(weights, lr=0.1, fused=True)
        for batch in range(6):
            optimizer.zero_grad()
            (weights[0].sum() + (weights[1].sum() if batch % 3 else 0)).backward()
            optimizer.step()
        return [state["step"].item() for state in optimizer.state.values()], weights

    (ours, mine), (theirs, its) = steps(LeanAdam), steps(torch.optim.Adam)

    assert ours == theirs == [6, 4]
    torch.testing.assert_close(mine, its, rtol=0, atol=0)


def test_a_state_saved_by_ours_is_good_for_torch():
    _, optimizer = train(LeanAdam, {})
    parameters = [torch.zeros(4, 8, requires_grad=True), torch.zeros(8, 1, requires_grad=True)]
    theirs = torch.optim.Adam(parameters, fused=True)
    theirs.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)

    theirs.step()

    assert [state["step"].item() for state in theirs.state.values()] == [6, 6]


def test_hooks_of_the_step_are_called():
    weight = torch.ones(2, requires_grad=True)
    optimizer, called = LeanAdam([weight], lr=0.1, fused=True), []
    optimizer.register_step_post_hook(lambda *_: called.append(1))
    for _ in range(3):
        weight.grad = torch.ones(2)
        optimizer.step()

    assert len(called) == 3
