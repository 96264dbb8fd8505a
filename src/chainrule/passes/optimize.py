"""All passes, on a graph and on those inside it."""

from __future__ import annotations

from typing import Any

from chainrule.graph.graph import Graph
from chainrule.passes.cse import Calls
from chainrule.passes.dce import dce
from chainrule.passes.inside import throughout
from chainrule.passes.part import part
from chainrule.passes.rebuild import refuse_unknown
from chainrule.passes.select import select
from chainrule.passes.simplify import rewritten


def optimize(graph: Graph, fast: bool = False) -> Any:
    """All passes: constants folded, equal calls made once, and every rule applied, in one walk; then the others.

    So are the graphs inside: bodies of loops, branches, and what is called. It is a method of graphs too.

    >>> x = cr.symbol("x", shape=(3,))
    >>> y = cr.log(1.0 + cr.exp(x)) * cr.log1p(cr.exp(x))
    >>> print(y.graph().optimize())
    x  = input       : float64[3]
    %0 = softplus(x) : float64[3]
    y  = square(%0)  : float64[3]
    return y
    """
    refuse_unknown("optimize", graph)
    return throughout(graph, dce, lambda one: _optimized(one, fast))


def _optimized(graph: Graph, fast: bool) -> Any:
    simpler = dce(rewritten("optimize", graph, fast, Calls()))
    smaller = part(select(simpler))
    return simpler if smaller is simpler else dce(rewritten("optimize", smaller, fast, Calls()))


Graph.optimize = optimize  # type: ignore[attr-defined]  # attached here, since what it needs is built on Graph
