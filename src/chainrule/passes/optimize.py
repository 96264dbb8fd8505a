"""All passes, on a graph and on those inside it."""

from __future__ import annotations

from collections.abc import Callable
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
    made = throughout(graph, dce, lambda one: _again(dce(rewritten("optimize", one, fast, Calls())), _inside, fast))
    return _again(made, select, fast)


def _inside(graph: Graph) -> Any:
    return part(select(graph, arrays=False))


def _again(graph: Graph, change: Callable[[Graph], Any], fast: bool) -> Any:
    """A changed graph, by the rules that fit it now."""
    changed = change(graph)
    return graph if changed is graph else dce(rewritten("optimize", changed, fast, Calls()))


Graph.optimize = optimize  # type: ignore[attr-defined]  # attached here, since what it needs is built on Graph
