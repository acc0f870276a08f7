"""Cells: one recurrent layer in one direction, by torch's implementation or by our kernels.

A layer maps x (N, T, F) and an optional state to the hidden states (N, T, H) and the last state, a
tuple of tensors (N, H) whose first entry is the hidden state. Layers of one cell share torch's
parameter names, whoever computes them, so that their weights can be exchanged.
"""

import inspect
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.exceptions import CellError, NativeKernelError
from sklearn_rnn.kernels.elman import elman_sequence
from sklearn_rnn.kernels.gru import gru_sequence
from sklearn_rnn.kernels.lstm import lstm_sequence
from sklearn_rnn.kernels.native.compilation import why_unavailable
from sklearn_rnn.kernels.scan import State, scan
from sklearn_rnn.modules.answers import FirstAnswer, check_step
from sklearn_rnn.modules.initialization import empty, initialize_recurrent, seeded_construction
from sklearn_rnn.modules.layers import (
    WEIGHTS,
    NativeGRU,
    NativeLSTM,
    NativeRNN,
    TorchGRU,
    TorchLSTM,
    TorchRNN,
)
from sklearn_rnn.modules.noise import draw_seed

__all__ = ["CELLS", "RecurrentCell", "build_layer", "refuse_cell"]


class RecurrentCell(nn.Module):
    """A recurrent layer that is told what happens in one time step.

    Subclass it to bring a cell of your own: create parameters in ``__init__``, write `step`, and
    hand the class to an estimator as ``cell=``.

    Parameters
    ----------
    input_size : int
        Features F of one time step.
    hidden_size : int
        Size H of the hidden state.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.modules.cells import RecurrentCell
    >>> class RunningMean(RecurrentCell):
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__(input_size, hidden_size)
    ...         self.read = torch.nn.Linear(input_size, hidden_size)
    ...
    ...     def step(self, x, state):
    ...         (h,) = state
    ...         return (0.9 * h + 0.1 * self.read(x),)
    >>> states, last = RunningMean(2, 3)(torch.zeros(4, 5, 2))
    >>> states.shape
    torch.Size([4, 5, 3])
    """

    #: Position of the forget gate among the gates of a cell that has one.
    forget_gate: ClassVar[int | None] = None

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size

    def initial_state(self, x: Tensor) -> State:
        """Return the state before the first step: zeros, unless you say otherwise.

        Parameters
        ----------
        x : Tensor of shape (N, T, F)
            What will be read.

        Returns
        -------
        tuple of one Tensor of shape (N, H)
            With the dtype and device of x.
        """
        return (x.new_zeros(len(x), self.hidden_size),)

    def step(self, x: Tensor, state: State) -> State:
        """Answer the state after reading one time step.

        Parameters
        ----------
        x : Tensor of shape (N, F)
            The step.
        state : tuple of Tensor
            The state before; its first entry is the hidden state (N, H).

        Returns
        -------
        tuple of Tensor
            The state after, in the same form.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step(x, state)`.")

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Apply `step` to all time steps.

        Parameters
        ----------
        x : Tensor of shape (N, T, F)
            Sequences.
        state : tuple of Tensor, optional
            The state before the first step.

        Returns
        -------
        states : Tensor of shape (N, T, H)
            The hidden state after every step.
        state : tuple of Tensor
            The state after the last step.

        Raises
        ------
        CellError
            If `step` answers something else than a state.
        """
        return scan(self._checked_step, x, self.initial_state(x) if state is None else state)

    def _checked_step(self, x: Tensor, state: State) -> State:
        after = self.step(x, state)
        check_step(type(self).__name__, after, state, (len(x), self.hidden_size))
        return after


class ReferenceLayer(RecurrentCell):
    """A layer that follows a kernel of ours: slow, readable, exact in any dtype."""

    gates: ClassVar[int]
    sequence: ClassVar[Any]

    def __init__(self, input_size, hidden_size, *, nonlinearity=None, device=None) -> None:
        super().__init__(input_size, hidden_size)
        self.options = {} if nonlinearity is None else {"nonlinearity": nonlinearity}
        rows = self.gates * hidden_size
        shapes = ((rows, input_size), (rows, hidden_size), (rows,), (rows,))
        for name, shape in zip(WEIGHTS, shapes, strict=True):
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device)))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map x (N, T, F) to all hidden states (N, T, H) and the last state."""
        state = self.initial_state(x) if state is None else state
        return type(self).sequence(x, state, *self.parameters(), **self.options)


class ReferenceRNN(ReferenceLayer):
    """Elman network; see `sklearn_rnn.kernels.elman`."""

    gates, sequence = 1, staticmethod(elman_sequence)


class ReferenceGRU(ReferenceLayer):
    """Gated recurrent unit; see `sklearn_rnn.kernels.gru`."""

    gates, sequence = 3, staticmethod(gru_sequence)


class ReferenceLSTM(ReferenceLayer):
    """Long short-term memory; see `sklearn_rnn.kernels.lstm`."""

    gates, sequence, forget_gate = 4, staticmethod(lstm_sequence), 1

    def initial_state(self, x: Tensor) -> State:
        """Return hidden state and memory before the first step: zeros (N, H)."""
        return (*super().initial_state(x), x.new_zeros(len(x), self.hidden_size))


def build_layer(
    cell: str | type[nn.Module],
    input_size: int,
    hidden_size: int,
    *,
    backend: str,
    nonlinearity: str,
    generator: Generator,
) -> nn.Module:
    """Return one layer of the cell, its weights drawn from `generator`.

    Parameters
    ----------
    cell : str or class
        A key of CELLS, torch's class of the same name, or a class of the user's that takes
        ``(input_size, hidden_size)`` and maps x (N, T, F) to states (N, T, H) and the last state,
        a tuple of tensors (N, H).
    input_size, hidden_size : int
        F and H.
    backend : {"auto", "native", "torch", "reference"}
        Who computes; "auto" takes native kernels where they can be used, else torch's.
    nonlinearity : {"tanh", "relu"}
        For the cell "rnn".
    generator : Generator
        The only source of randomness for cells of ours.

    Returns
    -------
    Module
        One layer, one direction.

    Raises
    ------
    CellError
        If `cell` builds no layer; when the layer is first called, if it answers something else.
    """
    cell = _NAMES.get(cell, cell)
    if not isinstance(cell, str):
        # a class of the user's draws from torch's global generator
        seed = draw_seed(generator)
        with seeded_construction(seed):
            layer = cell(input_size, hidden_size)
        _refuse_kind(type(layer), f"build_layer: cell={_name(cell)}")
        FirstAnswer(layer, hidden_size)
        return layer
    layer_class: Any = _implementation(cell, backend)
    options = {"nonlinearity": nonlinearity} if cell == "rnn" else {}
    layer = empty(layer_class, input_size, hidden_size, **options)
    initialize_recurrent(layer, hidden_size, generator, layer_class.forget_gate)
    return layer


def _implementation(cell: str, backend: str) -> type[nn.Module]:
    """Return the class that computes a cell."""
    made_by = CELLS[cell]
    why_not = why_unavailable() if backend in ("auto", "native") else None
    if backend == "native" and why_not is not None:
        raise NativeKernelError(
            f"build_layer: backend='native' needs machine code made at run time, but {why_not}. "
            f"Install sklearn-rnn[fast], or use backend='auto', which falls back on torch."
        )
    if backend == "native" and backend not in made_by:
        raise NativeKernelError(
            f"build_layer: there is no native kernel for cell={cell!r}. Use backend='auto'."
        )
    usable = [name for name in made_by if name != "native" or why_not is None]
    return made_by[backend if backend in usable else usable[0]]


def refuse_cell(name: str, cell: Any) -> None:
    """Refuse a cell that cannot be built, or that is none, before anything is done with it.

    Parameters
    ----------
    name : str
        Who asks; opens the message.
    cell : object
        What a user gave: nothing is refused that `build_layer` takes.

    Raises
    ------
    CellError
        If it is an instance instead of a class, or a class that is no recurrent layer.
    """
    if isinstance(cell, str) or cell in _NAMES:
        return
    who = f"{name}: cell={_name(cell)}"
    if isinstance(cell, nn.Module):
        raise CellError(
            f"{name}: cell must be one of {sorted(CELLS)}, or a class, of which every layer builds "
            f"its own; got an instance of {type(cell).__name__}. Give the class, "
            f"cell={type(cell).__name__}, or a whole network as module=."
        )
    if inspect.isclass(cell):
        _refuse_kind(cell, who)
    try:
        inspect.signature(cell).bind(1, 1)
    except TypeError as error:
        raise CellError(
            f"{who} must be built from (input_size, hidden_size), two numbers; got a constructor "
            f"with other arguments: {error}. Take these two, and give others defaults."
        ) from error


def _refuse_kind(layer_class: type, who: str) -> None:
    """Refuse a class that cannot be a recurrent layer."""
    if layer_class in _STEPS:
        raise CellError(
            f"{who} must read whole sequences (N, T, F); got torch's {layer_class.__name__}, which "
            f"reads single steps. Use cell={_STEPS[layer_class]!r}, or call it in the step of a "
            f"RecurrentCell."
        )
    if not issubclass(layer_class, nn.Module):
        raise CellError(
            f"{who} must be a class of layers, torch.nn.Module; got {layer_class.__name__}. Derive "
            f"it from RecurrentCell."
        )
    methods = ("step", "forward")
    if all(getattr(layer_class, m, None) is getattr(RecurrentCell, m) for m in methods):
        raise CellError(
            f"{who} must define what happens in one time step; got a class without it. "
            f"Define `step(self, x, state)`, which returns the state after it."
        )


def _name(cell: Any) -> str:
    return getattr(cell, "__name__", None) or type(cell).__name__


#: Names of torch's own classes, for users who hand over the class.
_NAMES: dict[Any, str] = {nn.RNN: "rnn", nn.GRU: "gru", nn.LSTM: "lstm"}

#: Those of torch that read one step, often taken for the others.
_STEPS: dict[Any, str] = {nn.RNNCell: "rnn", nn.GRUCell: "gru", nn.LSTMCell: "lstm"}

#: A new cell: write its kernel, a ReferenceLayer above, and a row here: every estimator offers it.
#: The first implementation named that can be used here is what ``backend="auto"`` takes.
CELLS: dict[str, dict[str, type[nn.Module]]] = {
    "rnn": {"native": NativeRNN, "torch": TorchRNN, "reference": ReferenceRNN},
    "lstm": {"native": NativeLSTM, "torch": TorchLSTM, "reference": ReferenceLSTM},
    "gru": {"native": NativeGRU, "torch": TorchGRU, "reference": ReferenceGRU},
}
