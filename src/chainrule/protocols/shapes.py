"""NumPy's functions of shapes and selection that ours are called otherwise for, written in our ops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import ops
from chainrule.protocols.arguments import Unmatched, operand
from chainrule.spec import normalize_axis


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.where(condition, x, y) if x is not None else np.nonzero(condition)


def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    del order, subok
    return a.clone()


def _reshape(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    del copy
    a = operand(a)
    if order == "F":  # the first index fastest: the reshape of the transpose, transposed
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        return ops.transpose(ops.reshape(ops.transpose(a), shape[::-1]))
    if order != "C":
        raise Unmatched(f"the argument order={order!r}")
    return ops.reshape(a, shape)


def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, (-1,), order)


def _broadcast_arrays(*arrays: Any, subok: bool = False) -> Any:
    del subok
    shape = np.broadcast_shapes(*(np.shape(x) for x in arrays))
    return tuple(ops.broadcast_to(x, shape) for x in arrays)


def _atleast_3d(*arys: Any) -> Any:
    def one(x: Any) -> Any:
        x = operand(x)
        shape = {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}.get(x.ndim, x.shape)
        return ops.reshape(x, shape)

    return one(arys[0]) if len(arys) == 1 else tuple(map(one, arys))


def _column_stack(tup: Any) -> Any:
    columns = [operand(x) for x in tup]
    return ops.concat([x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in columns], axis=1)


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, (int, np.integer)):
        size = ary.shape[axis]
        parts = np.array_split(np.arange(size), indices_or_sections)
        indices_or_sections = np.cumsum([len(part) for part in parts])[:-1].tolist()
    return ops.split(ary, list(indices_or_sections), axis)


def _split_along(axis: int) -> Callable[..., Any]:
    return lambda ary, indices_or_sections: list(
        ops.split(ary, indices_or_sections, 0 if axis == 1 and ary.ndim == 1 else axis)
    )


def _block(arrays: Any) -> Any:
    def depth(tree: Any) -> int:
        return 1 + depth(tree[0]) if isinstance(tree, list) else 0

    levels = depth(arrays)

    def join(tree: Any, level: int) -> Any:
        if not isinstance(tree, list):
            x = operand(tree)
            return ops.reshape(x, (1,) * max(levels - x.ndim, 0) + x.shape)
        return ops.concat([join(branch, level + 1) for branch in tree], axis=level - levels)

    return join(arrays, 0)


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis = normalize_axis("rollaxis", axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return ops.moveaxis(a, axis, start - 1 if axis < start else start)


def _diagflat(v: Any, k: int = 0) -> Any:
    return ops.diag(ops.reshape(operand(v), (-1,)), k)


def _flat(arr: Any, axis: Any) -> tuple[Any, int]:
    arr = operand(arr)
    return (ops.reshape(arr, (-1,)), 0) if axis is None else (arr, normalize_axis("take", axis, arr.ndim))


def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return ops.concat([_flat(arr, None)[0], _flat(values, None)[0]], axis=0)
    return ops.concat([operand(arr), operand(values)], axis=axis)


def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    arr, axis = _flat(arr, axis)
    kept = np.delete(np.arange(arr.shape[axis]), operand(obj) if not isinstance(obj, slice) else obj)
    return ops.take(arr, kept, axis=axis)


def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    arr, axis = _flat(arr, axis)
    size, values = arr.shape[axis], operand(values)
    # Where the elements of each come to stand: NumPy inserts the numbers of the rows that are to be new.
    if isinstance(obj, (int, np.integer)):
        values = ops.moveaxis(values, 0, axis) if values.ndim == arr.ndim else values
        values = values if values.ndim == arr.ndim else ops.expand_dims(values, axis) if values.ndim else values
        count = values.shape[axis] if values.ndim else 1
        order = np.insert(np.arange(size), int(obj), size + np.arange(count))
    else:
        count = len(np.arange(size)[obj]) if isinstance(obj, slice) else np.asarray(obj).size
        order = np.insert(np.arange(size), obj, size + np.arange(count))
    shape = (*arr.shape[:axis], count, *arr.shape[axis + 1 :])
    new = ops.broadcast_to(ops.astype(values, arr.dtype), shape)
    return ops.take(ops.concat([arr, new], axis=axis), order, axis=axis)


def _resize(a: Any, new_shape: Any) -> Any:
    flat, count = _flat(a, None)[0], math.prod(np.atleast_1d(new_shape).tolist())
    if not flat.shape[0]:
        raise Unmatched("an empty array")
    return ops.reshape(ops.take(flat, np.arange(count) % flat.shape[0]), new_shape)


def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = operand(arr)
    moved = ops.moveaxis(arr, axis, -1)
    lines = ops.reshape(moved, (-1, moved.shape[-1]))
    outs = [operand(func1d(lines[i], *args, **kwargs)) for i in range(lines.shape[0])]
    if not outs:
        raise Unmatched("an empty array")
    out = ops.reshape(ops.stack(outs), (*moved.shape[:-1], *outs[0].shape))
    axis = normalize_axis("apply_along_axis", axis, arr.ndim)
    inner = range(arr.ndim - 1, out.ndim)
    return ops.moveaxis(out, list(inner), [axis + i for i in range(len(inner))])


def _apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    for axis in np.atleast_1d(axes).tolist():
        reduced = func(a, axis)
        a = reduced if reduced.ndim == a.ndim else ops.expand_dims(reduced, axis)
    return a


def _sorted_set(function: str) -> Callable[..., Any]:
    """Set functions of two arrays: NumPy tells which elements, and those are taken."""

    def call(ar1: Any, ar2: Any, **kwargs: Any) -> Any:
        if kwargs.get("return_indices"):
            raise Unmatched("the argument return_indices=True")
        both = ops.concat([_flat(ar1, None)[0], _flat(ar2, None)[0]], axis=0)
        seen = operand(both).detach().numpy()
        if seen.dtype.kind in "fc" and np.isnan(seen).any():
            raise Unmatched("a set with NaN")
        found = getattr(np, function)(*np.split(seen, [operand(ar1).size]))
        return ops.take(both, np.array([np.flatnonzero(seen == x)[0] for x in found], dtype=np.intp))

    return call


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    del copy
    if not sparse:
        return ops.meshgrid(*xi, indexing=indexing)
    places = [1, 0, *range(2, len(xi))] if indexing == "xy" and len(xi) > 1 else range(len(xi))
    return tuple(
        ops.reshape(operand(x), tuple(-1 if i == place else 1 for i in range(len(xi))))
        for place, x in zip(places, xi, strict=True)
    )


def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    del out
    a, along = _flat(a, axis)
    if mode != "raise":
        size = a.shape[along]
        indices = np.mod(indices, size) if mode == "wrap" else np.clip(indices, 0, size - 1)
    return ops.take(a, indices, axis=along)


def _size(a: Any, axis: Any = None) -> int:
    return a.size if axis is None else int(np.prod([a.shape[i] for i in np.atleast_1d(axis)]))


SHAPES: dict[str, Callable[..., Any]] = {
    "where": _where,
    "copy": _copy,
    "broadcast_arrays": _broadcast_arrays,
    "reshape": _reshape,
    "ravel": _ravel,
    "atleast_3d": _atleast_3d,
    "column_stack": _column_stack,
    "array_split": _array_split,
    "hsplit": _split_along(1),
    "vsplit": _split_along(0),
    "dsplit": _split_along(2),
    "block": _block,
    "rollaxis": _rollaxis,
    "diagflat": _diagflat,
    "append": _append,
    "delete": _delete,
    "insert": _insert,
    "resize": _resize,
    "take": _take,
    "meshgrid": _meshgrid,
    "apply_along_axis": _apply_along_axis,
    "apply_over_axes": _apply_over_axes,
    "intersect1d": _sorted_set("intersect1d"),
    "setdiff1d": _sorted_set("setdiff1d"),
    "setxor1d": _sorted_set("setxor1d"),
    "union1d": _sorted_set("union1d"),
    "shape": lambda a: a.shape,
    "ndim": lambda a: a.ndim,
    "size": _size,
}
