"""Reductions: they fold axes away."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.op import linear, primitive
from chainrule.reduction import (
    batch_rule,
    canonical,
    count,
    empty,
    float_dtype,
    optional_dtype,
    own_dtype,
    reduction,
    refuse_complex,
    share,
    spec_rule,
    spread,
    unreduced,
    wide,
)
from chainrule.spec import Shape, Spec, normalize_axes, normalize_axis, reduced_shape, sum_dtype

# ---------------------------------------------------------------------------------- sums, means and products

linear(
    "sum",
    value=lambda x, *, axis=None, dtype=None, keepdims=False: np.add.reduce(
        x, axis=axis, dtype=sum_dtype(x.dtype, dtype), keepdims=keepdims
    ),
    canonical=canonical("sum", dtype=optional_dtype),
    spec=lambda x, *, axis, dtype, keepdims: Spec(reduced_shape(x.shape, axis, keepdims), sum_dtype(x.dtype, dtype)),
    transpose=lambda xp, g, _x, *, axis, dtype, keepdims: spread(xp, g, _x, axis),
    batch=batch_rule("sum"),
    method=True,
    doc="""Σ x over ``axis`` (all axes by default); small integers and booleans are summed as int64 or uint64.

    >>> cr.sum(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """,
)


def _mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    # Dividing by NaN rather than 0 says "undefined" without a warning.
    mean = np.add.reduce(wide(x), axis=axis, keepdims=keepdims) / (count(x, axis) or math.nan)
    return mean.astype(x.dtype) if x.dtype == np.float16 else mean


linear(
    "mean",
    value=_mean,
    canonical=canonical("mean"),
    spec=spec_rule(float_dtype),
    transpose=lambda xp, g, _x, *, axis, keepdims: spread(xp, xp.multiply(g, 1 / (count(_x, axis) or 1)), _x, axis),
    batch=batch_rule("mean"),
    method=True,
    doc="""Σ x / n over the n elements along ``axis`` (all axes by default); NaN when there are none.

    >>> cr.mean(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([2., 3.])
    """,
)


def _product_of_others(xp: Any, _out: Any, x: Any, *, axis: Shape, **_params: Any) -> Any:
    # What comes before times what comes after: no division, so that zeros are exact, in every order.
    if len(axis) == 1:
        return _before_and_after(xp, x, axis[0])
    order = (*(i for i in range(len(x.shape)) if i not in axis), *axis)
    back = tuple(order.index(i) for i in range(len(order)))
    moved = xp.permute_dims(x, order)
    flat = xp.reshape(moved, (*reduced_shape(x.shape, axis, False), count(x, axis)))
    return xp.permute_dims(xp.reshape(_before_and_after(xp, flat, len(flat.shape) - 1), moved.shape), back)


def _before_and_after(xp: Any, x: Any, axis: int) -> Any:
    after = xp.flip(_product_before(xp, xp.flip(x, axis=axis), axis), axis=axis)
    return xp.multiply(_product_before(xp, x, axis), after)


def _product_before(xp: Any, x: Any, axis: int) -> Any:
    one = np.ones((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), x.dtype)
    rest = xp.getitem(x, (*(slice(None),) * axis, slice(None, -1)))
    return xp.cumprod(xp.concat([one, rest], axis=axis), axis=axis)


reduction(
    "prod",
    value=lambda x, *, axis=None, dtype=None, keepdims=False: np.multiply.reduce(
        x, axis=axis, dtype=sum_dtype(x.dtype, dtype), keepdims=keepdims
    ),
    dtype=lambda own, dtype: sum_dtype(own, dtype),
    canonical=canonical("prod", dtype=optional_dtype),
    field=_product_of_others,
    doc="""Π x over ``axis`` (all axes by default); ∂/∂xᵢ is the product of the others, exact at zeros.

    >>> cr.prod(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([3., 8.])
    """,
)

# ------------------------------------------------------------------------------------ the largest and smallest


def _extreme_field(xp: Any, out: Any, x: Any, *, axis: Shape, **_params: Any) -> Any:
    return share(xp, unreduced(xp, out, x, axis), x, axis)


reduction(
    "max",
    value=lambda x, *, axis=None, keepdims=False: np.maximum.reduce(x, axis=axis, keepdims=keepdims),
    dtype=own_dtype,
    canonical=canonical("max", ordered=True, nonempty=True),
    field=_extreme_field,
    doc="""The largest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each.

    >>> cr.max(cr.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    tensor([3., 5.])
    """,
)
reduction(
    "min",
    value=lambda x, *, axis=None, keepdims=False: np.minimum.reduce(x, axis=axis, keepdims=keepdims),
    dtype=own_dtype,
    canonical=canonical("min", ordered=True, nonempty=True),
    field=_extreme_field,
    doc="""The smallest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each.

    >>> cr.min(cr.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    tensor([1., 4.])
    """,
)

# ---------------------------------------------------------------- positions, counts and logic: no derivative


def _bool(_dtype: Any, **_params: Any) -> Any:
    return np.bool_


def _integer(_dtype: Any, **_params: Any) -> Any:
    return np.int64


def _observation(name: str, *, value: Callable[..., Any], dtype: Callable[..., Any], doc: str) -> None:
    primitive(
        name,
        value=value,
        canonical=canonical(name),
        spec=spec_rule(dtype),
        batch=batch_rule(name),
        differentiable=False,
        method=True,
        doc=doc,
    )


_observation(
    "all",
    value=lambda x, *, axis=None, keepdims=False: np.logical_and.reduce(x, axis=axis, keepdims=keepdims),
    dtype=_bool,
    doc="""Whether all elements along ``axis`` (all axes by default) are true, that is nonzero; true of none.

    >>> cr.all(cr.tensor([[True, False], [True, True]]), axis=1)
    tensor([False,  True])
    """,
)
_observation(
    "any",
    value=lambda x, *, axis=None, keepdims=False: np.logical_or.reduce(x, axis=axis, keepdims=keepdims),
    dtype=_bool,
    doc="""Whether any element along ``axis`` (all axes by default) is true, that is nonzero; false of none.

    >>> cr.any(cr.tensor([[True, False], [False, False]]), axis=1)
    tensor([ True, False])
    """,
)


def _count_nonzero(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    if not keepdims and (axis is None or len(axis) == x.ndim):
        return np.int64(np.count_nonzero(x))
    return np.add.reduce(np.not_equal(x, 0), axis=axis, dtype=np.int64, keepdims=keepdims)


_observation(
    "count_nonzero",
    value=_count_nonzero,
    dtype=_integer,
    doc="""The number of nonzero elements along ``axis`` (all axes by default).

    >>> cr.count_nonzero(cr.tensor([[1.0, 0.0], [3.0, 4.0]]), axis=0)
    tensor([2, 1])
    """,
)


def _position(name: str, find: Callable[..., Any], adjective: str) -> None:
    def canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
        refuse_complex(name, x)
        axes = normalize_axes(name, None, x.ndim) if axis is None else (normalize_axis(name, axis, x.ndim),)
        if count(x, axes) == 0:
            raise empty(name, x, axes)
        return {"axis": None if axis is None else axes[0], "keepdims": bool(keepdims)}

    def spec(x: Spec, *, axis: int | None, keepdims: bool) -> Spec:
        return Spec(reduced_shape(x.shape, normalize_axes(name, axis, x.ndim), keepdims), np.dtype(np.int64))

    def batch(xp: Any, _batched: tuple[bool, ...], x: Any, *, axis: int | None, keepdims: bool) -> Any:
        if axis is not None:
            return getattr(xp, name)(x, axis=axis + 1, keepdims=keepdims)
        found = getattr(xp, name)(xp.reshape(x, (x.shape[0], -1)), axis=1)
        return xp.reshape(found, (x.shape[0], *(1,) * (len(x.shape) - 1))) if keepdims else found

    primitive(
        name,
        value=lambda x, *, axis=None, keepdims=False: find(x, axis=axis, keepdims=keepdims),
        canonical=canonical,
        spec=spec,
        batch=batch,
        differentiable=False,
        method=True,
        doc=f"""The position of the first {adjective} element, or NaN, along ``axis`` (by default in the flattened x).

    >>> cr.{name}(cr.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    tensor([{"1, 0" if name == "argmax" else "0, 1"}])
    """,
    )


_position("argmax", np.argmax, "largest")
_position("argmin", np.argmin, "smallest")
