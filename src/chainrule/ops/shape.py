"""Shape ops: they move elements and compute nothing. All are linear."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import linear
from chainrule.spec import Spec, as_shape, broadcast_axes


def _canonical_reshape(x: Spec, *, shape: Any) -> dict[str, Any]:
    wanted = as_shape("reshape", shape)
    known = int(np.prod([size for size in wanted if size != -1], dtype=np.int64))
    fits = x.size % known == 0 if known and wanted.count(-1) == 1 else x.size == known and -1 not in wanted
    if not fits or any(size < -1 for size in wanted):
        raise ShapeError(
            f"[reshape] an operand of shape {x.shape} has {x.size} elements, which do not fill {wanted}; "
            f"expected sizes whose product is {x.size}, at most one of them -1; change the shape."
        )
    return {"shape": tuple(x.size // known if size == -1 else size for size in wanted)}


linear(
    "reshape",
    value=lambda x, shape: np.reshape(x, shape),
    canonical=_canonical_reshape,
    spec=lambda x, *, shape: Spec(shape, x.dtype),
    transpose=lambda xp, g, _x, *, shape: xp.reshape(g, _x.shape),
    batch=lambda xp, _batched, x, *, shape: xp.reshape(x, (x.shape[0], *shape)),
    method="",
    doc="""x's elements, in order, in another shape; one size may be -1.

    >>> cr.reshape(cr.tensor([1.0, 2.0, 3.0, 4.0]), (2, 2))
    """,
)


def _canonical_broadcast_to(x: Spec, *, shape: Any) -> dict[str, Any]:
    wanted = as_shape("broadcast_to", shape)
    lead = len(wanted) - x.ndim
    if lead < 0 or any(size not in (1, wanted[lead + i]) for i, size in enumerate(x.shape)):
        raise ShapeError(
            f"[broadcast_to] an operand of shape {x.shape} does not broadcast to {wanted}; expected each of its sizes, "
            f"counted from the last, to be 1 or equal; reshape it first."
        )
    return {"shape": wanted}


def _unbroadcast(xp: Any, g: Any, x: Any) -> Any:
    axes = broadcast_axes(g.shape, x.shape)
    return xp.reshape(xp.sum(g, axis=axes), x.shape) if axes else g


linear(
    "broadcast_to",
    value=lambda x, shape: np.broadcast_to(x, shape),
    canonical=_canonical_broadcast_to,
    spec=lambda x, *, shape: Spec(shape, x.dtype),
    transpose=lambda xp, g, _x, *, shape: _unbroadcast(xp, g, _x),
    batch=lambda xp, _batched, x, *, shape: xp.broadcast_to(
        xp.reshape(x, (x.shape[0], *(1,) * (len(shape) - len(x.shape) + 1), *x.shape[1:])), (x.shape[0], *shape)
    ),
    method=True,
    doc="""x repeated along new axes, and axes of size 1, to the given shape.

    >>> cr.broadcast_to(cr.tensor([1.0, 2.0]), (2, 2))
    """,
)


def _matrix_transpose_spec(x: Spec) -> Spec:
    if x.ndim < 2:
        raise ShapeError(
            f"[matrix_transpose] an operand of shape {x.shape} is no matrix; expected at least two axes; "
            f"reshape it first."
        )
    return Spec((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)


linear(
    "matrix_transpose",
    value=lambda x: np.swapaxes(x, -1, -2),
    spec=_matrix_transpose_spec,
    transpose=lambda xp, g, _x: xp.matrix_transpose(g),
    batch=lambda xp, _batched, x: xp.matrix_transpose(x),
    method=True,
    doc="""x with its last two axes exchanged.

    >>> cr.matrix_transpose(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    """,
)
