"""Bessel functions: exact derivatives in x by the recurrences of DLMF 10.6 and 10.29, in the order by bessel_order.py.

Those recurrences divide by nothing, so that derivatives at 0 are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import composite, elementwise


def _slope(name: str, low: float, high: float) -> Callable[..., Any]:
    """low · f(v − 1, z) + high · f(v + 1, z)."""

    def slope(xp: Any, _out: Any, v: Any, z: Any) -> Any:
        f = getattr(xp, name)  # orders shift by 1.0 since an unsigned 0 cannot be lowered by 1
        return xp.add(xp.multiply(low, f(v - 1.0, z)), xp.multiply(high, f(v + 1.0, z)))

    return slope


def _scaled_slope(xp: Any, near: Any, v: Any, x: Any, kind: int) -> Any:
    """The derivative of x ↦ e^(−kind·x) f(x): ``near``, a difference, or an expansion far out, where its terms cancel.

    DLMF 10.40.1 and 10.40.2 differentiated, for I (kind 1, of |x|) and K (kind −1).
    """
    far = xp.greater(xp.abs(x), 1e3 + 40.0 * v * v)
    x = xp.where(far, x, 1e4)
    if kind > 0:
        # For x < 0 only whole orders are real, and there the derivative has the parity of v + 1; others give NaN.
        below = xp.where(
            xp.equal(xp.remainder(v, 2.0), 0.0), -1.0, xp.where(xp.equal(xp.remainder(v, 2.0), 1.0), 1.0, np.nan)
        )
        side, x = xp.where(xp.less(x, 0.0), below, 1.0), xp.abs(x)
    else:
        side = 1.0
    term, total = 1.0, 0.5
    for k in range(1, 7):
        term = xp.multiply(xp.divide(kind * ((2 * k - 1) ** 2 - 4.0 * v * v) / (8 * k), x), term)
        total = xp.add(xp.multiply(term, k + 0.5), total)
    size = float(np.sqrt(2 * np.pi)) ** -kind * (1 if kind > 0 else 0.5)
    slope = xp.divide(xp.multiply(-size, total), xp.multiply(x, xp.sqrt(x)))
    return xp.where(far, xp.multiply(side, slope), near)


# --------------------------------------------------------------------------------------------- fixed order

elementwise(
    "j0",
    value=special.j0,
    d=lambda xp, _out, x: xp.negative(xp.j1(x)),
    emit=lambda e, x: e.special("j0", x),
    public=("special.j0",),
    doc="""J₀(x), the Bessel function of the first kind of order 0.

    >>> cr.special.j0(cr.tensor([0.0, 2.0]))
    tensor([1.        , 0.22389078])
    """,
)
elementwise(
    "j1",
    value=special.j1,
    d=lambda xp, _out, x: xp.multiply(0.5, xp.subtract(xp.j0(x), xp.jv(2, x))),
    emit=lambda e, x: e.special("j1", x),
    public=("special.j1",),
    doc="""J₁(x), the Bessel function of the first kind of order 1.

    >>> cr.special.j1(cr.tensor([0.0, 2.0]))
    tensor([0.        , 0.57672481])
    """,
)
elementwise(
    "y0",
    value=special.y0,
    d=lambda xp, _out, x: xp.negative(xp.y1(x)),
    emit=lambda e, x: e.special("y0", x),
    domain=("positive",),
    public=("special.y0",),
    doc="""Y₀(x), the Bessel function of the second kind of order 0; NaN for x < 0.

    >>> cr.special.y0(cr.tensor([1.0, 2.0]))
    tensor([0.08825696, 0.51037567])
    """,
)
elementwise(
    "y1",
    value=special.y1,
    d=lambda xp, _out, x: xp.multiply(0.5, xp.subtract(xp.y0(x), xp.yv(2, x))),
    emit=lambda e, x: e.special("y1", x),
    domain=("positive",),
    public=("special.y1",),
    doc="""Y₁(x), the Bessel function of the second kind of order 1; NaN for x < 0.

    >>> cr.special.y1(cr.tensor([1.0, 2.0]))
    tensor([-0.78121282, -0.10703243])
    """,
)
elementwise(
    "i0",
    value=special.i0,
    d=lambda xp, _out, x: xp.i1(x),
    emit=lambda e, x: e.special("i0", x),
    numpy=("i0",),
    public=("special.i0",),
    doc="""I₀(x), the modified Bessel function of the first kind of order 0.

    >>> cr.special.i0(cr.tensor([0.0, 2.0]))
    tensor([1.       , 2.2795853])
    """,
)
elementwise(
    "i1",
    value=special.i1,
    d=lambda xp, _out, x: xp.multiply(0.5, xp.add(xp.i0(x), xp.iv(2, x))),
    emit=lambda e, x: e.special("i1", x),
    public=("special.i1",),
    doc="""I₁(x), the modified Bessel function of the first kind of order 1.

    >>> cr.special.i1(cr.tensor([0.0, 2.0]))
    tensor([0.        , 1.59063685])
    """,
)
elementwise(
    "i0e",
    value=special.i0e,
    d=lambda xp, out, x: _scaled_slope(xp, xp.subtract(xp.i1e(x), xp.multiply(xp.sign(x), out)), 0.0, x, 1),
    emit=lambda e, x: e.special("i0e", x),
    public=("special.i0e",),
    doc="""e^(−|x|) I₀(x), without overflow; the derivative at the kink 0 is 0.

    >>> cr.special.i0e(cr.tensor([0.0, 2.0]))
    tensor([1.        , 0.30850832])
    """,
)
elementwise(
    "i1e",
    value=special.i1e,
    d=lambda xp, out, x: _scaled_slope(
        xp, xp.subtract(xp.multiply(0.5, xp.add(xp.i0e(x), xp.ive(2, x))), xp.multiply(xp.sign(x), out)), 1.0, x, 1
    ),
    emit=lambda e, x: e.special("i1e", x),
    public=("special.i1e",),
    doc="""e^(−|x|) I₁(x), without overflow.

    >>> cr.special.i1e(cr.tensor([0.0, 2.0]))
    tensor([0.        , 0.21526929])
    """,
)
elementwise(
    "k0",
    value=special.k0,
    d=lambda xp, _out, x: xp.negative(xp.k1(x)),
    emit=lambda e, x: e.special("k0", x),
    domain=("positive",),
    public=("special.k0",),
    doc="""K₀(x), the modified Bessel function of the second kind of order 0; NaN for x < 0.

    >>> cr.special.k0(cr.tensor([1.0, 2.0]))
    tensor([0.42102444, 0.11389387])
    """,
)
elementwise(
    "k1",
    value=special.k1,
    d=lambda xp, _out, x: xp.multiply(-0.5, xp.add(xp.k0(x), xp.kv(2, x))),
    emit=lambda e, x: e.special("k1", x),
    domain=("positive",),
    public=("special.k1",),
    doc="""K₁(x), the modified Bessel function of the second kind of order 1; NaN for x < 0.

    >>> cr.special.k1(cr.tensor([1.0, 2.0]))
    tensor([0.60190723, 0.13986588])
    """,
)
elementwise(
    "k0e",
    value=special.k0e,
    d=lambda xp, out, x: _scaled_slope(xp, xp.subtract(out, xp.k1e(x)), 0.0, x, -1),
    emit=lambda e, x: e.special("k0e", x),
    domain=("positive",),
    public=("special.k0e",),
    doc="""eˣ K₀(x), without underflow; NaN for x < 0.

    >>> cr.special.k0e(cr.tensor([1.0, 2.0]))
    tensor([1.14446308, 0.84156822])
    """,
)
elementwise(
    "k1e",
    value=special.k1e,
    d=lambda xp, out, x: _scaled_slope(
        xp, xp.subtract(out, xp.multiply(0.5, xp.add(xp.k0e(x), xp.kve(2, x)))), 1.0, x, -1
    ),
    emit=lambda e, x: e.special("k1e", x),
    domain=("positive",),
    public=("special.k1e",),
    doc="""eˣ K₁(x), without underflow; NaN for x < 0.

    >>> cr.special.k1e(cr.tensor([1.0, 2.0]))
    tensor([1.63615349, 1.03347685])
    """,
)

# ----------------------------------------------------------------------------------------------- any order

ORDERS = ((0.5, 3.5), (0.5, 3.5))  # where tests draw (v, z)

elementwise(
    "jv",
    value=special.jv,
    d=(lambda xp, _out, v, z: xp.jv_order(1, v, z), _slope("jv", 0.5, -0.5)),
    emit=lambda e, x, y: e.special("jv", x, y),
    domain=ORDERS,
    public=("special.jv",),
    doc="""Jᵥ(z), the Bessel function of the first kind of real order v; z may be complex.

    ∂/∂v is ``special.jv_order(1, v, z)``: for real z > 0, NaN for z < 0, a GradientError for complex z.

    >>> cr.special.jv(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.24029784, 0.49129378])
    """,
)
elementwise(
    "yv",
    value=special.yv,
    d=(lambda xp, _out, v, z: xp.yv_order(1, v, z), _slope("yv", 0.5, -0.5)),
    emit=lambda e, x, y: e.special("yv", x, y),
    domain=ORDERS,
    public=("special.yv",),
    doc="""Yᵥ(z), the Bessel function of the second kind of real order v; z may be complex; NaN for real z < 0.

    ∂/∂v is ``special.yv_order(1, v, z)``: for real z > 0, a GradientError for complex z.

    >>> cr.special.yv(1.5, cr.tensor([1.0, 2.0]))
    tensor([-1.10249558, -0.39562328])
    """,
)
elementwise(
    "iv",
    value=special.iv,
    d=(
        lambda xp, _out, v, z: xp.multiply(xp.exp(z), xp.ive_order(1, v, z)),
        _slope("iv", 0.5, 0.5),
    ),
    emit=lambda e, x, y: e.special("iv", x, y),
    domain=ORDERS,
    public=("special.iv",),
    doc="""Iᵥ(z), the modified Bessel function of the first kind of real order v; z may be complex.

    ∂/∂v is eᶻ ``special.ive_order(1, v, z)``: for real z > 0, NaN for z < 0, a GradientError for complex z.

    >>> cr.special.iv(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.29352533, 1.09947319])
    """,
)
elementwise(
    "kv",
    value=special.kv,
    d=(
        lambda xp, _out, v, z: xp.multiply(xp.exp(xp.negative(z)), xp.kve_order(1, v, z)),
        _slope("kv", -0.5, -0.5),
    ),
    emit=lambda e, x, y: e.special("kv", x, y),
    domain=ORDERS,
    public=("special.kv",),
    doc="""Kᵥ(z), the modified Bessel function of the second kind of real order v; z may be complex.

    ∂/∂v is e⁻ᶻ ``special.kve_order(1, v, z)``: for real z > 0, a GradientError for complex z.

    >>> cr.special.kv(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.92213701, 0.17990666])
    """,
)
elementwise(
    "kve",
    value=special.kve,
    d=(
        lambda xp, _out, v, z: xp.kve_order(1, v, z),
        lambda xp, out, v, z: _scaled_slope(xp, xp.add(_slope("kve", -0.5, -0.5)(xp, out, v, z), out), v, z, -1),
    ),
    emit=lambda e, x, y: e.special("kve", x, y),
    domain=ORDERS,
    public=("special.kve",),
    doc="""eᶻ Kᵥ(z), without underflow; derivatives as those of ``special.kv``.

    >>> cr.special.kve(1.5, cr.tensor([1.0, 2.0]))
    tensor([2.50662827, 1.32934039])
    """,
)


# ---------------------------------------------------------- scaled by the size of a part of z: not holomorphic


def _scaled(function: Any, part: Any) -> Callable[..., Any]:
    def value(v: Any, z: Any, s: Any) -> Any:
        out = function(v, z)
        # exp(|part| − s) is exactly 1 where s is what the composites below make it; so derivatives see both z and s.
        return out * np.exp(np.subtract(np.abs(part(z)), s, dtype=out.real.dtype))

    return value


def _order_real(name: str) -> Callable[..., Any]:
    return lambda xp, _out, v, z, s: xp.multiply(xp.exp(xp.subtract(_exponent(name, z), s)), getattr(xp, name)(1, v, z))


def _exponent(name: str, z: Any) -> Any:
    return z if name == "ive_order" else 0.0


def _slope_scaled(name: str, high: float) -> Callable[..., Any]:
    def slope(xp: Any, _out: Any, v: Any, z: Any, s: Any) -> Any:
        f = getattr(xp, name)
        return xp.add(xp.multiply(0.5, f(v - 1.0, z, s)), xp.multiply(high, f(v + 1.0, z, s)))

    return slope


for _name, _function, _part, _order, _high in (
    ("jv", special.jve, np.imag, "jv_order", -0.5),
    ("yv", special.yve, np.imag, "yv_order", -0.5),
    ("iv", special.ive, np.real, "ive_order", 0.5),
):
    elementwise(
        f"scaled_{_name}",
        value=_scaled(_function, _part),
        d=(
            _order_real(_order),
            _slope_scaled(f"scaled_{_name}", _high),
            lambda xp, out, _v, _z, _s: xp.negative(out),
        ),
        domain=(*ORDERS, (0.5, 3.5)),
        public=(),
        doc=f"""{_name}(v, z) · e⁻ˢ of (v, z, s), within range where s is near the growth of the function.

        >>> from chainrule.ops import ops
        >>> ops.scaled_{_name}(1, 1e3, {"1e3" if _name == "iv" else "0.0"})
        tensor({special.ive(1, 1e3) if _name == "iv" else getattr(special, _name)(1, 1e3):.8f})
        """,
    )


def _is_real(z: Any) -> bool:
    return np.dtype(z.dtype if hasattr(z, "dtype") else np.asarray(z).dtype).kind != "c"


def _real_ive(v: Any, x: Any) -> Any:
    if not _is_real(x):
        raise TypeError("it is a function of real numbers")
    return special.ive(v, x)


elementwise(
    "real_ive",
    value=_real_ive,
    d=(
        lambda xp, _out, v, x: xp.ive_order(1, v, x),
        lambda xp, out, v, x: _scaled_slope(
            xp, xp.subtract(_slope("real_ive", 0.5, 0.5)(xp, out, v, x), xp.multiply(xp.sign(x), out)), v, x, 1
        ),
    ),
    domain=ORDERS,
    public=(),
    doc="""``special.ive(v, x)`` of real x.

    >>> from chainrule.ops import ops
    >>> ops.real_ive(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.10798193, 0.14879752])
    """,
)
composite(
    "ive",
    lambda xp, v, z: xp.real_ive(v, z) if _is_real(z) else xp.scaled_iv(v, z, xp.abs(xp.real(z))),
    value=special.ive,
    public=("special.ive",),
    doc="""e^(−|Re z|) Iᵥ(z), without overflow; the derivative in z takes |x| to be flat at 0.

    >>> cr.special.ive(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.10798193, 0.14879752])
    """,
)
composite(
    "jve",
    lambda xp, v, z: xp.jv(v, z) if _is_real(z) else xp.scaled_jv(v, z, xp.abs(xp.imag(z))),
    value=special.jve,
    public=("special.jve",),
    doc="""e^(−|Im z|) Jᵥ(z), without overflow; of real z, Jᵥ(z).

    >>> cr.special.jve(1.5, cr.tensor([1.0, 2.0]))
    tensor([0.24029784, 0.49129378])
    """,
)
composite(
    "yve",
    lambda xp, v, z: xp.yv(v, z) if _is_real(z) else xp.scaled_yv(v, z, xp.abs(xp.imag(z))),
    value=special.yve,
    public=("special.yve",),
    doc="""e^(−|Im z|) Yᵥ(z), without overflow; of real z, Yᵥ(z).

    >>> cr.special.yve(1.5, cr.tensor([1.0, 2.0]))
    tensor([-1.10249558, -0.39562328])
    """,
)


# ---------------------------------------------------------------------------------------- of the third kind


def _third(sign: int, scaled: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The partials in v and z of J ± iY, and of exp(∓iz) times it."""
    name = f"hankel{1 if sign > 0 else 2}{'e' * scaled}"

    def in_order(xp: Any, _out: Any, v: Any, z: Any) -> Any:
        d = xp.add(xp.jv_order(1, v, z), xp.multiply(xp.yv_order(1, v, z), sign * 1j))
        return xp.multiply(d, xp.exp(xp.multiply(z, -sign * 1j))) if scaled else d

    def in_argument(xp: Any, out: Any, v: Any, z: Any) -> Any:
        d = _slope(name, 0.5, -0.5)(xp, out, v, z)
        return xp.add(d, xp.multiply(out, -sign * 1j))

    return in_order, in_argument if scaled else _slope(name, 0.5, -0.5)


for _kind, _sign, _shown in ((1, 1, "+"), (2, -1, "−")):
    elementwise(
        f"hankel{_kind}",
        value=getattr(special, f"hankel{_kind}"),
        d=_third(_sign, False),
        domain=ORDERS,
        public=(f"special.hankel{_kind}",),
        doc=f"""Jᵥ(z) {_shown} iYᵥ(z), the Hankel function of kind {_kind}; ∂/∂v for real z > 0, as of ``special.jv``.

        >>> cr.special.hankel{_kind}(0, cr.tensor([1.0]))
        tensor([0.76519769{"+-"[_sign < 0]}0.08825696j])
        """,
    )
    elementwise(
        f"hankel{_kind}e",
        value=getattr(special, f"hankel{_kind}e"),
        d=_third(_sign, True),
        domain=ORDERS,
        public=(f"special.hankel{_kind}e",),
        doc=f"""The Hankel function of kind {_kind} times exp({"−" if _sign > 0 else ""}iz), which does not oscillate.

        >>> cr.special.hankel{_kind}e(0, cr.tensor([1.0]))
        tensor([0.48770375{"-+"[_sign < 0]}0.59620621j])
        """,
    )
