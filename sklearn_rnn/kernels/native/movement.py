"""Between rows of sequences, as torch has them, and blocks of the kernels; see `recurrence`."""

from __future__ import annotations

from sklearn_rnn.kernels.native.emission import Emitter

__all__ = ["ADD", "ENDS", "FILL", "TURN", "write_movement"]

FILL = "count:n target"
ADD = "count:n source target"
TURN = (
    "steps:n rows:n columns:n source source_row:n source_step:n result result_row:n result_step:n"
)
ENDS = "rows:n hidden:n width:n states lengths result"


def write_movement(emitter: Emitter) -> None:
    """Write operations that move numbers.

    - ``fill``: zeros; ``add``: one array to another. Both count whole registers.
    - ``turn``: the transpose of a matrix, for each of several steps.
    - ``ends``: of each sequence of a block the state at its own length.
    """
    lanes = emitter.lanes
    with emitter.operation("fill", FILL) as a, emitter.loop(0, a.count, lanes) as i:
        a.target.store(emitter.constant(0.0), i)
    with emitter.operation("add", ADD) as a, emitter.loop(0, a.count, lanes) as i:
        a.target.add(a.source.load(i), i)
    with emitter.operation("turn", TURN) as a, emitter.loop(0, a.steps) as t:
        source, result = a.source.at(t * a.source_step), a.result.at(t * a.result_step)
        emitter.call("transpose", a.rows, a.columns, source, a.source_row, result, a.result_row)
    with emitter.operation("ends", ENDS) as a, emitter.loop(0, a.rows) as lane:
        end = a.lengths.number(lane).int() * a.hidden * a.width
        with emitter.loop(0, a.hidden) as unit:
            state = a.states.number(end + unit * a.width + lane)
            a.result.store(state, lane * a.hidden + unit)
