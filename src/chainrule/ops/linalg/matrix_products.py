"""Products and sums of the linear-algebra module: chains, cross products, distances, traces, tensors as matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from chainrule.box import operand_spec
from chainrule.errors import ShapeError
from chainrule.matrices import aligned, require_matrix
from chainrule.op import bilinear, composite
from chainrule.reduction import optional_dtype
from chainrule.spec import Shape, Spec, broadcast_shapes, normalize_axis, promote

# ---------------------------------------------------------------------------------- the standard's spellings


def _outer(xp: Any, x1: Any, x2: Any) -> Any:
    for i, x in enumerate((x1, x2)):
        shape = operand_spec("linalg.outer", x).shape
        if len(shape) != 1:
            raise ShapeError(
                f"[linalg.outer] operand {i} has shape {shape}; expected one axis; flatten it first, or use "
                f"chainrule.outer, which does."
            )
    return xp.multiply(xp.expand_dims(x1, axis=-1), xp.expand_dims(x2, axis=0))


composite(
    "linalg_outer",
    _outer,
    value=np.linalg.outer,
    public=("linalg.outer",),
    numpy=("linalg.outer",),
    doc="""out[i, j] = x1[i] · x2[j], of two vectors.

    >>> cr.linalg.outer(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """,
)


def _diagonal(xp: Any, x: Any, *, offset: int = 0) -> Any:
    require_matrix("linalg.diagonal", operand_spec("linalg.diagonal", x))
    return xp.diagonal(x, offset=offset, axis1=-2, axis2=-1)


composite(
    "linalg_diagonal",
    _diagonal,
    value=np.linalg.diagonal,
    public=("linalg.diagonal",),
    numpy=("linalg.diagonal",),
    doc="""The diagonal of matrices, ``offset`` places above the main one (below it if negative).

    >>> cr.linalg.diagonal(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), offset=1)
    tensor([2.])
    """,
)


def _trace(xp: Any, x: Any, *, offset: int = 0, dtype: Any = None) -> Any:
    require_matrix("linalg.trace", operand_spec("linalg.trace", x))
    diagonal = xp.diagonal(x, offset=offset, axis1=-2, axis2=-1)
    return xp.sum(diagonal, axis=-1, dtype=optional_dtype("linalg.trace", dtype))


composite(
    "linalg_trace",
    _trace,
    value=np.linalg.trace,
    public=("linalg.trace",),
    numpy=("linalg.trace",),
    doc="""The sum of a diagonal of matrices, in ``dtype`` (by default that of ``sum``).

    >>> cr.linalg.trace(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """,
)

# ---------------------------------------------------------------------------------------------- cross product


def _cross(x1: Any, x2: Any, *, axis: int = -1) -> Any:
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    (a, b, c), (d, e, f) = (tuple(x[..., i] for i in range(3)) for x in (x1, x2))
    out = np.empty((*np.broadcast_shapes(x1.shape[:-1], x2.shape[:-1]), 3), np.result_type(x1, x2))
    out[..., 0] = b * f - c * e
    out[..., 1] = c * d - a * f
    out[..., 2] = a * e - b * d
    return out if axis == -1 else np.moveaxis(out, -1, axis)


def _canonical_cross(x1: Spec, x2: Spec, *, axis: Any) -> dict[str, Any]:
    reach = min(x1.ndim, x2.ndim)
    # The axis counts from the end of each, as their leading axes broadcast.
    axis = axis if axis.__class__ is int and axis < 0 else normalize_axis("cross", axis, reach) - reach
    normalize_axis("cross", axis, reach)
    for i, x in enumerate((x1, x2)):
        if x.shape[axis] != 3:
            raise ShapeError(
                f"[cross] operand {i} has shape {x.shape}, with size {x.shape[axis]} along axis {axis}; expected 3; "
                f"choose another axis, or append zeros."
            )
    return {"axis": axis}


def _batch_cross(xp: Any, batched: tuple[bool, ...], x1: Any, x2: Any, *, axis: int) -> Any:
    return xp.cross(*aligned(xp, batched, (x1, x2), (0, 0)), axis=axis)


bilinear(
    "cross",
    value=_cross,
    canonical=_canonical_cross,
    spec=lambda x1, x2, *, axis: Spec(broadcast_shapes("cross", [x1.shape, x2.shape]), promote([x1, x2])),
    transposes=(
        lambda xp, g, _x, y, *, axis: xp.cross(y, g, axis=axis),
        lambda xp, g, x, _y, *, axis: xp.cross(g, x, axis=axis),
    ),
    batch=_batch_cross,
    public=("linalg.cross", "cross"),
    numpy=("linalg.cross",),
    doc="""The cross product of vectors of 3 elements along ``axis``; the other axes broadcast.

    >>> cr.linalg.cross(cr.tensor([1.0, 0.0, 0.0]), cr.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """,
)

# ------------------------------------------------------------------------------------------ chains of products


def _order(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each run of a chain of matrices, ``sizes[i]`` by ``sizes[i + 1]``, for the fewest products.

    T. H. Cormen et al., "Introduction to Algorithms", section 14.2.
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            split[i, j] = i + costs.index(cost[i, j])
    return split


def _multi_dot(xp: Any, arrays: Sequence[Any]) -> Any:
    arrays = tuple(arrays)
    shapes = [operand_spec("multi_dot", x).shape for x in arrays]
    if len(arrays) < 2:
        raise ShapeError(
            f"[multi_dot] {len(arrays)} operands were given; expected at least two; use the operand itself."
        )
    for i, shape in enumerate(shapes):
        if not (len(shape) == 2 or (len(shape) == 1 and i in (0, len(shapes) - 1))):
            raise ShapeError(
                f"[multi_dot] operand {i} has shape {shape}; expected matrices, or vectors at the ends; use matmul for "
                f"stacks."
            )
    rows = shapes[0][0] if len(shapes[0]) == 2 else 1
    columns = shapes[-1][1] if len(shapes[-1]) == 2 else 1
    split = _order([rows, *(shape[0] for shape in shapes[1:]), columns])

    def product(i: int, j: int) -> Any:
        if i == j:
            return arrays[i]
        k = split[i, j]
        return xp.matmul(product(i, k), product(k + 1, j))

    return product(0, len(arrays) - 1)


composite(
    "multi_dot",
    _multi_dot,
    value=np.linalg.multi_dot,
    public=("linalg.multi_dot",),
    numpy=("linalg.multi_dot",),
    doc="""The product of a sequence of matrices, in the order that takes the fewest multiplications.

    The first and the last may be vectors.

    >>> cr.linalg.multi_dot([cr.ones((2, 3)), cr.ones((3, 4)), cr.ones(4)])
    tensor([12., 12.])
    """,
)

# ---------------------------------------------------------------------------------------------------- distances


def _cdist(xp: Any, x1: Any, x2: Any, p: float = 2.0) -> Any:
    left, right = operand_spec("cdist", x1), operand_spec("cdist", x2)
    for i, x in enumerate((left, right)):
        require_matrix("cdist", x, i)
    if left.shape[-1] != right.shape[-1]:
        raise ShapeError(
            f"[cdist] operand 0 has shape {left.shape} and operand 1 {right.shape}, points of {left.shape[-1]} and "
            f"{right.shape[-1]} coordinates; expected as many in both; points are rows."
        )
    # Not so for NumPy's difference of booleans.
    x1, x2 = (x if spec.dtype.kind in "fc" else xp.astype(x, dtype=np.float64) for x, spec in ((x1, left), (x2, right)))
    away = xp.subtract(xp.expand_dims(x1, axis=-2), xp.expand_dims(x2, axis=-3))
    return xp.vector_norm(away, ord=p, axis=-1)


def _quick_cdist(x1: Any, x2: Any, p: float = 2.0) -> Any:
    """SciPy's, which takes matrices of real numbers in double precision."""
    if x1.dtype != np.float64 or x2.dtype != np.float64 or not p > 0:
        raise TypeError
    distance = scipy.spatial.distance
    if p == 2:
        return distance.cdist(x1, x2)
    return distance.cdist(x1, x2, "chebyshev") if p == math.inf else distance.cdist(x1, x2, "minkowski", p=p)


composite(
    "cdist",
    _cdist,
    value=_quick_cdist,
    public=("linalg.cdist",),
    doc="""out[i, j] = ‖x1[i] − x2[j]‖ₚ, of points that are the rows of two (stacks of) matrices.

    The derivative is 0 where two points coincide.

    >>> cr.linalg.cdist(cr.tensor([[0.0, 0.0]]), cr.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """,
)

# ------------------------------------------------------------------------------------------ tensors as matrices


def _split(name: str, shape: Shape, rows: Shape, columns: Shape, advice: str) -> int:
    """How many unknowns there are, if the axes make a square matrix."""
    size = math.prod(rows)
    if size != math.prod(columns):
        raise ShapeError(
            f"[{name}] an operand of shape {shape} is as a matrix {size} by {math.prod(columns)}, of axes {rows} and "
            f"{columns}; expected a square one; {advice}."
        )
    return size


def _tensorinv(xp: Any, a: Any, ind: int = 2) -> Any:
    shape = operand_spec("tensorinv", a).shape
    if not isinstance(ind, int) or ind < 1:
        raise ShapeError(f"[tensorinv] ind is {ind!r}; expected a positive number of axes; the default is 2.")
    rows, columns = shape[:ind], shape[ind:]
    size = _split("tensorinv", shape, rows, columns, "choose another ind")
    return xp.reshape(xp.inv(xp.reshape(a, (size, size))), (*columns, *rows))


composite(
    "tensorinv",
    _tensorinv,
    public=("linalg.tensorinv",),
    numpy=("linalg.tensorinv",),
    doc="""The inverse of a under ``tensordot``: its first ``ind`` axes are rows of a matrix, the others columns.

    >>> cr.linalg.tensorinv(2 * cr.reshape(cr.eye(6), (6, 2, 3)), ind=1).shape
    (2, 3, 6)
    """,
)


def _tensorsolve(xp: Any, a: Any, b: Any, axes: Any = None) -> Any:
    left, right = operand_spec("tensorsolve", a), operand_spec("tensorsolve", b)
    if axes is not None:
        given = axes if isinstance(axes, (tuple, list)) else (axes,)
        own = [normalize_axis("tensorsolve", axis, left.ndim) for axis in given]
        order = [axis for axis in range(left.ndim) if axis not in own] + own
        a = xp.permute_dims(a, axes=tuple(order))
        left = Spec(tuple(left.shape[axis] for axis in order), left.dtype)
    columns = left.shape[right.ndim :]
    size = _split("tensorsolve", left.shape, right.shape, columns, "give axes of a that go to its end")
    return xp.reshape(xp.solve(xp.reshape(a, (size, size)), xp.reshape(b, (size,))), columns)


composite(
    "tensorsolve",
    _tensorsolve,
    public=("linalg.tensorsolve",),
    numpy=("linalg.tensorsolve",),
    doc="""The x with tensordot(a, x, x.ndim) = b; ``axes`` of a are moved to its end first.

    >>> cr.linalg.tensorsolve(2 * cr.reshape(cr.eye(6), (2, 3, 6)), cr.ones((2, 3)))
    tensor([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    """,
)
