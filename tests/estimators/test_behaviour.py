"""The behavioural kit over every estimator, every cell and both backends."""

import numpy as np
import pytest

from sklearn_rnn import RNNClassifier, RNNRegressor
from sklearn_rnn.modules.cells import CELLS
from tests.estimators.behaviour import BehaviourKit

EXACT = {"dtype": "float64", "hidden_size": 8, "num_layers": 1, "lr": 0.03, "batch_size": 8}


class Kit(BehaviourKit):
    estimator: type
    options: dict = {}

    def make(self, **options):
        return self.estimator(**{**EXACT, **self.options, **options})

    def data(self, n=24, seed=0):
        rng = np.random.default_rng(seed)
        X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=n)]
        level = np.array([x[0, 0] + x[-1, 1] for x in X])
        return X, np.where(level > 0, "high", "low") if self.estimator is RNNClassifier else level


@pytest.fixture(params=[(c, b) for c, made_by in CELLS.items() for b in made_by], ids="-".join)
def _every_cell(request):
    request.cls.options = {
        **request.cls.more,
        "cell": request.param[0],
        "backend": request.param[1],
    }


@pytest.mark.usefixtures("_every_cell")
class TestRegressor(Kit):
    estimator, more = RNNRegressor, {}


@pytest.mark.usefixtures("_every_cell")
class TestClassifier(Kit):
    estimator, more = RNNClassifier, {"lr_scheduler": None, "label_smoothing": 0.0}


class TestRegressorWithEverything(Kit):
    estimator = RNNRegressor
    options = {
        "cell": "gru",
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "mean", "max", "attention"),
        "output": "last_value",
        "scaler": "window",
        "patch_length": 2,
    }


class TestClassifierOnMissingValues(Kit):
    estimator = RNNClassifier
    options = {"cell": "gru", "missing": "mask", "scaler": "robust", "lr_scheduler": None}

    def test_a_refit_after_a_failure_works(self, fitted):
        model, X, y = fitted
        before = self.answers(model, X)

        with pytest.raises(ValueError, match="infinity"):
            model.fit([np.full_like(x, np.inf) for x in X], y)

        np.testing.assert_array_equal(self.answers(model, X), before)
