"""A layer over one sequence: lanes of a register are hidden units.

With one sequence the kernels of `recurrence` would leave all lanes but one empty. Here a register
holds one number for each of some neighbouring units, a *unit vector*; V of them hold all H units,
the last filled up with units whose weights are zero, and which therefore stay zero.

Weights lie as they are read. For each unit vector there is a block of registers:

====== ================== =====================================================
begins registers          holds
====== ================== =====================================================
first  S                  bias of each part
then   F * those of input for each feature, weights of the parts that read it
then   K * those of state for each unit of the state before, weights likewise
====== ================== =====================================================

S parts, F features, K the hidden units rounded up to a multiple of `SPLITS`. See `cells` for parts.
"""

from __future__ import annotations

from types import SimpleNamespace

from sklearn_rnn.kernels.native.cells import Cell
from sklearn_rnn.kernels.native.emission import Array, Emitter, Float, Int, Variable
from sklearn_rnn.kernels.native.gathering import least

__all__ = [
    "CHUNK",
    "FORWARD_ONE",
    "PACK_ONE",
    "SPLITS",
    "packed_size",
    "write_forward_one",
    "write_pack_one",
]

FORWARD_ONE = (
    "steps:n vectors:n hidden:n features:n weights x x_step:n states states_step:n "
    "first_memory memory sums"
)
PACK_ONE = (
    "vectors:n hidden:n groups:n group:n group_step:n weight_ih weight_hh bias_ih bias_hh "
    "seen_weight_ih seen_weight_hh seen_bias_ih seen_bias_hh weights"
)

#: Steps whose input side is computed at once, before the state is carried through them.
CHUNK = 16

#: Features whose products are added up before they are added to others.
SUMMANDS = 64

#: The most sums that one long sum is split into, so that additions need not wait for one another.
SPLITS = 4


def packed_size(cell: Cell, lanes: int, hidden: int, features: int) -> int:
    """Return how many numbers `weights` holds."""
    vectors = -(-hidden // lanes)
    units = -(-hidden // SPLITS) * SPLITS
    reading = features * _count(cell, "reads_input") + units * _count(cell, "reads_state")
    return vectors * lanes * (len(cell.parts) + reading)


def write_forward_one(emitter: Emitter, cell: Cell) -> None:
    """Write ``forward``: all steps of a layer over one sequence.

    Rows of ``x`` (T, F) and of ``states`` (T + 1, V * lanes) lie ``x_step`` and ``states_step``
    numbers apart, which may be negative: then a sequence is read from its end. The first row of
    ``states`` is the state before step 0. The memory of an LSTM begins as ``first_memory``
    and ends in ``memory`` (V * lanes each). ``sums`` (CHUNK, V, S, lanes) is scratch.
    """
    _write_inputs(emitter, cell)
    lanes, parts = emitter.lanes, len(cell.parts)
    with emitter.operation("forward", FORWARD_ONE) as a:
        if cell.has_memory:
            with emitter.loop(0, a.vectors * lanes, lanes) as i:
                a.memory.store(a.first_memory.load(i), i)
        with emitter.loop(0, a.steps, CHUNK) as begin:
            count = least(emitter, a.steps - begin, emitter.int(CHUNK))
            x = a.x.at(begin * a.x_step)
            sizes = (count, a.vectors, a.hidden, a.features)
            emitter.call("inputs", *sizes, a.weights, x, a.x_step, a.sums)
            with emitter.loop(0, count) as step:
                before = a.states.at((begin + step) * a.states_step)
                here = SimpleNamespace(
                    before=before,
                    after=before.at(a.states_step),
                    sums=a.sums.at(step * a.vectors * (parts * lanes)),
                )
                done = emitter.int(0)
                for count_at_once in _groups(emitter, cell):
                    whole = a.vectors.multiple(count_at_once)
                    with emitter.loop(done, whole, count_at_once) as vector:
                        _write_units(emitter, cell, a, here, vector, count_at_once)
                    done = whole


def write_pack_one(emitter: Emitter, cell: Cell) -> None:
    """Write ``pack``: from torch's parameters to ``weights``, if they have changed.

    They are compared with the ``seen_`` copies of the last time, which costs little: a prediction
    reads all weights once for each step. Features may lie in groups with gaps between them: the
    first of each ``group`` is ``group_step`` behind that of the one before.
    """
    with emitter.operation("pack", PACK_ONE) as a:
        gates = 1 + max(part.gate for part in cell.parts)
        rows = a.hidden * gates
        features = a.groups * a.group
        arrays = (
            (a.weight_ih, a.seen_weight_ih, rows * features),
            (a.weight_hh, a.seen_weight_hh, rows * a.hidden),
            (a.bias_ih, a.seen_bias_ih, rows),
            (a.bias_hh, a.seen_bias_hh, rows),
        )
        changes = emitter.variable(emitter.number(0.0))
        for source, seen, count in arrays:
            _count_changes(emitter, changes, source, seen, count)
        with emitter.when(changes.get().compare(">", 0.0)):
            for source, seen, count in arrays:
                with emitter.loop(0, count) as i:
                    seen.store(source.number(i), i)
            features = (a.groups - 1) * a.group_step + a.group
            states, length = _block(cell, emitter.lanes, a.hidden, features)
            with emitter.loop(0, a.vectors) as vector:
                first = vector * emitter.lanes
                units = least(emitter, a.hidden - first, emitter.int(emitter.lanes))
                block = a.weights.at(vector * length)
                with emitter.loop(0, units) as lane:
                    _pack_unit(emitter, cell, a, block.at(lane), first + lane, states)


def _count(cell: Cell, reading: str) -> int:
    return sum(getattr(part, reading) for part in cell.parts)


def _block(cell: Cell, lanes: int, hidden: Int, features: Int) -> tuple[Int, Int]:
    """Return where in a block weights of the state begin, and its length."""
    states = features * (_count(cell, "reads_input") * lanes) + len(cell.parts) * lanes
    units = (hidden + (SPLITS - 1)).multiple(SPLITS)
    return states, states + units * (_count(cell, "reads_state") * lanes)


def _groups(emitter: Emitter, cell: Cell) -> list[int]:
    """Return how many unit vectors may be worked on at once, the most first."""
    sums = _registers_of_sums(emitter)
    return [n for n in (8, 4, 2, 1) if n == 1 or n * _count(cell, "reads_state") <= sums]


def _registers_of_sums(emitter: Emitter) -> int:
    return 16 if emitter.registers >= 32 else 8


def _write_inputs(emitter: Emitter, cell: Cell) -> None:
    """Write ``inputs``: what bias and input add to the sums (steps, V, S, lanes) of some steps."""
    signature = "steps:n vectors:n hidden:n features:n weights x x_step:n sums"
    with emitter.procedure("inputs", signature) as a:
        height = _registers_of_sums(emitter) // max(len(cell.parts), 2)
        whole = a.steps.multiple(height)
        with emitter.loop(0, a.vectors) as vector:
            with emitter.loop(0, whole, height) as first:
                _write_input_tile(emitter, cell, a, vector, first, height)
            with emitter.loop(whole, a.steps) as first:
                _write_input_tile(emitter, cell, a, vector, first, 1)


def _write_input_tile(
    emitter: Emitter, cell: Cell, a: SimpleNamespace, vector: Int, first: Int, height: int
) -> None:
    """Write the input side of one unit vector, for `height` steps from the first on."""
    lanes, parts = emitter.lanes, len(cell.parts)
    reading = [number for number, part in enumerate(cell.parts) if part.reads_input]
    block = a.weights.at(vector * _block(cell, lanes, a.hidden, a.features)[1])
    rows = [a.x.at((first + r) * a.x_step) for r in range(height)]
    targets = [
        a.sums.at(((first + r) * a.vectors + vector) * (parts * lanes)) for r in range(height)
    ]
    for part in range(parts):
        bias = block.load(part * lanes)
        for target in targets:
            target.store(bias, part * lanes)
    # a long sum is one of short ones, and rounds less
    with emitter.loop(0, a.features, SUMMANDS) as begin:
        end = least(emitter, begin + SUMMANDS, a.features)
        sums = [[emitter.variable(0.0) for _ in reading] for _ in range(height)]
        with emitter.loop(begin, end) as feature:
            row = block.at(feature * (len(reading) * lanes) + parts * lanes)
            columns = [row.load(i * lanes) for i in range(len(reading))]
            for x, variables in zip(rows, sums, strict=True):
                number = x.spread(feature)
                for variable, column in zip(variables, columns, strict=True):
                    variable.add(number * column)
        for target, variables in zip(targets, sums, strict=True):
            for part, variable in zip(reading, variables, strict=True):
                target.add(variable.get(), part * lanes)


def _write_units(
    emitter: Emitter, cell: Cell, a: SimpleNamespace, here: SimpleNamespace, vector: Int, count: int
) -> None:
    """Write a step of `count` unit vectors."""
    lanes, parts = emitter.lanes, len(cell.parts)
    reading = [number for number, part in enumerate(cell.parts) if part.reads_state]
    most = _registers_of_sums(emitter) // (count * len(reading))
    splits = next(n for n in (SPLITS, SPLITS // 2, 1) if n == 1 or n <= most)
    start, length = _block(cell, lanes, a.hidden, a.features)
    weights = [a.weights.at((vector + v) * length + start) for v in range(count)]
    row = len(reading) * lanes
    sums = [[[emitter.variable(0.0) for _ in range(splits)] for _ in reading] for _ in range(count)]
    units = (a.hidden + (SPLITS - 1)).multiple(SPLITS)
    with emitter.loop(0, units, splits) as unit:
        for split in range(splits):
            number = here.before.spread(unit + split)
            for v in range(count):
                numbers = weights[v].at((unit + split) * row)
                for i, variables in enumerate(sums[v]):
                    variables[split].add(number * numbers.load(i * lanes))
    for v in range(count):
        place = (vector + v) * lanes
        totals = [here.sums.load(place * parts + part * lanes) for part in range(parts)]
        for part, variables in zip(reading, sums[v], strict=True):
            totals[part] = totals[part] + _added_up(variables)
        memory = a.memory.load(place) if cell.has_memory else None
        now = cell.forward(totals, here.before.load(place), memory)
        here.after.store(now.state, place)
        if cell.has_memory:
            a.memory.store(now.memory, place)


def _added_up(variables: list[Variable]) -> Float:
    values = [variable.get() for variable in variables]
    while len(values) > 1:
        values = [first + second for first, second in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def _count_changes(
    emitter: Emitter, changes: Variable, source: Array, seen: Array, count: Int
) -> None:
    """Add the number of differences; NaN differs from everything."""
    whole = count.multiple(emitter.lanes)
    wide = emitter.variable(0.0)
    with emitter.loop(0, whole, emitter.lanes) as i:
        now = source.load(i)
        same = now.compare("==", seen.load(i))
        wide.add(emitter.select(same, emitter.constant(0.0), emitter.constant(1.0)))
    with emitter.loop(whole, count) as i:
        same = source.number(i).compare("==", seen.number(i))
        changes.add(emitter.select(same, emitter.number(0.0), emitter.number(1.0)))
    changes.add(wide.get().total())


def _pack_unit(
    emitter: Emitter, cell: Cell, a: SimpleNamespace, block: Array, unit: Int, states: Int
) -> None:
    """Write one unit's lane of a block, in which weights of the state begin at `states`."""
    lanes = emitter.lanes
    inputs = len(cell.parts) * lanes
    reading = {name: _count(cell, name) * lanes for name in ("reads_input", "reads_state")}
    places = dict.fromkeys(reading, 0)
    for number, part in enumerate(cell.parts):
        gate = a.hidden * part.gate + unit
        bias = emitter.number(0.0)
        if part.reads_state:
            bias = bias + a.bias_hh.number(gate)
            target = block.at(states + places["reads_state"])
            with emitter.loop(0, a.hidden) as k:
                weight = a.weight_hh.number(gate * a.hidden + k)
                target.store(weight, k * reading["reads_state"])
            places["reads_state"] += lanes
        if part.reads_input:
            bias = bias + a.bias_ih.number(gate)
            target = block.at(inputs + places["reads_input"])
            with emitter.loop(0, a.groups) as group, emitter.loop(0, a.group) as k:
                source = gate * (a.groups * a.group) + group * a.group + k
                place = (group * a.group_step + k) * reading["reads_input"]
                target.store(a.weight_ih.number(source), place)
            places["reads_input"] += lanes
        block.store(bias, number * lanes)
