"""Where torch computes."""

import torch

__all__ = ["choose_device"]


def choose_device(device: str) -> str:
    """Return `device`, or for "auto" a GPU if there is one.

    Raises
    ------
    ValueError
        If torch does not know the device, or the machine does not have it.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"device={device!r} cannot be used: {reason}. Use 'cpu', or 'auto' to take a GPU only "
            f"if there is one."
        ) from error
    return device
