"""A graph compiled to one Python function on bare arrays: for bodies of loops, which run many times.

A run of a Graph looks every operand up by its node. Here the lookups are done once: the plan is straight-line code in
which operands are local variables, functions and parameters are bound names, and arithmetic is Python's own operators.
A variable is used again when its array is no longer needed, so that arrays are freed as early as possible.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import PLAN
from chainrule.graph.graph import Graph, operands_of
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import raw

INFIX = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
RESHAPING = frozenset({"expand_dims", "reshape", "squeeze"})  # NumPy takes long to find their shapes, which are known


class _Text:
    """Lines of the function, the names bound outside of it, and the variables in use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bound: dict[str, Any] = {}
        self.free: list[str] = []
        self.variables = 0

    def bind(self, value: Any) -> str:
        name = f"c{len(self.bound)}"
        self.bound[name] = value
        return name

    def variable(self) -> str:
        if self.free:
            return self.free.pop()
        self.variables += 1
        return f"v{self.variables - 1}"


def compiled(graph: Graph) -> Callable[..., tuple[Any, ...]]:
    """The function from the inputs of ``graph``, bare arrays by position, to the tuple of its outputs."""
    text = _Text()
    names: dict[Any, str] = {node: text.variable() for node in graph.inputs}
    parameters = ", ".join(names.values())
    nodes = _needed(graph)
    last = _last_uses(graph, nodes)
    for node in nodes:
        if node.op is None:
            call = names[node.parents[0]]
        else:
            operands = operands_of(node, names, raw)
            written = [x if parent in names else text.bind(x) for x, parent in zip(operands, node.parents, strict=True)]
            call = _call(text, node, written, _params(node, last))
        for done in {parent for parent in node.parents if parent in names and last.get(parent) is node}:
            text.free.append(names[done])
        names[node] = text.variable()
        text.lines.append(f"{names[node]} = {call}")
    outputs = [names[y._node] if y._node in names else text.bind(y._value) for y in graph.outputs]
    body = "\n".join(f"        {line}" for line in [*text.lines, f"return ({''.join(f'{y}, ' for y in outputs)})"])
    source = f"def bound({', '.join(text.bound)}):\n    def run({parameters}):\n{body}\n    return run\n"
    locations = {number: node.location for number, node in enumerate(nodes, 3)}  # by the line of each step
    namespace: dict[str, Any] = {"locations": locations}
    exec(compile(source, PLAN, "exec"), namespace)  # all names in it are made above
    return namespace["bound"](*text.bound.values())


def _needed(graph: Graph) -> list[Node]:
    """The computed nodes that an output needs, oldest first."""
    wanted = {y._node for y in graph.outputs}
    needed = []
    for node in reversed(graph.computed):
        if node in wanted:
            wanted.update(node.parents)
            needed.append(node)
    return needed[::-1]


def _last_uses(graph: Graph, nodes: Sequence[Node]) -> dict[Any, Any]:
    """The youngest node that needs each; those that are outputs are needed to the end."""
    last: dict[Any, Any] = {}
    for node in nodes:
        for parent in node.parents:
            last[parent] = node
    for y in graph.outputs:
        last[y._node] = None
    return last


def _params(node: Node, last: dict[Any, Any]) -> dict[str, Any]:
    """The parameters of a call, which keeps for derivatives what this graph does not take out of it no longer."""
    if not node.params.get("keep"):
        return node.params
    assert node.op is not None
    shorter = {**node.params, "keep": False}
    count = len(node.op.spec(*_specs(node), **shorter))  # type: ignore[misc,arg-type]  # a program op has a rule for its specs
    used = {other.params["index"] for other in last if isinstance(other, Node) and node in other.parents}
    kept_back = any(index >= count for index in used)
    return node.params if kept_back else shorter


def _specs(node: Node) -> list[Any]:
    constants = node.kept[1:]
    return [
        parent.spec if parent is not None else np.asarray(value)
        for parent, value in zip(node.parents, constants, strict=True)
    ]


def _call(text: _Text, node: Node, operands: list[str], params: dict[str, Any]) -> str:
    op = node.op
    assert op is not None
    if op is PICK:
        return f"{operands[0]}[{params['index']}]"
    if op.name in RESHAPING and node.shape and node.left is not None:
        return operands[0] if node.left.shape == node.shape else f"{operands[0]}.reshape({node.shape})"
    if op.partials is not None and op.value in INFIX:
        return f"{operands[0]} {INFIX[op.value]} {operands[1]}"
    named = [f"{name}={text.bind(value)}" for name, value in params.items()]
    return f"{text.bind(op.value)}({', '.join([*operands, *named])})"
