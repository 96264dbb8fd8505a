"""From a Graph to machine code, by way of statements, nests of loops and a loop program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native import control as control  # registers how loops and choices are lowered
from chainrule.native import lowerings as lowerings
from chainrule.native.listing import Lister
from chainrule.native.llvm import text_of
from chainrule.native.loops import Emitter, Pointer
from chainrule.native.loops import Program as LoopProgram
from chainrule.native.lower import Arena, Home, Lowering, Storage, placed
from chainrule.native.machine import Code
from chainrule.native.math import FUNCTIONS
from chainrule.native.program import Program
from chainrule.native.statements import Array, view_of
from chainrule.native.threads import started
from chainrule.spec import Spec


@dataclass(eq=False)
class Compiled:
    """What stands behind a program: machine code, the loop program it was made of, and what it has addresses of."""

    graph: Graph
    code: Code
    loops: LoopProgram
    lowering: Lowering
    kept: list[Any]

    @property
    def text(self) -> str:
        return text_of(self.loops)


def compile(graph: Graph) -> Program:
    """Machine code for a graph; every shape and dtype must be known.

    >>> import chainrule as cr
    >>> x = cr.symbol("x", shape=(3,))
    >>> cr.native.compile(cr.sum(x * x).graph()).outputs
    (float64[],)
    """
    e = Emitter(FUNCTIONS)
    tables = [Pointer("inputs"), Pointer("outputs"), Pointer("arena")]
    specs = tuple(node.spec for node in graph.inputs)
    arrays = [Array(spec.shape, spec.dtype, input=i, name=f"input{i}") for i, spec in enumerate(specs)]
    lister = Lister()
    outputs = placed(lister, lister.graph(graph, [view_of(a) for a in arrays]))
    arena = Arena(tables[2])
    lowering = Lowering(e, lister.statements, arena)
    for array in arrays:
        pointer = e.pointer_in(tables[0], array.input or 0)
        lowering.homes[array] = Home((), Storage(array.strides, array.size, (), pointer))
    for i, array in enumerate(outputs):
        memory = lowering.homes[array].memory
        assert memory is not None
        memory.pointer = e.pointer_in(tables[1], i)
    lowering.write()
    program = e.program("kernel", tables)
    symbols = {name: data.ctypes.data for name, data in program.data.items()} | e.symbols
    threads = started()
    if threads is not None:
        symbols |= {"chainrule.parallel": threads.parallel, "chainrule.pool": threads.address}
    code = Code(text_of(program), symbols)
    out_specs = tuple(Spec(a.shape, a.dtype) for a in outputs)
    compiled = Compiled(graph, code, program, lowering, [program.data, lister.kept, e.kept])
    return Program(code.address("kernel"), specs, out_specs, arena.size, owner=compiled)


def run(program: Program, *inputs: Any) -> list[np.ndarray]:
    """Call the kernel by ctypes: for tests."""
    import ctypes

    arrays = [np.ascontiguousarray(x, s.dtype) for x, s in zip(inputs, program.inputs, strict=True)]
    outs = [np.empty(s.shape, s.dtype) for s in program.outputs]
    arena = np.empty(program.arena + 64, np.uint8)
    table = lambda xs: (ctypes.c_void_p * max(1, len(xs)))(*[x.ctypes.data for x in xs])
    base = -(-arena.ctypes.data // 64) * 64
    kernel = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(program.address)
    if kernel(table(arrays), table(outs), base):
        # What failed is an index out of bounds, or a callback: run by NumPy, the graph says which.
        return [np.asarray(y) for y in program.owner.graph.run(arrays)]
    return outs
