"""From LLVM's intermediate language to code that runs, compiled once per machine."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn_rnn.kernels.native.object_cache import ObjectCache, cache_folder
from sklearn_rnn.kernels.native.processors import SWITCH, Processor, wished

if TYPE_CHECKING:
    from llvmlite import ir

__all__ = ["Library", "load", "why_unavailable"]

#: The first llvmlite with the optimiser that is used here.
OLDEST = (0, 44)

_LIBRARIES: dict[tuple[str, Processor], Library] = {}
# A child forked while another thread compiles would wait for ever on a lock that nobody returns:
# ours, or LLVM's. So forks wait until nothing is being compiled.
_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )


class Library:
    """Compiled functions; their code lives as long as this object.

    Parameters
    ----------
    name : str
        What it is called in errors.
    engine : llvmlite.binding.ExecutionEngine
        What holds the code.
    """

    def __init__(self, name: str, engine: Any):
        self.name = name
        self._engine = engine

    def address(self, function_name: str) -> int:
        """Answer where a function's code begins.

        Parameters
        ----------
        function_name : str
            Its name in the module that was compiled.

        Returns
        -------
        int
            What `ctypes` calls it by.

        Raises
        ------
        KeyError
            If the library has no such function.
        """
        address = self._engine.get_function_address(function_name)
        if not address:
            raise KeyError(f"The native library {self.name!r} has no function {function_name!r}.")
        return address


def load(name: str, build: Callable[[Processor], ir.Module], processor: Processor) -> Library:
    """Answer compiled functions: those of this process, of the disk, or compiled now.

    Safe to call from many threads and many processes at once. Whatever is wrong with the folder
    of compiled code or with what lies in it costs time, never an error.

    Parameters
    ----------
    name : str
        Names the module; letters, digits, "_" and "-". It must say all that `build` depends on
        besides the processor, and the sources of this package.
    build : callable
        Takes the processor, answers an `llvmlite.ir.Module`; called only if the module has not
        been compiled before.
    processor : Processor
        What to compile for.

    Returns
    -------
    Library
        The functions of the module.
    """
    key = name, processor
    if key not in _LIBRARIES:  # no waiting for another thread's compilation if it is there
        with _LOCK:
            if key not in _LIBRARIES:
                _LIBRARIES[key] = Library(name, _engine(name, build, processor))
    return _LIBRARIES[key]


def why_unavailable() -> str | None:
    """Answer why native kernels cannot be used here; None if they can.

    Returns
    -------
    str or None
        A clause for a message, such as "llvmlite is not installed".

    Raises
    ------
    ValueError
        If the environment variable `SKLEARN_RNN_NATIVE` has an unknown value.
    """
    if wished() == "off":
        return f'the environment variable {SWITCH} is "off"'
    return _why_no_llvm()


@cache
def _why_no_llvm() -> str | None:
    try:
        import llvmlite
        from llvmlite import binding
    except ModuleNotFoundError:
        return "llvmlite is not installed"
    except (ImportError, OSError) as error:
        return f"llvmlite cannot be imported ({error})"
    if not hasattr(binding, "create_pass_builder"):
        return f"llvmlite {llvmlite.__version__} is older than {'.'.join(map(str, OLDEST))}"
    try:
        binding.check_jit_execution()
    except OSError as error:
        return f"the system forbids code made at run time ({error})"
    return None


def _engine(name: str, build: Callable[[Processor], ir.Module], processor: Processor) -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = _target_machine(processor)
    stored = ObjectCache(cache_folder() if _SOURCES else None, _generation(_SOURCES))
    entry = f"{name}-{_digest(repr(processor))}"
    code = stored.read(entry)
    if code is None:
        code = _compile(str(build(processor)), machine)
        stored.write(entry, code)
    # Whose memory it takes is llvmlite's choice: where its own is not needed, it aborts the process
    # over constants that want to lie on 64 bytes (found on x86 with llvmlite 0.50).
    # LLVM asks for the code of this empty module, and is given what was compiled.
    module = binding.parse_assembly(f'target triple = "{machine.triple}"')
    engine = binding.create_mcjit_compiler(module, machine)
    engine.set_object_cache(getbuffer_func=lambda _: code)
    engine.finalize_object()
    return engine


def _target_machine(processor: Processor) -> Any:
    from llvmlite import binding

    # Left as it is, the code model is "large": constants may lie anywhere, even far from the code,
    # as they do in a process with much memory. That was as fast as "small".
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=processor.name, features=processor.features, opt=3, jit=True
    )


def _compile(assembly: str, machine: Any) -> bytes:
    """Answer the code of a module; its loops are unrolled and vectorised as its writer chose."""
    from llvmlite import binding

    module = binding.parse_assembly(assembly)
    module.verify()
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    tuning = binding.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = tuning.loop_vectorization = tuning.slp_vectorization = False
    passes = binding.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    return machine.emit_object(module)


@cache
def _generation(sources: str) -> str:
    """Name all that compiled code depends on but its own name and the processor."""
    import llvmlite
    from llvmlite import binding

    llvm = f"{llvmlite.__version__} {binding.llvm_version_info} {binding.get_process_triple()}"
    return _digest(f"{sources} {llvm}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest_of_sources() -> str:
    """Name the sources of this package; "" where there are none to read."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    texts = [f"{path.name}\n{path.read_text(encoding='utf8')}" for path in sources]
    return _digest("\n".join(texts)) if texts else ""


#: Read with the modules, not when something is compiled: by then others may have been installed.
_SOURCES = _digest_of_sources()
