"""torch's optimizers as rules of native training steps; see `sklearn_rnn.training.fused`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, optim

from sklearn_rnn.training.optimizers import LeanAdam, LeanAdamW

__all__ = ["NativeRule"]

#: What each is called by native steps.
NAMES: dict[type, str] = {
    optim.Adam: "adam",
    LeanAdam: "adam",
    optim.AdamW: "adamw",
    LeanAdamW: "adamw",
    optim.SGD: "sgd",
}

#: Options that native steps do not know; they are off unless asked for.
UNKNOWN = ("amsgrad", "maximize", "differentiable", "capturable")


class NativeRule:
    """An optimizer whose state stays torch's, and whose steps native code makes.

    Parameters
    ----------
    optimizer : Optimizer
        For which `of` has found that this can be done.
    parameters : sequence of Tensor
        In the order in which native steps know them.
    """

    def __init__(self, optimizer: optim.Optimizer, parameters: Sequence[Tensor]) -> None:
        self.optimizer, self.parameters = optimizer, parameters
        self.name = NAMES[type(optimizer)]
        (self.group,) = optimizer.param_groups
        for parameter in parameters:
            self._begin(optimizer.state[parameter], parameter)
        self.constants = np.zeros(8, dtype=np.float32)
        self.write_constants()

    @classmethod
    def of(cls, optimizer: optim.Optimizer, parameters: Sequence[Tensor]) -> NativeRule | None:
        """Return the rule of an optimizer of exactly these parameters; None if it has none."""
        if type(optimizer) not in NAMES or len(optimizer.param_groups) != 1:
            return None
        (group,) = optimizer.param_groups
        hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
        # as often too: what two layers share would be moved twice
        same = sorted(map(id, group["params"])) == sorted(map(id, parameters))
        plain = isinstance(group["lr"], float) and not any(group.get(name) for name in UNKNOWN)
        is_decoupled = issubclass(type(optimizer), optim.AdamW)
        plain = plain and group.get("decoupled_weight_decay", is_decoupled) == is_decoupled
        # torch does not damp the first gradient that it sees
        plain = plain and not (group.get("dampening") and group.get("momentum"))
        steps = {float(s["step"]) for s in optimizer.state.values() if "step" in s}
        # a parameter that was frozen until now counts its own steps
        begun = {bool(optimizer.state.get(p)) for p in parameters}
        if hooks or not same or not plain or len(steps) > 1 or len(begun) > 1:
            return None
        return cls(optimizer, parameters)

    def _begin(self, state: dict[str, Any], parameter: Tensor) -> None:
        """Make the state that torch makes at its first step."""
        if self.name != "sgd":
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
        elif self.group["momentum"] and state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter)

    @property
    def nesterov(self) -> bool:
        """Whether momentum looks ahead."""
        return bool(self.group.get("nesterov"))

    def buffers(self) -> list[tuple[Tensor, ...]]:
        """Return what the optimizer remembers of each parameter."""
        names: tuple[str, ...] = ("exp_avg", "exp_avg_sq")
        if self.name == "sgd":
            names = ("momentum_buffer",) if self.group["momentum"] else ()
        return [tuple(self.optimizer.state[p][name] for name in names) for p in self.parameters]

    def write_constants(self) -> None:
        """Take over options that a schedule may have changed."""
        from sklearn_rnn.kernels.native.optimizers import adam_constants  # brings llvmlite

        group = self.group
        if self.name == "sgd":
            names = ("momentum", "dampening", "weight_decay")
            values: Sequence[float] = [group[name] for name in names]
        else:
            betas = group["betas"]
            values = adam_constants(
                betas[0], betas[1], group["eps"], group["weight_decay"]
            ).tolist()
        self.constants[: len(values)] = values

    def rates(self, batches: int) -> NDArray[np.float32]:
        """Return the rates of the next batches (batches, 3), if none changes meanwhile."""
        lr = np.full(batches, self.group["lr"])
        if self.name == "sgd":
            return np.stack([lr, lr, lr], axis=1).astype(np.float32)
        done = float(self.optimizer.state[self.parameters[0]]["step"])
        steps = done + np.arange(1, batches + 1)
        first, second = (1 - beta**steps for beta in self.group["betas"])
        return np.stack([lr / first, 1 / np.sqrt(second), lr], axis=1).astype(np.float32)

    def advance(self, batches: int) -> None:
        """Count steps that were made."""
        self.optimizer._opt_called = True  # type: ignore[attr-defined]  # as torch notes for its schedules
        if self.name != "sgd":
            for parameter in self.parameters:
                self.optimizer.state[parameter]["step"] += batches
