"""Hypergeometric functions: exact derivatives in z by DLMF 15.5.1 and 13.3.15; in the parameters by their power series.

Note [Derivatives in parameters]
The term ratio of a power series in z is a product of factors (a + n)^±1, so that the derivative of a term in the
parameters comes along with the term. Where that series is long or loses digits, a transformation moves z.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import NONE, elementwise
from chainrule.precision import precisely
from chainrule.spec import promote

# A series that has not converged after TERMS terms, or whose sum has lost so many digits, gives NaN.
TERMS, LOST = 100_000, 1e-9
Moves = tuple[tuple[int, float], ...]  # (which parameter, how fast it moves)


def _series(upper: list[Any], lower: list[Any], up: Moves, down: Moves, z: Any) -> tuple[Any, Any]:
    """Σ Π(upper)ₙ / Π(lower)ₙ zⁿ/n! and its derivative where parameters move."""
    term, moved = np.ones_like(z), np.zeros_like(z)
    total, change = term.copy(), moved.copy()
    largest = np.ones(z.shape)
    for n in range(TERMS):
        ratio = z / (n + 1)
        for a in upper:
            ratio = ratio * (a + n)
        for b in lower:
            ratio = ratio / (b + n)
        moved = moved * ratio
        for i, speed in up:
            others = z / (n + 1)
            for j, a in enumerate(upper):
                others = others * (a + n) if j != i else others
            for b in lower:
                others = others / (b + n)
            moved = moved + speed * term * others
        for i, speed in down:
            moved = moved - speed * term * ratio / (lower[i] + n)
        term = term * ratio
        total += term
        change += moved
        size = np.abs(moved) + np.abs(term)
        largest = np.maximum(largest, size)
        if n > 8 and np.all(~(size > 1e-18 * (np.abs(change) + np.abs(total))) & ~(np.abs(ratio) > 0.9999)):
            break
    scale = np.abs(change) + np.abs(total)
    sure = (size <= 1e-15 * scale) & (1e-16 * largest <= LOST * scale)
    return total, np.where(sure, change, np.nan)


def _numbers(*operands: Any) -> Any:
    """The operands as flat arrays of one shape, double precision; the shape, and the dtype of the result."""
    dtype = promote(operands)
    arrays = [np.asarray(x, complex if np.asarray(x).dtype.kind == "c" else float) for x in operands]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    flat = [np.broadcast_to(x, shape).ravel() for x in arrays]
    single = dtype in (np.float32, np.complex64)
    return flat, shape, {"f": np.float32, "c": np.complex64}.get(dtype.kind) if single else None


def _in_parts(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The op's value from ``rule`` on flat arrays, whose last operand is z."""

    def value(*operands: Any) -> Any:
        flat, shape, dtype = _numbers(*operands)
        with np.errstate(all="ignore"):
            out = rule(*flat).reshape(shape)
        return (out if dtype is None else out.astype(dtype))[()]

    return value


def _gauss(direction: str) -> Callable[..., Any]:
    def rule(a: Any, b: Any, c: Any, z: Any) -> Any:
        # F(a, b; c; z) = (1 − z)⁻ᵇ F(c − a, b; c; w), w = z/(z − 1), DLMF 15.8.1: a moves by −1 there, c both by 1.
        w = z / (z - 1)
        far = np.abs(w) < np.abs(z)
        out = np.full(z.shape, np.nan, z.dtype)
        ways = {"a": ((((0, 1.0),), ()), (((0, -1.0),), ())), "c": (((), ((0, 1.0),)), (((0, 1.0),), ((0, 1.0),)))}
        near_way, far_way = ways[direction]
        for chosen, first, x, (up, down) in ((~far, a, z, near_way), (far, c - a, w, far_way)):
            chosen &= np.abs(x) < 1
            if chosen.any():
                out[chosen] = _series([first[chosen], b[chosen]], [c[chosen]], up, down, x[chosen])[1]
        return np.where(far, (1 - z) ** -b * out, out)

    return _in_parts(rule)


def _kummer(direction: str) -> Callable[..., Any]:
    def rule(a: Any, b: Any, z: Any) -> Any:
        # M(a, b, z) = eᶻ M(b − a, b, −z), DLMF 13.2.39
        far = z.real < 0
        first, x = np.where(far, b - a, a), np.where(far, -z, z)
        if direction == "a":
            _, change = _series([first], [b], ((0, 1.0),), (), x)
            change = np.where(far, -change, change)
        else:
            _, near = _series([first], [b], (), ((0, 1.0),), x)
            _, moved = _series([first], [b], ((0, 1.0),), ((0, 1.0),), x)
            change = np.where(far, moved, near)
        return np.where(far, np.exp(z) * change, change)

    return _in_parts(rule)


def _next_gauss(xp: Any, name: str, a: Any, b: Any, c: Any, z: Any) -> Any:
    return getattr(xp, name)(a + 1.0, b + 1.0, c + 1.0, z)


def _gauss_factor(xp: Any, a: Any, b: Any, c: Any, slope: Any) -> Any:
    # ``slope`` comes first, since Python's own numbers, as parameters often are, refuse to be divided by 0.
    return xp.divide(xp.multiply(slope, xp.multiply(a, b)), c)


elementwise(
    "hyp2f1",
    value=precisely(special.hyp2f1),
    d=(
        lambda xp, _out, a, b, c, z: xp.hyp2f1_da(a, b, c, z),
        lambda xp, _out, a, b, c, z: xp.hyp2f1_da(b, a, c, z),
        lambda xp, _out, a, b, c, z: xp.hyp2f1_dc(a, b, c, z),
        lambda xp, _out, a, b, c, z: _gauss_factor(xp, a, b, c, _next_gauss(xp, "hyp2f1", a, b, c, z)),
    ),
    emit=lambda e, x, y, z, w: e.special("hyp2f1", x, y, z, w),
    public=("special.hyp2f1",),
    doc="""₂F₁(a, b; c; z), Gauss's hypergeometric function of real a, b, c; z may be complex.

    ∂/∂z is exact, in every order. ∂/∂a, ∂/∂b and ∂/∂c are computed *numerically*, by power series, to about 10 digits
    and in the first order only, for z < 1 (complex z: |z| < 1 or Re z < ½); elsewhere, or where the series loses its
    digits or converges slowly (z > 0.9997), they are NaN.

    >>> cr.special.hyp2f1(1.0, 1.0, 2.0, cr.tensor([0.0, 0.5]))
    tensor([1.        , 1.38629436])
    """,
)
elementwise(
    "hyp2f1_da",
    value=_gauss("a"),
    d=(
        NONE,
        NONE,
        NONE,
        lambda xp, _out, a, b, c, z: xp.add(
            xp.divide(xp.multiply(b, _next_gauss(xp, "hyp2f1", a, b, c, z)), c),
            _gauss_factor(xp, a, b, c, _next_gauss(xp, "hyp2f1_da", a, b, c, z)),
        ),
    ),
    public=(),
    doc="""∂/∂a of ``special.hyp2f1(a, b, c, z)``, numerically; see there.

    >>> from chainrule.ops import ops
    >>> ops.hyp2f1_da(1.0, 1.0, 2.0, cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.48045301])
    """,
)
elementwise(
    "hyp2f1_dc",
    value=_gauss("c"),
    d=(
        NONE,
        NONE,
        NONE,
        lambda xp, _out, a, b, c, z: _gauss_factor(
            xp,
            a,
            b,
            c,
            xp.subtract(_next_gauss(xp, "hyp2f1_dc", a, b, c, z), xp.divide(_next_gauss(xp, "hyp2f1", a, b, c, z), c)),
        ),
    ),
    public=(),
    doc="""∂/∂c of ``special.hyp2f1(a, b, c, z)``, numerically; see there.

    >>> from chainrule.ops import ops
    >>> ops.hyp2f1_dc(1.0, 1.0, 2.0, cr.tensor([0.0, 0.5]))
    tensor([ 0.        , -0.25863971])
    """,
)
elementwise(
    "hyp1f1",
    value=precisely(special.hyp1f1),
    d=(
        lambda xp, _out, a, b, z: xp.hyp1f1_da(a, b, z),
        lambda xp, _out, a, b, z: xp.hyp1f1_db(a, b, z),
        lambda xp, _out, a, b, z: xp.divide(xp.multiply(a, xp.hyp1f1(a + 1.0, b + 1.0, z)), b),
    ),
    emit=lambda e, x, y, z: e.special("hyp1f1", x, y, z),
    public=("special.hyp1f1",),
    doc="""₁F₁(a; b; z) = M(a, b, z), Kummer's confluent hypergeometric function of real a, b; z may be complex.

    ∂/∂z is exact, in every order; ∂/∂a and ∂/∂b are computed *numerically*, by power series, in the first order only.

    >>> cr.special.hyp1f1(1.0, 2.0, cr.tensor([0.0, 1.0]))
    tensor([1.        , 1.71828183])
    """,
)
elementwise(
    "hyp1f1_da",
    value=_kummer("a"),
    d=(
        NONE,
        NONE,
        lambda xp, _out, a, b, z: xp.divide(
            xp.add(xp.hyp1f1(a + 1.0, b + 1.0, z), xp.multiply(a, xp.hyp1f1_da(a + 1.0, b + 1.0, z))), b
        ),
    ),
    public=(),
    doc="""∂/∂a of ``special.hyp1f1(a, b, z)``, numerically, by its power series.

    >>> from chainrule.ops import ops
    >>> ops.hyp1f1_da(1.0, 2.0, cr.tensor([0.0, 1.0]))
    tensor([0.        , 0.84748006])
    """,
)
elementwise(
    "hyp1f1_db",
    value=_kummer("b"),
    d=(
        NONE,
        NONE,
        lambda xp, _out, a, b, z: xp.multiply(
            xp.divide(a, b),
            xp.subtract(xp.hyp1f1_db(a + 1.0, b + 1.0, z), xp.divide(xp.hyp1f1(a + 1.0, b + 1.0, z), b)),
        ),
    ),
    public=(),
    doc="""∂/∂b of ``special.hyp1f1(a, b, z)``, numerically, by its power series.

    >>> from chainrule.ops import ops
    >>> ops.hyp1f1_db(1.0, 2.0, cr.tensor([0.0, 1.0]))
    tensor([ 0.        , -0.44710039])
    """,
)
elementwise(
    "hyp0f1",
    value=precisely(special.hyp0f1),
    d=(
        lambda xp, _out, v, z: xp.hyp0f1_dv(v, z),
        lambda xp, _out, v, z: xp.divide(xp.hyp0f1(v + 1.0, z), v),
    ),
    emit=lambda e, x, y: e.special("hyp0f1", x, y),
    domain=((0.5, 4.0), "real"),
    public=("special.hyp0f1",),
    doc="""₀F₁(v; z), the confluent hypergeometric limit function of real v; z may be complex.

    ∂/∂z is exact, in every order; ∂/∂v is computed *numerically*, by its power series, in the first order only: NaN for
    real z below about −70, where that loses its digits.

    >>> cr.special.hyp0f1(0.5, cr.tensor([0.0, 1.0]))
    tensor([1.        , 3.76219569])
    """,
)
elementwise(
    "hyp0f1_dv",
    value=_in_parts(lambda v, z: _series([], [v], (), ((0, 1.0),), z)[1]),
    d=(
        NONE,
        lambda xp, _out, v, z: xp.divide(xp.subtract(xp.hyp0f1_dv(v + 1.0, z), xp.divide(xp.hyp0f1(v + 1.0, z), v)), v),
    ),
    public=(),
    doc="""∂/∂v of ``special.hyp0f1(v, z)``, numerically, by its power series.

    >>> from chainrule.ops import ops
    >>> ops.hyp0f1_dv(0.5, cr.tensor([0.0, 1.0]))
    tensor([ 0.       , -6.0726969])
    """,
)
elementwise(
    "hyperu",
    value=precisely(special.hyperu),
    d=(
        NONE,
        NONE,
        lambda xp, _out, a, b, x: xp.negative(xp.multiply(a, xp.hyperu(a + 1.0, b + 1.0, x))),
    ),
    emit=lambda e, x, y, z: e.special("hyperu", x, y, z),
    public=("special.hyperu",),
    doc="""U(a, b, x), Tricomi's confluent hypergeometric function, for x > 0; its derivatives in a and b raise.

    >>> cr.special.hyperu(1.0, 2.0, cr.tensor([1.0, 2.0]))
    tensor([1. , 0.5])
    """,
)
