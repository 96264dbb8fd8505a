"""Body: a graph as the body of a loop or the branch of a choice, with the graphs that derive from it.

A body is made of fresh symbols alone: what the function it was traced from closes over has become inputs of its own.
So whatever calls it passes everything as operands, and no derivative is lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.config import enable_grad
from chainrule.graph.batch import run_batched
from chainrule.graph.forward import forward
from chainrule.graph.gradients import start_seeds, tensors
from chainrule.graph.graph import Graph, operands_of
from chainrule.graph.plan import compiled
from chainrule.graph.reverse import reverse
from chainrule.graph.walk import ancestors, descendants
from chainrule.node import Node, SymbolicNode, record
from chainrule.ops import ops
from chainrule.spec import Spec, spec_of

Flags = tuple[bool, ...]


def symbols(specs: Iterable[Spec]) -> list[Any]:
    """A fresh symbol for each Spec."""
    return [
        box(Box.default, None, record(None, (), (None,), {"name": f"x{i}"}, spec, SymbolicNode))
        for i, spec in enumerate(specs)
    ]


def constant(value: Any) -> Any:
    """A Tensor that no gradient is asked of."""
    return box(Box.default, np.asarray(value)[()], None)


def zeros(spec: Any) -> Any:
    return constant(np.zeros(spec.shape, spec.dtype))


def tensor_spec(x: Any) -> Spec:
    """The Spec of a Tensor, with a value or without."""
    return x._node.spec if x._value is None else spec_of(x._value)


class Body(Graph):
    """A Graph of symbols, with its compiled plan, its two derivatives and its batched form, each made once."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]):
        super().__init__([x._node for x in inputs], outputs)
        self._derived: dict[Any, Any] = {}

    @property
    def specs(self) -> list[Spec]:
        """The Specs of the outputs."""
        return [tensor_spec(y) for y in self.outputs]

    @functools.cached_property
    def plan(self) -> Callable[..., tuple[Any, ...]]:
        """This graph as a function of bare arrays."""
        return compiled(self)

    def derived(self, key: Any, make: Callable[..., Any], *args: Any) -> Any:
        """What ``make(self, *args)`` gives, remembered under ``key``."""
        if key not in self._derived:
            with enable_grad():
                self._derived[key] = make(self, *args)
        return self._derived[key]

    def pulled(self, wanted: Flags, given: Flags, careful: bool) -> Body:
        """(inputs, cotangents of the ``given`` outputs) ↦ cotangents of the ``wanted`` inputs."""
        return self.derived(("pull", wanted, given, careful), _pulled, wanted, given, careful)

    def pushed(self, moving: Flags, careful: bool) -> Body:
        """(inputs, tangents of the ``moving`` ones) ↦ (outputs, tangents of the floating ones)."""
        return self.derived(("push", moving, careful), _pushed, moving, careful)

    def batched(self, flags: Flags, size: int, wanted: Flags) -> tuple[Body, Flags]:
        """This graph on ``size`` samples of the inputs in ``flags``, and which outputs have a batch axis.

        Those in ``wanted`` have one in any case.
        """
        return self.derived(("batch", flags, size, wanted), _batched, flags, size, wanted)


def is_floating(spec: Any) -> bool:
    """Whether cotangents exist for this."""
    return spec.dtype.kind in "fc"


def _fresh(body: Body) -> list[Any]:
    return symbols(node.spec for node in body.inputs)


def _or_zeros(found: Any, spec: Any) -> Any:
    return zeros(spec) if found is None else found


def _pulled(body: Body, wanted: Flags, given: Flags, careful: bool) -> Body:
    xs = _fresh(body)
    ys = [y for y, is_given in zip(body.run(xs, ops), given, strict=True) if is_given]
    gs = symbols(map(tensor_spec, ys))
    targets = [x._node for x, is_wanted in zip(xs, wanted, strict=True) if is_wanted]
    space = tensors(Box.default)
    live = [(y._node, g) for y, g in zip(ys, gs, strict=True) if y._node is not None]
    seeds = start_seeds("pull", [node for node, _ in live], [g for _, g in live], space)
    order = ancestors(seeds)
    needed = descendants(reversed(order), targets)
    found, _ = reverse(order, seeds, set(targets), needed, space, careful)
    return Body([*xs, *gs], [_or_zeros(found.get(node), node) for node in targets])


def _pushed(body: Body, moving: Flags, careful: bool) -> Body:
    xs = _fresh(body)
    ts = symbols(node.spec for node, moves in zip(body.inputs, moving, strict=True) if moves)
    ys = body.run(xs, ops)
    targets = [x._node for x, moves in zip(xs, moving, strict=True) if moves]
    order = ancestors(y._node for y in ys if y._node is not None)[::-1]
    found = forward(order, dict(zip(targets, ts, strict=True)), tensors(Box.default), careful)
    moved = [_or_zeros(found.get(y._node), tensor_spec(y)) for y in ys if is_floating(tensor_spec(y))]
    return Body([*xs, *ts], [*ys, *moved])


def _batched(body: Body, flags: Flags, size: int, wanted: Flags) -> tuple[Body, Flags]:
    xs = symbols(
        Spec((size, *node.shape), node.dtype) if is_batched else node.spec
        for node, is_batched in zip(body.inputs, flags, strict=True)
    )
    ys, fronts = run_batched(body, xs, flags, ops)
    outs = [
        y if front or not want else ops.broadcast_to(y, (size, *tensor_spec(y).shape))
        for y, front, want in zip(ys, fronts, wanted, strict=True)
    ]
    return Body(xs, outs), tuple(front or want for front, want in zip(fronts, wanted, strict=True))


# ------------------------------------------------------------------------------------------------ closures


def closed(inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[Body, list[Any]]:
    """The body between symbols and what was computed from them, and the Tensors from outside that it meets.

    Those become its first inputs: closure conversion. It is recorded again on symbols of its own, so that it holds on
    to nothing outside.
    """
    own = [x._node for x in inputs]
    oldest = min((node.number for node in own), default=0)
    heads = [y._node for y in outputs if y._node is not None and y._node.number >= oldest]
    order = ancestors(heads, oldest)[::-1]
    reached = descendants(order, own)
    nodes = [node for node in order if node in reached and node not in own]
    outside: dict[Node, Any] = {}
    for node in nodes:
        for value, parent in zip(node.kept[1:] if node.kept else (), node.parents, strict=False):
            if parent is not None and parent not in reached and parent not in outside:
                outside[parent] = box(Box.default, value, parent)
    for y in outputs:
        if y._node is not None and y._node not in reached:
            outside[y._node] = y
    consts = symbols(map(tensor_spec, outside.values()))
    arguments = symbols(node.spec for node in own)
    known: dict[Any, Any] = {**dict(zip(outside, consts, strict=True)), **dict(zip(own, arguments, strict=True))}
    for node in nodes:
        if node.op is None:
            known[node] = known[node.parents[0]]
            continue
        operands = operands_of(node, known, ops)
        function = getattr(ops, node.op.name)
        known[node] = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
    results = [known[y._node] if y._node is not None else y for y in outputs]
    return Body([*consts, *arguments], results), list(outside.values())
