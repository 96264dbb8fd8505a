"""What every pass does: record the graph again, with something else for some of its calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.node import Node
from chainrule.unknown import UnknownNode

Expand = Callable[[Node, list[Any], dict[Any, Any]], Any]


def rebuilt(name: str, graph: Graph, expand: Expand | None = None) -> Graph:
    """The graph recorded again.

    ``expand(node, operands, known)`` may give the outputs of a call, or None, which leaves it as it is; ``known`` has
    what stands for the nodes so far.
    """
    refuse_unknown(name, graph)
    known: dict[Any, Any] = {node: box(Box.default, None, node) for node in graph.inputs}
    with np.errstate(all="ignore"):  # constants are computed here, maybe for a branch that is never taken
        replay(graph.computed, known, expand and (lambda node, operands: expand(node, operands, known)))
    return Graph(graph.inputs, outcomes(graph.outputs, known))


def refuse_unknown(name: str, graph: Graph) -> None:
    """An error if shapes are still open: what a call leaves behind is then not known."""
    for node in graph.nodes:
        if node.__class__ is UnknownNode:
            raise SymbolError(
                f"[{name}] the shape of {node.name()} is not known yet; expected a graph of known shapes and dtypes; "
                f"declare those of its symbols, e.g. symbol('x', shape=(2, 3)).",
                node.location,
            )
