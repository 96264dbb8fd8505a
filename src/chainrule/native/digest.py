"""A graph spelled as text, the same in every process for graphs of the same operations: a key of what is made of it."""

from __future__ import annotations

import functools
from hashlib import blake2b
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.graph.operands import constants_of
from chainrule.op import PICK, REGISTRY, Op
from chainrule.ops.index import SLOT
from chainrule.spec import Spec, Specs, content_of

_WORDS = {id(None): "None", id(Ellipsis): "...", id(SLOT): "SLOT"}
_PLAIN = (bool, int, float, complex, str, bytes)
_OURS = ("chainrule.", "numpy", "scipy.", "builtins", "operator", "_operator")


class Unspelled(Exception):
    """What a graph holds cannot be told from other things: a function of the user's, for one."""


def spelled(graph: Graph) -> str | None:
    """The graph as text; None if it holds what cannot be spelled."""
    try:
        return _Speller().graph(graph)
    except Unspelled:
        return None


class _Speller:
    """Spells one graph, in which a graph that stands inside several operations is spelled once."""

    def __init__(self) -> None:
        self.graphs: dict[Graph, int] = {}

    def graph(self, graph: Graph) -> str:
        if graph in self.graphs:
            return f"graph {self.graphs[graph]}"
        numbers: dict[Any, int] = {node: i for i, node in enumerate(graph.inputs)}
        lines = [f"{node.dtype.str}{list(node.shape)}" for node in graph.inputs]
        for node in graph.computed:
            if node.op is None:
                numbers[node] = numbers[node.parents[0]]
                continue
            kept = constants_of(node, numbers)
            operands = [
                f"%{numbers[p]}" if p in numbers else self.value(x) for x, p in zip(kept, node.parents, strict=True)
            ]
            params = [f"{name}={self.value(x)}" for name, x in node.params.items()]
            spec = "" if isinstance(node.shape, Specs) else f"{node.dtype.str}{list(node.shape)}"
            lines.append(f"{_name(node.op)}({', '.join(operands)}; {', '.join(params)}) {spec}")
            numbers[node] = len(lines) - 1
        outputs = [f"%{numbers[y._node]}" if y._node in numbers else self.value(y._value) for y in graph.outputs]
        self.graphs[graph] = len(self.graphs)
        return "\n".join(["{", f"{len(graph.inputs)}", *lines, f"return {', '.join(outputs)}", "}"])

    def value(self, x: Any) -> str:
        """Anything a node holds; equal for equal things only: 1, 1.0 and True differ, and so do 0.0 and −0.0."""
        word = _WORDS.get(id(x))
        if word is not None:
            return word
        kind: Any = type(x)
        if kind in _PLAIN:
            return f"{kind.__name__}:{x!r}"
        if issubclass(kind, (np.ndarray, np.generic)) and x.dtype.kind in "biufc":
            content = content_of(x)
            shown = content.hex() if len(content) <= 64 else blake2b(content).hexdigest()
            return f"{kind.__name__}:{x.dtype.str}{list(x.shape)}:{shown}"
        if kind in (tuple, list) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
            return f"{kind.__name__}[{', '.join(map(self.value, x))}]"
        if kind is dict:
            return f"dict[{', '.join(f'{self.value(k)}={self.value(v)}' for k, v in x.items())}]"
        if kind is slice:
            return f"slice{self.value((x.start, x.stop, x.step))}"
        if isinstance(x, np.dtype) and x.kind in "biufc":
            return f"dtype:{x.str}"
        if isinstance(x, type) and issubclass(x, (*_PLAIN, np.generic)):
            return f"class:{x.__module__}.{x.__name__}"
        if isinstance(x, Spec):
            return f"spec:{x.dtype.str}{list(x.shape)}"
        if isinstance(x, Graph):
            return self.graph(x)
        raise Unspelled(kind.__name__)


def _name(op: Op) -> str:
    """The name of an op, if that says what it does."""
    if op is PICK:
        return "pick"
    if REGISTRY.get(op.name) is not op or not all(map(_ours, (op.value, op.emit))):
        raise Unspelled(op.name)
    return op.name


def _ours(rule: Any) -> bool:
    """Whether a rule is part of the library, or of those it stands on, whose versions are known."""
    while isinstance(rule, functools.partial):
        rule = rule.func
    return (getattr(rule, "__module__", None) or "numpy").startswith(_OURS)
