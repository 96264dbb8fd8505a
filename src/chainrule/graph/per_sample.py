"""backward with one gradient for each sample: the reverse walk mapped over the samples of the output."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import as_value, box
from chainrule.config import no_grad
from chainrule.errors import GradientError, ShapeError, SymbolError
from chainrule.graph.gradients import free, node_of, release_mark, tensors, walk
from chainrule.graph.samples import Axis
from chainrule.graph.walk import ancestors
from chainrule.spec import normalize_axis


def backward_per_sample(y: Any, along: Any, gradient: Any, retain_graph: bool | None) -> None:
    """Accumulate ∂yᵢ/∂leaf into ``leaf.grad``, one gradient for each i along an axis of y, stacked in front."""
    node = node_of("backward", y, 0)
    if y._value is None:
        raise SymbolError(
            "[backward] the output is symbolic, so there is no value to differentiate at; expected a Tensor with a "
            "value; write per_sample(grad(f))."
        )
    axis = normalize_axis("backward", along, len(node.shape))
    size = node.shape[axis]
    if gradient is None and (node.size != size or node.dtype.kind == "c"):
        raise GradientError(
            f"[backward] the output is {node.spec!r}, and a gradient can be implied for one real number a sample; "
            f"expected {size} of them along axis {axis}; reduce the other axes, or give gradient=ones_like(y)."
        )
    seed = np.ones(node.shape, node.dtype) if gradient is None else np.asarray(_array(gradient), node.dtype)
    if seed.shape != node.shape:
        raise ShapeError(
            f"[backward] the cotangent has shape {seed.shape} and its output {node.shape}; expected equal shapes; "
            f"broadcast it with broadcast_to(g, {node.shape})."
        )
    places = [1] * len(node.shape)
    places[axis] = size
    each = np.eye(size, dtype=node.dtype).reshape(size, *places) * seed
    order = ancestors([node])
    targets = [n for n in order if n.watch is not None and (n.op is None or n.watch.retain)]
    samples = Axis(size)
    start = samples.sample(type(y), box(type(y), each, None))
    with no_grad():
        found = walk(order, {node: start}, targets, None, None, tensors(type(y)), True, None)
        stacks = [samples.content(g) for g in found]
    samples.open = False
    for target, g in zip(targets, stacks, strict=True):
        tensor = target.watch.tensor()  # type: ignore[union-attr]  # targets are watched
        if tensor is not None:
            before = tensor._grad
            if before is not None and before.shape != g.shape:
                raise ShapeError(
                    f"[backward] .grad has shape {before.shape}, and the gradients of all samples {g.shape}; expected "
                    f"equal shapes, since gradients are accumulated; set x.grad = None first."
                )
            tensor._grad = g if before is None else before + g
    free(order, release_mark(retain_graph, False))


def _array(gradient: Any) -> Any:
    return gradient.detach()._value if hasattr(gradient, "_value") else as_value("backward", gradient)
