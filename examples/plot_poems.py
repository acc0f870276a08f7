"""
Can it write a poem of a given shape?
=====================================

Yes, and keep the shape exactly: a constraint says at each place which characters may follow, and
the model chooses among these.
"""

# %%
# A small world of lines such as "spring wind crosses blue hills": two words of two characters and
# a verb between them. A poem has four of them.
import numpy as np

NOUNS = ["春风", "夏日", "秋月", "冬雪", "青山", "白云", "流水", "孤舟", "寒江", "落花"]
VERBS = list("照过入落依")

rng = np.random.default_rng(0)


def line():
    return rng.choice(NOUNS) + rng.choice(VERBS) + rng.choice(NOUNS)


poems = ["\n".join(line() for _ in range(4)) + "\n" for _ in range(400)]

# %%
# A model of characters learns what a line is like. Nobody tells it what a word is.
from sklearn_rnn import FixedLines, RNNLanguageModel

model = RNNLanguageModel(hidden_size=64, window_length=24, max_epochs=12, random_state=0)
model.fit(poems[:360])
print(f"perplexity of new poems: {model.perplexity(poems[360:]):.2f}")

# %%
# Four lines of five characters that begin with the names of the seasons.
shape = FixedLines(set("".join(NOUNS + VERBS)), [5] * 4, first="春夏秋冬")
written = model.generate(n_samples=50, temperature=0.7, constraint=shape, random_state=0)
print(written[0])

# %%
# All of them keep the shape, whatever the model; that lines are lines of this world it has learned.
lines = [line for text in written for line in text.split()]
in_shape = [
    [len(line) for line in text.split()] == [5] * 4
    and "".join(line[0] for line in text.split()) == "春夏秋冬"
    for text in written
]
good = [line[:2] in NOUNS and line[2] in VERBS and line[3:] in NOUNS for line in lines]
print(f"{np.mean(in_shape):.0%} keep the shape, {np.mean(good):.0%} of the lines make sense")

# %%
# How it learned: the loss of a character by epoch.
from sklearn_rnn.plotting import TrainingHistoryDisplay

display = TrainingHistoryDisplay.from_estimator(model)
