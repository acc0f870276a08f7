"""Layers of torch, and the same by native kernels: one layer, one direction, batch first."""

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sklearn_rnn.kernels.native.autograd import run_layer
from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.kernels.native.plans import Layer, PlanPool
from sklearn_rnn.kernels.scan import State
from sklearn_rnn.modules.lengths import last_step

__all__ = [
    "WEIGHTS",
    "NativeGRU",
    "NativeLSTM",
    "NativeLayer",
    "NativeRNN",
    "TorchGRU",
    "TorchLSTM",
    "TorchRNN",
    "native_layers",
]

#: Parameters of one layer of torch, in the order in which our kernels take them.
WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

#: Sequences of so many steps are not worth a call of the native kernels.
FEW_STEPS = 2


class _OneLayer:
    """Mixed into a class of torch: batch first, with the state as a tuple of (N, H)."""

    forget_gate: ClassVar[int | None] = None

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(input_size, hidden_size, batch_first=True, **options)  # type: ignore[call-arg]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map x (N, T, F) to all hidden states (N, T, H) and the last state."""
        before: Any = None
        if state is not None:
            parts = tuple(part.unsqueeze(0) for part in state)
            before = parts if len(parts) > 1 else parts[0]
        states, last = super().forward(x, before)  # type: ignore[misc]
        last = last if isinstance(last, tuple) else (last,)
        return states, tuple(part.squeeze(0) for part in last)


class TorchRNN(_OneLayer, nn.RNN):  # type: ignore[misc]
    """Elman network of torch."""


class TorchGRU(_OneLayer, nn.GRU):  # type: ignore[misc]
    """Gated recurrent unit of torch."""


class TorchLSTM(_OneLayer, nn.LSTM):  # type: ignore[misc]
    """Long short-term memory of torch."""

    forget_gate = 1


class NativeLayer:
    """Mixed into a layer of torch: the same by machine code of ours, where it can be.

    It can for float32 on a CPU. Anything else, and sequences of a step or two, for which a call
    costs more than what is computed, goes through torch.
    """

    native_cell: ClassVar[str]

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.plans = PlanPool()

    def is_native_for(self, x: Tensor, state: State | None = None) -> bool:
        """Tell whether native kernels read x (N, T, F) from a state on.

        They do not look at what they are given; torch tells what is wrong with the rest.
        """
        sizes = (self.input_size, self.hidden_size)  # type: ignore[attr-defined]
        return (
            x.ndim == 3
            and x.shape[1] > FEW_STEPS
            and x.shape[0] > 0
            and x.shape[2] == sizes[0]
            and _is_readable(x)
            and _is_readable(self.weight_hh_l0)  # type: ignore[attr-defined]
            and all(_is_readable(p) and p.shape == (x.shape[0], sizes[1]) for p in state or ())
            and self.is_usable()
            and not _is_followed()
        )

    @staticmethod
    def is_usable() -> bool:
        """Tell whether native kernels run here: the layer may have been made elsewhere."""
        return why_unavailable() is None

    def as_layer(self) -> Layer:
        """Return what kernels want to know of it."""
        return Layer(self.native_cell, tuple(getattr(self, name) for name in WEIGHTS))

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        gives_states: bool = True,
    ) -> tuple[Tensor | None, State]:
        """Map x (N, T, F) to all hidden states (N, T, H), if wanted, and the last state.

        With lengths (N,) the last state is that of each sequence at its own end.
        """
        if self.is_native_for(x, state):
            return run_layer(self.plans, *self.as_layer(), x, state, lengths, gives_states)
        states, last = super().forward(x, state)  # type: ignore[misc]
        return states, last if lengths is None else (last_step(states, lengths),)


def native_layers(layers: Iterable[nn.Module]) -> tuple[Layer, ...] | None:
    """Return layers as native kernels know them; None if there is more to one of them."""
    known = []
    for layer in layers:
        # a layer derived from ours may do something else
        if not isinstance(layer, NativeLayer) or type(layer).forward is not NativeLayer.forward:
            return None
        if not layer.is_usable():
            return None
        known.append(layer.as_layer())
    return tuple(known)


def _is_readable(tensor: Tensor) -> bool:
    return tensor.dtype is torch.float32 and tensor.is_cpu


def _is_followed() -> bool:
    """Tell whether torch follows what is computed: to export or to compile it, or by torch.func."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


class NativeRNN(NativeLayer, TorchRNN):  # type: ignore[misc]
    """Elman network by native kernels."""

    @property
    def native_cell(self) -> str:  # type: ignore[override]
        """The name that kernels have for it."""
        return f"rnn_{self.nonlinearity}"


class NativeGRU(NativeLayer, TorchGRU):  # type: ignore[misc]
    """Gated recurrent unit by native kernels."""

    native_cell = "gru"


class NativeLSTM(NativeLayer, TorchLSTM):  # type: ignore[misc]
    """Long short-term memory by native kernels."""

    native_cell = "lstm"
