"""Products that sum over axes: matmul, tensordot, einsum and their relatives."""

from __future__ import annotations

import operator
from typing import Any

from chainrule.errors import ShapeError
from chainrule.op import bilinear
from chainrule.spec import Spec, broadcast_shapes, promote


def _matmul_spec(x: Any, y: Any) -> Spec:
    for i, operand in enumerate((x, y)):
        if not getattr(operand, "shape", ()):
            raise ShapeError(
                f"[matmul] operand {i} is a number, without axes; expected at least one axis; use multiply, x * y."
            )
    left, right = x.shape, y.shape
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        advice = ""
        if len(right) > 1 and left[-1] == right[-1]:
            advice = "; did you mean matmul(a, b.mT)?" if len(right) > 2 else "; did you mean matmul(a, b.T)?"
        elif len(left) == 2 and left[0] == inner:
            advice = "; did you mean matmul(a.T, b)?"
        rows = "rows" if len(right) > 1 else "elements"
        raise ShapeError(
            f"[matmul] operand 1 has shape {right} but operand 0 {left} needs {left[-1]} {rows}"
            + (advice or "; expected equal inner sizes; transpose or reshape an operand.")
        )
    batch = broadcast_shapes("matmul", [left[:-2], right[:-2]])
    rows = left[-2:-1] if len(left) > 1 else ()
    columns = right[-1:] if len(right) > 1 else ()
    return Spec((*batch, *rows, *columns), promote([x, y]))


def _matmul_left(xp: Any, g: Any, x: Any, y: Any) -> Any:
    if len(y.shape) == 1:
        return xp.multiply(xp.expand_dims(g, axis=-1) if len(x.shape) > 1 else g, y)
    if len(x.shape) == 1:
        return xp.matmul(y, g) if len(y.shape) == 2 else _drop_column(xp, xp.matmul(y, xp.expand_dims(g, axis=-1)))
    return xp.matmul(g, xp.matrix_transpose(y))


def _matmul_right(xp: Any, g: Any, x: Any, y: Any) -> Any:
    if len(x.shape) == 1:
        if len(y.shape) == 1:
            return xp.multiply(x, g)
        return xp.multiply(xp.expand_dims(x, axis=-1), xp.expand_dims(g, axis=-2))
    if len(y.shape) == 1:
        rows = xp.reshape(x, (-1, x.shape[-1])) if len(x.shape) > 2 else x
        return xp.matmul(xp.reshape(g, (-1,)) if len(g.shape) > 1 else g, rows)
    if len(y.shape) == 2 and len(x.shape) > 2:
        # One large product instead of a batch of small ones that are summed afterwards.
        x, g = xp.reshape(x, (-1, x.shape[-1])), xp.reshape(g, (-1, g.shape[-1]))
    return xp.matmul(xp.matrix_transpose(x), g)


def _drop_column(xp: Any, x: Any) -> Any:
    return xp.reshape(x, x.shape[:-1])


def _matmul_batch(xp: Any, batched: tuple[bool, ...], x: Any, y: Any) -> Any:
    own = [len(z.shape) - is_batched for z, is_batched in zip((x, y), batched, strict=True)]
    row, column = own[0] == 1, own[1] == 1
    rank = max(*own, 2)

    def matrices(z: Any, is_batched: bool, ndim: int, vector_shape: Any) -> Any:
        shape = z.shape[1:] if is_batched else z.shape
        shape = vector_shape(shape) if ndim == 1 else shape
        lead = (z.shape[0], *(1,) * (rank - len(shape))) if is_batched else ()
        return xp.reshape(z, (*lead, *shape))

    x = matrices(x, batched[0], own[0], lambda s: (1, *s))
    y = matrices(y, batched[1], own[1], lambda s: (*s, 1))
    out = xp.matmul(x, y)
    last = len(out.shape) - 1
    dropped = [last - 1] * row + [last] * column
    return xp.reshape(out, tuple(size for axis, size in enumerate(out.shape) if axis not in dropped))


bilinear(
    "matmul",
    value=operator.matmul,
    spec=_matmul_spec,
    transposes=(
        lambda xp, g, _x, y: _matmul_left(xp, g, _x, y),
        lambda xp, g, x, _y: _matmul_right(xp, g, x, _y),
    ),
    batch=_matmul_batch,
    numpy=("matmul",),
    method=True,
    doc="""The matrix product over x's last and y's last-but-one axis; 1-d operands are vectors, further axes a batch.

    >>> cr.matmul(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.tensor([1.0, 1.0]))
    """,
)
