"""Products of matrices: as statements, which share loops with their neighbours, as tiles, or by BLAS.

Which is best was measured on one core of a Zen 4 at 3.7 GHz, in µs, of float64 (and float32):

    rows · terms · columns    statement      tiles           BLAS
    8 · 8 · 8                 0.09 (0.08)    0.05 (0.04)     0.07 (0.07)
    16 · 16 · 16              0.53 (0.38)    0.19 (0.10)     0.21 (0.13)
    64 · 64 · 64              505 (99)       9.3 (4.6)       9.3 (4.6)
    256 · 256 · 256           1491 (894)     576 (288)       639 (332)
    1797 · 64 · 10            646 (485)      65 (32)         98 (48)
    1 · 64 · 64               0.42 (0.30)    0.20 (0.15)
    1 · 1000 · 1000           119 (48)       110 (52)        98 (50)

So a matrix times a vector is a statement where it comes from memory, which then takes all the time, and is read once
by all who share a loop. BLAS is for the largest, and for complex numbers. It has threads of its own, as many as
OPENBLAS_NUM_THREADS says, and may round otherwise with another number of them. Tiles are divided among the threads of
compiled code; what each computes does not depend on their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.native import blas, gemm
from chainrule.native.gemm import Matrix
from chainrule.native.listing import Lister, lowers
from chainrule.native.loops import Emitter
from chainrule.native.lower import CHUNK_WORK, CHUNKS, Lowering
from chainrule.native.pool import pool
from chainrule.native.statements import (
    ZERO,
    Array,
    Shape,
    Statement,
    View,
    apart,
    broadcast,
    c_strides,
    permuted,
    sliced,
    span_of,
)
from chainrule.node import Node

STATEMENT = 4  # rows, columns and terms of a product, up to which it is a statement
BLAS = 400**3  # multiplications in a product, from which BLAS is called
COMPLEX = 8**3  # the same of complex numbers
LANES = 8  # multiplications that take as long as one step of a loop
PACKED = 4  # rows and columns, from which it pays to turn a matrix in memory first
CACHED = 2**19  # bytes of a matrix that is multiplied with a vector, above which memory is what takes time


@dataclass(frozen=True)
class Strided:
    """A view as an array in memory: element [i, j, …] is at start + i·strides[0] + j·strides[1] + …"""

    array: Array
    shape: tuple[int, ...]
    start: int
    strides: tuple[int, ...]


def strided(lister: Lister, view: View) -> Strided:
    axes, indices = lister.axes_of(view.shape)
    linear = ZERO
    for first, count, index in span_of(view.read(indices).place):
        linear = linear.plus(index.times(view.array.strides[first + count - 1]))
    strides = tuple(0 if axis is None else linear.coefficient(axis) for axis in axes)
    return Strided(view.array, view.shape, linear.offset, strides)


# ------------------------------------------------------------------------------------------- as a statement


def statement(lister: Lister, x: View, y: View, shape: Shape, dtype: Any) -> View:
    """out[…, n, m] = Σₖ x[…, n, k]·y[…, k, m], in an array of this shape."""
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    n, k, m = x.shape[-2], x.shape[-1], y.shape[-1]
    axes, indices = lister.axes_of((*batch, n, m, k))
    left = broadcast(x, (*batch, n, k)).read([*indices[:-2], indices[-1]])
    right = broadcast(y, (*batch, k, m)).read([*indices[:-3], indices[-1], indices[-2]])
    out = Array(shape, dtype, name="matmul")
    one = [] if len(shape) == len(batch) else [indices[-3] if n > 1 else indices[-2]]
    place = indices[:-1] if len(shape) == len(batch) + 2 else [*indices[: len(batch)], *one]
    folded = (axes[-1],) if axes[-1] is not None else ()
    logical = out.dtype.kind == "b"

    def rule(e: Any, a: Any, b: Any) -> Any:
        a, b = e.cast(a, out.dtype), e.cast(b, out.dtype)
        return a & b if logical else a * b

    return lister.add(
        Statement(
            out, apart(place), tuple(a for a in axes if a), (left, right), rule,
            folded=folded, combine="or" if logical else "add", initial=0, name="matmul",
        )
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ as tiles, or by BLAS


class Product:
    """A product of stacks of matrices, with the function that writes one of them."""

    def __init__(self, x: Strided, y: Strided, write: Any):
        self.x, self.y, self.write = x, y, write

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, out = lowering.e, outs[0]
        n, k, m = self.x.shape[-2], self.x.shape[-1], self.y.shape[-1]
        stack = np.broadcast_shapes(self.x.shape[:-2], self.y.shape[:-2])
        whole = Strided(out, (*stack, n, m), 0, c_strides((*stack, n, m)))
        work = math.prod(stack) * n * m * k
        lowering.work += work // LANES
        chunks = 1 if self.write is blas.gemm else _chunks(lowering, work)
        with ExitStack() as loops:
            indices = []
            for d, size in enumerate(stack):
                indices.append(loops.enter_context(_loop(e, size, chunks if d == 0 else 1)))
            parts = (_matrix(lowering, part, indices) for part in (self.x, self.y, whole))
            self.write(e, *parts, n, m, k, **({} if stack or chunks == 1 else {"chunks": chunks}))


def _chunks(lowering: Lowering, work: int) -> int:
    """Into how many parts a product is divided among threads: by its size alone."""
    return 1 if lowering.chunk is not None or pool() is None else max(1, min(CHUNKS, work // (CHUNK_WORK * LANES)))


@contextmanager
def _loop(e: Emitter, size: int, chunks: int) -> Iterator[Any]:
    """A loop, in so many parts that may run at once."""
    if min(size, chunks) < 2:
        with e.loop(0, size, note="matmul") as i:
            yield i
        return
    per = -(-size // chunks)
    with e.parallel(-(-size // per), "matmul") as c:
        start = c * per
        stop = e.select(start + per < size, start + per, e.index(size))
        with e.loop(start, stop, note="matmul") as i:
            yield i


def _matrix(lowering: Lowering, part: Strided, indices: Sequence[Any]) -> Matrix:
    """The matrix at these indices of a stack; a stack may have fewer axes, or axes of size 1."""
    start: Any = lowering.e.index(part.start)
    stack = part.strides[:-2]
    for index, size, stride in zip(indices[len(indices) - len(stack) :], part.shape, stack, strict=False):
        if size != 1 and stride:
            start = index * stride + start
    return Matrix(lowering.pointer(part.array), part.array.dtype, start, *part.strides[-2:])


def product(lister: Lister, x: View, y: View, shape: Shape, dtype: Any) -> View:
    """x·y of stacks of matrices, of shapes (…, n, k) and (…, k, m); ``shape`` may have no n or m that is 1."""
    if dtype == np.float16:
        made = product(lister, x, y, shape, np.dtype(np.float32))  # as NumPy does
        return lister.map(made, lambda e, v: e.cast(v, dtype), dtype)
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    n, k, m = x.shape[-2], x.shape[-1], y.shape[-1]
    work = n * m * k
    if dtype.kind == "b" or 0 in (*stack, work) or k == 1 or max(n, m, k) <= STATEMENT or max(n, m, k) > blas.LIMIT:
        return statement(lister, x, y, shape, dtype)
    if dtype.kind == "c":
        made = _by_blas(lister, x, y, shape, dtype) if work >= COMPLEX else None
        return made or statement(lister, x, y, shape, dtype)
    if min(n, m) > 1 and work >= BLAS and dtype.char in blas.PREFIX:
        return _by_blas(lister, x, y, shape, dtype)
    if min(n, m) == 1 and max(n, m) * k * dtype.itemsize > CACHED:
        return statement(lister, x, y, shape, dtype)
    # The rows of what is on the right are side by side in memory: y, or else xᵀ in outᵀ = yᵀ·xᵀ.
    straight = m > 1 and strided(lister, y).strides[-1] == 1
    turned = n > 1 and strided(lister, x).strides[-2] == 1
    if not straight and turned:
        return _tiled(lister, _transposed(y), _transposed(x), shape, dtype, turned=True)
    if straight or min(n, m) >= PACKED:
        y = y if straight else lister.copy(y)
        return _tiled(lister, x, y, shape, dtype)
    return statement(lister, x, y, shape, dtype)


def _transposed(x: View) -> View:
    d = len(x.shape)
    return permuted(x, [*range(d - 2), d - 1, d - 2])


def _tiled(lister: Lister, x: View, y: View, shape: Shape, dtype: Any, turned: bool = False) -> View:
    parts = strided(lister, x), strided(lister, y)
    turned = turned and min(x.shape[-2], y.shape[-1]) > 1
    out = Array((*shape[:-2], shape[-1], shape[-2]) if turned else shape, dtype, name="matmul")
    call = Product(*parts, gemm.multiply)
    made = lister.calling([part.array for part in parts], [out], call, "matmul")[0]
    return _transposed(made) if turned else made


def _by_blas(lister: Lister, x: View, y: View, shape: Shape, dtype: Any) -> View:
    parts = []
    for view in (x, y):
        part = strided(lister, view)
        if part.array.dtype != dtype or blas.layout(*part.shape[-2:], *part.strides[-2:]) is None:
            part = strided(lister, lister.map(view, lambda e, v: e.cast(v, dtype), dtype))
        parts.append(part)
    out = Array(shape, dtype, name="matmul")
    return lister.calling([part.array for part in parts], [out], Product(parts[0], parts[1], blas.gemm), "matmul")[0]


# ---------------------------------------------------------------------------------------------------- the ops


@lowers("matmul")
def _matmul(lister: Lister, operands: Any, node: Node) -> View:
    x, y = (lister.view(z) for z in operands)
    x = x if len(x.shape) > 1 else sliced(x, (None,))
    y = y if len(y.shape) > 1 else sliced(y, (slice(None), None))
    return product(lister, x, y, node.shape, node.dtype)
