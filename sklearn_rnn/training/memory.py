"""Memory that batches use again and again, which the allocator shall not hand back in between."""

import torch

__all__ = ["keep_freed_memory"]

#: Just below the largest block by which glibc raises its thresholds.
BLOCK = 31 * 2**20


def keep_freed_memory() -> None:
    """Let the allocator keep what is freed, as it does after any large array.

    glibc hands freed memory back to the system where it is more than twice the largest block that
    was freed before. The arrays of a batch lie just above that at first, so every step of training
    would ask for the same pages anew: a third of its time, where pages are slow. A block that is
    taken and never touched costs nothing. Other allocators do not mind.
    """
    torch.empty(BLOCK, dtype=torch.uint8)
