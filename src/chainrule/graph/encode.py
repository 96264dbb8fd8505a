"""From a graph to JSON: a node an object, and whatever JSON has no word for an object that says what it is."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from chainrule.errors import GraphFileError
from chainrule.graph.body import Body
from chainrule.graph.data import DEPTH, array_data
from chainrule.graph.gradients import _known_gradients
from chainrule.graph.graph import Graph
from chainrule.graph.legal import GRAPHS
from chainrule.graph.operands import constants_of
from chainrule.graph.state import StateNode, locked, states_of
from chainrule.graph.unfold import unfolded
from chainrule.node import Node
from chainrule.op import COMPOSITES, PICK, REGISTRY, Op
from chainrule.ops.index import SLOT
from chainrule.spec import Spec
from chainrule.tree import unflatten
from chainrule.unknown import Call, UnknownNode

# Functions that calls wait to make and that are no ops, under the names that files give them.
WAITING = {"an output": operator.getitem, "gradients": _known_gradients}
_KINDS = (np.number, np.bool, int, float, complex)  # classes that stand for a dtype


def encoded(graph: Graph) -> dict[str, Any]:
    """A graph as a tree of what JSON knows, with the values that its states have now, all of one moment."""
    graph = unfolded(graph)
    with locked(states_of((*graph.inputs, *graph.nodes))):
        return _Writer().graph(graph, 0)


class _Writer:
    """Writes one file, in which a graph that stands inside several operations is written once."""

    def __init__(self) -> None:
        self.graphs: dict[Body, tuple[int, int]] = {}  # the number of each, and how deep graphs are nested in it
        self.reach = 0  # the deepest that was written so far of the graph at hand

    def within(self, depth: int) -> None:
        self.reach = max(self.reach, depth)
        if depth > DEPTH:
            raise GraphFileError(
                f"[save] graphs are nested more than {DEPTH} deep; expected fewer inside one another; put calls of "
                f"graphs in their places with graph.inline()."
            )

    def graph(self, graph: Graph, depth: int) -> dict[str, Any]:
        self.within(depth)
        numbers: dict[Any, Any] = {}
        nodes: list[Any] = []
        free = [node for node in graph.symbols if node not in graph.inputs]
        for node in (*graph.inputs, *free):
            if node not in numbers:
                numbers[node] = len(nodes)
                nodes.append(_symbol(node, len(nodes)))
        order = graph.computed if not free else [node for node in graph.nodes if node not in numbers and _is_run(node)]
        for node in order:
            if node.op is None:
                numbers[node] = numbers[node.parents[0]]
                continue
            if node.op is PICK:
                numbers[node] = [numbers[node.parents[0]], node.params["index"]]
                continue
            nodes.append(self.call(node, node.op, numbers, depth))
            numbers[node] = len(nodes) - 1
        outputs = [
            numbers[y._node] if y._node in numbers else {"value": self.value(y._value, depth, "an output")}
            for y in graph.outputs
        ]
        return {"nodes": nodes, "inputs": [numbers[node] for node in graph.inputs], "outputs": outputs}

    def call(self, node: Node, op: Op, numbers: dict[Any, Any], depth: int) -> dict[str, Any]:
        operands = [
            numbers[parent] if parent in numbers else {"value": self.value(value, depth, f"an operand of {op.name}")}
            for value, parent in zip(constants_of(node, numbers), node.parents, strict=True)
        ]
        if op.name == "deferred":
            return self.waiting(node.params["call"], operands, depth)
        if op.kind == "program" and op.name not in GRAPHS:
            raise _no_data(op.name, node)
        written: dict[str, Any] = {"op": op.name, "operands": operands}
        if node.params:
            written["params"] = {k: self.value(v, depth, f"{k} of {op.name}") for k, v in node.params.items()}
        return written

    def waiting(self, call: Call, operands: list[Any], depth: int) -> dict[str, Any]:
        """A call that waits for shapes: the name of the function, and its arguments with the numbers of operands."""
        holes = iter(range(len(operands)))
        args, named = unflatten(call.structure, [_Operand(next(holes)) if x is Call else x for x in call.leaves])
        what = f"an argument of {call.name}"
        given = [self.value(x, depth, what) for x in args], {k: self.value(x, depth, what) for k, x in named.items()}
        return {"waiting": _name_of(call), "operands": operands, "arguments": given[0], "named": given[1]}

    def inner(self, body: Body, depth: int) -> Any:
        """A graph inside an operation, or its number if it is in the file already."""
        if body in self.graphs:
            number, height = self.graphs[body]
            self.within(depth + height)
            return number
        before, self.reach = self.reach, depth
        written = self.graph(body, depth)
        self.graphs[body] = len(self.graphs), self.reach - depth  # numbered when they are complete, as they are read
        self.reach = max(self.reach, before)
        return written

    def value(self, x: Any, depth: int, what: str) -> Any:
        """Anything a node holds, as JSON."""
        if x is None or type(x) in (bool, int, str):
            return x
        if type(x) is float:
            return x if math.isfinite(x) else {"float": repr(x)}
        if type(x) is complex:
            return {"complex": [self.value(x.real, depth, what), self.value(x.imag, depth, what)]}
        if type(x) in (tuple, list):
            self.within(depth)
            items = [self.value(one, depth + 1, what) for one in x]
            return items if type(x) is tuple else {"list": items}
        if isinstance(x, slice):
            return {"slice": [self.value(end, depth, what) for end in (x.start, x.stop, x.step)]}
        if x is Ellipsis or x is SLOT:
            return {"mark": "..." if x is Ellipsis else "array"}
        if isinstance(x, _Operand):
            return {"operand": x.number}
        if isinstance(x, np.dtype) or (
            isinstance(x, type) and issubclass(x, (np.number, np.bool, int, float, complex))
        ):
            return {"dtype": np.dtype(x).name}
        if isinstance(x, Spec):
            return {"spec": [list(x.shape), x.dtype.name]}
        if isinstance(x, Body):
            return {"graph": self.inner(x, depth + 1)}
        if isinstance(x, (np.ndarray, np.generic)):
            return {"scalar" if isinstance(x, np.generic) else "array": array_data(np.asarray(x))}
        raise GraphFileError(
            f"[save] {what} is a {type(x).__name__}, which is no data; expected numbers, arrays, tuples, slices and "
            f"graphs; leave the operation out of the graph."
        )


class _Operand:
    """Stands for an operand among the arguments of a call."""

    def __init__(self, number: int):
        self.number = number


def _symbol(node: Node, number: int) -> dict[str, Any]:
    name = node.params.get("name", f"x{number}")
    if isinstance(node, StateNode):
        return {"state": name, "value": array_data(np.asarray(node.cell.value))}
    if isinstance(node, UnknownNode):
        sizes, dtype = node.declared
        return {"symbol": name, "shape": None if sizes is None else list(sizes), "dtype": dtype and dtype.name}
    return {"symbol": name, "shape": [int(size) for size in node.shape], "dtype": node.dtype.name}


def _is_run(node: Node) -> bool:
    return node.symbolic and (node.op is not None or bool(node.parents))


def _name_of(call: Call) -> str:
    """The name of the function that a call makes, by which it is found again."""
    found = next((name for name, function in WAITING.items() if function is call.function), None)
    if found is None and call.name == "_reversed_axes":
        return "T"
    for records in (REGISTRY, COMPOSITES):
        found = found or next((name for name, record in records.items() if record.call is call.function), None)
    if found is None:
        raise GraphFileError(
            f"[save] a call of {call.name} waits for shapes, and it is no function of this library; expected those "
            f"alone; declare the shapes of its symbols."
        )
    return found


def _no_data(name: str, node: Node) -> GraphFileError:
    told = {
        "custom": ("the rules of custom_rule are Python functions", "save the graph of the function without rules"),
        "all_gather": ("the axis of a vmap ends with it", "save the graph of what vmap gives"),
        "reduce_scatter": ("the axis of a vmap ends with it", "save the graph of what vmap gives"),
    }
    why, advice = told.get(name, ("what it does is no data", "leave it out of the graph"))
    return GraphFileError(
        f"[save] {name} cannot be saved, as {why}; expected operations on arrays, calls of graphs, choices and loops; "
        f"{advice}.",
        node.location,
    )
