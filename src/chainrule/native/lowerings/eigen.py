"""Eigenvalues, singular values, and what is made of them, by LAPACK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import BOOL, I32, Pair, Value
from chainrule.native.libraries import blas, lapack
from chainrule.native.libraries.lapack import EMPTY, Work, straight, turned
from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.linalg import of_matrices
from chainrule.node import Node
from chainrule.reduction import real_dtype


@lowers("eigh", "eigvalsh")
def _eigh(lister: Lister, operands: Any, node: Node) -> Any:
    assert node.op is not None
    job, side = ("V" if node.op.name == "eigh" else "N"), node.params["UPLO"].upper()
    complex_ = lister.view(operands[0]).dtype.kind == "c"

    def prepare(work: Work, a: Any, *_outs: Any) -> Any:
        lowering, e, n, dtype = work.lowering, work.lowering.e, a[0], work.dtype
        left, name, real = work.room(n * n), "heevd" if complex_ else "syevd", real_dtype(dtype)
        wanted = [work.empty(), *([np.zeros(1, real)] if complex_ else []), np.zeros(1, np.int32)]
        query = [x for room in wanted for x in (room, -1)]
        sizes = lapack.workspace(work.name(name), job, side, n, EMPTY, n, EMPTY, *query)
        rooms = [x for room, size in zip(wanted, sizes, strict=True) for x in (work.room(size, room.dtype), size)]
        values = work.room(n, real)
        call = work.prepared(name, job, side, n, left, n, values, *rooms)

        def one(a: Pointer, *outs: Pointer) -> Value:
            turned(lowering, a, left, dtype, n, n)
            info = call()
            straight(lowering, values, outs[0], real, n)
            if job == "V":
                turned(lowering, left, outs[1], dtype, n, n)
            return e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, 1, 2) if job == "V" else (2, 1), prepare)


def decomposed(work: Work, job: str, m: int, n: int, *rest: Any) -> Callable[[], Value]:
    """The call that decomposes a matrix at rest[0] to values at rest[1], u and vh, whose leading sizes are last."""
    left, values, u, vh, rows, columns = rest
    k, real = min(m, n), real_dtype(work.dtype)
    given = [job, m, n, left, m, values, u, rows, vh, columns]
    query = [EMPTY if isinstance(x, Pointer) else x for x in given]
    # The room for real numbers is told by LAPACK's documentation alone.
    most = max(7 * k, k * max(5 * k + 7, 2 * max(m, n) + 2 * k + 1))
    more = [work.room(most, real)] if work.dtype.kind == "c" else []
    size = lapack.workspace(work.name("gesdd"), *query, work.empty(), -1, *[EMPTY] * (len(more) + 1))[0]
    return work.prepared("gesdd", *given, work.room(size), size, *more, work.room(8 * k, I32))


@lowers("svd", "svdvals")
def _svd(lister: Lister, operands: Any, node: Node) -> Any:
    assert node.op is not None
    job = "N" if node.op.name == "svdvals" else "A" if node.params["full_matrices"] else "S"

    def prepare(work: Work, a: Any, *outs: Any) -> Any:
        lowering, e, dtype, real = work.lowering, work.lowering.e, work.dtype, real_dtype(work.dtype)
        (m, n), k = a, min(a)
        rows, columns = (outs[0][1], outs[2][0]) if job != "N" else (1, 1)
        left, values = work.room(m * n), work.room(k, real)
        u, vh = work.room(m * rows), work.room(columns * n)
        call = decomposed(work, job, m, n, left, values, u, vh, m, columns)

        def one(a: Pointer, *outs: Pointer) -> Value:
            turned(lowering, a, left, dtype, m, n)
            info = call()
            straight(lowering, values, outs[min(1, len(outs) - 1)], real, k)
            if job != "N":
                turned(lowering, u, outs[0], dtype, rows, m)
                turned(lowering, vh, outs[2], dtype, n, columns)
            return e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, 2, 1, 2) if job != "N" else (2, 1), prepare)


# ----------------------------------------------------------------------------------------- general matrices


@lowers("eig", "eig_once", "eigvals")
def _eig(lister: Lister, operands: Any, node: Node) -> Any:
    assert node.op is not None
    job = "N" if node.op.name == "eigvals" else "V"

    def prepare(work: Work, a: Any, *_outs: Any) -> Any:
        lowering, e, n, dtype = work.lowering, work.lowering.e, a[0], work.dtype
        # As NumPy does, complex ones in double precision.
        inner = Work(lowering, np.dtype(np.complex128) if dtype.kind == "c" else dtype, work.taken)
        own, made = inner.dtype, np.result_type(dtype, np.complex64)
        left, vectors = inner.room(n * n), inner.room(n * n if job == "V" else 1)
        values = [inner.room(n) for _ in range(1 if own.kind == "c" else 2)]
        given = ["N", job, n, left, n, *values, vectors, 1, vectors, n if job == "V" else 1]
        query = [EMPTY if isinstance(x, Pointer) else x for x in given]
        more = [inner.room(2 * n, real_dtype(own))] if own.kind == "c" else []
        size = lapack.workspace(inner.name("geev"), *query, inner.empty(), -1, *[EMPTY] * len(more))[0]
        call = inner.prepared("geev", *given, inner.room(size), size, *more)

        def number(i: Value) -> Pair:
            if own.kind == "c":
                return e.load(values[0], own, i)
            return Pair(e.load(values[0], own, i), e.load(values[1], own, i))

        def element(i: Value, j: Value) -> Pair:
            """Of eigenvectors of two conjugate values, LAPACK has the real and the imaginary part."""
            if own.kind == "c":
                return e.load(vectors, own, j * n + i)
            im = e.load(values[1], own, j)
            first, last = e.select(im < 0, j - 1, j), e.select(im > 0, j + 1, j)
            x, y = e.load(vectors, own, first * n + i), e.load(vectors, own, last * n + i)
            return Pair(x, e.select(im > 0, y, e.select(im < 0, -y, e.like(y, 0))))

        def one(a: Pointer, *outs: Pointer) -> Value:
            failed = e.variable(BOOL)
            e.set(failed, e.const(False, BOOL))
            with lapack.elements(lowering, n, n) as (i, j):
                x = e.load(a, dtype, i * n + j)
                for part in (x.re, x.im) if isinstance(x, Pair) else (x,):
                    e.set(failed, e.get(failed) | ~(e.abs(part) < np.inf))
            # LAPACK may search for ever where elements are not finite.
            with e.when(~e.get(failed)):
                turned(lowering, a, left, dtype, n, n, own)
                e.set(failed, e.ne(call(), 0))
                with e.loop(0, n) as i:
                    e.store(outs[0], i, e.cast(number(i), made))
                if job == "V":
                    with lapack.elements(lowering, n, n) as (i, j):
                        e.store(outs[1], i * n + j, e.cast(element(i, j), made))
            return e.get(failed)

        return one

    return of_matrices(lister, node, operands, (2, 1, 2) if job == "V" else (2, 1), prepare)


@lowers("pinv")
def _pinv(lister: Lister, operands: Any, node: Node) -> Any:
    rtol = node.params["rtol"]
    if node.params["hermitian"]:
        return None

    def prepare(work: Work, a: Any, _out: Any) -> Any:
        lowering, e, dtype, real = work.lowering, work.lowering.e, work.dtype, real_dtype(work.dtype)
        (m, n), k = a, min(a)
        left, values = work.room(m * n), work.room(k, real)
        u, vh = work.room(m * k), work.room(k * n)
        call = decomposed(work, "S", m, n, left, values, u, vh, m, k)
        cut = real.type(max(m, n) * np.finfo(dtype).eps if rtol is None else rtol)

        def one(a: Pointer, out: Pointer) -> Value:
            # Of the conjugate, so that nothing is left to be conjugated: P = Vᵀ·diag(1/s)·Uᵀ.
            with lapack.elements(lowering, m, n) as (i, j):
                x = e.load(a, dtype, i * n + j)
                e.store(left, j * m + i, Pair(x.re, -x.im) if isinstance(x, Pair) else x)
            info = call()
            least = e.load(values, real, 0) * cut
            with lapack.elements(lowering, k, m) as (j, i):
                s = e.load(values, real, j)
                factor = e.select(s > least, e.like(s, 1) / s, e.like(s, 0))
                e.store(u, j * m + i, e.load(u, dtype, j * m + i) * factor)
            one, zero = dtype.type(1), dtype.type(0)
            blas.call(e, work.name("gemm"), "N", "N", m, n, k, one, u, m, vh, k, zero, out, m)
            return e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, 2), prepare)


@lowers("least_squares")
def _least_squares(lister: Lister, operands: Any, node: Node) -> Any:
    rcond = node.params["rcond"]

    def prepare(work: Work, a: Any, b: Any, _out: Any) -> Any:
        lowering, e, dtype, real = work.lowering, work.lowering.e, work.dtype, real_dtype(work.dtype)
        (m, n), width = a, b[1]
        most = max(m, n)
        left, right, values = work.room(m * n), work.room(most * width), work.room(min(m, n), real)
        given = [m, n, width, left, m, right, most, values]
        cut = blas.in_memory(e, real.type(rcond))
        query = [EMPTY if isinstance(x, Pointer) else x for x in (*given, cut, values)]
        # LAPACK says here how much room for real numbers and for integers it wants.
        more = [np.zeros(1, real)] if dtype.kind == "c" else []
        whole = np.zeros(1, I32)
        size = lapack.workspace(work.name("gelsd"), *query, work.empty(), -1, *more, whole)[0]
        rooms = [work.room(int(x[0]), x.dtype) for x in (*more, whole)]
        call = work.prepared("gelsd", *given, cut, work.room(1, I32), work.room(size), size, *rooms)

        def one(a: Pointer, b: Pointer, out: Pointer) -> Value:
            turned(lowering, a, left, dtype, m, n)
            with lapack.elements(lowering, m, width) as (i, j):
                e.store(right, j * most + i, e.load(b, dtype, i * width + j))
            info = call()
            with lapack.elements(lowering, n, width) as (i, j):
                e.store(out, i * width + j, e.load(right, dtype, j * most + i))
            return e.ne(info, 0)

        return one

    return of_matrices(lister, node, operands, (2, 2, 2), prepare)


@lowers("constant_rank")
def _constant_rank(lister: Lister, operands: Any, node: Node) -> Any:
    """The pseudoinverse p of x as it is; the program is left where it leaves out more than rounding, as NumPy says."""
    if node.dtype.kind not in "fc" or any(lister.view(x).dtype != node.dtype for x in operands):
        return None

    def prepare(work: Work, p: Any, x: Any, _out: Any) -> Any:
        lowering, e, dtype, real = work.lowering, work.lowering.e, work.dtype, real_dtype(work.dtype)
        n, m = p
        inner, rest = work.room(n * n), work.room(m * n)
        one, zero = dtype.type(1), dtype.type(0)

        def length(at: Pointer, count: int) -> Value:
            total = e.variable(real)
            e.set(total, e.const(0, real))
            with e.loop(0, count) as i:
                x = e.load(at, dtype, i)
                for part in (x.re, x.im) if isinstance(x, Pair) else (x,):
                    e.set(total, e.get(total) + part * part)
            return e.sqrt(e.get(total))

        def made(p: Pointer, x: Pointer, out: Pointer) -> Value:
            straight(lowering, p, out, dtype, n * m)
            straight(lowering, x, rest, dtype, m * n)
            # In Fortran's order these are the transposes: p·x, and x·(p·x) − x.
            blas.call(e, work.name("gemm"), "N", "N", n, n, m, one, x, n, p, m, zero, inner, n)
            blas.call(e, work.name("gemm"), "N", "N", n, m, n, one, inner, n, x, n, -one, rest, n)
            return length(rest, m * n) * length(p, n * m) > float(np.sqrt(np.finfo(dtype).eps))

        return made

    return of_matrices(lister, node, operands, (2, 2, 2), prepare)
