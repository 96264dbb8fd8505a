"""Where the numbers of a program live: in registers or in memory, in which steps of which loops.

What a statement makes is kept in registers where all who read it stand in the same step of the same loops, or in loops
inside of these; else in memory, of which an array takes as much as one step of the loops around it and all its readers
needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I64, Value
from chainrule.native.nests.arena import WIDTH, Arena
from chainrule.native.nests.fuse import Blocks, Item, Loop, Straight, fused, members
from chainrule.native.nests.inplace import outputs_last, takes_over
from chainrule.native.nests.rematerialise import rematerialised
from chainrule.native.statements import Array, Axis, Index, Read, Statement, runs_along, wraps

Path = tuple[Loop, ...]


@dataclass(eq=False, slots=True)
class Storage:
    """Where the elements of an array are, a step of ``loops``: in memory or in registers."""

    strides: tuple[int, ...]
    size: int
    loops: Path
    pointer: Pointer | None = None
    registers: list[Any] | None = None


@dataclass(eq=False, slots=True)
class Home:
    """The life of an array: the loops around its completion, its memory and its registers."""

    path: Path
    memory: Storage | None = None
    registers: Storage | None = None
    around: Path = ()  # the loops around its completion and all who read it


@dataclass(eq=False, slots=True)
class Step:
    """One step of the loops around: their indices, and the one whose steps are the lanes of vectors."""

    path: Path
    indices: dict[Loop, Value]
    vector: Loop | None = None
    lanes: int = 1
    copy: int = 0
    reach: tuple[int, int] | None = None  # the first and the last index of that loop here, if they are known
    fresh: Value | None = None  # which lanes no step before had; None: all


@dataclass(eq=False, slots=True)
class Width:
    """How a loop of straight statements is taken: ``copies`` vectors of ``lanes`` at once, then the rest."""

    lanes: int
    copies: int


@dataclass(eq=False)
class Homes:
    """The statements of one graph as nests of loops, and the homes of their arrays."""

    e: Emitter
    statements: Sequence[Statement]
    arena: Arena
    items: list[Item] = field(init=False)
    work: int = field(init=False)
    homes: dict[Array, Home] = field(default_factory=dict)
    paths: dict[Statement, Path] = field(default_factory=dict)
    widths: dict[Loop, Width] = field(default_factory=dict)
    readers: dict[Array, list[Statement]] = field(default_factory=dict)
    ends: dict[int, list[Array]] = field(default_factory=dict)  # what is not needed after each item
    shared: set[Array] = field(default_factory=set)  # written over what is read where they are made
    overlapping: dict[Loop, bool] = field(default_factory=dict)  # leaves, as ``overlap`` decides
    lent: set[Array] = field(default_factory=set)  # outputs that may be, if it is donated
    chunk: tuple[Value, int] | None = None  # the chunk that is being written, and how many there are

    def __post_init__(self) -> None:
        self.work = sum(map(work_of, self.statements))
        self.items = fused(self.statements)
        changed = rematerialised(self.statements, self.items, lambda array: array.output is not None)
        if changed is not None:
            self.statements, self.items = changed, fused(changed)
        for _ in self._walk(self.items, ()):
            pass
        for statement in self.statements:
            for array in statement.sources():
                self.readers.setdefault(array, []).append(statement)
        for array in dict.fromkeys(a for s in self.statements for a in s.makes):
            self.homes[array] = self._home(array)
        self.ends = self._ends(self.items, Step((), {}))

    def _walk(self, items: Sequence[Item], path: Path) -> Iterator[None]:
        for item in items:
            if isinstance(item, Blocks):
                yield from self._walk(item.items, path)
            elif isinstance(item, Loop):
                self.widths[item] = width_of(item) if item.leaf else Width(1, 1)
                yield from self._walk(item.items, (*path, item))
            elif isinstance(item, Straight):
                item.members = outputs_last(item.members)
                self.paths |= dict.fromkeys(item.members, path)
            else:
                self.paths[item.statement] = path
        yield

    def _complete(self, statement: Statement) -> Path:
        """The loops around the completion of what it makes: not those it is folded over, or written in parts by."""
        path = self.paths[statement]
        for i, loop in enumerate(path):
            axis = loop.axes[statement]
            if axis in statement.folded or runs_along(statement.out, statement.place, axis) is None:
                return path[:i]
        return path

    def inner(self, statement: Statement) -> Path:
        """The innermost loops, over all of which a statement is folded in registers."""
        path = self.paths[statement]
        if statement.moves:
            return ()
        i = len(path)
        while i and path[i - 1].axes[statement] in statement.folded:
            i -= 1
        return path[i:]

    def _home(self, array: Array) -> Home:
        makers = array.makers
        done = common([self._complete(m) for m in makers])
        readers = self.readers.get(array, [])
        in_registers = all(self._in_registers(m, done) for m in makers) and all(m.call is None for m in makers)
        registers = self._storage(array, done) if in_registers else None
        if registers is not None and registers.loops != done:
            registers = None
        far = [r for r in readers if r not in makers and not (registers and self._within(registers, array, r, done))]
        home = Home(done, None, registers)
        if array.output is not None or far or registers is None:
            around = () if array.output is not None else common([done, *(self.paths[r] for r in readers)])
            # The lanes of a vector are steps that need memory at once.
            around = tuple(loop for loop in around if not loop.leaf)
            home.memory, home.around = self._storage(array, around), around
        return home

    def _within(self, registers: Storage, array: Array, reader: Statement, done: Path) -> bool:
        """Whether a reader stands where registers can be read, and asks for numbers of its step alone."""
        path = self.paths[reader]
        if reader.call is not None or path[: len(done)] != done:
            return False
        bound = {loop.axes[reader] for loop in path}
        places = [read.place for read in reader.reads if isinstance(read, Read) and read.array is array]
        if any(axis in bound for place in places for _, i in place if i.modulo for axis, _ in i.terms):
            return False
        moving = {loop.axes[reader] for loop in path} - {loop.axes[reader] for loop in registers.loops}
        return not any(
            axis in moving
            for read in reader.reads
            if isinstance(read, Read) and read.array is array
            for axis in ([a for _, index in read.place for a, _ in index.terms] if not read.moves else moving)
        ) and not any(isinstance(read, Read) and read.array is array and read.moves for read in reader.reads)

    def _in_registers(self, maker: Statement, done: Path) -> bool:
        return not maker.moves and (*done, *self.inner(maker)) == self.paths[maker]

    def _storage(self, array: Array, loops: Path) -> Storage:
        """The elements that one step of the loops needs; of as many of the loops as all makers run along."""
        shape = list(array.shape)
        kept: list[Loop] = []
        for loop in loops:
            runs = {runs_along(array, m.place, loop.axes[m]) for m in array.makers}
            run = runs.pop() if len(runs) == 1 else None
            if run is None:
                break
            shape[run[0]] = 1
            kept.append(loop)
        strides, step = [], 1
        for size in reversed(shape):
            strides.append(step)
            step *= size
        return Storage(tuple(reversed(strides)), step, tuple(kept))

    def _merged(self, loop: Loop) -> Loop | None:
        """The leaf that is all there is in a loop, where both together run along memory as one loop would."""
        if len(loop.items) != 1 or not isinstance(loop.items[0], Loop) or not loop.items[0].leaf:
            return None
        inner = loop.items[0]
        for s in members(inner):
            a, b = loop.axes[s], inner.axes[s]
            if (a in s.folded) != (b in s.folded):
                return None
            for array, place in [(r.array, r.place) for r in s.reads if isinstance(r, Read)] + [(s.out, s.place)]:
                if wraps(place):
                    return None
                outer, inner_step = self._step_of(array, place, s, loop), self._step_of(array, place, s, inner)
                if outer != inner_step * inner.size:
                    return None
        return inner

    def _step_of(self, array: Array, place: Any, statement: Statement, loop: Loop) -> int:
        storage = self.homes[array].memory if array in self.homes else None
        if array in self.homes and storage is None:
            return 0
        strides = storage.strides if storage is not None else array.strides
        dropped = {one.axes[statement] for one in (storage.loops if storage is not None else ())}
        return linear_of(place, strides, dropped).coefficient(loop.axes[statement])

    def _folds_in_memory(self, s: Statement) -> bool:
        """Whether loops that a statement is not folded over stand inside of one that it is."""
        return bool(s.moves) or (bool(s.folded) and (*self._complete(s), *self.inner(s)) != self.paths[s])

    def _ends(self, items: Sequence[Item], step: Step) -> dict[int, list[Array]]:
        """What was made in this step of the loops around, and is not needed after each item."""
        last: dict[Array, int] = {}
        for i, item in enumerate(items):
            for s in members(item):
                last.update(dict.fromkeys((*s.sources(), *s.makes), i))
        found: dict[int, list[Array]] = {}
        for array, i in last.items():
            if not step.path or (array in self.homes and self.homes[array].around == step.path):
                found.setdefault(i, []).append(array)
        return found

    def _take_over(self, inside: Sequence[Statement], dying: Sequence[Array], step: Step) -> None:
        """Write arrays over those that are read here for the last time, where that can be."""
        free = [array for array in dying if array in self.arena.places] if self.chunk is None else []
        for s in inside if free else ():
            for array in s.makes:
                memory, home = self.homes[array].memory, self.homes[array]
                if memory is None or memory.pointer is not None or home.around != step.path or array.makers[0] is not s:
                    continue
                for before in free:
                    if self._same_room(array, before) and takes_over(array, before, inside, self.paths):
                        memory.pointer = self.arena.take_over(self.e, array, before)
                        self.shared.add(array)
                        free.remove(before)
                        break

    def _same_room(self, array: Array, before: Array) -> bool:
        """Whether all elements of both are in memory at once, in as many bytes."""
        one, other = self.homes[array].memory, self.homes[before].memory
        assert one is not None and other is not None
        equal = one.size * array.dtype.itemsize == other.size * before.dtype.itemsize
        return equal and not one.loops and not other.loops

    def memory(self, array: Array) -> Storage:
        """The memory of an array that is made here, or was given."""
        home = self.homes.get(array)
        if home is None:
            home = self.homes[array] = Home((), self._given(array))
        assert home.memory is not None, array
        return home.memory

    def _given(self, array: Array) -> Storage:
        assert array.constant is not None, array
        pointer = self.e.constant(array.constant)
        return Storage(array.strides, array.size, (), pointer)

    def address(
        self, storage: Storage, place: Any, s: Statement, assigned: dict[Axis, int], step: Step
    ) -> tuple[Value, int, int]:
        """(index, lanes, step from lane to lane)."""
        dropped = {loop.axes[s] for loop in storage.loops}
        linear = linear_of(place, storage.strides, dropped)
        loops = {loop.axes[s]: loop for loop in step.path}
        index, stride = self.e.const(linear.offset, I64), 0
        constant = linear.offset
        for axis, c in linear.terms:
            loop = loops.get(axis)
            if loop is None:
                constant += c * assigned[axis]
            else:
                index = index + step.indices[loop] * c
                if loop is step.vector:
                    stride = c
        index = index + (constant - linear.offset)
        return index, (step.lanes if stride else 1), (stride or 1)

    def pointer(self, array: Array) -> Pointer:
        found = self.memory(array).pointer
        assert found is not None, array
        return found


def common(paths: Sequence[Path]) -> Path:
    found = paths[0]
    for path in paths[1:]:
        n = 0
        while n < min(len(found), len(path)) and found[n] is path[n]:
            n += 1
        found = found[:n]
    return found


def linear_of(place: Any, strides: Sequence[int], dropped: Any) -> Index:
    """The index into the row-major memory with these strides, without the axes that the memory does not run along."""
    total: dict[Axis, int] = {}
    offset, d = 0, 0
    for count, index in place:
        d += count
        stride = strides[d - 1]
        offset += index.offset * stride
        for axis, c in index.terms:
            if axis not in dropped:
                total[axis] = total.get(axis, 0) + c * stride
    return Index(tuple((a, c) for a, c in total.items() if c), offset)


def width_of(loop: Loop, size: int | None = None) -> Width:
    body = loop.items[0]
    assert isinstance(body, Straight)
    size = loop.size if size is None else size
    widest = max((s.out.dtype.itemsize // (2 if s.out.dtype.kind == "c" else 1) for s in body.members), default=8)
    for s in body.members:
        for r in s.reads:
            if isinstance(r, Read) and r.array.dtype.kind != "b":
                widest = max(widest, r.array.dtype.itemsize // (2 if r.array.dtype.kind == "c" else 1))
    lanes = min(WIDTH // max(widest, 1), max(size, 1))
    cost = sum(s.cost for s in body.members)
    folds = any(s.folded for s in body.members)
    copies = 1
    if folds and cost <= 4:
        copies = 4
    elif folds and cost <= 50:
        copies = 2
    return Width(lanes, copies)


def work_of(statement: Statement) -> int:
    """Operations, more or less; of a call, as many as it has numbers to do with."""
    if statement.call is None:
        return statement.cost * math.prod(axis.size for axis in statement.axes)
    return 10 * sum(a.size for a in (*statement.sources(), *statement.makes))
