"""Σ tanh(a x + b) exp(−x²), its value and its gradient in x: one pass over memory, if a compiler sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case


def program(xp: Any, x: Any, a: Any, b: Any) -> Any:
    return xp.sum(xp.tanh(a * x + b) * xp.exp(-x * x))


def data(n: int, dtype: str) -> tuple[Any, ...]:
    x = np.random.default_rng(0).normal(size=n).astype(dtype)
    return x, np.asarray(1.3, dtype), np.asarray(0.2, dtype)


def ours(n: int, dtype: str, what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(n, dtype), what=what)


def jax(n: int, dtype: str, what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(n, dtype), what=what)


def torch_compile(n: int, dtype: str) -> libraries.Call:
    return libraries.torch_compile(program, data(n, dtype))


def torch(n: int, dtype: str) -> libraries.Call:
    return libraries.torch(program, data(n, dtype))


def pytensor(n: int, dtype: str) -> libraries.Call:
    return libraries.pytensor(program, data(n, dtype))


def autograd(n: int, dtype: str) -> libraries.Call:
    return libraries.autograd(program, data(n, dtype))


def numba(n: int, dtype: str) -> libraries.Call:
    """The derivative by hand."""
    import numba as library

    @library.njit(fastmath=True)
    def both(x: Any, a: Any, b: Any) -> Any:
        one, two = x.dtype.type(1), x.dtype.type(2)
        total, slopes = x.dtype.type(0), np.empty_like(x)
        for i in range(len(x)):
            t, e = np.tanh(a * x[i] + b), np.exp(-x[i] * x[i])
            total += t * e
            slopes[i] = e * (a * (one - t * t) - two * x[i] * t)
        return total, slopes

    x, a, b = data(n, dtype)
    return libraries.Call(both, (x, a[()], b[()]))


def by_c(n: int, dtype: str) -> libraries.Call:
    x, a, b = data(n, dtype)
    name = "fused" if dtype == "float64" else "fused32"
    return libraries.in_c(name, [n, x, float(a), float(b)], [np.zeros(1), np.zeros(n, dtype)], fast=True)


def casadi(n: int, dtype: str) -> libraries.Call:
    """One element as scalar code, mapped over all; in float64, which is all there is."""
    import casadi as library

    x, a, b = map(library.SX.sym, "xab")
    y = library.tanh(a * x + b) * library.exp(-x * x)
    both = library.Function("both", [x, a, b], [y, library.gradient(y, x)]).map(n)
    xs, a, b = library.MX.sym("x", 1, n), library.MX.sym("a"), library.MX.sym("b")
    values, slopes = both(xs, library.repmat(a, 1, n), library.repmat(b, 1, n))
    return libraries.casadi([xs, a, b], [library.sum2(values), slopes], data(n, dtype))


CASES = [
    Case("n = 1e3, float64", (1000, "float64"), "µs", 3.0, None),
    Case("n = 1e5, float64", (100_000, "float64"), "ms", 0.2, None),
    Case("n = 1e7, float64", (10_000_000, "float64"), "ms", 25.0, None, without=["autograd"]),
    Case("n = 1e3, float32", (1000, "float32"), "µs", rtol=1e-4),
    Case("n = 1e5, float32", (100_000, "float32"), "ms", rtol=1e-3),
    Case("n = 1e7, float32", (10_000_000, "float32"), "ms", rtol=1e-2, without=["autograd"]),
]


def rows() -> list[Row]:
    return contest.rows("fused", CASES)
