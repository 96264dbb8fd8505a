"""Reverse accumulation, one edge of the graph at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from chainrule.box import Box
from chainrule.errors import SymbolError
from chainrule.graph.gradients import RAW, node_of, seed_of
from chainrule.graph.graph import graph_of
from chainrule.graph.reverse import contributions
from chainrule.graph.support import bare
from chainrule.graph.support import careful as careful_namespace
from chainrule.graph.walk import repeat_if_nan
from chainrule.node import Node
from chainrule.op import ONE
from chainrule.ops import raw
from chainrule.show.draw import named, text_of

# A Jacobian of more numbers than this is not written out.
JACOBIAN = 36


class Step(NamedTuple):
    """What one node sends to one of its operands; a leaf sends nothing, and its cotangent is its gradient."""

    node: str
    call: str
    cotangent: Any
    operand: str | None = None
    partial: Any = None  # ∂node/∂operand: element by element, or the Jacobian; None where that is too large to write
    sent: Any = None


class Steps(tuple[Step, ...]):
    """The steps of one reverse accumulation, in order; prints as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("node", "cotangent", "operand", "local partial", "sends on")]
        last = None
        for step in self:
            first = step.node != last
            last = step.node
            head = (f"{step.node} = {step.call}", _short(step.cotangent)) if first else ("", "")
            if step.operand is None:
                rows.append((*head, "", "", "(its gradient)"))
            else:
                partial = "(not written out)" if step.partial is None else _short(step.partial)
                rows.append((*head, step.operand, partial, _short(step.sent)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, tuple("─" * width for width in widths))
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    __repr__ = __str__


def steps(y: Box, gradient: Any = None, **leaves: Box) -> Steps:
    """Reverse accumulation from ``y``, written down: node, incoming cotangent, local partial, what it sends on.

    Every number comes from the rules of the graph itself. ``gradient`` is the cotangent of ``y``, implied for a single
    number; keywords name leaves: ``steps(y, x=x)``. Nothing is accumulated, freed, or shown to hooks.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> steps(cr.exp(2 * x) * x, x=x)
    node                  cotangent  operand  local partial  sends on
    ────────────────────  ─────────  ───────  ─────────────  ──────────────
    %2 = multiply(%1, x)  1          %1       3              3
                                     x        403.4          403.4
    %1 = exp(%0)          3          %0       403.4          1210
    %0 = multiply(2, x)   1210       x        2              2421
    x = leaf              2824                               (its gradient)
    """
    head = node_of("steps", y, 0)
    if head.symbolic:
        raise SymbolError(
            "[steps] the output is symbolic, so its cotangents have no values; expected a Tensor with a value; "
            "compute it from tensor(..., requires_grad=True)."
        )
    graph = graph_of(y)
    names = named(graph, leaves)
    start = seed_of("steps", head, gradient, True)
    found: list[Step] = []

    def walk(careful: bool) -> list[Any]:
        found.clear()
        xp = careful_namespace(True) if careful else raw
        cotangents = {head: start}
        for node in reversed(graph.nodes):
            if node not in cotangents:
                continue
            g, call = cotangents[node], text_of(node, names)
            if not node.parents:
                found.append(Step(names[node], call, bare(g)))
            for operand, parent, sent in _sent(node, g, xp, careful):
                cotangents[parent] = xp.add(cotangents[parent], sent) if parent in cotangents else sent
                found.append(Step(names[node], call, bare(g), names[parent], _partial(node, operand), bare(sent)))
        return list(map(bare, cotangents.values()))

    with np.errstate(all="ignore"):
        repeat_if_nan(walk, False)
    return Steps(found)


def _sent(node: Node, g: Any, xp: Any = raw, careful: bool = False) -> Iterator[tuple[int, Node, Any]]:
    """(operand, parent, cotangent) of each edge; an alias passes on what it gets."""
    if node.op is not None:
        return contributions(node, node.parents, g, RAW, xp, careful)
    return ((i, parent, g) for i, parent in enumerate(node.parents) if parent is not None)


def _partial(node: Node, operand: int) -> Any:
    """∂node/∂operand: element by element where the op works so, else the Jacobian, a row for each unit cotangent."""
    if node.op is None:
        return 1
    if node.op.partials is not None:
        rule = node.op.partials[operand]
        return 1 if rule is ONE else rule(raw, *RAW.kept(node))
    parent = node.parents[operand]
    if parent is None or node.spec.size * parent.spec.size > JACOBIAN:
        return None
    units = np.eye(node.spec.size, dtype=node.dtype).reshape(-1, *node.shape)
    rows = [sent for unit in units for i, _, sent in _sent(node, unit[()]) if i == operand]
    return np.array(rows).reshape(*node.shape, *parent.shape)


def _short(value: Any) -> str:
    value = np.asarray(value)
    style: Any = {"float_kind": "{:.4g}".format, "bool": "{:d}".format}
    text = np.array2string(value, precision=4, separator=", ", threshold=8, edgeitems=2, formatter=style)
    return " ".join(text.split())
