"""The error function and its relatives: complements, inverses, the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import elementwise
from chainrule.orders import derivatives

SLOPE = 2 / math.sqrt(math.pi)


def _gauss(xp: Any, x: Any, sign: float) -> Any:
    """2/√π e^(± x²)."""
    return xp.multiply(xp.exp(xp.multiply(xp.multiply(x, x), sign)), SLOPE)


elementwise(
    "erf",
    value=special.erf,
    d=lambda xp, _out, x: _gauss(xp, x, -1.0),
    emit=lambda e, x: e.erf(x),
    method=True,
    public=("special.erf",),
    doc="""erf x = 2/√π ∫₀ˣ e^(−t²) dt, for real and complex x.

    >>> cr.special.erf(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.52049988])
    """,
)
elementwise(
    "erfc",
    value=special.erfc,
    d=lambda xp, _out, x: xp.negative(_gauss(xp, x, -1.0)),
    emit=lambda e, x: e.erfc(x),
    method=True,
    public=("special.erfc",),
    doc="""1 − erf x, exact for large x; for real and complex x.

    >>> cr.special.erfc(cr.tensor([0.5, 10.0]))
    tensor([4.79500122e-01, 2.08848758e-45])
    """,
)
elementwise(
    "erfi",
    value=special.erfi,
    d=lambda xp, _out, x: _gauss(xp, x, 1.0),
    emit=lambda e, x: e.special("erfi", x),
    public=("special.erfi",),
    doc="""−i erf(ix), for real and complex x.

    >>> cr.special.erfi(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.61495209])
    """,
)


# ---------------------------------------------------------------- scaled ones, whose slopes cancel far out

# Note [Scaled error functions]
# erfcx′(x) = 2x erfcx(x) − 2/√π cancels for large x, and the higher derivatives more. But with the scaled repeated
# integrals Hₙ(x) = e^(x²) iⁿerfc(x) the n-th derivative is (−2)ⁿ n! Hₙ(x), and the ratios Hₙ/Hₙ₋₁ = 1/(2x + 2(n+1)
# Hₙ₊₁/Hₙ) are a continued fraction (DLMF 7.18.13; W. Gautschi, SIAM Rev. 9 (1967) 24). Where x is small the recurrence
# is taken forward. Far out on the complex plane, except about the negative axis, the asymptotic series
# Hₙ ~ 2/√π Σₖ (−1)ᵏ (n+2k)! / (n! k! (2x)^(n+2k+1)) serves (DLMF 7.18.14).


def _scaled(x: Any, n: int) -> Any:
    """dⁿ/dxⁿ erfcx(x)."""
    before, now = SLOPE, special.erfcx(x)
    for k in range(1, n + 1):
        before, now = now, (before - 2 * x * now) / (2 * k)
    forward = now * (-2.0) ** n * math.factorial(n)
    if n == 0:
        return forward
    size, right = np.abs(x), x.real > 0
    far = (size > 8 + n) & (right | (np.abs(x.imag) > size / 2))
    ahead = right & (x.real > 1.5) & ~far
    out = np.where(ahead, _by_fraction(np.where(ahead, x, 2), n), forward)
    return np.where(far, _by_series(np.where(far, x, 20), n), out)


def _by_fraction(x: Any, n: int) -> Any:
    last = n + 160
    ratio = 1 / (x + np.sqrt(x * x + 2 * last))
    product = special.erfcx(x)
    for k in range(last, 0, -1):
        ratio = 1 / (2 * x + 2 * (k + 1) * ratio)
        if k <= n:
            product = product * (-2.0 * k) * ratio
    return product


def _by_series(x: Any, n: int) -> Any:
    term = total = SLOPE * math.factorial(n) / (2 * x) * (-1 / x) ** n
    for k in range(1, 25):
        term = term * (-(n + 2 * k) * (n + 2 * k - 1) / (k * 4 * x * x))
        total = total + term
    return total


derivatives(
    "erfcx_derivative",
    _scaled,
    (lambda xp, _out, n, x: xp.erfcx_derivative(xp.add(n, 1), x),),
    analytic=True,
    domain=("positive", "real"),
    doc="""dⁿ/dxⁿ erfcx(x) for integers n ≥ 0, without cancellation for large x.

    >>> from chainrule.ops import ops
    >>> ops.erfcx_derivative(1, cr.tensor([0.0, 1e8]))
    tensor([-1.12837917e+00, -5.64189584e-17])
    """,
)
elementwise(
    "erfcx",
    value=special.erfcx,
    d=lambda xp, _out, x: xp.erfcx_derivative(1, x),
    emit=lambda e, x: e.erfcx(x),
    public=("special.erfcx",),
    doc="""e^(x²) erfc x, for real and complex x; the derivative keeps its digits for large x.

    >>> cr.special.erfcx(cr.tensor([0.5, 1e8]))
    tensor([6.15690344e-01, 5.64189584e-09])
    """,
)


def _wofz(x: Any) -> Any:
    out = special.wofz(x)
    return out.astype(np.complex64) if getattr(x, "dtype", None) == np.float32 else out


elementwise(
    "wofz",
    value=_wofz,
    d=lambda xp, _out, x: xp.multiply(xp.erfcx_derivative(1, xp.multiply(x, -1j)), -1j),
    public=("special.wofz",),
    doc="""Faddeeva's function w(x) = e^(−x²) erfc(−ix), complex also for real x.

    >>> cr.special.wofz(cr.tensor([0.0, 1.0]))
    tensor([1.        +0.j        , 0.36787944+0.60715771j])
    """,
)


def _dawson(x: Any, n: int) -> Any:
    """dⁿ/dxⁿ D(x), by D′ = 1 − 2xD and D⁽ᵏ⁺¹⁾ = −2x D⁽ᵏ⁾ − 2k D⁽ᵏ⁻¹⁾, or by its asymptotic series."""
    before, now = special.dawsn(x), 1 - 2 * x * special.dawsn(x)
    for k in range(1, n):
        before, now = now, -2 * x * now - 2 * k * before
    far = (np.abs(x.imag) < np.abs(x.real) / 2) & (np.abs(x) > 8 + n)
    y = np.where(far, x, 20)
    term = total = math.factorial(n) / (2 * y) * (-1 / y) ** n
    for k in range(1, 25):
        term = term * ((2 * k - 1 + n) * (2 * k + n) / (k * 4 * y * y))
        total = total + term
    return np.where(far, total, before if n == 0 else now)


derivatives(
    "dawsn_derivative",
    _dawson,
    (lambda xp, _out, n, x: xp.dawsn_derivative(xp.add(n, 1), x),),
    analytic=True,
    domain=("positive", "real"),
    doc="""dⁿ/dxⁿ dawsn(x) for integers n ≥ 0, without cancellation for large x.

    >>> from chainrule.ops import ops
    >>> ops.dawsn_derivative(1, cr.tensor([0.0, 1e8]))
    tensor([ 1.e+00, -5.e-17])
    """,
)
elementwise(
    "dawsn",
    value=special.dawsn,
    d=lambda xp, _out, x: xp.dawsn_derivative(1, x),
    emit=lambda e, x: e.special("dawsn", x),
    public=("special.dawsn",),
    doc="""Dawson's integral e^(−x²) ∫₀ˣ e^(t²) dt, for real and complex x.

    >>> cr.special.dawsn(cr.tensor([0.0, 1.0]))
    tensor([0.        , 0.53807951])
    """,
)

# ----------------------------------------------------------------------------------------------- inverses

elementwise(
    "erfinv",
    value=special.erfinv,
    d=lambda xp, out, _x: xp.multiply(xp.exp(xp.multiply(out, out)), 1 / SLOPE),
    emit=lambda e, x: e.special("erfinv", x),
    domain=("unit",),
    method=True,
    public=("special.erfinv",),
    doc="""The y with erf y = x, for −1 ≤ x ≤ 1; infinite with an infinite slope at the ends.

    >>> cr.special.erfinv(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.47693628])
    """,
)
elementwise(
    "erfcinv",
    value=special.erfcinv,
    d=lambda xp, out, _x: xp.multiply(xp.exp(xp.multiply(out, out)), -1 / SLOPE),
    emit=lambda e, x: e.special("erfcinv", x),
    domain=((0.1, 1.9),),
    public=("special.erfcinv",),
    doc="""The y with erfc y = x, for 0 ≤ x ≤ 2.

    >>> cr.special.erfcinv(cr.tensor([1.0, 1e-20]))
    tensor([-0.        ,  6.60158062])
    """,
)

# ------------------------------------------------------------------------------------ normal distribution

PEAK = 1 / math.sqrt(2 * math.pi)


def _half_square(xp: Any, x: Any) -> Any:
    return xp.multiply(xp.multiply(x, x), 0.5)


elementwise(
    "ndtr",
    value=special.ndtr,
    d=lambda xp, _out, x: xp.multiply(xp.exp(xp.negative(_half_square(xp, x))), PEAK),
    emit=lambda e, x: e.ndtr(x),
    public=("special.ndtr",),
    doc="""The standard normal distribution function Φ(x) = erfc(−x/√2)/2, for real and complex x.

    >>> cr.special.ndtr(cr.tensor([0.0, -10.0]))
    tensor([5.00000000e-01, 7.61985302e-24])
    """,
)


def _inverse_mills(xp: Any, x: Any) -> Any:
    # φ(x)/Φ(x): on the left both underflow, on the right erfcx overflows.
    left = xp.less(xp.real(x), 0)
    y = xp.where(left, 0, x)
    right = xp.divide(xp.multiply(xp.exp(xp.negative(_half_square(xp, y))), PEAK), xp.ndtr(y))
    return xp.where(left, xp.divide(2 * PEAK, xp.erfcx(xp.multiply(xp.where(left, x, 0), -math.sqrt(0.5)))), right)


elementwise(
    "log_ndtr",
    value=special.log_ndtr,
    d=lambda xp, _out, x: _inverse_mills(xp, x),
    emit=lambda e, x: e.log_ndtr(x),
    public=("special.log_ndtr",),
    doc="""log Φ(x), without underflow; the derivative is the inverse Mills ratio φ(x)/Φ(x), and exact in both tails.

    >>> cr.special.log_ndtr(cr.tensor([0.0, -100.0]))
    tensor([-6.93147181e-01, -5.00552421e+03])
    """,
)
elementwise(
    "ndtri",
    value=special.ndtri,
    d=lambda xp, out, _x: xp.multiply(xp.exp(_half_square(xp, out)), 1 / PEAK),
    emit=lambda e, x: e.special("ndtri", x),
    domain=((0.05, 0.95),),
    public=("special.ndtri",),
    doc="""The x with Φ(x) = y, for 0 ≤ y ≤ 1.

    >>> cr.special.ndtri(cr.tensor([0.5, 0.975]))
    tensor([0.        , 1.95996398])
    """,
)
elementwise(
    "ndtri_exp",
    value=special.ndtri_exp,
    d=lambda xp, out, _x: xp.reciprocal(_inverse_mills(xp, out)),
    emit=lambda e, x: e.special("ndtri_exp", x),
    domain=((-4.0, -0.1),),
    public=("special.ndtri_exp",),
    doc="""The x with log Φ(x) = y, for y ≤ 0.

    >>> cr.special.ndtri_exp(cr.tensor([-1.0, -1000.0]))
    tensor([ -0.33747496, -44.61574773])
    """,
)
