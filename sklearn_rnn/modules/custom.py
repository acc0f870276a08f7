"""Networks that users bring themselves."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from sklearn_rnn.modules.initialization import seeded_construction

__all__ = ["build_custom"]


def build_custom(
    module: nn.Module | Callable[..., nn.Module],
    *,
    n_features: int,
    n_outputs: int,
    seed: int,
    **options: Any,
) -> nn.Module:
    """Return a network of the user's, reproducibly.

    Parameters
    ----------
    module : Module, or callable that returns one
        A module is copied, weights and all. A class is built with `options`, and with
        ``n_features`` and ``n_outputs`` if it takes them. Its ``forward(x)`` maps (N, T, F) to
        (N, O); sequences of unequal lengths come as ``forward(x, lengths)``.
    n_features, n_outputs : int
        F and O.
    seed : int
        For torch's global generator while the class is built; it is put back afterwards.
    **options
        Passed on to the class.

    Returns
    -------
    Module
        Not shared with the user's.
    """
    if isinstance(module, nn.Module):
        return copy.deepcopy(module)
    known = inspect.signature(module).parameters
    sizes = {"n_features": n_features, "n_outputs": n_outputs}
    sizes = {name: size for name, size in sizes.items() if name in known}
    with seeded_construction(seed):
        return module(**sizes, **options)
