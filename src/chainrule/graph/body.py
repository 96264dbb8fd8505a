"""Body: a graph as the body of a loop or the branch of a choice, with the graphs that derive from it.

A body is made of fresh symbols alone: what the function it was traced from closes over has become inputs of its own.
So whatever calls it passes everything as operands, and no derivative is lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.config import enable_grad
from chainrule.graph.batch import run_batched
from chainrule.graph.forward import forward
from chainrule.graph.gradients import tensors
from chainrule.graph.graph import Graph
from chainrule.graph.plan import compiled
from chainrule.graph.replay import replay
from chainrule.graph.reverse import reverse
from chainrule.graph.samples import batching, between_symbols
from chainrule.graph.support import Supported, bare
from chainrule.graph.support import careful as careful_namespace
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

    def __init__(self, inputs: Sequence[Any], outputs: Iterable[Any]):
        super().__init__([x._node for x in inputs], tuple(outputs))
        self._derived: dict[Any, Any] = {}

    @property
    def specs(self) -> list[Spec]:
        """The Specs of the outputs."""
        return [tensor_spec(y) for y in self.outputs]

    @functools.cached_property
    def axes(self) -> set[Any]:
        """The axes along which something is computed across samples, here or in the graphs inside."""
        found = {node.params.get("along") for node in self.computed}
        for node in self.computed:
            for value in node.params.values():
                for inner in value if isinstance(value, tuple) else (value,):
                    if isinstance(inner, Body):
                        found |= inner.axes
        return found - {None}

    @functools.cached_property
    def plan(self) -> Callable[..., tuple[Any, ...]]:
        """This graph as a function of bare arrays."""
        return compiled(self)

    def derived(self, key: Any, make: Callable[..., Any], *args: Any) -> Any:
        """What ``make(self, *args)`` gives, remembered under ``key``."""
        if key not in self._derived:
            before = between_symbols.set(True)
            try:
                with enable_grad():
                    self._derived[key] = make(self, *args)
            finally:
                between_symbols.reset(before)
        return self._derived[key]

    def pulled(self, wanted: Flags, given: Flags, careful: bool) -> Body:
        """(inputs, cotangents of the ``given`` outputs) ↦ cotangents of the ``wanted`` inputs."""
        return self.derived(("pull", wanted, given, careful), _pulled, wanted, given, careful)

    def pulled_supports(self, wanted: Flags, given: Flags, masks: int) -> Body:
        """(inputs, cotangents, supports of the first of these) ↦ (cotangents, their supports); carefully."""
        return self.derived(("pull supports", wanted, given, masks), _pulled_supports, wanted, given, masks)

    def leaves_zeros(self, wanted: Flags, given: Flags) -> bool:
        """Whether cotangents of the wanted inputs have structural zeros."""
        return self.derived(("zeros", wanted, given), _leaves_zeros, wanted, given)

    def pushed(self, moving: Flags, careful: bool) -> Body:
        """(inputs, tangents of the ``moving`` ones) ↦ (outputs, tangents of the floating ones)."""
        return self.derived(("push", moving, careful), _pushed, moving, careful)

    def batched(self, flags: Flags, size: int, wanted: Flags) -> tuple[Body, Flags]:
        """This graph on ``size`` samples of the inputs in ``flags``, and which outputs have a batch axis.

        Those in ``wanted`` have one in any case.
        """
        axis = batching.get()
        met = axis if axis in self.axes else None
        return self.derived(("batch", flags, size, wanted, met), _batched, flags, size, wanted)


class Pulled:
    """Graphs pulled back together: on which cotangents, and what becomes of what they give.

    A careful walk passes the supports of cotangents on, where any has structural zeros, and takes theirs back.
    """

    def __init__(self, bodies: Sequence[Body], g: Sequence[Any], wanted: Flags, careful: bool):
        given = tuple(c is not None for c in g)
        cotangents = [c for c in g if c is not None]
        self.masked = careful and (
            any(c.__class__ is Supported for c in cotangents)
            or any(body.leaves_zeros(wanted, given) for body in bodies)
        )
        self.operands = list(map(bare, cotangents))
        self.wanted = wanted
        if self.masked:
            self.bodies = tuple(body.pulled_supports(wanted, given, len(cotangents)) for body in bodies)
            self.operands += [c.support if c.__class__ is Supported else np.ones(c.shape, bool)[()] for c in cotangents]
        else:
            self.bodies = tuple(body.pulled(wanted, given, careful) for body in bodies)

    def answers(self, found: Sequence[Any]) -> list[Any]:
        """One for each input, None where none was wanted."""
        count = sum(self.wanted)
        if self.masked:
            found = [Supported(c, support) for c, support in zip(found[:count], found[count:], strict=True)]
        each = iter(found)
        return [next(each) if is_wanted else None for is_wanted in self.wanted]


def is_floating(spec: Any) -> bool:
    """Whether cotangents exist for this."""
    return spec.dtype.kind in "fc"


def _fresh(body: Body) -> list[Any]:
    return symbols(node.spec for node in body.inputs)


def _or_zeros(found: Any, spec: Any) -> Any:
    return zeros(spec) if found is None else found


def _pulled(body: Body, wanted: Flags, given: Flags, careful: bool) -> Body:
    xs, gs, found = _walked_back(body, wanted, given, careful, 0)
    return Body([*xs, *gs], map(bare, found))


def _walked_back(
    body: Body, wanted: Flags, given: Flags, careful: bool, masks: int
) -> tuple[list[Any], list[Any], list[Any]]:
    """Symbols of the inputs and of the given cotangents, and the cotangents wanted, Supported where the walk says so.

    The first ``masks`` of the given ones have structural zeros of their own: symbols of their supports come last.
    """
    xs = _fresh(body)
    ys = [y for y, is_given in zip(body.run(xs, ops), given, strict=True) if is_given]
    gs = symbols(map(tensor_spec, ys))
    supports = symbols(Spec(tensor_spec(y).shape, np.dtype(bool)) for y in ys[:masks])
    targets = [x._node for x, is_wanted in zip(xs, wanted, strict=True) if is_wanted]
    space, xp = tensors(Box.default), careful_namespace(False)
    seeds: dict[Node, Any] = {}
    for i, (y, g) in enumerate(zip(ys, gs, strict=True)):
        if y._node is not None:
            g = Supported(g, supports[i]) if i < masks else g
            seeds[y._node] = xp.add(seeds[y._node], g) if y._node in seeds else g
    order = ancestors(seeds)
    needed = descendants(reversed(order), targets)
    found, _ = reverse(order, seeds, set(targets), needed, space, careful, supported=True)
    return xs, [*gs, *supports], [_or_zeros(found.get(node), node) for node in targets]


def _pulled_supports(body: Body, wanted: Flags, given: Flags, masks: int) -> Body:
    xs, gs, found = _walked_back(body, wanted, given, True, masks)
    return Body([*xs, *gs], [*map(bare, found), *map(_support, found)])


def _support(g: Any) -> Any:
    if g.__class__ is Supported:
        return g.support
    return constant(np.full(g.shape, g._node is not None))  # zeros that nothing reached have no node


def _leaves_zeros(body: Body, wanted: Flags, given: Flags) -> bool:
    _, _, found = _walked_back(body, wanted, given, True, 0)
    return any(g.__class__ is Supported or g._node is None for g in found)


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
    replay(nodes, known)
    results = [known[y._node] if y._node is not None else y for y in outputs]
    return Body([*consts, *arguments], results), list(outside.values())
