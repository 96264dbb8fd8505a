"""From nests of loops to a loop program: where numbers live, and what is computed in which step.

What a statement makes is kept in registers where all who read it stand in the same step of the same loops, or in loops
inside of these; else in memory, of which an array takes as much as one step of the loops around it and all its readers
needs. What is folded over loops is folded in registers, a number a lane, or in memory where loops inside run along it.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.arena import WIDTH, Arena
from chainrule.native.fuse import BLOCK, Blocks, Call, Item, Loop, Straight, fused, members
from chainrule.native.host import callback
from chainrule.native.inplace import outputs_last, takes_over
from chainrule.native.listing import Lister
from chainrule.native.loops import I64, LONGEST, Emitter, Pointer, TooLong, Value
from chainrule.native.pool import pool
from chainrule.native.rematerialise import rematerialised
from chainrule.native.statements import Array, Axis, Index, Moves, Read, Statement, View, runs_along
from chainrule.spec import Spec

Path = tuple[Loop, ...]
CHUNKS = 16  # into which a loop is divided at most
SUMMED = 64  # steps of a loop that are summed apart, at least: rounding grows with what was summed before
CHUNK_WORK = 50_000  # operations worth a chunk of their own: some 20 microseconds


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


@dataclass(eq=False, slots=True)
class Width:
    """How a loop of straight statements is taken: ``copies`` vectors of ``lanes`` at once, then the rest."""

    lanes: int
    copies: int


@dataclass(eq=False)
class Lowering:
    """Writes the statements of one graph with an emitter."""

    e: Emitter
    statements: Sequence[Statement]
    arena: Arena
    items: list[Item] = field(init=False)
    work: int = field(init=False)
    homes: dict[Array, Home] = field(default_factory=dict)
    paths: dict[Statement, Path] = field(default_factory=dict)
    widths: dict[Loop, Width] = field(default_factory=dict)
    folds: dict[Statement, dict[tuple[int, int], list[Any]]] = field(default_factory=dict)
    readers: dict[Array, list[Statement]] = field(default_factory=dict)
    ends: dict[int, list[Array]] = field(default_factory=dict)  # what is not needed after each item
    marks: list[int] = field(default_factory=list)  # how many statements of the program stood before each item
    step: Step = field(default_factory=lambda: Step((), {}))  # in which a function is called
    chunk: tuple[Value, int] | None = None  # the chunk that is being written, and how many there are

    def __post_init__(self) -> None:
        self.work = sum(map(_work, self.statements))
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
                self.widths[item] = _width(item) if item.leaf else Width(1, 1)
                yield from self._walk(item.items, (*path, item))
            elif isinstance(item, Straight):
                item.members = outputs_last(item.members)
                self.paths |= dict.fromkeys(item.members, path)
            else:
                self.paths[item.statement] = path
        yield

    # ------------------------------------------------------------------------------------------ where things live

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
        done = _common([self._complete(m) for m in makers])
        readers = self.readers.get(array, [])
        in_registers = all(self._in_registers(m, done) for m in makers) and all(m.call is None for m in makers)
        registers = self._storage(array, done) if in_registers else None
        if registers is not None and registers.loops != done:
            registers = None
        far = [r for r in readers if r not in makers and not (registers and self._within(registers, array, r, done))]
        home = Home(done, None, registers)
        if array.output is not None or far or registers is None:
            around = () if array.output is not None else _common([done, *(self.paths[r] for r in readers)])
            # The lanes of a vector are steps that need memory at once.
            around = tuple(loop for loop in around if not loop.leaf)
            home.memory, home.around = self._storage(array, around), around
        return home

    def _within(self, registers: Storage, array: Array, reader: Statement, done: Path) -> bool:
        """Whether a reader stands where registers can be read, and asks for numbers of its step alone."""
        path = self.paths[reader]
        if reader.call is not None or path[: len(done)] != done:
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

    # ------------------------------------------------------------------------------------------ writing loops

    def write(self) -> None:
        self._items(self.items, Step((), {}))

    def _release(self, arrays: Sequence[Array]) -> None:
        """Give memory back that nobody needs any more."""
        for array in arrays:
            home = self.homes.get(array)
            if home is not None and home.memory is not None and array in self.arena.places:
                self.arena.release(array)
                home.memory.pointer = None

    def _items(self, items: Sequence[Item], step: Step) -> None:
        ends = self.ends if items is self.items else self._ends(items, step) if self.chunk is None else {}
        first = self.e.count
        for number, item in enumerate(items):
            if items is self.items:
                self.marks.append(len(self.e.stack[-1].statements))
                if number >= 1000 and (self.e.count - first) * len(items) > LONGEST * number:
                    raise TooLong  # before all of it is written
            # Chunks that run at once may share nothing: their rooms are given back together.
            with self.arena.scope() if self.chunk is None else contextlib.nullcontext():
                self._item(item, ends.get(number, ()), step)
            self._release(ends.get(number, ()))

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

    def _item(self, item: Item, dying: Sequence[Array], step: Step) -> None:
        inside = list(members(item))
        self._take_over(inside, dying, step)
        chunks = self._chunks(item, inside, step) if isinstance(item, Loop) else 1
        if chunks > 1:
            self._begin(inside, step)
        else:
            self._prepare(inside, step)
        if isinstance(item, Straight):
            for statement in item.members:
                self._statement(statement, step)
        elif isinstance(item, Call):
            assert item.statement.call is not None
            self.step = step
            item.statement.call(self)
        elif chunks > 1:
            self._in_chunks(item, inside, chunks, step)
        else:
            self._loop(item, inside, step)
        if isinstance(item, Loop) and chunks == 1:
            self._conclude(inside, step)

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
                        free.remove(before)
                        break

    def _same_room(self, array: Array, before: Array) -> bool:
        """Whether all elements of both are in memory at once, in as many bytes."""
        one, other = self.homes[array].memory, self.homes[before].memory
        assert one is not None and other is not None
        equal = one.size * array.dtype.itemsize == other.size * before.dtype.itemsize
        return equal and not one.loops and not other.loops

    def _loop(self, item: Loop, inside: Sequence[Statement], step: Step, start: Any = 0, stop: Any = None) -> None:
        """A loop, or that part of it."""
        merged = None if item.leaf else self._merged(item)
        stop = item.size * (1 if merged is None else merged.size) if stop is None else stop
        if isinstance(item, Blocks):
            self._blocks(item, step, start, stop)
        elif item.leaf:
            self._vectors(item, start, stop, item.size, step)
        elif merged is not None:
            self.widths[merged] = _width(merged, item.size * merged.size)
            flat = Step((*step.path, item), {**step.indices, item: self.e.const(0, I64)})
            self._vectors(merged, start, stop, item.size * merged.size, flat)
        else:
            with self._summing(inside, start, stop, 1, item.size) as i:
                self._items(item.items, Step((*step.path, item), {**step.indices, item: i}))

    def _blocks(self, item: Blocks, step: Step, start: Any, stop: Any) -> None:
        e = self.e
        with e.loop(start, stop, BLOCK) as first:
            last = e.select(first + BLOCK < stop, first + BLOCK, e.index(stop))
            for loop in item.items:
                assert isinstance(loop, Loop)
                merged = None if loop.leaf else self._merged(loop)
                steps = 1 if merged is None else merged.size
                self._loop(loop, list(members(loop)), step, first * steps, last * steps)

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
        return _linear(place, strides, dropped).coefficient(loop.axes[statement])

    def _vectors(self, loop: Loop, start: Any, stop: Any, size: int, step: Step) -> None:
        """Steps of a loop of straight statements, from ``start`` to ``stop``: the end or a multiple of all lanes."""
        body = loop.items[0]
        assert isinstance(body, Straight)
        e, members, width = self.e, body.members, self.widths[loop]
        lanes, copies = width.lanes, width.copies
        step = Step((*step.path, loop), step.indices, loop)
        whole = size - size % lanes
        many = whole - whole % (lanes * copies) if copies > 1 else 0
        in_parts = isinstance(stop, Value)

        def rest() -> None:
            if whole > many:
                self._vector_loop(loop, members, many, whole, size, lanes, 1, step)
            if size > whole:
                self._vector_loop(loop, members, whole, size, size, size - whole, 1, step)

        if many or (in_parts and copies == 1):
            end = many or whole
            upper = e.select(stop < end, stop, end) if in_parts else end
            self._vector_loop(loop, members, start, upper, size, lanes, copies, step)
            if not many:
                whole, many = end, end
        if not in_parts:
            rest()
        elif size > many:
            with e.when(e.compare("eq", stop, size)):
                rest()

    def _vector_loop(
        self,
        loop: Loop,
        members: Sequence[Statement],
        start: Any,
        stop: Any,
        size: int,
        lanes: int,
        copies: int,
        step: Step,
    ) -> None:
        def body(index: Value) -> None:
            for copy in range(copies):
                self._begin(members, step)
                at = Step(step.path, {**step.indices, loop: index + copy * lanes}, loop, lanes, copy)
                for statement in members:
                    self._statement(statement, at)

        if isinstance(start, int) and isinstance(stop, int) and stop - start == lanes * copies:
            body(self.e.const(start, I64))
            return
        steps = (stop - start if isinstance(start, int) and isinstance(stop, int) else size) // (lanes * copies)
        with self._summing(members, start, stop, lanes * copies, steps, lanes) as i:
            body(i)

    @contextlib.contextmanager
    def _summing(
        self, inside: Sequence[Statement], start: Any, stop: Any, jump: int, steps: int, lanes: int | None = None
    ) -> Iterator[Value]:
        """A loop of some steps, whose sums are taken block by block, so that small numbers are added to small ones."""
        e, note = self.e, _note(inside)
        sums = [s for s in inside if s in self.folds and s.combine == "add" and s.out.dtype.kind in "fc"]
        block = max(SUMMED, math.isqrt(steps))
        if not sums or steps <= 2 * block:
            with e.loop(start, stop, jump, note) as i:
                yield i
            return
        with e.loop(start, stop, block * jump) as first:
            last = first + block * jump
            aside = {s: self.folds[s] for s in sums}
            for s in sums:
                self.folds[s] = {
                    key: [self._accumulator(s, key[0]) for _ in found]
                    for key, found in aside[s].items()
                    if lanes in (None, key[0])
                }
            with e.loop(first, e.select(last < stop, last, e.index(stop)), jump, note) as i:
                yield i
            for s in sums:
                for key, found in self.folds[s].items():
                    for variable, part in zip(aside[s][key], found, strict=True):
                        e.set(variable, e.combine("add", e.get(variable), e.get(part)))
                self.folds[s] = aside[s]

    # ------------------------------------------------------------------------------------------ chunks

    def _chunks(self, item: Loop, inside: Sequence[Statement], step: Step) -> int:
        """Into how many chunks a loop is divided among threads: by its size alone, so that results are always equal."""
        if step.path or self.chunk is not None or pool() is None:
            return 1
        work = sum(map(_work, inside))
        if work < 2 * CHUNK_WORK:
            return 1
        size = self._flat(item)
        grain = self._grain(item)
        private = sum(self._private(s) for s in inside)
        if private and private * 2 * CHUNKS > max(work, 1):
            return 1
        count = int(min(CHUNKS, work // CHUNK_WORK, size // grain))
        return count if count > 1 else 1

    def _private(self, s: Statement) -> int:
        """How many numbers each chunk needs for itself, of what is folded over the loop in memory."""
        return self.homes[s.out].memory.size if self._folds_in_memory(s) and not self._complete(s) else 0  # type: ignore[union-attr]  # such a home has memory

    def _flat(self, item: Loop) -> int:
        merged = None if item.leaf else self._merged(item)
        return item.size * (merged.size if merged is not None else 1)

    def _grain(self, item: Loop) -> int:
        """What the bounds of chunks are multiples of."""
        if isinstance(item, Blocks):
            return BLOCK
        merged = item if item.leaf else self._merged(item)
        if merged is None:
            return 1
        width = _width(merged, self._flat(item))
        return width.lanes * width.copies

    def _in_chunks(self, item: Loop, inside: Sequence[Statement], chunks: int, step: Step) -> None:
        """A loop in parts that may run at once. What is folded over it is folded in each part, and then over these."""
        e, size, grain = self.e, self._flat(item), self._grain(item)
        per = -(-size // chunks)
        per = -(-per // grain) * grain
        chunks = -(-size // per)
        in_memory = [s for s in inside if self._private(s) and s.out.makers[0] is s]
        in_registers = [s for s in inside if self.inner(s) and self.inner(s) == self.paths[s]]
        parts = {s: self._room(chunks * self._private(s) * s.out.dtype.itemsize) for s in in_memory}
        parts |= {s: self._room(chunks * self._count(s) * s.out.dtype.itemsize) for s in in_registers}
        whole = {s: self.homes[s.out].memory for s in in_memory}
        with e.parallel(chunks, _note(inside)) as c:
            self.chunk = (c, chunks)
            start = c * per
            stop = e.select(start + per < size, start + per, e.const(size, I64))
            for s in in_memory:
                memory = whole[s]
                assert memory is not None
                mine = e.at(parts[s], _part(s.out.dtype), c * (memory.size * _parts(s.out.dtype)))
                self.homes[s.out].memory = own = Storage(memory.strides, memory.size, memory.loops, mine)
                self._fill(own, s, s.initial)
            self._folding(inside, step)
            self._loop(item, inside, step, start, stop)
            for s in in_registers:
                for n, total in enumerate(self._totals(s)):
                    e.store(parts[s], c * self._count(s) + n, total)
            self.chunk = None
        for s in in_memory:
            self.homes[s.out].memory = memory = whole[s]
            assert memory is not None
            self._combine(parts[s], memory, s, chunks)
        for s in in_registers:
            count, dtype = self._count(s), s.out.dtype
            for n, assigned in enumerate(_steps(self._open(s))):
                total = e.load(parts[s], dtype, n)
                for c in range(1, chunks):
                    total = e.combine(s.combine, total, e.load(parts[s], dtype, c * count + n))
                self._finish(s, assigned, total, step)

    def _room(self, size: int) -> Pointer:
        return self.e.at(self.arena.pointer, np.dtype(np.uint8), self.arena.reserve(size))

    def _combine(self, parts: Pointer, memory: Storage, s: Statement, chunks: int) -> None:
        """Fold what the chunks have made, one after the other, element by element."""
        e, dtype = self.e, s.out.dtype
        lanes = max(1, WIDTH // dtype.itemsize)
        whole = memory.size - memory.size % lanes

        def one(index: Any, width: int) -> None:
            total = e.load(parts, dtype, index, width)
            for c in range(1, chunks):
                total = e.combine(s.combine, total, e.load(parts, dtype, e.index(index) + c * memory.size, width))
            if s.fill is not None:
                total = e.combine(s.combine, e.load(memory.pointer, dtype, index, width), total)
            e.store(memory.pointer, index, total, width)

        if whole:
            with e.loop(0, whole, lanes, "chunks") as i:
                one(i, lanes)
        if memory.size > whole:
            one(whole, memory.size - whole)

    # ------------------------------------------------------------------------------------------ folding

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
        return self.e.at(self._room(size * chunks), np.dtype(np.uint8), c * size)

    def _folds_in_memory(self, s: Statement) -> bool:
        """Whether loops that a statement is not folded over stand inside of one that it is."""
        return bool(s.moves) or (bool(s.folded) and (*self._complete(s), *self.inner(s)) != self.paths[s])

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
            width = _width(loop, size)
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
            for assigned, total in zip(_steps(self._open(s)), self._totals(s), strict=True):
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

    # ------------------------------------------------------------------------------------------ statements

    def _open(self, s: Statement) -> list[Axis]:
        """The axes of what it makes that no loop binds: they are written out."""
        bound = {loop.axes[s] for loop in self.paths[s]}
        return [a for a in s.axes if a not in bound and a not in s.sums]

    def _statement(self, s: Statement, step: Step) -> None:
        bound = {loop.axes[s] for loop in self.paths[s]}
        folded = [a for a in s.axes if a not in bound and a in s.sums]
        e = self.e
        for n, assigned in enumerate(_steps(self._open(s))):
            value = None
            for inside in _steps(folded):
                assigned.update(inside)
                one = s.rule(e, *(self._number(r, s, assigned, step) for r in s.reads))
                one = as_value(e, one, s.out.dtype)
                value = one if value is None else e.combine(s.combine, value, one)
            if value is None:
                value = e.const(s.initial, s.out.dtype)
            if s in self.folds:
                key = next(k for k in self.folds[s] if k == (step.lanes, step.copy))
                variable = self.folds[s][key][n]
                e.set(variable, self._wide(e.combine(s.combine, e.get(variable), value), step.lanes))
            else:
                self._finish(s, assigned, value, step)

    def _number(self, read: Any, s: Statement, assigned: dict[Axis, int], step: Step) -> Any:
        if not isinstance(read, Read):
            return read
        array = read.array
        if array.constant is not None and not read.moves and not self._varies(read, s):
            at = _evaluated(_linear(read.place, array.strides, ()), assigned)
            return self.e.const(array.constant.reshape(-1)[at], array.dtype)
        home = self.homes.get(array)
        if home is not None and home.registers is not None and self._within(home.registers, array, s, home.path):
            assert home.registers.registers is not None
            return home.registers.registers[self._position(home.registers, s, assigned, read.place)]
        storage = self.memory(array)
        index, lanes, stride = self._address(storage, read.place, s, assigned, step)
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
        return _evaluated(_linear(s.place if place is None else place, storage.strides, dropped), assigned)

    def _address(
        self, storage: Storage, place: Any, s: Statement, assigned: dict[Axis, int], step: Step
    ) -> tuple[Value, int, int]:
        """(index, lanes, step from lane to lane)."""
        dropped = {loop.axes[s] for loop in storage.loops}
        linear = _linear(place, storage.strides, dropped)
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

    def _store(
        self, storage: Storage, s: Statement, assigned: dict[Axis, int], value: Any, step: Step, combine: str
    ) -> None:
        index, lanes, stride = self._address(storage, s.place, s, assigned, step)
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
        linear = _linear(s.place, storage.strides, {loop.axes[s] for loop in storage.loops})
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

    def pointer(self, array: Array) -> Pointer:
        found = self.memory(array).pointer
        assert found is not None, array
        return found

    def table(self, arrays: Sequence[Array]) -> Pointer:
        """Memory that holds the addresses of arrays."""
        size = 8 * len(arrays)
        table = self.e.at(self.arena.pointer, np.dtype(np.uint8), self.arena.reserve(size))
        for i, array in enumerate(arrays):
            self.e.set_pointer(table, i, self.pointer(array))
        return table

    def host_call(self, call: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        """Call a function of Python's on arrays; if it raises, leave."""
        specs = [[Spec(a.shape, a.dtype) for a in arrays] for arrays in (operands, outs)]
        address, owner = callback(call.value, *specs)
        name = f"host.{len(self.e.symbols)}.{call.name}"
        self.e.symbols[name] = address
        self.e.kept.append(owner)
        failed = self.e.call(name, np.int32, self.table(operands), self.table(outs), self.arena.pointer)
        self.e.leave_if(self.e.ne(failed, 0))


def as_value(e: Emitter, x: Any, dtype: np.dtype) -> Any:
    """A number of a rule as a value of the dtype of what it is for."""
    if isinstance(x, (int, float, complex, np.generic)):
        return e.const(x, dtype)
    return e.cast(x, dtype)


def _common(paths: Sequence[Path]) -> Path:
    found = paths[0]
    for path in paths[1:]:
        n = 0
        while n < min(len(found), len(path)) and found[n] is path[n]:
            n += 1
        found = found[:n]
    return found


def _linear(place: Any, strides: Sequence[int], dropped: Any) -> Index:
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


def _evaluated(index: Index, assigned: dict[Axis, int]) -> int:
    return index.offset + sum(c * assigned[axis] for axis, c in index.terms)


def _steps(axes: Sequence[Axis]) -> Iterator[dict[Axis, int]]:
    for numbers in itertools.product(*(range(axis.size) for axis in axes)):
        yield dict(zip(axes, numbers, strict=True))


def _width(loop: Loop, size: int | None = None) -> Width:
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


def placed(lister: Lister, views: Sequence[View]) -> list[Array]:
    """An array of its own for every output."""
    found: list[Array] = []
    for i, view in enumerate(views):
        array = view.array
        if not view.whole or not array.makers or array.output is not None or array.input is not None:
            array = lister.copy(view).array
        array.output = i
        found.append(array)
    return found


def _work(statement: Statement) -> int:
    """Operations, more or less; of a call, as many as it has numbers to do with."""
    if statement.call is None:
        return statement.cost * math.prod(axis.size for axis in statement.axes)
    return 10 * sum(a.size for a in (*statement.sources(), *statement.makes))


def _note(members: Sequence[Statement]) -> str:
    return " ".join(dict.fromkeys(s.name for s in members))


def _part(dtype: np.dtype) -> np.dtype:
    """What an element is made of: of complex numbers, real ones."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def _parts(dtype: np.dtype) -> int:
    return 2 if dtype.kind == "c" else 1
