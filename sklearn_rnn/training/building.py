"""A net put together: a network, its loss, its optimizer, and what happens while it is trained."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from skorch.callbacks import Callback

from sklearn_rnn.exceptions import ParameterNameError
from sklearn_rnn.training.callbacks import (
    GradientClipping,
    ProgressBar,
    early_stopping,
    mention_missing_kernels,
)
from sklearn_rnn.training.device import choose_device
from sklearn_rnn.training.net import PREDICTION_BATCH, SequenceNet
from sklearn_rnn.training.optimizers import optimizer_and_options
from sklearn_rnn.training.schedules import schedule_callback

__all__ = ["build_net"]


def build_net(
    network: Callable[..., torch.nn.Module],
    network_options: dict[str, Any],
    *,
    kind: type[SequenceNet] = SequenceNet,
    loss: str | Callable[..., Any],
    optimizer: str | type,
    lr: float,
    lr_scheduler: str | type | None,
    gradient_clip_value: float | None,
    max_epochs: int,
    batch_size: int,
    shuffle: bool,
    split: Callable[..., Any] | None,
    patience: int,
    tol: float,
    callbacks: Sequence[Any] | None,
    seed: int,
    device: str,
    dtype: str,
    verbose: int,
    routed: dict[str, Any],
    inner_callbacks: Sequence[tuple[str, Callback]] = (),
) -> SequenceNet:
    """Return an initialized, untrained net.

    Parameters
    ----------
    network, network_options
        A class or function that builds the network, and its arguments.
    kind : class, default=SequenceNet
        Of the net.
    split : callable or None
        Divides the data for early stopping; None trains on all of it.
    seed : int
        For the order of batches.
    routed : dict
        Options with the prefix of what they are for: ``optimizer__weight_decay``, ...
    inner_callbacks : sequence of (str, Callback)
        What the training itself needs; they do not make the history keep a row for each batch.
    loss, optimizer, lr, lr_scheduler, gradient_clip_value, max_epochs, batch_size, shuffle,
    patience, tol, callbacks, device, dtype, verbose
        As in the estimators.

    Returns
    -------
    SequenceNet
        With skorch's names: ``module_``, ``history``, ``optimizer_``, ...
    """
    if verbose and network_options.get("backend") == "auto":
        mention_missing_kernels()
    routes = _by_route(routed)
    device = choose_device(device)
    rule, optimizer_options = optimizer_and_options(optimizer, routes["optimizer"], device)
    ours: list[tuple[str, Callback]] = [*inner_callbacks]
    if gradient_clip_value is not None:
        ours.append(("gradient_clipping", GradientClipping(gradient_clip_value)))
    if lr_scheduler is not None:
        monitor = "train_loss" if split is None else "valid_loss"
        schedule = schedule_callback(lr_scheduler, monitor, **routes["lr_scheduler"])
        ours.append(("lr_scheduler", schedule))
    if verbose:
        ours.append(("progress_bar", ProgressBar()))
    if split is not None:  # the last of ours, for those behind it miss the epoch that it ends
        ours.append(("early_stopping", early_stopping(patience, tol)))
    net = kind(
        network,
        criterion=kind.loss_class,
        optimizer=rule,
        lr=lr,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=kind.train_batches,
        iterator_train__shuffle=shuffle,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        iterator_valid=kind.valid_batches,
        iterator_valid__batch_size=PREDICTION_BATCH,
        train_split=split,
        callbacks=[*ours, *(callbacks or [])],
        keeps_batches=bool(callbacks),
        device=device,
        dtype=getattr(torch, dtype),
        verbose=max(0, int(verbose) - 1),
        **_prefixed("module", network_options),
        **_prefixed("criterion", {"loss": loss, **routes["loss"]}),
        **_prefixed("optimizer", optimizer_options),
        **_prefixed("iterator_train", routes["iterator_train"]),
        **_prefixed("callbacks", routes["callbacks"]),
    )
    net.initialize()
    _refuse_unknown_callbacks(routes["callbacks"], dict(net.callbacks_))
    return net


def _refuse_unknown_callbacks(options: dict[str, Any], callbacks: dict[str, Callback]) -> None:
    for option in options:
        if option.partition("__")[0] not in callbacks:
            raise ParameterNameError(
                f"callbacks__{option} reaches nothing: there are callbacks {', '.join(callbacks)}. "
                f"Give yours a name, as in callbacks=[('name', callback)]."
            )


def _by_route(routed: dict[str, Any]) -> defaultdict[str, dict[str, Any]]:
    """Sort ``{"optimizer__momentum": 0.9}`` into ``{"optimizer": {"momentum": 0.9}}``."""
    routes: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in routed.items():
        route, _, rest = name.partition("__")
        routes[route][rest] = value
    return routes


def _prefixed(prefix: str, options: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}__{name}": value for name, value in options.items()}
