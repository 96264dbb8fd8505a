"""Scans: they run along one axis, each result made from the one before."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import AxisError
from chainrule.op import linear, primitive
from chainrule.spec import Spec, as_dtype, broadcast_shapes, normalize_axis, promote, sum_dtype

# Up to this many lanes side by side, a loop over Python numbers is faster than one over NumPy rows.
FEW_LANES = 8


def _canonical(name: str) -> Any:
    def canonical(x: Spec, *, axis: Any, dtype: Any) -> dict[str, Any]:
        if axis is None and x.ndim != 1:
            told = "write reshape(x, -1) first, or" if x.ndim else "write"
            choose = f"an axis from {-x.ndim} to {x.ndim - 1}" if x.ndim else "at least one axis"
            raise AxisError(
                f"[{name}] axis is missing for an operand of shape {x.shape}, and it is implied for 1-d operands only; "
                f"expected {choose}; {told} {name}({'x, axis=0' if x.ndim else 'reshape(x, 1)'})."
            )
        return {
            "axis": 0 if axis is None else normalize_axis(name, axis, x.ndim),
            "dtype": None if dtype is None else as_dtype(name, dtype),
        }

    return canonical


def _spec(x: Spec, *, axis: int, dtype: Any) -> Spec:
    return Spec(x.shape, sum_dtype(x.dtype, dtype))


def _part(shape: Any, axis: int, part: slice) -> Any:
    return (*(slice(None),) * axis, part, *(slice(None),) * (len(shape) - axis - 1))


def _shift(xp: Any, x: Any, axis: int, by: int, fill: float) -> Any:
    """x moved one place along an axis, forth (``by=1``) or back (−1); ``fill`` comes in."""
    edge = np.full((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), fill, x.dtype)
    rest = xp.getitem(x, _part(x.shape, axis, slice(None, -1) if by == 1 else slice(1, None)))
    return xp.concat([edge, rest] if by == 1 else [rest, edge], axis=axis)


linear(
    "cumsum",
    value=lambda x, *, axis=None, dtype=None: np.add.accumulate(x, axis=axis or 0, dtype=sum_dtype(x.dtype, dtype)),
    canonical=_canonical("cumsum"),
    spec=_spec,
    transpose=lambda xp, g, _x, *, axis, dtype: xp.flip(xp.cumsum(xp.flip(g, axis=axis), axis=axis), axis=axis),
    batch=lambda xp, _batched, x, *, axis, dtype: xp.cumsum(x, axis=axis + 1, dtype=dtype),
    method=True,
    doc="""y[i] = x[0] + … + x[i] along ``axis``, which may be left out for 1-d x; integers are summed in 64 bits.

    >>> cr.cumsum(cr.tensor([1.0, 2.0, 3.0]))
    tensor([1., 3., 6.])
    """,
)

# ---------------------------------------------------------------------------------------------- recurrence


def _linear_recurrence(x: Any, a: Any, *, axis: int = -1, reverse: bool = False) -> Any:
    x, a = np.broadcast_arrays(x, a)
    out = np.zeros(x.shape, promote([x, a]))
    step = -1 if reverse else 1
    xs, factors, ys = (np.moveaxis(z, axis, 0)[::step] for z in (x, a, out))
    if xs[:1].size > FEW_LANES:
        ys[:1] = xs[:1]
        for i in range(1, len(ys)):
            np.multiply(factors[i], ys[i - 1], out=ys[i], where=ys[i - 1] != 0)
            ys[i] += xs[i]
        return out
    for lane in np.ndindex(xs.shape[1:]):
        at = (slice(None), *lane)
        y, states = 0, []
        for value, factor in zip(xs[at].tolist(), factors[at].tolist(), strict=True):
            y = value + factor * y if y else value
            states.append(y)
        ys[at] = states
    return out


def _canonical_recurrence(x: Spec, a: Spec, *, axis: Any, reverse: Any) -> dict[str, Any]:
    ndim = len(broadcast_shapes("linear_recurrence", [x.shape, a.shape]))
    return {"axis": normalize_axis("linear_recurrence", axis, ndim), "reverse": bool(reverse)}


def _recurrence_adjoint(xp: Any, g: Any, a: Any, axis: int, reverse: bool) -> Any:
    # y[i] reaches y[i+1] through a[i+1]: the cotangents obey the same recurrence, run backwards.
    a = xp.broadcast_to(a, g.shape)
    return xp.linear_recurrence(g, _shift(xp, a, axis, 1 if reverse else -1, 0), axis=axis, reverse=not reverse)


def _before(xp: Any, out: Any, axis: int, reverse: bool) -> Any:
    return _shift(xp, out, axis, -1 if reverse else 1, 0)


def _recurrence_jvp(xp: Any, tangents: Any, out: Any, _x: Any, a: Any, *, axis: int, reverse: bool) -> Any:
    tx, ta = tangents
    push = None if ta is None else xp.absorbing_multiply(_before(xp, out, axis, reverse), ta)
    moved = tx if push is None else push if tx is None else xp.add(tx, push)
    return xp.linear_recurrence(xp.broadcast_to(moved, out.shape), a, axis=axis, reverse=reverse)


def _recurrence_batch(xp: Any, batched: tuple[bool, ...], x: Any, a: Any, *, axis: int, reverse: bool) -> Any:
    ranks = [len(z.shape) - is_batched for z, is_batched in zip((x, a), batched, strict=True)]
    x, a = (
        xp.reshape(z, (z.shape[0], *(1,) * (max(ranks) - rank), *z.shape[1:])) if is_batched else z
        for z, is_batched, rank in zip((x, a), batched, ranks, strict=True)
    )
    return xp.linear_recurrence(x, a, axis=axis + 1, reverse=reverse)


primitive(
    "linear_recurrence",
    value=_linear_recurrence,
    arity=2,
    canonical=_canonical_recurrence,
    spec=lambda x, a, *, axis, reverse: Spec(
        broadcast_shapes("linear_recurrence", [x.shape, a.shape]), promote([x, a])
    ),
    vjp=(
        lambda xp, g, _out, _x, a, *, axis, reverse: _recurrence_adjoint(xp, g, a, axis, reverse),
        lambda xp, g, out, _x, a, *, axis, reverse: xp.absorbing_multiply(
            _before(xp, out, axis, reverse), _recurrence_adjoint(xp, g, a, axis, reverse)
        ),
    ),
    jvp=_recurrence_jvp,
    batch=_recurrence_batch,
    doc="""y[i] = x[i] + a[i] · y[i−1] along ``axis``, where y[−1] is 0, from the last element back with ``reverse``.

    A zero y absorbs any a, as zero cotangents do: derivatives of scans are computed by this.

    >>> cr.linear_recurrence(cr.tensor([1.0, 1.0, 1.0]), cr.tensor([0.5, 0.5, 0.5]))
    tensor([1.  , 1.5 , 1.75])
    """,
)


def _cumprod_vjp(xp: Any, g: Any, out: Any, x: Any, *, axis: int, dtype: Any) -> Any:
    # ∂y[k]/∂x[i] is the product of x[0…k] without x[i]: what comes before i, times what lies between. No division.
    behind = xp.linear_recurrence(g, _shift(xp, x, axis, -1, 0), axis=axis, reverse=True)
    return xp.absorbing_multiply(_shift(xp, out, axis, 1, 1), behind)


def _cumprod_jvp(xp: Any, tangents: Any, out: Any, x: Any, *, axis: int, dtype: Any) -> Any:
    return xp.linear_recurrence(xp.absorbing_multiply(_shift(xp, out, axis, 1, 1), tangents[0]), x, axis=axis)


primitive(
    "cumprod",
    value=lambda x, *, axis=None, dtype=None: np.multiply.accumulate(
        x, axis=axis or 0, dtype=sum_dtype(x.dtype, dtype)
    ),
    canonical=_canonical("cumprod"),
    spec=_spec,
    vjp=(_cumprod_vjp,),
    jvp=_cumprod_jvp,
    batch=lambda xp, _batched, x, *, axis, dtype: xp.cumprod(x, axis=axis + 1, dtype=dtype),
    method=True,
    doc="""y[i] = x[0] · … · x[i] along ``axis``, which may be left out for 1-d x; the derivative is exact at zeros.

    >>> cr.cumprod(cr.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.])
    """,
)
