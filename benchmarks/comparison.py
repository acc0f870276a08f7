"""Sides of a comparison taken in turn, and the table that shows them.

What else the machine does falls on all sides alike if they take turns, so the ratio of each round
counts, and of the rounds the median. Seconds are those that the processor gave to this thread,
beside those on the wall: others may be at work on the same machine.
"""

import os
import platform
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from sklearn_rnn.kernels.native.compilation import why_unavailable

CPU, WALL = 0, 1


class Side(NamedTuple):
    """Work that can be done so many times, and how many times make up a turn."""

    run: Callable[[int], object]
    times: int = 1


def sized(run, seconds=0.05):
    """Return a side whose turns take about so many seconds; it has been warmed up."""
    times, taken = 1, 0.0
    run(1)
    while taken < seconds / 2:
        start = time.thread_time()
        run(times)
        taken = time.thread_time() - start
        if taken < seconds / 2:
            times = int(times * min(10.0, 1 + seconds / max(taken, 1e-9)))
    return Side(run, times)


def in_turn(sides, rounds):
    """Return the seconds of one piece of work, (rounds, sides, 2): of the thread and the wall.

    Each round begins with another side, lest one always come after the same other.
    """
    result = np.zeros((rounds, len(sides), 2))
    for r in range(rounds):
        for i in np.roll(np.arange(len(sides)), -r):
            run, times = sides[i]
            cpu, wall = time.thread_time(), time.perf_counter()
            run(times)
            result[r, i] = time.thread_time() - cpu, time.perf_counter() - wall
            result[r, i] /= times
    return result


class Table:
    """Rows of what, ours, theirs, ratio and wanted, printed as they come.

    `CPU` is the clock that counts by default; the ratio by the wall's stands beside it.
    """

    def __init__(self, title, clock=CPU):
        self.clock, self.reached, self.wanted = clock, 0, 0
        self.other = "on the wall" if clock == CPU else ""
        print(f"\n{title}\n{'-' * min(100, len(title.splitlines()[-1]))}")
        self._print("what", "ours", "theirs", "ratio", self.other, "wanted")

    def add(self, what, ours, theirs, wanted=None, aim=None):
        """Add a comparison of seconds (rounds, 2); the ratio is theirs to ours, "at least"."""
        ratios = np.median(theirs / ours, axis=0)
        mine, other = (duration(np.median(side[:, self.clock])) for side in (ours, theirs))
        wall = f"{ratios[WALL]:.2f}" if self.other else ""
        aims = "" if aim is None else f" (aim {aim:g})"
        text = "" if wanted is None else f"{wanted:g}{aims}{self._mark(ratios[self.clock], wanted)}"
        self._print(what, mine, other, f"{ratios[self.clock]:.2f}", wall, text)

    def limit(self, what, ours, limit):
        """Add seconds that are to stay below a limit, and have nothing beside them."""
        text = f"under {duration(limit)}{self._mark(-ours, -limit)}"
        self._print(what, duration(ours), "", "", "", text)

    def note(self, text):
        """Add a line about what is not in the table."""
        print(f"  {text}", flush=True)

    def close(self):
        """Say how much of what is wanted was reached."""
        if self.wanted:
            print(f"  {self.reached} of {self.wanted} reached", flush=True)

    def _mark(self, value, wanted):
        self.wanted += 1
        self.reached += value >= wanted
        return "" if value >= wanted else "  not reached"

    def _print(self, what, *cells):
        *numbers, wanted = cells
        columns = "".join(f"{number:>13}" for number in numbers)
        print(f"{what:40s}{columns}   {wanted}".rstrip(), flush=True)


def duration(seconds):
    """Return seconds in a unit in which they are neither tiny nor huge."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{1e6 * seconds:.3g} us"


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine():
    """Return lines about the machine, and the libraries that compute."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    why_not = why_unavailable()
    if why_not:
        kernels = f"no native kernels: {why_not}"
    else:
        import llvmlite
        from llvmlite import binding

        from sklearn_rnn.kernels.native.processors import processor

        llvm = ".".join(map(str, binding.llvm_version_info))
        kernels = (
            f"llvmlite {llvmlite.__version__} (LLVM {llvm}), kernels for "
            f"{processor().name or 'any processor'} with {processor().lanes} lanes"
        )
    return (
        f"{_processor_name()}, {cores()} of {os.cpu_count()} cores{load}; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}\n"
        f"torch {torch.__version__}, {torch.get_num_threads()} thread; {kernels}"
    )


def _processor_name():
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
