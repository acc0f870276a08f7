"""Every library is written as LLVM's language allows, for registers of every width.

What lies on disk is not written again: other tests need not come by the code that writes it.
"""

from functools import partial

import pytest

pytest.importorskip("llvmlite")

from llvmlite import binding

from sklearn_rnn.kernels.native import library, tape
from sklearn_rnn.kernels.native.cells import CELLS
from sklearn_rnn.kernels.native.processors import Processor, processor
from sklearn_rnn.kernels.native.tiling import widths

LANES = {"avx512": 16, "avx2": 8, "plain": 4}


@pytest.fixture(params=LANES)
def written(request, monkeypatch):
    """Return what writes a library and answers the functions in it, and for which processor."""
    target = Processor("", "", LANES[request.param], 32 if request.param == "avx512" else 16)

    def functions(load_library):
        texts = []

        def write(_name, build, asked):
            assert asked == processor()
            texts.extend(str(build(target)) for _ in range(2))

        for module in (library, tape):
            monkeypatch.setattr(module, "load", write)
        load_library()
        assert texts[0] == texts[1]  # or code on disk would not be what its name says
        module = binding.parse_assembly(texts[0])
        module.verify()
        return {function.name for function in module.functions if not function.is_declaration}

    return functions, target


@pytest.mark.parametrize("cell", CELLS)
def test_the_libraries_of_a_cell(written, cell):
    functions, target = written

    for width in widths(target.registers):
        found = functions(partial(library.layer_library, cell, width))
        assert found >= {f"forward_{width}", f"backward_{width}"}
    assert functions(partial(library.packing_library, cell)) >= {"pack", "unpack"}
    assert functions(partial(library.single_library, cell)) >= {"pack", "forward"}


def test_the_libraries_that_all_cells_share(written):
    functions, _ = written

    assert functions(library.movement_library) >= {"fill", "add", "turn", "ends"}
    assert functions(library.step_library) >= {"adam", "advance", "clip", "norm", "sgd"}
    assert functions(library.answers_library) >= {"linear", "scores", "mean"}
    assert functions(lambda: tape.load("tape", tape._build, processor())) == {"replay"}
