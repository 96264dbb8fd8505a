"""Decompositions and linear equations: small ones written out, others by LAPACK."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from chainrule.matrices import floating_dtype
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import BOOL, Pair, Value, part_of, parts_of
from chainrule.native.libraries import blas, elimination, lapack
from chainrule.native.libraries.lapack import EMPTY, Work, straight, turned
from chainrule.native.listing import Lister, lowers
from chainrule.native.nests.arena import WIDTH
from chainrule.native.nests.lower import Lowering
from chainrule.native.statements import Array, c_strides
from chainrule.node import Node
from chainrule.reduction import real_dtype

SMALL = 4  # rows of matrices that are written out


class Stack:
    """A function of matrices for each of a stack; if one fails, the program is left, and NumPy says what is wrong.

    ``cores`` are the numbers of axes of one matrix of each operand and output.
    """

    def __init__(self, cores: Sequence[int], write: Callable[..., Any]):
        self.cores, self.write = cores, write

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e = lowering.e
        failed = e.variable(BOOL)
        e.set(failed, e.const(False, BOOL))
        arrays = [(a, core) for a, core in zip((*operands, *outs), self.cores, strict=True)]
        stacks = [a.shape[: len(a.shape) - core] for a, core in arrays]
        lowering.work += max(a.size * max((1, *a.shape[-1:])) for a in operands)
        self.write(lowering, arrays, np.broadcast_shapes(*stacks), stacks, failed)
        e.leave_if(e.get(failed))


def _written_out(
    rule: Callable[..., Any], lowering: Lowering, arrays: Any, stack: Sequence[int], stacks: Any, failed: Any
) -> None:
    """``rule(e, *matrices) -> (matrix, whether all went well)``, of numbers; many matrices fill vectors."""
    e, count = lowering.e, math.prod(stack)
    lanes = WIDTH // arrays[-1][0].dtype.itemsize

    def some(at: Sequence[Value], lanes: int) -> None:
        given = []
        for (array, core), i in zip(arrays[:-1], at, strict=False):
            n, m = array.shape[len(array.shape) - core :] if core == 2 else (array.shape[-1], 1)
            pointer = lowering.pointer(array)
            given.append(
                [
                    [e.load(pointer, array.dtype, i * (n * m) + (r * m + c), lanes, n * m) for c in range(m)]
                    for r in range(n)
                ]
            )
        made, well = rule(e, *given)
        out, n, m = arrays[-1][0], len(made), len(made[0])
        for r in range(n):
            for c in range(m):
                e.store(lowering.pointer(out), at[-1] * (n * m) + (r * m + c), made[r][c], lanes, n * m)
        e.set(failed, e.get(failed) | e.across("or", ~well))

    if all(s == stack for s in stacks):
        whole = count - count % lanes
        for start, stop, width in ((0, whole, lanes), (whole, count, 1)):
            if stop > start:
                with e.loop(start, stop, width) as i:
                    some([i] * len(stacks), width)
        return
    with ExitStack() as loops:
        indices = [loops.enter_context(e.loop(0, size)) for size in stack]
        some([_position(e, indices, s) for s in stacks], 1)


def _called(
    prepare: Callable[..., Any],
    dtype: Any,
    lowering: Lowering,
    arrays: Any,
    stack: Sequence[int],
    stacks: Any,
    failed: Any,
) -> None:
    """``prepare(work, *shapes)`` gives a function of pointers to matrices, which says what failed."""
    e, work = lowering.e, Work(lowering, dtype)
    one = prepare(work, *(a.shape[len(a.shape) - core :] for a, core in arrays))
    with ExitStack() as loops:
        indices = [loops.enter_context(e.loop(0, size)) for size in stack]
        pointers = []
        for (array, core), own in zip(arrays, stacks, strict=True):
            size = math.prod(array.shape[len(array.shape) - core :])
            pointers.append(_at(lowering, array, _position(e, indices, own) * size))
        e.set(failed, e.get(failed) | one(*pointers))
    work.release()


def _position(e: Any, indices: Sequence[Value], stack: Sequence[int]) -> Value:
    """The number of a matrix in a stack that broadcasts."""
    found = e.index(0)
    own = indices[len(indices) - len(stack) :]
    for index, size, stride in zip(own, stack, c_strides(tuple(stack)), strict=True):
        if size != 1:
            found = found + index * stride
    return found


def _at(lowering: Lowering, array: Array, index: Value) -> Pointer:
    return lowering.e.at(lowering.pointer(array), part_of(array.dtype), index * parts_of(array.dtype))


def of_matrices(lister: Lister, node: Node, operands: Any, cores: Sequence[int], prepare: Any, rule: Any = None) -> Any:
    """The outputs of an op, written out where that is said and they are small, else by calls."""
    op = node.op
    assert op is not None
    specs = node.spec if op.outputs is not None else (node.spec,)
    views = [lister.view(x) for x in operands]
    dtype = floating_dtype(*views)
    if dtype.char not in blas.PREFIX:
        return None
    if any(s.dtype not in (dtype, real_dtype(dtype), np.result_type(dtype, np.complex64)) for s in specs):
        return None  # which LAPACK does not write
    if any(0 in s.shape for s in (*specs, *views)):
        if not all(0 in s.shape for s in specs):
            return None
        made = lister.call(specs, views, _nothing, op.name)
        return made if op.outputs is not None else made[0]
    views = [v if v.dtype == dtype else lister.map(v, lambda e, x: e.cast(x, dtype), dtype) for v in views]
    rows = views[0].shape[-1]
    if rule is not None and rows <= SMALL and dtype.kind == "f":
        write = partial(_written_out, rule)
    elif prepare is not None:
        write = partial(_called, prepare, dtype)
    else:
        return None
    made = lister.call(specs, views, Stack(cores, write), op.name)
    return made if op.outputs is not None else made[0]


def _nothing(_lowering: Lowering, _operands: Any, _outs: Any) -> None:
    """What is done for matrices without elements."""


# ----------------------------------------------------------------------------------------------- equations


@lowers("solve")
def _solve(lister: Lister, operands: Any, node: Node) -> Any:
    core = 1 if len(np.shape(operands[1])) == 1 else 2

    def prepare(work: Work, a: Any, b: Any, _out: Any) -> Any:
        lowering, n, m = work.lowering, a[0], b[1] if core == 2 else 1
        left, right = work.room(n * n), work.room(n * m)
        call = work.prepared("gesv", n, m, left, n, work.room(n, np.int32), right, n)

        def one(a: Pointer, b: Pointer, out: Pointer) -> Value:
            turned(lowering, a, left, work.dtype, n, n)
            turned(lowering, b, right, work.dtype, n, m)
            info = call()
            turned(lowering, right, out, work.dtype, m, n)
            return lowering.e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, core, core), prepare, elimination.solved)


@lowers("inv", "inv_or_nan")
def _inv(lister: Lister, operands: Any, node: Node) -> Any:
    def rule(e: Any, a: Any) -> Any:
        n = len(a)
        return elimination.solved(e, a, [[e.like(a[0][0], int(i == j)) for j in range(n)] for i in range(n)])

    def prepare(work: Work, a: Any, _out: Any) -> Any:
        lowering, e, n = work.lowering, work.lowering.e, a[0]
        left, right = work.room(n * n), work.room(n * n)
        call = work.prepared("gesv", n, n, left, n, work.room(n, np.int32), right, n)

        def one(a: Pointer, out: Pointer) -> Value:
            turned(lowering, a, left, work.dtype, n, n)
            with e.loop(0, n * n) as i:
                e.store(right, i, e.const(0, work.dtype))
            with e.loop(0, n) as i:
                e.store(right, i * (n + 1), e.const(1, work.dtype))
            info = call()
            turned(lowering, right, out, work.dtype, n, n)
            return e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, 2), prepare, rule)


@lowers("solve_triangular")
def _solve_triangular(lister: Lister, operands: Any, node: Node) -> Any:
    p, core = node.params, 1 if len(np.shape(operands[1])) == 1 else 2
    lower, unit = p["lower"], p["unit_diagonal"]

    def prepare(work: Work, a: Any, b: Any, _out: Any) -> Any:
        lowering, e, n, m = work.lowering, work.lowering.e, a[0], b[1] if core == 2 else 1
        name = blas.PREFIX[work.dtype.char] + "trsm"

        def one(a: Pointer, b: Pointer, out: Pointer) -> Value:
            straight(lowering, b, out, work.dtype, n * m)
            # In Fortran's order these are the transposes, and xᵀ·op(a)ᵀ = bᵀ.
            blas.call(
                e, name, "R", "U" if lower else "L", "NTC"[p["trans"]], "U" if unit else "N", m, n,
                work.dtype.type(1), a, n, out, m,
            )  # fmt: skip
            bad = e.variable(BOOL)
            e.set(bad, e.const(False, BOOL))
            if not unit:
                with e.loop(0, n) as i:
                    x = e.load(a, work.dtype, i * (n + 1))
                    e.set(bad, e.get(bad) | ~e.cast(x, BOOL))
            return e.get(bad)

        return one

    return of_matrices(lister, node, operands, (2, core, core), prepare)


# --------------------------------------------------------------------------------------------- determinants


@lowers("det")
def _det(lister: Lister, operands: Any, node: Node) -> Any:
    def rule(e: Any, a: Any) -> Any:
        found, well = elimination.determinant(e, a)
        return [[found]], well

    return of_matrices(lister, node, operands, (2, 0), _logarithm(lambda e, sign, log: (sign * e.exp(log),)), rule)


@lowers("slogdet")
def _slogdet(lister: Lister, operands: Any, node: Node) -> Any:
    return of_matrices(lister, node, operands, (2, 0, 0), _logarithm(lambda e, sign, log: (sign, log)))


def _logarithm(results: Callable[..., Any]) -> Callable[..., Any]:
    """By the sign and the logarithm of the determinant, from the pivots, as NumPy does."""

    def prepare(work: Work, a: Any, *_outs: Any) -> Any:
        lowering, e, n, dtype = work.lowering, work.lowering.e, a[0], work.dtype
        left, rows = work.room(n * n), work.room(n, np.int32)
        call = work.prepared("getrf", n, n, left, n, rows)

        def one(a: Pointer, *outs: Pointer) -> Value:
            turned(lowering, a, left, dtype, n, n)
            call()
            sign, log = e.variable(dtype), e.variable(real_dtype(dtype))
            e.set(sign, e.const(1, dtype))
            e.set(log, e.const(0, real_dtype(dtype)))
            with e.loop(0, n) as i:
                pivot = e.load(left, dtype, i * (n + 1))
                moved = e.ne(e.cast(e.load(rows, np.dtype(np.int32), i), np.int64), i + 1)
                size = e.hypot(pivot.re, pivot.im) if isinstance(pivot, Pair) else e.abs(pivot)
                now, turn = (
                    e.get(sign),
                    pivot / size if isinstance(pivot, Pair) else e.copysign(e.like(pivot, 1), pivot),
                )
                now = now * turn
                now = e.select(moved, -now, now)
                e.set(sign, e.select(e.eq(size, 0), e.const(0, dtype), now))
                e.set(log, e.get(log) + e.log(size))
            total = e.get(log)
            for out, x in zip(outs, results(e, e.get(sign), total), strict=True):
                e.store(out, 0, x)
            return e.isnan(total)

        return one

    return prepare


@lowers("cofactor")
def _cofactor(lister: Lister, operands: Any, node: Node) -> Any:
    if len(node.shape) < 2 or node.shape[-1] > 3:
        return None
    return of_matrices(lister, node, operands, (2, 2), None, elimination.cofactors)


# -------------------------------------------------------------------------------------------------- factors


@lowers("cholesky")
def _cholesky(lister: Lister, operands: Any, node: Node) -> Any:
    upper = node.params["upper"]

    def rule(e: Any, a: Any) -> Any:
        factor, well = elimination.lower_factor(e, _flipped(a) if upper else a)
        return (_flipped(factor) if upper else factor), well

    def prepare(work: Work, a: Any, _out: Any) -> Any:
        lowering, e, n, dtype = work.lowering, work.lowering.e, a[0], work.dtype
        info = work.room(1, np.int32)

        def one(a: Pointer, out: Pointer) -> Value:
            # In Fortran's order the other triangle of the transpose, whose factor is that of x transposed.
            with lapack.elements(lowering, n, n) as (i, j):
                x, kept = e.load(a, dtype, i * n + j), (i <= j) if upper else (i >= j)
                e.store(out, i * n + j, e.select(kept, x, e.const(0, dtype)))
            blas.call(e, blas.PREFIX[dtype.char] + "potrf", "L" if upper else "U", n, out, n, info)
            return e.ne(e.load(info, np.dtype(np.int32), 0), 0)

        return one

    return of_matrices(lister, node, operands, (2, 2), prepare, rule)


def _flipped(rows: Any) -> Any:
    return [list(column) for column in zip(*rows, strict=True)]


@lowers("qr")
def _qr(lister: Lister, operands: Any, node: Node) -> Any:
    def prepare(work: Work, a: Any, q: Any, _r: Any) -> Any:
        lowering, e, dtype = work.lowering, work.lowering.e, work.dtype
        (m, n), columns, kind = a, q[1], "un" if dtype.kind == "c" else "or"
        k, wide = min(m, n), max(n, columns)
        # As NumPy does, in double precision.
        double = np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
        inner = Work(lowering, double, work.taken)
        packed, scales = inner.room(m * wide), inner.room(k)
        sizes = [
            lapack.workspace(inner.name("geqrf"), m, n, EMPTY, m, EMPTY, inner.empty(), -1)[0],
            lapack.workspace(inner.name(f"{kind}gqr"), m, columns, k, EMPTY, m, EMPTY, inner.empty(), -1)[0],
        ]
        room = inner.room(max(sizes))
        factor = inner.prepared("geqrf", m, n, packed, m, scales, room, sizes[0])
        whole = inner.prepared(f"{kind}gqr", m, columns, k, packed, m, scales, room, sizes[1])

        def one(a: Pointer, q: Pointer, r: Pointer) -> Value:
            turned(lowering, a, packed, dtype, m, n, double)
            failed = e.ne(factor(), 0)
            rows = columns if columns > k else k
            with lapack.elements(lowering, rows, n) as (i, j):
                x = e.select(i <= j, e.load(packed, double, j * m + i), e.const(0, double))
                e.store(r, i * n + j, e.cast(x, dtype))
            failed = failed | e.ne(whole(), 0)
            turned(lowering, packed, q, double, columns, m, dtype)
            return failed

        return one

    return of_matrices(lister, node, operands, (2, 2, 2), prepare)


@lowers("lu")
def _lu(lister: Lister, operands: Any, node: Node) -> Any:
    def prepare(work: Work, a: Any, *_outs: Any) -> Any:
        lowering, e, dtype = work.lowering, work.lowering.e, work.dtype
        (m, n), k = a, min(a)
        packed, pivots, order = work.room(m * n), work.room(k, np.int32), work.room(m, np.int64)
        call, real = work.prepared("getrf", m, n, packed, m, pivots), real_dtype(dtype)

        def one(a: Pointer, p: Pointer, lower: Pointer, upper: Pointer) -> Value:
            turned(lowering, a, packed, dtype, m, n)
            call()
            with e.loop(0, m) as i:
                e.store(order, i, i)
            with e.loop(0, k) as i:  # rows that were exchanged, one after the other
                other = e.cast(e.load(pivots, np.dtype(np.int32), i), np.int64) - 1
                one, two = e.load(order, np.dtype(np.int64), i), e.load(order, np.dtype(np.int64), other)
                e.store(order, i, two)
                e.store(order, other, one)
            with lapack.elements(lowering, m, m) as (i, j):
                here = e.eq(e.load(order, np.dtype(np.int64), j), i)
                e.store(p, i * m + j, e.select(here, e.const(1, real), e.const(0, real)))
            zero, unit = e.const(0, dtype), e.const(1, dtype)
            with lapack.elements(lowering, m, k) as (i, j):
                x = e.load(packed, dtype, j * m + i)
                e.store(lower, i * k + j, e.select(i > j, x, e.select(e.eq(i, j), unit, zero)))
            with lapack.elements(lowering, k, n) as (i, j):
                e.store(upper, i * n + j, e.select(i <= j, e.load(packed, dtype, j * m + i), zero))
            return e.const(False, BOOL)

        return one

    return of_matrices(lister, node, operands, (2, 2, 2, 2), prepare)
