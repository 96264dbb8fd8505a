"""Slices with mean 0 and variance 1, and the running estimates of both: what normalisations are made of."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from chainrule.errors import DomainError, DTypeError
from chainrule.op import primitive
from chainrule.reduction import batch_rule, canonical, count, float_dtype, wide
from chainrule.spec import Shape, Spec, broadcast_shapes, normalize_axes, promote, reduced_shape


def _standardize(x: Any, *, axis: Any = None, eps: float = 1e-5, center: bool = True) -> Any:
    axes = normalize_axes("standardize", axis, x.ndim)
    out = wide(x)
    if center:
        # Distances from one of the elements first, so that constants give exact zeros: see the op ``center``.
        out = out - out[tuple(slice(0, 1) if i in axes else slice(None) for i in range(x.ndim))]
        out -= np.add.reduce(out, axis=axes, keepdims=True) / (count(x, axes) or 1)
    scale = np.add.reduce(np.square(out), axis=axes, keepdims=True) / (count(x, axes) or 1)
    scale = np.sqrt(np.add(scale, eps, out=scale), out=scale)
    scale = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    out = np.multiply(out, scale, out=out) if center else out * scale
    return out.astype(float_dtype(x.dtype), copy=False)


def _push(xp: Any, t: Any, out: Any, x: Any, axis: Shape, eps: float, center: bool) -> Any:
    # The Jacobian (1 − 1 1ᵀ/n − y yᵀ/n)/σ is its own transpose.
    square = xp.var(x, axis=axis, keepdims=True) if center else xp.mean(xp.square(x), axis=axis, keepdims=True)
    deviation = xp.sqrt(xp.add(square, eps))
    along = xp.mean(xp.multiply(t, out), axis=axis, keepdims=True)
    moved = xp.subtract(t, xp.mean(t, axis=axis, keepdims=True)) if center else t
    moved = xp.subtract(moved, xp.multiply(out, along))
    if eps:
        return xp.divide(moved, deviation)
    constant = xp.equal(square, 0)
    return xp.where(constant, 0, xp.divide(moved, xp.where(constant, 1, deviation)))


def _nonnegative(name: str, eps: Any) -> float:
    if not isinstance(eps, numbers.Real) or not 0 <= float(eps) < math.inf:
        raise DomainError(
            f"[{name}] eps is {eps!r}; expected a number of at least 0, which is added to a variance; write e.g. 1e-5."
        )
    return float(eps)


_spelled = canonical("standardize", eps=_nonnegative, center=lambda _name, center: bool(center))


def _canonical(x: Spec, **params: Any) -> dict[str, Any]:
    if x.dtype.kind == "c":
        raise DTypeError(
            f"[standardize] an operand is {x.dtype}; expected real numbers; standardize its real and imaginary parts."
        )
    return _spelled(x, **params)


primitive(
    "standardize",
    value=_standardize,
    canonical=_canonical,
    spec=lambda x, **_params: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    vjp=(lambda xp, g, out, x, *, axis, eps, center: _push(xp, g, out, x, axis, eps, center),),
    jvp=lambda xp, tangents, out, x, *, axis, eps, center: _push(xp, tangents[0], out, x, axis, eps, center),
    batch=batch_rule("standardize"),
    public=(),
    doc="""(x − mean(x)) / √(var(x) + eps) over ``axis`` (by default all); without ``center`` x / √(mean(x²) + eps).

    Where the root is 0 (eps = 0, x constant) it is 0, and so is the derivative.

    >>> from chainrule.ops import ops
    >>> ops.standardize(cr.tensor([1.0, 3.0, 5.0, 7.0]), eps=4.0)
    tensor([-1.        , -0.33333333,  0.33333333,  1.        ])
    """,
)

# ------------------------------------------------------------------------------------- running estimates


def _blend(x: Any, running: Any, found: Any, momentum: float) -> Any:
    dtype = promote([np.empty(0, float_dtype(x.dtype)), np.empty(0, float_dtype(running.dtype))])
    return ((1 - momentum) * running + momentum * found).astype(dtype, copy=False)


def _update_mean(x: Any, running: Any, *, axis: Any, momentum: float = 0.1) -> Any:
    return _blend(x, running, np.mean(wide(x), axis=axis), momentum)


def _update_var(x: Any, running: Any, *, axis: Any, samples: Any = (), momentum: float = 0.1) -> Any:
    found = np.var(wide(x), axis=axis, ddof=1, keepdims=True)
    return _blend(x, running, np.mean(found, axis=(*axis, *samples)), momentum)


def _estimate_spec(x: Spec, running: Spec, *, axis: Shape, samples: Shape = (), momentum: float) -> Spec:
    reduced = reduced_shape(x.shape, (*axis, *samples), False)
    dtype = promote([Spec((), np.dtype(float_dtype(x.dtype))), Spec((), np.dtype(float_dtype(running.dtype)))])
    return Spec(broadcast_shapes("batch_norm", [reduced, running.shape]), dtype)


def _estimate(name: str, value: Any, what: str, example: str) -> None:
    def spell(x: Spec, running: Spec, *, axis: Any, momentum: Any, **samples: Any) -> dict[str, Any]:
        if "c" in (x.dtype.kind, running.dtype.kind):
            raise DTypeError(
                f"[{name}] operands are {x.dtype} and {running.dtype}; expected real numbers; give the real part."
            )
        if not isinstance(momentum, numbers.Real) or not 0 <= float(momentum) <= 1:
            raise DomainError(
                f"[{name}] momentum is {momentum!r}; expected a number from 0 to 1, the portion of the new estimate; "
                f"write e.g. 0.1."
            )
        axes = {key: normalize_axes(name, given, x.ndim) for key, given in {"axis": axis, **samples}.items()}
        return {**axes, "momentum": float(momentum)}

    def batch(xp: Any, batched: tuple[bool, ...], x: Any, running: Any, *, momentum: float, **axes: Shape) -> Any:
        moved = {key: tuple(one + batched[0] for one in own) for key, own in axes.items()}
        return getattr(xp, name)(x, running, momentum=momentum, **moved)

    primitive(
        name,
        value=value,
        arity=2,
        canonical=spell,
        spec=_estimate_spec,
        batch=batch,
        differentiable=False,
        public=(f"nn.functional.{name}",),
        doc=f"""(1 − m) · running + m · {what} over ``axis``, m = ``momentum``; a constant, without derivative.

    >>> cr.nn.functional.{name}(cr.tensor([[1.0], [3.0]]), cr.tensor([0.0]), axis=0, momentum=0.5)
    tensor([{example}])
    """,
    )


_estimate("update_running_mean", _update_mean, "mean(x)", "1.")
_estimate("update_running_var", _update_var, "unbiased variance of x", "1.")
