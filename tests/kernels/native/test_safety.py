"""The native kernels write where they may, read where they may, and leave the process as it was."""

import ctypes
import faulthandler
import mmap
import multiprocessing
import platform
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

pytest.importorskip("llvmlite")

from llvmlite import ir

from sklearn_rnn.kernels.native import autograd, layer, recorder
from sklearn_rnn.kernels.native.autograd import run_layer
from sklearn_rnn.kernels.native.cells import CELLS
from sklearn_rnn.kernels.native.compilation import load
from sklearn_rnn.kernels.native.layer import LayerPlan
from sklearn_rnn.kernels.native.library import movement_library
from sklearn_rnn.kernels.native.movement import FILL
from sklearn_rnn.kernels.native.plans import PlanPool, Task, Wanted
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.tape import Tape

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="pages are fenced as Linux does it")
X86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the register is one of x86"
)

FORKING = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

# -- memory ----------------------------------------------------------------------------------------

#: Numbers on either side of an array that nobody may touch.
MARGIN = 1024
#: What they are: a NaN, which shows in what is computed from it, and one that no processor makes.
CANARY = 0x7FC0BEEF


class Usual:
    """Arrays as numpy gives them."""

    def array(self, *shape):
        """Return zeros."""
        return np.zeros(shape, np.float32)

    def check(self):
        """There is nothing to check."""


class Guarded:
    """Arrays between canaries."""

    def __init__(self):
        self.arrays = []

    def array(self, *shape):
        """Return zeros."""
        count = int(np.prod(shape))
        with_margins = np.full(count + 2 * MARGIN, CANARY, np.uint32)
        self.arrays.append(with_margins)
        inside = with_margins[MARGIN:-MARGIN].view(np.float32)
        inside[:] = 0
        return inside.reshape(shape)

    def check(self):
        """Fail unless all canaries are alive."""
        for array in self.arrays:
            assert (array[:MARGIN] == CANARY).all()
            assert (array[-MARGIN:] == CANARY).all()


class Fenced:
    """Arrays next to memory that ends the process if it is touched.

    Parameters
    ----------
    side : str
        "after" the arrays, or "before" them.
    """

    def __init__(self, side):
        self.side, self.maps = side, []
        self.protect = ctypes.CDLL(None, use_errno=True).mprotect
        self.protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def array(self, *shape):
        """Return zeros."""
        size, page = 4 * int(np.prod(shape)), mmap.PAGESIZE
        room = -(-max(size, 1) // page) * page
        pages = mmap.mmap(-1, room + 2 * page)
        self.maps.append(pages)  # kept: other memory could take the place of the fences
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        for fence in (start, start + page + room):
            if self.protect(fence, page, 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect failed")
        offset = page + (room - size if self.side == "after" else 0)
        return np.frombuffer(pages, np.float32, size // 4, offset).reshape(shape)

    def check(self):
        """There is nothing to check: this process lives."""


def tensors(task, steps, memory):
    """Return all that a plan may be given, as large as it has to be and no larger."""
    n, features, hidden = task.rows, task.features, task.hidden
    gates = hidden * {"lstm": 4, "gru": 3}.get(task.cell, 1)
    shapes = {
        "x": (n, steps, features),
        "weight_ih": (gates, features),
        "weight_hh": (gates, hidden),
        "bias_ih": (gates,),
        "bias_hh": (gates,),
        **dict.fromkeys(["first_state", "first_memory", "last_state", "last_memory"], (n, hidden)),
        "states": (n, steps, hidden),
    }
    given = {name: memory.array(*shape) for name, shape in shapes.items()}
    return given | {f"d_{name}": memory.array(*shape) for name, shape in shapes.items()}


def written(task, wanted):
    """Return which of them a plan is to write."""
    memory = task.cell == "lstm"
    answers = {
        "last_state": True,
        "last_memory": memory and not task.has_lengths,
        "states": task.gives_states,
    }
    gradients = {
        **dict.fromkeys(["d_weight_ih", "d_weight_hh", "d_bias_ih", "d_bias_hh"], True),
        "d_x": wanted.for_x,
        "d_first_state": wanted.for_state,
        "d_first_memory": wanted.for_state and memory,
    }
    everything = {**answers, **(gradients if task.learns else {})}
    return {name for name, is_written in everything.items() if is_written}


def use(task, steps, wanted, memory, seed=0):
    """Read two batches with a plan, learn from them, and return what has been written."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (layer, recorder):
            patch.setattr(module, "aligned", memory.array)
        plan = LayerPlan(task)
        arrays = tensors(task, steps, memory)
        addresses = {name: array.ctypes.data for name, array in arrays.items()}
        results = []
        for batch in range(2):
            generator = np.random.default_rng([seed, batch])
            for array in arrays.values():
                array[...] = generator.normal(size=array.shape)
            before = {name: array.copy() for name, array in arrays.items()}
            lengths = generator.integers(0, steps + 1, task.rows) if task.has_lengths else None
            plan.forward(steps, lengths, **{k: a for k, a in addresses.items() if k[:2] != "d_"})
            if task.learns:
                plan.backward(
                    steps, wanted, **{k: a for k, a in addresses.items() if k[:2] == "d_"}
                )
            memory.check()
            changed = {name for name, a in arrays.items() if not np.array_equal(a, before[name])}
            assert changed <= written(task, wanted)
            results.append({name: arrays[name].copy() for name in written(task, wanted)})
    return results


def any_use(draw):
    """Return a task, a number of steps, and which gradients are known and wanted."""

    def size(most):
        return draw.randint(1, draw.choice([min(most, 9), most]))

    def flip():
        return draw.random() < 0.5

    steps = size(9)
    task = Task(
        cell=draw.choice(list(CELLS)),
        rows=size(150),
        steps=steps + draw.randint(0, 3),
        features=size(40),
        hidden=size(70),
        learns=draw.random() < 0.8,
        gives_states=flip(),
        has_lengths=flip(),
        has_state=flip(),
        threads=draw.choice([1, 1, 2, 3]),
    )
    wanted = Wanted(
        of_states=task.gives_states and flip(),
        of_last=flip(),
        of_memory=task.cell == "lstm" and not task.has_lengths and flip(),
        for_x=flip(),
        for_state=task.has_state and flip(),
    )
    return task, steps, wanted


def assert_guarded_use_is_as_usual(case, seed):
    guarded, usual = (use(*case, memory, seed) for memory in (Guarded(), Usual()))
    for some, others in zip(guarded, usual, strict=True):
        for name in some:
            np.testing.assert_array_equal(some[name], others[name], f"{name} in {case}")


@pytest.mark.parametrize("seed", range(4))
def test_nothing_beside_an_array_is_written_or_matters(lanes, seed):
    draw = random.Random(seed)
    for number in range(20):
        assert_guarded_use_is_as_usual(any_use(draw), number)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_nothing_beside_an_array_is_written_or_matters_in_many_more_uses(lanes, seed):
    draw = random.Random(seed)
    for number in range(60):
        assert_guarded_use_is_as_usual(any_use(draw), number)


def write_too_much(memory):
    """Write one register more than an array has."""
    lanes, array = processor().lanes, memory.array(processor().lanes)
    tape = Tape()
    tape.add(movement_library(), "fill", FILL, count=2 * lanes, target=array)
    tape.replay()


def test_canaries_die_of_what_they_are_to_notice(lanes):
    memory = Guarded()
    write_too_much(memory)

    with pytest.raises(AssertionError):
        memory.check()


def in_a_process(work):
    """Return the exit code of a process that does some work."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(300)
    return process.exitcode


def use_fenced_arrays():
    draw = random.Random(0)
    for number in range(60):
        case = any_use(draw)
        sys.stderr.write(f"{number} {case}\n")  # the last one is shown if this is the end
        use(*case, Fenced("after" if number % 2 else "before"))


def write_beyond_a_fence():
    faulthandler.disable()  # that it ends here is as it should be, and nothing to report
    write_too_much(Fenced("after"))


@LINUX
@FORKING
def test_nothing_beside_an_array_is_read(lanes):
    assert in_a_process(use_fenced_arrays) == 0


@LINUX
@FORKING
def test_a_fence_ends_who_runs_into_it(lanes):
    assert in_a_process(write_beyond_a_fence) == -signal.SIGSEGV


# -- the state of the process ------------------------------------------------------------------


def some_layer(cell="gru"):
    generator = torch.Generator().manual_seed(0)
    gates = 6 * {"lstm": 4, "gru": 3}.get(cell, 1)
    shapes = [(gates, 3), (gates, 6), (gates,), (gates,)]
    weights = tuple(
        torch.randn(shape, generator=generator).mul_(0.3).requires_grad_() for shape in shapes
    )
    return torch.randn(21, 9, 3, generator=generator), weights


def read_and_learn(cell="gru", pool=None):
    x, weights = some_layer(cell)
    states, _ = run_layer(PlanPool() if pool is None else pool, cell, weights, x)
    return [states.detach(), *torch.autograd.grad(states.square().sum(), weights)]


class Mode:
    """The register of x86 that says how numbers are rounded, of the thread that asks."""

    def __init__(self):
        self.library = load("mode", self.build, processor())
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        self.store, self.load = (kind(self.library.address(name)) for name in ("store", "load"))

    @staticmethod
    def build(processor):
        """Write functions that copy the register to memory, and back."""
        module, kind = (
            ir.Module("mode"),
            ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()]),
        )
        for name, what in (("store", "stmxcsr"), ("load", "ldmxcsr")):
            instruction = ir.Function(module, kind, f"llvm.x86.sse.{what}")
            function = ir.Function(module, kind, name)
            writer = ir.IRBuilder(function.append_basic_block())
            writer.call(instruction, function.args)
            writer.ret_void()
        return module

    def get(self):
        """Return what it says, but for the flags of what has happened."""
        word = ctypes.c_uint32()
        self.store(ctypes.addressof(word))
        return word.value & ~0x3F

    def set(self, value):
        """Change it."""
        word = ctypes.c_uint32(value)
        self.load(ctypes.addressof(word))


@pytest.fixture
def mode(monkeypatch, tmp_path):
    monkeypatch.setenv("SKLEARN_RNN_CACHE", str(tmp_path))
    mode = Mode()
    before = mode.get()
    yield mode
    mode.set(before)


#: As every process begins; rounding towards zero; numbers below 1e-38 become zero.
USUAL, TOWARDS_ZERO, FLUSHING = 0x1F80, 0x7F80, 0x9FC0


@X86
@pytest.mark.parametrize("value", [USUAL, TOWARDS_ZERO, FLUSHING], ids=hex)
@pytest.mark.parametrize("cell", list(CELLS))
def test_the_mode_of_rounding_stays_as_it_is(mode, cell, value):
    x, weights = some_layer(cell)
    pool = PlanPool()
    read_and_learn(cell, pool)  # whatever is compiled or recorded, is now

    mode.set(value)
    states, _ = run_layer(pool, cell, weights, x)
    assert mode.get() == value
    torch.autograd.grad(states.sum(), weights)
    assert mode.get() == value


@X86
def test_the_mode_of_rounding_stays_as_it_is_in_other_threads(mode):
    def work(_):
        before = mode.get()
        read_and_learn()
        return before, mode.get()

    with ThreadPoolExecutor(4) as threads:
        modes = {mode for pair in threads.map(work, range(40)) for mode in pair}

    assert modes == {mode.get()} == {USUAL}


@X86
def test_states_that_fade_out_end_at_0():
    """As numbers below 1e-38 they would cost a hundred times as much."""
    weights = (torch.zeros(1, 1), torch.full((1, 1), 0.1), torch.zeros(1), torch.zeros(1))
    x, first = torch.zeros(1, 60, 1), torch.ones(1, 1)

    states, _ = run_layer(PlanPool(), "rnn_relu", weights, x, (first,))

    assert (states[0, :37, 0] > 0).all()
    assert (states[0, 38:, 0] == 0).all()
    assert torch.tensor(1e-30) * torch.tensor(1e-9) > 0


def global_state():
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "running": threading.active_count(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": [str(part) for part in np.random.get_state(legacy=True)],  # noqa: NPY002
        "python": random.getstate(),
        "gradients": torch.is_grad_enabled(),
    }


def test_threads_and_random_numbers_of_the_process_stay_as_they_are():
    before = global_state()

    read_and_learn()

    assert global_state() == before


@LINUX
@FORKING
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_process_reads_and_learns_the_same(monkeypatch, threads):
    monkeypatch.setattr(autograd, "worthwhile_threads", lambda *_: threads)
    pool = PlanPool()
    expected = read_and_learn("lstm", pool)

    def work():
        found = read_and_learn("lstm", pool)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))

    assert in_a_process(work) == 0
