"""Regression of one number, or several, from the series of a panel."""

from __future__ import annotations

import pandas as pd
from numpy.typing import NDArray
from sktime.regression.base import BaseRegressor

from sklearn_rnn.estimators import regressor
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.sktime.panels import TAGS, PanelAdapter, constructor_like

__all__ = ["RNNRegressor"]


@document
class RNNRegressor(PanelAdapter, BaseRegressor):
    """Recurrent network that reads a series and answers with numbers.

    `sklearn_rnn.RNNRegressor` for sktime: with the same parameters, and the same defaults but that
    of `missing`, as panels may hold missing values here. Series may have several variables and
    unequal lengths, also others than those of fit. Columns are told apart by name; of the index in
    time only the order counts. One network answers several targets.

    sktime's `make_reduction` makes a forecaster of it: the windows before a step are the panel.

    With `embedding_size`, where nothing can be missing, ``missing="mask"`` is as good as "error".

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    estimator_ : sklearn_rnn.RNNRegressor
        The fitted regressor, with `history_`, `module_` and so on.
    feature_names_in_ : list
        Names of the columns.
    fit_time_ : int, milliseconds
        How long `fit` took.

    See Also
    --------
    sklearn_rnn.RNNRegressor : The same for scikit-learn.
    RNNClassifier : Labels instead of numbers.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime.forecasting.compose import make_reduction
    >>> from sklearn_rnn.sktime import RNNRegressor
    >>> y = load_airline()
    >>> network = RNNRegressor(
    ...     hidden_size=16, max_epochs=40, lr=0.01, scaler="window", output="last_value_ratio",
    ...     random_state=0,
    ... )
    >>> forecaster = make_reduction(network, window_length=12, strategy="recursive")
    >>> forecast = forecaster.fit(y[:-24]).predict(fh=range(1, 25))
    >>> bool((forecast / y[-24:] - 1).abs().mean() < 0.1)  # a mean error below 10 percent
    True
    """

    _adapts = regressor.RNNRegressor
    _validation_part = _adapts._validation_part

    # of one type with the other: sktime hands over several targets only in two axes
    _tags = {**TAGS, "y_inner_mtype": "numpy2D", "capability:multioutput": True}

    __init__ = constructor_like(_adapts, missing="mask")

    def _fit(self, X: list[pd.DataFrame], y: NDArray) -> PanelAdapter:
        return super()._fit(X, y[:, 0] if y.shape[1] == 1 else y)
