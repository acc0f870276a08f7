"""Accuracy of the classifier's defaults on original test splits, beside what else is there.

Seven data sets that ship inside sktime. Ours: `RNNClassifier()`, mean of several seeds. The limit
of 200 patches was compared with others, by cross-validation, after the test part of ACSF1 had been
seen: that row is optimistic. Beside ours sktime's SimpleRNNClassifierTorch and GRUClassifier at
their own defaults but for the number of epochs, which is ours, and logistic regression on the
values as one row. Unequal lengths (JapaneseVowels) are padded with zeros for those that cannot take
them. One thread; seconds are those of one fit.

    python benchmarks/classification.py [--seeds 3] [--data GunPoint ArrowHead] [--ours-only]
"""

import argparse
import platform
import time
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rnn import RNNClassifier
from sklearn_rnn.datasets import CLASSIFICATION, load_classification


def padded(X, longest):
    return np.array([np.pad(x, ((0, longest - len(x)), (0, 0))) for x in X])


def peers(epochs, seed):
    from sktime.classification.deep_learning.gru import GRUClassifier
    from sktime.classification.deep_learning.rnn import SimpleRNNClassifierTorch

    yield "sktime SimpleRNN", SimpleRNNClassifierTorch(num_epochs=epochs, random_state=seed)
    yield "sktime GRU", GRUClassifier(num_epochs=epochs, random_state=seed)


def run(model, X, y, X_new, y_new):
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    return float(np.mean(model.predict(X_new) == y_new)), seconds


def rows_for(name, seeds, ours_only):
    X, y = load_classification(name, "train")
    X_new, y_new = load_classification(name, "test")
    results = [run(RNNClassifier(random_state=s), X, y, X_new, y_new) for s in range(seeds)]
    yield "RNNClassifier()", results
    if ours_only:
        return
    longest = max(map(len, X + X_new))
    cubes = [padded(part, longest) for part in (X, X_new)]
    flat = [cube.reshape(len(cube), -1) for cube in cubes]
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    yield "logistic regression", [run(linear, flat[0], y, flat[1], y_new)]
    # their layout is (N, F, T)
    theirs = [cube.transpose(0, 2, 1).copy() for cube in cubes]
    for peer, model in peers(RNNClassifier().max_epochs, seed=0):
        yield peer, [run(model, theirs[0], y, theirs[1], y_new)]


def main(names, seeds, ours_only):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    for name in names:
        for method, results in rows_for(name, seeds, ours_only):
            accuracy, seconds = np.array(results).T
            each = " ".join(f"{a:.3f}" for a in accuracy)
            print(
                f"{name:16} {method:20} accuracy {accuracy.mean():.3f} ({each})  "
                f"{np.median(seconds):6.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", default=list(CLASSIFICATION))
    parser.add_argument("--ours-only", action="store_true")
    arguments = parser.parse_args()
    main(arguments.data, arguments.seeds, arguments.ours_only)
