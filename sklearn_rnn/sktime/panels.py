"""What the classes for panels share: the estimator for scikit-learn inside, and the way to it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_rnn.estimators.names import answers_unknown, passed_on, refuse_unknown
from sklearn_rnn.estimators.parameters import rows_of
from sklearn_rnn.exceptions import SequenceShapeError, TargetError
from sklearn_rnn.sktime.compatibility import SklearnCompatible

__all__ = ["TAGS", "PanelAdapter", "constructor_like"]

TAGS = {
    "authors": ["The sklearn_rnn developers"],
    "maintainers": ["The sklearn_rnn developers"],
    "python_dependencies": None,
    # alone: with an array type beside it, sktime would make arrays of unequal lengths
    "X_inner_mtype": "df-list",
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "capability:missing_values": True,
    "capability:categorical_in_X": False,
    "capability:train_estimate": False,
    "capability:random_state": True,
    "property:randomness": "derandomized",
}


def constructor_like(estimator_class: type, **defaults: Any) -> Callable[..., None]:
    """Return a constructor with the parameters of an estimator, some with other defaults.

    Like that of the estimator, it takes parameters such as ``optimizer__weight_decay`` too.
    """
    own: Any = vars(estimator_class)["__init__"]
    signature = inspect.signature(own)
    parameters = [
        parameter.replace(default=defaults.get(name, parameter.default))
        for name, parameter in signature.parameters.items()
    ]

    def __init__(self: PanelAdapter, **given: Any) -> None:  # noqa: N807
        self._store({**defaults, **given})

    __init__.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return __init__


class PanelAdapter(SklearnCompatible):
    """A first base for classes of sktime that hand panels to an estimator for scikit-learn."""

    #: The estimator inside; its parameters are those of the class.
    _adapts: type

    warm_start: bool
    missing: str
    embedding_size: int | None

    estimator_: Any
    feature_names_in_: list

    # -- parameters ----------------------------------------------------------------------------

    def _store(self, given: dict[str, Any]) -> None:
        """Store parameters as the estimator inside does, which refuses what it does not have."""
        for name, value in self._adapts(**given).get_params(deep=False).items():
            setattr(self, name, value)
        super().__init__()

    def __dynamic_tags__(self) -> None:
        """Take missing values unless they were declined."""
        self.set_tags(**{"capability:missing_values": self._missing() != "error"})  # type: ignore[attr-defined]

    def _missing(self) -> str:
        """Return what becomes of missing values: tokens are never missing, nor ask for a mask."""
        is_default = self.missing == "mask"
        return "error" if is_default and self.embedding_size is not None else self.missing

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those that are passed on included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to look into parameters that are estimators.

        Returns
        -------
        dict
            Names and values.
        """
        return {**super().get_params(deep=deep), **passed_on(vars(self))}  # type: ignore[misc]

    def set_params(self, **params: Any) -> PanelAdapter:
        """Set parameters, those that are passed on included, and forget what was fitted.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        PanelAdapter
            Itself.

        Raises
        ------
        ParameterNameError
            If there is no parameter of that name; none is set then.
        """
        known = self.get_params()
        unknown = [name for name in params if name not in known]
        refuse_unknown(type(self).__name__, unknown, list(rows_of(type(self))))
        for name, value in params.items():
            setattr(self, name, value)
        return self.reset() if params else self

    # -- data ----------------------------------------------------------------------------------

    @answers_unknown
    def fit(self, X: Any, y: Any) -> PanelAdapter:
        """Train on a panel of series and their targets.

        If that fails, what was fitted before is kept.

        Parameters
        ----------
        X : panel of sktime, of n series
            A data frame with an index (instance, time), a list of data frames, an array (n, F, T)
            or (n, T), a nested data frame, ... Series may differ in length. Of the index in time
            only the order counts.
        y : array-like of shape (n,) or (n, O)
            The answer for each series.

        Returns
        -------
        PanelAdapter
            Itself.
        """
        name = type(self).__name__
        if y is None:
            raise TargetError(
                f"{name}: y is needed, one answer for each series; got None. Give it to fit(X, y)."
            )
        if isinstance(y, (list, tuple)):  # which sktime would take for rows of a table
            y = np.asarray(y)
        before = vars(self).copy()
        # sktime's fit forgets everything but names with two underscores in them, as this has
        self.__earlier = before if self.warm_start and "estimator_" in before else None
        try:
            super().fit(X, y)  # type: ignore[misc]
        except BaseException:
            self.__dict__ = before
            raise
        del self.__earlier
        return self

    def _fit(self, X: list[pd.DataFrame], y: NDArray) -> PanelAdapter:
        parameters = {**self.get_params(deep=False), "missing": self._missing()}
        if self.__earlier is None:
            self.feature_names_in_ = list(X[0].columns)
            estimator = self._adapts(**parameters)
        else:
            self.feature_names_in_ = self.__earlier["feature_names_in_"]
            # a copy, for the original stays if training fails
            estimator = copy.copy(self.__earlier["estimator_"]).set_params(**parameters)
        self.estimator_ = estimator.fit(self._sequences(X), y)
        return self

    def _predict(self, X: list[pd.DataFrame]) -> NDArray:
        return self.estimator_.predict(self._sequences(X))

    def _sequences(self, X: list[pd.DataFrame]) -> list[NDArray]:
        """Return the series as arrays (T_i, F), features in the order of fit."""
        wanted, found = self.feature_names_in_, list(X[0].columns)
        are_same = set(found) == set(wanted)
        order = wanted if are_same or (_are_given(found) and _are_given(wanted)) else found
        if len(order) != len(wanted):
            raise SequenceShapeError(
                f"{type(self).__name__}: X must have {len(wanted)} variables, as in fit; got "
                f"{len(order)}. Arrays have the axes (series, variables, time)."
            )
        return [_numbers(self._ordered(x, order)) for x in X]

    def _ordered(self, x: pd.DataFrame, order: list) -> pd.DataFrame:
        """Return the columns of a series in this order."""
        if list(x.columns) == order:
            return x
        lacks = [name for name in order if name not in x.columns]
        adds = [name for name in x.columns if name not in order]
        if lacks or adds:
            raise SequenceShapeError(
                f"{type(self).__name__}: every series must have the {len(order)} columns of the "
                f"first in fit, in any order; got one where {_some(lacks)} missing and "
                f"{_some(adds)} added. Select or rename columns."
            )
        return x[order]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        small = {"hidden_size": 4, "num_layers": 1, "max_epochs": 1, "random_state": 0}
        return [small, {**small, "cell": "rnn", "pooling": "last", "missing": "ffill"}]


def _are_given(columns: list) -> bool:
    """Tell whether columns have names of their own, and not those that arrays are given."""
    places = range(len(columns))
    return columns not in (list(places), [f"var_{i}" for i in places])


def _numbers(x: pd.DataFrame) -> NDArray:
    """Return the values of a series; those of pandas' own types as floats, NA as NaN."""
    values = x.to_numpy()
    return values if values.dtype != object else x.to_numpy(np.float64, na_value=np.nan)


def _some(names: list) -> str:
    """Name up to three of them, with a verb."""
    shown = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{shown or 'none'} {'is' if len(names) < 2 else 'are'}"
