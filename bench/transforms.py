"""What transforms add to a function of 10 ops on 4 float64 elements: over its tape (grad, vjp, jvp), or over the same
function of the whole batch (vmap, of 8 samples). Peers are not compiled: the cost of a call from Python is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import Row, agree, in_turn, peer

POINT = np.linspace(0.1, 0.4, 4)
BATCH = np.linspace(0.1, 0.9, 32).reshape(8, 4)
CALLS = 20


def ten(xp: Any, x: Any) -> Any:
    y = xp.sin(x) * x
    y = xp.exp(y) + x
    y = xp.tanh(y) * 2.0
    y = xp.cos(y - x)
    return (y * y).sum()


def ours() -> dict[str, Callable[[], Any]]:
    def f(x: Any) -> Any:
        return ten(cr, x)

    x, t, xs = cr.tensor(POINT), cr.tensor(np.ones(4)), cr.tensor(BATCH)
    leaf = cr.tensor(POINT, requires_grad=True)

    def tape() -> Any:
        leaf.grad = None
        f(leaf).backward()
        return leaf.grad

    gradient, mapped, mapped_gradient = cr.grad(f), cr.vmap(f), cr.vmap(cr.grad(f))
    return {
        "tape": tape,
        "grad": lambda: gradient(x),
        "vjp": lambda: cr.vjp(f, x)[1](1.0)[0],
        "jvp": lambda: cr.jvp(f, (x,), (t,))[1],
        "whole": lambda: f(xs),
        "vmap": lambda: mapped(xs),
        "vmap of grad": lambda: mapped_gradient(xs),
    }


def jaxs(jax: Any) -> dict[str, Callable[[], Any]]:
    jax.config.update("jax_enable_x64", True)

    def f(x: Any) -> Any:
        return ten(jax.numpy, x)

    x, t, xs = jax.numpy.asarray(POINT), jax.numpy.ones(4), jax.numpy.asarray(BATCH)
    return {
        "grad": lambda: jax.grad(f)(x).block_until_ready(),
        "vjp": lambda: jax.vjp(f, x)[1](1.0)[0].block_until_ready(),
        "jvp": lambda: jax.jvp(f, (x,), (t,))[1].block_until_ready(),
        "vmap": lambda: jax.vmap(f)(xs).block_until_ready(),
        "vmap of grad": lambda: jax.vmap(jax.grad(f))(xs).block_until_ready(),
    }


def torchs(torch: Any) -> dict[str, Callable[[], Any]]:
    def f(x: Any) -> Any:
        return ten(torch, x)

    x, t, xs = torch.tensor(POINT), torch.ones(4, dtype=torch.float64), torch.tensor(BATCH)
    one, func = torch.tensor(1.0, dtype=torch.float64), torch.func
    return {
        "grad": lambda: func.grad(f)(x),
        "vjp": lambda: func.vjp(f, x)[1](one)[0],
        "jvp": lambda: func.jvp(f, (x,), (t,))[1],
        "vmap": lambda: func.vmap(f)(xs),
        "vmap of grad": lambda: func.vmap(func.grad(f))(xs),
    }


def rows() -> list[Row]:
    libraries: dict[str, dict[str, Callable[[], Any]]] = {"core": ours()}
    for name, calls in (("jax", jaxs), ("torch", torchs)):
        module = peer(name)
        if module is not None:
            libraries[name] = calls(module)
    names = ("grad", "vjp", "jvp", "vmap", "vmap of grad")
    for name in names:
        agree({library: calls[name] for library, calls in libraries.items()}, rtol=1e-10)
    runs = {
        f"{library} {name}": _repeated(call) for library, calls in libraries.items() for name, call in calls.items()
    }
    micros = {name: 1e6 * taken / CALLS for name, taken in in_turn(runs, rounds=100).items()}
    found = []
    for name in names:
        base = "whole" if name == "vmap" else "tape"
        added = {"core": micros[f"core {name}"] - micros[f"core {base}"]}
        if name != "vmap of grad":
            found.append(Row(f"{name}, over the {base}", "µs", added, "core", 25.0))
        whole = {library: micros[f"{library} {name}"] for library in libraries}
        found.append(Row(f"{name}, the call", "µs", whole, "core"))
    return found


def _repeated(call: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> None:
        for _ in range(CALLS):
            call()

    return run
