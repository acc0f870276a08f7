"""How many threads torch computes with, during a call and no longer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["torch_threads"]

_LOCK = threading.Lock()
_THREAD = threading.local()
_CALLS = 0
_USERS = 0


@contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """Let torch compute with `number` threads, then restore what the user had set.

    A Python thread that has not used torch before takes over whatever number was set last, ours
    perhaps, if estimators run in parallel threads. So what the user had is looked up by the first
    of the calls that overlap, and restored by each.

    Parameters
    ----------
    number : int or None
        Threads; None leaves everything as it is.
    """
    global _CALLS, _USERS
    if number is None:
        yield
        return
    if getattr(_THREAD, "inside", False):  # a callback predicts while a fit goes on
        outer = torch.get_num_threads()
        torch.set_num_threads(number)
        try:
            yield
        finally:
            torch.set_num_threads(outer)
        return
    with _LOCK:
        if _CALLS == 0:
            _USERS = torch.get_num_threads()
        _CALLS += 1
    try:
        _THREAD.inside = True
        torch.set_num_threads(number)
        yield
    finally:
        _THREAD.inside = False
        with _LOCK:
            _CALLS -= 1
            torch.set_num_threads(_USERS)
