"""Which inputs of a graph are states of streams of random numbers, and how much is drawn from each."""

from __future__ import annotations

from typing import Any

from chainrule.graph.graph import Graph


def drawn_from(graph: Graph) -> dict[int, int]:
    """The numbers of inputs that are states, and how many blocks are drawn from them."""
    places: dict[Any, tuple[int, int]] = {node: (i, 0) for i, node in enumerate(graph.inputs)}
    found: dict[int, int] = {}
    for node in graph.computed:
        place = next((places[p] for p in node.parents if p in places), None)
        if place is None:
            continue
        number, ahead = place
        if node.op is None:
            places[node] = place
        elif node.op.name == "philox":
            found[number] = max(found.get(number, 0), ahead + node.params["offset"] + node.params["blocks"])
        elif node.op.name == "add" and node.shape == (3,) and node.dtype.kind == "u":
            # The state of a function that is called in another, which has drawn before.
            steps = [x for x, p in zip(node.kept[1:], node.parents, strict=True) if p is None]
            if steps:
                places[node] = number, ahead + int(steps[0][2])
    return found
