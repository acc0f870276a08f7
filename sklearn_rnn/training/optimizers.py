"""Optimizers by name."""

from collections.abc import Callable
from typing import Any

import torch
from torch import optim

__all__ = ["OPTIMIZERS", "LeanAdam", "LeanAdamW", "optimizer_and_options"]


class _LeanStep:
    """Mixed into Adam: torch's fused kernel, without the bookkeeping around it.

    With the parameters of a small network the kernel takes 7 microseconds, and torch's `step`
    around it 90. State and parameter groups are torch's own.
    """

    param_groups: list[dict[str, Any]]
    state: Any
    _optimizer_step_pre_hooks: Any
    _optimizer_step_post_hooks: Any

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the parameters against their gradients."""
        hooks = self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks
        alone = closure is None and not hooks
        plain = alone and all(self._is_plain(group) for group in self.param_groups)
        if not plain:
            return super().step(closure)  # type: ignore[misc]
        for number, group in enumerate(self.param_groups):
            parameters = group["params"]
            states = [self.state[p] for p in parameters]
            steps = self._count(number, states)
            kernel = torch._fused_adamw_ if isinstance(self, optim.AdamW) else torch._fused_adam_
            kernel(
                parameters,
                [p.grad for p in parameters],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=group["maximize"],
            )
        return None

    def _count(self, number: int, states: list[dict[str, Any]]) -> list[torch.Tensor]:
        """Advance the steps of a group's parameters by one.

        They are cells of one tensor, so that one addition counts for all, and stay cells of their
        own, should torch count some of them. Steps that torch has made or loaded are moved there.
        """
        counters: dict[int, torch.Tensor] = self.__dict__.setdefault("_counters", {})
        steps = [state["step"] for state in states]
        first = counters[number].data_ptr() if number in counters else None
        if [step.data_ptr() for step in steps] != [
            None if first is None else first + i * steps[0].element_size()
            for i in range(len(steps))
        ]:
            counters[number] = torch.stack(steps)
            steps = list(counters[number].unbind())
            for state, step in zip(states, steps, strict=True):
                state["step"] = step
        counters[number] += 1
        return steps

    # torch wraps `step` for its profiler unless it is marked so; the wrapper is half the cost
    step.hooked = True  # type: ignore[attr-defined]

    def _is_plain(self, group: dict[str, Any]) -> bool:
        """Tell whether the group is as the kernel takes it; the first step makes the state."""
        return (
            bool(group["fused"])
            and not group["amsgrad"]
            and group.get("decoupled_weight_decay", False) in (False, isinstance(self, optim.AdamW))
            and isinstance(group["lr"], float)
            and all(p.grad is not None and p in self.state for p in group["params"])
        )


class LeanAdam(_LeanStep, optim.Adam):
    """torch's Adam; see `_LeanStep`."""


class LeanAdamW(_LeanStep, optim.AdamW):
    """torch's AdamW; see `_LeanStep`."""


#: A new optimizer: give it a name here, or hand its class to the estimator.
OPTIMIZERS: dict[str, type[optim.Optimizer]] = {
    "adam": LeanAdam,
    "adamw": LeanAdamW,
    "nadam": optim.NAdam,
    "radam": optim.RAdam,
    "adagrad": optim.Adagrad,
    "rmsprop": optim.RMSprop,
    "sgd": optim.SGD,
    "lbfgs": optim.LBFGS,
}

#: Those of which torch has one loop over all parameters, for CPU and CUDA alike.
FUSED = (optim.Adam, optim.AdamW, optim.SGD)


def optimizer_and_options(
    optimizer: str | type[optim.Optimizer], options: dict[str, Any], device: str
) -> tuple[type[optim.Optimizer], dict[str, Any]]:
    """Return the class and its options, with torch's fused loop where there is one."""
    chosen = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    alone = not {"fused", "foreach", "differentiable"} & options.keys()
    if issubclass(chosen, FUSED) and alone and torch.device(device).type in ("cpu", "cuda"):
        options = {"fused": True, **options}
    return chosen, options
