"""Native code: from a Graph to machine code.

    listing, lowerings/   what each op reads and at which indices: a graph as statements
    fuse                  which statements share loops
    lower, control        where numbers live: a loop program, written with the emitter of ``loops`` and with ``math``
    llvm, machine         the loop program as text of LLVM, and machine code
    entry                 a function of Python that calls it
    compiler              all of that in one call: ``native.compile(graph)``

LLVM is loaded when something is first compiled, and not before.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("compile", "run"):
        from chainrule.native import compiler

        return getattr(compiler, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
