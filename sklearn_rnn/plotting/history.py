"""A picture of a training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.plotting.axes import PREDICTION, TRUTH, VALIDATION, new_axes

__all__ = ["TrainingHistoryDisplay"]


class TrainingHistoryDisplay:
    """Losses of a training, epoch by epoch.

    Use `from_estimator` to make one.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss on the training data in each epoch.
    valid_loss : array-like of shape (n_epochs,), optional
        Loss on the part held back; NaN in epochs that held nothing back.
    best_epoch : int, optional
        Epoch whose weights were kept, counted from 1.
    estimator_name : str, optional
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn in.
    figure_ : matplotlib Figure
        The figure around it.

    See Also
    --------
    WindowDisplay : Predictions beside the truth.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNRegressor, make_windows
    >>> from sklearn_rnn.plotting import TrainingHistoryDisplay
    >>> X, y = make_windows(np.sin(0.2 * np.arange(300)), window_length=10)
    >>> model = RNNRegressor(hidden_size=8, max_epochs=5, early_stopping=True, random_state=0)
    >>> display = TrainingHistoryDisplay.from_estimator(model.fit(X, y))
    >>> display.ax_.get_xlabel(), len(display.train_loss)
    ('epoch', 5)
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        train_loss: ArrayLike,
        *,
        valid_loss: ArrayLike | None = None,
        best_epoch: int | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.best_epoch = best_epoch
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, log_scale: bool = False
    ) -> TrainingHistoryDisplay:
        """Draw how the loss of a fitted estimator fell.

        Parameters
        ----------
        estimator : RNNRegressor, RNNClassifier or the like
            Fitted. Of a pipeline, its last step: ``pipeline[-1]``.
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.
        log_scale : bool, default=False
            Whether the loss axis is logarithmic.

        Returns
        -------
        TrainingHistoryDisplay
            The drawn display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        TypeError
            If it is none that records its training.
        """
        name = type(estimator).__name__
        if not hasattr(estimator, "max_epochs"):
            raise TypeError(
                f"TrainingHistoryDisplay: estimator must be one that trains in epochs and keeps "
                f"history_; got {name}. Of a pipeline give the last step, pipeline[-1]; of a "
                f"search, its best_estimator_."
            )
        check_is_fitted(estimator, "history_")
        # an interrupted epoch leaves a row without a loss
        rows = [row for row in estimator.history_ if "train_loss" in row]
        valid = [row.get("valid_loss", np.nan) for row in rows]
        held_back = bool(np.isfinite(valid).any())
        display = cls(
            np.array([row["train_loss"] for row in rows]),
            valid_loss=np.array(valid) if held_back else None,
            best_epoch=estimator.best_epoch_ if held_back and estimator.early_stopping else None,
            estimator_name=name,
        )
        return display.plot(ax=ax, log_scale=log_scale)

    def plot(self, ax: Any = None, *, log_scale: bool = False) -> TrainingHistoryDisplay:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.
        log_scale : bool, default=False
            Whether the loss axis is logarithmic.

        Returns
        -------
        TrainingHistoryDisplay
            Itself, with `ax_` and `figure_`.
        """
        ax = new_axes(ax, "TrainingHistoryDisplay", (6.4, 3.8))
        train = np.asarray(self.train_loss, dtype=np.float64)
        epochs = np.arange(1, len(train) + 1)
        # a line of one point would not be seen
        dot = "o" if len(train) == 1 else None
        ax.plot(epochs, train, color=PREDICTION, marker=dot, label="training loss")
        if self.valid_loss is not None:
            valid = np.asarray(self.valid_loss, dtype=np.float64)
            ax.plot(epochs, valid, color=VALIDATION, marker=dot, label="validation loss")
            if self.best_epoch is not None:
                best, loss = self.best_epoch, valid[self.best_epoch - 1]
                ax.plot([best], [loss], "o", color=TRUTH, zorder=3, label=f"best epoch: {best}")
        if log_scale:
            _log_axis(ax)
        else:
            ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        ax.set(xlabel="epoch", ylabel="loss", title=self.estimator_name or "")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _log_axis(ax: Any) -> None:
    """Make the loss axis logarithmic, with numbers written out: 0.02 rather than a power."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(lambda loss, _: f"{loss:g}")
    ax.yaxis.set_minor_formatter(lambda loss, _: f"{loss:g}" if f"{loss:e}"[0] in "2357" else "")
