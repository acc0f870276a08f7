"""The skorch net that estimators hold: it trains a network on batches of sequences."""

import copy
import dis
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PrintLog
from skorch.utils import TeeGenerator
from torch import Tensor

from sklearn_rnn.exceptions import TrainingDivergedError, TrainingInterruptedWarning
from sklearn_rnn.kernels.native.plans import PlanPool
from sklearn_rnn.losses import Loss
from sklearn_rnn.training.batches import Batches, SequenceDataset
from sklearn_rnn.training.fused import FusedSteps, native_answers, plain_network

__all__ = ["PREDICTION_BATCH", "ClassifierNet", "SequenceNet"]

#: Sequences that are answered at a time: enough to be fast, few enough that one alone is.
PREDICTION_BATCH = 64


class SequenceNet(NeuralNet):
    """A skorch net for `SequenceDataset`: lengths, weights, and Ctrl-C with a warning.

    Subclasses may name another loss and other batches.

    Parameters
    ----------
    *args, **kwargs
        As in skorch.
    dtype : torch.dtype, default=torch.float32
        Of the network's parameters.
    keeps_batches : bool, default=False
        Whether the history has a row for each batch beside that for each epoch; callbacks may
        want to read them, and over a long training they take much memory.
    """

    _fused: FusedSteps | None

    loss_class: ClassVar[type[torch.nn.Module]] = Loss
    train_batches: ClassVar[type] = Batches
    valid_batches: ClassVar[type] = Batches

    def __init__(
        self,
        *args: Any,
        dtype: torch.dtype = torch.float32,
        keeps_batches: bool = False,
        **kwargs: Any,
    ) -> None:
        self.dtype = dtype
        self.keeps_batches = keeps_batches
        super().__init__(*args, **kwargs)

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        timer = [("epoch_timer", EpochTimer())]
        return [*timer, ("print_log", PrintLog())] if self.verbose else timer

    def initialize_module(self, *args: Any, **kwargs: Any) -> "SequenceNet":
        """Build the network, in the dtype asked for."""
        super().initialize_module(*args, **kwargs)
        self.module_.to(self.dtype)
        return self

    def infer(self, x: dict[str, Tensor], **fit_params: Any) -> Tensor:
        """Call the network with sequences, and with their lengths where these differ."""
        sequences = x["x"].to(self.device)
        if "lengths" not in x:
            return self.module_(sequences)
        return self.module_(sequences, x["lengths"].to(self.device))

    def get_loss(
        self, y_pred: Tensor, y_true: Tensor, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the weighted mean loss of a batch."""
        weight = X.get("weight")
        weight = None if weight is None else weight.to(self.device)
        return self.criterion_(y_pred, y_true.to(self.device), weight)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Go through all batches once, and record their mean loss."""
        if iterator is None:
            return
        self._set_training(training)
        fused = self._fused_steps(iterator) if training else None
        if fused is None:
            done = self._learn_by_torch(iterator, training, prefix, step_fn, **fit_params)
        else:
            done = self._learn_by_fused_steps(fused, iterator, prefix)
        total, count, batches = 0.0, 0, 0
        for weight, loss in done:
            total, count, batches = total + loss * weight, count + weight, batches + 1
        if training and not np.isfinite(total):
            raise TrainingDivergedError(
                f"fit: the training loss must stay finite; it was {total / count} in epoch "
                f"{len(self.history)}. Lower lr (now {self.lr:g}) or gradient_clip_value, or look "
                f"for values far out in X and y."
            )
        name = f"{prefix}_loss"
        before = [row[name] for row in self.history[:-1] if name in row]
        self.history.record(f"{prefix}_batch_count", batches)
        self.history.record(name, total / count)
        self.history.record(f"{name}_best", total / count < min(before, default=np.inf))

    def _learn_by_torch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> Iterator[tuple[int, float]]:
        """Go through all batches; yields how much each counts, and its mean loss."""
        for batch in iterator:
            if self.keeps_batches:
                self.history.new_batch()
            self._notify_listeners("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            size, loss = len(batch[1]), step["loss"].item()
            self._record_batch(prefix, size, loss)
            self._notify_listeners("on_batch_end", batch=batch, training=training, **step)
            yield self.batch_weight(batch), loss

    def _learn_by_fused_steps(
        self, fused: FusedSteps, iterator: Batches, prefix: str
    ) -> Iterator[tuple[int, float]]:
        """Do the same where nobody needs to see the batches themselves."""
        left = len(iterator.dataset)
        for loss in fused.losses(iterator).tolist():
            size = min(iterator.batch_size, left)
            left -= size
            if self.keeps_batches:
                self.history.new_batch()
            self._record_batch(prefix, size, loss)
            yield size, loss

    def batch_weight(self, batch: Any) -> int:
        """Return how much a batch counts in the mean loss of an epoch: its sequences."""
        return len(batch[1])

    def _record_batch(self, prefix: str, size: int, loss: float) -> None:
        if self.keeps_batches:
            self.history.record_batch(f"{prefix}_loss", loss)
            self.history.record_batch(f"{prefix}_batch_size", size)

    def _fused_steps(self, iterator: Any) -> FusedSteps | None:
        """Return what takes native steps through these batches; None where torch has to."""
        own = (SequenceNet.train_step, SequenceNet.infer, SequenceNet.get_loss)
        if any(getattr(type(self), method.__name__) is not method for method in own):
            return None  # a class derived from this one trains in a way of its own
        steps = FusedSteps.of(self, iterator)  # callbacks may have changed anything since the last
        if steps is None or self._fused is None or not self._fused.does_as(steps):
            self._fused = steps
        return self._fused

    def listeners(self, method: str) -> list[Callback]:
        """Return the callbacks that have something to do at a moment between batches."""
        return self._listeners[method]

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        """Learn from one batch: what skorch does, without what small networks would wait for."""
        if isinstance(self.optimizer_, torch.optim.LBFGS):  # calls the loss several times a step
            return super().train_step(batch, **fit_params)
        inputs, targets = batch
        for parameter in self.trained_parameters:
            parameter.grad = None
        answers = self.infer(inputs, **fit_params)
        loss = self.get_loss(answers, targets, X=inputs, training=True)
        loss.backward()
        if self._listeners["on_grad_computed"]:
            named = TeeGenerator(self.get_all_learnable_params())
            self._notify_listeners(
                "on_grad_computed", named_parameters=named, batch=batch, training=True
            )
        self.optimizer_.step()
        return {"loss": loss, "y_pred": answers}

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Look up who listens between batches, once."""
        super().on_train_begin(net, X=X, y=y, **kwargs)
        self.trained_parameters = [
            p for group in self.optimizer_.param_groups for p in group["params"]
        ]
        self._listeners = {
            method: [cb for _, cb in self.callbacks_ if _overrides(cb, method)]
            for method in ("on_batch_begin", "on_grad_computed", "on_batch_end")
        }
        self._fused = None

    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget them: they are not part of what was learned."""
        super().on_train_end(net, X=X, y=y, **kwargs)
        del self.trained_parameters, self._listeners, self._fused
        for part in self.module_.modules():
            plans = getattr(part, "plans", None)
            if isinstance(plans, PlanPool):
                plans.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out native steps, which callbacks that save or copy the net meet between epochs."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_fused": None} if "_fused" in state else state

    def _notify_listeners(self, method: str, **kwargs: Any) -> None:
        """Tell those callbacks that have something to do between batches."""
        for callback in self._listeners[method]:
            getattr(callback, method)(self, **kwargs)

    def fit_loop(self, X: Any, y: Any = None, epochs: int | None = None, **kwargs: Any) -> Any:
        """Train; Ctrl-C ends it with what was learned so far, and says so."""
        before = len(self.history)
        try:
            return super().fit_loop(X, y, epochs, **kwargs)
        except KeyboardInterrupt as stop:
            if _is_raised_by_code(stop):  # by a callback that ends training; skorch goes on
                self._forget_unfinished_epoch()
                raise
            self._forget_unfinished_epoch()
            warnings.warn(
                f"Training was interrupted after {len(self.history) - before} of "
                f"{epochs or self.max_epochs} epochs; the model is what it had learned by then. "
                f"Fit again to train it fully.",
                TrainingInterruptedWarning,
                stacklevel=6,  # whoever called fit
            )
            return self

    def _forget_unfinished_epoch(self) -> None:
        if len(self.history) and "train_loss" not in self.history[-1]:
            self.history.pop()

    def take_over(self, other: NeuralNet, *, optimizer: bool) -> None:
        """Go on where another net stands: its weights, its history, and its optimizer if asked."""
        self.module_.load_state_dict(other.module_.state_dict())
        self.history = copy.copy(other.history)  # the other net stays as it is
        if optimizer and type(self.optimizer_) is type(other.optimizer_):
            # what was learned of the parameters, under the options of this net
            state = copy.deepcopy(other.optimizer_.state_dict())
            state["param_groups"] = self.optimizer_.state_dict()["param_groups"]
            self.optimizer_.load_state_dict(state)

    @property
    def best_epoch(self) -> int | None:
        """Epoch whose weights early stopping has kept; None without it."""
        stopping = dict(self.callbacks_).get("early_stopping")
        return getattr(stopping, "best_epoch_", None) or None

    def answers(self, dataset: SequenceDataset) -> NDArray[np.float64]:
        """Return what the network answers for each sequence, in float64."""
        return self.raw_answers(dataset).double().numpy()

    def raw_answers(self, dataset: SequenceDataset) -> Tensor:
        """Return what the network answers, in its own dtype.

        An answer does not depend on what it is asked together with. Native code computes each by
        itself; torch rounds products of matrices differently for different numbers of rows, so
        its batches are all filled up to one size.
        """
        network = plain_network(self.module_, dataset)
        n = len(dataset)
        if network is not None:
            return native_answers(network, dataset)
        if n % PREDICTION_BATCH:
            filled = torch.arange(n + -n % PREDICTION_BATCH).clamp(max=n - 1)
            dataset = dataset.subset(filled)
        return self.forward(dataset)[:n]


class ClassifierNet(SequenceNet):
    """The same for classes: the network answers logits (N, C)."""

    def predict_proba(self, X: SequenceDataset) -> NDArray[np.float64]:
        """Return probabilities (N, C)."""
        return self.raw_answers(X).double().softmax(dim=1).numpy()

    def predict(self, X: SequenceDataset) -> NDArray[np.int64]:
        """Return the index of the most probable class of each sequence."""
        return self.raw_answers(X).argmax(dim=1).numpy()


def _is_raised_by_code(error: BaseException) -> bool:
    """Tell a `raise KeyboardInterrupt`, skorch's way to end training, from the user's Ctrl-C.

    The signal interrupts whatever instruction it meets, which is not a `raise`.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    instruction = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return dis.opname[instruction] == "RAISE_VARARGS"


def _overrides(callback: Callback, method: str) -> bool:
    return getattr(type(callback), method) is not getattr(Callback, method)
