"""Value and gradient of 2 x·x on 4 doubles: what a call costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case


def program(_xp: Any, x: Any) -> Any:
    return 2 * x @ x


def data() -> tuple[Any, ...]:
    return (np.array([1.0, 2.0, 3.0, 4.0]),)


def ours(what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(), what=what)


def jax(what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(), what=what)


def torch_compile() -> libraries.Call:
    return libraries.torch_compile(program, data())


def torch() -> libraries.Call:
    return libraries.torch(program, data())


def pytensor() -> libraries.Call:
    return libraries.pytensor(program, data())


def autograd() -> libraries.Call:
    return libraries.autograd(program, data())


def casadi() -> libraries.Call:
    import casadi as library

    x = library.SX.sym("x", 4)
    y = 2 * library.dot(x, x)
    return libraries.casadi([x], [y, library.gradient(y, x)], data())


def numba() -> libraries.Call:
    """The derivative by hand."""
    import numba as library

    @library.njit
    def both(x: Any) -> Any:
        return 2 * (x @ x), 4 * x

    return libraries.Call(both, data())


def by_c() -> libraries.Call:
    return libraries.in_c("tiny", data(), [np.zeros(1), np.zeros(4)])


CASES = [Case("", unit="µs", limit=0.15, against=None)]


def rows() -> list[Row]:
    return contest.rows("tiny", CASES)
