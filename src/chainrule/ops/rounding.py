"""Elementwise functions of how numbers are written: their parts and units; and comparisons within bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.op import NONE, ZERO, composite, elementwise
from chainrule.spec import promote

# ------------------------------------------------------------------------------------------ units and scales

elementwise(
    "deg2rad",
    value=np.deg2rad,
    d=lambda xp, _out, _x: math.pi / 180,
    emit=lambda e, x: x * (math.pi / 180),
    numpy=("deg2rad", "radians"),
    public=("deg2rad", "radians"),
    doc="""x · π/180: degrees as radians.

    >>> cr.deg2rad(cr.tensor([0.0, 180.0]))
    tensor([0.        , 3.14159265])
    """,
)
elementwise(
    "rad2deg",
    value=np.rad2deg,
    d=lambda xp, _out, _x: 180 / math.pi,
    emit=lambda e, x: x * (180 / math.pi),
    numpy=("rad2deg", "degrees"),
    public=("rad2deg", "degrees"),
    doc="""x · 180/π: radians as degrees.

    >>> cr.rad2deg(cr.tensor([0.0, np.pi]))
    tensor([  0., 180.])
    """,
)
elementwise(
    "ldexp",
    value=np.ldexp,
    d=(lambda xp, _out, _x, n: xp.exp2(n), NONE),
    emit=lambda e, x, n: e.ldexp(x, n),
    doc="""x · 2ⁿ for integers n.

    >>> cr.ldexp(cr.tensor([0.5, 3.0]), cr.tensor([1, 2]))
    tensor([ 1., 12.])
    """,
)
elementwise(
    "fix",
    value=np.trunc,
    d=ZERO,
    emit=lambda e, x: e.truncated(x),
    doc="""x without its fraction: rounded towards 0; the derivative is 0.

    >>> cr.fix(cr.tensor([1.7, -1.7]))
    tensor([ 1., -1.])
    """,
)
elementwise(
    "heaviside",
    value=np.heaviside,
    d=(ZERO, lambda xp, _out, x, _h: xp.equal(x, 0)),
    emit=lambda e, x, h: e.heaviside(x, h),
    doc="""0 for x < 0, 1 for x > 0, and h at 0; the derivative in x is 0.

    >>> cr.heaviside(cr.tensor([-1.0, 0.0, 2.0]), 0.5)
    tensor([0. , 0.5, 1. ])
    """,
)

# -------------------------------------------------------------------------------------------- whole numbers

elementwise(
    "gcd",
    value=np.gcd,
    d=(NONE, NONE),
    differentiable=False,
    doc="""The greatest common divisor of integers.

    >>> cr.gcd(cr.tensor([12, 18]), 8)
    tensor([4, 2])
    """,
)
elementwise(
    "lcm",
    value=np.lcm,
    d=(NONE, NONE),
    differentiable=False,
    doc="""The least common multiple of integers.

    >>> cr.lcm(cr.tensor([4, 6]), 10)
    tensor([20, 30])
    """,
)

# -------------------------------------------------------------------------------- extremes that pass over NaN


def _wins(xp: Any, less: Any, x: Any, y: Any) -> Any:
    # 1 where x is taken, ½ on a tie, 0 where y is; of a number and NaN the number.
    half = promote([x, y]).type(0.5)
    taken = xp.logical_or(xp.isnan(y), xp.logical_not(xp.logical_or(less, xp.isnan(x))))
    return xp.where(xp.equal(x, y), half, taken)


for _name, _function, _less, _adjective, _example in (
    ("fmax", np.fmax, "less", "larger", "[3., 5.]"),
    ("fmin", np.fmin, "greater", "smaller", "[1., 5.]"),
):
    elementwise(
        _name,
        value=_function,
        emit=lambda e, x, y, name=_name: getattr(e, name)(x, y),
        d=(
            lambda xp, _out, x, y, less=_less: _wins(xp, getattr(xp, less)(x, y), x, y),
            lambda xp, _out, x, y, less=_less: _wins(xp, getattr(xp, less)(y, x), y, x),
        ),
        doc=f"""The {_adjective} of x and y, and of a number and NaN the number; a tie shares the gradient, ½ each.

    >>> cr.{_name}(cr.tensor([1.0, 5.0]), cr.tensor([3.0, np.nan]))
    tensor({_example})
    """,
    )

# ---------------------------------------------------------------------------------------- parts of a number


def _modf(xp: Any, x: Any) -> Any:
    dtype = operand_spec("modf", x).dtype
    x = xp.astype(x, np.modf(np.empty(0, dtype))[0].dtype) if dtype.kind in "biu" else x
    whole = xp.trunc(x)
    # The fraction of an infinity is 0.
    return xp.where(xp.isinf(x), xp.multiply(xp.sign(x), 0.0), xp.subtract(x, whole)), whole


elementwise(
    "exponent",
    value=lambda x: np.frexp(x)[1],
    d=NONE,
    emit=lambda e, x: e.exponent(x),
    differentiable=False,
    public=(),
    doc="""The e of x = m · 2ᵉ with ½ ≤ |m| < 1, an integer; 0 for 0.

    >>> from chainrule.ops import ops
    >>> ops.exponent(cr.tensor([8.0, 0.75]))
    tensor([4, 0], dtype=int32)
    """,
)


def _frexp(xp: Any, x: Any) -> Any:
    exponent = xp.exponent(x)
    return xp.ldexp(x, xp.negative(exponent)), exponent


composite(
    "modf",
    _modf,
    value=np.modf,
    doc="""The fraction of x and its whole part, both with the sign of x.

    >>> cr.modf(cr.tensor([1.5, -2.25]))
    (tensor([ 0.5 , -0.25]), tensor([ 1., -2.]))
    """,
)
composite(
    "frexp",
    _frexp,
    doc="""The m and e of x = m · 2ᵉ with ½ ≤ |m| < 1; the derivative of m is 2⁻ᵉ.

    >>> cr.frexp(cr.tensor([8.0, 0.75]))
    (tensor([0.5 , 0.75]), tensor([4, 0], dtype=int32))
    """,
)


def _nan_to_num(xp: Any, x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    dtype = operand_spec("nan_to_num", x).dtype
    if dtype.kind == "c":
        parts = [_nan_to_num(xp, part, nan, posinf, neginf) for part in (xp.real(x), xp.imag(x))]
        return xp.add(parts[0], xp.multiply(parts[1], 1j))
    if dtype.kind != "f":
        return xp.positive(x) if dtype.kind != "b" else xp.astype(x, dtype)
    largest = float(np.finfo(dtype).max)
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    finite = xp.where(xp.equal(x, np.inf), high, xp.where(xp.equal(x, -np.inf), low, x))
    return xp.where(xp.isnan(x), nan, finite)


composite(
    "nan_to_num",
    _nan_to_num,
    value=lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(x, True, nan, posinf, neginf),
    doc="""x with numbers in place of NaN and infinities, by default 0 and the largest finite ones.

    No gradient reaches what was replaced.

    >>> cr.nan_to_num(cr.tensor([1.0, np.nan, np.inf]), posinf=9.0)
    tensor([1., 0., 9.])
    """,
)
composite(
    "lerp",
    lambda xp, x, y, weight: xp.add(x, xp.multiply(xp.subtract(y, x), weight)),
    doc="""x + weight · (y − x): x at weight 0, y at 1.

    >>> cr.lerp(cr.tensor([0.0, 2.0]), cr.tensor([4.0, 4.0]), 0.25)
    tensor([1. , 2.5])
    """,
)

# ---------------------------------------------------------------------------------------------- comparisons


def _isclose(xp: Any, x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    x, y = (xp.astype(z, np.float64) if operand_spec("isclose", z).dtype.kind in "biu" else z for z in (x, y))
    bound = xp.add(xp.multiply(xp.abs(y), rtol), atol)
    near = xp.logical_and(xp.less_equal(xp.abs(xp.subtract(x, y)), bound), xp.isfinite(y))
    near = xp.logical_or(near, xp.equal(x, y))
    return xp.logical_or(near, xp.logical_and(xp.isnan(x), xp.isnan(y))) if equal_nan else near


def _array_equal(xp: Any, x: Any, y: Any, equal_nan: bool = False) -> Any:
    if operand_spec("array_equal", x).shape != operand_spec("array_equal", y).shape:
        return xp.astype(False, bool)
    same = xp.equal(x, y)
    return xp.all(xp.logical_or(same, xp.logical_and(xp.isnan(x), xp.isnan(y))) if equal_nan else same)


composite(
    "isclose",
    _isclose,
    value=np.isclose,
    doc="""Whether |x − y| ≤ atol + rtol · |y|, element by element; NaN is close to NaN only if ``equal_nan``.

    >>> cr.isclose(cr.tensor([1.0, 2.0]), cr.tensor([1.0 + 1e-9, 2.1]))
    tensor([ True, False])
    """,
)
composite(
    "allclose",
    lambda xp, x, y, rtol=1e-05, atol=1e-08, equal_nan=False: xp.all(_isclose(xp, x, y, rtol, atol, equal_nan)),
    doc="""Whether |x − y| ≤ atol + rtol · |y| for all elements.

    >>> cr.allclose(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.1]))
    tensor(False)
    """,
)
composite(
    "array_equal",
    _array_equal,
    doc="""Whether x and y have one shape and equal elements.

    >>> cr.array_equal(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.0]))
    tensor(True)
    """,
)
