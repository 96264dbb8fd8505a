"""The time of value and gradient over that of the value alone, both compiled, of programs whose output is a number."""

from __future__ import annotations

from typing import Any

from bench.measure import Row
from bench.native.contest import Case, contest

LIMIT = 3.0

WORKLOADS: dict[str, list[Any]] = {
    "fused": [100_000, "float64"],
    "rk4": [],
    "rnn": [],
    "blackscholes": [100_000],
    "logistic": [10_000, 100, "float64"],
    "softmax": [],
    "mlp": [],
    "kalman": [],
    "hmm": [],
    "adbench.gmm": [10, 25, 1_000],
    "adbench.lstm": [2, 1024],
}


def rows() -> list[Row]:
    found = []
    for workload, case in WORKLOADS.items():
        whole, value = (
            contest(workload, Case(workload, arguments, rtol=1e-4), ["ours", "jax"]).median
            for arguments in (case, [*case, "itself"])
        )
        figures = {library: whole[library] / value[library] for library in whole}
        found.append(Row(f"{workload}, gradient over value", "×", figures, "ours", LIMIT))
    return found
