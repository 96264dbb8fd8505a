"""Loops and choices of a graph: real loops and branches, whose bodies are lowered as graphs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native.fuse import Straight
from chainrule.native.listing import Lister, lowers
from chainrule.native.loops import BOOL, I64, Pointer, Value
from chainrule.native.lower import Home, Lowering, Storage, placed
from chainrule.native.statements import Array, Read, View, view_of
from chainrule.node import Node

REGISTERS = 64  # numbers that a loop carries from step to step without memory


def _room(lowering: Lowering, array: Array) -> Pointer:
    offset = lowering.arena.reserve(array.size * array.dtype.itemsize)
    return lowering.e.at(lowering.arena.pointer, np.dtype(np.uint8), offset)


def copy(lowering: Lowering, source: Pointer, target: Pointer, array: Array) -> None:
    """Copy the memory of an array."""
    e, size, dtype = lowering.e, array.size, array.dtype
    if dtype.kind == "c":
        size, dtype = 2 * size, np.dtype(np.float32 if dtype == np.complex64 else np.float64)
    lanes = 64 // dtype.itemsize
    whole = size - size % lanes
    if whole > 4 * lanes:
        with e.loop(0, whole, lanes, "copy") as i:
            e.store(target, i, e.load(source, dtype, i, lanes), lanes)
    else:
        for i in range(0, whole, lanes):
            e.store(target, i, e.load(source, dtype, i, lanes), lanes)
    if size > whole:
        rest = size - whole
        e.store(target, whole, e.load(source, dtype, whole, rest), rest)


class Body:
    """A graph as what one step of a loop does."""

    def __init__(self, lowering: Lowering, graph: Graph):
        self.outer, self.graph = lowering, graph
        self.inputs = [Array(node.shape, node.dtype, input=i, name=f"x{i}") for i, node in enumerate(graph.inputs)]
        lister = Lister()
        self.outputs = placed(lister, lister.graph(graph, [view_of(a) for a in self.inputs]))
        lowering.e.kept.append(lister.kept)
        self.lowering = Lowering(lowering.e, lister.statements, lowering.arena)

    @property
    def straight(self) -> bool:
        """Whether a step is without loops, and can have in registers what comes in and goes out."""
        lowering, ends = self.lowering, {*self.inputs, *self.outputs}
        reads = [read for s in lowering.statements for read in s.reads if isinstance(read, Read)]
        return (
            all(isinstance(item, Straight) for item in lowering.items)
            and all(lowering.homes[array].registers is not None for array in self.outputs)
            and not any(read.moves and read.array in ends for read in reads)
        )

    def given(self, array: Array, pointer: Pointer) -> None:
        """Where an input of the step is in memory."""
        self.lowering.homes[array] = Home((), Storage(array.strides, array.size, (), pointer))

    def held(self, array: Array, values: list[Any]) -> None:
        """An input of the step in registers."""
        self.lowering.homes[array] = Home((), None, Storage(array.strides, array.size, (), None, values))

    def makes(self, array: Array, pointer: Pointer | None) -> None:
        """Where an output of the step goes; None: it stays in registers."""
        home = self.lowering.homes[array]
        if pointer is None:
            home.memory = None
        else:
            assert home.memory is not None
            home.memory.pointer = pointer

    def result(self, array: Array) -> list[Any]:
        registers = self.lowering.homes[array].registers
        assert registers is not None and registers.registers is not None
        return registers.registers

    def in_place(self, carry: Array, out: Array) -> bool:
        """Whether the next carry may overwrite this one: each number is read only to make the one in its place."""
        readers = self.lowering.readers.get(carry, [])
        return readers == out.makers and all(
            read.place == maker.place
            for maker in out.makers
            for read in maker.reads
            if isinstance(read, Read) and read.array is carry
        )


def _row(lowering: Lowering, array: Array, i: Value, spec: Array) -> Pointer:
    """One row of a sequence."""
    part = 2 if spec.dtype.kind == "c" else 1
    dtype = spec.dtype if part == 1 else np.dtype(np.float32 if spec.dtype == np.complex64 else np.float64)
    return lowering.e.at(lowering.pointer(array), dtype, i * (spec.size * part))


class Scan:
    """The lowering of ``scan``."""

    def __init__(self, node: Node):
        self.params = node.params

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, p = lowering.e, self.params
        consts, carries, length = p["consts"], p["carries"], p["length"]
        body = Body(lowering, p["body"])
        fixed, start, rows = operands[:consts], operands[consts : consts + carries], operands[consts + carries :]
        inputs = body.inputs
        carry_in, carry_out = inputs[consts : consts + carries], body.outputs[:carries]
        ys = body.outputs[carries:]
        ends, y_rows, kept = outs[:carries], outs[carries : carries + len(ys)], outs[carries + len(ys) :]
        loop = Stepping(lowering, body, start, carry_in, carry_out)
        for array, given in zip(inputs[:consts], fixed, strict=True):
            body.given(array, lowering.pointer(given))
        with e.loop(0, length, note="scan") as k:
            i = e.const(length - 1, I64) - k if p["reverse"] else k
            for array, given in zip(inputs[consts + carries :], rows, strict=True):
                body.given(array, self._fresh(_row(lowering, given, i, array), e))
            for array, given in zip(ys, y_rows, strict=True):
                body.makes(array, _row(lowering, given, i, array))
            loop.step([_row(lowering, given, i, array) for given, array in zip(kept, carry_in, strict=False)])
        loop.finish(ends)

    def _fresh(self, pointer: Pointer, e: Any) -> Pointer:
        pointer.level = len(e.stack) - 1
        return pointer


class Stepping:
    """The carry of a loop, in variables where a step has no loops and it is small, else in memory."""

    def __init__(
        self, lowering: Lowering, body: Body, start: Sequence[Array], before: Sequence[Array], after: Sequence[Array]
    ):
        self.lowering, self.body, self.before, self.after = lowering, body, before, after
        e = lowering.e
        self.small = body.straight and sum(a.size for a in before) <= REGISTERS
        if self.small:
            self.variables = [[e.variable(a.dtype) for _ in range(a.size)] for a in before]
            for array, variables in zip(start, self.variables, strict=True):
                pointer = lowering.pointer(array)
                for i, variable in enumerate(variables):
                    e.set(variable, e.load(pointer, array.dtype, i))
            return
        self.pointers = [_room(lowering, a) for a in before]
        self.in_place = [body.in_place(a, b) for a, b in zip(before, after, strict=True)]
        self.next = [
            p if same else _room(lowering, a) for a, p, same in zip(before, self.pointers, self.in_place, strict=True)
        ]
        for array, pointer in zip(start, self.pointers, strict=True):
            copy(lowering, lowering.pointer(array), pointer, array)

    def step(self, kept: Sequence[Pointer] = ()) -> None:
        """Write one step; ``kept`` is where the carries before it are put."""
        e, body = self.lowering.e, self.body
        level = len(e.stack) - 1
        if self.small:
            for j, (array, variables) in enumerate(zip(self.before, self.variables, strict=True)):
                values = [e.get(v) for v in variables]
                body.held(array, values)
                if j < len(kept):
                    for i, value in enumerate(values):
                        e.store(kept[j], i, value)
            for array in self.after:
                body.makes(array, None)
            body.lowering.write()
            for array, variables in zip(self.after, self.variables, strict=True):
                for variable, value in zip(variables, body.result(array), strict=True):
                    e.set(variable, value)
            return
        for j, (array, pointer) in enumerate(zip(self.before, self.pointers, strict=True)):
            body.given(array, Pointer(pointer.name, level))
            if j < len(kept):
                copy(self.lowering, pointer, kept[j], array)
        for array, pointer in zip(self.after, self.next, strict=True):
            body.makes(array, Pointer(pointer.name, level))
        body.lowering.write()
        for array, pointer, new, same in zip(self.after, self.pointers, self.next, self.in_place, strict=True):
            if not same:
                copy(self.lowering, new, pointer, array)

    def finish(self, ends: Sequence[Array]) -> None:
        e = self.lowering.e
        for j, out in enumerate(ends):
            target = self.lowering.pointer(out)
            if self.small:
                for i, variable in enumerate(self.variables[j]):
                    e.store(target, i, e.get(variable))
            else:
                copy(self.lowering, self.pointers[j], target, out)


class WhileLoop:
    """The lowering of ``while_loop``."""

    def __init__(self, node: Node):
        self.params = node.params

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, p = lowering.e, self.params
        conds, consts = p["conds"], p["consts"]
        tested, fixed, start = operands[:conds], operands[conds : conds + consts], operands[conds + consts :]
        body = Body(lowering, p["body"])
        loop = Stepping(lowering, body, start, body.inputs[consts:], body.outputs)
        for array, given in zip(body.inputs, fixed, strict=False):
            body.given(array, lowering.pointer(given))
        answer = e.variable(bool)

        def condition() -> Value:
            cond = Body(lowering, p["cond"])
            for array, given in zip(cond.inputs, tested, strict=False):
                cond.given(array, lowering.pointer(given))
            level = len(e.stack) - 1
            for j, array in enumerate(cond.inputs[conds:]):
                if loop.small and cond.straight:
                    cond.held(array, [e.get(v) for v in loop.variables[j]])
                elif loop.small:
                    pointer = _room(lowering, array)
                    for i, variable in enumerate(loop.variables[j]):
                        e.store(pointer, i, e.get(variable))
                    cond.given(array, Pointer(pointer.name, level))
                else:
                    cond.given(array, Pointer(loop.pointers[j].name, level))
            place = Pointer(_room(lowering, cond.outputs[0]).name, level)
            cond.makes(cond.outputs[0], place)
            cond.lowering.write()
            e.set(answer, e.load(place, BOOL, 0))
            return e.get(answer)

        e.repeat(condition, loop.step)
        loop.finish(outs)


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
