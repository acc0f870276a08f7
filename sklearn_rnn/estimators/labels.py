"""Labels: which there are, their numbers, and how much each counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from sklearn_rnn.exceptions import TargetError

__all__ = ["LabelAnswers", "class_numbers"]


def class_numbers(
    labels: NDArray, classes: NDArray, *, name: str, remedy: str
) -> NDArray[np.int64]:
    """Return the place of each label among the classes, or say that some are not known.

    Parameters
    ----------
    labels : ndarray of shape (R,)
        Of sequences, or of steps.
    classes : ndarray of shape (C,)
        In ascending order.
    name : str
        Who asks.
    remedy : str
        How to make all known in the first call.

    Returns
    -------
    ndarray of shape (R,), int64
    """
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        raise TargetError(
            f"{name}: y must hold the {len(classes)} labels of the first call; got "
            f"{unknown.sum()} others. {remedy}, or fit anew with warm_start=False."
        )
    return np.searchsorted(classes, labels).astype(np.int64)


class LabelAnswers:
    """Mixed into a `RecurrentEstimator` that answers sequences, or their steps, with labels."""

    #: What has a label each, as error messages call it.
    _units = "sequences"

    class_weight: Any
    classes_: NDArray
    label_smoothing: float
    loss: Any
    _all_or_nothing: Any

    @contextmanager
    def _announced(self, classes: ArrayLike | None) -> Iterator[None]:
        """Know of labels that are yet to come; forget them if training fails."""
        if classes is not None:
            given = np.unique(np.asarray(classes))
            if hasattr(self, "net_") and not np.array_equal(given, self.classes_):
                raise TargetError(
                    f"{type(self).__name__}: classes must be those of the first call; got "
                    f"{len(given)} that differ from its {len(self.classes_)}. Leave classes out."
                )
        with self._all_or_nothing():
            self._classes_to_come = classes
            yield

    def _as_class_numbers(self, labels: NDArray, first: bool) -> NDArray[np.int64]:
        """Return the numbers of labels; learn which classes there are if first."""
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        announced = self.__dict__.pop("_classes_to_come", None)
        if first:
            self.classes_ = np.unique(labels if announced is None else np.asarray(announced))
        remedy = "Name all in partial_fit(classes=...)"
        return class_numbers(labels, self.classes_, name=type(self).__name__, remedy=remedy)

    def _training_weights(self, targets: NDArray, weights: NDArray | None) -> NDArray | None:
        """Return how much each label counts, from weights (R,) and those of classes."""
        seen = len(np.unique(targets))
        if seen < 2 and len(self.classes_) <= seen:
            raise TargetError(
                f"{type(self).__name__}: y must have at least 2 classes; got 1 class in "
                f"{len(targets)} {self._units} (of weight above zero). Give sequences of "
                f"another class too."
            )
        if self.class_weight is None:
            return weights
        by_class = compute_sample_weight(self.class_weight, self.classes_[targets])
        if by_class.min() < 0 or not by_class.any():
            raise ValueError(
                f"{type(self).__name__}: class_weight must hold weights of at least 0, one of them "
                f"more; got {self.class_weight!r}. Give each class a weight above 0, or 'balanced'."
            )
        return by_class if weights is None else by_class * weights

    def _labelled(self, logits: NDArray) -> NDArray:
        """Return the most probable labels (R,), from logits (R, C)."""
        return self.classes_[logits.argmax(axis=1)]

    def _decided(self, logits: NDArray) -> NDArray[np.float64]:
        """Return what `decision_function` answers: with two classes, log-odds of the second."""
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def _network_options(self) -> dict[str, Any]:
        return {"n_outputs": len(self.classes_)}

    def _loss_options(self) -> dict[str, Any]:
        return {"loss__label_smoothing": self.label_smoothing} if self.loss == "log_loss" else {}
