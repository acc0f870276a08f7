"""Native layers among torch's machinery: what kernels cannot read goes through torch, unharmed."""

import gc

import numpy as np
import pytest
import torch

pytest.importorskip("llvmlite")

from sklearn_rnn import RNNRegressor
from sklearn_rnn.exceptions import NativeKernelError
from sklearn_rnn.kernels.native import autograd
from sklearn_rnn.kernels.native.plans import Lease, PlanPool
from sklearn_rnn.modules.network import SequenceNetwork

X = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 10, 2)).astype("f4"))
STATE = torch.zeros(4, 5)


def network(**options):
    """Return a small network with native layers."""
    return SequenceNetwork(2, 1, hidden_sizes=[5], backend="native", **options).eval()


@pytest.mark.parametrize(
    ("x", "state", "message"),
    [
        (torch.zeros(4, 10, 50), None, "input.size"),
        (X, (STATE[:1], STATE[:1]), "hidden"),
        (X, (STATE[:, :2], STATE[:, :2]), "hidden"),
        (X, (STATE.double(), STATE.double()), "type"),
    ],
    ids=["features", "rows", "hidden size", "dtype"],
)
def test_torch_tells_what_is_wrong_with_inputs(x, state, message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        network().recurrent.forwards[0](x, state)


def test_torch_tells_that_weights_are_elsewhere():
    with pytest.raises(RuntimeError, match="device"):
        network().to("meta")(X)


@pytest.mark.parametrize("wrong", [11, -3, 10**9])
def test_lengths_beyond_the_batch_are_an_error(wrong):
    with pytest.raises(IndexError, match="Lengths must lie between 0 and the 10 steps"):
        network()(X, torch.tensor([1, 10, wrong, 2]))


@pytest.mark.filterwarnings("ignore")  # of tracing, about itself
def test_what_torch_follows_is_torch_s(monkeypatch, tmp_path):
    net = network()
    expected = net(X)
    monkeypatch.setattr(autograd._Layer, "forward", None)  # is not called

    traced = torch.jit.trace(net, X, check_trace=False)
    traced.save(str(tmp_path / "net.pt"))
    exported = torch.export.export(net, (X,)).module()
    parameters = dict(net.named_parameters())
    gradients = torch.func.grad(lambda p: torch.func.functional_call(net, p, (X,)).square().sum())(
        parameters
    )

    np.testing.assert_allclose(traced(X).detach(), expected.detach(), atol=1e-6)
    np.testing.assert_allclose(exported(X).detach(), expected.detach(), atol=1e-6)
    monkeypatch.undo()
    net(X).square().sum().backward()
    for name, parameter in parameters.items():
        np.testing.assert_allclose(gradients[name].detach(), parameter.grad, atol=1e-5)


def test_a_lease_may_end_while_its_pool_is_at_work():
    pool = PlanPool()
    with pool._lock:  # as when garbage is collected in the midst of `take`
        lease = Lease(pool, "a plan")
        del lease
        gc.collect()

    assert not pool._plans


def test_a_fitted_network_keeps_no_memory_of_batches():
    x = np.random.default_rng(0).normal(size=(40, 9))
    model = RNNRegressor(
        hidden_size=4, max_epochs=2, pooling="mean", backend="native", random_state=0
    ).fit(x, x[:, 0])

    assert not model.module_.recurrent.forwards[0].plans._plans


def test_other_instructions_for_the_way_back_are_refused_and_the_next_batch_takes_them(monkeypatch):
    net = network()
    expected = net(X)
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "plain")
    with pytest.raises(NativeKernelError, match="SKLEARN_RNN_NATIVE was changed"):
        expected.sum().backward()

    again = net(X)
    again.sum().backward()

    np.testing.assert_allclose(again.detach(), expected.detach(), atol=1e-6)
    assert all(p.grad.isfinite().all() for p in net.parameters())
