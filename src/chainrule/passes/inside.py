"""Graphs inside graphs: the bodies of loops, branches, and what is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.graph.graph import Graph
from chainrule.node import Node
from chainrule.ops import ops
from chainrule.passes.rebuild import rebuilt


def graphs_in(node: Node) -> list[Graph]:
    """The graphs in the parameters of a call."""
    found = []
    for value in node.params.values():
        found += [x for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, Graph)]
    return found


def throughout(graph: Graph, before: Callable[[Graph], Any], after: Callable[[Graph], Any]) -> Any:
    """A graph after two passes, of which the second finds every graph inside passed already; each graph once."""
    done: dict[Graph, Any] = {}
    opened: dict[Graph, Graph] = {}
    waiting = [graph]
    while waiting:
        one = waiting[-1]
        if one in done:
            waiting.pop()
            continue
        if one not in opened:
            opened[one] = before(one)
            inner = [x for node in opened[one].computed for x in graphs_in(node) if x not in done]
            if inner:
                waiting += inner
                continue
        waiting.pop()
        done[one] = after(exchanged(opened[one], done))
    return done[graph]


def exchanged(graph: Graph, new: Mapping[Any, Any]) -> Graph:
    """The graph with new graphs in the parameters of its calls."""
    if not any(map(graphs_in, graph.computed)):
        return graph

    def exchange(value: Any) -> Any:
        if isinstance(value, Graph):
            return new.get(value, value)
        return tuple(map(exchange, value)) if isinstance(value, tuple) else value

    def expand(node: Node, operands: list[Any]) -> Any:
        if all(new.get(x, x) is x for x in graphs_in(node)):
            return None
        params = {name: exchange(value) for name, value in node.params.items()}
        return located(getattr(ops, node.op.name)(*operands, **params), node)  # type: ignore[union-attr]  # calls have an op

    return rebuilt("optimize", graph, expand)


def located(outputs: Any, node: Node) -> tuple[Any, ...]:
    """The outputs of a new call, with the line of the call they stand for."""
    for y in outputs:
        if y._node is not None:
            for new in (y._node, y._node.left):
                new.code, new.instruction = node.code, node.instruction
    return tuple(outputs)
