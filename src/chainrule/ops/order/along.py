"""Elements at positions along one axis: reading, writing and summing them. Other axes broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, ShapeError
from chainrule.known import integers
from chainrule.op import composite, linear
from chainrule.spec import Shape, Spec, broadcast_shapes, normalize_axis, shape_of


def _others(name: str, x: Any, indices: Any, axis: int) -> Shape:
    """The common shape of x and the indices, with 1 in place of the axis."""
    shapes = [(*s[:axis], 1, *s[axis + 1 :]) for s in (shape_of(x), shape_of(indices))]
    return shapes[0] if shapes[0] == shapes[1] else broadcast_shapes(name, shapes)


def _sized(others: Shape, axis: int, size: int) -> Shape:
    return (*others[:axis], size, *others[axis + 1 :])


def _canonical(name: str) -> Any:
    def canonical(x: Spec, indices: Spec, *, axis: Any, **others: Any) -> dict[str, Any]:
        integers(name, "the array of indices", indices)
        if x.ndim != indices.ndim:
            raise ShapeError(
                f"[{name}] the indices have shape {indices.shape} and the operand {x.shape}; expected as many axes; "
                f"insert axes with indices[:, None], or use take for the same indices everywhere."
            )
        return {"axis": normalize_axis(name, axis, x.ndim), **others}

    return canonical


def _outside(name: str, indices: Any, axis: int, size: int) -> AxisError:
    wrong = indices[(indices >= size) | (indices < -size)]
    return AxisError(
        f"[{name}] index {wrong.flat[0]} is out of range for axis {axis} of size {size}; expected indices from "
        f"{-size} to {size - 1}; check the indices."
    )


def _take_along_axis(x: Any, indices: Any, *, axis: int = -1) -> Any:
    try:
        if x.ndim > 1 and indices.size == indices.shape[axis] != 0:
            return np.take(x, indices.reshape(-1), axis)
        return np.take_along_axis(x, indices, axis)
    except IndexError:
        raise _outside("take_along_axis", indices, axis, x.shape[axis]) from None


def _aligned(xp: Any, batched: tuple[bool, ...], *operands: Any) -> list[Any]:
    return [
        x if is_batched else xp.reshape(x, (1, *shape_of(x))) for x, is_batched in zip(operands, batched, strict=True)
    ]


linear(
    "take_along_axis",
    value=_take_along_axis,
    arity=2,
    canonical=_canonical("take_along_axis"),
    spec=lambda x, indices, *, axis: Spec(
        _sized(_others("take_along_axis", x, indices, axis), axis, indices.shape[axis]), x.dtype
    ),
    transpose=lambda xp, g, _x, indices, *, axis: xp.add_along_axis(g, indices, axis=axis, size=_x.shape[axis]),
    batch=lambda xp, batched, x, indices, *, axis: xp.take_along_axis(
        *_aligned(xp, batched, x, indices), axis=axis + 1
    ),
    doc="""x[…, indices[…, j, …], …]: the elements at integer ``indices`` along ``axis``; other axes broadcast.

    >>> x = cr.tensor([[1.0, 5.0], [4.0, 3.0]])
    >>> cr.take_along_axis(x, cr.argsort(x, axis=1), axis=1)
    tensor([[1., 5.],
            [3., 4.]])
    """,
)


def _add_along_axis(g: Any, indices: Any, *, axis: int = -1, size: int) -> Any:
    axis %= g.ndim
    others = _others("add_along_axis", g, indices, axis)
    shape = _sized(others, axis, size)
    places = _sized(others, axis, g.shape[axis])
    if indices.size and (indices.min() < -size or indices.max() >= size):
        raise _outside("add_along_axis", indices, axis, size)
    stride = int(np.prod(shape[axis + 1 :], dtype=np.int64))
    # Where each element goes in the flattened result: its own place with the axis at 0, and its index times the stride.
    starts = np.arange(int(np.prod(others))).reshape(others)
    starts = starts + starts // stride * (stride * (size - 1))
    steps = (indices % max(size, 1)).astype(np.int64, copy=False) * stride  # uint64 and int64 would add to float64
    keys = np.ascontiguousarray(np.broadcast_to(starts + steps, places)).reshape(-1)
    weights = np.broadcast_to(g, places).reshape(-1)
    return _summed(keys, weights, int(np.prod(shape))).reshape(shape)


def _summed(keys: Any, weights: Any, size: int) -> Any:
    """The sum of the weights that have each key."""
    if weights.dtype == np.float64:
        return np.bincount(keys, weights, size).astype(weights.dtype, copy=False)
    out = np.zeros(size, weights.dtype)
    np.add.at(out, keys, weights)
    return out


def _canonical_add(g: Spec, indices: Spec, *, axis: Any, size: Any) -> dict[str, Any]:
    return {**_canonical("add_along_axis")(g, indices, axis=axis), "size": int(size)}


linear(
    "add_along_axis",
    value=_add_along_axis,
    arity=2,
    canonical=_canonical_add,
    spec=lambda g, indices, *, axis, size: Spec(
        _sized(_others("add_along_axis", g, indices, axis), axis, size), g.dtype
    ),
    transpose=lambda xp, h, _g, indices, *, axis, size: xp.take_along_axis(h, indices, axis=axis),
    batch=lambda xp, batched, g, indices, *, axis, size: xp.add_along_axis(
        *_aligned(xp, batched, g, indices), axis=axis + 1, size=size
    ),
    doc="""Zeros of ``size`` along ``axis``, with g added at the integer ``indices``: the transpose of take_along_axis.

    >>> cr.add_along_axis(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([0, 2, 0]), size=3)
    tensor([4., 0., 2.])
    """,
)


def _put_along_axis(xp: Any, x: Any, indices: Any, values: Any, axis: int = -1) -> Any:
    spec, places = operand_spec("put_along_axis", x), operand_spec("put_along_axis", indices)
    axis = _canonical("put_along_axis")(spec, places, axis=axis)["axis"]
    shape = broadcast_shapes("put_along_axis", [_sized(spec.shape, axis, 1), _sized(places.shape, axis, 1)])
    index = [np.arange(size).reshape(-1, *(1,) * (len(shape) - i - 1)) for i, size in enumerate(shape)]
    index[axis] = indices
    return xp.setitem(x, tuple(index), values)


composite(
    "put_along_axis",
    _put_along_axis,
    numpy=(),
    doc="""x with ``values`` written at integer ``indices`` along ``axis``, as a new Tensor.

    >>> cr.put_along_axis(cr.zeros((2, 2)), cr.tensor([[1], [0]]), 9.0, axis=1)
    tensor([[0., 9.],
            [9., 0.]])
    """,
)


def _add_at(xp: Any, x: Any, index: Any, values: Any) -> Any:
    spec = operand_spec("add_at", x)
    places = xp.getitem(np.arange(spec.size).reshape(spec.shape), index)
    values = xp.reshape(xp.broadcast_to(xp.astype(values, spec.dtype), places.shape), (-1,))
    sums = xp.add_along_axis(values, xp.reshape(places, (-1,)), size=spec.size)
    return xp.add(x, xp.reshape(sums, spec.shape))


composite(
    "add_at",
    _add_at,
    doc="""x with ``values`` added at the index (all of them where it repeats), as a new Tensor; index as in x[index].

    >>> cr.add_at(cr.tensor([1.0, 2.0, 3.0]), [0, 0, 2], cr.tensor([10.0, 20.0, 30.0]))
    tensor([31.,  2., 33.])
    """,
)
