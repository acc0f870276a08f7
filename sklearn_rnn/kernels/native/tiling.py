"""Products and transpositions of matrices, cut into pieces that fit the registers.

One tile serves every product: it holds a few rows of the result, each some registers wide, and
goes once along the common side. A number of the left factor meets a whole row of the right one, so
only the right factor and the result want to lie in rows of registers.
"""

from __future__ import annotations

from collections.abc import Sequence

from sklearn_rnn.kernels.native.emission import Array, Emitter, Float, Int, Variable

__all__ = [
    "accumulate",
    "rows_of_tile",
    "transposed",
    "widths",
    "write_products",
    "write_transpose",
]


def widths(registers: int) -> tuple[int, ...]:
    """Return how many registers wide a tile, and so a block, may be; the widest first."""
    return (4, 2, 1) if registers >= 32 else (2, 1)


def rows_of_tile(emitter: Emitter, width: int) -> int:
    """Return how many rows make a tile of `width` registers that leaves some of them free."""
    return max(1, (16 if emitter.registers >= 32 else 8) // width)


def accumulate(
    emitter: Emitter,
    sums: Sequence[Sequence[Variable]],
    rows: Sequence[Array],
    right: Array,
    right_row: Int | int,
    length: Int,
) -> None:
    """Add to ``sums[r][c]`` the product of ``rows[r]`` with column block c of the right factor.

    Parameters
    ----------
    emitter : Emitter
        Where to write.
    sums : sequence of R sequences of C variables
        The tile.
    rows : sequence of R arrays
        Rows of the left factor.
    right : Array
        The right factor, `length` rows that lie `right_row` numbers apart.
    right_row, length : Int
        See above.
    """
    with emitter.loop(0, length) as k:
        columns = [right.load(k * right_row + c * emitter.lanes) for c in range(len(sums[0]))]
        for row, tile_row in zip(rows, sums, strict=True):
            number = row.spread(k)
            for variable, column in zip(tile_row, columns, strict=True):
                variable.add(number * column)


def write_products(emitter: Emitter) -> None:
    """Write ``product_<width>``: result += left @ right, for one panel of columns."""
    for width in widths(emitter.registers):
        signature = "rows:n length:n left left_row:n right right_row:n result result_row:n"
        with emitter.procedure(f"product_{width}", signature) as a:

            def tile(first: Int, height: int, a=a, width=width) -> None:
                # from zero, so that a long sum is one of short ones and rounds less
                sums = [[emitter.variable(0.0) for _ in range(width)] for _ in range(height)]
                rows = [a.left.at((first + r) * a.left_row) for r in range(height)]
                accumulate(emitter, sums, rows, a.right, a.right_row, a.length)
                for r, tile_row in enumerate(sums):
                    for c, variable in enumerate(tile_row):
                        place = (first + r) * a.result_row + c * emitter.lanes
                        a.result.add(variable.get(), place)

            done, most = emitter.int(0), rows_of_tile(emitter, width)
            for height in (h for h in (16, 8, 4, 1) if h <= most):  # the lower for what is left
                whole = a.rows.multiple(height)
                with emitter.loop(done, whole, height) as first:
                    tile(first, height)
                done = whole


def write_transpose(emitter: Emitter) -> None:
    """Write ``transpose``: result[c, r] = source[r, c], by squares of registers."""
    signature = "rows:n columns:n source source_row:n result result_row:n"
    with emitter.procedure("transpose", signature) as a:
        lanes = emitter.lanes
        rows, columns = a.rows.multiple(lanes), a.columns.multiple(lanes)
        with emitter.loop(0, rows, lanes) as r, emitter.loop(0, columns, lanes) as c:
            square = [a.source.load((r + i) * a.source_row + c) for i in range(lanes)]
            for i, turned in enumerate(transposed(emitter, square)):
                a.result.store(turned, (c + i) * a.result_row + r)

        def one(r: Int, c: Int) -> None:
            a.result.store(a.source.number(r * a.source_row + c), c * a.result_row + r)

        with emitter.loop(rows, a.rows) as r, emitter.loop(0, a.columns) as c:
            one(r, c)
        with emitter.loop(0, rows) as r, emitter.loop(columns, a.columns) as c:
            one(r, c)


def transposed(emitter: Emitter, square: list[Float]) -> list[Float]:
    """Exchange blocks across the diagonal, of one number first, then of two, of four, ..."""
    lanes, block = emitter.lanes, 1
    while block < lanes:
        first = [i if not i // block % 2 else i - block + lanes for i in range(lanes)]
        second = [i + block if not i // block % 2 else i + lanes for i in range(lanes)]
        after = list(square)
        for i in range(lanes):
            if not i // block % 2:
                pair = square[i], square[i + block]
                after[i] = emitter.interleave(*pair, first)
                after[i + block] = emitter.interleave(*pair, second)
        square, block = after, 2 * block
    return square
