"""What a call of compiled code costs, results made and dropped, where the work inside is next to nothing."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from bench.measure import Row

CALLS, ROUNDS = 5000, 60


def least(call: Callable[[], Any]) -> float:
    """Nanoseconds a call at best: what disturbs a call as short as this only adds to it."""
    return 1e9 * min(timeit.repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS


def cases() -> dict[str, tuple[Callable[[], Any], float | None]]:
    x = np.arange(4.0)
    tensor = cr.tensor(x)
    both = cr.jit(cr.value_and_grad(lambda x: 2 * x @ x))
    first = cr.jit(lambda x, *_: x)
    named = cr.jit(lambda x, y: x + 0 * y)
    tree = {f"w{i}": x for i in range(10)}
    leaf = cr.jit(lambda tree: tree["w3"])
    power = cr.jit(lambda x, n: n * x, static_argnums=1)
    several = cr.jit(lambda x: x)
    for i in range(10):
        several(np.ones(i))
    number = np.float64(2.0)
    return {
        "value_and_grad of 2x·x, of an array": (lambda: both(x), 150),
        "value_and_grad of 2x·x, of a Tensor": (lambda: both(tensor), 150),
        "value_and_grad of 2x·x, of a strided array": (lambda: both(x[::-1]), None),
        "x, of an array": (lambda: first(x), None),
        "x, of 5 arrays": (lambda: first(x, x, x, x, x), None),
        "x, of a number": (lambda: first(2.0), None),
        "x, of a scalar": (lambda: first(number), None),
        "x, by name": (lambda: named(y=2.0, x=x), None),
        "x, of a dict of 10": (lambda: leaf(tree), None),
        "x, with a static argument": (lambda: power(x, 2), None),
        "x, in the tenth form": (lambda: several(x), None),
        "for scale: NumPy's 2 * (x @ x) alone": (lambda: 2 * (x @ x), None),
        "for scale: a lambda that copies x": (lambda: x.copy(), None),
    }


def rows() -> list[Row]:
    taken = {}
    for name, (call, limit) in cases().items():
        call()
        taken[name] = least(call), limit
    return [Row(f"entry, {name}", "ns", {"core": ns}, "core", limit) for name, (ns, limit) in taken.items()]
