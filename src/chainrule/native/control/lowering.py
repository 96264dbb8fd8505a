"""Loops and choices of a graph: real loops and branches, whose bodies are lowered as graphs are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.graph.graph import Graph
from chainrule.native.control.invariant import hoisted
from chainrule.native.control.stepping import Body, Kept, Stepping, room, row
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import BOOL, I64, Value
from chainrule.native.listing import Lister, lowers
from chainrule.native.nests.lower import Lowering
from chainrule.native.statements import Array, View
from chainrule.node import Node


@dataclass
class Places:
    """Where the operands and results of a scan are; None for carries that are not kept."""

    fixed: Sequence[Pointer]
    start: Sequence[Pointer]
    rows: Sequence[Pointer]
    ends: Sequence[Pointer]
    ys: Sequence[Pointer]
    kept: Sequence[Pointer | None]


def write_scan(lowering: Lowering, graph: Graph, places: Places, length: Any, reverse: bool) -> None:
    """A scan of so many steps: an int, or a number that is computed."""
    fixed = places.fixed
    if not isinstance(length, int) or length > 1:
        graph, fixed = hoisted(lowering, graph, fixed)
    e, body = lowering.e, Body(lowering, graph)
    consts, carries = len(fixed), len(places.start)
    carry, rows = body.inputs[consts : consts + carries], body.inputs[consts + carries :]
    for array, pointer in zip(body.inputs, fixed, strict=False):
        body.given(array, pointer)
    stored = list(zip(places.kept, carry, strict=False))
    first = [
        None if x is None else Kept(lowering, array, x, end, length, reverse)
        for (x, array), end in zip(stored, places.ends, strict=False)
        if isinstance(length, int) and length
    ]
    loop = Stepping(lowering, body, places.start, carry, body.outputs[:carries], first)
    with e.loop(0, length, note="scan") as k:
        i = e.index(length) - 1 - k if reverse else k
        for array, pointer in zip(rows, places.rows, strict=True):
            body.given(array, row(e, pointer, i, array))
        for array, pointer in zip(body.outputs[carries:], places.ys, strict=True):
            body.makes(array, row(e, pointer, i, array))
        if not loop.small and first:
            for kept in first:
                if kept is not None:
                    kept.begin(k)
            loop.step()
        else:
            loop.step([None if pointer is None else row(e, pointer, i, array) for pointer, array in stored])
    loop.finish(places.ends)


class Scan:
    """The lowering of ``scan``."""

    def __init__(self, node: Node):
        self.params = node.params

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        p, at = self.params, lowering.pointer
        consts, carries, body = p["consts"], p["carries"], p["body"]
        first, given, made = consts + carries, [at(a) for a in operands], [at(a) for a in outs]
        count = len(body.outputs)
        places = Places(
            given[:consts], given[consts:first], given[first:], made[:carries], made[carries:count], made[count:]
        )
        write_scan(lowering, body, places, p["length"], p["reverse"])


def write_while(
    lowering: Lowering, params: dict[str, Any], given: Sequence[Pointer], ends: Sequence[Pointer],
    kept: Callable[[], Sequence[Pointer | None]] = tuple,
) -> None:  # fmt: skip
    """A loop, which puts its carries before each step where ``kept`` says then."""
    e, conds, consts = lowering.e, params["conds"], params["consts"]
    tested, fixed, start = given[:conds], given[conds : conds + consts], given[conds + consts :]
    step, fixed = hoisted(lowering, params["body"], fixed)
    test, tested = hoisted(lowering, params["cond"], tested)
    body = Body(lowering, step)
    for array, pointer in zip(body.inputs, fixed, strict=False):
        body.given(array, pointer)
    loop = Stepping(lowering, body, start, body.inputs[len(fixed) :], body.outputs)
    answer = e.variable(bool)

    def condition() -> Value:
        cond = Body(lowering, test)
        for array, pointer in zip(cond.inputs, tested, strict=False):
            cond.given(array, pointer)
        level = len(e.stack) - 1
        for j, array in enumerate(cond.inputs[len(tested) :]):
            if loop.small and cond.straight:
                cond.held(array, [e.get(v) for v in loop.variables[j]])
            elif loop.small:
                pointer = room(lowering, array)
                for i, variable in enumerate(loop.variables[j]):
                    e.store(pointer, i, e.get(variable))
                cond.given(array, Pointer(pointer.name, level))
            else:
                cond.given(array, loop.carries[j].now())
        place = Pointer(room(lowering, cond.outputs[0]).name, level)
        cond.makes(cond.outputs[0], place)
        cond.lowering.write()
        e.set(answer, e.load(place, BOOL, 0))
        return e.get(answer)

    e.repeat(condition, lambda: loop.step(kept()))
    loop.finish(ends)


class WhileLoop:
    """The lowering of ``while_loop``."""

    def __init__(self, node: Node):
        self.params = node.params

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        write_while(lowering, self.params, [lowering.pointer(a) for a in operands], [lowering.pointer(a) for a in outs])


class Switch:
    """The lowering of ``switch``."""

    def __init__(self, node: Node):
        self.branches = node.params["branches"]

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e = lowering.e
        chosen = e.cast(e.load(lowering.pointer(operands[0]), operands[0].dtype, 0), I64)

        def branch(k: int) -> None:
            level = len(e.stack) - 1
            body = Body(lowering, self.branches[k])
            for array, given in zip(body.inputs, operands[1:], strict=True):
                body.given(array, lowering.pointer(given))
            for array, out in zip(body.outputs, outs, strict=True):
                body.makes(array, Pointer(lowering.pointer(out).name, level))
            body.lowering.write()

        def choose(k: int) -> None:
            if k == len(self.branches) - 1:
                branch(k)
                return
            with e.when(chosen <= k) as orelse:
                branch(k)
            with e.inside(orelse):
                choose(k + 1)

        choose(0)


@lowers("scan")
def _scan(lister: Lister, operands: Any, node: Node) -> tuple[View, ...]:
    return lister.call(node.spec, operands, Scan(node), "scan")


@lowers("while_loop")
def _while(lister: Lister, operands: Any, node: Node) -> tuple[View, ...]:
    return lister.call(node.spec, operands, WhileLoop(node), "while_loop")


@lowers("switch")
def _switch(lister: Lister, operands: Any, node: Node) -> tuple[View, ...]:
    return lister.call(node.spec, operands, Switch(node), "switch")
