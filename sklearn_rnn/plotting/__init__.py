"""Pictures of training and of predictions, in the manner of scikit-learn's displays.

They read what estimators and arrays show to everyone. matplotlib is loaded when something is drawn.
"""

from sklearn_rnn.plotting.history import TrainingHistoryDisplay
from sklearn_rnn.plotting.windows import WindowDisplay

__all__ = ["TrainingHistoryDisplay", "WindowDisplay"]
