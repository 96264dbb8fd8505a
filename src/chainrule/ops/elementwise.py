"""Elementwise ops: out[i] = f(x[i], …) with broadcasting. Each states one partial derivative per operand.

Arithmetic uses Python's operators rather than NumPy's ufuncs, which are ten times slower on scalars.
Conventions at kinks: the minimum-norm subgradient; ties share equally.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from scipy import special

from chainrule.errors import GradientError
from chainrule.op import NONE, ONE, ZERO, composite, elementwise, linear
from chainrule.spec import Spec, promote


def has_nan(value: Any) -> bool:
    """Whether a NaN is in the array. argmax stops at the first one, and is the quickest question NumPy answers."""
    if value.dtype.kind == "f":
        return value.size > 0 and math.isnan(value.item(value.argmax()) if value.shape else value)
    return value.dtype.kind == "c" and bool(np.isnan(value).any())


def _reciprocal(x: Any) -> Any:
    return 1 / x


def _round(x: Any) -> Any:
    return np.rint(x) if np.asarray(x).dtype.kind not in "iu" else +x  # NumPy's rint makes floats of integers


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, 0)


def _one_minus_square(xp: Any, x: Any) -> Any:
    # (1 − x)(1 + x) keeps its digits where 1 − x² loses them.
    return xp.multiply(xp.subtract(1, x), xp.add(x, 1))


# --------------------------------------------------------------------------------------------- arithmetic

elementwise(
    "add",
    value=operator.add,
    d=(ONE, ONE),
    doc="""x + y.

    >>> cr.add(cr.tensor([1.0, 2.0]), 3)
    tensor([4., 5.])
    """,
)
elementwise(
    "subtract",
    value=operator.sub,
    d=(ONE, lambda xp, _out, _x, _y: -1),
    doc="""x − y.

    >>> cr.subtract(cr.tensor([1.0, 2.0]), 3)
    tensor([-2., -1.])
    """,
)
elementwise(
    "multiply",
    value=operator.mul,
    d=(lambda xp, _out, _x, y: y, lambda xp, _out, x, _y: x),
    doc="""x · y.

    >>> cr.multiply(cr.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """,
)


def _absorb(a: Any, b: Any) -> Any:
    for mask, other in ((a, b), (b, a)):
        if getattr(mask, "dtype", None) == bool:
            return np.where(mask, other, np.asarray(other).dtype.type(0))[()]
    with np.errstate(all="ignore"):
        product = np.multiply(a, b)
    return np.where(np.equal(b, 0) & np.isinf(a), product.dtype.type(0), product)[()] if has_nan(product) else product


elementwise(
    "absorbing_multiply",
    value=_absorb,
    d=(lambda xp, _out, _a, b: b, lambda xp, _out, a, _b: a),
    doc="""a · b in which a zero of b absorbs an infinite a: ∞ · 0 = 0 at the kink of √(x·x). A mask absorbs anything.

    >>> cr.absorbing_multiply(cr.tensor([float("inf"), 2.0]), cr.tensor([0.0, 3.0]))
    tensor([0., 6.])
    """,
)

elementwise(
    "divide",
    value=operator.truediv,
    d=(lambda xp, _out, _x, y: xp.reciprocal(y), lambda xp, out, _x, y: xp.negative(xp.divide(out, y))),
    alike=True,
    domain=("real", "nonzero"),
    numpy=("divide", "true_divide"),
    doc="""x / y.

    >>> cr.divide(cr.tensor([1.0, 3.0]), 2)
    tensor([0.5, 1.5])
    """,
)
elementwise(
    "floor_divide",
    value=operator.floordiv,
    d=(ZERO, ZERO),
    domain=("real", "nonzero"),
    doc="""⌊x / y⌋, the quotient rounded down.

    >>> cr.floor_divide(cr.tensor([7.0, -7.0]), 2)
    tensor([ 3., -4.])
    """,
)
elementwise(
    "remainder",
    value=operator.mod,
    d=(ONE, lambda xp, _out, x, y: xp.negative(xp.floor_divide(x, y))),
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
    constant = xp.equal(y, 0)
    return xp.multiply(y, xp.power(x, xp.where(constant, 1, xp.subtract(y, 1))))


def _power_exponent(xp: Any, out: Any, x: Any, y: Any) -> Any:
    # 0**y is 0 for every y > 0, and by the convention of the field it is flat at y = 0 too.
    flat = xp.logical_and(xp.equal(x, 0), xp.greater_equal(y, 0))
    return xp.multiply(out, xp.log(xp.where(flat, 1, x)))


elementwise(
    "power",
    value=operator.pow,
    d=(_power_base, _power_exponent),
    alike=True,
    domain=("positive", "real"),
    numpy=("power", "pow", "float_power"),
    doc="""x to the power y; ∂/∂x = y·x**(y−1), which is 0 for y = 0; ∂/∂y = x**y·log x, which is 0 at x = 0 ≤ y.

    >>> cr.power(cr.tensor([1.0, 3.0]), 2)
    tensor([1., 9.])
    """,
)
elementwise(
    "negative",
    value=operator.neg,
    d=lambda xp, _out, _x: -1,
    doc="""−x.

    >>> cr.negative(cr.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """,
)
elementwise(
    "positive",
    value=operator.pos,
    d=ONE,
    doc="""+x.

    >>> cr.positive(cr.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """,
)
elementwise(
    "reciprocal",
    value=_reciprocal,
    d=lambda xp, out, _x: xp.negative(xp.multiply(out, out)),
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


elementwise(
    "sign",
    value=np.sign,
    d=_flat_if_real,
    method=True,
    doc="""−1, 0 or 1 by the sign of x, z/|z| for complex z; the derivative is 0.

    >>> cr.sign(cr.tensor([2.0, 0.0, -3.0]))
    tensor([ 1.,  0., -1.])
    """,
)

# ------------------------------- rounding: flat almost everywhere, so the derivative is a structural zero

elementwise(
    "floor",
    value=np.floor,
    d=ZERO,
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
    method=True,
    numpy=("round", "rint", "around"),
    doc="""The integer nearest to x; halves go to the even one.

    >>> cr.round(cr.tensor([2.5, -0.7]))
    tensor([ 2., -1.])
    """,
)

# ------------------------------------------------------------------------ roots, exponentials, logarithms

elementwise(
    "sqrt",
    value=np.sqrt,
    d=lambda xp, out, _x: xp.divide(0.5, out),
    domain=("positive",),
    method=True,
    doc="""√x.

    >>> cr.sqrt(cr.tensor([4.0, 2.0]))
    tensor([2.        , 1.41421356])
    """,
)
elementwise(
    "exp",
    value=np.exp,
    d=lambda xp, out, _x: out,
    method=True,
    doc="""eˣ.

    >>> cr.exp(cr.tensor([0.0, 1.0]))
    tensor([1.        , 2.71828183])
    """,
)
elementwise(
    "exp2",
    value=np.exp2,
    d=lambda xp, out, _x: xp.multiply(out, np.log(2.0).item()),
    method=True,
    doc="""2ˣ.

    >>> cr.exp2(cr.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """,
)
elementwise(
    "expm1",
    value=np.expm1,
    d=lambda xp, out, _x: xp.add(out, 1),
    method=True,
    doc="""eˣ − 1, exact for small x.

    >>> cr.expm1(cr.tensor([0.0, 1e-12]))
    tensor([0.e+00, 1.e-12])
    """,
)
elementwise(
    "log",
    value=np.log,
    d=lambda xp, _out, x: xp.reciprocal(x),
    domain=("positive",),
    method=True,
    doc="""The natural logarithm of x.

    >>> cr.log(cr.tensor([1.0, 2.0]))
    tensor([0.        , 0.69314718])
    """,
)
elementwise(
    "log1p",
    value=np.log1p,
    d=lambda xp, _out, x: xp.reciprocal(xp.add(x, 1)),
    domain=("above minus one",),
    method=True,
    doc="""log(1 + x), exact for small x.

    >>> cr.log1p(cr.tensor([0.0, 1e-12]))
    tensor([0.e+00, 1.e-12])
    """,
)
elementwise(
    "log2",
    value=np.log2,
    d=lambda xp, _out, x: xp.divide(np.reciprocal(np.log(2.0)).item(), x),
    domain=("positive",),
    method=True,
    doc="""The logarithm of x to base 2.

    >>> cr.log2(cr.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """,
)
elementwise(
    "log10",
    value=np.log10,
    d=lambda xp, _out, x: xp.divide(np.reciprocal(np.log(10.0)).item(), x),
    domain=("positive",),
    method=True,
    doc="""The logarithm of x to base 10.

    >>> cr.log10(cr.tensor([1.0, 100.0]))
    tensor([0., 2.])
    """,
)


def _share_of_logaddexp(xp: Any, out: Any, x: Any, y: Any) -> Any:
    # eˣ / (eˣ + eʸ). Two equal infinities share equally, but where the sum is 0 = e^−∞ nothing flows.
    same_infinity = xp.logical_and(xp.isinf(x), xp.equal(x, y))
    share = xp.sigmoid(xp.where(same_infinity, 0, xp.subtract(x, y)))
    return xp.where(xp.equal(out, -np.inf), 0, share)


elementwise(
    "logaddexp",
    value=np.logaddexp,
    d=(_share_of_logaddexp, lambda xp, out, x, y: _share_of_logaddexp(xp, out, y, x)),
    method=True,
    doc="""log(eˣ + eʸ), without overflow.

    >>> cr.logaddexp(cr.tensor([0.0, 1000.0]), 0.0)
    tensor([6.93147181e-01, 1.00000000e+03])
    """,
)

# ------------------------------------------------------------------------------------------- trigonometry

elementwise(
    "sin",
    value=np.sin,
    d=lambda xp, _out, x: xp.cos(x),
    method=True,
    doc="""sin x, x in radians.

    >>> cr.sin(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.47942554])
    """,
)
elementwise(
    "cos",
    value=np.cos,
    d=lambda xp, _out, x: xp.negative(xp.sin(x)),
    method=True,
    doc="""cos x, x in radians.

    >>> cr.cos(cr.tensor([0.0, 0.5]))
    tensor([1.        , 0.87758256])
    """,
)
elementwise(
    "tan",
    value=np.tan,
    d=lambda xp, out, _x: xp.add(xp.multiply(out, out), 1),
    method=True,
    domain=("unit",),
    doc="""tan x, x in radians.

    >>> cr.tan(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.54630249])
    """,
)
elementwise(
    "asin",
    value=np.arcsin,
    d=lambda xp, _out, x: xp.reciprocal(xp.sqrt(_one_minus_square(xp, x))),
    method=True,
    domain=("unit",),
    numpy=("arcsin", "asin"),
    doc="""The angle in [−π/2, π/2] whose sine is x.

    >>> cr.asin(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.52359878])
    """,
)
elementwise(
    "acos",
    value=np.arccos,
    d=lambda xp, _out, x: xp.negative(xp.reciprocal(xp.sqrt(_one_minus_square(xp, x)))),
    method=True,
    domain=("unit",),
    numpy=("arccos", "acos"),
    doc="""The angle in [0, π] whose cosine is x.

    >>> cr.acos(cr.tensor([0.0, 0.5]))
    tensor([1.57079633, 1.04719755])
    """,
)
elementwise(
    "atan",
    value=np.arctan,
    d=lambda xp, _out, x: xp.reciprocal(xp.add(xp.multiply(x, x), 1)),
    method=True,
    numpy=("arctan", "atan"),
    doc="""The angle in (−π/2, π/2) whose tangent is x.

    >>> cr.atan(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.46364761])
    """,
)


def _squared_radius(xp: Any, x: Any, y: Any) -> Any:
    r2 = xp.add(xp.multiply(x, x), xp.multiply(y, y))
    return xp.where(xp.equal(r2, 0), 1, r2)


elementwise(
    "atan2",
    value=np.arctan2,
    d=(
        lambda xp, _out, y, x: xp.divide(x, _squared_radius(xp, x, y)),
        lambda xp, _out, y, x: xp.negative(xp.divide(y, _squared_radius(xp, x, y))),
    ),
    method=True,
    alike=True,
    domain=("nonzero", "nonzero"),
    numpy=("arctan2", "atan2"),
    doc="""The angle of the point (x, y) = (second, first operand), in (−π, π]; both partials are 0 at the origin.

    >>> cr.atan2(cr.tensor([0.0, 1.0]), -1.0)
    tensor([3.14159265, 2.35619449])
    """,
)


def _finite_radius(xp: Any, out: Any) -> Any:
    return xp.where(xp.equal(out, 0), 1, out)


elementwise(
    "hypot",
    value=np.hypot,
    d=(
        lambda xp, out, x, _y: xp.divide(x, _finite_radius(xp, out)),
        lambda xp, out, _x, y: xp.divide(y, _finite_radius(xp, out)),
    ),
    method=True,
    domain=("nonzero", "nonzero"),
    doc="""√(x² + y²), without overflow; both partials are 0 at the origin.

    >>> cr.hypot(cr.tensor([3.0, 0.0]), 4.0)
    tensor([5., 4.])
    """,
)

# --------------------------------------------------------------------------------------------- hyperbolic

elementwise(
    "sinh",
    value=np.sinh,
    d=lambda xp, _out, x: xp.cosh(x),
    method=True,
    doc="""sinh x = (eˣ − e⁻ˣ)/2.

    >>> cr.sinh(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.52109531])
    """,
)
elementwise(
    "cosh",
    value=np.cosh,
    d=lambda xp, _out, x: xp.sinh(x),
    method=True,
    doc="""cosh x = (eˣ + e⁻ˣ)/2.

    >>> cr.cosh(cr.tensor([0.0, 0.5]))
    tensor([1.        , 1.12762597])
    """,
)
elementwise(
    "tanh",
    value=np.tanh,
    d=lambda xp, out, _x: _one_minus_square(xp, out),
    method=True,
    doc="""tanh x = sinh x / cosh x.

    >>> cr.tanh(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.46211716])
    """,
)
elementwise(
    "asinh",
    value=np.arcsinh,
    d=lambda xp, _out, x: xp.reciprocal(xp.sqrt(xp.add(xp.multiply(x, x), 1))),
    method=True,
    numpy=("arcsinh", "asinh"),
    doc="""The number whose hyperbolic sine is x.

    >>> cr.asinh(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.48121183])
    """,
)
elementwise(
    "acosh",
    value=np.arccosh,
    d=lambda xp, _out, x: xp.reciprocal(xp.multiply(xp.sqrt(xp.subtract(x, 1)), xp.sqrt(xp.add(x, 1)))),
    method=True,
    domain=("above one",),
    numpy=("arccosh", "acosh"),
    doc="""The number ≥ 0 whose hyperbolic cosine is x.

    >>> cr.acosh(cr.tensor([1.0, 2.0]))
    tensor([0.       , 1.3169579])
    """,
)
elementwise(
    "atanh",
    value=np.arctanh,
    d=lambda xp, _out, x: xp.reciprocal(_one_minus_square(xp, x)),
    method=True,
    domain=("unit",),
    numpy=("arctanh", "atanh"),
    doc="""The number whose hyperbolic tangent is x.

    >>> cr.atanh(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.54930614])
    """,
)

# -------------------------------------------------------------------------------------------- activations

elementwise(
    "sigmoid",
    value=special.expit,
    d=lambda xp, out, _x: xp.multiply(out, xp.subtract(1, out)),
    method=True,
    doc="""1 / (1 + e⁻ˣ), without overflow.

    >>> cr.sigmoid(cr.tensor([0.0, 2.0]))
    tensor([0.5       , 0.88079708])
    """,
)
elementwise(
    "relu",
    value=_relu,
    d=lambda xp, out, _x: xp.greater(out, 0),
    method=True,
    doc="""max(x, 0); the derivative at 0 is 0.

    >>> cr.relu(cr.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """,
)
elementwise(
    "softplus",
    value=_softplus,
    d=lambda xp, _out, x: xp.sigmoid(x),
    doc="""log(1 + eˣ), without overflow.

    >>> cr.softplus(cr.tensor([0.0, 1000.0]))
    tensor([6.93147181e-01, 1.00000000e+03])
    """,
)

# ---------------------------------------------------------------------------------------------- selection


def _wins(xp: Any, less: Any, x: Any, y: Any) -> Any:
    # 1 where x is taken, ½ on a tie, 0 where y is; a NaN is taken from whoever has it.
    half = promote([x, y]).type(0.5)
    return xp.where(xp.equal(x, y), half, xp.logical_not(less))


elementwise(
    "maximum",
    value=np.maximum,
    d=(
        lambda xp, _out, x, y: _wins(xp, xp.less(x, y), x, y),
        lambda xp, _out, x, y: _wins(xp, xp.less(y, x), y, x),
    ),
    method=True,
    numpy=("maximum",),
    doc="""The larger of x and y; a tie shares the gradient, ½ each.

    >>> cr.maximum(cr.tensor([1.0, 5.0]), 3.0)
    tensor([3., 5.])
    """,
)
elementwise(
    "minimum",
    value=np.minimum,
    d=(
        lambda xp, _out, x, y: _wins(xp, xp.greater(x, y), x, y),
        lambda xp, _out, x, y: _wins(xp, xp.greater(y, x), y, x),
    ),
    method=True,
    numpy=("minimum",),
    doc="""The smaller of x and y; a tie shares the gradient, ½ each.

    >>> cr.minimum(cr.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """,
)


def _clip(xp: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


composite(
    "clip",
    _clip,
    method=True,
    doc="""x limited to [min, max]; at a bound the derivative is ½.

    >>> cr.clip(cr.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1. ,  0.5,  1. ])
    """,
)

elementwise(
    "where",
    value=np.where,
    d=(
        ZERO,
        lambda xp, _out, condition, _x, _y: xp.not_equal(condition, 0),
        lambda xp, _out, condition, _x, _y: xp.equal(condition, 0),
    ),
    doc="""x where the condition holds, else y. The branch not taken gets no gradient, whatever its value there.

    >>> cr.where(cr.tensor([True, False]), cr.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """,
)

# --------------------------------------------------------- comparisons and logic: booleans, no derivative

elementwise(
    "equal",
    value=operator.eq,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x = y.

    >>> cr.equal(cr.tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """,
)
elementwise(
    "not_equal",
    value=operator.ne,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x ≠ y.

    >>> cr.not_equal(cr.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """,
)
elementwise(
    "less",
    value=operator.lt,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x < y.

    >>> cr.less(cr.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """,
)
elementwise(
    "less_equal",
    value=operator.le,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x ≤ y.

    >>> cr.less_equal(cr.tensor([1.0, 2.0]), 2)
    tensor([ True,  True])
    """,
)
elementwise(
    "greater",
    value=operator.gt,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x > y.

    >>> cr.greater(cr.tensor([1.0, 2.0]), 2)
    tensor([False, False])
    """,
)
elementwise(
    "greater_equal",
    value=operator.ge,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x ≥ y.

    >>> cr.greater_equal(cr.tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """,
)
elementwise(
    "logical_and",
    value=np.logical_and,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x and y.

    >>> cr.logical_and(cr.tensor([True, False]), True)
    tensor([ True, False])
    """,
)
elementwise(
    "logical_or",
    value=np.logical_or,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether x or y.

    >>> cr.logical_or(cr.tensor([True, False]), True)
    tensor([ True,  True])
    """,
)
elementwise(
    "logical_xor",
    value=np.logical_xor,
    d=(NONE, NONE),
    differentiable=False,
    doc="""Whether either x or y, not both.

    >>> cr.logical_xor(cr.tensor([True, False]), True)
    tensor([False,  True])
    """,
)
elementwise(
    "logical_not",
    value=np.logical_not,
    d=NONE,
    differentiable=False,
    doc="""Whether not x.

    >>> cr.logical_not(cr.tensor([True, False]))
    tensor([False,  True])
    """,
)
elementwise(
    "bitwise_and",
    value=operator.and_,
    d=(NONE, NONE),
    differentiable=False,
    doc="""x & y: the bits set in both integers; of booleans, whether x and y.

    >>> cr.bitwise_and(cr.tensor([6, 5]), 3)
    tensor([2, 1])
    """,
)
elementwise(
    "bitwise_or",
    value=operator.or_,
    d=(NONE, NONE),
    differentiable=False,
    doc="""x | y: the bits set in either integer; of booleans, whether x or y.

    >>> cr.bitwise_or(cr.tensor([6, 5]), 3)
    tensor([7, 7])
    """,
)
elementwise(
    "bitwise_xor",
    value=operator.xor,
    d=(NONE, NONE),
    differentiable=False,
    doc="""x ^ y: the bits set in one integer alone; of booleans, whether either, not both.

    >>> cr.bitwise_xor(cr.tensor([6, 5]), 3)
    tensor([5, 6])
    """,
)
elementwise(
    "bitwise_invert",
    value=operator.invert,
    d=NONE,
    differentiable=False,
    numpy=("invert", "bitwise_not", "bitwise_invert"),
    doc="""~x: every bit of an integer turned over, which is −x − 1; of a boolean, whether not x.

    >>> cr.bitwise_invert(cr.tensor([6, 5]))
    tensor([-7, -6])
    """,
)
elementwise(
    "isnan",
    value=np.isnan,
    d=NONE,
    differentiable=False,
    method=True,
    doc="""Whether x is NaN.

    >>> cr.isnan(cr.tensor([1.0, float("inf"), float("nan")]))
    tensor([False, False,  True])
    """,
)
elementwise(
    "isinf",
    value=np.isinf,
    d=NONE,
    differentiable=False,
    method=True,
    doc="""Whether x is an infinity.

    >>> cr.isinf(cr.tensor([1.0, float("inf"), float("nan")]))
    tensor([False,  True, False])
    """,
)
elementwise(
    "isfinite",
    value=np.isfinite,
    d=NONE,
    differentiable=False,
    method=True,
    doc="""Whether x is neither infinite nor NaN.

    >>> cr.isfinite(cr.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """,
)

# ---------------------------------------------------------- parts of complex numbers; identities on reals


def _part_spec(x: Any) -> Spec:
    return Spec(x.shape, np.empty(0, x.dtype).real.dtype)


def _astype_spec(x: Any, *, dtype: Any) -> Spec:
    return Spec(x.shape, np.dtype(dtype))


def _canonical_astype(_x: Any, dtype: Any) -> dict[str, Any]:
    return {"dtype": np.dtype(dtype)}


linear(
    "conj",
    value=lambda x: np.conj(x),  # the ufunc's own signature has keywords, which are no parameters of the op
    spec=lambda x: Spec(x.shape, np.conj(np.empty(0, x.dtype)).dtype),
    transpose=lambda xp, g, _x: xp.conj(g),
    batch=lambda xp, _batched, x: xp.conj(x),
    method=True,
    numpy=("conj", "conjugate"),
    doc="""x with its imaginary part negated.

    >>> cr.conj(cr.tensor([1 + 2j]))
    tensor([1.-2.j])
    """,
)
linear(
    "real",
    value=np.real,
    spec=_part_spec,
    transpose=lambda xp, g, _x: g,
    batch=lambda xp, _batched, x: xp.real(x),
    doc="""The real part of x.

    >>> cr.real(cr.tensor([1 + 2j]))
    tensor([1.])
    """,
)
linear(
    "imag",
    value=np.imag,
    spec=_part_spec,
    transpose=lambda xp, g, _x: xp.multiply(g, 1j),
    batch=lambda xp, _batched, x: xp.imag(x),
    doc="""The imaginary part of x.

    >>> cr.imag(cr.tensor([1 + 2j]))
    tensor([2.])
    """,
)
linear(
    "astype",
    value=lambda x, dtype: np.asarray(x).astype(dtype, copy=False)[()],
    spec=_astype_spec,
    canonical=_canonical_astype,
    transpose=lambda xp, g, _x, *, dtype: g,
    batch=lambda xp, _batched, x, *, dtype: xp.astype(x, dtype=dtype),
    method=True,
    doc="""x in another dtype; the gradient comes back in x's own.

    >>> cr.astype(cr.tensor([1.5, 2.0]), "float32").dtype
    dtype('float32')
    """,
)
