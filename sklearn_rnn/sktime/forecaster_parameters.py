"""The parameters of the forecaster: what each means and what it may be."""

from __future__ import annotations

from datetime import timedelta
from numbers import Integral, Real
from typing import Any

import pandas as pd
from sklearn.utils._param_validation import Interval

from sklearn_rnn.estimators.parameters import PARAMETERS, Choices, Parameter
from sklearn_rnn.sktime.calendar import CALENDAR

__all__ = ["FORECASTER_PARAMETERS"]

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="both")

LOSSES = ["absolute_error", "squared_error", "huber", "squared_percentage_error"]
OUTPUTS = ["bank", "last_value", "last_value_ratio", "identity"]
DISTRIBUTIONS = ["normal", "student_t", "negative_binomial"]


def _one_of(*words: str) -> str:
    return "{" + ", ".join(f'"{word}"' for word in words) + "}"


def _like(name: str, **changes: Any) -> Parameter:
    """Return what the other estimators say of a parameter, with changes."""
    return PARAMETERS[name]._replace(**changes)


FORECASTER_PARAMETERS = {
    "strategy": Parameter(
        _one_of("direct", "recursive", "seq2seq"),
        [Choices({"direct", "recursive", "seq2seq"})],
        'How steps ahead are answered. "direct": all at once; "seq2seq": by a decoder, one after '
        'another, within the horizon that was trained; "recursive": one step, which is then read '
        "as if it had been seen, for any horizon.",
    ),
    "window_length": Parameter(
        "int, str, timedelta, offset or None",
        [POSITIVE_INT, str, timedelta, pd.DateOffset, None],
        'Steps before the forecast that are read, or a span of time such as "30D" or "6ME". None '
        "takes two seasons or two horizons, whichever is longer, as far as series reach.",
    ),
    "sp": Parameter(
        "int, list of int or None",
        [POSITIVE_INT, "array-like", None],
        "Steps after which seasons return. None goes by the frequency: half-hours [48, 336], "
        "hours [24, 168], days [7], working days [5], weeks [52], months [12], quarters [4]; "
        "none for years and whole numbers, nor with ``sp=1``.",
    ),
    "horizon": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "Steps ahead that are trained; the reach of the `fh` of `fit`, if that is larger. If "
        "neither is given, the shortest season, and 8 at least. `predict` answers any `fh` "
        'within. With ``strategy="recursive"`` it answers any at all, and these are the steps '
        "whose intervals are calibrated.",
    ),
    "local": Parameter(
        "bool", ["boolean"], "Whether each series has a model of its own instead of one for all."
    ),
    "multivariate": Parameter(
        _one_of("independent", "joint"),
        [Choices({"independent", "joint"})],
        'What several columns of y are. "independent": series of their own, of which one network '
        'learns; "joint": read and answered together.',
    ),
    "past_only": Parameter(
        "str, list of column names or None",
        [str, "array-like", None],
        "Columns of X that are not known ahead of time. `predict` does not look for them.",
    ),
    "static": Parameter(
        "str, list of column names or None",
        [str, "array-like", None],
        "Columns of X that are the same at all steps of a series.",
    ),
    "categorical": Parameter(
        "str, list of column names or None",
        [str, "array-like", None],
        "Columns of X whose numbers name categories. Columns of text and of dtype category are "
        "categories always. Those that `fit` has not seen count as one, which is unknown.",
    ),
    "calendar": Parameter(
        "bool, str, list of str or None",
        ["boolean", str, "array-like", None],
        f"Features of the calendar that are added to X, of {', '.join(CALENDAR)}; each as sine "
        "and cosine. True takes those that fit the frequency.",
    ),
    "patch_length": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "Neighbouring steps that are read as one; None takes as many as leave 32 patches.",
    ),
    "output": Parameter(
        _one_of(*OUTPUTS),
        [Choices(set(OUTPUTS))],
        'What the network changes. "bank": a weighted mean of simple forecasts, as exponential '
        'smoothing makes them, whose weights it chooses; "last_value": the last value; '
        '"last_value_ratio": the same, by a factor that leaves counts positive; "identity": '
        "nothing.",
    ),
    "scaler": Parameter(
        _one_of("window", "series"),
        [Choices({"window", "series"})],
        'By whose mean size numbers are divided. "window": each by its own, read as changes from '
        'its last value, so that series of all sizes teach alike; "series": by that of the series, '
        "read as they are, so that the network knows how large values are.",
    ),
    "n_backtests": Parameter(
        "int or None",
        [Interval(Integral, 0, None, closed="left"), None],
        'With ``output="bank"``, how many earlier forecasts tell the network how good each '
        "simple forecast has been. None: as many as cover four seasons, two to four.",
    ),
    "n_members": Parameter(
        "int",
        [POSITIVE_INT],
        "Recurrent parts in one network, which share its simple forecasts and learn errors in "
        "different units, from those of the window's size to those of its usual change; the "
        "median of their answers counts.",
    ),
    "loss": _like(
        "loss",
        kind=f"{_one_of(*LOSSES)} or callable",
        allowed=[Choices(set(LOSSES)), callable],
        meaning="What training makes small, each window in its own scale. A callable takes "
        "prediction and target, torch tensors, and gives one number for each.",
    ),
    "distribution": Parameter(
        f"{_one_of(*DISTRIBUTIONS)} or None",
        [Choices(set(DISTRIBUTIONS)), None],
        "What forecasts are distributed like; its likelihood is then learned in place of `loss`. "
        "None learns quantiles instead, of no particular shape.",
    ),
    "calibrate": Parameter(
        "bool",
        ["boolean"],
        "Whether quantiles are widened until they cover what they should in the last part of "
        "series, 128 at most, before that part is learned too. Not those of a `distribution`.",
    ),
    "recency": Parameter(
        "float",
        [Interval(Real, 0, None, closed="neither")],
        "How far back, in horizons or seasons, the windows of training lie in the mean; infinity "
        "takes all alike.",
    ),
    "teacher_forcing": Parameter(
        "float",
        [SHARE],
        'With ``strategy="seq2seq"``, how often the decoder reads the true value of the step '
        "before while training, and not its own.",
    ),
    "n_estimators": Parameter(
        "int", [POSITIVE_INT], "Networks that are trained; the median of their answers counts."
    ),
    "n_jobs": Parameter(
        "int or None",
        [POSITIVE_INT, Interval(Integral, None, -1, closed="right"), None],
        "Processes that train them at the same time; None means one, -1 all cores.",
    ),
    "optimizer": _like("optimizer", meaning="From torch.optim."),
    "lr_scheduler": _like("lr_scheduler", meaning="How the rate changes while training."),
    "weight_decay": Parameter(
        "float", [NOT_NEGATIVE], "Decay of weights, but not of biases, by the optimizer."
    ),
    "weight_averaging": Parameter(
        "float or None",
        [Interval(Real, 0, 1, closed="left"), None],
        "How much of the mean over the weights of the last steps remains after each step; that "
        "mean is what forecasts. 0 or None takes the weights of the last step; `early_stopping` "
        "takes those of the best epoch.",
    ),
    "max_epochs": _like("max_epochs", meaning="Epochs of training."),
    "batches_per_epoch": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "Batches of windows, drawn anew, in an epoch; None takes every window once.",
    ),
    "batch_size": _like("batch_size", kind="int", allowed=[POSITIVE_INT], meaning="Their windows."),
    "update_epochs": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "Epochs by which `update` goes on with training; None takes a tenth of `max_epochs`.",
    ),
    "early_stopping": _like(
        "early_stopping",
        meaning="Whether to hold back the last windows, stop when the loss on them no longer "
        "improves, and keep the weights of the best epoch.",
    ),
    "callbacks": _like("callbacks", meaning="Added to ours."),
    "random_state": _like(
        "random_state",
        meaning="Seed of first weights, order of windows and dropout. The same seed gives the "
        "same model, whatever else runs in the process.",
    ),
}
