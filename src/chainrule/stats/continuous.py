"""Continuous distributions: each states its formulas for loc = 0 and scale = 1, in ops of the registry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.ops import ops
from chainrule.stats.distribution import Continuous

LOG_PI, LOG_2 = math.log(math.pi), math.log(2.0)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Norm(Continuous):
    """exp(−y²/2)/√(2π), y = (x − loc)/scale: the normal distribution.

    >>> import chainrule as cr
    >>> cr.stats.norm.logpdf(cr.tensor([0.0, 1.0]), loc=1.0, scale=2.0)
    tensor([-1.73708571, -1.61208571])
    >>> cr.stats.norm.logcdf(-40.0)
    tensor(-804.60844201)
    """

    def _logpdf(self, y: Any) -> Any:
        return ops.subtract(ops.multiply(-0.5, ops.multiply(y, y)), HALF_LOG_2PI)

    def _cdf(self, y: Any) -> Any:
        return ops.ndtr(y)

    def _sf(self, y: Any) -> Any:
        return ops.ndtr(ops.negative(y))

    def _logcdf(self, y: Any) -> Any:
        return ops.log_ndtr(y)

    def _logsf(self, y: Any) -> Any:
        return ops.log_ndtr(ops.negative(y))

    def _ppf(self, q: Any) -> Any:
        return ops.ndtri(q)

    def _isf(self, q: Any) -> Any:
        return ops.negative(ops.ndtri(q))

    def _entropy(self) -> Any:
        return HALF_LOG_2PI + 0.5


class LogNorm(Continuous):
    """The distribution of exp(s z), z standard normal, of shape s."""

    low, inner, closed = 0.0, 1.0, False

    def _logpdf(self, y: Any, s: Any) -> Any:
        z = ops.divide(ops.log(y), s)
        return ops.subtract(norm._logpdf(z), ops.add(ops.log(s), ops.log(y)))

    def _cdf(self, y: Any, s: Any) -> Any:
        return norm._cdf(ops.divide(ops.log(y), s))

    def _sf(self, y: Any, s: Any) -> Any:
        return norm._sf(ops.divide(ops.log(y), s))

    def _logcdf(self, y: Any, s: Any) -> Any:
        return norm._logcdf(ops.divide(ops.log(y), s))

    def _logsf(self, y: Any, s: Any) -> Any:
        return norm._logsf(ops.divide(ops.log(y), s))

    def _ppf(self, q: Any, s: Any) -> Any:
        return ops.exp(ops.multiply(s, norm._ppf(q)))

    def _isf(self, q: Any, s: Any) -> Any:
        return ops.exp(ops.multiply(s, norm._isf(q)))

    def _entropy(self, s: Any) -> Any:
        return ops.add(HALF_LOG_2PI + 0.5, ops.log(s))


class StudentT(Continuous):
    """Student's t distribution with df degrees of freedom: (1 + y²/df)^(−(df+1)/2) / (√df B(½, df/2)).

    At df = ∞, where SciPy gives the normal distribution, the density is NaN: use ``norm``.

    >>> import chainrule as cr
    >>> cr.grad(lambda df: cr.stats.t.cdf(1.0, df))(2.0)
    tensor(0.02250875)
    """

    def _logpdf(self, y: Any, df: Any) -> Any:
        fall = ops.multiply(0.5 * (df + 1.0), ops.log1p(ops.divide(ops.multiply(y, y), df)))
        size = ops.add(ops.betaln(0.5, 0.5 * df), ops.multiply(0.5, ops.log(df)))
        return ops.negative(ops.add(fall, size))

    def _cdf(self, y: Any, df: Any) -> Any:
        return ops.stdtr(df, y)

    def _sf(self, y: Any, df: Any) -> Any:
        return ops.stdtr(df, ops.negative(y))

    def _ppf(self, q: Any, df: Any) -> Any:
        return ops.stdtrit(df, q)

    def _isf(self, q: Any, df: Any) -> Any:
        return ops.negative(ops.stdtrit(df, q))

    def _entropy(self, df: Any) -> Any:
        half, more = 0.5 * df, 0.5 * (df + 1.0)
        spread = ops.multiply(more, ops.subtract(ops.digamma(more), ops.digamma(half)))
        return ops.add(spread, ops.add(ops.multiply(0.5, ops.log(df)), ops.betaln(half, 0.5)))


class Gamma(Continuous):
    """The gamma distribution of shape a: y^(a−1) e^(−y) / Γ(a), y ≥ 0.

    >>> import chainrule as cr
    >>> cr.stats.gamma.logpdf(cr.tensor([-1.0, 0.5, 2.0]), 3.0)
    tensor([       -inf, -2.57944154, -1.30685282])
    """

    low, inner = 0.0, 1.0

    def _logpdf(self, y: Any, a: Any) -> Any:
        return ops.subtract(ops.subtract(ops.xlogy(a - 1.0, y), y), ops.gammaln(a))

    def _cdf(self, y: Any, a: Any) -> Any:
        return ops.gammainc(a, y)

    def _sf(self, y: Any, a: Any) -> Any:
        return ops.gammaincc(a, y)

    def _ppf(self, q: Any, a: Any) -> Any:
        return ops.gammaincinv(a, q)

    def _isf(self, q: Any, a: Any) -> Any:
        return ops.gammainccinv(a, q)

    def _entropy(self, a: Any) -> Any:
        return ops.add(ops.add(ops.multiply(1.0 - a, ops.digamma(a)), a), ops.gammaln(a))


class Chi2(Continuous):
    """The χ² distribution with df degrees of freedom: twice a gamma variable of shape df/2."""

    low, inner = 0.0, 1.0

    def _logpdf(self, y: Any, df: Any) -> Any:
        return ops.subtract(gamma._logpdf(ops.multiply(0.5, y), 0.5 * df), LOG_2)

    def _cdf(self, y: Any, df: Any) -> Any:
        return gamma._cdf(ops.multiply(0.5, y), 0.5 * df)

    def _sf(self, y: Any, df: Any) -> Any:
        return gamma._sf(ops.multiply(0.5, y), 0.5 * df)

    def _ppf(self, q: Any, df: Any) -> Any:
        return ops.multiply(2.0, gamma._ppf(q, 0.5 * df))

    def _isf(self, q: Any, df: Any) -> Any:
        return ops.multiply(2.0, gamma._isf(q, 0.5 * df))

    def _entropy(self, df: Any) -> Any:
        return ops.add(gamma._entropy(0.5 * df), LOG_2)


class Beta(Continuous):
    """The beta distribution of shapes a, b: y^(a−1) (1−y)^(b−1) / B(a, b), 0 ≤ y ≤ 1.

    >>> import chainrule as cr
    >>> cr.stats.beta.pdf(cr.tensor([0.5, 2.0]), 2.0, 3.0)
    tensor([1.5, 0. ])
    """

    low, high, inner = 0.0, 1.0, 0.5

    def _logpdf(self, y: Any, a: Any, b: Any) -> Any:
        both = ops.add(ops.xlogy(a - 1.0, y), ops.xlog1py(b - 1.0, ops.negative(y)))
        return ops.subtract(both, ops.betaln(a, b))

    def _cdf(self, y: Any, a: Any, b: Any) -> Any:
        return ops.betainc(a, b, y)

    def _sf(self, y: Any, a: Any, b: Any) -> Any:
        return ops.betaincc(a, b, y)

    def _ppf(self, q: Any, a: Any, b: Any) -> Any:
        return ops.betaincinv(a, b, q)

    def _isf(self, q: Any, a: Any, b: Any) -> Any:
        return ops.betainccinv(a, b, q)

    def _entropy(self, a: Any, b: Any) -> Any:
        own = ops.add(ops.multiply(a - 1.0, ops.digamma(a)), ops.multiply(b - 1.0, ops.digamma(b)))
        whole = ops.add(a, b)
        return ops.subtract(ops.add(ops.betaln(a, b), ops.multiply(whole - 2.0, ops.digamma(whole))), own)


class Weibull(Continuous):
    """The Weibull distribution of shape c: c y^(c−1) exp(−y^c), y ≥ 0."""

    low, inner = 0.0, 1.0

    def _logpdf(self, y: Any, c: Any) -> Any:
        return ops.subtract(ops.add(ops.log(c), ops.xlogy(c - 1.0, y)), ops.power(y, c))

    def _cdf(self, y: Any, c: Any) -> Any:
        return ops.negative(ops.expm1(self._logsf(y, c)))

    def _sf(self, y: Any, c: Any) -> Any:
        return ops.exp(self._logsf(y, c))

    def _logsf(self, y: Any, c: Any) -> Any:
        return ops.negative(ops.power(y, c))

    def _ppf(self, q: Any, c: Any) -> Any:
        return ops.power(ops.negative(ops.log1p(ops.negative(q))), ops.divide(1.0, c))

    def _isf(self, q: Any, c: Any) -> Any:
        return ops.power(ops.negative(ops.log(q)), ops.divide(1.0, c))

    def _entropy(self, c: Any) -> Any:
        return ops.add(ops.subtract(np.euler_gamma + 1, ops.divide(np.euler_gamma, c)), ops.negative(ops.log(c)))


class Expon(Continuous):
    """The exponential distribution, e^(−y) for y ≥ 0; scale is 1/rate."""

    low, inner = 0.0, 1.0

    def _logpdf(self, y: Any) -> Any:
        return ops.negative(y)

    def _cdf(self, y: Any) -> Any:
        return ops.negative(ops.expm1(ops.negative(y)))

    def _sf(self, y: Any) -> Any:
        return ops.exp(ops.negative(y))

    def _logsf(self, y: Any) -> Any:
        return ops.negative(y)

    def _ppf(self, q: Any) -> Any:
        return ops.negative(ops.log1p(ops.negative(q)))

    def _isf(self, q: Any) -> Any:
        return ops.negative(ops.log(q))

    def _entropy(self) -> Any:
        return 1.0


class Uniform(Continuous):
    """The uniform distribution on [loc, loc + scale]."""

    low, high, inner = 0.0, 1.0, 0.5

    def _logpdf(self, y: Any) -> Any:
        return ops.multiply(0.0, y)

    def _cdf(self, y: Any) -> Any:
        return ops.positive(y)

    def _ppf(self, q: Any) -> Any:
        return ops.positive(q)

    def _entropy(self) -> Any:
        return 0.0


class Laplace(Continuous):
    """The Laplace distribution, e^(−|y|)/2."""

    def _logpdf(self, y: Any) -> Any:
        return ops.subtract(ops.negative(ops.abs(y)), LOG_2)

    def _cdf(self, y: Any) -> Any:
        small = ops.multiply(0.5, ops.exp(ops.negative(ops.abs(y))))
        return ops.where(ops.less(y, 0.0), small, ops.subtract(1.0, small))

    def _sf(self, y: Any) -> Any:
        return self._cdf(ops.negative(y))

    def _logcdf(self, y: Any) -> Any:
        large = ops.log1p(ops.multiply(-0.5, ops.exp(ops.negative(ops.abs(y)))))
        return ops.where(ops.less(y, 0.0), ops.subtract(y, LOG_2), large)

    def _logsf(self, y: Any) -> Any:
        return self._logcdf(ops.negative(y))

    def _ppf(self, q: Any) -> Any:
        upper = ops.negative(ops.log(ops.multiply(2.0, ops.subtract(1.0, q))))
        return ops.where(ops.less(q, 0.5), ops.log(ops.multiply(2.0, q)), upper)

    def _isf(self, q: Any) -> Any:
        return ops.negative(self._ppf(q))

    def _entropy(self) -> Any:
        return 1.0 + LOG_2


class Logistic(Continuous):
    """The logistic distribution, e^(−y)/(1 + e^(−y))²."""

    def _logpdf(self, y: Any) -> Any:
        return ops.negative(ops.add(ops.softplus(y), ops.softplus(ops.negative(y))))

    def _cdf(self, y: Any) -> Any:
        return ops.sigmoid(y)

    def _sf(self, y: Any) -> Any:
        return ops.sigmoid(ops.negative(y))

    def _logcdf(self, y: Any) -> Any:
        return ops.negative(ops.softplus(ops.negative(y)))

    def _logsf(self, y: Any) -> Any:
        return ops.negative(ops.softplus(y))

    def _ppf(self, q: Any) -> Any:
        return ops.subtract(ops.log(q), ops.log1p(ops.negative(q)))

    def _isf(self, q: Any) -> Any:
        return ops.negative(self._ppf(q))

    def _entropy(self) -> Any:
        return 2.0


class Cauchy(Continuous):
    """The Cauchy distribution, 1/(π(1 + y²))."""

    def _logpdf(self, y: Any) -> Any:
        return ops.negative(ops.add(LOG_PI, ops.log1p(ops.multiply(y, y))))

    def _cdf(self, y: Any) -> Any:
        return ops.divide(ops.atan2(1.0, ops.negative(y)), math.pi)

    def _sf(self, y: Any) -> Any:
        return ops.divide(ops.atan2(1.0, y), math.pi)

    def _ppf(self, q: Any) -> Any:
        # −cot πq near the ends, by the distance to the nearer one; tan π(q − ½) between, where that is exact.
        lower, upper = ops.less(q, 0.25), ops.greater(q, 0.75)
        ends = ops.logical_or(lower, upper)
        angle = ops.multiply(math.pi, ops.where(lower, q, ops.where(upper, 1.0 - q, 0.25)))
        far = ops.reciprocal(ops.tan(angle))
        far = ops.where(lower, ops.negative(far), far)
        return ops.where(ends, far, ops.tan(ops.multiply(math.pi, q - 0.5)))

    def _isf(self, q: Any) -> Any:
        return ops.negative(self._ppf(q))

    def _entropy(self) -> Any:
        return math.log(4 * math.pi)


norm = Norm("norm", ())
lognorm = LogNorm("lognorm", ("s",))
t = StudentT("t", ("df",))
gamma = Gamma("gamma", ("a",))
chi2 = Chi2("chi2", ("df",))
beta = Beta("beta", ("a", "b"))
weibull_min = Weibull("weibull_min", ("c",))
expon = Expon("expon", ())
uniform = Uniform("uniform", ())
laplace = Laplace("laplace", ())
logistic = Logistic("logistic", ())
cauchy = Cauchy("cauchy", ())
