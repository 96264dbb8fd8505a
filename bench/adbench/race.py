"""Libraries in processes of their own, taking turns: pools of threads of one cannot steal time from another.

A process builds what its library needs, tells how long its first derivative took, and then runs when it is told to.
"""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from bench.measure import Row, peer
from chainrule.tree import flatten

PACKAGES = {"C": None, "core": None, "torch.compile": "torch"}  # what to import, where it is not the library's name
PATIENCE = 300.0  # seconds a library has to make its first derivative
TURN = 0.005  # seconds a turn takes at least; fast functions run several times in it
BUDGET = 15.0  # seconds for all turns at one size
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC")


class Size(NamedTuple):
    """Arguments of ``data``, and what part of another library's time is aimed at."""

    arguments: tuple[int, ...]
    limit: float | None = None
    against: str = "best"


class Pair(NamedTuple):
    """A problem in one library; ``arranged`` gives the derivative in the common form, where that takes time."""

    objective: Callable[[], Any]
    derivative: Callable[[], Any]
    arranged: Callable[[], Any] | None = None


def jitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled, by a chainrule that compiles."""
    return getattr(cr, "jit", lambda f: f)(function)


# ------------------------------------------------------------------------------------ C


@cache
def c_library(name: str) -> ctypes.CDLL | None:
    """The functions of ``c/<name>.c``, or None where there is no gcc."""
    source = Path(__file__).parent / "c" / f"{name}.c"
    folder = tempfile.mkdtemp(prefix="bench_")
    target = Path(folder) / f"{name}.so"
    try:
        subprocess.run(["gcc", *FLAGS, "-o", str(target), str(source), "-lm"], check=True)
    except FileNotFoundError:
        return None
    return ctypes.CDLL(str(target))


def pointers(function: Any, sizes: tuple[int, ...], arrays: tuple[np.ndarray, ...]) -> Callable[[], Any]:
    """A call of a C function of sizes and arrays, whose arguments are converted once."""
    arguments = [*map(ctypes.c_long, sizes), *(ctypes.c_void_p(a.ctypes.data) for a in arrays)]
    function.restype = None
    return lambda: (function(*arguments), arrays)[0]  # which keeps the arrays alive


# ------------------------------------------------------------------------------------ in the process of a library


def fingerprint(answer: Any) -> np.ndarray:
    """Sums of parts of all arrays of a tree: small, and different for answers that are."""
    leaves = [np.ravel(np.asarray(leaf)) for leaf in flatten(answer)[0]]
    return np.array([leaf[i::7].sum() for leaf in leaves for i in range(7)])


def seconds(run: Callable[[], Any], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) / times


def serve(module: str, library: str, line: Connection) -> None:
    """Answer for one library: sizes with what the first derivative gave and took, names with the time of a turn."""
    workload = importlib.import_module(module)
    package = PACKAGES.get(library, library)
    missing = package is not None and peer(package) is None
    if package == "jax" and not missing:
        peer("jax").config.update("jax_enable_x64", True)
    pair, times = None, {}
    while (message := line.recv()) is not None:
        if isinstance(message, Size):
            pair = None if missing else workload.LIBRARIES[library](workload.data(*message.arguments))
            if pair is None:
                line.send(None)
                continue
            cold = seconds(pair.derivative, 1)
            line.send((cold, fingerprint((pair.arranged or pair.derivative)())))
            for name in ("objective", "derivative"):
                run = getattr(pair, name)
                run()
                times[name] = max(1, round(TURN / seconds(run, 1)))
        else:
            line.send(seconds(getattr(pair, message), times[message]))


# ------------------------------------------------------------------------------------ in the process that compares


@dataclass
class Lane:
    """A library, and what was found of it at one size."""

    name: str
    process: Any
    line: Connection
    cold: float = 0.0
    answer: Any = None
    taken: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, message: Any) -> Any:
        """The answer, or None of a library that has none, is not there or takes too long; it is asked no more then."""
        try:
            self.line.send(message)
            if self.line.poll(PATIENCE):
                return self.line.recv()
        except (EOFError, OSError):
            print(f"  {self.name} broke", file=sys.stderr)
            return None
        print(f"  {self.name} took more than {PATIENCE:g} s", file=sys.stderr)
        self.process.kill()
        return None

    def median(self, name: str) -> float:
        return statistics.median(self.taken[name])


@contextmanager
def lanes(module: str) -> Iterator[list[Lane]]:
    """A process for each library of a workload."""
    context = multiprocessing.get_context("spawn")
    found = []
    for name in importlib.import_module(module).LIBRARIES:
        line, other = context.Pipe()
        process = context.Process(target=serve, args=(module, name, other), daemon=True)
        process.start()
        other.close()
        found.append(Lane(name, process, line))
    try:
        yield found
    finally:
        for lane in found:
            lane.process.kill()
            lane.process.join()


def compare(found: list[Lane], size: Size) -> list[Lane]:
    """The lanes that have this size, with their answers compared and their turns timed."""
    present = []
    for lane in found:
        first = lane.ask(size)
        if first is not None:
            lane.cold, lane.answer = first
            lane.taken = {"objective": [], "derivative": []}
            present.append(lane)
    for lane in present:
        np.testing.assert_allclose(
            lane.answer, present[0].answer, rtol=1e-8, atol=1e-8 * np.abs(present[0].answer).max(), err_msg=lane.name
        )
    end = time.perf_counter() + BUDGET
    rounds = 0
    while rounds < 3 or (rounds < 40 and time.perf_counter() < end):
        rounds += 1
        for lane in present:
            for name, taken in lane.taken.items():
                if rounds <= 3 or lane.median(name) < 0.5:
                    taken.append(lane.ask(name))
    return present


def race(what: str, module: str, scalar: bool) -> list[Row]:
    """For each size: the derivative, against the best; what it costs in objectives; and the first call."""
    rows = []
    with lanes(module) as found:
        for label, size in importlib.import_module(module).SIZES.items():
            print(f"  {what}, {label}", file=sys.stderr, flush=True)
            present = compare(found, size)
            times = {lane.name: 1e3 * lane.median("derivative") for lane in present}
            over = {lane.name: lane.median("derivative") / lane.median("objective") for lane in present}
            cold = {lane.name: lane.cold for lane in present if lane.name in ("core", "jax", "torch.compile")}
            rows += [
                Row(f"{what}, {label}", "ms", times, "core", size.limit, size.against),
                Row(f"{what}, {label}, over objective", "×", over, "core", 3 if scalar else None),
                Row(f"{what}, {label}, first call", "s", cold, "core", 0.5, "jax"),
            ]
    return rows
