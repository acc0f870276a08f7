"""What happens between epochs: stopping early, showing progress."""

from functools import cache
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch.nn.utils import clip_grad_norm_
from tqdm.auto import tqdm

from sklearn_rnn.kernels.native.compilation import why_unavailable

__all__ = ["GradientClipping", "ProgressBar", "early_stopping", "mention_missing_kernels"]


def early_stopping(patience: int, tol: float) -> EarlyStopping:
    """Return skorch's callback that stops when validation no longer improves by `tol`.

    The weights of the best epoch are put back. `patience` counts epochs.
    """
    return EarlyStopping(
        monitor="valid_loss",
        patience=patience,
        threshold=tol,
        threshold_mode="abs",
        load_best=True,
        sink=_say_nothing,
    )


def _say_nothing(*args: Any, **kwargs: Any) -> None:
    """Take what skorch would print."""


class GradientClipping(GradientNormClipping):
    """skorch's clipping of all gradients together, without a walk over the network's modules."""

    def on_grad_computed(self, net: NeuralNet, **kwargs: Any) -> None:
        """Shorten the gradients of what is trained to the largest norm allowed."""
        clip_grad_norm_(net.trained_parameters, self.gradient_clip_value)


class ProgressBar(Callback):
    """One bar over the epochs, with the losses behind it."""

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", leave=True)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Advance it by one."""
        losses = {
            name: f"{net.history[-1, name]:.4g}"
            for name in ("train_loss", "valid_loss")
            if name in net.history[-1]
        }
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close it."""
        self.bar_.close()
        self.bar_ = None


@cache
def mention_missing_kernels() -> None:
    """Say once in a process if torch has to do what native kernels would do faster."""
    why = why_unavailable()
    if why is not None:
        tqdm.write(
            f"Recurrences go through torch, for {why}. Native kernels train small networks several "
            f"times faster: pip install 'sklearn-rnn[fast]'."
        )
