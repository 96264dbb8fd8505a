"""Explicit construction: symbols first, values later."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import DTypeError, SymbolError
from chainrule.graph.graph import Function, Graph, graph_of
from chainrule.node import SymbolicNode, record
from chainrule.spec import Spec, as_shape
from chainrule.tensor import Tensor

_automatic = itertools.count()


def symbol(name: str | None = None, shape: Any = (), dtype: Any = "float64") -> Tensor:
    """A Tensor without a value: the input of a graph that is built before it is run.

    >>> import chainrule as cr
    >>> a, b = cr.symbol("a", shape=(2, 1)), cr.symbol("b", shape=(2, 1))
    >>> c = 2 * a + b
    >>> print(c.graph())
    a  = input          : float64[2, 1]
    b  = input          : float64[2, 1]
    %0 = multiply(2, a) : float64[2, 1]
    %1 = add(%0, b)     : float64[2, 1]
    return %1
    >>> c.eval(a=[[1.0], [2.0]], b=[[3.0], [4.0]])
    tensor([[5.],
            [8.]])
    """
    if name is None:
        name = f"x{next(_automatic)}"
    if not isinstance(name, str) or not name.isidentifier():
        raise SymbolError(f"[symbol] the name is {name!r}; expected a Python identifier, such as 'x' or 'w1'.")
    try:
        spec = Spec(as_shape("symbol", shape), np.dtype(dtype))
    except TypeError:
        raise DTypeError(f"[symbol] dtype {dtype!r} is unknown; expected a NumPy dtype, such as 'float32'.") from None
    return box(Tensor, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))


def function(inputs: Sequence[Tensor], outputs: Any) -> Function:
    """The program that computes ``outputs`` (one Tensor, or a sequence) from values of the symbols ``inputs``.

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> f = cr.function([x], [x * x, cr.gradients(x * x, x)])
    >>> f(3.0)
    (tensor(9.), tensor(6.))
    """
    return Function([inputs] if isinstance(inputs, Box) else list(inputs), outputs)


def _eval(self: Tensor, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Tensor:
    """The value of this symbolic Tensor, given values by name, or as a dict from symbols (or names).

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> (x * x).eval(x=3.0)
    tensor(9.)
    """
    for key, value in (values or {}).items():
        named[key._node.name() if isinstance(key, Box) else key] = value
    if not self.is_symbolic:
        return self
    graph = graph_of(self)
    inputs = [box(type(self), None, node) for node in graph.symbols]
    return Function(inputs, self)(**named)


def _graph(self: Tensor) -> Graph:
    """The graph behind this Tensor, symbolic or recorded; print it to read it."""
    return graph_of(self)


Tensor.eval = _eval
Tensor.graph = _graph
