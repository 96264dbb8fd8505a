"""Reading and writing at integer arrays: places that are known only when values are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.parts import written
from chainrule.native.lowerings.views import is_basic
from chainrule.native.statements import (
    ZERO,
    Array,
    Axis,
    Index,
    Moves,
    Read,
    Shape,
    Statement,
    View,
    broadcast,
    reshaped,
    sliced,
    view_of,
)
from chainrule.node import Node
from chainrule.ops.index import SLOT


class Selection:
    """``x[template]`` with arrays in the slots: the place in x, for axes along the result."""

    def __init__(self, lister: Lister, x: View, template: Sequence[Any], arrays: Sequence[Any], shape: Shape):
        parts = _whole(template, len(x.shape))
        views = [lister.view(a) for a in arrays]
        common = np.broadcast_shapes(*(v.shape for v in views))
        # An integer beside arrays is one of them.
        numbers = [i for i, part in enumerate(parts) if part is SLOT or isinstance(part, (int, np.integer))]
        base = sliced(x, [slice(None) if i in numbers else part for i, part in enumerate(parts)])
        axes: list[Axis | None] = [Axis(size) if size != 1 else None for size in shape]
        indices = [ZERO if axis is None else Index(((axis, 1),)) for axis in axes]
        together = numbers == list(range(numbers[0], numbers[-1] + 1))
        first = numbers[0] if together else 0
        inside, rest = indices[first : first + len(common)], [*indices[:first], *indices[first + len(common) :]]
        given, own = iter(views), iter(rest)
        place: list[Index] = []
        self.reads: list[Read] = []
        moves: list[tuple[int, int]] = []
        for d, part in enumerate(parts):
            if d not in numbers:
                place.append(next(own))
            elif part is SLOT:
                place.append(ZERO)
                moves.append((d, len(self.reads)))
                self.reads.append(broadcast(next(given), common).read(inside))
            else:
                place.append(Index((), int(part) % base.shape[d]))
        self.place = base.map(place)
        self.array = base.array
        self.moves: Moves = tuple(moves)
        self.axes = tuple(a for a in axes if a is not None)
        self.indices = indices
        self.folded = tuple(a for a, index in zip(axes, indices, strict=True) if a is not None and index in inside)


def _whole(template: Sequence[Any], ndim: int) -> list[Any]:
    """A template with a part for every dimension."""
    parts = list(template)
    rest = [slice(None)] * (ndim - sum(part is not None and part is not Ellipsis for part in parts))
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at : at + 1] = rest
    return parts


def movable(x: View, template: Sequence[Any]) -> bool:
    """Whether dimensions of a selection are those of the array under the view, so that numbers can move along them."""

    def keeps(part: Any) -> bool:
        return part is SLOT or part is Ellipsis or part == slice(None) or isinstance(part, (int, np.integer))

    return x.whole and all(map(keeps, template))


def apart_from_arrays(template: Sequence[Any], ndim: int) -> tuple[list[Any], list[Any]]:
    """A template as two, one after the other: slices and new axes, then arrays and the integers beside them."""
    parts = _whole(template, ndim)
    numbers = [part is SLOT or isinstance(part, (int, np.integer)) for part in parts]
    basic = [slice(None) if is_number else part for part, is_number in zip(parts, numbers, strict=True)]
    return basic, [part if is_number else slice(None) for part, is_number in zip(parts, numbers, strict=True)]


def gathered(lister: Lister, x: View, arrays: Sequence[Any], template: Sequence[Any], shape: Shape) -> View | None:
    if any(isinstance(part, bool) for part in template):
        return None
    if not movable(x, template):
        basic, template = apart_from_arrays(template, len(x.shape))
        x = lister.whole(sliced(x, basic))
    chosen = Selection(lister, x, template, arrays, shape)
    out = Array(shape, x.dtype, name="gather")
    moves = tuple((d, which + 1) for d, which in chosen.moves)
    reads = (Read(chosen.array, chosen.place, moves), *chosen.reads)
    place = tuple((1, index) for index in chosen.indices)
    return lister.add(Statement(out, place, chosen.axes, reads, lambda e, v, *_: v, name="gather"))


def scattered(
    lister: Lister,
    g: Any,
    arrays: Sequence[Any],
    template: Sequence[Any],
    shape: Shape,
    dtype: Any,
    combine: str = "add",
) -> View | None:
    """Zeros with g added, or folded in otherwise, at the selection."""
    out = Array(shape, dtype, name="scatter")
    whole = view_of(out)
    if any(isinstance(part, bool) for part in template):
        return None
    if not movable(whole, template):
        if combine != "add":
            return None
        basic, template = apart_from_arrays(template, len(shape))
        part = scattered(lister, g, arrays, template, sliced(whole, basic).shape, dtype)
        return None if part is None else written(lister, out, basic, part, fill=0)
    selected = np.broadcast_to(np.empty((), bool), tuple(shape))[
        tuple(np.zeros(lister.view(a).shape, int) if p is SLOT else p for p, a in _filled(template, arrays))
    ].shape
    chosen = Selection(lister, whole, template, arrays, selected)
    read = lister.operand(g, selected, chosen.indices)
    moves = tuple((d, which + 1) for d, which in chosen.moves)
    return lister.add(
        Statement(
            out, chosen.place, chosen.axes, (read, *chosen.reads), lambda e, v, *_: v,
            folded=chosen.folded, combine=combine, initial=0, moves=moves, name="scatter",
        )
    )  # fmt: skip


def _filled(template: Sequence[Any], arrays: Sequence[Any]) -> list[tuple[Any, Any]]:
    given = iter(arrays)
    return [(part, next(given) if part is SLOT else None) for part in template]


@lowers("gather")
def _gather(lister: Lister, operands: Any, node: Node) -> View | None:
    x, template = lister.view(operands[0]), node.params["index"]
    if len(operands) > 1:
        return gathered(lister, x, operands[1:], template, node.shape)
    return sliced(x, template) if is_basic(template) else None


@lowers("scatter_add")
def _scatter_add(lister: Lister, operands: Any, node: Node) -> View | None:
    template = node.params["index"]
    if len(operands) > 1:
        return scattered(lister, operands[0], operands[1:], template, node.shape, node.dtype)
    if not is_basic(template):
        return None
    if all(part is None or part is Ellipsis or part == slice(None) for part in template):
        return reshaped(lister.whole(operands[0]), node.shape)
    return written(lister, Array(node.shape, node.dtype, name="scatter"), template, operands[0], fill=0)
