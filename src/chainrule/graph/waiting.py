"""Functions of functions that meet symbols of unknown shape: they wait as one node, as calls of ops do.

What they are given is run once, on symbols of which as little is known, for the form of its results and for what it
closes over. When values have come, the whole is done again: the function itself is not called then, but replayed.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import defer
from chainrule.box import Box, box, operand_spec
from chainrule.config import enable_grad
from chainrule.graph.replay import replay
from chainrule.graph.tracing import operand
from chainrule.graph.walk import ancestors, descendants
from chainrule.node import Node, SymbolicNode, next_number, record
from chainrule.spec import Spec
from chainrule.tree import flatten, map_leaves, unflatten
from chainrule.unknown import Declared, UnknownError, UnknownNode, unknown_symbol

NUMERIC = (Box, Spec, np.ndarray, np.generic, float, complex)


def fresh(name: str, x: Any) -> Any:
    """A symbol of which as much is known as of x: its Spec, or what was declared."""
    known = x
    if not isinstance(x, (Spec, Declared)):
        known = x._node.spec if isinstance(x, Box) and x._value is None else operand_spec("symbol", x)
    if isinstance(known, Declared):
        return box(Box.default, None, unknown_symbol(name, known.sizes, known.type))
    return box(Box.default, None, record(None, (), (None,), {"name": name}, known, SymbolicNode))


def rows_of(tree: Any) -> Any:
    """Symbols that are like one element along the first axis of every leaf."""

    def row(x: Any) -> Any:
        known = fresh("x", x)._node.spec
        if isinstance(known, Declared):
            return fresh("x", Declared(known.sizes and known.sizes[1:], known.type))
        return fresh("x", Spec(known.shape[1:], known.dtype))

    return map_leaves(row, tree)


def anything_like(tree: Any) -> Any:
    """Symbols of which nothing is known, in place of arrays."""
    return map_leaves(lambda x: fresh("x", Declared(None, None)) if isinstance(x, NUMERIC) else x, tree)


class Captured:
    """One run of a function: what it returned and what it closes over, so that it can be replayed with other values."""

    def __init__(self, function: Callable[..., Any], likes: Sequence[Any]):
        oldest = next_number()
        leaves, structure = flatten(tuple(likes))
        xs = [fresh(f"x{i}", x) if isinstance(x, NUMERIC) else x for i, x in enumerate(leaves)]
        with enable_grad():
            self.result = function(*unflatten(structure, xs))
        self.outputs, self.structure = flatten(self.result)
        self.places = [(i, x._node) for i, x in enumerate(xs) if isinstance(x, Box)]
        heads = [y._node for y in self.outputs if isinstance(y, Box) and y._node is not None]
        order = ancestors([node for node in heads if node.number >= oldest], oldest)[::-1]
        own = [node for _, node in self.places]
        reached = descendants(order, own)
        self.nodes = [node for node in order if node in reached and node not in own]
        outside: dict[Node, Any] = {}
        for node in self.nodes:
            for value, parent in zip(node.kept[1:], node.parents, strict=False):
                if parent is not None and parent not in reached:
                    outside.setdefault(parent, box(Box.default, value, parent))
        for y in self.outputs:
            if isinstance(y, Box) and y._node is not None and y._node not in reached:
                outside[y._node] = y
        self.outside = outside

    def replayed(self, outside: Sequence[Any], *args: Any) -> Any:
        """What the function gives for these arguments, and these values of what it closes over."""
        leaves, _ = flatten(args)
        known: dict[Any, Any] = dict(zip(self.outside, outside, strict=True))
        known.update((node, operand("function", leaves[i])) for i, node in self.places)
        replay(self.nodes, known)
        found = [known[y._node] if isinstance(y, Box) and y._node in known else y for y in self.outputs]
        return unflatten(self.structure, found)


def later(
    name: str,
    error: UnknownError,
    functions: Sequence[Callable[..., Any]],
    likes: Sequence[Sequence[Any]],
    given: Any,
    run: Callable[..., Any],
    form: Callable[..., Any],
) -> Any:
    """``run(functions, given)`` when shapes are known; until then a tree of symbols, like ``form(results, given)``.

    ``likes`` are arguments for each function. Raises the ``error`` that stopped the call of ``name``, if nothing is
    unknown.
    """
    runs = [Captured(function, like) for function, like in zip(functions, likes, strict=True)]
    outside = [list(captured.outside.values()) for captured in runs]
    met = [*flatten(given)[0], *(x for xs in outside for x in xs)]
    if not any(isinstance(x, Box) and x._node.__class__ is UnknownNode for x in met):
        raise error

    def computed(given: Any, outside: Sequence[Any]) -> tuple[Any, ...]:
        again = [functools.partial(one.replayed, values) for one, values in zip(runs, outside, strict=True)]
        return tuple(flatten(run(again, given))[0])

    computed.__name__ = name
    both = defer(computed, (given, outside), {})
    leaves, structure = flatten(form([captured.result for captured in runs], given))
    picked = [
        defer(operator.getitem, (both, i), {}) if isinstance(x, (*NUMERIC, int)) else x for i, x in enumerate(leaves)
    ]
    return unflatten(structure, picked)


def waits(
    name: str,
    evaluate: Callable[..., Any],
    function: Callable[..., Any],
    transform: Callable[..., Any],
    form: Callable[..., Any],
    known: bool = True,
) -> Callable[..., Any]:
    """``evaluate``, which is ``transform(function)``, or where shapes are unknown a node that waits for them.

    ``form(result, args)`` is a tree like what it gives, for a result of the function. With ``known`` the function sees
    arguments of the shapes that were given.
    """

    @functools.wraps(evaluate)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        try:
            return evaluate(*args, **kwargs)
        except UnknownError as error:
            return later(
                name,
                error,
                [functools.partial(function, **kwargs)],
                [args if known else anything_like(args)],
                args,
                lambda functions, given: transform(functions[0])(*given),
                lambda results, given: form(results[0], given),
            )

    return waiting


def parts(args: Sequence[Any], argnums: int | Sequence[int]) -> Any:
    """The differentiated arguments, as derivatives have their form."""
    return args[argnums] if hasattr(argnums, "__index__") else tuple(args[i] for i in argnums)  # type: ignore[index,union-attr]  # as positions() says
