"""The text of the benchmark, and the counts that it compares with."""

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LINES = ["abracadabra", "abrakadabra", "barbara", "cabaret", "abba"] * 2


@pytest.fixture
def text(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("text")


def test_the_text_is_long_the_same_each_time_and_held_out_apart(text):
    train, test = text.corpus()

    assert sum(map(len, train)) > 200_000
    assert text.corpus() == (train, test)
    assert not set(train) & set(test)
    assert set("".join(test)) <= set("".join(train))


def test_counts_from_tables_are_those_of_nltk(text):
    models = pytest.importorskip("nltk.lm")
    everygrams = importlib.import_module("nltk.util").everygrams

    found = text.kneser_ney(LINES, ["abracabra"], 3, [0.75])[0.75]

    pad, end = ("\0",) * 2, ("\1",)
    model = models.KneserNeyInterpolated(3, discount=0.75)
    grams = [g for line in LINES for g in everygrams((*pad, *line, *end), max_len=3)]
    model.fit([grams], vocabulary_text=["\0", "\1", *"".join(LINES)])
    line = (*pad, *"abracabra", *end)
    logs = [np.log2(model.score(line[i], line[i - 2 : i])) for i in range(2, len(line))]
    assert found == pytest.approx(-sum(logs) / 9)


def test_the_plain_loop_learns(text):
    options = {
        "cell": "gru", "hidden_size": 16, "num_layers": 1, "embedding_size": 8, "batch_size": 2,
        "window_length": 16, "lr": 0.02, "max_epochs": 1,
    }  # fmt: skip
    first, last = [0.0], [0.0]

    text.plain_loop(LINES * 4, options, first)(1)
    text.plain_loop(LINES * 4, {**options, "max_epochs": 20}, last)(1)

    assert last[0] < 0.7 * first[0]
