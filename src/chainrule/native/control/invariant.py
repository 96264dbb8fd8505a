"""What does not change from step to step of a loop: computed before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.box import Box, box
from chainrule.graph.body import symbols
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.graph.walk import descendants
from chainrule.native.control.stepping import Body, room
from chainrule.native.language.loops import Pointer
from chainrule.native.listing import COSTS
from chainrule.native.nests.lower import Lowering
from chainrule.node import Node
from chainrule.op import PICK

SMALL = 8  # numbers that the emitter computes before a loop by itself
# What shows an array differently costs nothing in a loop.
VIEWS = {"permute_dims", "matrix_transpose", "reshape", "expand_dims", "squeeze", "broadcast_to", "flip", "getitem"}


def hoisted(lowering: Lowering, graph: Graph, fixed: Sequence[Pointer]) -> tuple[Graph, list[Pointer]]:
    """Write what depends on the first inputs of a body alone; the rest of it, which is given that after those."""
    parts = divided(graph, len(fixed))
    if parts is None:
        return graph, list(fixed)
    before, rest = parts
    body = Body(lowering, before)
    for array, pointer in zip(body.inputs, fixed, strict=True):
        body.given(array, pointer)
    found = [room(lowering, array) for array in body.outputs]
    for array, pointer in zip(body.outputs, found, strict=True):
        body.makes(array, pointer)
    body.lowering.write()
    lowering.e.kept.append(rest)
    return rest, [*fixed, *found]


def divided(graph: Graph, consts: int) -> tuple[Graph, Graph] | None:
    """What depends on the first inputs alone and is worth to be kept, and the rest; None if there is no such thing."""
    fixed, changing = graph.inputs[:consts], graph.inputs[consts:]
    varying = descendants(graph.nodes, changing)
    inside, needed = set(graph.computed), set()
    kept: set[Node] = set()
    waiting = [y._node for y in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node not in inside or node in needed or node in kept:
            continue
        if node not in varying and _worth(node):
            kept.add(node)
        else:
            needed.add(node)
            waiting += node.parents
    if not kept:
        return None
    before = [node for node in graph.computed if node in kept]
    xs, found = symbols(node.spec for node in graph.inputs), symbols(node.spec for node in before)
    known: dict[Any, Any] = dict(zip([*graph.inputs, *before], [*xs, *found], strict=True))
    replay([node for node in graph.computed if node in needed], known)
    rest = Graph([*xs[:consts], *found, *xs[consts:]], outcomes(graph.outputs, known))
    return Graph(fixed, [box(Box.default, None, node) for node in before]), rest


def _worth(node: Node) -> bool:
    """Whether to keep an array rather than to compute it at each step."""
    op = node.op
    if op is None or op.outputs is not None or op.name in VIEWS:
        return False
    if op is PICK or op.emit is None:
        return True
    # What costs little is computed sooner than it is read.
    return node.size > SMALL and COSTS.get(op.name, 1) > 1
