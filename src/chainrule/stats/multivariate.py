"""Distributions of vectors: multivariate normal and Dirichlet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import DomainError, ShapeError
from chainrule.ops import ops
from chainrule.stats.distribution import concretely_true, reals

LOG_2PI = math.log(2 * math.pi)


class Frozen:
    """A distribution whose parameters are chosen."""

    def __init__(self, distribution: Any, *parameters: Any):
        self.distribution, self.parameters = distribution, parameters

    def pdf(self, x: Any) -> Any:
        """The density at x."""
        return self.distribution.pdf(x, *self.parameters)

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density at x."""
        return self.distribution.logpdf(x, *self.parameters)

    def entropy(self) -> Any:
        """−∫ pdf · log pdf dx."""
        return self.distribution.entropy(*self.parameters)


class MultivariateNormal:
    """The normal distribution of vectors, of a mean (0 by default) and a covariance matrix (1 by default).

    ``cov`` may be a matrix, a vector (its diagonal) or a number; with numbers for both, the distribution is that of
    numbers. Raises what ``linalg.cholesky`` does where ``cov`` is not positive definite. Only the matrix's lower
    triangle is read.

    >>> import chainrule as cr
    >>> cr.stats.multivariate_normal.logpdf(cr.tensor([0.5, 0.0]), [0.0, 0.0], [[2.0, 0.5], [0.5, 1.0]])
    tensor(-2.18911353)
    """

    def __call__(self, mean: Any = None, cov: Any = 1.0) -> Frozen:
        return Frozen(self, mean, cov)

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """The density at the vectors x of shape (..., d)."""
        return ops.exp(self.logpdf(x, mean, cov))

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """The logarithm of the density at the vectors x of shape (..., d), of shape (...): axes of size 1 stay."""
        x, mean, cov = reals("multivariate_normal.logpdf", [x, 0.0 if mean is None else mean, cov])
        d = self._dimension(mean, cov)
        if d == 1 and (x.ndim < 2 or x.shape[-1] != 1):  # as in SciPy, numbers then, not vectors
            x = ops.expand_dims(x, axis=-1)
        if x.shape[-1:] != (d,):
            raise ShapeError(
                f"[multivariate_normal.logpdf] x has shape {x.shape}, but mean and cov have {d} components; expected "
                f"(..., {d}); the last axis of x is the vector."
            )
        factor = self._factor(cov, d)
        away = ops.subtract(x, mean)
        rows = ops.reshape(away, (-1, d))
        z = ops.solve_triangular(factor, ops.permute_dims(rows, (1, 0)), lower=True)
        square = ops.reshape(ops.sum(ops.multiply(z, z), axis=0), away.shape[:-1])
        return ops.multiply(-0.5, ops.add(square, ops.add(self._logdet(factor), d * LOG_2PI)))

    def entropy(self, mean: Any = None, cov: Any = 1.0) -> Any:
        """½ log det(2πe cov)."""
        mean, cov = reals("multivariate_normal.entropy", [0.0 if mean is None else mean, cov])
        d = self._dimension(mean, cov)
        return ops.multiply(0.5, ops.add(self._logdet(self._factor(cov, d)), d * (LOG_2PI + 1)))

    def _dimension(self, mean: Any, cov: Any) -> int:
        """d, by the parameters; 1 if both are numbers."""
        sizes = {x.shape[-1] for x in (mean, cov) if x.shape}
        if len(sizes) > 1 or cov.ndim > 2 or mean.ndim > 1 or (cov.ndim == 2 and cov.shape[0] != cov.shape[1]):
            raise ShapeError(
                f"[multivariate_normal] mean has shape {mean.shape} and cov {cov.shape}; expected (d,) and (d, d), "
                f"(d,) or a number; give one mean vector and one covariance matrix."
            )
        return max(sizes, default=1)

    def _factor(self, cov: Any, d: int) -> Any:
        if cov.ndim < 2:
            cov = ops.multiply(cov, np.eye(d, dtype=cov.dtype))
        return ops.cholesky(cov)

    def _logdet(self, factor: Any) -> Any:
        return ops.multiply(2.0, ops.sum(ops.log(ops.diagonal(factor))))


class Dirichlet:
    """The Dirichlet distribution of points of the simplex: Π xᵢ^(αᵢ−1) / B(α).

    As in SciPy, the components of x are its *first* axis, and the last component, 1 minus the others, may be left out.

    >>> import chainrule as cr
    >>> cr.stats.dirichlet.logpdf(cr.tensor([0.2, 0.3, 0.5]), [1.0, 2.0, 3.0])
    tensor(1.5040774)
    """

    def __call__(self, alpha: Any) -> Frozen:
        return Frozen(self, alpha)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """The density at x of shape (k, ...) or (k − 1, ...), alpha of shape (k,)."""
        return ops.exp(self.logpdf(x, alpha))

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """The logarithm of the density at x of shape (k, ...) or (k − 1, ...), alpha of shape (k,)."""
        x, alpha = reals("dirichlet.logpdf", [x, alpha])
        x = self._whole("dirichlet.logpdf", x, self._alpha("dirichlet.logpdf", alpha))
        powers = ops.reshape(alpha - 1.0, (alpha.shape[0], *(1,) * (x.ndim - 1)))
        return ops.subtract(ops.sum(ops.xlogy(powers, x), axis=0), self._logbeta(alpha))

    def entropy(self, alpha: Any) -> Any:
        """−∫ pdf · log pdf dx."""
        (alpha,) = reals("dirichlet.entropy", [alpha])
        total = ops.sum(self._alpha("dirichlet.entropy", alpha))
        own = ops.sum(ops.multiply(alpha - 1.0, ops.digamma(alpha)))
        spread = ops.multiply(total - float(alpha.shape[0]), ops.digamma(total))
        return ops.subtract(ops.add(self._logbeta(alpha), spread), own)

    def _logbeta(self, alpha: Any) -> Any:
        return ops.subtract(ops.sum(ops.gammaln(alpha)), ops.gammaln(ops.sum(alpha)))

    def _alpha(self, name: str, alpha: Any) -> Any:
        if alpha.ndim != 1:
            raise ShapeError(
                f"[{name}] alpha has shape {alpha.shape}; expected a vector; call once for each vector of them."
            )
        if alpha._value is not None and not concretely_true(ops.greater(alpha, 0.0)):
            raise DomainError(
                f"[{name}] alpha is {alpha._value.tolist()}; expected positive numbers; use e.g. exp(theta) for alpha."
            )
        return alpha

    def _whole(self, name: str, x: Any, alpha: Any) -> Any:
        k = alpha.shape[0]
        if not x.shape or x.shape[0] not in (k, k - 1):
            raise ShapeError(
                f"[{name}] x has shape {x.shape}, but alpha has {k} components; expected ({k}, ...) or ({k - 1}, ...); "
                f"the first axis of x is the point of the simplex."
            )
        if x.shape[0] == k - 1:
            x = ops.concat([x, ops.subtract(1.0, ops.sum(x, axis=0, keepdims=True))], axis=0)
        if x._value is not None:
            values = x._value
            tolerance = 10 * np.sqrt(np.finfo(values.dtype).eps) * 1e-2
            if (values < 0).any() or (np.abs(values.sum(axis=0) - 1) > tolerance).any():
                raise DomainError(
                    f"[{name}] x is no point of the simplex: its smallest component is {values.min():.6g}, its sums "
                    f"are from {values.sum(axis=0).min():.6g} to {values.sum(axis=0).max():.6g}; expected components "
                    f"≥ 0 with sum 1; use e.g. softmax(z, axis=0)."
                )
        return x


multivariate_normal = MultivariateNormal()
dirichlet = Dirichlet()
