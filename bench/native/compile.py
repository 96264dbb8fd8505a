"""Seconds to compile each workload: what its first call takes beyond a later one, in a process of its own.

The library is loaded, and has compiled something small, before. Cold, nothing is found on disk; then once more in a new
process, which finds what the first one kept.
"""

from __future__ import annotations

import statistics
import tempfile
from typing import Any

from bench.measure import Row
from bench.native.worker import Worker

REPETITIONS = 3
LIMIT, AGAINST_JAX, LIMIT_FOUND = 0.15, 0.5, 0.01

WORKLOADS: dict[str, list[Any]] = {
    "descent": [],
    "fused": [1000, "float64"],
    "rk4": [],
    "rnn": [],
    "rosenbrock": [1000],
    "blackscholes": [1000],
    "logistic": [1000, 100, "float64"],
    "softmax": [],
    "mlp": [],
    "kalman": [],
    "hmm": [],
    "arm": [],
    "adbench.gmm": [10, 25, 1_000],
    "adbench.ba": [49, 7_776, 31_843],
    "adbench.hand": [544, 100],
    "adbench.lstm": [2, 1024],
}


def first_call(library: str, workload: str, case: list[Any], cache: str) -> float | None:
    """Seconds of the first call over those of the next; None where the library is absent."""
    worker = Worker(library, CHAINRULE_CACHE=cache)
    worker.ask(do="make", workload="tiny", case=[])
    reply = worker.ask(do="make", workload=workload, case=case)
    worker.end()
    return reply["cold"] - reply["seconds"] if "cold" in reply else None


def rows() -> list[Row]:
    found = []
    for workload, case in WORKLOADS.items():
        taken: dict[str, list[float]] = {"ours": [], "jax": []}
        again: list[float] = []
        for _ in range(REPETITIONS):
            for library, seconds in taken.items():
                with tempfile.TemporaryDirectory() as cache:
                    measured = first_call(library, workload, case, cache)
                    seconds += [] if measured is None else [measured]
                    found_again = first_call(library, workload, case, cache) if library == "ours" else None
                    again += [] if found_again is None else [found_again]
        figures = {library: statistics.median(seconds) for library, seconds in taken.items() if seconds}
        found += [
            Row(f"compile {workload}", "s", figures, "ours", LIMIT),
            Row(f"compile {workload}, over JAX", "s", figures, "ours", AGAINST_JAX, "jax"),
            Row(f"compile {workload}, from disk", "s", {"ours": statistics.median(again)}, "ours", LIMIT_FOUND),
        ]
    return found
