"""
Who is speaking?
================

Nine men say the same two vowels. A recording is a sequence of steps of 12 numbers, and the label
is the speaker. Does the order of the steps tell more than their mean?
"""

# %%
# Recordings differ in length, so X is a list of arrays (T_i, 12). Nothing needs to be padded.
from sklearn_rnn.datasets import load_classification

X_train, y_train = load_classification("JapaneseVowels", "train")
X_test, y_test = load_classification("JapaneseVowels", "test")
lengths = [len(x) for x in X_train]
print(f"{len(X_train)} recordings to learn from, of {min(lengths)} to {max(lengths)} steps")

# %%
# The baseline knows the mean of each of the 12 channels, and nothing about order.
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

baseline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
baseline.fit([x.mean(axis=0) for x in X_train], y_train)
baseline_score = baseline.score([x.mean(axis=0) for x in X_test], y_test)

# %%
# The network reads the recordings as they are. Twenty epochs are enough here; the default of a
# hundred takes five times as long.
from sklearn_rnn import RNNClassifier

model = RNNClassifier(max_epochs=20, random_state=0).fit(X_train, y_train)
score = model.score(X_test, y_test)
print(f"right among {len(X_test)} new recordings: {score:.1%} (means alone: {baseline_score:.1%})")

# %%
# What is mistaken for what: rows are the speakers, columns the answers.
from sklearn.metrics import ConfusionMatrixDisplay

ConfusionMatrixDisplay.from_predictions(
    y_test, model.predict(X_test), cmap="Blues", colorbar=False
).ax_.set(xlabel="answer", ylabel="speaker")
