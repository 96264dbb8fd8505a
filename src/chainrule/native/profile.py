"""How long the kernels of a compiled function take: it is compiled once more, with the clock read between them."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import DomainError
from chainrule.native.compiler import POOL, Lowered
from chainrule.native.explain import Kernel, explain
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I32, Value
from chainrule.native.libraries.host import instead
from chainrule.native.machine.code import Code
from chainrule.native.machine.llvm import text_of
from chainrule.native.machine.symbols import address_of
from chainrule.native.program import Program

ENOUGH = 0.2  # seconds after which it is not run again
RUNS = 5  # at least, and at most 1000: of each kernel the shortest time counts
CLOCK = "clock_gettime"
MONOTONIC = 6 if sys.platform == "darwin" else 1


@dataclass
class Timing:
    """A kernel, and the seconds that it took."""

    kernel: Kernel
    seconds: float

    @property
    def bandwidth(self) -> float:
        """Bytes per second."""
        return (self.kernel.read + self.kernel.written) / self.seconds if self.seconds else 0.0

    @property
    def speed(self) -> float:
        """Operations of floats per second."""
        return self.kernel.flops / self.seconds if self.seconds else 0.0


@dataclass
class Profile:
    """The times of all kernels; a table when printed."""

    timings: list[Timing] = field(default_factory=list)
    runs: int = 0

    @property
    def seconds(self) -> float:
        return sum(t.seconds for t in self.timings)

    def __str__(self) -> str:
        rows = [("kernel", "time", "%", "GB/s", "GFLOP/s", "")]
        total = self.seconds or 1.0
        for i, t in enumerate(self.timings, 1):
            shares = duration(t.seconds), f"{100 * t.seconds / total:.0f}"
            rates = f"{t.bandwidth / 1e9:.1f}", f"{t.speed / 1e9:.1f}"
            rows.append((f"{i} {t.kernel.title}", *shares, *rates, " ".join(t.kernel.ops)))
        rows.append(("all", duration(self.seconds), "100", "", "", f"the shortest of {self.runs} runs each"))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        aligned = [
            "  ".join(
                [row[0].ljust(widths[0]), *(x.rjust(w) for x, w in zip(row[1:5], widths[1:], strict=True)), row[5]]
            )
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in aligned)

    __repr__ = __str__


def duration(seconds: float) -> str:
    """A time in the unit that leaves digits of it: 12.3 µs."""
    units = {"ns": 1e9, "µs": 1e6, "ms": 1e3, "s": 1.0}
    unit = next((u for u, per_second in units.items() if seconds * per_second < 999.5), "s")
    number = seconds * units[unit]
    digits = 0 if unit == "ns" else max(0, 2 - int(math.log10(max(number, 1) + 0.005)))
    return f"{number:.{digits}f} {unit}"


def profile(program: Program, arrays: Sequence[Any]) -> Profile:
    """The time of each kernel of a program for these inputs.

    >>> x = cr.symbol("x", shape=(1000,))
    >>> found = profile(cr.native.compile(cr.sum(x * x).graph()), [np.ones(1000)])
    >>> [t.kernel.ops for t in found.timings]
    [('multiply', 'sum')]
    """
    described = explain(program)
    timed, clocks, code = _timed(program)
    given = [np.ascontiguousarray(x, s.dtype).reshape(s.shape) for x, s in zip(arrays, program.inputs, strict=True)]
    made = [np.empty(s.shape, s.dtype) for s in program.outputs]
    memory = np.zeros(timed.arena + 64, np.uint8)
    start = -memory.ctypes.data % 64
    kernel = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(code.address("kernel"))
    count = len(described.kernels) + 1
    read = memory[start + clocks : start + clocks + 16 * count].view(np.int64).reshape(count, 2)
    found: list[np.ndarray] = []
    begun = time.perf_counter()
    while len(found) < RUNS or (time.perf_counter() - begun < ENOUGH and len(found) < 1000):
        if kernel(_table(given), _table(made), memory.ctypes.data + start):
            instead(program, given)
            raise DomainError(
                "[profile] the program did not run to its end, as a matrix is singular or a number is not one: "
                "NumPy computed the result; expected arguments that it is made for; pass others."
            )
        found.append(np.diff(read[:, 0] + read[:, 1] * 1e-9 - read[0, 0]))
    shortest = np.min(found, axis=0)
    timings = [Timing(k, float(s)) for k, s in zip(described.kernels, shortest, strict=True)]
    return Profile(timings, len(found))


def _table(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * max(1, len(arrays)))(*[x.ctypes.data for x in arrays])


def _timed(program: Program) -> tuple[Lowered, int, Code]:
    """The program with clock reads before, between and after its kernels; where in the arena they are put."""
    lowered = Lowered(program.owner.graph)
    loops, lowering = lowered.loops, lowered.lowering
    statements = loops.block.statements
    marks = [*lowering.marks, len(statements)]
    arena, e = lowering.arena, lowering.e
    clocks = -(-arena.size // 64) * 64
    lowered.arena = clocks + 16 * len(marks)
    for i, at in reversed(list(enumerate(marks))):
        place = Pointer(f"clock{i}")
        made = Value(e, e.count + 1 + i, I32, 1, 0)
        offset = e.const(clocks + 16 * i, np.int64)
        statements[at:at] = [
            ("at", place, arena.pointer, np.dtype(np.uint8), offset),
            ("call", made, CLOCK, (e.const(MONOTONIC, I32), place)),
        ]
    loops.calls[CLOCK] = (I32, (I32, "pointer"))
    text = text_of(loops)
    symbols = lowered.symbols | {name: known for name in POOL if f"@{name}" in text and (known := address_of(name))}
    symbols |= {name: x.ctypes.data for name, x in loops.data.items()}
    code = Code(text, symbols)
    return lowered, clocks, code
