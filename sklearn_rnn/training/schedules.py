"""Learning rates that change while training."""

from collections.abc import Callable
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch.optim import Optimizer, lr_scheduler

__all__ = ["SCHEDULES", "schedule_callback"]


def onecycle(optimizer: Optimizer, lr: float, steps: int, **options: Any) -> Any:
    """Rise to `lr` over the first 30 % of the steps, then fall to nothing (Smith 2018).

    A momentum that nobody has chosen goes the other way, from 0.95 to 0.85 and back.
    """
    chosen = optimizer.defaults.get("betas", (0.9, 0.999)) != (0.9, 0.999)
    options = {"cycle_momentum": "betas" in optimizer.defaults and not chosen, **options}
    if steps < 3 or steps * options.get("pct_start", 0.3) <= 1:  # no time to rise and fall
        return lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    return lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps, **options)


def cosine(optimizer: Optimizer, lr: float, steps: int, **options: Any) -> Any:
    """Fall from `lr` to nothing along half a cosine (Loshchilov and Hutter 2017)."""
    return lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, **options)


class StepSchedule(Callback):
    """Change the rate after every batch, over all batches of a call of fit.

    skorch's own LRScheduler must be told the number of batches beforehand; this one counts them.

    Parameters
    ----------
    shape : callable
        A value of SCHEDULES.
    options : dict
        Passed on to torch's schedule.
    """

    def __init__(self, shape: Callable[..., Any], options: dict[str, Any]) -> None:
        self.shape = shape
        self.options = options

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Count the batches to come, and set the first rate."""
        train, _ = net.get_split_datasets(X, y)
        steps = net.max_epochs * len(net.get_iterator(train, training=True))
        self.schedule_ = self.shape(net.optimizer_, net.lr, steps, **self.options)
        self.steps_left_ = steps - 1

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Set the rate of the next batch."""
        if training and self.steps_left_ > 0:
            self.schedule_.step()
            self.steps_left_ -= 1

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the rate that the epoch ended with."""
        net.history.record("lr", self.schedule_.get_last_lr()[0])

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the schedule, which refers to the optimizer."""
        self.schedule_ = None


#: A new schedule: write the function above and give it a name here.
SCHEDULES: dict[str, Callable[..., Any]] = {"onecycle": onecycle, "cosine": cosine}


def schedule_callback(
    schedule: str | type, monitor: str, **options: Any
) -> StepSchedule | LRScheduler:
    """Return the callback for "plateau", a key of SCHEDULES, or a class of torch's schedulers.

    Parameters
    ----------
    schedule : str or class
        A class is stepped after each epoch, by skorch.
    monitor : str
        The loss that "plateau" watches: "train_loss" or "valid_loss".
    **options
        Passed on to torch's schedule.

    Returns
    -------
    Callback
        Of skorch.
    """
    if isinstance(schedule, str) and schedule in SCHEDULES:
        return StepSchedule(SCHEDULES[schedule], options)
    policy = lr_scheduler.ReduceLROnPlateau if schedule == "plateau" else schedule
    return LRScheduler(policy, monitor=monitor, **options)
