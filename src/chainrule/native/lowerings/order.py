"""Sorting, and what is found by it or by halves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.language.values import I64
from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.composed import composed
from chainrule.native.statements import Array, View, permuted, sliced
from chainrule.node import Node
from chainrule.ops.index import SLOT

LANES = 8  # rows that are sorted side by side
LONG = 1 << 15  # elements in a row from which NumPy, which sorts in wide registers, is called
ALONE = 1 << 11  # the same, where there are few rows


def less(e: Any, x: Any, y: Any) -> Any:
    """x before y in ascending order: NaN comes last."""
    if x.dtype.kind != "f":
        return ~x & y if x.dtype.kind == "b" else x < y
    return (x < y) | (e.isnan(y) & ~e.isnan(x))


class Sorting:
    """Rows in ascending order, or the positions of their elements in it: runs are merged, equal ones in turn."""

    def __init__(self, positions: bool):
        self.positions = positions

    def __call__(self, lowering: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, (x,), (out,) = lowering.e, operands, outs
        size = x.shape[-1]
        rows = math.prod(x.shape[:-1])
        source, target = lowering.pointer(x), lowering.pointer(out)
        room = [lowering.arena.reserve(size * out.dtype.itemsize) for _ in range(2)]
        spare = [e.at(lowering.arena.pointer, np.dtype(np.uint8), offset) for offset in room]
        passes = max(size - 1, 0).bit_length()
        with e.loop(0, rows, note="sort") as row:
            keys = e.at(source, x.dtype, row * size)
            last = e.at(target, out.dtype, row * size)
            made = spare[0]
            with e.loop(0, size) as i:
                e.store(made if passes else last, i, i if self.positions else e.load(keys, x.dtype, i))
            for number in range(passes):
                into = last if number == passes - 1 else spare[(number + 1) % 2]
                self.merged(e, keys, x.dtype, made, into, out.dtype, size, 1 << number)
                made = into
        for offset in room:
            lowering.arena.give(offset, -(-size * out.dtype.itemsize // 64) * 64)

    def merged(self, e: Any, keys: Any, dtype: Any, source: Any, target: Any, made: Any, size: int, width: int) -> None:
        """Merge neighbouring runs of ``width``."""

        def key(item: Any) -> Any:
            return e.load(keys, dtype, item) if self.positions else item

        with e.loop(0, size, 2 * width, "merge") as low:
            middle = e.select(low + width < size, low + width, e.const(size, I64))
            high = e.select(low + 2 * width < size, low + 2 * width, e.const(size, I64))
            left, right = e.variable(I64), e.variable(I64)
            e.set(left, low)
            e.set(right, middle)
            with e.loop(low, high) as k:
                i, j = e.get(left), e.get(right)
                one = e.load(source, made, e.select(i < middle, i, low))
                other = e.load(source, made, e.select(j < high, j, low))
                takes = (j < high) & ((i >= middle) | less(e, key(other), key(one)))
                e.store(target, k, e.select(takes, other, one))
                e.set(left, e.select(takes, i, i + 1))
                e.set(right, e.select(takes, j + 1, j))


class Network:
    """As ``Sorting``, along the first axis and a row a lane: Batcher's odd-even merge sort (Knuth, volume 3, 5.2.2M).

    What it compares does not depend on what it finds. Equal elements are told apart by their positions.
    """

    def __init__(self, positions: bool):
        self.positions = positions

    def __call__(self, lowering: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, (x,), (out,) = lowering.e, operands, outs
        size, rows = x.shape[0], math.prod(x.shape[1:])
        source, target = lowering.pointer(x), lowering.pointer(out)
        lanes = min(LANES, rows)
        room = [size * lanes * dtype.itemsize for dtype in (x.dtype, I64)]
        offsets = [lowering.arena.reserve(n) for n in room]
        keys, places = (e.at(lowering.arena.pointer, np.dtype(np.uint8), offset) for offset in offsets)

        def columns(first: Any, lanes: int) -> None:
            with e.loop(0, size) as i:
                e.store(keys, i * lanes, e.load(source, x.dtype, i * rows + first, lanes), lanes)
                if self.positions:
                    e.store(places, i * lanes, e.wide(i, lanes), lanes)
            _stages(e, size, lambda i, j: self.exchanged(e, keys, x.dtype, places, i * lanes, j * lanes, lanes))
            made = places if self.positions else keys
            with e.loop(0, size) as i:
                e.store(target, i * rows + first, e.load(made, out.dtype, i * lanes, lanes), lanes)

        whole = rows - rows % lanes
        with e.loop(0, whole, lanes, "sort") as first:
            columns(first, lanes)
        if rows > whole:
            columns(e.index(whole), rows - whole)
        for offset, n in zip(offsets, room, strict=True):
            lowering.arena.give(offset, -(-n // 64) * 64)

    def exchanged(self, e: Any, keys: Any, dtype: Any, places: Any, i: Any, j: Any, lanes: int) -> None:
        """Put the lesser of two elements first, in each lane."""
        x, y = (e.load(keys, dtype, at, lanes) for at in (i, j))
        swaps = less(e, y, x)
        if self.positions:
            one, other = (e.load(places, I64, at, lanes) for at in (i, j))
            swaps = swaps | (~less(e, x, y) & (other < one))
            e.store(places, i, e.select(swaps, other, one), lanes)
            e.store(places, j, e.select(swaps, one, other), lanes)
        e.store(keys, i, e.select(swaps, y, x), lanes)
        e.store(keys, j, e.select(swaps, x, y), lanes)


def _stages(e: Any, size: int, exchange: Any) -> None:
    """The pairs that the network compares: runs of length p are merged by strides p, p/2, …, 1."""
    p, k = e.variable(I64), e.variable(I64)
    e.set(p, e.const(1, I64))

    def merge() -> None:
        e.set(k, e.get(p))
        e.repeat(lambda: e.get(k) >= 1, stage)
        e.set(p, e.get(p) * 2)

    def stage() -> None:
        length, stride = e.get(p), e.get(k)
        first = e.select(e.eq(stride, length), e.const(0, I64), stride)
        blocks = e.binary("div", size - stride - first + stride * 2 - 1, stride * 2)
        with e.loop(0, blocks) as b:
            start = first + b * stride * 2
            # Beyond the first stage, the second of a pair may lie in the next run.
            across = e.ne(first, 0) & e.eq((start + stride) & (length * 2 - 1), 0)
            left = size - start - stride
            with e.loop(0, e.select(across, e.const(0, I64), e.select(stride < left, stride, left))) as i:
                exchange(start + i, start + i + stride)
        e.set(k, stride >> 1)

    e.repeat(lambda: e.get(p) < size, merge)


def _sorted(lister: Lister, x: View, axis: int, spec: Any, positions: bool) -> View | None:
    if x.dtype.kind == "c" or x.dtype == np.float16:
        return None
    others = [d for d in range(len(x.shape)) if d != axis]
    side_by_side = math.prod(x.shape[d] for d in others) >= LANES // 2
    if x.shape[axis] > (LONG if side_by_side else ALONE):
        return None
    order = [axis, *others] if side_by_side else [*others, axis]
    rows = permuted(x, order)
    sort = Network(positions) if side_by_side else Sorting(positions)
    made = lister.call((type(spec)(rows.shape, spec.dtype),), [rows], sort, "sort")[0]
    return permuted(made, [order.index(d) for d in range(len(order))])


@lowers("sort")
def _sort(lister: Lister, operands: Any, node: Node) -> View | None:
    made = _sorted(lister, lister.view(operands[0]), node.params["axis"], node.spec, False)
    return made if made is None or not node.params["descending"] else _flipped(made, node.params["axis"])


def _flipped(x: View, axis: int) -> View:
    from_end = [slice(None, None, -1 if d == axis else None) for d in range(len(x.shape))]
    return sliced(x, from_end)


@lowers("argsort")
def _argsort(lister: Lister, operands: Any, node: Node) -> View | None:
    x, axis, falls = lister.view(operands[0]), node.params["axis"], node.params["descending"]
    made = _sorted(lister, _flipped(x, axis) if falls else x, axis, node.spec, True)
    if made is None or not falls:
        return made
    # Sorted backwards from the end, equal elements keep their order.
    return lister.map(_flipped(made, axis), lambda e, i: (x.shape[axis] - 1) - i, name="argsort")


@composed("ranks")
def _ranks(xp: Any, x: Any, *, axis: int, descending: bool) -> Any:
    order = xp.argsort(x, axis=axis, descending=descending)
    places = np.arange(x.shape[axis]).reshape((1,) * axis + (-1,) + (1,) * (len(x.shape) - axis - 1))
    return xp.add_along_axis(places, order, axis=axis, size=x.shape[axis])


@composed("order_statistics")
def _order_statistics(xp: Any, x: Any, ranks: Any, *, axis: int) -> Any:
    return xp.take(xp.sort(x, axis=axis), ranks, axis=axis)


@composed("arg_top_k")
def _arg_top_k(xp: Any, x: Any, *, k: int, axis: int, largest: bool) -> Any:
    order = xp.argsort(x, axis=axis, descending=largest)
    return xp.gather(order, index=(*(slice(None),) * axis, slice(0, k)))


# ------------------------------------------------------------------------------------------------ searching


@lowers("searchsorted_in")
def _searchsorted(lister: Lister, operands: Any, node: Node) -> View | None:
    views = [lister.view(x) for x in operands]
    dtype = np.result_type(*(x.dtype for x in views))
    if dtype.kind not in "biuf" or dtype.itemsize not in (1, 2, 4, 8) or dtype == np.float16:
        return None
    search = Searching(dtype, node.params["side"])
    return lister.call((node.spec,), views, search, "searchsorted")[0]


class Searching:
    """How many elements of a sorted row come before each number: halved and halved again, in all lanes alike."""

    def __init__(self, dtype: np.dtype, side: str):
        self.dtype, self.side = dtype, side

    def __call__(self, lowering: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, (row, x), (out,) = lowering.e, operands, outs
        table, numbers, target = lowering.pointer(row), lowering.pointer(x), lowering.pointer(out)
        size = row.shape[0]

        def search(i: Any, lanes: int) -> None:
            number = e.cast(e.load(numbers, x.dtype, i, lanes), self.dtype)
            found = e.wide(e.const(0, I64), lanes)
            for bit in reversed(range(size.bit_length())):
                ahead = found + (1 << bit)
                inside = ahead <= size
                key = e.cast(e.gather(table, row.dtype, e.select(inside, ahead - 1, e.const(0, I64))), self.dtype)
                before = less(e, key, number) if self.side == "left" else ~less(e, number, key)
                found = e.select(inside & before, ahead, found)
            e.store(target, i, found, lanes)

        lanes = min(8, max(x.size, 1))
        whole = x.size - x.size % lanes
        if size == 0:
            with e.loop(0, x.size) as i:
                e.store(target, i, e.const(0, I64))
            return
        with e.loop(0, whole, lanes, "searchsorted") as i:
            search(i, lanes)
        if x.size > whole:
            search(e.index(whole), x.size - whole)


@composed("isin")
def _isin(xp: Any, x: Any, elements: Any, *, invert: bool) -> Any:
    elements = xp.reshape(elements, (-1,))
    if not math.prod(elements.shape):
        return xp.broadcast_to(np.full((), invert), x.shape)
    if "c" in (x.dtype.kind, elements.dtype.kind):
        found = xp.any(xp.equal(xp.expand_dims(x, axis=len(x.shape)), elements), axis=len(x.shape))
        return xp.logical_not(found) if invert else found
    ordered = xp.sort(elements)
    at = xp.minimum(xp.searchsorted_in(ordered, x), elements.shape[0] - 1)
    found = xp.equal(xp.gather(ordered, at, index=(SLOT,)), x)
    return xp.logical_not(found) if invert else found
