"""Graph(inputs, outputs): an immutable program made of nodes. It runs on arrays or Tensors, and reads as text."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.box import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.latex import latex_of
from chainrule.graph.operands import constants_of
from chainrule.graph.text import names_of, text_of
from chainrule.graph.walk import ancestors, descendants
from chainrule.node import Node
from chainrule.ops import raw


class Graph:
    """The operations between ``inputs`` and ``outputs``, oldest first.

    Inputs are nodes without an op (symbols, leaves); every other operand must be a constant that the nodes kept. A
    Tensor with a value among the operands of symbols is such a constant, and stays differentiable.
    """

    def __init__(self, inputs: Sequence[Node | Box], outputs: Sequence[Box]):
        self.inputs: tuple[Node, ...] = tuple(x._node if isinstance(x, Box) else x for x in inputs)
        if not all(isinstance(node, Node) for node in self.inputs):
            raise _no_input(inputs)
        if len(set(self.inputs)) < len(self.inputs):
            raise _given_twice(self.inputs)
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
        """A name for every node: of a symbol its own, of a result its variable's in the user's program, else ``%0``."""
        return names_of(self.nodes)

    def __str__(self) -> str:
        return text_of(self)

    def latex(self) -> str:
        r"""The outputs as mathematics, in LaTeX, with a line for every part that is used more than once.

        It is to be read: numbers have six digits, arrays are C with their shape, and what only changes a shape or a
        dtype is left out.

        >>> import chainrule as cr
        >>> x = cr.symbol("x")
        >>> print(cr.sqrt(x**2 / (1 + x)).graph().latex())
        \begin{aligned}
        y &= \sqrt{\frac{x^{2}}{1 + x}}
        \end{aligned}
        """
        return latex_of(self)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes: ({', '.join(n.name() for n in self.inputs)})>"


def _no_input(inputs: Sequence[Any]) -> SymbolError:
    i = next(i for i, x in enumerate(inputs) if not isinstance(x._node if isinstance(x, Box) else x, Node))
    return SymbolError(
        f"[Graph] input {i} is {inputs[i]!r}, a constant; expected a symbol, or a Tensor that requires a gradient; "
        f"make it with symbol(...)."
    )


def _given_twice(inputs: Sequence[Node]) -> SymbolError:
    i, j = next((inputs.index(node), j) for j, node in enumerate(inputs) if inputs.index(node) < j)
    return SymbolError(
        f"[Graph] inputs {i} and {j} are both {inputs[i].name()}; expected each input once, as it has one value; leave "
        f"one of them out, or make a symbol for each."
    )


def operands_of(node: Node, known: Mapping[Any, Any], xp: Any) -> list[Any]:
    """The operands of a node in the space of ``xp``: computed ones from ``known``, others from what the node kept."""
    return [
        known[parent]
        if parent in known
        else value
        if parent is None or xp is raw
        else box(Box.default, value, parent)
        for value, parent in zip(constants_of(node, known), node.parents, strict=True)
    ]  # fmt: skip


def graph_of(*outputs: Any) -> Graph:
    """The graph behind Tensors, recorded or symbolic, with its symbols and leaves as inputs."""
    for i, y in enumerate(outputs):
        if not isinstance(y, Box) or y._node is None:
            raise SymbolError(f"[graph] output {i} has no graph behind it; expected a recorded or symbolic Tensor.")
    heads = [y._node for y in outputs]
    sources = [n for n in ancestors(heads)[::-1] if n.op is None and not n.parents]
    return Graph(sources, outputs)
