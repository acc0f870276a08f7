"""Tasks with known answers for networks that read sequences and answer every step.

- The adding problem (Hochreiter and Schmidhuber 1997), 100 steps: the sum of two marked numbers.
  Answering 1 to all is off by 0.167, squared; wanted is less than 0.01. `RNNRegressor`.
- The copy task: ten symbols out of eight, to be repeated after 30 steps. Wanted are more than 0.99
  of the symbols; who knows nothing has 0.125. `RNNStepClassifier`.
- A delayed echo: bits come back ten steps later, and numbers three steps later. Wanted is more
  than 0.99 of the bits, and an R2 of more than 0.99.
- The next letter of the cycle abcde, at every step of windows that begin anywhere, also in windows
  longer than those learned from. Wanted are all of them.

Sequences to be tested on are drawn anew. Three seeds, of data and networks. Epochs, sizes and rates
were tried out on data like these.

    python benchmarks/step_tasks.py
"""

import time

import numpy as np
import torch

from sklearn_rnn import RNNRegressor, RNNStepClassifier, RNNStepRegressor
from sklearn_rnn.datasets import make_adding_problem, make_copy_task, make_echo

SEEDS = range(3)


def adding(cell, seed):
    X, y = make_adding_problem(5_000, n_steps=100, random_state=seed)
    X_new, y_new = make_adding_problem(1_000, n_steps=100, random_state=seed + 100)
    model = RNNRegressor(cell=cell, max_epochs=15, lr_scheduler="onecycle", random_state=seed)
    return np.mean((model.fit(X, y).predict(X_new) - y_new) ** 2)


def copy(seed):
    X, y = make_copy_task(30_000, n_copied=10, delay=30, random_state=seed)
    X_new, y_new = make_copy_task(1_000, n_copied=10, delay=30, random_state=seed + 100)
    model = RNNStepClassifier(
        hidden_size=128,
        embedding_size=16,
        lr=1e-2,
        max_epochs=8,
        random_state=seed,
    )
    return np.mean((model.fit(X, y).predict(X_new) == y_new)[:, -10:])


def echo_of_bits(seed):
    X, y = make_echo(500, n_steps=50, delay=10, random_state=seed)
    X_new, y_new = make_echo(500, n_steps=50, delay=10, random_state=seed + 100)
    return RNNStepClassifier(max_epochs=50, random_state=seed).fit(X, y).score(X_new, y_new)


def echo_of_numbers(seed):
    X = np.random.default_rng(seed).normal(size=(1_000, 50))
    y = np.zeros_like(X)
    y[:, 3:] = X[:, :-3]
    model = RNNStepRegressor(max_epochs=50, lr_scheduler="onecycle", random_state=seed)
    return model.fit(X[:500], y[:500]).score(X[500:], y[500:])


def cycle(seed):
    def windows(longest, n):
        begins, lengths = rng.integers(5, size=n), rng.integers(1, longest + 1, size=n)
        both = [(b + np.arange(n + 1)) % 5 for b, n in zip(begins, lengths, strict=True)]
        return [ids[:-1] for ids in both], [letters[ids[1:]] for ids in both]

    rng, letters = np.random.default_rng(seed), np.array(list("abcde"))
    X, y = windows(20, 100)
    model = RNNStepClassifier(embedding_size=4, max_epochs=30, random_state=seed).fit(X, y)
    return model.score(*windows(200, 100))


TASKS = {
    "adding problem, 100 steps, GRU: mean squared error": (lambda s: adding("gru", s), "< 0.01"),
    "adding problem, 100 steps, LSTM: mean squared error": (lambda s: adding("lstm", s), "< 0.01"),
    "copy task, delay 30: share of symbols": (copy, "> 0.99"),
    "echo of bits, delay 10: share of steps": (echo_of_bits, "> 0.99"),
    "echo of numbers, delay 3: R2": (echo_of_numbers, "> 0.99"),
    "cycle of letters, longer windows: share of steps": (cycle, "1"),
}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, (task, wanted) in TASKS.items():
        start = time.perf_counter()
        results = [task(seed) for seed in SEEDS]
        took = (time.perf_counter() - start) / len(results)
        each = ", ".join(f"{result:.4f}" for result in results)
        print(
            f"{name} {np.mean(results):.4f} (wanted {wanted}); by seed {each}; {took:.0f} s each",
            flush=True,
        )
