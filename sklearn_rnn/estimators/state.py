"""Reading that stops and goes on later: states in and out of an estimator's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.exceptions import StateError
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.states import (
    answers_and_states,
    join_states,
    state_form,
    states_as_tensors,
)
from sklearn_rnn.training.threads import torch_threads

__all__ = ["ROWS", "CarriedState", "CheckedStates", "States", "is_of_one", "with_state"]

#: For each layer, from the input upwards, what it carries for each sequence: the hidden state
#: (N, H) first, then whatever else the cell has, as an LSTM its memory (N, H).
States = tuple[tuple[NDArray[np.floating], ...], ...]

#: What the rows of a state are, if nothing else is said.
ROWS = "one row for each sequence, in the order of X"


def with_state(answers: Any, state: States | None) -> Any:
    """Return answers, and the state beside them if there is one."""
    return answers if state is None else (answers, state)


def is_of_one(state: Any) -> bool:
    """Tell whether a state, if it is one, is that of a single sequence."""
    try:
        return len(state[0][0]) == 1
    except (TypeError, IndexError, KeyError):
        return False


class CheckedStates:
    """Mixed into an estimator that takes states, and hands them out."""

    def _checked(self, state: Any, form: Any, n: int, rows: str = ROWS) -> Any:
        """Return a state of n rows as tensors of a form, or say how it differs."""
        layers = f"{len(form)} recurrent layer{'s' * (len(form) > 1)}"
        if not isinstance(state, (tuple, list)) or len(state) != len(form):
            found = f"{len(state)}" if isinstance(state, (tuple, list)) else type(state).__name__
            raise self._state_error(f"one entry for each of {layers}; got {found}")
        checked = []
        for depth, (layer, known) in enumerate(zip(state, form, strict=True)):
            what = f"for layer {depth} a tuple of {len(known)} array{'s' * (len(known) > 1)}"
            shapes = [(n, *part.shape[1:]) for part in known]
            wanted = f"{what}, of shape {' and '.join(map(str, shapes))}"
            if not isinstance(layer, (tuple, list)):
                raise self._state_error(f"{wanted}; got {_described(layer)}")
            parts = [self._as_part(part, wanted) for part in layer]
            if [part.shape for part in parts] != shapes:
                found = " and ".join(str(part.shape) for part in parts) or "none"
                raise self._state_error(f"{wanted}, {rows}; got {found}")
            for part, like in zip(parts, known, strict=True):
                dtype = like.numpy().dtype
                if not _is_of_dtype(part, dtype):
                    raise self._state_error(
                        f"finite numbers of {dtype}; got others in layer {depth}"
                    )
            checked.append(parts)
        return states_as_tensors(checked, form)

    def _as_part(self, part: Any, wanted: str) -> NDArray:
        try:
            return np.ascontiguousarray(part)  # torch cannot read an array from its end
        except ValueError as error:
            raise self._state_error(f"{wanted}; got rows of unequal lengths") from error

    def _state_error(self, message: str) -> StateError:
        return StateError(
            f"{type(self).__name__}: initial_state must hold {message}. Give what "
            f"return_state=True has returned for what comes before."
        )

    @staticmethod
    def _as_arrays(states: Sequence[Any], wanted: bool) -> States | None:
        if not wanted:
            return None
        return tuple(tuple(part.numpy() for part in layer) for layer in join_states(list(states)))


class CarriedState(CheckedStates):
    """Mixed into a `RecurrentEstimator`: its answers may begin from a state, and return one."""

    n_threads: int | None
    net_: SequenceNet
    _answers: Any
    _dataset: Any
    _read: Any

    def _answers_from(
        self, X: ArrayLike, initial_state: States | None, return_state: bool
    ) -> tuple[NDArray[np.float64], States | None]:
        """Return what the network answers for X, and the state at each end if asked for."""
        if initial_state is None and not return_state:
            return self._answers(X), None
        dataset, before = self._ready_to_read_on(X, initial_state)
        with torch_threads(self.n_threads), flushed_denormals():
            batches = list(answers_and_states(self.net_, dataset, before, self._reader()))
        answers = np.concatenate([answers.double().numpy() for answers, _ in batches])
        return answers, self._as_arrays([state for _, state in batches], return_state)

    def _ready_to_read_on(
        self, X: ArrayLike, initial_state: States | None
    ) -> tuple[SequenceDataset, Any]:
        """Return X as a dataset, and the state to begin from as tensors, or say what is wrong."""
        check_is_fitted(self)
        self._refuse_no_state()
        dataset = self._dataset(self._read(X, first=False))
        return dataset, self._checked_state(initial_state, dataset)

    def _refuse_no_state(self) -> None:
        name, network = type(self).__name__, self.net_.module_
        why_not = getattr(network, "why_no_state", None)
        if why_not is None:
            raise StateError(
                f"{name}: a state can be carried on by our networks only; got module="
                f"{type(network).__name__}. Leave initial_state and return_state out."
            )
        reason = why_not()
        if reason is not None:
            raise StateError(f"{name}: {reason}")

    def _reader(self) -> Any:
        """Return the network's method that reads from a state on."""
        return self.net_.module_.answer_and_state

    def _checked_state(self, state: Any, dataset: SequenceDataset) -> Any:
        """Return the state to begin from as tensors; None if there is none."""
        if state is None:
            return None
        form = state_form(self.net_, dataset, self._reader())
        return self._checked(state, form, len(dataset))


def _is_of_dtype(part: NDArray, dtype: np.dtype) -> bool:
    """Tell whether all are numbers that are finite in a dtype; whole ones, if it has no others."""
    if part.dtype.kind not in "fiub":
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        as_read = part.astype(dtype)
    return bool(np.isfinite(as_read).all() if dtype.kind == "f" else (as_read == part).all())


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"an array of shape {tuple(shape)}"
