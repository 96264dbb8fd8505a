"""Ops that run a function of the user's: what it computes stands in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.graph.body import symbols
from chainrule.graph.graph import Graph
from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import View
from chainrule.node import Node
from chainrule.passes import optimize
from chainrule.spec import Spec


@lowers("custom")
def _custom(lister: Lister, operands: Sequence[Any], node: Node) -> tuple[View, ...] | None:
    call, views = node.params["call"], [lister.view(x) for x in operands]
    xs = symbols(Spec(x.shape, x.dtype) for x in views)
    ys = call.outputs(call.rules.function(*call.args(xs)))
    return _listed(lister, node, Graph(xs, ys), views)


@lowers("checkpoint")
def _checkpoint(lister: Lister, operands: Sequence[Any], node: Node) -> tuple[View, ...] | None:
    segment, views = node.params["segment"], [lister.view(x) for x in operands]
    count = len(segment.moving)
    xs = symbols(Spec(x.shape, x.dtype) for x in views[:count])
    try:
        ys = segment.again(xs).outputs
    except ChainruleError:  # of a function that depends on values
        return None
    return _listed(lister, node, Graph([*xs, *segment.closed], ys), views)


def _listed(lister: Lister, node: Node, graph: Graph, views: Sequence[View]) -> tuple[View, ...] | None:
    graph = optimize(graph)
    lister.kept.append(graph)
    found = lister.graph(graph, views)
    same = all((x.shape, x.dtype) == (spec.shape, spec.dtype) for x, spec in zip(found, node.spec, strict=True))
    return tuple(found) if same else None
