"""Dead code: what no output needs."""

from __future__ import annotations

from typing import Any

from chainrule.graph.graph import Graph
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import ops
from chainrule.passes.inside import located
from chainrule.passes.narrow import Narrowed, narrowed
from chainrule.passes.rebuild import alike, rebuilt, refuse_unknown


def dce(graph: Graph) -> Any:
    """The graph of what its outputs need, and nothing else; the inputs stay, used or not.

    Of calls of graphs, choices and loops it leaves what the outputs need, too: fewer outputs, carries and operands.

    >>> x = cr.symbol("x")
    >>> y, dead = cr.sin(x), cr.cos(x)
    >>> print(cr.passes.dce(cr.Graph([x], [y])))
    x  = input  : float64[]
    %0 = sin(x) : float64[]
    return %0
    """
    refuse_unknown("dce", graph)
    fewer, live = _needed(graph)
    if fewer:
        return rebuilt("dce", graph, lambda node, operands: _made(node, operands, fewer.get(node)), live=live)
    return alike(graph, graph.inputs, list(graph.outputs))  # which walks from the outputs


def _needed(graph: Graph) -> tuple[dict[Node, Narrowed], set[Node]]:
    """The calls of which a part is enough, and all nodes that the outputs need then."""
    live: set[Any] = {y._node for y in graph.outputs}
    used: dict[Any, set[int]] = {}
    fewer: dict[Node, Narrowed] = {}
    for node in reversed(graph.nodes):
        if node not in live:
            continue
        if node.op is PICK:
            used.setdefault(node.left, set()).add(node.params["index"])
        found = narrowed(node, used[node]) if node in used else None
        if found is None:
            live.update(node.parents)
        else:
            fewer[node] = found
            live.update(node.parents[i] for i in found.operands)
    return fewer, live


def _made(node: Node, operands: list[Any], part: Narrowed | None) -> Any:
    """The outputs of the narrowed call, in the places they had; None if the call stays."""
    if part is None:
        return None
    function = getattr(ops, node.op.name)  # type: ignore[union-attr]  # calls have an op
    made = located(function(*(operands[i] for i in part.operands), **part.params), node)
    outputs: list[Any] = [None] * len(node.spec)
    for i, y in zip(part.outputs, made, strict=True):
        outputs[i] = y
    return tuple(outputs)
