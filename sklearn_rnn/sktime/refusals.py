"""What is wrong with data that sktime refuses, in a sentence."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sklearn_rnn.exceptions import InputsError
from sklearn_rnn.sktime.inputs import covered
from sklearn_rnn.sktime.series import Layout, layout_of, numbers_of

__all__ = ["explain_refusal"]


def explain_refusal(y: Any, X: Any, name: str, error: Exception) -> None:
    """Raise a clearer error than sktime's, if the reason is one that we know.

    Parameters
    ----------
    y, X : object
        What was given.
    name : str
        Who refuses; opens error messages.
    error : Exception
        What sktime says.
    """
    try:
        target = None if y is None else _layout(y, name, "y")
        inputs = None if X is None else _layout(X, name, "X")
        if target is None or inputs is None:
            return
        if (target.instances is None) != (inputs.instances is None):
            kinds = ("a panel", "one series")
            got = kinds if target.instances is None else kinds[::-1]
            raise InputsError(
                f"{name}: the index of X must have the levels of that of y; got {got[0]} as X, "
                f"{got[1]} as y. For inputs that all series share, repeat X: "
                f"pd.concat({{name: X for name in names_of_series}})."
            )
        covered(target, inputs, name)
    except (TypeError, ValueError) as reason:
        if type(reason).__module__.startswith("sklearn_rnn"):
            raise reason from error


def _layout(data: Any, name: str, what: str) -> Layout | None:
    """Read the index as a forecaster does, which raises what is wrong with it."""
    if isinstance(data, pd.Series):
        data = data.to_frame()
    if not isinstance(data, pd.DataFrame):
        return None
    if what == "y":
        numbers_of(data, name)
    return layout_of(data.index, name, None, what)
