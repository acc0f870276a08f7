"""Sliding windows over a series, as views that copy nothing."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_rnn.exceptions import SequenceShapeError, SeriesTooShortError
from sklearn_rnn.sequences import Sequences, as_sequences
from sklearn_rnn.transformers.history import (
    Tail,
    check_columns,
    check_history,
    check_order,
    index_of,
    rows_of,
)
from sklearn_rnn.transformers.panels import axes_of, is_panel, names_of, series_of

__all__ = ["SlidingWindow", "check_rows", "make_windows", "read_only", "windows_of"]


def windows_of(rows: NDArray, window_length: int, step_length: int = 1) -> NDArray:
    """Return all full windows of rows (T, F), as a read-only view (N, window_length, F)."""
    return sliding_window_view(rows, window_length, axis=0)[::step_length].swapaxes(1, 2)


def make_windows(
    series: Any, window_length: int, horizon: int = 1, step_length: int = 1
) -> tuple[Any, NDArray]:
    """Cut a series, or each series of a panel, into windows and the values that follow them.

    Parameters
    ----------
    series : array-like, Series or DataFrame of shape (T,) or (T, F); or a panel
        Rows are time steps, in order. A panel is a list of such series, of unequal lengths
        perhaps, an array (n_series, T, F), or a Series or data frame with a MultiIndex whose last
        level is time. No window crosses from one series to the next.
    window_length : int
        Steps in a window.
    horizon : int, default=1
        Steps after the window that are to be predicted.
    step_length : int, default=1
        Steps from the start of a window to the start of the next.

    Returns
    -------
    X : ndarray of shape (N, window_length, F), or Sequences
        Windows, a read-only view of `series` wherever it can be viewed as floats. Those of a
        panel, one series after the other, are `Sequences`: slices of the panel's steps, which the
        estimators take as they are, and ``np.array(list(X))`` copies into an array.
    y : ndarray of shape (N,), (N, horizon), (N, F) or (N, horizon, F)
        What follows each window, axes of length 1 left out; a view, of a panel a copy.

    Raises
    ------
    SeriesTooShortError
        If the series, or a series of the panel, has no full window with something to predict
        behind it.
    TimeOrderError
        If its dates do not ascend.

    See Also
    --------
    SlidingWindow : A window for each row, inside a pipeline.
    TimeSpanWindow : Windows of a fixed duration.

    Examples
    --------
    >>> from sklearn_rnn import make_windows
    >>> X, y = make_windows([1.0, 2.0, 3.0, 4.0, 5.0], window_length=3)
    >>> X[:, :, 0]
    array([[1., 2., 3.],
           [2., 3., 4.]])
    >>> y
    array([4., 5.])

    A panel of two series:

    >>> X, y = make_windows([[1.0, 2.0, 3.0], [7.0, 8.0, 9.0, 10.0]], window_length=2)
    >>> [window.ravel().tolist() for window in X]
    [[1.0, 2.0], [7.0, 8.0], [8.0, 9.0]]
    >>> y
    array([ 3.,  9., 10.])
    """
    sizes = {"window_length": window_length, "horizon": horizon, "step_length": step_length}
    for name, size in sizes.items():
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(
                f"make_windows: {name} must be a whole number of at least 1; got {size!r}."
            )
    cut = _cut_panel if is_panel(series) else _cut_series
    X, y = cut(series, window_length, horizon, step_length)
    y = y[:, 0] if horizon == 1 else y
    return X, y[..., 0] if y.shape[-1] == 1 else y


def _cut_series(
    series: Any, window_length: int, horizon: int, step_length: int
) -> tuple[NDArray, NDArray]:
    """Return windows (N, window_length, F) and what follows (N, horizon, F), both views."""
    rows = np.asarray(_as_floats(series, "make_windows"))
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2:
        raise SequenceShapeError(
            f"make_windows: series must have shape (n_steps,) or (n_steps, n_features), or be a "
            f"panel of such series; got {np.shape(series)}. Flatten further axes into features."
        )
    needed = window_length + horizon
    if len(rows) < needed:
        raise SeriesTooShortError(
            f"make_windows: window_length={window_length} and horizon={horizon} need a series of "
            f"at least {needed} steps; got {len(rows)}. Give more steps or a smaller window."
        )
    X = windows_of(rows[: len(rows) - horizon], window_length, step_length)
    return X, windows_of(rows[window_length:], horizon, step_length)


def _cut_panel(
    panel: Any, window_length: int, horizon: int, step_length: int
) -> tuple[Sequences, NDArray]:
    """Return windows as slices of one table of all steps, and what follows (N, horizon, F)."""
    series, needed = _read_panel(panel), window_length + horizon
    lengths = series.lengths if isinstance(series, Sequences) else np.array(list(map(len, series)))
    short = lengths < needed
    if short.any():
        raise SeriesTooShortError(
            f"make_windows: window_length={window_length} and horizon={horizon} need at least "
            f"{needed} steps in every series; got fewer in {short.sum()} of {len(series)}, and "
            f"{lengths.min()} in the shortest. Leave these out, as in "
            f"[x for x in panel if len(x) >= {needed}], or give a smaller window."
        )
    whole = as_sequences(series, name="make_windows", missing="mask", trim=False)
    counts = (whole.lengths - needed) // step_length + 1
    # the number of each window within its own series
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(whole.starts, counts) + step_length * within
    X = Sequences(read_only(whole.steps), starts, np.full(len(starts), window_length))
    return X, windows_of(whole.steps, horizon)[starts + window_length]


def _read_panel(panel: Any) -> Any:
    """Return the series of a panel as `as_sequences` takes them, checked one by one."""
    if isinstance(panel, Sequences):
        return panel
    if isinstance(panel, np.ndarray) and panel.ndim == 3:
        return _as_floats(panel, "make_windows")
    parts = zip(names_of(panel), series_of(panel), strict=True)
    return [_as_floats(part, f"make_windows, series {name!r}") for name, part in parts]


def read_only(rows: NDArray) -> NDArray:
    """Return a view of rows that cannot be written to: windows share them."""
    view = rows.view()
    view.flags.writeable = False
    return view


def _as_floats(series: Any, name: str) -> Any:
    """Return an array or a data frame as it is if it holds floats, else as float64."""
    check_order(series, name)
    check_columns(series, name)
    if hasattr(series, "columns"):  # two frames of a panel must have the same
        floats = all(getattr(dtype, "kind", "O") == "f" for dtype in series.dtypes)
        return series if floats else series.astype(np.float64)
    rows = np.asarray(series)
    try:
        if rows.dtype.kind in "cmM":  # numpy would drop the imaginary part, or count nanoseconds
            raise TypeError("not a real number")
        return rows if rows.dtype.kind == "f" else rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: series must hold numbers; got dtype {rows.dtype}. Convert or drop "
            f"what is not a number."
        ) from error


def check_rows(X: Any, name: str, panel_hint: str) -> None:
    """Refuse what is not a table of rows in time: several series, or a single column.

    Parameters
    ----------
    X : array-like or DataFrame
        What is to have shape (T, F).
    name : str
        Who asks.
    panel_hint : str
        What to do with a panel.
    """
    wanted = f"{name}: X must have shape (n_rows, n_features), one series whose rows are in time"
    if is_panel(X) and not _is_list_of_rows(X):
        raise SequenceShapeError(f"{wanted}; got a panel of {len(names_of(X))}. {panel_hint}")
    if axes_of(X) > 2:
        raise SequenceShapeError(f"{wanted}; got shape {np.shape(X)}. {panel_hint}")
    if hasattr(X, "columns") and not X.shape[1]:  # in scikit-learn's words, which tests look for
        raise SequenceShapeError(
            f"{wanted}; got 0 feature(s) (shape={X.shape}) while a minimum of 1 is required. "
            f"Select a column."
        )
    if axes_of(X) == 1:
        hint = (
            "Use X.to_frame()."
            if hasattr(X, "to_frame")
            else "Reshape your data: X.reshape(-1, 1) is one feature."
        )
        raise SequenceShapeError(f"{wanted}; got {type(X).__name__} of {len(X)} values. {hint}")


def _is_list_of_rows(X: Any) -> bool:
    """Tell whether X is a list of rows that are arrays, and so a table."""
    is_list = isinstance(X, (list, tuple))
    return is_list and all(type(x) is np.ndarray and x.shape == X[0].shape[:1] for x in X)


class SlidingWindow(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn each row of a series into the window that ends with it.

    The number of rows stays as it is, so this works in scikit-learn's pipelines, in
    `TimeSeriesSplit` and in searches, and no window sees what comes after its row. The first
    windows reach back before the series: they begin with NaN, which the estimators of this
    package take for padding. After `fit` on a data frame, rows that follow those of fit
    by their index begin with the last rows of fit instead.

    Do not shuffle the rows (``KFold(shuffle=True)``, ``train_test_split`` without
    ``shuffle=False``): windows would run over rows that are not neighbours.

    Parameters
    ----------
    window_length : int, default=10
        Rows in a window.
    step_length : int, default=1
        Rows from the start of a window to the start of the next; more than 1 needs
        ``rows="full"``.
    rows : {"keep", "full"}, default="keep"
        "keep" gives a window for every row; "full" only windows that lie within the series, so
        fewer than rows, which no pipeline can carry through to y.
    flatten : bool, default=False
        Whether to return (N, window_length * F), for estimators that want tables.

    Attributes
    ----------
    tail_ : Tail
        The last rows of fit, with their index.
    n_features_in_ : int
        Columns in fit.
    feature_names_in_ : ndarray of str
        Their names, if X was a data frame.

    See Also
    --------
    make_windows : Windows and what follows them, outside a pipeline; also of panels.
    TimeSpanWindow : Windows of a fixed duration, over rows that need not be regular.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import SlidingWindow
    >>> SlidingWindow(window_length=2).fit_transform([[1.0], [2.0], [3.0]])[:, :, 0]
    array([[nan,  1.],
           [ 1.,  2.],
           [ 2.,  3.]])
    """

    _parameter_constraints: dict = {
        "window_length": [Interval(Integral, 1, None, closed="left")],
        "step_length": [Interval(Integral, 1, None, closed="left")],
        "rows": [StrOptions({"keep", "full"})],
        "flatten": ["boolean"],
    }

    def __init__(
        self,
        window_length: int = 10,
        step_length: int = 1,
        rows: str = "keep",
        flatten: bool = False,
    ) -> None:
        self.window_length = window_length
        self.step_length = step_length
        self.rows = rows
        self.flatten = flatten

    def fit(self, X: ArrayLike, y: Any = None) -> SlidingWindow:
        """Remember the last rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (T, F)
            Rows are time steps, in order.
        y : None
            Not used.

        Returns
        -------
        SlidingWindow
            Itself.
        """
        self._validate_params()
        if self.rows == "keep" and self.step_length != 1:
            raise ValueError(
                f"SlidingWindow: rows='keep' gives a window for every row, so step_length must be "
                f"1; got {self.step_length}. Set rows='full' to skip windows."
            )
        rows = self._check(X, reset=True)
        self.tail_ = Tail(rows, index_of(X), self.window_length - 1)
        return self

    def transform(self, X: ArrayLike, history: ArrayLike | None = None) -> NDArray:
        """Return windows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (T, F)
            Rows are time steps, in order.
        history : array-like of shape (n_rows, F), optional
            The rows just before X, for data without an index.

        Returns
        -------
        ndarray of shape (T, window_length, F), or (T, window_length * F) if flattened
            Read-only unless flattened; a view of one padded copy of X. With ``rows="full"``,
            fewer windows.
        """
        check_is_fitted(self)
        rows = self._check(X, reset=False)
        if self.rows == "full":
            if history is not None:
                raise ValueError(
                    f"SlidingWindow: rows='full' takes windows that lie within X; got a history of "
                    f"{len(np.asarray(history))} rows as well. Leave it out, or put its rows "
                    f"before X."
                )
            if len(rows) < self.window_length:
                raise SeriesTooShortError(
                    f"SlidingWindow: window_length={self.window_length} with rows='full' needs at "
                    f"least as many rows; got {len(rows)}. Give more rows, a smaller window, or "
                    f"rows='keep'."
                )
            windows = windows_of(rows, self.window_length, self.step_length)
        else:
            rows = np.concatenate([self._past(X, rows, history), rows])
            windows = windows_of(rows, self.window_length)
        return windows.reshape(len(windows), -1) if self.flatten else windows

    def _past(self, X: Any, rows: NDArray, history: ArrayLike | None) -> NDArray:
        """Return the rows that the first windows begin with."""
        length = self.window_length - 1
        given = check_history(history, rows.shape[1], "SlidingWindow")
        if given is None:
            return self.tail_.before(index_of(X), length).astype(rows.dtype)
        past = np.full((length, rows.shape[1]), np.nan, dtype=rows.dtype)
        number = min(length, len(given))
        past[length - number :] = given[len(given) - number :]
        return past

    def _check(self, X: ArrayLike, reset: bool) -> NDArray:
        check_rows(X, "SlidingWindow", "Cut each series with make_windows(panel, window_length).")
        return rows_of(self, X, reset=reset, dtype=[np.float64, np.float32])

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return names of the columns: one for each feature, or one for each lag if flattened.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns of X, if fit has not seen them.

        Returns
        -------
        ndarray of str
            ``"price"``; flattened, ``"price_lag1", "price_lag0"``.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if not self.flatten:
            return names
        lags = range(self.window_length - 1, -1, -1)
        return np.array([f"{name}_lag{lag}" for lag in lags for name in names], dtype=object)

    def set_output(self, *, transform: str | None = None) -> SlidingWindow:
        """Accept any container and keep to arrays: windows have three axes.

        Parameters
        ----------
        transform : str, optional
            Not used.

        Returns
        -------
        SlidingWindow
            Itself.
        """
        return self

    def __sklearn_tags__(self):
        """Tell scikit-learn that NaN is welcome, and that a row depends on those before it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
