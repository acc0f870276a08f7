"""Losses: how far an answer is from its target.

A loss is a function of prediction and target, both (N, O), that gives one number for each: no
mean is taken there, so that weights and masks can be. `Loss` takes the weighted mean, and refuses
unequal shapes: torch would pair every row with every other and train on nonsense.

Class weights arrive as sample weights, which is the same and needs no second way. Masks are for
networks that answer every step.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_rnn.exceptions import LossShapeError

__all__ = ["LOSSES", "POSITIVE_TARGETS", "UNCENTRED", "Loss"]


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return (prediction - target) squared."""
    return functional.mse_loss(prediction, target, reduction="none")


def absolute_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the absolute difference."""
    return functional.l1_loss(prediction, target, reduction="none")


def huber(prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Return half the square up to `delta`, and grow linearly beyond (Huber 1964)."""
    return functional.huber_loss(prediction, target, reduction="none", delta=delta)


def squared_percentage_error(prediction: Tensor, target: Tensor, eps: float = 1e-6) -> Tensor:
    """Return the squared error over max(target squared, `eps`)."""
    return (prediction - target).square() / target.square().clamp(min=eps)


def poisson(prediction: Tensor, target: Tensor) -> Tensor:
    """Return half the Poisson deviance of a positive prediction from a count, per answer."""
    return prediction - target + torch.xlogy(target, target) - torch.xlogy(target, prediction)


def quantile(prediction: Tensor, target: Tensor, quantiles: Sequence[float] = (0.5,)) -> Tensor:
    """Return the pinball loss, the mean over quantiles (Koenker and Bassett 1978).

    `prediction` is (N, O, Q) with as many quantiles as named.
    """
    levels = prediction.new_tensor(quantiles)
    error = target.unsqueeze(2) - prediction
    return torch.maximum(levels * error, (levels - 1) * error).mean(dim=2)


def log_loss(prediction: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy of logits (N, C) and classes (N,) of dtype int64."""
    return functional.cross_entropy(
        prediction, target, reduction="none", label_smoothing=label_smoothing
    )


class Loss(nn.Module):
    """A weighted mean of a loss, over answers of equal shape.

    Parameters
    ----------
    loss : str or callable
        A key of LOSSES, or a callable of (prediction, target) that gives one number for each
        answer, or one for the batch (which cannot be weighted). A class is built first, with
        ``reduction="none"`` if it knows the word.
    **options
        Passed on to the loss.

    Raises
    ------
    LossShapeError
        When called with a prediction and a target of unequal shapes.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.losses import Loss
    >>> Loss("absolute_error")(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.0]]))
    tensor(1.)
    """

    def __init__(self, loss: str | Callable[..., Any], **options: Any) -> None:
        super().__init__()
        self.loss: Any = loss
        if inspect.isclass(loss):
            if "reduction" in inspect.signature(loss).parameters:
                options = {"reduction": "none", **options}
            self.loss, options = loss(**options), {}
        self.options = options

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss.

        Parameters
        ----------
        prediction, target : Tensor
            Of one shape; logits (N, C) beside classes (N,); quantiles (N, O, Q) beside (N, O).
        weight : Tensor of shape (N,), optional
            How much each sequence counts; with a mean of 1 over all data, so that a batch of light
            sequences is a light batch.
        mask : Tensor of bool with the target's shape, optional
            Which answers count.

        Returns
        -------
        Tensor
            A scalar.
        """
        self._check_shapes(prediction, target)
        if mask is not None:
            target = target.masked_fill(~mask, 1)  # what is masked may be NaN, in gradients too
        loss = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        losses = loss(prediction, target, **self.options)
        if weight is not None:
            if losses.ndim == 0:
                raise LossShapeError(
                    f"Loss: weights need a loss of one number for each answer; {self.loss} gave "
                    f"one for the batch. Leave out its mean, or the weights."
                )
            losses = losses * weight.view(-1, *[1] * (losses.ndim - 1))
        return losses.mean() if mask is None else (losses * mask).sum() / mask.sum()

    def _check_shapes(self, prediction: Tensor, target: Tensor) -> None:
        wanted = prediction.shape
        if self.loss == "quantile" or not target.is_floating_point():
            wanted = wanted[:-1]
        if wanted != target.shape:
            raise LossShapeError(
                f"Loss: prediction and target must have one shape, lest every row be compared "
                f"with every other; got {tuple(prediction.shape)} and {tuple(target.shape)}. "
                f"Targets have the axes (n_sequences, n_outputs); classes are (n_sequences,)."
            )


#: A new loss: write the function above and give it a name here; `loss=` finds it.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "squared_percentage_error": squared_percentage_error,
    "poisson": poisson,
    "quantile": quantile,
    "log_loss": log_loss,
}

#: Losses that depend on where zero lies: their targets are scaled, but never shifted.
UNCENTRED = frozenset({"squared_percentage_error", "poisson"})

#: Losses of a positive prediction and a target that is not negative.
POSITIVE_TARGETS = frozenset({"poisson"})
