"""Memory and time of training `RNNForecaster` as the number and the length of series grow.

Memory: how far the resident size of a fresh process grows at most during `fit`, after one fit of a
small panel has loaded and warmed up everything; beside it the size of the frame. Time: microseconds
of a training step by the clock, from fits of two lengths, so that what is done once (reading the
frame, the bank) is left out; sizes are interleaved, the median of several rounds is shown.

    python benchmarks/forecasting_scale.py
"""

import argparse
import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_rnn.sktime import RNNForecaster

SIZES = [(100, 200), (1_000, 200), (10_000, 200), (10, 20_000), (100, 20_000)]


def panel(n_series, n_steps):
    """Return monthly-looking noise around seasons, as sktime wants a panel."""
    rng = np.random.default_rng(0)
    season = 10 + np.sin(np.arange(n_steps) * 2 * np.pi / 12)
    values = (season + rng.standard_normal((n_series, n_steps))).ravel()
    index = pd.MultiIndex.from_product([range(n_series), range(n_steps)], names=["series", "step"])
    return pd.DataFrame({"y": values}, index)


def fit(y, steps):
    """Return the seconds of a fit of so many training steps."""
    start = time.perf_counter()
    RNNForecaster(sp=12, max_epochs=1, batches_per_epoch=steps, random_state=0).fit(
        y, fh=range(1, 13)
    )
    return time.perf_counter() - start


def memory(n_series, n_steps):
    """Print the size of the data and the growth of this process during fit, in MB."""
    fit(panel(10, 200), 5)
    y = panel(n_series, n_steps)
    Path("/proc/self/clear_refs").write_text("5")  # forget the largest size so far
    before = status("VmRSS")
    fit(y, 50)
    size = y.memory_usage(index=True, deep=True).sum() / 1e6
    print(f"{size:.1f} {y['y'].nbytes / 1e6:.1f} {status('VmHWM') - before:.1f}")


def status(name):
    """Return a size of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", nargs=2, type=int, help="of one size, in this process")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.memory:
        memory(*options.memory)
        return
    print(f"{platform.processor() or platform.machine()}, one thread\n")
    print("| series | steps | frame MB | values MB | fit takes MB | times the frame |")
    print("|---|---|---|---|---|---|")
    for n_series, n_steps in SIZES:
        command = [sys.executable, __file__, "--memory", str(n_series), str(n_steps)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        frame, values, grown = map(float, answer.stdout.split())
        print(
            f"| {n_series:,} | {n_steps:,} | {frame:.1f} | {values:.1f} | {grown:.1f} | "
            f"{grown / frame:.2f} |"
        )
    panels = {size: panel(*size) for size in SIZES}
    times = {size: [] for size in SIZES}
    for _ in range(options.rounds):
        for size, y in panels.items():
            times[size].append((fit(y, 60) - fit(y, 10)) / 50)
    print("\n| series | steps | us a training step | times the first |\n|---|---|---|---|")
    medians = {size: np.median(taken) for size, taken in times.items()}
    for (n_series, n_steps), taken in medians.items():
        ratio = taken / medians[SIZES[0]]
        print(f"| {n_series:,} | {n_steps:,} | {1e6 * taken:,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
