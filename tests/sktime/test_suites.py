"""sktime's own suite, complete: no expected failure and nothing left out."""

import pytest
from sktime.utils.estimator_checks import check_estimator, parametrize_with_checks

from sklearn_rnn.sktime import (
    Differencer,
    ResampledForecaster,
    Resampler,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    SequenceScaler,
    SlidingWindow,
)

pytestmark = pytest.mark.no_cover

TRANSFORMERS = [Differencer, Resampler, SequenceScaler, SlidingWindow]
ALL = [*TRANSFORMERS, ResampledForecaster, RNNForecaster, RNNClassifier, RNNRegressor]


# What sktime's suite warns of when it tests forecasters of sktime's own in the same way.
@pytest.mark.filterwarnings(
    "ignore:Forecasters' predict_proba requires skpro:UserWarning",
    "ignore:NotImplementedWarning. PolynomialTrendForecaster:UserWarning",
    "ignore:Sorting by default when concatenating:DeprecationWarning",
)
@pytest.mark.slow
@parametrize_with_checks(ALL)
def test_sktimes_suite(obj, test_name):
    results = check_estimator(obj, tests_to_run=test_name, raise_exceptions=True, verbose=False)

    assert results
    assert set(results.values()) == {"PASSED"}
