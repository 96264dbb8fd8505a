"""Reverse mode through loops whose length only values tell, as a program of scans: of a length that is counted first.

``pull`` has no formula: it records what it runs. To be written out, a pull is derived between symbols, each loop a scan
of some length. Where that number goes, into shapes and parameters, is seen by deriving it for three choices of lengths:
what differs between the three is the length of a loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.box import Box, box
from chainrule.graph.body import symbols, tensor_spec, zeros
from chainrule.graph.gradients import pull as walk_back
from chainrule.graph.gradients import start_seeds, tensors
from chainrule.graph.graph import Graph
from chainrule.graph.operands import kept_operands
from chainrule.graph.pull import PULL
from chainrule.graph.repeat import WHILE
from chainrule.graph.replay import outcomes, replay
from chainrule.graph.syntax import Unquotable
from chainrule.node import Node, record
from chainrule.ops import ops
from chainrule.spec import Spec, Specs

CHOICES = 3


def _lengths(loop: int) -> tuple[int, ...]:
    """The lengths of one loop in the three derivations: no sum or multiple of those of one loop is that of another."""
    return 7 + 2 * loop, 11 + 5 * loop, 13 + 9 * loop


class Length:
    """How many steps a loop takes, as a variable of the program: equal to itself, and to nothing else for sure."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        raise Unquotable("a length was compared")

    __hash__ = object.__hash__


class Filled(NamedTuple):
    """An array of equal elements."""

    shape: Any
    fill: Any


class Counted(NamedTuple):
    """A pull as a graph of scans, with a Length wherever one is meant."""

    graph: Graph  # after its outputs come what loops take, which may be no part of what they give
    outputs: int
    loops: dict[Node, tuple[Length, list[Any], dict[str, Any]]]  # of each scan that a loop became: its operands, params
    specs: dict[Node, Any]
    params: dict[Node, dict[str, Any]]
    constants: dict[Node, list[Any]]


def counted(graph: Graph, wrt: Sequence[bool], given: Sequence[bool], names: Callable[[str], str]) -> Counted:
    """The graph of (inputs, cotangents of the ``given`` outputs) ↦ cotangents of the inputs in ``wrt``.

    ``names`` makes names for lengths that nothing else has.
    """
    found = [_derived(graph, wrt, given, choice) for choice in range(CHOICES)]
    (one, loops), others = found[0], [other for other, _ in found[1:]]
    nodes = [other.nodes for other in others]
    if any([node.op for node in other] != [node.op for node in one.nodes] for other in nodes):
        raise Unquotable("its program depends on how often a loop runs")
    lengths = {_lengths(i): Length(names(f"length_{i}")) for i in range(len(loops))}
    specs, params, constants = {}, {}, {}
    for node, *alike in zip(one.nodes, *nodes, strict=True):
        specs[node] = _merged([n.spec for n in (node, *alike)], lengths)
        if node.op is not None:
            params[node] = {key: _merged([n.params[key] for n in (node, *alike)], lengths) for key in node.params}
            constants[node] = [_merged(xs, lengths) for xs in zip(*map(kept_operands, (node, *alike)), strict=True)]
    known = {
        node: (length, operands, given)
        for (node, operands, given), length in zip(loops, lengths.values(), strict=True)
    }  # fmt: skip
    return Counted(one, sum(wrt), known, specs, params, constants)


def _merged(given: Sequence[Any], lengths: dict[Any, Length]) -> Any:
    """What three derivations agree on, with a Length for the numbers of one loop."""
    one = given[0]
    if type(one) is int:
        if len(set(given)) == 1:
            return one
        if tuple(given) not in lengths:
            raise Unquotable("a size is computed from how often a loop runs")
        return lengths[tuple(given)]
    if isinstance(one, Specs):
        return Specs(_merged(parts, lengths) for parts in zip(*given, strict=True))
    if isinstance(one, Spec):
        return Spec(_merged([spec.shape for spec in given], lengths), one.dtype)
    if type(one) in (tuple, list):
        return type(one)(_merged(parts, lengths) for parts in zip(*given, strict=True))
    if isinstance(one, np.ndarray) and len({x.shape for x in given}) > 1:
        if any((x != one.flat[0]).any() for x in given):
            raise Unquotable("a constant depends on how often a loop runs")
        return Filled(_merged([x.shape for x in given], lengths), one.flat[0])
    return one


def _derived(graph: Graph, wrt: Sequence[bool], given: Sequence[bool], choice: int) -> tuple[Graph, list[Any]]:
    """A pull whose loops are scans of these lengths, and those scans with the operands and parameters of the loops."""
    loops: list[Any] = []

    def expand(node: Node, operands: list[Any]) -> Any:
        if node.op is PULL:
            return pulled(operands, **node.params)
        if node.op is not WHILE:
            return None
        body, first = node.params["body"], node.params["conds"]
        length = _lengths(len(loops))[choice]
        out = ops.scan(
            *operands[first:], body=body, consts=node.params["consts"], carries=len(body.outputs), length=length,
            reverse=False, keep=True, snapshots=None,
        )  # fmt: skip
        loops.append((out[0]._node.left, operands, node.params))
        return tuple(out[: len(body.outputs)])

    def pulled(operands: Sequence[Any], graph: Graph, wrt: Sequence[bool], given: Sequence[bool]) -> tuple[Any, ...]:
        count = len(graph.inputs)
        leaves = [
            box(Box.default, x._value, record(None, (x._node,), (), {}, tensor_spec(x))) if is_wanted else x
            for x, is_wanted in zip(operands[:count], wrt, strict=True)
        ]
        known: dict[Any, Any] = dict(zip(graph.inputs, leaves, strict=True))
        replay(graph.computed, known, expand)
        ys = list(itertools.compress(outcomes(graph.outputs, known), given))
        pairs = [(y._node, g) for y, g in zip(ys, operands[count:], strict=True) if y._node is not None]
        space = tensors(Box.default)
        seeds = start_seeds("pull", [node for node, _ in pairs], [g for _, g in pairs], space)
        targets = [x._node for x in itertools.compress(leaves, wrt)]
        found, _ = walk_back(seeds, targets, space, True)
        return tuple(zeros(node) if g is None else g for node, g in zip(targets, found, strict=True))

    xs = symbols(node.spec for node in graph.inputs)
    gs = symbols(tensor_spec(y) for y in itertools.compress(graph.outputs, given))
    found = pulled([*xs, *gs], graph, wrt, given)
    taken = [x for _, operands, _ in loops for x in operands if isinstance(x, Box) and x._node is not None]
    return Graph([*xs, *gs], [*found, *taken]), loops
