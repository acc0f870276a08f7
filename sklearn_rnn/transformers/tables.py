"""Sequences of any form as one table of steps, and back into the form they came in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import _check_feature_names

from sklearn_rnn.exceptions import SequenceShapeError
from sklearn_rnn.sequences import Sequences, is_list_of_sequences

__all__ = [
    "Table",
    "check_names",
    "gathered",
    "holds_sequences",
    "table_of_groups",
    "table_of_rows",
    "table_of_sequences",
    "table_of_values",
]


@dataclass(frozen=True)
class Table:
    """The steps of N sequences, one sequence below the other.

    Attributes
    ----------
    rows : ndarray of shape (S, F)
        The steps, often a view of the user's array. Not to be written to.
    lengths : ndarray of shape (N,), int64
        Rows of each sequence.
    rebuild : callable
        Turns as many rows, changed, into what the sequences came as.
    keys : Index or None
        Names of the sequences, if they are those of a MultiIndex.
    """

    rows: NDArray[np.floating]
    lengths: NDArray[np.int64]
    rebuild: Callable[[NDArray], Any]
    keys: pd.Index | None = None


def holds_sequences(X: Any) -> bool:
    """Tell whether X is a list of sequences or an array (N, T, F), rather than rows."""
    if hasattr(X, "iloc"):
        return False
    if is_list_of_sequences(X):
        return True
    try:
        return (X if hasattr(X, "ndim") else np.asarray(X)).ndim == 3
    except ValueError:  # nested lists of unequal lengths somewhere, as their reader will explain
        return True


def check_names(estimator: Any, X: Any, reset: bool) -> None:
    """Learn the columns of the data frames in a list, or compare all of them with those of fit."""
    frames = [] if hasattr(X, "ndim") and X.ndim != 1 else [x for x in X if hasattr(x, "columns")]
    columns = {tuple(frame.columns) for frame in frames}
    if len(columns) > 1:
        raise SequenceShapeError(
            f"{type(estimator).__name__}: data frames in a list must have the same columns in the "
            f"same order; got {len(columns)} sets of columns in {len(frames)} frames. Select them: "
            f"x[columns]."
        )
    if frames or reset:
        _check_feature_names(estimator, frames[0] if frames else X, reset=reset)


def gathered(sequences: Sequences) -> NDArray[np.floating]:
    """Return the steps of all sequences below each other; a view if they lie so already."""
    ends = np.cumsum(sequences.lengths)
    if len(sequences.steps) == ends[-1] and (sequences.starts == ends - sequences.lengths).all():
        return sequences.steps
    shift = sequences.starts - (ends - sequences.lengths)
    return sequences.steps[np.arange(ends[-1]) + np.repeat(shift, sequences.lengths)]


def table_of_sequences(X: Any, sequences: Sequences) -> Table:
    """Return the table of `X`, which was read as `sequences`."""
    lengths = sequences.lengths
    ends = np.cumsum(lengths)

    def rebuild(rows: NDArray) -> Any:
        if isinstance(X, Sequences):
            return Sequences(rows, ends - lengths, lengths)
        if is_list_of_sequences(X):
            return _split(X, rows, lengths)
        return rows.reshape(len(lengths), -1, rows.shape[1])

    return Table(gathered(sequences), lengths, rebuild)


def table_of_rows(X: Any, rows: NDArray) -> Table:
    """Return the table of a single block of rows, which `X` was read as."""
    in_frame = hasattr(X, "iloc")
    return Table(
        rows, np.array([len(rows)]), lambda changed: _like(X, changed) if in_frame else changed
    )


def table_of_groups(X: Any, rows: NDArray) -> Table:
    """Return the table of data with a MultiIndex; its series need not lie one after the other.

    Each row of X may be several of the table.
    """
    levels = list(range(X.index.nlevels - 1))
    groups = X.groupby(level=levels if len(levels) > 1 else 0, sort=False, dropna=False)
    group = np.repeat(groups.ngroup().to_numpy(), len(rows) // len(X))
    order = np.argsort(group, kind="stable")

    def rebuild(changed: NDArray) -> Any:
        in_place = np.empty_like(changed)
        in_place[order] = changed
        return _like(X, in_place)

    keys = X.index.droplevel(-1).unique()
    return Table(rows[order], np.bincount(group), rebuild, keys)


def table_of_values(X: Any, width: int | None) -> Table:
    """Return the table of numbers with any number of axes, the first of which are sequences.

    Parameters
    ----------
    X : Sequences, list of array-like, Series, DataFrame or ndarray
        Read already, if it is not a list of sequences.
    width : int or None
        F, the length of the last axis; None makes every number a row of its own.

    Returns
    -------
    Table
        Of rows (S, F), or (S, 1).
    """
    per_row = 1 if width is None else width
    if isinstance(X, Sequences):
        return table_of_sequences(X, X)
    if is_list_of_sequences(X):
        parts = [np.asarray(x, dtype=np.float64).reshape(-1, per_row) for x in X]
        lengths = np.array([len(part) for part in parts])
        rows = np.concatenate(parts)
        return Table(rows, lengths, lambda changed: _split(X, changed, lengths))
    rows = np.asarray(X, dtype=np.float64).reshape(-1, per_row)
    if hasattr(X, "iloc") and isinstance(X.index, pd.MultiIndex):
        return table_of_groups(X, rows)
    lengths = np.full(len(X), len(rows) // len(X))
    return Table(rows, lengths, lambda changed: _like(X, changed))


def _split(X: Any, rows: NDArray, lengths: NDArray) -> list[Any]:
    """Return rows as a list, each item in the form of that of X."""
    ends = np.cumsum(lengths)
    return [
        _like(x, rows[end - length : end]) for x, end, length in zip(X, ends, lengths, strict=True)
    ]


def _like(X: Any, rows: NDArray) -> Any:
    """Return rows in the shape of X, with its index and columns if it has them."""
    if hasattr(X, "columns"):
        return pd.DataFrame(rows.reshape(X.shape), X.index, X.columns)
    if hasattr(X, "iloc"):
        return pd.Series(rows.reshape(-1), X.index, name=X.name)
    return rows.reshape(np.shape(X))
