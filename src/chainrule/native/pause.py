"""A pause of the collector: nothing that a compilation makes is garbage yet, and looking through it takes long."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_pauses, _was_on, _pausing = 0, True, threading.Lock()


@contextlib.contextmanager
def collected_later() -> Iterator[None]:
    """No cycles are looked for inside, in any thread; it nests."""
    global _pauses, _was_on
    with _pausing:
        if not _pauses:
            _was_on = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _pausing:
            _pauses -= 1
            if not _pauses and _was_on:
                gc.enable()
