"""The descent of a first lecture, y = 2 x₀² + 4 x₁² from (11, 2), as one compiled loop of 10,000 steps.

The rate is smaller than in the lecture: x would be denormal after 1,400 steps of 0.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

STEPS, RATE = 10_000, 1e-4


def objective(x: Any) -> Any:
    return 2 * x[0] ** 2 + 4 * x[1] ** 2


def program(xp: Any, x: Any, steps: int = STEPS) -> Any:
    return xp.fori_loop(0, steps, lambda _, x: x - RATE * xp.grad(objective)(x), x)


def data() -> tuple[Any, ...]:
    return (np.array([11.0, 2.0]),)


def ours() -> libraries.Call:
    return libraries.ours(program, data(), what="itself")


def jax() -> libraries.Call:
    return libraries.jax(program, data(), what="itself")


def torch() -> libraries.Call:
    return libraries.torch(program, data(), what="itself")


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), what="itself")


def casadi() -> libraries.Call:
    """Steps are mapped and accumulated by CasADi's own loop."""
    import casadi as library

    x = library.SX.sym("x", 2)
    step = library.Function("step", [x], [x - RATE * library.gradient(objective(x), x)])
    start = library.MX.sym("x", 2)
    return libraries.casadi([start], [step.fold(STEPS)(start)], data())


def numba() -> libraries.Call:
    """The derivative by hand."""
    import numba as library

    @library.njit
    def loop(x: Any) -> Any:
        a, b = x
        for _ in range(STEPS):
            a, b = a - RATE * (2 * (2 * a)), b - RATE * (4 * (2 * b))
        return np.array([a, b])

    return libraries.Call(loop, data())


def by_c() -> libraries.Call:
    return libraries.in_c("descent", [*data(), RATE, STEPS], [np.zeros(2)])


CASES = [Case("an iteration", unit="ns", limit=5.0, against=None, steps=STEPS)]


def rows() -> list[Row]:
    return contest.rows("descent", CASES)
