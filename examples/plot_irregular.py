"""
From irregular dates to a forecast, and back
============================================

Airline passengers with irregular dates, step by step to a network; then its answers back.
"""

# %%
# Each value of a monthly series is moved to some day of its month, and some are lost, to be as raw
# as measurements are. The last two years are put aside first: no step below sees them.
import numpy as np
import pandas as pd

from sklearn_rnn.datasets import load_airline

truth, rng = load_airline(), np.random.default_rng(0)
days = pd.to_timedelta(rng.integers(0, 28, size=144), unit="D")
raw = pd.Series(truth.to_numpy(), truth.index.to_timestamp() + days)[rng.random(144) > 0.15]
past, future = raw[:"1958"], raw["1959":]

# %%
# Four steps. Logarithms come before the gaps are filled, for growth is by so many per cent.
from sklearn_rnn import Differencer, Resampler, RNNRegressor, SequenceScaler, make_windows

months = Resampler("MS", fill="time").fit_transform(np.log(past).to_frame())
differencer, scaler = Differencer(lags=(12,), rows="drop"), SequenceScaler()
growth = differencer.fit_transform(months)
scaled = scaler.fit_transform(growth)
X, y = make_windows(scaled, window_length=12, horizon=24)

# %%
# The network answers 24 months; its errors in training, added to that, make sample paths. All go
# back through the same two inverses, which have kept what they need to know.
network = RNNRegressor(cell="gru", output="last_value", max_epochs=30, random_state=0).fit(X, y)
answer = network.predict(scaled.to_numpy()[np.newaxis, -12:])  # (1, 24)
drawn = answer + (y - network.predict(X))[rng.integers(len(y), size=60)]  # (60, 24)
paths = scaler.inverse_transform(np.concatenate([answer, drawn]), columns=0)[:, :, np.newaxis]
back = np.exp(differencer.inverse_transform(paths))[:, :, 0].T  # (24, 61)
for name, guess in {"network": back[:, 0], "as last year": np.tile(truth["1958"], 2)}.items():
    print(f"{name}: off by {np.abs(guess - truth['1959':]).mean():.0f} thousand a month")

# %%
# The series as it came, after each step, and after the way back. Circles are months filled in.
import matplotlib.pyplot as plt

titles = ["As it came [thousand]", "Resampler: a value a month", "Differencer: growth in a year"]
titles += ["SequenceScaler; the last window and its answer", "The way back [thousand]"]
filled = np.exp(months)[Resampler("MS").fit_transform(past).isna()]
ahead = pd.date_range("1959", periods=24, freq="MS")
axes = plt.figure(figsize=(8, 11), layout="constrained").subplots(5, sharex=True)
for i, series in enumerate([past, np.exp(months), growth, scaled, past]):
    axes[i].plot(series, "." if series is past else ".-", color="#0072B2", lw=0.8)
    axes[i].set_title(f"{i + 1}. {titles[i]}", loc="left")
axes[1].plot(filled, "o", color="#D55E00", mfc="none")
axes[3].axvspan(*scaled.index[[-12, -1]], color="0.9")
axes[3].plot(ahead, answer[0], color="#D55E00")
axes[4].plot(ahead, back[:, 1:], color="#D55E00", lw=0.4, alpha=0.3)
axes[4].plot(ahead, back[:, 0], color="#D55E00", label="forecast, and sample paths around it")
axes[4].plot(future, "k.", ms=4, label="what came")
axes[4].legend(loc="upper left")
