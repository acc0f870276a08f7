"""The kernels as they are written for other processors, as far as this one can run them."""

import pytest

from sklearn_rnn.kernels.native.processors import LANES, SWITCH, processor


@pytest.fixture(scope="module", params=["avx512", "avx2", "plain"])
def lanes(request):
    """Numbers in a register; plans that are made meanwhile are for registers of that size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, request.param)
        if processor().lanes != LANES[request.param]:
            pytest.skip(f"this processor has no {request.param}")
        yield LANES[request.param]
