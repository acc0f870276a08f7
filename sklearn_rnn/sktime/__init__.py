"""For sktime: forecasters and transformers that take and give sktime's types."""

from sklearn_rnn.sktime.resampled import ResampledForecaster
from sklearn_rnn.sktime.transformers import Differencer, Resampler, SequenceScaler, SlidingWindow

__all__ = [
    "Differencer",
    "ResampledForecaster",
    "Resampler",
    "SequenceScaler",
    "SlidingWindow",
]
