"""Recording a graph again, with something else in some places: what substitution, folding and inlining are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.box import Box, box
from chainrule.errors import ChainruleError
from chainrule.graph.graph import operands_of
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import ops
from chainrule.tree import flatten


def replay(nodes: Iterable[Node], known: dict[Any, Any], expand: Any = None) -> None:
    """Call the ops of ``nodes`` (oldest first) again, and put what they give into ``known``, which has the new values.

    What is recorded keeps the user's lines, and so do errors. ``expand(node, operands)`` may give the outputs of a
    node in its own way; None leaves it to the op.
    """
    for node in nodes:
        if node.op is None:
            known[node] = known[node.parents[0]]
            continue
        for parent in node.parents:
            if parent is not None and parent.symbolic and parent not in known:
                known[parent] = box(Box.default, None, parent)
        operands = operands_of(node, known, ops)
        try:
            out = expand(node, operands) if expand is not None else None
            if out is None:
                function = getattr(ops, node.op.name)
                out = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
                _locate(out, node)
        except ChainruleError as error:
            raise type(error)(error.message, node.location) from None
        known[node] = out


def _locate(out: Any, node: Node) -> None:
    """Give what was just recorded the line of the call it repeats."""
    if node.op is not PICK:
        for y in flatten(out)[0]:
            made = y._node if isinstance(y, Box) else None
            for new in () if made is None else (made, made.left) if made.op is PICK else (made,):
                if new.axis is None or new.tracked:  # samples that nobody differentiates have no line
                    new.code, new.instruction = node.code, node.instruction


def outcome(y: Any, known: dict[Any, Any]) -> Any:
    """An output after a replay: itself where nothing was replaced."""
    return y if y._node is None else known.get(y._node, y)


def outcomes(outputs: Sequence[Any], known: dict[Any, Any]) -> list[Any]:
    """All outputs after a replay."""
    return [outcome(y, known) for y in outputs]
