"""Reversing a loop with few stored states: Revolve's binomial schedule.

Griewank & Walther, Algorithm 799: Revolve (ACM TOMS 26, 2000): with s stored states and no step run more than t times,
loops of up to β(s, t) = (s + t)! / (s! t!) steps can be reversed, and no schedule does better.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any


def split(steps: int, states: int) -> int:
    """After how many of ``steps`` to store the next state, when ``states`` may be stored, that before them included.

    The t of the least β(s, t) ≥ n is the number of times a step is run; the second part must be reversible with one
    state less in t runs, the first with one run less (equation 4 of the paper, and its figure 3).
    """
    if states < 2:
        return steps - 1
    runs = 1
    while comb(states + runs, runs) < steps:
        runs += 1
    least = comb(states + runs - 2, runs - 2) if runs > 1 else 1
    return min(max(1, least, steps - comb(states - 1 + runs, runs)), steps - 1)


def revolve(
    length: int,
    states: int,
    start: Any,
    advance: Callable[[Any, int], Any],
    reverse: Callable[[Any, int], None],
) -> None:
    """Call ``reverse(state, i)`` for i = length − 1 … 0, with the state before step i, found by ``advance(state, i)``.

    Never more than ``states`` states are stored, ``start`` among them.
    """
    stack = [(0, start)]
    end = length
    while stack:
        first, state = stack[-1]
        if first == end:
            stack.pop()
            continue
        free = states - len(stack)
        stop = first + split(end - first, free + 1) if end - first > 1 else first
        for i in range(first, stop):
            state = advance(state, i)
        if stop > first and free > 0:
            stack.append((stop, state))
        else:
            reverse(state, stop)
            end = stop
