"""Dropout of a block: what is left of each unit of each sequence, the same at all steps."""

from __future__ import annotations

from sklearn_rnn.kernels.native.emission import Emitter

__all__ = ["DROP", "write_dropout"]

DROP = "steps:n count:n source factors result"


def write_dropout(emitter: Emitter) -> None:
    """Write ``drop``: result = source times factors, `count` whole registers at each of the steps.

    It is its own way back. The result may lie where the source does.
    """
    with (
        emitter.operation("drop", DROP) as a,
        emitter.loop(0, a.steps) as t,
        emitter.loop(0, a.count, emitter.lanes) as i,
    ):
        place = t * a.count + i
        a.result.store(a.source.load(place) * a.factors.load(i), place)
