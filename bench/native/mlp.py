"""A step of gradient descent of a perceptron 64-128-64-10 with relu on a batch of 1,024, in float32."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

SIZES = (64, 128, 64, 10)
RATE = 0.05


def loss(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, t: Any) -> Any:
    """The mean of log Σ exp(z) − z[t] with z what the last layer gives."""
    h = xp.relu(x @ w1 + b1)
    h = xp.relu(h @ w2 + b2)
    z = h @ w3 + b3
    return xp.mean(xp.logsumexp(z, 1) - z[xp.arange(t.shape[0]), t])


def program(xp: Any, *arrays: Any) -> Any:
    *layers, x, t = arrays
    value, slopes = xp.value_and_grad(lambda *layers: loss(xp, *layers, x, t), tuple(range(6)))(*layers)
    return value, [p - RATE * g for p, g in zip(layers, slopes, strict=True)]


def data(batch: int = 1024, sizes: tuple[int, ...] = SIZES) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    layers = []
    for m, n in pairwise(sizes):
        layers += [rng.normal(0, (2 / m) ** 0.5, (m, n)).astype("float32"), np.zeros(n, "float32")]
    return *layers, rng.uniform(size=(batch, sizes[0])).astype("float32"), rng.integers(sizes[-1], size=batch)


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
    *layers, x, t = map(library.tensor, data())
    functional = library.nn.functional

    def run(*layers: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = layers = [p.detach().requires_grad_() for p in layers]
        h = functional.relu(library.addmm(b1, x, w1))
        h = functional.relu(library.addmm(b2, h, w2))
        value = functional.cross_entropy(library.addmm(b3, h, w3), t)
        slopes = library.autograd.grad(value, layers)
        with library.no_grad():
            return value.detach(), [p - RATE * g for p, g in zip(layers, slopes, strict=True)]

    return libraries.Call(run, layers)


def pytensor() -> libraries.Call:
    import pytensor as library
    import pytensor.tensor as pt

    arrays = data()
    *layers, x, t = inputs = [pt.tensor(dtype=str(a.dtype), shape=a.shape) for a in arrays]
    value = loss(libraries.pytensor_names(), *layers, x, t)
    rate = np.float32(RATE)
    after = [p - rate * g for p, g in zip(layers, library.grad(value, layers), strict=True)]
    function = library.function(inputs, [value, *after])
    function.trust_input = True
    return libraries.Call(function, arrays)


CASES = [Case("step", limit=1.0, rtol=1e-4)]


def rows() -> list[Row]:
    return contest.rows("mlp", CASES)
