"""Function: a program of symbols that is called with values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, as_value, box
from chainrule.errors import DTypeError, ShapeError, SymbolError
from chainrule.graph.graph import Graph
from chainrule.node import Node
from chainrule.ops import ops


class Function:
    """A compiled-once program of symbols: call it with values, by position or by name."""

    def __init__(self, inputs: Any, outputs: Any, name: str = "function"):
        self._name = name
        self._single = isinstance(outputs, Box)
        symbols, heads = _list(inputs), _list(outputs)
        for i, x in enumerate(symbols):
            if not isinstance(x, Box) or x._value is not None or x._node.op is not None:
                raise SymbolError(f"[function] input {i} is no symbol; expected what symbol(...) returned.")
        for i, y in enumerate(heads):
            if not isinstance(y, Box):
                raise SymbolError(
                    f"[function] output {i} is a {type(y).__name__}; expected a Tensor computed from the inputs; "
                    f"give one, or a sequence; wrap a constant in tensor(...)."
                )
        self.graph = Graph([x._node for x in symbols], heads)
        self._names = [n.name() for n in self.graph.inputs]
        for shared in self._names:
            if self._names.count(shared) > 1:
                raise SymbolError(
                    f"[{name}] two symbols are named {shared}, so a value could mean either; expected names that "
                    f"differ, and each symbol once; make one of them with another name."
                )
        missing = self.graph.missing()
        if missing:
            raise SymbolError(
                f"[function] the outputs need {', '.join(missing)}, which the inputs ({', '.join(self._names)}) leave "
                f"out; expected every symbol the outputs depend on; add it to the inputs."
            )
        self._cls = type(heads[0]) if heads else Box.default

    def __call__(self, *args: Any, **named: Any) -> Any:
        values = self._bind(args, named)
        tracked = self.graph.tracked or any(isinstance(v, Box) and v._node is not None for v in values)
        # As eager walks do: a derivative may divide by zero on a branch that is not taken.
        with np.errstate(all="ignore"):
            if tracked:
                results = self.graph.run(values, ops)
            else:
                results = self.graph.run([v._value if isinstance(v, Box) else v for v in values])
        lent = [v for v in values if isinstance(v, np.ndarray)]
        results = [r if isinstance(r, Box) else box(self._cls, _own(r, lent), None) for r in results]
        return results[0] if self._single else tuple(results)

    def _bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        given = dict(zip(self._names, args, strict=False))
        unknown = sorted(set(named) - set(self._names))
        twice = sorted(set(named) & set(given))
        absent = [n for n in self._names if n not in given and n not in named]
        if len(args) > len(self._names) or unknown or twice or absent:
            told = (
                f"{len(args)} values were given"
                if len(args) > len(self._names)
                else f"{unknown[0]} is not among its inputs"
                if unknown
                else f"{twice[0]} was given twice"
                if twice
                else f"no value was given for {', '.join(absent)}"
            )
            wanted = f"one value for each of: {', '.join(self._names)}" if self._names else "none, as it has no inputs"
            raise SymbolError(f"[{self._name}] {told}; expected {wanted}.")
        given.update(named)
        return [_fitting(self._name, node, given[node.name()]) for node in self.graph.inputs]

    def __repr__(self) -> str:
        return f"<Function of ({', '.join(self._names)}), {len(self.graph.nodes)} nodes>"


def _own(result: Any, lent: Sequence[Any]) -> Any:
    """A result that shares no memory with the caller's arrays, who may write to them."""
    return result.copy() if any(np.may_share_memory(result, array) for array in lent) else result


def _list(given: Any) -> list[Any]:
    return [given] if isinstance(given, Box) or not isinstance(given, Iterable) else list(given)


def _fitting(name: str, node: Node, value: Any) -> Any:
    """A value for a symbol, in its dtype; another shape is an error."""
    if isinstance(value, Box):
        source = value._node if value._value is None else value._value
        array = None
    else:
        source = array = np.asarray(as_value(name, value))
    if source.shape != node.shape:
        raise ShapeError(
            f"[{name}] the value of {node.name()} has shape {source.shape}, but it was declared {node.spec!r}; "
            f"expected shape {node.shape}; reshape the value, or declare symbol({node.name()!r}, shape={source.shape})."
        )
    if not np.can_cast(source.dtype, node.dtype, casting="same_kind"):
        raise DTypeError(
            f"[{name}] the value of {node.name()} is {source.dtype}, but it was declared {node.spec!r}; "
            f"expected a dtype that casts to {node.dtype}; convert the value with astype."
        )
    if array is not None:
        return array.astype(node.dtype, copy=False)[()]
    return value if source.dtype == node.dtype else ops.astype(value, node.dtype)
