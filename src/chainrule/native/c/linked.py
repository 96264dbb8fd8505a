"""Routines of LAPACK and BLAS that an exported function is linked with: Fortran's, which take addresses of everything.

Behind all other arguments Fortran takes the length of each letter. Libraries that want none pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.native.language.calls import known, statements
from chainrule.native.language.loops import Program
from chainrule.native.libraries import fallback
from chainrule.native.libraries.blas import SYMBOL

LIBRARIES = ("-llapack -lblas", "-lopenblas")
MACRO = "LAPACK_NAME"  # of a name of C, what it is in Fortran


def linked(program: Program) -> list[str]:
    """The routines that a program calls, and that are not written here."""
    return [s for s in program.calls if s.startswith(SYMBOL) and fallback.routine(s) is None]


def letters(data: Mapping[str, np.ndarray], arguments: Sequence[Any]) -> int:
    """How many of the arguments of a routine are letters."""
    return sum(p.name in data and data[p.name].dtype == np.uint8 for p in arguments)


def declarations(program: Program, symbols: Sequence[str]) -> list[str]:
    """What C must know of them. A name of Fortran ends in _ with most compilers."""
    if not symbols:
        return []
    lines = [f"#ifndef {MACRO}", f"#define {MACRO}(name) name##_", "#endif"]
    calls = {s[2]: s[3] for s in statements(program.block) if s[0] == "call" and s[2] in symbols}
    for symbol, arguments in calls.items():
        words = ["const void *"] * len(arguments) + ["size_t"] * letters(program.data, arguments)
        lines.append(f"void {MACRO}({known(symbol)})({', '.join(words)});")
    return [*lines, ""]


def in_module(text: str, program: Program, symbols: Sequence[str]) -> str:
    """The text of LLVM with calls of Fortran's names."""
    lines = []
    for line in text.splitlines():
        symbol = next((s for s in symbols if f"@{s}(" in line), None)
        if symbol is not None:
            head, arguments = line.rstrip(")").split(f"@{symbol}(")
            given = [x.rpartition("@")[2] for x in arguments.split(", ")]
            count = sum(x in program.data and program.data[x].dtype == np.uint8 for x in given)
            line = f"{head}@{known(symbol)}_({arguments}{', i64 1' * count})"
        lines.append(line)
    return "\n".join(lines) + "\n"
