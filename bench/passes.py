"""Passes over the gradient of a graph of 10,000 nodes: to derive it, and to rid it of what is there twice or dead."""

from __future__ import annotations

from typing import Any

import chainrule as cr
from bench.measure import Row, in_turn

NODES = 10_000


def chain() -> tuple[Any, Any]:
    x = cr.symbol("x", shape=(3,))
    y = x
    for _ in range(NODES // 2):
        y = cr.sin(y) * 1.0001
    return x, cr.sum(y)


def rows() -> list[Row]:
    x, y = chain()
    whole = cr.Graph([x], [cr.gradients(y, x)])

    def derived() -> Any:
        graph = cr.Graph([x], [cr.gradients(y, x)])
        return cr.passes.dce(cr.passes.cse(graph))

    runs = {
        "grad, cse and dce": (derived, 1.0),
        "simplify": (lambda: cr.passes.simplify(whole), None),
        "optimize": (lambda: cr.passes.optimize(whole), 1.0),
    }
    taken = in_turn({name: run for name, (run, _) in runs.items()}, rounds=3)
    return [
        Row(f"{name}, of {NODES} nodes", "s", {"core": taken[name]}, "core", limit) for name, (_, limit) in runs.items()
    ]
