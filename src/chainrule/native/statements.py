"""Statements: a graph as assignments to elements of arrays, each with axes of its own and no order of loops yet.

    out[i, j] = rule(x[i, j], y[j])          an elementwise op
    out[i]    = Σₖ rule(x[i, k], y[k])        a reduction: k is an axis of the statement and not of ``out``
    out[2i+1] = rule(v[i])                    a write to a part

Ops that only show an array differently (transposes, slices, reshapes, broadcasts) are no statements: whoever reads
them reads their operand at other indices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Axis:
    """What a loop runs along: ``size`` steps."""

    __slots__ = ("size",)

    def __init__(self, size: int):
        self.size = size

    def __repr__(self) -> str:
        return f"axis{id(self) % 1000}:{self.size}"


@dataclass(frozen=True, slots=True)
class Index:
    """An affine index: Σ coefficient · axis + offset; with ``modulo`` less that, where it is not below it."""

    terms: tuple[tuple[Axis, int], ...] = ()
    offset: int = 0
    modulo: int = 0

    def times(self, factor: int) -> Index:
        assert not self.modulo, self
        return Index(tuple((axis, c * factor) for axis, c in self.terms), self.offset * factor)

    def plus(self, other: Index | int) -> Index:
        assert not self.modulo, self
        if isinstance(other, int):
            return Index(self.terms, self.offset + other)
        found = dict(self.terms)
        for axis, c in other.terms:
            found[axis] = found.get(axis, 0) + c
        return Index(tuple((a, c) for a, c in found.items() if c), self.offset + other.offset)

    def coefficient(self, axis: Axis) -> int:
        for a, c in self.terms:
            if a is axis:
                return c
        return 0

    def without(self, axis: Axis) -> Index:
        return Index(tuple((a, c) for a, c in self.terms if a is not axis), self.offset)

    def modulus(self, size: int) -> Index:
        """This index, which is between 0 and 2·size, modulo size."""
        least = self.offset + sum(min(0, c * (a.size - 1)) for a, c in self.terms)
        most = self.offset + sum(max(0, c * (a.size - 1)) for a, c in self.terms)
        if most < size:
            return self
        return self.plus(-size) if least >= size else Index(self.terms, self.offset, size)


ZERO = Index()
# Where an array is read or written: for runs of its dimensions, how many they are and the index into them, row by row.
Place = tuple[tuple[int, Index], ...]


class Array:
    """Numbers in memory or registers: an input, a constant, or what statements make."""

    __slots__ = ("constant", "dtype", "input", "makers", "name", "output", "shape", "strides")

    def __init__(self, shape: Shape, dtype: Any, *, constant: Any = None, input: int | None = None, name: str = ""):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.strides = c_strides(self.shape)
        self.constant, self.input, self.name = constant, input, name
        self.output: int | None = None
        self.makers: list[Statement] = []

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"{self.name or 'array'}{list(self.shape)}"


def c_strides(shape: Shape) -> Shape:
    """How far apart neighbours along each dimension are, in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


Moves = tuple[tuple[int, int], ...]  # (dimension, which of the reads of the statement says how far)


@dataclass(eq=False, slots=True)
class Read:
    """An array at a place; along the dimensions in ``moves``, further on by another number that the statement reads."""

    array: Array
    place: Place
    moves: Moves = ()


@dataclass(frozen=True, slots=True)
class Position:
    """The number that an index is, among what a statement reads."""

    index: Index


@dataclass(eq=False, slots=True)
class Statement:
    """``out[place] = rule(reads)`` for every value of the axes; with ``combine``, folded over those in ``folded``."""

    out: Array
    place: Place
    axes: tuple[Axis, ...]
    reads: tuple[Any, ...]  # Reads, Positions, and Python or NumPy numbers
    rule: Callable[..., Any]  # (e, *numbers) -> number
    folded: tuple[Axis, ...] = ()
    combine: str = ""  # add, mul, minimum, maximum, and, or
    initial: Any = None
    fill: Any = None  # what the rest of ``out`` is set to, by the first writer of a part
    adds: bool = False  # whether this adds to what earlier statements wrote
    call: Callable[..., Any] | None = None  # whole arrays, by a function of the lowering: no axes
    moves: Moves = ()  # of the place of ``out``; what is written to the same element adds up
    also: tuple[Array, ...] = ()  # other arrays that the call makes
    name: str = ""
    cost: int = 1

    @property
    def makes(self) -> tuple[Array, ...]:
        return (self.out, *self.also)

    def sources(self) -> list[Array]:
        found = [r.array for r in self.reads if isinstance(r, Read)]
        return [*found, self.out] if self.adds else found

    @property
    def sums(self) -> tuple[Axis, ...]:
        """The axes that are folded before anything is written: where numbers go is known only with each of them."""
        return () if self.moves else self.folded

    def __repr__(self) -> str:
        return f"{self.out} <- {self.name}({', '.join(map(str, self.reads))})"


# ---------------------------------------------------------------------------------------------------- views


class View:
    """How a node is read: indices of its own dimensions ↦ the place in an array."""

    __slots__ = ("array", "map", "shape", "wraps")

    def __init__(
        self, array: Array, shape: Shape, map: Callable[[Sequence[Index]], Place], wraps: bool = False
    ):  # fmt: skip
        self.array, self.shape, self.map = array, tuple(shape), map
        self.wraps = wraps  # whether some places may have indices with a modulo

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def read(self, indices: Sequence[Index]) -> Read:
        return Read(self.array, self.map(indices))

    @property
    def whole(self) -> bool:
        """Whether this is the array, element by element in its order."""
        return self.map is apart and self.shape == self.array.shape


def apart(indices: Sequence[Index]) -> Place:
    """Every dimension at an index of its own."""
    return tuple((1, index) for index in indices)


def view_of(array: Array) -> View:
    return View(array, array.shape, apart)


def viewed(view: View, shape: Shape, change: Callable[[Sequence[Index]], list[Index]]) -> View:
    """A view of a view: ``change`` gives the indices of the old dimensions for those of the new."""
    before = view.map
    return View(view.array, shape, lambda indices: before(change(indices)), view.wraps)


def permuted(view: View, axes: Sequence[int]) -> View:
    def change(indices: Sequence[Index]) -> list[Index]:
        found = [ZERO] * len(axes)
        for new, old in enumerate(axes):
            found[old] = indices[new]
        return found

    return viewed(view, tuple(view.shape[a] for a in axes), change)


def broadcast(view: View, shape: Shape) -> View:
    if view.shape == tuple(shape):
        return view
    missing = len(shape) - len(view.shape)
    sizes = view.shape

    def change(indices: Sequence[Index]) -> list[Index]:
        return [ZERO if size == 1 else index for size, index in zip(sizes, indices[missing:], strict=True)]

    return viewed(view, shape, change)


def sliced(view: View, template: Sequence[Any]) -> View:
    """``x[template]`` of integers, slices, None and Ellipsis."""
    parts = list(template)
    used = sum(part is not None and part is not Ellipsis for part in parts)
    rest = [slice(None)] * (len(view.shape) - used)
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at : at + 1] = rest
    shape, moves, old = [], [], 0  # moves: for each old dimension, (new dimension or None, step, offset)
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        size = view.shape[old]
        old += 1
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            moves.append((len(shape), step, start))
            shape.append(len(range(start, stop, step)))
        else:
            moves.append((None, 0, int(part) % size))

    def change(indices: Sequence[Index]) -> list[Index]:
        return [Index((), start) if new is None else indices[new].times(step).plus(start) for new, step, start in moves]

    return viewed(view, tuple(shape), change)


def flipped(view: View, axes: Sequence[int]) -> View:
    template = [slice(None)] * len(view.shape)
    for axis in axes:
        template[axis] = slice(None, None, -1)
    return sliced(view, template)


def rolled(array: Array, shifts: dict[int, int]) -> View:
    """An array whose elements are moved along dimensions, by less than their sizes; what leaves at the end is first."""

    def turned(indices: Sequence[Index]) -> Place:
        found = [
            index.plus(array.shape[d] - shifts[d]).modulus(array.shape[d]) if d in shifts else index
            for d, index in enumerate(indices)
        ]
        return apart(found)

    return View(array, array.shape, turned, wraps=True)


def reshaped(view: View, shape: Shape) -> View | None:
    """The same elements in another shape; None if the array under the view has them in another order."""
    if tuple(shape) == view.shape:
        return view
    if 0 in shape:
        return View(view.array, shape, lambda _: apart([ZERO] * len(view.array.shape)))
    old = [d for d, size in enumerate(view.shape) if size != 1]
    new = [d for d, size in enumerate(shape) if size != 1]
    runs, i, j = [], 0, 0
    while i < len(old) or j < len(new):
        left, right = [old[i]] if i < len(old) else [], [new[j]] if j < len(new) else []
        i, j = i + len(left), j + len(right)
        a, b = math.prod(view.shape[d] for d in left), math.prod(shape[d] for d in right)
        while a != b:
            if a < b:
                left.append(old[i])
                a, i = a * view.shape[old[i]], i + 1
            else:
                right.append(new[j])
                b, j = b * shape[new[j]], j + 1
        runs.append((left, right))
    if any(len(left) > 1 for left, _ in runs) and view.map is not apart:
        return None

    sizes = view.shape
    heads = {left[0]: (left, right) for left, right in runs}

    def change(indices: Sequence[Index]) -> list[Any]:
        found: list[tuple[int, Index]] = []
        d = 0
        while d < len(sizes):
            if d not in heads:
                found.append((1, ZERO))
                d += 1
                continue
            left, right = heads[d]
            linear, step = ZERO, 1
            for o in reversed(right):
                linear, step = linear.plus(indices[o].times(step)), step * shape[o]
            span = left[-1] - left[0] + 1
            found.append((span, linear))
            d += span
        return found

    if view.map is apart:
        return View(view.array, shape, lambda indices: tuple(change(indices)))
    return viewed(view, shape, lambda indices: [index for _, index in change(indices)])


# ---------------------------------------------------------------------------------------------------- places


def span_of(place: Place) -> list[tuple[int, int, Index]]:
    """(first dimension, number of dimensions, index) of each run of a place."""
    found, d = [], 0
    for count, index in place:
        found.append((d, count, index))
        d += count
    return found


def wraps(place: Place) -> bool:
    """Whether an index of a place has a modulo."""
    return any(index.modulo for _, index in place)


def evaluated(index: Index, assigned: dict[Axis, int]) -> int:
    return index.offset + sum(c * assigned[axis] for axis, c in index.terms)


def settled(place: Place, assigned: dict[Axis, int]) -> Place:
    """A place, in which indices with a modulo are the numbers that they are."""
    if not wraps(place):
        return place
    return tuple((n, Index((), evaluated(i, assigned) % i.modulo) if i.modulo else i) for n, i in place)


def runs_along(array: Array, place: Place, axis: Axis) -> tuple[int, int] | None:
    """(dimension, its number in a run) that the axis runs along from end to end, alone; None if it does otherwise."""
    found = None
    for first, count, index in span_of(place):
        c = index.coefficient(axis)
        if not c:
            continue
        if found is not None:
            return None
        if count == 1:
            if c != 1 or len(index.terms) != 1 or index.offset or array.shape[first] != axis.size:
                return None
            found = (first, 0)
        else:
            # The leading dimension of a run, if the rest of the index stays inside the rows.
            row = math.prod(array.shape[first + 1 : first + count])
            rest = index.without(axis)
            least = rest.offset + sum(min(0, k * (a.size - 1)) for a, k in rest.terms)
            most = rest.offset + sum(max(0, k * (a.size - 1)) for a, k in rest.terms)
            if c != row or array.shape[first] != axis.size or least < 0 or most >= row:
                return None
            found = (first, 0)
    return found
