"""From tokens to their vectors, and from gradients of these back; see `recurrence` for blocks.

A window of T steps has T rows of tokens, ``tokens_row`` numbers of int64 apart; those of a block
lie side by side. The table (V, E) has the vector of each token.
"""

from __future__ import annotations

from types import SimpleNamespace

from llvmlite import ir

from sklearn_rnn.kernels.native.emission import FLOATS, Array, Emitter, Int
from sklearn_rnn.kernels.native.gathering import least
from sklearn_rnn.kernels.native.tiling import transposed

__all__ = ["LOOK_UP", "SCATTER", "token_of", "write_tokens"]

LOOK_UP = "rows:n width:n steps:n size:n tokens tokens_row:n table x"
SCATTER = "rows:n width:n steps:n size:n tokens tokens_row:n d_x d_table"


def write_tokens(emitter: Emitter) -> None:
    """Write ``look_up`` and ``scatter``; wants ``gather_rows``.

    - ``look_up``: x (T, E, n) becomes the vectors, zero in lanes without a sequence.
    - ``scatter``: the gradients d_x (T, E, n) are added to ``d_table`` (V, E), each to the row of
      its token. Those of lanes without a sequence are zero, and go to the last one's.
    """
    with emitter.operation("look_up", LOOK_UP) as a, emitter.loop(0, a.steps) as t:
        nowhere = Array(emitter, ir.Constant(FLOATS, None))
        tokens = a.tokens.at(t * a.tokens_row * 2)  # an int64 takes the place of two floats
        emitter.call(
            "gather_rows",
            *(a.rows, a.width, a.size, a.size),
            *(tokens, nowhere, nowhere, a.table, a.x.at(t * a.size * a.width)),
        )
    with (
        emitter.operation("scatter", SCATTER) as a,
        emitter.loop(0, a.steps) as t,
        emitter.loop(0, a.width, emitter.lanes) as first,
    ):
        _scatter_lanes(emitter, a, t, first)


def token_of(a: SimpleNamespace, tokens: Array, t: Int, lane: Int) -> Int:
    """Return the token of a lane at step t; a lane without a sequence repeats the last."""
    return tokens.ints().number(t * a.tokens_row + least(tokens.emitter, lane, a.rows - 1))


def _scatter_lanes(emitter: Emitter, a: SimpleNamespace, t: Int, first: Int) -> None:
    """Add the gradients in one register of lanes, by squares as far as they go."""
    lanes = emitter.lanes
    source = a.d_x.at(t * a.size * a.width + first)
    rows = [a.d_table.at(token_of(a, a.tokens, t, first + i) * a.size) for i in range(lanes)]
    whole = a.size.multiple(lanes)
    with emitter.loop(0, whole, lanes) as column:
        square = [source.load((column + i) * a.width) for i in range(lanes)]
        for row, turned in zip(rows, transposed(emitter, square), strict=True):
            row.add(turned, column)  # one after the other, for two lanes may have one token
    with emitter.loop(whole, a.size) as column:
        for lane, row in enumerate(rows):
            row.at(column).add(source.number(column * a.width + lane))
