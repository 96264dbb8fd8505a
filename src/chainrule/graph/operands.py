"""The operands of a node as values: those it kept, and where each comes from."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from chainrule.errors import SymbolError
from chainrule.graph.walk import freed
from chainrule.node import Freed, Node
from chainrule.spec import Spec


def kept_operands(node: Node) -> tuple[Any, ...]:
    """The values a node keeps of its operands; None for each when it keeps nothing, or gave them up."""
    return node.kept[1:] if isinstance(node.kept, tuple) else (None,) * len(node.parents)


def constants_of(node: Node, known: Container[Any]) -> tuple[Any, ...]:
    """What a node kept of its operands, where those that are not ``known`` must all be values."""
    if node.kept.__class__ is Freed:
        raise freed(node)
    constants = kept_operands(node)
    for i, (value, parent) in enumerate(zip(constants, node.parents, strict=True)):
        sample = parent is not None and parent.axis is not None  # which has its content, in place of a value
        if parent not in known and not sample and (value is None or isinstance(value, Spec)):
            raise SymbolError(
                f"[graph] operand {i} of {node.name()} is a constant that no rule needs, so it was not kept; expected "
                f"a graph made of symbols, which keeps all; build it with symbol(...) to run it again.",
                node.location,
            )
    return constants
