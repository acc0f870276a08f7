"""What the processor at hand can do, and what of that native kernels are to use."""

import os
import platform
from dataclasses import dataclass
from functools import cache

__all__ = ["SWITCH", "Processor", "processor", "wished"]

#: The environment variable that says what native kernels may use of the processor.
SWITCH = "SKLEARN_RNN_NATIVE"
WISHES = ("avx512", "avx2", "plain", "off")

#: What LLVM must report before kernels are written for a register's width, widest first.
NEEDS = {
    "avx512": ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"),
    "avx2": ("avx2", "fma"),
}
LANES = {"avx512": 16, "avx2": 8, "plain": 4}


@dataclass(frozen=True)
class Processor:
    """A processor, as LLVM and the writers of kernels need to know it.

    Parameters
    ----------
    name : str
        What LLVM calls it; "" is any of its family.
    features : str
        What LLVM may use and what not, such as "+avx2,+fma,-avx512f".
    lanes : int
        The float32 numbers that one vector register holds.
    registers : int
        The vector registers.
    """

    name: str
    features: str
    lanes: int
    registers: int


def processor() -> Processor:
    """Answer the processor at hand, or as much of it as the environment allows.

    `SKLEARN_RNN_NATIVE` set to "avx512", "avx2" or "plain" asks for kernels of that width; a
    processor that cannot do as much is used for what it can.

    Returns
    -------
    Processor
        Its name, features, lanes and registers.

    Raises
    ------
    ValueError
        If the environment variable has a value that is none of those above, nor "off".
    """
    wish = wished()
    return _processor("avx512" if wish in ("", "off") else wish)


def wished() -> str:
    """Answer what `SKLEARN_RNN_NATIVE` says; "" if it is not set."""
    wish = os.environ.get(SWITCH, "").strip().lower()
    if wish and wish not in WISHES:
        accepted = ", ".join(f'"{name}"' for name in WISHES)
        raise ValueError(
            f"The environment variable {SWITCH} must be one of {accepted}; got {wish!r}. "
            "Unset it to use all that the processor has."
        )
    return wish


@cache
def _processor(most: str) -> Processor:
    name, features = _host()
    width = most
    while width in NEEDS and not all(features.get(feature) for feature in NEEDS[width]):
        width = "avx2" if width == "avx512" else "plain"
    if width == "plain":  # what every processor of the family has
        arm = platform.machine().lower() in ("arm64", "aarch64")
        return Processor("", "", LANES["plain"], registers=32 if arm else 16)
    if width == "avx2":
        features = {key: has and not _needs_avx512(key) for key, has in features.items()}
    # Some processors are said to prefer half of their registers, for the sake of their clock.
    features["prefer-256-bit"] = False
    # To forbid comes last: a feature allowed later would bring back what it builds on.
    flags = sorted(("+" if has else "-") + key for key, has in features.items())
    return Processor(name, ",".join(flags), LANES[width], registers=32 if width == "avx512" else 16)


def _needs_avx512(feature: str) -> bool:
    return any(part in feature for part in ("avx512", "evex512", "avx10"))


def _host() -> tuple[str, dict[str, bool]]:
    """Answer LLVM's name of the processor at hand, and its features; none if LLVM has no idea."""
    from llvmlite import binding

    try:
        return binding.get_host_cpu_name(), dict(binding.get_host_cpu_features())
    except RuntimeError:
        return "", {}
