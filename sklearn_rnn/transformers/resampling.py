"""Irregular series become regular: bins in time, what they hold, and what fills empty ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import DataFrameGroupBy
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)

from sklearn_rnn.exceptions import (
    MissingValuesError,
    SequenceShapeError,
    SeriesTooShortError,
    TimeOrderError,
)
from sklearn_rnn.sequences import Sequences, as_sequences, is_list_of_sequences
from sklearn_rnn.transformers.frequencies import (
    check_bins,
    check_frequency,
    infer_frequency,
    is_time,
)
from sklearn_rnn.transformers.panels import axes_of, in_form_of, is_panel, series_of

__all__ = ["FILLS", "Resampler", "aggregate", "check_fill", "fill_gaps", "reducers_of"]

#: Ways to fill bins without a value, beside a number, and what pandas interpolates by.
FILLS: dict[str, dict[str, str]] = {
    "ffill": {},
    "bfill": {},
    "linear": {"method": "linear"},
    "time": {"method": "time"},
    "spline": {"method": "cubicspline"},
}

#: Reducers that give whole numbers for whole numbers.
EXACT = ("first", "last", "min", "max", "sum", "prod")

#: Reducers whose answers need not fit into the dtype of the values, and the dtypes for those.
WIDENING = ("sum", "prod")
WIDE = {"b": np.dtype(np.int64), "i": np.dtype(np.int64), "u": np.dtype(np.uint64)}

#: Dtypes that hold whole numbers and truths exactly beside a missing one.
NULLABLE = {"b": "boolean", "i": "Int64", "u": "UInt64"}


def reducers_of(aggregation: Any, columns: pd.Index, name: str) -> dict[Any, list[Any]]:
    """Return the columns that each reducer is for, or say which have none.

    Parameters
    ----------
    aggregation : str, callable or dict
        A reducer of pandas, or one for each column.
    columns : Index
        The columns that there are.
    name : str
        Who asks.

    Returns
    -------
    dict
        Lists of columns by reducer.

    Raises
    ------
    ValueError
        If pandas has no such reducer, or if a dict leaves out a column, or knows one that there is
        not.
    """
    if not isinstance(aggregation, Mapping):
        _check_reducer(aggregation, name)
        return {aggregation: list(columns)}
    missing = [column for column in columns if column not in aggregation]
    unknown = [column for column in aggregation if column not in columns]
    if missing or unknown:
        raise ValueError(
            f"{name}: aggregation must say what becomes of each column of X; got none for "
            f"{missing}, and some for {unknown}, which X does not have. Give a reducer for each."
        )
    reducers: dict[Any, list[Any]] = {}
    for column in columns:
        _check_reducer(aggregation[column], name)
        reducers.setdefault(aggregation[column], []).append(column)
    return reducers


def _check_reducer(reducer: Any, name: str) -> None:
    is_known = isinstance(reducer, str) and hasattr(DataFrameGroupBy, reducer)
    if not callable(reducer) and not is_known:
        raise ValueError(
            f"{name}: aggregation must be a reducer that pandas knows, or a callable, for each "
            f"column one; got {reducer!r}. Use 'mean', 'sum', 'last' or 'max', for example."
        )


def aggregate(grouped: Any, reducers: dict[Any, list[Any]], name: str) -> pd.DataFrame:
    """Return what each bin holds of each column; a bin of no values holds nothing, not 0.

    Parameters
    ----------
    grouped : Resampler or DataFrameGroupBy
        pandas' rows in bins.
    reducers : dict
        Columns by reducer, as `reducers_of` gives them.
    name : str
        Who asks.

    Returns
    -------
    DataFrame
        A row for each bin, columns in the order of the reducers.

    Raises
    ------
    ValueError
        If a reducer fails on its columns, or does not answer one value for each bin.
    """
    parts = [_reduced(grouped, *reducer, name) for reducer in reducers.items()]
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def _reduced(grouped: Any, reducer: Any, columns: list[Any], name: str) -> pd.DataFrame:
    """Return what one reducer makes of its columns."""
    # pandas calls the sum of nothing 0, which would be a value filled in without a word
    options = {"min_count": 1} if reducer in ("sum", "prod") else {}
    asked = _of_values(reducer) if callable(reducer) else reducer
    try:
        bins = _chosen(grouped, reducer, columns).agg(asked, **options)
    except (TypeError, AttributeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{name}: aggregation must be a reducer of pandas that fits the columns {columns}; "
            f"{reducer!r} failed on them ({type(error).__name__}). Use 'first' or 'last' for "
            f"text, or a dict with a reducer for each column."
        ) from error
    is_bins = bins.shape == (grouped.ngroups, len(columns))
    if is_bins and len(bins) == len(grouped.obj):  # what transforms rows has as many by chance
        is_bins = bins.index.equals(grouped.size().index)
    if not is_bins:
        raise ValueError(
            f"{name}: aggregation must make one value of each bin and column; {reducer!r} made "
            f"{bins.shape} of {grouped.ngroups} bins and {len(columns)} columns. Use 'mean' or "
            f"'last', for example."
        )
    return bins


def _chosen(grouped: Any, reducer: Any, columns: list[Any]) -> Any:
    """Return the columns; all of them as they are, which spares pandas a copy."""
    is_all = len(columns) == grouped.obj.shape[1]
    return grouped if is_all and reducer in (*EXACT, "mean", "median") else grouped[columns]


def _of_values(reducer: Callable) -> Callable:
    """Return a reducer that is not asked about bins without a value."""

    def reduce(values: pd.Series) -> Any:
        answer = reducer(values) if values.notna().any() else np.nan
        if np.ndim(answer):
            raise TypeError("several values for one bin")
        return answer

    return reduce


def check_fill(fill: Any, name: str) -> None:
    """Refuse what is no way to fill.

    Parameters
    ----------
    fill : object
        None, one of `FILLS`, or a finite number.
    name : str
        Who asks.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    is_number = isinstance(fill, Real) and not isinstance(fill, bool)
    is_name = isinstance(fill, str) and fill in FILLS
    if not (fill is None or is_name or (is_number and np.isfinite(fill))):
        raise ValueError(
            f"{name}: fill must be None, a finite number, or one of {sorted(FILLS)}; got {fill!r}. "
            f"None leaves NaN where there is no value."
        )


def fill_gaps(frame: pd.DataFrame, fill: Any, name: str) -> pd.DataFrame:
    """Fill what is missing in a regular frame.

    Interpolation fills only between values; not before the first, nor after the last.

    Parameters
    ----------
    frame : DataFrame
        Regular rows.
    fill : None, str or float
        One of `FILLS`, or a number; None fills nothing.
    name : str
        Who asks.

    Returns
    -------
    DataFrame
        Of the same index and columns. What was interpolated is float, in float32 if it was.

    Raises
    ------
    MissingValuesError
        If a column holds nothing to fill from.
    ValueError
        If `fill` needs numbers, and a column holds none.
    """
    if fill is None:
        return frame
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    if text and fill not in ("ffill", "bfill"):
        raise ValueError(
            f"{name}: fill={fill!r} needs columns of numbers; the columns {text} hold none. Use "
            f"'ffill' or 'bfill'."
        )
    if not isinstance(fill, str):
        return _filled_with(frame, fill)
    empty = [column for column in frame.columns if frame[column].isna().all()]
    if empty:
        raise MissingValuesError(
            f"{name}: fill={fill!r} needs a value to start from; the columns {empty} hold none in "
            f"a series of {len(frame)} bins. Drop them, or give a number as fill."
        )
    return _interpolated(frame, fill) if FILLS[fill] else getattr(frame, fill)()


def _filled_with(frame: pd.DataFrame, number: float) -> pd.DataFrame:
    """Put a number where there is none."""
    filled = frame.copy()
    for column in frame.columns[frame.isna().any()]:
        values = frame[column]
        kind = values.dtype.kind
        lowest = {"i": -(2**63), "u": 0}.get(kind, np.inf)
        is_whole = float(number).is_integer() and lowest <= number < 2**63
        if kind != "f" and not is_whole:  # 0.5 among nullable whole numbers
            values = values.astype("Float64")
        filled[column] = values.fillna(int(number) if is_whole else number)
    return filled


def _interpolated(frame: pd.DataFrame, fill: str) -> pd.DataFrame:
    """Join values around gaps by lines."""
    gappy = [c for c in frame.columns if frame[c].isna().any() and frame[c].notna().sum() > 1]
    if not gappy:
        return frame
    options = FILLS[fill]
    index = frame.index
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    elif not isinstance(index, pd.DatetimeIndex):
        options = options if fill == "spline" else FILLS["linear"]  # whole numbers are regular
    values = frame[gappy].set_axis(index).astype(np.float64)
    joined = values.interpolate(limit_area="inside", **options)
    filled = frame.copy()
    for column in gappy:
        dtype = frame[column].dtype
        joins = joined[column].set_axis(frame.index)
        filled[column] = joins.astype(dtype if pd.api.types.is_float_dtype(dtype) else "Float64")
    return filled


class Resampler(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn series of irregular, unsorted, gappy or too frequent rows into regular ones.

    Every bin of length `freq` from the first row to the last becomes one row: rows are sorted by
    their index (those of one time stay in their order), what lies within a bin is aggregated, and
    bins without a value stay NaN or are filled. Dates go into bins as pandas' ``resample`` has
    them; periods and whole numbers into bins that begin at the first of them. Time zones, the
    changes of clocks, names and, where a reducer gives values of the same kind, dtypes are kept;
    sums and products of whole numbers and of truths are whole numbers of 64 bits.

    There is no way back: a mean forgets what it is a mean of. To resample inputs and target of a
    regression together, and to have answers for the original rows, use `ResampledRegressor`. As a
    step of a pipeline this is for samples that are whole series each (a panel), for scikit-learn
    hands on y as it is.

    Parameters
    ----------
    freq : str, DateOffset, timedelta, int or "infer", default="infer"
        Length of a bin: an alias of pandas (``"h"``, ``"15min"``, ``"MS"``; ``"M"`` for periods), a
        number for an index of whole numbers. "infer" takes what the index seen in fit suggests;
        `explanation_` tells why.
    aggregation : str, callable or dict, default="mean"
        What becomes of several rows in a bin: any reducer of pandas ("mean", "sum", "last", "max",
        ...), a function of a Series, or a dict with one of them for each column. Missing values do
        not count; of no values there is no value, also for "sum". Only "count" and "nunique" are
        then 0, "any" is False and "all" is True, as in pandas.
    fill : None, "ffill", "bfill", "linear", "time", "spline" or float, default=None
        What becomes of bins without a value: None leaves NaN. "ffill" repeats the value before,
        "bfill" the one after. "linear" and "time" join the values around by a straight line, over
        the number of bins or over time (months differ in length); "spline" joins all values by a
        smooth cubic curve over time. All but "ffill" and numbers look ahead. What lies before the
        first value stays NaN under "ffill", what lies after the last under "bfill", both when
        interpolating. A number fills all, but not steps of arrays before the first or after the
        last that hold any value: those are padding.
    factor : int, optional
        Rows in a bin, for arrays (N, T, F) or (N, T) and lists of arrays, which have no dates;
        then without `freq`.

    Attributes
    ----------
    freq_ : str, DateOffset or int
        Length of a bin; for arrays `factor`.
    explanation_ : str
        What ``freq="infer"`` found.
    n_features_in_ : int
        Columns (features) of each series; of an array (N, T) its columns.
    feature_names_in_ : ndarray of str
        Their names, if X was made of data frames.

    See Also
    --------
    ResampledRegressor : Resample inputs and target together.
    sklearn_rnn.sktime.ResampledForecaster : Forecast at another frequency.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_rnn import Resampler
    >>> stamps = pd.to_datetime(["2024-01-01 09:00", "2024-01-01 17:00", "2024-01-03 12:00"])
    >>> series = pd.Series([1.0, 3.0, 8.0], index=stamps)
    >>> Resampler("D").fit_transform(series)
    2024-01-01    2.0
    2024-01-02    NaN
    2024-01-03    8.0
    Freq: D, dtype: float64
    >>> Resampler("D", aggregation="max", fill="linear").fit_transform(series).tolist()
    [3.0, 5.5, 8.0]

    A panel of sequences without dates:

    >>> Resampler(factor=2).fit_transform([[1.0, 3.0, 8.0], [5.0, 5.0, 4.0]])
    array([[2., 8.],
           [5., 4.]])
    """

    _parameter_constraints: dict = {
        "freq": "no_validation",  # said in our words
        "aggregation": [str, callable, dict],
        "fill": "no_validation",
        "factor": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        freq: Any = "infer",
        aggregation: str | Callable | dict = "mean",
        fill: Any = None,
        factor: int | None = None,
    ) -> None:
        self.freq = freq
        self.aggregation = aggregation
        self.fill = fill
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> Resampler:
        """Check the data, and find the frequency if that is to be inferred.

        Parameters
        ----------
        X : Series or DataFrame, list of them, or array-like of shape (N, T, F) or (N, T)
            One series or a panel. Rows with dates (or periods, or whole numbers) as index, in any
            order; a MultiIndex, whose last level is that, makes a panel. Arrays, also a list of
            them, need `factor`.
        y : None
            Not used.

        Returns
        -------
        Resampler
            Itself.

        Raises
        ------
        TimeOrderError
            If there are neither dates nor a `factor`, if there are both, if a date is missing, or
            if time zones are mixed.
        FrequencyError
            If `freq` is no frequency for this index.
        SeriesTooShortError
            If a series has no rows, or too few to infer a frequency.
        ValueError
            If `aggregation` or `fill` is none, or if X holds infinity.
        """
        self._validate_params()
        self._check_choices()
        series = self._checked(X, reset=True)
        if series is None:
            features = self.n_features_in_ if is_panel(X) else 1
            reducers_of(self.aggregation, pd.RangeIndex(features), "Resampler")
            self.freq_: Any = self.factor
            self.explanation_ = f"factor={self.factor} was given."
            return self
        reducers_of(self.aggregation, series[0].columns, "Resampler")
        indexes = [frame.index for frame in series]
        if isinstance(self.freq, str) and self.freq == "infer":
            self.freq_, self.explanation_ = infer_frequency(indexes, "Resampler")
        else:
            self.freq_, self.explanation_ = self.freq, f"freq={self.freq!r} was given."
        check_frequency(self.freq_, indexes[0], "Resampler")
        return self

    def transform(self, X: Any) -> Any:
        """Return regular series.

        Parameters
        ----------
        X : Series or DataFrame, list of them, or array-like of shape (N, T, F) or (N, T)
            In the form of fit.

        Returns
        -------
        Series, DataFrame, panel or ndarray
            In the form of X. With `factor`, the last bin may be of fewer rows, and a table (N, T)
            is an array then.

        Raises
        ------
        FrequencyError
            If the bins are far more than the rows, as a stray date makes them.
        """
        check_is_fitted(self)
        series = self._checked(X, reset=False)
        if series is None:
            return self._arrays(X)
        panel = is_panel(X)
        done = [
            regular.iloc[:, 0].rename(came.name) if came.ndim == 1 else regular
            for regular, came in zip(
                map(self._regular, series), series_of(X) if panel else [X], strict=True
            )
        ]
        return in_form_of(X, done) if panel else done[0]

    def inverse_transform(self, X: Any) -> Any:
        """Say that there is no way back.

        Parameters
        ----------
        X : object
            Not used.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "Resampler: there is no way back, for a bin forgets the rows that it is made of. For "
            "answers at the original rows use ResampledRegressor(estimator, freq)."
        )

    def set_output(self, *, transform: str | None = None) -> Resampler:
        """Accept any container; series stay in their own form.

        Parameters
        ----------
        transform : str, optional
            Not used.

        Returns
        -------
        Resampler
            Itself.
        """
        return self

    def _regular(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Sort, aggregate and fill one series."""
        offset = check_frequency(self.freq_, frame.index, "Resampler")
        check_bins(frame.index, offset, "Resampler")
        if not frame.index.is_monotonic_increasing:
            frame = frame.sort_index(kind="stable")
        reducers = reducers_of(self.aggregation, frame.columns, "Resampler")
        exact = _exact_columns(frame, reducers)
        held = frame.astype({c: NULLABLE[d.kind] for c, d in exact.items()}) if exact else frame
        if isinstance(frame.index, pd.DatetimeIndex):
            bins = aggregate(held.resample(offset), reducers, "Resampler")
        else:
            places, grid = _bins_of(frame.index, offset)
            bins_of_rows = pd.Categorical.from_codes(places, range(len(grid)))
            grouped = held.groupby(bins_of_rows, observed=False)
            bins = aggregate(grouped, reducers, "Resampler").set_axis(grid)
        if len(reducers) > 1:
            bins = bins[list(frame.columns)]
        bins = fill_gaps(bins, self.fill, "Resampler")
        return _with_dtypes(bins, exact) if exact else bins

    def _arrays(self, X: Any) -> Any:
        """Aggregate `factor` steps at a time, all sequences at once."""
        sequences = as_sequences(X, name="Resampler", missing="mask", trim=False)
        steps = pd.DataFrame(np.concatenate(list(sequences)))
        factor = self.freq_
        lengths = -(-sequences.lengths // factor)
        within = np.concatenate([np.arange(length) for length in sequences.lengths])
        ends = np.cumsum(lengths)
        places = np.repeat(ends - lengths, sequences.lengths) + within // factor
        reducers = reducers_of(self.aggregation, steps.columns, "Resampler")
        bins = aggregate(steps.groupby(places), reducers, "Resampler")[list(steps.columns)]
        rows = bins.to_numpy(sequences.steps.dtype)
        parts = [self._filled(part) for part in np.split(rows, ends[:-1])]
        if isinstance(X, Sequences):
            return Sequences(np.concatenate(parts), ends - lengths, lengths)
        if is_list_of_sequences(X):
            return [p[:, 0] if axes_of(x) == 1 else p for p, x in zip(parts, X, strict=True)]
        cube = np.stack(parts)
        return cube if axes_of(X) == 3 else cube[:, :, 0]

    def _filled(self, part: NDArray) -> NDArray:
        """Fill what is missing in a sequence, but not the padding around it."""
        known = np.flatnonzero(~np.isnan(part).all(axis=1))
        if self.fill is None or not np.isnan(part).any() or not len(known):
            return part
        held = slice(known[0], known[-1] + 1)
        filled = part.copy()
        filled[held] = fill_gaps(pd.DataFrame(part[held]), self.fill, "Resampler").to_numpy()
        return filled

    def _checked(self, X: Any, reset: bool) -> list[pd.DataFrame] | None:
        """Return each series as a frame; None for arrays, which have no dates."""
        panel = is_panel(X)
        came = series_of(X) if panel else [X]
        if not came or (isinstance(X, (list, tuple)) and not len(X)):
            raise ValueError("Resampler: X is empty; at least 1 series is needed. Give X some.")
        if self.factor is not None:
            self._check_arrays(X, came, reset)
            return None
        _check_indexes([x.index if hasattr(x, "iloc") else None for x in came])
        frames = [x.to_frame() if x.ndim == 1 else x for x in came]
        _check_columns(frames)
        for number, (x, frame) in enumerate(zip(came, frames, strict=True)):
            is_first = reset and number == 0
            _check_n_features(self, frame, reset=is_first)
            if x.ndim == 2:
                _check_feature_names(self, frame, reset=is_first)
            elif is_first:  # the name of a Series is its own, not that of a feature
                _check_feature_names(self, np.empty((0, 1)), reset=True)
        return frames

    def _check_arrays(self, X: Any, came: list[Any], reset: bool) -> None:
        """Learn the features of arrays, or compare them with those of fit."""
        panel = is_panel(X)
        tables = [x for x in came if hasattr(x, "iloc") and (panel or _is_dated(x.index))]
        if tables:
            numbers = pd.api.types.is_integer_dtype(tables[0].index)
            raise TimeOrderError(
                f"Resampler: factor={self.factor} is for arrays; got {len(tables)} series with an "
                f"index of {tables[0].index.dtype}. Leave factor out and give "
                f"freq{f'={self.factor}' if numbers else ''}, or series without their index: "
                f"x.to_numpy()."
            )
        if not panel:
            dtype = [np.float64, np.float32]
            validate_data(self, X, reset=reset, dtype=dtype, ensure_all_finite="allow-nan")
            return
        features = as_sequences(X, name="Resampler", missing="mask", trim=False).n_features
        if reset:
            _check_feature_names(self, np.empty((0, features)), reset=True)  # forgets those before
            self.n_features_in_ = features
        elif features != self.n_features_in_:
            raise SequenceShapeError(
                f"Resampler: X must have {self.n_features_in_} features, as in fit; got "
                f"{features}. Features are the last axis."
            )

    def _check_choices(self) -> None:
        """Refuse a fill that is none, and two lengths of a bin at once."""
        check_fill(self.fill, "Resampler")
        if self.factor is not None and not (isinstance(self.freq, str) and self.freq == "infer"):
            raise ValueError(
                f"Resampler: a bin has one length; got freq={self.freq!r} and factor={self.factor}."
                f" Give freq for series with dates, factor for arrays."
            )

    def __sklearn_tags__(self):
        """Tell scikit-learn that whole sequences and NaN are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _is_dated(index: pd.Index) -> bool:
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))


def _check_indexes(indexes: list[pd.Index | None]) -> None:
    """Refuse what cannot be laid on one kind of regular grid."""
    for index in indexes:
        if index is None or not is_time(index):
            what = "arrays without dates" if index is None else f"an index of {index.dtype}"
            raise TimeOrderError(
                f"Resampler: X must have dates, periods or whole numbers as index; got {what}. "
                f"Give X.set_axis(pd.to_datetime(...)), with utc=True if time zones are mixed; or "
                f"factor=, which is for arrays."
            )
        if not len(index):
            raise SeriesTooShortError(
                f"Resampler: every series must have a row at least; got one of 0 rows among "
                f"{len(indexes)}. Leave empty series out."
            )
        if index.hasnans:
            raise TimeOrderError(
                f"Resampler: every row must have a date; got {index.isna().sum()} of {len(index)} "
                f"that are NaT. Drop them: X[X.index.notna()]."
            )
    kinds = sorted({_kind_of(index) for index in indexes})
    if len(kinds) > 1:
        raise TimeOrderError(
            f"Resampler: all series must have the same kind of index, dates in one time zone; got "
            f"{' and '.join(kinds)}. Use tz_convert or tz_localize on each."
        )


def _kind_of(index: Any) -> str:
    if isinstance(index, pd.DatetimeIndex):
        return f"dates in zone {index.tz}" if index.tz else "dates without a zone"
    return f"periods of {index.freqstr}" if isinstance(index, pd.PeriodIndex) else "whole numbers"


def _check_columns(frames: list[pd.DataFrame]) -> None:
    """Refuse columns that cannot be told apart, and values that cannot be aggregated."""
    for frame in frames:
        if not frame.columns.is_unique or not len(frame.columns):
            raise ValueError(
                f"Resampler: X must have columns of different names; got {len(frame.columns)} "
                f"columns of {frame.columns.nunique()} names. Rename them: X.set_axis(..., axis=1)."
            )
        floats = [c for c in frame.columns if pd.api.types.is_float_dtype(frame[c])]
        if len(floats) == frame.shape[1] and frame.dtypes.nunique() == 1:
            floats = floats if _is_infinite(frame.to_numpy(na_value=np.nan)) else []  # one pass
        infinite = [c for c in floats if _is_infinite(frame[c].to_numpy(na_value=np.nan))]
        if infinite:
            raise ValueError(
                f"Resampler: X contains infinity in the columns {infinite}; every value must be "
                f"finite or missing. Replace infinite values, by NaN where unknown."
            )


def _is_infinite(values: NDArray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):  # a sum that overflows is looked at closer
        return not np.isfinite(values.sum()) and bool(np.isinf(values).any())


def _bins_of(index: pd.Index, freq: Any) -> tuple[NDArray[np.int64], pd.Index]:
    """Return for periods or whole numbers the bin of each row, and the index of the bins."""
    if isinstance(index, pd.PeriodIndex):
        starts = index.asfreq(freq.base, how="start")
        places = (starts.asi8 - starts.asi8.min()) // freq.n
        grid = pd.period_range(starts.min(), periods=places.max() + 1, freq=freq)
    else:
        numbers = index.to_numpy(np.int64)  # small integers would overflow
        places = (numbers - numbers.min()) // freq
        grid = pd.RangeIndex(places.max() + 1) * freq + int(numbers.min())
    return places, grid.rename(index.name)


def _exact_columns(frame: pd.DataFrame, reducers: dict[Any, list[Any]]) -> dict[Any, np.dtype]:
    """Return numpy's dtypes of columns that stay whole numbers, unless a value is missing."""
    dtypes = {}
    for reducer, columns in reducers.items():
        for column in columns if reducer in EXACT else []:
            dtype = frame[column].dtype
            if isinstance(dtype, np.dtype) and dtype.kind in NULLABLE:
                # what a sum is held in must not depend on how large it happens to be
                dtypes[column] = WIDE[dtype.kind] if reducer in WIDENING else dtype
    return dtypes


def _with_dtypes(bins: pd.DataFrame, exact: dict[Any, np.dtype]) -> pd.DataFrame:
    """Return columns in numpy's dtypes again: their own, if all values are there and fit in."""
    dtypes = {}
    for column, dtype in exact.items():
        values = bins[column]
        if values.isna().any() or values.dtype == "Float64":
            dtypes[column] = np.dtype(np.float64)
        elif values.dtype.kind == "b" or (values == values.to_numpy().astype(dtype)).all():
            dtypes[column] = dtype
        else:
            dtypes[column] = values.dtype.numpy_dtype
    return bins.astype(dtypes)
