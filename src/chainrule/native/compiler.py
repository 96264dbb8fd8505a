"""From a Graph to machine code, by way of statements, nests of loops and a loop program."""

from __future__ import annotations

import dataclasses
import functools
import json
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native import lowerings as lowerings
from chainrule.native.control import pulling as pulling
from chainrule.native.digest import spelled
from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.loops import Program as LoopProgram
from chainrule.native.language.pure import TooLong
from chainrule.native.libraries.host import hosted, instead
from chainrule.native.listing import Lister
from chainrule.native.machine import cache
from chainrule.native.machine.code import Code, can, fuses, generated, key_of, object_of
from chainrule.native.machine.llvm import text_of
from chainrule.native.machine.symbols import address_of, resolves
from chainrule.native.math import FUNCTIONS
from chainrule.native.nests.arena import Arena
from chainrule.native.nests.homes import Home, Storage
from chainrule.native.nests.inplace import overwritten
from chainrule.native.nests.lower import Lowering, placed
from chainrule.native.pause import collected_later
from chainrule.native.program import Program
from chainrule.native.statements import Array, view_of
from chainrule.native.threads.pool import started
from chainrule.node import Node
from chainrule.spec import Spec, Specs

LONG = 1_000_000  # operations: some hundred microseconds, beside which giving up the GIL costs nothing
ROOM, PER_LETTER = 32 << 20, 200  # bytes that LLVM may want for any program, and for each letter of its text
MOVABLE = 1 << 20  # bytes of constants that are kept beside the machine code that reads them
POOL = ("chainrule.parallel", "chainrule.pool")


@dataclass(eq=False)
class Lowered:
    """A graph as a loop program, and what its machine code will have addresses of."""

    loops: LoopProgram
    lowering: Lowering
    outputs: tuple[Spec, ...]
    arena: int
    long: bool  # worth giving up the GIL
    symbols: dict[str, int]
    kept: list[Any]
    over: tuple[tuple[int, int], ...]  # outputs that may be written over inputs

    def __init__(self, graph: Graph, portable: bool = False, emitter: Emitter | None = None):
        e = emitter or Emitter(FUNCTIONS)
        portable = portable or e.portable
        e.scales = not portable and can("avx512f")
        e.fuses = portable or fuses()
        e.portable = portable
        tables = [Pointer("inputs"), Pointer("outputs"), Pointer("arena")]
        specs = [node.spec for node in graph.inputs]
        arrays = [Array(spec.shape, spec.dtype, input=i, name=f"input{i}") for i, spec in enumerate(specs)]
        lister = Lister()
        outputs = placed(lister, lister.graph(graph, [view_of(a) for a in arrays]), last=True)
        arena = Arena(tables[2])
        self.lowering = Lowering(e, lister.statements, arena)
        for array in arrays:
            pointer = e.pointer_in(tables[0], array.input or 0)
            self.lowering.homes[array] = Home((), Storage(array.strides, array.size, (), pointer))
        for i, array in enumerate(outputs):
            memory = self.lowering.homes[array].memory
            assert memory is not None
            memory.pointer = e.pointer_in(tables[1], i)
        lowering = self.lowering
        over = overwritten(outputs, arrays, lowering.items, lowering.paths)
        lowering.results = outputs
        lowering.lent = {outputs[i] for i, _ in over}
        lowering.write()
        self.loops = e.program("kernel", tables)
        self.outputs = tuple(Spec(a.shape, a.dtype) for a in outputs)
        self.arena = arena.size
        self.symbols = e.symbols
        calls_back = any(name.startswith("host.") for name in e.symbols)
        self.long = not calls_back and lowering.work >= LONG
        self.kept = [lister.kept, e.kept]
        # What failed is run again, and needs its inputs.
        self.over = () if e.leaves else tuple((i, given) for i, given in over if outputs[i] in lowering.lent)


class Compiled:
    """What stands behind a program: its graph, machine code, and the loop program that it was made of."""

    code: Code
    data: dict[str, np.ndarray]
    callback: Any = None  # in place of both, where the program is too long

    def __init__(self, given: Graph, prepare: Callable[[Any], Graph]):
        self.given, self.prepare = given, prepare

    @functools.cached_property
    def graph(self) -> Graph:
        return self.prepare(self.given)

    @functools.cached_property
    def lowered(self) -> Lowered:
        """Made again where machine code was found that had been kept."""
        return Lowered(self.graph)

    @property
    def loops(self) -> LoopProgram:
        return self.lowered.loops

    @property
    def lowering(self) -> Lowering:
        return self.lowered.lowering

    @property
    def text(self) -> str:
        return text_of(self.loops)


def _itself(graph: Graph) -> Graph:
    return graph


def _ask_for_memory(length: int) -> None:
    """Raise a MemoryError where LLVM would get no memory, and end the process, for a text of this length."""
    wanted = ROOM + PER_LETTER * length
    try:
        mmap.mmap(-1, wanted).close()
    except OSError:
        raise MemoryError(
            f"[jit] {wanted >> 20} MiB to compile in cannot be had; expected as much memory to be free; "
            f"give up arrays, or raise the limit of this process."
        ) from None


def _has_long_doubles(node: Node) -> bool:
    specs = node.spec if isinstance(node.spec, Specs) else (node.spec,)
    return any(spec.dtype.char in "gG" for spec in specs)


@collected_later()
def compile(graph: Graph, prepare: Callable[[Any], Graph] = _itself) -> Program:
    """Machine code for a graph, after ``prepare`` where none is found that was kept; every shape must be known.

    >>> import chainrule as cr
    >>> x = cr.symbol("x", shape=(3,))
    >>> cr.native.compile(cr.sum(x * x).graph()).outputs
    (float64[],)
    """
    _ask_for_memory(0)
    text = spelled(graph)
    key = None if text is None else key_of(f"graph {prepare.__qualname__}", text.encode())
    content = None if key is None else cache.load(key)
    entry = None if content is None else Entry.read(content)
    compiled = Compiled(graph, prepare)
    if entry is None:
        try:
            if any(_has_long_doubles(node) for node in (*compiled.graph.inputs, *compiled.graph.computed)):
                raise TooLong
            lowered = compiled.lowered
            loops = text_of(lowered.loops)
            _ask_for_memory(len(loops))
        except TooLong:
            # Run by NumPy, op by op: it takes as long to compile as a thousand runs, or no vector holds its numbers.
            made = hosted(compiled.graph)
            compiled.callback = made.owner
            return dataclasses.replace(made, owner=compiled)
        lowered.symbols |= {name: known for name in POOL if f"@{name}" in loops and (known := address_of(name))}
        data = lowered.loops.data
        movable = sum(x.nbytes for x in data.values()) <= MOVABLE and all(map(address_of, lowered.symbols))
        entry = Entry(lowered.outputs, lowered.arena, lowered.long, lowered.over, data, list(lowered.symbols), b"")
        if key is not None and movable:
            entry.code = generated(loops)
            cache.save(key, entry.written())
        else:
            entry.code = object_of(loops)
        symbols = lowered.symbols
    else:
        symbols = {name: known for name in entry.symbols if (known := address_of(name))}
    # The constants that machine code reads live as long as it does.
    compiled.data = entry.data
    compiled.code = Code(entry.code, symbols | {name: x.ctypes.data for name, x in entry.data.items()})
    inputs = tuple(node.spec for node in graph.inputs)
    address = compiled.code.address("kernel")
    return Program(address, inputs, entry.outputs, entry.arena, entry.long, compiled, entry.over)


@dataclass
class Entry:
    """What is kept of a program: what its machine code makes, needs, and reads, and the machine code."""

    outputs: tuple[Spec, ...]
    arena: int
    long: bool
    over: tuple[tuple[int, int], ...]
    data: dict[str, np.ndarray]
    symbols: list[str]
    code: bytes

    def written(self) -> bytes:
        head = {
            "outputs": [(list(spec.shape), spec.dtype.str) for spec in self.outputs],
            "arena": self.arena,
            "long": self.long,
            "over": self.over,
            "data": [(name, x.nbytes) for name, x in self.data.items()],
            "symbols": self.symbols,
        }
        return b"".join([json.dumps(head).encode(), b"\n", *(x.tobytes() for x in self.data.values()), self.code])

    @classmethod
    def read(cls, content: bytes) -> Entry | None:
        """The entry, unless something that its code calls is not in this process."""
        end = content.index(b"\n")
        head = json.loads(content[:end])
        if not all(map(address_of, head["symbols"])):
            return None
        outputs = tuple(Spec(tuple(shape), np.dtype(dtype)) for shape, dtype in head["outputs"])
        data, at = {}, end + 1
        for name, size in head["data"]:
            data[name] = np.frombuffer(content, np.uint8, size, at).copy()
            at += size
        over = tuple((output, given) for output, given in head["over"])
        return cls(outputs, head["arena"], head["long"], over, data, head["symbols"], content[at:])


@resolves
def _of_pool(name: str) -> int | None:
    """What divides loops among threads, which are started when the first program asks."""
    pool = started() if name in POOL else None
    return None if pool is None else {"chainrule.parallel": pool.parallel, "chainrule.pool": pool.address}[name]


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
        return [np.asarray(y) for y in instead(program, arrays)]
    return outs
