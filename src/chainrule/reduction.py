"""What reductions share: their kind of op, made from one gradient field, and the spelling of their parameters.

Note [Gradient fields]
A reduction makes one number of each slice, so that its derivative is one array: ∂out/∂x in x's shape. From this
*field* both rules follow: the cotangent times the field, and the sum over the slice of tangent times field.
For a real function of complex x the field is ∂f/∂x + i ∂f/∂y, and the tangent moves it by Re(conj(field) · ẋ).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.op import Op, primitive
from chainrule.spec import Shape, Spec, as_dtype, normalize_axes, reduced_shape


def canonical(name: str, *, ordered: bool = False, nonempty: bool = False, **convert: Callable[..., Any]) -> Any:
    """One spelling of the parameters; ``ordered`` refuses complex numbers, ``nonempty`` a slice without elements."""

    def spell(x: Spec, *, axis: Any, **others: Any) -> dict[str, Any]:
        axes = normalize_axes(name, axis, x.ndim)
        if ordered:
            refuse_complex(name, x)
        if nonempty and count(x, axes) == 0:
            raise empty(name, x, axes)
        for key, value in others.items():
            others[key] = bool(value) if key == "keepdims" else convert[key](name, value)
        return {"axis": axes, **others}

    return spell


def refuse_complex(name: str, x: Spec) -> None:
    """Raise the error of a function that needs an order."""
    if x.dtype.kind == "c":
        raise DTypeError(
            f"[{name}] an operand is {x.dtype}, and complex numbers have no order; expected real numbers; "
            f"use its real or imaginary part, or abs(x)."
        )


def empty(name: str, x: Spec, axes: Shape) -> ShapeError:
    """The error of a function that needs at least one element."""
    where = f"along axis {', '.join(map(str, axes))}" if axes != tuple(range(x.ndim)) else "at all"
    return ShapeError(
        f"[{name}] an operand of shape {x.shape} has no elements {where}, and {name} of nothing is undefined; "
        f"expected at least one; check its shape, or join a bound to it first with concat."
    )


def optional_dtype(name: str, dtype: Any) -> Any:
    """A dtype argument that may be left out."""
    return None if dtype is None else as_dtype(name, dtype)


def count(x: Any, axis: Any) -> int:
    """How many elements fold into one."""
    return math.prod(x.shape[i] for i in normalize_axes("count", axis, len(x.shape)))


def unreduced(xp: Any, g: Any, x: Any, axis: Shape) -> Any:
    """What has the shape of a reduction, with the reduced axes there again, as size 1."""
    return xp.reshape(g, reduced_shape(x.shape, axis, True))


def spread(xp: Any, g: Any, x: Any, axis: Shape) -> Any:
    """A cotangent of a reduction, repeated along the axes that were reduced."""
    return xp.broadcast_to(unreduced(xp, g, x, axis), x.shape)


def spec_rule(dtype: Callable[..., Any]) -> Callable[..., Spec]:
    """The spec of a reduction, given the dtype of its result by that of its operand."""

    def spec(x: Spec, *, axis: Any, keepdims: bool, **params: Any) -> Spec:
        return Spec(reduced_shape(x.shape, axis, keepdims), np.dtype(dtype(x.dtype, **params)))

    return spec


def batch_rule(name: str) -> Callable[..., Any]:
    """The op itself on axes that stand behind a batch axis."""

    def batch(xp: Any, _batched: tuple[bool, ...], x: Any, *, axis: Shape, **params: Any) -> Any:
        return getattr(xp, name)(x, axis=tuple(one + 1 for one in axis), **params)

    return batch


def dropped(out: Any, axis: Any) -> Any:
    """An array without its reduced axes, which have size 1."""
    return np.reshape(out, reduced_shape(out.shape, normalize_axes("reshape", axis, out.ndim), False))[()]


def own_dtype(dtype: Any, **_params: Any) -> Any:
    """The operand's own dtype."""
    return dtype


def float_dtype(dtype: Any, **_params: Any) -> Any:
    """The operand's dtype, or float64 for integers."""
    return dtype if dtype.kind in "fc" else np.float64


def real_dtype(dtype: Any, **_params: Any) -> Any:
    """The dtype of absolute values."""
    return np.empty(0, float_dtype(dtype)).real.dtype


def wide(x: Any) -> Any:
    """x in a dtype that squares and exponentials of it fit in."""
    kind = x.dtype.kind
    return x.astype(np.float32) if x.dtype == np.float16 else x if kind in "fc" else x.astype(np.float64)


def reduction(name: str, *, field: Callable[..., Any], dtype: Callable[..., Any], **facts: Any) -> Op:
    """A differentiable reduction by its ``field(xp, out, x, **params)``. See Note [Gradient fields]."""

    def vjp(xp: Any, g: Any, out: Any, x: Any, *, axis: Shape, **params: Any) -> Any:
        return xp.absorbing_multiply(unreduced(xp, g, x, axis), field(xp, out, x, axis=axis, **params))

    def jvp(xp: Any, tangents: Any, out: Any, x: Any, *, axis: Shape, keepdims: bool, **params: Any) -> Any:
        slope = field(xp, out, x, axis=axis, keepdims=keepdims, **params)
        if x.dtype.kind == "c" and out.dtype.kind != "c":
            move = xp.real(xp.absorbing_multiply(tangents[0], xp.conj(slope)))
        else:
            move = xp.absorbing_multiply(tangents[0], slope)
        return xp.sum(move, axis=axis, keepdims=keepdims)

    # Both rules keep what the field needs.
    for rule in (vjp, jvp):
        needed = list(inspect.signature(field).parameters.values())
        needed.insert(1, inspect.Parameter("_g", inspect.Parameter.POSITIONAL_OR_KEYWORD))
        rule.__signature__ = inspect.Signature(needed)
    return primitive(name, vjp=(vjp,), jvp=jvp, spec=spec_rule(dtype), batch=batch_rule(name), method=True, **facts)


def share(xp: Any, out: Any, x: Any, axis: Shape) -> Any:
    """1/k for the k elements that are the extreme one (or NaN, if that is what came out), 0 for the rest."""
    extreme = xp.logical_or(xp.equal(x, out), xp.isnan(x))
    return xp.where(extreme, xp.reciprocal(xp.sum(extreme, axis=axis, dtype=x.dtype, keepdims=True)), 0)
