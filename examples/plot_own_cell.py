"""
Can I bring a cell of my own?
=============================

Yes: write what happens in one time step, and hand the class to an estimator as ``cell=``. Here it
is the minimal gated unit, which does with one gate what a GRU does with two.
"""

# %%
# A step maps what is read, x (N, F), and the state, a tuple of (N, H), to the next state. Layers,
# directions, unequal lengths and pooling are the estimator's business.
import torch
from torch import nn

from sklearn_rnn import RecurrentCell


class MinimalGatedUnit(RecurrentCell):
    """Zhou et al. 2016, "Minimal gated unit for recurrent neural networks"."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.new = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, state):
        (h,) = state
        gate = torch.sigmoid(self.gate(torch.cat([x, h], dim=1)))
        new = torch.tanh(self.new(torch.cat([x, gate * h], dim=1)))
        return (torch.lerp(h, new, gate),)


# %%
# The task: the next value of two waves under noise. The noise alone makes an error of 0.08, so
# that is where every model must stop.
import numpy as np

from sklearn_rnn import RNNRegressor, make_windows
from sklearn_rnn.datasets import make_sine

noise = np.random.default_rng(0).normal(scale=0.1, size=1200)
series = make_sine(1200, spacing=0.3) + 0.5 * make_sine(1200, spacing=0.71) + noise
X, y = make_windows(series, window_length=20)

# %%
# Train on the first 900 windows, predict the others; the naive answer is the last value.
import matplotlib.pyplot as plt

from sklearn_rnn.plotting import TrainingHistoryDisplay

print(f"last value: off by {np.abs(X[900:, -1, 0] - y[900:]).mean():.3f}")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
for ax, cell in zip(axes, ["gru", MinimalGatedUnit], strict=True):
    model = RNNRegressor(cell=cell, hidden_size=32, max_epochs=30, random_state=0)
    error = np.abs(model.fit(X[:900], y[:900]).predict(X[900:]) - y[900:]).mean()
    name, size = getattr(cell, "__name__", cell), sum(p.numel() for p in model.module_.parameters())
    print(f"{name}: off by {error:.3f}, with {size} weights")
    TrainingHistoryDisplay.from_estimator(model, ax=ax, log_scale=True)
    ax.set_title(name)
