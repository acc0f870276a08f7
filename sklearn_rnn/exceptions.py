"""Every error and warning that the package raises on purpose.

Each error is also one of Python's own, so that ``except ValueError`` keeps working. A message says
who speaks, what is needed, what came and what to do; shapes and counts, never the data.
"""

__all__ = [
    "LossShapeError",
    "MissingValuesError",
    "ParameterNameError",
    "SequenceLengthError",
    "SequenceShapeError",
    "SeriesTooShortError",
    "TargetError",
    "TimeOrderError",
    "TokenError",
    "TrainingDivergedError",
    "TrainingInterruptedWarning",
    "TransposedInputWarning",
]


class SequenceShapeError(ValueError):
    """An array of sequences does not have the axes or the number of features that are needed."""


class SequenceLengthError(ValueError):
    """A sequence has no steps, or not as many as are needed."""


class SeriesTooShortError(ValueError):
    """A series has too few rows for the window, lag or horizon that was asked for."""


class TimeOrderError(ValueError):
    """The rows of a series are not in the order of time."""


class MissingValuesError(ValueError):
    """Values are missing (NaN) where none may be."""


class TargetError(ValueError):
    """A target does not fit its sequences, or the loss that should learn it."""


class TokenError(ValueError):
    """A token is not a whole number that the embedding knows."""


class LossShapeError(ValueError):
    """A loss was given a prediction and a target whose shapes differ."""


class ParameterNameError(TypeError):
    """A constructor was given a name that the estimator does not have."""


class TrainingDivergedError(ValueError):
    """The loss became infinite or NaN while training."""


class TrainingInterruptedWarning(UserWarning):
    """Training was stopped by the user; the model is what it had learned by then."""


class TransposedInputWarning(UserWarning):
    """Sequences look as if their steps lay where features belong."""
