"""One sequence at a time: recurrent layers by native kernels whose lanes are hidden units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.modules.heads import Linear
from sklearn_rnn.modules.layers import WEIGHTS, NativeLayer
from sklearn_rnn.modules.noise import InputNoise

__all__ = ["Reader", "ReaderPool"]

#: Memory for longer sequences is not kept for the next.
KEPT_STEPS = 4096


class ReaderPool:
    """Readers of a network that nobody uses at the moment; each thread takes its own.

    It copies and pickles as an empty one: what it holds is memory to work in.
    """

    def __init__(self) -> None:
        self._readers: list[Reader] = []

    def __reduce__(self) -> tuple[type, tuple]:
        return ReaderPool, ()

    def take(self, network: Any) -> Reader | None:
        """Return a reader of a `SequenceNetwork`; None if its layers have to be called."""
        try:
            reader = self._readers.pop()
        except IndexError:
            return Reader.of(network)
        return reader if reader.is_current() else Reader.of(network)

    def put(self, reader: Reader) -> None:
        """Take a reader back."""
        if reader.layers.capacity <= KEPT_STEPS:
            self._readers.append(reader)


class Reader:
    """What replaces the recurrent layers of a network, and its head if that is all there is.

    Parameters
    ----------
    network : SequenceNetwork
        All of its recurrent layers are `NativeLayer`.
    """

    def __init__(self, network: Any) -> None:
        from sklearn_rnn.kernels.native import one_sequence as native  # brings llvmlite

        self._links: list[_Link] = []
        stack = self._child(network, "recurrent")
        directions = [self._child(stack, name) for name in ("forwards", "backwards")]
        layers = []
        for depth in range(len(directions[0])):
            ways = [self._child(way, str(depth)) for way in directions if len(way)]
            cells = [way.native_cell for way in ways]
            arrays = [[self._array(way, name) for name in WEIGHTS] for way in ways]
            layers.append([native.LayerWeights(c, *a) for c, a in zip(cells, arrays, strict=True)])
        poolings = set(native.NATIVE_POOLINGS)
        self.is_whole_network = _is_layers_and_head(network) and poolings.issuperset(
            network.pooling.names
        )
        head = self._head(network, native) if self.is_whole_network else None
        self.layers = native.OneSequence(layers, head)

    @classmethod
    def of(cls, network: Any) -> Reader | None:
        """Return a reader of the network; None if it cannot have one."""
        layers = [*network.recurrent.forwards, *network.recurrent.backwards]
        if not all(isinstance(layer, NativeLayer) for layer in layers):
            return None
        weights = [layer._parameters.get(name) for layer in layers for name in WEIGHTS]
        weights += [*network.pooling.parameters(), *network.head.parameters()]
        if not all(map(_is_readable, weights)) or why_unavailable() is not None:
            return None
        return cls(network)

    def is_current(self) -> bool:
        """Tell whether the network still has the modules and tensors that this one reads.

        Numbers may have changed within them.
        """
        for held, name, value, address in self._links:
            has_moved = address and value.data_ptr() != address
            if has_moved or held.get(name) is not value:
                return False
        return True

    def __call__(self, x: Tensor, lengths: None, gives_states: bool) -> tuple[Tensor, Tensor]:
        """Do what `RecurrentStack` does, for x of shape (1, T, F)."""
        states = self.layers.read(x[0].numpy())
        last = torch.from_numpy(_last(states)).unsqueeze(0)
        return torch.from_numpy(states.reshape(1, len(states), -1)), last

    def answer(self, x: NDArray) -> NDArray[np.float32]:
        """Return the answer (O,) of the whole network for x of shape (T, F)."""
        self.layers.read(x)
        return self.layers.answer.copy()

    def _head(self, network: Any, native: Any) -> Any:
        head, pooling = self._child(network, "head"), self._child(network, "pooling")
        poolings = []
        for number, name in enumerate(pooling.names):
            part = self._child(self._child(pooling, "parts"), str(number))
            score = [self._child(part, "score")] if name == "attention" else []
            arrays = [self._array(s, parameter) for s in score for parameter in ("weight", "bias")]
            poolings.append(native.Pooled(name, *arrays))
        return native.Head(poolings, self._array(head, "weight"), self._array(head, "bias"))

    def _child(self, module: nn.Module, name: str) -> Any:
        child = module._modules[name]
        self._links.append(_Link(module._modules, name, child, 0))
        return child

    def _array(self, module: nn.Module, name: str) -> NDArray[np.float32]:
        """Return a parameter as an array in the same memory."""
        tensor: Any = module._parameters[name]
        self._links.append(_Link(module._parameters, name, tensor, tensor.data_ptr()))
        return tensor.detach().numpy()


class _Link(NamedTuple):
    """What a module holds under a name, and where in memory, if that is a tensor."""

    held: Mapping[str, Any]
    name: str
    value: Any
    address: int


def _is_readable(weight: Any) -> bool:
    return (
        isinstance(weight, Tensor)
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.is_contiguous()
    )


def _is_layers_and_head(network: Any) -> bool:
    """Tell whether an answer is a linear map of what poolings make of the states."""
    return (
        network.embedding is None
        and not network.window_scaling
        and network.output == "identity"
        and all(map(_changes_nothing, network.inputs))
        and isinstance(network.head, Linear)
    )


def _changes_nothing(change: nn.Module) -> bool:
    """Tell whether a step before the layers leaves finite numbers alone, outside of training."""
    return isinstance(change, InputNoise) or getattr(change, "how", None) == "ffill"


def _last(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the final state of each direction, joined, from states (T, D, H)."""
    if states.shape[1] == 1:
        return states[-1, 0]
    return np.concatenate((states[-1, 0], states[0, 1]))
