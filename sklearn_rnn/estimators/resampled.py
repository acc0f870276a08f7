"""Regression on irregular rows in time, by way of a regular grid, without looking ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_y,
    check_consistent_length,
    check_is_fitted,
)

from sklearn_rnn.exceptions import TargetError, TimeOrderError
from sklearn_rnn.transformers.frequencies import infer_frequency
from sklearn_rnn.transformers.grids import Grid
from sklearn_rnn.transformers.resampling import check_fill

__all__ = ["ResampledRegressor"]

NAME = "ResampledRegressor"


class ResampledRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit a regressor on a regular grid in time, and answer for the irregular rows.

    scikit-learn's pipelines hand y on as it is, so a step that changes the number of rows cannot be
    part of one. This puts the pipeline inside: inputs and target are resampled together, whatever
    is inside sees regular rows with dates, and each original row gets its answer. Scores are taken
    at the original rows, so they can be compared between frequencies, and `freq` can be searched.

    At a point g of the grid the inputs are what the rows in (g - freq, g] hold, aggregated; the
    target is the mean over the rows in [g, g + freq). A row is answered by the last point at or
    before it. So no answer looks ahead, and a longer `freq` has its price: what a row is answered
    with may be as old as that. As nothing comes before the first row of all, the first point has
    that row for its inputs.

    Parameters
    ----------
    estimator : regressor
        What is fitted on the grid: as a rule a pipeline, such as ``make_pipeline(Differencer(),
        StandardScaler(), SlidingWindow(24), RNNRegressor())``. It is given data frames.
    freq : str, DateOffset or "infer", default="infer"
        Distance of the points of the grid, an alias of pandas such as ``"h"``, ``"15min"``, ``"D"``
        or ``"MS"``. "infer" takes what the dates of fit suggest; `explanation_` tells why.
    aggregation : str, callable or dict, default="mean"
        What becomes of the inputs of several rows: a reducer of pandas, or a dict with one for each
        column.
    fill : None, "ffill", "bfill", "linear", "time", "spline" or float, default=None
        What becomes of points without rows: None leaves NaN in the inputs (``missing="mask"`` of
        `RNNRegressor` takes them). In the target nothing may be missing, and a number is no target:
        there, where a gap is longer than `freq`, one of the others is needed. "ffill" and numbers
        never look ahead; the others do within the rows of one call, and repeat the last value
        where there is none ahead.

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor.
    freq_ : DateOffset
        Distance of the points of the grid.
    explanation_ : str
        What ``freq="infer"`` found.
    origin_ : Timestamp
        A point of the grid, from which all others are counted.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str
        Their names, if all are strings.

    See Also
    --------
    Resampler : Resample samples that are whole series.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_rnn import ResampledRegressor
    >>> minutes = np.sort(np.random.default_rng(0).choice(6000, size=400, replace=False))
    >>> stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")
    >>> X = pd.DataFrame({"opened": minutes / 60}, index=stamps)
    >>> y = (10 + 2 * X["opened"]).rename("used")
    >>> model = ResampledRegressor(LinearRegression(), freq="h", fill="ffill").fit(X, y)
    >>> model.predict(X).iloc[-3:].round()  # one answer for all rows of an hour
    2024-01-05 03:08:00    209.0
    2024-01-05 03:47:00    209.0
    2024-01-05 03:48:00    209.0
    Name: used, dtype: float64
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "freq": "no_validation",  # said in our words
        "aggregation": [str, callable, dict],
        "fill": "no_validation",
    }

    def __init__(
        self,
        estimator: Any,
        freq: Any = "infer",
        aggregation: str | Callable | dict = "mean",
        fill: Any = None,
    ) -> None:
        self.estimator = estimator
        self.freq = freq
        self.aggregation = aggregation
        self.fill = fill

    def fit(self, X: Any, y: Any) -> ResampledRegressor:
        """Resample inputs and target together, and fit the regressor on them.

        Parameters
        ----------
        X : DataFrame or Series of shape (N, F)
            Rows with dates as index, in any order.
        y : Series, DataFrame or array-like of shape (N,) or (N, O)
            What goes with each row.

        Returns
        -------
        ResampledRegressor
            Itself.

        Raises
        ------
        TimeOrderError
            If X has no dates.
        FrequencyError
            If `freq` is no frequency, or makes far more points than there are rows.
        MissingValuesError
            If the target has gaps and `fill` does not fill them.
        """
        self._validate_params()
        check_fill(self.fill, NAME)
        frame = self._checked(X, reset=True)
        targets, form = self._targets(frame.index, y)
        frame, targets = _in_time(frame), _in_time(targets)
        freq, explanation = self.freq, f"freq={self.freq!r} was given."
        if isinstance(freq, str) and freq == "infer":
            freq, explanation = infer_frequency([frame.index], NAME)
        grid = Grid(frame.index, freq, self.aggregation, self.fill, NAME)
        inputs = grid.inputs(frame)
        means = grid.targets(targets, inputs.index)
        if form.ndim == 1:
            means = means.iloc[:, 0].rename(getattr(form, "name", None))
        self.estimator_ = clone(self.estimator).fit(inputs, means)
        self.freq_, self.explanation_, self.origin_ = grid.freq, explanation, grid.origin
        grid.remember(frame, inputs)
        self._grid, self._form = grid, form
        return self

    def predict(self, X: Any) -> Any:
        """Answer for each row.

        Parameters
        ----------
        X : DataFrame or Series of shape (N, F)
            Rows with dates as index, in any order. Rows that follow those of fit are answered with
            knowledge of them.

        Returns
        -------
        ndarray, Series or DataFrame of shape (N,) or (N, O)
            In the units of y, in the order of X; with the index of X if y had one in fit.
        """
        check_is_fitted(self)
        frame = self._checked(X, reset=False)
        index, order = frame.index, np.argsort(frame.index.asi8, kind="stable")
        frame = _in_time(frame)
        if index.tz is not None:
            frame = frame.set_axis(frame.index.tz_convert(self._grid.zone))
        inputs = self._grid.inputs(frame)
        answers = np.asarray(self.estimator_.predict(inputs))
        places = self._grid.places(frame.index, inputs.index)
        rows = np.empty((len(frame), *answers.shape[1:]), dtype=answers.dtype)
        rows[order] = answers[places]
        return self._like_target(rows, index)

    def _checked(self, X: Any, reset: bool) -> pd.DataFrame:
        """Return X as a frame of rows with dates."""
        index = X.index if hasattr(X, "iloc") else None
        if not isinstance(index, pd.DatetimeIndex):
            what = type(X).__name__ if index is None else f"an index of {index.dtype}"
            raise TimeOrderError(
                f"{NAME}: X must be a data frame with dates (a DatetimeIndex in one "
                f"time zone) as index; got {what}. Use X.set_axis(pd.to_datetime(...)), or "
                f"X.to_timestamp() for periods."
            )
        if not len(index) or index.hasnans:
            raise TimeOrderError(
                f"{NAME}: X must have rows, each with a date; got {len(index)} rows, "
                f"{index.isna().sum()} of them NaT. Drop those: X[X.index.notna()]."
            )
        # of one zone there may be several objects, which differ by the name of none
        if not reset and str(index.tz) != str(self._grid.zone):
            raise TimeOrderError(
                f"{NAME}: X must be in the time zone of fit, {self._grid.zone}; got "
                f"{index.tz}. Use X.tz_convert."
            )
        frame = X.to_frame() if X.ndim == 1 else X
        _check_feature_names(self, frame, reset=reset)
        _check_n_features(self, frame, reset=reset)
        return frame

    def _targets(self, index: pd.DatetimeIndex, y: Any) -> tuple[pd.DataFrame, Any]:
        """Return the target as a frame with the index of X, and no rows of y as it came."""
        if y is None:
            raise ValueError(f"{NAME} requires y to be passed, but the target y is None.")
        if hasattr(y, "iloc") and not _are_same(y.index, index):
            raise TargetError(
                f"{NAME}: y must have the index of X; got another, of {len(y)} rows for "
                f"{len(index)}. "
                f"Use y.loc[X.index], or y.to_numpy() if the rows do go together."
            )
        check_consistent_length(index, y)
        values = _check_y(y, multi_output=True, y_numeric=True, estimator=self)
        form = y.iloc[:0] if hasattr(y, "iloc") else values[:0]
        return pd.DataFrame(values, index, getattr(form, "columns", None)), form

    def _like_target(self, rows: NDArray, index: pd.Index) -> Any:
        """Give answers the form of the target in fit."""
        form = self._form
        rows = rows.reshape(len(rows), -1) if form.ndim == 2 else rows
        if not hasattr(form, "iloc"):
            return rows
        if form.ndim == 1:
            return pd.Series(rows, index, name=form.name)
        return pd.DataFrame(rows, index, form.columns)

    def __sklearn_tags__(self):
        """Tell scikit-learn that rows have dates, and depend on those before."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        tags.non_deterministic = True
        return tags


def _in_time(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of their dates."""
    return frame if frame.index.is_monotonic_increasing else frame.sort_index(kind="stable")


def _are_same(index: pd.Index, other: pd.DatetimeIndex) -> bool:
    """Tell whether two indexes hold the same dates, in whatever unit."""
    if not isinstance(index, pd.DatetimeIndex) or len(index) != len(other):
        return index.equals(other)
    return str(index.tz) == str(other.tz) and bool((index == other).all())
