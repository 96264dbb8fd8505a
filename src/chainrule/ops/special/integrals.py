"""Exponential, trigonometric and Fresnel integrals, Owen's T, and the Lambert W function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import NONE, composite, elementwise
from chainrule.precision import SINGLE

# -------------------------------------------------------------------------------------------- exponential

elementwise(
    "exp1",
    value=special.exp1,
    d=lambda xp, _out, x: xp.negative(xp.divide(xp.exp(xp.negative(x)), x)),
    emit=lambda e, x: e.special("exp1", x),
    domain=("positive",),
    public=("special.exp1",),
    doc="""E₁(x) = ∫ₓ^∞ e^(−t)/t dt, for real x > 0 and complex x (DLMF 6.2.1).

    >>> cr.special.exp1(cr.tensor([0.5, 10.0]))
    tensor([5.59773595e-01, 4.15696893e-06])
    """,
)
elementwise(
    "expi",
    value=special.expi,
    d=lambda xp, _out, x: xp.divide(xp.exp(x), x),
    emit=lambda e, x: e.special("expi", x),
    domain=("positive",),
    public=("special.expi",),
    doc="""Ei(x) = ∫₋∞ˣ eᵗ/t dt, a principal value for x > 0 (DLMF 6.2.5); −∞ at 0.

    >>> cr.special.expi(cr.tensor([0.5, -1.0]))
    tensor([ 0.4542199 , -0.21938393])
    """,
)


def _expn(n: Any, x: Any) -> Any:
    out = special.expn(n, x)
    return out.astype(np.float32) if getattr(x, "dtype", None) == np.float32 and out.dtype != np.float32 else out


def _expn_slope(xp: Any, out: Any, n: Any, x: Any) -> Any:
    # E₀(x) = e^(−x)/x is where the order ends.
    first = xp.multiply(out, xp.add(xp.reciprocal(x), 1))
    return xp.negative(xp.where(xp.equal(n, 0), first, xp.expn(xp.maximum(xp.subtract(n, 1), 0), x)))


elementwise(
    "expn",
    value=_expn,
    d=(NONE, _expn_slope),
    domain=("positive", "positive"),
    public=("special.expn",),
    doc="""Eₙ(x) = ∫₁^∞ e^(−xt)/tⁿ dt for integers n ≥ 0 and real x (DLMF 8.19.3). There is no derivative by n.

    >>> cr.special.expn(2, cr.tensor([0.5, 1.0]))
    tensor([0.32664386, 0.14849551])
    """,
)

# ------------------------------------------------------------------------- trigonometric and hyperbolic

elementwise(
    "sine_integral",
    value=lambda x: special.sici(x)[0],
    d=lambda xp, _out, x: xp.sin_quotient_derivative(0, x),
    public=("special.sine_integral",),
    doc="""Si(x) = ∫₀ˣ sin(t)/t dt, the first of ``special.sici``.

    >>> cr.special.sine_integral(cr.tensor([0.0, 1.0]))
    tensor([0.        , 0.94608307])
    """,
)
elementwise(
    "cosine_integral",
    value=lambda x: special.sici(x)[1],
    d=lambda xp, _out, x: xp.divide(xp.cos(x), x),
    domain=("positive",),
    public=("special.cosine_integral",),
    doc="""Ci(x) = γ + log x + ∫₀ˣ (cos(t) − 1)/t dt, the second of ``special.sici``.

    >>> cr.special.cosine_integral(cr.tensor([0.5, 1.0]))
    tensor([-0.17778408,  0.33740392])
    """,
)


def _sinh_quotient(xp: Any, _out: Any, x: Any) -> Any:
    # sinh(x)/x is the mean of (eˣ − 1)/x and (e⁻ˣ − 1)/(−x).
    return xp.multiply(xp.add(xp.exprel_derivative(0, x), xp.exprel_derivative(0, xp.negative(x))), 0.5)


elementwise(
    "sinh_integral",
    value=lambda x: special.shichi(x)[0],
    d=_sinh_quotient,
    public=("special.sinh_integral",),
    doc="""Shi(x) = ∫₀ˣ sinh(t)/t dt, the first of ``special.shichi``.

    >>> cr.special.sinh_integral(cr.tensor([0.0, 1.0]))
    tensor([0.        , 1.05725088])
    """,
)
elementwise(
    "cosh_integral",
    value=lambda x: special.shichi(x)[1],
    d=lambda xp, _out, x: xp.divide(xp.cosh(x), x),
    domain=("positive",),
    public=("special.cosh_integral",),
    doc="""Chi(x) = γ + log x + ∫₀ˣ (cosh(t) − 1)/t dt, the second of ``special.shichi``.

    >>> cr.special.cosh_integral(cr.tensor([0.5, 1.0]))
    tensor([-0.05277684,  0.83786694])
    """,
)


def _quarter_turns(xp: Any, x: Any) -> Any:
    return xp.multiply(xp.multiply(x, x), math.pi / 2)


elementwise(
    "fresnel_sine",
    value=lambda x: special.fresnel(x)[0],
    d=lambda xp, _out, x: xp.sin(_quarter_turns(xp, x)),
    public=("special.fresnel_sine",),
    doc="""S(x) = ∫₀ˣ sin(πt²/2) dt, the first of ``special.fresnel``.

    >>> cr.special.fresnel_sine(cr.tensor([0.0, 1.0]))
    tensor([0.        , 0.43825915])
    """,
)
elementwise(
    "fresnel_cosine",
    value=lambda x: special.fresnel(x)[1],
    d=lambda xp, _out, x: xp.cos(_quarter_turns(xp, x)),
    public=("special.fresnel_cosine",),
    doc="""C(x) = ∫₀ˣ cos(πt²/2) dt, the second of ``special.fresnel``.

    >>> cr.special.fresnel_cosine(cr.tensor([0.0, 1.0]))
    tensor([0.       , 0.7798934])
    """,
)
composite(
    "sici",
    lambda xp, x: (xp.sine_integral(x), xp.cosine_integral(x)),
    value=special.sici,
    public=("special.sici",),
    doc="""(Si(x), Ci(x)), the sine and cosine integrals, for real and complex x (DLMF 6.2).

    >>> cr.special.sici(cr.tensor(1.0))
    (tensor(0.94608307), tensor(0.33740392))
    """,
)
composite(
    "shichi",
    lambda xp, x: (xp.sinh_integral(x), xp.cosh_integral(x)),
    value=special.shichi,
    public=("special.shichi",),
    doc="""(Shi(x), Chi(x)), the hyperbolic sine and cosine integrals, for real and complex x (DLMF 6.2).

    >>> cr.special.shichi(cr.tensor(1.0))
    (tensor(1.05725088), tensor(0.83786694))
    """,
)
composite(
    "fresnel",
    lambda xp, x: (xp.fresnel_sine(x), xp.fresnel_cosine(x)),
    value=special.fresnel,
    public=("special.fresnel",),
    doc="""(S(x), C(x)), Fresnel's integrals, for real and complex x (DLMF 7.2.7).

    >>> cr.special.fresnel(cr.tensor(1.0))
    (tensor(0.43825915), tensor(0.7798934))
    """,
)

# ------------------------------------------------------------------------------------------------ Owen's T


_PEAK = 1 / math.sqrt(2 * math.pi)


def _owens_by_height(xp: Any, _out: Any, h: Any, a: Any) -> Any:
    bell = xp.exp(xp.multiply(xp.multiply(h, h), -0.5))
    return xp.multiply(xp.multiply(bell, xp.erf(xp.multiply(xp.multiply(a, h), math.sqrt(0.5)))), -_PEAK / 2)


def _owens_by_slope(xp: Any, _out: Any, h: Any, a: Any) -> Any:
    square = xp.add(xp.multiply(a, a), 1)
    return xp.divide(
        xp.exp(xp.multiply(xp.multiply(xp.multiply(h, h), square), -0.5)), xp.multiply(square, 2 * math.pi)
    )


elementwise(
    "owens_t",
    value=special.owens_t,
    d=(_owens_by_height, _owens_by_slope),
    emit=lambda e, x, y: e.special("owens_t", x, y),
    public=("special.owens_t",),
    doc="""Owen's T(h, a) = 1/2π ∫₀ᵃ e^(−h²(1+t²)/2) / (1 + t²) dt (D. B. Owen, Ann. Math. Stat. 27 (1956) 1075).

    >>> cr.special.owens_t(cr.tensor([0.0, 1.0]), 1.0)
    tensor([0.125     , 0.06674188])
    """,
)

# --------------------------------------------------------------------------------------------- Lambert W


def _lambertw(z: Any, k: Any, tol: Any) -> Any:
    out = special.lambertw(z, k, tol)
    return out.astype(np.complex64) if getattr(z, "dtype", None) in SINGLE else out


def _lambertw_slope(xp: Any, out: Any, _z: Any, _k: Any, _tol: Any) -> Any:
    # W/(z(1 + W)), in which W/z = e^(−W) also at z = 0 (DLMF 4.13.4).
    return xp.divide(xp.exp(xp.negative(out)), xp.add(out, 1))


elementwise(
    "lambertw_branch",
    value=_lambertw,
    d=(_lambertw_slope, NONE, NONE),
    domain=("positive", "positive", "positive"),
    public=(),
    doc="""The k-th branch of Lambert's W to the tolerance tol: ``special.lambertw`` without defaults.

    >>> from chainrule.ops import ops
    >>> ops.lambertw_branch(cr.tensor([1.0]), 0, 1e-8)
    tensor([0.56714329+0.j])
    """,
)
composite(
    "lambertw",
    lambda xp, z, k=0, tol=1e-8: xp.lambertw_branch(z, k, tol),
    public=("special.lambertw",),
    doc="""W(z) with W e^W = z on its k-th branch, complex also for real z; ∂W/∂z = e^(−W)/(1 + W).

    >>> cr.special.lambertw(cr.tensor([0.0, 1.0]))
    tensor([0.        +0.j, 0.56714329+0.j])
    """,
)
elementwise(
    "wrightomega",
    value=special.wrightomega,
    d=lambda xp, out, _x: xp.divide(out, xp.add(out, 1)),
    emit=lambda e, x: e.special("wrightomega", x),
    public=("special.wrightomega",),
    doc="""The ω with ω + log ω = x, for real and complex x.

    >>> cr.special.wrightomega(cr.tensor([0.0, 1.0]))
    tensor([0.56714329, 1.        ])
    """,
)
