"""The data model: many sequences as slices of one long table.

Whatever users hand over (an array (N, T, F) or (N, T), a view of sliding windows, a list of arrays
of unequal lengths) becomes one `Sequences` value, once, at the door: a table of steps (S, F), and
for each sequence where it starts and how long it is. Sliding windows over a series stay slices of
that series, padding is simply not part of any slice, and nothing is copied that can be viewed.

Letters: N sequences, T steps, F features, S rows of the table.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex, overload

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from sklearn_rnn.exceptions import MissingValuesError, SequenceLengthError, SequenceShapeError

__all__ = ["Sequences", "as_sequences", "is_list_of_sequences", "reading_numbers"]

FLOATS = [np.float64, np.float32]


@dataclass(frozen=True)
class Sequences:
    """Sequences of steps with the same features.

    Attributes
    ----------
    steps : ndarray of shape (S, F), float64 or float32
        Rows that sequences are slices of; often a view of the user's array. Not to be written to.
    starts : ndarray of shape (N,), int64
        First row of each sequence.
    lengths : ndarray of shape (N,), int64
        Number of steps of each sequence, at least 1.
    """

    steps: NDArray[np.floating]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        """Return N."""
        return len(self.starts)

    @property
    def shape(self) -> tuple[int]:
        """(N,), by which scikit-learn's splitters index this as they do arrays."""
        return (len(self),)

    @overload
    def __getitem__(self, i: SupportsIndex) -> NDArray[np.floating]: ...
    @overload
    def __getitem__(self, i: Any) -> Sequences: ...
    def __getitem__(self, i: Any) -> Any:
        """Return sequence `i`, a view of shape (T_i, F); of a slice or array, `Sequences`."""
        if isinstance(i, tuple) and len(i) == 2 and i[1] is Ellipsis:
            i = i[0]  # as scikit-learn asks for the rows of arrays
        if isinstance(i, slice):
            return self.take(i)
        if np.ndim(i):
            return self.take(np.asarray(i) if len(i) else np.zeros(0, dtype=np.intp))
        start = self.starts[operator.index(i)]
        return self.steps[start : start + self.lengths[i]]

    def __iter__(self) -> Iterator[NDArray[np.floating]]:
        """Go through the sequences."""
        return (self[i] for i in range(len(self)))

    @property
    def n_features(self) -> int:
        """F."""
        return self.steps.shape[1]

    def take(self, index: NDArray | slice) -> Sequences:
        """Return the sequences at `index` (integers, booleans, a slice) over the same table."""
        return replace(self, starts=self.starts[index], lengths=self.lengths[index])

    def coverage(self, weights: NDArray | None = None) -> NDArray[np.float64]:
        """Return for each row of the table how often sequences hold it, each by its weight."""
        change = np.zeros(len(self.steps) + 1)
        ones = np.ones(len(self)) if weights is None else weights
        np.add.at(change, self.starts, ones)
        np.add.at(change, self.starts + self.lengths, -ones)
        covered = np.cumsum(change[:-1])
        return np.where(covered > 1e-12 * np.max(ones, initial=1.0), covered, 0.0)


def is_list_of_sequences(X: Any) -> bool:
    """Tell whether X is a list (or object array) of sequences rather than one array.

    True if an item is an array or a data frame, or if items differ in length; a list of equally
    long lists of numbers is an array that has not been made yet.
    """
    if isinstance(X, Sequences):
        return True
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and all(hasattr(x, "__len__") for x in X)
    if not isinstance(X, (list, tuple)) or not all(hasattr(x, "__len__") for x in X):
        return False
    if any(isinstance(x, str) for x in X):
        return False
    return any(hasattr(x, "__array__") for x in X) or len({len(x) for x in X}) > 1


def as_sequences(X: Any, *, name: str, missing: str = "error", trim: bool = True) -> Sequences:
    """Return `X` as sequences, or say exactly why that cannot be done.

    Parameters
    ----------
    X : array-like of shape (N, T, F) or (N, T), list of arrays of shape (T_i, F) or (T_i,)
        Or `Sequences`, as they are. With two axes every number is a step of one feature. Real
        numbers; NaN is a missing value.
    name : str
        Who asks; opens every error message.
    missing : {"error", "mask", "ffill"}, default="error"
        Whether values may be missing inside a sequence, and whether a sequence may hold none.
    trim : bool, default=True
        Whether steps that are NaN in every feature, at the start or the end of a sequence, are
        padding, and so not part of it.

    Returns
    -------
    Sequences
        Over a view of `X` wherever axes and strides allow it.

    Raises
    ------
    SequenceShapeError
        If `X` has other axes, or its sequences have unequal numbers of features.
    SequenceLengthError
        If a sequence has no steps.
    MissingValuesError
        If a value is missing and `missing` is "error".
    ValueError
        If `X` is empty, sparse, complex, or holds infinity or something that is not a number.

    Examples
    --------
    >>> from sklearn_rnn.sequences import as_sequences
    >>> sequences = as_sequences([[1.0, 2.0], [3.0, 4.0, 5.0]], name="doctest")
    >>> sequences.lengths
    array([2, 3])
    >>> sequences[1].ravel()
    array([3., 4., 5.])
    """
    if hasattr(X, "iloc") and X.index.nlevels > 1:
        raise SequenceShapeError(
            f"{name}: X must be sequences; got the rows of {X.index.droplevel(-1).nunique()} "
            f"series in one frame with a MultiIndex. Give a list of frames: "
            f"[x.droplevel(0) for _, x in X.groupby(level=0)]."
        )
    if isinstance(X, Sequences):
        sequences = X
    elif is_list_of_sequences(X):
        sequences = _from_list(list(X), name)
    else:
        sequences = _from_array(_checked(X, name), name)
    with np.errstate(over="ignore", invalid="ignore"):  # a sum that overflows is looked at closer
        finite = np.isfinite(np.sum(sequences.steps, dtype=np.float64))
    if not finite:
        sequences = _settle_missing(sequences, name, missing, trim)
    return sequences


def _checked(X: Any, name: str) -> NDArray[np.floating]:
    """Let scikit-learn turn X into floats; whether they are finite is looked at on the table."""
    with reading_numbers(X, name):
        return check_array(
            X, dtype=FLOATS, allow_nd=True, ensure_all_finite=False, estimator=name, input_name="X"
        )


@contextmanager
def reading_numbers(X: Any, name: str) -> Iterator[None]:
    """Refuse what scikit-learn's checks would answer by printing it, before they run and after.

    Parameters
    ----------
    X : array-like
        What is about to be checked.
    name : str
        Who asks.
    """
    try:
        values = X if hasattr(X, "ndim") else np.asarray(X)
    except ValueError as error:
        raise SequenceShapeError(
            f"{name}: X must be an array, or a list of arrays of shape (n_steps, n_features); got "
            f"a nested list of unequal lengths. Give np.asarray(x) for each sequence x."
        ) from error
    if values.ndim < 2 and np.size(values) == 0:
        raise ValueError(f"{name}: X is empty; at least 1 sequence is needed. Give X some rows.")
    if values.ndim < 2:
        raise SequenceShapeError(
            f"{name}: X must have the axes (n_sequences, n_steps, n_features) or (n_sequences, "
            f"n_steps); got shape {np.shape(values)}. Reshape your data: X.reshape(1, -1) is one "
            f"sequence of one feature."
        )
    kind = getattr(getattr(values, "dtype", None), "kind", None)
    if kind in ("m", "M"):  # numpy would count them in nanoseconds
        raise ValueError(
            f"{name}: X must hold numbers; got dates or durations ({values.dtype}). Make numbers "
            f"of them in a unit that says something, or drop them."
        )
    if kind == "c":
        raise ValueError(
            f"{name}: Complex data not supported: X must hold real numbers; got {values.dtype}. "
            f"Give real and imaginary part as two features."
        )
    try:
        yield
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{name}: X must hold numbers; got text, or something else that is no number (shape "
            f"{np.shape(values)}). Encode it, as whole numbers for embedding_size perhaps."
        ) from error


def _from_array(values: NDArray[np.floating], name: str) -> Sequences:
    if values.ndim == 2:
        values = values[:, :, np.newaxis]
    if values.ndim != 3:
        raise SequenceShapeError(
            f"{name}: X must have the axes (n_sequences, n_steps, n_features); got {values.ndim} "
            f"axes, shape {values.shape}. Flatten further axes into features."
        )
    n, steps, features = values.shape
    if steps == 0 or features == 0:
        raise SequenceLengthError(
            f"{name}: every sequence needs at least one step and one feature; got X of shape "
            f"{values.shape}. Remove the empty axis."
        )
    if steps == 1 or n == 1:
        # numpy gives an axis of length 1 any stride, and calls what it belongs to contiguous
        values = np.ascontiguousarray(values).reshape(-1).reshape(n, steps, features)
    between, within, _ = values.strides
    # Rows `within` bytes apart, sequences a whole number of rows apart and without gaps: then all
    # are slices of one table in place. So is a view of sliding windows, whose sequences overlap.
    in_place = within > 0 and 0 < between <= steps * within and between % within == 0
    if not in_place:
        values = np.ascontiguousarray(values)
        between, within, _ = values.strides
    hop = between // within if n > 1 else steps
    rows = (n - 1) * hop + steps
    table = as_strided(
        values, shape=(rows, features), strides=(within, values.strides[2]), writeable=False
    )
    return Sequences(table, np.arange(n) * hop, np.full(n, steps))


def _from_list(X: list[Any], name: str) -> Sequences:
    if not X:
        raise ValueError(f"{name}: X is empty; at least 1 sequence is needed.")
    if any(np.ndim(x) == 0 for x in X if hasattr(x, "ndim")):
        raise SequenceShapeError(
            f"{name}: every sequence in a list must have shape (n_steps, n_features); got single "
            f"numbers among {len(X)} items. Give a list of arrays, or one array."
        )
    lengths = np.array([len(x) for x in X])
    if lengths.min() == 0:
        empty = np.flatnonzero(lengths == 0)
        raise SequenceLengthError(
            f"{name}: every sequence needs at least one step; {_some(empty, 'sequence')} of "
            f"{len(X)} have none. Remove them from X (and y)."
        )
    columns = {tuple(x.columns) for x in X if hasattr(x, "columns")}
    if len(columns) > 1:
        raise SequenceShapeError(
            f"{name}: data frames in a list must have the same columns in the same order; got "
            f"{len(columns)} sets of columns in {len(X)} frames. Select them: x[columns]."
        )
    parts = [np.asarray(x) for x in X]
    parts = [x[:, np.newaxis] if x.ndim == 1 else x for x in parts]
    shapes = {x.shape[1:] for x in parts}
    if len(shapes) > 1 or any(x.ndim != 2 for x in parts):
        raise SequenceShapeError(
            f"{name}: every sequence in a list must have shape (n_steps, n_features), with the "
            f"same features; got {' and '.join(str(p) for p in _first_two_shapes(parts))}. Give "
            f"each sequence the same columns."
        )
    ends = np.cumsum(lengths)
    return Sequences(_checked(np.concatenate(parts), name), ends - lengths, lengths)


def _first_two_shapes(parts: list[NDArray]) -> list[tuple[int, ...]]:
    first = parts[0].shape
    other = next((x.shape for x in parts if x.shape[1:] != first[1:]), None)
    return [first] if other is None else [first, other]


def _settle_missing(sequences: Sequences, name: str, missing: str, trim: bool) -> Sequences:
    """Refuse infinity, cut padding off, and refuse what is still missing unless it may be."""
    steps = sequences.steps
    is_nan = np.isnan(steps)
    infinite = ~(is_nan | np.isfinite(steps)).all(axis=1)
    gaps = is_nan.any(axis=1)
    held = sequences.coverage() > 0
    if (infinite & held).any():
        raise ValueError(
            f"{name}: X contains infinity in {_count(int((infinite & held).sum()), 'step')}; every "
            f"value must be finite. Replace infinite values, by NaN (with missing='mask') where "
            f"unknown."
        )
    if trim:
        sequences = _without_padding(sequences, is_nan.all(axis=1), name, missing)
    if missing == "error" and (gaps & (sequences.coverage() > 0)).any():
        count = np.concatenate([[0], np.cumsum(gaps)])
        inside = count[sequences.starts + sequences.lengths] - count[sequences.starts]
        raise MissingValuesError(
            f"{name}: X contains NaN, missing values inside "
            f"{_some(np.flatnonzero(inside), 'sequence')} of {len(sequences)}. Set missing='mask' "
            f"(the network is told what is missing) or missing='ffill', or impute them."
        )
    return sequences


def _without_padding(
    sequences: Sequences, padding: NDArray[np.bool_], name: str, missing: str
) -> Sequences:
    """Move starts and ends inwards past rows that are NaN in every feature."""
    rows = np.arange(len(padding))
    next_held = np.minimum.accumulate(np.where(padding, len(padding), rows)[::-1])[::-1]
    last_held = np.maximum.accumulate(np.where(padding, -1, rows))
    ends = sequences.starts + sequences.lengths
    starts = np.minimum(next_held[sequences.starts], ends)
    lengths = last_held[ends - 1] + 1 - starts
    nothing = lengths <= 0
    if nothing.any() and missing == "error":
        raise MissingValuesError(
            f"{name}: X contains NaN only, nothing else, in "
            f"{_some(np.flatnonzero(nothing), 'sequence')} of {len(sequences)}. Set missing='mask' "
            f"(or 'ffill') to learn and answer all the same, as behind a step that begins with "
            f"NaN, or remove such sequences from X (and y)."
        )
    # A sequence of which nothing is known keeps its last step, all of it missing.
    starts = np.where(nothing, ends - 1, starts)
    return replace(sequences, starts=starts, lengths=np.where(nothing, 1, lengths))


def _some(index: NDArray, noun: str) -> str:
    """Name up to three of the items at `index`: '2 sequences (0, 7)'."""
    shown = ", ".join(str(i) for i in index[:3]) + (", ..." if len(index) > 3 else "")
    return f"{_count(len(index), noun)} ({shown})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
