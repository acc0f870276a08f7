"""How estimators train the net they hold: anew or on, and either well or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn_rnn.training.building import build_net
from sklearn_rnn.training.net import SequenceNet

__all__ = ["NetTraining"]


class NetTraining:
    """Mixed into an estimator with the parameters of training; see `RoutedParameters`."""

    callbacks: Any
    device: Any
    dtype: str
    early_stopping: bool
    gradient_clip_value: float | None
    lr: float
    lr_scheduler: Any
    n_iter_no_change: int
    optimizer: Any
    shuffle: bool
    tol: float
    verbose: int
    net_: SequenceNet

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Keep what was fitted before if fitting fails."""
        before = vars(self).copy()
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _untrained(
        self,
        network: Callable[..., Any],
        network_options: dict[str, Any],
        epochs: int | None,
        *,
        split: Any,
        **options: Any,
    ) -> SequenceNet:
        """Return an untrained net; for `partial_fit`, `epochs` is None.

        That is one epoch at the full rate, for which nothing is held back. Other options are those
        of `build_net`.
        """
        for_ever = epochs is None
        return build_net(
            network,
            network_options,
            optimizer=self.optimizer,
            lr=self.lr,
            lr_scheduler=None if for_ever else self.lr_scheduler,
            gradient_clip_value=self.gradient_clip_value,
            max_epochs=epochs or 1,
            shuffle=self.shuffle,
            split=split if self.early_stopping and not for_ever else None,
            patience=self.n_iter_no_change,
            tol=self.tol,
            callbacks=self.callbacks,
            device=self.device,
            dtype=self.dtype,
            verbose=self.verbose,
            **options,
        )

    def _take_over(self, net: SequenceNet, *, with_optimizer: bool) -> None:
        """Let a net go on from what was learned before."""
        try:
            net.take_over(self.net_, optimizer=with_optimizer)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{type(self).__name__}: training cannot go on, because the network has changed "
                f"since the last fit: {str(error).splitlines()[-1].strip()} Set its parameters "
                f"back, or fit with warm_start=False."
            ) from error

    def _keep(self, net: SequenceNet) -> None:
        """Make a trained net the one that answers."""
        self.net_ = net
        self.module_ = net.module_
        self.history_ = net.history
        self.n_iter_ = len(net.history)
        self.best_epoch_ = net.best_epoch or self.n_iter_
