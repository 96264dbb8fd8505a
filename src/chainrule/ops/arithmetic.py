"""Elementwise arithmetic and rounding: out[i] = f(x[i], …) with broadcasting, one partial derivative per operand.

Arithmetic uses Python's operators rather than NumPy's ufuncs, which are ten times slower on scalars.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from chainrule.errors import GradientError
from chainrule.op import ONE, ZERO, elementwise


def has_nan(value: Any) -> bool:
    """Whether a NaN is in the array. argmax stops at the first one, and is the quickest question NumPy answers."""
    if value.dtype.kind == "f":
        return value.size > 0 and math.isnan(value.item(value.argmax()) if value.shape else value)
    return value.dtype.kind == "c" and bool(np.isnan(value).any())


def is_bounded(x: Any) -> bool:
    """Whether all of x lies between the infinities; False where a NaN hides that."""
    if getattr(x, "shape", ()) == ():
        return -math.inf < x < math.inf
    return x.size == 0 or (x.item(x.argmin()) > -math.inf and x.item(x.argmax()) < math.inf)


def is_mask(x: Any) -> bool:
    """Whether x is an array of booleans: as a factor, it says where something flows."""
    return getattr(getattr(x, "dtype", None), "kind", None) == "b"


def _reciprocal(x: Any) -> Any:
    try:
        return 1 / x
    except ZeroDivisionError:  # a rule may be given a number of Python's
        return np.divide(1.0, x)


def _round(x: Any) -> Any:
    return np.rint(x) if np.asarray(x).dtype.kind not in "iu" else +x  # NumPy's rint makes floats of integers


# --------------------------------------------------------------------------------------------- arithmetic

elementwise(
    "add",
    value=operator.add,
    d=(ONE, ONE),
    emit=lambda e, x, y: e.plus(x, y),
    doc="""x + y.

    >>> cr.add(cr.tensor([1.0, 2.0]), 3)
    tensor([4., 5.])
    """,
)
elementwise(
    "subtract",
    value=operator.sub,
    d=(ONE, lambda xp, _out, _x, _y: -1),
    emit=lambda e, x, y: x - y,
    doc="""x − y.

    >>> cr.subtract(cr.tensor([1.0, 2.0]), 3)
    tensor([-2., -1.])
    """,
)
elementwise(
    "multiply",
    value=operator.mul,
    d=(lambda xp, _out, _x, y: y, lambda xp, _out, x, _y: x),
    emit=lambda e, x, y: e.times(x, y),
    doc="""x · y.

    >>> cr.multiply(cr.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """,
)


def _absorb(a: Any, b: Any) -> Any:
    for mask, other in ((a, b), (b, a)):
        if is_mask(mask):
            return np.where(mask, other, np.asarray(other).dtype.type(0))[()]
    with np.errstate(all="ignore"):
        product = np.multiply(a, b)
    return np.where(np.equal(b, 0) & np.isinf(a), product.dtype.type(0), product)[()] if has_nan(product) else product


elementwise(
    "absorbing_multiply",
    value=_absorb,
    d=(lambda xp, _out, _a, b: b, lambda xp, _out, a, _b: a),
    emit=lambda e, x, y: e.absorbing_multiply(x, y),
    public=(),
    doc="""a · b in which a zero of b absorbs an infinite a: ∞ · 0 = 0 at the kink of √(x·x). A mask absorbs anything.

    >>> from chainrule.ops import ops
    >>> ops.absorbing_multiply(cr.tensor([float("inf"), 2.0]), cr.tensor([0.0, 3.0]))
    tensor([0., 6.])
    """,
)

elementwise(
    "divide",
    value=operator.truediv,
    d=(lambda xp, _out, _x, y: xp.reciprocal(y), lambda xp, out, _x, y: xp.negative(xp.divide(out, y))),
    emit=lambda e, x, y: x / y,
    alike=True,
    domain=("real", "nonzero"),
    numpy=("divide", "true_divide"),
    doc="""x / y.

    >>> cr.divide(cr.tensor([1.0, 3.0]), 2)
    tensor([0.5, 1.5])
    """,
)


def _floor_divide(x: Any, y: Any) -> Any:
    out = x // y
    if getattr(out, "dtype", None) is None or out.dtype.kind != "f":
        return out
    # Python pairs the quotient with the remainder: ∞ // 2 is NaN and 1 // −∞ is −1. The array API standard does not.
    if not is_bounded(y) or has_nan(out):
        return np.where(np.isinf(x) | np.isinf(y), np.floor(np.true_divide(x, y)), out)[()]
    return out


elementwise(
    "floor_divide",
    value=_floor_divide,
    d=(ZERO, ZERO),
    emit=lambda e, x, y: e.floor_divide(x, y),
    domain=("real", "nonzero"),
    doc="""⌊x / y⌋, the quotient rounded down, also where x or y is infinite.

    >>> cr.floor_divide(cr.tensor([7.0, -7.0]), 2)
    tensor([ 3., -4.])
    """,
)
elementwise(
    "remainder",
    value=operator.mod,
    d=(ONE, lambda xp, _out, x, y: xp.negative(xp.floor_divide(x, y))),
    emit=lambda e, x, y: e.remainder(x, y),
    domain=("real", "nonzero"),
    numpy=("remainder", "mod"),
    doc="""x − y ⌊x / y⌋; the result has the sign of y.

    >>> cr.remainder(cr.tensor([7.0, -7.0]), 3)
    tensor([1., 2.])
    """,
)


def _power_base(xp: Any, _out: Any, x: Any, y: Any) -> Any:
    if y.__class__ is int or y.__class__ is float:
        if y == 2:
            return x * 2
        return float(y) if y in (0, 1) else xp.power(x, y - 1) * y
    # x⁰ is 1 at 0 too; elsewhere its slope, 0 · x⁻¹, is a number that has a derivative by y.
    constant = xp.logical_and(xp.equal(y, 0), xp.equal(x, 0))
    return xp.multiply(y, xp.power(x, xp.where(constant, 1, xp.subtract(y, 1))))


def _power_exponent(xp: Any, out: Any, x: Any, y: Any) -> Any:
    # 0**y is 0 for every y > 0, and by the convention of the field it is flat at y = 0 too.
    flat = xp.logical_and(xp.equal(x, 0), xp.greater_equal(y, 0))
    return xp.multiply(out, xp.log(xp.where(flat, 1, x)))


elementwise(
    "power",
    value=operator.pow,
    d=(_power_base, _power_exponent),
    emit=lambda e, x, y: e.power(x, y),
    alike=True,
    domain=("positive", "real"),
    numpy=("power", "pow", "float_power"),
    public=("pow", "power"),
    doc="""x to the power y; ∂/∂x = y·x**(y−1), which is 0 for y = 0; ∂/∂y = x**y·log x, which is 0 at x = 0 ≤ y.

    >>> cr.power(cr.tensor([1.0, 3.0]), 2)
    tensor([1., 9.])
    """,
)
elementwise(
    "negative",
    value=operator.neg,
    d=lambda xp, _out, _x: -1,
    emit=lambda e, x: -x,
    doc="""−x.

    >>> cr.negative(cr.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """,
)
elementwise(
    "positive",
    value=operator.pos,
    d=ONE,
    emit=lambda e, x: x,
    doc="""+x.

    >>> cr.positive(cr.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """,
)
elementwise(
    "reciprocal",
    value=_reciprocal,
    d=lambda xp, out, _x: xp.negative(xp.multiply(out, out)),
    emit=lambda e, x: 1 / x,
    domain=("nonzero",),
    method=True,
    doc="""1 / x.

    >>> cr.reciprocal(cr.tensor([1.0, 4.0]))
    tensor([1.  , 0.25])
    """,
)
elementwise(
    "square",
    value=np.square,
    d=lambda xp, _out, x: xp.multiply(x, 2),
    emit=lambda e, x: x * x,
    method=True,
    doc="""x².

    >>> cr.square(cr.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """,
)


def _direction(xp: Any, _out: Any, x: Any) -> Any:
    if x.dtype.kind != "c":
        return xp.sign(x)
    # Not sign(z), which has no derivative that a partial could state: z and |z| both have one.
    return xp.divide(x, xp.where(xp.equal(x, 0), 1, xp.abs(x)))


elementwise(
    "abs",
    value=operator.abs,
    d=_direction,
    emit=lambda e, x: e.absolute(x),
    method=True,
    numpy=("abs", "absolute", "fabs"),
    doc="""|x|; the derivative at 0 is 0.

    >>> cr.abs(cr.tensor([1.0, -3.0]))
    tensor([1., 3.])
    """,
)


def _flat_if_real(xp: Any, out: Any, _x: Any) -> Any:
    if out.dtype.kind == "c":
        raise GradientError(
            "[sign] the derivative of sign(z) = z/|z| is not defined for complex z in this version; "
            "a gradient was asked of it; write z / abs(z) instead."
        )
    return 0


def _sign(x: Any) -> Any:
    out = np.sign(x)
    return out if out.dtype.kind != "c" else np.where(np.isnan(x), complex(math.nan, math.nan), out)[()]


elementwise(
    "sign",
    value=_sign,
    d=_flat_if_real,
    emit=lambda e, x: e.sign(x),
    method=True,
    doc="""−1, 0 or 1 by the sign of x, z/|z| for complex z; the derivative is 0.

    >>> cr.sign(cr.tensor([2.0, 0.0, -3.0]))
    tensor([ 1.,  0., -1.])
    """,
)


elementwise(
    "copysign",
    value=np.copysign,
    d=(lambda xp, out, x, _y: xp.multiply(xp.sign(out), xp.sign(x)), ZERO),
    emit=lambda e, x, y: e.copysign(x, y),
    domain=("nonzero", "nonzero"),
    doc="""|x| with the sign of y, which −0.0 has too; flat in y, and in x at 0.

    >>> cr.copysign(cr.tensor([1.0, -2.0]), -0.0)
    tensor([-1., -2.])
    """,
)
elementwise(
    "nextafter",
    value=np.nextafter,
    d=(ONE, ZERO),
    emit=lambda e, x, y: e.nextafter(x, y),
    doc="""The floating-point number next to x on the way to y; but for rounding it is x, and so is the derivative 1.

    >>> cr.nextafter(cr.tensor([1.0]), 2.0) - 1.0
    tensor([2.22044605e-16])
    """,
)

# ------------------------------- rounding: flat almost everywhere, so the derivative is a structural zero

elementwise(
    "floor",
    value=np.floor,
    d=ZERO,
    emit=lambda e, x: e.rounded_down(x),
    method=True,
    doc="""⌊x⌋, the largest integer ≤ x.

    >>> cr.floor(cr.tensor([2.5, -0.7]))
    tensor([ 2., -1.])
    """,
)
elementwise(
    "ceil",
    value=np.ceil,
    d=ZERO,
    emit=lambda e, x: e.rounded_up(x),
    method=True,
    doc="""⌈x⌉, the smallest integer ≥ x.

    >>> cr.ceil(cr.tensor([2.5, -0.7]))
    tensor([ 3., -0.])
    """,
)
elementwise(
    "trunc",
    value=np.trunc,
    d=ZERO,
    emit=lambda e, x: e.truncated(x),
    method=True,
    numpy=("trunc", "fix"),
    doc="""x without its fraction.

    >>> cr.trunc(cr.tensor([2.5, -0.7]))
    tensor([ 2., -0.])
    """,
)
elementwise(
    "round",
    value=_round,
    d=ZERO,
    emit=lambda e, x: e.nearest(x),
    method=True,
    numpy=("round", "rint", "around"),
    doc="""The integer nearest to x; halves go to the even one.

    >>> cr.round(cr.tensor([2.5, -0.7]))
    tensor([ 2., -1.])
    """,
)
