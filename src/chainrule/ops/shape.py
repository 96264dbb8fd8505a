"""Shape ops: the same elements, in the same or a permuted order, under other axes. All are linear."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import Box, operand_spec
from chainrule.errors import AxisError, DomainError, ShapeError
from chainrule.op import composite, linear
from chainrule.spec import (
    Spec,
    as_shape,
    broadcast_axes,
    broadcast_shapes,
    normalize_axes,
    normalize_axis,
    reduced_shape,
)


def _canonical_reshape(x: Spec, *, shape: Any) -> dict[str, Any]:
    wanted = as_shape("reshape", shape, least=-1)
    known = int(np.prod([size for size in wanted if size != -1], dtype=np.int64))
    fits = x.size % known == 0 if known and wanted.count(-1) == 1 else x.size == known and -1 not in wanted
    if not fits:
        raise ShapeError(
            f"[reshape] an operand of shape {x.shape} has {x.size} elements, which do not fill {wanted}; "
            f"expected sizes whose product is {x.size}, at most one of them -1; change the shape."
        )
    return {"shape": tuple(x.size // known if size == -1 else size for size in wanted)}


linear(
    "reshape",
    value=lambda x, shape: x.reshape(shape),
    canonical=_canonical_reshape,
    spec=lambda x, *, shape: Spec(shape, x.dtype),
    transpose=lambda xp, g, _x, *, shape: xp.reshape(g, _x.shape),
    batch=lambda xp, _batched, x, *, shape: xp.reshape(x, (x.shape[0], *shape)),
    method="",
    public=(),
    doc="""x's elements, in order, in another shape; one size may be -1.

    >>> cr.reshape(cr.tensor([1.0, 2.0, 3.0, 4.0]), (2, 2))
    tensor([[1., 2.],
            [3., 4.]])
    """,
)


def _reshape_or_refuse(xp: Any, x: Any, shape: Any, copy: bool | None = None) -> Any:
    out = xp.reshape(x, shape)
    if copy is False and not _is_view(out, x):
        raise DomainError(
            f"[reshape] copy=False was given, but an operand of shape {x.shape} cannot become {out.shape} without a "
            f"copy; expected a Tensor whose elements follow one another in memory; leave copy out."
        )
    return out


def _is_view(out: Any, x: Any) -> bool:
    """Whether the elements of a result are those of an operand, in the same memory; of a symbol nobody knows."""
    one, other = (a._value if isinstance(a, Box) else a for a in (out, x))
    return one is None or not one.shape or one.size == 0 or np.may_share_memory(one, other)


composite(
    "reshape_or_refuse",
    _reshape_or_refuse,
    public=("reshape",),
    doc="""x's elements, in order, in another shape; one size may be -1. ``copy=False`` fails where it would copy.

    >>> cr.reshape(cr.tensor([1.0, 2.0, 3.0, 4.0]), (2, -1))
    tensor([[1., 2.],
            [3., 4.]])
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
    tensor([[1., 2.],
            [1., 2.]])
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
    value=lambda x: x.swapaxes(-1, -2),
    spec=_matrix_transpose_spec,
    transpose=lambda xp, g, _x: xp.matrix_transpose(g),
    batch=lambda xp, _batched, x: xp.matrix_transpose(x),
    public=("matrix_transpose", "linalg.matrix_transpose"),
    numpy=("matrix_transpose", "linalg.matrix_transpose"),
    method=True,
    doc="""x with its last two axes exchanged.

    >>> cr.matrix_transpose(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 3.],
            [2., 4.]])
    """,
)


def _canonical_permute_dims(x: Spec, *, axes: Any) -> dict[str, Any]:
    given = axes if isinstance(axes, (tuple, list)) else (axes,)
    order = tuple(normalize_axis("permute_dims", axis, x.ndim) for axis in given)
    if sorted(order) != list(range(x.ndim)):
        raise AxisError(
            f"[permute_dims] axes {tuple(given)} do not order the {x.ndim} axes of an operand of shape {x.shape}; "
            f"expected each of 0 to {x.ndim - 1} once; to move some axes only, use moveaxis."
        )
    return {"axes": order}


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


linear(
    "permute_dims",
    value=lambda x, axes: x.transpose(axes),
    canonical=_canonical_permute_dims,
    spec=lambda x, *, axes: Spec(tuple(x.shape[axis] for axis in axes), x.dtype),
    transpose=lambda xp, g, _x, *, axes: xp.permute_dims(g, axes=_inverse(axes)),
    batch=lambda xp, _batched, x, *, axes: xp.permute_dims(x, axes=(0, *(axis + 1 for axis in axes))),
    doc="""x with its axes in another order: axis i of the result is axis ``axes[i]`` of x.

    >>> cr.permute_dims(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), (1, 0))
    tensor([[1., 3.],
            [2., 4.]])
    """,
)


def _transpose(xp: Any, x: Any, axes: Any = None) -> Any:
    ndim = operand_spec("transpose", x).ndim
    return xp.permute_dims(x, axes=tuple(range(ndim))[::-1] if axes is None else axes)


composite(
    "transpose",
    _transpose,
    value=np.transpose,
    numpy=("transpose",),
    doc="""x with its axes in another order, reversed by default.

    >>> cr.transpose(cr.ones((2, 3))).shape
    (3, 2)
    """,
)


def _moveaxis(xp: Any, x: Any, source: Any, destination: Any) -> Any:
    ndim = operand_spec("moveaxis", x).ndim
    ends = []
    for given in (source, destination):
        named = given if isinstance(given, (tuple, list)) else (given,)
        axes = [normalize_axis("moveaxis", axis, ndim) for axis in named]
        normalize_axes("moveaxis", axes, ndim)
        ends.append(axes)
    if len(ends[0]) != len(ends[1]):
        raise AxisError(
            f"[moveaxis] source {source} names {len(ends[0])} axes and destination {destination} {len(ends[1])}; "
            f"expected as many in one as in the other; give each axis its place."
        )
    order = [axis for axis in range(ndim) if axis not in ends[0]]
    for place, axis in sorted(zip(ends[1], ends[0], strict=True)):
        order.insert(place, axis)
    return xp.permute_dims(x, axes=tuple(order))


composite(
    "moveaxis",
    _moveaxis,
    value=np.moveaxis,
    method=True,
    doc="""x with the axes ``source`` moved to the places ``destination``; the others keep their order.

    >>> cr.moveaxis(cr.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """,
)


def _swapaxes(xp: Any, x: Any, axis1: Any, axis2: Any) -> Any:
    ndim = operand_spec("swapaxes", x).ndim
    one, other = normalize_axis("swapaxes", axis1, ndim), normalize_axis("swapaxes", axis2, ndim)
    order = list(range(ndim))
    order[one], order[other] = other, one
    return xp.permute_dims(x, axes=tuple(order))


composite(
    "swapaxes",
    _swapaxes,
    value=np.swapaxes,
    method=True,
    doc="""x with two axes exchanged.

    >>> cr.swapaxes(cr.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """,
)


def _canonical_expand_dims(x: Spec, *, axis: Any) -> dict[str, Any]:
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    return {"axis": normalize_axes("expand_dims", () if axis is None else axis, x.ndim + count)}


def _expanded_shape(shape: Any, axis: Any) -> tuple[int, ...]:
    own = iter(shape)
    return tuple(1 if place in axis else next(own) for place in range(len(shape) + len(axis)))


linear(
    "expand_dims",
    value=lambda x, axis=0: np.expand_dims(x, axis),
    canonical=_canonical_expand_dims,
    spec=lambda x, *, axis: Spec(_expanded_shape(x.shape, axis), x.dtype),
    transpose=lambda xp, g, _x, *, axis: xp.reshape(g, _x.shape),
    batch=lambda xp, _batched, x, *, axis: xp.expand_dims(x, axis=tuple(one + 1 for one in axis)),
    doc="""x with new axes of size 1 at the places ``axis`` of the result.

    >>> cr.expand_dims(cr.tensor([1.0, 2.0]), axis=1).shape
    (2, 1)
    """,
)


def _canonical_squeeze(x: Spec, *, axis: Any) -> dict[str, Any]:
    if axis is None:
        return {"axis": tuple(place for place, size in enumerate(x.shape) if size == 1)}
    axes = normalize_axes("squeeze", axis, x.ndim)
    for one in axes:
        if x.shape[one] != 1:
            raise ShapeError(
                f"[squeeze] axis {one} of an operand of shape {x.shape} has size {x.shape[one]}; expected size 1; "
                f"leave axis out to remove every axis of size 1, or index the axis."
            )
    return {"axis": axes}


linear(
    "squeeze",
    value=lambda x, axis=None: x.squeeze(axis),
    canonical=_canonical_squeeze,
    spec=lambda x, *, axis: Spec(reduced_shape(x.shape, axis, False), x.dtype),
    transpose=lambda xp, g, _x, *, axis: xp.reshape(g, _x.shape),
    batch=lambda xp, _batched, x, *, axis: xp.squeeze(x, axis=tuple(one + 1 for one in axis)),
    method=True,
    doc="""x without the axes ``axis``, which have size 1 (by default every such axis).

    >>> cr.squeeze(cr.ones((1, 3, 1))).shape
    (3,)
    """,
)


def _flatten(xp: Any, x: Any, start_axis: int = 0, end_axis: int = -1) -> Any:
    spec = operand_spec("flatten", x)
    if spec.ndim == 0:
        return xp.reshape(x, (1,))
    start, end = (normalize_axis("flatten", axis, spec.ndim) for axis in (start_axis, end_axis))
    if start > end:
        raise AxisError(
            f"[flatten] start_axis {start_axis} comes after end_axis {end_axis} in an operand with {spec.ndim} axes; "
            f"expected the first axis of the run, then the last; exchange them."
        )
    size = Spec(spec.shape[start : end + 1], spec.dtype).size
    return xp.reshape(x, (*spec.shape[:start], size, *spec.shape[end + 1 :]))


composite(
    "flatten",
    _flatten,
    method=True,
    doc="""x with its axes from ``start_axis`` to ``end_axis`` (by default all) made one.

    >>> cr.flatten(cr.ones((2, 3, 4)), start_axis=1).shape
    (2, 12)
    """,
)
composite(
    "ravel",
    lambda xp, x: xp.reshape(x, (-1,)),
    method=True,
    doc="""The elements of x in order, along one axis.

    >>> cr.ravel(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """,
)


def _broadcast_arrays(xp: Any, *arrays: Any) -> tuple[Any, ...]:
    shape = broadcast_shapes("broadcast_arrays", [operand_spec("broadcast_arrays", x).shape for x in arrays])
    return tuple(xp.broadcast_to(x, shape) for x in arrays)


composite(
    "broadcast_arrays",
    _broadcast_arrays,
    doc="""The operands, each broadcast to the shape they have in common.

    >>> [x.shape for x in cr.broadcast_arrays(cr.ones((2, 1)), cr.ones(3))]
    [(2, 3), (2, 3)]
    """,
)


def _at_least(ndim: int) -> Any:
    def body(xp: Any, *arrays: Any) -> Any:
        padded = []
        for x in arrays:
            shape = operand_spec(f"atleast_{ndim}d", x).shape
            padded.append(xp.reshape(x, (*(1,) * (ndim - len(shape)), *shape)))
        return padded[0] if len(padded) == 1 else tuple(padded)

    return body


composite(
    "atleast_1d",
    _at_least(1),
    doc="""Each operand with at least one axis; several operands give a tuple.

    >>> cr.atleast_1d(2.0)
    tensor([2.])
    """,
)
composite(
    "atleast_2d",
    _at_least(2),
    doc="""Each operand with at least two axes, new ones in front; several operands give a tuple.

    >>> cr.atleast_2d(cr.tensor([1.0, 2.0]))
    tensor([[1., 2.]])
    """,
)
