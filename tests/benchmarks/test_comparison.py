"""Turns, and the table of ratios, on seconds that are known."""

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def comparison(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("comparison")


def both_clocks(*seconds):
    return np.repeat(np.array(seconds)[:, np.newaxis], 2, axis=1)


def test_each_round_does_the_work_of_every_side_and_begins_with_another(comparison):
    done = []
    sides = [
        comparison.Side(lambda times: done.append(("a", times)), 3),
        comparison.Side(lambda times: done.append(("b", times)), 7),
    ]
    seconds = comparison.in_turn(sides, 3)
    assert done == [("a", 3), ("b", 7), ("b", 7), ("a", 3), ("a", 3), ("b", 7)]
    assert seconds.shape == (3, 2, 2)


def test_seconds_are_those_of_one_piece_of_work(comparison, monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(comparison.time, "thread_time", lambda: 8 * next(now))
    monkeypatch.setattr(comparison.time, "perf_counter", lambda: 8 * next(now))
    # each clock is read before and after, so that two of four readings lie between
    assert comparison.in_turn([comparison.Side(lambda times: None, 4)], 1).tolist() == [[[4, 4]]]


def test_the_ratio_is_the_median_of_the_rounds(comparison, capsys):
    table = comparison.Table("steps")
    # ratios of the rounds: 2, 30, 3
    table.add("rnn", both_clocks(1.0, 0.1, 1.0), both_clocks(2.0, 3.0, 3.0), wanted=2.5, aim=4)
    table.close()
    out = capsys.readouterr().out
    assert "rnn" in out
    assert " 3.00 " in out
    assert out.rstrip().endswith("2.5 (aim 4)\n  1 of 1 reached")


def test_what_falls_short_is_said(comparison, capsys):
    table = comparison.Table("steps")
    table.add("slow", both_clocks(1.0), both_clocks(1.5), wanted=2)
    table.add("not asked", both_clocks(1.0), both_clocks(1.5))
    table.limit("too long", 0.2, 0.05)
    table.limit("short enough", 0.02, 0.05)
    table.close()
    lines = capsys.readouterr().out.splitlines()
    marked = [line.split("  ")[0] for line in lines if line.endswith("not reached")]
    assert marked == ["slow", "too long"]
    assert lines[-1] == "  1 of 3 reached"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.34, "12.3 s"), (0.05, "50 ms"), (0.00123, "1.23 ms"), (4.5e-5, "45 us")],
)
def test_durations_have_a_fitting_unit(comparison, seconds, text):
    assert comparison.duration(seconds) == text
