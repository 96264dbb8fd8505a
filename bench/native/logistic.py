"""The loss of logistic regression, mean of log(1 + eᶻ) − y z with z = X w + b, and its gradient in w and b."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case


def program(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    z = x @ w + b
    return xp.mean(xp.softplus(z) - y * z)


def data(n: int, features: int, dtype: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, features)).astype(dtype)
    w = (rng.normal(size=features) / features**0.5).astype(dtype)
    y = (x @ w + rng.logistic(size=n) > 0).astype(dtype)
    return w / 2, np.asarray(0.1, dtype), x, y


def ours(n: int, features: int, dtype: str, what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(n, features, dtype), (0, 1), what)


def jax(n: int, features: int, dtype: str, what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(n, features, dtype), (0, 1), what)


def torch_compile(n: int, features: int, dtype: str) -> libraries.Call:
    return libraries.torch_compile(program, data(n, features, dtype), (0, 1))


def torch(n: int, features: int, dtype: str) -> libraries.Call:
    return libraries.torch(program, data(n, features, dtype), (0, 1))


def pytensor(n: int, features: int, dtype: str) -> libraries.Call:
    return libraries.pytensor(program, data(n, features, dtype), (0, 1))


def autograd(n: int, features: int, dtype: str) -> libraries.Call:
    return libraries.autograd(program, data(n, features, dtype), (0, 1))


CASES = [
    Case("100,000 × 100, float64", (100_000, 100, "float64"), limit=1.0),
    Case("100,000 × 100, float32", (100_000, 100, "float32"), limit=1.0, rtol=1e-3),
]


def rows() -> list[Row]:
    return contest.rows("logistic", CASES)
