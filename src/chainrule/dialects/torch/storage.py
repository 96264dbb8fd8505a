"""Storage: what Tensors share that were made from one another by ``.data`` and ``.detach()``.

A Tensor's array never changes; a write gives a Tensor a new array. So that a write through one of several Tensors
reaches all of them, they are members of one Storage, and the write hands the new array on: reads stay free.
A Storage knows its members weakly, and no graph, so that a detached alias keeps neither alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.box import Box


class Member(NamedTuple):
    """One Tensor of a Storage, and how it sees the whole: ``take(whole)`` is its value, None for the whole itself."""

    tensor: Callable[[], Any]
    take: Callable[[Any], Any] | None
    put: Callable[[Any, Any], Any] | None  # (whole, value) -> whole with the value written in its place


class Storage:
    """The members that see one piece of memory."""

    __slots__ = ("_crowded", "members")

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._crowded = 8

    def join(self, tensor: Box, take: Any = None, put: Any = None) -> None:
        """Let ``tensor`` see what the members see."""
        if len(self.members) >= self._crowded:
            self.members = [member for member in self.members if member.tensor() is not None]
            self._crowded = 2 * len(self.members) + 8
        self.members.append(Member(weakref.ref(tensor), take, put))
        tensor._storage = self  # type: ignore[attr-defined]  # of this dialect's Tensors
        if getattr(tensor, "_root", None) is None:
            tensor._root = self  # type: ignore[attr-defined]  # of this dialect's Tensors

    def leave(self, tensor: Box) -> None:
        """Let ``tensor`` go its own way."""
        self.members = [member for member in self.members if member.tensor() is not tensor]
        tensor._root = None  # type: ignore[attr-defined]  # of this dialect's Tensors

    def written(self, writer: Box, whole: Any) -> None:
        """Hand the array that ``writer`` just got on to the others; each keeps its own place in the graph."""
        for member in self.members:
            tensor = member.tensor()
            if tensor is not None and tensor is not writer:
                tensor._value = whole


def shared(tensor: Box) -> Storage:
    """The Storage of ``tensor``, a new one if it has had its memory to itself."""
    storage = getattr(tensor, "_storage", None)
    if storage is None:
        storage = Storage()
        storage.join(tensor)
    return storage
