"""Rewriting by rules, which are data: see table.py, shapes.py and products.py."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.box import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node, next_number
from chainrule.passes import products, shapes, table
from chainrule.passes.cse import Calls
from chainrule.passes.patterns import Rule, call_of, heads_of, spec_of_operand
from chainrule.passes.rebuild import locate, rebuilt
from chainrule.spec import Spec

AGAIN = 20  # rules that are applied for one call, so that those which undo one another come to an end


@functools.cache
def rules_by_op() -> dict[str, list[Rule]]:
    """All rules, by the op of what they replace; read at the first use, as reading them takes its time."""
    found: dict[str, list[Rule]] = {}
    for one in (*table.rules(), *shapes.rules(), *products.rules()):
        found.setdefault(one.root, []).append(one)
    return found


class Added(Rule):
    """A rule that a user added, and may remove."""

    def remove(self) -> None:
        """Let ``simplify`` forget this rule; of a rule that is removed already, nothing is left to do."""
        rules = rules_by_op()[self.root]
        rules[:] = [r for r in rules if r is not self]


def rule(
    pattern: str,
    replacement: str,
    where: Callable[..., bool] | None = None,
    exact: bool = True,
    let: Mapping[str, Callable[..., Any]] | None = None,
    once: str = "",
) -> Added:
    """Let ``simplify`` put ``replacement`` for ``pattern``, where ``where(**bound)`` holds; it comes after the others.

    Both are calls of ops as a printed graph has them; names stand for operands and parameters, numbers for constants.
    A rule that is not ``exact`` is for ``fast=True``; for ``let`` and ``once`` see ``Rule``. It holds until its
    ``remove()``: most rules are for good, from the import of the module that states them, and a block of ``with``
    would end before the functions that they are for are called.

    >>> added = cr.passes.rule("sin(asin(u))", "u", exact=False)
    >>> x = cr.symbol("x")
    >>> print(cr.passes.simplify(cr.sin(cr.asin(x)).graph(), fast=True))
    x = input : float64[]
    return x
    >>> added.remove()
    """
    made = Added(pattern, replacement, where, exact, let or {}, once)
    rules = rules_by_op().setdefault(made.root, [])
    same = [r for r in rules if r == made and isinstance(r, Added)]
    if not same:
        rules.append(made)
    return same[0] if same else made  # type: ignore[return-value]  # one that was added


def simplify(graph: Graph, fast: bool = False) -> Any:
    """The graph with every rule applied that fits, from the inputs to the outputs.

    Results stay the same to the bit (but for the bits of a NaN), or come closer to those of real numbers: log(1 + x)
    becomes log1p(x). The order in which a product of matrices sums is that of BLAS before and after. With ``fast``,
    rules apply too that hold for real numbers only.

    >>> x = cr.symbol("x")
    >>> print(cr.passes.simplify((1.0 * -(-x)).graph()))
    x = input : float64[]
    return x
    """
    return rewritten("simplify", graph, fast)


def rewritten(name: str, graph: Graph, fast: bool, calls: Calls | None = None) -> Any:
    """The graph with rules applied, and, with ``calls``, one call in place of equal ones, in one walk."""
    rewriting = Rewriting(graph, fast, calls)
    return rebuilt(name, graph, rewriting.expand, rewriting.after)


class Rewriting:
    """One walk over a graph by the rules."""

    def __init__(self, graph: Graph, fast: bool, calls: Calls | None):
        self._rules = {op: [r for r in rules if r.exact or fast] for op, rules in rules_by_op().items()}
        self._fitting: dict[Any, list[Rule]] = {}
        self._calls = calls
        self._keys: dict[Node, Any] = {}
        self._budget = 0
        self._wanted = Counter(parent for node in graph.computed for parent in node.parents)
        self._wanted.update(y._node for y in graph.outputs)
        self._uses: Counter[Node] = Counter()

    def expand(self, node: Node, operands: list[Any]) -> Any:
        """What stands for a call: an equal one from before, or what the rules make of it; None where it stays."""
        op, params = node.op, node.params
        assert op is not None
        if self._calls is not None:
            self._keys[node] = key = self._calls.key(op, operands, params)
            found = self._calls.get(key)
            if found is not None:
                return found
        if op.name not in self._rules or op.outputs is not None:
            return None
        start, self._budget = next_number(), AGAIN
        found = self._applied((op, operands, params), node.spec)
        if found is not None:
            locate(found, node, start)
        return found

    def after(self, node: Node, out: Any) -> None:
        """Note what stands for a call now."""
        if self._calls is not None:
            self._calls.add(self._keys.pop(node, None), out)
        if isinstance(out, Box) and out._node is not None:
            self._uses[out._node] += self._wanted[node]

    def shared(self, x: Any) -> bool:
        """Whether there is more than one use of the result of a call."""
        return self._uses[x._node] > 1

    def _applied(self, call: Any, spec: Spec) -> Any:
        found = None
        while call is not None and self._budget > 0:
            made = self._first(call, spec)
            if made is None:
                break
            self._budget -= 1
            found, call = made, call_of(made)
        return None if found is None else self._merged(found)

    def _first(self, call: Any, spec: Spec) -> Any:
        rules = self._rules.get(call[0].name)
        if not rules:
            return None
        heads = (call[0], *heads_of(call[1]))
        fitting = self._fitting.get(heads)
        if fitting is None:
            fitting = self._fitting[heads] = [one for one in rules if one.may_fit(heads[1:])]
        for one in fitting:
            made = one.apply(call, spec, self)
            if made is not None:
                return made
        return None

    def __call__(self, made: Any) -> Any:
        """What stands for a call that was just made inside a replacement."""
        call = call_of(made)
        if call is None:
            return made
        found = self._applied(call, spec_of_operand(made))
        return self._merged(made) if found is None else found

    def _merged(self, made: Any) -> Any:
        """The same call from before, if there is one."""
        call = call_of(made) if self._calls is not None else None
        if call is None:
            return made
        key = self._calls.key(*call)  # type: ignore[union-attr]  # there are calls
        found = self._calls.get(key)  # type: ignore[union-attr]  # there are calls
        if found is None:
            self._calls.add(key, made)  # type: ignore[union-attr]  # there are calls
            return made
        return found
