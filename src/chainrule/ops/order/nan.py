"""Reductions and scans that pass over NaN: no gradient reaches it, and where all is NaN, means and extremes are NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError
from chainrule.op import composite, primitive
from chainrule.reduction import (
    canonical,
    count,
    dropped,
    empty,
    float_dtype,
    own_dtype,
    reduction,
    refuse_complex,
    unreduced,
)
from chainrule.spec import Shape, Spec, normalize_axes, normalize_axis, reduced_shape


def _filled(xp: Any, x: Any, fill: float) -> Any:
    """x with another number in place of NaN."""
    return xp.where(xp.isnan(x), fill, x) if operand_spec("isnan", x).dtype.kind in "fc" else x


# -------------------------------------------------------------------------------------- sums and products


def _folded(name: str, fill: float) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return getattr(xp, name)(_filled(xp, x, fill), axis=axis, dtype=dtype, keepdims=keepdims)

    return body


def _scanned(name: str, fill: float) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, dtype: Any = None) -> Any:
        x = _filled(xp, x, fill)
        x = xp.reshape(x, (-1,)) if axis is None else x
        return getattr(xp, name)(x, axis=axis or 0, dtype=dtype)

    return body


composite(
    "nansum",
    value=lambda x, axis=None, dtype=None, keepdims=False: np.nansum(x, axis, dtype, keepdims=keepdims),
    body=_folded("sum", 0),
    doc="""Σ x over the elements along ``axis`` (all axes by default) that are not NaN.

    >>> cr.nansum(cr.tensor([1.0, np.nan, 3.0]))
    tensor(4.)
    """,
)
composite(
    "nanprod",
    value=lambda x, axis=None, dtype=None, keepdims=False: np.nanprod(x, axis, dtype, keepdims=keepdims),
    body=_folded("prod", 1),
    doc="""Π x over the elements along ``axis`` (all axes by default) that are not NaN.

    >>> cr.nanprod(cr.tensor([2.0, np.nan, 3.0]))
    tensor(6.)
    """,
)
composite(
    "nancumsum",
    value=lambda x, axis=None, dtype=None: np.nancumsum(x, axis, dtype),
    body=_scanned("cumsum", 0),
    doc="""The running sum along ``axis`` (of the flattened x by default), with 0 in place of NaN.

    >>> cr.nancumsum(cr.tensor([1.0, np.nan, 3.0]))
    tensor([1., 1., 4.])
    """,
)
composite(
    "nancumprod",
    value=lambda x, axis=None, dtype=None: np.nancumprod(x, axis, dtype),
    body=_scanned("cumprod", 1),
    doc="""The running product along ``axis`` (of the flattened x by default), with 1 in place of NaN.

    >>> cr.nancumprod(cr.tensor([2.0, np.nan, 3.0]))
    tensor([2., 2., 6.])
    """,
)

# -------------------------------------------------------------------------------------- means and spreads


def _present(xp: Any, x: Any, axis: Any, correction: float) -> Any:
    """How many elements are not NaN, less a correction; NaN if none are left."""
    spec = operand_spec("isnan", x)
    dtype = np.empty(0, float_dtype(spec.dtype)).real.dtype
    if spec.dtype.kind not in "fc":
        left = count(spec, axis) - correction
        return dtype.type(left if left > 0 else math.nan)
    number = xp.subtract(xp.sum(xp.logical_not(xp.isnan(x)), axis=axis, dtype=dtype, keepdims=True), correction)
    return xp.where(xp.greater(number, 0), number, math.nan)


def _shaped(xp: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    shape = operand_spec("isnan", x).shape
    return out if keepdims else xp.reshape(out, reduced_shape(shape, normalize_axes("mean", axis, len(shape)), False))


def _nanmean(xp: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    total = xp.sum(_filled(xp, x, 0), axis=axis, keepdims=True)
    return _shaped(xp, xp.divide(total, _present(xp, x, axis, 0)), x, axis, keepdims)


def _away(xp: Any, x: Any, axis: Any) -> Any:
    """Distances from the mean; 0 in place of NaN."""
    away = xp.subtract(x, _nanmean(xp, x, axis, True))
    return _filled(xp, away, 0)


def _nanvar(xp: Any, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    away = _away(xp, x, axis)
    if away.dtype.kind == "c":
        square = xp.add(xp.square(xp.real(away)), xp.square(xp.imag(away)))
    else:
        square = xp.square(away)
    total = xp.sum(square, axis=axis, keepdims=True)
    return _shaped(xp, xp.divide(total, _present(xp, x, axis, correction)), x, axis, keepdims)


def _nanstd(xp: Any, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    # A norm, whose derivative at 0 is 0.
    length = xp.vector_norm(_away(xp, x, axis), axis=axis, keepdims=True)
    return _shaped(xp, xp.divide(length, xp.sqrt(_present(xp, x, axis, correction))), x, axis, keepdims)


# NumPy's own functions warn where all is NaN, and take one pass more.


def _numpys_present(x: Any, axis: Any, correction: float) -> tuple[Any, Any]:
    if x.dtype.kind not in "fc" or not x.size:
        raise DomainError("no NaN to pass over: the body")
    holes = np.isnan(x)
    number = np.add.reduce(~holes, axis=axis, dtype=x.real.dtype, keepdims=True) - x.real.dtype.type(correction)
    return holes, np.where(number > 0, number, math.nan).astype(x.real.dtype, copy=False)


def _numpys_nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    holes, number = _numpys_present(x, axis, 0)
    mean = np.add.reduce(np.where(holes, x.dtype.type(0), x), axis=axis, keepdims=True) / number
    return mean if keepdims else dropped(mean, axis)


def _numpys_nanvar(x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    holes, number = _numpys_present(x, axis, correction)
    away = np.where(holes, x.dtype.type(0), x - _numpys_nanmean(x, axis, True))
    square = np.square(away) if away.dtype.kind == "f" else np.square(away.real) + np.square(away.imag)
    out = np.add.reduce(square, axis=axis, keepdims=True) / number
    return out if keepdims else dropped(out, axis)


composite(
    "nanmean",
    _nanmean,
    value=_numpys_nanmean,
    doc="""The mean of the elements along ``axis`` (all axes by default) that are not NaN; NaN where there are none.

    >>> cr.nanmean(cr.tensor([1.0, np.nan, 3.0]))
    tensor(2.)
    """,
)
composite(
    "nanvar",
    _nanvar,
    value=_numpys_nanvar,
    doc="""Σ |x − mean|² / (n − correction) over the n elements along ``axis`` that are not NaN; NaN if n ≤ correction.

    >>> cr.nanvar(cr.tensor([1.0, np.nan, 3.0]))
    tensor(1.)
    """,
)
composite(
    "nanstd",
    _nanstd,
    value=lambda x, *rest, **params: np.sqrt(_numpys_nanvar(x, *rest, **params)),
    doc="""√nanvar: the spread of the elements along ``axis`` that are not NaN; the derivative of constants is 0.

    >>> cr.nanstd(cr.tensor([1.0, np.nan, 3.0]))
    tensor(1.)
    """,
)

# ---------------------------------------------------------------------------------- extremes and their places


def _nan_extreme_field(xp: Any, out: Any, x: Any, *, axis: Shape, **_params: Any) -> Any:
    extreme = xp.equal(x, unreduced(xp, out, x, axis))
    return xp.where(extreme, xp.reciprocal(xp.sum(extreme, axis=axis, dtype=x.dtype, keepdims=True)), 0)


def _extreme(name: str, fold: Any, adjective: str, example: str) -> None:
    reduction(
        name,
        value=lambda x, *, axis=None, keepdims=False: fold.reduce(x, axis=axis, keepdims=keepdims),
        dtype=own_dtype,
        canonical=canonical(name, ordered=True, nonempty=True),
        field=_nan_extreme_field,
        doc=f"""The {adjective} element along ``axis`` that is no NaN; equal ones share the gradient.

    >>> cr.{name}(cr.tensor([1.0, np.nan, 3.0]))
    tensor({example})
    """,
    )


_extreme("nanmax", np.fmax, "largest", "3.")
_extreme("nanmin", np.fmin, "smallest", "1.")


def _place(name: str, find: Callable[..., Any], adjective: str, example: int) -> None:
    def value(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
        try:
            return find(x, axis=axis, keepdims=keepdims)
        except ValueError:
            raise DomainError(
                f"[{name}] all elements of a slice are NaN, and none has a place; expected at least one number; "
                f"remove the slice, or replace NaN with nan_to_num."
            ) from None

    def spell(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
        refuse_complex(name, x)
        axes = normalize_axes(name, None, x.ndim) if axis is None else (normalize_axis(name, axis, x.ndim),)
        if count(x, axes) == 0:
            raise empty(name, x, axes)
        return {"axis": None if axis is None else axes[0], "keepdims": bool(keepdims)}

    def batch(xp: Any, _batched: tuple[bool, ...], x: Any, *, axis: int | None, keepdims: bool) -> Any:
        if axis is not None:
            return getattr(xp, name)(x, axis=axis + 1, keepdims=keepdims)
        found = getattr(xp, name)(xp.reshape(x, (x.shape[0], -1)), axis=1)
        return xp.reshape(found, (x.shape[0], *(1,) * (len(x.shape) - 1))) if keepdims else found

    primitive(
        name,
        value=value,
        canonical=spell,
        spec=lambda x, *, axis, keepdims: Spec(
            reduced_shape(x.shape, normalize_axes(name, axis, x.ndim), keepdims), np.dtype(np.int64)
        ),
        batch=batch,
        differentiable=False,
        doc=f"""The place of the first {adjective} element that is not NaN along ``axis`` (default: of all).

    >>> cr.{name}(cr.tensor([1.0, np.nan, 3.0]))
    tensor({example})
    """,
    )


_place("nanargmax", np.nanargmax, "largest", 2)
_place("nanargmin", np.nanargmin, "smallest", 0)
