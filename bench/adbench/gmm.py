"""ADBench, Gaussian mixtures: the gradient of a log-posterior in weights, means and inverse covariance factors.

    Σᵢ log Σₖ exp(αₖ + Σ qₖ − ½ |Qₖ (xᵢ − μₖ)|²) − n log Σₖ exp αₖ − ½ n d log 2π + Σₖ log W(qₖ, lₖ)

with Qₖ = diag(exp qₖ) + Lₖ, Lₖ strictly lower triangular of elements lₖ, and the prior of Wishart,
log W = m Σ q − ½ γ² (|exp q|² + |l|²) + C. An inverse covariance factor is a row (q, l).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import multigammaln

import chainrule as cr
from bench.adbench.race import Pair, Size, c_library, jitted, pointers, race
from bench.measure import Row

GAMMA, M = 1.0, 0

SIZES = {
    "d2 K5 n1k": Size((2, 5, 1_000)),
    "d10 K25 n1k": Size((10, 25, 1_000), 0.8),
    "d10 K25 n10k": Size((10, 25, 10_000), 0.8),
    "d64 K100 n1k": Size((64, 100, 1_000), 0.8),
    "d128 K50 n1k": Size((128, 50, 1_000)),
}


def data(d: int, k: int, n: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(d)
    return rng.normal(size=k), rng.random((k, d)), rng.normal(size=(k, d * (d + 1) // 2)), rng.normal(size=(n, d))


def constant(d: int, k: int, n: int) -> float:
    """What does not depend on parameters; the prior has d + m + 1 degrees of freedom."""
    freedom = d + M + 1
    wishart = freedom * d * np.log(GAMMA / np.sqrt(2)) - multigammaln(freedom / 2, d)
    return float(k * wishart - n * d / 2 * np.log(2 * np.pi))


def log_posterior(xp: Any, logsumexp: Any, lower: Any, alphas: Any, means: Any, icf: Any, x: Any) -> Any:
    """The formula above, in the spelling that NumPy, JAX and autograd share; ``lower`` gives Lᵀ of each component."""
    n, d = x.shape
    q, below = icf[:, :d], icf[:, d:]
    scale = xp.exp(q)
    centred = x - means[:, None, :]
    whitened = scale[:, None, :] * centred + centred @ lower(below)
    exponents = (alphas + xp.sum(q, axis=1))[:, None] - 0.5 * xp.sum(whitened * whitened, axis=2)
    likelihood = xp.sum(logsumexp(exponents, axis=0)) - n * logsumexp(alphas)
    prior = M * xp.sum(q) - 0.5 * GAMMA**2 * (xp.sum(scale * scale) + xp.sum(below * below))
    return likelihood + prior + constant(d, len(alphas), n)


def ours(inputs: tuple[np.ndarray, ...]) -> Pair:
    k, d = inputs[1].shape
    rows, columns = np.tril_indices(d, -1)

    def lower(below: Any) -> Any:
        transposed = cr.zeros((k, d, d))
        transposed[:, columns, rows] = below
        return transposed

    def objective(*inputs: Any) -> Any:
        return log_posterior(cr, cr.logsumexp, lower, *inputs)

    tensors = tuple(map(cr.tensor, inputs))
    value, gradient = jitted(objective), jitted(cr.grad(objective, argnums=(0, 1, 2)))
    return Pair(lambda: value(*tensors), lambda: gradient(*tensors))


def by_jax(inputs: tuple[np.ndarray, ...]) -> Pair:
    import jax
    import jax.numpy as jnp

    k, d = inputs[1].shape
    rows, columns = np.tril_indices(d, -1)

    def objective(*inputs: Any) -> Any:
        return log_posterior(
            jnp,
            jax.scipy.special.logsumexp,
            lambda below: jnp.zeros((k, d, d)).at[:, columns, rows].set(below),
            *inputs,
        )

    arrays = tuple(map(jnp.asarray, inputs))
    value, gradient = jax.jit(objective), jax.jit(jax.grad(objective, argnums=(0, 1, 2)))
    return Pair(lambda: value(*arrays).block_until_ready(), lambda: jax.block_until_ready(gradient(*arrays)))


def by_autograd(inputs: tuple[np.ndarray, ...]) -> Pair | None:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    k, d = inputs[1].shape
    if k * d * len(inputs[3]) > 1_000_000:
        return None  # seconds for each gradient
    rows, columns = np.tril_indices(d, -1)
    place = np.full((d, d), d * (d - 1) // 2)  # autograd assigns to no elements: zeros come from a column of them
    place[columns, rows] = np.arange(len(rows))

    def lower(below: Any) -> Any:
        return anp.concatenate([below, np.zeros((k, 1))], axis=1)[:, place]

    def objective(parameters: Any) -> Any:
        return log_posterior(anp, logsumexp, lower, *parameters, inputs[3])

    gradient = autograd.grad(objective)
    return Pair(lambda: objective(inputs[:3]), lambda: gradient(inputs[:3]))


def torch_objective(torch: Any, inputs: tuple[np.ndarray, ...]) -> Any:
    k, d = inputs[1].shape
    rows, columns = map(torch.as_tensor, np.tril_indices(d, -1))

    def objective(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
        q, below = icf[:, :d], icf[:, d:]
        lower = torch.zeros((k, d, d), dtype=icf.dtype).index_put((torch.arange(k)[:, None], columns, rows), below)
        scale = torch.exp(q)
        centred = x - means[:, None, :]
        whitened = scale[:, None, :] * centred + centred @ lower
        exponents = (alphas + q.sum(1))[:, None] - 0.5 * (whitened * whitened).sum(2)
        likelihood = torch.logsumexp(exponents, 0).sum() - len(x) * torch.logsumexp(alphas, 0)
        prior = M * q.sum() - 0.5 * GAMMA**2 * ((scale * scale).sum() + (below * below).sum())
        return likelihood + prior + constant(d, k, len(x))

    return objective


def by_torch(inputs: tuple[np.ndarray, ...], compile: bool = False) -> Pair:
    import torch

    objective = torch_objective(torch, inputs)
    if compile:
        objective = torch.compile(objective)
    tensors = tuple(map(torch.tensor, inputs))
    parameters = tuple(t.requires_grad_() for t in tensors[:3])

    def value() -> Any:
        with torch.no_grad():
            return objective(*tensors)

    return Pair(value, lambda: torch.autograd.grad(objective(*tensors), parameters))


def by_torch_compile(inputs: tuple[np.ndarray, ...]) -> Pair:
    return by_torch(inputs, compile=True)


def by_c(inputs: tuple[np.ndarray, ...]) -> Pair | None:
    library = c_library("gmm")
    if library is None:
        return None
    (k, d), n = inputs[1].shape, len(inputs[3])
    gradients = tuple(np.empty_like(a) for a in inputs[:3])
    value = np.empty(1)
    sizes = (d, k, n)
    forward = pointers(library.gmm_objective, sizes, (*inputs, value))
    backward = pointers(library.gmm_gradient, sizes, (*inputs, *gradients))
    shift = constant(d, k, n)

    def objective() -> Any:
        forward()
        return value[0] + shift

    def gradient() -> Any:
        backward()
        return gradients

    return Pair(objective, gradient)


LIBRARIES = {
    "core": ours,
    "jax": by_jax,
    "torch": by_torch,
    "torch.compile": by_torch_compile,
    "autograd": by_autograd,
    "C": by_c,
}


def rows() -> list[Row]:
    return race("GMM gradient", __name__, scalar=True)
