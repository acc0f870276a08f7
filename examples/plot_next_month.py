"""
How many passengers will there be next month?
=============================================

One step ahead on a monthly series of 144 values: too few for miracles, enough to beat the naive
answers. The network reads yearly growth, month after month, and predicts that of the next.
"""

# %%
# Logarithms turn growth by so many per cent into a difference, and a difference from the month a
# year before takes the season away. The first months have no year before them and are left out.
import numpy as np

from sklearn_rnn.datasets import load_airline

passengers = load_airline().rename("thousand passengers")
log = np.log(passengers)
X = log.to_frame()[11:-1]
y = log.diff(12).shift(-1)[11:-1]  # growth in the month that follows the row

# %%
# A window for each row keeps X and y aligned, so a plain scikit-learn pipeline will do. The first
# windows reach back before the series and hold NaN only: missing="mask" lets them be. With
# output="last_value" the network starts from "growth stays as it is" and learns what to add.
from sklearn.pipeline import make_pipeline

from sklearn_rnn import Differencer, RNNRegressor, SlidingWindow

settings = {"hidden_size": 16, "input_noise": 0.3, "lr_scheduler": "onecycle", "random_state": 0}
network = RNNRegressor(cell="gru", output="last_value", missing="mask", **settings)
model = make_pipeline(Differencer(lags=(12,)), SlidingWindow(window_length=12), network)

# %%
# Three years to predict: for each, the model is trained on all that came before it. Windows look
# back only, so it may be given all rows when it predicts those of the year.
from sklearn.model_selection import TimeSeriesSplit

growth = []
for train, test in TimeSeriesSplit(n_splits=3, test_size=12).split(X):
    model.fit(X.iloc[train], y.iloc[train])
    growth.extend(model.predict(X)[test])

# %%
# Back to passengers, beside answers that need no model. An error of one month's growth is, in
# logarithms, the error of the month itself: what is added back is known. Last year's month, grown
# as the month before, is hard to beat; a lead of less than one thousand is no more than luck.
from sklearn_rnn.plotting import WindowDisplay

truth = passengers[-36:]
year_before = passengers.shift(12)
answers = {
    "same as last month": passengers.shift(1),
    "same as last year": year_before,
    "last year, grown as last month": year_before * (passengers / year_before).shift(1),
    "network": year_before[-36:] * np.exp(growth),
}
for name, answer in answers.items():
    print(f"{name}: off by {(answer[-36:] - truth).abs().mean():.1f} thousand a month")
baseline = {"same as last year": year_before[-36:]}
WindowDisplay.from_predictions(truth, answers["network"], baselines=baseline)
