"""bind: a graph with arrays for its inputs, run forward and backward, with gradients written or added where asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.config import enable_grad
from chainrule.errors import DomainError, GradientError, SymbolError
from chainrule.graph.function import as_list, fitting
from chainrule.graph.gradients import gradients
from chainrule.graph.graph import Graph, graph_of
from chainrule.graph.specialise import for_values
from chainrule.node import Node, record
from chainrule.ops import ops
from chainrule.tensor import Tensor

MODES = ("write", "add", "null")


class Bound:
    """A program with values: ``forward()`` computes the outputs, ``backward()`` the gradients of its inputs.

    ``values``, ``outputs`` and ``grads`` are what was computed with and what came of it, by the names of the inputs,
    and in the order of the outputs.
    """

    def __init__(self, graph: Graph, values: Any, modes: Any):
        names = graph.list_inputs()  # type: ignore[attr-defined]  # attached to Graph
        for shared in names:
            if names.count(shared) > 1:
                raise SymbolError(
                    f"[bind] two inputs are named {shared}, so a value could mean either; expected names that differ; "
                    f"make one of them with another name."
                )
        missing = graph.missing()
        if missing:
            raise SymbolError(
                f"[bind] the outputs need {', '.join(missing)}, which the inputs ({', '.join(names)}) leave out; "
                f"expected every symbol the outputs depend on; add it to the inputs."
            )
        given = _by_input("values", names, values)
        absent = [name for name in names if name not in given]
        if absent:
            raise SymbolError(f"[bind] no value was given for {', '.join(absent)}; {_wanted(names)}")
        fixed = [fitting("bind", node, given[name]) for node, name in zip(graph.inputs, names, strict=True)]
        self.graph = for_values(graph, fixed)
        self._nodes = dict(zip(names, self.graph.inputs, strict=True))
        self.modes = _by_input("modes", names, modes if not isinstance(modes, str) else dict.fromkeys(names, modes))
        for name, mode in self.modes.items():
            if mode not in MODES:
                raise DomainError(
                    f"[bind] the mode of {name} is {mode!r}; expected 'write', 'add' or 'null'; "
                    f"leave modes out for 'write'."
                )
            if mode != "null" and self._nodes[name].dtype.kind not in "fc":
                self.modes[name] = "null"
        self.values = {name: self._fixed(name, given[name]) for name in names}
        self.grads: dict[str, Any] = {
            name: _zeros(self._nodes[name]) for name in names if self.modes.get(name, "null") != "null"
        }
        self.outputs: list[Any] = []
        self._leaves: dict[str, Any] = {}
        self._recorded: list[Any] | None = None

    def _fixed(self, name: str, value: Any) -> Any:
        array = fitting("bind", self._nodes[name], value)
        if isinstance(array, Box):
            if array._value is None:
                raise SymbolError(
                    f"[bind] the value of {name} is symbolic; expected an array or a Tensor with a value; "
                    f"use substitute(...) to put symbols in place of symbols."
                )
            array = array._value
        return box(Tensor, np.array(array)[()], None)

    def forward(self, **new: Any) -> list[Any]:
        """The outputs; values given by name replace those of before, and stay."""
        unknown = sorted(set(new) - set(self._nodes))
        if unknown:
            raise SymbolError(f"[bind] {unknown[0]} is not among the inputs; {_wanted(list(self._nodes))}")
        self.values.update({name: self._fixed(name, value) for name, value in new.items()})
        self._leaves = {name: _leaf(self.values[name]) for name in self.grads}
        with enable_grad(), np.errstate(all="ignore"):
            self._recorded = self.graph.run([self._leaves.get(name, self.values[name]) for name in self._nodes], ops)
        self.outputs = [box(type(y), y._value, None) for y in self._recorded]
        return self.outputs

    def backward(self, head_grads: Any = None) -> None:
        """The gradients of the inputs, into ``grads``, given those of the outputs: a list, or that of a single one.

        None stands for 1, where an output is one number.
        """
        if self._recorded is None:
            raise GradientError("[bind] backward() was called before forward(); call forward() first.")
        heads = self._recorded
        listed = isinstance(head_grads, (list, tuple)) and (len(heads) != 1 or len(head_grads) == 1)
        seeds = [None] * len(heads) if head_grads is None else list(head_grads) if listed else [head_grads]
        if len(seeds) != len(heads):
            raise GradientError(
                f"[bind] {len(seeds)} cotangents were given for {len(heads)} outputs; expected one for each; "
                f"give None for an output that is one number, whose cotangent is 1."
            )
        pairs = [(y, g) for y, g in zip(heads, seeds, strict=True) if y._node is not None]
        leaves = list(self._leaves.values())
        if pairs and leaves:
            ys, gs = zip(*pairs, strict=True)
            found = gradients(ys, leaves, gs, retain_graph=True, allow_unused=True)
        else:
            found = (None,) * len(leaves)
        for (name, before), g in zip(self.grads.items(), found, strict=True):
            g = _zeros(self._nodes[name]) if g is None else g.detach()
            self.grads[name] = ops.add(before, g) if self.modes[name] == "add" else g

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {self.modes.get(name, 'null')}" for name in self._nodes)
        return f"<Bound program of ({inputs}), {len(self.graph.nodes)} nodes>"


def _leaf(x: Any) -> Any:
    return box(Tensor, x._value, record(None, (), (), {}, x._value))


def _zeros(node: Node) -> Any:
    return box(Tensor, np.zeros(node.shape, node.dtype)[()], None)


def _wanted(names: Sequence[str]) -> str:
    return f"expected one value for each of: {', '.join(names)}." if names else "expected none, as it has no inputs."


def _by_input(what: str, names: Sequence[str], given: Any) -> dict[str, Any]:
    """A dict by name, or a sequence in the order of the inputs, as a dict by name."""
    if isinstance(given, Mapping):
        found = {key._node.name() if isinstance(key, Box) else key: value for key, value in given.items()}
        unknown = [name for name in found if name not in names]
        if unknown:
            raise SymbolError(f"[bind] {what} has {unknown[0]!r}, which is not among the inputs; {_wanted(names)}")
        return found
    listed = as_list(given)
    if len(listed) != len(names):
        raise SymbolError(f"[bind] {what} has {len(listed)} entries; {_wanted(names)}")
    return dict(zip(names, listed, strict=True))


def bind(outputs: Any, values: Any, modes: Any = "write") -> Bound:
    """The program behind ``outputs`` (a Graph, a symbolic Tensor, or several) with a value for each input.

    ``values`` and ``modes`` go by name, by symbol, or in the order of the inputs. Modes say what ``backward`` does with
    the gradient of an input: ``"write"`` replaces the one of before, ``"add"`` adds to it, ``"null"`` computes none
    (as for inputs that are not named in a dict of modes).

    >>> import chainrule as cr
    >>> a, b = cr.symbol("a", shape=(2,)), cr.symbol("b", shape=(2,))
    >>> program = cr.bind(2 * a + b, {"a": [1.0, 2.0], "b": [3.0, 4.0]}, modes={"a": "add", "b": "write"})
    >>> program.forward()
    [tensor([5., 8.])]
    >>> program.backward([1.0, 1.0])
    >>> program.backward([1.0, 1.0])
    >>> program.grads
    {'a': tensor([4., 4.]), 'b': tensor([1., 1.])}
    """
    return Bound(outputs if isinstance(outputs, Graph) else graph_of(*as_list(outputs)), values, modes)


Graph.bind = bind  # type: ignore[attr-defined]  # attached here, since what it needs is built on Graph
