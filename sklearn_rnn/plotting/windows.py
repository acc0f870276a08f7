"""A picture of predictions beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.plotting.axes import PREDICTION, QUIET, TRUTH, new_axes

__all__ = ["WindowDisplay"]

STROKES = ["--", ":", "-.", (0, (5, 1, 1, 1, 1, 1))]


class WindowDisplay:
    """Predictions beside the truth, over time.

    Use `from_predictions` or `from_estimator` to make one.

    Parameters
    ----------
    y_true : array-like of shape (N,)
        What came.
    y_pred : array-like of shape (N,)
        What was predicted.
    index : array-like or Index of shape (N,), optional
        When: a DatetimeIndex, a PeriodIndex or numbers. If not given, that of `y_true` where it
        is a Series, else 0, 1, 2, ...
    baselines : dict of str to array-like of shape (N,), optional
        Other predictions, by name.
    band : pair of array-like of shape (N,), optional
        Lower and upper end of a range around the prediction.
    band_name : str, default="predicted range"
        What the legend calls the band.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn in.
    figure_ : matplotlib Figure
        The figure around it.

    See Also
    --------
    TrainingHistoryDisplay : Losses, epoch by epoch.
    sklearn.metrics.PredictionErrorDisplay : Predictions against the truth, without time.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn.plotting import WindowDisplay
    >>> y = np.sin(0.5 * np.arange(20))
    >>> naive = np.roll(y, 1)
    >>> display = WindowDisplay.from_predictions(y, 0.9 * y, baselines={"naive": naive})
    >>> [line.get_label() for line in display.ax_.get_lines()]
    ['naive', 'truth', 'predicted']
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        index: Any = None,
        baselines: Mapping[str, ArrayLike] | None = None,
        band: tuple[ArrayLike, ArrayLike] | None = None,
        band_name: str = "predicted range",
    ) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.index = index
        self.baselines = baselines
        self.band = band
        self.band_name = band_name

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        index: Any = None,
        baselines: Mapping[str, ArrayLike] | None = None,
        band: tuple[ArrayLike, ArrayLike] | None = None,
        band_name: str = "predicted range",
        ax: Any = None,
    ) -> WindowDisplay:
        """Draw predictions that have been made already.

        Parameters
        ----------
        y_true : array-like of shape (N,)
            What came.
        y_pred : array-like of shape (N,)
            What was predicted.
        index : array-like or Index of shape (N,), optional
            When: a DatetimeIndex, a PeriodIndex or numbers. If not given, that of `y_true` where
            it is a Series, else 0, 1, 2, ...
        baselines : dict of str to array-like of shape (N,), optional
            Other predictions, by name.
        band : pair of array-like of shape (N,), optional
            Lower and upper end of a range around the prediction.
        band_name : str, default="predicted range"
            What the legend calls the band.
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        WindowDisplay
            The drawn display.

        Raises
        ------
        TargetError
            If something has another length than `y_true`, or more than one output.
        """
        display = cls(
            y_true, y_pred, index=index, baselines=baselines, band=band, band_name=band_name
        )
        return display.plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        index: Any = None,
        baselines: Mapping[str, ArrayLike] | None = None,
        quantiles: tuple[float, float] | None = None,
        ax: Any = None,
    ) -> WindowDisplay:
        """Let a fitted estimator predict, and draw that.

        Parameters
        ----------
        estimator : RNNRegressor or any fitted regressor
            What predicts; a pipeline will do.
        X : array-like
            What the estimator predicts from, in order of time.
        y : array-like of shape (N,)
            What came.
        index : array-like or Index of shape (N,), optional
            When: a DatetimeIndex, a PeriodIndex or numbers. If not given, that of `y` where it is
            a Series, else 0, 1, 2, ...
        baselines : dict of str to array-like of shape (N,), optional
            Other predictions, by name.
        quantiles : pair of float, optional
            Draw a band between these, as in ``(0.05, 0.95)``; the estimator must have been fitted
            with ``loss="quantile"``.
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        WindowDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If quantiles are asked of an estimator that has none.
        TargetError
            If y has another length than the predictions, or more than one output.
        """
        band, band_name = None, "predicted range"
        if quantiles is not None:
            if not hasattr(estimator, "predict_quantiles"):
                raise TypeError(
                    f"WindowDisplay: quantiles={quantiles} need an estimator that predicts them; "
                    f"got {type(estimator).__name__}. Use RNNRegressor(loss='quantile'), outside "
                    f"a pipeline."
                )
            low, high = quantiles
            answers = np.asarray(estimator.predict_quantiles(X, [low, high]))
            band = (answers[..., 0], answers[..., 1])
            band_name = f"quantiles {low:g} to {high:g}"
        return cls.from_predictions(
            y,
            estimator.predict(X),
            index=index,
            baselines=baselines,
            band=band,
            band_name=band_name,
            ax=ax,
        )

    def plot(self, ax: Any = None) -> WindowDisplay:
        """Draw truth, prediction and what else was given.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        WindowDisplay
            Itself, with `ax_` and `figure_`.
        """
        truth = _one_output(self.y_true, "y_true")
        prediction = _one_output(self.y_pred, "y_pred", len(truth))
        others = {
            name: _one_output(values, f"baselines[{name!r}]", len(truth))
            for name, values in (self.baselines or {}).items()
        }
        ends = [_one_output(end, "band", len(truth)) for end in self.band or ()]
        when = self._when(len(truth))

        ax = new_axes(ax, "WindowDisplay", (8.0, 3.8))
        if ends:
            ax.fill_between(
                when, *ends, color=PREDICTION, alpha=0.2, linewidth=0, label=self.band_name
            )
        for i, (name, values) in enumerate(others.items()):
            stroke: Any = STROKES[i % len(STROKES)]
            ax.plot(when, values, color=QUIET, linestyle=stroke, linewidth=1.2, label=name)
        # what matters most is drawn last, on top, and named first
        ax.plot(when, truth, color=TRUTH, linewidth=1.5, label="truth")
        ax.plot(when, prediction, color=PREDICTION, linewidth=1.8, label="predicted")
        if isinstance(when, pd.DatetimeIndex):
            _label_dates(ax)
        else:
            ax.set_xlabel("step")
        ax.set_ylabel(str(getattr(self.y_true, "name", None) or ""))
        ax.margins(x=0.01)
        _add_legend(ax, np.concatenate([truth, prediction, *others.values(), *ends]))
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _when(self, length: int) -> pd.DatetimeIndex | NDArray:
        """Return the positions on the time axis."""
        index = self.index
        if index is None and isinstance(self.y_true, pd.Series):
            index = self.y_true.index
        if index is None:
            return np.arange(length)
        if len(index) != length:
            raise TargetError(
                f"WindowDisplay: index must have the {length} entries of y_true; got "
                f"{len(index)}. Give the times of what was predicted."
            )
        if isinstance(index, pd.PeriodIndex):
            return index.to_timestamp()
        return index if isinstance(index, pd.DatetimeIndex) else np.asarray(index)


def _one_output(values: ArrayLike, name: str, length: int | None = None) -> NDArray[np.float64]:
    """Return values (N,) or (N, 1) as (N,); refuse others, and another N than `length`."""
    line = np.asarray(values, dtype=np.float64)
    if line.ndim == 2 and line.shape[1] == 1:
        line = line[:, 0]
    if line.ndim != 1:
        raise TargetError(
            f"WindowDisplay: {name} must have shape (N,); got {line.shape}. Draw one output at a "
            f"time, as in from_predictions(y[:, 0], model.predict(X)[:, 0])."
        )
    if length is not None and len(line) != length:
        raise TargetError(
            f"WindowDisplay: {name} must have the {length} entries of y_true; got {len(line)}. "
            f"Give the values for the same steps."
        )
    return line


def _add_legend(ax: Any, values: NDArray[np.float64]) -> None:
    """Name what is drawn in a strip above `values`, which a series rarely leaves room beside.

    The strip is inside the axes, so that neither a title nor other axes are in its way.
    """
    handles, _ = ax.get_legend_handles_labels()
    handles = [*handles[-2:], *handles[:-2]]
    room = ax.get_window_extent()
    for columns in (4, 3, 2, 1):
        legend = ax.legend(
            handles=handles, ncols=columns, loc="upper left", borderaxespad=0.2, edgecolor="none"
        )
        size = legend.get_window_extent()
        if size.width < room.width:
            break
    known = values[np.isfinite(values)]
    if len(known):
        share = min(size.height / room.height, 0.5)
        strip = share / (1 - share) * np.ptp(known)
        # as if one more point were drawn: limits still follow what is drawn later
        ax.update_datalim([(0, known.max() + strip)], updatex=False)
        ax.autoscale_view(scalex=False)


def _label_dates(ax: Any) -> None:
    """Write dates on the time axis as briefly as can be understood."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
