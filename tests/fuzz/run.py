"""One program: traced, optimized, compiled, run in guarded memory, and compared."""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from chainrule import native, passes
from chainrule.errors import ChainruleError
from fuzz.judge import Judge
from fuzz.memory import Left, run_everywhere
from fuzz.programs import Program


def graph_of(program: Program, arrays: list[Any]) -> Any:
    """The graph that is compiled; None if this program has no such derivative."""
    try:
        with np.errstate(all="ignore"):
            graph = cr.trace(program.function(), *arrays)
    except ChainruleError:
        return None
    return passes.optimize(graph) if graph.outputs else None


def outcome(program: Program, *, threads: int = 0, fork: bool = False) -> str:
    """``passed``, ``no derivative``, ``left to NumPy``, or what is wrong."""
    arrays = program.values()
    graph = graph_of(program, arrays)
    if graph is None:
        return "no derivative"
    judge = Judge(graph, arrays)
    compiled = native.compile(graph)
    try:
        found = run_everywhere(compiled, arrays, threads=threads, fork=fork)
    except Left:
        if all(np.isfinite(x).all() for x in (*arrays, *judge.wanted)):
            raise
        return "left to NumPy"  # NaN in a matrix that is decomposed, say
    return judge.difference(found) or "passed"
