"""Native code: from a Graph to machine code.

    listing, lowerings/   what each op reads and at which indices: a graph as ``statements``, with rules for scalars
    nests/                which statements share loops, where numbers live, and what is done in one step: a loop program
    control/              loops and choices of graphs, forward and in reverse
    libraries/            what whole arrays are given to: BLAS, LAPACK, our own products, and Python
    language/, math/      what a loop program is written in, and functions of numbers written in it
    machine/              the loop program as text of LLVM, and machine code; where that is kept
    threads/              who runs the chunks of long loops, and the memory of large results
    entry/                a function of Python that calls it: guards, forms of arguments, results
    c/                    the loop program as C, to ship alone
    compiler              all of that in one call, ``native.compile(graph)``, and the ``program`` it gives
    explain, profile, footprint   what is in a program, how long its kernels take, and how much memory

LLVM is loaded when something is first compiled, and not before.
"""

from __future__ import annotations

import importlib
from typing import Any

# What is found here and stands in modules that load LLVM.
HOMES = {"compile": "compiler", "run": "compiler"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
