"""From nests of loops to a loop program: loops, vectors, blocks, and chunks for threads."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.language.loops import Pointer
from chainrule.native.language.pure import LONGEST, TooLong
from chainrule.native.language.values import I64, Value, part_of, parts_of
from chainrule.native.libraries.host import callback
from chainrule.native.listing import Lister
from chainrule.native.nests.arena import WIDTH
from chainrule.native.nests.elements import Elements, steps_of
from chainrule.native.nests.fuse import BLOCK, Blocks, Call, Item, Loop, Straight, members
from chainrule.native.nests.homes import Step, Storage, width_of, work_of
from chainrule.native.nests.overlap import overlaps
from chainrule.native.nests.turned import parts
from chainrule.native.statements import Array, Axis, Index, Read, Statement, View
from chainrule.native.threads.pool import pool
from chainrule.spec import Spec

CHUNKS = 16  # into which a loop is divided at most
SUMMED = 64  # steps of a loop that are summed apart, at least: rounding grows with what was summed before
CHUNK_WORK = 50_000  # operations worth a chunk of their own: some 20 microseconds


@dataclass(eq=False)
class Lowering(Elements):
    """Writes the statements of one graph with an emitter."""

    marks: list[int] = field(default_factory=list)  # how many statements of the program stood before each item
    step: Step = field(default_factory=lambda: Step((), {}))  # in which a function is called
    results: Sequence[Array] = ()  # of the program; none where this is the body of a loop

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

    def _item(self, item: Item, dying: Sequence[Array], step: Step) -> None:
        inside = list(members(item))
        self._say(inside)
        self._take_over(inside, dying, step)
        chunks = self._chunks(item, inside, step) if isinstance(item, Loop) else 1
        if chunks > 1:
            self._begin(inside, step)
        else:
            self._prepare(inside, step)
        if isinstance(item, Straight):
            self._statements(item.members, step)
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

    def _statements(self, members: Sequence[Statement], step: Step) -> None:
        first = self.e.count
        for number, statement in enumerate(members):
            if number >= 1000 and (self.e.count - first) * len(members) > LONGEST * number:
                raise TooLong  # before all of it is written
            self._statement(statement, step)

    def _loop(self, item: Loop, inside: Sequence[Statement], step: Step, start: Any = 0, stop: Any = None) -> None:
        """A loop, or that part of it."""
        merged = None if item.leaf else self._merged(item)
        stop = item.size * (1 if merged is None else merged.size) if stop is None else stop
        if isinstance(item, Blocks):
            self._blocks(item, step, start, stop)
        elif item.leaf:
            self._vectors(item, start, stop, item.size, step)
        elif merged is not None:
            self.widths[merged] = width_of(merged, item.size * merged.size)
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
        if overlaps(self, loop, size, width):
            self._vector_loop(loop, members, start, stop, size, lanes, 1, step, size - lanes)
            return

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
        last: int | None = None,
    ) -> None:
        """``last`` is where the last vector begins, if that is no multiple of all lanes."""
        divided = parts(loop, members, start, stop, lanes * copies, last)
        if len(divided) > 1:
            for one, other in divided:
                self._vector_loop(loop, members, one, other, size, lanes, copies, step, last)
            return
        reach = None
        if isinstance(start, int) and isinstance(stop, int):
            reach = (start, stop - lanes) if last is None else (min(start, last), min(stop - lanes, last))

        def body(index: Value) -> None:
            e, fresh = self.e, None
            if last is not None:
                first, index = index, e.select(index < last, index, e.index(last))
                fresh = e.lane_numbers(lanes) >= first - index if any(s in self.folds for s in members) else None
            for copy in range(copies):
                self._begin(members, step)
                at = Step(step.path, {**step.indices, loop: index + copy * lanes}, loop, lanes, copy, reach, fresh)
                self._statements(members, at)

        if isinstance(start, int) and isinstance(stop, int) and stop - start == lanes * copies:
            self._say(members, f"; the last {stop - start}" if start else "")
            body(self.e.const(start, I64))
            return
        steps = (stop - start if isinstance(start, int) and isinstance(stop, int) else size) // (lanes * copies)
        with self._summing(members, start, stop, lanes * copies, steps, lanes) as i:
            body(i)

    def _note(self, members: Sequence[Statement]) -> str:
        """What these do, where somebody reads it."""
        return note_of(members, self.results) if self.e.readable else ""

    def _say(self, members: Sequence[Statement], more: str = "") -> None:
        if self.e.readable:
            self.e.note(note_of(members, self.results) + more)

    @contextlib.contextmanager
    def _summing(
        self, inside: Sequence[Statement], start: Any, stop: Any, jump: int, steps: int, lanes: int | None = None
    ) -> Iterator[Value]:
        """A loop of some steps, whose sums are taken block by block, so that small numbers are added to small ones."""
        e, note = self.e, self._note(inside)
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

    def _chunks(self, item: Loop, inside: Sequence[Statement], step: Step) -> int:
        """Into how many chunks a loop is divided among threads: by its size alone, so that results are always equal."""
        if step.path or self.chunk is not None or pool() is None:
            return 1
        work = sum(map(work_of, inside))
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
        width = width_of(merged, self._flat(item))
        return width.lanes * width.copies

    def _in_chunks(self, item: Loop, inside: Sequence[Statement], chunks: int, step: Step) -> None:
        """A loop in parts that may run at once. What is folded over it is folded in each part, and then over these."""
        e, size, grain = self.e, self._flat(item), self._grain(item)
        per = -(-size // chunks)
        per = -(-per // grain) * grain
        chunks = -(-size // per)
        in_memory = [s for s in inside if self._private(s) and s.out.makers[0] is s]
        in_registers = [s for s in inside if self.inner(s) and self.inner(s) == self.paths[s]]
        parts = {s: self.room(chunks * self._private(s) * s.out.dtype.itemsize) for s in in_memory}
        parts |= {s: self.room(chunks * self._count(s) * s.out.dtype.itemsize) for s in in_registers}
        whole = {s: self.homes[s.out].memory for s in in_memory}
        with e.parallel(chunks, self._note(inside)) as c:
            self.chunk = (c, chunks)
            start = c * per
            stop = e.select(start + per < size, start + per, e.const(size, I64))
            for s in in_memory:
                memory = whole[s]
                assert memory is not None
                mine = e.at(parts[s], part_of(s.out.dtype), c * (memory.size * parts_of(s.out.dtype)))
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
            for n, assigned in enumerate(steps_of(self._open(s))):
                total = e.load(parts[s], dtype, n)
                for c in range(1, chunks):
                    total = e.combine(s.combine, total, e.load(parts[s], dtype, c * count + n))
                self._finish(s, assigned, total, step)

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


def placed(lister: Lister, views: Sequence[View], last: bool = False) -> list[Array]:
    """An array of its own for every output. When nothing is listed after the ``last`` ones, some need no copies."""
    found: list[Array] = []
    for i, view in enumerate(views):
        array = view.array
        if not view.whole or not array.makers or array.output is not None or array.input is not None:
            turned = _turned(lister, view) if last and sum(v.array is array for v in views) == 1 else None
            array = lister.copy(view).array if turned is None else turned
        array.output = i
        found.append(array)
    return found


def _turned(lister: Lister, view: View) -> Array | None:
    """What is made for this view alone, with the axes of the view; None if others read it, or it has other elements."""
    array = view.array
    if not array.makers or array.output is not None or array.input is not None or array.constant is not None:
        return None
    axes = [Axis(size) for size in view.shape]
    place = view.map([Index(((axis, 1),)) for axis in axes])
    order = [index.terms[0][0] for _, index in place if len(index.terms) == 1]
    makers = array.makers
    plain = all(s.out is array and not (s.call or s.moves or s.also) for s in makers)
    apart = all(count == 1 for spots in (place, *(s.place for s in makers)) for count, _ in spots)
    in_order = [index == Index(((axis, 1),)) for (_, index), axis in zip(place, order, strict=False)]
    sizes = tuple(axis.size for axis in order)
    whole = len(set(order)) == len(place) == len(axes) and all(in_order) and sizes == array.shape
    if not (plain and apart and whole) or any(array in s.sources() and s.out is not array for s in lister.statements):
        return None
    if any(isinstance(r, Read) and r.array is array for s in makers for r in s.reads):
        return None
    out = Array(view.shape, array.dtype, name=array.name)
    spots = [order.index(axis) for axis in axes]
    for s in makers:
        s.out, s.place = out, tuple(s.place[spot] for spot in spots)
    out.makers, array.makers = makers, []
    return out


def note_of(members: Sequence[Statement], results: Sequence[Array]) -> str:
    """The ops that are computed, and which results of the program they make, as ``{0}``."""
    ops = ", ".join(dict.fromkeys(s.name for s in members))
    made = [f"{{{i}}}" for i, array in enumerate(results) if any(array in s.makes for s in members)]
    return f"{ops}: {', '.join(made)}" if made else ops
