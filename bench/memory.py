"""Peak memory of one training step of an MLP 784-256-128-10, batch 4096, float32: recording and backward.

Each library runs in processes of its own, under equal malloc settings, and reports how far the resident set rose above
what it was just before the step, after a small step that let every library allocate what it keeps.
``python -m bench.memory LIBRARY`` is such a process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import OURS, Row, peer

SIZES = (784, 256, 128, 10)
BATCH, WARM_BATCH = 4096, 32
REPETITIONS = 5
MIB = 2**20
# Freed memory goes back to the system at once, in every library, and is not mistaken for memory in use.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}

Step = Callable[[int], Any]


def parameters() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = []
    for rows, columns in pairwise(SIZES):
        arrays.append((rng.standard_normal((rows, columns)) * (2 / rows) ** 0.5).astype("float32"))
        arrays.append(np.zeros(columns, "float32"))
    return arrays


def data() -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and one-hot labels."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((BATCH, SIZES[0]), dtype="float32")
    return x, np.eye(SIZES[-1], dtype="float32")[rng.integers(SIZES[-1], size=BATCH)]


def loss(relu: Any, logsumexp: Any, weights: Any, x: Any, labels: Any) -> Any:
    """The mean cross-entropy of the logits, log Σ eᶻ − z[label]."""
    w1, b1, w2, b2, w3, b3 = weights
    h = relu(x @ w1 + b1)
    h = relu(h @ w2 + b2)
    z = h @ w3 + b3
    return (logsumexp(z) - (z * labels).sum(1)).mean()


def by_backward(tensor: Callable[..., Any], relu: Any, logsumexp: Any) -> Step:
    weights = [tensor(w).requires_grad_() for w in parameters()]
    x, labels = map(tensor, data())

    def step(batch: int) -> Any:
        for w in weights:
            w.grad = None
        loss(relu, logsumexp, weights, x[:batch], labels[:batch]).backward()
        return np.asarray(weights[0].grad)

    return step


def torch_like(torch: Any) -> Step:
    return by_backward(torch.tensor, torch.relu, lambda z: torch.logsumexp(z, 1))


def autograd() -> Step:
    library, special = peer("autograd"), peer("autograd.scipy.special")
    weights, (x, labels) = parameters(), data()

    def cost(w: Any, x: Any, labels: Any) -> Any:
        return loss(lambda z: library.numpy.maximum(z, 0), lambda z: special.logsumexp(z, 1), w, x, labels)

    gradient = library.grad(cost)
    return lambda batch: gradient(weights, x[:batch], labels[:batch])[0]


STEPS: dict[str, Callable[[], Step]] = {
    "core": lambda: by_backward(cr.tensor, cr.relu, lambda z: cr.logsumexp(z, axis=1)),
    "chainrule.torch": lambda: torch_like(peer("chainrule.torch")),
    "torch": lambda: torch_like(peer("torch")),
    "autograd": autograd,
}


def resident(field: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (the highest since it was last reset) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise LookupError(field)


def rise(step: Step) -> int:
    """How many bytes the resident set rises during one step."""
    step(WARM_BATCH)
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM to what is resident now
    before = resident("VmRSS")
    gradient = step(BATCH)
    after = resident("VmHWM")
    if not np.isfinite(gradient).all() or not np.any(gradient):
        raise ArithmeticError("the step computed no gradient")
    return after - before


def traced(step: Step) -> int:
    """The same as Python's own allocator hooks see it (NumPy reports its arrays to them)."""
    step(WARM_BATCH)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    step(BATCH)
    _, after = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def in_process(*arguments: str) -> float:
    """The MiB that a process of its own reports."""
    command = [sys.executable, "-m", "bench.memory", *arguments]
    environment = {**os.environ, **MALLOC}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) / MIB


def installed(name: str) -> bool:
    return name == "core" or find_spec(name) is not None


def rows() -> list[Row]:
    names = [name for name in STEPS if installed(name)]
    if not Path("/proc/self/clear_refs").exists():
        names = []
    risen: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(REPETITIONS):
        for name in names:
            risen[name].append(in_process(name))
    figures = {name: statistics.median(values) for name, values in risen.items()}
    table = [Row(f"memory, {name}", "MiB", figures, name, 1.0, "torch") for name in OURS if name in figures]
    ours = [name for name in OURS if installed(name)]
    return table + [
        Row(f"memory by tracemalloc, {name}", "MiB", {name: in_process(name, "traced")}, name) for name in ours
    ]


def main(name: str, how: str = "resident") -> None:
    print((traced if how == "traced" else rise)(STEPS[name]()))


if __name__ == "__main__":
    main(*sys.argv[1:])
