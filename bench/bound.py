"""Programs of symbols that are called again and again, against the tape that does the same: a call of ``function``, a
bound program forward and backward, and a step of descent whose weights are a state.

The goal is the tape of the same library: a program that is built once must not cost more than recording anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import Row, agree, in_turn, peer

RATE, CALLS = 0.1, 200


def data() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)


def loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    """Ten operations: a small model, as in a tutorial."""
    h = xp.tanh(x @ w) * 1.5 + 0.1
    residual = h - y
    return xp.sum(residual * residual) / 4.0 + 0.01 * xp.sum(w * w)


def by_tape() -> Any:
    x, y, w = map(cr.asarray, data())
    leaf = w.requires_grad_()
    loss(cr, leaf, x, y).backward()
    return leaf.grad.numpy()


def by_torch(torch: Any) -> Callable[[], Any]:
    x, y, w = map(torch.tensor, data())

    def run() -> Any:
        leaf = w.clone().requires_grad_()
        loss(torch, leaf, x, y).backward()
        return leaf.grad.numpy()

    return run


def symbols() -> tuple[Any, Any, Any]:
    return cr.symbol("w", shape=(3,)), cr.symbol("x", shape=(4, 3)), cr.symbol("y", shape=(4,))


def by_function() -> Callable[[], Any]:
    w, x, y = symbols()
    slope = cr.function([w, x, y], cr.gradients(loss(cr, w, x, y), w))
    one, other, start = data()
    return lambda: slope(start, one, other).numpy()


def by_binding() -> Callable[[], Any]:
    w, x, y = symbols()
    one, other, start = data()
    bound = cr.bind(loss(cr, w, x, y), {"w": start, "x": one, "y": other}, modes={"w": "write"})

    def run() -> Any:
        bound.forward()
        bound.backward()
        return bound.grads["w"].numpy()

    return run


def by_updates() -> Callable[[], Any]:
    _, x, y = symbols()
    one, other, start = data()
    w = cr.state(start, "w")
    y_loss = loss(cr, w, x, y)
    step = cr.function([x, y], y_loss, updates=[(w, w - RATE * cr.gradients(y_loss, w))])

    def run() -> Any:
        w.set_value(start)
        step(one, other)
        return (start - w.get_value().numpy()) / RATE

    return run


def rows() -> list[Row]:
    torch = peer("torch")
    runs: dict[str, Callable[[], Any]] = {
        "function": by_function(),
        "bind": by_binding(),
        "updates": by_updates(),
        "tape": by_tape,
    }
    if torch:
        runs["torch"] = by_torch(torch)
    agree(runs, rtol=1e-9)

    def often(run: Callable[[], Any]) -> Callable[[], None]:
        def repeated() -> None:
            for _ in range(CALLS):
                run()

        return repeated

    taken = in_turn({name: often(run) for name, run in runs.items()}, rounds=9)
    figures = {name: 1e6 * seconds / CALLS for name, seconds in taken.items()}
    told = {
        "function": "a call of function, gradient of 10 operations",
        "bind": "a bound program, forward and backward",
        "updates": "a step of descent by updates of a state",
    }
    return [Row(text, "µs", figures, name, 1, "tape") for name, text in told.items()]
