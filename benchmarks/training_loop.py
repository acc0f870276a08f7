"""How long a fit takes beside a lean loop in plain torch, and beside plain skorch.

The same LSTM with a linear head, windows, batch, Adam and number of epochs on all sides, in one
process and one thread, taken in turn; medians of ratios round by round. Neither side clips
gradients or validates.

    python benchmarks/training_loop.py
"""

import argparse
import platform
import time
import warnings

import numpy as np
import torch
from skorch import NeuralNetRegressor
from torch import nn

from sklearn_rnn import RNNRegressor, make_windows

BATCH, WINDOW, WINDOWS = 64, 24, 10_000


class Network(nn.Module):
    """What a user of torch would write."""

    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def lean_loop(X, y, hidden_size, epochs):
    x, target = (
        torch.from_numpy(X.astype(np.float32)),
        torch.from_numpy(y.astype(np.float32))[:, None],
    )
    network, loss = Network(hidden_size), nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(network(x[index]), target[index]).backward()
            optimizer.step()


def plain_skorch(X, y, hidden_size, epochs):
    net = NeuralNetRegressor(
        Network,
        module__hidden_size=hidden_size,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit(X.astype(np.float32), y.astype(np.float32)[:, None])


def ours(X, y, hidden_size, epochs):
    RNNRegressor(
        cell="lstm",
        hidden_size=hidden_size,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=BATCH,
        gradient_clip_value=None,
        scaler=None,
        n_threads=1,
        random_state=0,
    ).fit(X, y)


SIDES = {"ours": ours, "lean torch loop": lean_loop, "plain skorch": plain_skorch}


def seconds(side, *arguments):
    start = time.perf_counter()
    side(*arguments)
    return time.perf_counter() - start


def main(rounds, epochs):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    series = np.sin(0.1 * np.arange(WINDOWS + WINDOW)) + np.random.default_rng(0).normal(
        0, 0.1, WINDOWS + WINDOW
    )
    X, y = make_windows(series, WINDOW)
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    print(f"{len(X)} windows of {WINDOW}, batch {BATCH}, {epochs} epochs, {rounds} rounds")
    for hidden_size in (16, 64):
        for side in SIDES.values():
            side(X[:1000], y[:1000], hidden_size, 1)
        times = np.array(
            [
                [seconds(side, X, y, hidden_size, epochs) for side in SIDES.values()]
                for _ in range(rounds)
            ]
        )
        ratios = times[:, 1:] / times[:, :1]
        print(
            f"hidden {hidden_size}: "
            + ", ".join(
                f"{name} {1e6 * t / epochs / (len(X) / BATCH):.0f} us a batch"
                for name, t in zip(SIDES, np.median(times, axis=0), strict=True)
            )
        )
        print(
            f"  ours takes {np.median(1 / ratios[:, 0]):.2f} times the lean loop; "
            f"plain skorch takes {np.median(ratios[:, 1]):.2f} times ours"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.epochs)
