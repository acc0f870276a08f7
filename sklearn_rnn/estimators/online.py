"""One sequence at a time: what `predict` answers, without what a batch needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.exceptions import SequenceShapeError
from sklearn_rnn.modules.network import SequenceNetwork

__all__ = ["OnlineAnswers"]


class OnlineAnswers:
    """Mixed into a `RecurrentEstimator`."""

    n_channels_in_: int
    net_: Any
    _answers: Any
    _centre: NDArray[np.float64]
    _scale: NDArray[np.float64]

    def _answer_one(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return what the network answers for one sequence: (O,), or (O, Q) for quantiles."""
        if "net_" not in vars(self):
            check_is_fitted(self)
        steps = self._one_sequence(x)
        network = self.net_.module_
        # What follows is for plain numbers and a network of ours. Anything else goes the ordinary
        # way: numbers that are missing or cannot be used are dealt with there.
        answer = None
        if type(network) is SequenceNetwork and _are_finite(steps):
            answer = network.answer_one((steps - self._centre) / self._scale)
        return self._answers([steps])[0] if answer is None else answer.astype(np.float64)

    def _one_sequence(self, x: ArrayLike) -> NDArray:
        """Return x as an array (T, F) of whatever it holds, with the features of fit."""
        try:
            steps = np.asarray(x)
        except ValueError as error:
            raise self._shape_error("a nested list of unequal lengths") from error
        if steps.ndim == 1 and self.n_channels_in_ == 1:
            steps = steps[:, np.newaxis]
        if steps.ndim != 2 or steps.shape[1] != self.n_channels_in_ or not len(steps):
            raise self._shape_error(f"{type(x).__name__} of shape {steps.shape}")
        return steps

    def _shape_error(self, found: str) -> SequenceShapeError:
        wanted = f"(n_steps, {self.n_channels_in_})"
        if self.n_channels_in_ == 1:
            wanted = "(n_steps,) or (n_steps, 1)"
        return SequenceShapeError(
            f"{type(self).__name__}: x must be one sequence of shape {wanted}, with the features "
            f"of fit and at least one step; got {found}. For several sequences there is predict."
        )


def _are_finite(steps: NDArray) -> bool:
    """Tell whether all are finite numbers; if they are very large, the answer may be no."""
    return steps.dtype.kind in "fiub" and math.isfinite(np.vdot(steps, steps))
