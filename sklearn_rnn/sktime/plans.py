"""What is settled before training: how data are read, and how far ahead is learned."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sklearn_rnn.estimators.forecasting import GlobalForecaster
from sklearn_rnn.exceptions import InputsError, PretrainingError
from sklearn_rnn.sktime.inputs import InputReader
from sklearn_rnn.sktime.series import Layout, SeriesRows

__all__ = ["Learned", "Plan"]


@dataclass(frozen=True)
class Plan:
    """How data are read, and how far ahead is learned.

    Parameters
    ----------
    horizon : int
        Steps ahead that are trained; calibrated, if answers are fed back.
    rolls : bool
        Whether they are, so that any horizon can be answered.
    joint, local : bool
        Whether columns of y are read together, and whether each series has a model.
    window_length : int or None
        Steps that are read, if the user has said.
    periods : list of int
        Seasons, in steps.
    n_phases : int
        Seasons of the calendar.
    reader : InputReader or None
        What the columns of X are.
    calendar : list of str
        Features of the calendar.
    step : str
        The frequency.
    name : str
        Whose plan it is; opens error messages.
    """

    horizon: int
    rolls: bool
    joint: bool
    local: bool
    window_length: int | None
    periods: list[int]
    n_phases: int
    reader: InputReader | None
    calendar: list[str]
    step: str
    name: str

    def inputs(
        self, X: pd.DataFrame | None, layout: Layout, when: str, *, past: bool = True
    ) -> SeriesRows | None:
        """Read X, which must be there if it was in fit, and only then."""
        if X is not None and not len(X.columns):
            X = None
        if X is not None and self.reader is None:
            raise InputsError(
                f"{self.name}: the model was trained without X; got X in {when}. Leave it out, or "
                f"fit with X from the beginning."
            )
        if self.reader is None:
            return None
        if X is None:
            rows = "the rows of y" if past else "all steps up to the last of fh"
            raise InputsError(
                f"{self.name}: the model was trained with X, of columns {self.reader.labels}, so "
                f"{when} needs it; got none. Give X for {rows}."
            )
        return self.reader.read(X, layout.timeline, past=past)


@dataclass(frozen=True)
class Learned:
    """A pretrained model, and the plan that it was trained by.

    Parameters
    ----------
    plan : Plan
        How its data were read.
    model : GlobalForecaster
        What was trained on them.
    n_columns : int
        Columns of y that it reads together.
    """

    plan: Plan
    model: GlobalForecaster
    n_columns: int

    def check_fits(
        self, step: str, n_columns: int, seasons: tuple[list[int], int], horizon: int
    ) -> None:
        """See that the model can read and answer other series.

        Parameters
        ----------
        step : str
            Their frequency.
        n_columns : int
            Columns of theirs that are read together.
        seasons : tuple of list of int and int
            Their seasons, and seasons of the calendar.
        horizon : int
            Steps that are asked for.
        """
        plan, own = self.plan, (self.plan.periods, self.plan.n_phases)
        pretrained = f"seasons {plan.periods} of {plan.step!r}"
        faults = {
            f"a horizon of {plan.horizon} or less": plan.horizon < horizon and horizon,
            f"{self.n_columns} columns of y": self.n_columns != n_columns and n_columns,
            pretrained: own != seasons and f"{seasons[0]} of {step!r}",
        }
        for needed, got in faults.items():
            if got:
                raise PretrainingError(
                    f"{plan.name}: the pretrained model is taken as it is, for {needed}; got "
                    f"{got}. Pretrain for such series and such an fh, or fit without: "
                    f"forecaster.reset().fit(...)."
                )
