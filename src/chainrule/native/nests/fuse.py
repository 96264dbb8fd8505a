"""From statements to nests of loops: which statements share a loop, and in which order loops are nested.

Statements come one after the other into the earliest group that may have them: a group is a loop to be, and each of its
members gives one of its axes to it. A member may read what another one makes in the same step of the loop, so
the axis must run along both alike; what is folded over the axis is known only after the loop. Which of its axes a
member gives is left open, as a list of alternatives, until the group is complete. Inside a group the same is done
with the axes that are left.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.native.statements import Array, Axis, Index, Read, Statement, runs_along

UNROLLED = 1500  # numbers that the statements inside one loop may make, to be written out without loops
UNROLLED_EACH = 64  # and each of them
UNROLLED_FOLD = 32  # steps of a sum that is written out beside vectors
ALTERNATIVES = 8  # ways to nest loops that are kept in mind
TRIED = 64  # groups that read the same array as a statement, which might join them
SCATTERED = 64  # numbers that are apart in memory from those of the next step, to be written out
DEAR = 20  # operations on a number, that are better done for many side by side
BLOCK = 256  # steps of loops that are taken in turn
LANES = 8  # numbers in a vector, or so
ALONE, ALONE_EACH = 600, 16  # the same of a whole program
ALONE_DEAR = 4 * LANES  # numbers of a whole program that are dear and would fill vectors, to be written out


@dataclass(eq=False, slots=True)
class Straight:
    """Statements without a loop around them at this place; their axes are written out."""

    members: list[Statement]


@dataclass(eq=False, slots=True)
class Call:
    """A statement that calls a function on whole arrays, or on what one step of the loops around has of them."""

    statement: Statement


@dataclass(eq=False, slots=True)
class Loop:
    """A loop that binds one axis of each of its statements."""

    size: int
    axes: dict[Statement, Axis]
    items: list[Item]

    @property
    def leaf(self) -> bool:
        return len(self.items) == 1 and isinstance(self.items[0], Straight)


@dataclass(eq=False, slots=True)
class Blocks(Loop):
    """Loops of one size that are taken block by block, in turn: what one makes is near when the next one reads it."""


Item = Straight | Call | Loop


def members(item: Item) -> Iterator[Statement]:
    """The statements of an item, in the order in which they are done."""
    if isinstance(item, Straight):
        yield from item.members
    elif isinstance(item, Call):
        yield item.statement
    else:
        for inner in item.items:
            yield from members(inner)


class _Alternative:
    """One axis of every member of a group, all of one size."""

    __slots__ = ("axes", "met", "size")

    def __init__(self, size: int, axes: dict[Statement, Axis], met: set[Any]):
        self.size, self.axes, self.met = size, axes, met

    def with_member(self, statement: Statement, axis: Axis) -> _Alternative:
        self.axes[statement] = axis
        self.met.update(_directions(statement, axis))
        return self

    def copy(self) -> _Alternative:
        return _Alternative(self.size, dict(self.axes), set(self.met))

    def meets(self, statement: Statement, axis: Axis) -> bool:
        """Whether a statement reads something that a member reads too, and in the same direction."""
        return not self.met.isdisjoint(_directions(statement, axis))


@dataclass(eq=False, slots=True)
class _Group:
    """Statements that share a loop; or that need none; or a call."""

    kind: type
    members: list[Statement] = field(default_factory=list)
    alternatives: list[_Alternative] = field(default_factory=list)


def fused(statements: Sequence[Statement]) -> list[Item]:
    """The statements as nests of loops, one after the other."""
    works = [_work(s, s.axes) for s in statements]
    few = sum(works) <= ALONE and max(works, default=0) <= ALONE_EACH
    dear = sum(work for work, s in zip(works, statements, strict=True) if s.cost >= DEAR and work >= LANES)
    if few and dear <= ALONE_DEAR and not any(s.call for s in statements):
        return [Straight(list(statements))] if statements else []
    return _fused([(s, s.axes) for s in statements])


def _work(statement: Statement, axes: Sequence[Axis]) -> int:
    return math.prod(axis.size for axis in axes)


def _fused(work: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> list[Item]:
    """What is to be done in one step of the loops around: statements, and the axes of each that are left."""
    groups: list[_Group] = []
    home: dict[Statement, int] = {}
    makers: dict[Array, list[Statement]] = {}
    left = dict(work)
    near: dict[Any, list[int]] = {}
    for statement, axes in work:
        makes = [makers[array] for array in _needed(statement) if array in makers]
        least = max((home[row[-1]] for row in makes), default=0)  # later makers of an array are in no earlier group
        needed = [m for row in makes for m in _last(row, home, least)] if axes else []
        home[statement] = _placed(groups, near, statement, axes, least, needed)
        for array in statement.makes:
            makers.setdefault(array, []).append(statement)
    return [_item(group, left) for group in _merged(groups, left, makers)]


def _last(row: Sequence[Statement], home: dict[Statement, int], group: int) -> Iterator[Statement]:
    """The makers of an array that are in its last group, if it is this one."""
    return itertools.takewhile(lambda maker: home[maker] == group, reversed(row))


def _placed(
    groups: list[_Group], near: dict[Any, list[int]], statement: Statement, axes: Sequence[Axis], least: int,
    needed: Sequence[Statement],
) -> int:  # fmt: skip
    """Put a statement into the first group that may have it, from ``least`` on, where ``needed`` are; which it is.

    ``near`` has the groups of loops that read an array, and those without loops: the first few of these are tried.
    """
    kind = Loop if axes else Call if statement.call is not None else Straight
    keys = {r.array for r in statement.reads if isinstance(r, Read)} if kind is Loop else {kind}
    rows = [near.setdefault(key, []) for key in keys]
    tried = {least} if needed else set()
    for row in rows:
        first = bisect.bisect_left(row, least)
        tried.update(row[first : first + TRIED])
    found = _joining(groups, kind, statement, axes, sorted(tried), needed, least)
    for row in rows:
        at = bisect.bisect_left(row, found)
        if row[at : at + 1] != [found]:
            row.insert(at, found)
    return found


def _joining(
    groups: list[_Group], kind: type, statement: Statement, axes: Sequence[Axis], tried: Sequence[int],
    needed: Sequence[Statement], least: int,
) -> int:  # fmt: skip
    """The group that a statement joins, or is the first of."""
    for i in tried if kind is not Call else ():
        group = groups[i]
        if group.kind is not kind:
            continue
        if kind is Loop:
            found = _joined(group.alternatives, statement, axes, needed if i == least else ())
            if not found:
                continue
            group.alternatives = found
        group.members.append(statement)
        return i
    alternatives = [_Alternative(a.size, {}, set()).with_member(statement, a) for a in axes]
    groups.append(_Group(kind, [statement], alternatives))
    return len(groups) - 1


def _merged(
    groups: list[_Group], left: dict[Statement, tuple[Axis, ...]], makers: dict[Array, list[Statement]]
) -> list[_Group]:
    """The groups, neighbours made one where they may be and read the same."""
    found: list[_Group] = []
    for group in groups:
        last = found[-1] if found else None
        if last is None or last.kind is not Loop or group.kind is not Loop:
            found.append(group)
            continue
        inside = set(last.members)
        alternatives: list[_Alternative] | None = [one.copy() for one in last.alternatives]
        related = False
        for statement in group.members:
            needed = [m for array in _needed(statement) for m in makers.get(array, ()) if m in inside]
            related = (
                related or bool(needed) or any(a.meets(statement, x) for a in alternatives for x in left[statement])
            )
            alternatives = _joined(alternatives, statement, left[statement], needed, free=True)
            if not alternatives:
                break
            inside.add(statement)
        if alternatives and related:
            last.members += group.members
            last.alternatives = alternatives
        else:
            found.append(group)
    return found


def _needed(statement: Statement) -> list[Array]:
    found = [r.array for r in statement.reads if isinstance(r, Read)]
    if statement.out.makers and statement.out.makers[0] is not statement:
        found.append(statement.out)
    return found


def _joined(
    alternatives: Sequence[_Alternative],
    statement: Statement,
    axes: Sequence[Axis],
    needed: Sequence[Statement],
    free: bool = False,
) -> list[_Alternative]:
    """The alternatives with one member more, of which there may be none; ``free``: it need not meet the others."""
    found: list[_Alternative] = []
    for alternative in alternatives:
        fitting = [
            axis
            for axis in axes
            if axis.size == alternative.size
            and not _innermost(statement, axis, axes)
            and (
                all(_flows(maker, alternative.axes[maker], statement, axis) for maker in needed)
                if needed
                else free or alternative.meets(statement, axis)
            )
        ]
        others = [alternative.copy() for _ in fitting[1:]]
        found += [one.with_member(statement, a) for one, a in zip([alternative, *others], fitting, strict=False)]
    return found[:ALTERNATIVES]


def _innermost(statement: Statement, axis: Axis, axes: Sequence[Axis]) -> bool:
    """Whether an axis is better left to an inner loop: memory runs along it alone, or it is short and folded over."""
    others = [a.size for a in axes if a is not axis]
    if axis in statement.folded and axis.size <= UNROLLED_FOLD and any(a not in statement.folded for a in axes):
        return True
    if not others or max(others) <= LANES or axis.size <= LANES // 2:
        return False
    reads = [r for r in statement.reads if isinstance(r, Read)]
    whole = [(r.array, r.place) for r in reads if all(any(i.coefficient(a) for _, i in r.place) for a in axes)]
    folds = any(a in statement.folded for a in axes)
    places = whole if folds else [*whole, (statement.out, statement.place)]
    along = [_step(array, place, axis) for array, place in places]
    return bool(along) and all(step == 1 for step in along)


def _flows(maker: Statement, own: Axis, reader: Statement, axis: Axis) -> bool:
    """Whether what the maker makes in a step of its loop is all that the reader needs in the same step of its."""
    if own in maker.folded:
        return False
    written = runs_along(maker.out, maker.place, own)
    if written is None:
        # What adds to the part that was written does so element by element.
        part = _part_along(maker.place, own)
        reads = any(isinstance(read, Read) and read.array is maker.out for read in reader.reads)
        return reader.adds and not reads and part is not None and part == _part_along(reader.place, axis)
    if reader.out is maker.out and runs_along(maker.out, reader.place, axis) != written:
        return False
    return all(
        runs_along(maker.out, read.place, axis) == written
        for read in reader.reads
        if isinstance(read, Read) and read.array is maker.out
    )


def _directions(statement: Statement, axis: Axis) -> list[Any]:
    """(array, dimension, step) of what a statement reads along an axis."""
    found = [(r.array, _direction(r.place, axis)) for r in statement.reads if isinstance(r, Read)]
    return [one for one in found if one[1] is not None]


def _part_along(place: Sequence[tuple[int, Index]], axis: Axis) -> tuple[int, int, int] | None:
    """(dimension, step, offset) of what an axis alone runs along in a place."""
    found = [(d, index) for d, (_, index) in enumerate(place) if index.coefficient(axis)]
    if len(found) != 1 or len(found[0][1].terms) != 1:
        return None
    return found[0][0], found[0][1].coefficient(axis), found[0][1].offset


def _direction(place: Sequence[tuple[int, Index]], axis: Axis) -> tuple[int, int] | None:
    """(dimension, step): where an axis goes in a place."""
    return next(((d, index.coefficient(axis)) for d, (_, index) in enumerate(place) if index.coefficient(axis)), None)


def _item(group: _Group, left: dict[Statement, tuple[Axis, ...]]) -> Item:
    if group.kind is Call:
        return Call(group.members[0])
    if group.kind is Straight:
        return Straight(group.members)
    best = max(group.alternatives, key=lambda one: _score(one.axes, left))
    axes, size = best.axes, best.size
    rest = [(s, tuple(a for a in left[s] if a is not axes[s])) for s in group.members]
    works = [_work(s, inner) for s, inner in rest]
    dear = sum(work * s.cost for work, s in zip(works, group.members, strict=True))
    small = sum(works) <= UNROLLED and dear <= 4 * UNROLLED and max(works) <= UNROLLED_EACH
    small = small and _scattered(axes, rest) <= SCATTERED
    if small and size > 1 and not any(s.call for s in group.members) and _worth(axes, rest):
        return Loop(size, axes, [Straight(group.members)])
    return _in_blocks(Loop(size, axes, _fused(rest)))


def _in_blocks(loop: Loop) -> Loop:
    """A loop with loops inside, and dear numbers between them that would fill vectors over it, as one of blocks."""
    dear = [i for i, item in enumerate(loop.items) if isinstance(item, Straight) and _cost(item) >= DEAR]
    if not dear or loop.size < BLOCK or not any(isinstance(item, Loop) for item in loop.items):
        return loop
    runs: list[list[Item]] = [[]]
    for i, item in enumerate(loop.items):
        if i in dear:
            runs += [[item], []]
        else:
            runs[-1].append(item)
    inner: list[Item] = [
        Loop(loop.size, {s: loop.axes[s] for item in run for s in members(item)}, run) for run in runs if run
    ]
    return Blocks(loop.size, {}, inner)


def _cost(item: Straight) -> int:
    return sum(s.cost for s in item.members)


def _worth(axes: dict[Statement, Axis], rest: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> bool:
    """Whether to write the axes that are left out as numbers, side by side over the loop."""
    widest = max((axis.size for _, left in rest for axis in left), default=1)
    size = next(iter(axes.values())).size
    if widest <= 4 or (widest <= 16 and size >= 4 * widest and not _rows(rest)):
        return True
    return widest <= UNROLLED_FOLD and size >= LANES and all(_side_by_side(s, axes[s], left) for s, left in rest)


def _scattered(axes: dict[Statement, Axis], rest: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> int:
    """How many numbers of a step are not beside those of the next one in memory: of these each lane goes by itself."""
    made = {s.out for s, _ in rest}
    read = {r.array for s, _ in rest for r in s.reads if isinstance(r, Read)}
    total = 0
    for s, left in rest:
        places = [(r.array, r.place) for r in s.reads if isinstance(r, Read) and r.array not in made]
        for array, place in places if s.out in read else [*places, (s.out, s.place)]:
            if abs(_step(array, place, axes[s])) > 1:
                total += math.prod(a.size for a in left if any(index.coefficient(a) for _, index in place))
    return total


def _rows(rest: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> bool:
    """Whether what is left are rows of equal length, as long as a vector: these are better taken along memory."""
    shapes = {tuple(a.size for a in left) for _, left in rest if left}
    return len(shapes) == 1 and len(shape := shapes.pop()) == 1 and shape[0] >= LANES


def _side_by_side(statement: Statement, axis: Axis, left: Sequence[Axis]) -> bool:
    """Whether neighbours along an axis are neighbours in memory, and only what is folded is left to be written out."""
    if any(a not in statement.folded for a in left):
        return False
    reads = [_step(r.array, r.place, axis) for r in statement.reads if isinstance(r, Read)]
    return all(step in (0, 1) for step in [*reads, _step(statement.out, statement.place, axis)])


def _score(alternative: dict[Statement, Axis], left: dict[Statement, tuple[Axis, ...]]) -> float:
    """How good it is to have these axes outermost: not those along which memory runs, nor those folded."""
    score = 0.0
    for statement, axis in alternative.items():
        if len(left[statement]) == 1:
            continue
        work = float(_work(statement, left[statement]))
        if axis in statement.folded:
            score -= 0.1 * work
        for read in statement.reads:
            if isinstance(read, Read) and _step(read.array, read.place, axis) == 1:
                score -= work
        if _step(statement.out, statement.place, axis) == 1:
            score -= work
    return score


def _step(array: Array, place: Sequence[tuple[int, object]], axis: Axis) -> int:
    """How far apart in memory neighbours along an axis are."""
    step, d = 0, 0
    for count, index in place:
        d += count
        step += index.coefficient(axis) * array.strides[d - 1]  # type: ignore[attr-defined]  # an Index
    return step
