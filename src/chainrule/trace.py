"""trace: from a function to its Graph, by running it once on symbols."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box, operand_spec
from chainrule.errors import ShapeError, SymbolError
from chainrule.graph.call import called
from chainrule.graph.graph import Graph
from chainrule.graph.waiting import fresh
from chainrule.ops import ops
from chainrule.spec import Spec, as_dtype, as_shape
from chainrule.tree import Structure, flatten, same_structure, unflatten
from chainrule.unknown import unknown_symbol


class Traced(Graph):
    """The Graph of a function; it is called as the function was, with trees of values, and gives a tree of outputs."""

    def __init__(self, name: str, inputs: Sequence[Any], outputs: Sequence[Box], taken: Structure, given: Structure):
        super().__init__(inputs, outputs)
        self._name, self._taken, self._given = name, taken, given

    def __call__(self, *args: Any) -> Any:
        flat: list[Any] = []
        for child, arg in zip(self._taken.children, args, strict=False):
            # Where an array is expected, a list is one, as everywhere.
            leaves, structure = ([arg], child) if child.rebuild is None else flatten(arg)
            flat += leaves
            if not same_structure(structure, child):
                raise self._misfit(args)
        if len(args) != len(self._taken.children):
            raise self._misfit(args)
        return unflatten(self._given, called(self, self._name, flat, {}))

    def inline(self) -> Traced:
        """This graph with the inside of every call in its place, at any depth; called with the same trees."""
        flat = super().inline()  # type: ignore[misc]  # attached in graph/call.py
        return Traced(self._name, flat.inputs, flat.outputs, self._taken, self._given)

    def _misfit(self, args: Any) -> ShapeError:
        return ShapeError(
            f"[{self._name}] the arguments are a tree {flatten(args)[1]}, and it was traced with {self._taken}; "
            f"expected the same tree; give one array for each *, or trace it again."
        )


def trace(function: Any, *specs: Any, **parameters: Any) -> Any:
    """The Graph of ``function``, run once on symbols of these specs: the program x ↦ f(x), for any values of them.

    (Of an array in place of a function: Σᵢ xᵢᵢ, the sum of its diagonal, as in NumPy.)

    Each argument is a tree whose leaves say shape and dtype: Specs, arrays, Tensors, numbers, or anything that has
    ``.shape`` and ``.dtype``; an argument may also be a pair such as ``((2, 3), "float32")``, in which None is a size
    that stays open, as in :func:`symbol`. Inputs are named after
    the parameters of the function. Tensors that the function closes over stay differentiable. A function that asks for
    values (``if x > 0``, ``float(x)``) raises a SymbolError.

    >>> import chainrule as cr
    >>> graph = trace(lambda x, w: {"y": cr.sum(x @ w)}, ((2, 3), "float32"), cr.ones(3, dtype="float32"))
    >>> print(graph)
    x  = input              : float32[2, 3]
    w  = input              : float32[3]
    %0 = matmul(x, w)       : float32[2]
    %1 = sum(%0, axis=(0,)) : float32[]
    return %1
    >>> graph(np.ones((2, 3)), np.ones(3))
    {'y': tensor(6., dtype=float32)}
    >>> trace(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if not callable(function):
        return ops.trace(function, *specs, **parameters)
    if parameters:
        raise SymbolError(
            f"[trace] {next(iter(parameters))!r} was given by name; expected arguments of the function by position, "
            f"which become inputs; bind others first, with functools.partial(f, {next(iter(parameters))}=...)."
        )
    flat, taken = flatten(tuple(map(_argument, specs)))
    names = _names(function, taken)
    symbols = [fresh(name, _leaf_spec(leaf)) for name, leaf in zip(names, flat, strict=True)]
    result = function(*unflatten(taken, [box(type(x), None, x._node) for x in symbols]))
    outputs, given = flatten(result)
    heads = [y if isinstance(y, Box) else box(Box.default, np.array(as_value("trace", y))[()], None) for y in outputs]
    return Traced(getattr(function, "__name__", "function"), symbols, heads, taken, given)


def _argument(x: Any) -> Any:
    """An argument in which a pair of shape and dtype is a Spec, or, with None for what is open, a symbol."""
    if isinstance(x, tuple) and len(x) == 2 and isinstance(x[1], (str, np.dtype, type)):
        if x[0] is None or (isinstance(x[0], tuple) and None in x[0]):
            return box(Box.default, None, unknown_symbol("x", x[0], as_dtype("trace", x[1])))
        return Spec(as_shape("trace", x[0]), as_dtype("trace", x[1]))
    return x


def _leaf_spec(leaf: Any) -> Any:
    """What is known of the arrays a leaf of the arguments stands for."""
    if isinstance(leaf, Box) and leaf._value is None:
        return leaf._node.spec
    if not isinstance(leaf, (Box, np.ndarray, np.generic)) and hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return Spec(as_shape("trace", leaf.shape), as_dtype("trace", leaf.dtype))
    return operand_spec("trace", leaf)


def _names(function: Callable[..., Any], taken: Structure) -> list[str]:
    """A name for each leaf: that of its parameter, with a number where there are several."""
    names: list[str] = []
    for parameter, child in zip(_parameters(function), taken.children, strict=False):
        alone = child.rebuild is None
        names += [parameter] if alone else [f"{parameter}_{i}" for i in range(child.leaves)]
    return [name if names.index(name) == i else f"{name}_{i}" for i, name in enumerate(names)]


def _parameters(function: Callable[..., Any]) -> Iterator[str]:
    """Names for positional arguments, without end."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            yield parameter.name
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    for number in itertools.count():
        yield f"{rest}{number}"
