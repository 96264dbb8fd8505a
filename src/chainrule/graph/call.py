"""The op ``call``: a whole Graph as one node of another. Its derivatives and its batched form are calls again.

A call keeps its operands alone, and its reverse rule computes the inside again: memory for time, as in checkpointing.
``graph.inline()`` puts the inside in its place.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apply import defer
from chainrule.box import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.body import Body, Flags, Pulled, closed, is_floating
from chainrule.graph.function import arguments, own
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.graph.specialise import for_values
from chainrule.op import program
from chainrule.ops import install, ops, raw
from chainrule.spec import Spec, shape_of
from chainrule.unknown import UnknownError


def _value(*operands: Any, body: Body) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):  # as eager walks do: a derivative may divide by zero on a branch that is not taken
        results = body.plan(*operands)
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    return tuple(own(np.asarray(y)[()], arrays) for y in results)


def _spec(*_operands: Any, body: Body) -> tuple[Spec, ...]:
    return tuple(body.specs)


def _careful(xp: Any) -> bool:
    return xp is not raw and xp is not ops


def _together(xp: Any, g: Any, _out: Any, *operands: Any, wanted: Flags, body: Body) -> list[Any]:
    pulled = Pulled([body], g, wanted, _careful(xp))
    return pulled.answers(xp.call(*operands, *pulled.operands, body=pulled.bodies[0]))


def _jvp(xp: Any, tangents: Any, _out: Any, *operands: Any, body: Body) -> tuple[Any, ...]:
    moving = tuple(t is not None for t in tangents)
    pushed = body.pushed(moving, _careful(xp))
    found = xp.call(*operands, *(t for t in tangents if t is not None), body=pushed)
    moved = iter(found[len(body.outputs) :])
    return tuple(next(moved) if is_floating(spec) else None for spec in body.specs)


def _batch(xp: Any, batched: Flags, *operands: Any, body: Body) -> Any:
    size = next(shape_of(x)[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)
    mapped, _ = body.batched(batched, size, (True,) * len(body.outputs))
    return xp.call(*operands, body=mapped)


CALL = program(
    "call",
    arity=None,
    value=_value,
    spec=_spec,
    together=_together,
    jvp=_jvp,
    batch=_batch,
    outputs=tuple,
    doc="The outputs of a Graph at these operands.",
)
install(CALL)


def _call(self: Graph, *args: Any, **named: Any) -> Any:
    """The outputs at these values of the inputs: one Tensor, or a tuple of several.

    On values it computes; where a gradient may be asked, and among symbols, the whole graph is one node, ``call``,
    which differentiates in both modes to any order, batches, and may stand in other graphs.

    >>> import chainrule as cr
    >>> x = cr.symbol("x", shape=(2,))
    >>> square = cr.Graph([x], [x * x])
    >>> square([1.0, 2.0])
    tensor([1., 4.])
    >>> print(cr.sum(square(x + 1.0)).graph())
    x  = input                                   : float64[2]
    %0 = add(x, 1.0)                             : float64[2]
    %1 = call(%0, body=<Graph of 2 nodes: (x0)>) : (float64[2],)
    %2 = %1[0]                                   : float64[2]
    %3 = sum(%2, axis=(0,))                      : float64[]
    return %3
    """
    results = called(self, "graph", args, named)
    return results[0] if len(results) == 1 else results


def called(graph: Graph, function: str, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """All outputs of a graph at these values of its inputs."""
    try:
        values = arguments(function, graph.inputs, args, named)
        body, outside = body_of(for_values(graph, values))
        return CALL.call(*outside, *values, body=body)
    except UnknownError:
        both = defer(called, (graph, function, tuple(args), dict(named)), {})
        return tuple(defer(operator.getitem, (both, i), {}) for i, _ in enumerate(graph.outputs))


def body_of(graph: Graph) -> tuple[Body, list[Any]]:
    """The graph without what it closes over, and those Tensors, which are the first operands of a call."""
    made = vars(graph).get("_body")
    if made is None:
        body, outside = closed([box(Box.default, None, node) for node in graph.inputs], graph.outputs)
        for x in outside:
            if not x._node.symbolic and (x._value is None or isinstance(x._value, Spec)):
                raise SymbolError(
                    f"[graph] the result of {x._node.name()} that this graph closes over was not kept, as no rule "
                    f"needs it; expected a graph made of symbols, which keeps all; build it with symbol(...) or "
                    f"trace(...).",
                    x._node.location,
                )
        made = vars(graph)["_body"] = body, outside
    return made


def _inline(self: Graph) -> Graph:
    """This graph with the inside of every call in its place, at any depth.

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> square = cr.Graph([x], [x * x])
    >>> print(cr.Graph([x], [square(square(x))]).inline())
    x  = input            : float64[]
    %0 = multiply(x, x)   : float64[]
    %1 = multiply(%0, %0) : float64[]
    return %1
    """
    graph = self
    while any(node.op is CALL for node in graph.computed):
        known: dict[Any, Any] = {node: box(Box.default, None, node) for node in graph.inputs}
        replay(graph.computed, known, _expand)
        graph = Graph(graph.inputs, outcomes(graph.outputs, known))
    return graph


def _expand(node: Any, operands: list[Any]) -> Any:
    if node.op is not CALL:
        return None
    body: Body = node.params["body"]
    known: dict[Any, Any] = dict(zip(body.inputs, operands, strict=True))
    replay(body.computed, known)
    return tuple(outcomes(body.outputs, known))


Graph.__call__ = _call  # attached here, since what it needs is built on Graph
Graph.inline = _inline  # type: ignore[attr-defined]  # attached here, since what it needs is built on Graph
