"""The tasks that benchmarks/seq2seq_tasks.py makes: what is asked, and what is right."""

import datetime
import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def tasks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("seq2seq_tasks")


def test_strings_are_different_and_of_3_to_12_letters(tasks):
    X, y = tasks.reversed_strings(200, seed=0)

    assert len(set(X)) == 200
    assert {len(text) for text in X} == set(range(3, 13))
    assert all(text == other[::-1] for text, other in zip(X, y, strict=True))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%A, %B {day}, %Y", "Monday, July 5, 2021"),
        ("the {day}{th} of %B %Y", "the 5th of July 2021"),
        ("{day} %b %Y", "5 Jul 2021"),
        ("%d.%m.%Y", "05.07.2021"),
        ("%m/%d/%Y", "07/05/2021"),
    ],
)
def test_dates_in_words(tasks, form, text):
    assert tasks.in_words(datetime.date(2021, 7, 5), form) == text


@pytest.mark.parametrize(("day", "th"), [(1, "1st"), (2, "2nd"), (11, "11th"), (23, "23rd")])
def test_days_have_their_endings(tasks, day, th):
    assert th in tasks.in_words(datetime.date(2021, 7, day), "%B the {day}{th}")


def test_days_of_dates_are_all_different(tasks):
    _, y = tasks.dates(500, seed=0)

    assert len(set(y)) == 500
    assert min(y) >= "1950-01-01"
    assert max(y) <= "2049-12-31"


def test_sums_are_right_and_different(tasks):
    X, y = tasks.sums(500, seed=0)

    assert len(set(X)) == 500
    for text, total in zip(X, y, strict=True):
        a, b = map(int, text.split("+"))
        assert a + b == int(total)
    assert {len(text.split("+")[0]) for text in X} == {1, 2, 3, 4}


def test_captions_say_how_an_image_leans_and_how_thick_it_is(tasks):
    upright, thin = np.zeros((8, 8)), np.zeros((8, 8))
    upright[:, 2:5] = 13.0
    thin[np.arange(8), np.arange(8)] = 16.0

    assert tasks.caption(upright, 1) == "a one"
    assert tasks.caption(2 * upright, 1) == "a thick one"
    assert tasks.caption(thin, 7) == "a thin seven leaning left"
    assert tasks.caption(thin[:, ::-1], 7) == "a thin seven leaning right"


def test_words_are_counted_at_their_places(tasks):
    assert tasks.token_accuracy(["a one", "a"], ["a one leaning left", "a"]) == 0.6
