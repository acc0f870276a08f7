"""Forecasts at another frequency than that of the data."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import get_cutoff
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from sklearn_rnn.exceptions import FrequencyError, SeriesTooShortError
from sklearn_rnn.sktime.compatibility import SklearnCompatible
from sklearn_rnn.transformers.frequencies import check_frequency, infer_frequency
from sklearn_rnn.transformers.panels import in_form_of, is_panel, series_of
from sklearn_rnn.transformers.resampling import Resampler

__all__ = ["ResampledForecaster"]


class ResampledForecaster(SklearnCompatible, BaseForecaster):
    """Resample a series, forecast it at the new frequency, and answer in that.

    A resampling transformer in a forecasting pipeline counts the horizon in the wrong unit: it
    makes months of days and then forecasts the next day. Here ``fh=[1, 2]`` means the next two
    steps of `freq`.

    Scores need a truth of the same frequency, which sktime's `evaluate` and searches do not take
    from y. Search inside instead, ``ResampledForecaster(ForecastingGridSearchCV(...), freq="MS")``,
    and compare forecasts with what `Resampler` makes of later rows.

    Periods of which the data show only a part, at the beginning or the end, are left out by
    default: the sum of half a month is not the sum of a month. Then ``fh=1`` is the period that
    has begun, of which the rows seen so far are kept until `update` completes it.

    Parameters
    ----------
    forecaster : sktime forecaster
        What forecasts at the new frequency. If it can give intervals, so can this.
    freq : str, DateOffset or "infer", default="infer"
        The new frequency: an alias of pandas (for periods theirs, "M"; for dates "MS"). "infer"
        keeps that of the data and only fills in what is missing between; of an index of whole
        numbers, which sktime counts by ones, nothing else can be made.
    aggregation : str, callable or dict, default="mean"
        What becomes of several rows, of y and X: a reducer of pandas, or a dict by column.
    fill : None, "ffill", "bfill", "linear", "time", "spline" or float, default=None
        What becomes of steps without a value; None leaves NaN.
    incomplete : {"drop", "keep"}, default="drop"
        What becomes of a first or last period that the data show in part, which is seen from how
        far apart rows are as a rule. "keep" takes the part for the whole.

    Attributes
    ----------
    forecaster_ : sktime forecaster
        The fitted forecaster.
    freq_ : str, DateOffset or int
        The new frequency; the number 1 for an index of whole numbers.
    explanation_ : str
        What ``freq="infer"`` found.
    seen_y_, seen_X_ : DataFrame or None
        The data of fit and update as they came.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from sklearn_rnn.sktime import ResampledForecaster
    >>> y = load_airline()[:-3]  # until September 1960
    >>> quarters = ResampledForecaster(NaiveForecaster(sp=4), freq="Q", aggregation="sum")
    >>> quarters.fit(y, fh=[1, 2]).predict()
    1960Q4    1174.0
    1961Q1    1227.0
    Freq: Q-DEC, Name: Number of airline passengers, dtype: float64
    """

    _tags = {
        "authors": ["The sklearn_rnn developers"],
        "maintainers": ["The sklearn_rnn developers"],
        "python_dependencies": None,
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:missing_values": True,
        "capability:categorical_in_X": False,
        "capability:update": True,
        "fit_is_empty": False,
    }
    # The data of fit and update are kept here, as they came; sktime need not keep them too.
    _config = {"remember_data": False}

    def __init__(
        self,
        forecaster: Any,
        freq: Any = "infer",
        aggregation: str | Callable | dict = "mean",
        fill: Any = None,
        incomplete: str = "drop",
    ) -> None:
        self.forecaster = forecaster
        self.freq = freq
        self.aggregation = aggregation
        self.fill = fill
        self.incomplete = incomplete
        super().__init__()

    def __post_init__(self) -> None:
        """Have what sktime looks for, though it is to keep no data."""
        self._y = self._X = None

    def __dynamic_tags__(self) -> None:
        """Be able to do what the forecaster inside can."""
        tags = ["exogenous", "insample", "pred_int", "pred_int:insample", "missing_values"]
        tags = [f"capability:{tag}" for tag in tags]
        self.clone_tags(self.forecaster, [*tags, "requires-fh-in-fit"])

    def _set_cutoff_from_y(self, y: pd.DataFrame) -> None:
        """Take in new rows; the cutoff is the last whole step, so that horizons count such steps.

        sktime calls this before it looks at a horizon, in fit and in update.
        """
        is_new = self._state != "fitted"
        if is_new:
            self._settle(y)
        self.seen_y_: Any = y if is_new else _joined(self.seen_y_, y)
        self._whole = self._complete(self.seen_y_)
        self._cutoff = get_cutoff(self._whole, return_index=True)

    def _check_fh(self, fh: Any, *options: Any, **more: Any) -> Any:
        """Take numbers of steps as such, whatever frequency a pipeline around has bound them to."""
        if isinstance(fh, ForecastingHorizon) and fh.is_relative:
            fh = _free(fh)
        return super()._check_fh(fh, *options, **more)

    def _settle(self, y: pd.DataFrame) -> None:
        """Find the frequencies of the data and of the forecasts."""
        if self.incomplete not in ("drop", "keep"):
            raise ValueError(
                f"ResampledForecaster: incomplete must be 'drop' or 'keep'; got "
                f"{self.incomplete!r}. 'keep' takes part of a period for the whole."
            )
        indexes = [part.index for part in _parts(y)]
        if not self._infers():
            resampler = self._resampler(y, self.freq).fit(y)
            self.freq_, self.explanation_ = resampler.freq_, resampler.explanation_
        if self._infers() or self._drops():
            self._step, explanation = _step_of(indexes)
        if self._infers():
            self.freq_, self.explanation_ = self._step, explanation
        if isinstance(self.freq_, Integral) and int(self.freq_) > 1:
            raise FrequencyError(
                f"ResampledForecaster: freq must be 1 for an index of whole numbers, for sktime "
                f"counts a horizon in ones; got {self.freq_}. Give y dates or periods as index."
            )

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> ResampledForecaster:
        self.seen_X_ = X
        inputs = None if X is None else _rows_like(self._resampled(X), self._whole)
        self.forecaster_ = self.forecaster.clone().fit(self._whole, X=inputs, fh=_free(fh))
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> ResampledForecaster:
        self.seen_X_ = _joined(self.seen_X_, X)
        steps, known = self._whole.index.get_level_values(-1), self.forecaster_.cutoff[0]
        # a period that was kept before it was over has another value now
        new = self._whole[steps > known if self._drops() else steps >= known]
        if len(new):
            inputs = None
            if self.seen_X_ is not None:
                inputs = _rows_like(self._resampled(self.seen_X_), new)
            self.forecaster_.update(new, X=inputs, update_params=update_params)
        return self

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> Any:
        return self._answer("predict", fh, X)

    def _predict_quantiles(self, fh: Any, X: pd.DataFrame | None, alpha: list[float]) -> Any:
        return self._answer("predict_quantiles", fh, X, alpha=alpha)

    def _predict_interval(self, fh: Any, X: pd.DataFrame | None, coverage: list[float]) -> Any:
        return self._answer("predict_interval", fh, X, coverage=coverage)

    def _predict_var(self, fh: Any, X: pd.DataFrame | None = None, cov: bool = False) -> Any:
        return self._answer("predict_var", fh, X, cov=cov)

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        return self._answer("predict_proba", fh, X, marginal=marginal)

    def _answer(self, method: str, fh: Any, X: pd.DataFrame | None, **options: Any) -> Any:
        """Ask the forecaster inside, steps counted in its own frequency."""
        self._check_steps(fh)
        inputs = None
        if X is not None:
            inputs = self._complete(_joined(self.seen_X_, X))
            self._check_covered(inputs, fh)
            if fh.is_all_out_of_sample(self.cutoff):
                inputs = inputs[inputs.index.get_level_values(-1) > self.cutoff[0]]
        return getattr(self.forecaster_, method)(fh=_free(fh), X=inputs, **options)

    def _check_steps(self, fh: Any) -> None:
        """Refuse dates that lie between steps: their answers would be those of other dates."""
        if fh.is_relative:
            return
        steps, grid = fh.to_pandas(), self._whole.index.get_level_values(-1).unique()
        if isinstance(grid, pd.DatetimeIndex):
            grid = grid.union(pd.date_range(grid[-1], max(grid[-1], steps[-1]), freq=self.freq_))
            wrong = ~steps.isin(grid)
        else:
            wrong = np.full(len(steps), steps.dtype != grid.dtype)
        if wrong.any():
            raise FrequencyError(
                f"ResampledForecaster: an absolute horizon must name steps of freq="
                f"{self.freq_!r}, such as {grid[-1]}; got {wrong.sum()} of {len(steps)} that are "
                f"none. Give whole numbers, as in fh=[1, 2]. To score forecasts, resample the "
                f"truth first."
            )

    def _check_covered(self, inputs: pd.DataFrame, fh: Any) -> None:
        """Refuse inputs that end before the horizon does, or within its last period."""
        steps = fh.to_absolute_index(self.cutoff)
        missing = ~steps.isin(inputs.index.get_level_values(-1))
        if missing.any():
            raise SeriesTooShortError(
                f"ResampledForecaster: X must cover all of each period of the horizon; got no "
                f"inputs, or of a part only, for {missing.sum()} of {len(steps)}, the first "
                f"{steps[missing][0]}. Give X from after the rows of fit to the end of "
                f"{steps[-1]}."
            )

    def _infers(self) -> bool:
        return isinstance(self.freq, str) and self.freq == "infer"

    def _drops(self) -> bool:
        return self.incomplete == "drop" and not self._infers()

    def _resampler(self, frame: pd.DataFrame, freq: Any) -> Resampler:
        aggregation = self.aggregation
        if isinstance(aggregation, dict):
            aggregation = {c: aggregation[c] for c in frame.columns if c in aggregation}
        return Resampler(freq, aggregation, self.fill)

    def _resampled(self, frame: pd.DataFrame) -> pd.DataFrame:
        return self._resampler(frame, self.freq_).fit_transform(frame)

    def _complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Resample, without the periods that have only begun or were only ending."""
        resampled = self._resampled(frame)
        if not self._drops():
            return resampled
        parts = []
        for rows, bins in zip(_parts(frame), _parts(resampled), strict=True):
            first, last = (int(self._shares(rows.index, direction)) for direction in (-1, 1))
            parts.append(bins.iloc[first : len(bins) - last])
        if not min(map(len, parts)):
            raise SeriesTooShortError(
                f"ResampledForecaster: freq={self.freq!r} needs series that show at least one "
                f"whole period; got {len(frame)} rows without any. Set incomplete='keep', or a "
                f"finer freq."
            )
        return in_form_of(frame, parts) if is_panel(frame) else parts[0]

    def _shares(self, index: pd.Index, direction: int) -> bool:
        """Tell whether one more row, before or after these, would fall into a bin of theirs."""
        index = index.sort_values()
        end = index[-1] if direction > 0 else index[0]
        step = self._step
        if isinstance(index, pd.DatetimeIndex):
            step = check_frequency(step, index, "ResampledForecaster")
        elif isinstance(index, pd.PeriodIndex):
            step = 1
        if direction < 0 and hasattr(step, "rollback"):
            end = step.rollback(end)  # one step back is else the beginning of its own month
        more = pd.Index([end + direction * step])
        pair = index[:1].append([index[-1:], more]).sort_values()
        rows = pd.DataFrame({"row": np.ones(len(pair))}, pair)
        bins = Resampler(self.freq_, "sum").fit_transform(rows)["row"]
        alone = Resampler(self.freq_, "sum").fit_transform(rows.drop(more))["row"]
        return int(bins.notna().sum()) == int(alone.notna().sum())

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        from sktime.forecasting.naive import NaiveForecaster
        from sktime.forecasting.trend import PolynomialTrendForecaster

        return [
            {"forecaster": NaiveForecaster(), "fill": "ffill"},
            {"forecaster": PolynomialTrendForecaster(degree=1), "aggregation": "last"},
        ]


def _step_of(indexes: list[pd.Index]) -> tuple[Any, str]:
    """Return how far apart rows are, and how that was found."""
    try:
        return infer_frequency(indexes, "ResampledForecaster")
    except SeriesTooShortError as error:
        raise SeriesTooShortError(
            f"ResampledForecaster: y must have two rows of different dates at least, to see how "
            f"far apart rows are; got {sum(map(len, indexes))} rows. Give more rows, or freq and "
            f"incomplete='keep'."
        ) from error


def _free(fh: Any) -> Any:
    """Return a horizon that is not yet bound to a frequency."""
    return None if fh is None else ForecastingHorizon(fh.to_pandas(), is_relative=fh.is_relative)


def _rows_like(inputs: pd.DataFrame, y: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that y has too."""
    return inputs[inputs.index.isin(y.index)]


def _parts(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return series_of(frame) if is_panel(frame) else [frame]


def _joined(seen: pd.DataFrame | None, new: pd.DataFrame | None) -> pd.DataFrame | None:
    """Put new rows behind those seen; they win where both have a row."""
    if seen is None or new is None:
        return seen if new is None else new
    return new.combine_first(seen)[list(new.columns)]
