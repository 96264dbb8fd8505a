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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.libraries import blas, gemm
from chainrule.native.libraries.gemm import Matrix
from chainrule.native.listing import Lister, lowers, nothing
from chainrule.native.nests.lower import CHUNK_WORK, CHUNKS, Lowering
from chainrule.native.statements import (
    ZERO,
    Array,
    Axis,
    Index,
    Shape,
    Statement,
    View,
    apart,
    broadcast,
    permuted,
    sliced,
    span_of,
)
from chainrule.native.threads.pool import pool
from chainrule.node import Node

STATEMENT = 4  # rows, columns and terms of a product, up to which it is a statement
BLAS = 400**3  # multiplications in a product, from which BLAS is called
COMPLEX = 8**3  # the same of complex numbers
LANES = 8  # multiplications that take as long as one step of a loop
PACKED = 4  # rows and columns, from which it pays to turn a matrix in memory first
SHARED = 2**20  # multiplications in each product of a stack, from which it shares loops with its neighbours
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
    linear = linear_index(view.read(indices).place, view.array.strides)
    strides = tuple(0 if axis is None else linear.coefficient(axis) for axis in axes)
    return Strided(view.array, view.shape, linear.offset, strides)


def linear_index(place: Any, strides: Sequence[int]) -> Index:
    """Where a place is in memory with these strides."""
    linear = ZERO
    for first, count, index in span_of(place):
        linear = linear.plus(index.times(strides[first + count - 1]))
    return linear


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
    """A product of stacks of matrices as a statement that calls.

    Large ones are called in loops over the stack that others share, who find what they need near: but then these loops
    are outermost. Others have loops of their own.
    """

    def __init__(self, lister: Lister, x: View, y: View, out: Array, write: Any):
        stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        self.sizes = n, m, k = x.shape[-2], y.shape[-1], x.shape[-1]
        self.write = write
        axes, indices = lister.axes_of(stack)
        self.stack = tuple(a for a in axes if a)
        shared = self.stack if n * m * k >= SHARED else ()
        # The rows and columns of each: what no loop runs along.
        self.inner = [[Axis(size) for size in shape] for shape in ((n, k), (k, m), (n, m))]
        reads = []
        for view, shape, pair in ((x, (n, k), self.inner[0]), (y, (k, m), self.inner[1])):
            reads.append(broadcast(view, (*stack, *shape)).read([*indices, *(_along(axis) for axis in pair)]))
        rest = [_along(axis) for axis in self.inner[2]]
        one = [] if len(out.shape) == len(stack) else [rest[0] if n > 1 else rest[1]]
        place = apart([*indices, *(rest if len(out.shape) == len(stack) + 2 else one)])
        self.statement = Statement(
            out, place, shared, tuple(reads), nothing, call=self, name="matmul", cost=max(1, n * m * k // LANES)
        )
        self.places = [(read.array, read.place) for read in reads] + [(out, place)]

    def __call__(self, lowering: Lowering) -> None:
        n, m, k = self.sizes
        step, count = lowering.step, math.prod(axis.size for axis in self.stack)
        lowering.work += count * n * m * k // LANES
        at = {loop.axes[self.statement]: step.indices[loop] for loop in step.path}
        own = [axis for axis in self.stack if axis not in at]
        free = not step.path and lowering.chunk is None and pool() is not None and self.write is not blas.gemm
        work = math.prod(axis.size for axis in own) * n * m * k
        chunks = max(1, min(CHUNKS, work // (CHUNK_WORK * LANES))) if free else 1
        with ExitStack() as loops:
            for i, axis in enumerate(own):
                at[axis] = loops.enter_context(_loop(lowering.e, axis.size, chunks if i == 0 else 1))
            x, y, out = (self._matrix(lowering, i, at) for i in range(3))
            out = replace(out, row=m, column=1)
            if self.write is blas.gemm:
                blas.gemm(lowering.e, x, y, out, n, m, k)
            else:
                gemm.multiply(lowering.e, x, y, out, n, m, k, 1 if own else chunks)

    def _matrix(self, lowering: Lowering, i: int, at: Mapping[Axis, Value]) -> Matrix:
        """The matrix of an operand, or of the product, at these steps of the loops."""
        array, place = self.places[i]
        storage = lowering.memory(array)
        near = {loop.axes[self.statement] for loop in storage.loops}
        linear = linear_index(place, storage.strides)
        start = lowering.e.index(linear.offset)
        for axis, c in linear.terms:
            if axis in at and axis not in near:
                start = start + at[axis] * c
        row, column = (linear.coefficient(axis) for axis in self.inner[i])
        assert storage.pointer is not None
        return Matrix(storage.pointer, array.dtype, start, row, column)


@contextmanager
def _loop(e: Emitter, size: int, chunks: int) -> Iterator[Value]:
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


def _along(axis: Axis) -> Index:
    return Index(((axis, 1),)) if axis.size > 1 else ZERO


def product(lister: Lister, x: View, y: View, shape: Shape, dtype: Any) -> View:
    """x·y of stacks of matrices, of shapes (…, n, k) and (…, k, m); ``shape`` may have no n or m that is 1."""
    if dtype == np.float16:
        made = product(lister, x, y, shape, np.dtype(np.float32))  # as NumPy does
        return lister.map(made, lambda e, v: e.cast(v, dtype), dtype)
    x, y = (lister.copy(z) if z.wraps else z for z in (x, y))
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
    turned = turned and min(x.shape[-2], y.shape[-1]) > 1
    out = Array((*shape[:-2], shape[-1], shape[-2]) if turned else shape, dtype, name="matmul")
    made = lister.add(Product(lister, x, y, out, gemm.multiply).statement)
    return _transposed(made) if turned else made


def _by_blas(lister: Lister, x: View, y: View, shape: Shape, dtype: Any) -> View:
    told = []
    for view in (x, y):
        part = strided(lister, view)
        if part.array.dtype != dtype or blas.layout(*part.shape[-2:], *part.strides[-2:]) is None:
            view = lister.map(view, lambda e, v: e.cast(v, dtype), dtype)
        told.append(view)
    return lister.add(Product(lister, told[0], told[1], Array(shape, dtype, name="matmul"), blas.gemm).statement)


# ---------------------------------------------------------------------------------------------------- the ops


@lowers("matmul")
def _matmul(lister: Lister, operands: Any, node: Node) -> View:
    x, y = (lister.view(z) for z in operands)
    x = x if len(x.shape) > 1 else sliced(x, (None,))
    y = y if len(y.shape) > 1 else sliced(y, (slice(None), None))
    return product(lister, x, y, node.shape, node.dtype)
