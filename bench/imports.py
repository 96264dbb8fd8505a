"""What ``import chainrule`` costs in a fresh interpreter, against the two libraries it cannot do without."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from bench.measure import Row

ROUNDS = 15
IMPORTS = {"core": "chainrule", "numpy, scipy.special": "numpy, scipy.special"}
# An installed library has its bytecode beside it; a checkout gets it at the first import, unless that is forbidden.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def milliseconds(modules: str) -> float:
    code = f"import time; start = time.perf_counter(); import {modules}; print(1e3 * (time.perf_counter() - start))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return float(done.stdout)


def rows() -> list[Row]:
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    milliseconds(IMPORTS["core"])
    for _ in range(ROUNDS):
        for name, modules in IMPORTS.items():
            taken[name].append(milliseconds(modules))
    figures = {name: statistics.median(times) for name, times in taken.items()}
    return [Row("import, against numpy, scipy.special", "ms", figures, "core", 1.5, "numpy, scipy.special")]
