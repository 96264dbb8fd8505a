"""A chain of 1,000,000 nodes is recorded, differentiated and freed."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import chainrule as cr
from bench.measure import OURS, Row, peer

NODES = 1_000_000


def chain(tensor: Callable[..., Any]) -> dict[str, float]:
    """Seconds of each part of the life of ``y = y * 1.0`` a million times."""
    x = tensor(1.0, requires_grad=True)
    clock = [time.perf_counter()]
    y = x
    for _ in range(NODES):
        y = y * 1.0
    clock.append(time.perf_counter())
    y.backward()
    clock.append(time.perf_counter())
    del y
    clock.append(time.perf_counter())
    if float(x.grad) != 1:
        raise ArithmeticError(f"the gradient is {float(x.grad)}")
    parts = zip(("record", "backward", "free"), pairwise(clock), strict=True)
    return {part: end - start for part, (start, end) in parts} | {"all": clock[-1] - clock[0]}


def rows() -> list[Row]:
    dialect, torch = peer("chainrule.torch"), peer("torch")
    tensors: dict[str, Callable[..., Any]] = {"core": cr.tensor}
    if dialect is not None:
        tensors["chainrule.torch"] = dialect.tensor
    if torch is not None:
        tensors["torch"] = torch.tensor
    best: dict[str, dict[str, float]] = {}
    for _ in range(3):
        for name, tensor in tensors.items():
            taken = chain(tensor)
            best[name] = min(taken, best.get(name, taken), key=lambda parts: parts["all"])
    rows = []
    for ours in OURS:
        for part in ("all", "record", "backward", "free") if ours in tensors else ():
            micros = {name: 1e6 * parts[part] / NODES for name, parts in best.items()}
            rows.append(
                Row(f"million nodes, {ours}, {part}", "µs per node", micros, ours, 3 if part == "all" else None)
            )
    return rows
