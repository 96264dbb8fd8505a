"""How to measure: peers that may be absent, runs in turn, the rows of the table."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import THREADS

OURS = ("core", "chainrule.torch")
PEERS = ("torch", "autograd", "jax", "casadi")
COLUMNS = (*PEERS, "torch.compile", "pytensor", "numba", "C")  # of the table: those that some row has a figure for


def peer(name: str) -> Any:
    """The module of another library, or None where it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    if name == "torch":
        module.set_num_threads(THREADS)
    return module


def in_turn(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each run, all of them taking turns so that a busy machine slows them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def agree(runs: dict[str, Callable[[], Any]], rtol: float, atol: float = 0.0) -> None:
    """Refuse to compare libraries that compute different things."""
    answers = {name: np.asarray(run()) for name, run in runs.items()}
    first = next(iter(answers))
    for name, answer in answers.items():
        np.testing.assert_allclose(answer, answers[first], rtol=rtol, atol=atol, err_msg=f"{name} against {first}")


@dataclass
class Row:
    """One line of the table: what was measured, by library, and what is aimed at.

    The goal is ``figures[ours] <= limit * figures[against]``, or ``<= limit`` of the unit where ``against`` is None;
    against "best" is against the fastest of the others.
    """

    workload: str
    unit: str
    figures: dict[str, float]
    ours: str
    limit: float | None = None
    against: str | None = None

    @property
    def reference(self) -> float | None:
        """What the ratio is to: the fastest of the others, where nothing is said."""
        if self.against in (None, "best"):
            return min((self.figures[name] for name in COLUMNS if name in self.figures), default=None)
        return self.figures.get(self.against)

    @property
    def ratio(self) -> float | None:
        return self.figures[self.ours] / self.reference if self.reference else None

    @property
    def goal(self) -> str:
        if self.limit is None:
            return ""
        reached = self.figures[self.ours] if self.against is None else self.ratio
        verdict = "" if reached is None else ": met" if reached <= self.limit else ": missed"
        return f"≤ {self.limit:g} " + (self.unit if self.against is None else f"× {self.against}") + verdict

    def cells(self, columns: Sequence[str]) -> list[str]:
        known = (self.ours, *columns)
        figures = [f"{self.figures[name]:.3g}" if name in self.figures else "" for name in known]
        if self.against not in (None, "best", *COLUMNS):
            figures[1] = f"({self.figures[self.against]:.3g})"
        return [self.workload, self.unit, *figures, "" if self.ratio is None else f"{self.ratio:.2f}", self.goal]


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    columns = [name for name in COLUMNS if name == "torch" or any(name in row.figures for row in rows)]
    cells = [["workload", "unit", "ours", *columns, "ratio", "goal"], *(row.cells(columns) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells)
