"""What is wrong with data that sktime refuses, in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rnn.exceptions import InputsError
from sklearn_rnn.sktime.inputs import covered
from sklearn_rnn.sktime.series import Layout, check_columns, layout_of, numbers_of

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
        # first what is wrong with y alone
        target = None if y is None else _layout(y, name, "y")
        if isinstance(X, np.ndarray) and X.ndim < 3 and isinstance(y, (pd.Series, pd.DataFrame)):
            raise InputsError(
                f"{name}: X must have the index of y; got an array of shape {X.shape}, which has "
                f"none. Use pd.DataFrame(X, index=y.index)."
            )
        if target is not None and isinstance(X, (pd.Series, pd.DataFrame)):
            _check_same_stamps(y, X, target, name)
        inputs = None if X is None else _layout(X, name, "X")
        if target is None or inputs is None:
            return
        if (target.instances is None) != (inputs.instances is None):
            kinds = ("a panel", "one series")
            got = kinds if target.instances is None else kinds[::-1]
            cure = "Use X.loc[name] for one of its series"
            if inputs.instances is None:
                cure = (
                    "For inputs that all series share, repeat X: pd.concat({name: X for name in "
                    "names_of_series}). If its rows are those of y, use X.set_index(y.index)"
                )
            raise InputsError(
                f"{name}: the index of X must have the levels of that of y; got {got[0]} as X, "
                f"{got[1]} as y. {cure}."
            )
        covered(target, inputs, name)
    except (TypeError, ValueError) as reason:
        if type(reason).__module__.startswith("sklearn_rnn"):
            raise reason from error


def _check_same_stamps(y: Any, X: Any, target: Layout, name: str) -> None:
    """See that the index of X is of the kind of that of y."""
    stamps = X.index.levels[-1] if isinstance(X.index, pd.MultiIndex) else X.index
    levels = range(X.index.nlevels - 1)
    swapped = any(target.timeline.fits(X.index.levels[level]) for level in levels)
    if not len(stamps) or target.timeline.fits(stamps) or swapped:
        return
    own = f"stamps such as {target.stamp(int(target.firsts[0]))}"
    cure = "X.set_index(y.index)" if isinstance(X, pd.DataFrame) else "X.set_axis(y.index)"
    if isinstance(y, np.ndarray):
        cure = "X.reset_index(drop=True)"
    raise InputsError(
        f"{name}: X must have the index of y, with {own}; got {type(stamps).__name__} of "
        f"{stamps.dtype}, such as {stamps[0]}. Use {cure} if its rows are those of y."
    )


def _layout(data: Any, name: str, what: str) -> Layout | None:
    """Read the index as a forecaster does, which raises what is wrong with it."""
    if isinstance(data, pd.Series):
        data = data.to_frame()
    if isinstance(data, np.ndarray) and data.ndim < 3:
        data = pd.DataFrame(data)
    if not isinstance(data, pd.DataFrame):
        return None
    if what == "y":
        numbers_of(data, name)
    else:
        check_columns(data, name, what)
    return layout_of(data.index, name, None, what)
