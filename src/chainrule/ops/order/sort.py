"""Order: sorting, its positions, and elements by rank.

Note [Ties]
A sort is a permutation of its operand, and so is its derivative. Where elements are equal, any order of them would do:
the subgradient of least norm is the mean over these orders, so that k equal elements share what their k places
receive. ``tie_mean`` takes that mean; without ties it hands on what it is given.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DTypeError, ShapeError
from chainrule.known import integers
from chainrule.op import ZERO, composite, linear, primitive
from chainrule.reduction import empty, float_dtype, refuse_complex
from chainrule.spec import Spec, normalize_axis

FEW = 8  # ranks that are found sooner by partitions than by sorting

# ------------------------------------------------------------------------------------- positions, and their ties


def _canonical(name: str) -> Any:
    def canonical(x: Spec, *, axis: Any, **flags: Any) -> dict[str, Any]:
        refuse_complex(name, x)
        return {"axis": normalize_axis(name, axis, x.ndim), **{key: bool(value) for key, value in flags.items()}}

    return canonical


def _same_spec(x: Spec, **_params: Any) -> Spec:
    return x


def _index_spec(x: Spec, **_params: Any) -> Spec:
    return Spec(x.shape, np.dtype(np.int64))


def _batch(name: str) -> Any:
    def batch(xp: Any, _batched: tuple[bool, ...], x: Any, *, axis: int, **params: Any) -> Any:
        return getattr(xp, name)(x, axis=axis + 1, **params)

    return batch


def _argsort(x: Any, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    kind = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis, kind)
    # Sorted backwards from the end, equal elements keep their order.
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind), axis)


primitive(
    "argsort",
    value=_argsort,
    canonical=_canonical("argsort"),
    spec=_index_spec,
    batch=_batch("argsort"),
    differentiable=False,
    method=True,
    doc="""The positions along ``axis`` of the elements in ascending order; equal ones keep theirs if ``stable``.

    NaN comes last, and first if ``descending``.

    >>> cr.argsort(cr.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """,
)


def _ranks(x: Any, *, axis: int = -1, descending: bool = False) -> Any:
    order = _argsort(x, axis=axis, descending=descending)
    out = np.empty_like(order)
    places = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - axis % x.ndim - 1))
    np.put_along_axis(out, order, places, axis)
    return out


primitive(
    "ranks",
    value=_ranks,
    canonical=_canonical("ranks"),
    spec=_index_spec,
    batch=_batch("ranks"),
    differentiable=False,
    doc="""The place along ``axis`` that each element has in ascending order, from 0: the inverse of argsort.

    >>> cr.ranks(cr.tensor([3.0, 1.0, 2.0]))
    tensor([2, 0, 1])
    """,
)


def _tie_groups(x: Any, *, axis: int = -1) -> Any:
    moved = np.moveaxis(x, axis, -1)
    out = np.zeros(moved.shape, np.int64)
    np.add.accumulate(moved[..., 1:] != moved[..., :-1], axis=-1, dtype=np.int64, out=out[..., 1:])
    return np.moveaxis(out, -1, axis)


primitive(
    "tie_groups",
    value=_tie_groups,
    canonical=_canonical("tie_groups"),
    spec=_index_spec,
    batch=_batch("tie_groups"),
    differentiable=False,
    public=(),
    doc="""The number, from 0, of the run of equal elements along ``axis`` that each element belongs to.

    >>> from chainrule.ops import ops
    >>> ops.tie_groups(cr.tensor([1.0, 2.0, 2.0, 5.0]))
    tensor([0, 1, 1, 2])
    """,
)


def _tie_mean(x: Any, groups: Any, *, axis: int = -1) -> Any:
    dtype = np.dtype(float_dtype(x.dtype))
    size = x.shape[axis]
    last = np.take(groups, [-1], axis) if size else groups
    if (last == size - 1).all():
        return x.astype(dtype, copy=False)
    moved, keys = np.moveaxis(x, axis, -1), np.moveaxis(groups, axis, -1)
    keys = (keys + size * np.arange(x.size // size).reshape(*moved.shape[:-1], 1)).reshape(-1)
    counts = np.bincount(keys)
    flat = moved.reshape(-1)
    if dtype.kind == "c":
        sums = np.bincount(keys, flat.real) + 1j * np.bincount(keys, flat.imag)
    else:
        sums = np.bincount(keys, flat)
    means = (sums / np.maximum(counts, 1)).astype(dtype)
    return np.moveaxis(means[keys].reshape(moved.shape), -1, axis)


def _canonical_tie_mean(x: Spec, groups: Spec, *, axis: Any) -> dict[str, Any]:
    integers("tie_mean", "the array of groups", groups)
    if x.shape != groups.shape:
        raise ShapeError(
            f"[tie_mean] the groups have shape {groups.shape} and the operand {x.shape}; expected equal shapes; "
            f"take the groups from tie_groups of sorted elements."
        )
    return {"axis": normalize_axis("tie_mean", axis, x.ndim)}


def _tie_mean_batch(xp: Any, batched: tuple[bool, ...], x: Any, groups: Any, *, axis: int) -> Any:
    shape = x.shape if batched[0] else groups.shape
    return xp.tie_mean(xp.broadcast_to(x, shape), xp.broadcast_to(groups, shape), axis=axis + 1)


linear(
    "tie_mean",
    value=_tie_mean,
    arity=2,
    canonical=_canonical_tie_mean,
    spec=lambda x, _groups, *, axis: Spec(x.shape, np.dtype(float_dtype(x.dtype))),
    transpose=lambda xp, g, _x, groups, *, axis: xp.tie_mean(g, groups, axis=axis),
    batch=_tie_mean_batch,
    public=(),
    doc="""Each element's mean over its group along ``axis``; the groups are ascending integers, as from tie_groups.

    >>> from chainrule.ops import ops
    >>> ops.tie_mean(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([0, 1, 1]))
    tensor([1., 3., 3.])
    """,
)

# -------------------------------------------------------------------------------------------------- sorting


def _pushed(xp: Any, t: Any, x: Any, ascending: Any, axis: int) -> Any:
    """Tangents of x in its ascending order. See Note [Ties]."""
    t = xp.take_along_axis(t, xp.argsort(x, axis=axis), axis=axis)
    return xp.tie_mean(t, xp.tie_groups(ascending, axis=axis), axis=axis)


def _pulled(xp: Any, g: Any, x: Any, ascending: Any, axis: int) -> Any:
    """Cotangents of x from those of its elements in ascending order. See Note [Ties]."""
    g = xp.tie_mean(g, xp.tie_groups(ascending, axis=axis), axis=axis)
    return xp.take_along_axis(g, xp.ranks(x, axis=axis), axis=axis)


def _sort(x: Any, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    out = np.sort(x, axis)
    return np.flip(out, axis) if descending else out


def _sort_vjp(xp: Any, g: Any, out: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    if descending:
        g, out = xp.flip(g, axis=axis), xp.flip(out, axis=axis)
    return _pulled(xp, g, x, out, axis)


def _sort_jvp(xp: Any, tangents: Any, out: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    if not descending:
        return _pushed(xp, tangents[0], x, out, axis)
    return xp.flip(_pushed(xp, tangents[0], x, xp.flip(out, axis=axis), axis), axis=axis)


primitive(
    "sort",
    value=_sort,
    canonical=_canonical("sort"),
    spec=_same_spec,
    vjp=(_sort_vjp,),
    jvp=_sort_jvp,
    batch=_batch("sort"),
    method=True,
    doc="""The elements in ascending order along ``axis``; k equal ones share the gradient of their k places.

    NaN comes last, and first if ``descending``. Equal numbers are alike, so ``stable`` changes nothing.

    >>> cr.sort(cr.tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.])
    """,
)

# ------------------------------------------------------------------------------------------ elements by rank


def _order_statistics(x: Any, ranks: Any, *, axis: int = -1) -> Any:
    size = x.shape[axis]
    wanted = np.unique(ranks)
    if wanted.size and not -size <= wanted[0] <= wanted[-1] < size:
        wrong = wanted[0] if wanted[0] < -size else wanted[-1]
        raise AxisError(
            f"[order_statistics] rank {wrong} is out of range for axis {axis} of size {size}; expected ranks from "
            f"{-size} to {size - 1}; rank 0 is the smallest element."
        )
    ordered = np.sort(x, axis) if wanted.size > FEW else np.partition(x, wanted, axis)
    return np.take(ordered, ranks, axis)


def _canonical_statistics(x: Spec, ranks: Spec, *, axis: Any) -> dict[str, Any]:
    refuse_complex("order_statistics", x)
    integers("order_statistics", "the array of ranks", ranks)
    if ranks.ndim != 1:
        raise ShapeError(
            f"[order_statistics] the ranks have shape {ranks.shape}; expected one axis; "
            f"use take_along_axis(sort(x), ranks) for ranks that differ."
        )
    axis = normalize_axis("order_statistics", axis, x.ndim)
    if not x.shape[axis] and ranks.size:
        raise empty("order_statistics", x, (axis,))
    return {"axis": axis}


def _statistics_spec(x: Spec, ranks: Spec, *, axis: int) -> Spec:
    return Spec((*x.shape[:axis], ranks.shape[0], *x.shape[axis + 1 :]), x.dtype)


def _along(xp: Any, ranks: Any, ndim: int, axis: int) -> Any:
    return xp.reshape(ranks, (*(1,) * axis, -1, *(1,) * (ndim - axis - 1)))


def _statistics_vjp(xp: Any, g: Any, _out: Any, x: Any, ranks: Any, *, axis: int) -> Any:
    ranks = _along(xp, ranks, len(x.shape), axis)
    g = xp.add_along_axis(g, ranks, axis=axis, size=x.shape[axis])
    return _pulled(xp, g, x, xp.sort(x, axis=axis), axis)


def _statistics_jvp(xp: Any, tangents: Any, _out: Any, x: Any, ranks: Any, *, axis: int) -> Any:
    moved = _pushed(xp, tangents[0], x, xp.sort(x, axis=axis), axis)
    return xp.take_along_axis(moved, _along(xp, ranks, len(x.shape), axis), axis=axis)


def _statistics_batch(xp: Any, batched: tuple[bool, ...], x: Any, ranks: Any, *, axis: int) -> Any:
    if not batched[1]:
        return xp.order_statistics(x, ranks, axis=axis + 1)
    x = x if batched[0] else xp.broadcast_to(x, (ranks.shape[0], *x.shape))
    size = ranks.shape[0]
    ranks = xp.reshape(ranks, (size, *(1,) * axis, -1, *(1,) * (len(x.shape) - axis - 2)))
    return xp.take_along_axis(xp.sort(x, axis=axis + 1), ranks, axis=axis + 1)


primitive(
    "order_statistics",
    value=_order_statistics,
    arity=2,
    canonical=_canonical_statistics,
    spec=_statistics_spec,
    vjp=(_statistics_vjp, ZERO),
    jvp=_statistics_jvp,
    batch=_statistics_batch,
    public=(),
    doc="""The elements of the given ``ranks`` along ``axis``, 0 the smallest, −1 the largest; ties share the gradient.

    >>> from chainrule.ops import ops
    >>> ops.order_statistics(cr.tensor([3.0, 1.0, 2.0]), cr.tensor([0, -1]))
    tensor([1., 3.])
    """,
)


def _ranks_of_pivots(name: str, x: Spec, kth: Any, axis: int) -> tuple[int, ...]:
    try:
        pivots = tuple(map(operator.index, kth if isinstance(kth, (tuple, list, np.ndarray)) else (kth,)))
    except TypeError:
        raise DTypeError(
            f"[{name}] kth is {kth!r}; expected an integer or a sequence of integers; give the ranks of the pivots."
        ) from None
    size = x.shape[axis]
    for one in pivots:
        if not -size <= one < size:
            raise ShapeError(
                f"[{name}] kth {one} is out of range for axis {axis} of size {size}; expected ranks from {-size} to "
                f"{size - 1}; rank 0 is the smallest element."
            )
    return tuple(one % size for one in pivots)


def _canonical_partition(name: str) -> Any:
    def canonical(x: Spec, *, kth: Any, axis: Any) -> dict[str, Any]:
        refuse_complex(name, x)
        axis = normalize_axis(name, axis, x.ndim)
        return {"kth": _ranks_of_pivots(name, x, kth, axis), "axis": axis}

    return canonical


def _partition_vjp(xp: Any, g: Any, out: Any, x: Any, *, kth: Any, axis: int) -> Any:
    g = xp.take_along_axis(g, xp.argsort(out, axis=axis), axis=axis)
    return _pulled(xp, g, x, xp.sort(out, axis=axis), axis)


def _partition_jvp(xp: Any, tangents: Any, out: Any, x: Any, *, kth: Any, axis: int) -> Any:
    moved = _pushed(xp, tangents[0], x, xp.sort(out, axis=axis), axis)
    return xp.take_along_axis(moved, xp.ranks(out, axis=axis), axis=axis)


primitive(
    "partition",
    value=lambda x, kth, *, axis=-1: np.partition(x, kth, axis),
    canonical=_canonical_partition("partition"),
    spec=_same_spec,
    vjp=(_partition_vjp,),
    jvp=_partition_jvp,
    batch=_batch("partition"),
    doc="""x rearranged along ``axis`` so that rank ``kth`` is in its place, smaller elements before, larger behind.

    >>> cr.partition(cr.tensor([3.0, 1.0, 2.0]), 1)
    tensor([1., 2., 3.])
    """,
)
primitive(
    "argpartition",
    value=lambda x, kth, *, axis=-1: np.argpartition(x, kth, axis),
    canonical=_canonical_partition("argpartition"),
    spec=_index_spec,
    batch=_batch("argpartition"),
    differentiable=False,
    doc="""Positions along ``axis`` so that the one of rank ``kth`` is in its place, smaller before, larger behind.

    >>> cr.argpartition(cr.tensor([3.0, 1.0, 2.0]), 1)
    tensor([1, 2, 0])
    """,
)


def _first(x: Any, *, k: int, axis: int = -1, largest: bool = True) -> Any:
    order = _argsort(x, axis=axis, descending=largest) if np.isnan(x).any() or k > x.shape[axis] // 8 else None
    if order is not None:
        return np.take(order, np.arange(k), axis)
    # All beyond the k-th, and of those that equal it the first: in time linear in the size.
    moved = np.moveaxis(x, axis, -1)
    size = moved.shape[-1]
    pivot = size - k if largest else k - 1
    bound = np.partition(moved, pivot, -1)[..., pivot : pivot + 1]
    beyond, level = moved > bound if largest else moved < bound, moved == bound
    room = k - np.add.reduce(beyond, axis=-1, keepdims=True, dtype=np.int64)
    chosen = beyond | (level & (np.add.accumulate(level, axis=-1, dtype=np.int64) <= room))
    places = np.nonzero(chosen.reshape(-1, size))[1].reshape(*moved.shape[:-1], k)
    found = np.take_along_axis(moved, places, -1)
    return np.moveaxis(np.take_along_axis(places, _argsort(found, descending=largest), -1), -1, axis)


def _canonical_first(x: Spec, *, k: Any, axis: Any, largest: Any) -> dict[str, Any]:
    refuse_complex("top_k", x)
    axis = normalize_axis("top_k", axis, x.ndim)
    try:
        count = operator.index(k)
    except TypeError:
        raise DTypeError(f"[top_k] k is {k!r}; expected an integer; give the number of elements.") from None
    if not 0 <= count <= x.shape[axis]:
        raise ShapeError(
            f"[top_k] k is {count} for axis {axis} of size {x.shape[axis]}; expected a number from 0 to that size; "
            f"choose a smaller k."
        )
    return {"k": count, "axis": axis, "largest": bool(largest)}


primitive(
    "arg_top_k",
    value=_first,
    canonical=_canonical_first,
    spec=lambda x, *, k, axis, largest: Spec((*x.shape[:axis], k, *x.shape[axis + 1 :]), np.dtype(np.int64)),
    batch=_batch("arg_top_k"),
    differentiable=False,
    doc="""The positions of the k largest elements along ``axis``, in descending order; of equal ones the first ones.

    >>> cr.arg_top_k(cr.tensor([3.0, 1.0, 2.0]), k=2)
    tensor([0, 2])
    """,
)


def _top_k(xp: Any, x: Any, k: int, axis: int = -1, largest: bool = True) -> Any:
    indices = xp.arg_top_k(x, k=k, axis=axis, largest=largest)
    size = operand_spec("top_k", x).shape[axis]
    ranks = size - 1 - np.arange(k) if largest else np.arange(k)
    return xp.order_statistics(x, ranks, axis=axis), indices


composite(
    "top_k",
    _top_k,
    doc="""The k largest elements along ``axis`` in descending order, and their positions; ties share the gradient.

    With ``largest=False`` the k smallest in ascending order. Of equal elements the positions are the first ones.

    >>> cr.top_k(cr.tensor([3.0, 1.0, 2.0]), 2)
    (tensor([3., 2.]), tensor([0, 2]))
    """,
)
