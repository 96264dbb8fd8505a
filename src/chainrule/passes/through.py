"""What a selection of a call's result selects of its operands.

A selection is made of places along axes: a ``range``, or ``Listed`` ones that index arrays hold. Every op has a
function here that tells how to make the selected part of its result from parts of its operands, or is opaque.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.node import Node
from chainrule.ops.index import SLOT, Template, without_ellipsis
from chainrule.passes.cse import spelled
from chainrule.passes.patterns import constant_of, spec_of_operand
from chainrule.spec import Shape

FOLDS = frozenset(
    {"sum", "mean", "prod", "max", "min", "all", "any", "count_nonzero", "argmax", "argmin", "logsumexp", "var", "std"}
)
ALONG = frozenset({
    "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "softmax", "log_softmax", "sort", "argsort",
})  # fmt: skip
ELEMENTS = frozenset({"astype", "conj", "real", "imag"})


class Listed(NamedTuple):
    """The places that index arrays hold, one after the other: how the arrays are known, and their sizes."""

    keys: tuple[Any, ...]
    sizes: tuple[int, ...]

    def count(self) -> int:
        return sum(self.sizes)

    def places(self, other: Listed) -> list[range]:
        """Where in these the places of others are, of which all are among these."""
        ends = dict(zip(self.keys, itertools.accumulate(self.sizes), strict=True))
        return [range(ends[key] - size, ends[key]) for key, size in zip(other.keys, other.sizes, strict=True)]

    def run(self, other: Listed) -> slice | None:
        """The same as one slice, if they follow one another."""
        found = self.places(other)
        parted = any(one.stop != next_one.start for one, next_one in itertools.pairwise(found))
        return None if parted else slice(found[0].start, found[-1].stop)


Places = range | Listed
Selection = Mapping[int, Places]  # of axes; all is selected along others
WHOLE: Selection = {}


class Part(NamedTuple):
    """How a part of a result is made: the parts of operands (None where one is not needed), op and parameters.

    Without an op it is the operand that is left.
    """

    operands: Sequence[Selection | None]
    op: str
    params: dict[str, Any]


def count(places: Places) -> int:
    """How many places there are."""
    return len(places) if isinstance(places, range) else places.count()


def selected(shape: Shape, selection: Selection) -> Shape:
    """The shape of a part."""
    return tuple(count(selection[axis]) if axis in selection else size for axis, size in enumerate(shape))


def through(node: Node, operands: Sequence[Any], selection: Selection) -> Part | None:
    """How the selected part of the result of a call is made of parts of its operands; None if it is not."""
    op, shapes = node.op, [spec_of_operand(x).shape for x in operands]
    assert op is not None
    if op.kind == "elementwise" or op.name in ELEMENTS:
        return Part([_aligned(shape, node.shape, selection) for shape in shapes], op.name, node.params)
    if op.name in FOLDS:
        return _fold(node, shapes[0], selection)
    if op.name in ALONG:
        return None if _axes(node, shapes[0]) & selection.keys() else Part([selection], op.name, node.params)
    if op.name in INDEXED:
        return INDEXED[op.name](node, operands, selection)
    rule = RULES.get(op.name)
    return None if rule is None else rule(node, shapes, selection)


def _aligned(shape: Shape, out: Shape, selection: Selection) -> Selection:
    """What is selected of an operand that is broadcast to a result."""
    lead = len(out) - len(shape)
    return {
        axis - lead: places for axis, places in selection.items() if axis >= lead and shape[axis - lead] == out[axis]
    }


def _moved(selection: Selection, axes: Mapping[int, int]) -> Selection | None:
    """The same places along other axes; None where an axis has no other."""
    return {axes[axis]: places for axis, places in selection.items()} if axes.keys() >= selection.keys() else None


def _of_one(operand: Selection | None, op: str, params: dict[str, Any]) -> Part | None:
    return None if operand is None else Part([operand], op, params)


def _axes(node: Node, shape: Shape) -> set[int]:
    """The axes of an operand that the parameter names."""
    axis = node.params["axis"]
    if axis is None:
        return set(range(len(shape)))
    return {one % len(shape) for one in (axis if isinstance(axis, tuple) else (axis,))}


def _fold(node: Node, shape: Shape, selection: Selection) -> Part | None:
    folded = _axes(node, shape)
    kept = [i for i in range(len(shape)) if i not in folded]
    axes = {i: i for i in kept} if node.params["keepdims"] else dict(enumerate(kept))
    return _of_one(_moved(selection, axes), node.op.name, node.params)  # type: ignore[union-attr]  # calls have an op


def _broadcast(node: Node, shapes: Sequence[Shape], selection: Selection) -> Part | None:
    operand = _aligned(shapes[0], node.shape, selection)
    lead = len(node.shape) - len(shapes[0])
    # What is listed along an axis that is repeated would never be looked up, where a place may be out of bounds.
    if any(isinstance(places, Listed) and axis - lead not in operand for axis, places in selection.items()):
        return None
    return Part([operand], "broadcast_to", {"shape": selected(node.shape, selection)})


def _reshape(node: Node, shapes: Sequence[Shape], selection: Selection) -> Part | None:
    (shape,) = shapes
    before = {math.prod(shape[:axis]): axis for axis, size in enumerate(shape) if size > 1}
    axes = {}
    for axis, size in enumerate(node.shape):
        place = before.get(math.prod(node.shape[:axis]))
        if size > 1 and place is not None and shape[place] == size:
            axes[axis] = place
    return _of_one(_moved(selection, axes), "reshape", {"shape": selected(node.shape, selection)})


def _permute(node: Node, _shapes: Sequence[Shape], selection: Selection) -> Part | None:
    return _of_one(_moved(selection, dict(enumerate(node.params["axes"]))), "permute_dims", node.params)


def _transpose(node: Node, _shapes: Sequence[Shape], selection: Selection) -> Part | None:
    n = len(node.shape)
    order = (*range(n - 2), n - 1, n - 2)
    return _of_one(_moved(selection, dict(enumerate(order))), "matrix_transpose", node.params)


def _matmul(node: Node, shapes: Sequence[Shape], selection: Selection) -> Part | None:
    x, y = shapes
    # Axes of the result as an elementwise call would align them: rows stand for those of x, columns for those of y.
    out = list(node.shape)
    if len(x) == 1:
        out.insert(len(out) - (len(y) > 1), 1)
    if len(y) == 1:
        out.append(1)
    spread = [i for i in range(len(out)) if i < len(out) - 2 or (i == len(out) - 2 and len(x) > 1)]
    spread += [len(out) - 1] * (len(y) > 1)
    moved = _moved(selection, dict(enumerate(spread)))
    assert moved is not None  # every axis of the result is one of these
    rows, columns = len(out) - 2, len(out) - 1
    stacks = {axis: places for axis, places in moved.items() if axis < rows}
    one = dict(_aligned((*x[:-2], 0, 0) if len(x) > 1 else (), tuple(out), stacks))
    other = dict(_aligned((*y[:-2], 0, 0) if len(y) > 1 else (), tuple(out), stacks))
    if rows in moved:
        one[len(x) - 2] = moved[rows]
    if columns in moved:
        other[len(y) - 1] = moved[columns]
    return Part([one, other], "matmul", node.params)


def _contract(node: Node, _shapes: Sequence[Shape], selection: Selection) -> Part | None:
    inputs, out = node.params["subscripts"].split("->")
    named = {out[axis]: places for axis, places in selection.items()}
    operands = [{axis: named[k] for axis, k in enumerate(term) if k in named} for term in inputs.split(",")]
    return Part(operands, "contract", node.params)


def _stack(node: Node, shapes: Sequence[Shape], selection: Selection) -> Part | None:
    along = node.params["axis"]
    places = selection.get(along, range(len(shapes)))
    operand = {axis - (axis > along): chosen for axis, chosen in selection.items() if axis != along}
    if not isinstance(places, range) or not places:
        return None
    if tuple(places) == tuple(sorted(places)):
        return Part([operand if i in places else None for i in range(len(shapes))], "stack", node.params)
    return None


def _concat(node: Node, shapes: Sequence[Shape], selection: Selection) -> Part | None:
    along = node.params["axis"]
    if along is None:
        return None
    if along not in selection:
        return Part([selection] * len(shapes), "concat", node.params)
    places = selection[along]
    if not isinstance(places, range) or not places or places.step != 1:
        return None
    operands: list[Selection | None] = []
    start = 0
    for shape in shapes:
        size = shape[along]
        own = range(max(places.start - start, 0), min(places.stop - start, size))
        rest = {axis: chosen for axis, chosen in selection.items() if axis != along}
        operands.append(None if not own else rest if len(own) == size else {**rest, along: own})
        start += size
    return Part(operands, "concat", node.params)


# ------------------------------------------------------------------------------------------------------- indices


class Index(NamedTuple):
    """An index whose parts choose independently: what each axis of the result is an axis of, and what is chosen."""

    axes: dict[int, int]  # of the operand, by those of the result
    chosen: dict[int, Any]  # by axis of the operand: a range, or SLOT for the one index array
    left: Template  # the index of what is chosen


def index_of(template: Template, shape: Shape, arrays: Sequence[Any]) -> Index | None:
    """An index as independent choices; None if its arrays are several, or beside integers or truth values."""
    if any(isinstance(part, bool) for part in template) or len(arrays) > 1:
        return None
    template = without_ellipsis(template, len(shape))
    if arrays and any(isinstance(part, int) for part in template):
        return None
    # A new axis is none of the operand's.
    before = template[: template.index(SLOT)] if arrays else ()
    listed = listed_in(arrays[0], shape[len(before) - before.count(None)]) if arrays else None
    if arrays and listed is None:
        return None
    axes: dict[int, int] = {}
    chosen: dict[int, Any] = {}
    left: list[Any] = []
    axis = place = 0
    for part in template:
        if part is None:
            left.append(None)
            place += 1
            continue
        if isinstance(part, int):
            size = shape[axis]
            if not -size <= part < size:
                return None
            chosen[axis] = range(part % size, part % size + 1)
            left.append(0)
        else:
            if part is SLOT:
                chosen[axis] = listed
            elif (own := range(shape[axis])[part]) != range(shape[axis]):
                chosen[axis] = own
            left.append(slice(None))
            rank = len(spec_of_operand(arrays[0]).shape) if part is SLOT else 1
            if rank == 1:
                axes[place] = axis
            place += rank
        axis += 1
    axes |= {place + i: axis + i for i in range(len(shape) - axis)}
    return Index(axes, chosen, tuple(left))


def listed_in(array: Any, size: int) -> Listed | None:
    """The places that an index array lists, in a row; None if it is a constant that is not within the axis."""
    constant = constant_of(array)
    if constant is not None and not is_within(np.asarray(constant), size):
        return None
    return Listed((spelled(array),), (spec_of_operand(array).size,))


def is_within(array: np.ndarray, size: int) -> bool:
    """Whether all indices are those of an axis of this size."""
    return array.size == 0 or bool(-size <= array.min() and array.max() < size)


def _gather(node: Node, operands: Sequence[Any], selection: Selection) -> Part | None:
    index = index_of(node.params["index"], spec_of_operand(operands[0]).shape, operands[1:])
    operand = None if index is None else _moved(selection, index.axes)
    if index is None or operand is None:
        return None
    whole = dict(operand)
    for axis, own in index.chosen.items():
        places = operand.get(axis)
        if places is None:
            whole[axis] = own
        elif isinstance(own, range) and isinstance(places, range):
            whole[axis] = composed(own, places)
        else:
            return None
    return Part(
        [whole, *([None] * (len(operands) - 1))],
        "gather",
        {"index": index.left, "shape": selected(node.shape, selection)},
    )


def composed(own: range, places: range) -> range:
    """The places in what is chosen already."""
    return own[as_slice(places)]


def within(own: range, places: range) -> range:
    """Where in what is chosen already these places are, all of which are."""
    if not places:
        return range(0)
    start, step = (places.start - own.start) // own.step, places.step // own.step
    return range(start, start + step * len(places), step)


def as_slice(places: range) -> slice:
    """These places as a slice."""
    if not places:
        return slice(0, 0)
    step = None if places.step == 1 else places.step
    return slice(places.start, places.stop if places.stop >= 0 else None, step)


def _scatter_add(node: Node, operands: Sequence[Any], selection: Selection) -> Part | None:
    index = index_of(node.params["index"], node.shape, operands[1:])
    if index is None or any(axis in index.chosen for axis in selection):
        return None
    operand = _moved(selection, {axis: place for place, axis in index.axes.items()})
    params = {**node.params, "shape": selected(node.shape, selection)}
    return None if operand is None else Part([operand, *([WHOLE] * (len(operands) - 1))], "scatter_add", params)


RULES: dict[str, Callable[[Node, Sequence[Shape], Selection], Part | None]] = {
    "broadcast_to": _broadcast,
    "reshape": _reshape,
    "expand_dims": _reshape,
    "squeeze": _reshape,
    "permute_dims": _permute,
    "matrix_transpose": _transpose,
    "matmul": _matmul,
    "contract": _contract,
    "stack": _stack,
    "concat": _concat,
}
INDEXED: dict[str, Callable[[Node, Sequence[Any], Selection], Part | None]] = {
    "gather": _gather,
    "scatter_add": _scatter_add,
}
