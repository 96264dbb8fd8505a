"""The op ``pull``: reverse accumulation through a Graph, done when there are values.

For graphs whose reverse walk depends on values, as loops do whose length is not known before. On Tensors with values
it is the walk itself, recorded like any other; between symbols or samples it is a node, and so are its derivatives,
which are pulls of a graph with a pull in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import apply
from chainrule.box import Box, box
from chainrule.config import enable_grad, recording
from chainrule.graph.body import Body, Flags, is_floating, symbols, tensor_spec, zeros
from chainrule.graph.gradients import RAW, start_seeds, tensors
from chainrule.graph.gradients import pull as walk_back
from chainrule.graph.layout import Arrays
from chainrule.graph.support import Supported, bare
from chainrule.graph.walk import array_of
from chainrule.node import record
from chainrule.op import program
from chainrule.ops import install, ops
from chainrule.spec import Spec, spec_of


def _walk(operands: Arrays, graph: Body, wrt: Flags, given: Flags, recorded: bool) -> list[Any]:
    """Cotangents of the wanted inputs: Tensors that are recorded, or bare arrays."""
    count = len(graph.inputs)
    leaves = []
    for x, is_wanted in zip(operands[:count], wrt, strict=True):
        value, outer = (x._value, x._node) if isinstance(x, Box) else (x, None)
        node = record(None, (outer,), (), {}, spec_of(value)) if is_wanted else outer
        leaves.append(box(Box.default, value, node))
    with enable_grad(), np.errstate(all="ignore"):
        ys = [y for y, is_given in zip(graph.run(leaves, ops), given, strict=True) if is_given]
    space = tensors(Box.default) if recorded else RAW
    pairs = [(y._node, g) for y, g in zip(ys, operands[count:], strict=True) if y._node is not None]
    seeds = start_seeds("pull", [node for node, _ in pairs], [g for _, g in pairs], space)
    targets = [x._node for x, is_wanted in zip(leaves, wrt, strict=True) if is_wanted]
    found, _ = walk_back(seeds, targets, space, False)
    found = [zeros(node) if g is None else g for node, g in zip(targets, found, strict=True)]
    return found if recorded else [array_of(g) for g in found]


def _value(*operands: Any, graph: Body, wrt: Flags, given: Flags) -> tuple[Any, ...]:
    return tuple(_walk(operands, graph, wrt, given, recorded=False))


def _spec(*_operands: Any, graph: Body, wrt: Flags, **_params: Any) -> tuple[Spec, ...]:
    return tuple(node.spec for node, is_wanted in zip(graph.inputs, wrt, strict=True) if is_wanted)


def _inner(operands: Arrays, params: dict[str, Any]) -> Body:
    """A graph of this pull alone."""

    def make(_: Body) -> Body:
        xs = symbols(tensor_spec(x) if isinstance(x, Box) else spec_of(x) for x in operands)
        return Body(xs, ops.pull(*xs, **params))

    return params["graph"].derived(("pulled", params["wrt"], params["given"]), make)


def pulled(graph: Body, operands: Arrays, g: Arrays, wanted: Flags) -> list[Any]:
    """Cotangents of the wanted inputs of a graph, None for the others, by a pull.

    Where a cotangent is a structural zero, the output itself is one, in a graph that is told so.
    """
    supported = tuple(c.__class__ is Supported for c in g)
    supports = [c.support for c in g if c.__class__ is Supported]
    if supports:
        graph = graph.derived(("masked", supported), _masked, supported)
    wrt, given = (*wanted, *(False,) * len(supports)), tuple(c is not None for c in g)
    cotangents = [bare(c) for c in g if c is not None]
    found = iter(ops.pull(*operands, *supports, *cotangents, graph=graph, wrt=wrt, given=given))
    return [next(found) if is_wanted else None for is_wanted in wanted]


def _masked(graph: Body, supported: Flags) -> Body:
    """(inputs, supports) ↦ the outputs where they are supported, 0 elsewhere."""
    xs = symbols(node.spec for node in graph.inputs)
    masks = symbols(Spec(spec.shape, np.dtype(bool)) for spec, has in zip(graph.specs, supported, strict=True) if has)
    each = iter(masks)
    ys = graph.run(xs, ops)
    return Body(
        [*xs, *masks], [ops.where(next(each), y, 0) if has else y for y, has in zip(ys, supported, strict=True)]
    )


def _together(_xp: Any, g: Any, _out: Any, *operands: Any, wanted: Flags, **params: Any) -> list[Any]:
    return pulled(_inner(operands, params), operands, g, wanted)


def _jvp(_xp: Any, tangents: Any, _out: Any, *operands: Any, **params: Any) -> tuple[Any, ...]:
    # J t is the gradient of ⟨Jᵀ g, t⟩ with respect to g, in which it is linear: forward mode as reverse mode twice.
    graph = _inner(operands, params)
    specs = graph.specs
    floating = tuple(is_floating(spec) for spec in specs)
    moving = tuple(t is not None for t in tangents)

    def make(_: Body) -> Body:
        xs = symbols(node.spec for node in graph.inputs)
        gs = symbols(spec for spec, moves in zip(specs, floating, strict=True) if moves)
        return Body([*xs, *gs], ops.pull(*xs, *gs, graph=graph, wrt=moving, given=floating))

    twice = graph.derived(("twice", moving), make)
    gs = [zeros(spec) for spec, moves in zip(specs, floating, strict=True) if moves]
    wanted = (*(False,) * len(operands), *(True,) * len(gs))
    ts = [t for t in tangents if t is not None]
    found = iter(ops.pull(*operands, *gs, *ts, graph=twice, wrt=wanted, given=(True,) * len(ts)))
    return tuple(next(found) if moves else None for moves in floating)


def _batch(xp: Any, batched: Flags, *operands: Any, graph: Body, wrt: Flags, given: Flags) -> tuple[Any, ...]:
    # Every operand is batched, so that every sample has cotangents of its own.
    size = next(x.shape[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)
    values = [
        x if is_batched else xp.broadcast_to(x, (size, *x.shape))
        for x, is_batched in zip(operands, batched, strict=True)
    ]
    mapped, _ = graph.batched((True,) * len(graph.inputs), size, (True,) * len(graph.outputs))
    return xp.pull(*values, graph=mapped, wrt=wrt, given=given)


PULL = program(
    "pull",
    value=_value,
    spec=_spec,
    arity=None,
    together=_together,
    jvp=_jvp,
    batch=_batch,
    outputs=tuple,
    doc="The cotangents of a graph's inputs, given those of its outputs.",
)
install(PULL)


def _pull(*operands: Any, **params: Any) -> Any:
    boxes = [x for x in operands if isinstance(x, Box)]
    if any(x._value is None for x in boxes) or not (recording.get() and any(x._node is not None for x in boxes)):
        return apply(PULL, operands, params)
    return tuple(_walk(operands, recorded=True, **params))


PULL.call = ops.pull = _pull
