"""Centre and spread of the features of sequences, whatever their lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils._set_output import _get_container_adapter
from sklearn.utils.validation import _check_feature_names, check_is_fitted, validate_data

from sklearn_rnn.exceptions import SequenceShapeError
from sklearn_rnn.sequences import (
    Sequences,
    as_sequences,
    is_list_of_sequences,
    reading_numbers,
)
from sklearn_rnn.transformers.panels import is_panel
from sklearn_rnn.transformers.statistics import METHODS, matched, of_all, of_each
from sklearn_rnn.transformers.tables import (
    Table,
    check_names,
    holds_sequences,
    table_of_groups,
    table_of_rows,
    table_of_sequences,
    table_of_values,
)

__all__ = ["SCALINGS", "SequenceScaler", "centre_and_scale"]


def _standard(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = np.average(x, weights=weights)
    return mean, np.sqrt(np.average(np.square(x - mean), weights=weights))


def _minmax(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Smallest value and range."""
    return x.min(), x.max() - x.min()


def _maxabs(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Zero and the largest absolute value."""
    return 0.0, np.abs(x).max()


def _robust(x: NDArray, weights: NDArray) -> tuple[float, float]:
    """Median and interquartile range."""
    order = np.argsort(x)
    share = np.cumsum(weights[order])
    # the smallest value that has at least that share of the weight at or below it
    at = np.searchsorted(share, np.array([0.25, 0.5, 0.75]) * share[-1] * (1 - 1e-12))
    low, middle, high = x[order][at]
    return middle, high - low


#: A new scaling: a function of values and weights that gives centre and scale, and a name here.
SCALINGS: dict[str, Callable[[NDArray, NDArray], tuple[float, float]]] = {
    "standard": _standard,
    "minmax": _minmax,
    "maxabs": _maxabs,
    "robust": _robust,
}


def centre_and_scale(
    x: NDArray, method: str, weights: NDArray | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each column what to subtract and what to divide by.

    Parameters
    ----------
    x : ndarray of shape (S, F)
        NaN does not count.
    method : str
        A key of SCALINGS.
    weights : ndarray of shape (S,), optional
        How often each row counts; rows of weight 0 do not.

    Returns
    -------
    centre, scale : ndarray of shape (F,), float64
        A column that is constant, or of which nothing is known, has scale 1.
    """
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    for j in range(x.shape[1]):
        counts = (weights > 0) & ~np.isnan(x[:, j])
        if counts.any():
            values = np.asarray(x[counts, j], dtype=np.float64)
            centre[j], spread = SCALINGS[method](values, weights[counts])
            # rounding makes the deviation of a constant column tiny rather than zero
            if spread > 10 * np.finfo(np.float64).eps * np.abs(values).max():
                scale[j] = spread
    return centre, scale


class SequenceScaler(
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Scale the features of sequences, of equal lengths or not, and scale answers back.

    The statistics are those of scikit-learn's own scalers over all steps together. For rows,
    arrays and data frames of two axes, scikit-learn's scalers remain the answer: this one
    hands rows over to them, and adds `columns` on the way back.

    NaN stays NaN and does not count, so neither does padding by NaN.

    Parameters
    ----------
    method : {"standard", "minmax", "robust", "maxabs"}, default="standard"
        Subtract and divide by: mean and standard deviation; smallest value and range; median and
        range between two quantiles; zero and largest absolute value.
    per : {"feature", "dataset", "sequence"}, default="feature"
        What is scaled alike: a feature in all sequences, as learned in fit; all features in all
        sequences, for features of one unit; or a feature within one sequence, by the statistics
        of that sequence, whatever fit has seen.
    feature_range : tuple of float (smallest, largest), default=(0, 1)
        What "minmax" scales to.
    quantile_range : tuple of float (lower, upper), default=(25.0, 75.0)
        Quantiles in percent between which "robust" takes the range.

    Attributes
    ----------
    centre_, scale_ : ndarray of shape (F,), float64
        What is subtracted, and what is divided by; "minmax" then adds ``feature_range[0]``. A
        feature that is constant, or of which nothing is known, is not divided by zero but by 1
        (by ``1 / (largest - smallest)`` of `feature_range`). Not with ``per="sequence"``.
    n_features_in_ : int
        Features of a step; columns of rows.
    feature_names_in_ : ndarray of str
        Their names, if fit has seen data frames.

    See Also
    --------
    Differencer : Takes trends and seasons out, and puts them back.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import SequenceScaler
    >>> scaler = SequenceScaler("minmax")
    >>> X = [np.array([[0.0, 7.0], [5.0, 7.0]]), np.array([[10.0, 8.0], [5.0, 9.0], [2.5, 8.0]])]
    >>> [x[:, 0] for x in scaler.fit_transform(X)]
    [array([0. , 0.5]), array([1.  , 0.5 , 0.25])]

    Forecasts of the first feature, two steps for each of three sequences, in its own units:

    >>> scaler.inverse_transform([[0.0, 0.1], [0.2, 0.3], [0.4, 0.5]], columns=0)
    array([[0., 1.],
           [2., 3.],
           [4., 5.]])
    """

    _parameter_constraints: dict = {
        "method": [StrOptions(set(METHODS))],
        "per": [StrOptions({"feature", "dataset", "sequence"})],
        "feature_range": [tuple, list],
        "quantile_range": [tuple, list],
    }

    def __init__(
        self,
        method: str = "standard",
        per: str = "feature",
        feature_range: tuple[float, float] = (0, 1),
        quantile_range: tuple[float, float] = (25.0, 75.0),
    ) -> None:
        self.method = method
        self.per = per
        self.feature_range = feature_range
        self.quantile_range = quantile_range

    def fit(self, X: Any, y: Any = None) -> SequenceScaler:
        """Learn centre and scale.

        Parameters
        ----------
        X : array-like of shape (N, T, F), list, Sequences or DataFrame
            Sequences: an array, a list of arrays or data frames of shape (T_i, F) or (T_i,),
            `Sequences`, or a Series or data frame with a MultiIndex whose last level is time.
            Or rows: an array or data frame of shape (n_rows, F), or a Series, unless
            ``per="sequence"``.
        y : None
            Not used.

        Returns
        -------
        SequenceScaler
            Itself.

        Raises
        ------
        SequenceShapeError
            If sequences have other axes or unequal features, or are rows where each sequence is
            to be scaled by itself.
        ValueError
            If `X` holds infinity or something that is not a number.
        """
        self._validate_params()
        self._check_ranges()
        counts = None
        if holds_sequences(X):
            sequences = self._read(X, reset=True)
            rows, counts = sequences.steps, sequences.coverage()
        else:
            if self.per == "sequence":
                _refuse_rows(X)
            rows = self._read_rows(X, reset=True)
        self._settings = self.get_params(deep=False)
        self.__dict__.pop("centre_", None)
        self.__dict__.pop("scale_", None)
        if self.per != "sequence":
            self.centre_, spread = of_all(
                rows, counts, self.method, self.quantile_range, self.per == "dataset"
            )
            self.scale_ = spread / self._width
        return self

    def transform(self, X: Any) -> Any:
        """Scale sequences.

        Parameters
        ----------
        X : array-like of shape (N, T, F), list, Sequences, Series or DataFrame
            As in fit, with its features; may be sequences where fit saw rows, or rows where fit
            saw sequences.

        Returns
        -------
        ndarray, list, Sequences, Series or DataFrame, float64
            In the form of X, with its index and columns.
        """
        check_is_fitted(self)
        table = self._table(X)
        if self._settings["per"] == "sequence":
            centre, scale = self._of_each(table)
        else:
            centre, scale = self.centre_, self.scale_
        rows, centre, scale = matched(table, centre, scale)
        scaled = np.subtract(rows, centre)
        scaled /= scale
        if self._offset:
            scaled += self._offset
        return self._in_container(table.rebuild(scaled.reshape(table.rows.shape)), X)

    def inverse_transform(
        self,
        X: Any,
        columns: str | int | Sequence[str | int] | None = None,
        reference: Any = None,
    ) -> Any:
        """Scale back: sequences, or answers for some of their features.

        Parameters
        ----------
        X : array-like, list, Sequences, Series or DataFrame
            What `transform` gave; or with `columns`, numbers with any axes.
        columns : str, int, or list of them, optional
            Names or positions of features. One of them: every value of X is of that feature, so
            X may have any shape, as (N,), (N, horizon), (N, horizon, n_quantiles) or
            (n_paths, N, horizon). A list: of the features on the last axis of X, in this order;
            a feature may occur several times. None: X has all features.
        reference : array-like of shape (N, T, F), list, Sequences, Series or DataFrame, optional
            With ``per="sequence"``: the unscaled sequences, by whose statistics the items of X
            along its first axis are scaled back; series of a MultiIndex by their names. Not
            needed otherwise.

        Returns
        -------
        ndarray, list, Sequences, Series or DataFrame, float64
            In the form of X, with its index and columns.

        Raises
        ------
        SequenceShapeError
            If the last axis of X does not hold these features, or `reference` other sequences.
        ValueError
            If a column is unknown, or `reference` is missing.
        """
        check_is_fitted(self)
        single = isinstance(columns, (str, Integral)) and not isinstance(columns, bool)
        at = self._positions(columns if not single else [columns])
        table = self._values(X, None if single else len(at))
        if columns is None and hasattr(self, "feature_names_in_"):
            self._check_names_of_values(X)
        if self._settings["per"] == "sequence":
            centre, scale = self._of_reference(table, reference)
        else:
            centre, scale = self.centre_, self.scale_
        rows, centre, scale = matched(table, centre[..., at], scale[..., at])
        restored = np.subtract(rows, self._offset, dtype=np.float64)
        restored *= scale
        restored += centre
        return table.rebuild(restored.reshape(table.rows.shape))

    def set_output(self, *, transform: str | None = None) -> SequenceScaler:
        """Choose the container of scaled rows; sequences stay in their own form.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            "default" gives data frames for data frames and arrays otherwise. None changes
            nothing.

        Returns
        -------
        SequenceScaler
            Itself.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _check_ranges(self) -> None:
        for name, lowest, highest in (
            ("feature_range", -np.inf, np.inf),
            ("quantile_range", 0, 100),
        ):
            given = getattr(self, name)
            numbers = len(given) == 2 and all(isinstance(end, Real) for end in given)
            if (
                not numbers
                or not np.isfinite(given).all()
                or not (lowest <= given[0] < given[1] <= highest)
            ):
                limits = ", between 0 and 100" if highest == 100 else ""
                raise ValueError(
                    f"SequenceScaler: {name} must be two numbers, the smaller first{limits}; got "
                    f"{given!r}."
                )

    @property
    def _offset(self) -> float:
        """What is added to values after they have been divided."""
        settings = self._settings
        return float(settings["feature_range"][0]) if settings["method"] == "minmax" else 0.0

    @property
    def _width(self) -> float:
        """What the spread becomes."""
        low, high = self._settings["feature_range"]
        return float(high - low) if self._settings["method"] == "minmax" else 1.0

    def _of_each(self, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return centre and scale (N, F) of each sequence by itself."""
        settings = self._settings
        centre, spread = of_each(table, settings["method"], settings["quantile_range"])
        return centre, spread / self._width

    def _of_reference(self, table: Table, reference: Any) -> tuple[NDArray, NDArray]:
        """Return centre and scale (N, F) of the sequences that those of a table belong to."""
        if reference is None:
            raise ValueError(
                "SequenceScaler: per='sequence' is undone by the statistics of each sequence, "
                "which are not kept; got no reference. Give reference=, the unscaled sequences, "
                "one for each of X."
            )
        known = self._table(reference)
        centre, scale = self._of_each(known)
        if table.keys is not None and known.keys is not None:
            at = known.keys.get_indexer(table.keys)
            if (at < 0).any():
                raise SequenceShapeError(
                    f"SequenceScaler: reference must hold the series of X; {(at < 0).sum()} of "
                    f"{len(at)} are not among its {len(known.keys)}. Names are the levels of the "
                    f"index before time."
                )
            return centre[at], scale[at]
        if len(known.lengths) != len(table.lengths):
            raise SequenceShapeError(
                f"SequenceScaler: reference must hold one sequence for each of X; got "
                f"{len(known.lengths)} for {len(table.lengths)}. The first axis of X counts "
                f"sequences."
            )
        return centre, scale

    def _positions(self, columns: Any) -> NDArray[np.int64]:
        """Return positions of features, given by name or position."""
        if columns is None:
            return np.arange(self.n_features_in_)
        columns = list(columns) if hasattr(columns, "__len__") else []
        names = list(getattr(self, "feature_names_in_", []))
        positions = [
            names.index(column) if isinstance(column, str) and column in names else column
            for column in columns
        ]
        if not positions or not all(self._is_position(position) for position in positions):
            known = f"names ({', '.join(names[:5])}{', ...' if names[5:] else ''})" if names else ""
            raise ValueError(
                f"SequenceScaler: columns must be {known or 'positions'} of the "
                f"{self.n_features_in_} features of fit, or a list of them; got {columns!r}. "
                f"{'Positions count from 0.' if names else 'Fit on data frames to use names.'}"
            )
        return np.array(positions, dtype=np.int64)

    def _is_position(self, at: Any) -> bool:
        if not isinstance(at, Integral) or isinstance(at, bool):
            return False
        return -self.n_features_in_ <= int(at) < self.n_features_in_

    def _table(self, X: Any) -> Table:
        """Return the steps of X, compared with what fit has seen."""
        if holds_sequences(X):
            return table_of_sequences(X, self._read(X, reset=False))
        if self._settings["per"] != "sequence":
            return table_of_rows(X, self._read_rows(X, reset=False))
        _refuse_rows(X)
        return table_of_groups(X, self._read_rows(X, reset=False))

    def _read(self, X: Any, reset: bool) -> Sequences:
        sequences = as_sequences(X, name="SequenceScaler", missing="mask", trim=False)
        check_names(self, X, reset)
        if reset:
            self.n_features_in_ = sequences.n_features
        elif sequences.n_features != self.n_features_in_:
            raise SequenceShapeError(
                f"SequenceScaler: X must have {self.n_features_in_} features, as in fit; got "
                f"{sequences.n_features}. Features are the last axis."
            )
        return sequences

    def _read_rows(self, X: Any, reset: bool) -> NDArray[np.float64]:
        if hasattr(X, "iloc") and X.ndim == 1:
            X = X.to_frame()
        shape = np.shape(X) if isinstance(X, (np.ndarray, list, tuple)) else (1, 1)
        if len(shape) == 1 and shape[0]:
            raise SequenceShapeError(
                f"SequenceScaler: X must have the axes (n_sequences, n_steps, n_features), be a "
                f"list of sequences, or rows (n_rows, n_features); got shape {shape}. Reshape your "
                f"data: X.reshape(-1, 1) is one feature."
            )
        with reading_numbers(X, "SequenceScaler"):
            return validate_data(
                self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
            )

    def _values(self, X: Any, width: int | None) -> Table:
        """Return numbers as rows of `width` features; None makes each a row of its own."""
        of_sequences = is_list_of_sequences(X)
        try:
            X = X if of_sequences or hasattr(X, "iloc") else np.asarray(X, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "SequenceScaler: X must hold numbers in an array, or in a list of arrays; got "
                "text, or nested lists of unequal lengths. Give np.asarray(x) for each sequence x."
            ) from error
        shapes = [np.shape(x) for x in X] if of_sequences else [np.shape(X)]
        if not shapes or any(len(shape) == 0 or 0 in shape for shape in shapes):
            raise SequenceShapeError(
                f"SequenceScaler: X must hold numbers along at least one axis; got shape "
                f"{shapes[0] if shapes else (0,)}. Give X some rows."
            )
        in_list = of_sequences or is_panel(X) or hasattr(X, "iloc")
        wrong = [shape for shape in shapes if not _ends_with(shape, width, in_list)]
        if wrong:
            raise SequenceShapeError(
                f"SequenceScaler: the last axis of X must hold {width} features; got shape "
                f"{wrong[0]}. Name the features that it holds, columns=['a', 'b'], or the only "
                f"one, columns='a'; positions do as well."
            )
        table = table_of_values(X, width)
        if np.isinf(table.rows).any():
            raise ValueError(
                f"SequenceScaler: X contains infinity, {np.isinf(table.rows).sum()} times; every "
                f"value must be finite. Replace infinite values, by NaN where unknown."
            )
        return table

    def _check_names_of_values(self, X: Any) -> None:
        """Refuse data frames with other columns than those of fit; arrays have no names to say."""
        if hasattr(X, "columns"):
            _check_feature_names(self, X, reset=False)
        elif is_list_of_sequences(X):
            check_names(self, X, reset=False)

    def _in_container(self, scaled: Any, X: Any) -> Any:
        """Return scaled rows in the container that was asked for."""
        adapter = _get_container_adapter("transform", self)
        if adapter is None or not isinstance(scaled, (np.ndarray, pd.DataFrame)):
            return scaled
        if scaled.ndim != 2:  # no data frame has three axes
            return scaled
        return adapter.create_container(scaled, X, columns=self.get_feature_names_out)

    def __sklearn_tags__(self):
        """Tell scikit-learn that sequences and NaN are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = self.per != "sequence"
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def _refuse_rows(X: Any) -> None:
    """Refuse rows that do not say which sequence they belong to."""
    if not is_panel(X):
        raise SequenceShapeError(
            f"SequenceScaler: per='sequence' needs sequences, an array (n_sequences, n_steps, "
            f"n_features), a list of arrays, or a data frame with a MultiIndex; got rows, shape "
            f"{np.shape(X)}. X[np.newaxis] makes all rows "
            f"one sequence; X[..., np.newaxis] makes each row a sequence of one feature."
        )


def _ends_with(shape: tuple[int, ...], width: int | None, in_list: bool) -> bool:
    """Tell whether the last of at least two axes has this width; items of one axis have one."""
    if width is None:
        return True
    return width == 1 if in_list and len(shape) == 1 else len(shape) > 1 and shape[-1] == width
