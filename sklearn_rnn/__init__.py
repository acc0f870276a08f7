"""Recurrent networks with the manners of scikit-learn."""

import importlib
from typing import Any

from sklearn_rnn.estimators.classifier import RNNClassifier
from sklearn_rnn.estimators.features import RNNFeatures
from sklearn_rnn.estimators.language import RNNLanguageModel
from sklearn_rnn.estimators.regressor import RNNRegressor
from sklearn_rnn.estimators.resampled import ResampledRegressor
from sklearn_rnn.estimators.seq2seq import RNNSeq2Seq
from sklearn_rnn.estimators.step_classifier import RNNStepClassifier
from sklearn_rnn.estimators.step_regressor import RNNStepRegressor
from sklearn_rnn.estimators.step_targets import flat_steps
from sklearn_rnn.estimators.verse import FixedLines
from sklearn_rnn.modules.cells import RecurrentCell
from sklearn_rnn.transformers.differencing import Differencer
from sklearn_rnn.transformers.padding import SequencePadder
from sklearn_rnn.transformers.resampling import Resampler
from sklearn_rnn.transformers.scaling import SequenceScaler
from sklearn_rnn.transformers.spans import TimeSpanWindow
from sklearn_rnn.transformers.tokens import TokenEncoder
from sklearn_rnn.transformers.windows import SlidingWindow, make_windows
from sklearn_rnn.version import __version__

__all__ = [
    "Differencer",
    "FixedLines",
    "RNNClassifier",
    "RNNFeatures",
    "RNNLanguageModel",
    "RNNRegressor",
    "RNNSeq2Seq",
    "RNNStepClassifier",
    "RNNStepRegressor",
    "RecurrentCell",
    "ResampledRegressor",
    "Resampler",
    "SequencePadder",
    "SequenceScaler",
    "SlidingWindow",
    "TimeSpanWindow",
    "TokenEncoder",
    "TrainingHistoryDisplay",
    "WindowDisplay",
    "__version__",
    "flat_steps",
    "make_windows",
]

#: Names that are loaded on first use, and where they live.
_LATER = {
    "TrainingHistoryDisplay": "sklearn_rnn.plotting",
    "WindowDisplay": "sklearn_rnn.plotting",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
