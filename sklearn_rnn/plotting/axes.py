"""What all pictures share: axes to draw in, and colours."""

from __future__ import annotations

from typing import Any

__all__ = ["PREDICTION", "QUIET", "TRUTH", "VALIDATION", "new_axes"]

TRUTH, PREDICTION, VALIDATION, QUIET = "0.15", "tab:blue", "tab:orange", "0.55"


def new_axes(ax: Any, name: str, size: tuple[float, float]) -> Any:
    """Return `ax`, or a new one in a figure of its own."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{name} draws with matplotlib, which is not installed. Install it with: "
            f'pip install "sklearn-rnn[plot]"'
        ) from error
    if ax is not None:
        return ax
    _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)
    return ax
