"""Sums of exponentials, and the shares of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.op import composite, primitive
from chainrule.reduction import batch_rule, canonical, dropped, float_dtype, reduction, wide
from chainrule.spec import Shape, Spec


def _below(x: Any, axis: Any) -> tuple[Any, Any]:
    """(m, x − m) with m the largest element of each slice; x − m is the caller's own, to be written over.

    An infinite m counts as the limit: equal infinities share alike, and of −∞ alone nothing is left, not NaN.
    """
    x = wide(x)
    largest = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    if np.isfinite(largest).all():
        below = x - largest
    else:
        with np.errstate(invalid="ignore"):
            below = np.where(x == largest, np.where(largest == -np.inf, largest, 0), x - largest)
    return largest, np.asarray(below)


def _total(powers: Any, axis: Any) -> Any:
    total = np.add.reduce(powers, axis=axis, keepdims=True)
    return total if total.all() else np.where(total == 0, 1, total)


def _logsumexp(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    largest, below = _below(x, axis)
    total = _total(np.exp(below, out=below), axis)
    out = (largest + np.log(total)).astype(float_dtype(x.dtype), copy=False)
    return out if keepdims else dropped(out, axis)


reduction(
    "logsumexp",
    value=_logsumexp,
    dtype=float_dtype,
    canonical=canonical("logsumexp", ordered=True),
    field=lambda xp, _out, x, *, axis, **_params: xp.softmax(x, axis=axis),
    doc="""log Σ eˣ over ``axis`` (all axes by default), without overflow; the derivative is softmax(x).

    Where all of x is −∞ it is −∞, and the derivative 0.

    >>> cr.logsumexp(cr.tensor([1000.0, 1000.0])) - 1000
    tensor(0.69314718)
    """,
)


def _softmax(x: Any, *, axis: Any = -1) -> Any:
    _, powers = _below(x, axis)
    np.exp(powers, out=powers)
    np.divide(powers, _total(powers, axis), out=powers)
    return powers.astype(float_dtype(x.dtype), copy=False)[()]


def _softmax_push(xp: Any, t: Any, out: Any, axis: Shape) -> Any:
    # The Jacobian diag(p) − p pᵀ is its own transpose.
    mean = xp.sum(xp.absorbing_multiply(t, out), axis=axis, keepdims=True)
    return xp.absorbing_multiply(xp.subtract(t, mean), out)


primitive(
    "softmax",
    public=("softmax", "nn.functional.softmax"),
    value=_softmax,
    canonical=canonical("softmax", ordered=True),
    spec=lambda x, *, axis: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    vjp=(lambda xp, g, out, _x, *, axis: _softmax_push(xp, g, out, axis),),
    jvp=lambda xp, tangents, out, _x, *, axis: _softmax_push(xp, tangents[0], out, axis),
    batch=batch_rule("softmax"),
    method=True,
    doc="""eˣ / Σ eˣ over ``axis`` (the last by default), without overflow; 0 where all of x along it is −∞.

    >>> cr.softmax(cr.tensor([0.0, 1000.0]))
    tensor([0., 1.])
    """,
)


def _log_softmax(x: Any, *, axis: Any = -1) -> Any:
    _, below = _below(x, axis)
    np.subtract(below, np.log(_total(np.exp(below), axis)), out=below)
    return below.astype(float_dtype(x.dtype), copy=False)[()]


def _log_softmax_vjp(xp: Any, g: Any, out: Any, _x: Any, *, axis: Shape) -> Any:
    share = xp.exp(out)
    total = xp.broadcast_to(xp.sum(g, axis=axis, keepdims=True), g.shape)
    return _alive(xp, share, xp.subtract(g, xp.absorbing_multiply(total, share)), axis)


def _log_softmax_jvp(xp: Any, tangents: Any, out: Any, _x: Any, *, axis: Shape) -> Any:
    (t,), share = tangents, xp.exp(out)
    mean = xp.sum(xp.absorbing_multiply(t, share), axis=axis, keepdims=True)
    return _alive(xp, share, xp.subtract(t, mean), axis)


def _alive(xp: Any, share: Any, moved: Any, axis: Shape) -> Any:
    # Where all of x is −∞ the shares are 0, and nothing flows.
    return xp.where(xp.equal(xp.sum(share, axis=axis, keepdims=True), 0), 0, moved)


primitive(
    "log_softmax",
    public=("log_softmax", "nn.functional.log_softmax"),
    value=_log_softmax,
    canonical=canonical("log_softmax", ordered=True),
    spec=lambda x, *, axis: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    vjp=(_log_softmax_vjp,),
    jvp=_log_softmax_jvp,
    batch=batch_rule("log_softmax"),
    method=True,
    doc="""x − log Σ eˣ over ``axis`` (the last by default), exact where softmax(x) underflows.

    >>> cr.log_softmax(cr.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """,
)


# ------------------------------------------------------- SciPy's spelling, whose axis is by default all of them


def _logsumexp_weighted(xp: Any, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    if b is None:
        return xp.logsumexp(a, axis=axis, keepdims=keepdims)
    # Elements of weight 0 may be large: only the others say what the exponentials are divided by.
    shift = xp.logsumexp(xp.where(xp.equal(b, 0), -np.inf, a), axis=axis, keepdims=True)
    shift = xp.where(xp.isfinite(shift), shift, 0)
    total = xp.sum(xp.multiply(b, xp.exp(xp.subtract(a, shift))), axis=axis, keepdims=True)
    return xp.sum(xp.add(xp.log(total), shift), axis=axis, keepdims=keepdims)


composite(
    "special_logsumexp",
    _logsumexp_weighted,
    public=("special.logsumexp",),
    doc="""log Σ b eᵃ over ``axis`` (all axes by default), with weights b as SciPy has it; NaN if the sum is negative.

    >>> cr.special.logsumexp(cr.tensor([1000.0, 1000.0]), b=cr.tensor([1.0, 3.0])) - 1000
    tensor(1.38629436)
    """,
)
composite(
    "special_softmax",
    lambda xp, x, axis=None: xp.softmax(x, axis=axis),
    public=("special.softmax",),
    doc="""eˣ / Σ eˣ over ``axis``, by default all axes, as SciPy has it.

    >>> cr.special.softmax(cr.tensor([[0.0, 1000.0], [0.0, 1000.0]]))
    tensor([[0. , 0.5],
            [0. , 0.5]])
    """,
)
composite(
    "special_log_softmax",
    lambda xp, x, axis=None: xp.log_softmax(x, axis=axis),
    public=("special.log_softmax",),
    doc="""x − log Σ eˣ over ``axis``, by default all axes, as SciPy has it.

    >>> cr.special.log_softmax(cr.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """,
)
