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
        n, steps, _ = given[0].shape
        states = torch.empty((n * task.gives_states, steps, task.hidden), **_FLOATS)
        has_memory = plan.cell.has_memory and lengths is None
        last = [torch.empty((n, task.hidden), **_FLOATS) for _ in range(1 + has_memory)]
        addresses = {
            name: tensor.data_ptr()
            for name, tensor in zip(
                (*_INPUTS[: len(given)], "states", *_LAST), (*given, states, *last), strict=False
            )
        }
        plan.forward(steps, None if lengths is None else lengths.numpy(), **addresses)
        if task.learns:
            ctx.lease, ctx.steps, ctx.shapes = lease, steps, [t.shape for t in tensors]
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
        task, needs = ctx.lease.plan.task, ctx.needs_input_grad
        of_states, of_last, of_memory = (*gradients, None)[:3]
        if not task.gives_states:
            of_states = None
        known = {"d_states": of_states, "d_last_state": of_last, "d_last_memory": of_memory}
        kept = {name: g.contiguous() for name, g in known.items() if g is not None}
        wanted = Wanted(
            of_states is not None, of_last is not None, of_memory is not None, needs[2],
            any(needs[7:]),
        )  # fmt: skip
        # kernels write gradients of all weights, of the others those that are wanted
        written = (wanted.for_x, True, True, True, True, wanted.for_state, wanted.for_state)
        made = [
            torch.empty(shape, **_FLOATS) if is_written else None
            for shape, is_written in zip(ctx.shapes, written, strict=False)
        ]
        addresses = {name: gradient.data_ptr() for name, gradient in kept.items()}
        for name, gradient in zip(_GRADIENTS, made, strict=False):
            if gradient is not None:
                addresses[name] = gradient.data_ptr()
        with ctx.lock:  # threads may go back through one graph at the same time
            ctx.lease.plan.backward(ctx.steps, wanted, **addresses)
        used = (g if need else None for g, need in zip(made, needs[2:], strict=True))
        return (None, None, *used)


#: What kernels write, whatever torch's defaults are.
_FLOATS: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}
_INPUTS = ("x", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "first_state", "first_memory")
_GRADIENTS = tuple(f"d_{name}" for name in _INPUTS)
_LAST = ("last_state", "last_memory")
