"""The Hessian of Rosenbrock's function, Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²: dense, and its product with a vector."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case


def program(xp: Any, x: Any) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def data(n: int) -> tuple[Any, ...]:
    x, v = np.random.default_rng(0).normal(size=(2, n))
    return x, v


def ours(n: int, what: str = "hessian") -> libraries.Call:
    import chainrule as cr

    if what != "hvp":
        return libraries.ours(program, data(n)[:1], what=what)
    f = partial(program, libraries.our_names())
    return libraries.Call(libraries.compiled_by_us(lambda x, v: cr.hvp(f, x, v)), data(n))


def jax(n: int, what: str = "hessian") -> libraries.Call:
    if what != "hvp":
        return libraries.jax(program, data(n)[:1], what=what)
    library = libraries.jax_module()

    def product(xp: Any, x: Any, v: Any) -> Any:
        return library.jvp(library.grad(partial(program, xp)), (x,), (v,))[1]

    return libraries.jax(product, data(n), what="itself")


def torch_compile(n: int, what: str = "hessian") -> libraries.Call:
    if what == "hessian":
        return libraries.torch_compile(program, data(n)[:1], what=what)
    library = libraries.torch_module()

    def product(xp: Any, x: Any, v: Any) -> Any:
        return library.func.jvp(library.func.grad(partial(program, xp)), (x,), (v,))[1]

    return libraries.torch_compile(product, data(n), what="itself")


def torch(n: int, what: str = "hessian") -> libraries.Call:
    if what == "hessian":
        return libraries.torch(program, data(n)[:1], what=what)
    library = libraries.torch_module()

    def product(xp: Any, x: Any, v: Any) -> Any:
        return library.autograd.functional.vhp(partial(program, xp), x, v)[1]

    return libraries.torch(product, data(n), what="itself")


def autograd(n: int, what: str = "hessian") -> libraries.Call:
    import autograd as library

    if what == "hessian":
        return libraries.autograd(program, data(n)[:1], what=what)

    def product(xp: Any, x: Any, v: Any) -> Any:
        return library.hessian_vector_product(partial(program, xp))(x, v)

    return libraries.autograd(product, data(n), what="itself")


def casadi(n: int, what: str = "hessian") -> libraries.Call:
    import casadi as library

    x, v = library.SX.sym("x", n), library.SX.sym("v", n)
    y = library.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    if what == "hessian":
        return libraries.casadi([x], [library.hessian(y, x)[0]], data(n)[:1])
    return libraries.casadi([x, v], [library.jtimes(library.gradient(y, x), x, v)], data(n))


CASES = [
    Case("Hessian, n = 100", (100,), "µs", 15.0, None),
    Case("Hessian, n = 1,000", (1000,), "ms", 1.0),
    Case("Hessian by vector, n = 1e6", (1_000_000, "hvp"), "ms", 1.0, rtol=1e-6),
]


def rows() -> list[Row]:
    return contest.rows("rosenbrock", CASES)
