"""Explicit construction: symbols first, values later."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.apply import Box, box
from chainrule.errors import SymbolError
from chainrule.graph.function import Function
from chainrule.graph.graph import Graph, graph_of
from chainrule.node import SymbolicNode, record
from chainrule.spec import Spec, as_dtype, as_shape
from chainrule.tensor import Tensor

_automatic = itertools.count()


def symbol(name: str | None = None, shape: Any = (), dtype: Any = "float64") -> Tensor:
    """A Tensor without a value: the input of a graph that is built before it is run.

    Where a Tensor with a value meets symbols, the graph takes the value it has then; its gradient is not lost.

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
    # As Python spells the keyword in eval(µ=...).
    name = unicodedata.normalize("NFKC", name)
    spec = Spec(as_shape("symbol", shape), as_dtype("symbol", dtype))
    return box(Tensor, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))


def function(inputs: Sequence[Tensor], outputs: Any) -> Function:
    """The program that computes ``outputs`` (one Tensor, or a sequence) from values of the symbols ``inputs``.

    >>> import chainrule as cr
    >>> x = cr.symbol("x")
    >>> f = cr.function([x], [x * x, cr.gradients(x * x, x)])
    >>> f(3.0)
    (tensor(9.), tensor(6.))
    """
    return Function(inputs, outputs)


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
    return Function([box(type(self), None, node) for node in symbols], self, "eval")(**named)


def _graph(self: Tensor) -> Graph:
    """The graph behind this Tensor, symbolic or recorded; print it to read it."""
    return graph_of(self)


Tensor.eval = _eval
Tensor.graph = _graph
