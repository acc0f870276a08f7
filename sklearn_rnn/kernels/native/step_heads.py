"""Answers at every step of a window, their cross-entropy with what follows, and back.

A linear map answers from each state, as in `heads`, and each answer has its token of V. Steps
are done a few together: gradients of the weights are sums over all of them, which are so long
that adding each to what is there costs little beside it.

============ ================ ==========================================================
array        shape            holds
============ ================ ==========================================================
states       (T, H, n)        what is answered from
tokens       (T, R) int64     what follows; those of a block lie side by side
weight       (V, H)           as torch has it, and so ``bias`` (V,)
errors       (V, K * n)       answers of K steps, then gradients of the mean loss for them
turned       (K * n, D)       the states of these steps, transposed, D >= H whole registers
d_states     (T, H, n)        gradients of the states
d_weight     (V, D)           sums of gradients, and of those of the bias, ``d_bias``, lane by lane
============ ================ ==========================================================
"""

from __future__ import annotations

from types import SimpleNamespace

from sklearn_rnn.kernels.native.emission import Emitter, Int
from sklearn_rnn.kernels.native.gathering import first_lanes
from sklearn_rnn.kernels.native.heads import cross_entropy, panels, register, state_gradients
from sklearn_rnn.kernels.native.tokens import token_of

__all__ = ["COLLECT_HEAD", "LEARN_STEPS", "write_step_heads"]

LEARN_STEPS = (
    "steps:n together:n rows:n width:n hidden:n outputs:n states tokens tokens_row:n weight bias "
    "errors turned turned_row:n d_states d_weight d_bias constants total"
)
COLLECT_HEAD = "hidden:n outputs:n d_weight d_weight_row:n d_bias weight bias"


def write_step_heads(emitter: Emitter) -> None:
    """Write operations on the answers at all steps; they want ``product_*`` and ``transpose``.

    - ``learn_steps``: the arrays above, K being `together`, a power of two, and R
      ``tokens_row``. ``d_states`` are overwritten, ``d_weight``, ``d_bias`` and ``total[0]`` added
      to; ``constants`` are those of ``log_loss``. Lanes without a sequence, from `rows` on, count
      nothing.
    - ``collect_head``: from the sums of gradients to torch's layout.
    """
    with emitter.operation("learn_steps", LEARN_STEPS) as a, emitter.loop(0, a.steps) as t:
        place, row = t & (a.together - 1), a.together * a.width
        errors = a.errors.at(place * a.width)
        here = SimpleNamespace(**vars(a), row=row)
        state = a.states.at(t * a.hidden * a.width)
        with emitter.loop(0, a.outputs) as o:
            bias = a.bias.spread(o)
            with emitter.loop(0, a.width, emitter.lanes) as c:
                errors.store(bias, o * row + c)
        for width, c in panels(emitter, a.width):
            emitter.call(
                f"product_{width}",
                *(a.outputs, a.hidden, a.weight, a.hidden),
                *(state.at(c), a.width, errors.at(c), row),
            )
        with emitter.loop(0, a.width, emitter.lanes) as c:
            here.answers = here.errors = errors.at(c)
            _compare(emitter, here, t, c)
        d_state = a.d_states.at(t * a.hidden * a.width)
        for width, c in panels(emitter, a.width):
            state_gradients(emitter, a, errors.at(c), d_state.at(c), width, row, a.width)
        turned = a.turned.at(place * a.width * a.turned_row)
        emitter.call("transpose", a.hidden, a.width, state, a.width, turned, a.turned_row)
        is_last = t.compare("==", a.steps - 1)
        with emitter.when(emitter.builder.or_(is_last, place.compare("==", a.together - 1))):
            _add_weight_gradients(emitter, a, (place + 1) * a.width, row)
    with emitter.operation("collect_head", COLLECT_HEAD) as a, emitter.loop(0, a.outputs) as o:
        with emitter.loop(0, a.hidden) as j:
            a.weight.store(a.d_weight.number(o * a.d_weight_row + j), o * a.hidden + j)
        a.bias.store(a.d_bias.load(o * emitter.lanes).total(), o)


def _compare(emitter: Emitter, a: SimpleNamespace, t: Int, first: Int) -> None:
    """Write the loss of a register of sequences at step t, and its gradients."""
    is_taken = first_lanes(emitter, a.rows - first)
    tokens = [token_of(a, a.tokens, t, first + i).float() for i in range(emitter.lanes)]
    factor, smoothing = (a.constants.spread(i) for i in range(2))
    value = cross_entropy(emitter, a, register(emitter, tokens), factor, is_taken, smoothing)
    value = emitter.select(is_taken, value, emitter.constant(0.0))
    a.total.add(value.total() * a.constants.number(0))
    with emitter.loop(0, a.outputs) as o:
        a.d_bias.add(a.errors.load(o * a.row), o * emitter.lanes)


def _add_weight_gradients(emitter: Emitter, a: SimpleNamespace, columns: Int, row: Int) -> None:
    """Add errors times states, summed over the columns: sequences of some steps."""
    for width, c in panels(emitter, a.turned_row):
        emitter.call(
            f"product_{width}",
            *(a.outputs, columns, a.errors, row),
            *(a.turned.at(c), a.turned_row, a.d_weight.at(c), a.turned_row),
        )
