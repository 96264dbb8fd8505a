"""The log-likelihood of 500 symbols under a hidden Markov model of 8 states, by the forward algorithm on logarithms.

Its gradient is in the logits of the transitions and of the emissions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

STEPS, STATES, SYMBOLS = 500, 8, 16


def program(xp: Any, transitions: Any, emissions: Any, seen: Any) -> Any:
    moves = transitions - xp.logsumexp(transitions, 1)[:, None]
    shows = (emissions - xp.logsumexp(emissions, 1)[:, None]).T
    start = shows[seen[0]] - np.log(len(transitions))

    def step(a: Any, symbol: Any) -> Any:
        return xp.logsumexp(a[:, None] + moves, 0) + shows[symbol], None

    end, _ = xp.scan(step, start, seen[1:])
    return xp.logsumexp(end, 0)


def data(steps: int = STEPS, states: int = STATES, symbols: int = SYMBOLS) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(states, states)), rng.normal(size=(states, symbols)), rng.integers(symbols, size=steps)


def ours(what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(), (0, 1), what)


def jax(what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(), (0, 1), what)


def torch() -> libraries.Call:
    return libraries.torch(program, data(), (0, 1))


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), (0, 1))


CASES = [Case("gradient")]


def rows() -> list[Row]:
    return contest.rows("hmm", CASES)
