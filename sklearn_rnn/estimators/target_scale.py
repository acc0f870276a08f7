"""The scale of targets: learned in fit, undone in answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_rnn.losses import UNCENTRED
from sklearn_rnn.modules.outputs import FROM_LAST_VALUE, POSITIVE
from sklearn_rnn.transformers.scaling import centre_and_scale

__all__ = ["TargetScale"]


class TargetScale(NamedTuple):
    """How targets (S, O) are scaled for the loss, and what they are measured from.

    Attributes
    ----------
    centre, scale : ndarray of shape (O,), float64
        Targets become ``(targets - centre) / scale``.
    spread : ndarray of shape (O,), float64
        A usual change from the last value, where answers are meant as changes from it.
    columns : list of int
        For each output, the feature that has its last value.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    spread: NDArray[np.float64]
    columns: list[int]

    @classmethod
    def learned(
        cls,
        targets: NDArray,
        inputs: NDArray,
        weights: NDArray | None,
        *,
        scaler: str | None,
        output: str,
        loss: Any,
    ) -> TargetScale:
        """Learn it from targets (S, O), the last inputs beside them (S, F), and weights (S,)."""
        outputs, features = targets.shape[1], inputs.shape[1]
        centre, scale, spread = np.zeros(outputs), np.ones(outputs), np.ones(outputs)
        columns = list(range(outputs)) if features == outputs else [0] * outputs
        if scaler is None:
            return cls(centre, scale, spread, columns)
        if output in POSITIVE or loss in UNCENTRED:
            level = np.average(np.abs(targets), axis=0, weights=weights)
            scale = np.where(level > 0, level, 1.0)
        else:
            method = "standard" if scaler == "window" else scaler
            centre, scale = centre_and_scale(targets, method, weights)
        if output in FROM_LAST_VALUE:
            last = inputs[:, columns].astype(np.float64)
            change = (targets - last) / scale
            if output == "last_value_ratio":
                last = np.where(last == 0, np.nan, last)  # nothing is relative to zero
                change = targets / last - 1
            spread = centre_and_scale(change, "standard", weights)[1]
        return cls(centre, scale, spread, columns)

    def encoded(self, targets: NDArray) -> NDArray[np.float64]:
        """Return targets (S, O) as the loss wants them."""
        return (targets - self.centre) / self.scale

    def in_units(self, answers: NDArray) -> NDArray[np.float64]:
        """Return answers (S, O) or (S, O, Q) in the units of the targets."""
        by_output = (1, -1) if answers.ndim == 2 else (1, -1, 1)
        return self.centre.reshape(by_output) + self.scale.reshape(by_output) * answers

    def origin(self, centre: NDArray, scale: NDArray) -> dict[str, Any]:
        """Return the map from scaled inputs to the origin of answers, as networks take it.

        Parameters
        ----------
        centre, scale : ndarray of shape (F,)
            How inputs are scaled.

        Returns
        -------
        dict
            Arguments of the network.
        """
        columns = self.columns
        return {
            "origin_columns": columns,
            "origin_ratio": (scale[columns] / self.scale).tolist(),
            "origin_shift": ((centre[columns] - self.centre) / self.scale).tolist(),
            "spread": self.spread.tolist(),
        }
