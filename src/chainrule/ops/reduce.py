"""Reductions and scans: they fold axes away, or run along one."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.op import linear
from chainrule.spec import Shape, Spec, normalize_axes, reduced_shape


def _canonical(name: str) -> Any:
    def canonical(x: Spec, *, axis: Any, keepdims: Any, **others: Any) -> dict[str, Any]:
        return {"axis": normalize_axes(name, axis, x.ndim), "keepdims": bool(keepdims), **others}

    return canonical


def _kept_axes(x: Spec, axis: Any, keepdims: bool) -> Shape:
    """The shape of a reduction with the reduced axes still there, as size 1."""
    del keepdims
    return reduced_shape(x.shape, normalize_axes("sum", axis, x.ndim), True)


def _spread(xp: Any, g: Any, x: Any, axis: Any) -> Any:
    """A cotangent of a reduction, repeated along the axes that were reduced."""
    return xp.broadcast_to(xp.reshape(g, _kept_axes(x, axis, True)), x.shape)


def _shifted(axis: Shape) -> Shape:
    """Axes behind a batch axis in front."""
    return tuple(one + 1 for one in axis)


def _sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=_sum_dtype(x.dtype))


def _sum_dtype(dtype: Any) -> Any:
    return None if dtype.kind in "fc" else np.uint64 if dtype.kind == "u" else np.int64


linear(
    "sum",
    value=_sum,
    canonical=_canonical("sum"),
    spec=lambda x, *, axis, keepdims: Spec(
        reduced_shape(x.shape, axis, keepdims), np.dtype(_sum_dtype(x.dtype) or x.dtype)
    ),
    transpose=lambda xp, g, _x, *, axis, keepdims: _spread(xp, g, _x, axis),
    batch=lambda xp, _batched, x, *, axis, keepdims: xp.sum(x, axis=_shifted(axis), keepdims=keepdims),
    method=True,
    doc="""The sum of x over ``axis`` (all axes by default).

    >>> cr.sum(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    """,
)
