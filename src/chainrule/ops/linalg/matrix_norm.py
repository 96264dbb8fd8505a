"""Norms of matrices, and what they tell of inverses.

Note [Kinks of norms]
Where singular values are equal, or 0, or sums of |x| are equal, a norm has no gradient but many subgradients; the one
returned has the least norm: equal ones share, and what is 0 to rounding gets none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError
from chainrule.matrices import floating, require_matrix, require_square
from chainrule.op import composite
from chainrule.reduction import empty

_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def _of_singular_values(xp: Any, x: Any, ord: Any) -> Any:
    """See Note [Kinks of norms]."""
    values = xp.svdvals(x)
    largest = xp.max(values, axis=-1, keepdims=True)
    unit = max(x.shape[-2:]) * float(np.finfo(values.dtype).eps)
    rounding = xp.multiply(unit, largest)
    positive = xp.greater(values, rounding)
    if ord == "nuc":
        return xp.sum(xp.where(positive, values, 0), axis=-1)
    extreme = largest if ord == 2 else xp.min(values, axis=-1, keepdims=True)
    near = xp.logical_and(xp.less_equal(xp.abs(xp.subtract(values, extreme)), rounding), positive)
    count = xp.maximum(xp.sum(near, axis=-1, dtype=values.dtype), 1)
    # Largest: a NaN is not near itself, and still has to come out.
    known = xp.where(xp.equal(extreme, extreme), 0, extreme)
    return xp.add(xp.divide(xp.sum(xp.where(near, values, 0), axis=-1), count), xp.squeeze(known, axis=-1))


def _matrix_norm(xp: Any, x: Any, ord: Any = "fro", keepdims: bool = False) -> Any:
    spec = operand_spec("matrix_norm", x)
    require_matrix("matrix_norm", spec)
    if isinstance(ord, (list, tuple, np.ndarray)) or ord not in _ORDERS:
        raise DTypeError(
            f"[matrix_norm] ord is {ord!r}; expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; for the norm of all "
            f"elements as one vector use vector_norm(x, ord=...)."
        )
    if ord == "fro":
        return xp.vector_norm(x, ord=2, axis=(-2, -1), keepdims=keepdims)
    if 0 in spec.shape[-2:] and ord in ("nuc", 1, 2, math.inf):
        return xp.vector_norm(x, ord=1, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        if 0 in spec.shape[-2:]:
            raise empty("matrix_norm", spec, (spec.ndim - 2, spec.ndim - 1))
        out = _of_singular_values(xp, x if hasattr(x, "shape") else np.asarray(x), ord)
    else:
        sums = xp.sum(xp.abs(x), axis=-2 if abs(ord) == 1 else -1)
        out = (xp.max if ord > 0 else xp.min)(sums, axis=-1)
        out = out if out.dtype.kind == "f" else xp.astype(out, dtype=np.float64)
    return xp.expand_dims(out, axis=(-2, -1)) if keepdims else out


def _quick_norm(x: Any, ord: Any = "fro", keepdims: bool = False) -> Any:
    return np.linalg.matrix_norm(floating(x), ord=ord, keepdims=keepdims)


composite(
    "matrix_norm",
    _matrix_norm,
    value=_quick_norm,
    public=("linalg.matrix_norm",),
    numpy=("linalg.matrix_norm",),
    doc="""A norm of matrices: 'fro' √Σ|x|², or by ``ord`` another.

    'nuc' is the sum of the singular values, 2 and −2 the largest and the smallest of these, 1 and −1 the largest and
    the smallest sum of |x| along a column, inf and −inf along a row.

    At kinks the derivative is the subgradient of least norm: equal sums or singular values share, and 0 has none.

    >>> cr.linalg.matrix_norm(cr.tensor([[3.0, 0.0], [0.0, 4.0]]), ord="nuc")
    tensor(7.)
    """,
)


def _cond(xp: Any, x: Any, p: Any = None) -> Any:
    spec = operand_spec("cond", x)
    require_matrix("cond", spec)
    if 0 in spec.shape[-2:]:
        raise empty("cond", spec, (spec.ndim - 2, spec.ndim - 1))
    with np.errstate(all="ignore"):
        if p in (None, 2, -2):
            values = xp.svdvals(x)
            largest, smallest = xp.getitem(values, (..., 0)), xp.getitem(values, (..., -1))
            above, below = (smallest, largest) if p == -2 else (largest, smallest)
        else:
            require_square("cond", spec, advice="use p=2 for other shapes")
            largest = above = xp.matrix_norm(x, ord=p)
            inverse = xp.inv_or_nan(x)
            lost = xp.isnan(inverse)
            singular = xp.logical_and(xp.any(lost, axis=(-2, -1)), xp.logical_not(xp.isnan(above)))
            below = xp.reciprocal(xp.matrix_norm(xp.where(lost, 0, inverse), ord=p))
            below = xp.where(singular, 0, below)
        # The zero matrix is singular too, though 0/0 would not say so.
        return xp.divide(xp.where(xp.equal(largest, 0), 1, above), below)


composite(
    "cond",
    _cond,
    value=np.linalg.cond,
    public=("linalg.cond",),
    numpy=("linalg.cond",),
    doc="""‖x‖ · ‖x⁻¹‖ in the norm ``p`` of ``matrix_norm``; by default 2, the ratio of extreme singular values.

    inf where x is singular.

    >>> cr.linalg.cond(cr.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor(4.)
    """,
)
