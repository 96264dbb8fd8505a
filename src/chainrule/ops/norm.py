"""Norms, and the spread around a mean, which is the norm of what is left without it."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite, linear
from chainrule.reduction import (
    batch_rule,
    canonical,
    count,
    dropped,
    empty,
    float_dtype,
    real_dtype,
    reduction,
    share,
    unreduced,
    wide,
)
from chainrule.spec import Shape, Spec, normalize_axes, normalize_axis


def _over(xp: Any, x: Any, y: Any) -> Any:
    """x / y, and 0 in every order where y is 0."""
    zero = xp.equal(y, 0)
    return xp.where(zero, 0, xp.divide(x, xp.where(zero, 1, y)))


def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if (
        ord == 2
        and x.dtype.kind == "f"
        and x.dtype in _PRECISION
        and not keepdims
        and axis.__class__ is tuple
        and len(axis) == x.ndim
    ):
        with np.errstate(all="ignore"):  # BLAS is quick on few elements, and waits for its threads on many
            total = np.vdot(x, x) if x.size <= 10_000 else np.add.reduce(np.square(x), axis=None)
        if _PRECISION[x.dtype][1] < total < np.inf:
            return np.sqrt(total)
    size = np.abs(wide(x))
    if ord == 0:
        out = np.add.reduce(size != 0, axis=axis, keepdims=keepdims, dtype=np.float64)
    elif ord == 1:
        out = np.add.reduce(size, axis=axis, keepdims=keepdims)
    elif ord == math.inf:
        out = np.maximum.reduce(size, axis=axis, keepdims=keepdims, initial=0)
    elif ord == -math.inf:
        out = np.minimum.reduce(size, axis=axis, keepdims=keepdims)
    else:
        out = _power_norm(size, ord, axis, keepdims)
    return out.astype(real_dtype(x.dtype), copy=False)


def _power_norm(size: Any, p: float, axis: Any, keepdims: bool) -> Any:
    limits = np.finfo(size.dtype)
    with np.errstate(all="ignore"):
        total = np.add.reduce(size**p, axis=axis, keepdims=True)
        out = total ** (1 / p)
        # Where powers left the range in which they have all their digits, take them of x in units of its largest.
        outside = (total < limits.tiny / limits.eps) | (total == np.inf)
        if outside.any() and size.size:
            fold = np.maximum if p > 0 else np.minimum
            unit = fold.reduce(size, axis=axis, keepdims=True)
            unit = np.where((unit == 0) | (unit == np.inf), 1, unit)
            total = np.add.reduce((size / unit) ** p, axis=axis, keepdims=True)
            out = np.where(outside, unit * total ** (1 / p), out)
    return out if keepdims else dropped(out, axis)


def _direction(xp: Any, x: Any) -> Any:
    """x / |x|, and 0 at 0."""
    return _over(xp, x, xp.abs(x)) if x.dtype.kind == "c" else xp.sign(x)


def _norm_field(xp: Any, out: Any, x: Any, *, ord: float, axis: Shape, **_params: Any) -> Any:
    out = unreduced(xp, out, x, axis)
    if ord == 0:
        return np.zeros(x.shape, x.dtype)
    if ord == 1:
        return _direction(xp, x)
    if ord == 2:
        return _over(xp, x, out)
    if ord in (math.inf, -math.inf):
        return xp.multiply(_direction(xp, x), share(xp, out, xp.abs(x), axis))
    # (|xᵢ| / out)ᵖ⁻¹, the ratio first: it stays in range. At 0 the direction is 0, whatever the power. A norm of
    # negative order is 0 where an element is, however the others move.
    zero = xp.equal(x, 0) if ord > 0 else xp.logical_or(xp.equal(x, 0), xp.equal(out, 0))
    ratio = _over(xp, xp.where(zero, out, xp.abs(x)), out)
    return xp.where(zero, 0, xp.multiply(_direction(xp, x), xp.power(ratio, ord - 1)))


def _canonical_norm(x: Spec, *, ord: Any, axis: Any, keepdims: Any) -> dict[str, Any]:
    if not isinstance(ord, numbers.Real) or math.isnan(ord):
        raise DTypeError(
            f"[vector_norm] ord is {ord!r}; expected a number, or an infinity for the largest element; "
            f"use norm(x, ord) for the norms of matrices."
        )
    axes = normalize_axes("vector_norm", axis, x.ndim)
    if ord == -math.inf and count(x, axes) == 0:
        raise empty("vector_norm", x, axes)
    return {"ord": float(ord), "axis": axes, "keepdims": bool(keepdims)}


reduction(
    "vector_norm",
    value=_vector_norm,
    dtype=real_dtype,
    canonical=_canonical_norm,
    field=_norm_field,
    public=("vector_norm", "linalg.vector_norm"),
    numpy=("linalg.vector_norm",),
    doc="""(Σ |x|ᵖ)^(1/p) over ``axis`` (all axes by default), p = ord; ∞ is the largest |x|, 0 counts the nonzero.

    The derivative is 0 where the norm is 0, and with respect to elements that are 0.

    >>> cr.vector_norm(cr.tensor([3.0, 4.0]))
    tensor(5.)
    """,
)


def _norm(xp: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    ndim = operand_spec("norm", x).ndim
    given = tuple(axis) if isinstance(axis, (tuple, list)) else axis if axis is None else (axis,)
    vectors = ndim < 2 if given is None else len(given) == 1
    if ord is None or (vectors and ord != "fro"):
        return xp.vector_norm(x, ord=2 if ord is None else ord, axis=given, keepdims=keepdims)
    axes = tuple(range(ndim)) if given is None else tuple(normalize_axis("norm", one, ndim) for one in given)
    if len(normalize_axes("norm", axes, ndim)) != 2:
        raise ShapeError(
            f"[norm] ord {ord!r} was asked of an operand with {ndim} axes and axis={axis!r}; expected one axis for "
            f"the norm of vectors, or two for the norm of matrices; give axis, or leave ord out for √Σ|x|²."
        )
    moved = x if axes == (ndim - 2, ndim - 1) else xp.moveaxis(x, axes, (-2, -1))
    out = xp.matrix_norm(moved, ord=ord)
    return xp.expand_dims(out, axis=tuple(sorted(axis % ndim for axis in axes))) if keepdims else out


composite(
    "norm",
    _norm,
    method=True,
    public=("norm", "linalg.norm"),
    numpy=("linalg.norm",),
    doc="""√Σ|x|² over ``axis`` (all axes by default), or by ``ord`` another norm, as ``numpy.linalg.norm`` has them.

    Over one axis: the vector norm of that order. Over two: that of ``linalg.matrix_norm``. The derivative is 0 where
    the norm is 0.

    >>> cr.norm(cr.tensor([[3.0, 4.0], [0.0, 12.0]]), axis=1)
    tensor([ 5., 12.])
    """,
)

# --------------------------------------------------------------------------------------- spread around a mean


def _center(x: Any, *, axis: Any = None) -> Any:
    x = wide(x) if x.dtype.kind not in "fc" else x
    axes = normalize_axes("center", axis, x.ndim)
    # Distances from one of the elements first: more digits than x − mean(x), and exact zeros for constants.
    away = x - x[tuple(slice(0, 1) if i in axes else slice(None) for i in range(x.ndim))]
    return away - np.add.reduce(away, axis=axes, keepdims=True) / (count(x, axes) or 1)


linear(
    "center",
    value=_center,
    canonical=canonical("center"),
    spec=lambda x, *, axis: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    transpose=lambda xp, g, _x, *, axis: xp.center(g, axis=axis),
    batch=batch_rule("center"),
    doc="""x − mean(x) over ``axis`` (all axes by default); exactly zero where x is constant.

    >>> cr.center(cr.tensor([1.0, 2.0, 6.0]))
    tensor([-2., -1.,  3.])
    """,
)


def _correction(name: str, correction: Any) -> float:
    if not isinstance(correction, numbers.Real):
        raise DTypeError(
            f"[{name}] correction is {correction!r}; expected a number, which is taken from the count of elements; "
            f"write correction=1 for the unbiased estimate."
        )
    return float(correction)


def _degrees(x: Any, axis: Any, correction: float) -> float:
    degrees = count(x, axis) - correction
    return degrees if degrees > 0 else math.nan


def _squares(away: Any) -> Any:
    if away.dtype.kind == "c":
        return np.square(away.real) + np.square(away.imag)
    return np.square(away, out=away if away.ndim else None)


# By dtype: 100 eps, and the smallest number that has all its digits when it is a square.
_PRECISION = {
    np.dtype(kind): (100 * float(np.finfo(kind).eps), float(np.finfo(kind).tiny / np.finfo(kind).eps))
    for kind in ("float32", "float64", "complex64", "complex128")
}


def _deviation(x: Any, axis: Any, keepdims: bool) -> Any:
    """Σ |x − mean(x)|² in one look at x, or None where that would not have all its digits, or leave the range."""
    n = count(x, axis)
    whole = 0 < n == x.size and not keepdims  # one number, for which numbers do
    mean = np.add.reduce(x, axis=axis, keepdims=not whole) / (n or 1)
    total = np.add.reduce(_squares(x - mean), axis=axis, keepdims=keepdims)
    rounding, smallest = _PRECISION[x.dtype]
    size, least, most = abs(mean), total, total
    if not whole:
        size, least, most = size.max(initial=0.0), least.min(initial=np.inf), most.max(initial=0.0)
    # A mean that is off by δ adds nδ², and δ is some eps·|mean|.
    return total if n * rounding * size * size < least > smallest and most < np.inf else None


def _var(x: Any, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        total = _deviation(wide(x), axis, keepdims)
        if total is None:
            total = np.add.reduce(_squares(_center(wide(x), axis=axis)), axis=axis, keepdims=keepdims)
        out = total / np.float64(_degrees(x, axis, correction))
    return out.astype(real_dtype(x.dtype), copy=False)


def _std(x: Any, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        total = _deviation(wide(x), axis, keepdims)
        if total is None:
            norm = _vector_norm(_center(wide(x), axis=axis), axis=axis, keepdims=keepdims)
        else:
            norm = np.sqrt(total)
        out = norm / np.float64(math.sqrt(_degrees(x, axis, correction)))
    return out.astype(real_dtype(x.dtype), copy=False)


def _per_degree(x: Any, axis: Shape, correction: float, factor: float) -> float:
    return factor / _degrees(x, axis, correction)


reduction(
    "var",
    value=_var,
    dtype=real_dtype,
    canonical=canonical("var", correction=_correction),
    field=lambda xp, _out, x, *, axis, correction, **_params: xp.multiply(
        xp.center(x, axis=axis), _per_degree(x, axis, correction, 2.0)
    ),
    doc="""Σ |x − mean(x)|² / (n − correction) over the n elements along ``axis`` (all axes by default).

    >>> cr.var(cr.tensor([1.0, 2.0, 6.0]), correction=1)
    tensor(7.)
    """,
)
reduction(
    "std",
    value=_std,
    dtype=real_dtype,
    canonical=canonical("std", correction=_correction),
    field=lambda xp, out, x, *, axis, correction, **_params: xp.multiply(
        _over(xp, xp.center(x, axis=axis), unreduced(xp, out, x, axis)), _per_degree(x, axis, correction, 1.0)
    ),
    doc="""√(Σ |x − mean(x)|² / (n − correction)) over ``axis``; the derivative is 0 where x is constant.

    >>> cr.std(cr.tensor([1.0, 5.0, 3.0, 3.0]), correction=2)
    tensor(2.)
    """,
)
