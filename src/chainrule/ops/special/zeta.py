"""Riemann's and Hurwitz's zeta functions, with derivatives in both arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import composite, elementwise
from chainrule.orders import derivatives

TERMS = 12  # added up before the Euler–Maclaurin series, and terms of that series
# B₂ⱼ / (2j)!, j = 1, 2, …
COEFFICIENTS = [b / math.factorial(2 * j) for j, b in enumerate(special.bernoulli(2 * TERMS)[2::2].tolist(), start=1)]


def _derivative(x: Any, q: Any, n: int) -> Any:
    """dⁿ/dxⁿ of the Euler–Maclaurin series of ζ(x, q) (DLMF 25.11.5): every term is u^(−x) times a polynomial in x."""
    x, q = np.broadcast_arrays(x, q)
    known = (q.real > 0) & np.isfinite(x)
    x, q = np.where(known, x, 2), np.where(known, q, 1)
    head, terms = 0.0, TERMS + _height(x)
    for k in range(terms):
        head = head + (-np.log(q + k)) ** n * (q + k) ** -x
    end = q + terms
    # Derivatives of the factor of end^(−x): of end/(x−1) + ½ + Σ B₂ⱼ/(2j)! (x)₂ⱼ₋₁ end^(1−2j).
    factor = [(-1) ** i * math.factorial(i) * end / (x - 1) ** (i + 1) for i in range(n + 1)]
    factor[0] = factor[0] + 0.5
    rising = [x / end, *((1 / end if i == 1 else 0.0 * x) for i in range(1, n + 1))]
    for j, coefficient in enumerate(COEFFICIENTS, start=1):
        factor = [f + coefficient * r for f, r in zip(factor, rising, strict=True)]
        for m in (2 * j - 1, 2 * j):
            rising = [((x + m) * r + i * rising[i - 1]) / end for i, r in enumerate(rising)]
    decay = end**-x
    rest = sum(math.comb(n, i) * (-np.log(end)) ** (n - i) * f for i, f in enumerate(factor))
    return np.where(known, head + np.where(decay == 0, 0, decay * rest), np.nan)


def _height(x: Any) -> int:
    # High up the critical strip the series begins to converge later.
    return int(min(np.max(np.abs(x.imag), initial=0.0), 1e4)) if x.dtype.kind == "c" else 0


def _derivative_by_q(xp: Any, _out: Any, n: Any, x: Any, q: Any) -> Any:
    # ∂ζ/∂q = −x ζ(x+1, q), differentiated n times by x.
    before = xp.zeta_derivative(xp.maximum(xp.subtract(n, 1), 0), xp.add(x, 1), q)
    same = xp.multiply(x, xp.zeta_derivative(n, xp.add(x, 1), q))
    return xp.negative(xp.add(same, xp.multiply(n, before)))


derivatives(
    "zeta_derivative",
    _derivative,
    (lambda xp, _out, n, x, q: xp.zeta_derivative(xp.add(n, 1), x, q), _derivative_by_q),
    analytic=True,
    domain=("positive", (1.5, 4.0), "positive"),
    doc="""∂ⁿζ(x, q)/∂xⁿ for integers n ≥ 0, Re q > 0 and Re x ≥ 0, by the Euler–Maclaurin series (DLMF 25.11.5).

    Measured against 180 digits for n = 1, 1.001 ≤ x ≤ 50, 1e-3 ≤ q ≤ 300: relative error ≤ 1e-12.

    >>> from chainrule.ops import ops
    >>> ops.zeta_derivative(1, cr.tensor([2.0, 3.0]), 1.0)
    tensor([-0.93754825, -0.19812624])
    """,
)


def _hurwitz(x: Any, q: Any) -> Any:
    if np.iscomplexobj(x):
        raise TypeError("zeta(x, q) is a function of real numbers; zeta(x) of complex x is Riemann's")
    return special.zeta(x, q)


def _defined(xp: Any, x: Any) -> Any:
    # The series of the derivatives goes on to the left of x = 1, where SciPy's zeta(x, q) is NaN.
    return xp.where(xp.less(x, 1), float("nan"), x)


elementwise(
    "hurwitz_zeta",
    value=_hurwitz,
    d=(
        lambda xp, _out, x, q: xp.zeta_derivative(1, _defined(xp, x), q),
        lambda xp, _out, x, q: xp.negative(xp.multiply(_defined(xp, x), xp.hurwitz_zeta(xp.add(x, 1), q))),
    ),
    domain=((1.5, 4.0), "positive"),
    public=(),
    doc="""ζ(x, q) = Σ (q + k)^(−x) over k ≥ 0, for real x > 1, differentiable in x and q.

    >>> from chainrule.ops import ops
    >>> ops.hurwitz_zeta(cr.tensor([2.0, 3.0]), 0.5)
    tensor([4.9348022 , 8.41439832])
    """,
)


def _riemann_slope(xp: Any, _out: Any, x: Any) -> Any:
    # Left of 0 by the functional equation ζ(x) = 2(2π)^(x−1) sin(πx/2) Γ(1−x) ζ(1−x) (DLMF 25.4.1).
    left = xp.less(xp.real(x), -0.5)
    right = xp.zeta_derivative(1, xp.where(left, 2, x), 1.0)
    z = xp.where(left, x, -1)
    mirrored, angle = xp.subtract(1, z), xp.multiply(z, math.pi / 2)
    sine, cosine = xp.sin(angle), xp.cos(angle)
    scale = xp.exp(xp.add(xp.multiply(xp.subtract(z, 1), math.log(2 * math.pi)), xp.loggamma(mirrored)))
    growth = xp.subtract(math.log(2 * math.pi), xp.digamma(mirrored))
    slope = xp.add(xp.multiply(xp.multiply(sine, growth), 2), xp.multiply(cosine, math.pi))
    moved = xp.multiply(slope, xp.riemann_zeta(mirrored))
    moved = xp.subtract(moved, xp.multiply(xp.multiply(sine, 2), xp.zeta_derivative(1, mirrored, 1.0)))
    return xp.where(left, xp.multiply(scale, moved), right)


elementwise(
    "riemann_zeta",
    value=lambda x: special.zeta(x),
    d=_riemann_slope,
    domain=((1.5, 4.0),),
    public=(),
    doc="""ζ(x) = Σ k^(−x) over k ≥ 1, continued to all real and complex x ≠ 1.

    >>> from chainrule.ops import ops
    >>> ops.riemann_zeta(cr.tensor([2.0, -1.0]))
    tensor([ 1.64493407, -0.08333333])
    """,
)
elementwise(
    "zetac",
    value=special.zetac,
    d=_riemann_slope,
    emit=lambda e, x: e.special("zetac", x),
    domain=((1.5, 4.0),),
    public=("special.zetac",),
    doc="""ζ(x) − 1 for real x, exact for large x.

    >>> cr.special.zetac(cr.tensor([2.0, 60.0]))
    tensor([6.44934067e-01, 8.67361738e-19])
    """,
)
composite(
    "zeta",
    lambda xp, x, q=None: xp.riemann_zeta(x) if q is None else xp.hurwitz_zeta(x, q),
    public=("special.zeta",),
    doc="""Hurwitz's ζ(x, q) = Σ (q + k)^(−x) over k ≥ 0 for x > 1, or, without q, Riemann's ζ(x) for all x ≠ 1.

    Both arguments are differentiable; ∂/∂q = −x ζ(x + 1, q) (DLMF 25.11.17).

    >>> cr.special.zeta(cr.tensor([2.0, 3.0]))
    tensor([1.64493407, 1.2020569 ])
    """,
)
