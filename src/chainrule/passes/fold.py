"""Constants are computed once, before any run."""

from __future__ import annotations

from chainrule.graph.graph import Graph
from chainrule.passes.rebuild import rebuilt


def fold(graph: Graph) -> Graph:
    """The graph with every call on constants alone replaced by its value, and no aliases.

    Calls on values compute at once, so constants come up where another pass put one. A Tensor that requires a gradient
    keeps it.

    >>> x = cr.symbol("x")
    >>> print(cr.passes.fold((x + cr.sin(0.0)).graph()))
    x  = input       : float64[]
    %0 = add(x, 0.0) : float64[]
    return %0
    """
    return rebuilt("fold", graph)
