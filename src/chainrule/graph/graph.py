"""Graph(inputs, outputs): an immutable program made of nodes. It runs on arrays or Tensors, and reads as text."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.walk import ancestors, descendants, freed
from chainrule.node import Freed, Node
from chainrule.op import PICK
from chainrule.ops import raw
from chainrule.spec import Spec


class Graph:
    """The operations between ``inputs`` and ``outputs``, oldest first.

    Inputs are nodes without an op (symbols, leaves); every other operand must be a constant that the nodes kept. A
    Tensor with a value among the operands of symbols is such a constant, and stays differentiable.
    """

    def __init__(self, inputs: Sequence[Node | Box], outputs: Sequence[Box]):
        self.inputs: tuple[Node, ...] = tuple(x._node if isinstance(x, Box) else x for x in inputs)
        self.outputs = tuple(outputs)
        heads = [y._node for y in self.outputs if y._node is not None]
        self.nodes = ancestors(heads)[::-1]

    @property
    def symbols(self) -> tuple[Node, ...]:
        """The nodes whose values must be given, in order of creation."""
        return tuple(n for n in self.nodes if n.op is None and n.symbolic and not n.parents)

    def missing(self) -> list[str]:
        """Names of symbols that the outputs need and the inputs do not have."""
        return [n.name() for n in self.symbols if n not in self.inputs]

    @functools.cached_property
    def computed(self) -> list[Node]:
        """The nodes that the values of the inputs reach, oldest first; any other keeps the value it has."""
        reached = descendants(self.nodes, self.inputs) - set(self.inputs)
        return [node for node in self.nodes if node in reached]

    @functools.cached_property
    def tracked(self) -> bool:
        """Whether the outputs also depend on Tensors with values that require a gradient."""
        reached = {None, *self.inputs, *self.computed}
        operands = (parent for node in self.computed for parent in node.parents)
        return not reached.issuperset((*operands, *(y._node for y in self.outputs)))

    def run(self, values: Sequence[Any], xp: Any = raw) -> list[Any]:
        """The outputs for these values of the inputs: bare arrays with ``raw``, Tensors with ``ops``."""
        known: dict[Any, Any] = dict(zip(self.inputs, values, strict=True))
        for node in self.computed:
            if node.op is None:
                known[node] = known[node.parents[0]]
                continue
            operands = operands_of(node, known, xp)
            function = getattr(xp, node.op.name)
            known[node] = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
        return [known.get(y._node, y._value if xp is raw else y) for y in self.outputs]

    # ---------------------------------------------------------------------------------------------- as text

    def names(self) -> dict[Node, str]:
        """A name for every node: symbols keep theirs, results are numbered ``%0, %1, …``."""
        names, taken = {}, 0
        for node in self.nodes:
            if node.op is None and not node.parents:
                names[node] = node.params.get("name") or f"leaf{len(names)}"
            else:
                names[node] = f"%{taken}"
                taken += 1
        return names

    def __str__(self) -> str:
        names = self.names()
        lines = []
        for node in self.nodes:
            if node.op is None and not node.parents:
                lines.append((names[node], "input" if node.symbolic else "leaf", node.spec))
            else:
                lines.append((names[node], call_text(node, names), node.spec))
        width = max((len(name) for name, _, _ in lines), default=0)
        reach = max((len(text) for _, text, _ in lines), default=0)
        body = [f"{name:<{width}} = {text:<{reach}} : {spec!r}" for name, text, spec in lines]
        result = ", ".join(names.get(y._node) or _constant_text(y._value) for y in self.outputs)
        return "\n".join([*body, f"return {result}"])

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes: ({', '.join(n.name() for n in self.inputs)})>"


def operands_of(node: Node, known: Mapping[Any, Any], xp: Any) -> list[Any]:
    """The operands of a node in the space of ``xp``: computed ones from ``known``, others from what the node kept."""
    if node.kept.__class__ is Freed:
        raise freed(node)
    constants = kept_operands(node)
    for i, (value, parent) in enumerate(zip(constants, node.parents, strict=True)):
        if parent not in known and (value is None or isinstance(value, Spec)):
            raise SymbolError(
                f"[graph] operand {i} of {node.name()} is a constant that no rule needs, so it was not kept; expected "
                f"a graph made of symbols, which keeps all; build it with symbol(...) to run it again.",
                node.location,
            )
    return [
        known[parent]
        if parent in known
        else value
        if parent is None or xp is raw
        else box(Box.default, value, parent)
        for value, parent in zip(constants, node.parents, strict=True)
    ]  # fmt: skip


def kept_operands(node: Node) -> tuple[Any, ...]:
    """The values a node keeps of its operands; None for each when it keeps nothing, or gave them up."""
    return node.kept[1:] if isinstance(node.kept, tuple) else (None,) * len(node.parents)


def call_text(node: Node, names: Mapping[Node, str]) -> str:
    """A node as the call that made it: ``add(%0, b)``."""
    if node.op is None:
        return f"alias({names[node.parents[0]]})" if node.parents[0] is not None else "alias()"  # type: ignore[index]
    if node.op is PICK:
        (parent,) = node.parents
        fields = getattr(parent.op.outputs, "_fields", None)  # type: ignore[union-attr]
        index = node.params["index"]
        return f"{names[parent]}.{fields[index]}" if fields else f"{names[parent]}[{index}]"  # type: ignore[index]
    operands = [
        names[parent] if parent is not None and parent in names else _constant_text(value)
        for value, parent in zip(kept_operands(node), node.parents, strict=True)
    ]
    default = node.op.defaults
    params = [f"{key}={value!r}" for key, value in node.params.items() if key not in default or value != default[key]]
    return f"{node.op.name}({', '.join([*operands, *params])})"


def _constant_text(value: Any) -> str:
    if value is None:
        return "·"  # a constant that no rule needed
    if isinstance(value, Spec):
        return repr(value)
    if np.ndim(value) == 0:
        return repr(value.item() if hasattr(value, "item") else value)
    text = np.array2string(np.asarray(value), separator=", ", threshold=6).replace("\n", "")
    return text if len(text) <= 40 else f"constant {Spec(value.shape, value.dtype)!r}"


def graph_of(*outputs: Any) -> Graph:
    """The graph behind Tensors, recorded or symbolic, with its symbols and leaves as inputs."""
    for i, y in enumerate(outputs):
        if not isinstance(y, Box) or y._node is None:
            raise SymbolError(f"[graph] output {i} has no graph behind it; expected a recorded or symbolic Tensor.")
    heads = [y._node for y in outputs]
    sources = [n for n in ancestors(heads)[::-1] if n.op is None and not n.parents]
    return Graph(sources, outputs)
