"""How much memory a fit on the windows of a long series takes beyond the series.

One series of 1,000,000 float64 steps, windows of 168, one epoch; a fresh process for each route.
The peak of its memory during fit, as the operating system counts it, less what it held when the
series stood. Materialised windows would take 1,344 MB.

    python benchmarks/windows.py
"""

import argparse
import resource
import subprocess
import sys
import time

STEPS, WINDOW = 1_000_000, 168


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def fit(route):
    import numpy as np

    from sklearn_rnn import RNNRegressor, SlidingWindow, make_windows

    model = RNNRegressor(cell="rnn", hidden_size=8, max_epochs=1, batch_size=512, random_state=0)
    small, answer = make_windows(np.sin(np.arange(1000.0)), WINDOW)
    model.fit(small, answer).predict(small)  # what torch needs for itself is not counted
    series = np.sin(0.01 * np.arange(STEPS))[:, None]
    before, start = held(), time.perf_counter()
    if route == "make_windows":
        X, y = make_windows(series, WINDOW)
        model.fit(X, y)
    else:
        y = np.roll(series[:, 0], -1)
        model.fit(SlidingWindow(WINDOW).fit_transform(series), y)
    print(f"{peak() - before:.0f} {time.perf_counter() - start:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--route", choices=["make_windows", "SlidingWindow"])
    arguments = parser.parse_args()
    if arguments.route:
        fit(arguments.route)
    else:
        print(f"series of {STEPS:,} steps (8 MB), windows of {WINDOW}, one epoch of RNN(8)")
        for route in ("make_windows", "SlidingWindow"):
            command = [sys.executable, __file__, "--route", route]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            memory, seconds = output.split()
            print(f"{route:14s} {memory} MB above the series, {seconds} s")
