"""Answers that are numbers: their scale, how they are meant, and quantiles of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.quantiles import at_levels, wanted_levels
from sklearn_rnn.estimators.target_scale import TargetScale
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.losses import POSITIVE_TARGETS
from sklearn_rnn.modules.outputs import POSITIVE
from sklearn_rnn.training.splits import LastPart

__all__ = ["NumberAnswers", "refuse_other_kinds"]


class NumberAnswers:
    """Mixed into a `RecurrentEstimator` that answers sequences, or their steps, with numbers.

    What is answered is called a row here, be it a sequence or a step.
    """

    loss: Any
    output: str
    quantiles: Sequence[float]
    scaler: str | None
    validation_fraction: float
    n_outputs_: int
    _centre: NDArray[np.float64]
    _scale: NDArray[np.float64]
    _settings: dict[str, Any]
    _target_scale: TargetScale
    _y_ndim: int

    # -- targets -------------------------------------------------------------------------------

    def _refuse_negative_counts(self, targets: NDArray) -> None:
        if self.loss in POSITIVE_TARGETS and targets.min() < 0:
            raise TargetError(
                f"{type(self).__name__}: loss={self.loss!r} is for counts, which are not negative; "
                f"got {(targets < 0).sum()} negative values in y. Use loss='squared_error', or "
                f"mend y."
            )

    def _output(self) -> str:
        """Return how the answer is meant; a positive one if the loss wants that."""
        if self.loss in POSITIVE_TARGETS and self.output not in POSITIVE:
            return "exp"
        return self.output

    def _learn_scale(self, targets: NDArray, inputs: NDArray, weights: NDArray | None) -> None:
        """Learn it from targets (R, O), the inputs that came last (R, F), and weights (R,)."""
        self._target_scale = TargetScale.learned(
            targets,
            inputs,
            weights,
            scaler=self.scaler,
            output=self._output(),
            loss=self.loss,
        )

    def _encode(self, targets: NDArray) -> NDArray:
        return self._target_scale.encoded(targets)

    # -- answers -------------------------------------------------------------------------------

    def _predicted(self, answers: NDArray) -> NDArray[np.float64]:
        """Return what `predict` answers, from answers (R, O) or (R, O, Q) of the network."""
        answers = self._target_scale.in_units(answers)
        if answers.ndim == 3:
            levels = np.asarray(self._settings["quantiles"])
            answers = answers[:, :, int(np.argmin(np.abs(levels - 0.5)))]
        return self._with_axes_of_fit(answers)

    def _wanted_levels(self, alpha: float | Sequence[float] | None) -> NDArray[np.float64]:
        """Return which quantiles are asked for, or say why they cannot be answered."""
        check_is_fitted(self)
        loss, learned = self._settings["loss"], self._settings["quantiles"]
        return wanted_levels(type(self).__name__, loss, learned, alpha)

    def _quantiles_at(self, wanted: NDArray, answers: NDArray) -> NDArray[np.float64]:
        """Return what `predict_quantiles` answers, from answers (R, O, Q) of the network."""
        answers = self._target_scale.in_units(answers)
        return self._with_axes_of_fit(at_levels(answers, self._settings["quantiles"], wanted))

    def _with_axes_of_fit(self, answers: NDArray) -> NDArray[np.float64]:
        return answers[:, 0] if self._y_ndim == 1 else answers

    # -- network -------------------------------------------------------------------------------

    def _network_options(self) -> dict[str, Any]:
        return {
            "n_outputs": self.n_outputs_,
            "n_quantiles": len(self.quantiles) if self.loss == "quantile" else None,
            "output": self._output(),
            **self._target_scale.origin(self._centre, self._scale),
        }

    def _loss_options(self) -> dict[str, Any]:
        return {"loss__quantiles": list(self.quantiles)} if self.loss == "quantile" else {}

    def _split(self, seed: int) -> LastPart:
        return LastPart(self.validation_fraction)


def refuse_other_kinds(values: NDArray, name: str) -> None:
    """Refuse what numpy would make real numbers of in a way that nobody has in mind."""
    if values.dtype.kind == "c":
        raise TargetError(
            f"{name}: y must hold real numbers; got complex ones. Give real and imaginary part as "
            f"two outputs."
        )
    if values.dtype.kind in "mM":
        raise TargetError(
            f"{name}: y must hold numbers; got dates or durations ({values.dtype}). Make numbers "
            f"of them in a unit that says something."
        )
