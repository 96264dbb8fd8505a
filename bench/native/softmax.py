"""A step of gradient descent of softmax regression on data of the size of the digits: 1,797 × 64, 10 classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

RATE = 0.5


def loss(xp: Any, w: Any, b: Any, x: Any, t: Any) -> Any:
    """The mean of log Σ exp(z) − z[t] with z = x W + b."""
    z = x @ w + b
    return xp.mean(xp.logsumexp(z, 1) - z[xp.arange(t.shape[0]), t])


def program(xp: Any, w: Any, b: Any, x: Any, t: Any) -> Any:
    value, (dw, db) = xp.value_and_grad(lambda w, b: loss(xp, w, b, x, t), (0, 1))(w, b)
    return value, w - RATE * dw, b - RATE * db


def data(n: int = 1797, features: int = 64, classes: int = 10) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(n, features)).astype("float32")
    w = (rng.normal(size=(features, classes)) / 10).astype("float32")
    return w, np.zeros(classes, "float32"), x, rng.integers(classes, size=n)


def ours(what: str = "step") -> libraries.Call:
    return libraries.ours(program if what == "step" else loss, data(), what="itself")


def jax(what: str = "step") -> libraries.Call:
    return libraries.jax(program if what == "step" else loss, data(), what="itself")


def torch_compile() -> libraries.Call:
    return libraries.torch_compile(program, data(), what="itself")


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), what="itself")


def torch() -> libraries.Call:
    """The step as it is written with a tape."""
    library = libraries.torch_module()
    w, b, x, t = map(library.tensor, data())

    def run(w: Any, b: Any) -> Any:
        w, b = w.detach().requires_grad_(), b.detach().requires_grad_()
        value = library.nn.functional.cross_entropy(library.addmm(b, x, w), t)
        dw, db = library.autograd.grad(value, (w, b))
        with library.no_grad():
            return value.detach(), w - RATE * dw, b - RATE * db

    return libraries.Call(run, (w, b), lambda found: [x.detach() for x in found])


def pytensor() -> libraries.Call:
    import pytensor as library
    import pytensor.tensor as pt

    arrays = data()
    w, b, x, t = inputs = [pt.tensor(dtype=str(a.dtype), shape=a.shape) for a in arrays]
    value = loss(libraries.pytensor_names(), w, b, x, t)
    dw, db = library.grad(value, [w, b])
    function = library.function(inputs, [value, w - np.float32(RATE) * dw, b - np.float32(RATE) * db])
    function.trust_input = True
    return libraries.Call(function, arrays)


CASES = [Case("step", limit=1.0, rtol=1e-4)]


def rows() -> list[Row]:
    return contest.rows("softmax", CASES)
