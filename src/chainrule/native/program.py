"""What compiling gives: the address of a kernel, and what it takes and makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule.spec import Spec


@dataclass(frozen=True)
class Program:
    """A C function ``int32_t kernel(void **inputs, void **outputs, void *arena)`` in memory.

    Inputs and outputs point to aligned, C-contiguous data of these Specs, and the arena to that many bytes, aligned to
    64. The kernel returns 0, or another number when a callback on the host raised: see :mod:`chainrule.native.host`.
    """

    address: int
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    arena: int = 0
    long: bool = False  # worth releasing the GIL, which costs as much as a small kernel
    owner: Any = field(default=None, repr=False)  # keeps the machine code in memory
