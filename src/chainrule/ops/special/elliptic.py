"""Elliptic integrals of Legendre's kinds, Jacobi's elliptic functions: derivatives in both arguments, of any order.

Note [Moments]
P(a, k; φ, m) = ∫₀^φ sin²ᵏθ (1 − m sin²θ)⁻ᵃ dθ is closed under derivatives, ∂P/∂m = a P(a + 1, k + 1), and its integrand
has one sign. So derivatives in m divide by no m and no 1 − m, as those of DLMF 19.4 do, and stay exact near 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainrule.errors import DTypeError
from chainrule.op import NONE, composite, elementwise, primitive
from chainrule.precision import precisely
from chainrule.spec import Spec, broadcast_shapes, promote, shape_of

QUARTER = np.pi / 2

# Nodes of the tanh-sinh rule on [0, 1]: as fractions from the left end and from the right, so close to either that
# an integrand that nearly has a pole there is resolved. H. Takahasi, M. Mori, Publ. RIMS 9 (1974) 721.
_T = np.arange(-212, 213)[:, None] / 64
_FROM_LEFT, _FROM_RIGHT = special.expit(np.pi * np.sinh(_T)), special.expit(-np.pi * np.sinh(_T))
_WEIGHTS = np.pi / 64 * np.cosh(_T) * _FROM_LEFT * _FROM_RIGHT
CHUNK = 256


def _cos(phi: Any) -> Any:
    # The nearest number to π/2 stands for π/2 itself: K and E end there.
    return np.where(np.abs(phi) == QUARTER, 0.0, np.cos(phi))


def _square(c: Any, s: Any, m: Any) -> Any:
    """1 − m s², without cancellation near m = 1."""
    return c * c + (1 - m) * s * s


def _quadrature(a: float, k: int, phi: Any, m: Any) -> Any:
    s = np.sin(phi * _FROM_LEFT)
    c = _cos(phi) * np.cos(phi * _FROM_RIGHT) + np.sin(phi) * np.sin(phi * _FROM_RIGHT)
    return phi * np.sum(_WEIGHTS * s ** (2 * k) * _square(c, s, m) ** -a, axis=0)


def _up_to_quarter(a: float, k: int, phi: Any, m: Any) -> Any:
    """P of |φ| ≤ π/2, by Carlson's R_D where it is one: DLMF 19.25.10, and the same with two arguments exchanged."""
    s, c = np.sin(phi), _cos(phi)
    if k == 1 and a == 1.5:
        return s**3 / 3 * special.elliprd(c * c, 1.0, _square(c, s, m))
    if k == 1 and a == 0.5:
        return s**3 / 3 * special.elliprd(c * c, _square(c, s, m), 1.0)
    flat_phi, flat_m = phi.ravel(), m.ravel()
    starts = range(0, len(flat_m), CHUNK)
    pieces = [_quadrature(a, k, flat_phi[i : i + CHUNK], flat_m[i : i + CHUNK]) for i in starts]
    return np.concatenate([np.zeros(0), *pieces]).reshape(phi.shape)


def _moment(a: Any, k: Any, phi: Any, m: Any) -> Any:
    dtype = promote([phi, m])
    if dtype.kind == "c":
        raise DTypeError(
            f"[elliptic_moment] not defined for complex numbers: the result would be {dtype}; expected real phi and m; "
            f"take their real parts."
        )
    wide_phi, wide_m = np.broadcast_arrays(np.asarray(phi, float), np.asarray(m, float))
    with np.errstate(all="ignore"):
        turns = np.round(wide_phi / np.pi)
        out = _up_to_quarter(a, k, wide_phi - turns * np.pi, wide_m)
        if turns.any():
            full = _up_to_quarter(a, k, np.full(wide_m.shape, QUARTER), wide_m)
            out = np.where(turns == 0, out, out + 2 * turns * full)
    return out.astype(np.float32 if dtype == np.float32 else np.float64)[()]


def _integrand(xp: Any, a: float, k: int, phi: Any, m: Any) -> Any:
    s, c = xp.sin(phi), xp.cos(phi)
    square = xp.add(xp.multiply(c, c), xp.multiply(xp.multiply(1.0 - m, s), s))
    return xp.multiply(xp.power(s, 2 * k), xp.power(square, -a))


elementwise(
    "elliptic_moment",
    value=_moment,
    d=(
        NONE,
        NONE,
        lambda xp, _out, a, k, phi, m: _integrand(xp, a, k, phi, m),
        lambda xp, _out, a, k, phi, m: xp.multiply(a, xp.elliptic_moment(a + 1, k + 1, phi, m)),
    ),
    public=(),
    doc="""∫₀^φ sin²ᵏθ (1 − m sin²θ)⁻ᵃ dθ of numbers a, k and real φ, m.

    Elliptic integrals and their derivatives in m are made of these. NaN where the integrand is not real.

    >>> from chainrule.ops import ops
    >>> ops.elliptic_moment(0.5, 0, 1.0, cr.tensor([0.0, 0.5]))
    tensor([1.        , 1.08321677])
    """,
)


# ------------------------------------------------------------------------------------- Legendre's integrals


def _ellipkm1_slope(xp: Any, out: Any, p: Any) -> Any:
    # DLMF 19.4.1 near p = 0, where 1 − p would lose the digits of p; the moment near p = 1, where that divides by 0.
    near = xp.less(p, 0.5)
    q = xp.where(near, p, 0.5)
    small = xp.divide(xp.subtract(xp.multiply(q, out), xp.ellipe(xp.subtract(1.0, q))), xp.multiply(2.0 * q, 1.0 - q))
    other = xp.elliptic_moment(1.5, 1, QUARTER, xp.subtract(1.0, xp.where(near, 0.5, p)))
    return xp.where(near, small, xp.multiply(-0.5, other))


elementwise(
    "ellipk",
    value=special.ellipk,
    d=lambda xp, _out, m: xp.multiply(0.5, xp.elliptic_moment(1.5, 1, QUARTER, m)),
    emit=lambda e, x: e.special("ellipk", x),
    domain=((-2.0, 0.9),),
    public=("special.ellipk",),
    doc="""K(m) = ∫₀^(π/2) (1 − m sin²θ)^(−1/2) dθ, the complete elliptic integral of the first kind; NaN for m > 1.

    >>> cr.special.ellipk(cr.tensor([0.0, 0.5]))
    tensor([1.57079633, 1.85407468])
    """,
)
elementwise(
    "ellipkm1",
    value=special.ellipkm1,
    d=_ellipkm1_slope,
    emit=lambda e, x: e.special("ellipkm1", x),
    domain=((0.1, 2.0),),
    public=("special.ellipkm1",),
    doc="""K(1 − p), exact for small p; NaN for p < 0.

    >>> cr.special.ellipkm1(cr.tensor([1.0, 1e-20]))
    tensor([ 1.57079633, 24.41214529])
    """,
)
elementwise(
    "ellipe",
    value=special.ellipe,
    d=lambda xp, _out, m: xp.multiply(-0.5, xp.elliptic_moment(0.5, 1, QUARTER, m)),
    emit=lambda e, x: e.special("ellipe", x),
    domain=((-2.0, 0.9),),
    public=("special.ellipe",),
    doc="""E(m) = ∫₀^(π/2) (1 − m sin²θ)^(1/2) dθ, the complete elliptic integral of the second kind; NaN for m > 1.

    >>> cr.special.ellipe(cr.tensor([0.0, 0.5]))
    tensor([1.57079633, 1.35064388])
    """,
)
elementwise(
    "ellipkinc",
    value=precisely(special.ellipkinc),
    d=(
        lambda xp, _out, phi, m: _integrand(xp, 0.5, 0, phi, m),
        lambda xp, _out, phi, m: xp.multiply(0.5, xp.elliptic_moment(1.5, 1, phi, m)),
    ),
    emit=lambda e, x, y: e.special("ellipkinc", x, y),
    domain=((-2.0, 2.0), (-2.0, 0.9)),
    public=("special.ellipkinc",),
    doc="""F(φ, m) = ∫₀^φ (1 − m sin²θ)^(−1/2) dθ, the incomplete elliptic integral of the first kind; NaN for m > 1.

    >>> cr.special.ellipkinc(1.0, cr.tensor([0.0, 0.5]))
    tensor([1.        , 1.08321677])
    """,
)
elementwise(
    "ellipeinc",
    value=precisely(special.ellipeinc),
    d=(
        lambda xp, _out, phi, m: _integrand(xp, -0.5, 0, phi, m),
        lambda xp, _out, phi, m: xp.multiply(-0.5, xp.elliptic_moment(0.5, 1, phi, m)),
    ),
    emit=lambda e, x, y: e.special("ellipeinc", x, y),
    domain=((-2.0, 2.0), (-2.0, 0.9)),
    public=("special.ellipeinc",),
    doc="""E(φ, m) = ∫₀^φ (1 − m sin²θ)^(1/2) dθ, the incomplete elliptic integral of the second kind; NaN for m > 1.

    >>> cr.special.ellipeinc(1.0, cr.tensor([0.0, 0.5]))
    tensor([1.        , 0.92732988])
    """,
)


# -------------------------------------------------------------------------------------- Jacobi's functions


_jacobi = precisely(special.ellipj)


def _slope_in_u(xp: Any, out: Any, m: Any) -> Any:
    # DLMF 22.13.1 to 22.13.3, and am′ = dn
    sn, cn, dn = (xp.getitem(out, i) for i in range(3))
    moved = xp.multiply(xp.multiply(sn, cn), m)
    return xp.stack([xp.multiply(cn, dn), xp.negative(xp.multiply(sn, dn)), xp.negative(moved), dn])


def _slope_in_m(xp: Any, out: Any, m: Any) -> Any:
    # u = F(am, m) stays, so that am moves by −dn ∂F/∂m; sn, cn and dn = √(1 − m sn²) follow.
    sn, cn, dn, am = (xp.getitem(out, i) for i in range(4))
    turn = xp.multiply(xp.multiply(dn, -0.5), xp.elliptic_moment(1.5, 1, am, m))
    cn_turn = xp.multiply(cn, turn)
    square = xp.multiply(sn, xp.add(sn, xp.multiply(xp.multiply(cn_turn, 2.0), m)))
    return xp.stack([cn_turn, xp.negative(xp.multiply(sn, turn)), xp.divide(xp.multiply(square, -0.5), dn), turn])


def _ellipj_jvp(xp: Any, tangents: Any, out: Any, _u: Any, m: Any) -> Any:
    slopes = (_slope_in_u, _slope_in_m)
    moves = [
        xp.absorbing_multiply(t, slope(xp, out, m)) for t, slope in zip(tangents, slopes, strict=True) if t is not None
    ]
    return moves[0] if len(moves) == 1 else xp.add(*moves)


def _ellipj_spec(u: Any, m: Any) -> Spec:
    shape = broadcast_shapes("ellipj", [shape_of(u), shape_of(m)])
    ones = (np.ones(1, x.dtype) if isinstance(x, Spec) else x for x in (u, m))
    return Spec((4, *shape), _jacobi(*ones)[0].dtype)


def _ellipj_batch(xp: Any, batched: tuple[bool, ...], u: Any, m: Any) -> Any:
    inner = [len(shape_of(x)) - front for x, front in zip((u, m), batched, strict=True)]
    aligned = (
        xp.reshape(x, (x.shape[0], *(1,) * (max(inner) - own), *x.shape[1:])) if front else x
        for x, own, front in zip((u, m), inner, batched, strict=True)
    )
    out = xp.ellipj_stack(*aligned)
    return xp.permute_dims(out, (1, 0, *range(2, len(out.shape))))


primitive(
    "ellipj_stack",
    arity=2,
    value=lambda u, m: np.stack(_jacobi(u, m)),
    spec=_ellipj_spec,
    vjp=(
        lambda xp, g, out, _u, m: xp.sum(xp.absorbing_multiply(g, _slope_in_u(xp, out, m)), axis=0),
        lambda xp, g, out, _u, m: xp.sum(xp.absorbing_multiply(g, _slope_in_m(xp, out, m)), axis=0),
    ),
    jvp=_ellipj_jvp,
    batch=_ellipj_batch,
    public=(),
    doc="""sn, cn, dn and am of (u, m), stacked in front; ``special.ellipj`` as one array.

    >>> from chainrule.ops import ops
    >>> ops.ellipj_stack(cr.tensor(1.0), 0.5)
    tensor([0.80300182, 0.59597657, 0.823161  , 0.93231508])
    """,
)


def _ellipj(xp: Any, u: Any, m: Any) -> tuple[Any, ...]:
    stacked = xp.ellipj_stack(u, m)
    return tuple(xp.getitem(stacked, i) for i in range(4))


composite(
    "ellipj",
    _ellipj,
    value=_jacobi,
    public=("special.ellipj",),
    doc="""(sn, cn, dn, am), Jacobi's elliptic functions of (u, m) and the amplitude, for 0 ≤ m ≤ 1 (else NaN).

    >>> cr.special.ellipj(cr.tensor(1.0), 0.5)[0]
    tensor(0.80300182)
    """,
)
