"""What every pass does: record the graph again, with something else for some of its calls."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

import numpy as np

from chainrule.apply import picks
from chainrule.box import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.body import Body
from chainrule.graph.graph import Graph, operands_of
from chainrule.graph.replay import outcomes, replay
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import ops
from chainrule.trace import Traced
from chainrule.unknown import UnknownNode

Known = dict[Any, Any]
Expand = Callable[[Node, list[Any]], Any]


def rebuilt(
    name: str,
    graph: Graph,
    expand: Expand | None = None,
    after: Callable[[Node, Any], None] | None = None,
    live: Container[Node] | None = None,
    first: Container[Node] = (),
) -> Any:
    """The graph recorded again; calls that stay as they are, on operands that do, keep their nodes.

    ``expand(node, operands)`` may give the outputs of a call, or None, which leaves it as it is; ``after(node, out)``
    is told what stands for it then. Nodes that are not ``live``, if that is given, are left out; ``first`` come those
    that are named so, with all that they depend on.
    """
    refuse_unknown(name, graph)
    known: Known = {node: box(Box.default, None, node) for node in graph.inputs}
    with np.errstate(all="ignore"):  # constants are computed here, maybe for a branch that is never taken
        for node in sorted(graph.computed, key=lambda node: node not in first):
            if live is not None and node not in live:
                known[node] = None
                continue
            if node.op is None:
                known[node] = known[node.parents[0]]
            elif node.op is PICK:
                known[node] = known[node.left][node.params["index"]]
            else:
                _remake(node, known, expand)
            if after is not None:
                after(node, known[node])
    return alike(graph, graph.inputs, outcomes(graph.outputs, known))


def _remake(node: Node, known: Known, expand: Expand | None) -> None:
    if expand is not None:
        found = expand(node, operands_of(node, known, ops))
        if found is not None:
            known[node] = found
            return
    if not node.symbolic or any(p in known and known[p]._node is not p for p in node.parents if p is not None):
        replay((node,), known)
    elif node.op.outputs is None:  # type: ignore[union-attr]  # calls have an op
        known[node] = box(Box.default, None, node)
    else:
        known[node] = outputs = tuple(picks(Box.default, node, node.spec))
        for y in outputs:
            y._node.code, y._node.instruction = node.code, node.instruction


def locate(made: Any, node: Node, start: int) -> None:
    """Give the nodes of a replacement, numbered from ``start``, the line of the call they stand for."""
    waiting = [made._node]
    for new in waiting:
        if new is not None and new.number > start:
            new.code, new.instruction = node.code, node.instruction
            waiting += new.parents


def alike(graph: Graph, inputs: Iterable[Node], outputs: list[Any]) -> Any:
    """A graph of the same kind, between these nodes: a traced one keeps its trees, a body is one still."""
    if isinstance(graph, Traced):
        return Traced(graph._name, tuple(inputs), outputs, graph._taken, graph._given)
    if isinstance(graph, Body):
        return Body([box(Box.default, None, node) for node in inputs], outputs)
    return Graph(tuple(inputs), outputs)


def refuse_unknown(name: str, graph: Graph) -> None:
    """An error if shapes are still open: what a call leaves behind is then not known."""
    for node in graph.nodes:
        if node.__class__ is UnknownNode:
            raise SymbolError(
                f"[{name}] the shape of {node.name()} is not known yet; expected a graph of known shapes and dtypes; "
                f"declare those of its symbols, e.g. symbol('x', shape=(2, 3)).",
                node.location,
            )
