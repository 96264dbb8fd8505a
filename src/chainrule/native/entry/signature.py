"""From the trees of a call and of its result to the records of a form."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.native.entry.form import Words, mapping, same, sequence, step
from chainrule.tree import Structure, flatten, in_order

Record = dict[str, int]


class _Unfit(Exception):
    """Something that machine code does not look into."""


def found_of(
    words: Words, args: Sequence[Any], kwargs: Mapping[str, Any], static: Mapping[Any, Any], leaves: Iterator[Any]
) -> list[Record] | None:
    """Records of the objects of a call, breadth first; None where one of them is left to Python.

    ``static`` has the positions and names of static arguments; ``leaves`` gives a record for each leaf, in the order in
    which trees are flattened.
    """
    try:
        trees: dict[Any, Any] = {i: _tree(words, x, i in static, leaves) for i, x in enumerate(args)}
        trees.update({name: _tree(words, kwargs[name], name in static, leaves) for name in in_order(kwargs)})
    except _Unfit:
        return None
    queue, found = deque(trees[key] for key in (*range(len(args)), *kwargs)), []
    while queue:
        record, children = queue.popleft()
        found.append(record)
        queue.extend(children)
    return found


def _tree(words: Words, x: Any, static: bool, leaves: Iterator[Any]) -> tuple[Record, list[Any]]:
    """The record of an object, and the trees of what it holds."""
    if static or x is None:
        return same(words, x), []
    kind = type(x)
    if kind is tuple or kind is list:
        return sequence(kind, len(x)), [_tree(words, item, False, leaves) for item in x]
    if kind is dict:
        inside = {key: _tree(words, x[key], False, leaves) for key in in_order(x)}
        return mapping(words, list(x)), [inside[key] for key in x]
    if flatten(x)[1].rebuild is not None:
        raise _Unfit  # another container
    record = next(leaves)
    if record is None:
        raise _Unfit
    return record, []


def recipe_of(words: Words, structure: Structure) -> list[Record]:
    """Steps that build a tree of this structure, whose leaves are the outputs in order."""
    outputs = iter(range(structure.leaves))
    return list(_steps(words, structure, outputs))


def _steps(words: Words, structure: Structure, outputs: Iterator[int]) -> Iterator[Record]:
    if structure.rebuild is None:
        yield step("output", next(outputs))
        return
    parts = [list(_steps(words, child, outputs)) for child in structure.children]
    kind = structure.kind
    order: Sequence[int] = range(len(parts))
    if kind is None.__class__:
        yield step("constant", 0, words.keep(None))
        return
    if kind is tuple or kind is list:
        last = step(kind.__name__, len(parts))
    elif isinstance(kind, tuple) and kind[0] is dict:
        keys = kind[1]
        written = list(structure.rebuild.args[0])  # type: ignore[attr-defined]  # the dict, with its keys in their order
        order = [keys.index(key) for key in written]
        last = step("dict", len(parts), words.put([words.keep(key) for key in written]))
    else:
        last = step("call", len(parts), words.keep(structure.rebuild))
    for i in order:
        yield from parts[i]
    yield last
