"""Vectors of RNNFeatures under logistic regression: accuracy on original test splits.

Four ways to a vector: four statistics of each feature (mean, deviation, least, largest), a network
of random weights, an autoencoder, which sees no label, and a network trained with labels. All go
through the same StandardScaler and LogisticRegression. Networks have the defaults (last state, mean
and maximum of all states), or the last state alone. "few labels" is scikit-learn's digits, rows of
an image as steps: vectors are learned from 1,000 images without labels, or from the 50 that have
some, and the regression from these 50. One thread; mean of several seeds; seconds are those of one
fit.

    python benchmarks/features.py [--seeds 3] [--data GunPoint "few labels"]
"""

import argparse
import time
import warnings

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_rnn import RNNFeatures
from sklearn_rnn.datasets import load_classification

DATA = ("ItalyPowerDemand", "JapaneseVowels", "BasicMotions", "GunPoint", "ArrowHead", "few labels")
LAST = {"pooling": "last"}


def statistics(X):
    return np.array([np.r_[x.mean(0), x.std(0), x.min(0), x.max(0)] for x in X])


def ways(seed):
    """Yield ways to a vector; None for labels that a way does not look at."""
    yield "statistics", FunctionTransformer(statistics), False
    for name, more in (("defaults", {}), ("last state", LAST)):
        untrained = {"max_epochs": 1, "lr": 1e-12, **more}
        yield f"random, {name}", RNNFeatures(random_state=seed, **untrained), False
        yield f"autoencoder, {name}", RNNFeatures(random_state=seed, **more), False
        yield f"with labels, {name}", RNNFeatures(random_state=seed, **more), True


def parts(name, seed):
    """Return sequences to learn vectors from, which of them have labels, and a test part."""
    if name != "few labels":
        X, y = load_classification(name, "train")
        return (X, y, np.arange(len(y)), *load_classification(name, "test"))
    images, digits = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    X, X_new, y, y_new = train_test_split(images, digits, train_size=1000, random_state=seed)
    few, _ = train_test_split(np.arange(1000), train_size=50, stratify=y, random_state=seed)
    return list(X), y, few, list(X_new), y_new


def main(names, seeds):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in names:
        rows = {}
        for seed in range(seeds):
            X, y, labelled, X_new, y_new = parts(name, seed)
            X_labelled = [X[i] for i in labelled]
            for way, features, with_labels in ways(seed):
                start = time.perf_counter()
                if with_labels:
                    features.fit(X_labelled, y[labelled])
                else:
                    features.fit(X)
                seconds = time.perf_counter() - start
                model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
                model.fit(features.transform(X_labelled), y[labelled])
                accuracy = model.score(features.transform(X_new), y_new)
                written = getattr(features, "score", lambda X: np.nan)(X_new)
                rows.setdefault(way, []).append((accuracy, written, seconds))
        for way, results in rows.items():
            accuracy, written, seconds = np.mean(results, axis=0)
            again = "" if np.isnan(written) else f"  written again {written:5.2f}"
            print(
                f"{name:16} {way:24} accuracy {accuracy:.3f}  {seconds:5.1f} s{again}", flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", default=DATA)
    arguments = parser.parse_args()
    main(arguments.data, arguments.seeds)
