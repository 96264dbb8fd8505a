"""Graphs as JSON: data alone, so that a file from a stranger can do no more than be refused.

A file says its format and version, then one node a line: a symbol with its shape and dtype; or an op by its name in the
registry, its operands (numbers of earlier nodes, with that of an output where there are several, or constants) and its
parameters. Reading calls the ops again on symbols, so that every shape, dtype and parameter is derived and refused as
if somebody had written the program; no text is evaluated, nothing is computed, and no memory is taken beyond what the
text itself holds.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import ChainruleError, GraphFileError
from chainrule.graph.body import Body
from chainrule.graph.check import check
from chainrule.graph.graph import Graph
from chainrule.graph.operands import constants_of
from chainrule.node import Node, SymbolicNode, record
from chainrule.op import PICK, REGISTRY, Op
from chainrule.ops.index import SLOT
from chainrule.spec import Spec, Specs

FORMAT, VERSION = "chainrule graph", 1
# What a file may ask for: bytes of text, nodes in all, graphs inside graphs and tuples inside tuples, axes, elements of
# one result (which are not allocated, but counted with), and elements of a constant that are written as digits.
BYTES, NODES, DEPTH, AXES, ELEMENTS, DIGITS = 1 << 30, 1_000_000, 20, 64, 1 << 48, 64
DTYPES = frozenset(
    np.dtype(kind).name for kind in ("?", "b", "h", "i", "q", "B", "H", "I", "Q", "e", "f", "d", "g", "F", "D", "G")
)
# Ops that run graphs, and which operands each of their graphs takes.
_PROGRAMS: dict[str, Callable[..., list[tuple[str, Any]]]] = {
    "call": lambda x, p: [(p["body"], x)],
    "switch": lambda x, p: [(branch, x[1:]) for branch in p["branches"]],
    "scan": lambda x, p: [(p["body"], _scanned(x, p["consts"] + p["carries"], p["length"]))],
    "while_loop": lambda x, p: [
        (p["cond"], [*x[: p["conds"]], *x[p["conds"] + p["consts"] :]]),
        (p["body"], x[p["conds"] :]),
    ],
}


def _scanned(specs: Sequence[Spec], first: int, length: int) -> list[Spec]:
    rows = specs[first:]
    if any(row.shape[:1] != (length,) for row in rows):
        raise _refused(f"a scan of {length} steps has a sequence of another length", "sequences of its length")
    return [*specs[:first], *(Spec(row.shape[1:], row.dtype) for row in rows)]


# -------------------------------------------------------------------------------------------------- writing


def dumps(graph: Graph) -> str:
    """The text of a graph, one node a line; raises GraphFileError where it holds what is no data."""
    body = _written(graph, 0)
    lines = ",\n  ".join(json.dumps(node, allow_nan=False, ensure_ascii=False) for node in body["nodes"])
    head = json.dumps({"format": FORMAT, "version": VERSION})[1:-1]
    rest = ", ".join(f'"{key}": {json.dumps(body[key], allow_nan=False)}' for key in ("inputs", "outputs"))
    return f'{{{head},\n "nodes": [\n  {lines}\n ],\n {rest}}}\n'


def _written(graph: Graph, depth: int) -> dict[str, Any]:
    numbers: dict[Any, Any] = {}
    nodes: list[Any] = []
    free = [node for node in graph.symbols if node not in graph.inputs]
    for node in (*graph.inputs, *free):
        if node not in numbers:
            numbers[node] = len(nodes)
            shape = [int(size) for size in node.shape]
            nodes.append(
                {"symbol": node.params.get("name", f"x{len(nodes)}"), "shape": shape, "dtype": node.dtype.name}
            )
    order = graph.computed if not free else [node for node in graph.nodes if node not in numbers and _is_run(node)]
    for node in order:
        if node.op is None:
            numbers[node] = numbers[node.parents[0]]
            continue
        if node.op is PICK:
            numbers[node] = [numbers[node.parents[0]], node.params["index"]]
            continue
        nodes.append(_written_call(node, node.op, numbers, depth))
        numbers[node] = len(nodes) - 1
    outputs = [
        numbers[y._node] if y._node in numbers else {"value": _encoded(y._value, depth, "an output")}
        for y in graph.outputs
    ]
    return {"nodes": nodes, "inputs": [numbers[node] for node in graph.inputs], "outputs": outputs}


def _is_run(node: Node) -> bool:
    return node.symbolic and (node.op is not None or bool(node.parents))


def _written_call(node: Node, op: Op, numbers: dict[Any, Any], depth: int) -> dict[str, Any]:
    if op.kind == "program" and op.name not in _PROGRAMS:
        raise GraphFileError(
            f"[save] {op.name} cannot be saved, as what it does is no data; expected operations on arrays, calls of "
            f"graphs, choices and loops; save the graph without its derivative.",
            node.location,
        )
    operands = [
        numbers[parent] if parent in numbers else {"value": _encoded(value, depth, f"an operand of {op.name}")}
        for value, parent in zip(constants_of(node, numbers), node.parents, strict=True)
    ]
    written: dict[str, Any] = {"op": op.name, "operands": operands}
    if node.params:
        written["params"] = {k: _encoded(v, depth, f"{k} of {op.name}") for k, v in node.params.items()}
    return written


def _encoded(x: Any, depth: int, what: str) -> Any:
    """Anything a node holds, as JSON: what JSON has no word for is an object with one key that says what it is."""
    if x is None or type(x) in (bool, int, str):
        return x
    if type(x) is float:
        return x if math.isfinite(x) else {"float": repr(x)}
    if type(x) is complex:
        return {"complex": [_encoded(x.real, depth, what), _encoded(x.imag, depth, what)]}
    if type(x) in (tuple, list):
        items = [_encoded(one, depth, what) for one in x]
        return items if type(x) is tuple else {"list": items}
    if isinstance(x, slice):
        return {"slice": [_encoded(end, depth, what) for end in (x.start, x.stop, x.step)]}
    if x is Ellipsis or x is SLOT:
        return {"mark": "..." if x is Ellipsis else "array"}
    if isinstance(x, np.dtype):
        return {"dtype": x.name}
    if isinstance(x, Spec):
        return {"spec": [list(x.shape), x.dtype.name]}
    if isinstance(x, Body):
        return {"graph": _written(x, depth + 1)}
    if isinstance(x, (np.ndarray, np.generic)):
        return {"scalar" if isinstance(x, np.generic) else "array": _written_array(np.asarray(x))}
    raise GraphFileError(
        f"[save] {what} is a {type(x).__name__}, which is no data; expected numbers, arrays, tuples, slices and "
        f"graphs; leave the operation out of the graph."
    )


def _written_array(array: Any) -> dict[str, Any]:
    head = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if array.size <= DIGITS and array.dtype.kind in "biu":
        return {**head, "digits": array.ravel().tolist()}
    if array.size <= DIGITS and array.dtype.name in ("float64", "float32", "float16") and np.isfinite(array).all():
        return {**head, "digits": array.ravel().tolist()}
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return {**head, "bytes": base64.b64encode(data).decode()}


# -------------------------------------------------------------------------------------------------- reading


def loads(text: str) -> Graph:
    """The graph that a text stands for; GraphFileError if it stands for none."""
    if len(text) > BYTES:
        raise _refused(f"it has {len(text)} characters", f"at most {BYTES}")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _refused("it is nested too deeply", f"at most {DEPTH} graphs inside graphs") from None
    except ValueError as error:
        raise _refused(f"it is no JSON: {error}", "what Graph.save wrote") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _refused("it is JSON of something else", f'"format": "{FORMAT}"')
    if data.get("version") != VERSION or type(data["version"]) is not int:
        raise _refused(f"its version is {_shown(data.get('version'))}", f"{VERSION}, which this library reads")
    return _Reader().graph({key: data[key] for key in data if key not in ("format", "version")}, 0, Graph)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _refused(wrong: str, expected: str) -> GraphFileError:
    return GraphFileError(
        f"[load] this is no graph: {wrong}; expected {expected}; save the graph again with Graph.save."
    )


def _shown(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 40 else text[:37] + "..."


class _Reader:
    """Reads a file whose graphs have NODES nodes together."""

    def __init__(self) -> None:
        self.nodes = 0

    def graph(self, data: Any, depth: int, cls: Any) -> Any:
        fields = _object(data, "a graph", "nodes", "inputs", "outputs")
        if depth > DEPTH:
            raise _refused("graphs are nested too deeply", f"at most {DEPTH} inside one another")
        made: list[Any] = []  # a Tensor of every node, or a tuple of them
        listed = _list(fields["nodes"], "nodes")
        self.nodes += len(listed)
        if self.nodes > NODES:
            raise _refused(f"it has {self.nodes} nodes", f"at most {NODES}")
        for data in listed:
            made.append(self.node(data, made, depth))
        inputs = [self.operand(number, made, depth) for number in _list(fields["inputs"], "inputs")]
        if any(not _is_symbol(x) for x in inputs) or len({id(x) for x in inputs}) < len(inputs):
            raise _refused("an input is no symbol, or given twice", "each input a symbol of its own")
        outputs = [self.output(one, made, depth) for one in _list(fields["outputs"], "outputs")]
        graph = cls(inputs, outputs)
        if cls is Body and graph.missing():
            raise _refused(f"a graph inside it needs {', '.join(graph.missing())}", "its symbols among its inputs")
        try:
            check(graph)
        except ChainruleError as error:
            raise _refused(error.message, "a legal graph") from error
        return graph

    def node(self, data: Any, made: list[Any], depth: int) -> Any:
        if not isinstance(data, dict):
            raise _refused(f"a node is {_shown(data)}", "an object")
        if "symbol" in data:
            return _symbol(data)
        fields = _object({"params": {}, **data}, "a node", "op", "operands", "params")
        op = REGISTRY.get(fields["op"]) if isinstance(fields["op"], str) else None
        if op is None or op is PICK or (op.kind == "program" and op.name not in _PROGRAMS):
            raise _refused(f"{_shown(fields['op'])} is no operation", "a name of this library")
        return self.call(op, fields, made, depth)

    def call(self, op: Op, fields: dict[str, Any], made: list[Any], depth: int) -> Any:
        operands = [self.operand(one, made, depth) for one in _list(fields["operands"], "operands")]
        if not any(isinstance(x, Box) and x._value is None for x in operands):
            raise _refused(f"no operand of {op.name} is a node", "constants to be values already")
        if op.arity is not None and len(operands) != op.arity:
            raise _refused(f"{op.name} has {len(operands)} operands", f"{op.arity}")
        given = fields["params"]
        if not isinstance(given, dict) or set(given) != set(op.parameters):
            raise _refused(f"the parameters of {op.name} are {_shown(given)}", f"{', '.join(op.parameters) or 'none'}")
        params = {key: self.value(x, depth) for key, x in given.items()}
        try:
            if op.kind == "program":
                _fitting(op, operands, params)
            out = op.call(operands, **params) if op.sequence else op.call(*operands, **params)
        except GraphFileError:
            raise
        except ChainruleError as error:
            raise _refused(error.message, f"operands and parameters that {op.name} takes") from None
        except Exception as error:  # what no rule thought of is refused all the same
            raise _refused(f"{op.name} fails: {error}", f"operands and parameters that {op.name} takes") from None
        for y in out if isinstance(out, tuple) else (out,):
            if not isinstance(y, Box) or y._value is not None:
                raise _refused(f"{op.name} gives no symbol", "operations on nodes")
            _bounded(y._node.shape)
        return tuple(out) if isinstance(out, tuple) else out

    def place(self, number: Any, made: list[Any]) -> Any:
        if type(number) is not int or not 0 <= number < len(made):
            raise _refused(f"{_shown(number)} is no earlier node", f"a number below {len(made)}")
        return made[number]

    def operand(self, data: Any, made: list[Any], depth: int) -> Any:
        if isinstance(data, dict):
            value = self.value(_object(data, "an operand", "value")["value"], depth)
            if not isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
                raise _refused(f"a constant is {_shown(value)}", "a number or an array")
            return value
        if isinstance(data, list):
            number, output = data if len(data) == 2 else (None, None)
            several = self.place(number, made)
            if not isinstance(several, tuple) or type(output) is not int or not 0 <= output < len(several):
                raise _refused(f"{data} is no output of a node with several", "its number, and that of the output")
            return several[output]
        found = self.place(data, made)
        if isinstance(found, tuple):
            raise _refused(f"node {data} has several outputs", f"one of them, as in [{data}, 0]")
        return found

    def output(self, data: Any, made: list[Any], depth: int) -> Any:
        found = self.operand(data, made, depth)
        if isinstance(found, Box):
            return found
        return box(Box.default, found if hasattr(found, "dtype") else np.asarray(found)[()], None)

    def value(self, data: Any, depth: int) -> Any:
        """What _encoded wrote."""
        if depth > DEPTH:
            raise _refused("values are nested too deeply", f"at most {DEPTH} inside one another")
        if isinstance(data, list):
            return tuple(self.value(x, depth + 1) for x in data)
        if type(data) is int and not -(2**63) <= data < 2**64:
            raise _refused(f"an integer has {data.bit_length()} bits", "at most 64")
        if not isinstance(data, dict):
            return data
        if len(data) != 1:
            raise _refused(f"a value is {_shown(data)}", "one key that says what it is")
        ((kind, inner),) = data.items()
        match kind:
            case "float" if inner in ("nan", "inf", "-inf"):
                return float(inner)
            case "complex" if isinstance(inner, list) and len(inner) == 2:
                parts = self.value(inner, depth)
                if all(type(part) is float for part in parts):
                    return complex(*parts)
            case "list" if isinstance(inner, list):
                return list(self.value(inner, depth))
            case "slice" if isinstance(inner, list) and len(inner) == 3:
                ends = self.value(inner, depth)
                if all(end is None or type(end) is int for end in ends):
                    return slice(*ends)
            case "mark" if inner in ("...", "array"):
                return Ellipsis if inner == "..." else SLOT
            case "dtype":
                return _dtype(inner)
            case "spec" if isinstance(inner, list) and len(inner) == 2:
                return Spec(_shape(inner[0]), _dtype(inner[1]))
            case "graph":
                return self.graph(inner, depth + 1, Body)
            case "array":
                return _array(inner)
            case "scalar":
                return _array(inner, ())[()]
        raise _refused(f"a value is {_shown(data)}", "numbers, tuples, slices, dtypes, arrays or graphs")


def _object(data: Any, what: str, *keys: str) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(keys):
        raise _refused(f"{what} is {_shown(data)}", f"an object of {', '.join(keys)}")
    return data


def _list(data: Any, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise _refused(f"its {what} are {_shown(data)}", "a list")
    return data


def _is_symbol(x: Any) -> bool:
    return isinstance(x, Box) and x._value is None and x._node.op is None


def _symbol(data: Any) -> Any:
    fields = _object(data, "a symbol", "symbol", "shape", "dtype")
    name = fields["symbol"]
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 1000:
        raise _refused(f"a symbol is named {_shown(name)}", "a Python identifier")
    spec = Spec(_shape(fields["shape"]), _dtype(fields["dtype"]))
    return box(Box.default, None, record(None, (), (None,), {"name": name}, spec, SymbolicNode))


def _shape(data: Any) -> tuple[int, ...]:
    return _bounded(tuple(_list(data, "axes")))


def _bounded(shape: Any) -> Any:
    """The shape, or Specs of several outputs, if NumPy could have such an array."""
    shapes = [spec.shape for spec in shape] if isinstance(shape, Specs) else [shape]
    for one in shapes:
        # Ops that only rules call believe their parameters.
        if type(one) is not tuple or not all(type(size) is int and size >= 0 for size in one):
            raise _refused(f"a shape is {_shown(one)}", "sizes of at least 0")
        if len(one) > AXES or math.prod(max(size, 1) for size in one) > ELEMENTS:
            raise _refused(f"a shape is {_shown(one)}", f"at most {AXES} axes and {ELEMENTS} elements")
    return shape


def _dtype(name: Any) -> Any:
    if not isinstance(name, str) or name not in DTYPES:
        raise _refused(f"a dtype is {_shown(name)}", "a numeric dtype that NumPy has here")
    return np.dtype(name)


def _array(data: Any, wanted: tuple[int, ...] | None = None) -> Any:
    if not isinstance(data, dict) or not {"dtype", "shape"} < set(data):
        raise _refused(f"an array is {_shown(data)}", "its dtype, shape, and digits or bytes")
    shape, dtype = _shape(data["shape"]), _dtype(data["dtype"])
    size = math.prod(shape)
    if wanted is not None and shape != wanted:
        raise _refused(f"a scalar has shape {shape}", "no axes")
    if set(data) == {"dtype", "shape", "digits"}:
        digits = _list(data["digits"], "digits")
        plain = {"b": (bool,), "i": (int,), "u": (int,), "f": (float, int)}.get(dtype.kind, ())
        if len(digits) != size or any(type(x) not in plain for x in digits):
            raise _refused(f"an array of {size} elements has digits {_shown(digits)}", f"{size} of {dtype}")
        try:
            with np.errstate(over="raise"):
                return np.array(digits, dtype).reshape(shape)
        except (OverflowError, FloatingPointError):
            raise _refused(f"digits are {_shown(digits)}", f"numbers that {dtype} can hold") from None
    text = data.get("bytes")
    if set(data) != {"dtype", "shape", "bytes"} or not isinstance(text, str):
        raise _refused(f"an array is {_shown(data)}", "its dtype, shape, and digits or bytes")
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) or len(text) != -(-size * dtype.itemsize // 3) * 4:
        raise _refused(f"an array of {size} elements has {len(text)} characters of bytes", "base 64 of all of them")
    raw = base64.b64decode(text)
    if len(raw) != size * dtype.itemsize or (dtype.kind == "b" and raw.strip(b"\0\1")):
        raise _refused(f"an array of {size} elements has {len(raw)} bytes", f"{dtype.itemsize} for each {dtype}")
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _fitting(op: Op, operands: list[Any], params: dict[str, Any]) -> None:
    """Whether the graphs of a program take the operands that they get, and lead where they must."""
    specs = [x._node.spec if isinstance(x, Box) else Spec(np.shape(x), np.asarray(x).dtype) for x in operands]
    for key, value in params.items():
        if key in ("consts", "carries", "conds", "length") and not (type(value) is int and 0 <= value <= ELEMENTS):
            raise _refused(f"{key} of {op.name} is {_shown(value)}", "a count")
        graphs = value if key == "branches" and isinstance(value, tuple) and value else (value,)
        if key in ("body", "cond", "branches") and not all(isinstance(one, Body) for one in graphs):
            raise _refused(f"{key} of {op.name} is {_shown(value)}", "a graph")
        if key in ("keep", "reverse") and type(value) is not bool:
            raise _refused(f"{key} of {op.name} is {_shown(value)}", "true or false")
        if key == "snapshots" and value is not None and not (type(value) is int and value > 0):
            raise _refused(f"{key} of {op.name} is {_shown(value)}", "a count, or null")
    for body, taken in _PROGRAMS[op.name](specs, params):
        given = [node.spec for node in body.inputs]  # type: ignore[attr-defined]
        if given != list(taken):
            raise _refused(
                f"a graph of {op.name} takes {_shown(given)}, and is given {_shown(list(taken))}", "equal ones"
            )
    if op.name == "switch" and len({tuple(branch.specs) for branch in params["branches"]}) > 1:
        raise _refused("the branches of a switch differ in what they give", "equal outputs")
    if op.name in ("scan", "while_loop"):
        fixed = params["consts"] + params.get("conds", 0)
        carries = specs[fixed : fixed + params["carries"]] if op.name == "scan" else specs[fixed:]
        if params["body"].specs[: len(carries)] != carries or (
            op.name != "scan" and len(params["body"].specs) != len(carries)
        ):
            raise _refused(f"the body of a {op.name} gives another carry than it takes", "equal ones")
    if op.name == "while_loop" and params["cond"].specs != [Spec((), np.dtype(bool))]:
        raise _refused("the condition of a while_loop is not one boolean", "a bool without axes")


# ---------------------------------------------------------------------------------------------------- files


def _save(self: Graph, path: str | os.PathLike[str]) -> None:
    """Write this graph to a file of JSON, which ``Graph.load`` reads; states are saved as symbols, without values.

    Numbers are exact. The file is replaced as a whole or not at all. It holds data alone: what cannot be data, such as
    a rule of one's own, raises GraphFileError.

    >>> import chainrule as cr, os, tempfile
    >>> x = cr.symbol("x")
    >>> path = os.path.join(tempfile.mkdtemp(), "square.json")
    >>> (x * x).graph().save(path)
    >>> print(cr.Graph.load(path))
    x  = input          : float64[]
    %0 = multiply(x, x) : float64[]
    return %0
    """
    text = dumps(self)
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _load(path: str | os.PathLike[str]) -> Graph:
    """The graph in a file that ``graph.save`` wrote, or a GraphFileError that says what is wrong with it.

    A file from a stranger is safe to load: it is data, and every operation in it is one of the library's, called again
    on symbols. Loading computes nothing; what the graph computes when it is run may take as long as any program.
    """
    size = os.path.getsize(path)
    if size > BYTES:
        raise _refused(f"it has {size} bytes", f"at most {BYTES}")
    try:
        return loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise _refused("it is no text", "UTF-8") from None


# Attached here, since loops and their bodies are built on Graph.
# Attached here, since what they need is built on Graph; the stub of the class does not know them.
Graph.save = _save  # type: ignore[attr-defined]
Graph.load = staticmethod(_load)  # type: ignore[attr-defined]
Graph.dumps = dumps  # type: ignore[attr-defined]
Graph.loads = staticmethod(loads)  # type: ignore[attr-defined]
