"""Reverse accumulation through 100,000 steps of a recurrence, c = tanh(W c + x), with 200 stored carries at most.

The goal is stated against our own forward pass. JAX compiles its scan and keeps all carries; PyTorch's loop is a tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import Row, agree, in_turn, peer

STEPS, SIZE, STATES = 100_000, 4, 200
SHORT = 2_000  # of PyTorch's loop, which takes as long for each step


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(SIZE, SIZE)) / 4, rng.normal(size=(STEPS, SIZE))


def ours(how: dict[str, Any]) -> Callable[[Any], Any]:
    xs = cr.tensor(data()[1])

    def last(w: Any) -> Any:
        return cr.sum(cr.scan(lambda c, x: (cr.tanh(w @ c + x), None), np.zeros(SIZE), xs, **how)[0])

    return last


def by_jax(jax: Any) -> Callable[[], Any]:
    jax.config.update("jax_enable_x64", True)
    w, xs = data()

    def last(w: Any) -> Any:
        step = jax.lax.scan(lambda c, x: (jax.numpy.tanh(w @ c + x), None), jax.numpy.zeros(SIZE), xs)
        return jax.numpy.sum(step[0])

    gradient = jax.jit(jax.grad(last))
    return lambda: np.asarray(gradient(w))


def by_torch(torch: Any) -> Callable[[], Any]:
    w, xs = map(torch.tensor, data())
    w.requires_grad_()

    def run() -> Any:
        c = torch.zeros(SIZE, dtype=torch.float64)
        for x in xs[-SHORT:]:
            c = torch.tanh(w @ c + x)
        return torch.autograd.grad(c.sum(), w)[0].numpy()

    return run


def rows() -> list[Row]:
    torch, jax = peer("torch"), peer("jax")
    w = cr.tensor(data()[0])
    forward = ours({})
    binomial = {"checkpoint": "binomial", "states": STATES}
    gradients = {"all kept": {}, "sqrt": {"checkpoint": "sqrt"}, f"binomial, {STATES} states": binomial}
    runs: dict[str, Callable[[], Any]] = {
        name: lambda how=how: cr.grad(ours(how))(w).numpy() for name, how in gradients.items()
    }
    peers = {
        name: make(library) for name, make, library in (("jax", by_jax, jax), ("torch", by_torch, torch)) if library
    }
    agree({**runs, **peers}, rtol=1e-9)  # far steps leave no trace in c, so that PyTorch's shorter loop agrees too
    taken = in_turn({"forward": lambda: forward(w), **runs, **peers}, rounds=3)
    figures = {name: 1e3 * seconds for name, seconds in taken.items()}
    if "torch" in figures:
        figures["torch"] *= STEPS / SHORT
    return [
        Row(
            f"gradient of a scan of {STEPS} steps, {name}",
            "ms",
            figures,
            name,
            8 if "binomial" in name else None,
            "forward",
        )
        for name in runs
    ]
