"""Recurrent layers on top of one another, in one direction or both."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.native.plans import Layer
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.layers import NativeLayer
from sklearn_rnn.modules.lengths import last_step, reverse
from sklearn_rnn.modules.noise import Dropout

__all__ = ["RecurrentStack"]


class RecurrentStack(nn.Module):
    """Layers of one cell: (N, T, F) becomes the states (N, T, D) and a summary (N, D).

    D is the size of the last layer, twice that with both directions. Sequences are right-padded,
    and a layer simply runs on into the padding: what it makes there is never read, which gives
    the numbers of `torch.nn.utils.rnn.pack_padded_sequence` several times faster on a CPU.

    Parameters
    ----------
    input_size : int
        Features F of one time step.
    hidden_sizes : sequence of int
        Size of each layer, from the input upwards.
    cell : str or class
        See `sklearn_rnn.modules.cells.build_layer`.
    bidirectional : bool
        Whether a second set of layers reads the sequence from its end.
    dropout : float
        Share of the values between two layers that is zeroed while training.
    backend, nonlinearity : str
        See `sklearn_rnn.modules.cells.build_layer`.
    generator : Generator
        Source of the first weights and of the dropout's seed.
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        cell: str | type[nn.Module],
        *,
        bidirectional: bool,
        dropout: float,
        backend: str,
        nonlinearity: str,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout, seed=int(torch.randint(2**31, (), generator=generator)))
        directions = 1 + bidirectional
        self.forwards, self.backwards = nn.ModuleList(), nn.ModuleList()
        for hidden_size in hidden_sizes:
            for layers in (self.forwards, self.backwards)[:directions]:
                layer = build_layer(
                    cell,
                    input_size,
                    hidden_size,
                    backend=backend,
                    nonlinearity=nonlinearity,
                    generator=generator,
                )
                layers.append(layer)
            input_size = hidden_size * directions
        self.output_size = input_size

    def as_layers(self) -> tuple[Layer, ...] | None:
        """Return the layers as native kernels know them; None if there is more to them."""
        layers = [layer for layer in self.forwards if isinstance(layer, NativeLayer)]
        # a layer derived from ours may do something else
        ours = [layer for layer in layers if type(layer).forward is NativeLayer.forward]
        native = [layer for layer in ours if layer.is_usable()]
        if len(native) < len(self.forwards) or self.backwards or self.dropout.p > 0:
            return None
        return tuple(layer.as_layer() for layer in native)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, gives_states: bool = True
    ) -> tuple[Tensor | None, Tensor]:
        """Return the last layer's states (N, T, D), and each direction's final one (N, D).

        If nobody wants the states, they may be None.
        """
        states: Any = x
        for depth, forwards in enumerate(self.forwards):
            if depth:
                x = self.dropout(x)
            wanted = gives_states or depth + 1 < len(self.forwards)
            states, last = _read(forwards, x, lengths, wanted)
            if self.backwards:
                back, first = _read(self.backwards[depth], reverse(x, lengths), lengths, wanted)
                last = torch.cat([last, first], dim=1)
                if wanted:
                    states = torch.cat([states, reverse(back, lengths)], dim=2)
            x = states
        return states, last


def _read(
    layer: nn.Module, x: Tensor, lengths: Tensor | None, gives_states: bool
) -> tuple[Any, Tensor]:
    """Return the states of one layer, if wanted, and the last of each sequence."""
    if isinstance(layer, NativeLayer):
        states, state = layer(x, None, lengths, gives_states)
        return states, state[0]
    states, state = layer(x)
    # without padding the layer's own last state spares cutting it out of all states
    return states, state[0] if lengths is None else last_step(states, lengths)
