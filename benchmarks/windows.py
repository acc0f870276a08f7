"""What windows of a long series cost: in making them, and in learning from them.

Three tables, each number from a fresh process, memory the peak as the operating system counts it:

1. Making windows of 48 over 200,000 rows x 3 features, beside the ways of others: a stack of
   copies, as seglearn makes them, sktime's `make_reduction` and its `SlidingWindowSegmenter`.
   Rounds go through all ways in turn; the median counts. Time is that of the processor, so that
   a busy machine does not count. As views put off work, each way is also timed with reading every
   window once, in batches of 512. `SlidingWindowSegmenter` takes a tenth of the rows, and one
   round: all of them are not done after two minutes.
2. `TimeSpanWindow` on 1,000,000 irregular stamps.
3. One epoch of a small network over 1,000,000 steps, windows of 168, above what the series takes.
   Materialised windows would take 1,344 MB.

    python benchmarks/windows.py
"""

import argparse
import os
import subprocess
import sys
import time
from statistics import median

ROWS, FEATURES, LENGTH = 200_000, 3, 48
STAMPS, SPAN = 1_000_000, "2h"
STEPS, WINDOW = 1_000_000, 168
ROUNDS = 5


class Memory:
    """The most memory this process has held since, above what it held then, in MB."""

    def __init__(self):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the highest mark so far is forgotten
        self.before = self._read("VmRSS")

    def peak(self):
        return self._read("VmHWM") - self.before

    def _read(self, name):
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith(name))
        return int(line.split()[1]) / 1024


# -- making windows ----------------------------------------------------------------------


def make_windows(series):
    from sklearn_rnn import make_windows

    return lambda: make_windows(series, LENGTH)[0]


def sliding_window(series):
    from sklearn_rnn import SlidingWindow

    return lambda: SlidingWindow(LENGTH).fit_transform(series)


def panel(series):
    from sklearn_rnn import make_windows

    series = series.reshape(100, -1, FEATURES)
    return lambda: make_windows(series, LENGTH)[0]


def stack(series):
    import numpy as np

    starts = range(len(series) - LENGTH + 1)
    return lambda: np.array([series[start : start + LENGTH] for start in starts])


def reduction(series):
    """The windows of `make_reduction`: the first column is y, the others are X."""
    import pandas as pd
    from sktime.forecasting.base import ForecastingHorizon
    from sktime.forecasting.compose._reduce import _sliding_window_transform

    y, X = pd.Series(series[:, 0]), pd.DataFrame(series[:, 1:])
    fh = ForecastingHorizon([1])
    return lambda: _sliding_window_transform(y, LENGTH, fh, X=X, scitype="time-series-regressor")[1]


def segmenter(series):
    """A data frame with a column for each window, centred; series of several columns one by one."""
    import pandas as pd
    from sktime.transformations.segment import SlidingWindowSegmenter

    frame = pd.DataFrame(series, columns=list("abc"))
    return lambda: SlidingWindowSegmenter(LENGTH).fit_transform(frame)


WAYS = {
    "make_windows": make_windows,
    "make_windows, 100 series": panel,
    "SlidingWindow": sliding_window,
    "stack of copies (seglearn)": stack,
    "make_reduction (sktime)": reduction,
    "SlidingWindowSegmenter (sktime)": segmenter,
}


#: Ways that are measured on fewer rows than all, which the output says.
ROWS_OF = {"SlidingWindowSegmenter (sktime)": ROWS // 10}


def read(windows):
    """Copy every window once, a batch of 512 at a time, as training does."""
    import numpy as np

    if hasattr(windows, "iloc"):
        windows = windows.to_numpy().T
    for first in range(0, len(windows), 512):
        if hasattr(windows, "starts"):
            starts = windows.starts[first : first + 512, np.newaxis]
            batch = windows.steps[starts + np.arange(LENGTH)]
        else:
            batch = np.array(windows[first : first + 512])
    return batch


def make(way, rows):
    import numpy as np

    series = np.random.default_rng(0).normal(size=(rows, FEATURES))
    WAYS[way](series[: rows // 20].copy())()  # what a first call loads is not counted
    run = WAYS[way](series)
    memory, start = Memory(), time.process_time()
    windows = run()
    made, peak = time.process_time(), memory.peak()
    read(windows)
    print(made - start, time.process_time() - start, peak)


def compare():
    size = ROWS * FEATURES * 8 / 1e6
    print(f"windows of {LENGTH} over {ROWS:,} rows x {FEATURES} features ({size:.1f} MB)")
    print(f"{'':32s} {'making':>10s} {'and reading':>12s} {'memory':>10s}")
    results = {way: [] for way in WAYS}
    for i in range(ROUNDS):
        for way in (way for way in WAYS if i == 0 or way not in ROWS_OF):
            results[way].append(fresh("--make", way, "--rows", ROWS_OF.get(way, ROWS)))
    for way, answers in results.items():
        making, reading, _ = (median(column) for column in zip(*answers, strict=True))
        memory = fresh("--make", way, "--rows", ROWS_OF.get(way, ROWS), for_memory=True)[2]
        note = f"  for {ROWS_OF[way]:,} rows, one round" if way in ROWS_OF else ""
        print(f"{way:32s} {1e3 * making:7.1f} ms {1e3 * reading:9.0f} ms {memory:7.1f} MB{note}")


# -- windows of a duration ---------------------------------------------------------------


def spans():
    import numpy as np
    import pandas as pd

    from sklearn_rnn import TimeSpanWindow

    rng = np.random.default_rng(0)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        np.cumsum(rng.integers(1, 120, STAMPS)), unit="s"
    )
    frame = pd.DataFrame(rng.normal(size=(STAMPS, FEATURES)), times)
    for add_elapsed in (False, True):
        windower = TimeSpanWindow(SPAN, add_elapsed=add_elapsed)
        windower.fit_transform(frame[:1000])
        memory, start = Memory(), time.process_time()
        windows = windower.fit_transform(frame)
        print(time.process_time() - start, memory.peak(), windows.lengths.mean())


def show_spans():
    print(f"TimeSpanWindow({SPAN!r}) on {STAMPS:,} irregular stamps x {FEATURES} features")
    answers = [fresh("--spans") for _ in range(ROUNDS)]
    without, _, rows, added, _, _ = (median(column) for column in zip(*answers, strict=True))
    memory = fresh("--spans", for_memory=True)
    print(f"windows of {rows:.0f} rows  {without:.2f} s {memory[1]:7.1f} MB")
    print(f"with add_elapsed     {added:.2f} s {memory[4]:7.1f} MB")


# -- learning from windows ---------------------------------------------------------------


def fit(route):
    import numpy as np

    from sklearn_rnn import RNNRegressor, SlidingWindow, make_windows

    model = RNNRegressor(cell="rnn", hidden_size=8, max_epochs=1, batch_size=512, random_state=0)
    small, answer = make_windows(np.sin(np.arange(1000.0)), WINDOW)
    model.fit(small, answer).predict(small)  # what torch needs for itself is not counted
    series = np.sin(0.01 * np.arange(STEPS))[:, None]
    memory, start = Memory(), time.perf_counter()
    if route == "make_windows":
        X, y = make_windows(series, WINDOW)
        model.fit(X, y)
    else:
        y = np.roll(series[:, 0], -1)
        model.fit(SlidingWindow(WINDOW).fit_transform(series), y)
    print(memory.peak(), time.perf_counter() - start)


def show_fits():
    print(f"series of {STEPS:,} steps (8 MB), windows of {WINDOW}, one epoch of RNN(8)")
    for route in ("make_windows", "SlidingWindow"):
        memory, seconds = fresh("--fit", route)  # minutes, so one process for both
        print(f"{route:14s} {memory:.0f} MB above the series, {seconds:.1f} s")


def fresh(*arguments, for_memory=False):
    """Return the numbers that a new process prints: of time, or of memory."""
    command = [sys.executable, __file__, *(str(argument) for argument in arguments)]
    # What is freed goes back to the system at once, so that all that is taken is counted. That
    # costs time, which is therefore taken in a process of its own.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"} if for_memory else None
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [float(number) for number in answer.stdout.split()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--make", choices=list(WAYS))
    parser.add_argument("--rows", type=int)
    parser.add_argument("--spans", action="store_true")
    parser.add_argument("--fit", choices=["make_windows", "SlidingWindow"])
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make, arguments.rows)
    elif arguments.spans:
        spans()
    elif arguments.fit:
        fit(arguments.fit)
    else:
        compare()
        print()
        show_spans()
        print()
        show_fits()
