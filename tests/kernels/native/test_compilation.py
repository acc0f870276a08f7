"""Kernels are compiled once, then found on disk; nothing that is wrong there ever shows."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklearn_rnn.kernels.native import compilation
from sklearn_rnn.kernels.native.compilation import load, why_unavailable
from sklearn_rnn.kernels.native.object_cache import ObjectCache, cache_folder
from sklearn_rnn.kernels.native.processors import processor

ir = pytest.importorskip("llvmlite.ir")

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
THREADED = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def adder(processor):
    """Write a module whose function `add` adds 64 numbers in steps of a whole register."""
    module = ir.Module("adder")
    vector = ir.VectorType(ir.FloatType(), processor.lanes)
    place = vector.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [place] * 3), "add")
    write = ir.IRBuilder(function.append_basic_block())
    for k in range(64 // processor.lanes):
        at = [write.gep(start, [ir.IntType(64)(k)]) for start in function.args]
        total = write.fadd(write.load(at[0], align=4), write.load(at[1], align=4))
        write.store(total, at[2], align=4)
    write.ret_void()
    return module


def refuse(processor):
    raise AssertionError("what was compiled before must not be built again")


def adds(library):
    x, y, total = np.arange(64, dtype="f4"), np.linspace(1, 2, 64, dtype="f4"), np.zeros(64, "f4")
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(library.address("add"))
    function(x.ctypes.data, y.ctypes.data, total.ctypes.data)
    return np.array_equal(total, x + y)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Keep code in a folder of the test's own, which does not exist yet."""
    monkeypatch.setenv("SKLEARN_RNN_CACHE", str(tmp_path / "code"))
    monkeypatch.delenv("SKLEARN_RNN_NATIVE", raising=False)
    return tmp_path / "code"


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """Forget what this process has loaded, as a new one would."""

    def forget():
        monkeypatch.setattr(compilation, "_LIBRARIES", {})

    forget()
    return forget


def test_what_was_compiled_is_found_by_the_next_process(folder, new_process):
    assert adds(load("adder", adder, processor()))
    assert len(list(folder.iterdir())) == 1
    new_process()

    assert adds(load("adder", refuse, processor()))


def test_a_process_loads_each_name_once(folder):
    first = load("adder", adder, processor())
    next(folder.iterdir()).unlink()

    assert load("adder", refuse, processor()) is first
    assert load("other", adder, processor()) is not first


@pytest.mark.parametrize("wish", ["plain", "avx2", "avx512"])
def test_every_width_computes_the_same_and_is_kept_apart(monkeypatch, folder, wish):
    usual = processor()
    load("adder", adder, usual)
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", wish)

    assert adds(load("adder", adder, processor()))
    assert len(list(folder.iterdir())) == len({usual, processor()})


def test_a_function_that_is_not_there_is_named():
    library = load("adder", adder, processor())

    with pytest.raises(KeyError, match=r"library 'adder' has no function 'subtract'"):
        library.address("subtract")


def test_a_module_that_fails_to_build_can_be_built_later(folder):
    with pytest.raises(AssertionError):
        load("adder", refuse, processor())

    assert adds(load("adder", adder, processor()))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:-100] + b"\0" * 100,
        lambda content: b"\x01" + content[1:],
    ],
    ids=["empty", "no checksum", "truncated", "overwritten", "wrong checksum"],
)
def test_damaged_code_is_compiled_anew(folder, new_process, damage):
    load("adder", adder, processor())
    entry = next(folder.iterdir())
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    new_process()

    assert adds(load("adder", adder, processor()))
    new_process()
    assert adds(load("adder", refuse, processor()))


def test_a_folder_that_cannot_be_is_done_without(monkeypatch, tmp_path, new_process):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SKLEARN_RNN_CACHE", str(tmp_path / "file" / "code"))

    assert adds(load("adder", adder, processor()))
    new_process()
    assert adds(load("adder", adder, processor()))


def test_a_full_disk_is_done_without(monkeypatch, folder):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)

    assert adds(load("adder", adder, processor()))
    assert list(folder.iterdir()) == []


def test_a_folder_that_can_only_be_read_serves(monkeypatch, new_process):
    load("adder", adder, processor())
    new_process()

    def forbidden(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.utime", forbidden)

    assert adds(load("adder", refuse, processor()))


def test_other_sources_compile_anew(monkeypatch, folder, new_process):
    load("adder", adder, processor())
    new_process()
    monkeypatch.setattr(compilation, "_SOURCES", "others")
    with pytest.raises(AssertionError):
        load("adder", refuse, processor())


def test_without_sources_nothing_is_kept(monkeypatch, folder):
    """Two versions could not be told apart, if only their bytecode were installed."""
    monkeypatch.setattr(compilation, "_SOURCES", "")

    assert adds(load("adder", adder, processor()))
    assert not folder.exists()


def test_many_threads_get_the_same_library():
    built = []

    def build(processor):
        built.append(1)
        return adder(processor)

    with ThreadPoolExecutor(8) as pool:
        libraries = list(pool.map(lambda _: load("adder", build, processor()), range(16)))

    assert len(built) == 1
    assert len({id(library) for library in libraries}) == 1


def work(barrier, answers):
    barrier.wait(60)
    answers.put(adds(load("adder", adder, processor())))


@FORKS
@THREADED
def test_four_processes_at_once_begin_with_an_empty_folder(folder, new_process):
    fork = multiprocessing.get_context("fork")
    barrier, answers = fork.Barrier(4), fork.Queue()
    workers = [fork.Process(target=work, args=(barrier, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()

    assert [answers.get(timeout=60) for _ in workers] == [True] * 4
    for worker in workers:
        worker.join(60)
    assert len(list(folder.iterdir())) == 1
    assert adds(load("adder", refuse, processor()))


@FORKS
@THREADED
def test_a_child_forked_while_a_thread_compiles_can_compile(folder):
    begun = threading.Event()

    def slow(processor):
        begun.set()
        time.sleep(0.2)
        return adder(processor)

    thread = threading.Thread(target=load, args=("slow", slow, processor()))
    thread.start()
    begun.wait(60)
    child = multiprocessing.get_context("fork").Process(target=load_both)
    child.start()
    child.join(60)
    thread.join(60)

    assert child.exitcode == 0


def load_both():
    """Fail unless the thread of the parent had finished, and this process can go on."""
    assert adds(load("slow", refuse, processor()))
    assert adds(load("adder", adder, processor()))


def test_native_kernels_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "off")

    assert why_unavailable() == 'the environment variable SKLEARN_RNN_NATIVE is "off"'


def test_native_kernels_can_be_used_here():
    assert why_unavailable() is None


def test_an_unknown_switch_is_refused(monkeypatch):
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "on")

    with pytest.raises(ValueError, match="got 'on'"):
        why_unavailable()


@pytest.fixture
def asked_anew():
    compilation._why_no_llvm.cache_clear()
    yield
    compilation._why_no_llvm.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_missing_llvmlite_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)

    assert why_unavailable() == "llvmlite is not installed"


@pytest.mark.usefixtures("asked_anew")
def test_old_llvmlite_is_said(monkeypatch):
    monkeypatch.setattr("llvmlite.__version__", "0.43.0")
    monkeypatch.delattr("llvmlite.binding.create_pass_builder")

    assert why_unavailable() == "llvmlite 0.43.0 is older than 0.44"


@pytest.mark.usefixtures("asked_anew")
def test_a_system_that_forbids_new_code_is_said(monkeypatch):
    def forbidden():
        raise OSError("cannot allocate executable memory")

    monkeypatch.setattr("llvmlite.binding.check_jit_execution", forbidden)

    assert "forbids code made at run time" in why_unavailable()


def test_the_import_needs_no_llvmlite():
    code = (
        "import sys; sys.modules['llvmlite'] = None; "
        "from sklearn_rnn.kernels.native.compilation import why_unavailable; "
        "print(why_unavailable())"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.stdout.strip() == "llvmlite is not installed", answer.stderr


def test_code_of_another_generation_goes_a_week_after_its_last_use(folder):
    for name, age in {"lately": 6, "long ago": 8}.items():
        ObjectCache(folder, "older").write(name, b"code")
        used = time.time() - age * 24 * 3600
        os.utime(folder / f"older-{name}.code", (used, used))
    ObjectCache(folder, "newer").write("ours", b"code")

    assert ObjectCache(folder, "older").read("lately") == b"code"
    assert ObjectCache(folder, "older").read("long ago") is None
    assert ObjectCache(folder, "newer").read("ours") == b"code"


def test_being_read_counts_as_use(folder):
    older = ObjectCache(folder, "older")
    older.write("name", b"code")
    os.utime(folder / "older-name.code", (0, 0))

    assert older.read("name") == b"code"
    ObjectCache(folder, "newer").write("ours", b"code")

    assert older.read("name") == b"code"


def test_the_folder_stays_small(monkeypatch, folder):
    monkeypatch.setattr("sklearn_rnn.kernels.native.object_cache.MOST_BYTES", 1000)
    cache = ObjectCache(folder, "one")
    for k in range(5):
        cache.write(f"name{k}", bytes(300))
        os.utime(folder / f"one-name{k}.code", (k, k))
    cache.write("last", bytes(300))

    left = {path.name for path in folder.iterdir()}

    assert left == {"one-name3.code", "one-name4.code", "one-last.code"}


def test_files_of_others_are_left_alone(monkeypatch, folder):
    monkeypatch.setattr("sklearn_rnn.kernels.native.object_cache.MOST_BYTES", 0)
    folder.mkdir()
    (folder / "notes.txt").write_text("not ours")
    (folder / "crashed.part").write_text("begun, never finished")

    ObjectCache(folder, "one").write("name", b"code")

    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="the rules of Linux")
@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"SKLEARN_RNN_CACHE": "/code", "XDG_CACHE_HOME": "/cache"}, "/code"),
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/home/ada"}, "/cache/sklearn_rnn"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/ada"}, "/home/ada/.cache/sklearn_rnn"),
        ({"HOME": "/home/ada"}, "/home/ada/.cache/sklearn_rnn"),
    ],
)
def test_where_code_is_kept(monkeypatch, environment, place):
    for name in ("SKLEARN_RNN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert str(cache_folder()) == place


def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for name in ("SKLEARN_RNN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.home", homeless)

    assert cache_folder() is None
    assert adds(load("adder", adder, processor()))
