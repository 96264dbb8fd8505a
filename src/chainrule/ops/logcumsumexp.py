"""The running sum of exponentials, in logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import primitive
from chainrule.reduction import float_dtype, refuse_complex, wide
from chainrule.spec import Spec, normalize_axis


def _logcumsumexp(x: Any, *, axis: int = -1) -> Any:
    out = np.logaddexp.accumulate(wide(x), axis=axis)
    return out.astype(x.dtype) if x.dtype == np.float16 else out


def _canonical(x: Spec, *, axis: Any) -> dict[str, Any]:
    refuse_complex("logcumsumexp", x)
    if not x.ndim:
        raise ShapeError(
            "[logcumsumexp] the operand is 0-d, without axes; expected at least one axis; write reshape(x, 1)."
        )
    return {"axis": normalize_axis("logcumsumexp", axis, x.ndim)}


def _shares(xp: Any, out: Any, x: Any, axis: int) -> tuple[Any, Any]:
    """∂yᵢ/∂yᵢ₋₁ and ∂yᵢ/∂xᵢ of yᵢ = log(exp yᵢ₋₁ + exp xᵢ), both from 0 to 1.

    Equal infinities share alike, and of −∞ alone nothing flows.
    """
    edge = np.full((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), -np.inf, out.dtype)
    before = xp.concat([edge, xp.getitem(out, (*(slice(None),) * axis, slice(None, -1)))], axis=axis)
    same = xp.logical_and(xp.isinf(x), xp.equal(x, before))
    ahead = xp.where(same, 0, xp.subtract(x, before))
    alive = xp.not_equal(out, -np.inf)
    return xp.where(alive, xp.sigmoid(xp.negative(ahead)), 0), xp.where(alive, xp.sigmoid(ahead), 0)


def _vjp(xp: Any, g: Any, out: Any, x: Any, *, axis: int) -> Any:
    carry, share = _shares(xp, out, x, axis)
    # The cotangent of yᵢ is gᵢ and what yᵢ₊₁ passes back: the recurrence of the sum, run backwards.
    edge = np.zeros((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), out.dtype)
    behind = xp.concat([xp.getitem(carry, (*(slice(None),) * axis, slice(1, None))), edge], axis=axis)
    return xp.absorbing_multiply(xp.linear_recurrence(g, behind, axis=axis, reverse=True), share)


def _jvp(xp: Any, tangents: Any, out: Any, x: Any, *, axis: int) -> Any:
    carry, share = _shares(xp, out, x, axis)
    return xp.linear_recurrence(xp.absorbing_multiply(share, tangents[0]), carry, axis=axis)


primitive(
    "logcumsumexp",
    value=_logcumsumexp,
    canonical=_canonical,
    spec=lambda x, *, axis: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    vjp=(_vjp,),
    jvp=_jvp,
    batch=lambda xp, _batched, x, *, axis: xp.logcumsumexp(x, axis=axis + 1),
    method=True,
    public=("logcumsumexp", "nn.functional.logcumsumexp"),
    doc="""y[i] = log(exp x[0] + … + exp x[i]) along ``axis`` (the last by default), without overflow.

    >>> cr.logcumsumexp(cr.tensor([1000.0, 1000.0, 1000.0])) - 1000
    tensor([0.        , 0.69314718, 1.09861229])
    """,
)
