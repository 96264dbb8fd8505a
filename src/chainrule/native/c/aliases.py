"""Which memory pointers of a program may share, and which elements instructions on vectors may."""

from __future__ import annotations

from typing import Any

ANYWHERE = "*"  # the root of pointers that are read from memory

Root = tuple[str, float, float]  # what a pointer points into, and from which byte to which


def across(a: Any, b: Any) -> bool:
    """Whether two accesses may meet in an element in different lanes."""
    if a == b and a[4]:
        return False
    apart = abs(a[2] - b[2])
    return a[:2] != b[:2] or a[3:] != b[3:] or not a[4] or apart < (a[3] - 1) * abs(a[4]) + 1


def meet(a: Root, b: Root) -> bool:
    if ANYWHERE in (a[0], b[0]):
        return True
    if a[0].startswith("arena") and b[0].startswith("arena"):
        return a[1] < b[2] and b[1] < a[2]
    return a[0] == b[0]


def touches(read: set[str], changed: set[str]) -> bool:
    """Whether what is read may be among what changes: roots of memory, and variables."""
    return bool(read & changed) or (ANYWHERE in changed and bool(read)) or (ANYWHERE in read and bool(changed))
