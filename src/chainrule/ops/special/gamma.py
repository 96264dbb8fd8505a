"""The gamma function and what is made of it: digamma and its derivatives, beta, binomials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.errors import DTypeError
from chainrule.incomplete import psi_difference
from chainrule.op import NONE, ZERO, composite, elementwise
from chainrule.precision import real_dtype, weak

# -------------------------------------------------------------------------------------------------- gamma

elementwise(
    "gamma",
    value=special.gamma,
    d=lambda xp, out, x: xp.multiply(out, xp.digamma(x)),
    emit=lambda e, x: e.gamma(x),
    domain=("positive",),
    public=("special.gamma",),
    doc="""Γ(x) = ∫₀^∞ t^(x−1) e^(−t) dt, for real and complex x; Γ′ = Γ·ψ (DLMF 5.2.2).

    >>> cr.special.gamma(cr.tensor([0.5, 5.0]))
    tensor([ 1.77245385, 24.        ])
    """,
)
elementwise(
    "gammaln",
    value=special.gammaln,
    d=lambda xp, _out, x: xp.digamma(x),
    emit=lambda e, x: e.lgamma(x),
    domain=("positive",),
    method="lgamma",
    public=("special.gammaln", "special.lgamma"),
    doc="""log |Γ(x)| of real x, without overflow; the derivative is ψ(x).

    >>> cr.special.gammaln(cr.tensor([0.5, 1000.0]))
    tensor([5.72364943e-01, 5.90522042e+03])
    """,
)
elementwise(
    "loggamma",
    value=special.loggamma,
    d=lambda xp, _out, x: xp.digamma(x),
    emit=lambda e, x: e.loggamma(x),
    domain=("positive",),
    public=("special.loggamma",),
    doc="""The principal branch of log Γ(x), cut along the negative axis; the derivative is ψ(x).

    >>> cr.special.loggamma(cr.tensor([0.5, 1j]))
    tensor([ 0.57236494+0.j        , -0.6509232 -1.87243665j])
    """,
)


def _rgamma_slope(xp: Any, out: Any, x: Any) -> Any:
    # −ψ(x)/Γ(x) where x is on the right. On the left ψ has poles and 1/Γ zeros, whose product is finite; there
    # 1/Γ(x) = Γ(1−x) sin(πx)/π (DLMF 5.5.3), differentiated as it stands.
    left = xp.less(xp.real(x), 0.5)
    right = xp.negative(xp.multiply(out, xp.digamma(xp.where(left, 1, x))))
    mirrored = xp.subtract(1, xp.where(left, x, 0.25))
    angle = xp.multiply(mirrored, math.pi)  # sin πx = sin π(1−x), cos πx = −cos π(1−x)
    wave = xp.multiply(xp.multiply(xp.sin(angle), xp.digamma(mirrored)), -1 / math.pi)
    return xp.where(left, xp.multiply(xp.gamma(mirrored), xp.subtract(wave, xp.cos(angle))), right)


elementwise(
    "rgamma",
    value=special.rgamma,
    d=_rgamma_slope,
    emit=lambda e, x: e.rgamma(x),
    public=("special.rgamma",),
    doc="""1/Γ(x), which is 0 at the poles of Γ, where its slope at −n is (−1)ⁿ n!.

    >>> cr.special.rgamma(cr.tensor([0.5, -1.0]))
    tensor([0.56418958, 0.        ])
    """,
)
elementwise(
    "gammasgn",
    value=special.gammasgn,
    d=ZERO,
    emit=lambda e, x: e.gammasgn(x),
    public=("special.gammasgn",),
    doc="""The sign of Γ(x); it is flat.

    >>> cr.special.gammasgn(cr.tensor([0.5, -0.5]))
    tensor([ 1., -1.])
    """,
)

# ------------------------------------------------------------------------------------------------ digamma

elementwise(
    "digamma",
    value=special.digamma,
    d=lambda xp, _out, x: xp.polygamma(1, x),
    emit=lambda e, x: e.digamma(x),
    domain=("positive",),
    method=True,
    public=("special.digamma", "special.psi"),
    doc="""ψ(x) = Γ′(x)/Γ(x), for real and complex x.

    >>> cr.special.digamma(cr.tensor([1.0, 10.0]))
    tensor([-0.57721566,  2.25175259])
    """,
)


def _polygamma(n: Any, x: Any) -> Any:
    dtype = np.result_type(x)
    if dtype.kind != "c":
        out = special.polygamma(n, x)
        return out.astype(dtype) if dtype.kind == "f" and out.dtype != dtype else out
    n, z = np.broadcast_arrays(n, np.asarray(x, complex))
    out = np.empty(z.shape, complex)
    with np.errstate(all="ignore"):
        for order in np.unique(n):
            out[n == order] = _complex_polygamma(int(order), z[n == order])
    return out.astype(dtype, copy=False)[()]


def _complex_polygamma(n: int, z: Any) -> Any:
    if n == 0:
        return special.digamma(z)
    sign = -1 if n % 2 else 1
    left = z.real < 0.5
    y = np.where(left, 1 - z, z)
    # ψ⁽ⁿ⁾(y) = (−1)ⁿ⁺¹ n! Σ (y+k)⁻ⁿ⁻¹ (DLMF 5.15.1), of which 16 terms are added up; the rest is the series 5.15.8.
    head = sum((y + k) ** (-n - 1) for k in range(16)) * math.factorial(n)
    y = y + 16
    tail = math.factorial(n - 1) * y**-n + math.factorial(n) / 2 * y ** (-n - 1)
    for k, bernoulli in enumerate(special.bernoulli(24)[2::2], start=1):
        tail = tail + bernoulli * math.factorial(2 * k + n - 1) / math.factorial(2 * k) * y ** (-2 * k - n)
    found = -sign * (head + tail)
    # (−1)ⁿ ψ⁽ⁿ⁾(1−z) = ψ⁽ⁿ⁾(z) + π dⁿ/dzⁿ cot πz (DLMF 5.15.6). Derivatives of c = cot πz are polynomials in c, with
    # the factor 1 + c² = 1/sin² πz, which is nothing far from the real axis.
    factor = np.polynomial.Polynomial([-math.pi])
    for _ in range(n - 1):
        factor = -math.pi * (
            factor * np.polynomial.Polynomial([0, 2]) + factor.deriv() * np.polynomial.Polynomial([1, 0, 1])
        )
    angle = math.pi * np.where(left & (np.abs(z.imag) < 200), z, 0.5)
    slope = np.where(np.abs(z.imag) < 200, factor(1 / np.tan(angle)) / np.sin(angle) ** 2, 0)
    return np.where(left, sign * found - math.pi * slope, found)


elementwise(
    "polygamma",
    value=_polygamma,
    d=(NONE, lambda xp, _out, n, x: xp.polygamma(xp.add(n, 1), x)),
    emit=lambda e, n, x: e.polygamma(n, x),
    domain=("positive", "positive"),
    public=("special.polygamma",),
    doc="""ψ⁽ⁿ⁾(x), the n-th derivative of digamma, for integers n ≥ 0; complex x too. There is no derivative by n.

    >>> cr.special.polygamma(1, cr.tensor([1.0, 10.0]))
    tensor([1.64493407, 0.10516634])
    """,
)


def _digamma_difference(x: Any, y: Any) -> Any:
    dtype = real_dtype(x, y)
    x, y = np.asarray(x, float), np.asarray(y, float)
    with np.errstate(all="ignore"):
        right = (x > 0) & (x + y > 0) & np.isfinite(y) & np.isfinite(x)
        close = psi_difference(np.where(right, x, 1), np.where(right, y, 0))
        return np.where(right, close, special.psi(x + y) - special.psi(x)).astype(dtype, copy=False)[()]


elementwise(
    "digamma_difference",
    value=_digamma_difference,
    d=(
        lambda xp, _out, x, y: xp.subtract(xp.polygamma(1, xp.add(x, y)), xp.polygamma(1, x)),
        lambda xp, _out, x, y: xp.polygamma(1, xp.add(x, y)),
    ),
    domain=("positive", "positive"),
    public=(),
    doc="""ψ(x + y) − ψ(x), for positive x and x + y with all digits also where y is small beside x.

    >>> from chainrule.ops import ops
    >>> ops.digamma_difference(cr.tensor([1.0, 1e9]), 1.0)
    tensor([1.e+00, 1.e-09])
    """,
)

# ------------------------------------------------------------------------------------- beta and binomials


def _ratio_slope(xp: Any, x: Any, y: Any) -> Any:
    """∂/∂x log Γ(x)/Γ(x + y)."""
    return xp.negative(xp.digamma_difference(x, y))


elementwise(
    "beta",
    value=weak(special.beta),
    d=(
        lambda xp, out, a, b: xp.multiply(out, _ratio_slope(xp, a, b)),
        lambda xp, out, a, b: xp.multiply(out, _ratio_slope(xp, b, a)),
    ),
    emit=lambda e, x, y: e.special("beta", x, y),
    domain=("positive", "positive"),
    public=("special.beta",),
    doc="""B(a, b) = Γ(a) Γ(b) / Γ(a + b); ∂B/∂a = B·(ψ(a) − ψ(a + b)).

    >>> cr.special.beta(cr.tensor([1.0, 2.0]), 3.0)
    tensor([0.33333333, 0.08333333])
    """,
)
elementwise(
    "betaln",
    value=weak(special.betaln),
    d=(lambda xp, _out, a, b: _ratio_slope(xp, a, b), lambda xp, _out, a, b: _ratio_slope(xp, b, a)),
    emit=lambda e, x, y: e.special("betaln", x, y),
    domain=("positive", "positive"),
    public=("special.betaln",),
    doc="""log |B(a, b)|, without overflow; ∂/∂a is ψ(a) − ψ(a + b).

    >>> cr.special.betaln(cr.tensor([1.0, 200.0]), 300.0)
    tensor([  -5.70378247, -337.98011307])
    """,
)
elementwise(
    "poch",
    value=weak(special.poch),
    d=(
        lambda xp, out, z, m: xp.multiply(out, xp.digamma_difference(z, m)),
        lambda xp, out, z, m: xp.multiply(out, xp.digamma(xp.add(z, m))),
    ),
    emit=lambda e, x, y: e.special("poch", x, y),
    domain=("positive", "positive"),
    public=("special.poch",),
    doc="""Pochhammer's symbol (z)ₘ = Γ(z + m)/Γ(z), for real z and m; NaN derivatives at the poles of ψ.

    >>> cr.special.poch(cr.tensor([1.0, 2.5]), 2)
    tensor([2.  , 8.75])
    """,
)


def _binom_upper(xp: Any, out: Any, n: Any, k: Any) -> Any:
    return xp.multiply(out, xp.digamma_difference(xp.add(xp.subtract(n, k), 1), k))


def _binom_lower(xp: Any, out: Any, n: Any, k: Any) -> Any:
    return xp.multiply(out, xp.subtract(xp.digamma(xp.add(xp.subtract(n, k), 1)), xp.digamma(xp.add(k, 1))))


elementwise(
    "binom",
    value=weak(special.binom),
    d=(_binom_upper, _binom_lower),
    emit=lambda e, x, y: e.special("binom", x, y),
    domain=((3.0, 6.0), (0.5, 2.5)),
    public=("special.binom",),
    doc="""The binomial coefficient Γ(n + 1) / (Γ(k + 1) Γ(n − k + 1)) of real n and k, differentiable in both.

    At the poles of ψ (an integer k > n, say) its derivatives are NaN.

    >>> cr.special.binom(cr.tensor([5.0, 2.5]), 2)
    tensor([10.   ,  1.875])
    """,
)


def _multigammaln(xp: Any, a: Any, d: Any) -> Any:
    if isinstance(d, bool) or not isinstance(d, (int, np.integer)) or d < 1:
        raise DTypeError(f"[multigammaln] d is {d!r}; expected an integer ≥ 1, the dimension; convert it with int(d).")
    inside = xp.where(xp.greater(a, (int(d) - 1) / 2), 1.0, float("nan"))
    total = xp.add(xp.gammaln(a), d * (d - 1) / 4 * math.log(math.pi))
    for j in range(1, int(d)):
        total = xp.add(xp.gammaln(xp.subtract(a, j / 2)), total)
    return xp.multiply(total, xp.astype(inside, total.dtype))


composite(
    "multigammaln",
    _multigammaln,
    public=("special.multigammaln",),
    doc="""log Γ_d(a), the logarithm of the multivariate gamma function of dimension d, an int (DLMF 35.3.4).

    Σⱼ log Γ(a − j/2) for j < d, and d(d−1)/4·log π. NaN, and so its derivative, unless a > (d − 1)/2.

    >>> cr.special.multigammaln(cr.tensor([1.5, 4.0]), 2)
    tensor([0.45158271, 3.56509801])
    """,
)
