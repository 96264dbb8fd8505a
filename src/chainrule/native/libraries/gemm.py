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

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer, Program
from chainrule.native.language.values import I64
from chainrule.native.machine.code import Code, can, fuses, object_named
from chainrule.native.machine.llvm import text_of
from chainrule.native.machine.symbols import resolves

PORTABLE = 64, 6  # as below, in programs for any processor: such vectors are several registers
INLINE = 2000  # multiplications up to which tiles are part of the program
SYMBOL = "tile_"  # what the names of their functions begin with
WRITTEN = 24  # products of vectors that a step of the loop over k writes out, if it can: code takes time to compile


@cache
def registers() -> tuple[int, int]:
    """The bytes of a register, and how many are summed up at once, with some left for the operands.

    Vectors of two registers each, which elsewhere hide the time that an instruction takes, would spill here.
    """
    if can("avx512f"):
        return 64, 24
    if can("avx"):
        return 32, 12
    return 16, 24 if can("neon") else 12


@dataclass(frozen=True)
class Matrix:
    """Numbers in memory: element [i, j] is at ``start + i·row + j·column`` from the pointer."""

    pointer: Pointer
    dtype: np.dtype
    start: Any  # an int or a Value
    row: Any
    column: Any

    def at(self, i: Any, j: Any) -> Any:
        return self.start + i * self.row + j * self.column


def multiply(e: Emitter, x: Matrix, y: Matrix, out: Matrix, n: int, m: int, k: int, chunks: int = 1) -> None:
    """out[i, j] = Σₖ x[i, k]·y[k, j], n by m; the columns of y and of out are neighbours in memory."""
    width, accumulators = PORTABLE if e.portable else registers()
    lanes = width // out.dtype.itemsize
    rows, vectors = tile(n, -(-m // lanes), accumulators)
    called = not e.portable and n * m * k > INLINE and x.dtype == y.dtype == out.dtype
    write = _call if called else _tile

    def part(start: Any, stop: Any) -> None:
        for column, width in _blocks(e, 0, m, vectors * lanes):
            widths = [min(lanes, width - at) for at in range(0, width, lanes)]
            for row, height in _blocks(e, start, stop, rows):
                write(e, x, y, out, row, height, column, widths, k)

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


def tile(n: int, vectors: int, most: int) -> tuple[int, int]:
    """The rows and vectors of a tile: about as many as there are accumulators, dividing the product evenly."""
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
    e: Emitter, x: Matrix, y: Matrix, out: Matrix, row: Any, height: int, column: Any, widths: list[int], k: Any
) -> None:
    """Write the loop over k of a tile."""
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
    copies = max(1, min(k, 8, WRITTEN // (height * len(widths)))) if isinstance(k, int) else 1
    for start, count in _blocks(e, 0, k, copies):
        for i in range(count):
            assign(step(start + i, e.get))
    for i, variables in enumerate(sums):
        for j, variable in enumerate(variables):
            e.store(out.pointer, out.at(row + i, column) + j * lanes, e.get(variable), variable.lanes)


def _add(e: Emitter, x: Any, y: Any, total: Any) -> Any:
    return e.multiply_add(x, y, total) if y.dtype.kind == "f" else x * y + total


# ------------------------------------------------------------------------------------------ tiles as functions


def _call(
    e: Emitter, x: Matrix, y: Matrix, out: Matrix, row: Any, height: int, column: Any, widths: list[int], k: int
) -> None:
    """Call the function of a tile: programs share it, as it takes longer to compile than most of them run."""
    name = f"{SYMBOL}{out.dtype.str[1:]}_{height}_{'_'.join(map(str, widths))}"
    known = address(name)
    assert known is not None
    e.symbols[name] = known
    sizes = np.array([k, x.row, x.column, y.row, out.row], np.int64)
    at = [
        e.at(a.pointer, a.dtype, a.at(*place)) for a, place in ((x, (row, 0)), (y, (0, column)), (out, (row, column)))
    ]
    e.call(name, np.int32, *at, constant(e, sizes))


def constant(e: Emitter, numbers: np.ndarray) -> Pointer:
    """Memory that holds a few numbers, once a program."""
    for name, known in e.data.items():
        if known.dtype == numbers.dtype and known.size == numbers.size and known.tobytes() == numbers.tobytes():
            return Pointer(name)
    return e.constant(numbers)


@resolves
def address(name: str) -> int | None:
    """Where the function of a tile begins: its name says its dtype, rows, and numbers side by side."""
    return function(name).address(name) if name.startswith(SYMBOL) else None


@cache
def function(name: str) -> Code:
    return Code(object_named(name, lambda: text_of(program(name))))


def program(name: str) -> Program:
    """The function of a tile: of x, y, out, and k with the strides of these."""
    kind, height, *widths = name.removeprefix(SYMBOL).split("_")
    e, dtype, pointers = Emitter(), np.dtype(kind), [Pointer(each) for each in ("x", "y", "out", "sizes")]
    e.fuses = fuses()
    k, x_row, x_column, y_row, out_row = (e.read(pointers[3], I64, e.index(i)) for i in range(5))
    x, y, out = (
        Matrix(at, dtype, e.index(0), row, column)
        for at, row, column in zip(pointers, (x_row, y_row, out_row), (x_column, 1, 1), strict=False)
    )
    _tile(e, x, y, out, e.index(0), int(height), e.index(0), list(map(int, widths)), k)
    return e.program(name, pointers)
