"""Is a graph legal? Every node's spec is derived again from its operands, and its bookkeeping compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, SymbolError
from chainrule.graph.graph import Graph
from chainrule.graph.operands import kept_operands
from chainrule.node import Freed, Node
from chainrule.op import REGISTRY, Op
from chainrule.spec import Spec, spec_of
from chainrule.tree import flatten


def check(graph: Graph) -> None:
    """Raise a SymbolError at the first node that breaks a law of graphs, with the line that made it.

    The laws: parents are older than children and in the graph; operands are as many as the op takes; static
    parameters are the op's own, spelled canonically; a node keeps what its rules name and no more; shape and dtype are
    what the op's spec rule says; the inputs and outputs of the graph are nodes of it. Graphs in parameters
    obey them too.
    """
    graphs, known = [graph], {graph}
    for one in graphs:
        _check_graph(one)
        for node in one.nodes:
            inner = [x for x in flatten(list(node.params.values()))[0] if isinstance(x, Graph) and x not in known]
            graphs += inner
            known.update(inner)


def _check_graph(graph: Graph) -> None:
    seen: set[Node] = set()
    newest = -1
    for node in graph.nodes:
        if node.number <= newest:
            raise _illegal(node, f"its number is {node.number}, after {newest}", "numbers that grow along the graph")
        newest = node.number
        for parent in node.parents:
            # An input cuts the graph: what lies before it is not walked.
            if parent is not None and parent not in seen:
                raise _illegal(
                    node, f"its operand {parent.name()} does not come before it", "parents older than children"
                )
        if node.op is not None:
            _check_call(node, node.op)
        elif len(node.parents) > 1:
            raise _illegal(
                node, f"it has no op but {len(node.parents)} parents", "at most one, the node it is an alias of"
            )
        seen.add(node)
    for y in graph.outputs:
        if y._node is not None and y._node not in seen:
            raise _illegal(y._node, "it is an output but no node of the graph", "outputs that are walked")
        if y._node is not None and y._value is not None and spec_of(y._value) != y._node.spec:
            raise _illegal(y._node, f"its value is {spec_of(y._value)!r}", f"the spec of the node, {y._node.spec!r}")


def _check_call(node: Node, op: Op) -> None:
    if REGISTRY.get(op.name) is not op:
        raise _illegal(node, "its op is not the registered one of that name", "an op of the registry")
    if op.arity is not None and len(node.parents) != op.arity:
        raise _illegal(node, f"it has {len(node.parents)} operands", f"{op.arity}")
    if set(node.params) != set(op.parameters):
        raise _illegal(node, f"its parameters are {sorted(node.params)}", f"{sorted(op.parameters)}")
    _check_kept(node, op)
    specs = _operand_specs(node)
    if any(spec is None for spec in specs):
        return  # a recorded node does not know the constants that its rules do not need
    assert op.spec is not None
    try:
        if op.canonical is not None:
            # As in a call, numbers count as 0-d arrays here.
            arrays = [x if isinstance(x, Spec) else spec_of(np.asarray(x)) for x in specs]
            canonical = op.canonical(*arrays, **node.params)
            if canonical != node.params:
                raise _illegal(node, f"its parameters are {node.params}", f"their canonical spelling {canonical}")
        derived = op.spec(*specs, **node.params)
    except SymbolError:
        raise
    except ChainruleError as error:
        raise _illegal(node, f"its op refuses its operands: {error.message}", "operands that the op takes") from error
    if derived != node.spec:
        raise _illegal(node, f"it is declared {node.spec!r}", f"{derived!r}, as its operands say")


def _check_kept(node: Node, op: Op) -> None:
    if node.kept is None or node.kept.__class__ is Freed:
        return
    if len(node.kept) != 1 + len(node.parents):
        raise _illegal(node, f"it has {len(node.kept)} kept slots", f"{1 + len(node.parents)}: out and operands")
    if node.symbolic:
        return
    mask = sum(1 << i for i, parent in enumerate(node.parents) if parent is not None)
    for slot, (value, needed) in enumerate(zip(node.kept, op.keeps(mask, len(node.parents)), strict=True)):
        if not needed and isinstance(value, (np.ndarray, np.generic)):
            name = f"operand {slot - 1}" if slot else "its out"
            raise _illegal(node, f"it keeps {name}, which no rule names", "None or a Spec in that place")


def _operand_specs(node: Node) -> list[Any]:
    return [
        parent.spec if parent is not None else None if value is None else spec_of(value)
        for value, parent in zip(kept_operands(node), node.parents, strict=True)
    ]


def _illegal(node: Node, wrong: str, expected: str) -> SymbolError:
    return SymbolError(
        f"[check] node {node.name()} ({node.spec!r}) is not legal: {wrong}; expected {expected}; "
        f"build graphs by calling ops, and passes by replacing whole nodes.",
        node.location,
    )
