"""From the last state to the loss, and back: a linear map and the losses themselves.

Everything is feature-major, as in `recurrence`: n sequences of a block lie side by side.

========= ========= ==========================================
array     shape     holds
========= ========= ==========================================
state     (H, n)    last states
weight    (O, H)    as torch has it, and so ``bias`` (O,)
answers   (O, n)    what the network says
errors    (O, n)    gradients of the mean loss for the answers
========= ========= ==========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

from llvmlite import ir

from sklearn_rnn.kernels.native.emission import FLOATS, Array, Emitter, Float, Int
from sklearn_rnn.kernels.native.functions import absolute, exp, log
from sklearn_rnn.kernels.native.gathering import first_lanes, least
from sklearn_rnn.kernels.native.tiling import rows_of_tile, widths

__all__ = [
    "LINEAR",
    "LINEAR_BACK",
    "LOSS",
    "NATIVE_LOSSES",
    "cross_entropy",
    "panels",
    "register",
    "state_gradients",
    "write_linear",
    "write_losses",
]

LINEAR = "width:n hidden:n outputs:n state weight bias answers"
LINEAR_BACK = "width:n hidden:n outputs:n state weight errors d_state d_weight d_bias"
LOSS = "rows:n width:n outputs:n order targets weights answers errors constants total"


def write_linear(emitter: Emitter) -> None:
    """Write ``linear`` and ``linear_back``, which wants the products of `tiling`.

    On the way back ``d_state`` is overwritten; ``d_weight`` and ``d_bias`` are added to.
    """
    with emitter.operation("linear", LINEAR) as a:
        with emitter.loop(0, a.outputs) as o:
            bias = a.bias.spread(o)
            with emitter.loop(0, a.width, emitter.lanes) as c:
                a.answers.store(bias, o * a.width + c)
        for width, c in panels(emitter, a.width):
            emitter.call(
                f"product_{width}",
                *(a.outputs, a.hidden, a.weight, a.hidden),
                *(a.state.at(c), a.width, a.answers.at(c), a.width),
            )
    with emitter.operation("linear_back", LINEAR_BACK) as a:
        for width, c in panels(emitter, a.width):
            state_gradients(emitter, a, a.errors.at(c), a.d_state.at(c), width, a.width, a.width)
        with emitter.loop(0, a.outputs) as o:
            _weight_gradients(emitter, a, o)


def panels(emitter: Emitter, columns: Int) -> Iterator[tuple[int, Int]]:
    """Cut columns, all in registers, into the widest panels; yields width and first column."""
    done = emitter.int(0)
    for width in widths(emitter.registers):
        whole = columns.multiple(width * emitter.lanes)
        with emitter.loop(done, whole, width * emitter.lanes) as column:
            yield width, column
        done = whole


def state_gradients(
    emitter: Emitter,
    a: SimpleNamespace,
    errors: Array,
    d_state: Array,
    width: int,
    errors_row: Int,
    state_row: Int,
) -> None:
    """Write d_state = weight^T errors for a panel; `product` wants rows of its left factor."""

    def tile(first: Int, height: int) -> None:
        sums = [[emitter.variable(0.0) for _ in range(width)] for _ in range(height)]
        with emitter.loop(0, a.outputs) as o:
            right = [errors.load(o * errors_row + c * emitter.lanes) for c in range(width)]
            for r, row in enumerate(sums):
                number = a.weight.spread(o * a.hidden + first + r)
                for variable, error in zip(row, right, strict=True):
                    variable.add(number * error)
        for r, row in enumerate(sums):
            for c, variable in enumerate(row):
                d_state.store(variable.get(), (first + r) * state_row + c * emitter.lanes)

    height = rows_of_tile(emitter, width)
    whole = a.hidden.multiple(height)
    with emitter.loop(0, whole, height) as first:
        tile(first, height)
    with emitter.loop(whole, a.hidden) as first:
        tile(first, 1)


def _weight_gradients(emitter: Emitter, a: SimpleNamespace, o: Int) -> None:
    """Add those of one output: sums over the lanes, a register full of them at a time."""
    lanes = emitter.lanes
    errors = a.errors.at(o * a.width)

    def sums(first: Int, count: int) -> list[Float]:
        variables = [emitter.variable(0.0) for _ in range(count)]
        with emitter.loop(0, a.width, lanes) as c:
            error = errors.load(c)
            for r, variable in enumerate(variables):
                variable.add(error * a.state.load((first + r) * a.width + c))
        return [variable.get() for variable in variables]

    whole = a.hidden.multiple(lanes)
    with emitter.loop(0, whole, lanes) as j:
        a.d_weight.add(_totals(emitter, sums(j, lanes)), o * a.hidden + j)
    with emitter.loop(whole, a.hidden) as j:
        a.d_weight.add(sums(j, 1)[0].total(), o * a.hidden + j)
    error = emitter.variable(0.0)
    with emitter.loop(0, a.width, lanes) as c:
        error.add(errors.load(c))
    a.d_bias.add(error.get().total(), o)


def _totals(emitter: Emitter, registers: Sequence[Float]) -> Float:
    """Return a register whose lane i is the sum over the lanes of register i.

    Two registers are folded into one, again and again; a fold keeps them in every other block of
    lanes.
    """
    lanes, block = emitter.lanes, 1
    while len(registers) > 1:
        first = [i if not i // block % 2 else i - block + lanes for i in range(lanes)]
        second = [i + block if not i // block % 2 else i + lanes for i in range(lanes)]
        pairs = zip(registers[::2], registers[1::2], strict=True)
        registers = [
            emitter.interleave(*pair, first) + emitter.interleave(*pair, second) for pair in pairs
        ]
        block *= 2
    return registers[0]


# -- losses -----------------------------------------------------------------------------------


def write_losses(emitter: Emitter) -> None:
    """Write an operation for each of `NATIVE_LOSSES`, as in `sklearn_rnn.losses`.

    Sequence ``order[l]`` is in lane l, for l < `rows`; its targets are that row of `outputs`
    float32, or that int64 class for ``log_loss``; its weight is that float32, 1 without `weights`.
    ``constants`` are the scale, which makes a mean of a sum, and the loss's option: delta of
    ``huber``, label smoothing of ``log_loss``. ``errors`` are 0 in lanes without a sequence;
    ``total[0]`` is added to. Wants ``gather_rows``.
    """
    for name, loss in _POINTWISE.items():
        with emitter.operation(name, LOSS) as a:
            _write_pointwise(emitter, a, loss)
    with emitter.operation("log_loss", LOSS) as a:
        _write_log_loss(emitter, a)


def _squared_error(difference: Float, option: Float) -> tuple[Float, Float]:
    return difference * difference, difference * 2.0


def _absolute_error(difference: Float, option: Float) -> tuple[Float, Float]:
    select, one = difference.emitter.select, difference.like(1.0)
    negative = select(difference.compare("<", 0.0), -1.0 * one, 0.0 * one)
    return absolute(difference), select(difference.compare(">", 0.0), one, negative)


def _huber(difference: Float, delta: Float) -> tuple[Float, Float]:
    size = absolute(difference)
    square, line = size * size * 0.5, delta * (size - delta * 0.5)
    select, lowest = difference.emitter.select, 0.0 - delta
    loss = select(size.compare("<", delta), square, line)
    gradient = select(difference.compare(">", delta), delta, difference)
    return loss, select(difference.compare("<", lowest), lowest, gradient)


#: Losses of one answer and its target: their difference and the option to loss and gradient.
_POINTWISE: dict[str, Callable[[Float, Float], tuple[Float, Float]]] = {
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
    "huber": _huber,
}

#: Keys of `sklearn_rnn.losses.LOSSES` that are written here.
NATIVE_LOSSES = (*_POINTWISE, "log_loss")


def _write_pointwise(
    emitter: Emitter, a: SimpleNamespace, loss: Callable[[Float, Float], tuple[Float, Float]]
) -> None:
    """Write a loss of differences. Where the errors will be, the targets are first."""
    nowhere = Array(emitter, ir.Constant(FLOATS, None))
    emitter.call(
        "gather_rows",
        *(a.rows, a.width, a.outputs, a.outputs),
        *(a.order, nowhere, nowhere, a.targets, a.errors),
    )
    option = a.constants.spread(1)
    total = emitter.variable(0.0)
    with emitter.loop(0, a.width, emitter.lanes) as c:
        weight, is_taken = _weights(emitter, a, c), first_lanes(emitter, a.rows - c)
        factor = weight * a.constants.spread(0)
        with emitter.loop(0, a.outputs) as o:
            place = o * a.width + c
            value, gradient = loss(a.answers.load(place) - a.errors.load(place), option)
            _keep(a, is_taken, gradient * factor, place)
            total.add(emitter.select(is_taken, value * weight, emitter.constant(0.0)))
    a.total.add(total.get().total() * a.constants.number(0))


def _write_log_loss(emitter: Emitter, a: SimpleNamespace) -> None:
    """Write the loss of classes."""
    total = emitter.variable(0.0)
    with emitter.loop(0, a.width, emitter.lanes) as c:
        weight, is_taken = _weights(emitter, a, c), first_lanes(emitter, a.rows - c)
        factor = weight * a.constants.spread(0)
        sequences = _sequences(emitter, a, c)
        target = register(emitter, [a.targets.ints().number(i).float() for i in sequences])
        here = SimpleNamespace(
            answers=a.answers.at(c), errors=a.errors.at(c), row=a.width, outputs=a.outputs
        )
        value = cross_entropy(emitter, here, target, factor, is_taken, a.constants.spread(1))
        total.add(emitter.select(is_taken, value * weight, emitter.constant(0.0)))
    a.total.add(total.get().total() * a.constants.number(0))


def cross_entropy(
    emitter: Emitter,
    a: SimpleNamespace,
    target: Float,
    factor: Float,
    is_taken: object,
    smoothing: Float,
) -> Float:
    """Write the cross-entropy of logits, shifted so that the largest is 0, for one register.

    ``a`` has ``outputs``, and of ``answers`` and ``errors`` where the register of the first output
    is; the next is ``row`` numbers on. Both may be the same array. Errors are gradients times
    `factor`. Returns the loss of each lane.
    """
    share = smoothing / emitter.spread(a.outputs.float())
    nothing = emitter.constant(0.0)
    largest = emitter.variable(a.answers.load(0))
    with emitter.loop(1, a.outputs) as o:
        logit, before = a.answers.load(o * a.row), largest.get()
        largest.set(emitter.select(logit.compare(">", before), logit, before))

    exps, logits, chosen = (emitter.variable(0.0) for _ in range(3))
    with emitter.loop(0, a.outputs) as o:
        logit = a.answers.load(o * a.row) - largest.get()
        power = exp(logit)
        a.errors.store(power, o * a.row)
        exps.add(power)
        logits.add(logit)
        is_target = target.compare("==", emitter.spread(o.float()))
        chosen.set(emitter.select(is_target, logit, chosen.get()))

    # without smoothing, a logit of -inf of another class is no harm
    smooth = emitter.select(smoothing.compare(">", 0.0), share * logits.get(), nothing)
    value = log(exps.get()) - (1.0 - smoothing) * chosen.get() - smooth
    inverse = 1.0 / exps.get()
    with emitter.loop(0, a.outputs) as o:
        is_target = target.compare("==", emitter.spread(o.float()))
        wanted = share + emitter.select(is_target, 1.0 - smoothing, nothing)
        _keep(a, is_taken, (a.errors.load(o * a.row) * inverse - wanted) * factor, o * a.row)
    return value


def _keep(a: SimpleNamespace, is_taken: object, gradient: Float, place: Int) -> None:
    """Write errors, 0 in lanes without a sequence."""
    a.errors.store(gradient.emitter.select(is_taken, gradient, gradient.like(0.0)), place)


def _weights(emitter: Emitter, a: SimpleNamespace, first: Int) -> Float:
    """Return the weights of a register of sequences."""
    weight = emitter.variable(1.0)
    with emitter.when(a.weights.is_given()):
        sequences = _sequences(emitter, a, first)
        weight.set(register(emitter, [a.weights.number(i) for i in sequences]))
    return weight.get()


def _sequences(emitter: Emitter, a: SimpleNamespace, first: Int) -> list[Int]:
    """Return the sequences in the lanes of a register; a lane without one repeats the last."""
    lanes = [least(emitter, first + i, a.rows - 1) for i in range(emitter.lanes)]
    return [a.order.ints().number(lane) for lane in lanes]


def register(emitter: Emitter, numbers: Sequence[Float]) -> Float:
    """Return a register of single numbers."""
    value = ir.Constant(emitter.vector, ir.Undefined)
    for lane, number in enumerate(numbers):
        place = ir.Constant(ir.IntType(32), lane)
        value = emitter.builder.insert_element(value, number.value, place)
    return Float(emitter, value)
