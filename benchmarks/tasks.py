"""Tasks with known answers: the next value of a sine, and daily prices against the last value.

The sine: 10,000 points spaced 0.01, windows of 5, the next value, tested on the next 10,000; a
GRU of 64 units, 120 epochs. A published tutorial reached a mean absolute error of 0.0048.

The prices: column ``open`` of a daily series (``../shared/data/SH600519.csv`` where it is there,
else a random walk), the first 2,126 rows for training, windows of 60, layers of 80 and 100 units
with dropout 0.2. Nobody is expected to beat the last value by much.

    python benchmarks/tasks.py
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sklearn_rnn import RNNRegressor, make_windows
from sklearn_rnn.datasets import make_random_walk, make_sine

PRICES = Path(__file__).parents[2] / "shared" / "data" / "SH600519.csv"


def sine():
    X, y = make_windows(make_sine(10_000), 5)
    X_new, y_new = make_windows(make_sine(10_000, start=10_000), 5)
    for seed in range(3):
        start = time.perf_counter()
        model = RNNRegressor(cell="gru", hidden_size=64, max_epochs=120, random_state=seed)
        error = np.abs(model.fit(X, y).predict(X_new) - y_new).mean()
        print(
            f"sine, seed {seed}: mean absolute error {error:.5f} on the next 10,000; "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )


def prices():
    if PRICES.exists():
        series, source = pd.read_csv(PRICES)["open"].to_numpy(float), PRICES.name
    else:
        series, source = make_random_walk(2_426, random_state=0), "random walk"
    X, y = make_windows(series[:2126], 60)
    X_new, y_new = make_windows(series[2126 - 60 :], 60)
    naive = np.abs(X_new[:, -1, 0] - y_new).mean()
    print(f"{source}: {len(y_new)} days; the last value is off by {naive:.3f} a day")
    for output in ("identity", "last_value"):
        start = time.perf_counter()
        model = RNNRegressor(
            hidden_size=[80, 100], dropout=0.2, output=output, max_epochs=50, random_state=0
        )
        error = np.abs(model.fit(X, y).predict(X_new) - y_new).mean()
        print(
            f"  layers of 80 and 100, output={output!r}: off by {error:.3f} "
            f"({error / naive:.2f} times the last value's); {time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    sine()
    prices()
