"""Memory that the allocator keeps: nothing is taken for good."""

import pytest

from sklearn_rnn.training.memory import BLOCK, keep_freed_memory

resource = pytest.importorskip("resource")


def test_a_block_that_is_never_touched_takes_no_memory():
    keep_freed_memory()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(20):
        keep_freed_memory()

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < BLOCK
