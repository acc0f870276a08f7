"""Epochs whose training steps are native from end to end.

Where the network is nothing but recurrent layers and a linear map, the loss and the optimizer are
common ones, and nobody listens between batches, `sklearn_rnn.kernels.native.step` does everything
that happens in a batch. Parameters and the optimizer's state stay where they are, in torch, and
are afterwards what torch would have made of them but for rounding.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping, LRScheduler
from torch import Tensor
from torch.autograd.graph import increment_version

from sklearn_rnn.kernels.native.plans import Data, PlainNetwork
from sklearn_rnn.kernels.native.threads import worthwhile_threads
from sklearn_rnn.losses import Loss
from sklearn_rnn.training.batches import Batches, SequenceDataset
from sklearn_rnn.training.callbacks import GradientClipping
from sklearn_rnn.training.rules import NativeRule
from sklearn_rnn.training.schedules import StepSchedule

__all__ = [
    "FORWARD_HOOKS",
    "FusedSteps",
    "NativeSteps",
    "are_plain",
    "have_hooks",
    "is_known",
    "native_answers",
    "plain_network",
    "rule_of",
]

#: Seconds of batches that are done at a time; a user's Ctrl-C waits no longer.
SECONDS_AT_A_TIME = 0.05

#: Losses of which native steps know the gradient, and the option that each has.
LOSSES = {
    "squared_error": None,
    "absolute_error": None,
    "huber": ("delta", 1.0),
    "log_loss": ("label_smoothing", 0.0),
}

#: What torch would call on the way forwards, and on the way back.
FORWARD_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
BACKWARD_HOOKS = ("_backward_hooks", "_backward_pre_hooks")


class NativeSteps:
    """What native training steps of all nets have: a rule, and traits that they depend on.

    Parameters
    ----------
    net : NeuralNet
        Which learns.
    rule : NativeRule
        Of its optimizer.
    """

    def __init__(self, net: Any, rule: NativeRule) -> None:
        self.net, self.rule = net, rule
        clipping = net.listeners("on_grad_computed")
        limits = [callback.gradient_clip_value for callback in clipping]
        self.limit = np.array(limits, dtype=np.float32) if limits else None
        self._traits = self._look()

    def does_as(self, other: NativeSteps) -> bool:
        """Tell whether plans of these steps do what other steps would.

        Between epochs, callbacks may put other tensors in the place of parameters or of what the
        optimizer remembers, and change options; plans hold addresses of the former.
        """
        return self.rule.group is other.rule.group and self._traits == other._traits

    def _look(self) -> tuple:
        """Return all that plans depend on as it is now, but for what is looked up in each epoch."""
        rule = self.rule
        tensors = [*rule.parameters, *(b for buffers in rule.buffers() for b in buffers)]
        limit = None if self.limit is None else self.limit.tolist()
        return places(tensors), rule.name, rule.nesterov, limit

    def schedules(self) -> list[StepSchedule]:
        """Return those that change the rate after every batch."""
        return [c for c in self.net.listeners("on_batch_end") if type(c) is StepSchedule]

    def _rule_of_plans(self) -> Any:
        """Return the rule as plans take it."""
        from sklearn_rnn.kernels.native.rules import Rule  # brings llvmlite

        rule = self.rule
        return Rule(rule.name, rule.buffers(), rule.constants, rule.nesterov, self.limit)


class FusedSteps(NativeSteps):
    """The native training steps of a net; see `of`."""

    def __init__(
        self, net: Any, network: PlainNetwork, dataset: SequenceDataset, rule: NativeRule
    ) -> None:
        self.network, self.dataset = network, dataset
        self._size = sum(parameter.numel() for parameter in rule.parameters)
        self._plans: dict[int, Any] = {}
        self._batches_at_a_time = 1.0
        super().__init__(net, rule)

    @classmethod
    def of(cls, net: Any, iterator: Any) -> FusedSteps | None:
        """Return the steps of a net that learns from an iterator; None where torch must do them."""
        if type(iterator) is not Batches or not is_known(net):
            return None
        dataset = iterator.dataset
        network = plain_network(net.module_, dataset)
        if network is None:
            return None
        weights = [] if dataset.weights is None else [dataset.weights]
        if not are_plain(weights) or not _fit_answers(net.criterion_.loss, dataset, network):
            return None
        rule = rule_of(net, parameters_of(network))
        return None if rule is None else cls(net, network, dataset, rule)

    def _look(self) -> tuple:
        """Return all that plans depend on as it is now, but for what is looked up in each epoch."""
        data, loss = native_data(self.dataset), self.net.criterion_
        return (
            *super()._look(),
            places([part for part in data if isinstance(part, Tensor)]),
            [layer.cell for layer in self.network.layers],
            (loss.loss, dict(loss.options), data.lengths is None, data.steps),
        )

    def losses(self, iterator: Batches) -> NDArray[np.float32]:
        """Learn from every batch once; return the mean loss of each."""
        order, size = iterator.order(), iterator.batch_size
        whole, rest = divmod(len(order), size)
        losses = []
        self.rule.write_constants()
        try:
            if whole:
                losses.append(self._learn(order[: whole * size], size))
            if rest:
                losses.append(self._learn(order[whole * size :], rest))
        finally:
            for parameter in self.rule.parameters:
                parameter.grad = None
            increment_version(self.rule.parameters)  # for those who keep what they made of them
        return np.concatenate(losses)

    def _learn(self, order: Tensor, rows: int) -> NDArray[np.float32]:
        if rows not in self._plans:
            self._plans[rows] = self._plan(rows)
        plan, batches = self._plans[rows], len(order) // rows
        rates = self.rule.rates(batches)
        plan.start(order, rates)
        lengths = None
        if not self.dataset.has_equal_lengths:
            lengths = self.dataset.lengths[order].view(batches, rows).amax(dim=1).tolist()
        listening = self.schedules()
        done = 0
        while done < batches:
            count = min(int(self._batches_at_a_time), batches - done)
            if listening or lengths is not None:
                count = 1
            if lengths is not None:
                plan.set_steps(lengths[done])
            if listening:
                self.rule.write_constants()
                rates[done] = self.rule.rates(1)
            start = time.perf_counter()
            try:
                plan.run(count)
            finally:  # Ctrl-C is noticed when the steps are made
                self.rule.advance(plan.done - done)
            seconds = time.perf_counter() - start
            self._batches_at_a_time = max(1.0, SECONDS_AT_A_TIME * count / max(seconds, 1e-6))
            done += count
            for callback in listening:
                callback.on_batch_end(self.net, training=True)
        return plan.losses

    def _plan(self, rows: int) -> Any:
        from sklearn_rnn.kernels.native.step import StepPlan

        dataset, loss = self.dataset, self.net.criterion_
        option = LOSSES[loss.loss]
        return StepPlan(
            self.network,
            loss.loss,
            0.0 if option is None else loss.options.get(*option),
            self._rule_of_plans(),
            native_data(dataset),
            rows,
            worthwhile_threads(torch.get_num_threads(), rows, dataset.longest, self._size),
        )


def rule_of(net: Any, parameters: Sequence[Tensor]) -> NativeRule | None:
    """Return the rule by which native steps move parameters of a net; None where torch must.

    Native steps have to know the optimizer, and nobody may want to see the way back.
    """
    is_watched = have_hooks(net.module_, BACKWARD_HOOKS)
    if is_watched or not all(_learns_alone(parameter) for parameter in parameters):
        return None
    return NativeRule.of(net.optimizer_, parameters)


def places(tensors: Sequence[Tensor]) -> list[tuple]:
    """Return where tensors lie, and their shapes."""
    return [(tensor.data_ptr(), tensor.shape) for tensor in tensors]


def plain_network(module: torch.nn.Module, dataset: SequenceDataset) -> PlainNetwork | None:
    """Return what native code may do in place of a module for a data set; None if it may not."""
    network = getattr(module, "as_plain", lambda: None)()
    if network is None or have_hooks(module, FORWARD_HOOKS):
        return None
    if not are_plain([dataset.steps, *parameters_of(network)]):
        return None
    return network if dataset.steps.shape[1] == network.layers[0].weights[0].shape[1] else None


def native_answers(network: PlainNetwork, dataset: SequenceDataset) -> Tensor:
    """Return what a network answers for each sequence (N, O)."""
    from sklearn_rnn.kernels.native.answering import AnswerPlan  # brings llvmlite

    answers = torch.empty((len(dataset), len(network.head[1])), dtype=torch.float32)
    AnswerPlan(network, native_data(dataset)).answer(torch.arange(len(dataset)), answers)
    return answers


def native_data(dataset: SequenceDataset) -> Data:
    """Return a data set as native code knows it."""
    return Data(
        dataset.steps,
        dataset.starts,
        None if dataset.has_equal_lengths else dataset.lengths,
        dataset.targets,
        dataset.weights,
        dataset.longest,
    )


def are_plain(tensors: Sequence[Tensor]) -> bool:
    """Tell whether native code can read and write tensors as they are."""
    return all(
        t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() for t in tensors
    )


def have_hooks(module: torch.nn.Module, kinds: Sequence[str]) -> bool:
    """Tell whether a module, or one within it, has somebody called."""
    return any(getattr(part, kind) for part in module.modules() for kind in kinds)


def _learns_alone(parameter: Tensor) -> bool:
    """Tell whether a parameter is learned, and nobody is told of its gradient."""
    hooks = parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None)
    return parameter.requires_grad and not hooks


def _fit_answers(loss: str, dataset: SequenceDataset, network: PlainNetwork) -> bool:
    """Tell whether targets are as a loss wants them; of others torch tells what is wrong."""
    targets, outputs = dataset.targets, len(network.head[1])
    if loss != "log_loss":
        return are_plain([targets]) and targets.shape == (len(dataset), outputs)
    if targets.dtype != torch.int64 or targets.shape != (len(dataset),):
        return False
    least, most = targets.aminmax()
    return targets.is_contiguous() and int(least) >= 0 and int(most) < outputs


def parameters_of(network: PlainNetwork) -> list[Tensor]:
    """Return the parameters of a network in the order of native steps."""
    return [*(w for layer in network.layers for w in layer.weights), *network.head]


def is_known(net: Any) -> bool:
    """Tell whether native steps know the loss, and whoever listens between batches."""
    loss = net.criterion_
    if type(loss) is not Loss or not isinstance(loss.loss, str) or loss.loss not in LOSSES:
        return False
    if have_hooks(loss, [*FORWARD_HOOKS, *BACKWARD_HOOKS]):
        return False
    option = LOSSES[loss.loss]
    if not set(loss.options) <= ({option[0]} if option else set()):
        return False
    if loss.options.get("delta", 1.0) <= 0 or not 0 <= loss.options.get("label_smoothing", 0) <= 1:
        return False  # torch tells what is wrong with them
    clipping = net.listeners("on_grad_computed")
    plain = all(
        type(c) in (GradientClipping, GradientNormClipping)
        and c.gradient_clip_value is not None
        and c.gradient_clip_norm_type == 2
        for c in clipping
    )
    return (
        plain
        and len(clipping) <= 1
        and not net.listeners("on_batch_begin")
        and all(_leaves_batches_alone(callback) for callback in net.listeners("on_batch_end"))
    )


def _leaves_batches_alone(callback: Callback) -> bool:
    """Tell whether a callback that listens to batches does without those of training."""
    if type(callback) is LRScheduler:
        return callback.step_every == "epoch"
    if type(callback) is EpochScoring:
        return not callback.on_train
    return type(callback) is StepSchedule  # which is told of every batch
