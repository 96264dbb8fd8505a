"""Run all workloads, or those named on the command line, and print one table."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from bench import THREADS, native
from bench.measure import PEERS, Row, table

ADBENCH = tuple(f"adbench.{name}" for name in ("gmm", "ba", "hand", "lstm"))
NATIVE = tuple(f"native.{name}" for name in native.WORKLOADS)
WORKLOADS = (
    "tape",
    "descent",
    "memory",
    "million",
    "imports",
    "ops",
    "transforms",
    "scan",
    "bound",
    "entry",
    "passes",
    *ADBENCH,
    *NATIVE,
)


def versions() -> str:
    found = []
    for name in ("numpy", "scipy", *PEERS):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


def workloads(arguments: list[str]) -> list[str]:
    """The arguments without ``--threads N``, which was read before anything was imported."""
    if "--threads" in arguments:
        at = arguments.index("--threads")
        arguments = arguments[:at] + arguments[at + 2 :]
    return [word for word in arguments if not word.startswith("--threads=")]


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        print(f"no workload named {unknown[0]!r}; there are: {', '.join(WORKLOADS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or WORKLOADS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").rows()
    print(f"Python {platform.python_version()}, {versions()}; {os.cpu_count()} cores, threads: {THREADS}\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(workloads(sys.argv[1:])))
