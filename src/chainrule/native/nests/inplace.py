"""Which arrays may be written over others that are read for the last time where they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.native.nests.fuse import Item, Loop, members
from chainrule.native.statements import Array, Read, Statement

Paths = Mapping[Statement, tuple[Loop, ...]]


def takes_over(after: Array, before: Array, nest: Sequence[Statement], paths: Paths) -> bool:
    """Whether ``after``, first written in a nest, may stand where ``before`` does, which nobody reads after the nest.

    It may where each step writes the elements that it has read, and no other step reads. ``nest`` has the statements
    in the order in which a step runs them.
    """
    users = [s for s in nest if before in s.sources() or before in s.makes]
    if not users:
        return True
    maker = after.makers[0]
    plain = len(after.makers) == 1 and maker.call is None and not (maker.moves or maker.folded or maker.adds)
    if not plain or maker.fill is not None or after.strides != before.strides or maker not in nest:
        return False
    if after.dtype.itemsize != before.dtype.itemsize or not _once(maker):
        return False
    written = _elements(maker, maker.place, after, paths)
    turn = {s: i for i, s in enumerate(nest)}
    return all(_reads_only(s, before, maker, written, turn, paths) for s in users)


def _reads_only(
    s: Statement, array: Array, maker: Statement, written: Any, turn: Mapping[Statement, int], paths: Paths
) -> bool:
    """Whether a statement has read the elements of its step, and no others, before the maker writes to them."""
    reads = [r for r in s.reads if isinstance(r, Read) and r.array is array]
    if s.call is not None or s.out is array or any(r.moves for r in reads):
        return False
    if s is maker:
        return all(r.place == maker.place for r in reads)
    if paths[s] != paths[maker] or turn[s] > turn[maker]:
        return False
    return all(_elements(s, r.place, array, paths) == written for r in reads)


def _once(s: Statement) -> bool:
    """Whether every element is written once: all axes are in the place."""
    placed = {axis for _, index in s.place for axis, _ in index.terms}
    return placed.issuperset(s.axes)


def _elements(s: Statement, place: Any, array: Array, paths: Paths) -> Any:
    """The elements of an array at a place, in terms of the loops around: equal for equal elements in every step."""
    loops = {loop.axes[s]: i for i, loop in enumerate(paths[s])}
    offset, d = 0, 0
    turns = tuple(index for _, index in place if index.modulo)
    around: dict[int, int] = {}
    inside: dict[Any, int] = {}
    for count, index in place:
        d += count
        stride = array.strides[d - 1]
        offset += index.offset * stride
        for axis, c in index.terms:
            table, key = (around, loops[axis]) if axis in loops else (inside, axis)
            table[key] = table.get(key, 0) + c * stride
    return offset, around, sorted((axis.size, c) for axis, c in inside.items()), turns


def outputs_last(members: Sequence[Statement]) -> list[Statement]:
    """The statements of a step, those last that make outputs which the step does not read: what is read comes first."""
    read = {array for s in members for array in s.sources()}
    return sorted(members, key=lambda s: s.out.output is not None and len(s.out.makers) == 1 and s.out not in read)


def overwritten(
    outputs: Sequence[Array], inputs: Sequence[Array], items: Sequence[Item], paths: Paths
) -> tuple[tuple[int, int], ...]:
    """Outputs and inputs, by their numbers: which may be written over which, if its memory is the program's to use."""
    nests = [list(members(item)) for item in items]
    place = {s: i for i, nest in enumerate(nests) for s in nest}
    last: dict[Array, int] = {}
    for s, i in place.items():
        for array in s.sources():
            last[array] = max(i, last.get(array, 0))
    found: list[tuple[int, int]] = []
    for number, after in enumerate(outputs):
        first = min(place[s] for s in after.makers)
        for i, before in enumerate(inputs):
            alike = before.shape == after.shape and before.dtype == after.dtype and before.shape != ()
            if alike and last.get(before, -1) <= first and takes_over(after, before, nests[first], paths):
                found.append((number, i))
    return tuple(found)
