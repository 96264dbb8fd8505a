"""What is done in one step of the loops around: reading, computing, folding and writing numbers.

What is folded over loops is folded in registers, a number a lane, or in memory where loops inside run along it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I64, Value
from chainrule.native.nests.arena import WIDTH
from chainrule.native.nests.fuse import Loop
from chainrule.native.nests.homes import Homes, Step, Storage, linear_of, width_of
from chainrule.native.nests.overlap import overlaps
from chainrule.native.nests.turned import turned
from chainrule.native.statements import Array, Axis, Moves, Position, Read, Statement, evaluated, settled, wraps


@dataclass(eq=False)
class Elements(Homes):
    """Writes what statements do in a step."""

    folds: dict[Statement, dict[tuple[int, int], list[Any]]] = field(default_factory=dict)

    def _open(self, s: Statement) -> list[Axis]:
        """The axes of what it makes that no loop binds: they are written out."""
        bound = {loop.axes[s] for loop in self.paths[s]}
        return [a for a in s.axes if a not in bound and a not in s.sums]

    def _statement(self, s: Statement, step: Step) -> None:
        bound = {loop.axes[s] for loop in self.paths[s]}
        folded = [a for a in s.axes if a not in bound and a in s.sums]
        e = self.e
        for n, assigned in enumerate(steps_of(self._open(s))):
            value = None
            for inside in steps_of(folded):
                assigned.update(inside)
                one = s.rule(e, *(self._number(r, s, assigned, step) for r in s.reads))
                one = as_value(e, one, s.out.dtype)
                value = one if value is None else e.combine(s.combine, value, one)
            if value is None:
                value = e.const(s.initial, s.out.dtype)
            if s in self.folds:
                key = next(k for k in self.folds[s] if k == (step.lanes, step.copy))
                variable = self.folds[s][key][n]
                before = e.get(variable)
                total = self._wide(e.combine(s.combine, before, value), step.lanes)
                e.set(variable, total if step.fresh is None else e.select(step.fresh, total, before))
            else:
                self._finish(s, assigned, value, step)

    def _number(self, read: Any, s: Statement, assigned: dict[Axis, int], step: Step) -> Any:
        if isinstance(read, Position):
            index, lanes, stride = self.address(Storage((1,), 0, ()), ((1, read.index),), s, assigned, step)
            return index if lanes == 1 else index + self.e.lane_numbers(lanes) * stride
        if not isinstance(read, Read):
            return read
        array = read.array
        if array.constant is not None and not read.moves and not self._varies(read, s):
            at = evaluated(linear_of(settled(read.place, assigned), array.strides, ()), assigned)
            return self.e.const(array.constant.reshape(-1)[at], array.dtype)
        home = self.homes.get(array)
        if home is not None and home.registers is not None and self._within(home.registers, array, s, home.path):
            assert home.registers.registers is not None
            return home.registers.registers[self._position(home.registers, s, assigned, read.place)]
        storage = self.memory(array)
        if wraps(read.place):
            return turned(self, read, storage, s, assigned, step, home is not None and step.vector in home.path)
        index, lanes, stride = self.address(storage, read.place, s, assigned, step)
        assert storage.pointer is not None
        if read.moves:
            index = self._moved(storage, array, index, lanes, stride, read.moves, s, assigned, step)
            if index.lanes == 1:
                return self.e.load(storage.pointer, array.dtype, index, lanes, stride)
            return self.e.gather(storage.pointer, array.dtype, index)
        if home is not None and step.vector in home.path:
            return self.e.load(storage.pointer, array.dtype, index, lanes, stride)
        return self.e.read(storage.pointer, array.dtype, index, lanes, stride)

    def _moved(
        self, storage: Storage, array: Array, index: Value, lanes: int, stride: int, moves: Moves, s: Statement,
        assigned: dict[Axis, int], step: Step,
    ) -> Value:  # fmt: skip
        """An index moved on by numbers that are read; negative ones count from the end, others out of bounds leave.

        One index where all lanes move alike: they stay in line behind it.
        """
        e = self.e
        for dimension, which in moves:
            size = array.shape[dimension]
            number = e.cast(as_value(e, self._number(s.reads[which], s, assigned, step), I64), I64)
            number = e.select(number < 0, number + size, number)
            outside = (number < 0) | (number >= size)
            e.leave_if(e.across("or", outside))
            index = index + number * storage.strides[dimension]
        return index if index.lanes == 1 else index + e.lane_numbers(index.lanes) * (stride if lanes > 1 else 0)

    def _varies(self, read: Read, s: Statement) -> bool:
        bound = {loop.axes[s] for loop in self.paths[s]}
        return any(axis in bound for _, index in read.place for axis, _ in index.terms)

    def _position(self, storage: Storage, s: Statement, assigned: dict[Axis, int], place: Any = None) -> int:
        dropped = {loop.axes[s] for loop in storage.loops}
        place = settled(s.place if place is None else place, assigned)
        return evaluated(linear_of(place, storage.strides, dropped), assigned)

    def _store(
        self, storage: Storage, s: Statement, assigned: dict[Axis, int], value: Any, step: Step, combine: str
    ) -> None:
        index, lanes, stride = self.address(storage, s.place, s, assigned, step)
        e = self.e
        if s.moves:
            index = self._moved(storage, s.out, index, lanes, stride, s.moves, s, assigned, step)
            if index.lanes == 1 and lanes >= getattr(value, "lanes", 1):
                before = e.load(storage.pointer, s.out.dtype, index, lanes, stride)
                e.store(storage.pointer, index, e.combine(s.combine, before, self._wide(value, lanes)), lanes, stride)
                return
            # Lanes may meet in one element: one after the other.
            if index.lanes == 1 and lanes > 1:
                index = index + e.lane_numbers(lanes) * stride
            lanes = max(index.lanes, getattr(value, "lanes", 1))
            index, value = self._wide(index, lanes), self._wide(value, lanes)
            for i in range(lanes):
                at = e.lane(index, i)
                before = e.load(storage.pointer, s.out.dtype, at)
                e.store(storage.pointer, at, e.combine(s.combine, before, e.lane(value, i)))
            return
        if lanes == 1 and getattr(value, "lanes", 1) > 1:
            # The lanes of a loop that the array does not run along: folded, or all the same.
            value = e.across(combine, value) if combine else e.lane(value, 0)
        if combine:
            value = e.combine(combine, e.load(storage.pointer, s.out.dtype, index, lanes, stride), value)
        e.store(storage.pointer, index, self._wide(value, lanes), lanes, stride)

    def _fill(self, storage: Storage, s: Statement, number: Any) -> None:
        """Set one step's memory to a number: all of it, or what the first to write there leaves out."""
        first, count = self._stretch(storage, s)
        self._set(storage, s.out.dtype, number, 0, first)
        self._set(storage, s.out.dtype, number, first + count, storage.size)

    def _stretch(self, storage: Storage, s: Statement) -> tuple[int, int]:
        """(offset, size) of the stretch of memory that a statement writes to element by element; (0, 0) if to none."""
        if s.moves or s.folded or s.adds:
            return 0, 0
        linear = linear_of(s.place, storage.strides, {loop.axes[s] for loop in storage.loops})
        size = 1
        for axis, c in sorted(linear.terms, key=lambda term: term[1]):
            if c != size:
                return 0, 0
            size *= axis.size
        return linear.offset, size

    def _set(self, storage: Storage, dtype: np.dtype, number: Any, start: int, stop: int) -> None:
        """Set a stretch of memory to a number."""
        e, value = self.e, self.e.const(number, dtype)
        lanes = max(1, WIDTH // dtype.itemsize)
        whole = stop - (stop - start) % lanes
        if whole - start > lanes * 4:
            with e.loop(start, whole, lanes, "fill") as i:
                e.store(storage.pointer, i, self._wide(value, lanes), lanes)
        else:
            for i in range(start, whole, lanes):
                e.store(storage.pointer, i, self._wide(value, lanes), lanes)
        for i in range(whole, stop):
            e.store(storage.pointer, i, value)

    def _prepare(self, members: Sequence[Statement], step: Step) -> None:
        """Set what is about to be folded or filled to what it begins with."""
        self._begin(members, step)
        self._folding(members, step)

    def _folding(self, members: Sequence[Statement], step: Step) -> None:
        """Make the registers that are folded in."""
        for s in members:
            inner = self.inner(s)
            if inner and (*step.path, *inner) == self.paths[s]:
                self.folds[s] = {
                    (lanes, copy): [self._accumulator(s, lanes) for _ in range(self._count(s))]
                    for lanes, copy in self._kinds(s, inner[-1])
                }

    def _begin(self, members: Sequence[Statement], step: Step) -> None:
        """Make room for what the members make in one step of the loops around."""
        for s in members:
            for array in s.makes:
                home = self.homes[array]
                if home.memory is not None and home.around == step.path and array.makers[0] is s:
                    if home.memory.pointer is None:
                        home.memory.pointer = self._taken(array, home.memory.size * array.dtype.itemsize)
                    home.memory.pointer.level = len(self.e.stack) - 1
            home = self.homes[s.out]
            if s.out.makers[0] is not s:
                continue
            if home.registers is not None and home.path == step.path:
                start = None if s.fill is None else self.e.const(s.fill, s.out.dtype)
                home.registers.registers = [start] * home.registers.size
            begins = s.fill is not None or self._folds_in_memory(s)
            if home.memory is not None and home.around == step.path and begins:
                self._fill(home.memory, s, s.initial if s.fill is None else s.fill)

    def _taken(self, array: Array, size: int) -> Pointer:
        """Memory for an array; inside of chunks for each of them."""
        if self.chunk is None:
            return self.arena.take(self.e, array, size)
        c, chunks = self.chunk
        size = -(-size // WIDTH) * WIDTH
        return self.e.at(self.room(size * chunks), np.dtype(np.uint8), c * size)

    def room(self, size: int) -> Pointer:
        """So many bytes of the arena, for the rest of the program."""
        return self.e.at(self.arena.pointer, np.dtype(np.uint8), self.arena.reserve(size))

    def _count(self, s: Statement) -> int:
        bound = {loop.axes[s] for loop in self.paths[s]}
        count = 1
        for axis in s.axes:
            if axis not in bound and axis not in s.folded:
                count *= axis.size
        return count

    def _kinds(self, s: Statement, loop: Loop) -> list[tuple[int, int]]:
        """The vectors that a leaf is taken in."""
        if not loop.leaf:
            return [(1, 0)]
        width, size = self.widths[loop], loop.size
        outer = self.paths[s][-2] if len(self.paths[s]) > 1 else None
        if outer is not None and self._merged(outer) is loop:
            size *= outer.size
            width = width_of(loop, size)
        if overlaps(self, loop, size, width):
            return [(width.lanes, 0)]
        whole = size - size % width.lanes
        kinds = (
            [(width.lanes, c) for c in range(width.copies if whole >= width.lanes * width.copies else 1)]
            if whole
            else []
        )
        return [*kinds, (size - whole, 0)] if size > whole else kinds

    def _accumulator(self, s: Statement, lanes: int) -> Any:
        variable = self.e.variable(s.out.dtype, lanes)
        self.e.set(variable, self._wide(self.e.const(s.initial, s.out.dtype), lanes))
        return variable

    def _wide(self, x: Any, lanes: int) -> Any:
        from_pair = getattr(x, "re", None)
        if from_pair is not None:
            return type(x)(self.e.wide(x.re, lanes), self.e.wide(x.im, lanes))
        return self.e.wide(x, lanes)

    def _conclude(self, members: Sequence[Statement], step: Step) -> None:
        """After a loop: what was folded over it is complete."""
        for s in members:
            inner = self.inner(s)
            if not inner or (*step.path, *inner) != self.paths[s]:
                continue
            for assigned, total in zip(steps_of(self._open(s)), self._totals(s), strict=True):
                self._finish(s, assigned, total, step)

    def _totals(self, s: Statement) -> list[Any]:
        """What was folded in registers, a number for each that the statement makes."""
        e, found, totals = self.e, self.folds.pop(s), []
        for n in range(self._count(s)):
            total = None
            by_lanes: dict[int, Any] = {}
            for (lanes, _), variables in found.items():
                value = e.get(variables[n])
                by_lanes[lanes] = value if lanes not in by_lanes else e.combine(s.combine, by_lanes[lanes], value)
            for value in by_lanes.values():
                one = e.across(s.combine, value)
                total = one if total is None else e.combine(s.combine, total, one)
            totals.append(self.e.const(s.initial, s.out.dtype) if total is None else total)
        return totals

    def _finish(self, s: Statement, assigned: dict[Axis, int], value: Any, step: Step) -> None:
        """Put a number where it lives."""
        home = self.homes[s.out]
        adds = s.adds
        if self._folds_in_memory(s) or (s.adds and home.registers is None):
            assert home.memory is not None
            self._store(home.memory, s, assigned, value, step, s.combine if self._folds_in_memory(s) else "add")
            return
        if home.registers is not None:
            assert home.registers.registers is not None
            at = self._position(home.registers, s, assigned)
            if adds:
                value = self.e.combine("add", home.registers.registers[at], value)
            home.registers.registers[at] = value
        if home.memory is not None:
            self._store(home.memory, s, assigned, value, step, "")


def as_value(e: Emitter, x: Any, dtype: np.dtype) -> Any:
    """A number of a rule as a value of the dtype of what it is for."""
    if isinstance(x, (int, float, complex, np.generic)):
        return e.const(x, dtype)
    return e.cast(x, dtype)


def steps_of(axes: Sequence[Axis]) -> Iterator[dict[Axis, int]]:
    if any(axis.size == 0 for axis in axes):
        return  # beside which an axis may be longer than any list
    for numbers in itertools.product(*(range(axis.size) for axis in axes)):
        yield dict(zip(axes, numbers, strict=True))
