"""The models of a forecaster: one for all series, or one for each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.estimators.forecasting import GlobalForecaster
from sklearn_rnn.exceptions import SeriesTooShortError
from sklearn_rnn.series import SeriesTable
from sklearn_rnn.sktime.inputs import filled
from sklearn_rnn.sktime.memory import Memory
from sklearn_rnn.sktime.plans import Plan
from sklearn_rnn.sktime.series import SeriesRows
from sklearn_rnn.sktime.tables import apart, lengthened, table_of, together

__all__ = ["Models"]


@dataclass(frozen=True)
class Models:
    """Models and how they read series.

    Parameters
    ----------
    plan : Plan
        How data are read.
    settings : dict
        Parameters of each model.
    members : list of GlobalForecaster
        One, or with ``plan.local`` one for each series, first those of the first column.
    """

    plan: Plan
    settings: dict[str, Any]
    members: list[GlobalForecaster]

    def trained(self, memory: Memory) -> Models:
        """Return models that have learned what is known."""
        return self.further(memory, 0, 0)

    def copied(self, model: GlobalForecaster, memory: Memory) -> Models:
        """Return a model of other series, as it is, for these."""
        number = len(self._tables(self._table(memory.present, memory)))
        return replace(self, members=[model] * number)

    def further(self, memory: Memory, n_old: int, epochs: int) -> Models:
        """Return models that have learned what is known by now.

        Parameters
        ----------
        memory : Memory
            Series that have a model, and new ones.
        n_old : int
            How many have one.
        epochs : int
            How long those train that there are; 0 leaves them as they are.
        """
        tables = self._tables(self._table(memory.present, memory))
        is_new = np.array([not n_old])
        if self.plan.local:
            is_new = np.arange(len(tables)) % len(memory.layout) >= n_old
        old, members = iter(self.members), []
        for number, (table, new) in enumerate(zip(tables, is_new, strict=True)):
            if self.plan.local and table.lengths[0] < 2 and new:
                raise SeriesTooShortError(
                    f"{self.plan.name}: local=True needs two steps of each series at least, from "
                    f"its first value on; got one"
                    f"{memory.layout.named(number % len(memory.layout))}. Leave the series out, or "
                    f"use local=False."
                )
            members.append(self._new(table) if new else _further(next(old), table, epochs))
        return replace(self, members=members)

    def lacks_inputs(self, memory: Memory, targets: NDArray[np.int64]) -> bool:
        """Tell whether the rows of X that are known end before the targets (N, h)."""
        reader, inputs = self.plan.reader, memory.inputs
        if reader is None or inputs is None or not reader.must_be_known:
            return False
        places = memory.layout.places_of(inputs.layout)
        ends = np.full(len(targets), -1)
        ends[places[places >= 0]] = inputs.layout.ends[places >= 0]
        return bool((targets.max(axis=1) > ends).any())

    def answers(
        self,
        method: str,
        memory: Memory,
        inputs: SeriesRows | None,
        targets: NDArray[np.int64],
        *options: Any,
    ) -> Any:
        """Return answers for steps to come.

        Parameters
        ----------
        method : str
            Of the models: what to ask for.
        memory : Memory
            What is known.
        inputs : SeriesRows or None
            Rows of X of steps to come.
        targets : ndarray of shape (N, h), int64
            Positions of the steps.
        *options
            Passed on.

        Returns
        -------
        ndarray of shape (N, h, C, ...), or a name and a dict of such
            What models answer.
        """
        series, last = memory.present, targets.max(axis=1)
        ends = series.layout.ends
        ahead = targets - ends[:, None]
        limit = int(ahead.max()) if self.plan.rolls else self.plan.horizon
        late = ahead > limit
        near = np.minimum(ahead, limit)
        answers = self._asked(method, memory, inputs, series, near, last, *options)
        if not late.any():
            return answers
        # beyond what was trained, counted from the end of a series that ends early, it is as if its
        # last steps were missing; steps before that have the answers that they have by themselves
        series = lengthened(series, ends.max() - ends)
        far = np.maximum(targets - ends.max(), 1)
        others = self._asked(method, memory, inputs, series, far, last, *options)
        if method != "predict_distribution":
            return _either(late, others, answers)
        name, first = answers
        return name, {key: _either(late, others[1][key], first[key]) for key in first}

    def _asked(
        self,
        method: str,
        memory: Memory,
        inputs: SeriesRows | None,
        series: SeriesRows,
        ahead: NDArray[np.int64],
        needed_until: NDArray[np.int64],
        *options: Any,
    ) -> Any:
        """Return answers so many steps (N, h) after the ends of series."""
        horizon, steps = int(ahead.max()), int((needed_until - series.layout.ends).max())
        tables = self._tables(self._table(series, memory, inputs, steps, needed_until), steps)
        answers = [
            getattr(model, method)(table, horizon, *options)
            for model, table in zip(self.members, tables, strict=True)
        ]

        def chosen(parts: Sequence[NDArray]) -> NDArray:
            n_columns = series.values.shape[1]
            whole = together(np.concatenate(parts), n_columns, joint=self.plan.joint)
            return whole[np.arange(len(ahead))[:, None], ahead - 1]

        if method != "predict_distribution":
            return chosen(answers)
        name, first = answers[0]
        return name, {key: chosen([part[key] for _, part in answers]) for key in first}

    def _table(
        self,
        series: SeriesRows,
        memory: Memory,
        inputs: SeriesRows | None = None,
        steps_ahead: int = 0,
        needed_until: NDArray[np.int64] | None = None,
    ) -> SeriesTable:
        """Return what networks read of series and inputs, also of those of steps to come."""
        layout = series.layout
        rows = filled(
            layout,
            steps_ahead,
            layout.ends if needed_until is None else needed_until,
            self.plan.reader,
            [part for part in (memory.inputs, inputs) if part is not None],
            self.plan.calendar,
        )
        return table_of(series, rows, joint=self.plan.joint)

    def _tables(self, table: SeriesTable, steps_ahead: int = 0) -> list[SeriesTable]:
        return apart(table, steps_ahead) if self.plan.local else [table]

    def _new(self, table: SeriesTable) -> GlobalForecaster:
        plan = self.plan
        settings = {**self.settings, "window_length": plan.window_length}
        return GlobalForecaster(**settings).fit(
            table, horizon=plan.horizon, periods=plan.periods, n_phases=plan.n_phases
        )


def _further(model: GlobalForecaster, table: SeriesTable, epochs: int) -> GlobalForecaster:
    """Return a model that was trained further; the one given keeps its networks."""
    return copy.copy(model).update(table, epochs=epochs) if epochs else model


def _either(late: NDArray[np.bool_], others: NDArray, answers: NDArray) -> NDArray:
    """Return the others where it is late (N, h), of (N, h, C, ...), and else the answers."""
    return np.where(late.reshape(late.shape + (1,) * (answers.ndim - 2)), others, answers)
