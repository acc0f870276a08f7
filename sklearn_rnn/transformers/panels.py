"""Panels: several series at once, taken apart and put together again in the form they came in.

A panel is a list of series, an array (N, T, F), or a Series or data frame with a MultiIndex whose
last level is time. Everything else is one series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rnn.sequences import Sequences, is_list_of_sequences

__all__ = ["axes_of", "in_form_of", "is_panel", "names_of", "series_of"]


def is_panel(X: Any) -> bool:
    """Tell whether X is several series rather than one."""
    if hasattr(X, "iloc"):
        return isinstance(X.index, pd.MultiIndex)
    if isinstance(X, Sequences) or is_list_of_sequences(X):
        return True
    return axes_of(X) == 3


def axes_of(X: Any) -> int:
    """Count the axes of an array, a data frame, or a list of lists; 0 for what does not tell."""
    if hasattr(X, "ndim"):
        return X.ndim
    try:
        return np.ndim(X) if isinstance(X, (list, tuple)) else 0
    except ValueError:  # unequal lengths
        return 0


def series_of(X: Any) -> list[Any]:
    """Return the series of a panel, each as it came: arrays, Series or data frames."""
    if hasattr(X, "iloc"):
        groups = _grouped(X).ngroup().to_numpy()
        together = X.iloc[np.argsort(groups, kind="stable")]
        together = together.set_axis(together.index.get_level_values(-1))
        ends = np.cumsum(np.bincount(groups))
        return [together.iloc[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return list(X)


def names_of(X: Any) -> list[Any]:
    """Return the name of each series of a panel: what its index says, else its position."""
    return list(X.index.droplevel(-1).unique()) if hasattr(X, "iloc") else list(range(len(X)))


def in_form_of(X: Any, parts: list[Any]) -> Any:
    """Put what was made of each series of a panel together in the form of the panel.

    Parameters
    ----------
    X : list, ndarray or DataFrame
        The panel.
    parts : list
        One for each of its series, in their order. Data frames if `X` is one.

    Returns
    -------
    list, ndarray or DataFrame
        A list for a list, `Sequences` for such; for an array (N, T, F) an array, or a list if
        lengths differ now; for a MultiIndex the same names of series before the index of each part.
    """
    if hasattr(X, "iloc"):
        levels = list(X.index.names)
        keys = [name if isinstance(name, tuple) else (name,) for name in names_of(X)]
        whole = pd.concat(parts, keys=keys, names=levels) if parts else X.iloc[:0]
        groups = _grouped(X).ngroup().to_numpy()
        if [len(part) for part in parts] != np.bincount(groups).tolist():
            return whole
        # rows of several series may have stood between each other
        return whole.iloc[np.argsort(np.argsort(groups, kind="stable"))]
    if isinstance(X, Sequences):
        lengths = np.array([len(part) for part in parts])
        return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)
    if isinstance(X, np.ndarray) and X.ndim == 3 and len({len(part) for part in parts}) == 1:
        return np.stack(parts)
    return parts


def _grouped(X: Any) -> Any:
    levels = list(range(X.index.nlevels - 1))
    return X.groupby(level=levels if len(levels) > 1 else 0, sort=False, dropna=False)
