"""The gradient of |y(T)|² in the parameters and the start of Lotka and Volterra's equations, by 1,000 steps of RK4.

y₀' = α y₀ − β y₀ y₁,  y₁' = δ y₀ y₁ − γ y₁.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

STEP = 0.01


def field(xp: Any, y: Any, p: Any) -> Any:
    both = y[0] * y[1]
    return xp.stack([p[0] * y[0] - p[1] * both, p[2] * both - p[3] * y[1]])


def program(xp: Any, p: Any, y: Any, steps: int = 1000) -> Any:
    def step(y: Any, _: Any) -> Any:
        k1 = field(xp, y, p)
        k2 = field(xp, y + STEP / 2 * k1, p)
        k3 = field(xp, y + STEP / 2 * k2, p)
        k4 = field(xp, y + STEP * k3, p)
        return y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    end, _ = xp.scan(step, y, None, length=steps)
    return xp.sum(end * end)


def data() -> tuple[Any, ...]:
    return np.array([1.1, 0.4, 0.1, 0.4]), np.array([10.0, 5.0])


def ours(what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(), (0, 1), what)


def jax(what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(), (0, 1), what)


def torch() -> libraries.Call:
    return libraries.torch(program, data(), (0, 1))


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), (0, 1))


def casadi() -> libraries.Call:
    import casadi as library

    p, y = library.SX.sym("p", 4), library.SX.sym("y", 2)

    def field(y: Any) -> Any:
        both = y[0] * y[1]
        return library.vertcat(p[0] * y[0] - p[1] * both, p[2] * both - p[3] * y[1])

    k1 = field(y)
    k2 = field(y + STEP / 2 * k1)
    k3 = field(y + STEP / 2 * k2)
    k4 = field(y + STEP * k3)
    step = library.Function("step", [y, p], [y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)])
    parameters, start = library.MX.sym("p", 4), library.MX.sym("y", 2)
    end = step.mapaccum(1000)(start, library.repmat(parameters, 1, 1000))[:, -1]
    value = library.dot(end, end)
    slopes = [library.gradient(value, parameters), library.gradient(value, start)]
    return libraries.casadi([parameters, start], [value, *slopes], data())


def by_c() -> libraries.Call:
    given = [np.zeros(1), np.zeros(4), np.zeros(2)]
    return libraries.in_c("rk4", [*data(), STEP, 1000], given, scratch=[np.zeros((1001, 2))])


CASES = [Case("1,000 steps", limit=0.1, against=None)]


def rows() -> list[Row]:
    return contest.rows("rk4", CASES)
