"""Elementwise selection (ties share the gradient equally), comparisons and logic (booleans, no derivative)."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.op import NONE, ZERO, composite, elementwise
from chainrule.spec import promote

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
    emit=lambda e, x, y: e.larger(x, y),
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
    emit=lambda e, x, y: e.smaller(x, y),
    method=True,
    numpy=("minimum",),
    doc="""The smaller of x and y; a tie shares the gradient, ½ each.

    >>> cr.minimum(cr.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """,
)


def _clip(xp: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        return xp.positive(x)
    x = x if min is None else xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


composite(
    "clip",
    _clip,
    value=lambda x, min=None, max=None: x.clip(min, max),
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
        lambda xp, _out, condition, _x1, _x2: xp.not_equal(condition, 0),
        lambda xp, _out, condition, _x1, _x2: xp.equal(condition, 0),
    ),
    emit=lambda e, condition, x, y: e.select(condition, x, y),
    doc="""x1 where the condition holds, else x2. The branch not taken gets no gradient, whatever its value there.

    >>> cr.where(cr.tensor([True, False]), cr.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """,
)


# --------------------------------------------------------- comparisons and logic: booleans, no derivative

elementwise(
    "equal",
    value=operator.eq,
    d=(NONE, NONE),
    emit=lambda e, x, y: e.equal(x, y),
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
    emit=lambda e, x, y: ~e.equal(x, y),
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
    emit=lambda e, x, y: e.less(x, y),
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
    emit=lambda e, x, y: e.less_equal(x, y),
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
    emit=lambda e, x, y: e.greater(x, y),
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
    emit=lambda e, x, y: e.greater_equal(x, y),
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
    emit=lambda e, x, y: e.cast(x, bool) & e.cast(y, bool),
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
    emit=lambda e, x, y: e.cast(x, bool) | e.cast(y, bool),
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
    emit=lambda e, x, y: e.cast(x, bool) ^ e.cast(y, bool),
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
    emit=lambda e, x: ~e.cast(x, bool),
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
    emit=lambda e, x, y: x & y,
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
    emit=lambda e, x, y: x | y,
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
    emit=lambda e, x, y: x ^ y,
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
    emit=lambda e, x: ~x,
    differentiable=False,
    numpy=("invert", "bitwise_not", "bitwise_invert"),
    doc="""~x: every bit of an integer turned over, which is −x − 1; of a boolean, whether not x.

    >>> cr.bitwise_invert(cr.tensor([6, 5]))
    tensor([-7, -6])
    """,
)
elementwise(
    "bitwise_left_shift",
    value=operator.lshift,
    d=(NONE, NONE),
    emit=lambda e, x, y: e.left_shift(x, y),
    differentiable=False,
    numpy=("left_shift", "bitwise_left_shift"),
    doc="""x << y: the bits of the integer x moved up by y ≥ 0 places, which is x · 2ʸ while it fits the dtype.

    >>> cr.bitwise_left_shift(cr.tensor([6, -5]), 1)
    tensor([ 12, -10])
    """,
)
elementwise(
    "bitwise_right_shift",
    value=operator.rshift,
    d=(NONE, NONE),
    emit=lambda e, x, y: e.right_shift(x, y),
    differentiable=False,
    numpy=("right_shift", "bitwise_right_shift"),
    doc="""x >> y: the bits of the integer x moved down by y ≥ 0 places, which is ⌊x / 2ʸ⌋.

    >>> cr.bitwise_right_shift(cr.tensor([6, -5]), 1)
    tensor([ 3, -3])
    """,
)
elementwise(
    "signbit",
    value=np.signbit,
    d=NONE,
    emit=lambda e, x: e.signbit(x),
    differentiable=False,
    doc="""Whether the sign of x is negative; −0.0 has one too, and a NaN may.

    >>> cr.signbit(cr.tensor([1.0, -0.0, -2.0]))
    tensor([False,  True,  True])
    """,
)
elementwise(
    "isnan",
    value=np.isnan,
    d=NONE,
    emit=lambda e, x: e.is_nan(x),
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
    emit=lambda e, x: e.isinf(x),
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
    emit=lambda e, x: e.isfinite(x),
    differentiable=False,
    method=True,
    doc="""Whether x is neither infinite nor NaN.

    >>> cr.isfinite(cr.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """,
)
