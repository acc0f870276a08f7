"""Every error and warning that the package raises on purpose.

Each error is also one of Python's own, so that ``except ValueError`` keeps working. A message says
who speaks, what is needed, what came and what to do; shapes and counts, never the data.
"""

__all__ = [
    "CellError",
    "FrequencyError",
    "HorizonError",
    "InputsError",
    "LossShapeError",
    "MissingValuesError",
    "NativeKernelError",
    "ParameterNameError",
    "PretrainingError",
    "SequenceLengthError",
    "SequenceShapeError",
    "SeriesTooShortError",
    "StateError",
    "TargetError",
    "TargetTypeError",
    "TimeOrderError",
    "TokenError",
    "TrainingDivergedError",
    "TrainingInterruptedWarning",
    "TransposedInputWarning",
    "UnknownTokenWarning",
]


class SequenceShapeError(ValueError):
    """An array of sequences does not have the axes or the number of features that are needed."""


class SequenceLengthError(ValueError):
    """A sequence has no steps, or not as many as are needed."""


class SeriesTooShortError(ValueError):
    """A series has too few rows for the window, lag or horizon that was asked for."""


class StateError(ValueError):
    """A state does not fit the network that is to begin from it, or the network carries none."""


class TimeOrderError(ValueError):
    """The rows of a series are not in the order of time."""


class FrequencyError(ValueError):
    """A frequency is none, or not one for the dates that it was given for."""


class InputsError(ValueError):
    """The inputs X of a forecaster lack columns or rows that are needed, or have others."""


class HorizonError(ValueError):
    """A horizon lies beyond what was trained, or at no step of the series."""


class PretrainingError(ValueError):
    """A pretrained model does not fit the series or the horizon that it is to be used for."""


class MissingValuesError(ValueError):
    """Values are missing (NaN) where none may be."""


class TargetError(ValueError):
    """A target does not fit its sequences, or the loss that should learn it."""


class TargetTypeError(TypeError, TargetError):
    """A target holds something else than numbers."""


class TokenError(ValueError):
    """A token is not a whole number that the embedding knows."""


class LossShapeError(ValueError):
    """A loss was given a prediction and a target whose shapes differ."""


class CellError(TypeError, ValueError):
    """A recurrent cell of the user's is none, or does not answer as cells do."""


class NativeKernelError(RuntimeError):
    """The native kernels were asked for something that they cannot do."""


class ParameterNameError(TypeError, ValueError):
    """A parameter or an argument was given by a name that the estimator does not have.

    Python calls that a TypeError, scikit-learn in `set_params` a ValueError.
    """


class TrainingDivergedError(ValueError):
    """The loss became infinite or NaN while training."""


class TrainingInterruptedWarning(UserWarning):
    """Training was stopped by the user; the model is what it had learned by then."""


class TransposedInputWarning(UserWarning):
    """Sequences look as if their steps lay where features belong."""


class UnknownTokenWarning(UserWarning):
    """Tokens came that fit has not seen; they are read as one that says nothing."""
