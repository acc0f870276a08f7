"""How much faster a search is with two workers than with one, for equal work.

Eight fits in one `GridSearchCV`, alternating between one worker and two, on joblib's loky
(workers warmed up, for their imports take seconds once) and threading backends; medians of
ratios round by round. Every fit computes on one torch thread.

    python benchmarks/parallel.py
"""

import argparse
import os
import time

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_rnn import RNNClassifier, RNNRegressor


def ragged(n):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 4)) for length in rng.integers(20, 40, size=n)]
    return X, np.array([x[0, 0] for x in X])


def seconds(model, X, y, backend, jobs):
    grid = {"random_state": range(4)}
    with joblib.parallel_config(backend):
        start = time.perf_counter()
        GridSearchCV(model, grid, cv=2, n_jobs=jobs, refit=False).fit(X, y)
        return time.perf_counter() - start


def main(rounds):
    print(f"{os.cpu_count()} cores, 8 fits")
    X, y = ragged(400)
    jobs = {
        "RNNRegressor(hidden_size=64)": (RNNRegressor(max_epochs=150), y),
        "RNNClassifier()": (RNNClassifier(max_epochs=10), y > 0),
    }
    for name, (model, target) in jobs.items():
        for backend in ("loky", "threading"):
            seconds(model, X, target, backend, 2)
            times = np.array(
                [[seconds(model, X, target, backend, n) for n in (1, 2)] for _ in range(rounds)]
            )
            one, two = np.median(times, axis=0)
            print(
                f"{name:30} {backend:10} one worker {one:5.1f} s, two {two:5.1f} s: "
                f"{np.median(times[:, 0] / times[:, 1]):.2f} times as fast",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    main(parser.parse_args().rounds)
