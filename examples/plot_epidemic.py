"""
An epidemic that fades
======================

Three counts by day, of which a few weeks are known, and a hundred days to come. A small network
that answers growth instead of numbers cannot go below zero: counts that fade come to rest there.
"""

# %%
# Totals of the confirmed, the cured and the dead. Those of China in early 2020 are read where the
# file is at hand; else an epidemic is generated. What is forecast is what each day adds.
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_rnn.datasets import make_epidemic

file, made = Path("../shared/data/covid19_china.tsv"), make_epidemic(75, random_state=0)
totals = pd.read_csv(file, sep="\t", index_col=0) if file.exists() else made
totals.index = pd.PeriodIndex(totals.index, freq="D")
daily = totals.set_axis(["confirmed", "cured", "dead"], axis=1).astype(float).diff().iloc[1:]

# %%
# Four layers of three units read windows of eight days, all three counts together, and answer by
# what share each of them changes: max((1 + f) * last, 0). ``scaler="series"`` lets them see how
# large the counts are, for a wave that ends does not move as one that begins. The forecaster feeds
# its answers back, day after day.
from skorch.callbacks import EarlyStopping

from sklearn_rnn.sktime import RNNForecaster

size = {"window_length": 8, "sp": 1, "hidden_size": 3, "num_layers": 4, "n_members": 1}
growth = {"output": "last_value_ratio", "scaler": "series", "loss": "squared_percentage_error"}
rates = {"optimizer": "adam", "lr": 0.01, "lr_scheduler": "plateau", "weight_averaging": None}
course = {"max_epochs": 500, "batches_per_epoch": None, "weight_decay": 0.0, "calibrate": False}
stop = EarlyStopping(monitor="train_loss", patience=200, sink=lambda text: None)
settings = {**size, **growth, **rates, **course, "callbacks": [("stop", stop)], "random_state": 0}
network = RNNForecaster(strategy="recursive", multivariate="joint", **settings).fit(daily)
forecast = np.floor(network.predict(fh=range(1, 101)))
print(f"{network.n_iter_} epochs; what a day adds:")
print(forecast.iloc[[0, 9, 29, 99]].astype(int).to_string())

# %%
# Totals, how training went, and what a day adds: seen (lines) and forecast (dashes).
import matplotlib.pyplot as plt

axes = plt.figure(figsize=(9, 6), layout="constrained").subplot_mosaic("AB;CC")
for name, color in zip(daily, ["#0072B2", "#009E73", "#D55E00"], strict=True):
    seen, ahead = daily[name].to_timestamp(), forecast[name].to_timestamp()
    axes["A"].plot(seen.cumsum().to_numpy() / 1000, color=color)
    axes["C"].plot(pd.concat([seen[-1:], ahead]), "--", color=color)
    axes["C"].plot(seen, color=color, label=name)
axes["A"].set(title="Totals since the first day [thousand]", xlabel="day")
axes["B"].plot(network.history_[:, "train_loss"], color="0.3")
axes["B"].set(title="Squared percentage error in training", xlabel="epoch", yscale="log")
axes["C"].set(title="A day adds", yscale="symlog", ylim=(0, None))
axes["C"].legend()
