"""Epochs of language models whose training steps are native from end to end.

As in `fused`, parameters and the optimizer's state stay where they are, in torch. A window is
learned from by one call; between windows Python draws what is dropped, from the generators from
which the network itself draws it, and changes the learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from sklearn_rnn.kernels.native.threads import worthwhile_threads
from sklearn_rnn.kernels.native.token_network import TokenNetwork
from sklearn_rnn.training.fused import (
    FORWARD_HOOKS,
    NativeSteps,
    are_plain,
    have_hooks,
    is_known,
    rule_of,
)
from sklearn_rnn.training.rules import NativeRule

__all__ = ["TextSteps"]

#: Where batches are worth more threads than this, torch's layers share them; native steps do not.
THREADS = 2

#: The steps of a plan are a multiple, for windows of one text differ by some.
STEPS_OF_PLANS = 16


class TextSteps(NativeSteps):
    """The native training steps of a `LanguageNet`; see `of`."""

    def __init__(self, net: Any, network: TokenNetwork, rule: NativeRule) -> None:
        self.network = network
        self._plan: Any = None
        super().__init__(net, rule)

    @classmethod
    def of(cls, net: Any, iterator: Any) -> TextSteps | None:
        """Return the steps of a net that learns from windows; None where torch must do them."""
        loss = net.criterion_
        if not is_known(net) or loss.loss != "log_loss" or loss.options.get("label_smoothing"):
            return None
        network = _network(net.module_)
        if network is None or not _are_tokens(iterator.dataset, network):
            return None
        size = sum(parameter.numel() for parameter in network.parameters)
        work = (iterator.rows, iterator.dataset.window_length, size)
        if worthwhile_threads(torch.get_num_threads(), *work) > THREADS:
            return None
        rule = rule_of(net, network.parameters)
        return None if rule is None else cls(net, network, rule)

    def _look(self) -> tuple:
        """Return all that plans depend on as it is now."""
        return *super()._look(), [layer.cell for layer in self.network.layers], self.network.drops

    def losses(self, iterator: Any) -> Iterator[tuple[int, float]]:
        """Learn from every window once; yields how many tokens each has, and their mean loss."""
        for parameter in self.rule.parameters:
            parameter.grad = None
        schedules, states = self.schedules(), None
        for inputs, following in iterator:
            tokens = inputs["x"]
            plan = self._plan_for(*tokens.shape)
            states = None if inputs["begins"] else states
            self.rule.write_constants()
            rates, done = self.rule.rates(1)[0], plan.done
            factors = self._factors(len(tokens))
            try:
                following = following.view(tokens.shape)
                loss = plan.learn(tokens.t(), following.t(), factors, rates, states)
            finally:  # Ctrl-C is noticed when the step is made
                self.rule.advance(plan.done - done)
                increment_version(self.rule.parameters)  # for those who keep what they made of them
            states = plan.states()
            for callback in schedules:
                callback.on_batch_end(self.net, training=True)
            yield tokens.numel(), loss

    def _plan_for(self, rows: int, steps: int) -> Any:
        """Return a plan for a window, if need be a larger one than there was."""
        from sklearn_rnn.kernels.native.window_step import WindowPlan  # brings llvmlite

        if self._plan is None or self._plan.rows != rows or self._plan.steps < steps:
            capacity = -(-steps // STEPS_OF_PLANS) * STEPS_OF_PLANS
            self._plan = WindowPlan(self.network, self._rule_of_plans(), rows, capacity)
        return self._plan

    def _factors(self, rows: int) -> list[Tensor | None]:
        """Draw what each layer's units are multiplied by (R, H), as the network does."""
        dropouts = self.net.module_.dropouts[1:]
        return [
            dropout(torch.ones(rows, 1, layer.weights[1].shape[1])).squeeze(1) if drops else None
            for dropout, layer, drops in zip(
                dropouts, self.network.layers, self.network.drops, strict=True
            )
        ]


def _network(module: Any) -> TokenNetwork | None:
    """Return what native code may do in place of a module; None if it may not."""
    network = getattr(module, "as_tokens", lambda: None)()
    if network is None or have_hooks(module, FORWARD_HOOKS) or not are_plain(network.parameters):
        return None
    return network


def _are_tokens(dataset: Any, network: TokenNetwork) -> bool:
    """Tell whether all tokens have a vector; of others torch tells what is wrong."""
    tokens = dataset.tokens
    if tokens.dtype != torch.int64 or not len(tokens):
        return False
    least, most = tokens.aminmax()
    return int(least) >= 0 and int(most) < min(len(network.vectors), len(network.head[1]))
