"""Libraries in turn on one workload: their medians, cold times, and whether they compute the same.

Threads of OpenMP spin for some 4 ms after their work is done, on a core that the next library would have. So there is a
pause before every turn, long enough for them to sleep; and what takes less than a sample runs for one sample before it
is timed, since another library has had the caches, and the processor has rested. Both hold for all libraries alike.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.measure import Row
from bench.native.worker import Worker, module_of

# By the names of the functions in a workload's file; shown with a dot for the underscore.
LIBRARIES = ("ours", "by_c", "numba", "jax", "torch_compile", "torch", "casadi", "pytensor", "autograd")
SHOWN = {"by_c": "C", "torch_compile": "torch.compile"}
ROUNDS, SLOW, SLOW_ROUNDS = 15, 0.15, 3
PAUSE = 0.02  # seconds before a turn
UNITS = {"ns": 1e9, "µs": 1e6, "ms": 1e3, "s": 1.0}

_workers: dict[str, Worker] = {}


@dataclass
class Case:
    """What a row of the table is made of; ``steps`` divides the time, ``limit`` and ``against`` are those of Row."""

    name: str
    arguments: Sequence[Any] = ()
    unit: str = "ms"
    limit: float | None = None
    against: str | None = "best"
    steps: int = 1
    rtol: float = 1e-7
    without: Sequence[str] = field(default=())


@dataclass
class Outcome:
    median: dict[str, float]
    cold: dict[str, float]


def contest(workload: str, case: Case, libraries: Sequence[str] = LIBRARIES) -> Outcome:
    """The medians of the libraries that have a function for this workload, can be imported and agree with the first."""
    module = module_of(workload)
    seconds: dict[str, list[float]] = {}
    cold, answers = {}, {}
    for library in libraries:
        if not hasattr(module, library) or library in case.without:
            continue
        reply = worker(library).ask(do="make", workload=workload, case=list(case.arguments))
        if "answer" in reply:
            shown = SHOWN.get(library, library)
            seconds[library], cold[shown], answers[shown] = [reply["seconds"]], reply["cold"], reply["answer"]
        elif "error" in reply:
            print(f"  {library}: {reply['error']}", file=sys.stderr)
    agree(answers, case.rtol)
    for turn in range(ROUNDS):
        for library, taken in seconds.items():
            if turn < SLOW_ROUNDS or taken[0] < SLOW:
                time.sleep(PAUSE)
                taken.append(worker(library).ask(do="time")["seconds"])
    return Outcome({SHOWN.get(name, name): statistics.median(taken) for name, taken in seconds.items()}, cold)


def worker(library: str) -> Worker:
    """The process of this library, which is started once."""
    if library not in _workers:
        _workers[library] = Worker(library)
    return _workers[library]


def agree(answers: dict[str, list[list[float]]], rtol: float) -> None:
    """Refuse to compare libraries that compute different things; errors are relative to the largest of an array."""
    answers = {name: answer for name, answer in answers.items() if answer}
    first = next(iter(answers))
    for name, answer in answers.items():
        for array, expected in zip(answer, answers[first], strict=True):
            size = rtol * np.abs(expected[1:]).max()
            np.testing.assert_allclose(array, expected, rtol, size, err_msg=f"{name} against {first}")


def rows(workload: str, cases: Sequence[Case]) -> list[Row]:
    """A row for each case."""
    found = []
    for case in cases:
        medians = contest(workload, case).median
        figures = {name: UNITS[case.unit] * seconds / case.steps for name, seconds in medians.items()}
        if "ours" not in figures:
            continue  # what went wrong was printed
        found.append(Row(f"{workload} {case.name}".strip(), case.unit, figures, "ours", case.limit, case.against))
    return found
