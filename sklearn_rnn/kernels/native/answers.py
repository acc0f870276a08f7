"""From the states of one sequence to an answer: poolings and a linear map.

States are those of `one_sequence`: rows (T, D, P) whose D directions are filled up to P numbers, a
whole number of registers, by zeros. Poolings are those of `sklearn_rnn.modules.pooling`. Each
writes the H numbers of a direction, and zeros behind them up to P, over which the next one writes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sklearn_rnn.kernels.native.emission import Array, Emitter, Float, Int, Variable
from sklearn_rnn.kernels.native.functions import exp

__all__ = ["LINEAR_ONE", "POOL_ONE", "SCORES_ONE", "write_answers"]

#: `states` begins with the first step of a direction, and rows lie `row` numbers apart.
POOL_ONE = "steps:n vectors:n row:n states scores result"
SCORES_ONE = "steps:n hidden:n directions:n group_step:n row:n states weight bias scores"
LINEAR_ONE = "rows:n columns:n weight bias x result"


def write_answers(emitter: Emitter) -> None:
    """Write ``mean``, ``max``, ``weighted``, ``scores`` and ``linear``.

    ``weighted`` is the mean with the weights in ``scores`` (T,), which the operation of that name
    makes of states for it. The last state is the mean over one step.
    """
    for name, add in (("mean", _add), ("max", _larger), ("weighted", _add_weighted)):
        with emitter.operation(name, POOL_ONE) as a:
            _write_pooling(emitter, a, name, add)
    with emitter.operation("scores", SCORES_ONE) as a:
        _write_scores(emitter, a)
    with emitter.operation("linear", LINEAR_ONE) as a, emitter.loop(0, a.rows) as row:
        total = _dot(emitter, a.weight.at(row * a.columns), a.x, a.columns)
        a.result.store(total + a.bias.number(row), row)


def _write_pooling(emitter: Emitter, a: SimpleNamespace, name: str, add: Any) -> None:
    with emitter.loop(0, a.vectors * emitter.lanes, emitter.lanes) as place:
        start = a.states.load(place) if name == "max" else emitter.constant(0.0)
        total = emitter.variable(start)
        with emitter.loop(0, a.steps) as t:
            add(total, a.states.load(t * a.row + place), a.scores, t)
        result = total.get()
        a.result.store(result / a.steps.float() if name == "mean" else result, place)


def _add(total: Variable, state: Float, scores: Array, t: Int) -> None:
    total.add(state)


def _add_weighted(total: Variable, state: Float, scores: Array, t: Int) -> None:
    total.add(state * scores.spread(t))


def _larger(total: Variable, state: Float, scores: Array, t: Int) -> None:
    """Keep the larger number; NaN wins over all, and stays."""
    emitter, before = total.emitter, total.get()
    is_number = before.compare("==", before)
    wins = emitter.builder.not_(state.compare("<=", before))
    total.set(emitter.select(emitter.builder.and_(is_number, wins), state, before))


def _write_scores(emitter: Emitter, a: SimpleNamespace) -> None:
    """Write a linear score for each step, and make a softmax of them all."""
    bias = a.bias.number(0)
    largest = emitter.variable(emitter.number(float("-inf")))
    with emitter.loop(0, a.steps) as t:
        score = emitter.variable(bias)
        with emitter.loop(0, a.directions) as d:
            state = a.states.at(t * a.row + d * a.group_step)
            score.add(_dot(emitter, a.weight.at(d * a.hidden), state, a.hidden))
        a.scores.store(score.get(), t)
        _larger(largest, score.get(), a.scores, t)
    total = emitter.variable(emitter.number(0.0))
    with emitter.loop(0, a.steps) as t:
        weight = exp(a.scores.number(t) - largest.get())
        a.scores.store(weight, t)
        total.add(weight)
    inverse = 1.0 / total.get()
    with emitter.loop(0, a.steps) as t:
        a.scores.store(a.scores.number(t) * inverse, t)


def _dot(emitter: Emitter, left: Array, right: Array, count: Int) -> Float:
    """Return the scalar product of two arrays."""
    lanes, wide, rest = emitter.lanes, emitter.variable(0.0), emitter.variable(emitter.number(0.0))
    whole = count.multiple(lanes)
    with emitter.loop(0, whole, lanes) as i:
        wide.add(left.load(i) * right.load(i))
    with emitter.loop(whole, count) as i:
        rest.add(left.number(i) * right.number(i))
    return wide.get().total() + rest.get()
