"""Arrays of constants in C."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chainrule.native.c.expressions import without
from chainrule.native.c.words import type_in_memory, written
from chainrule.native.language.loops import Program

MANY = 64  # numbers of a constant, above which they stand at the end of the file


def constants(programs: Iterable[Program]) -> dict[str, np.ndarray]:
    """The arrays that any of these programs reads."""
    return {name: data for program in programs for name, data in program.data.items()}


def declaration(name: str, data: np.ndarray, about: str = "") -> str:
    """A constant in memory; of a long one the numbers stand at the end of the file."""
    what = about or f"a constant of shape {list(data.shape)}"
    if data.size <= MANY:
        return f"/* {what} */\n{definition(name, data)}"
    count = data.size * (2 if data.dtype.kind == "c" else 1)
    return f"/* {what}; at the end of this file */\n{_held(name, data.dtype, count)};"


def _held(name: str, dtype: np.dtype, count: int) -> str:
    return f"static const {type_in_memory(dtype)} {name}[{count}]"


def definition(name: str, data: np.ndarray) -> str:
    """A constant with its numbers, eight a line."""
    flat = data.reshape(-1)
    flat = flat.view(f"f{flat.dtype.itemsize // 2}") if flat.dtype.kind == "c" else flat
    dtype = flat.dtype
    if dtype in (np.float16, bool):
        flat = flat.view(np.uint16 if dtype == np.float16 else np.uint8)
    numbers = [without(written(x, flat.dtype)) for x in flat] or ["0"]
    rows = [", ".join(numbers[i : i + 8]) for i in range(0, len(numbers), 8)]
    return f"{_held(name, dtype, len(numbers))} = {{\n    " + ",\n    ".join(rows) + "\n};"
