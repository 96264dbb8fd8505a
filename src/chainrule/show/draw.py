"""A graph drawn with lines: values flow down, one operation a line."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.box import Box
from chainrule.graph.graph import Graph, graph_of
from chainrule.graph.text import call_text
from chainrule.node import Node


def draw(*outputs: Box, **leaves: Box) -> str:
    """The graph behind Tensors, recorded or symbolic, as a drawing.

    Values flow downwards along the lines, and an arrow leads into the node (●) that takes them in. A line that meets
    another with a corner or a cross joins it; one that passes behind it does not. Keywords name leaves, which have no
    names of their own: ``draw(y, x=x)``.

    >>> import chainrule as cr
    >>> a, b = cr.symbol("a"), cr.symbol("b")
    >>> print(draw(2 * a + b))
    ●    a  = input
    │ ●  b  = input
    ▼ │
    ● │  %0 = multiply(2, a)
    ▼ │
    ●◄┘  %1 = add(%0, b)
    """
    graph = graph_of(*outputs)
    names = named(graph, leaves)
    width = max(map(len, names.values()))
    rows: list[tuple[str, str]] = []
    for node, before, line in _lines(graph):
        if before:
            rows.append((before, ""))
        rows.append((line, f"{names[node]:<{width}} = {text_of(node, names)}"))
    reach = max(len(line) for line, _ in rows)
    return "\n".join(f"{line:<{reach}}  {text}".rstrip() for line, text in rows)


def named(graph: Graph, leaves: Mapping[str, Box]) -> dict[Node, str]:
    """The names of a graph's nodes, with the caller's names for its leaves."""
    return graph.names() | {leaf._node: name for name, leaf in leaves.items()}


def text_of(node: Node, names: Mapping[Node, str]) -> str:
    """A node as the call that made it, or as what it is when no call did."""
    if node.op is None and not node.parents:
        return "input" if node.symbolic else "leaf"
    return call_text(node, names)


def _lines(graph: Graph):
    """(node, the arrow above it, its line of the drawing), oldest first."""
    parents = {node: {p for p in node.parents if p is not None} for node in graph.nodes}
    uses = dict.fromkeys(graph.nodes, 0)
    for operands in parents.values():
        for parent in operands:
            uses[parent] += 1
    lanes: list[Node | None] = []  # whose value runs down each lane
    for node, operands in parents.items():
        joining = {lanes.index(p) for p in operands}
        for p in operands:
            uses[p] -= 1
        ending = {i for i in joining if not uses[lanes[i]]}  # type: ignore[index]  # what is joined is in a lane
        before = ""
        if ending:
            own = min(ending)
            before = " ".join("▼" if i == own else "│" if lane else " " for i, lane in enumerate(lanes)).rstrip()
        else:
            own = lanes.index(None) if None in lanes else len(lanes)
            lanes += [None] * (own == len(lanes))
        yield node, before, _line(lanes, own, joining - {own}, ending)
        for i in ending:
            lanes[i] = None
        lanes[own] = node if uses[node] else None


def _line(lanes: list[Node | None], own: int, joining: set[int], ending: set[int]) -> str:
    """One node, and the lines of operands that join it from the lanes on its left and right."""
    marks = ["│" if lane else " " for lane in lanes]
    gaps = [" "] * len(lanes)  # gaps[i] lies between lane i and lane i + 1
    for side in (range(own - 1, -1, -1), range(own + 1, len(lanes))):
        arriving = [i for i in side if i in joining]
        if not arriving:
            continue
        end, left = arriving[-1], arriving[-1] < own
        for i in side:
            gaps[i if left else i - 1] = "─"
            if i == end:
                marks[i] = ("└" if left else "┘") if i in ending else "├" if left else "┤"
                break
            if i in joining:
                marks[i] = "┴" if i in ending else "┼"
            elif not lanes[i]:
                marks[i] = "─"
        gaps[own - 1 if left else own] = "►" if left else "◄"
    marks[own] = "●"
    return "".join(mark + gap for mark, gap in zip(marks, gaps, strict=True)).rstrip()
