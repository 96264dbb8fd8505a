"""Distributions of counts. Their parameters are differentiable; a count k is not, and neither are other integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.errors import GradientError
from chainrule.ops import ops
from chainrule.stats.distribution import Distribution, log_of_part


def refuse_tracked(name: str, what: str, x: Any) -> None:
    """Raise where a gradient could be asked of an integer, which would be 0 without a word."""
    if isinstance(x, Box) and x._value is not None and x._node is not None and x.dtype.kind == "f":
        raise GradientError(
            f"[{name}] {what} is tracked for gradients, but {what} is an integer, and nothing is differentiable in it; "
            f"expected a constant; detach() it, or differentiate in the other parameters."
        )


class Discrete(Distribution):
    """A mass function of k − loc. Subclasses state it for loc = 0 and whole k in the support."""

    methods = ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")
    whole: tuple[str, ...] = ("loc",)  # parameters that are integers
    _logpmf: Callable[..., Any]

    def __init__(self, name: str, shapes: tuple[str, ...]):
        super().__init__(name, shapes, has_scale=False)

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """P(X = k); 0 where k is no integer."""
        return ops.exp(self._mass("pmf", k, args, kwargs))

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """log P(X = k); −∞ where k is no integer, or outside of the support."""
        return self._mass("logpmf", k, args, kwargs)

    def cdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """P(X ≤ k)."""
        return self._cumulative("cdf", k, args, kwargs, 0.0, 1.0)

    @np.errstate(all="ignore")
    def logcdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """log P(X ≤ k)."""
        return log_of_part(self.cdf(k, *args, **kwargs), self.sf(k, *args, **kwargs))

    def sf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """P(X > k), exact in the upper tail."""
        return self._cumulative("sf", k, args, kwargs, 1.0, 0.0)

    @np.errstate(all="ignore")
    def logsf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """log P(X > k)."""
        return log_of_part(self.sf(k, *args, **kwargs), self.cdf(k, *args, **kwargs))

    def last(self, *_shapes: Any) -> Any:
        """The largest k of the support."""
        return np.inf

    def _count(self, method: str, k: Any, args: Any, kwargs: Any) -> tuple[Any, list[Any]]:
        (k,), shapes, loc, _ = self._arguments(method, args, kwargs, k)
        for what, x in (("k", k), ("loc", loc), *zip(self.shapes, shapes, strict=True)):
            if what in ("k", *self.whole):
                refuse_tracked(f"{self.name}.{method}", what, x)
        return self._checked(ops.subtract(k, loc), self.valid(*shapes)), shapes

    @np.errstate(all="ignore")
    def _mass(self, method: str, k: Any, args: Any, kwargs: Any) -> Any:
        k, shapes = self._count(method, k, args, kwargs)
        beyond = ops.logical_or(ops.less(k, 0.0), ops.greater(k, self.last(*shapes)))
        outside = ops.logical_or(beyond, ops.not_equal(k, ops.floor(k)))
        outside = ops.logical_and(outside, ops.logical_not(ops.isnan(k)))
        return ops.where(outside, -np.inf, self._logpmf(ops.where(outside, 0.0, k), *shapes))

    @np.errstate(all="ignore")
    def _cumulative(self, method: str, k: Any, args: Any, kwargs: Any, left: float, right: float) -> Any:
        k, shapes = self._count(method, k, args, kwargs)
        below, above = ops.less(k, 0.0), ops.greater_equal(k, self.last(*shapes))
        inside = ops.where(ops.logical_or(below, above), 0.0, ops.floor(k))
        out = getattr(self, "_" + method)(inside, *shapes)
        return ops.where(below, left, ops.where(above, right, out))


class Poisson(Discrete):
    """The Poisson distribution: mu^k e^(−mu) / k!.

    >>> import chainrule as cr
    >>> cr.stats.poisson.logpmf(cr.tensor([0, 2]), 3.0)
    tensor([-3.       , -1.4959226])
    """

    def valid(self, mu: Any) -> list[Any]:
        return [ops.greater_equal(mu, 0.0)]

    def _logpmf(self, k: Any, mu: Any) -> Any:
        return ops.subtract(ops.subtract(ops.xlogy(k, mu), ops.gammaln(k + 1.0)), mu)

    def _cdf(self, k: Any, mu: Any) -> Any:
        return ops.gammaincc(k + 1.0, mu)

    def _sf(self, k: Any, mu: Any) -> Any:
        return ops.gammainc(k + 1.0, mu)


class Binom(Discrete):
    """The binomial distribution of n trials: C(n, k) p^k (1 − p)^(n−k); the number n is an integer too.

    >>> import chainrule as cr
    >>> cr.stats.binom.pmf(cr.tensor([0, 2]), 2, 0.25)
    tensor([0.5625, 0.0625])
    """

    whole = ("loc", "n")

    def valid(self, n: Any, p: Any) -> list[Any]:
        count = ops.logical_and(ops.greater_equal(n, 0.0), ops.equal(n, ops.floor(n)))
        return [count, ops.greater_equal(p, 0.0), ops.less_equal(p, 1.0)]

    def last(self, n: Any, _p: Any) -> Any:
        return n

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        # log C(n, k) = −log(n + 1) − log B(n − k + 1, k + 1)
        ways = ops.add(ops.log1p(n), ops.betaln(ops.subtract(n, k) + 1.0, k + 1.0))
        chance = ops.add(ops.xlogy(k, p), ops.xlog1py(ops.subtract(n, k), ops.negative(p)))
        return ops.subtract(chance, ways)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return ops.betaincc(k + 1.0, self._rest(k, n), p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return ops.betainc(k + 1.0, self._rest(k, n), p)

    def _rest(self, k: Any, n: Any) -> Any:
        # Of n = 0 no k is below n: what is masked shall not be NaN.
        return ops.maximum(ops.subtract(n, k), 1.0)


class Bernoulli(Binom):
    """One trial: p for k = 1, 1 − p for k = 0."""

    whole = ("loc",)

    def valid(self, p: Any) -> list[Any]:
        return super().valid(1.0, p)

    def last(self, _p: Any) -> Any:
        return 1.0

    def _logpmf(self, k: Any, p: Any) -> Any:
        return ops.add(ops.xlogy(k, p), ops.xlog1py(ops.subtract(1.0, k), ops.negative(p)))

    def _cdf(self, k: Any, p: Any) -> Any:
        return ops.subtract(1.0 - k, p)  # k is 0 here, or NaN

    def _sf(self, k: Any, p: Any) -> Any:
        return ops.add(k, p)


class NegativeBinomial(Discrete):
    """Failures before the nth success: Γ(k + n)/(k! Γ(n)) pⁿ (1 − p)^k, n > 0 any real number."""

    def valid(self, n: Any, p: Any) -> list[Any]:
        return [ops.greater(n, 0.0), ops.greater(p, 0.0), ops.less_equal(p, 1.0)]

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        ways = ops.subtract(ops.subtract(ops.gammaln(ops.add(k, n)), ops.gammaln(k + 1.0)), ops.gammaln(n))
        return ops.add(ways, ops.add(ops.xlogy(n, p), ops.xlog1py(k, ops.negative(p))))

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return ops.betainc(n, k + 1.0, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return ops.betaincc(n, k + 1.0, p)


poisson = Poisson("poisson", ("mu",))
binom = Binom("binom", ("n", "p"))
bernoulli = Bernoulli("bernoulli", ("p",))
nbinom = NegativeBinomial("nbinom", ("n", "p"))
