"""A layer over time, forwards and backwards, for one block of sequences.

A block is a few registers of sequences wide, and every array of it is *feature-major*: for each
step, for each unit, the numbers of all sequences lie side by side. So a lane of a register is a
sequence, hidden sizes and numbers of features are whatever they like, and blocks know nothing of
one another.

======== ===================== ==========================================================
array    shape                 holds
======== ===================== ==========================================================
x        (T, F, n)             inputs
states   (T + 1, H, n)         hidden states; the first before step 0
memory   (T + 1, H, n)         the same for the memory of an LSTM
gates    (T, S * H, n)         what the way back wants of each part
kept     (T, H, n)             and of each unit
weights  (S * H, H + 1 + F)    a row a part and unit: of the state, the bias, of the input
turned   (H + 1 + F, R)        the same transposed, in rows of R >= S * H (``turned_row``)
======== ===================== ==========================================================

n sequences of a block, T steps, F features, H hidden units, S parts. When nobody wants the way
back, two steps of `states` and `memory` take turns (``slots`` is 1, else -1).
"""

from __future__ import annotations

from types import SimpleNamespace

from sklearn_rnn.kernels.native.cells import Cell
from sklearn_rnn.kernels.native.emission import Array, Emitter, Float, Int
from sklearn_rnn.kernels.native.tiling import accumulate, rows_of_tile, widths

__all__ = ["BACKWARD", "FEW", "FORWARD", "write_backward", "write_forward"]

#: Features that are few: their gradients are summed lane by lane on the way, not by products.
FEW = 2

FORWARD = (
    "steps:n hidden:n features:n slots:n saves:n fresh:n weights "
    "x x_step:n states memory gates kept"
)
BACKWARD = (
    "steps:n hidden:n features:n fresh:n turned turned_row:n "
    "x x_step:n states memory gates kept "
    "d_state d_memory d_states lengths d_last d_x "
    "d_weights d_weights_row:n d_inputs d_inputs_row:n d_bias sums state_turned x_turned"
)


def write_forward(emitter: Emitter, cell: Cell, width: int) -> None:
    """Write ``forward_<width>``: all steps of a layer for a block of `width` registers.

    ``fresh`` says that the first state is zero, so that nothing needs to be multiplied by it.
    """
    n = width * emitter.lanes
    height = max(1, rows_of_tile(emitter, width) // len(cell.parts))
    with emitter.operation(f"forward_{width}", FORWARD) as a, emitter.loop(0, a.steps) as t:
        skips = emitter.builder.and_(t.compare("==", 0), a.fresh.compare("!=", 0))
        here = SimpleNamespace(
            before=(t & a.slots) * a.hidden * n,
            after=((t + 1) & a.slots) * a.hidden * n,
            x=a.x.at(t * a.x_step),
            reads=emitter.select(skips, emitter.int(0), a.hidden),
            gates=t * a.hidden * (len(cell.parts) * n),
            kept=t * a.hidden * n,
        )
        whole = a.hidden.multiple(height)
        with emitter.loop(0, whole, height) as first:
            _units_forward(emitter, cell, a, here, first, height, width)
        if height > 1:
            with emitter.loop(whole, a.hidden) as first:
                _units_forward(emitter, cell, a, here, first, 1, width)


def _units_forward(
    emitter: Emitter,
    cell: Cell,
    a: SimpleNamespace,
    here: SimpleNamespace,
    first: Int,
    count: int,
    width: int,
) -> None:
    """Write a step of some units: their sums in one tile, then the units themselves."""
    n, parts, row = width * emitter.lanes, cell.parts, a.hidden + 1 + a.features
    units = [first + u for u in range(count) for _ in parts]
    numbers = [part for _ in range(count) for part in range(len(parts))]
    rows = [a.weights.at((u + a.hidden * p) * row) for u, p in zip(units, numbers, strict=True)]
    sums = [[emitter.variable(r.spread(a.hidden)) for _ in range(width)] for r in rows]
    for reading, right, start, length in (
        ("reads_state", a.states.at(here.before), 0, here.reads),
        ("reads_input", here.x, a.hidden + 1, a.features),
    ):
        kept = [i for i, number in enumerate(numbers) if getattr(parts[number], reading)]
        left = [rows[i].at(start) for i in kept]
        accumulate(emitter, [sums[i] for i in kept], left, right, n, length)
    for u in range(count):
        mine = [emitter.join([v.get() for v in s]) for s in sums[u * len(parts) :][: len(parts)]]
        _unit_forward(emitter, cell, a, here, mine, (first + u) * n, n)


def _unit_forward(
    emitter: Emitter,
    cell: Cell,
    a: SimpleNamespace,
    here: SimpleNamespace,
    sums: list[Float],
    place: Int,
    n: int,
) -> None:
    """Write what becomes of a unit's sums."""
    width = n // emitter.lanes
    memory = a.memory.load(here.before + place, width) if cell.has_memory else None
    now = cell.forward(sums, a.states.load(here.before + place, width), memory)
    a.states.store(now.state, here.after + place)
    if cell.has_memory:
        a.memory.store(now.memory, here.after + place)
    if cell.has_gates:
        with emitter.when(a.saves.compare("!=", 0)):
            for part, gate in enumerate(now.gates):
                a.gates.store(gate, here.gates + a.hidden * (part * n) + place)
            if cell.has_kept:
                a.kept.store(now.kept, here.kept + place)


def write_backward(emitter: Emitter, cell: Cell, width: int) -> None:
    """Write ``backward_<width>``: back through all steps of a layer, for one block.

    ``d_state`` and ``d_memory`` (H, n) hold the gradients of the last state and become those of
    the first. ``d_states`` (T, H, n), if given, adds those of every step. With ``lengths`` (n,),
    ``d_last`` (H, n) enters each sequence at its own last step. ``d_x`` (T, F, n) is filled if
    given. Gradients of weights are added: ``d_weights`` (S * H, .) to the state's,
    ``d_inputs`` to the input's, and lane by lane ``d_bias`` (S * H, lanes); where features are
    few, ``d_inputs`` is (F, S * H, lanes). ``sums``, ``state_turned`` and ``x_turned`` are
    scratch.
    """
    n, lanes = width * emitter.lanes, emitter.lanes
    with emitter.operation(f"backward_{width}", BACKWARD) as a:
        few = emitter.select(a.features.compare("<=", FEW), a.features, emitter.int(0))
        rows = a.hidden * len(cell.parts)
        with emitter.loop(a.steps - 1, -1, -1) as t:
            here = SimpleNamespace(
                before=t * a.hidden * n,
                after=(t + 1) * a.hidden * n,
                gates=a.gates.at(t * rows * n) if cell.has_gates else None,
                x=a.x.at(t * a.x_step),
            )
            _add_outer_gradients(emitter, a, t, n)
            with emitter.loop(0, a.hidden) as unit:
                _unit_backward(emitter, cell, a, here, unit, width, few)
            with emitter.when(few.compare("<", a.features)):
                emitter.call("transpose", a.features, n, here.x, n, a.x_turned, a.d_inputs_row)
                for start, count in _runs(cell, "reads_input"):
                    left = a.sums.at(a.hidden * start * n)
                    result = a.d_inputs.at(a.hidden * start * a.d_inputs_row)
                    _weight_products(
                        emitter, left, n, a.hidden * count, a.x_turned, result, a.d_inputs_row
                    )
            with emitter.when(a.d_x.is_given()):
                d_x = a.d_x.at(t * a.features * n)
                with emitter.loop(0, a.features * n, lanes) as i:
                    d_x.store(emitter.constant(0.0), i)
                for start, count in _runs(cell, "reads_input"):
                    left = a.turned.at((a.hidden + 1) * a.turned_row + a.hidden * start)
                    right = a.sums.at(a.hidden * start * n)
                    emitter.call(
                        f"product_{width}",
                        *(a.features, a.hidden * count, left, a.turned_row, right, n, d_x, n),
                    )
            is_first = emitter.builder.and_(t.compare("==", 0), a.fresh.compare("!=", 0))
            with emitter.when(emitter.builder.not_(is_first)):
                ((start, count),) = _runs(cell, "reads_state")
                state = a.states.at(here.before)
                emitter.call("transpose", a.hidden, n, state, n, a.state_turned, a.d_weights_row)
                _weight_products(
                    *(emitter, a.sums, n, a.hidden * count),
                    *(a.state_turned, a.d_weights, a.d_weights_row),
                )
                emitter.call(
                    f"product_{width}",
                    *(a.hidden, a.hidden * count, a.turned, a.turned_row, a.sums, n, a.d_state, n),
                )


def _add_outer_gradients(emitter: Emitter, a: SimpleNamespace, t: Int, n: int) -> None:
    """Add what reaches the states after step t from outside the layer."""
    lanes = emitter.lanes
    with (
        emitter.when(a.d_states.is_given()),
        emitter.loop(0, a.hidden * n, lanes) as i,
    ):
        a.d_state.add(a.d_states.load(t * a.hidden * n + i), i)
    with emitter.when(a.lengths.is_given()):
        now = emitter.spread((t + 1).float())
        for c in range(0, n, lanes):
            ends = a.lengths.load(c).compare("==", now)
            with emitter.loop(0, a.hidden) as unit:
                place = unit * n + c
                last = emitter.select(ends, a.d_last.load(place), emitter.constant(0.0))
                a.d_state.add(last, place)


def _unit_backward(
    emitter: Emitter,
    cell: Cell,
    a: SimpleNamespace,
    here: SimpleNamespace,
    unit: Int,
    width: int,
    few: Int,
) -> None:
    """Write gradients of a unit's sums, and add those of its bias and of few features."""
    n, lanes, parts = width * emitter.lanes, emitter.lanes, range(len(cell.parts))
    place = unit * n
    gates = []
    if cell.has_gates:
        gates = [here.gates.load(a.hidden * n * p + place, width) for p in parts]
    seen = SimpleNamespace(
        state=a.states.load(here.before + place, width),
        after=a.states.load(here.after + place, width),
        memory=a.memory.load(here.before + place, width) if cell.has_memory else None,
        kept=a.kept.load(here.before + place, width) if cell.has_kept else None,
        gates=gates,
    )
    d_memory = a.d_memory.load(place, width) if cell.has_memory else None
    before = cell.backward(a.d_state.load(place, width), d_memory, seen)
    for part, gradient in enumerate(before.sums):
        a.sums.store(gradient, a.hidden * n * part + place)
        a.d_bias.add(emitter.fold(gradient), (unit + a.hidden * part) * lanes)
    nothing = before.sums[0].like(0.0)
    a.d_state.store(nothing if before.state is None else before.state, place)
    if cell.has_memory:
        a.d_memory.store(before.memory, place)
    with emitter.loop(0, few) as feature:
        x = here.x.load(feature * n, width)
        for part in parts:
            if cell.parts[part].reads_input:
                row = (feature * len(cell.parts) * a.hidden + unit + a.hidden * part) * lanes
                a.d_inputs.add(emitter.fold(before.sums[part] * x), row)


def _weight_products(
    emitter: Emitter, left: Array, length: int, rows: Int, right: Array, result: Array, row: Int
) -> None:
    """Add ``left @ right`` to the result, all of whose `row` columns are registers, by panels."""
    done = emitter.int(0)
    for width in widths(emitter.registers):
        whole = row.multiple(width * emitter.lanes)
        with emitter.loop(done, whole, width * emitter.lanes) as column:
            emitter.call(
                f"product_{width}",
                *(rows, length, left, length, right.at(column), row, result.at(column), row),
            )
        done = whole


def _runs(cell: Cell, reading: str) -> list[tuple[int, int]]:
    """Return first and number of neighbouring parts that read the state, or the input."""
    runs: list[tuple[int, int]] = []
    for number, part in enumerate(cell.parts):
        if getattr(part, reading):
            if runs and sum(runs[-1]) == number:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((number, 1))
    return runs
