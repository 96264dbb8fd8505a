"""Loops whose size is no multiple of the lanes: where the last vector overlaps with the one before.

Then a step is written once, not once more for the lanes that are left. What it does twice must be equal each time: it
may read nothing that it writes over. What is folded over the loop leaves the lanes out that it has had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.native.nests.fuse import DEAR, Loop, Straight
from chainrule.native.nests.homes import Homes, Width
from chainrule.native.statements import Statement

TWICE = 24  # operations and reads of a step, that may be written once more
LENT_TWICE = 400  # the same, of a step whose results may else take the memory of donated arguments
FEW = 4  # rounds of vectors side by side, below which sums are taken a vector at a time


def overlaps(homes: Homes, loop: Loop, size: int, width: Width) -> bool:
    """Whether the last vector of a leaf of so many steps begins at ``size - lanes``."""
    found = homes.overlapping.get(loop)
    if found is None:
        found = homes.overlapping[loop] = _overlaps(homes, loop, size, width)
    return found


def _overlaps(homes: Homes, loop: Loop, size: int, width: Width) -> bool:
    body = loop.items[0]
    assert isinstance(body, Straight)
    if size < width.lanes or size % width.lanes == 0:
        return False
    if width.copies > 1 and size >= FEW * width.lanes * width.copies:
        return False
    lent = {s.out for s in body.members} & homes.lent
    if any(_changes(homes, loop, s) for s in body.members):
        return False
    inside = len(homes.paths[body.members[0]]) > 1
    if inside and size < 2 * width.lanes and any(s.cost >= DEAR for s in body.members):
        return False  # without a loop, what is dear may be computed before the loops around
    if _length(homes, body.members) < (LENT_TWICE if lent else TWICE):
        return False
    homes.lent -= lent
    return True


def _changes(homes: Homes, loop: Loop, s: Statement) -> bool:
    """Whether a statement, done twice, may make something else the second time."""
    if s.out in homes.shared or s.moves:
        return True
    if loop.axes[s] in s.folded:
        return False
    adds = s.adds and homes.homes[s.out].registers is None
    return adds or any(around.axes[s] in s.folded for around in homes.paths[s])


def _length(homes: Homes, members: Sequence[Statement]) -> int:
    total = 0
    for s in members:
        bound = {around.axes[s] for around in homes.paths[s]}
        total += (s.cost + len(s.reads)) * math.prod(axis.size for axis in s.axes if axis not in bound)
    return total
