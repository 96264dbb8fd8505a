"""The loop program: a small structured language of loops, loads, stores and arithmetic on numbers and vectors.

``emitter`` writes it; ``llvm`` prints it for LLVM, ``export`` as C. Instructions are tuples that begin with their kind:
what they take and give is said where the emitter has a method for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.language.values import Value


@dataclass(eq=False, slots=True)
class Pointer:
    """An address that was given: an input, an output, the arena, or memory of the program's own."""

    name: str
    level: int = 0


@dataclass(eq=False, slots=True)
class Variable:
    """A number, or a vector of them, that is assigned to more than once."""

    name: str
    dtype: np.dtype
    lanes: int


@dataclass(eq=False, slots=True)
class Block:
    """Statements one after the other: tuples that begin with their kind; see the methods of ``Emitter``."""

    level: int
    barrier: int  # no pure instruction asked for in this block is written in a block of a lower level
    statements: list[Any] = field(default_factory=list)
    known: dict[Any, Value] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class For:
    """``for index in range(start, stop, step)``."""

    index: Value
    start: Any
    stop: Any
    step: int
    block: Block
    note: str = ""


@dataclass(eq=False, slots=True)
class Parallel:
    """The block for every chunk from 0 to ``chunks``, in any order or at once; with variables of its own."""

    index: Value
    chunks: int
    block: Block
    variables: list[Variable]
    note: str = ""
    owned: tuple[tuple[Pointer, int], ...] = ()  # memory to be freed where a chunk fails


@dataclass(eq=False, slots=True)
class While:
    """Run ``head``, leave if ``condition``, a value of it, is false; else run ``block`` and begin again."""

    head: Block
    condition: Value
    block: Block


@dataclass(eq=False, slots=True)
class If:
    condition: Value
    block: Block
    orelse: Block
    rare: bool = False


@dataclass(eq=False)
class Program:
    """What an emitter wrote: a function of pointers, with the C functions that it calls by name."""

    name: str
    pointers: list[Pointer]
    block: Block
    variables: list[Variable]
    calls: dict[str, tuple[Any, tuple[Any, ...]]]  # name of a C function → result and argument types
    data: dict[str, np.ndarray]  # constants in memory
    about: dict[str, str] = field(default_factory=dict)  # what some of them are
