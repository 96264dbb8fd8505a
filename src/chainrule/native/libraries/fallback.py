"""Routines of BLAS as loop programs, for code that ships alone: right, and some ten times slower than a good BLAS.

The arguments are those of Fortran: pointers to everything, matrices column by column, ``N`` or ``T`` for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer, Program
from chainrule.native.language.values import I32, I64, Value
from chainrule.native.math import FUNCTIONS

LANES = 8
LETTERS = {"s": "float32", "d": "float64", "c": "complex64", "z": "complex128"}
Parameters = list[tuple[str, np.dtype, bool]]  # name, what it points to, and whether that is only read


def routine(name: str) -> tuple[Program, Parameters] | None:
    """The routine of this name, as ``blas_dgemm``; None if it is not among those written here."""
    kind = name.removeprefix("blas_")
    made = MADE.get(kind[1:])
    if not name.startswith("blas_") or made is None or kind[0] not in LETTERS:
        return None
    write, names, sizes, written = made
    dtype = np.dtype(LETTERS[kind[0]])
    parameters = [
        (p, np.dtype(np.uint8) if p.startswith("trans") else I32 if p in sizes else dtype, p != written) for p in names
    ]
    e = Emitter(FUNCTIONS)
    pointers = {p: Pointer(p) for p in names}

    def number(p: str) -> Value:
        return e.cast(e.load(pointers[p], I32, 0), I64)

    write(e, dtype, pointers, {p: number(p) for p in sizes})
    return e.program(name, list(pointers.values())), parameters


def _gemm(e: Emitter, dtype: np.dtype, at: dict[str, Pointer], size: dict[str, Value]) -> None:
    """c = alpha·a·b + beta·c, m by n, with k terms."""
    plain, turned = (e.compare("eq", e.load(at[p], np.dtype(np.uint8), 0), ord("N")) for p in ("transa", "transb"))
    lda, ldb = size["lda"], size["ldb"]
    down, right = e.select(turned, e.index(1), ldb), e.select(turned, ldb, e.index(1))
    alpha, beta = e.load(at["alpha"], dtype, 0), e.load(at["beta"], dtype, 0)
    zero = e.const(0, dtype)
    nothing = e.eq(beta.re, 0) & e.eq(beta.im, 0) if dtype.kind == "c" else e.eq(beta, 0)
    with e.loop(0, size["n"], note="columns of c") as j:
        column = j * size["ldc"]
        with e.loop(0, size["m"]) as i:
            with e.when(nothing) as orelse:
                e.store(at["c"], column + i, zero)
            with e.inside(orelse):
                e.store(at["c"], column + i, beta * e.load(at["c"], dtype, column + i))
        with e.loop(0, size["k"]) as q:
            factor = alpha * e.load(at["b"], dtype, q * down + j * right)

            def add(a: Any, to: Value, lanes: int, step: int = 1, factor: Any = factor) -> None:
                found = e.load(at["a"], dtype, a, lanes, step)
                e.store(at["c"], to, e.load(at["c"], dtype, to, lanes) + found * factor, lanes)

            with e.when(plain) as orelse:
                whole = size["m"] - size["m"] % LANES
                with e.loop(0, whole, LANES) as i:
                    add(q * lda + i, column + i, LANES)
                with e.loop(whole, size["m"]) as i:
                    add(q * lda + i, column + i, 1)
            with e.inside(orelse), e.loop(0, size["m"]) as i:
                add(i * lda + q, column + i, 1)


GEMM = ["transa", "transb", "m", "n", "k", "alpha", "a", "lda", "b", "ldb", "beta", "c", "ldc"]
# How each is written, its parameters, which of them are sizes, and which it writes to.
MADE: dict[str, tuple[Callable[..., None], list[str], list[str], str]] = {
    "gemm": (_gemm, GEMM, ["m", "n", "k", "lda", "ldb", "ldc"], "c"),
}
