"""Explicit construction: symbols first, values later."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.errors import SymbolError
from chainrule.graph.function import Function, as_list, check_update, fitting
from chainrule.graph.gradients import seed_spec
from chainrule.graph.graph import Graph, graph_of
from chainrule.graph.state import Cell, StateNode, locked
from chainrule.node import SymbolicNode, record
from chainrule.spec import Spec, as_dtype, as_shape
from chainrule.substitution import constant, pairs_of, replaced
from chainrule.tensor import Tensor
from chainrule.unknown import UnknownNode, unknown_symbol

_automatic = itertools.count()


def symbol(name: str | None = None, shape: Any = (), dtype: Any = "float64") -> Tensor:
    """A Tensor without a value: the input of a graph that is built before it is run.

    A symbol is a number unless ``shape`` says more. ``shape=None``, None for the size of an axis, or ``dtype=None``
    leaves that open until values come: calls on it wait, and programs are specialised to the values they meet, once for
    each shapes and dtypes. What must know a shape at once (``x.shape``, ``len(x)``, iteration) raises a SymbolError.

    Where a Tensor with a value meets symbols, the graph takes the value it has then; its gradient is not lost.

    >>> import chainrule as cr
    >>> a, b = cr.symbol("a", shape=(2, 1)), cr.symbol("b", shape=(2, 1))
    >>> c = 2 * a + b
    >>> print(c.graph())
    a  = input          : float64[2, 1]
    b  = input          : float64[2, 1]
    %0 = multiply(2, a) : float64[2, 1]
    c  = add(%0, b)     : float64[2, 1]
    return c
    >>> c.eval(a=[[1.0], [2.0]], b=[[3.0], [4.0]])
    tensor([[5.],
            [8.]])
    >>> x = cr.symbol("x", shape=(None, 3))
    >>> f = cr.function([x], [cr.sum(x * x), cr.gradients(cr.sum(x * x), x)])
    >>> f([[1.0, 2.0, 3.0]])
    (tensor(14.), tensor([[2., 4., 6.]]))
    """
    name = _named("symbol", name)
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    if dtype is None or any(size is None for size in sizes):
        known = None if shape is None else as_shape("symbol", [0 if size is None else size for size in sizes])
        declared = known and tuple(None if size is None else n for size, n in zip(sizes, known, strict=True))
        return box(Tensor, None, unknown_symbol(name, declared, None if dtype is None else as_dtype("symbol", dtype)))
    spec = Spec(as_shape("symbol", shape), as_dtype("symbol", dtype))
    return box(Tensor, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))


def _named(function: str, name: Any) -> str:
    if name is None:
        name = f"x{next(_automatic)}"
    if not isinstance(name, str) or not name.isidentifier():
        raise SymbolError(f"[{function}] the name is {name!r}; expected a Python identifier, such as 'x' or 'w1'.")
    # As Python spells the keyword in eval(µ=...).
    return unicodedata.normalize("NFKC", name)


def state(value: Any, name: str | None = None) -> Tensor:
    """A symbol that brings its own value, which lasts: programs read it, and give it a new one by ``updates``.

    ``get_value()`` and ``set_value(value)`` read and replace it from outside; shape and dtype stay those of ``value``.

    >>> import chainrule as cr
    >>> total, x = cr.state(0.0, "total"), cr.symbol("x")
    >>> add = cr.function([x], total, updates=[(total, total + x)])
    >>> add(2.0), add(3.0), total.get_value()
    (tensor(0.), tensor(2.), tensor(5.))
    """
    if isinstance(value, Box) and value._value is None:
        raise SymbolError(
            f"[state] the value is symbolic ({value!r}); expected an array, a number or a Tensor with a value; "
            f"give the value to start with."
        )
    start = np.array(value._value if isinstance(value, Box) else as_value("state", value))[()]
    node = record(None, (), (None,), {"name": _named("state", name)}, start, StateNode)
    assert isinstance(node, StateNode)
    node.cell = Cell(start)
    return box(Tensor, None, node)


def _state_of(function: str, x: Tensor) -> StateNode:
    if not isinstance(x._node, StateNode):
        raise SymbolError(f"[{function}] {x!r} is no state; expected what state(value) returned.")
    return x._node


def _get_value(self: Tensor) -> Tensor:
    """The value that this state has now."""
    return box(Tensor, _state_of("get_value", self).cell.value, None)


def _set_value(self: Tensor, value: Any) -> None:
    """Give this state another value, of its own shape."""
    node = _state_of("set_value", self)
    fixed = fitting("set_value", node, value)
    new = np.array(fixed._known("set_value") if isinstance(fixed, Tensor) else fixed)[()]
    with locked([node]):
        node.cell.value = new


def function(inputs: Any, outputs: Any, givens: Any = None, updates: Any = None, compile: bool = False) -> Function:
    """The program that computes ``outputs`` (one Tensor, or a sequence) from values of the symbols ``inputs``.

    ``givens`` (a dict, or pairs) puts something else in place of symbols, states or results, in this program only.
    ``updates`` (a dict, or pairs) gives states new values, computed from the old ones in the same run, after which all
    are written at once; if anything fails, none is. Programs that share states wait for each other. With ``compile``
    the program, and derivatives that are asked of its results, run as machine code.

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> f = cr.function([x], [x * x, cr.gradients(x * x, x)])
    >>> f(3.0)
    (tensor(9.), tensor(6.))
    >>> w = cr.state([1.0, -1.0], "w")
    >>> loss = cr.sum((w - x) ** 2)
    >>> descend = cr.function([x], loss, updates=[(w, w - 0.25 * cr.gradients(loss, w))])
    >>> descend(0.0), descend(0.0), w.get_value()
    (tensor(2.), tensor(0.5), tensor([ 0.25, -0.25]))
    """
    heads = as_list(outputs)
    states, new = _checked_updates(updates)
    replacements = pairs_of("function", givens, "givens")
    if replacements:
        # What stands before a state is not replaced, only what its new value is computed from.
        whole = replaced([*heads, *new], replacements, "function")
        heads, new = whole[: len(heads)], whole[len(heads) :]
        outputs = heads[0] if isinstance(outputs, Box) else heads
    else:
        outputs = outputs if isinstance(outputs, Box) or not isinstance(outputs, Iterable) else heads
    return Function(inputs, outputs, updates=list(zip(states, new, strict=True)), compile=compile)


def _checked_updates(updates: Any) -> tuple[list[StateNode], list[Any]]:
    """The states of updates, and their new values, in the shape and dtype they have."""
    states: list[StateNode] = []
    new = []
    for cell, value in pairs_of("function", updates, "updates"):
        if not isinstance(cell, Box) or not isinstance(cell._node, StateNode):
            raise SymbolError(
                f"[function] {cell!r} is updated, and it is no state; expected pairs of a state and its new value; "
                f"make it with state(value)."
            )
        node = cell._node
        if node in states:
            raise SymbolError(
                f"[function] the state {node.name()} is updated twice; expected one new value for each; leave one out."
            )
        value = value if isinstance(value, Box) else constant("function", value)
        if value._node.__class__ is not UnknownNode:
            check_update("function", node, seed_spec(value))
        states.append(node)
        new.append(value)
    return states, new


def _eval(self: Tensor, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Tensor:
    """The value of this symbolic Tensor, given values by name, or as a dict from symbols (or names).

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> (x * x).eval(x=3.0)
    tensor(9.)
    """
    if values is not None and not isinstance(values, Mapping):
        raise SymbolError(
            f"[eval] the values are a {type(values).__name__}; expected one value for each name; "
            f"write y.eval(x=...), or y.eval({{x: ...}})."
        )
    if not self.is_symbolic:
        return self
    symbols = graph_of(self).symbols
    for key, value in (values or {}).items():
        if isinstance(key, Box) and key._node not in symbols:
            raise SymbolError(
                f"[eval] a value was given for {key!r}, which this Tensor does not depend on; leave it out."
            )
        name = key._node.name() if isinstance(key, Box) else key
        if name in named:
            raise SymbolError(f"[eval] {name} was given twice; expected one value for each name; leave one out.")
        named[name] = value
    wanted = [node for node in symbols if not isinstance(node, StateNode)]
    return Function([box(type(self), None, node) for node in wanted], self, "eval")(**named)


def _graph(self: Tensor) -> Graph:
    """The graph behind this Tensor, symbolic or recorded; print it to read it."""
    return graph_of(self)


def _repr_latex_(self: Tensor) -> str | None:
    """What a notebook shows of a symbolic Tensor: its mathematics. None, which lets it be printed, of any other."""
    return graph_of(self)._repr_latex_() if self._value is None and self._node.axis is None else None


Tensor.eval = _eval
Tensor._repr_latex_ = _repr_latex_
Tensor.graph = _graph
Tensor.get_value = _get_value  # attached here, as what they need is built on Tensor
Tensor.set_value = _set_value
