"""ADBench, Gaussian mixtures: the gradient of a log-posterior in weights, means and inverse covariance factors.

    Σᵢ log Σₖ exp(αₖ + Σ qₖ − ½ |Qₖ (xᵢ − μₖ)|²) − n log Σₖ exp αₖ − ½ n d log 2π + Σₖ log W(qₖ, lₖ)

with Qₖ = diag(exp qₖ) + Lₖ, Lₖ strictly lower triangular of elements lₖ, and the prior of Wishart,
log W = m Σ q − ½ γ² (|exp q|² + |l|²) + C. An inverse covariance factor is a row (q, l).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.special import multigammaln

from bench.adbench import C
from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

GAMMA, M = 1.0, 0
PARAMETERS = (0, 1, 2)


def data(d: int, k: int, n: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(d)
    return rng.normal(size=k), rng.random((k, d)), rng.normal(size=(k, d * (d + 1) // 2)), rng.normal(size=(n, d))


def constant(d: int, k: int, n: int) -> float:
    """What does not depend on parameters; the prior has d + m + 1 degrees of freedom."""
    freedom = d + M + 1
    wishart = freedom * d * np.log(GAMMA / np.sqrt(2)) - multigammaln(freedom / 2, d)
    return float(k * wishart - n * d / 2 * np.log(2 * np.pi))


def log_posterior(xp: Any, alphas: Any, means: Any, icf: Any, x: Any, lower: Any, shift: float) -> Any:
    """The formula above; ``lower`` gives Lᵀ of each component, ``shift`` is constant."""
    n, d = x.shape
    q, below = icf[:, :d], icf[:, d:]
    scale = xp.exp(q)
    centred = x - means[:, None, :]
    whitened = scale[:, None, :] * centred + centred @ lower(below, d)
    exponents = (alphas + xp.sum(q, axis=1))[:, None] - 0.5 * xp.sum(whitened * whitened, axis=2)
    likelihood = xp.sum(xp.logsumexp(exponents, 0)) - n * xp.logsumexp(alphas, 0)
    prior = M * xp.sum(q) - 0.5 * GAMMA**2 * (xp.sum(scale * scale) + xp.sum(below * below))
    return likelihood + prior + shift


def program(lower: Any, *sizes: int) -> libraries.Program:
    return partial(log_posterior, lower=lower, shift=constant(*sizes))


def triangle(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the elements of l stand in Lᵀ."""
    rows, columns = np.tril_indices(d, -1)
    return columns, rows


def ours(d: int, k: int, n: int, what: str = "value_and_grad") -> libraries.Call:
    import chainrule as cr

    def lower(below: Any, d: int) -> Any:
        rows, columns = triangle(d)
        transposed = cr.zeros((len(below), d, d))
        transposed[:, rows, columns] = below
        return transposed

    return libraries.ours(program(lower, d, k, n), data(d, k, n), PARAMETERS, what)


def jax(d: int, k: int, n: int, what: str = "value_and_grad") -> libraries.Call:
    def lower(below: Any, d: int) -> Any:
        import jax.numpy as jnp

        rows, columns = triangle(d)
        return jnp.zeros((len(below), d, d)).at[:, rows, columns].set(below)

    return libraries.jax(program(lower, d, k, n), data(d, k, n), PARAMETERS, what)


def torch_lower(below: Any, d: int) -> Any:
    import torch

    components = torch.arange(len(below))[:, None]
    rows, columns = map(torch.as_tensor, triangle(d))
    return torch.zeros((len(below), d, d), dtype=below.dtype).index_put((components, rows, columns), below)


def torch_compile(d: int, k: int, n: int) -> libraries.Call:
    return libraries.torch_compile(program(torch_lower, d, k, n), data(d, k, n), PARAMETERS)


def torch(d: int, k: int, n: int) -> libraries.Call:
    return libraries.torch(program(torch_lower, d, k, n), data(d, k, n), PARAMETERS)


def padded_lower(xp: Any, below: Any, d: int) -> Any:
    """Lᵀ for libraries that assign to no elements: its zeros are copies of one beside l."""
    place = np.full((d, d), d * (d - 1) // 2)
    place[triangle(d)] = np.arange(d * (d - 1) // 2)
    return xp.concatenate([below, np.zeros((len(below), 1))], axis=1)[:, place]


def autograd(d: int, k: int, n: int) -> libraries.Call:
    import autograd.numpy as np

    return libraries.autograd(program(partial(padded_lower, np), d, k, n), data(d, k, n), PARAMETERS)


def by_c(d: int, k: int, n: int) -> libraries.Call:
    inputs = data(d, k, n)
    given = [np.empty(1), *(np.empty_like(a) for a in inputs[:3])]
    return libraries.in_c("gmm", [d, k, n, constant(d, k, n), *inputs], given, fast=True, folder=C)


CASES = [
    Case("d2 K5 n1k", (2, 5, 1_000)),
    Case("d10 K25 n1k", (10, 25, 1_000), limit=0.8),
    Case("d10 K25 n10k", (10, 25, 10_000), limit=0.8, without=["autograd"]),
    Case("d64 K100 n1k", (64, 100, 1_000), limit=0.8, without=["autograd"]),
    Case("d128 K50 n1k", (128, 50, 1_000), without=["autograd"]),
]


def rows() -> list[Row]:
    return contest.rows("adbench.gmm", CASES)
