"""From JSON to a graph: every op is called again on symbols, so that it derives or refuses what the file says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.errors import ChainruleError, GraphFileError
from chainrule.graph import data
from chainrule.graph.body import Body
from chainrule.graph.check import check
from chainrule.graph.data import array_from, bounded, dtype_from, fields_of, list_of, refused, shape_from, shown
from chainrule.graph.encode import WAITING
from chainrule.graph.graph import Graph
from chainrule.graph.legal import GRAPHS, check_params, check_program
from chainrule.graph.state import Cell, StateNode
from chainrule.node import SymbolicNode, record
from chainrule.op import COMPOSITES, PICK, REGISTRY, Op
from chainrule.ops.index import SLOT
from chainrule.spec import Spec
from chainrule.tree import flatten
from chainrule.unknown import UnknownNode, unknown_call, unknown_symbol


class Reader:
    """Reads one file: all its graphs have NODES nodes together, and none is nested deeper than DEPTH."""

    def __init__(self) -> None:
        self.nodes = 0
        self.graphs: list[tuple[Body, int]] = []  # those read so far, and how deep graphs are nested in each
        self.reach = 0  # the deepest that was read so far of the graph at hand

    def whole(self, tree: Any) -> Graph:
        """The graph of a file."""
        graph = self.graph(tree, 0, Graph)
        try:
            check(graph)
        except ChainruleError as error:
            raise refused(error.message, "a legal graph") from error
        return graph

    def within(self, depth: int) -> None:
        self.reach = max(self.reach, depth)
        if depth > data.DEPTH:
            raise refused("graphs are nested too deeply", f"at most {data.DEPTH} inside one another")

    def inner(self, tree: Any, depth: int) -> Body:
        """A graph inside an operation, or one before it by its number."""
        if type(tree) is int:
            if not 0 <= tree < len(self.graphs):
                raise refused(f"{shown(tree)} is no earlier graph", f"a number below {len(self.graphs)}")
            body, height = self.graphs[tree]
            self.within(depth + height)
            return body
        before, self.reach = self.reach, depth
        body = self.graph(tree, depth, Body)
        self.graphs.append((body, self.reach - depth))
        self.reach = max(self.reach, before)
        return body

    def graph(self, tree: Any, depth: int, cls: Any) -> Any:
        fields = fields_of(tree, "a graph", "nodes", "inputs", "outputs")
        self.within(depth)
        made: list[Any] = []  # a Tensor of every node, or a tuple of them
        listed = list_of(fields["nodes"], "nodes")
        self.nodes += len(listed)
        if self.nodes > data.NODES:
            raise refused(f"it has {self.nodes} nodes", f"at most {data.NODES}")
        for one in listed:
            made.append(self.node(one, made, depth))
        inputs = [self.operand(number, made, depth) for number in list_of(fields["inputs"], "inputs")]
        if any(not _is_symbol(x) for x in inputs) or len({id(x) for x in inputs}) < len(inputs):
            raise refused("an input is no symbol, or given twice", "each input a symbol of its own")
        outputs = [self.output(one, made, depth) for one in list_of(fields["outputs"], "outputs")]
        graph = cls(inputs, outputs)
        if cls is Body and graph.missing():
            raise refused(f"a graph inside it needs {', '.join(graph.missing())}", "its symbols among its inputs")
        return graph

    def node(self, tree: Any, made: list[Any], depth: int) -> Any:
        if not isinstance(tree, dict):
            raise refused(f"a node is {shown(tree)}", "an object")
        if "symbol" in tree or "state" in tree:
            x = _symbol(tree) if "symbol" in tree else _state(tree)
            if depth and x._node.__class__ is not SymbolicNode:
                raise refused(f"a graph inside it has the symbol {shown(tree)}", "symbols of known shape there")
            return x
        if "waiting" in tree:
            return self.waiting(fields_of(tree, "a node", "waiting", "operands", "arguments", "named"), made, depth)
        fields = fields_of({"params": {}, **tree}, "a node", "op", "operands", "params")
        op = REGISTRY.get(fields["op"]) if isinstance(fields["op"], str) else None
        if op is None or op is PICK or (op.kind == "program" and op.name not in GRAPHS):
            raise refused(f"{shown(fields['op'])} is no operation", "a name of this library")
        return self.call(op, fields, made, depth)

    def call(self, op: Op, fields: dict[str, Any], made: list[Any], depth: int) -> Any:
        operands = [self.operand(one, made, depth) for one in list_of(fields["operands"], "operands")]
        if not any(isinstance(x, Box) and x._value is None for x in operands):
            raise refused(f"no operand of {op.name} is a node", "constants to be values already")
        if any(isinstance(x, Box) and x._node.__class__ is UnknownNode for x in operands):
            raise refused(f"an operand of {op.name} has no known shape", "a call that waits for it")
        if op.arity is not None and len(operands) != op.arity:
            raise refused(f"{op.name} has {len(operands)} operands", f"{op.arity}")
        given = fields["params"]
        if not isinstance(given, dict) or set(given) != set(op.parameters):
            raise refused(f"the parameters of {op.name} are {shown(given)}", f"{', '.join(op.parameters) or 'none'}")
        params = {key: self.value(x, depth) for key, x in given.items()}
        try:
            if op.kind == "program":
                check_program(op, operands, params)
            out = op.call(operands, **params) if op.sequence else op.call(*operands, **params)
            if op.kind != "program":
                first = out[0]._node.left if isinstance(out, tuple) else out._node  # behind picks, where several
                check_params(op, operands, first.params)
        except GraphFileError:
            raise
        except ChainruleError as error:
            raise refused(error.message, f"operands and parameters that {op.name} takes") from None
        except Exception as error:  # what no rule thought of is refused all the same
            raise refused(f"{op.name} fails: {error}", f"operands and parameters that {op.name} takes") from None
        for y in out if isinstance(out, tuple) else (out,):
            if not isinstance(y, Box) or y._value is not None:
                raise refused(f"{op.name} gives no symbol", "operations on nodes")
            bounded(y._node.shape)
        return tuple(out) if isinstance(out, tuple) else out

    def waiting(self, fields: dict[str, Any], made: list[Any], depth: int) -> Any:
        """A call that waits for shapes. It is not made now, so that what it takes is seen when shapes are known."""
        name = fields["waiting"]
        operands = [self.operand(one, made, depth) for one in list_of(fields["operands"], "operands")]
        operands = [x if isinstance(x, Box) else box(Box.default, np.asarray(x)[()], None) for x in operands]
        if not any(x._value is None and x._node.__class__ is UnknownNode for x in operands):
            raise refused(f"{shown(name)} waits for shapes, and all are known", "an operand of unknown shape")
        if name == "T" and len(operands) == 1:
            return operands[0].T  # type: ignore[attr-defined]  # of every Tensor
        function = _waiting_function(name)
        named = fields["named"]
        if not isinstance(named, dict):
            raise refused(f"arguments are {shown(named)}", "an object of their names")
        args = tuple(self.value(x, depth, operands) for x in list_of(fields["arguments"], "arguments"))
        given = {key: self.value(x, depth, operands) for key, x in named.items()}
        held = [x for x in flatten((args, given))[0] if isinstance(x, Box)]
        if len(held) != len(operands) or {*map(id, held)} != {*map(id, operands)}:
            raise refused(f"{name} leaves operands out, or takes them twice", "each operand once among its arguments")
        return box(Box.default, None, unknown_call(function, args, given, Box))

    def place(self, number: Any, made: list[Any]) -> Any:
        if type(number) is not int or not 0 <= number < len(made):
            raise refused(f"{shown(number)} is no earlier node", f"a number below {len(made)}")
        return made[number]

    def operand(self, tree: Any, made: list[Any], depth: int) -> Any:
        if isinstance(tree, dict):
            value = self.value(fields_of(tree, "an operand", "value")["value"], depth)
            if not isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
                raise refused(f"a constant is {shown(value)}", "a number or an array")
            return value
        if isinstance(tree, list):
            number, output = tree if len(tree) == 2 else (None, None)
            several = self.place(number, made)
            if not isinstance(several, tuple) or type(output) is not int or not 0 <= output < len(several):
                raise refused(f"{tree} is no output of a node with several", "its number, and that of the output")
            return several[output]
        found = self.place(tree, made)
        if isinstance(found, tuple):
            raise refused(f"node {tree} has several outputs", f"one of them, as in [{tree}, 0]")
        return found

    def output(self, tree: Any, made: list[Any], depth: int) -> Any:
        found = self.operand(tree, made, depth)
        if isinstance(found, Box):
            return found
        return box(Box.default, found if hasattr(found, "dtype") else np.asarray(found)[()], None)

    def value(self, tree: Any, depth: int, operands: Sequence[Any] = ()) -> Any:
        """What the value was before it was written. ``operands`` are those that arguments of a call stand for."""
        if isinstance(tree, list):
            self.within(depth)
            return tuple(self.value(x, depth + 1, operands) for x in tree)
        if type(tree) is int and not -(2**63) <= tree < 2**64:
            raise refused(f"an integer has {tree.bit_length()} bits", "at most 64")
        if not isinstance(tree, dict):
            return tree
        if len(tree) != 1:
            raise refused(f"a value is {shown(tree)}", "one key that says what it is")
        ((kind, inner),) = tree.items()
        match kind:
            case "float" if inner in ("nan", "inf", "-inf"):
                return float(inner)
            case "complex" if isinstance(inner, list) and len(inner) == 2:
                parts = self.value(inner, depth)
                if all(type(part) is float for part in parts):
                    return complex(*parts)
            case "list" if isinstance(inner, list):
                return list(self.value(inner, depth, operands))
            case "slice" if isinstance(inner, list) and len(inner) == 3:
                ends = self.value(inner, depth)
                if all(end is None or type(end) is int for end in ends):
                    return slice(*ends)
            case "mark" if inner in ("...", "array"):
                return Ellipsis if inner == "..." else SLOT
            case "dtype":
                return dtype_from(inner)
            case "spec" if isinstance(inner, list) and len(inner) == 2:
                return Spec(shape_from(inner[0]), dtype_from(inner[1]))
            case "graph":
                return self.inner(inner, depth + 1)
            case "operand" if type(inner) is int and 0 <= inner < len(operands):
                return operands[inner]
            case "array":
                return array_from(inner)
            case "scalar":
                return array_from(inner, ())[()]
        raise refused(f"a value is {shown(tree)}", "numbers, tuples, slices, dtypes, arrays or graphs")


def _is_symbol(x: Any) -> bool:
    return isinstance(x, Box) and x._value is None and x._node.op is None


def _symbol(tree: Any) -> Any:
    fields = fields_of(tree, "a symbol", "symbol", "shape", "dtype")
    name, sizes, dtype = _name(fields["symbol"]), fields["shape"], fields["dtype"]
    if sizes is None or dtype is None or None in list_of(sizes, "axes"):
        if sizes is not None:
            known = shape_from([0 if size is None else size for size in sizes])
            sizes = tuple(None if size is None else n for size, n in zip(sizes, known, strict=True))
        return box(Box.default, None, unknown_symbol(name, sizes, None if dtype is None else dtype_from(dtype)))
    spec = Spec(shape_from(sizes), dtype_from(dtype))
    return box(Box.default, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))


def _state(tree: Any) -> Any:
    fields = fields_of(tree, "a state", "state", "value")
    value = array_from(fields["value"])[()]
    node = record(None, (), (None,), {"name": _name(fields["state"])}, value, StateNode)
    assert isinstance(node, StateNode)
    node.cell = Cell(value)
    return box(Box.default, None, node)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 1000:
        raise refused(f"a symbol is named {shown(name)}", "a Python identifier")
    return name


def _waiting_function(name: Any) -> Callable[..., Any]:
    if isinstance(name, str):
        if name in WAITING:
            return WAITING[name]
        found = REGISTRY.get(name) or COMPOSITES.get(name)
        if found is not None and found is not PICK and found.kind != "program":
            return found.call
    raise refused(f"{shown(name)} is no function that waits for shapes", "a name of this library")
