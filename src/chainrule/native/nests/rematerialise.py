"""What is cheaper to compute again in each nest that reads it than to keep in memory from one nest to another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chainrule.native.nests.fuse import Item, Loop, members
from chainrule.native.rules import as_dtype
from chainrule.native.statements import Array, Index, Place, Position, Read, Statement, wraps

CHEAP = 6  # operations an element, up to which computing again beats a write and a read of memory
LEAVES = 32  # reads that one may become
LARGE = 4096  # elements from which an array is worth a thought
MANY = 2000  # statements above which nobody looks

Nests = dict[Statement, tuple[int, int]]  # a nest, and the size of the innermost loop in it
Readers = dict[Array, list[Statement]]


def rematerialised(
    statements: Sequence[Statement], items: Sequence[Item], is_kept: Callable[[Array], bool]
) -> list[Statement] | None:
    """The statements, with the cheap ones computed where they are read; None if nothing is to be gained.

    ``is_kept`` says which arrays are in memory in any case: outputs.
    """
    if len(statements) > MANY:
        return None
    nests = {s: (i, size) for i, item in enumerate(items) for size, s in _within(item)}
    readers: Readers = {}
    for s in statements:
        for array in s.sources():
            readers.setdefault(array, []).append(s)
    chosen: set[Array] = set()
    for s in statements:
        far = [r for r in readers.get(s.out, ()) if nests[r] != nests[s]]
        chain = _chain(s.out, nests[s], nests, chosen) if far and s.out.size >= LARGE and not is_kept(s.out) else None
        if chain is None or not all(_takes(r, maker.out) for r in (*far, *chain) for maker in chain):
            continue
        if _again(s.out, chain, far, readers, is_kept) <= CHEAP and _gains(s.out, chain, far, nests, readers):
            chosen.add(s.out)
            for reader in far:
                for maker in chain:
                    _inline(maker, reader)
                readers[s.out].remove(reader)
                for array in {read.array for read in _reads(reader)}:
                    if reader not in readers.setdefault(array, []):
                        readers[array].append(reader)
    return _needed(statements, is_kept) if chosen else None


def _within(item: Item) -> Iterator[tuple[int, Statement]]:
    """The statements of an item, each with the size of the innermost loop around it.

    Loops of two sizes will not become one, so what one makes for the other is in memory between them.
    """
    if isinstance(item, Loop) and not item.leaf:
        for inner in item.items:
            yield from _within(inner)
    else:
        size = item.size if isinstance(item, Loop) else 1
        yield from ((size, s) for s in members(item))


def _chain(array: Array, nest: tuple[int, int], nests: Nests, chosen: set[Array]) -> list[Statement] | None:
    """The statements that make an array from what is in memory, the last first; None if they are not plain, or many."""
    found: dict[Statement, None] = {}
    work = [array]
    for one in work:
        if not one.makers:
            continue
        maker = one.makers[0]
        if one is not array and nests.get(maker) != nest:
            if one in chosen:
                return None
            continue
        plain = len(one.makers) == 1 and not (maker.folded or maker.adds or maker.call or maker.moves)
        if not plain or maker.fill is not None or len(work) > LEAVES or any(map(_strays, _reads(maker))):
            return None
        found.pop(maker, None)
        found[maker] = None
        work += [r.array for r in _reads(maker)]
    return list(found)


def _again(
    array: Array,
    chain: Sequence[Statement],
    far: Sequence[Statement],
    readers: Readers,
    is_kept: Callable[[Array], bool],
) -> float:
    """How many operations an element are done more than before, where others read it."""
    times = sum(_steps(r) for r in far) / array.size
    own = {*chain, *far}
    moved = {m for m in chain if own.issuperset(readers[m.out]) and not is_kept(m.out)}
    return sum(m.cost * (times - (m in moved)) for m in chain)


def _steps(s: Statement) -> int:
    """How often a statement is done."""
    return math.prod(axis.size for axis in s.axes)


def _strays(read: Read) -> bool:
    """Whether places are not affine in the axes, so that other indices cannot stand for these."""
    return bool(read.moves) or wraps(read.place)


def _reads(s: Statement) -> list[Read]:
    return [r for r in s.reads if isinstance(r, Read)]


def _gains(
    array: Array,
    chain: Sequence[Statement],
    far: Sequence[Statement],
    nests: Nests,
    readers: dict[Array, list[Statement]],
) -> bool:
    """Whether reading the sources again moves fewer bytes than writing the array and reading it."""
    own = {s.out for s in chain}
    sources = {r.array for s in chain for r in _reads(s)} - own
    reading = {nests[r] for r in far}
    again = sum(
        min(source.size, sum(_steps(r) for r in far if nests[r] == nest)) * source.dtype.itemsize
        for nest in reading
        for source in sources
        if not any(nests[r] == nest for r in readers.get(source, ()))
    )
    # What is written is read into the cache before, and written from it after.
    moved = 2 * array.size + sum(min(array.size, _steps(r)) for r in far)
    return again < array.dtype.itemsize * moved


def _takes(reader: Statement, array: Array) -> bool:
    """Whether a statement can compute what it reads of an array: it reads every dimension at an index of its own."""
    places = [r.place for r in _reads(reader) if r.array is array]
    return not (reader.call or reader.moves or any(r.moves for r in _reads(reader))) and all(
        count == 1 and not index.modulo for place in places for count, index in place
    )


def _inline(maker: Statement, reader: Statement) -> None:
    """Let a statement compute what it reads of another's array, at the places where it reads."""
    reads: list[Any] = []
    parts: list[tuple[int, bool]] = []  # how many of the reads each old one has become, and whether it is computed
    for x in reader.reads:
        made = isinstance(x, Read) and x.array is maker.out
        new = [_at(r, maker, x.place) for r in maker.reads] if made else [x]
        parts.append((len(new), made))
        reads += new
    rule, inner, dtype = reader.rule, maker.rule, maker.out.dtype

    def composed(e: Any, *numbers: Any) -> Any:
        given, at = [], 0
        for count, made in parts:
            some = numbers[at : at + count]
            given.append(as_dtype(e, inner(e, *some), dtype) if made else some[0])
            at += count
        return rule(e, *given)

    reader.reads, reader.rule, reader.cost = tuple(reads), composed, reader.cost + maker.cost


def _at(read: Any, maker: Statement, place: Place) -> Any:
    """What a statement reads where its array is read at this place."""
    if not isinstance(read, (Position, Read)):
        return read
    where = {axis: index for (_, own), (_, index) in zip(maker.place, place, strict=True) for axis, _ in own.terms}

    def moved(index: Index) -> Index:
        new = Index((), index.offset)
        for axis, c in index.terms:
            new = new.plus(where[axis].times(c))
        return new

    if isinstance(read, Position):
        return Position(moved(read.index))
    return Read(read.array, tuple((count, moved(index)) for count, index in read.place))


def _needed(statements: Sequence[Statement], is_kept: Callable[[Array], bool]) -> list[Statement]:
    """Without the statements whose arrays nobody reads any more; calls may do more than make arrays."""
    wanted: set[Array] = set()
    found = []
    for s in reversed(statements):
        if s.call is not None or any(is_kept(a) or a in wanted for a in s.makes):
            wanted.update(s.sources())
            found.append(s)
    return found[::-1]
