"""What native code wants to know of a language model; nothing here brings llvmlite."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from sklearn_rnn.kernels.native.plans import Layer

__all__ = ["TokenNetwork"]


class TokenNetwork(NamedTuple):
    """Vectors of tokens, layers from the input upwards, and a linear map to the next token.

    Parameters
    ----------
    vectors : Tensor of shape (V, E)
        Of each token.
    layers : tuple of Layer
        The recurrent layers.
    drops : tuple of bool
        For each layer, whether some of what it says to the next one, or to the answer, is dropped.
    head : tuple of two Tensors
        Weights (V, H) and bias (V,) of the answer to each state of the last layer.
    """

    vectors: Tensor
    layers: tuple[Layer, ...]
    drops: tuple[bool, ...]
    head: tuple[Tensor, Tensor]

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, in the order of native steps."""
        return [self.vectors, *(w for layer in self.layers for w in layer.weights), *self.head]
