"""Constants that a transform of a symbolic function made leaves of, as constants again in what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.box import Box, box
from chainrule.graph.operands import kept_operands
from chainrule.graph.walk import ancestors, descendants
from chainrule.node import Node
from chainrule.ops import ops


def settled(results: Sequence[Any], leaves: Sequence[Node]) -> list[Any]:
    """The results, recorded anew where they depend on leaves of constants: nobody outside can ask derivatives by them.

    What was computed of such leaves alone has a value, and becomes a constant.
    """
    order = ancestors([x._node for x in results if x._node is not None])[::-1]
    idle = set(leaves)
    for node in order:
        parents = [p for p in node.parents if p is not None]
        if not node.symbolic and parents and idle.issuperset(parents):
            idle.add(node)
    known: dict[Node, Any] = {}
    reached = descendants(order, idle)
    for node in order:
        if node not in reached or node in idle:
            continue
        if node.op is None:
            known[node] = known[node.parents[0]]  # type: ignore[index]  # what is reached has a parent that is
            continue
        operands = [
            known[parent]
            if parent in known
            else value
            if parent is None
            else box(Box.default, value, None if parent in idle else parent)
            for value, parent in zip(kept_operands(node), node.parents, strict=True)
        ]
        function = getattr(ops, node.op.name)
        known[node] = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
    return [
        box(type(x), x._value, None) if x._node in idle else known.get(x._node, x) for x in results
    ]  # fmt: skip
