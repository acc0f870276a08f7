"""Small numbers are zero inside, and what they were before outside."""

import threading

import pytest
import torch

from sklearn_rnn.training.denormals import flushed_denormals


def are_flushed():
    """Ask torch: half of its smallest full number."""
    half = torch.tensor(torch.finfo(torch.float32).tiny) * torch.tensor(0.5)
    return half.item() == 0


@pytest.fixture(autouse=True)
def supported():
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


def test_small_numbers_are_zero_inside_only():
    assert not are_flushed()
    with flushed_denormals():
        assert are_flushed()
    assert not are_flushed()


def test_a_user_who_flushes_them_still_does_afterwards():
    torch.set_flush_denormal(True)

    with flushed_denormals():
        assert are_flushed()

    assert are_flushed()


def test_an_inner_call_leaves_the_outer_one_as_it_is():
    with flushed_denormals():
        with flushed_denormals():
            assert are_flushed()
        assert are_flushed()
    assert not are_flushed()


def test_an_error_restores_them_too():
    with pytest.raises(KeyError), flushed_denormals():
        raise KeyError

    assert not are_flushed()


def test_other_threads_keep_theirs():
    inside, done, seen = threading.Event(), threading.Event(), []

    def other():
        inside.wait(60)
        seen.append(are_flushed())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with flushed_denormals():
        inside.set()
        done.wait(60)
    thread.join(60)

    assert seen == [False]


def test_a_processor_that_cannot_is_left_alone(monkeypatch):
    calls = []

    def unsupported(mode):
        calls.append(mode)
        return False

    monkeypatch.setattr(torch, "set_flush_denormal", unsupported)

    with flushed_denormals():
        assert not are_flushed()

    assert calls == [True]


def test_gradients_that_vanish_end_as_zero():
    """Backpropagation through a chain of factors runs in the calling thread, and is covered."""
    x = torch.tensor(1.0, requires_grad=True)
    with flushed_denormals():
        chain = x
        for _ in range(130):
            chain = chain * 0.5 + 1.0
        chain.backward()

    assert x.grad.item() == 0
