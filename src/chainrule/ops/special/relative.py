"""Quotients whose numerator and denominator vanish together, like (eˣ − 1)/x, and what is made of them.

Note [Vanishing quotients]
Written as quotients they lose their digits near 0, and their derivatives lose more. As integrals they do not:
(eˣ − 1)/x = ∫₀¹ e^(xt) dt, sin(x)/x = ∫₀¹ cos(xt) dt, log(1+x)/x = ∫₀¹ dt/(1+xt), so that n-th derivatives are moments
with tⁿ. Near 0 a Gauss–Legendre rule gives them with all digits; far from 0 integration by parts steps from n−1 to n.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import elementwise
from chainrule.orders import derivatives, gauss_legendre


def _exprel(x: Any, n: int) -> Any:
    """∫₀¹ tⁿ e^(xt) dt."""
    now = np.where(x == 0, 1, np.expm1(x) / np.where(x == 0, 1, x))
    if n == 0:
        return now
    near = np.abs(x) <= n + 3
    y, moment = np.where(near, x, 1), 0.0
    for node, weight in zip(*gauss_legendre(), strict=True):
        moment = moment + weight * node**n * np.exp(y * node)
    y = np.where(near, 1, x)
    for k in range(1, n + 1):
        now = (np.exp(y) - k * now) / y
    return np.where(near, moment, now)


def _sin_quotient(x: Any, n: int) -> Any:
    """∫₀¹ tⁿ cos⁽ⁿ⁾(xt) dt, where cos is the mean of e^(ix) and e^(−ix)."""
    forth = 1j**n * _exprel(1j * x, n)
    return forth.real if x.dtype.kind == "f" else (forth + (-1j) ** n * _exprel(-1j * x, n)) / 2


def _log1p_quotient(x: Any, n: int) -> Any:
    """(−1)ⁿ n! ∫₀¹ tⁿ / (1 + xt)ⁿ⁺¹ dt."""
    now = np.where(x == 0, 1, np.log1p(x) / np.where(x == 0, 1, x))
    if n == 0:
        return now
    near = (np.abs(x) <= 0.9) | ((x.real > 0) & (np.abs(x) < 3))
    y, moment = np.where(near, x, 0), 0.0
    for node, weight in zip(*gauss_legendre(), strict=True):
        moment = moment + weight * node**n / (1 + y * node) ** (n + 1)
    y = np.where(near, 1, x)
    for k in range(1, n + 1):
        now = (-math.factorial(k - 1) * (-1 / (1 + y)) ** k - k * now) / y
    now = np.where(x == -1, (-1) ** n * np.inf, now)
    return np.where(near, moment * (-1) ** n * math.factorial(n), now)


derivatives(
    "exprel_derivative",
    _exprel,
    (lambda xp, _out, n, x: xp.exprel_derivative(xp.add(n, 1), x),),
    analytic=True,
    doc="""dⁿ/dxⁿ (eˣ − 1)/x for integers n ≥ 0; 1/(n + 1) at 0.

    >>> from chainrule.ops import ops
    >>> ops.exprel_derivative(1, cr.tensor([0.0, 1e-9, 1.0]))
    tensor([0.5, 0.5, 1. ])
    """,
)
derivatives(
    "sin_quotient_derivative",
    _sin_quotient,
    (lambda xp, _out, n, x: xp.sin_quotient_derivative(xp.add(n, 1), x),),
    analytic=True,
    doc="""dⁿ/dxⁿ sin(x)/x for integers n ≥ 0, with all digits near 0.

    >>> from chainrule.ops import ops
    >>> ops.sin_quotient_derivative(1, cr.tensor([0.0, 1e-9, 1.0]))
    tensor([ 0.00000000e+00, -3.33333333e-10, -3.01168679e-01])
    """,
)
derivatives(
    "log1p_quotient_derivative",
    _log1p_quotient,
    (lambda xp, _out, n, x: xp.log1p_quotient_derivative(xp.add(n, 1), x),),
    analytic=True,
    doc="""dⁿ/dxⁿ log(1 + x)/x for integers n ≥ 0; (−1)ⁿ n!/(n + 1) at 0.

    >>> from chainrule.ops import ops
    >>> ops.log1p_quotient_derivative(1, cr.tensor([0.0, 1e-9, 1.0]))
    tensor([-0.5       , -0.5       , -0.19314718])
    """,
)

# ---------------------------------------------------------------------------------------------- functions

elementwise(
    "exprel",
    value=special.exprel,
    d=lambda xp, _out, x: xp.exprel_derivative(1, x),
    emit=lambda e, x: e.special("exprel", x),
    public=("special.exprel",),
    doc="""(eˣ − 1)/x, which is 1 at 0.

    >>> cr.special.exprel(cr.tensor([0.0, 1.0]))
    tensor([1.        , 1.71828183])
    """,
)


def _sinc_slope(xp: Any, _out: Any, x: Any) -> Any:
    return xp.multiply(xp.sin_quotient_derivative(1, xp.multiply(x, math.pi)), math.pi)


elementwise(
    "sinc",
    value=np.sinc,
    d=_sinc_slope,
    emit=lambda e, x: e.sinc(x),
    method=True,
    public=("sinc", "special.sinc"),
    doc="""sin(πx)/(πx), which is 1 at 0, where its second derivative is −π²/3.

    >>> cr.sinc(cr.tensor([0.0, 0.5]))
    tensor([1.        , 0.63661977])
    """,
)
elementwise(
    "spence",
    value=special.spence,
    d=lambda xp, _out, x: xp.negative(xp.log1p_quotient_derivative(0, xp.subtract(x, 1))),
    emit=lambda e, x: e.special("spence", x),
    domain=("positive",),
    public=("special.spence",),
    doc="""Spence's function ∫₁ˣ log t / (1 − t) dt = Li₂(1 − x), for real and complex x (DLMF 25.12.3).

    >>> cr.special.spence(cr.tensor([1.0, 0.0]))
    tensor([0.        , 1.64493407])
    """,
)

# ------------------------------------------------------------------------------------- power transformations


def _boxcox_slope(xp: Any, log: Any, power: Any) -> Any:
    # (e^(λL) − 1)/λ = L · exprel(λL). For x = 0, where L is −∞, it is −1/λ for λ > 0.
    ends = xp.logical_and(xp.equal(log, -np.inf), xp.greater(power, 0))
    inner = xp.where(ends, 0, log)
    slope = xp.multiply(xp.multiply(inner, inner), xp.exprel_derivative(1, xp.multiply(power, inner)))
    return xp.where(ends, xp.reciprocal(xp.multiply(power, power)), slope)


elementwise(
    "boxcox",
    value=special.boxcox,
    d=(
        lambda xp, _out, x, power: xp.power(x, xp.subtract(power, 1)),
        lambda xp, _out, x, power: _boxcox_slope(xp, xp.log(x), power),
    ),
    emit=lambda e, x, y: e.special("boxcox", x, y),
    domain=("positive", "real"),
    public=("special.boxcox",),
    doc="""The Box–Cox transformation (x^λ − 1)/λ, log x for λ = 0; differentiable in x and λ, also at λ = 0.

    >>> cr.special.boxcox(cr.tensor([4.0, 4.0]), cr.tensor([0.5, 0.0]))
    tensor([2.        , 1.38629436])
    """,
)
elementwise(
    "boxcox1p",
    value=special.boxcox1p,
    d=(
        lambda xp, _out, x, power: xp.exp(xp.multiply(xp.subtract(power, 1), xp.log1p(x))),
        lambda xp, _out, x, power: _boxcox_slope(xp, xp.log1p(x), power),
    ),
    emit=lambda e, x, y: e.special("boxcox1p", x, y),
    domain=("above minus one", "real"),
    public=("special.boxcox1p",),
    doc="""The Box–Cox transformation of 1 + x, exact for small x.

    >>> cr.special.boxcox1p(cr.tensor([3.0, 1e-12]), 0.5)
    tensor([2.e+00, 1.e-12])
    """,
)


def _inverse_by_power(xp: Any, moved: Any, y: Any, power: Any) -> Any:
    # log(1 + λy)/λ = y · log1p(λy)/(λy)
    return xp.multiply(xp.multiply(moved, xp.multiply(y, y)), xp.log1p_quotient_derivative(1, xp.multiply(power, y)))


def _inverse_by_y(xp: Any, moved: Any, y: Any, power: Any) -> Any:
    return xp.divide(moved, xp.add(xp.multiply(power, y), 1))


elementwise(
    "inv_boxcox",
    value=special.inv_boxcox,
    d=(
        lambda xp, out, y, power: _inverse_by_y(xp, out, y, power),
        lambda xp, out, y, power: _inverse_by_power(xp, out, y, power),
    ),
    emit=lambda e, x, y: e.special("inv_boxcox", x, y),
    domain=((0.5, 2.0), (0.1, 1.5)),
    public=("special.inv_boxcox",),
    doc="""The x with boxcox(x, λ) = y: (1 + λy)^(1/λ), or eʸ for λ = 0.

    >>> cr.special.inv_boxcox(cr.tensor([2.0, 0.0]), 0.5)
    tensor([4., 1.])
    """,
)
elementwise(
    "inv_boxcox1p",
    value=special.inv_boxcox1p,
    d=(
        lambda xp, out, y, power: _inverse_by_y(xp, xp.add(out, 1), y, power),
        lambda xp, out, y, power: _inverse_by_power(xp, xp.add(out, 1), y, power),
    ),
    emit=lambda e, x, y: e.special("inv_boxcox1p", x, y),
    domain=((0.5, 2.0), (0.1, 1.5)),
    public=("special.inv_boxcox1p",),
    doc="""The x with boxcox1p(x, λ) = y, exact for small y.

    >>> cr.special.inv_boxcox1p(cr.tensor([2.0, 1e-12]), 0.5)
    tensor([3.e+00, 1.e-12])
    """,
)
