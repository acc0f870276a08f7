"""
What is in the picture?
=======================

A small grammar says of a handwritten digit how thick it is, which it is, and how it leans: "a thick
seven leaning left". Can a network learn to write such captions from the images alone, better than
by copying the caption of the nearest image?
"""

# %%
# The captions are made from the images: ink for thickness, the slant of its mass for the leaning.
import numpy as np
from sklearn.datasets import load_digits

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def caption(image, label):
    y, x = np.indices(image.shape)
    x, y = x - np.average(x, weights=image), y - np.average(y, weights=image)
    slant = (x * y * image).sum() / (y**2 * image).sum()
    thick = "thick " if image.mean() > 5.4 else "thin " if image.mean() < 4.3 else ""
    leaning = "" if abs(slant) < 0.12 else f" leaning {'left' if slant > 0 else 'right'}"
    return f"a {thick}{NUMBERS[label]}{leaning}"


images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
captions = [caption(image, label) for image, label in zip(images, labels, strict=True)]

# %%
# An image is read row by row, the caption is written word by word.
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from sklearn_rnn import RNNSeq2Seq

X, X_new, y, y_new = train_test_split(images, captions, random_state=0)
model = RNNSeq2Seq(
    level="word", hidden_size=64, num_layers=2, dropout=0.3, scaler="minmax", random_state=0
).fit(X, y)
nearest = KNeighborsClassifier(n_neighbors=1).fit(X.reshape(len(X), -1), y)
copied = nearest.score(X_new.reshape(len(X_new), -1), y_new)
print(f"captions of new images without a mistake: {model.score(X_new, y_new):.1%}")
print(f"words right: {model.token_accuracy(X_new, y_new):.1%}; captions copied: {copied:.1%}")

# %%
# Some new images with what was written for them; in red what the grammar would have put otherwise.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 4, figsize=(9, 5), layout="constrained")
for image, text, true, ax in zip(X_new, model.predict(X_new[:8]), y_new, axes.flat, strict=False):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(text, fontsize=9, color="black" if text == true else "tab:red")
    ax.set_axis_off()
