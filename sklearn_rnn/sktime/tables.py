"""Tables of series, as networks read them, made of rows and inputs that belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import MissingValuesError
from sklearn_rnn.series import SeriesTable
from sklearn_rnn.sktime.inputs import Inputs
from sklearn_rnn.sktime.seasons import phases_of
from sklearn_rnn.sktime.series import Layout, SeriesRows, rows_at

__all__ = ["apart", "check_values", "lengthened", "table_of", "together"]


def table_of(rows: SeriesRows, inputs: Inputs | None, *, joint: bool) -> SeriesTable:
    """Make a table of rows.

    Parameters
    ----------
    rows : SeriesRows
        Series of C columns.
    inputs : Inputs or None
        Their inputs.
    joint : bool
        Whether columns stay together. Otherwise each becomes a series of its own: first the first
        column of all series, and so on. Columns share the rows of inputs.

    Returns
    -------
    SeriesTable
        Series begin with their first value.
    """
    layout, values = rows.layout, rows.values
    number = 1 if joint else values.shape[1]
    starts = (layout.starts + len(values) * np.arange(number)[:, None]).ravel()
    lengths = np.tile(layout.lengths, number)
    if number > 1:
        values = values.T.reshape(-1, 1)
    skipped = _missing_first(values, starts, lengths)
    firsts = np.tile(layout.firsts, number) + skipped
    table = SeriesTable(
        values=np.ascontiguousarray(values),
        starts=starts + skipped,
        lengths=lengths - skipped,
        phases=phases_of(layout.timeline, firsts),
    )
    if inputs is None:
        return table
    input_starts = np.tile(inputs.starts, number) + skipped
    return replace(table, inputs=inputs.values, input_starts=input_starts, columns=inputs.columns)


def together(answers: NDArray, n_columns: int, *, joint: bool) -> NDArray:
    """Return answers for a table (M, H, C, ...) as those for its rows, (N, H, C, ...)."""
    if joint or n_columns == 1:
        return answers
    parts = answers.reshape(n_columns, -1, *answers.shape[1:])[:, :, :, 0]
    return np.moveaxis(parts, 0, 2)


def apart(table: SeriesTable, steps_ahead: int = 0) -> list[SeriesTable]:
    """Return a table of its own for each series, with so many rows of inputs more than steps."""
    return [_alone(table.take(np.array([n])), steps_ahead) for n in range(len(table))]


def _alone(table: SeriesTable, steps_ahead: int) -> SeriesTable:
    """Return a table of one series without the rows of others."""
    start, length, first = table.starts[0], table.lengths[0], np.zeros(1, np.int64)
    alone = replace(table, values=table.values[start : start + length], starts=first)
    if table.inputs is None or table.input_starts is None:
        return alone
    start = table.input_starts[0]
    inputs = table.inputs[start : start + length + steps_ahead]
    return replace(alone, inputs=inputs, input_starts=first)


def lengthened(rows: SeriesRows, more: NDArray[np.int64]) -> SeriesRows:
    """Return rows with some steps of NaN, (N,), behind each series."""
    if not more.any():
        return rows
    layout = rows.layout
    lengths = layout.lengths + more
    starts = np.cumsum(lengths) - lengths
    values = np.full((int(lengths.sum()), rows.values.shape[1]), np.nan)
    values[rows_at(starts, layout.lengths)] = rows.values[rows_at(layout.starts, layout.lengths)]
    return SeriesRows(replace(layout, starts=starts, lengths=lengths), values)


def check_values(rows: SeriesRows, columns: pd.Index, name: str) -> None:
    """See that each column of each series has a value, or say which has none."""
    layout, values = rows.layout, rows.values
    for j in range(values.shape[1]):
        _, number = _first_values(values[:, j : j + 1], layout.starts, layout.lengths)
        if (number == 0).any():
            series = int((number == 0).argmax())
            more = int((number == 0).sum()) - 1
            raise MissingValuesError(
                f"{name}: each series of y must have a value; got NaN only in column "
                f"{columns[j]!r}{layout.named(series)}{f' and {more} more' if more else ''}. "
                f"{_without(layout)}"
            )


def _without(layout: Layout) -> str:
    if layout.instances is None:
        return "Drop the column."
    return "Drop these series: y.groupby(level=0).filter(lambda s: s.notna().any().all())."


def _missing_first(values: NDArray, starts: NDArray, lengths: NDArray) -> NDArray[np.int64]:
    """Return how many steps of each series come before the first that has a value."""
    if not np.isnan(values[starts]).all(axis=1).any():
        return np.zeros(len(starts), np.int64)
    return _first_values(values, starts, lengths)[0]


def _first_values(values: NDArray, starts: NDArray, lengths: NDArray) -> tuple[Any, Any]:
    """Return steps before the first value of each series, and how many values it has."""
    known = ~np.isnan(values).all(axis=1)
    number = np.append(0, np.cumsum(known))
    before, until = number[starts], number[starts + lengths]
    # the row at which the count goes beyond what it was before the series
    first = np.searchsorted(number, before, side="right") - 1
    return np.where(until > before, first - starts, 0), until - before
