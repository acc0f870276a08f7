"""Recurrent layers on top of one another, in one direction or both."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.exceptions import StateError
from sklearn_rnn.kernels.native.plans import Layer
from sklearn_rnn.kernels.scan import StackState, State
from sklearn_rnn.modules.carrying import found_instead, takes_state
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.layers import NativeLayer, native_layers
from sklearn_rnn.modules.lengths import last_step, reverse
from sklearn_rnn.modules.noise import Dropout, draw_seed

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
        self.dropout = Dropout(dropout, seed=draw_seed(generator))
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
        return None if self.backwards or self.dropout.p > 0 else native_layers(self.forwards)

    def why_no_state(self) -> str | None:
        """Say why reading cannot stop here and go on later; None if it can."""
        if self.backwards:
            return (
                "a state can be carried on only by layers that read forwards; got "
                "bidirectional=True, whose other half begins at the end of each sequence. Fit with "
                "bidirectional=False."
            )
        for layer in self.forwards:
            if not takes_state(layer):
                return (
                    f"a state can be carried on only by cells that begin from one; got "
                    f"cell={type(layer).__name__}, whose forward takes x alone. Give it a second "
                    f"argument, the state, or derive it from RecurrentCell, which has it."
                )
        return None

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        gives_states: bool = True,
        initial: StackState | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Return the last layer's states (N, T, D), and each direction's final one (N, D).

        If nobody wants the states, they may be None. Layers that read forwards only may begin
        from an initial state of each.
        """
        if initial is not None:
            self._refuse_states()
        states: Any = x
        for depth, forwards in enumerate(self.forwards):
            if depth:
                x = self.dropout(x)
            wanted = gives_states or depth + 1 < len(self.forwards)
            before = None if initial is None else initial[depth]
            states, last = _read(forwards, x, lengths, wanted, before)
            if self.backwards:
                back, first = _read(self.backwards[depth], reverse(x, lengths), lengths, wanted)
                last = torch.cat([last, first], dim=1)
                if wanted:
                    states = torch.cat([states, reverse(back, lengths)], dim=2)
            x = states
        return states, last

    def read_on(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        gives_states: bool = True,
        initial: StackState | None = None,
    ) -> tuple[Tensor | None, Tensor, StackState]:
        """Return what `forward` does, and what each layer carries at the end of each sequence.

        Handed back as `initial` with the steps that follow, it goes on as if there had been no
        break.
        """
        self._refuse_states()
        states: Any = x
        ends: list[State] = []
        for depth, layer in enumerate(self.forwards):
            if depth:
                states = self.dropout(states)
            wanted = gives_states or depth + 1 < len(self.forwards)
            before = None if initial is None else initial[depth]
            states, end = _read_to_ends(layer, states, lengths, wanted, before)
            ends.append(end)
        return states, ends[-1][0], tuple(ends)

    def _refuse_states(self) -> None:
        why_not = self.why_no_state()
        if why_not is not None:
            raise StateError(f"RecurrentStack: {why_not}")


def _read(
    layer: nn.Module,
    x: Tensor,
    lengths: Tensor | None,
    gives_states: bool,
    before: State | None = None,
) -> tuple[Any, Tensor]:
    """Return the states of one layer, if wanted, and the last of each sequence."""
    states, state = _call(layer, x, lengths, gives_states, before)
    if lengths is None or isinstance(layer, NativeLayer):
        # without padding the layer's own last state spares cutting it out of all states
        return states, state[0]
    return states, last_step(states, lengths)


def _read_to_ends(
    layer: nn.Module,
    x: Tensor,
    lengths: Tensor | None,
    gives_states: bool,
    before: State | None,
) -> tuple[Any, State]:
    """Return the states of one layer, if wanted, and the whole state at each sequence's own end.

    A layer says what it carries at the end of a batch only. So it reads up to where the shortest
    end, then on to the next, all sequences at a time: what it makes of padding is never kept.
    """
    if lengths is None:
        states, end = _call(layer, x, None, gives_states, before)
        _refuse_other_state(layer, end, len(x))
        return states, end
    ends = lengths.unique().tolist()
    states, state = _call(layer, x[:, : ends[0]], None, True, before)
    _refuse_other_state(layer, state, len(x))
    parts, kept, start = [states], state, ends[0]
    # where the hidden state is all there is, the rest is read at once: all of these are told
    for end in ends[1:] if len(state) > 1 else ends[1:][-1:]:
        states, state = _call(layer, x[:, start:end], None, True, state)
        parts.append(states)
        kept = _replaced(kept, state, lengths == end)
        start = end
    states = torch.cat(parts, dim=1)
    return states, kept if len(kept) > 1 else (last_step(states, lengths),)


def _refuse_other_state(layer: nn.Module, state: Any, n: int) -> None:
    """Refuse what cannot be divided among sequences; cells of ours never answer so."""
    found = found_instead(state, n)
    if found is not None:
        raise StateError(
            f"{type(layer).__name__}: a state is carried on only if it is a tuple of tensors with "
            f"one row for each sequence, here {n}; got {found}. Let the cell return "
            f"such a state."
        )


def _replaced(kept: State, now: State, rows: Tensor) -> State:
    """Return what is kept, with these rows (N,) as they are now."""
    return tuple(
        torch.where(rows.view(-1, *[1] * (new.ndim - 1)), new, old)
        for old, new in zip(kept, now, strict=True)
    )


def _call(
    layer: nn.Module,
    x: Tensor,
    lengths: Tensor | None,
    gives_states: bool,
    before: State | None,
) -> tuple[Any, Any]:
    if isinstance(layer, NativeLayer):
        return layer(x, before, lengths, gives_states)
    return layer(x) if before is None else layer(x, before)
