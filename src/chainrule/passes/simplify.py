"""Rewriting by rules, which are data: see table.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.graph.graph import Graph
from chainrule.node import Node, next_number
from chainrule.op import PICK
from chainrule.passes.patterns import Call, Rule, call_of
from chainrule.passes.rebuild import rebuilt
from chainrule.passes.table import RULES
from chainrule.spec import Spec

AGAIN = 10  # times a result is rewritten once more, so that rules which undo one another come to an end

_by_op: dict[str, list[Rule]] = {}


def rule(pattern: str, replacement: str, where: Callable[..., bool] | None = None, exact: bool = True) -> Rule:
    """Let ``simplify`` put ``replacement`` for ``pattern``, where ``where(**bound)`` holds; it comes after the others.

    Both are calls of ops as a printed graph has them; names stand for operands and parameters, numbers for constants.
    A rule that is not ``exact`` is for ``fast=True``.

    >>> added = cr.passes.rule("sin(asin(u))", "u", exact=False)
    >>> x = cr.symbol("x")
    >>> print(cr.passes.simplify(cr.sin(cr.asin(x)).graph(), fast=True))
    x = input : float64[]
    return x
    """
    made = Rule(pattern, replacement, where, exact)
    rules = _by_op.setdefault(made.root, [])
    if not any((r.pattern, r.replacement, r.where) == (pattern, replacement, where) for r in rules):
        rules.append(made)
    return made


for _rule in RULES:
    _by_op.setdefault(_rule.root, []).append(_rule)


def simplify(graph: Graph, fast: bool = False) -> Graph:
    """The graph with every rule applied that fits, from the inputs to the outputs.

    Results stay the same to the bit (but for the bits of a NaN), or come closer to those of real numbers: log(1 + x)
    becomes log1p(x). With ``fast``, rules apply too that hold for real numbers only.

    >>> x = cr.symbol("x")
    >>> print(cr.passes.simplify((1.0 * -(-x)).graph()))
    x = input : float64[]
    return x
    """

    def rewrite(node: Node, operands: list[Any], _known: dict[Any, Any]) -> Any:
        if node.op is PICK or node.op.outputs is not None:  # type: ignore[union-attr]  # calls have an op
            return None
        start = next_number()
        found = _rewritten((node.op, operands, node.params), node.spec, fast)
        if found is not None:
            _locate(found, node, start)
        return found

    return rebuilt("simplify", graph, rewrite)


def _rewritten(call: Call | None, spec: Spec, fast: bool) -> Any:
    found = None
    for _ in range(AGAIN):
        made = None if call is None else _first(call, spec, fast)
        if made is None:
            break
        found, call = made, call_of(made)
    return found


def _first(call: Call, spec: Spec, fast: bool) -> Any:
    for one in _by_op.get(call[0].name, ()):
        if one.exact or fast:
            made = one.apply(call, spec)
            if made is not None:
                return made
    return None


def _locate(made: Any, node: Node, start: int) -> None:
    """Give the nodes of a replacement, numbered from ``start``, the line of the call they stand for."""
    waiting = [made._node]
    for new in waiting:
        if new is not None and new.number > start:
            new.code, new.instruction = node.code, node.instruction
            waiting += new.parents
