"""State cells: symbols with a value that lasts from one call of a program to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.node import Node, SymbolicNode


class Cell:
    """The value of a state, which is replaced and never written into, and the lock of whoever replaces it."""

    __slots__ = ("lock", "value")

    def __init__(self, value: Any):
        self.value = value
        self.lock = threading.RLock()


class StateNode(SymbolicNode):
    """The node of a state: a symbol that brings its own value."""

    __slots__ = ("cell",)
    cell: Cell


def states_of(nodes: Iterable[Node]) -> list[StateNode]:
    """The states among nodes, in order of creation."""
    return [node for node in nodes if isinstance(node, StateNode)]


@contextmanager
def locked(states: Iterable[StateNode]) -> Iterator[None]:
    """Hold the locks of all these states, taken in order of creation: so no two programs wait for each other."""
    taken: list[Cell] = []
    try:
        for node in sorted(set(states), key=lambda node: node.number):
            node.cell.lock.acquire()
            taken.append(node.cell)
        yield
    finally:
        for cell in reversed(taken):
            cell.lock.release()
