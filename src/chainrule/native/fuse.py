"""From statements to nests of loops: which statements share a loop, and in which order loops are nested.

Statements come one after the other into the earliest group that may have them: a group is a loop to be, and each of its
members gives one of its axes to it. A member may read what another one makes in the same step of the loop, so
the axis must run along both alike; what is folded over the axis is known only after the loop. Which of its axes a
member gives is left open, as a list of alternatives, until the group is complete. Inside a group the same is done
with the axes that are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.native.statements import Array, Axis, Index, Read, Statement, runs_along

UNROLLED = 1500  # numbers that the statements inside one loop may make, to be written out without loops
UNROLLED_EACH = 64  # and each of them
UNROLLED_FOLD = 32  # steps of a sum that is written out beside vectors
LANES = 8  # numbers in a vector, or so
ALONE, ALONE_EACH = 600, 16  # the same of a whole program


@dataclass(eq=False, slots=True)
class Straight:
    """Statements without a loop around them at this place; their axes are written out."""

    members: list[Statement]


@dataclass(eq=False, slots=True)
class Call:
    """A statement that calls a function on whole arrays."""

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


Item = Straight | Call | Loop
Alternative = dict[Statement, Axis]


@dataclass(eq=False, slots=True)
class _Group:
    """Statements that are to share a loop of ``size``; None: that need none; −1: a call."""

    size: int | None
    members: list[Statement] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)


def fused(statements: Sequence[Statement]) -> list[Item]:
    """The statements as nests of loops, one after the other."""
    works = [_work(s, s.axes) for s in statements]
    if sum(works) <= ALONE and max(works, default=0) <= ALONE_EACH and not any(s.call for s in statements):
        return [Straight(list(statements))] if statements else []
    return _fused([(s, s.axes) for s in statements])


def _work(statement: Statement, axes: Sequence[Axis]) -> int:
    return math.prod(axis.size for axis in axes)


def _fused(work: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> list[Item]:
    groups: list[_Group] = []
    home: dict[Statement, int] = {}
    makers: dict[Array, list[Statement]] = {}
    left = dict(work)
    for statement, axes in work:
        least = 0
        joined: tuple[int, list[Alternative]] | None = None
        needed = [m for array in _needed(statement) for m in makers.get(array, ())]
        for maker in needed:
            least = max(least, home[maker])
        if statement.call is not None:
            groups.append(_Group(-1, [statement]))
            home[statement] = len(groups) - 1
        else:
            at_least = least
            if needed:
                # In the group of its youngest operand, if it fits there, else after it.
                pass
            for i in range(at_least, len(groups)):
                found = _joined(groups[i], statement, axes, [m for m in needed if home[m] == i])
                if found is not None:
                    joined = (i, found)
                    break
            if joined is None:
                groups.append(_Group(_size(axes), [], [{statement: a} for a in axes]))
                joined = (len(groups) - 1, groups[-1].alternatives)
                # An axis of every size may be chosen: the group has the size of the alternative.
            i, alternatives = joined
            groups[i].members.append(statement)
            groups[i].alternatives = alternatives
            home[statement] = i
        for array in statement.makes:
            makers.setdefault(array, []).append(statement)
    return [_item(group, left) for group in groups]


def _size(axes: Sequence[Axis]) -> int | None:
    return 0 if axes else None


def _needed(statement: Statement) -> list[Array]:
    found = [r.array for r in statement.reads if isinstance(r, Read)]
    if statement.out.makers and statement.out.makers[0] is not statement:
        found.append(statement.out)
    return found


def _joined(
    group: _Group, statement: Statement, axes: Sequence[Axis], needed: Sequence[Statement]
) -> list[Alternative] | None:
    """The alternatives of a group with one member more; None if it cannot be one."""
    if group.size == -1:
        return None
    if group.size is None or not axes:
        return [] if group.size is None and not axes else None
    found = []
    for alternative in group.alternatives:
        size = next(iter(alternative.values())).size
        for axis in axes:
            if axis.size != size or _innermost(statement, axis, axes):
                continue
            if needed:
                fits = all(_flows(maker, alternative[maker], statement, axis) for maker in needed)
            else:
                fits = _meets(alternative, statement, axis)
            if fits:
                found.append({**alternative, statement: axis})
    return found or None


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


def _meets(alternative: Alternative, statement: Statement, axis: Axis) -> bool:
    """Whether a statement reads something that a member reads too, in the same step."""
    mine = {(r.array, _direction(r.place, axis)) for r in statement.reads if isinstance(r, Read)}
    mine = {(array, direction) for array, direction in mine if direction is not None}
    if not mine:
        return False
    return any(
        (r.array, _direction(r.place, other)) in mine
        for member, other in alternative.items()
        for r in member.reads
        if isinstance(r, Read)
    )


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
    if group.size == -1:
        return Call(group.members[0])
    if group.size is None:
        return Straight(group.members)
    axes = max(group.alternatives, key=lambda one: _score(one, left))
    size = next(iter(axes.values())).size
    rest = [(s, tuple(a for a in left[s] if a is not axes[s])) for s in group.members]
    works = [_work(s, inner) for s, inner in rest]
    if sum(works) <= UNROLLED and max(works) <= UNROLLED_EACH and (size > 1) and _worth(axes, rest):
        return Loop(size, axes, [Straight(group.members)])
    return Loop(size, axes, _fused(rest))


def _worth(axes: Alternative, rest: Sequence[tuple[Statement, tuple[Axis, ...]]]) -> bool:
    """Whether to write the axes that are left out as numbers, side by side over the loop."""
    widest = max((axis.size for _, left in rest for axis in left), default=1)
    size = next(iter(axes.values())).size
    if widest <= 4 or (widest <= 16 and size >= 4 * widest):
        return True
    return widest <= UNROLLED_FOLD and size >= LANES and all(_side_by_side(s, axes[s], left) for s, left in rest)


def _side_by_side(statement: Statement, axis: Axis, left: Sequence[Axis]) -> bool:
    """Whether neighbours along an axis are neighbours in memory, and only what is folded is left to be written out."""
    if any(a not in statement.folded for a in left):
        return False
    reads = [_step(r.array, r.place, axis) for r in statement.reads if isinstance(r, Read)]
    return all(step in (0, 1) for step in [*reads, _step(statement.out, statement.place, axis)])


def _score(alternative: Alternative, left: dict[Statement, tuple[Axis, ...]]) -> float:
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
