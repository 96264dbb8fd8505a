"""The arena: memory of a program's own, one block, in which what is not needed any more makes room for what comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.statements import Array

WIDTH = 64  # bytes of the widest registers


@dataclass(frozen=True)
class Place:
    """Where an array stands in the arena."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int
    bytes: int
    over: str = ""  # the array that it is written over, number by number


class Arena:
    """Memory of the program's own: what is given back is given out again."""

    def __init__(self, pointer: Pointer):
        self.pointer, self.size = pointer, 0
        self.free: list[tuple[int, int]] = []  # (offset, bytes), ascending
        self.places: dict[Array, tuple[int, int]] = {}
        self.rooms: dict[int, int] = {}  # the most bytes that were given out at an offset
        self.wanted = 0  # bytes that were given out in all
        self.log: list[Place] = []
        self._lent: dict[int, int] = {}  # what was reserved in the innermost scope: its bytes by its offset

    def take(self, e: Emitter, array: Array, size: int) -> Pointer:
        """Room for an array, until it is released."""
        offset = self.reserve(size)
        return self._placed(e, array, offset, self._lent.pop(offset))

    def take_over(self, e: Emitter, array: Array, before: Array) -> Pointer:
        """The room of an array that is not needed any more, for one of its size."""
        offset, size = self.places.pop(before)
        self.wanted += size
        return self._placed(e, array, offset, size, before.name)

    def _placed(self, e: Emitter, array: Array, offset: int, size: int, over: str = "") -> Pointer:
        self.places[array] = (offset, size)
        self.log.append(Place(array.name or "array", array.shape, array.dtype.name, offset, size, over))
        return e.at(self.pointer, np.dtype(np.uint8), offset)

    def reserve(self, size: int) -> int:
        """Room until the end of the scope, or until it is given back."""
        size = -(-max(size, 1) // WIDTH) * WIDTH
        offset = self._fitting(size)
        self.rooms[offset] = max(size, self.rooms.get(offset, 0))
        self.wanted += size
        self._lent[offset] = size
        return offset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is reserved inside, and for no array, is given back at the end."""
        around, self._lent = self._lent, {}
        yield
        for offset, size in list(self._lent.items()):
            self.give(offset, size)
        self._lent = around

    def _fitting(self, size: int) -> int:
        fitting = [(room, offset) for offset, room in self.free if room >= size]
        if not fitting:
            self.size += size
            return self.size - size
        room, offset = min(fitting)
        self.free.remove((offset, room))
        if room > size:
            self._put_back(offset + size, room - size)
        return offset

    def release(self, array: Array) -> None:
        self.give(*self.places.pop(array))

    def give(self, offset: int, size: int) -> None:
        self._lent.pop(offset, None)
        self._put_back(offset, size)

    def _put_back(self, offset: int, size: int) -> None:
        self.free.append((offset, size))
        self.free.sort()
        merged: list[tuple[int, int]] = []
        for start, room in self.free:
            if merged and merged[-1][0] + merged[-1][1] == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + room)
            else:
                merged.append((start, room))
        self.free = merged
