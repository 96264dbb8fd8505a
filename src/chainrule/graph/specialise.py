"""Programs of symbols whose shapes were unknown: made again, once for each shapes and dtypes that values have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.errors import DTypeError, ShapeError
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.node import Node, SymbolicNode, record
from chainrule.ops import ops
from chainrule.spec import Spec, spec_of
from chainrule.unknown import UnknownError, UnknownNode, several


def is_unknown(graph: Graph) -> bool:
    """Whether the shape of anything in this graph is unknown."""
    return any(node.__class__ is UnknownNode for node in (*graph.inputs, *graph.nodes))


def specialised(graph: Graph, specs: Sequence[Spec]) -> Graph:
    """The graph for inputs of these specs; remembered, so that it is made once."""
    made = vars(graph).setdefault("_specialised", {})
    key = tuple(specs)
    if key not in made:
        known: dict[Any, Any] = {}
        for node, spec in zip(graph.inputs, specs, strict=True):
            fresh = record(None, (), (None,), {"name": node.name()}, spec, SymbolicNode)
            known[node] = box(Box.default, None, node if node.__class__ is not UnknownNode else fresh)
        replay(graph.computed, known)
        outputs = outcomes(graph.outputs, known)
        for y, was in zip(outputs, graph.outputs, strict=True):
            if isinstance(y, (tuple, list)):
                raise several(was._node.name())
        made[key] = Graph([known[node] for node in graph.inputs], outputs)
    return made[key]


def all_specialised(graph: Graph) -> Iterable[Graph]:
    """The programs that were made of a graph with unknown shapes, the last one last."""
    return vars(graph).get("_specialised", {}).values()


def for_values(graph: Graph, values: Sequence[Any]) -> Graph:
    """The graph itself, or, if shapes in it are unknown, that for these values."""
    if vars(graph).get("_unknown") is None:
        vars(graph)["_unknown"] = is_unknown(graph)
    return specialised(graph, [_spec(value) for value in values]) if vars(graph)["_unknown"] else graph


def _spec(value: Any) -> Spec:
    if isinstance(value, Box):
        return value._node.spec if value._value is None else Spec(value._value.shape, value._value.dtype)
    return Spec(value.shape, value.dtype)


def fitting_unknown(function: str, node: Node, value: Any) -> Any:
    """A value for a symbol of unknown shape or dtype: what was declared must agree with it."""
    assert isinstance(node, UnknownNode)
    shape, dtype = node.declared
    if isinstance(value, Box):
        if value._node.__class__ is UnknownNode:
            raise UnknownError(
                f"[{function}] the value of {node.name()} is {value!r}, of unknown shape itself; expected one of known "
                f"shape; put symbols in place of symbols with substitute(...)."
            )
        spec = value._node.spec if value._value is None else spec_of(value._value)
    else:
        value = np.asarray(as_value(function, value))
        spec = Spec(value.shape, value.dtype)
    sizes = spec.shape if shape is None else shape
    if len(sizes) != len(spec.shape) or any(n not in (None, m) for n, m in zip(sizes, spec.shape, strict=True)):
        raise ShapeError(
            f"[{function}] the value of {node.name()} has shape {spec.shape}, but it was declared {node.declared!r}; "
            f"expected shape {shape}, where None is any size; reshape the value."
        )
    if dtype is None or spec.dtype == dtype:
        return value
    if not np.can_cast(spec.dtype, dtype, casting="same_kind"):
        raise DTypeError(
            f"[{function}] the value of {node.name()} is {spec.dtype}, but it was declared {node.declared!r}; "
            f"expected a dtype that casts to {dtype}; convert the value with astype."
        )
    return ops.astype(value, dtype) if isinstance(value, Box) else value.astype(dtype)
