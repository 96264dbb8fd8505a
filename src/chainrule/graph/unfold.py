"""Calls of Python functions in a graph, unfolded: what they compute stands in their place."""

from __future__ import annotations

from typing import Any

from chainrule.box import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.node import Node


def unfolded(graph: Graph, rules: bool = False) -> Graph:
    """This graph with the inside of every checkpoint in its place, and with ``rules`` that of every custom_rule.

    The values are the same. Only a graph that was recorded has checkpoints. Rules of one's own are for derivatives
    that are yet to come, and lost.
    """
    if any(node.axis is not None for node in graph.nodes):
        raise SymbolError(
            "[graph] this graph is that of one sample of a vmap, which has no program of its own; expected a graph "
            "from outside of the mapped function; take the graph of what vmap gives."
        )
    names = {"checkpoint", "custom"} if rules else {"checkpoint"}
    if not any(node.op is not None and node.op.name in names for node in graph.computed):
        return graph

    def inside(node: Node, operands: list[Any]) -> Any:
        if node.op is None or node.op.name not in names:
            return None
        if node.op.name == "checkpoint":
            return tuple(node.params["segment"].again(operands).outputs)
        call = node.params["call"]
        return tuple(call.outputs(call.rules.function(*call.args(operands))))

    known: dict[Any, Any] = {node: box(Box.default, None, node) for node in graph.inputs}
    replay(graph.computed, known, inside)
    return unfolded(Graph(graph.inputs, outcomes(graph.outputs, known)), rules)
