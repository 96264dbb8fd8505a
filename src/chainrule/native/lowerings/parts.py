"""Ops that write to parts of an array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.rules import as_dtype
from chainrule.native.statements import Array, Statement, View, reshaped, rolled, sliced, view_of
from chainrule.node import Node

SHORT = 64  # elements of rows, of which many vectors would be read where they end and begin


def written(lister: Lister, out: Array, template: Any, value: Any, fill: Any = None, adds: bool = False) -> View:
    """Write a value to a part of an array."""
    part = sliced(view_of(out), template)
    axes, indices = lister.axes_of(part.shape)
    read = lister.operand(value, part.shape, indices)
    return lister.add(
        Statement(
            out, part.map(indices), tuple(a for a in axes if a), (read,), lambda e, v: as_dtype(e, v, out.dtype),
            fill=fill, adds=adds, name="write",
        )
    )  # fmt: skip


@lowers("concat")
def _concat(lister: Lister, operands: Any, node: Node) -> View | None:
    axis = node.params.get("axis", 0)
    if axis is None:
        operands, axis = [_flat(lister, x) for x in operands], 0
    out, start = Array(node.shape, node.dtype, name="concat"), 0
    axis %= len(node.shape)
    view = view_of(out)
    for x in operands:
        size = np.shape(x)[axis] if not isinstance(x, View) else x.shape[axis]
        view = written(lister, out, (*[slice(None)] * axis, slice(start, start + size)), x)
        start += size
    return view


def _flat(lister: Lister, x: Any) -> View:
    x = lister.view(x)
    size = (math.prod(x.shape),)
    return reshaped(x, size) or reshaped(lister.copy(x), size) or x


@lowers("stack")
def _stack(lister: Lister, operands: Any, node: Node) -> View:
    axis = node.params.get("axis", 0) % len(node.shape)
    out = Array(node.shape, node.dtype, name="stack")
    view = view_of(out)
    for i, x in enumerate(operands):
        view = written(lister, out, (*[slice(None)] * axis, i), x)
    return view


@lowers("roll")
def _roll(lister: Lister, operands: Any, node: Node) -> View:
    """Read at other places, from an array that is there; short rows, which a vector is as long as, are written anew."""
    x, shift, axis = lister.view(operands[0]), node.params["shift"], node.params["axis"]
    if axis is None and len(x.shape) != 1:
        x = _flat(lister, x)
    shifts: dict[int, int] = {}
    for by, d in zip(shift, (0,) if axis is None else axis, strict=True):
        shifts[d] = (shifts.get(d, 0) + by) % max(x.shape[d], 1)
    shifts = {d: by for d, by in shifts.items() if by}
    if x.whole and x.array.constant is not None:
        x, shifts = lister.view(np.roll(x.array.constant, tuple(shifts.values()), tuple(shifts))), {}
    last = len(x.shape) - 1
    if last in shifts and last and x.shape[last] < SHORT:
        by, out, rows = shifts.pop(last), Array(x.shape, x.dtype, name="roll"), (slice(None),) * last
        written(lister, out, (*rows, slice(by)), sliced(x, (*rows, slice(-by, None))))
        x = written(lister, out, (*rows, slice(by, None)), sliced(x, (*rows, slice(-by))))
    if shifts:
        x = rolled((x if x.whole and len(x.array.shape) == len(x.shape) else lister.copy(x)).array, shifts)
    found = reshaped(x, node.shape)
    assert found is not None
    return found


@lowers("add")
def _add(lister: Lister, operands: Any, node: Node) -> View | None:
    """The sum of parts that were written into zeros is written into the same zeros."""
    for x, other in (operands, operands[::-1]):
        if not (isinstance(x, View) and isinstance(other, View) and x.whole and other.whole):
            continue
        makers, others = x.array.makers, other.array.makers
        mergeable = (
            makers and makers[0].fill == 0 and others and others[0].fill == 0 and x.array is not other.array
            and x.array.dtype == other.array.dtype == node.dtype
            and all(p is not None and p.op is not None and lister.uses.get(p) == 1 for p in node.parents)
        )  # fmt: skip
        if mergeable:
            for maker in others:
                moved = Statement(
                    x.array, maker.place, maker.axes, maker.reads, maker.rule, adds=True, name="write",
                    folded=maker.folded, combine=maker.combine, initial=maker.initial,
                )  # fmt: skip
                lister.statements.remove(maker)
                lister.add(moved)
            return view_of(x.array)
    return None
