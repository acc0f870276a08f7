"""Classification of the series of a panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.classification.base import BaseClassifier

from sklearn_rnn.estimators import classifier
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.sktime.panels import TAGS, PanelAdapter, constructor_like

__all__ = ["RNNClassifier"]


@document
class RNNClassifier(PanelAdapter, BaseClassifier):
    """Recurrent network that reads a series and answers with a label.

    `sklearn_rnn.RNNClassifier` for sktime: with the same parameters, and the same defaults but
    that of `missing`, as panels may hold missing values here. Series may have several variables
    and unequal lengths, also others than those of fit. Columns are told apart by name; of the index
    in time only the order counts. Several targets get a network each.

    With `embedding_size`, where nothing can be missing, ``missing="mask"`` is as good as "error".

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    estimator_ : sklearn_rnn.RNNClassifier
        The fitted classifier, with `history_`, `module_` and so on. Absent if there was one class
        only, which is then the answer always.
    classes_ : ndarray of shape (C,)
        Labels, sorted.
    n_classes_ : int
        Their number.
    feature_names_in_ : list
        Names of the columns.
    fit_time_ : int, milliseconds
        How long `fit` took.

    See Also
    --------
    sklearn_rnn.RNNClassifier : The same for scikit-learn.
    RNNRegressor : Numbers instead of labels.

    Examples
    --------
    >>> from sktime.datasets import load_italy_power_demand
    >>> from sklearn_rnn.sktime import RNNClassifier
    >>> X, y = load_italy_power_demand(split="train", return_type="numpy3D")
    >>> X_test, y_test = load_italy_power_demand(split="test", return_type="numpy3D")
    >>> model = RNNClassifier(num_layers=1, lr=0.02, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X_test[:200], y_test[:200]) > 0.9)
    True
    """

    _adapts = classifier.RNNClassifier
    _renamed_parameters = _adapts._renamed_parameters
    _validation_part = _adapts._validation_part

    _tags = {**TAGS, "capability:predict_proba": True, "capability:class_weight": True}

    __init__ = constructor_like(_adapts, missing="mask")

    def _fit(self, X: list[pd.DataFrame], y: NDArray) -> PanelAdapter:
        super()._fit(X, y)
        # where training went on these are the labels of the first fit, and y may lack some
        self.classes_ = self.estimator_.classes_
        self.n_classes_ = len(self.classes_)
        return self

    def _predict_proba(self, X: list[pd.DataFrame]) -> NDArray[np.float64]:
        return self.estimator_.predict_proba(self._sequences(X))
