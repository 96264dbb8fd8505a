"""Common subexpressions: equal calls are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node
from chainrule.passes.rebuild import rebuilt
from chainrule.spec import content_of, distinct

# Ops whose operands may be exchanged, with the same result to the bit. (The larger of 0.0 and −0.0 may be either.)
COMMUTING = frozenset({
    "add", "multiply", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor",
})  # fmt: skip


def cse(graph: Graph) -> Any:
    """The graph with one call in place of all that have the same op, operands and parameters.

    Constants are the same if they are to the bit: 1 and 1.0 differ, 0.0 and −0.0 too, NaN equals itself. A Tensor that
    requires a gradient is the same as itself only. Sums, products and the like may have their operands in any order.

    >>> x = cr.symbol("x")
    >>> print(cr.passes.cse((cr.sin(x) * cr.sin(x)).graph()))
    x  = input            : float64[]
    %0 = sin(x)           : float64[]
    %1 = multiply(%0, %0) : float64[]
    return %1
    """
    calls = Calls()
    keys: dict[Node, Any] = {}

    def merge(node: Node, operands: list[Any]) -> Any:
        keys[node] = key = calls.key(node.op, operands, node.params)
        return calls.get(key)

    return rebuilt("cse", graph, merge, lambda node, out: calls.add(keys.pop(node, None), out))


class Calls:
    """The calls made so far, each with what it gave."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def key(self, op: Any, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """What equal calls have in common; None for a call that cannot be told from others."""
        places: Any = tuple(map(spelled, operands))
        if op.name in COMMUTING:
            places = frozenset(places)
        key = (op, places, spelled(tuple(params.items()))) if params else (op, places)
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def get(self, key: Any) -> Any:
        return None if key is None else self._known.get(key)

    def add(self, key: Any, out: Any) -> None:
        if key is not None:
            self._known[key] = out


def spelled(x: Any) -> Any:
    """Something hashable that is equal for what is the same to the bit only."""
    if isinstance(x, Box):
        return x._node if x._node is not None else spelled(x._value)
    if isinstance(x, (np.ndarray, np.generic)):
        once = distinct(np.asarray(x))
        return x.dtype.str, x.shape, once.shape, content_of(once)
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(spelled, x))
    if isinstance(x, slice):
        return slice, spelled((x.start, x.stop, x.step))
    return type(x), repr(x) if isinstance(x, (float, complex)) else x
