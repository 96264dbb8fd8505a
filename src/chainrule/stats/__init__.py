"""Densities and distribution functions in SciPy's spelling, differentiable in every parameter: ``chainrule.stats``.

``norm.logpdf(x, loc, scale)`` and ``norm(loc, scale).logpdf(x)`` are ``scipy.stats.norm``'s, on Tensors. Outside of its
support a density is 0, its logarithm −∞, and nothing flows back from there. Parameters outside of their range give NaN,
as in SciPy, and so do their gradients.
"""

from chainrule.stats.continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    laplace,
    logistic,
    lognorm,
    norm,
    t,
    uniform,
    weibull_min,
)
from chainrule.stats.discrete import bernoulli, binom, nbinom, poisson
from chainrule.stats.multivariate import dirichlet, multivariate_normal

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "laplace",
    "logistic",
    "lognorm",
    "multivariate_normal",
    "nbinom",
    "norm",
    "poisson",
    "t",
    "uniform",
    "weibull_min",
]
