"""A layer as a function of torch tensors, with gradients: the native kernels for any network."""

from __future__ import annotations

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
        task = lease.plan.task
        x, *weights = (tensor.detach().contiguous() for tensor in tensors[:5])
        first = [tensor.detach().contiguous() for tensor in tensors[5:]]
        n, steps, _ = x.shape
        states = x.new_empty(n * task.gives_states, steps, task.hidden)
        has_memory = lease.plan.cell.has_memory
        last = [x.new_empty(n, task.hidden) for _ in range(1 + (has_memory and lengths is None))]
        addresses = dict(zip(_FIRST, first, strict=False))
        addresses.update(zip(_LAST, last, strict=False))
        addresses.update(zip(_WEIGHTS, weights, strict=True))
        lease.plan.forward(
            steps,
            None if lengths is None else lengths.numpy(),
            **{name: tensor.data_ptr() for name, tensor in addresses.items()},
            x=x.data_ptr(),
            states=states.data_ptr(),
        )
        if task.learns:
            ctx.lease, ctx.steps, ctx.shapes = lease, steps, [t.shape for t in tensors]
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
        x, *rest = (torch.empty(shape) for shape in ctx.shapes)
        wanted = Wanted(
            of_states is not None, of_last is not None, of_memory is not None, needs[2],
            any(needs[7:]),
        )  # fmt: skip
        made = {f"d_{name}": t for name, t in zip((*_WEIGHTS, *_FIRST), rest, strict=False)}
        made["d_x"] = x
        ctx.lease.plan.backward(
            ctx.steps, wanted, **{name: t.data_ptr() for name, t in {**kept, **made}.items()}
        )
        return (
            None,
            None,
            *(g if need else None for g, need in zip((x, *rest), needs[2:], strict=True)),
        )


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_FIRST = ("first_state", "first_memory")
_LAST = ("last_state", "last_memory")
