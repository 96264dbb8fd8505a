"""Graphs from graphs: other values, symbols or results in place of some, and what follows from given shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.errors import SymbolError
from chainrule.graph.function import as_list, fitting
from chainrule.graph.gradients import seed_spec
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.graph.walk import ancestors, descendants
from chainrule.node import Node, SymbolicNode, record
from chainrule.spec import Spec, as_dtype, as_shape
from chainrule.tensor import Tensor
from chainrule.unknown import UnknownNode

Pairs = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def pairs_of(function: str, given: Pairs | None, what: str) -> list[tuple[Any, Any]]:
    """A dict, or a sequence of pairs, as a list of pairs."""
    try:
        return [(one, other) for one, other in (given.items() if isinstance(given, Mapping) else given or ())]
    except (TypeError, ValueError):
        raise SymbolError(
            f"[{function}] {what} is {given!r}; expected a dict, or pairs; write {what}={{x: ...}}."
        ) from None


def substitute(outputs: Any, replacements: Pairs) -> Any:
    """The same computation with ``new`` in place of ``old``, for each pair (or dict item) ``old: new``.

    ``outputs`` is a symbolic Tensor, a sequence of them, or a Graph; ``old`` any Tensor it depends on, ``new`` a
    Tensor, array or number, also of another shape if the operations take it. What does not depend on ``old`` is kept,
    what depends on values alone is computed. All replacements happen at once: {x: y, y: x} exchanges two symbols.

    >>> import chainrule as cr
    >>> x, y = cr.symbol("x"), cr.symbol("y")
    >>> print(substitute(x * x + y, {y: cr.sin(x), x: y}).graph())
    x  = input          : float64[]
    y  = input          : float64[]
    %0 = sin(x)         : float64[]
    %1 = multiply(y, y) : float64[]
    %2 = add(%1, %0)    : float64[]
    return %2
    """
    pairs = pairs_of("substitute", replacements, "replacements")
    if isinstance(outputs, Graph):
        return _substituted_graph(outputs, pairs)
    heads = as_list(outputs)
    for i, y in enumerate(heads):
        if not isinstance(y, Box):
            raise SymbolError(
                f"[substitute] output {i} is a {type(y).__name__}; expected a symbolic Tensor, a sequence of them, or "
                f"a Graph; wrap a constant in tensor(...)."
            )
    found = replaced(heads, pairs)
    return found[0] if isinstance(outputs, Box) else found


def replaced(heads: Sequence[Any], pairs: Sequence[tuple[Any, Any]], function: str = "substitute") -> list[Any]:
    """``heads`` with replacements made."""
    order = ancestors(y._node for y in heads if y._node is not None)[::-1]
    known: dict[Any, Any] = {}
    for old, new in pairs:
        if not isinstance(old, Box) or old._node is None:
            raise SymbolError(
                f"[{function}] {old!r} stands to be replaced, and it is no Tensor of a graph; expected a symbol, or a "
                f"result of one; give the Tensor itself."
            )
        if old._node not in order:
            raise SymbolError(
                f"[{function}] {old._node.name()} stands to be replaced, but the outputs do not depend on it; "
                f"expected one of: {', '.join(_symbols(order))}; leave it out."
            )
        if old._node in known:
            raise SymbolError(
                f"[{function}] {old._node.name()} is replaced twice; expected one replacement for each; leave one out."
            )
        known[old._node] = new if isinstance(new, Box) else constant(function, new)
    reached = descendants(order, known)
    replay([node for node in order if node in reached and node not in known], known)
    return outcomes(heads, known)


def _symbols(order: Iterable[Node]) -> list[str]:
    return [node.name() for node in order if node.op is None and not node.parents]


def constant(function: str, value: Any) -> Any:
    """A Tensor of this value, that no gradient is asked of."""
    return box(Tensor, np.array(as_value(function, value))[()], None)


def _substituted_graph(graph: Graph, pairs: list[tuple[Any, Any]]) -> Graph:
    found = replaced(graph.outputs, pairs)
    gone = {old._node: new for old, new in pairs}
    inputs: list[Node] = []
    for node in graph.inputs:
        new = gone.get(node)
        node = node if new is None else new._node if isinstance(new, Box) and _is_symbol(new._node) else None
        if node is not None and node not in inputs:
            inputs.append(node)
    fresh = Graph(inputs, found)
    brought = [n for new in gone.values() if isinstance(new, Box) and new._node for n in ancestors([new._node])]
    return Graph([*inputs, *(n for n in fresh.symbols if n in brought and n not in inputs)], found)


def _is_symbol(node: Node | None) -> bool:
    return node is not None and node.op is None and node.symbolic and not node.parents


def _partial(self: Graph, **values: Any) -> Graph:
    """This program with some inputs fixed; what depends on these values alone is computed now.

    >>> import chainrule as cr
    >>> x, y = cr.symbol("x"), cr.symbol("y")
    >>> print(cr.Graph([x, y], [cr.sin(x) * y]).partial(x=0.0))
    y  = input            : float64[]
    %0 = multiply(0.0, y) : float64[]
    return %0
    """
    inputs = _by_name("partial", self, values)
    pairs = []
    for name, value in values.items():
        node = inputs[name]
        fixed = fitting("partial", node, value)
        pairs.append((box(Tensor, None, node), fixed if isinstance(fixed, Box) else constant("partial", fixed)))
    used = set(self.nodes)
    found = replaced(self.outputs, [(old, new) for old, new in pairs if old._node in used])
    return Graph([node for node in self.inputs if node.name() not in values], found)


def _by_name(function: str, graph: Graph, given: Mapping[str, Any]) -> dict[str, Node]:
    inputs = {node.name(): node for node in graph.inputs}
    unknown = sorted(set(given) - set(inputs))
    if unknown:
        raise SymbolError(
            f"[{function}] {unknown[0]} is not among the inputs; expected some of: {', '.join(inputs) or 'none'}."
        )
    return inputs


def _list_inputs(self: Graph) -> list[str]:
    """The names of the inputs, in order.

    >>> import chainrule as cr
    >>> x, y = cr.symbol("x"), cr.symbol("y")
    >>> cr.Graph([y, x], [x * y]).list_inputs()
    ['y', 'x']
    """
    return [node.name() for node in self.inputs]


class Inferred(NamedTuple):
    """What is known of the inputs, by name, and of the outputs; None where nothing is."""

    inputs: dict[str, Any]
    outputs: list[Any]


def _infer_spec(self: Graph, **specs: Any) -> Inferred:
    """The Specs of inputs and outputs, when some inputs have those given: a Spec, an array, or a pair (shape, dtype).

    Inputs that are not given are as they were declared; what is unknown is None. Shapes that do not fit raise a
    ShapeError, with the line of the operation that refuses them.

    >>> import chainrule as cr
    >>> x, w = cr.symbol("x", shape=(4, 3)), cr.symbol("w", shape=(3,))
    >>> cr.Graph([x, w], [x @ w]).infer_spec(x=((8, 3), "float32"))
    Inferred(inputs={'x': float32[8, 3], 'w': float64[3]}, outputs=[float64[8]])
    """
    inputs = _by_name("infer_spec", self, specs)
    known: dict[Any, Any] = {}
    for name, node in inputs.items():
        if name in specs:
            spec = _spec_given("infer_spec", name, node, specs[name])
            known[node] = box(Tensor, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))
        else:
            known[node] = box(Tensor, None, node)
    replay(self.computed, known)
    found = outcomes(self.outputs, known)
    return Inferred({name: _known_spec(known[node]) for name, node in inputs.items()}, list(map(_known_spec, found)))


def _known_spec(x: Any) -> Spec | None:
    return None if x._node.__class__ is UnknownNode else seed_spec(x)


def _spec_given(function: str, name: str, node: Node, given: Any) -> Spec:
    if isinstance(given, Spec):
        return given
    if isinstance(given, Box):
        return seed_spec(given)
    if isinstance(given, np.ndarray):
        return Spec(given.shape, given.dtype)
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (str, np.dtype, type)):
        return Spec(as_shape(function, given[0]), as_dtype(function, given[1]))
    if isinstance(given, (tuple, int)):
        dtype = node.declared.type if isinstance(node, UnknownNode) else node.dtype
        return Spec(as_shape(function, given), np.dtype("float64") if dtype is None else dtype)
    raise SymbolError(
        f"[{function}] {name} is given as {given!r}; expected a shape, a Spec, an array, or a pair of shape and dtype; "
        f"write e.g. {name}=(2, 3)."
    )


def _infer_shape(self: Graph, **shapes: Any) -> Inferred:
    """The shapes of inputs and outputs, when some inputs have those given; see :meth:`infer_spec`.

    >>> import chainrule as cr
    >>> x, w = cr.symbol("x", shape=(4, 3)), cr.symbol("w", shape=(3,))
    >>> cr.Graph([x, w], [x @ w]).infer_shape(x=(8, 3))
    Inferred(inputs={'x': (8, 3), 'w': (3,)}, outputs=[(8,)])
    """
    found = _infer_spec(self, **shapes)
    inputs = {name: spec and spec.shape for name, spec in found.inputs.items()}
    return Inferred(inputs, [spec and spec.shape for spec in found.outputs])


Graph.partial = _partial  # type: ignore[attr-defined]  # attached here, since what they need is built on Graph
Graph.list_inputs = _list_inputs  # type: ignore[attr-defined]  # attached here
Graph.infer_spec = _infer_spec  # type: ignore[attr-defined]  # attached here
Graph.infer_shape = _infer_shape  # type: ignore[attr-defined]  # attached here
