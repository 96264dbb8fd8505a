"""Elementwise elementary functions: roots, exponentials, logarithms, trigonometry, activations.

Each states its partial derivatives; at kinks they are the minimum-norm subgradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainrule.op import elementwise


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, 0)


def _one_minus_square(xp: Any, x: Any) -> Any:
    # (1 − x)(1 + x) keeps its digits where 1 − x² loses them.
    return xp.multiply(xp.subtract(1, x), xp.add(x, 1))


# ------------------------------------------------------------------------ roots, exponentials, logarithms

elementwise(
    "sqrt",
    value=np.sqrt,
    d=lambda xp, out, _x: xp.divide(0.5, out),
    emit=lambda e, x: e.square_root(x),
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
    emit=lambda e, x: e.exp(x),
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
    emit=lambda e, x: e.exp2(x),
    method=True,
    public=("exp2", "special.exp2"),
    doc="""2ˣ.

    >>> cr.exp2(cr.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """,
)


def _expm1(x: Any) -> Any:
    out = np.expm1(x)
    if out.dtype.kind == "c" and not np.isfinite(out).all():
        # Where it leaves the range, NumPy's complex expm1 multiplies zeros by infinities; its exp does not.
        return np.where(np.isfinite(out), out, np.exp(x) - 1)[()]
    return out


elementwise(
    "expm1",
    value=_expm1,
    d=lambda xp, out, _x: xp.add(out, 1),
    emit=lambda e, x: e.expm1(x),
    method=True,
    public=("expm1", "special.expm1"),
    doc="""eˣ − 1, exact for small x.

    >>> cr.expm1(cr.tensor([0.0, 1e-12]))
    tensor([0.e+00, 1.e-12])
    """,
)
elementwise(
    "log",
    value=np.log,
    d=lambda xp, _out, x: xp.reciprocal(x),
    emit=lambda e, x: e.log(x),
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
    emit=lambda e, x: e.log1p(x),
    domain=("above minus one",),
    method=True,
    public=("log1p", "special.log1p"),
    doc="""log(1 + x), exact for small x.

    >>> cr.log1p(cr.tensor([0.0, 1e-12]))
    tensor([0.e+00, 1.e-12])
    """,
)
elementwise(
    "log2",
    value=np.log2,
    d=lambda xp, _out, x: xp.divide(np.reciprocal(np.log(2.0)).item(), x),
    emit=lambda e, x: e.log2(x),
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
    emit=lambda e, x: e.log10(x),
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
    emit=lambda e, x, y: e.logaddexp(x, y),
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
    emit=lambda e, x: e.sin(x),
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
    emit=lambda e, x: e.cos(x),
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
    emit=lambda e, x: e.tan(x),
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
    emit=lambda e, x: e.asin(x),
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
    emit=lambda e, x: e.acos(x),
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
    emit=lambda e, x: e.atan(x),
    method=True,
    numpy=("arctan", "atan"),
    doc="""The angle in (−π/2, π/2) whose tangent is x.

    >>> cr.atan(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.46364761])
    """,
)


def _over(xp: Any, x: Any, y: Any) -> Any:
    """x / y, and 0 in every order where y is 0."""
    zero = xp.equal(y, 0)
    return xp.where(zero, 0, xp.divide(x, xp.where(zero, 1, y)))


def _over_squared_radius(xp: Any, z: Any, x: Any, y: Any) -> Any:
    # Not z / (x² + y²): squares leave the range long before the quotient does.
    radius = xp.hypot(x, y)
    return _over(xp, _over(xp, z, radius), radius)


elementwise(
    "atan2",
    value=np.arctan2,
    d=(
        lambda xp, _out, y, x: _over_squared_radius(xp, x, x, y),
        lambda xp, _out, y, x: xp.negative(_over_squared_radius(xp, y, x, y)),
    ),
    emit=lambda e, y, x: e.atan2(y, x),
    method=True,
    alike=True,
    domain=("nonzero", "nonzero"),
    numpy=("arctan2", "atan2"),
    doc="""The angle of the point (x, y) = (second, first operand), in (−π, π]; both partials are 0 at the origin.

    >>> cr.atan2(cr.tensor([0.0, 1.0]), -1.0)
    tensor([3.14159265, 2.35619449])
    """,
)


elementwise(
    "hypot",
    value=np.hypot,
    d=(
        lambda xp, out, x, _y: _over(xp, x, out),
        lambda xp, out, _x, y: _over(xp, y, out),
    ),
    emit=lambda e, x, y: e.hypot(x, y),
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
    emit=lambda e, x: e.sinh(x),
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
    emit=lambda e, x: e.cosh(x),
    method=True,
    doc="""cosh x = (eˣ + e⁻ˣ)/2.

    >>> cr.cosh(cr.tensor([0.0, 0.5]))
    tensor([1.        , 1.12762597])
    """,
)
elementwise(
    "tanh",
    public=("tanh", "nn.functional.tanh"),
    value=np.tanh,
    d=lambda xp, out, _x: _one_minus_square(xp, out),
    emit=lambda e, x: e.tanh(x),
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
    emit=lambda e, x: e.asinh(x),
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
    emit=lambda e, x: e.acosh(x),
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
    emit=lambda e, x: e.atanh(x),
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
    public=("sigmoid", "nn.functional.sigmoid", "special.expit"),
    value=special.expit,
    d=lambda xp, out, _x: xp.multiply(out, xp.subtract(1, out)),
    emit=lambda e, x: e.sigmoid(x),
    method=True,
    doc="""1 / (1 + e⁻ˣ), without overflow.

    >>> cr.sigmoid(cr.tensor([0.0, 2.0]))
    tensor([0.5       , 0.88079708])
    """,
)
elementwise(
    "relu",
    public=("relu", "nn.functional.relu"),
    value=_relu,
    d=lambda xp, out, _x: xp.greater(out, 0),
    emit=lambda e, x: e.larger(x, e.like(x, 0)),
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
    emit=lambda e, x: e.softplus(x),
    public=("softplus", "special.softplus"),
    doc="""log(1 + eˣ), without overflow.

    >>> cr.softplus(cr.tensor([0.0, 1000.0]))
    tensor([6.93147181e-01, 1.00000000e+03])
    """,
)
