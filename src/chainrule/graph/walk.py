"""What the two walks share: which nodes, in which order, and how a rule is given its arguments.

A walk runs in a *space*: ``RAW`` hands rules bare arrays (first order, nothing recorded), a ``Tensors`` space
hands them Tensors, so that the derivative is recorded, or stays symbolic, like any other computation.

Note [Zeros annihilate]
Where nothing flows, nothing leaks: the branch that ``where`` did not take must not send infinity or NaN. And at a kink
like √(x·x) the derivative 0 of the inside absorbs the infinite one of the outside. But a zero that was *computed*,
as in (√x)² at 0, absorbs no infinity that comes after it: that product is NaN, for its value is unknown.
Telling these apart in every product would cost more than the products. So a walk runs plainly first; NaN survives
every sum and product, so that only when a NaN reached a result can a product 0·∞ have mattered, and only then
the walk is repeated with ``careful=True``: rules and products then run in the namespace of support.py, which
knows structural zeros, and products are ``absorbing_multiply``.
Symbolic walks have no values to look at and are careful from the start, as are walks with hooks, which must
not run twice. A reverse walk that meets a large array goes on carefully too, once it has seen that no NaN came up
so far: it needs no second run then, and may give up kept values as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from chainrule.apply import picks
from chainrule.box import Box, box
from chainrule.errors import GradientError
from chainrule.node import Freed, Node
from chainrule.ops.arithmetic import has_nan
from chainrule.spec import Spec

_by_number = attrgetter("number")


class Space:
    """The namespace rules work in, and how kept values enter it: with their nodes, unless they are ``fixed``."""

    def __init__(self, xp: Any, cls: type[Box] | None, fixed: bool = False):
        self.xp = xp
        self.cls = cls
        self.fixed = fixed

    def kept(self, node: Node) -> Any:
        """The kept values of a node as this space's arrays; None where nothing is kept."""
        kept = node.kept
        if kept.__class__ is Freed:
            raise freed(node)
        cls = self.cls
        if kept is None:
            return (None,) * (1 + len(node.parents))
        if cls is None:
            return kept
        owners = (node, *node.parents)
        symbolic = node.symbolic
        if node.op is not None and node.op.outputs is not None:
            outs = kept[0] if kept[0] is not None else node.shape if symbolic else None
            first = [None if outs is None else tuple(picks(cls, node, outs))]
            owners, kept = owners[1:], kept[1:]
        else:
            first = []
        return first + [
            box(cls, value, None if self.fixed and value is not None else owner)
            if owner is not None and (value is not None or symbolic)
            else value
            for value, owner in zip(kept, owners, strict=True)
        ]  # fmt: skip

    def arguments(self, node: Node) -> Sequence[Any]:
        """(out, operand 0, …) for a rule that is not a partial: its node, or a Spec, stands for what is not kept."""
        if node.kept is None and not node.symbolic:
            return (node, *node.parents)
        owners = (node, *node.parents)
        return [
            owner if value is None else value for value, owner in zip(self.kept(node), owners, strict=True)
        ]  # fmt: skip


def freed(node: Node) -> GradientError:
    """The error for walking a graph whose values an earlier backward gave up."""
    first = node.kept.location
    before = f" by the backward at {first}" if first is not None else ""
    return GradientError(
        f"[backward] the values that {node.name()} kept were freed{before}; expected a graph that was not walked "
        f"before; pass retain_graph=True to that first backward, or compute the outputs again."
    )


def ancestors(outputs: Iterable[Node], oldest: int = 0) -> list[Node]:
    """The nodes that ``outputs`` depend on, themselves included, newest first; none older than ``oldest``."""
    seen = set(outputs)
    found = list(seen)
    for node in found:
        if node.several is not None:
            for parent in node.several:
                if parent is not None and parent.number >= oldest and parent not in seen:
                    seen.add(parent)
                    found.append(parent)
            continue
        left, right = node.left, node.right
        if left is not None and left.number >= oldest and left not in seen:
            seen.add(left)
            found.append(left)
        if right is not None and right.number >= oldest and right not in seen:
            seen.add(right)
            found.append(right)
    found.sort(key=_by_number, reverse=True)
    return found


def descendants(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """Those of ``nodes`` (oldest first) that depend on one of ``sources``, themselves included."""
    reached = set(sources)
    for node in nodes:
        if any(parent in reached for parent in node.parents):
            reached.add(node)
    return reached


def array_of(value: Any) -> Any:
    """The array in a Tensor, or the array itself."""
    return value._value if isinstance(value, Box) else value


def repeat_if_nan(walk: Callable[[bool], list[Any]], symbolic: bool) -> list[Any]:
    """Run ``walk(careful)``: plainly, and again carefully if a NaN came out. See Note [Zeros annihilate]."""
    if symbolic:
        return walk(True)
    results = walk(False)
    arrays = (array_of(r) for r in results if r is not None)
    return walk(True) if any(has_nan(a) for a in arrays if a is not None) else results


def needs_derivative(spec: Spec | Node) -> bool:
    """Whether cotangents exist for this: integers and booleans have none."""
    return spec.dtype.kind in "fc"
