"""The columns of X as numbers: what they are, which rows are needed, and what fills gaps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.exceptions import InputsError
from sklearn_rnn.series import InputColumn
from sklearn_rnn.sktime.calendar import calendar_columns, calendar_values
from sklearn_rnn.sktime.series import (
    Layout,
    SeriesRows,
    check_columns,
    layout_of,
    numbers_of,
    rows_at,
)

__all__ = ["InputReader", "Inputs", "covered", "filled", "learn_inputs"]


@dataclass(frozen=True)
class InputReader:
    """What fit has learned of the columns of X.

    Parameters
    ----------
    labels : list
        Their names.
    columns : tuple of InputColumn
        What they are.
    categories : dict
        For each column of categories those that fit has seen.
    means : ndarray of shape (F,)
        Their means, 0 for categories.
    name : str
        Who asks; opens error messages.
    """

    labels: list[Any]
    columns: tuple[InputColumn, ...]
    categories: dict[Any, pd.Index]
    means: NDArray[np.float64]
    name: str

    @property
    def must_be_known(self) -> list[Any]:
        """Names of the columns of which the future is needed."""
        return [
            label
            for label, column in zip(self.labels, self.columns, strict=True)
            if column.known and not column.static
        ]

    def read(self, X: pd.DataFrame, timeline: Any, *, past: bool) -> SeriesRows:
        """Return the rows of X as numbers, categories as codes.

        Parameters
        ----------
        X : DataFrame of shape (R, F)
            Inputs. If they are those to come, columns that nobody can know may be absent.
        timeline : Timeline
            The line of the series.
        past : bool
            Whether they are those of fit or update.
        """
        needed = set(self.labels if past else self.must_be_known)
        missing = [label for label in self.labels if label in needed and label not in X.columns]
        new = [label for label in X.columns if label not in self.labels]
        if missing or new:
            lacks = [f"none for {missing}"] if missing else []
            got = " and ".join([*lacks, f"the new ones {new}"] if new else lacks)
            cure = f"X[{self.labels}]" if not missing else f"X with {missing}"
            raise InputsError(
                f"{self.name}: X must have the columns of fit, {self.labels}; got {got}. "
                f"{'Give' if missing else 'Use'} {cure}, or fit again."
            )
        layout = layout_of(X.index, self.name, timeline, "X")
        values = np.full((len(X), len(self.labels)), np.nan)
        for j, label in enumerate(self.labels):
            if label in X.columns:
                values[:, j] = self._numbers(X, label)
        values = values if layout.order is None else values[layout.order]
        self._check_static(values, layout)
        return SeriesRows(layout, values)

    def _check_static(self, values: NDArray[np.float64], layout: Layout) -> None:
        """See that columns that never change do not."""
        series = np.repeat(np.arange(len(layout)), layout.lengths)
        for j, column in enumerate(self.columns):
            if not column.static:
                continue
            own = values[:, j]
            # categories that are missing or unknown have code 0
            rows = np.flatnonzero(own > 0 if column.n_categories is not None else ~np.isnan(own))
            same = series[rows[1:]] == series[rows[:-1]]
            changes = same & (own[rows[1:]] != own[rows[:-1]])
            if changes.any():
                number = int(series[rows[1:][changes.argmax()]])
                others = len(np.unique(series[rows[1:][changes]])) - 1
                more = f", and in {others} more series" if others else ""
                raise InputsError(
                    f"{self.name}: column {self.labels[j]!r} of X is static, and must be the same "
                    f"at all steps of a series; got different values{layout.named(number)}{more}. "
                    f"Correct X, or leave the column out of static."
                )

    def _numbers(self, X: pd.DataFrame, label: Any) -> NDArray[np.float64]:
        if label not in self.categories:
            return numbers_of(X[[label]], self.name, "X")[:, 0]
        try:
            return _codes(X[label], self.categories[label]).astype(np.float64)
        except TypeError as error:
            raise _no_category(X[label], self.name) from error


def learn_inputs(
    X: pd.DataFrame,
    past_only: Sequence[Any] = (),
    static: Sequence[Any] = (),
    categorical: Sequence[Any] = (),
    name: str = "",
) -> InputReader:
    """Learn what the columns of X are.

    Parameters
    ----------
    X : DataFrame of shape (R, F)
        Inputs of fit.
    past_only, static, categorical : sequence of column names
        What is known of some.
    name : str
        Who asks; opens error messages.
    """
    check_columns(X, name, "X")
    for argument, labels in (
        ("past_only", past_only),
        ("static", static),
        ("categorical", categorical),
    ):
        unknown = [label for label in labels if label not in X.columns]
        if unknown:
            raise InputsError(
                f"{name}: {argument} must name columns of X; got {unknown}, and X has "
                f"{list(X.columns)}. Correct {argument}, or add the columns to X."
            )
    both = [label for label in X.columns if label in past_only and label in static]
    if both:
        raise InputsError(
            f"{name}: a column of X is either in past_only, as nobody knows its future, or in "
            f"static, as it never changes; got {both} in both. Leave them out of one."
        )
    categories = {
        label: _categories(X[label], name)
        for label in X.columns
        if label in categorical or _is_categorical(X[label].dtype)
    }
    columns = tuple(
        InputColumn(
            str(label),
            known=label not in past_only,
            n_categories=len(categories[label]) + 1 if label in categories else None,
            static=label in static,
        )
        for label in X.columns
    )
    means = np.zeros(len(columns))
    for j, label in enumerate(X.columns):
        if label not in categories:
            numbers = numbers_of(X[[label]], name, "X")
            means[j] = 0.0 if np.isnan(numbers).all() else np.nanmean(numbers)
    return InputReader(list(X.columns), columns, categories, means, name)


def _is_categorical(dtype: Any) -> bool:
    is_text = pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)
    return is_text or isinstance(dtype, pd.CategoricalDtype)


def _no_category(column: pd.Series, name: str) -> InputsError:
    """Say which column holds what cannot be told apart."""
    wrong = next((v for v in column if not isinstance(v, Hashable)), column.iloc[0])
    return InputsError(
        f"{name}: X must hold numbers or categories, such as text; got {wrong!r}, a "
        f"{type(wrong).__name__}, in column {column.name!r}. Give each of its entries a column of "
        f"its own, or use X.drop(columns=[{column.name!r}])."
    )


def _categories(column: pd.Series, name: str) -> pd.Index:
    """Return the different values of a column, in an order of their own where they have one."""
    try:
        seen = pd.Index(column.dropna().unique())
    except TypeError as error:
        raise _no_category(column, name) from error
    if isinstance(seen.dtype, pd.CategoricalDtype):
        seen = pd.Index(seen.to_numpy())
    try:
        return seen.sort_values()
    except TypeError:  # of several kinds
        return seen


def _codes(column: pd.Series, categories: pd.Index) -> NDArray[np.int64]:
    """Return 1, 2, ... for the categories, 0 for anything else."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        places = categories.get_indexer(pd.Index(column.cat.categories.to_numpy()))
        return np.append(places, -1)[column.cat.codes.to_numpy()] + 1
    return categories.get_indexer(pd.Index(column.to_numpy())) + 1


# -- which rows are needed -------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """Rows of inputs for a table of series.

    Parameters
    ----------
    values : ndarray of shape (R, F), float64
        Rows.
    starts : ndarray of shape (N,), int64
        Row of the first step of each series.
    columns : tuple of InputColumn
        What they are.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    columns: tuple[InputColumn, ...]


def covered(layout: Layout, inputs: Layout, name: str) -> None:
    """See that X has a row for each row of the series, or say which it lacks."""
    places = layout.places_of(inputs)
    rows = np.full(len(layout), -1)
    rows[places[places >= 0]] = np.flatnonzero(places >= 0)
    absent = rows < 0
    if absent.any():
        raise InputsError(
            f"{name}: X must have rows for every series of y; got none"
            f"{layout.named(int(absent.argmax()))}{_and_more(absent)}. Give X the index of y."
        )
    before, after = layout.firsts < inputs.firsts[rows], layout.ends > inputs.ends[rows]
    short = before | after
    if short.any():
        number = int(short.argmax())
        place = layout.firsts[number] if before[number] else inputs.ends[rows[number]] + 1
        raise InputsError(
            f"{name}: X must have a row for each row of y; got none for "
            f"{layout.stamp(int(place))}{layout.named(number)}{_and_more(short)}. Use "
            f"X.reindex(y.index): NaN in X count as the value before."
        )


def _and_more(wrong: NDArray[np.bool_]) -> str:
    number = int(wrong.sum()) - 1
    return f", nor for {number} more series" if number else ""


def filled(
    layout: Layout,
    steps_ahead: int,
    needed_until: NDArray[np.int64],
    reader: InputReader | None,
    known: Sequence[SeriesRows],
    calendar: Sequence[str],
) -> Inputs | None:
    """Lay out the rows of inputs of series, and of the steps after them, without gaps.

    Parameters
    ----------
    layout : Layout
        Of the series.
    steps_ahead : int
        Steps after the end of each that rows are wanted for.
    needed_until : ndarray of shape (N,), int64
        Up to which position X must say what its columns are; beyond, the last value goes on.
    reader : InputReader or None
        What the columns of X are, if there are any.
    known : sequence of SeriesRows
        Rows of X; the later win.
    calendar : sequence of str
        Features of the calendar to add.
    """
    if reader is None and not calendar:
        return None
    if reader is None:
        first, last = int(layout.firsts.min()), int(layout.ends.max()) + steps_ahead
        values = calendar_values(list(calendar), layout.timeline, first, last)
        return Inputs(values, layout.firsts - first, calendar_columns(list(calendar)))
    lengths = layout.lengths + steps_ahead
    wide = replace(layout, starts=np.cumsum(lengths) - lengths, lengths=lengths, order=None)
    columns = reader.columns + calendar_columns(list(calendar))
    values = np.full((int(lengths.sum()), len(columns)), np.nan)
    given = np.zeros(len(values), bool)
    n_own = len(reader.columns)
    for part in known:
        to, read = _shared_rows(wide, part.layout)
        new = part.values[read]
        # what came first stays where the later rows say nothing, as of columns of the past
        values[to, :n_own] = np.where(np.isnan(new) & given[to, None], values[to, :n_own], new)
        given[to] = True
    if reader.must_be_known:
        _check_future(layout, wide, given, needed_until, reader)
    _fill_forward(values, wide.starts, n_own)
    for j, column in enumerate(reader.columns):
        if column.n_categories is not None:
            np.nan_to_num(values[:, j], copy=False)
        else:
            values[np.isnan(values[:, j]), j] = reader.means[j]
    if calendar:
        positions = wide.positions()
        first = int(positions.min())
        table = calendar_values(list(calendar), layout.timeline, first, int(positions.max()))
        values[:, n_own:] = table[positions - first]
    return Inputs(values, wide.starts, columns)


def _shared_rows(wide: Layout, part: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which rows of the one are which rows of the other, where both have a series."""
    places = wide.places_of(part)
    own = np.flatnonzero(places >= 0)
    places = places[own]
    first = np.maximum(wide.firsts[places], part.firsts[own])
    number = np.minimum(wide.ends[places], part.ends[own]) - first + 1
    some = number > 0
    own, places, first, number = own[some], places[some], first[some], number[some]
    if not len(own):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    to = rows_at(wide.starts[places] + first - wide.firsts[places], number)
    return to, rows_at(part.starts[own] + first - part.firsts[own], number)


def _check_future(
    layout: Layout,
    wide: Layout,
    given: NDArray[np.bool_],
    needed_until: NDArray[np.int64],
    reader: InputReader,
) -> None:
    """See that X covers the steps that are asked for."""
    positions = wide.positions()
    series = np.repeat(np.arange(len(layout)), wide.lengths)
    wanted = (positions > layout.ends[series]) & (positions <= needed_until[series])
    missing = np.flatnonzero(wanted & ~given)
    if not len(missing):
        return
    number = series[missing[0]]
    of_series = positions[missing[series[missing] == number]]
    others = len(np.unique(series[missing])) - 1
    more = f", and {others} more series lack rows" if others else ""
    raise InputsError(
        f"{reader.name}: X must cover all steps from the end of y to the last of fh; got no rows "
        f"for {len(of_series)} of them{layout.named(number)}, the first "
        f"{layout.stamp(int(of_series[0]))}, the last {layout.stamp(int(of_series[-1]))}{more}. "
        f"Give predict X with these rows, or name columns that nobody can know in past_only."
    )


def _fill_forward(values: NDArray[np.float64], starts: NDArray[np.int64], n_own: int) -> None:
    """Let each value go on until the next one of its series."""
    for j in range(n_own):
        missing = np.isnan(values[:, j])
        if not missing.any():
            continue
        source = np.where(missing, 0, np.arange(len(values)))
        source[starts] = starts
        values[:, j] = values[np.maximum.accumulate(source), j]
