"""What a compiled function does: its kernels, which ops share one and why others do not, what they compute and move.

A kernel is a nest of loops, a stretch of code without loops, or a call on whole arrays (of BLAS, of a loop of the
graph's, of NumPy), one after the other. Bytes are of the parts of arrays in memory that a kernel reads and writes, each
once; what stays in registers is not among them. Of a loop whose steps only values decide, operations are those of one
step. Those of LAPACK are counted by formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.native.language.calls import called
from chainrule.native.language.loops import For, If, Parallel, While
from chainrule.native.language.values import Value
from chainrule.native.libraries.blas import SYMBOL
from chainrule.native.libraries.gemm import SYMBOL as TILE
from chainrule.native.libraries.operations import operations
from chainrule.native.libraries.reasons import with_reasons
from chainrule.native.nests.fuse import BLOCK, Blocks, Call, Item, Loop, _flows, _needed, members
from chainrule.native.nests.lower import Lowering
from chainrule.native.program import Program
from chainrule.native.statements import Array, Read, Statement
from chainrule.native.threads.threads import get_num_threads

FLOPS = {"add": 1, "sub": 1, "mul": 1, "div": 1, "rem": 1, "sqrt": 1, "fma": 2}
FLOPS |= {"rounded_add": 1, "rounded_sub": 1, "rounded_mul": 1}


@dataclass
class Kernel:
    """One of the parts of a program, which run one after the other."""

    kind: str  # loop, straight, call, blas, host
    ops: tuple[str, ...]
    loops: str  # sizes: 100×(3, 5) is a loop of 100 steps with two loops inside
    flops: int = 0
    about: bool = False  # flops are those that a routine takes which iterates
    open: bool = False  # flops are those of one step of a loop
    read: int = 0
    written: int = 0
    chunks: int = 1  # which threads may run at once
    apart: str = ""  # why it is not one with the kernel before it

    @property
    def title(self) -> str:
        return f"{self.kind} {self.loops}".strip()

    def __str__(self) -> str:
        flops = f"{'about ' if self.about else ''}{amount(self.flops, 'flop')}{' a step' if self.open else ''}"
        moved = f"{flops}, reads {amount(self.read, 'B')}, writes {amount(self.written, 'B')}"
        chunks = f", {self.chunks} chunks" if self.chunks > 1 else ""
        return f"{self.title}: {' '.join(self.ops)}; {moved}{chunks}"


@dataclass
class Explanation:
    """What ``explain`` tells; as text when printed."""

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    kernels: list[Kernel] = field(default_factory=list)
    hosts: tuple[str, ...] = ()  # ops that are called back in Python
    blas: tuple[str, ...] = ()  # routines of BLAS and LAPACK
    special: tuple[str, ...] = ()  # functions of SciPy, number by number
    arena: int = 0
    saved: int = 0  # bytes that giving memory out again has saved
    constants: int = 0
    threads: int = 1

    @property
    def flops(self) -> int:
        return sum(k.flops for k in self.kernels)

    def __str__(self) -> str:
        shown = ", ".join(map(repr, self.inputs)), ", ".join(map(repr, self.outputs))
        more = [k.open for k in self.kernels], [k.about for k in self.kernels]
        bound = "at least " if any(more[0]) else "about " if any(more[1]) else ""
        count = _count(len(self.kernels), "kernel")
        lines = [f"({shown[0]}) -> ({shown[1]}): {count}, {bound}{amount(self.flops, 'flop')}"]
        for i, kernel in enumerate(self.kernels, 1):
            if kernel.apart:
                lines.append(f"     not fused: {kernel.apart}")
            lines.append(f"{i:3}  {kernel}")
        lines.append(
            f"memory: {amount(self.arena, 'B')} for intermediate results, {amount(self.saved, 'B')} saved by reuse"
        )
        if self.constants:
            lines[-1] += f"; constants {amount(self.constants, 'B')}"
        for what, names in (
            ("calls NumPy", with_reasons(self.hosts)),
            ("calls BLAS", ", ".join(self.blas)),
            ("calls SciPy for each number", ", ".join(self.special)),
        ):
            if names:
                lines.append(f"{what}: {names}")
        shared = any(k.chunks > 1 for k in self.kernels)
        lines.append(f"threads: {self.threads}" if shared else "threads: one is used")
        return "\n".join(lines)

    __repr__ = __str__


def explain(program: Program) -> Explanation:
    """What a program does.

    >>> x = cr.symbol("x", shape=(1000,))
    >>> explain(cr.native.compile((cr.sqrt(x) * x).graph()))
    (float64[1000]) -> (float64[1000]): 1 kernel, 2.00 kflop
      1  loop 1000: sqrt multiply; 2.00 kflop, reads 8.00 kB, writes 8.00 kB
    memory: 0 B for intermediate results, 0 B saved by reuse
    threads: one is used
    """
    owner = program.owner
    lowering: Lowering = owner.lowering
    made = Explanation(program.inputs, program.outputs, threads=get_num_threads(), arena=program.arena)
    made.hosts = called(owner.loops, "host.")
    made.blas = called(owner.loops, "blas_")
    made.special = called(owner.loops, "scipy_special_")
    made.saved = lowering.arena.wanted - lowering.arena.size
    made.constants = sum(x.nbytes for x in owner.loops.data.values())
    statements = owner.loops.block.statements
    bounds = [*lowering.marks, len(statements)]
    before: Item | None = None
    known: dict[int, int] = {}
    for item, start, stop in zip(lowering.items, bounds[:-1], bounds[1:], strict=True):
        kernel = _kernel(lowering, item)
        counter = _Counter(owner.loops.data, known)
        kernel.flops = counter.flops(statements[start:stop])
        kernel.chunks, kernel.about, kernel.open = counter.chunks, counter.about, counter.open
        kernel.kind = counter.kind or kernel.kind
        if before is not None:
            kernel.apart = reason(lowering, before, item)
        made.kernels.append(kernel)
        before = item
    return made


def _kernel(lowering: Lowering, item: Item) -> Kernel:
    inside = list(members(item))
    kind = "call" if isinstance(item, Call) else "loop" if isinstance(item, Loop) else "straight"
    kernel = Kernel(kind, tuple(dict.fromkeys(s.name for s in inside if s.name)), _sizes(item))
    made = {a for s in inside for a in s.makes}
    read: dict[Array, int] = {}
    for s in inside:
        for r in s.reads:
            if isinstance(r, Read) and _in_memory(lowering, r.array, made):
                read[r.array] = max(read.get(r.array, 0), _elements(r.array, r.place, r.moves or s.call is not None))
    kernel.read = sum(n * a.dtype.itemsize for a, n in read.items())
    written: dict[Array, int] = {}
    for s in inside:
        for a in s.makes:
            if _in_memory(lowering, a, set()):
                some = _elements(a, s.place, bool(s.moves) or s.call is not None or s.fill is not None)
                written[a] = min(a.size, written.get(a, 0) + some)
    kernel.written = sum(n * a.dtype.itemsize for a, n in written.items())
    return kernel


def _in_memory(lowering: Lowering, array: Array, made: set[Array]) -> bool:
    home = lowering.homes.get(array)
    if home is None:
        return array.constant is not None
    return home.memory is not None and not (array in made and home.registers is not None)


def _elements(array: Array, place: Any, whole: Any) -> int:
    """How many elements of an array a place goes through."""
    axes = {a for _, index in place for a, _ in index.terms}
    return array.size if whole or not place else min(array.size, math.prod(a.size for a in axes))


def _sizes(item: Item) -> str:
    if not isinstance(item, Loop):
        return ""
    inner = [text for text in map(_sizes, item.items) if text]
    if isinstance(item, Blocks):
        return f"{BLOCK} steps in turn of {', '.join(inner)}"
    if not inner:
        return str(item.size)
    return f"{item.size}×{inner[0]}" if len(inner) == 1 else f"{item.size}×({', '.join(inner)})"


# ---------------------------------------------------------------------------------------------------- why not


def reason(lowering: Lowering, a: Item, b: Item) -> str:
    """Why two kernels that follow one another are not one."""
    for item in (a, b):
        if isinstance(item, Call):
            return f"{item.statement.name} is done for whole arrays at once"
    if not isinstance(a, Loop) or not isinstance(b, Loop):
        return "one has a loop and the other has none"
    before = set(members(a))
    axes = (
        {s: axis for loop in (a, *a.items) if isinstance(loop, Loop) for s, axis in loop.axes.items()}
        if isinstance(a, Blocks)
        else a.axes
    )
    makers: dict[Array, list[Statement]] = {}
    for s in before:
        for array in s.makes:
            makers.setdefault(array, []).append(s)
    related = False
    for s in members(b):
        for maker in (m for array in _needed(s) for m in makers.get(array, ())):
            related = True
            own = axes[maker]
            if own in maker.folded:
                return f"{s.name} needs all of {maker.name}, which is known after the loop"
            fitting = [axis for axis in s.axes if axis.size == a.size]
            if not fitting:
                return f"{s.name} has no loop of {a.size} steps, as {maker.name} has"
            if not any(_flows(maker, own, s, axis) for axis in fitting):
                return f"{s.name} reads {maker.name} at other places than those made in the same step"
    if related:
        return "some of what is read is made in other loops"
    read = {r.array for s in before for r in s.reads if isinstance(r, Read)}
    if not any(isinstance(r, Read) and r.array in read for s in members(b) for r in s.reads):
        return "they have nothing in common"
    if a.size != b.size:
        return f"what both read is read in loops of {a.size} and of {b.size} steps"
    return "what both read is read in other directions"


# ------------------------------------------------------------------------------------------------- flops


class _Counter:
    """Counts operations of floats in statements of the loop program."""

    def __init__(self, data: Any, known: dict[int, int]):
        self.data, self.known = data, known
        self.chunks, self.kind = 1, ""
        self.about = self.open = False

    def flops(self, statements: Sequence[Any]) -> int:
        total = 0
        for s in statements:
            if isinstance(s, For):
                start, stop = self.number(s.start), self.number(s.stop)
                if start is not None:  # loops inside may end where this one says: the first step stands for all
                    self.known[s.index.name] = start
                inside = self.flops(s.block.statements)
                if start is None or stop is None:
                    self.open = self.open or inside > 0
                    total += inside
                else:
                    total += len(range(start, stop, s.step)) * inside
            elif isinstance(s, Parallel):
                self.chunks = max(self.chunks, s.chunks)
                for chunk in range(s.chunks):
                    self.known[s.index.name] = chunk
                    total += self.flops(s.block.statements)
            elif isinstance(s, While):
                inside = self.flops(s.head.statements) + self.flops(s.block.statements)
                self.open = self.open or inside > 0
                total += inside
            elif isinstance(s, If):
                total += self.branch(s)
            elif s[0] == "call":
                total += self.call(s[2], s[3])
            elif isinstance(s[1], Value):
                total += self.one(*s)
        return total

    def branch(self, s: If) -> int:
        """Of the branch that is taken, if that is known; else of the longer."""
        if s.rare:
            return self.flops(s.orelse.statements)
        holds = self.number(s.condition)
        if holds is not None:
            return self.flops((s.block if holds else s.orelse).statements)
        return max(self.flops(s.block.statements), self.flops(s.orelse.statements))

    def one(self, kind: str, made: Value, *operands: Any) -> int:
        if made.dtype.kind == "f":
            if kind == "across":
                return operands[1].lanes - 1 if operands[0] == "add" else 0
            return FLOPS.get(kind, 0) * made.lanes
        if made.lanes == 1 and kind in _WHOLE and all(_is_whole(x) for x in operands):
            numbers = [self.number(x) for x in operands]
            if None not in numbers:
                self.known[made.name] = _WHOLE[kind](*numbers)
            elif kind == "select" and numbers[0] is not None and numbers[1 if numbers[0] else 2] is not None:
                self.known[made.name] = numbers[1 if numbers[0] else 2]  # type: ignore[assignment]  # not None
        return 0

    def number(self, x: Any) -> int | None:
        if isinstance(x, int):
            return x
        return self.known.get(x.name) if x.constant is None else int(x.constant)

    def call(self, name: str, arguments: Any) -> int:
        self.kind = "host" if name.startswith("host.") else "blas" if name.startswith("blas_") else self.kind
        if name.startswith(TILE):
            dtype, rows, *widths = name.removeprefix(TILE).split("_")
            k = int(self.data[arguments[3].name][0])
            return 2 * int(rows) * sum(map(int, widths)) * k if dtype.startswith("f") else 0
        if not name.startswith(SYMBOL):
            return 0
        flops, about = operations(name, arguments, self.data)
        self.about = self.about or about
        return flops


_WHOLE: dict[str, Any] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "lt": lambda x, y: int(x < y),
    "le": lambda x, y: int(x <= y),
    "gt": lambda x, y: int(x > y),
    "ge": lambda x, y: int(x >= y),
    "eq": lambda x, y: int(x == y),
    "ne": lambda x, y: int(x != y),
    "select": lambda c, x, y: x if c else y,
}


def amount(number: float, unit: str) -> str:
    """A number with a prefix: 3.20 kB."""
    if number < 1000:
        return f"{number:.0f} {unit}"
    prefixes, prefix = iter("kMGTP"), ""
    while number >= 999.5:
        number, prefix = number / 1000, next(prefixes)
    return f"{number:.{2 - int(math.log10(number))}f} {prefix}{unit}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _is_whole(x: Any) -> bool:
    return isinstance(x, Value) and x.dtype.kind in "iub"
