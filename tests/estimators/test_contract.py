"""scikit-learn's own suite, on exact settings and on the defaults."""

import pytest
from sklearn.utils.estimator_checks import (
    check_classifiers_train,
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

from sklearn_rnn import RNNClassifier, RNNRegressor

pytestmark = pytest.mark.no_cover

# Settings under which a weight of 2 equals a second copy of the sequence, to the last digits:
# one batch of everything, double precision, and no noise drawn for each copy.
EXACT = {"dtype": "float64", "batch_size": None}
SMALL = {"hidden_size": 8, "num_layers": 1, "input_noise": 0.0}
REGRESSOR = RNNRegressor(hidden_size=16, max_epochs=30, lr=0.05, **EXACT)
CLASSIFIER = RNNClassifier(max_epochs=40, **SMALL, **EXACT)


@parametrize_with_checks(
    [
        REGRESSOR,
        CLASSIFIER,
        RNNRegressor(hidden_size=16, max_epochs=30, lr=0.05, missing="mask", **EXACT),
        RNNClassifier(max_epochs=40, missing="ffill", **SMALL, **EXACT),
    ]
)
def test_scikit_learns_suite_on_exact_settings(estimator, check):
    check(estimator)


def mini_batches_see_another_order(estimator):
    """The one exception; strict (see pyproject): were the check to pass, that would be an error."""
    return {
        "check_sample_weight_equivalence_on_dense_data": "the defaults train on mini-batches, "
        "which differ between a sequence of weight 2 and two sequences"
    }


# As scikit-learn does for its own, the slower of the two takes fewer steps; the check of what it
# learns is below with all of them.
@pytest.mark.slow
@parametrize_with_checks(
    [RNNRegressor(), RNNClassifier(max_epochs=10)],
    expected_failed_checks=mini_batches_see_another_order,
)
def test_scikit_learns_suite_on_the_defaults(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_a_classifier_learns_blobs_on_the_defaults_alone():
    check_classifiers_train("RNNClassifier", RNNClassifier())


@pytest.mark.parametrize("estimator", [REGRESSOR, CLASSIFIER], ids=["regressor", "classifier"])
def test_column_names_are_compared(estimator):
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)
