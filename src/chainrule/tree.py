"""Pytrees: tuples, lists, dicts, namedtuples and dataclasses, taken apart to leaves and put together again."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from chainrule.errors import DTypeError
from chainrule.spec import Spec

DEPTH = 256  # of a tree: each level takes frames of Python's stack


class DeepTreeError(DTypeError):
    """A tree that holds itself, or is nested too deep to be walked through."""

    def __init__(self, function: str = "tree", what: str = "a tree"):
        super().__init__(
            f"[{function}] {what} holds itself, or is nested more than {DEPTH} deep; expected tuples, lists and dicts "
            f"of arrays and numbers, a few deep; stack what is alike to one array."
        )


class Structure(NamedTuple):
    """What is left of a tree when its leaves are taken out."""

    rebuild: Callable[[list[Any]], Any] | None  # None marks a leaf
    kind: Any
    children: tuple[Structure, ...]

    @property
    def leaves(self) -> int:
        return 1 if self.rebuild is None else sum(child.leaves for child in self.children)

    def __str__(self) -> str:
        """The tree with * for its leaves."""
        if self.rebuild is None:
            return "*"
        children = ", ".join(map(str, self.children))
        if isinstance(self.kind, tuple):
            kind, keys = self.kind
            items = ", ".join(f"{key!r}: {child}" for key, child in zip(keys, self.children, strict=True))
            return f"{{{items}}}" if kind is dict else f"{kind.__name__}({{{items}}})"
        if self.kind is tuple:
            return f"({children},)" if len(self.children) == 1 else f"({children})"
        if self.kind is list:
            return f"[{children}]"
        return "None" if self.kind is None.__class__ else f"{self.kind.__name__}({children})"


_LEAF = Structure(None, None, ())
LEAVES: set[type] = {bool, int, float, complex}  # classes known beforehand to be no containers


def _branches(tree: Any) -> tuple[Any, list[Any], Callable[[list[Any]], Any]] | None:
    """(kind, children, how to rebuild) of one container, or None for a leaf."""
    if tree is None:
        return None.__class__, [], lambda _: None
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, list(tree), kind
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        if kind is Spec:
            return None  # it stands for an array
        return kind, list(tree), lambda values: kind(*values)
    if isinstance(tree, dict):
        keys = in_order(tree)
        return (kind, keys), [tree[key] for key in keys], functools.partial(_copy_with, tree, dict.__setitem__, keys)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        values = [getattr(tree, name) for name in names]
        return kind, values, functools.partial(_copy_with, tree, object.__setattr__, names)
    return None


def in_order(keys: Iterable[Any]) -> tuple[Any, ...]:
    """Keys sorted, so that dicts with the same ones have the same structure; as they come if they have no order."""
    try:
        return tuple(sorted(keys))
    except TypeError:
        return tuple(keys)


def _copy_with(tree: Any, assign: Callable[..., None], names: Iterable[Any], values: list[Any]) -> Any:
    """A copy of a container with other values: made without its constructor, which may want or do something else."""
    made = copy.copy(tree)
    for name, value in zip(names, values, strict=True):
        assign(made, name, value)
    return made


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of ``tree`` in order (of a dict, that of its keys), and its structure. ``None`` has no leaves.

    >>> leaves, structure = flatten({"w": [1, 2], "b": 3})
    >>> leaves, unflatten(structure, [30, 10, 20])
    ([3, 1, 2], {'w': [10, 20], 'b': 30})
    """
    if tree.__class__ in LEAVES:
        return [tree], _LEAF
    leaves: list[Any] = []
    return leaves, _flatten_into(tree, leaves, DEPTH)


def _flatten_into(tree: Any, leaves: list[Any], depth: int) -> Structure:
    branches = None if tree.__class__ in LEAVES else _branches(tree)
    if branches is None:
        leaves.append(tree)
        return _LEAF
    if not depth:
        raise DeepTreeError
    kind, children, rebuild = branches
    return Structure(rebuild, kind, tuple(_flatten_into(child, leaves, depth - 1) for child in children))


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


def prefix_leaves(prefix: Any, structure: Structure) -> list[Any] | None:
    """One item of ``prefix`` for each leaf: an item (an int, None) stands for all below it; None if it does not fit.

    >>> prefix_leaves((0, {"w": 1, "b": None}), flatten(((1, 2), {"w": 3, "b": 4}))[1])
    [0, 0, None, 1]
    """
    branches = None if prefix is None else _branches(prefix)
    if branches is None:
        return [prefix] * structure.leaves
    kind, children, _ = branches
    if (kind is not structure.kind and kind != structure.kind) or len(children) != len(structure.children):
        return None
    found: list[Any] = []
    for child, below in zip(children, structure.children, strict=True):
        items = prefix_leaves(child, below)
        if items is None:
            return None
        found += items
    return found
