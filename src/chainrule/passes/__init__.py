"""Passes: from a Graph to a Graph that computes the same with less. All are linear in the size of the graph.

The results of ``fold``, ``cse``, ``dce`` and of ``simplify`` are those of the graph they are given, in IEEE arithmetic;
rules that only a real number obeys are applied with ``fast=True`` alone. Inputs and the order of outputs stay, and
so do the lines of the user's program. What graphs in parameters hold (bodies of loops, calls) is left as it is.
"""

from __future__ import annotations

from chainrule.graph.graph import Graph
from chainrule.passes.cse import cse as cse
from chainrule.passes.dce import dce as dce
from chainrule.passes.fold import fold as fold
from chainrule.passes.patterns import Rule as Rule
from chainrule.passes.simplify import rule as rule
from chainrule.passes.simplify import simplify as simplify


def optimize(graph: Graph, fast: bool = False) -> Graph:
    """All passes: fold, cse, simplify, cse again (rules make common parts), dce.

    >>> x = cr.symbol("x", shape=(3,))
    >>> y = cr.log(1.0 + cr.exp(x)) * cr.log1p(cr.exp(x))
    >>> print(cr.passes.optimize(y.graph()))
    x  = input            : float64[3]
    %0 = softplus(x)      : float64[3]
    y  = multiply(%0, %0) : float64[3]
    return y
    """
    return dce(cse(simplify(cse(fold(graph)), fast)))
