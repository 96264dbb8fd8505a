"""Selections made before what is computed: of an array of which a part is read, only that part comes to be."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import Box
from chainrule.graph.graph import Graph
from chainrule.graph.walk import ancestors
from chainrule.node import Node, next_number
from chainrule.op import PICK, REGISTRY
from chainrule.ops import ops
from chainrule.ops.index import SLOT, Template
from chainrule.passes.cse import spelled
from chainrule.passes.patterns import operands_before, spec_of_operand
from chainrule.passes.rebuild import locate, rebuilt
from chainrule.passes.through import (
    WHOLE,
    Listed,
    Part,
    Places,
    Selection,
    as_slice,
    count,
    selected,
    through,
    within,
)
from chainrule.spec import Shape, Spec

SHARE = 0.75  # of an array: where more is read, nothing is gained that is worth calls more


def select(graph: Graph, arrays: bool = True) -> Any:
    """The graph with slices and index arrays applied to inputs, where that leaves less to compute.

    ``f(x)[i]`` becomes ``f(x[i])`` where f goes element by element, moves axes, or folds or multiplies along others; an
    index that is out of bounds is still one. Results stay the same to the bit, but for the order in which products of
    matrices and sums add up. Without ``arrays`` slices alone are: in a loop, what an index of each step selects from
    may be the same in all steps.

    >>> x, i = cr.symbol("x", shape=(100, 3)), cr.symbol("i", shape=(5,), dtype="int64")
    >>> print(cr.passes.select(cr.exp(x)[i].graph()))
    x  = input                        : float64[100, 3]
    i  = input                        : int64[5]
    %0 = gather(x, i, index=(array,)) : float64[5, 3]
    %1 = exp(%0)                      : float64[5, 3]
    return %1
    """
    selecting = Selecting(graph, arrays)
    if not any(selecting.read.values()):
        return graph
    return rebuilt("select", graph, selecting.expand, selecting.after, first=selecting.indices)


class Selecting:
    """What is read of every result, and how the part that is read is made."""

    def __init__(self, graph: Graph, arrays: bool):
        gathers = [node for node in graph.computed if is_gather(node) and (arrays or len(node.parents) == 1)]
        indices = [x for node in gathers for x in operands_before(node)[1:]]
        self._gathers = set(gathers)
        self._arrays = {spelled(x): x for x in indices}
        # What indices depend on is whole, and comes to be before all else.
        self.indices = set(ancestors({x._node for x in indices if isinstance(x, Box) and x._node is not None}))
        self.read: dict[Any, Selection] = {y._node: WHOLE for y in graph.outputs}
        self._parts: dict[Node, Part] = {}
        self._now: dict[Node, Any] = {}
        for node in reversed(graph.computed) if gathers else ():
            self._visit(node)
        self.read = {node: self.read[node] for node in self._parts}  # all else is there as a whole

    def _visit(self, node: Node) -> None:
        """Settle what is made of the result of a call, which all who read it have told, and so what that reads."""
        part, selection = None, self.read.pop(node, WHOLE)
        gathers = node in self._gathers
        if (gathers or (selection and not is_gather(node))) and is_plain(node) and node not in self.indices:
            operands = operands_before(node)
            if selection and Spec(selected(node.shape, selection), None).size <= SHARE * node.size:
                part = through(node, operands, selection)
            if part is None:
                selection = WHOLE
                part = through(node, operands, WHOLE) if gathers else None
        if part is None:
            self.read.update((parent, WHOLE) for parent in node.parents)
            return
        self._parts[node], self.read[node] = part, selection
        for parent, wanted in zip(node.parents, part.operands, strict=True):
            if parent is not None and wanted is not None:
                before = self.read.get(parent)
                self.read[parent] = wanted if before is None else self._joined(parent.shape, before, wanted)

    def expand(self, node: Node, operands: list[Any]) -> Any:
        """The part of the result of a call that is read; None where it is all, of operands that are whole."""
        part = self._parts.get(node)
        if part is None or not (self.read[node] or any(map(self.read.get, node.parents))):
            return None
        start, taken = next_number(), []
        for x, parent, wanted in zip(operands, node.parents, part.operands, strict=True):
            if wanted is not None:
                left = part.params["index"] if part.op == "gather" else None
                taken.append(self._taken(x, wanted, self.read.get(parent, WHOLE), left))
        made = taken[0] if part.op == "gather" else _call(part, taken)
        if part.op == "gather" and spec_of_operand(made).shape != part.params["shape"]:
            made = ops.reshape(made, shape=part.params["shape"])  # the axes of its index array
        if spec_of_operand(made).dtype != node.dtype:
            made = ops.astype(made, dtype=node.dtype)  # of operands that are joined, some are left out
        locate(made, node, start)
        return made

    def after(self, node: Node, out: Any) -> None:
        """Note what stands for a call now, as it may be an index."""
        self._now[node] = out

    def _joined(self, shape: Shape, one: Selection, other: Selection) -> Selection:
        """A selection, of an array of this shape, that has all of both."""
        both = {axis: self._union(one[axis], other[axis]) for axis in one if axis in other}
        return {axis: places for axis, places in both.items() if places not in (None, range(shape[axis]))}

    def _union(self, one: Places, other: Places) -> Places | None:
        if one == other or not count(other):
            return one
        if not count(one):
            return other
        if isinstance(one, range) and isinstance(other, range):
            ends = (one[0], one[-1], other[0], other[-1])
            return range(min(ends), max(ends) + 1)
        if isinstance(one, range) or isinstance(other, range):
            return None
        sizes = dict(zip((*one.keys, *other.keys), (*one.sizes, *other.sizes), strict=True))
        dtypes = [spec_of_operand(self._arrays[key]).dtype for key in sizes]
        return Listed(tuple(sizes), tuple(sizes.values())) if np.result_type(*dtypes).kind in "iu" else None

    def _taken(self, x: Any, wanted: Selection, has: Selection, left: Template | None) -> Any:
        """The wanted part of what has another, and then an index of whole axes, of the first place, and None."""
        slices: dict[int, slice] = {}
        for axis, places in wanted.items():
            own = has.get(axis)
            if own == places:
                continue
            if isinstance(places, range):
                slices[axis] = as_slice(places if not isinstance(own, range) else within(own, places))
            elif isinstance(own, Listed) and (run := own.run(places)) is not None:
                slices[axis] = run
            else:
                index = np.r_[tuple(own.places(places))] if isinstance(own, Listed) else self._index(places)
                x = ops.gather(x, index, index=(*(slice(None),) * axis, SLOT))
        axes = range(len(spec_of_operand(x).shape))
        rest = iter(axes)
        template = tuple(
            part if part is None else _from(slices.get(next(rest)), part)
            for part in ((slice(None),) * len(axes) if left is None else left)
        )
        return x if template == (slice(None),) * len(axes) else ops.gather(x, index=template)

    def _index(self, places: Listed) -> Any:
        """The index array that lists these places."""
        arrays = [self._arrays[key] for key in places.keys]
        arrays = [self._now.get(x._node, x) if isinstance(x, Box) else x for x in arrays]
        arrays = [x if len(spec_of_operand(x).shape) == 1 else ops.reshape(x, shape=(-1,)) for x in arrays]
        return arrays[0] if len(arrays) == 1 else ops.concat(arrays)


def _from(chosen: slice | None, part: Any) -> Any:
    """The part of an index, which is 0 or all, of what is chosen."""
    if chosen is None:
        return part
    return chosen.start if part == 0 else chosen


def _call(part: Part, operands: list[Any]) -> Any:
    function = getattr(ops, part.op)
    return function(operands, **part.params) if REGISTRY[part.op].sequence else function(*operands, **part.params)


def is_plain(node: Node) -> bool:
    """Whether a node is a call of symbols with one result."""
    return node.symbolic and node.op is not None and node.op is not PICK and node.op.outputs is None


def is_gather(node: Node) -> bool:
    return node.op is not None and node.op.name == "gather"
