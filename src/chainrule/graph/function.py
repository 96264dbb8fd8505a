"""Function: a program of symbols that is called with values, and may keep state from one call to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.errors import DTypeError, ShapeError, SymbolError
from chainrule.graph.graph import Graph
from chainrule.graph.inspection import Inside, Inspected, nothing_compiled
from chainrule.graph.plan import compiled
from chainrule.graph.specialise import all_specialised, fitting_unknown, for_values, is_unknown
from chainrule.graph.state import StateNode, locked, states_of
from chainrule.node import Node
from chainrule.ops import ops
from chainrule.spec import Spec, spec_of
from chainrule.unknown import UnknownNode

FEW = 3  # runs without a plan
Updates = Sequence[tuple[StateNode, Box]]


class Function(Inspected):
    """A compiled-once program of symbols: call it with values, by position or by name.

    With ``compile=True`` it tells what was compiled, as functions of ``jit`` do: ``explain()``, ``llvm()``, ``asm()``,
    ``memory()``, ``profile(...)`` and ``export(folder)``. Symbols of unknown shape need values for that, or a call
    before.
    """

    # The outputs of a graph by machine code, and its body with what it closes over: told by native/compiled.py, which
    # stands floors above.
    run_compiled: Callable[[Graph, Sequence[Any]], Sequence[Any]]
    compiled_body: Callable[[Graph], tuple[Any, Sequence[Any]]]

    def __init__(self, inputs: Any, outputs: Any, name: str = "function", updates: Updates = (), compile: bool = False):
        self._compile = compile
        self._name = name
        self._single = isinstance(outputs, Box)
        symbols, heads = as_list(inputs), as_list(outputs)
        for i, x in enumerate(symbols):
            if not isinstance(x, Box) or x._value is not None or x._node.op is not None:
                raise SymbolError(f"[function] input {i} is no symbol; expected what symbol(...) returned.")
            if isinstance(x._node, StateNode):
                raise SymbolError(
                    f"[function] input {i} is the state {x._node.name()}, which brings its own value; expected what "
                    f"symbol(...) returned; leave it out, or write givens={{{x._node.name()}: symbol(...)}}."
                )
        for i, y in enumerate(heads):
            if not isinstance(y, Box):
                raise SymbolError(
                    f"[function] output {i} is a {type(y).__name__}; expected a Tensor computed from the inputs; "
                    f"give one, or a sequence; wrap a constant in tensor(...)."
                )
        self._updated = [state for state, _ in updates]
        self._count = len(heads)
        whole = Graph([x._node for x in symbols], [*heads, *(y for _, y in updates)])
        self._states = [state for state in states_of(whole.nodes) if state not in whole.inputs]
        self.graph = Graph([*whole.inputs, *self._states], whole.outputs)
        self._inputs = whole.inputs
        self._names = [n.name() for n in self._inputs]
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
        values = arguments(self._name, self._inputs, args, named)
        if not self._states and not self._updated:
            results = self._run(values)
        else:
            with locked([*self._states, *self._updated]):
                results = self._run([*values, *(state.cell.value for state in self._states)])
                self._update(results[self._count :])
        results = results[: self._count]
        return results[0] if self._single else tuple(results)

    def _run(self, values: list[Any]) -> list[Any]:
        graph = for_values(self.graph, values)
        tracked = graph.tracked or any(isinstance(v, Box) and v._node is not None for v in values)
        # As eager walks do: a derivative may divide by zero on a branch that is not taken.
        with np.errstate(all="ignore"):
            if self._compile:
                results = Function.run_compiled(graph, values)
            elif tracked:
                results = graph.run(values, ops)
            else:
                results = run_on_arrays(graph, [v._value if isinstance(v, Box) else v for v in values])
        lent = [v for v in values if isinstance(v, np.ndarray)]
        return [r if isinstance(r, Box) else box(self._cls, own(r, lent), None) for r in results]

    def _update(self, results: list[Any]) -> None:
        """Give the states their new values: all of them, since whatever could fail has been done before."""
        new = []
        for state, result in zip(self._updated, results, strict=True):
            if result._value is None:
                raise SymbolError(
                    f"[{self._name}] the new value of the state {state.name()} is symbolic, as a value it was computed "
                    f"from is; expected values; give arrays or Tensors that have one."
                )
            check_update(self._name, state, spec_of(result._value))
            new.append(np.asarray(result._value).astype(state.dtype, copy=False)[()])
        for state, value in zip(self._updated, new, strict=True):
            state.cell.value = value

    def _inside(self, asked: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Inside:
        if not self._compile:
            raise SymbolError(
                f"[{asked}] the program is run by NumPy, op by op; expected one that is compiled; "
                f"write function(inputs, outputs, compile=True)."
            )
        values: list[Any] = []
        if args or kwargs or not self._names:
            values = arguments(self._name, self._inputs, args, kwargs) + [x.cell.value for x in self._states]
            graph = for_values(self.graph, values)
        elif asked == "profile":
            raise nothing_compiled(asked, self._names)
        elif not is_unknown(self.graph):
            graph = self.graph
        elif made := list(all_specialised(self.graph)):
            graph = made[-1]
        else:
            raise nothing_compiled(asked, self._names)
        body, outside = Function.compiled_body(graph)
        names = [*(f"closure{i}" for i in range(len(outside))), *(node.name() for node in graph.inputs)]
        return Inside(body.plan.program, names, lambda: [*outside, *values], self._name)

    def __repr__(self) -> str:
        return f"<Function of ({', '.join(self._names)}), {len(self.graph.nodes)} nodes>"


def run_on_arrays(graph: Graph, values: Sequence[Any]) -> Sequence[Any]:
    """The outputs on bare arrays: by a compiled plan, once the graph has run so often that making one pays."""
    known = vars(graph)
    known["_runs"] = runs = known.get("_runs", 0) + 1
    if runs <= FEW:
        return graph.run(values)
    plan = known.get("_plan")
    if plan is None:
        plan = known["_plan"] = compiled(graph)
    return plan(*values)


def check_update(function: str, state: StateNode, spec: Spec) -> None:
    """Refuse a new value of a state in another shape, or in a dtype that does not cast to its own."""
    if spec.shape != state.shape:
        raise ShapeError(
            f"[{function}] the new value of the state {state.name()} has shape {spec.shape}, and the state "
            f"{state.shape}; expected equal shapes, since a state keeps its own; reduce it, or make the state "
            f"of that shape."
        )
    if not np.can_cast(spec.dtype, state.dtype, casting="same_kind"):
        raise DTypeError(
            f"[{function}] the new value of the state {state.name()} is {spec.dtype}, and the state {state.dtype}; "
            f"expected a dtype that casts to {state.dtype}; convert it with astype."
        )


def own(result: Any, lent: Sequence[Any]) -> Any:
    """A result that shares no memory with the caller's arrays, who may write to them."""
    return result.copy() if any(np.may_share_memory(result, array) for array in lent) else result


def as_list(given: Any) -> list[Any]:
    """One Tensor, or an iterable of several, as a list."""
    return [given] if isinstance(given, Box) or not isinstance(given, Iterable) else list(given)


def arguments(function: str, inputs: Sequence[Node], args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """A value for each input, given by position or by name, in its dtype; another shape is an error."""
    names = [node.name() for node in inputs]
    given = dict(enumerate(args))
    unknown = sorted(set(named) - set(names))
    twice = [name for i, name in enumerate(names) if name in named and i in given]
    absent = [name for i, name in enumerate(names) if i not in given and name not in named]
    if len(args) > len(names) or unknown or twice or absent:
        told = (
            f"{len(args)} values were given"
            if len(args) > len(names)
            else f"{unknown[0]} is not among its inputs"
            if unknown
            else f"{sorted(twice)[0]} was given twice"
            if twice
            else f"no value was given for {', '.join(absent)}"
        )
        wanted = f"one value for each of: {', '.join(names)}" if names else "none, as it has no inputs"
        raise SymbolError(f"[{function}] {told}; expected {wanted}.")
    return [
        fitting(function, node, given[i] if i in given else named[name])
        for i, (node, name) in enumerate(zip(inputs, names, strict=True))
    ]


def fitting(function: str, node: Node, value: Any) -> Any:
    """A value for a symbol, in its dtype; another shape is an error."""
    if node.__class__ is UnknownNode:
        return fitting_unknown(function, node, value)
    if isinstance(value, Box):
        spec, array = value._node.spec if value._value is None else spec_of(value._value), None
    else:
        array = np.asarray(as_value(function, value))
        spec = Spec(array.shape, array.dtype)
    if spec.dtype == node.dtype and spec.shape == node.shape:
        return value if array is None else array[()]
    if spec.shape != node.shape:
        raise ShapeError(
            f"[{function}] the value of {node.name()} has shape {spec.shape}, but it was declared {node.spec!r}; "
            f"expected shape {node.shape}; reshape the value, or declare symbol({node.name()!r}, shape={spec.shape})."
        )
    if not np.can_cast(spec.dtype, node.dtype, casting="same_kind"):
        raise DTypeError(
            f"[{function}] the value of {node.name()} is {spec.dtype}, but it was declared {node.spec!r}; "
            f"expected a dtype that casts to {node.dtype}; convert the value with astype."
        )
    if array is not None:
        return array.astype(node.dtype, copy=False)[()]
    return ops.astype(value, node.dtype)
