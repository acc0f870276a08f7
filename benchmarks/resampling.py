"""How long resampling takes beside bare pandas: 1,000,000 irregular stamps x 3 columns to hourly.

Both take turns, and the median of the ratios counts: what else the machine does meets both. Last
comes what `freq="infer"` takes to find a frequency in the same stamps.

    python benchmarks/resampling.py
"""

import argparse
import time

import numpy as np
import pandas as pd

from sklearn_rnn import Resampler
from sklearn_rnn.transformers.frequencies import infer_frequency

ROWS, HOURS = 1_000_000, 50_000


def irregular():
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, HOURS * 3600, ROWS))
    index = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame(rng.normal(size=(ROWS, 3)), index, ["a", "b", "c"])


def seconds_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compared(name, ours, theirs, rounds):
    times = np.array([[seconds_of(ours), seconds_of(theirs)] for _ in range(rounds)])
    ratio = np.median(times[:, 0] / times[:, 1])
    mine, bare = np.median(times, axis=0)
    print(f"{name:12s} ours {mine:.3f} s, pandas {bare:.3f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    frame = irregular()
    print(f"{ROWS:,} stamps x {frame.shape[1]} columns to hourly, median of {rounds} rounds")
    for reducer in ("mean", "sum", "last"):
        for fill in (None, "ffill"):
            resampler = Resampler("h", aggregation=reducer, fill=fill)
            bare = {"min_count": 1} if reducer == "sum" else {}

            def ours(resampler=resampler):
                return resampler.fit_transform(frame.copy(deep=False))

            def theirs(reducer=reducer, fill=fill, bare=bare):
                bins = getattr(frame.copy(deep=False).resample("h"), reducer)(**bare)
                return bins if fill is None else getattr(bins, fill)()

            pd.testing.assert_frame_equal(ours(), theirs())
            compared(f"{reducer}, {fill}", ours, theirs, rounds)
    values = frame.index.to_numpy()
    inferred = [
        seconds_of(lambda: infer_frequency([pd.DatetimeIndex(values)], "benchmark"))
        for _ in range(rounds)
    ]
    print(f"infer_frequency of {ROWS:,} stamps {np.median(inferred):.3f} s")
