"""The steps of loops: a graph as what one step does, and what is carried from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import Value, part_of, parts_of
from chainrule.native.listing import Lister
from chainrule.native.nests.fuse import Straight
from chainrule.native.nests.homes import Home, Storage
from chainrule.native.nests.lower import Lowering, placed
from chainrule.native.statements import Array, Read, View, view_of
from chainrule.spec import Spec

REGISTERS = 64  # numbers that a loop carries from step to step without memory


def room(lowering: Lowering, array: Array) -> Pointer:
    offset = lowering.arena.reserve(array.size * array.dtype.itemsize)
    return lowering.e.at(lowering.arena.pointer, np.dtype(np.uint8), offset)


def copy(lowering: Lowering, source: Pointer, target: Pointer, array: Array) -> None:
    """Copy the memory of an array."""
    e, size, dtype = lowering.e, array.size * parts_of(array.dtype), part_of(array.dtype)
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
    return e.at(pointer, part_of(spec.dtype), i * (spec.size * parts_of(spec.dtype)))


class Stepping:
    """The carry of a loop, in variables where a step has no loops and it is small, else in memory.

    What a step makes of a large carry is made in other memory, and becomes the carry by exchanging addresses. Carries
    that are kept are read where they are kept.
    """

    def __init__(
        self, lowering: Lowering, body: Body, start: Sequence[Pointer], before: Sequence[Array],
        after: Sequence[Array], kept: Sequence[Kept | None] = (),
    ):  # fmt: skip
        self.lowering, self.body, self.before, self.after = lowering, body, before, after
        e = lowering.e
        self.small = body.straight and sum(a.size for a in before) <= REGISTERS
        if self.small:
            self.variables = [[e.variable(a.dtype) for _ in range(a.size)] for a in before]
            for array, pointer, variables in zip(before, start, self.variables, strict=True):
                for i, variable in enumerate(variables):
                    e.set(variable, e.load(pointer, array.dtype, i))
            return
        places = [*kept, *[None] * (len(before) - len(kept))]
        body.lowering.shared |= {out for array, out in zip(before, after, strict=True) if body.in_place(array, out)}
        self.carries = [
            place if place is not None
            else _InPlace(lowering, array) if body.in_place(array, out)
            else (_Exchanged if array.size > REGISTERS else _Copied)(lowering, array)
            for array, out, place in zip(before, after, places, strict=True)
        ]  # fmt: skip
        for array, source, carry in zip(before, start, self.carries, strict=True):
            copy(lowering, source, carry.start(), array)

    def step(self, kept: Sequence[Pointer | None] = ()) -> None:
        """Write one step; the carries before it are put where ``kept`` says, if anywhere."""
        e, body = self.lowering.e, self.body
        places = [*kept, *[None] * (len(self.before) - len(kept))]
        if self.small:
            for array, variables, place in zip(self.before, self.variables, places, strict=True):
                values = [e.get(v) for v in variables]
                body.held(array, values)
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
        for array, carry, place in zip(self.before, self.carries, places, strict=True):
            if place is not None:
                copy(self.lowering, carry.now(), place, array)
            body.given(array, carry.now())
        for array, carry in zip(self.after, self.carries, strict=True):
            body.makes(array, carry.next())
        body.lowering.write()
        for carry in self.carries:
            carry.advance()

    def finish(self, ends: Sequence[Pointer]) -> None:
        e = self.lowering.e
        for j, (array, target) in enumerate(zip(self.before, ends, strict=True)):
            if self.small:
                for i, variable in enumerate(self.variables[j]):
                    e.store(target, i, e.get(variable))
            elif not isinstance(self.carries[j], Kept):
                copy(self.lowering, self.carries[j].now(), target, array)


class _InPlace:
    """A carry of which each number is overwritten by the one that takes its place."""

    def __init__(self, lowering: Lowering, array: Array):
        self.lowering, self.array, self.memory = lowering, array, room(lowering, array)

    def here(self, pointer: Pointer) -> Pointer:
        """An address of memory that changes with each step."""
        return Pointer(pointer.name, len(self.lowering.e.stack) - 1)

    def start(self) -> Pointer:
        """Where the first one is put."""
        return self.memory

    def now(self) -> Pointer:
        """Where the carry is."""
        return self.here(self.memory)

    def next(self) -> Pointer:
        """Where a step puts the next one."""
        return self.here(self.memory)

    def advance(self) -> None:
        """The next one becomes the carry."""


class _Copied(_InPlace):
    """A small carry, copied after each step."""

    def __init__(self, lowering: Lowering, array: Array):
        super().__init__(lowering, array)
        self.other = room(lowering, array)

    def next(self) -> Pointer:
        return self.here(self.other)

    def advance(self) -> None:
        copy(self.lowering, self.other, self.memory, self.array)


class _Exchanged(_Copied):
    """A large carry in two places, whose addresses are exchanged after each step."""

    def __init__(self, lowering: Lowering, array: Array):
        super().__init__(lowering, array)
        e = lowering.e
        self.table = e.at(lowering.arena.pointer, np.dtype(np.uint8), lowering.arena.reserve(16))
        e.set_pointer(self.table, 0, self.memory)
        e.set_pointer(self.table, 1, self.other)

    def now(self) -> Pointer:
        return self.lowering.e.pointer_in(self.table, 0)

    def next(self) -> Pointer:
        return self.lowering.e.pointer_in(self.table, 1)

    def advance(self) -> None:
        now, other = self.now(), self.next()
        self.lowering.e.set_pointer(self.table, 0, other)
        self.lowering.e.set_pointer(self.table, 1, now)


class Kept(_InPlace):
    """A carry that is kept in a row for each step: it is read there, and made in the next row, or where it ends."""

    def __init__(self, lowering: Lowering, array: Array, rows: Pointer, end: Pointer, length: int, reverse: bool):
        self.lowering, self.array, self.rows, self.end = lowering, array, rows, end
        self.last, self.reverse = length - 1, reverse
        self.table = lowering.e.at(lowering.arena.pointer, np.dtype(np.uint8), lowering.arena.reserve(8))

    def begin(self, k: Value) -> None:
        """Step k begins."""
        e = self.lowering.e
        self.place = self.row(k)
        with e.when(e.eq(k, self.last), rare=True) as orelse:
            e.set_pointer(self.table, 0, self.end)
        with e.inside(orelse):
            e.set_pointer(self.table, 0, self.row(k + 1))
        self.following = e.pointer_in(self.table, 0)

    def row(self, k: Any) -> Pointer:
        return row(self.lowering.e, self.rows, self.lowering.e.index(self.last - k if self.reverse else k), self.array)

    def start(self) -> Pointer:
        return self.row(self.lowering.e.index(0))

    def now(self) -> Pointer:
        return self.place

    def next(self) -> Pointer:
        return self.following
