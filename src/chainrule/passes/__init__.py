"""Passes: from a Graph to a Graph that computes the same with less. All are linear in the size of the graph.

The results of ``fold``, ``cse``, ``dce``, ``part`` and of ``simplify`` are those of the graph they are given, in IEEE
arithmetic; rules that only a real number obeys are applied with ``fast=True`` alone. ``select`` leaves open in what
order products and sums add up. Inputs and the order of outputs stay, and so do the lines of the user's program. Graphs
in parameters (bodies of loops, branches, calls) are the business of ``optimize``, and of ``dce``, which narrows them to
what is used.
"""

from __future__ import annotations

from chainrule.passes.cse import cse as cse
from chainrule.passes.dce import dce as dce
from chainrule.passes.fold import fold as fold
from chainrule.passes.optimize import optimize as optimize
from chainrule.passes.part import part as part
from chainrule.passes.patterns import Rule as Rule
from chainrule.passes.select import select as select
from chainrule.passes.simplify import rule as rule
from chainrule.passes.simplify import simplify as simplify
