"""scikit-learn's suite on the estimators that answer every step.

The suite knows one target for a sequence. What needs no target runs on the estimators as they are;
the rest on the same estimators with that target at the last step, where alone it has a weight.
"""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_rnn import RNNStepClassifier, RNNStepRegressor

pytestmark = pytest.mark.no_cover

EXACT = {"dtype": "float64", "batch_size": None, "hidden_size": 8, "lr": 0.05, "max_epochs": 20}
PLAIN = {"input_noise": 0.0, "lr_scheduler": None}

#: Checks that train on no target of the suite's: constructors, tags, what is refused.
WITHOUT_TARGET = {
    "check_complex_data",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimator_tags_renamed",
    "check_estimators_empty_data_messages",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_non_transformer_estimators_n_iter",
    "check_parameters_default_constructible",
    "check_requires_y_none",
    "check_set_params",
    "check_supervised_y_no_nan",
    "check_valid_tag_types",
}


def checks_without_target():
    for estimator in (RNNStepRegressor(), RNNStepClassifier()):
        for made, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if name in WITHOUT_TARGET:
                yield pytest.param(made, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks_without_target()))
def test_scikit_learns_suite_without_targets(estimator, check):
    check(estimator)


class AtTheLastStep:
    """Mixed into a step estimator: one target for a sequence, wanted at its last step."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output, tags.target_tags.single_output = False, True
        return tags

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, _at_every_step(X, y), _at_the_last_step(X, sample_weight))

    def predict(self, X):
        return np.array([answers[-1] for answers in super().predict(X)])

    def score(self, X, y, sample_weight=None):
        metric = accuracy_score if is_classifier(self) else r2_score
        return metric(y, self.predict(X), sample_weight=sample_weight)


class LastStepRegressor(AtTheLastStep, RNNStepRegressor):
    def partial_fit(self, X, y, sample_weight=None):
        return super().partial_fit(X, _at_every_step(X, y), _at_the_last_step(X, sample_weight))


class LastStepClassifier(AtTheLastStep, RNNStepClassifier):
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        weights = _at_the_last_step(X, sample_weight)
        return super().partial_fit(X, _at_every_step(X, y), classes, weights)

    def predict_proba(self, X):
        return super().predict_proba(X)[:, -1]

    def predict_log_proba(self, X):
        return super().predict_log_proba(X)[:, -1]

    def decision_function(self, X):
        return super().decision_function(X)[:, -1]


def _shape(X):
    return getattr(X, "shape", None) or np.asarray(X).shape


def _at_every_step(X, y):
    shape = _shape(X)
    if y is None or len(shape) != 2:  # refused, whatever is answered
        return y
    return np.repeat(column_or_1d(y, warn=True)[:, np.newaxis], shape[1], axis=1)


def _at_the_last_step(X, sample_weight):
    shape = _shape(X)
    weights = np.ones(shape[0]) if sample_weight is None else np.asarray(sample_weight)
    if len(shape) != 2 or weights.ndim != 1:
        return sample_weight
    return weights[:, np.newaxis] * (np.arange(shape[1]) == shape[1] - 1)


@parametrize_with_checks(
    [
        LastStepRegressor(**{**EXACT, "hidden_size": 16, "max_epochs": 30}),
        LastStepClassifier(**EXACT, **PLAIN, missing="ffill"),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weights_shape": "weights of two axes are those of steps",
    },
)
def test_scikit_learns_suite_with_its_targets_at_the_last_step(estimator, check):
    check(estimator)
