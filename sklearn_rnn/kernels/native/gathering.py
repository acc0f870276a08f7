"""From a table of sequences, in whatever order, to blocks; see `recurrence` for their layout.

The table has all sequences of the data, steps after steps, a row of F numbers each; a batch is a
list of numbers of sequences. So data are never copied but into the block that is to be computed,
and sequences may overlap, as windows of a series do.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llvmlite import ir

from sklearn_rnn.kernels.native.emission import INTS, Array, Emitter, Float, Int, Ints
from sklearn_rnn.kernels.native.tiling import transposed

__all__ = ["ADVANCE", "GATHER", "LAST_STATES", "first_lanes", "least", "write_gathering"]

GATHER = "rows:n width:n steps:n features:n order starts lengths table x block_lengths"
ADVANCE = "count:n places steps"
LAST_STATES = "rows:n hidden:n width:n states lengths result"

#: Arguments of the procedure ``gather_rows``.
ROWS = "rows:n width:n count:n row:n order starts lengths table result"


def write_gathering(emitter: Emitter) -> None:
    """Write operations that fill blocks, and one that leads a tape from batch to batch.

    - ``gather``: lane l of a block gets sequence ``order[l]``, which begins at row
      ``starts[order[l]]`` of the table. With ``lengths``, a sequence is zero from its own length
      on, nothing behind it is read, and ``block_lengths[l]`` becomes its length as a float. Lanes
      without a sequence, from `rows` on, are zero. ``order``, ``starts`` and ``lengths`` are int64.
    - ``last_states``: of each sequence of a block the state at its own length, (H, n).
    - ``advance``: adds ``steps[i]`` to the int64 at address ``places[i]``; both are int64.

    The procedure ``gather_rows`` is what `gather` does but for the lengths: of each sequence at
    most `count` numbers, from ``table[starts * row]`` on; without `starts` those of sequence i
    begin at ``table[i * row]``.
    """
    with (
        emitter.procedure("gather_rows", ROWS) as a,
        emitter.loop(0, a.width, emitter.lanes) as first,
    ):
        _gather_lanes(emitter, a, first)
    with emitter.operation("gather", GATHER) as a:
        emitter.call(
            "gather_rows",
            *(a.rows, a.width, a.steps * a.features, a.features),
            *(a.order, a.starts, a.lengths, a.table, a.x),
        )
        with emitter.when(a.lengths.is_given()):
            with emitter.loop(0, a.rows) as lane:
                length = a.lengths.ints().number(a.order.ints().number(lane))
                a.block_lengths.store(length.float(), lane)
            with emitter.loop(a.rows, a.width) as lane:
                a.block_lengths.store(emitter.number(0.0), lane)
    with emitter.operation("last_states", LAST_STATES) as a, emitter.loop(0, a.rows) as lane:
        end = a.lengths.number(lane).int() * a.hidden * a.width + lane
        with emitter.loop(0, a.hidden) as unit:
            a.result.store(a.states.number(end + unit * a.width), unit * a.width + lane)
    with emitter.operation("advance", ADVANCE) as a, emitter.loop(0, a.count) as i:
        address = a.places.ints().number(i)
        argument = Ints(emitter, emitter.builder.inttoptr(address.value, INTS))
        argument.store(argument.number() + a.steps.ints().number(i))


def first_lanes(emitter: Emitter, count: Int) -> Any:
    """Return the condition that holds in the first `count` lanes."""
    numbers = [float(lane) for lane in range(emitter.lanes)]
    lanes = Float(emitter, ir.Constant(emitter.vector, numbers))
    return lanes.compare("<", emitter.spread(count.float()))


def least(emitter: Emitter, first: Int, second: Int) -> Int:
    """Return the smaller number."""
    return emitter.select(first.compare("<", second), first, second)


def _gather_lanes(emitter: Emitter, a: SimpleNamespace, first: Int) -> None:
    """Fill the lanes of one register: by squares as far as all sequences go, then one by one."""
    lanes = emitter.lanes
    # a lane without a sequence reads the last one, so that squares need no exceptions
    places = [_row(emitter, a, least(emitter, first + i, a.rows - 1)) for i in range(lanes)]
    shortest = a.count
    for _, own in places:
        shortest = least(emitter, shortest, own)
    done = emitter.select(shortest.compare("<", lanes), emitter.int(0), shortest)
    is_taken, nothing = first_lanes(emitter, a.rows - first), emitter.constant(0.0)
    with emitter.loop(0, done, lanes) as start:
        column = least(emitter, start, done - lanes)  # the last square overlaps the one before it
        square = [a.table.load(begin + column) for begin, _ in places]
        for i, turned in enumerate(transposed(emitter, square)):
            kept = emitter.select(is_taken, turned, nothing)
            a.result.store(kept, (column + i) * a.width + first)
    with emitter.when(done.compare("<", a.count)):
        with emitter.loop(done, a.count) as column:
            a.result.store(nothing, column * a.width + first)
        with emitter.loop(first, least(emitter, first + lanes, a.rows)) as lane:
            begin, own = _row(emitter, a, lane)
            with emitter.loop(done, own) as column:
                number = a.table.number(begin + column)
                a.result.store(number, column * a.width + lane)


def _row(emitter: Emitter, a: SimpleNamespace, lane: Int) -> tuple[Int, Int]:
    """Return where the sequence of a lane begins in the table, and how many numbers are read."""
    sequence = a.order.ints().number(lane)
    start = _number_if_given(emitter, a.starts, sequence, a.order, sequence)
    most = emitter.select(a.lengths.is_given(), a.row, a.count)
    own = _number_if_given(emitter, a.lengths, sequence, a.order, emitter.int(1)) * most
    return start * a.row, least(emitter, own, a.count)


def _number_if_given(
    emitter: Emitter, array: Array, place: Int, readable: Array, otherwise: Int
) -> Int:
    """Return ``array[place]``, or another number if there is no array, without a branch."""
    builder, is_given = emitter.builder, array.is_given()
    pointer = builder.select(is_given, array.ints().pointer, readable.ints().pointer)
    place = emitter.select(is_given, place, emitter.int(0))
    return emitter.select(is_given, Ints(emitter, pointer).number(place), otherwise)
