"""The steps of loops: a graph as what one step does, and what is carried from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native.fuse import Straight
from chainrule.native.listing import Lister
from chainrule.native.loops import Emitter, Pointer, Value
from chainrule.native.lower import Home, Lowering, Storage, placed
from chainrule.native.statements import Array, Read, View, view_of
from chainrule.spec import Spec

REGISTERS = 64  # numbers that a loop carries from step to step without memory


def room(lowering: Lowering, array: Array) -> Pointer:
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

    def __init__(self, lowering: Lowering, graph: Graph, listed: Callable[..., list[View]] = Lister.graph):
        self.inputs = [Array(node.shape, node.dtype, input=i, name=f"x{i}") for i, node in enumerate(graph.inputs)]
        lister = Lister()
        self.outputs = placed(lister, listed(lister, graph, [view_of(a) for a in self.inputs]))
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
            maker.call is None and read.place == maker.place
            for maker in out.makers
            for read in maker.reads
            if isinstance(read, Read) and read.array is carry
        )


def row(e: Emitter, pointer: Pointer, i: Value, spec: Array | Spec) -> Pointer:
    """One row of a sequence."""
    part = 2 if spec.dtype.kind == "c" else 1
    dtype = spec.dtype if part == 1 else np.dtype(np.float32 if spec.dtype == np.complex64 else np.float64)
    return e.at(pointer, dtype, i * (spec.size * part))


class Stepping:
    """The carry of a loop, in variables where a step has no loops and it is small, else in memory."""

    def __init__(
        self, lowering: Lowering, body: Body, start: Sequence[Pointer], before: Sequence[Array], after: Sequence[Array]
    ):
        self.lowering, self.body, self.before, self.after = lowering, body, before, after
        e = lowering.e
        self.small = body.straight and sum(a.size for a in before) <= REGISTERS
        if self.small:
            self.variables = [[e.variable(a.dtype) for _ in range(a.size)] for a in before]
            for array, pointer, variables in zip(before, start, self.variables, strict=True):
                for i, variable in enumerate(variables):
                    e.set(variable, e.load(pointer, array.dtype, i))
            return
        self.pointers = [room(lowering, a) for a in before]
        self.in_place = [body.in_place(a, b) for a, b in zip(before, after, strict=True)]
        self.next = [
            p if same else room(lowering, a) for a, p, same in zip(before, self.pointers, self.in_place, strict=True)
        ]
        for array, source, pointer in zip(before, start, self.pointers, strict=True):
            copy(lowering, source, pointer, array)

    def step(self, kept: Sequence[Pointer | None] = ()) -> None:
        """Write one step; ``kept`` is where the carries before it are put, if anywhere."""
        e, body = self.lowering.e, self.body
        level = len(e.stack) - 1
        if self.small:
            for j, (array, variables) in enumerate(zip(self.before, self.variables, strict=True)):
                values = [e.get(v) for v in variables]
                body.held(array, values)
                place = kept[j] if j < len(kept) else None
                if place is not None:
                    for i, value in enumerate(values):
                        e.store(place, i, value)
            for array in self.after:
                body.makes(array, None)
            body.lowering.write()
            for array, variables in zip(self.after, self.variables, strict=True):
                for variable, value in zip(variables, body.result(array), strict=True):
                    e.set(variable, value)
            return
        for j, (array, pointer) in enumerate(zip(self.before, self.pointers, strict=True)):
            body.given(array, Pointer(pointer.name, level))
            place = kept[j] if j < len(kept) else None
            if place is not None:
                copy(self.lowering, pointer, place, array)
        for array, pointer in zip(self.after, self.next, strict=True):
            body.makes(array, Pointer(pointer.name, level))
        body.lowering.write()
        for array, pointer, new, same in zip(self.after, self.pointers, self.next, self.in_place, strict=True):
            if not same:
                copy(self.lowering, new, pointer, array)

    def finish(self, ends: Sequence[Pointer]) -> None:
        e = self.lowering.e
        for j, (array, target) in enumerate(zip(self.before, ends, strict=True)):
            if self.small:
                for i, variable in enumerate(self.variables[j]):
                    e.store(target, i, e.get(variable))
            else:
                copy(self.lowering, self.pointers[j], target, array)
