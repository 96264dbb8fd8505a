"""Products of matrices as loops over tiles that stay in registers: for those too small for BLAS, and for integers.

For each k, part of a row of the right matrix is loaded, and each number of part of a column of the left one multiplied
with all of it. Nothing is packed: rows of the right matrix are side by side in memory, the left one has any strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from chainrule.native.loops import Emitter, Pointer
from chainrule.native.machine import processor

WIDTH = 64  # bytes of a vector, which may be several registers
WRITTEN = 24  # products of vectors that a step of the loop over k writes out, if it can: code takes time to compile


@cache
def accumulators() -> int:
    """How many vectors are summed up at once, with registers left for the operands."""
    return 24 if "+avx512f" in processor()[1] else 6


@dataclass(frozen=True)
class Matrix:
    """Numbers in memory: element [i, j] is at ``start + i·row + j·column`` from the pointer."""

    pointer: Pointer
    dtype: np.dtype
    start: Any  # an int or a Value
    row: int
    column: int

    def at(self, i: Any, j: Any) -> Any:
        return self.start + i * self.row + j * self.column


def multiply(e: Emitter, x: Matrix, y: Matrix, out: Matrix, n: int, m: int, k: int, chunks: int = 1) -> None:
    """out[i, j] = Σₖ x[i, k]·y[k, j], n by m; the columns of y and of out are neighbours in memory."""
    lanes = WIDTH // out.dtype.itemsize
    rows, vectors = tile(n, -(-m // lanes))

    def part(start: Any, stop: Any) -> None:
        for column, width in _blocks(e, 0, m, vectors * lanes):
            widths = [min(lanes, width - at) for at in range(0, width, lanes)]
            for row, height in _blocks(e, start, stop, rows):
                _tile(e, x, y, out, row, height, column, widths, k)

    whole = n - n % rows
    per = -(-whole // (chunks * rows)) * rows
    if per >= whole:
        part(0, n)
        return
    with e.parallel(-(-whole // per), "matmul") as c:
        start = c * per
        part(start, e.select(start + per < whole, start + per, e.index(whole)))
    if n > whole:
        part(whole, n)


def tile(n: int, vectors: int) -> tuple[int, int]:
    """The rows and vectors of a tile: about as many as there are accumulators, dividing the product evenly."""
    most = accumulators()
    high = min(n, max(1, most // 3))
    wide = min(vectors, max(1, most // high))
    wide = -(-vectors // -(-vectors // wide))
    high = min(n, max(1, most // wide), 12)
    return -(-n // -(-n // high)), wide


def _blocks(e: Emitter, start: Any, stop: Any, block: int) -> Iterator[tuple[Any, int]]:
    """Where blocks begin, and their size: a loop for all that are whole, then the rest, if the bounds are known."""
    known = isinstance(start, int) and isinstance(stop, int)
    rest = (stop - start) % block if known else 0
    if not known or stop - start - rest > block:
        with e.loop(start, stop - rest, block, "matmul") as i:
            yield i, block
    elif stop - start >= block:
        yield start, block
    if rest:
        yield stop - rest, rest


def _tile(
    e: Emitter, x: Matrix, y: Matrix, out: Matrix, row: Any, height: int, column: Any, widths: list[int], k: int
) -> None:  # fmt: skip
    dtype, lanes = out.dtype, max(widths)
    sums = [[e.variable(dtype, width) for width in widths] for _ in range(height)]

    def step(at: Any, before: Callable[[Any], Any]) -> list[list[Any]]:
        rights = [
            e.cast(e.load(y.pointer, y.dtype, y.at(at, column) + j * lanes, width), dtype)
            for j, width in enumerate(widths)
        ]
        made = []
        for i, variables in enumerate(sums):
            left = e.cast(e.load(x.pointer, x.dtype, x.at(row + i, at)), dtype)
            made.append([_add(e, left, right, before(v)) for right, v in zip(rights, variables, strict=True)])
        return made

    def assign(values: list[list[Any]]) -> None:
        for variables, row_values in zip(sums, values, strict=True):
            for variable, value in zip(variables, row_values, strict=True):
                e.set(variable, value)

    for variables in sums:
        for variable in variables:
            e.set(variable, e.wide(e.const(0, dtype), variable.lanes))
    copies = max(1, min(k, 8, WRITTEN // (height * len(widths))))
    for start, count in _blocks(e, 0, k, copies):
        for i in range(count):
            assign(step(start + i, e.get))
    for i, variables in enumerate(sums):
        for j, variable in enumerate(variables):
            e.store(out.pointer, out.at(row + i, column) + j * lanes, e.get(variable), variable.lanes)


def _add(e: Emitter, x: Any, y: Any, total: Any) -> Any:
    return e.fma(x, y, total) if y.dtype.kind == "f" else x * y + total
