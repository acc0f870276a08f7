"""The transformers for sktime: its types in and out, and the past handed over by index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.transformations.base import BaseTransformer

from sklearn_rnn.exceptions import TimeOrderError
from sklearn_rnn.sktime.compatibility import SklearnCompatible
from sklearn_rnn.transformers import differencing, resampling, scaling, windows
from sklearn_rnn.transformers.history import Tail

__all__ = ["Differencer", "Resampler", "SequenceScaler", "SlidingWindow"]

TAGS = {
    "authors": ["The sklearn_rnn developers"],
    "maintainers": ["The sklearn_rnn developers"],
    "python_dependencies": None,
    "scitype:transform-input": "Series",
    "scitype:transform-output": "Series",
    "scitype:instancewise": True,
    "X_inner_mtype": "pd.DataFrame",
    "y_inner_mtype": "None",
    "capability:multivariate": True,
    "capability:categorical_in_X": False,
    "capability:missing_values": True,
    "fit_is_empty": False,
}


class Differencer(SklearnCompatible, BaseTransformer):
    """Difference series at one or several lags, in order, and add the differences up again.

    `sklearn_rnn.Differencer` for sktime. The series seen in fit and update is kept, so that
    differences of any part of it, and of what follows it, come back exactly. Beside sktime's own
    Differencer: missing values stay where they were, forecasts of fewer steps than the lags are
    added up too, and it works in scikit-learn's tools.

    A sum needs all its parts: with ``lags=(1,)`` a horizon ``fh=[1, 3]`` is refused, where
    ``fh=[1, 2, 3]`` and a choice from the answer will do. Bounds of intervals are added up as well,
    as if the errors of all steps had the same sign: they are rather too wide than too narrow.

    Parameters
    ----------
    lags : tuple of int, default=(1,)
        ``(1, 12)`` removes a trend and then a yearly season of months.
    rows : {"drop", "keep"}, default="drop"
        What becomes of the first ``sum(lags)`` rows: left out, as most forecasters take no missing
        values, or NaN.

    See Also
    --------
    sklearn_rnn.Differencer : The same for scikit-learn.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from sklearn_rnn.sktime import Differencer
    >>> y = load_airline()
    >>> forecaster = Differencer(lags=(12,)) * NaiveForecaster()
    >>> forecaster.fit(y, fh=[1, 2]).predict().tolist()  # last year's month and the last growth
    [444.0, 418.0]
    """

    _tags = {
        **TAGS,
        "transform-returns-same-time-index": False,
        "capability:inverse_transform": True,
        # exact for the series of fit and for what follows it; with this tag sktime would also have
        # differences of another series of the same dates back, of which fit knows nothing
        "capability:inverse_transform:exact": False,
        "capability:update": True,
    }

    def __init__(self, lags: tuple[int, ...] = (1,), rows: str = "drop") -> None:
        self.lags = lags
        self.rows = rows
        super().__init__()

    def _fit(self, X: pd.DataFrame, y: Any = None) -> Differencer:
        self.core_ = differencing.Differencer(self.lags, self.rows).fit(X)
        self.seen_ = X
        return self

    def _update(self, X: pd.DataFrame, y: Any = None) -> Differencer:
        return self._fit(X.combine_first(self.seen_)[list(X.columns)])

    def _transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        return self.core_.transform(X, history=self._rows_before(X))

    def _inverse_transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        steps = self._steps_of(X.index)
        missing = ~steps.isin(X.index)
        if not missing.any():
            return self.core_.inverse_transform(X, history=self._rows_before(X))
        changes = X.reindex(steps)
        self._check_needless(changes, missing)
        changes[missing] = 0.0
        sums = self.core_.inverse_transform(changes, history=self._rows_before(changes))
        return sums.loc[X.index]

    def _steps_of(self, index: pd.Index) -> pd.Index:
        """Return every step from the first of `index`, or the first after those seen, to its end.

        `index` itself, if it is not known how far apart steps are.
        """
        seen = self.seen_.index
        if isinstance(seen, pd.PeriodIndex) and index.dtype != seen.dtype:
            raise TimeOrderError(
                f"Differencer: X must have an index of {seen.dtype}, as in fit, for its "
                f"differences to be added up; got {index.dtype}. Difference and forecast at one "
                f"frequency: ResampledForecaster(Differencer() * forecaster), for example."
            )
        if not len(index):
            return index
        steps = seen[(seen >= index[0]) & (seen <= index[-1])]
        later = index[index > seen[-1]]
        if len(later):
            steps = steps.append(_steps_between(seen, later[-1], later))
        return steps.union(index)

    def _check_needless(self, changes: pd.DataFrame, missing: NDArray[np.bool_]) -> None:
        """Refuse sums that a missing step is part of."""
        parts = changes.where(changes.isna(), 0.0)
        parts[missing] = 1.0
        before = np.zeros((sum(self.lags), parts.shape[1]))
        sums = self.core_.inverse_transform(parts, history=before).to_numpy()
        wrong = (sums > 0).any(axis=1) & ~missing
        if not wrong.any():
            return
        needed = missing & (np.arange(len(missing)) < np.flatnonzero(wrong)[-1])
        names = ", ".join(str(step) for step in changes.index[needed][:5])
        raise ValueError(
            f"Differencer: to add differences up, lags={self.lags} need every step on the way; "
            f"missing are {needed.sum()}: {names}{', ...' if needed.sum() > 5 else ''}. Forecast "
            f"them too, as in fh=[1, 2, 3] for fh=[3], and choose from the answer."
        )

    def _rows_before(self, X: pd.DataFrame) -> NDArray | None:
        """Return rows seen that come right before X; None if there are not enough of them."""
        tail = Tail(self.seen_.to_numpy(np.float64), self.seen_.index, len(self.seen_))
        known = tail.known_before(X.index)
        return known[0] if known and not known[1] and len(known[0]) >= sum(self.lags) else None

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        return [{}, {"lags": (1, 2), "rows": "keep"}]


class Resampler(SklearnCompatible, BaseTransformer):
    """Turn series of irregular, gappy or too frequent rows into regular ones.

    `sklearn_rnn.Resampler` for sktime. It has no inverse: to forecast at another frequency than
    that of the data use `ResampledForecaster`.

    Parameters
    ----------
    freq : str, DateOffset, int or "infer", default="infer"
        Length of a bin: an alias of pandas (for periods theirs, "M"), or a number for an index of
        whole numbers.
    aggregation : str, callable or dict, default="mean"
        What becomes of several rows in a bin: a reducer of pandas, or a dict by column.
    fill : None, "ffill", "bfill", "linear", "time", "spline" or float, default=None
        What becomes of bins without a value; None leaves NaN.

    See Also
    --------
    sklearn_rnn.Resampler : The same for scikit-learn.
    ResampledForecaster : Forecast at another frequency.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_rnn.sktime import Resampler
    >>> Resampler("Y", aggregation="sum").fit_transform(load_airline()).tail(2)
    Period
    1959    5140.0
    1960    5714.0
    Freq: Y-DEC, Name: Number of airline passengers, dtype: float64
    """

    _tags = {**TAGS, "transform-returns-same-time-index": False}

    def __init__(
        self,
        freq: Any = "infer",
        aggregation: str | Callable | dict = "mean",
        fill: Any = None,
    ) -> None:
        self.freq = freq
        self.aggregation = aggregation
        self.fill = fill
        super().__init__()

    def _fit(self, X: pd.DataFrame, y: Any = None) -> Resampler:
        self.core_ = resampling.Resampler(self.freq, self.aggregation, self.fill).fit(X)
        return self

    def _transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        return self.core_.transform(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        return [{}, {"aggregation": "last", "fill": "ffill"}]


class SequenceScaler(SklearnCompatible, BaseTransformer):
    """Scale series, all of a panel alike or each by itself, and scale forecasts back.

    `sklearn_rnn.SequenceScaler` for sktime. Where ``TabularToSeriesAdaptor(StandardScaler())``
    scales each series of a panel by itself, this learns one scale for all, as a model trained on
    all of them wants it.

    Parameters
    ----------
    method : {"standard", "minmax", "robust", "maxabs"}, default="standard"
        Subtract and divide by: mean and standard deviation; smallest value and range; median and
        range between two quantiles; zero and largest absolute value.
    per : {"feature", "dataset"}, default="feature"
        Whether each column has a scale of its own, or all have the same.
    feature_range : tuple of float (smallest, largest), default=(0, 1)
        What "minmax" scales to.
    quantile_range : tuple of float (lower, upper), default=(25.0, 75.0)
        Quantiles in percent between which "robust" takes the range.

    See Also
    --------
    sklearn_rnn.SequenceScaler : The same for scikit-learn.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_rnn.sktime import SequenceScaler
    >>> scaled = SequenceScaler("minmax").fit_transform(load_airline())
    >>> float(scaled.min()), float(scaled.max())
    (0.0, 1.0)
    """

    _tags = {
        **TAGS,
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "scitype:instancewise": False,
        "transform-returns-same-time-index": True,
        "capability:inverse_transform": True,
        "capability:inverse_transform:exact": True,
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
        super().__init__()

    def _fit(self, X: pd.DataFrame, y: Any = None) -> SequenceScaler:
        self.core_ = scaling.SequenceScaler(**self.get_params(deep=False)).fit(X.to_numpy())
        return self

    def _transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        return pd.DataFrame(self.core_.transform(X.to_numpy()), X.index, X.columns)

    def _inverse_transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        return pd.DataFrame(self.core_.inverse_transform(X.to_numpy()), X.index, X.columns)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        return [{}, {"method": "minmax", "per": "dataset", "feature_range": (-1, 1)}]


class SlidingWindow(SklearnCompatible, BaseTransformer):
    """Cut a series into a panel of its windows, each with its own part of the index.

    Beside sktime's SlidingWindowSegmenter: windows keep their dates and columns, lie within the
    series, and are cut without a loop.

    Parameters
    ----------
    window_length : int, default=10
        Rows in a window.
    step_length : int, default=1
        Rows from the start of a window to the start of the next.

    See Also
    --------
    sklearn_rnn.SlidingWindow : One window for each row, for scikit-learn's pipelines.
    sklearn_rnn.make_windows : Windows and what follows them, as arrays.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_rnn.sktime import SlidingWindow
    >>> panel = SlidingWindow(window_length=12, step_length=12).fit_transform(load_airline())
    >>> panel.index.get_level_values(0).nunique()  # years
    12
    """

    _tags = {
        **TAGS,
        "scitype:transform-output": "Panel",
        "transform-returns-same-time-index": False,
        "fit_is_empty": True,
    }

    def __init__(self, window_length: int = 10, step_length: int = 1) -> None:
        self.window_length = window_length
        self.step_length = step_length
        super().__init__()

    def _transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        length, step = self.window_length, self.step_length
        cut = windows.SlidingWindow(length, step, rows="full").fit(X).transform(X)
        places = windows.windows_of(np.arange(len(X))[:, np.newaxis], length, step)[:, :, 0]
        names = [np.repeat(np.arange(len(cut)), length), X.index[places.ravel()]]
        index = pd.MultiIndex.from_arrays(names, names=["window", X.index.name or "time"])
        return pd.DataFrame(cut.reshape(len(index), -1), index, X.columns)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        return [{"window_length": 3}, {"window_length": 4, "step_length": 2}]


def _steps_between(seen: pd.Index, end: Any, later: pd.Index) -> pd.Index:
    """Return the steps after those `seen` up to `end`; those of `later`, if no step is known."""
    if isinstance(seen, pd.PeriodIndex):
        return pd.period_range(seen[-1], end, freq=seen.freq)[1:]
    if isinstance(seen, pd.DatetimeIndex):
        freq = Tail(np.empty((len(seen), 0)), seen, len(seen)).freq
        return later if freq is None else pd.date_range(seen[-1], end, freq=freq)[1:]
    return pd.RangeIndex(seen[-1] + 1, end + 1)
