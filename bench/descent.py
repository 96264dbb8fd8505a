"""The descent loop of a first lecture, ``y = 2 x0**2 + 4 x1**2`` from (11, 2), per iteration, without printing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import OURS, Row, agree, in_turn, peer

ITERATIONS = 108
RATE = 0.1


def descent(library: Any, tensor: Callable[..., Any]) -> Callable[[], Any]:
    """The loop as it is written with a tape: backward, update under no_grad, zero the gradient."""

    def run() -> Any:
        x = tensor([11, 2.0], requires_grad=True)
        values: list[Any] = []
        for _ in range(ITERATIONS):
            y = function(x)
            y.backward()
            if len(values) and y > values[-1]:
                break
            values.append(y)
            with library.no_grad():
                x -= RATE * x.grad
            x.grad.zero_()
        return x.detach()

    return run


def function(x: Any) -> Any:
    return 2 * (x[0] ** 2) + 4 * x[1] ** 2


def functional(gradient: Callable[[Any], Any], array: Callable[..., Any]) -> Callable[[], Any]:
    """The same steps by a library whose gradients are functions."""

    def run() -> Any:
        x = array([11, 2.0])
        values: list[Any] = []
        for _ in range(ITERATIONS):
            y, g = gradient(x)
            if len(values) and y > values[-1]:
                break
            values.append(y)
            x = x - RATE * g
        return x

    return run


def rows() -> list[Row]:
    dialect, torch, autograd, jax = map(peer, ("chainrule.torch", "torch", "autograd", "jax"))
    runs: dict[str, Callable[[], Any]] = {"core": descent(cr, cr.tensor)}
    if dialect is not None:
        runs["chainrule.torch"] = descent(dialect, dialect.tensor)
    if torch is not None:
        runs["torch"] = descent(torch, torch.tensor)
    if autograd is not None:
        runs["autograd"] = functional(autograd.value_and_grad(function), np.array)
    if jax is not None:
        runs["jax"] = functional(jax.jit(jax.value_and_grad(function)), jax.numpy.array)
    agree(runs, rtol=1e-4, atol=1e-30)
    micros = {name: 1e6 * taken / ITERATIONS for name, taken in in_turn(runs, rounds=40).items()}
    return [Row(f"descent, {name}", "µs per iteration", micros, name, 0.45, "torch") for name in OURS if name in runs]
