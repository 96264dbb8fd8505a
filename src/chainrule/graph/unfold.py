"""Calls of Python functions in a graph, unfolded: what a checkpointed function computes stands in place of its call."""

from __future__ import annotations

from typing import Any

from chainrule.apply import Box, box
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.node import Node


def unfolded(graph: Graph) -> Graph:
    """This graph with the inside of every checkpoint in its place. (Only a graph that was recorded has them.)"""
    if not any(is_checkpoint(node) for node in graph.computed):
        return graph
    known: dict[Any, Any] = {node: box(Box.default, None, node) for node in graph.inputs}
    replay(graph.computed, known, _inside)
    return Graph(graph.inputs, outcomes(graph.outputs, known))


def is_checkpoint(node: Node) -> bool:
    return node.op is not None and node.op.name == "checkpoint"


def _inside(node: Node, operands: list[Any]) -> Any:
    if not is_checkpoint(node):
        return None
    return tuple(node.params["segment"].again(operands).outputs)
