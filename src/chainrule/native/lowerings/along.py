"""Positions along axes: reading and writing at them, and finding the largest element, the first of its kind."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.composed import composed, inlined
from chainrule.native.lowerings.indexing import scattered
from chainrule.native.lowerings.parts import written
from chainrule.native.lowerings.views import is_basic
from chainrule.native.statements import (
    ZERO,
    Array,
    Index,
    Read,
    Statement,
    View,
    apart,
    permuted,
    sliced,
    view_of,
    viewed,
)
from chainrule.node import Node
from chainrule.ops.index import SLOT
from chainrule.spec import Shape

# ---------------------------------------------------------------------------------------- triangles and diagonals


def _triangle(name: str, xp: Any, x: Any, *, k: int) -> Any:
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1]) - k
    kept = xp.greater_equal(rows, columns) if name == "tril" else xp.less_equal(rows, columns)
    return xp.where(kept, x, x.dtype.type(0))


@lowers("diagonal")
def _diagonal(lister: Lister, operands: Any, node: Node) -> View:
    x, p = lister.view(operands[0]), node.params
    planes = (p["axis1"], p["axis2"])
    x = permuted(x, [*(d for d in range(len(x.shape)) if d not in planes), *planes])
    down, right = max(0, -p["offset"]), max(0, p["offset"])

    def change(indices: Sequence[Index]) -> list[Index]:
        return [*indices[:-1], indices[-1].plus(down), indices[-1].plus(right)]

    return viewed(x, node.shape, change)


# ----------------------------------------------------------------------------------------- reading and adding up


def _own(lister: Lister, x: Any) -> View:
    """x as an array whose dimensions are its own, so that numbers can move along them."""
    return lister.whole(x)


@lowers("take_along_axis")
def _take_along_axis(lister: Lister, operands: Any, node: Node) -> View:
    x, axis = _own(lister, operands[0]), node.params["axis"]
    axes, indices = lister.axes_of(node.shape)
    place = [ZERO if d == axis or n == 1 else indices[d] for d, n in enumerate(x.shape)]
    reads = (Read(x.array, apart(place), ((axis, 1),)), lister.operand(operands[1], node.shape, indices))
    out = Array(node.shape, node.dtype, name="take")
    return lister.add(Statement(out, apart(indices), tuple(a for a in axes if a), reads, _first, name="take"))


def _first(_e: Any, x: Any, *_others: Any) -> Any:
    return x


def _gathered_into(
    lister: Lister, out: Array, g: Any, positions: Any, shape: Shape, axis: int, combine: str, initial: Any
) -> View:
    """Fold g, of this shape, into what is at the positions along an axis."""
    axes, indices = lister.axes_of(shape)
    place = [ZERO if d == axis else index for d, index in enumerate(indices)]
    along = axes[axis]
    return lister.add(
        Statement(
            out, apart(place), tuple(a for a in axes if a),
            (lister.operand(g, shape, indices), lister.operand(positions, shape, indices)), _first,
            folded=() if along is None else (along,), combine=combine, initial=initial, moves=((axis, 1),),
            name=f"{combine} at",
        )
    )  # fmt: skip


@lowers("add_along_axis")
def _add_along_axis(lister: Lister, operands: Any, node: Node) -> View:
    g, axis = lister.view(operands[0]), node.params["axis"]
    shape = (*node.shape[:axis], g.shape[axis], *node.shape[axis + 1 :])
    out = Array(node.shape, node.dtype, name="sums")
    return _gathered_into(lister, out, g, operands[1], shape, axis, "add", 0)


def lowest(dtype: np.dtype, highest: bool = False) -> Any:
    """What all numbers of a dtype are at least, or at most."""
    if dtype.kind == "f":
        return math.inf if highest else -math.inf
    return highest if dtype.kind == "b" else (np.iinfo(dtype).max if highest else np.iinfo(dtype).min)


@lowers("segment_max_of", "segment_min_of")
def _segment_extreme(lister: Lister, operands: Any, node: Node) -> View | None:
    data, ids = (lister.view(x) for x in operands)
    assert node.op is not None
    least = "min" in node.op.name
    combine = "minimum" if least else "maximum"
    if data.dtype.kind == "b":
        combine = "and" if least else "or"
    ids = sliced(ids, (slice(None), *(None,) * (len(data.shape) - 1)))
    out = Array(node.shape, node.dtype, name=node.op.name)
    return _gathered_into(lister, out, data, ids, data.shape, 0, combine, lowest(data.dtype, least))


# ---------------------------------------------------------------------------------------------------- writing


@lowers("put")
def _put(lister: Lister, operands: Any, node: Node) -> View | None:
    template, arrays = node.params["index"], operands[2:]
    if arrays or not is_basic(template):
        return _put_at(lister, operands, node)
    out = Array(node.shape, node.dtype, name="put")
    written(lister, out, (Ellipsis,), operands[0])
    value = operands[1]
    if isinstance(value, View):
        room = len(sliced(view_of(out), template).shape)
        while len(value.shape) > room:
            value = sliced(value, (0,))
    return written(lister, out, template, value)


def _put_at(lister: Lister, operands: Any, node: Node) -> View | None:
    """Where values are written to an element is known first: a later one wins. Then each element looks for its own."""
    template, arrays = tuple(node.params["index"]), operands[2:]
    lead = _slices_first(template)
    inner, rest = node.shape[lead:], template[lead:]
    views = [lister.view(a) for a in arrays]
    given = iter(views)
    probes = tuple(np.broadcast_to(0, next(given).shape) if part is SLOT else part for part in rest)
    selected = np.broadcast_to(False, inner)[probes].shape
    number = np.arange(1, math.prod(selected) + 1).reshape(selected)
    if all(v.array.constant is not None and v.whole for v in views):
        writer, own = np.zeros(inner, np.int64), iter(views)
        writer[tuple(next(own).array.constant if part is SLOT else part for part in rest)] = number
    else:
        writer = scattered(lister, number, views, rest, inner, np.dtype(np.int64), combine="maximum")
    if writer is None:
        return None

    def put(xp: Any, x: Any, v: Any, m: Any, **_params: Any) -> Any:
        v = xp.astype(v if hasattr(v, "dtype") else np.asarray(v), x.dtype)
        shape = (*node.shape[:lead], *selected)
        if math.prod(v.shape) == 1:
            return xp.where(xp.greater(m, 0), xp.reshape(v, ()), x)
        v = xp.reshape(v, v.shape[max(0, len(v.shape) - len(shape)) :])
        v = xp.reshape(xp.broadcast_to(v, shape), (*node.shape[:lead], math.prod(selected)))
        at = xp.maximum(xp.subtract(m, 1), 0)
        return xp.where(xp.greater(m, 0), xp.gather(v, at, index=(*(slice(None),) * lead, SLOT)), x)

    return inlined(put, lister, [*operands[:2], writer], node) if math.prod(selected) else lister.view(operands[0])


def _slices_first(template: Sequence[Any]) -> int:
    """How many axes in front are taken whole, where the axes of index arrays stay in their place."""
    lead = next((d for d, part in enumerate(template) if part != slice(None) or part is SLOT), len(template))
    numbers = [d for d, part in enumerate(template) if part is SLOT or isinstance(part, (int, np.integer))]
    together = bool(numbers) and numbers == list(range(numbers[0], numbers[-1] + 1))
    return lead if together else 0


# --------------------------------------------------------------------------------------------- largest elements


def _places(xp: Any, x: Any, axes: Sequence[int]) -> Any:
    """The number of each element among those along some axes, row by row."""
    found: Any = np.zeros((), np.int64)
    for d in axes:
        own = np.arange(x.shape[d]).reshape(-1, *(1,) * (len(x.shape) - d - 1))
        found = own if found.shape == () else xp.add(xp.multiply(found, x.shape[d]), own)
    return found


def _first_of(xp: Any, x: Any, chosen: Any, axis: Any, keepdims: bool) -> Any:
    axes = tuple(range(len(x.shape))) if axis is None else (axis,)
    beyond = math.prod(x.shape[d] for d in axes)
    return xp.min(xp.where(chosen, _places(xp, x, axes), beyond), axis=axes, keepdims=keepdims)


def _position(name: str, xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    chosen = xp.equal(x, getattr(xp, name.replace("arg", ""))(x, axis=axis, keepdims=True))
    if x.dtype.kind == "f" and not name.startswith("nan"):
        chosen = xp.logical_or(chosen, xp.isnan(x))
    return _first_of(xp, x, chosen, axis, keepdims)


@lowers("nanargmax", "nanargmin")
def _nan_position(lister: Lister, operands: Any, node: Node) -> View:
    def checked(e: Any, at: Any) -> Any:
        e.leave_if(e.across("or", at >= beyond))  # all are NaN: an error
        return at

    assert node.op is not None
    name, axis, shape = node.op.name, node.params["axis"], lister.view(operands[0]).shape
    beyond = math.prod(shape) if axis is None else shape[axis]
    found = inlined(functools.partial(_position, name), lister, operands, node)
    return lister.map(found, checked, name=name)


def _nan_extreme(name: str, xp: Any, x: Any, **params: Any) -> Any:
    fold = xp.max if name == "nanmax" else xp.min
    if x.dtype.kind != "f":
        return fold(x, **params)
    holes = xp.isnan(x)
    filled = xp.where(holes, x.dtype.type(lowest(x.dtype, name == "nanmin")), x)
    return xp.where(xp.all(holes, **params), x.dtype.type(math.nan), fold(filled, **params))


for _name, _function in (
    ("tril", _triangle), ("triu", _triangle), ("argmax", _position), ("argmin", _position),
    ("nanmax", _nan_extreme), ("nanmin", _nan_extreme),
):  # fmt: skip
    composed(_name)(functools.partial(_function, _name))
