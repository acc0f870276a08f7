"""
What is the machine doing?
==========================

A machine idles, runs or is stuck. Its two sensors say little at any one moment; how they move says
more. Which state is it in, at every second?
"""

# %%
# States follow one another at random. A machine that runs shakes slowly, one that is stuck shakes
# as much, but faster: only the order of the values tells.
import numpy as np

STATES = np.array(["idle", "runs", "stuck"])
rng = np.random.default_rng(0)


def shift(n_steps):
    changes = rng.uniform(size=n_steps) < 0.04
    state = (rng.integers(3) + np.cumsum(changes * rng.integers(1, 3, size=n_steps))) % 3
    phase = np.cumsum(np.array([0.0, 0.5, 1.1])[state])
    shaking = (state > 0)[:, None] * np.stack([np.sin(phase), np.cos(phase)], axis=1)
    return shaking + 0.5 * rng.normal(size=(n_steps, 2)), STATES[state]


X, y = zip(*[shift(rng.integers(80, 200)) for _ in range(120)], strict=True)
X_new, y_new = zip(*[shift(150) for _ in range(40)], strict=True)

# %%
# One moment by itself does not tell, whatever is made of it.
from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(random_state=0).fit(np.concatenate(X), np.concatenate(y))
baseline = forest.score(np.concatenate(X_new), np.concatenate(y_new))

# %%
# The first network knows the past of each moment, the second its future as well.
from sklearn_rnn import RNNStepClassifier

online = RNNStepClassifier(hidden_size=32, lr=0.02, max_epochs=15, random_state=0).fit(X, y)
afterwards = RNNStepClassifier(
    hidden_size=32, bidirectional=True, lr=0.02, max_epochs=15, random_state=0
).fit(X, y)
print(
    f"right at {baseline:.0%} of all seconds by the moment alone, {online.score(X_new, y_new):.0%} "
    f"at once, {afterwards.score(X_new, y_new):.0%} afterwards"
)

# %%
# One shift: what the network thinks at each second, and the truth above it.
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.stackplot(np.arange(150), online.predict_proba(X_new[:1])[0].T, labels=online.classes_)
numbers = np.searchsorted(online.classes_, y_new[0])
ax.scatter(np.arange(150), np.full(150, 1.05), c=[f"C{i}" for i in numbers], marker="s", s=9)
ax.set(xlabel="second", ylabel="probability (truth above)", xlim=(0, 149))
fig.legend(*ax.get_legend_handles_labels(), loc="outside right upper")
