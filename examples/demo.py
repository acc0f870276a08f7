"""The main job on real data: who speaks these vowels, and how many fly next month?

`make demo` runs this. It prints a table of our answers beside simpler ones, and writes three
pictures into ``demo_output``. The settings for the airline were chosen while looking at the years
they are shown on, so that error is optimistic; see `plot_next_month.py` for a harder baseline.
"""

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rnn import Differencer, RNNClassifier, RNNRegressor, SequenceScaler, SlidingWindow
from sklearn_rnn.datasets import load_airline, load_classification
from sklearn_rnn.plotting import TrainingHistoryDisplay, WindowDisplay

OUTPUT = Path("demo_output")


def save(name):
    """Write the current picture, and say where."""
    OUTPUT.mkdir(exist_ok=True)
    plt.savefig(OUTPUT / name, dpi=120, bbox_inches="tight")
    plt.close()
    return str(OUTPUT / name)


def speakers():
    """Classify 370 utterances, 7 to 29 steps of 12 features, by one of nine speakers."""
    X, y = load_classification("JapaneseVowels", "train")
    X_new, y_new = load_classification("JapaneseVowels", "test")
    model = make_pipeline(SequenceScaler(), RNNClassifier(random_state=0))
    grid = {"rnnclassifier__max_epochs": [30, 60], "rnnclassifier__hidden_size": [32, 64]}
    # two workers, one thread each
    search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)

    def table(sequences):
        """Utterances as rows of a table: padded with zeros to the longest of all, 29 steps."""
        return np.array([np.pad(x, ((0, 29 - len(x)), (0, 0))).ravel() for x in sequences])

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(table(X), y)
    guess = DummyClassifier().fit(X, y)
    rows = [
        ("vowels", "RNNClassifier, grid search", "accuracy", search.score(X_new, y_new)),
        ("vowels", "logistic regression, flattened", "accuracy", linear.score(table(X_new), y_new)),
        ("vowels", "most frequent speaker", "accuracy", guess.score(X_new, y_new)),
    ]
    ConfusionMatrixDisplay.from_estimator(
        search, X_new, y_new, cmap="Blues", colorbar=False
    ).ax_.set_title(f"Speakers of 370 new utterances, {search.score(X_new, y_new):.1%} right")
    pictures = [save("speakers.png")]
    TrainingHistoryDisplay.from_estimator(search.best_estimator_[-1]).ax_.set_title(
        "Learning to tell nine speakers apart"
    )
    return rows, [*pictures, save("training.png")]


def passengers():
    """Predict the next month from those before it, for three years, one year at a time."""
    series = load_airline().rename("thousand passengers")
    log = np.log(series)
    X = log.to_frame()[11:-1]
    y = log.diff(12).shift(-1)[11:-1]  # growth over a year, in the month after the row
    model = make_pipeline(
        Differencer(lags=(12,)),
        SlidingWindow(window_length=12),
        RNNRegressor(
            cell="gru",
            hidden_size=16,
            output="last_value",
            missing="mask",  # the first windows reach back before the series
            input_noise=0.3,
            lr_scheduler="onecycle",
            random_state=0,
        ),
    )
    growth = [
        model.fit(X.iloc[past], y.iloc[past]).predict(X.iloc[future])
        for past, future in TimeSeriesSplit(n_splits=3, test_size=12).split(X)
    ]
    truth, year_before = series[-36:], series.shift(12)[-36:]
    answers = {
        "RNNRegressor, one step ahead": year_before * np.exp(np.concatenate(growth)),
        "naive: same as last month": series.shift(1)[-36:],
        "seasonal naive: same as last year": year_before,
    }
    errors = {name: float((answer - truth).abs().mean()) for name, answer in answers.items()}
    ours, naive, seasonal = answers.values()
    WindowDisplay.from_predictions(
        truth, ours, baselines={"last month": naive, "last year": seasonal}
    ).ax_.set_title("Airline passengers: one month ahead, trained on the past only")
    rows = [("airline", name, "mean absolute error", error) for name, error in errors.items()]
    return rows, [save("passengers.png")]


def main():
    """Do both, and print the table."""
    start = time.perf_counter()
    results, pictures = [], []
    for task in (speakers, passengers):
        rows, drawn = task()
        results.extend(rows)
        pictures.extend(drawn)
    print(f"{'data':8} {'method':36} {'measure':20} {'value':>8}")
    for data, method, measure, value in results:
        print(f"{data:8} {method:36} {measure:20} {value:8.3f}")
    print(f"\n{time.perf_counter() - start:.0f} s; pictures: {', '.join(pictures)}")


if __name__ == "__main__":
    main()
