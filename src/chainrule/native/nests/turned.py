"""Indices that go on at 0, as those of rolled arrays do: read in line, but where lanes of a vector are on both sides.

A loop over such an index is divided, so that in most of its parts the index does not pass the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from chainrule.native.language.values import Value
from chainrule.native.nests.fuse import Loop
from chainrule.native.nests.homes import Homes, Step, Storage
from chainrule.native.statements import ZERO, Axis, Index, Read, Statement, span_of

PARTS = 8  # into which a loop is divided at most
PARTED = 20  # operations of a step up to which that is done: more are too much code


def parts(
    loop: Loop, members: Sequence[Statement], start: Any, stop: Any, jump: int, last: int | None
) -> list[tuple[Any, Any]]:
    """The parts, of whole steps of ``jump``; a ``last`` vector that overlaps is a part of its own."""
    whole = [(start, stop)]
    if not isinstance(start, int) or not isinstance(stop, int) or stop - start <= jump:
        return whole
    if sum(s.cost * (4 if s.out.dtype.kind == "c" else 1) for s in members) > PARTED:
        return whole
    cuts: set[int] = set()
    for s in members:
        for read in s.reads:
            for _, index in read.place if isinstance(read, Read) else ():
                if index.modulo and index.terms == ((loop.axes[s], 1),):
                    past = index.modulo - index.offset - start
                    cuts |= {start + past // jump * jump, start + -(-past // jump) * jump}
    if cuts and last is not None:
        cuts.add(start + (stop - start - 1) // jump * jump)
    inside = sorted(cut for cut in cuts if start < cut < stop)
    return list(itertools.pairwise([start, *inside, stop])) if len(inside) < PARTS else whole


def turned(
    homes: Homes, read: Read, storage: Storage, s: Statement, assigned: dict[Axis, int], step: Step, changes: bool
) -> Any:
    """What is read; ``changes``: the loops around write what they read."""
    e, dtype, pointer = homes.e, read.array.dtype, storage.pointer
    assert pointer is not None
    plain = tuple((count, ZERO if index.modulo else index) for count, index in read.place)
    first, lanes, stride = homes.address(storage, plain, s, assigned, step)
    stride = stride if lanes > 1 else 0
    turns: list[tuple[Value, int, int, int]] = []  # index, its step from lane to lane, modulo, elements apart
    for d, _, index in span_of(read.place):
        if index.modulo:
            flat = ((1, Index(index.terms, index.offset)),)
            at, width, c = homes.address(Storage((1,), 0, ()), flat, s, assigned, step)
            c, apart = c if width > 1 else 0, storage.strides[d]
            least, most = _reach(index, s, assigned, step)
            if most < index.modulo or least >= index.modulo:
                first = first + (at if most < index.modulo else at - index.modulo) * apart
                stride += c * apart
            else:
                turns.append((at, c, index.modulo, apart))
    lanes = step.lanes if stride or any(c for _, c, _, _ in turns) else 1
    index, along, both = first, stride, None
    for at, c, size, apart in turns:
        past = at >= size
        index = index + e.select(past, at - size, at) * apart
        along += c * apart
        if c and lanes > 1:
            differ = past ^ (at + c * (lanes - 1) >= size)
            both = differ if both is None else both | differ
    along = along or 1
    if both is None:
        return (e.load if changes else e.read)(pointer, dtype, index, lanes, along)
    key = ("turned", pointer.name, read.place, str(index), lanes, str(both), e.stack[-1])
    if changes or key not in e.computed:
        found = e.variable(dtype, lanes)
        with e.when(both, rare=True) as orelse:
            numbers, each = e.lane_numbers(lanes), first
            each = each + numbers * stride
            for at, c, size, apart in turns:
                one = at + numbers * c
                each = each + e.select(one >= size, one - size, one) * apart
            e.set(found, e.gather(pointer, dtype, each))
        with e.inside(orelse):
            e.set(found, e.load(pointer, dtype, index, lanes, along))
        e.computed[key] = e.get(found)
    return e.computed[key]


def _reach(index: Index, s: Statement, assigned: dict[Axis, int], step: Step) -> tuple[int, int]:
    """The least and the most that an index, before its modulo, is in all lanes of this step."""
    least = most = index.offset
    vector = None if step.vector is None else step.vector.axes[s]
    bound = {loop.axes[s] for loop in step.path}
    for axis, c in index.terms:
        if axis in assigned and axis not in bound:
            low = high = assigned[axis]
        elif axis is vector and step.reach is not None:
            low, high = step.reach[0], step.reach[1] + step.lanes - 1
        else:
            low, high = 0, axis.size - 1
        least, most = least + min(c * low, c * high), most + max(c * low, c * high)
    return least, most
