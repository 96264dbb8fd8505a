"""Native code: from a Graph to machine code.

    listing, lowerings/   what each op reads and at which indices: a graph as statements
    fuse                  which statements share loops
    homes, elements       where numbers live, and what is done in one step of the loops around
    turned, overlap       indices that go on at 0, and loops whose size is no multiple of all lanes
    lower                 a loop program (``loops``), written with the ``emitter`` and with ``math``
    control, stepping     loops and choices of graphs: carries, and what a step does; ``invariant`` is computed before
    pulling               reverse mode through loops whose length is counted as they run
    llvm, machine         the loop program as text of LLVM, and machine code
    entry                 a function of Python that calls it
    draws, long           random numbers in compiled functions, and long draws by machine code
    compiler              all of that in one call: ``native.compile(graph)``

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
