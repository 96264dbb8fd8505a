"""How many threads compiled functions use; ``pool`` has them."""

from __future__ import annotations

import os
from collections.abc import Callable

from chainrule.errors import RangeError

_asked: int | None = None
told: list[Callable[[int], object]] = []  # who wants to know of another number


def available() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """How many threads compiled functions use: what ``set_num_threads`` said, else the number of processors.

    >>> cr.get_num_threads() >= 1
    True
    """
    return available() if _asked is None else _asked


def set_num_threads(threads: int) -> None:
    """Let compiled functions use so many threads, from now on; results do not depend on their number.

    Raises RangeError for what is not a number from 1 to 256.

    >>> before = cr.get_num_threads()
    >>> cr.set_num_threads(1)
    >>> cr.get_num_threads()
    1
    >>> cr.set_num_threads(before)
    """
    global _asked
    if type(threads) is not int or not 1 <= threads <= 256:
        raise RangeError(
            f"[set_num_threads] threads is {threads!r}; expected an integer from 1 to 256; pass one of these."
        )
    _asked = threads
    for tell in told:
        tell(threads)
