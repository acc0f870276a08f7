"""First weights, drawn from an explicit generator so that threads cannot disturb one another."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Generator, nn

__all__ = [
    "empty",
    "initialize_linear",
    "initialize_recurrent",
    "initialize_uniformly",
    "seeded_construction",
]

_CONSTRUCTION = threading.Lock()

Layer = TypeVar("Layer", bound=nn.Module)


def empty(layer_class: type[Layer], *args, **kwargs) -> Layer:
    """Build a layer of torch without drawing its weights from torch's global generator."""
    return layer_class(*args, **kwargs, device="meta").to_empty(device="cpu")


def initialize_linear(layer: nn.Linear, generator: Generator) -> nn.Linear:
    """Draw weights by Glorot and Bengio (2010); biases are zero."""
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_recurrent(
    layer: nn.Module, hidden_size: int, generator: Generator, forget_gate: int | None
) -> None:
    """Draw the weights of one recurrent layer, gate by gate.

    Recurrent weights are orthogonal (Saxe et al. 2014), so that a signal neither grows nor fades
    over many steps; input weights follow Glorot and Bengio (2010); biases are zero but for the
    forget gate, which starts open at 1 (Gers et al. 2000, Jozefowicz et al. 2015).

    Parameters
    ----------
    layer : Module
        Has torch's names: ``weight_ih...`` (gates * H, F), ``weight_hh...`` (gates * H, H), biases.
    hidden_size : int
        H.
    generator : Generator
        The only source of randomness.
    forget_gate : int or None
        Position of the forget gate among the gates, if the cell has one.
    """
    for name, parameter in layer.named_parameters():
        if name.startswith("weight"):
            draw = nn.init.orthogonal_ if "_hh" in name else nn.init.xavier_uniform_
            for gate in parameter.detach().split(hidden_size):
                draw(gate, generator=generator)
        else:
            nn.init.zeros_(parameter)
            if forget_gate is not None and "_ih" in name:
                nn.init.ones_(parameter.detach().split(hidden_size)[forget_gate])


def initialize_uniformly(layer: nn.Module, hidden_size: int, generator: Generator) -> None:
    """Draw all parameters as torch does, evenly from plus or minus ``1 / sqrt(hidden_size)``.

    That is smaller than what `initialize_recurrent` draws: a network that begins so has less to
    say at first, which suits one that only corrects another forecast.
    """
    bound = hidden_size**-0.5
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)


@contextmanager
def seeded_construction(seed: int) -> Iterator[None]:
    """Seed torch's global generator while a class of the user's is built, then put it back.

    Our own layers never need this. A lock keeps two threads from seeding at the same time.
    """
    with _CONSTRUCTION, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # and not those of GPUs
        yield
