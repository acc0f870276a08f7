"""A layer as a function of torch tensors, with gradients: the native kernels for any network."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from sklearn_rnn.exceptions import NativeKernelError
from sklearn_rnn.kernels.native.plans import Lease, PlanPool, Task, Wanted
from sklearn_rnn.kernels.native.threads import worthwhile_threads

__all__ = ["run_layer"]


def run_layer(
    pool: PlanPool,
    cell: str,
    weights: tuple[Tensor, ...],
    x: Tensor,
    state: tuple[Tensor, ...] | None = None,
    lengths: Tensor | None = None,
    gives_states: bool = True,
) -> tuple[Tensor | None, tuple[Tensor, ...]]:
    """Read a batch.

    Parameters
    ----------
    pool : PlanPool
        Of the layer.
    cell : str
        A key of `sklearn_rnn.kernels.native.cells.CELLS`.
    weights : tuple of four Tensors
        ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``, as torch has them.
    x : Tensor of shape (N, T, F), float32
        The sequences, right-padded.
    state : tuple of Tensors of shape (N, H), optional
        The state before the first step; zeros without it.
    lengths : Tensor of shape (N,), int64, optional
        Of each sequence, where not all have T steps.
    gives_states : bool, default=True
        Whether all states are wanted.

    Returns
    -------
    states : Tensor of shape (N, T, H) or None
        The hidden state after every step.
    last : tuple of Tensors of shape (N, H)
        The state after the last step, or of each sequence after its own (then no memory).
    """
    hidden = weights[1].shape[1]
    first = state or ()
    tensors = (x, *weights, *first)
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    task = Task(
        cell, len(x), _capacity(x.shape[1]), x.shape[2], hidden, learns, gives_states,
        lengths is not None, state is not None,
        worthwhile_threads(
            torch.get_num_threads(), len(x), x.shape[1], sum(w.numel() for w in weights)
        ),
    )  # fmt: skip
    answers = _Layer.apply(pool.take(task), lengths, x, *weights, *first)
    return (answers[0] if gives_states else None), answers[1:]


def _capacity(steps: int) -> int:
    """Return steps, rounded up so that few plans serve many lengths."""
    unit = 1 << max(0, steps.bit_length() - 3)
    return -(-steps // unit) * unit


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, lease: Lease, lengths: Tensor | None, *tensors: Tensor) -> Any:
        plan, task = lease.plan, lease.plan.task
        given = [t if t.is_contiguous() else t.contiguous() for t in tensors]
        x, hidden = given[0], task.hidden
        n, steps, _ = x.shape
        last = [x.new_empty(n, hidden)]
        if plan.cell.has_memory and lengths is None:
            last.append(x.new_empty(n, hidden))
        addresses = {name: t.data_ptr() for name, t in zip(_INPUTS, given, strict=False)}
        addresses.update((name, t.data_ptr()) for name, t in zip(_LAST, last, strict=False))
        states = None
        if task.gives_states:
            states = x.new_empty(n, steps, hidden)
            addresses["states"] = states.data_ptr()
        plan.forward(steps, None if lengths is None else lengths.numpy(), **addresses)
        if task.learns:
            ctx.lease, ctx.steps, ctx.shapes = lease, steps, [t.shape for t in given]
            ctx.lock = threading.Lock()
            ctx.set_materialize_grads(False)
        return (states, *last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            raise NativeKernelError(
                "The native kernels give first derivatives only; a derivative of a gradient was "
                "asked for (create_graph=True). Use backend='torch'."
            )
        plan, needs = ctx.lease.plan, ctx.needs_input_grad
        of_states, of_last, of_memory = (*gradients, None)[:3]
        known = {"d_states": of_states, "d_last_state": of_last, "d_last_memory": of_memory}
        kept = {name: g.contiguous() for name, g in known.items() if g is not None}
        if not kept:  # what was made of the answers passes nothing on
            return (None,) * len(needs)
        addresses = {name: gradient.data_ptr() for name, gradient in kept.items()}
        wanted = Wanted(
            of_states is not None, of_last is not None, of_memory is not None, needs[2],
            any(needs[7:]),
        )  # fmt: skip
        # kernels write gradients of all weights, of the others those that are wanted
        written = (wanted.for_x, True, True, True, True, wanted.for_state, wanted.for_state)
        like = next(iter(kept.values()))
        made: list[Tensor | None] = []
        for name, shape, is_written in zip(_GRADIENTS, ctx.shapes, written, strict=False):
            gradient = like.new_empty(shape) if is_written else None
            made.append(gradient)
            if gradient is not None:
                addresses[name] = gradient.data_ptr()
        with ctx.lock:  # threads may go back through one graph at the same time
            plan.backward(ctx.steps, wanted, **addresses)
        used = [g if need else None for g, need in zip(made, needs[2:], strict=True)]
        return (None, None, *used)


_INPUTS = ("x", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "first_state", "first_memory")
_GRADIENTS = tuple(f"d_{name}" for name in _INPUTS)
_LAST = ("last_state", "last_memory")
