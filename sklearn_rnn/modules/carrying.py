"""What a cell of the user's carries, looked at before a network is trained that relies on it."""

import inspect
from typing import Any

from torch import Tensor, nn

from sklearn_rnn.exceptions import CellError

__all__ = ["found_instead", "refuse_other_parts", "refuse_stateless", "takes_state"]


def takes_state(layer: nn.Module) -> bool:
    """Tell whether a layer's forward takes a state beside the sequences."""
    try:
        inspect.signature(layer.forward).bind(None, None)
    except TypeError:
        return False
    return True


def found_instead(state: Any, n: int, only_vectors: bool = False) -> str | None:
    """Say what a state of n sequences is, if it cannot be divided among them; else None.

    It can if it is a tuple of tensors with a row for each, of vectors (n, H) of real numbers with
    `only_vectors`.
    """
    if not isinstance(state, (tuple, list)):
        return f"a {type(state).__name__}"
    if all(_is_part(part, n, only_vectors) for part in state):
        return None
    return f"a tuple of shapes {[tuple(getattr(part, 'shape', ())) for part in state]}"


def refuse_stateless(who: str, layer: nn.Module) -> None:
    """Refuse a layer that cannot begin from a state.

    Parameters
    ----------
    who : str
        Who asks, and what for; opens the message.
    layer : Module
        Of the user's.

    Raises
    ------
    CellError
        If its forward takes nothing beside the sequences.
    """
    if not takes_state(layer):
        raise CellError(
            f"{who} needs a cell that begins from a state; got cell={type(layer).__name__}, whose "
            f"forward takes x alone. Give it a second argument, the state, or derive it from "
            f"RecurrentCell, which has it."
        )


def refuse_other_parts(
    who: str, layer: nn.Module, state: Any, n: int, only_vectors: bool = False
) -> None:
    """Refuse a state that cannot be divided among sequences.

    Parameters
    ----------
    who : str
        Who asks, and what for; opens the message.
    layer : Module
        Of the user's.
    state : object
        What it has returned as the state of n sequences.
    n : int
        At least 2.
    only_vectors : bool, default=False
        Whether each part must be of vectors, (N, H), of real numbers.

    Raises
    ------
    CellError
        If it is no tuple of tensors with one row for each sequence.
    """
    found = found_instead(state, n, only_vectors)
    if found is None:
        return
    wanted = "real vectors (N, H)" if only_vectors else "one row for each sequence"
    raise CellError(
        f"{who} needs a cell whose state is a tuple of tensors with {wanted}; got "
        f"cell={type(layer).__name__}, whose state of {n} sequences is {found}. Let the cell "
        f"return such a state."
    )


def _is_part(part: Any, n: int, only_vectors: bool) -> bool:
    if not isinstance(part, Tensor) or part.shape[:1] != (n,):
        return False
    return not only_vectors or (part.ndim == 2 and part.is_floating_point())
