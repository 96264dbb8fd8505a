"""A process for each library, so that none disturbs another; the processes measure in turn, one at a time.

``python -m bench.native.worker LIBRARY`` is such a process: it answers lines of JSON. The variable BENCH_PYTHONS names
interpreters for libraries that are not installed beside the others: ``numba=/path/python pytensor=/path/python``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from timeit import Timer
from typing import Any

import numpy as np

SAMPLE = 5e-3  # seconds that one measurement takes at least
SHOWN = 64  # elements of an answer that are compared


# ------------------------------------------------------------------------------------------- in the process


class Measured:
    """The call of one library for one case, ready to be timed."""

    def __init__(self, workload: str, library: str, case: Sequence[Any]):
        make = getattr(module_of(workload), library)
        start = time.perf_counter()
        self.call = make(*case)
        returned = self.call.function(*self.call.arguments)
        self.cold = time.perf_counter() - start
        self.answer = summary(self.call.answer(returned))
        names = ", ".join(f"x{i}" for i in range(len(self.call.arguments)))
        known = {"f": self.call.function, **{f"x{i}": x for i, x in enumerate(self.call.arguments)}}
        self.timer = Timer(f"f({names})", globals=known)
        self.seconds = self.timer.timeit(1)
        self.number = max(1, int(SAMPLE / self.seconds))
        if self.number > 1:
            self.seconds = self.time()

    def time(self) -> float:
        if self.number > 1:
            self.timer.timeit(self.number)
        return self.timer.timeit(self.number) / self.number


def module_of(workload: str) -> Any:
    """The file of a workload: of this package, or of another where the name has a dot."""
    return importlib.import_module(f"bench.{workload}" if "." in workload else f"bench.native.{workload}")


def summary(answer: Any) -> list[list[float]]:
    """Of each array of the answer the norm, and some elements."""
    arrays = [np.asarray(leaf, "float64").reshape(-1) for leaf in leaves(answer)]
    return [[float(np.linalg.norm(x)), *map(float, x[:: max(1, len(x) // SHOWN)])] for x in arrays]


def leaves(answer: Any) -> Iterator[Any]:
    if isinstance(answer, (tuple, list)):
        for part in answer:
            yield from leaves(part)
    else:
        yield answer


def serve(library: str) -> None:
    """Answers to requests: "make" a call, "time" it."""
    measured: Any = None
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "time":
                reply: dict[str, Any] = {"seconds": measured.time()}
            else:
                measured = None
                gc.collect()
                measured = Measured(request["workload"], library, request["case"])
                reply = {"seconds": measured.seconds, "cold": measured.cold, "answer": measured.answer}
        except ModuleNotFoundError as error:
            reply = {"absent": str(error)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:400]}
        print(json.dumps(reply), file=answers, flush=True)


# --------------------------------------------------------------------------------------------- around it


class Worker:
    def __init__(self, library: str, **variables: str):
        pythons = dict(word.split("=", 1) for word in os.environ.get("BENCH_PYTHONS", "").split())
        command = [pythons.get(library, sys.executable), "-m", "bench.native.worker", library]
        environment = {**os.environ, **variables}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        atexit.register(self.end)

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": f"the process ended with {self.process.wait()}"}

    def end(self) -> None:
        atexit.unregister(self.end)
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    serve(sys.argv[1])
