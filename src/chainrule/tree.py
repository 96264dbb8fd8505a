"""Pytrees: tuples, lists, dicts, namedtuples and dataclasses, taken apart to leaves and put together again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple


class Structure(NamedTuple):
    """What is left of a tree when its leaves are taken out."""

    rebuild: Callable[[list[Any]], Any] | None  # None marks a leaf
    kind: Any
    children: tuple[Structure, ...]

    @property
    def leaves(self) -> int:
        return 1 if self.rebuild is None else sum(child.leaves for child in self.children)


_LEAF = Structure(None, None, ())


def _branches(tree: Any) -> tuple[Any, list[Any], Callable[[list[Any]], Any]] | None:
    """(kind, children, how to rebuild) of one container, or None for a leaf."""
    if tree is None:
        return None.__class__, [], lambda _: None
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, list(tree), kind
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return kind, list(tree), lambda values: kind(*values)
    if isinstance(tree, dict):
        keys = tuple(tree)
        return (kind, keys), list(tree.values()), lambda values: kind(zip(keys, values, strict=True))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        values = [getattr(tree, name) for name in names]
        return kind, values, lambda new: dataclasses.replace(tree, **dict(zip(names, new, strict=True)))
    return None


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of ``tree`` in order, and its structure. ``None`` is a tree without leaves.

    >>> leaves, structure = flatten({"w": [1, 2], "b": 3})
    >>> leaves, unflatten(structure, [10, 20, 30])
    ([1, 2, 3], {'w': [10, 20], 'b': 30})
    """
    leaves: list[Any] = []
    return leaves, _flatten_into(tree, leaves)


def _flatten_into(tree: Any, leaves: list[Any]) -> Structure:
    branches = _branches(tree)
    if branches is None:
        leaves.append(tree)
        return _LEAF
    kind, children, rebuild = branches
    return Structure(rebuild, kind, tuple(_flatten_into(child, leaves) for child in children))


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """The tree of this structure with these leaves."""
    return _build(structure, iter(leaves))


def _build(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.rebuild is None:
        return next(leaves)
    return structure.rebuild([_build(child, leaves) for child in structure.children])


def map_leaves(function: Callable[..., Any], tree: Any) -> Any:
    """``tree`` with ``function`` applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def same_structure(one: Structure, other: Structure) -> bool:
    """Whether two trees differ in their leaves alone."""
    return (
        (one.rebuild is None) == (other.rebuild is None)
        and one.kind == other.kind
        and len(one.children) == len(other.children)
        and all(same_structure(a, b) for a, b in zip(one.children, other.children, strict=True))
    )
