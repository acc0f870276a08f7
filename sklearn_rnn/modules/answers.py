"""What a cell of the user's answers, looked at before the network reads it.

A wrong shape would otherwise be met much later, in a product of matrices that says nothing of it.
"""

from typing import Any

from torch import Tensor, nn

from sklearn_rnn.exceptions import CellError

__all__ = ["FirstAnswer", "check_step"]


def check_step(name: str, after: Any, before: tuple[Tensor, ...], size: tuple[int, int]) -> None:
    """Refuse what is not the state after a step.

    Parameters
    ----------
    name : str
        Of the cell; opens the message.
    after : object
        What `step` has returned.
    before : tuple of Tensor
        The state it was given.
    size : pair of int
        N and H, the shape of a hidden state.

    Raises
    ------
    CellError
        If `after` is no tuple of as many tensors, or its first one has another shape.
    """
    is_state = isinstance(after, (tuple, list)) and len(after) == len(before)
    if is_state and getattr(after[0], "shape", None) == size:
        return
    tensors = "1 tensor" if len(before) == 1 else f"{len(before)} tensors"
    raise CellError(
        f"{name}: step must return the state after it, a tuple of {tensors} as in initial_state, "
        f"the hidden state (N, H) first, here {size}; got {_described(after)}. For example, end "
        f"with `return (h,)`, or extend initial_state."
    )


class FirstAnswer:
    """A hook on a layer: checks the first thing that it answers, and takes itself off.

    Parameters
    ----------
    layer : Module
        Of the user's.
    hidden_size : int
        H.
    """

    def __init__(self, layer: nn.Module, hidden_size: int) -> None:
        self.hidden_size = hidden_size
        self.handle = layer.register_forward_hook(self)

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], answer: Any) -> None:
        """Refuse what is not all hidden states (N, T, H) beside the last state."""
        self.handle.remove()
        n, steps, _ = inputs[0].shape
        size = (n, self.hidden_size)
        states, state = answer if _is_pair(answer) else (None, None)
        last = next(iter(state), None) if isinstance(state, (tuple, list, Tensor)) else None
        shapes = (getattr(states, "shape", None), getattr(last, "shape", None))
        if shapes != ((n, steps, self.hidden_size), size):
            raise CellError(
                f"{type(layer).__name__}: forward must return all hidden states (N, T, H), here "
                f"{(n, steps, self.hidden_size)}, and the last state, a tuple of tensors, the "
                f"first (N, H), here {size}; got {_described(answer)}. Derive the class from "
                f"RecurrentCell, whose forward does so with what its step says."
            )


def _is_pair(answer: Any) -> bool:
    return isinstance(answer, (tuple, list)) and len(answer) == 2


def _described(answer: Any) -> str:
    """Describe an answer by types and shapes: 'a Tensor of shape (3, 2)'."""
    if isinstance(answer, Tensor):
        return f"a Tensor of shape {tuple(answer.shape)}"
    if isinstance(answer, (tuple, list)):
        return f"a {type(answer).__name__} of ({', '.join(_described(part) for part in answer)})"
    return "None" if answer is None else f"a {type(answer).__name__}"
