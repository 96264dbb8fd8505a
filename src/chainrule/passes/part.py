"""Sums of arrays that are zero but for a part, made part by part.

The cotangents of ``x[1:]`` and ``x[:-1]`` are such arrays, and their sum is what differences, stencils and chains leave
in reverse. As a sum of arrays it goes through memory several times; joined of its parts it is written once.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from chainrule.apply import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node, next_number
from chainrule.ops import ops
from chainrule.ops.index import SLOT, without_ellipsis
from chainrule.passes.patterns import operands_before, spec_of_operand
from chainrule.passes.rebuild import locate, rebuilt

LARGE = 1 << 15  # elements from which the way through memory counts
SUMMANDS = 6  # of one sum, at most


class Place(NamedTuple):
    """Where along an axis an array is not zero."""

    axis: int
    start: int
    stop: int


def part(graph: Graph) -> Any:
    """The graph with large sums, of which summands are zero but for a slice, made slice by slice and joined.

    Where a zero was added one still is, so results stay the same to the bit.

    >>> x, g = cr.symbol("x", shape=(50000,)), cr.symbol("g", shape=(40000,))
    >>> print(cr.passes.part((x + cr.scatter_add(g, index=(slice(10000, None),), shape=(50000,))).graph()))
    x  = input                                         : float64[50000]
    g  = input                                         : float64[40000]
    %0 = gather(x, index=(slice(0, 10000, None),))     : float64[10000]
    %1 = add(%0, 0.0)                                  : float64[10000]
    %2 = gather(x, index=(slice(10000, 50000, None),)) : float64[40000]
    %3 = add(%2, g)                                    : float64[40000]
    %4 = concat(%1, %3)                                : float64[50000]
    return %4
    """
    sums = Sums(graph)
    if not sums.heads:
        return graph
    return rebuilt("part", graph, sums.expand, sums.after, live={*graph.computed} - sums.inner)


class Sums:
    """Which calls are sums of parts, and which of these are summands of others and of no other use."""

    def __init__(self, graph: Graph):
        uses = Counter(parent for node in graph.computed for parent in node.parents)
        uses.update(y._node for y in graph.outputs)
        self._places = {node: place for node in graph.computed if (place := place_of(node)) is not None}
        self._count: dict[Any, int] = {}
        self._now: dict[Node, Any] = {}
        self.inner: set[Node] = set()
        self.heads: dict[Node, int] = {}  # the axis along which each is made in parts
        for node in graph.computed if self._places else ():
            if is_sum(node):
                self._enter(node, uses)

    def _enter(self, node: Node, uses: Counter[Any]) -> None:
        """Note a sum, and take those of its summands in that fit."""
        axes = [self._axis(p) for p in node.parents]
        axis = next((one for one in axes if one is not None), None)
        if axis is None:
            return
        self.heads[node], self._count[node] = axis, len(node.parents)
        for parent, own in zip(node.parents, axes, strict=True):
            count = self._count.get(parent, 1) - 1
            if parent is not None and own == axis and uses[parent] == 1 and self._count[node] + count <= SUMMANDS:
                self._count[node] += count
                self.heads.pop(parent, None)
                self.inner.add(parent)
        if not any(parent in self.inner for parent in node.parents):
            del self.heads[node], self._count[node]

    def _axis(self, node: Node | None) -> int | None:
        return self._places[node].axis if node in self._places else self.heads.get(node)  # type: ignore[arg-type]  # None is no key

    def after(self, node: Node, out: Any) -> None:
        """Note what stands for a call now."""
        self._now[node] = out

    def expand(self, node: Node, _operands: list[Any]) -> Any:
        """The parts of a sum, joined."""
        axis = self.heads.get(node)
        if axis is None:
            return None
        start, leaves = next_number(), []
        self._gather(node, leaves)
        places = [self._places[leaf] for leaf in leaves if leaf in self._places and self._places[leaf].axis == axis]
        cuts = sorted({0, node.shape[axis], *(end for place in places for end in (place.start, place.stop))})
        made = []
        for low, high in itertools.pairwise(cuts):
            value = self._value(node, axis, low, high)
            shape = (*node.shape[:axis], high - low, *node.shape[axis + 1 :])
            made.append(np.broadcast_to(np.zeros((), node.dtype), shape) if value is None else value)
        made = ops.concat(made, axis=axis)
        locate(made, node, start)
        return made

    def _gather(self, node: Node, leaves: list[Node]) -> None:
        for parent in node.parents:
            if parent in self.inner and parent not in self._places:
                self._gather(parent, leaves)
            elif parent is not None:
                leaves.append(parent)

    def _value(self, node: Node, axis: int, low: int, high: int) -> Any:
        """A part of a sum; None if nothing but zeros are added."""
        found: list[Any] = []
        for x, parent in zip(operands_before(node), node.parents, strict=True):
            if parent is None or parent not in self.inner:
                found.append(_slice(x if parent is None else self._now.get(parent, x), axis, low, high))
            elif parent in self._places:
                found.append(self._placed(parent, low, high))
            else:
                found.append(self._value(parent, axis, low, high))
        if all(x is None for x in found):
            return None
        zero = 0.0 if node.dtype.kind in "fc" else 0
        return ops.add(*(zero if x is None else x for x in found))

    def _placed(self, node: Node, low: int, high: int) -> Any:
        """A part of an array that is zero but for a slice."""
        axis, start, stop = self._places[node]
        if not start <= low < stop:
            return None
        (x,) = operands_before(node)
        x = self._now.get(x._node, x) if isinstance(x, Box) and x._node is not None else x
        shape = (*node.shape[:axis], stop - start, *node.shape[axis + 1 :])
        x = x if spec_of_operand(x).shape == shape else ops.reshape(x, shape=shape)
        return _slice(x, axis, low - start, high - start)


def _slice(x: Any, axis: int, low: int, high: int) -> Any:
    if (low, high) == (0, spec_of_operand(x).shape[axis]):
        return x
    return ops.gather(x, index=(*(slice(None),) * axis, slice(low, high)))


def is_sum(node: Node) -> bool:
    """Whether a call adds two arrays of numbers of its own shape and dtype, which are large."""
    if node.op is None or node.op.name != "add" or not node.symbolic or node.size < LARGE or node.dtype.kind == "b":
        return False
    return all(spec_of_operand(x) == node.spec for x in operands_before(node))


def place_of(node: Node) -> Place | None:
    """Where a large array that a call makes is not zero: a slice, or a row, along one axis; None if it is elsewhere."""
    if node.op is None or node.op.name != "scatter_add" or not node.symbolic or node.size < LARGE:
        return None
    index = node.params["index"]
    if any(part is SLOT or part is None or isinstance(part, bool) for part in index):
        return None
    found = None
    for axis, chosen in enumerate(without_ellipsis(index, len(node.shape))):
        size = node.shape[axis]
        places = range(size)[chosen] if isinstance(chosen, slice) else range(chosen % size, chosen % size + 1)
        if places == range(size) and isinstance(chosen, slice):
            continue
        if found is not None or places.step != 1 or not places:
            return None
        found = Place(axis, places.start, places.stop)
    return found
