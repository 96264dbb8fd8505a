"""Matrices in memory for LAPACK: copies in Fortran's order, room to work in, and the calls."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I32, Value
from chainrule.native.libraries import blas
from chainrule.native.nests.arena import WIDTH
from chainrule.native.nests.lower import Lowering


@dataclass
class Work:
    """Room in the arena for as long as one statement is written; and calls, which say whether they failed."""

    lowering: Lowering
    dtype: np.dtype
    taken: list[tuple[int, int]] = field(default_factory=list)

    def room(self, count: int, dtype: Any = None) -> Pointer:
        """Memory for so many numbers."""
        size = -(-max(count, 1) * np.dtype(dtype or self.dtype).itemsize // WIDTH) * WIDTH
        offset = self.lowering.arena.reserve(size)
        self.taken.append((offset, size))
        return self.lowering.e.at(self.lowering.arena.pointer, np.dtype(np.uint8), offset)

    def name(self, routine: str) -> str:
        return blas.PREFIX[self.dtype.char] + routine

    def empty(self) -> np.ndarray:
        """Where a routine says how much room of its own numbers it wants."""
        return np.zeros(1, self.dtype)

    def release(self) -> None:
        for offset, size in self.taken:
            self.lowering.arena.give(offset, size)

    def prepared(self, name: str, *arguments: Any) -> Callable[[], Value]:
        """A routine of LAPACK with room for its last argument: a function that writes the call, and gives ``info``."""
        e, info = self.lowering.e, self.room(1, I32)

        def call() -> Value:
            blas.call(e, self.name(name), *arguments, info)
            return e.load(info, I32, 0)

        return call


EMPTY = np.zeros(1, np.complex128)  # for what a routine does not look at


def workspace(name: str, *arguments: Any) -> list[int]:
    """How much room a routine wants: what it writes into the arrays that -1 stands behind."""
    held = [
        np.asarray(np.uint8(ord(x)) if isinstance(x, str) else np.int32(x) if isinstance(x, int) else x)
        for x in arguments
    ]
    info = np.zeros(1, np.int32)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(held) + 1))(blas.address(name))
    function(*(x.ctypes.data for x in held), info.ctypes.data)
    after = [*arguments[1:], None]
    return [int(x[0].real) for x, y in zip(arguments, after, strict=True) if isinstance(x, np.ndarray) and y == -1]


@contextmanager
def elements(lowering: Lowering, rows: int, columns: int) -> Iterator[tuple[Value, Value]]:
    e = lowering.e
    with e.loop(0, rows) as i, e.loop(0, columns) as j:
        yield i, j


def turned(
    lowering: Lowering, source: Pointer, target: Pointer, dtype: Any, rows: int, columns: int, to: Any = None
) -> None:
    """Copy a matrix of ``rows`` rows in C's order to Fortran's, or of ``columns`` rows in Fortran's order to C's."""
    e = lowering.e
    with elements(lowering, rows, columns) as (i, j):
        x = e.load(source, np.dtype(dtype), i * columns + j)
        e.store(target, j * rows + i, x if to is None else e.cast(x, to))


def straight(lowering: Lowering, source: Pointer, target: Pointer, dtype: Any, size: int) -> None:
    e = lowering.e
    with e.loop(0, size) as i:
        e.store(target, i, e.load(source, np.dtype(dtype), i))
