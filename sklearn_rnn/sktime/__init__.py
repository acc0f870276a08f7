"""For sktime: forecasters, classifiers, regressors and transformers that take its types."""

from sklearn_rnn.sktime.classifier import RNNClassifier
from sklearn_rnn.sktime.forecaster import RNNForecaster
from sklearn_rnn.sktime.regressor import RNNRegressor
from sklearn_rnn.sktime.resampled import ResampledForecaster
from sklearn_rnn.sktime.transformers import Differencer, Resampler, SequenceScaler, SlidingWindow

__all__ = [
    "Differencer",
    "RNNClassifier",
    "RNNForecaster",
    "RNNRegressor",
    "ResampledForecaster",
    "Resampler",
    "SequenceScaler",
    "SlidingWindow",
]
