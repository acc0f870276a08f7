"""Kernels are written for the processor at hand, or for less of it if the environment says so."""

import pytest

from sklearn_rnn.kernels.native import processors
from sklearn_rnn.kernels.native.processors import Processor, processor

binding = pytest.importorskip("llvmlite.binding")
ir = pytest.importorskip("llvmlite.ir")

AVX2 = dict.fromkeys(["sse2", "avx", "avx2", "fma"], True)
AVX512 = dict.fromkeys(["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni"], True)


@pytest.fixture
def machine(monkeypatch):
    """Stand in for the machine: its name and features as LLVM would report them."""

    def pretend(name, features):
        monkeypatch.setattr(processors, "_host", lambda: (name, dict(features)))
        processors._processor.cache_clear()

    monkeypatch.delenv("SKLEARN_RNN_NATIVE", raising=False)
    yield pretend
    processors._processor.cache_clear()


@pytest.mark.parametrize(
    ("features", "lanes", "registers"),
    [
        (AVX2 | AVX512, 16, 32),
        (AVX2 | AVX512 | {"avx512dq": False}, 8, 16),
        (AVX2, 8, 16),
        (AVX2 | {"fma": False}, 4, 16),
        ({"sse2": True}, 4, 16),
        ({}, 4, 16),
    ],
)
def test_the_widest_registers_that_the_processor_has_are_used(
    machine, monkeypatch, features, lanes, registers
):
    machine("one", features)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    assert (processor().lanes, processor().registers) == (lanes, registers)


def test_a_processor_without_wide_registers_is_any_of_its_family(machine):
    machine("odd", {"strange": True})

    assert (processor().name, processor().features) == ("", "")


def test_arm_has_more_registers(machine, monkeypatch):
    machine("apple-m1", {"neon": True})
    monkeypatch.setattr("platform.machine", lambda: "arm64")

    assert processor() == Processor("", "", lanes=4, registers=32)


@pytest.mark.parametrize(("wish", "lanes"), [("avx512", 16), ("avx2", 8), (" Plain ", 4), ("", 16)])
def test_the_environment_chooses_among_them(machine, monkeypatch, wish, lanes):
    machine("one", AVX2 | AVX512)

    monkeypatch.setenv("SKLEARN_RNN_NATIVE", wish)

    assert processor().lanes == lanes


def test_a_wish_beyond_the_processor_is_met_as_far_as_it_goes(machine, monkeypatch):
    machine("one", AVX2)

    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "avx512")

    assert processor().lanes == 8


def test_an_unknown_wish_is_refused(monkeypatch):
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "sse")

    with pytest.raises(ValueError, match=r'SKLEARN_RNN_NATIVE must be .*"avx2".* got \'sse\''):
        processor()


def test_what_is_forbidden_comes_after_what_is_allowed(machine, monkeypatch):
    machine("one", AVX512 | AVX2 | {"avx10.1": True, "evex512": True})
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", "avx2")

    features = processor().features.split(",")

    allowed = [name for name in features if name.startswith("+")]
    assert allowed == ["+avx", "+avx2", "+fma", "+sse2"]
    assert features[: len(allowed)] == allowed
    assert {"-avx512f", "-avx512vnni", "-avx10.1", "-evex512", "-prefer-256-bit"} < set(features)


def test_llvm_that_does_not_know_the_processor_leaves_what_all_have(monkeypatch):
    def unknown():
        raise RuntimeError("no host features")

    monkeypatch.setattr(binding, "get_host_cpu_features", unknown)
    monkeypatch.delenv("SKLEARN_RNN_NATIVE", raising=False)
    processors._processor.cache_clear()
    try:
        assert (processor().name, processor().lanes) == ("", 4)
    finally:
        processors._processor.cache_clear()


def chooser(lanes):
    """Write a module that holds twenty registers' worth at once, and compares them.

    Where AVX-512 is allowed, that takes its masks and more than sixteen registers, even if they
    are but half as wide.
    """
    module = ir.Module("chooser")
    vector = ir.VectorType(ir.FloatType(), lanes)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [vector.as_pointer()]), "choose")
    write = ir.IRBuilder(function.append_basic_block())
    places = [write.gep(function.args[0], [ir.IntType(64)(k)]) for k in range(20)]
    values = [write.load(place, align=4) for place in places]
    for k, place in enumerate(places):
        larger = write.fcmp_ordered(">", values[k], values[19 - k])
        write.store(write.select(larger, values[k], values[k - 7]), place, align=4)
    write.ret_void()
    return str(module)


def assembly(processor):
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=processor.name, features=processor.features, opt=3
    )
    return machine.emit_assembly(binding.parse_assembly(chooser(processor.lanes)))


@pytest.mark.parametrize(
    ("wish", "lanes", "register"), [("avx512", 16, "%zmm"), ("avx2", 8, "%ymm"), ("plain", 4, "")]
)
def test_code_uses_the_registers_of_that_width_and_none_wider(monkeypatch, wish, lanes, register):
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", wish)
    if processor().lanes != lanes:
        pytest.skip(f"this processor has no {wish}")

    text = assembly(processor())

    assert register in text
    wider = {"avx512": [], "avx2": ["%zmm", "%k", "%ymm16"], "plain": ["%zmm", "%ymm"]}
    assert not [name for name in wider[wish] if name in text]
