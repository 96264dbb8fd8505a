"""What recording costs: forward and backward, per op, of ``y = sin(y) * x`` 500 times on 4 float32 elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import OURS, Row, agree, in_turn, peer

TIMES = 500
OPS = 2 * TIMES
POINT = np.linspace(0.1, 1.0, 4, dtype="float32")


def chain(sin: Callable[[Any], Any], x: Any) -> Any:
    y = x
    for _ in range(TIMES):
        y = sin(y) * x
    return y.sum()


def tape(tensor: Callable[..., Any], sin: Callable[[Any], Any]) -> Callable[[], Any]:
    """Record the chain on a leaf, go backward, return the gradient."""
    x = tensor(POINT, requires_grad=True)

    def step() -> Any:
        x.grad = None
        chain(sin, x).backward()
        return x.grad

    return step


def rows() -> list[Row]:
    dialect, torch, autograd = peer("chainrule.torch"), peer("torch"), peer("autograd")
    runs: dict[str, Callable[[], Any]] = {"core": tape(cr.tensor, cr.sin)}
    if dialect is not None:
        runs["chainrule.torch"] = tape(dialect.tensor, dialect.sin)
    if torch is not None:
        runs["torch"] = tape(torch.tensor, torch.sin)
    if autograd is not None:
        gradient, sin = autograd.grad(chain, argnum=1), peer("autograd.numpy").sin
        runs["autograd"] = lambda: gradient(sin, POINT)
    agree(runs, rtol=1e-3)
    micros = {name: 1e6 * taken / OPS for name, taken in in_turn(runs, rounds=60).items()}
    return [Row(f"tape, {name}", "µs per op", micros, name, 0.45, "torch") for name in OURS if name in runs]
