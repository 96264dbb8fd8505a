"""A graph as a Python file that imports NumPy and SciPy alone: one line an operation, with the names of the program."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.errors import SymbolError
from chainrule.graph.counted import Counted, Filled, Length, counted
from chainrule.graph.graph import Graph
from chainrule.graph.inline import inlined
from chainrule.graph.literals import formatted
from chainrule.graph.operands import constants_of
from chainrule.graph.quote import Quotation
from chainrule.graph.syntax import Operand, Unquotable
from chainrule.graph.text import names_of
from chainrule.graph.unfold import unfolded
from chainrule.node import Node
from chainrule.op import PICK, Op
from chainrule.ops import raw
from chainrule.spec import Spec, spec_of
from chainrule.unknown import UnknownNode

INFIX: dict[Any, Any] = {
    operator.add: ast.Add, operator.sub: ast.Sub, operator.mul: ast.Mult, operator.truediv: ast.Div,
    operator.mod: ast.Mod, operator.pow: ast.Pow, operator.and_: ast.BitAnd, operator.or_: ast.BitOr,
    operator.xor: ast.BitXor, operator.lshift: ast.LShift, operator.rshift: ast.RShift,
    operator.matmul: ast.MatMult, np.matmul: ast.MatMult,
}  # fmt: skip
PREFIX: dict[Any, Any] = {operator.neg: ast.USub, operator.pos: ast.UAdd, operator.invert: ast.Invert}
COMPARISONS: dict[Any, Any] = {
    operator.eq: ast.Eq, operator.ne: ast.NotEq, operator.lt: ast.Lt,
    operator.le: ast.LtE, operator.gt: ast.Gt, operator.ge: ast.GtE,
}  # fmt: skip
# What a variable may not be called: Python's words, and what the program imports.
RESERVED = frozenset({*keyword.kwlist, *dir(builtins), "np", "special", "linalg", "signal", "lapack", "math"})
INLINE = 72  # characters of an expression that stands in its line, and not in a function of its own


def source_of(graph: Any, dialect: str = "numpy", name: str = "f") -> str:
    """The text of a module with the one function ``name``, from the inputs of ``graph`` to its outputs."""
    if dialect != "numpy":
        raise SymbolError(f"[source] the dialect is {dialect!r}; expected 'numpy', which there is so far.")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise SymbolError(f"[source] the name is {name!r}; expected a Python identifier; choose e.g. 'f'.")
    unknown = next((node for node in (*graph.inputs, *graph.nodes) if isinstance(node, UnknownNode)), None)
    if unknown is not None:
        raise SymbolError(
            f"[source] the shape or dtype of {unknown.name()} is not known yet ({unknown.declared!r}), and formulas "
            f"depend on it; expected a graph of known shapes; put symbols of known shape in place of others with "
            f"substitute(y, {{x: symbol('x', shape=(2, 3))}})."
        )
    program = _Program(unfolded(graph, rules=True), _Module(), name)
    body = program.function()
    title = f'"""{name} in plain NumPy, written from a graph of {len(program.calls)} operations."""'
    return f"{title}\n\n{program.quotation}\n\n\n{body}\n"


# What a choice or loop runs: to the values of those ops, this is a graph.
_PART = '''class Part:
    """A function that others run, and the shapes and dtypes of what it returns."""

    def __init__(self, plan, specs):
        self.plan, self.specs = plan, specs

    def run(self, operands, _xp=None):
        return list(self.plan(*operands))'''


class _Module(Quotation):
    """A quotation that knows of graphs inside graphs."""

    def expression(self, obj: Any, hint: str = "constant") -> Any:
        if hasattr(obj, "computed") and hasattr(obj, "inputs"):
            part = self.define((_PART,), "Part", lambda name: _PART.replace("class Part", f"class {name}"))
            plan = self.define(obj, hint, lambda name: _Program(unfolded(obj, rules=True), self, name).part())
            specs = self.expression([_spec(y) for y in obj.outputs])
            return ast.Call(ast.Name(part), [ast.Name(plan), specs], [])
        if isinstance(obj, Length):
            return ast.Name(obj.name)
        if isinstance(obj, Filled):
            filled = [self.expression(obj.shape), self.expression(obj.fill)]
            return ast.Call(ast.Attribute(ast.Name("np"), "full"), filled, [])
        if obj is raw:
            return ast.Constant(None)  # there is only one way to run a part here
        return super().expression(obj, hint)


class _Program:
    """One graph being written as one function."""

    def __init__(self, graph: Any, quotation: Quotation, name: str):
        self.graph = graph
        self.quotation = quotation
        self.name = name
        self.calls = [node for node in graph.computed if node.op is not None and node.op is not PICK]
        unused = [node for node in graph.inputs if node not in graph.nodes]
        self.names = names_of([*unused, *graph.nodes], "v", {*RESERVED, *quotation.taken, name})
        self.quotation.reserve([*self.names.values(), name])
        self.known: dict[Any, Any] = {node: ast.Name(self.names[node]) for node in graph.inputs}
        missing = graph.missing()
        if missing:
            raise SymbolError(
                f"[source] the outputs need {', '.join(missing)}, which the inputs leave out; expected every symbol "
                f"the outputs depend on; add it to the inputs of the graph."
            )

    def function(self) -> str:
        """The text of the function, docstring and all."""
        inputs = [self.names[node] for node in self.graph.inputs]
        specs = ", ".join(f"{x}: {node.spec!r}" for x, node in zip(inputs, self.graph.inputs, strict=True))
        results = ", ".join(repr(_spec(y)) for y in self.graph.outputs)
        lines = [f'"""{specs or "()"} -> {results or "()"}"""', *self._taken_in(), *self._body(), self._returned()]
        indented = "\n".join(f"    {line}" if line else "" for line in lines)
        return formatted(f'@np.errstate(all="ignore")\ndef {self.name}({", ".join(inputs)}):\n{indented}')

    def part(self) -> str:
        """The text of a function that others of the module run, on arrays that are what they should be."""
        inputs = [self.names[node] for node in self.graph.inputs]
        lines = [*self._body(), f"return {_unparsed(ast.List(self._results(), ast.Load()))}"]
        indented = "\n".join(f"    {line}" for line in lines)
        return formatted(f"def {self.name}({', '.join(inputs)}):\n{indented}")

    def _taken_in(self) -> list[str]:
        lines, shapes = [], []
        for node in self.graph.inputs:
            x, dtype = self.names[node], node.dtype.name
            lines.append(f"{x} = np.{dtype}({x})" if node.shape == () else f"{x} = np.asarray({x}, np.{dtype})")
            shapes.append(f"{x}.shape == {node.shape}")
        return [*lines, *(f"assert {shape}" for shape in shapes)]

    def _body(self) -> list[str]:
        lines: list[str] = []
        said = ""
        for node in self.graph.computed:
            if node.op is None:
                self.known[node] = self.known[node.parents[0]]
                continue
            if node.op is PICK:
                index = ast.Constant(node.params["index"])
                self.known[node] = ast.Subscript(self.known[node.parents[0]], index, ast.Load())
                continue
            told = node.location.text
            if told and told != said:
                lines += [f"# {told}"]
                said = told
            lines += [*self._before(node), f"{self.names[node]} = {_unparsed(self._call(node, node.op))}"]
            self.known[node] = ast.Name(self.names[node])
        return lines

    def _call(self, node: Node, op: Op) -> Any:
        operands = [
            Operand(self.known[parent], self.spec(parent))
            if parent is not None and parent in self.known
            else Operand(self.quotation.expression(value, "c0"), spec_of(value))
            if hasattr(value, "dtype")
            else value
            for value, parent in zip(self.constants(node), node.parents, strict=True)
        ]  # fmt: skip
        try:
            if op.name == "pull":
                pulled = self.quotation.define(
                    ("pull", *node.params.values()), "pulled", lambda name: self._pulled(name, **node.params)
                )
                return ast.Call(ast.Name(pulled), [self.quotation.expression(x) for x in operands], [])
            return call_syntax(self.quotation, op, operands, self.params(node))
        except Unquotable as error:
            raise SymbolError(
                f"[source] {op.name} cannot be written in NumPy: {error}; expected numbers, arrays, and functions with "
                f"a source; leave it out of the graph.",
                node.location,
            ) from None

    def _pulled(self, name: str, graph: Any, wrt: Any, given: Any) -> str:
        return _Counted(counted(graph, wrt, given, self.quotation.claim), self.quotation, name).part()

    # What a program knows of its nodes.

    def spec(self, node: Node) -> Any:
        return node.spec

    def params(self, node: Node) -> Mapping[str, Any]:
        return node.params

    def constants(self, node: Node) -> Any:
        return constants_of(node, self.known)

    def _before(self, _node: Node) -> list[str]:
        """Lines that must stand before that of a node."""
        return []

    def _results(self) -> list[Any]:
        return [
            self.known[y._node] if y._node in self.known else self.quotation.expression(y._value, "c0")
            for y in self.graph.outputs
        ]

    def _returned(self) -> str:
        results = self._results()
        whole = results[0] if len(results) == 1 else ast.Tuple(results, ast.Load())
        return f"return {_unparsed(whole)}"


_STEPS = '''def steps(cond, body, tested, fixed, carry):
    """How often the body of a loop runs."""
    count = 0
    while cond(*tested, *carry)[0]:
        carry, count = body(*fixed, *carry), count + 1
    return count'''


class _Counted(_Program):
    """A pull being written as a function of scans, whose lengths are counted where it comes to them."""

    def __init__(self, found: Counted, quotation: Quotation, name: str):
        self.found = found
        super().__init__(found.graph, quotation, name)

    def spec(self, node: Node) -> Any:
        return self.found.specs[node]

    def params(self, node: Node) -> Mapping[str, Any]:
        return self.found.params[node]

    def constants(self, node: Node) -> Any:
        return self.found.constants[node]

    def _results(self) -> list[Any]:
        return super()._results()[: self.found.outputs]

    def _before(self, node: Node) -> list[str]:
        if node not in self.found.loops:
            return []
        length, operands, params = self.found.loops[node]
        written = [
            self.known[x._node]
            if isinstance(x, Box) and x._node in self.known
            else self.quotation.expression(x._value if isinstance(x, Box) else x, "c0")
            for x in operands
        ]  # fmt: skip
        at = params["conds"], params["conds"] + params["consts"]
        groups = [ast.Tuple(part, ast.Load()) for part in (written[: at[0]], written[at[0] : at[1]], written[at[1] :])]
        plans = [ast.Attribute(self.quotation.expression(params[key], key), "plan") for key in ("cond", "body")]
        steps = self.quotation.define((_STEPS,), "steps", lambda name: _STEPS.replace("def steps", f"def {name}"))
        return [f"{length.name} = {_unparsed(ast.Call(ast.Name(steps), [*plans, *groups], []))}"]


def call_syntax(quotation: Quotation, op: Op, operands: list[Any], params: Mapping[str, Any]) -> Any:
    """The expression of one operation: by an operator, by its formula if that is short, else as a call."""
    value = op.value
    spelled = _by_operator(value, [quotation.expression(x) for x in operands]) if not params else None
    if spelled is None:
        spelled = inlined(quotation, value, operands, params)
        if spelled is not None and len(_unparsed(spelled)) > INLINE:
            spelled = None
    if spelled is not None:
        return spelled
    keywords = [
        ast.keyword(key, quotation.expression(x, key)) for key, x in params.items() if not _is_default(value, key, x)
    ]
    function = quotation.expression(value, op.name)
    return ast.Call(function, [quotation.expression(x) for x in operands], keywords)


def _by_operator(function: Any, operands: list[Any]) -> Any:
    try:
        if function in INFIX and len(operands) == 2:
            return ast.BinOp(operands[0], INFIX[function](), operands[1])
        if function in COMPARISONS:
            return ast.Compare(operands[0], [COMPARISONS[function]()], operands[1:])
        return ast.UnaryOp(PREFIX[function](), operands[0]) if function in PREFIX else None
    except TypeError:  # a function that has no hash
        return None


def _is_default(function: Any, key: str, value: Any) -> bool:
    try:
        default = inspect.signature(function).parameters[key].default
    except (KeyError, TypeError, ValueError):
        return False
    return default.__class__ is value.__class__ and repr(default) == repr(value)


def _spec(y: Any) -> Spec:
    return y._node.spec if y._node is not None else Spec(np.shape(y._value), np.asarray(y._value).dtype)


def _unparsed(syntax: Any) -> str:
    text = ast.unparse(ast.fix_missing_locations(syntax))
    # A short tuple needs no brackets; a long one is broken inside of them.
    return text[1:-1] if isinstance(syntax, ast.Tuple) and len(syntax.elts) > 1 and len(text) < INLINE else text


def _source(self: Graph, dialect: str = "numpy", name: str = "f") -> str:
    """This graph as a Python file that imports NumPy and SciPy alone, and computes the same with one function.

    The function takes arrays for the inputs in their order, and returns the output, or a tuple of several. Numbers
    are exact. Operations are lines under the names and beside the lines of the user's program, where these are
    known; what takes more than a line of NumPy has a function above.

    >>> import chainrule as cr
    >>> x = cr.symbol("x", shape=(3,))
    >>> text = cr.gradients(cr.sum(cr.sin(x)), x).graph().source()
    >>> program = {}
    >>> exec(text, program)
    >>> program["f"]([0.0, 1.0, 2.0])
    array([ 1.        ,  0.54030231, -0.41614684])
    """
    return source_of(self, dialect, name)


Graph.source = _source  # type: ignore[attr-defined]  # attached here, since what it needs is built on Graph
