"""What users say of every step: targets, labels and weights, as one table of steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from sklearn_rnn.estimators.step_layout import StepSequences
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.sequences import is_list_of_sequences

__all__ = ["StepValues", "as_step_values", "flat_steps", "step_weights", "values_of_steps"]


class StepValues(NamedTuple):
    """Values of the steps of N sequences, one sequence after another.

    Attributes
    ----------
    values : ndarray of shape (S,) or (S, O)
        Of all steps.
    lengths : ndarray of shape (N,), int64
        How many steps each sequence has.
    """

    values: NDArray
    lengths: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int]:
        """(N,), by which scikit-learn compares it with X."""
        return (len(self.lengths),)


def as_step_values(y: Any, *, name: str, what: str = "y") -> StepValues:
    """Return what was given for every step, or say why that cannot be done.

    Parameters
    ----------
    y : array-like of shape (N, T) or (N, T, O), or list of arrays of shape (T_i,) or (T_i, O)
        Of any dtype.
    name, what : str
        Who asks, and for what; they open every error message.

    Returns
    -------
    StepValues
        All steps, those of padding included.

    Raises
    ------
    TargetError
        If `y` has no axis of steps, or its items have unequal axes.
    """
    if hasattr(y, "__array__") and not hasattr(y, "ndim"):
        y = np.asarray(y)
    if getattr(y, "ndim", 1) > 1:
        values = np.asarray(y)
        if values.ndim > 3:
            raise _shape_error(name, what, f"shape {values.shape}")
        n, steps = values.shape[:2]
        return StepValues(values.reshape(n * steps, *values.shape[2:]), np.full(n, steps))
    if getattr(y, "ndim", 1) == 0 or not hasattr(y, "__len__"):
        raise _shape_error(name, what, type(y).__name__)
    try:
        items = [np.asarray(item) for item in y]
    except ValueError as error:
        raise _shape_error(name, what, "a nested list of unequal lengths for a step") from error
    if any(item.ndim == 0 for item in items):
        raise _shape_error(name, what, f"one value for each of {len(items)} sequences")
    shapes = list(dict.fromkeys(item.shape[1:] for item in items))
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        found = " and ".join(map(str, shapes[:2]))
        raise _shape_error(name, what, f"values of shape {found} for a step")
    values = np.concatenate(items) if items else np.empty(0)
    return StepValues(values, np.array([len(item) for item in items], dtype=np.int64))


def _shape_error(name: str, what: str, found: str) -> TargetError:
    shape = "(N, T) or (N, T, O), or be a list of arrays of shape (T_i,) or (T_i, O)"
    hint = "RNNRegressor and RNNClassifier answer once for each sequence."
    if what == "sample_weight":
        shape = "(N, T), or be a list of arrays of shape (T_i,)"
        hint = "Or give one for each sequence, shape (N,)."
    return TargetError(
        f"{name}: {what} must have a value for every step, shape {shape}; got {found}. {hint}"
    )


def values_of_steps(given: StepValues, sequences: StepSequences, *, name: str, what: str = "y"):
    """Return the values (S, ...) at the steps of sequences, without those of padding.

    Parameters
    ----------
    given : StepValues
        Of all steps of X.
    sequences : StepSequences
        X.
    name, what : str
        Who asks, and for what.

    Returns
    -------
    ndarray of shape (S,) or (S, O)
        One row for each step of `sequences`.

    Raises
    ------
    TargetError
        If a sequence has another number of steps.
    """
    wrong = np.flatnonzero(given.lengths != sequences.totals)
    if len(wrong):
        first = wrong[0]
        raise TargetError(
            f"{name}: {what} must have as many steps as X has for each sequence; got others for "
            f"{len(wrong)} of {len(sequences)} sequences, the first of them number {first}: "
            f"{given.lengths[first]} in {what}, {sequences.totals[first]} in X. Padding of an "
            f"array belongs to its steps."
        )
    return given.values[sequences.places]


def step_weights(
    sample_weight: Any, sequences: StepSequences, *, name: str
) -> NDArray[np.float64] | None:
    """Return how much each step counts, from weights of sequences or of steps.

    Parameters
    ----------
    sample_weight : array-like of shape (N,) or (N, T), list of arrays of shape (T_i,), or None
        At least 0. What it says of padding is not read.
    sequences : StepSequences
        X.
    name : str
        Who asks.

    Returns
    -------
    ndarray of shape (S,), float64, or None
        One for each step of `sequences`; None if all count alike.
    """
    if sample_weight is None:
        return None
    if _is_of_sequences(sample_weight):
        weights = _check_sample_weight(
            sample_weight, sequences.starts, dtype=np.float64, ensure_non_negative=True
        )
        return np.repeat(weights, sequences.lengths)
    given = as_step_values(sample_weight, name=name, what="sample_weight")
    if given.values.ndim != 1:
        raise _shape_error(name, "sample_weight", f"{given.values.shape[1]} for each step")
    if given.shape != sequences.shape:
        raise TargetError(
            f"{name}: sample_weight must be for the {len(sequences)} sequences of X; got "
            f"{len(given.lengths)}. Give one array for each."
        )
    values = values_of_steps(given, sequences, name=name, what="sample_weight")
    return _check_sample_weight(
        values, np.empty(len(values)), dtype=np.float64, ensure_non_negative=True
    )


def _is_of_sequences(sample_weight: Any) -> bool:
    """Tell whether there is one weight for each sequence, rather than for each step."""
    return not is_list_of_sequences(sample_weight) and np.asarray(sample_weight).ndim < 2


def flat_steps(y: ArrayLike, *others: ArrayLike) -> Any:
    """Return the steps of all sequences in one array, for metrics that know no sequences.

    Several arguments are kept side by side: steps at which one of them is NaN in every output, as
    answers are in the padding, are left out of all.

    Parameters
    ----------
    y : array-like of shape (N, T) or (N, T, O), or list of arrays of shape (T_i,) or (T_i, O)
        Targets, answers or weights.
    *others : array-like or list of arrays
        More of these, for the same steps.

    Returns
    -------
    ndarray of shape (S,) or (S, O), or list of these
        A list if there are others.

    Raises
    ------
    TargetError
        If they are not for the same steps.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import f1_score
    >>> from sklearn_rnn import flat_steps
    >>> y = [np.array([0, 1, 1]), np.array([1, 0])]
    >>> answers = [np.array([0, 1, 0]), np.array([1, 0])]
    >>> flat_steps(y)
    array([0, 1, 1, 1, 0])
    >>> round(f1_score(*flat_steps(y, answers)), 3)
    0.8
    """
    first, *rest = [
        as_step_values(v, name="flat_steps", what="each argument") for v in (y, *others)
    ]
    if not rest:
        return first.values
    for other in rest:
        if not np.array_equal(other.lengths, first.lengths):
            raise TargetError(
                f"flat_steps: all must have the same steps; got {len(first.values)} in "
                f"{len(first.lengths)} sequences beside {len(other.values)} in "
                f"{len(other.lengths)}. Labels are answered without padding: give X as a list of "
                f"sequences that have none."
            )
    is_held = np.ones(len(first.values), dtype=bool)
    for one in (first, *rest):
        if one.values.dtype.kind == "f":
            is_held &= ~np.isnan(one.values.reshape(len(one.values), -1)).all(axis=1)
    return [one.values[is_held] for one in (first, *rest)]
