"""Dead code: what no output needs."""

from __future__ import annotations

from chainrule.graph.graph import Graph
from chainrule.passes.rebuild import refuse_unknown


def dce(graph: Graph) -> Graph:
    """The graph of what its outputs need, and nothing else; the inputs stay, used or not.

    >>> x = cr.symbol("x")
    >>> y, dead = cr.sin(x), cr.cos(x)
    >>> print(cr.passes.dce(cr.Graph([x], [y])))
    x  = input  : float64[]
    %0 = sin(x) : float64[]
    return %0
    """
    refuse_unknown("dce", graph)
    return Graph(graph.inputs, graph.outputs)  # which walks from the outputs
