"""Common subexpressions: equal calls are made once."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.passes.rebuild import rebuilt


def cse(graph: Graph) -> Graph:
    """The graph with one call in place of all that have the same op, operands and parameters.

    Constants are the same if they are to the bit: 1 and 1.0 differ, 0.0 and −0.0 too, NaN equals itself. A Tensor that
    requires a gradient is the same as itself only.

    >>> x = cr.symbol("x")
    >>> print(cr.passes.cse((cr.sin(x) * cr.sin(x)).graph()))
    x  = input            : float64[]
    %0 = sin(x)           : float64[]
    %1 = multiply(%0, %0) : float64[]
    return %1
    """
    first: dict[Any, Node] = {}

    def merge(node: Node, operands: list[Any], known: dict[Any, Any]) -> Any:
        if node.op is PICK:  # its operand is the tuple of outputs of a call that was merged before
            return None
        key = (node.op, spelled(operands), spelled(list(node.params.items())))
        try:
            return known.get(first.setdefault(key, node))
        except TypeError:  # a parameter that cannot be told from others
            return None

    return rebuilt("cse", graph, merge)


def spelled(x: Any) -> Any:
    """Something hashable that is equal for what is the same to the bit only."""
    if isinstance(x, Box):
        return x._node if x._node is not None else spelled(x._value)
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(spelled, x))
    if isinstance(x, slice):
        return slice, spelled((x.start, x.stop, x.step))
    return type(x), repr(x) if isinstance(x, (float, complex)) else x
