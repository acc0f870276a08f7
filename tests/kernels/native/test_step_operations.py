"""What a training step does beside its layers is what numpy and torch do."""

import itertools

import numpy as np
import pytest
import torch

from sklearn_rnn.losses import Loss

pytest.importorskip("llvmlite")

from sklearn_rnn.kernels.native import functions
from sklearn_rnn.kernels.native.compilation import load, why_unavailable
from sklearn_rnn.kernels.native.emission import Emitter
from sklearn_rnn.kernels.native.gathering import ADVANCE, GATHER, LAST_STATES
from sklearn_rnn.kernels.native.heads import LINEAR, LINEAR_BACK, LOSS, NATIVE_LOSSES
from sklearn_rnn.kernels.native.library import step_library
from sklearn_rnn.kernels.native.optimizers import ADAM, CLIP, NORM, SGD, adam_constants
from sklearn_rnn.kernels.native.processors import processor
from sklearn_rnn.kernels.native.tape import Tape

LANES = {"avx512": 16, "avx2": 8, "plain": 4}


@pytest.fixture(params=LANES, autouse=True)
def lanes(request, monkeypatch):
    """Write code for registers of every width that the processor has."""
    monkeypatch.setenv("SKLEARN_RNN_NATIVE", request.param)
    if why_unavailable():
        pytest.skip(why_unavailable())
    if processor().lanes != LANES[request.param]:
        pytest.skip(f"this processor has no {request.param}")
    return processor().lanes


def run(name, signature, library=None, **arguments):
    tape = Tape()
    given = {
        label: a.data_ptr() if isinstance(a, torch.Tensor) else a for label, a in arguments.items()
    }
    tape.add(library or step_library(), name, signature, **given)
    tape.replay()


def numbers(generator, *shape):
    return generator.normal(size=shape).astype(np.float32)


def random_tensor(generator, count):
    """Return numbers that lie nowhere in particular, and not where a register would."""
    return torch.from_numpy(numbers(generator, count + 1))[1:]


# -- functions --------------------------------------------------------------------------------


@pytest.fixture
def evaluate(monkeypatch, tmp_path):
    """Return a function of arrays, computed in registers or one number at a time."""
    monkeypatch.setenv("SKLEARN_RNN_CACHE", str(tmp_path))  # its code depends on this file

    def build(name, wide, target):
        emitter = Emitter("functions", target.lanes, target.registers)
        function, step = getattr(functions, name), target.lanes if wide else 1
        with (
            emitter.operation("map", "count:n source target") as a,
            emitter.loop(0, a.count, step) as i,
        ):
            a.target.store(function(a.source.load(i) if wide else a.source.number(i)), i)
        return emitter.module

    def evaluate(name, values, wide=True):
        values = np.array(values, dtype=np.float32)
        padded = np.resize(values, -(-len(values) // 16) * 16)
        result = np.empty_like(padded)
        label = f"function-{name}-{'wide' if wide else 'single'}"
        library = load(label, lambda target: build(name, wide, target), processor())
        run(
            "map", "count:n source target", library, count=len(padded), source=padded, target=result
        )
        return values, result[: len(values)]

    return evaluate


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("exp", np.linspace(-87.3, 88.72, 100_001)),
        ("exp", np.linspace(-1, 1, 100_001)),
        ("log", np.geomspace(1.2e-38, 3.4e38, 100_001)),
        ("log", np.linspace(0.3, 3, 100_001)),
        ("sqrt", np.linspace(0, 3, 1001)),
        ("absolute", np.linspace(-3, 3, 1001)),
    ],
)
def test_functions_are_those_of_numpy_within_two_roundings(evaluate, name, values, wide):
    x, result = evaluate(name, values, wide)

    exact = getattr(np, name)(x.astype(np.float64))
    np.testing.assert_allclose(result, exact, rtol=1e-7, atol=0)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (
            "exp",
            [np.nan, -np.inf, -1e30, -105, 0, 88.8, 1e30, np.inf],
            [np.nan] + 3 * [0] + [1] + 3 * [np.inf],
        ),
        ("log", [np.nan, -np.inf, -1, 0, 1, np.inf], [np.nan, np.nan, np.nan, -np.inf, 0, np.inf]),
    ],
)
def test_functions_keep_nan_and_end_where_floats_do(evaluate, name, values, expected):
    _, result = evaluate(name, values)

    np.testing.assert_array_equal(result, np.float32(expected))


# -- gathering --------------------------------------------------------------------------------


def gathered(table, order, starts, lengths, steps, width):
    """Return the block as numpy would fill it."""
    x = np.zeros((steps, table.shape[1], width), dtype=np.float32)
    for lane, sequence in enumerate(order):
        own = min(steps, lengths[sequence])
        x[:own, :, lane] = table[starts[sequence] : starts[sequence] + own]
    return x


@pytest.mark.parametrize(("steps", "features"), [(1, 1), (3, 1), (24, 1), (67, 1), (5, 7), (9, 3)])
@pytest.mark.parametrize("missing", [0, 1, 3])
@pytest.mark.parametrize("registers", [1, 2])
def test_gather_fills_a_block_with_windows_in_any_order(lanes, steps, features, missing, registers):
    generator = np.random.default_rng(0)
    width = registers * lanes
    rows = width - missing
    table = numbers(generator, steps + 99, features)
    starts = np.arange(100)  # the last window ends where the table does
    order = generator.permutation(100)[:rows]
    order[0] = 99
    x = np.full((steps, features, width), np.nan, dtype=np.float32)
    sizes = {"rows": rows, "width": width, "steps": steps, "features": features}

    run(
        "gather",
        GATHER,
        **{**sizes, "order": order, "starts": starts, "lengths": 0, "table": table},
        x=x,
        block_lengths=0,
    )

    expected = gathered(table, order, starts, np.full(100, steps), steps, width)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize(("steps", "features"), [(6, 1), (40, 1), (40, 3)])
@pytest.mark.parametrize("missing", [0, 1, 3])
def test_gather_ends_sequences_at_their_own_lengths(lanes, steps, features, missing):
    generator = np.random.default_rng(1)
    width = 2 * lanes
    rows = width - missing
    lengths = generator.integers(0, steps + 1, size=50)
    lengths[:10] = steps
    order = np.concatenate([np.arange(lanes // 2), generator.permutation(np.arange(10, 50))])[:rows]
    starts = np.cumsum(lengths) - lengths
    table = numbers(generator, lengths.sum(), features)
    x = np.full((steps, features, width), np.nan, dtype=np.float32)
    block_lengths = np.full(width, np.nan, dtype=np.float32)
    sizes = {"rows": rows, "width": width, "steps": steps, "features": features}

    run(
        "gather",
        GATHER,
        **{**sizes, "order": order, "starts": starts, "lengths": lengths, "table": table},
        x=x,
        block_lengths=block_lengths,
    )

    expected = gathered(table, order, starts, lengths, steps, width)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(block_lengths, [*lengths[order], *[0] * missing])


def test_last_states_are_those_after_each_sequences_last_step(lanes):
    generator = np.random.default_rng(0)
    rows, hidden, width = lanes + 1, 3, 2 * lanes
    states = numbers(generator, 8, hidden, width)
    lengths = generator.integers(0, 8, size=width).astype(np.float32)
    result = np.zeros((hidden, width), dtype=np.float32)

    run(
        "last_states",
        LAST_STATES,
        **{"rows": rows, "hidden": hidden, "width": width},
        **{"states": states, "lengths": lengths, "result": result},
    )

    for lane in range(width):
        expected = states[int(lengths[lane]), :, lane] if lane < rows else 0
        np.testing.assert_array_equal(result[:, lane], expected)


def test_advance_steps_on_through_whatever_is_pointed_at():
    values = np.array([10, 20, 30, 40])
    places = values.ctypes.data + 8 * np.array([0, 2, 3])

    for _ in range(2):
        run("advance", ADVANCE, count=3, places=places, steps=np.array([8, -1, 2**40]))

    np.testing.assert_array_equal(values, [26, 20, 28, 40 + 2**41])


# -- the linear map ---------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [1, 7, 32, 50])
@pytest.mark.parametrize("outputs", [1, 3, 18])
@pytest.mark.parametrize("registers", [1, 3, 4])
def test_linear_and_its_gradients_are_those_of_numpy(lanes, hidden, outputs, registers):
    generator, width = np.random.default_rng(0), registers * lanes
    state, weight = numbers(generator, hidden, width), numbers(generator, outputs, hidden)
    bias, errors = numbers(generator, outputs), numbers(generator, outputs, width)
    answers, d_state = (np.full(a.shape, np.nan, dtype=np.float32) for a in (errors, state))
    d_weight, d_bias = np.ones_like(weight), np.ones_like(bias)
    sizes = {"width": width, "hidden": hidden, "outputs": outputs}
    exact = [a.astype(np.float64) for a in (weight, state, errors)]

    run("linear", LINEAR, **sizes, state=state, weight=weight, bias=bias, answers=answers)
    run(
        "linear_back",
        LINEAR_BACK,
        **{**sizes, "state": state, "weight": weight, "errors": errors},
        **{"d_state": d_state, "d_weight": d_weight, "d_bias": d_bias},
    )

    for result, expected in (
        (answers, exact[0] @ exact[1] + bias[:, None]),
        (d_state, exact[0].T @ exact[2]),
        (d_weight, 1 + exact[2] @ exact[1].T),
        (d_bias, 1 + exact[2].sum(axis=1)),
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


# -- losses -----------------------------------------------------------------------------------


OPTIONS = {
    "squared_error": [{}],
    "absolute_error": [{}],
    "huber": [{"delta": 1.0}, {"delta": 0.3}],
    "log_loss": [{"label_smoothing": 0.0}, {"label_smoothing": 0.1}],
}
CASES = [(name, option) for name in NATIVE_LOSSES for option in OPTIONS[name]]


class Batch:
    """Answers and targets of a batch, and what torch and the operation say of them."""

    def __init__(self, loss, option, outputs, rows, width, weighted=False, share=1.0):
        generator = np.random.default_rng(0)
        self.loss, self.option, self.rows, self.share = loss, option, rows, share
        self.answers = np.full((outputs, width), np.nan, dtype=np.float32)
        self.answers[:, :rows] = 3 * numbers(generator, outputs, rows)
        self.order = generator.permutation(2 * width)[:rows]
        self.targets = numbers(generator, 2 * width, outputs)
        if loss == "log_loss":
            self.targets = generator.integers(0, outputs, size=2 * width)
        self.weights = generator.uniform(0, 2, 2 * width).astype(np.float32) if weighted else None

    def expected(self):
        """Return loss and gradients that torch finds with float64."""
        answers = torch.tensor(self.answers[:, : self.rows].T, dtype=torch.float64)
        targets = torch.tensor(self.targets[self.order])
        if targets.is_floating_point():
            targets = targets.double()
        weights = None if self.weights is None else torch.tensor(self.weights[self.order]).double()
        value = Loss(self.loss, **self.option)(answers.requires_grad_(), targets, weights)
        value.backward()
        return self.share * value.item(), self.share * answers.grad.T.numpy()

    def found(self, total=0.0):
        """Return those of the operation."""
        outputs, width = self.answers.shape
        each = 1 if self.loss == "log_loss" else outputs
        scale = self.share / (self.rows * each)
        option = next(iter(self.option.values()), 0.0)
        total = np.array([total], dtype=np.float32)
        errors = np.full((outputs, width), np.nan, dtype=np.float32)
        run(
            self.loss,
            LOSS,
            **{"rows": self.rows, "width": width, "outputs": outputs, "order": self.order},
            targets=self.targets,
            weights=0 if self.weights is None else self.weights,
            answers=self.answers,
            errors=errors,
            constants=np.array([scale, option], dtype=np.float32),
            total=total,
        )
        return total[0], errors


@pytest.mark.parametrize(("loss", "option"), CASES)
@pytest.mark.parametrize("outputs", [1, 5, 19])
@pytest.mark.parametrize("missing", [0, 1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_gradients_are_those_of_torch(lanes, loss, option, outputs, missing, weighted):
    width = 2 * lanes
    batch = Batch(loss, option, outputs, width - missing, width, weighted, share=0.25)

    value, errors = batch.found(total=2.0)

    expected_value, expected_errors = batch.expected()
    assert value == pytest.approx(2 + expected_value, rel=1e-6)
    np.testing.assert_allclose(errors[:, : batch.rows], expected_errors, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(errors[:, batch.rows :], 0)


@pytest.mark.parametrize(("loss", "option"), CASES)
def test_an_answer_of_nan_gives_a_loss_of_nan(lanes, loss, option):
    for output, lane in itertools.product(range(3), [0, lanes - 2]):
        batch = Batch(loss, option, 3, lanes - 1, lanes)
        batch.answers[output, lane] = np.nan

        value, errors = batch.found()

        assert np.isnan(value)
        np.testing.assert_allclose(errors[:, :-1], batch.expected()[1], rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(errors[:, -1], 0)


def test_log_loss_is_finite_where_other_classes_are_impossible(lanes):
    batch = Batch("log_loss", {"label_smoothing": 0.0}, 4, lanes, lanes)
    batch.targets[:] = 1
    batch.answers[2] = -np.inf
    batch.answers[1] = 300.0  # e^300 is no float

    value, errors = batch.found()

    expected_value, expected_errors = batch.expected()
    assert value == pytest.approx(expected_value, abs=1e-7)
    np.testing.assert_allclose(errors, expected_errors, atol=1e-7)


def test_a_difference_of_nothing_has_no_slope_in_absolute_error(lanes):
    batch = Batch("absolute_error", {}, 1, lanes, lanes)
    batch.answers[0] = batch.targets[batch.order, 0]

    value, errors = batch.found()

    assert value == 0
    np.testing.assert_array_equal(errors, 0)


# -- optimizers -------------------------------------------------------------------------------

COUNTS = [1, 3, 37, 640]
SCALE = 0.7


def torch_steps(optimizer, parameter, gradients):
    """Yield torch's parameter and state after each step."""
    for gradient in gradients:
        parameter.grad = gradient * SCALE
        optimizer.step()
        yield parameter.detach(), optimizer.state[parameter]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_adam_takes_the_steps_of_torch(kind, weight_decay, count):
    generator = np.random.default_rng(0)
    parameter = random_tensor(generator, count)
    gradients = [random_tensor(generator, count) for _ in range(5)]
    reference = parameter.clone().requires_grad_()
    lr, betas, eps = 0.01, (0.9, 0.999), 1e-8
    optimizer = kind([reference], lr, betas, eps, weight_decay=weight_decay, fused=True)
    mean, square = torch.zeros(count), torch.zeros(count)

    steps = torch_steps(optimizer, reference, gradients)
    for t, (expected, state) in enumerate(steps, start=1):
        rates = [lr / (1 - betas[0] ** t), 1 / np.sqrt(1 - betas[1] ** t), lr]
        run(
            "adam",
            ADAM,
            **{"count": count, "decoupled": kind is torch.optim.AdamW},
            **{"parameter": parameter, "gradient": gradients[t - 1]},
            **{"mean": mean, "square": square},
            constants=adam_constants(*betas, eps, weight_decay),
            rates=np.array(rates, dtype=np.float32),
            scale=np.array([SCALE], dtype=np.float32),
        )
        torch.testing.assert_close(mean, state["exp_avg"], rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(square, state["exp_avg_sq"], rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(parameter, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov"),
    [(0.0, 0.0, False), (0.9, 0.0, False), (0.9, 0.3, False), (0.9, 0.0, True)],
)
def test_sgd_takes_the_steps_of_torch(count, weight_decay, momentum, dampening, nesterov):
    generator = np.random.default_rng(0)
    parameter = random_tensor(generator, count)
    gradients = [random_tensor(generator, count) for _ in range(5)]
    reference, lr = parameter.clone().requires_grad_(), 0.1
    optimizer = torch.optim.SGD(
        [reference], lr, momentum, dampening, weight_decay, nesterov, fused=True
    )
    buffer = torch.zeros(count)

    steps = torch_steps(optimizer, reference, gradients)
    for t, (expected, state) in enumerate(steps):
        constants = [momentum, dampening if t else 0.0, weight_decay]
        run(
            "sgd",
            SGD,
            **{"count": count, "nesterov": nesterov},
            **{"parameter": parameter, "gradient": gradients[t]},
            buffer=buffer if momentum else 0,
            constants=np.array(constants, dtype=np.float32),
            rates=np.array([np.nan, np.nan, lr], dtype=np.float32),
            scale=np.array([SCALE], dtype=np.float32),
        )
        torch.testing.assert_close(parameter, expected, rtol=1e-6, atol=1e-6)
        if momentum:
            torch.testing.assert_close(buffer, state["momentum_buffer"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("largest", [1.0, np.inf, np.nan])
def test_clipping_scales_gradients_as_torch_does(limit, largest):
    generator = np.random.default_rng(0)
    gradients = [random_tensor(generator, count) for count in COUNTS]
    gradients[2][-1] = largest
    parameters = [torch.zeros(len(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    total, scale = np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float32)

    for gradient in gradients:
        run("norm", NORM, count=len(gradient), gradient=gradient, total=total)
    norm = np.sqrt(total[0])
    run("clip", CLIP, limit=np.array([limit], dtype=np.float32), total=total, scale=scale)

    expected = torch.nn.utils.clip_grad_norm_(parameters, limit).item()
    assert norm == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert total[0] == 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(gradient * scale[0], parameter.grad, equal_nan=True)
