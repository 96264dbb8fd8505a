"""Batching: run a graph on inputs that carry a batch axis in front, every op by its own batching rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.errors import ShapeError
from chainrule.graph.graph import Graph, operands_of
from chainrule.graph.samples import ACROSS, batching
from chainrule.ops import raw
from chainrule.spec import shape_of


def run_batched(
    graph: Graph, values: Sequence[Any], batched: Sequence[bool], xp: Any = raw
) -> tuple[list[Any], list[bool]]:
    """The outputs for all samples at once, and which of them have the batch axis (in front).

    ``batched[i]`` says whether input i has one; the sizes of these axes must agree. A node that no batched input
    reaches is computed once, for all samples. ``xp`` is ``raw`` (bare arrays) or ``ops`` (Tensors).
    """
    _check(graph, values, batched)
    known: dict[Any, Any] = dict(zip(graph.inputs, values, strict=True))
    front = {node for node, is_batched in zip(graph.inputs, batched, strict=True) if is_batched}
    axis = batching.get()
    for node in graph.computed:
        if any(parent in front for parent in node.parents):
            front.add(node)
        if node.op is None:
            known[node] = known[node.parents[0]]
            continue
        operands = operands_of(node, known, xp)
        if axis is not None and node.params.get("along") is axis:
            known[node], is_front = ACROSS[node.op.name](operands[0], node in front, axis.size)
            (front.add if is_front else front.discard)(node)
        elif node in front:
            flags = tuple(parent in front for parent in node.parents)
            assert node.op.batch is not None
            known[node] = node.op.batch(xp, flags, *operands, **node.params)
        else:
            function = getattr(xp, node.op.name)
            known[node] = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
    results = [known.get(y._node, y._value if xp is raw else y) for y in graph.outputs]
    return results, [y._node in front for y in graph.outputs]


def _check(graph: Graph, values: Sequence[Any], batched: Sequence[bool]) -> None:
    size: int | None = None
    for node, value, is_batched in zip(graph.inputs, values, batched, strict=True):
        shape = shape_of(value)
        ndim = int(is_batched)
        lead, own = shape[:ndim], shape[ndim:]
        if own != node.shape or len(lead) != is_batched:
            wanted = f"(batch, {', '.join(map(str, node.shape))})" if is_batched else f"{node.shape}"
            raise ShapeError(
                f"[batch] the value of {node.name()} has shape {shape}; expected {wanted}, since it was declared "
                f"{node.spec!r}; put the batch axis first, or say that this input has none."
            )
        if is_batched and size not in (None, lead[0]):
            raise ShapeError(
                f"[batch] the batch axis of {node.name()} has size {lead[0]}, that of an earlier input {size}; "
                f"expected one size for all batched inputs."
            )
        size = lead[0] if is_batched else size
