"""Expressions written as text: a small part of Python's grammar over our own operations, never ``eval``.

An expression is numbers, names, ``pi`` and ``e``, the operators ``+ - * / // % ** @`` and comparisons, calls of the
operations in FUNCTIONS, lists, subscripts of integers and slices, and ``.T``. Everything else is an ExpressionError
that marks the offending column.
"""

from __future__ import annotations

import ast
import difflib
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from chainrule.box import PLAIN
from chainrule.creation import asarray
from chainrule.errors import ChainruleError, ExpressionError
from chainrule.op import REGISTRY
from chainrule.ops import ops, raw

# Text longer or nested deeper than this is no formula somebody wrote; a result larger than this, no small example.
LENGTH, DEPTH, ELEMENTS = 1000, 60, 1_000_000
# How much of a long expression an error shows.
WINDOW = 72

CONSTANTS = {"pi": math.pi, "e": math.e}
NOT_FINITE = ("nan", "inf", "NaN", "Inf")

# Beside the elementwise operations: those whose parameters are an axis at most.
_WHOLE_ARRAY = (
    "sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "softmax", "log_softmax", "cumsum", "norm",
    "clip", "flip", "matmul", "dot", "vecdot", "outer", "stack", "concat",
)  # fmt: skip
_INTERNAL = frozenset({"absorbing_multiply", "logical_xor", "isnan", "isinf", "isfinite"})


def _functions() -> dict[str, Callable[..., Any]]:
    elementwise = [op for op in REGISTRY.values() if op.kind == "elementwise" and op.name not in _INTERNAL]
    named = {op.name: op.call for op in elementwise}
    # NumPy's names too, where they are names of mathematics (arcsin) rather than of bits (bitwise_and).
    named |= {name: op.call for op in elementwise if op.differentiable for name in op.numpy}
    return named | {name: getattr(ops, name) for name in _WHOLE_ARRAY}


FUNCTIONS = _functions()

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
    ast.MatMult: "matmul",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
# What people write where they mean something that exists.
_MEANT: dict[type[ast.AST], str] = {
    ast.BitXor: "^ is not a power; expected one of + - * / // % ** @; write x**2",
    ast.BitAnd: "& is not an operator here; expected an operation; write logical_and(a, b)",
    ast.BitOr: "| is not an operator here; expected an operation; write logical_or(a, b)",
    ast.BoolOp: "and, or look at one truth value; expected an operation; write logical_and(a, b), logical_or(a, b)",
    ast.Not: "not looks at one truth value; expected an operation; write logical_not(a)",
    ast.IfExp: "if-else looks at one truth value; expected an operation; write where(condition, a, b)",
    ast.Compare: "a chain of comparisons looks at one truth value; expected one; write logical_and(a < b, b < c)",
    ast.Attribute: "an attribute is looked up; expected .T, the only one; write operations as calls, as in sum(x)",
    ast.Call: "something else than a name is called; expected an operation; write its name, as in sin(x)",
    ast.Tuple: "a tuple stands here; expected a number or an array; write a list, [a, b]",
}
_NOT_MEANT = "expected numbers, names, operators, calls, lists and subscripts; leave it out"


class Expression:
    """A parsed expression: the names it needs, and its value for given ones.

    >>> import chainrule as cr
    >>> f = Expression("2*x@x")
    >>> f.names
    ('x',)
    >>> f(x=cr.tensor([0.0, 1.0, 2.0, 3.0]))
    tensor(28.)
    """

    def __init__(self, text: str, function: str = "expression"):
        # One line, so that marks stand under what they mark.
        self.text = " ".join(text.splitlines()).strip()
        self.function = function
        self._tree = self._parse()
        called = {node.func for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        free = [node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and node not in called]
        free.sort(key=lambda node: node.col_offset)
        # The names that need a value, in order of appearance.
        self.names = tuple(dict.fromkeys(node.id for node in free if node.id not in CONSTANTS | FUNCTIONS))

    def __call__(self, **values: Any) -> Any:
        """The value: a Tensor, symbolic if one of ``values`` is; raises ExpressionError where an operation fails."""
        with np.errstate(all="ignore"):
            return asarray(self._value(self._tree, values, 0))

    def __repr__(self) -> str:
        return f"<Expression {self.text}>"

    # ------------------------------------------------------------------------------------------------- reading

    def _parse(self) -> ast.expr:
        if not self.text:
            self._fail("the expression is empty; expected a formula; write one, such as sin(x)*exp(-x**2).")
        if len(self.text) > LENGTH:
            raise ExpressionError(
                f"[{self.function}] the expression is {len(self.text)} characters long; expected at most {LENGTH}; "
                f"shorten it."
            )
        if "#" in self.text:
            # Lines were joined: what follows would vanish in a comment.
            self._fail("a comment stands here; expected a formula alone; leave it out.", self.text.index("#"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            self._fail(
                "the expression cannot be read at the mark; expected numbers, names, operators and calls; "
                "correct it, e.g. 2*x rather than 2x.",
                error.offset - 1 if error.offset else len(self.text),
            )
        except (RecursionError, MemoryError, ValueError):
            self._fail("the expression is nested too deeply, or holds a null character; expected a plain formula.")

    def _fail(self, told: str, where: ast.expr | int | None = None, cause: BaseException | None = None) -> NoReturn:
        """Raise ExpressionError with the expression, and marks under what is wrong in it."""
        raise ExpressionError(f"[{self.function}] {told}{self._marked(where)}") from cause

    def _marked(self, where: ast.expr | int | None) -> str:
        if where is None:
            return ""
        line = self.text
        if isinstance(where, int):
            start, end = where, where + 1
        else:
            # ast counts bytes.
            columns = where.col_offset, where.end_col_offset or 0
            start, end = (len(line.encode()[:column].decode()) for column in columns)
        first = max(start - WINDOW // 2, 0)
        end = min(max(end, start + 1), first + WINDOW)
        cut = "…" if first else ""
        shown = cut + line[first : first + WINDOW] + "…" * (len(line) > first + WINDOW)
        return f"\n  {shown}\n  {' ' * (len(cut) + start - first)}{'^' * (end - start)}"

    # ---------------------------------------------------------------------------------------------- evaluating

    def _value(self, node: ast.expr, values: Mapping[str, Any], depth: int) -> Any:
        """The value of one part: a Python number while it is a constant, else a Tensor."""
        if depth > DEPTH:
            self._fail(f"the expression is nested deeper than {DEPTH} levels; expected fewer; simplify it.", node)

        def inner(part: ast.expr) -> Any:
            return self._value(part, values, depth + 1)

        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(node, number)
            case ast.Name(id=name):
                if name in FUNCTIONS:
                    self._fail(f"{name} is an operation; expected a value; call it, as in {name}(x).", node)
                if name in NOT_FINITE and name not in values:
                    self._fail(f"{name} is not finite; expected a finite number; write another.", node)
                if name not in values and name not in CONSTANTS:
                    near = _nearest(name, (*values, *CONSTANTS, *FUNCTIONS)) or f"give it one, as in {name}=0.5."
                    self._fail(f"{name} has no value; expected {', '.join((*values, *CONSTANTS))}; {near}", node)
                return values.get(name, CONSTANTS.get(name))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=part):
                value = inner(part)
                if value.__class__ in PLAIN:
                    return -value if isinstance(sign, ast.USub) else value
                return self._call(node, "negative" if isinstance(sign, ast.USub) else "positive", value)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                name = _BINARY[type(operator)]
                x, y = inner(left), inner(right)
                if x.__class__ in PLAIN and y.__class__ in PLAIN and name != "matmul":
                    # As floats: 9**9**9 is too large a float at once, and would be an int for hours.
                    return self._number(node, getattr(raw, name)(np.float64(x), np.float64(y)).item())
                return self._call(node, name, x, y)
            case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in _COMPARISONS:
                return self._call(node, _COMPARISONS[type(comparison)], inner(left), inner(right))
            case ast.Call(func=ast.Name(id=name) as called, args=args, keywords=keywords):
                if name not in FUNCTIONS:
                    near = _nearest(name, FUNCTIONS) or f"write {name}*(...) for a product."
                    self._fail(f"{name} is no operation; expected one such as sin(x) or sum(x); {near}", called)
                parameters = {word.arg: self._static(word.value) for word in keywords if word.arg is not None}
                if len(parameters) < len(keywords):
                    self._fail("** is no parameter; expected name=value; write the parameters out.", node)
                return self._call(node, name, *map(inner, args), **parameters)
            case ast.List(elts=[]):
                return asarray(np.zeros(0))
            case ast.List(elts=elements):
                return self._call(node, "stack", [_floating(inner(part)) for part in elements])
            case ast.Subscript(value=part, slice=index):
                return self._run(node, lambda x, i: asarray(x)[i], inner(part), self._index(index))
            case ast.Attribute(value=part, attr="T"):
                return self._run(node, lambda x: asarray(x).T, inner(part))
        kind: ast.AST = node
        if isinstance(node, ast.UnaryOp | ast.BinOp):
            kind = node.op
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            kind = node.ops[0]
        told = _MEANT.get(type(kind), f"{_kind(kind)} is not part of an expression; {_NOT_MEANT}")
        self._fail(f"{told}.", node)

    def _number(self, node: ast.expr, number: float) -> float:
        try:
            exact = abs(number) < 2**53
            number = number if exact else float(number)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._fail(f"this number is {number}; expected a finite one, below 1.8e308; write another.", node)
        return number

    def _static(self, node: ast.expr) -> Any:
        """The value of a parameter: an integer, True, False, None, a number, or a tuple of those."""
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return tuple(map(self._static, elements))
            case ast.Constant(value=bool() | None as value):
                return value
        return self._value(node, {}, DEPTH - 2)

    def _index(self, node: ast.expr) -> Any:
        match node:
            case ast.Tuple(elts=elements):
                return tuple(map(self._index, elements))
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if end is None else self._integer(end) for end in (lower, upper, step)))
        return self._integer(node)

    def _integer(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
                return -number
        self._fail("an index is not a whole number; expected integers and slices; write e.g. x[0], x[1:3].", node)

    def _call(self, node: ast.expr, name: str, *operands: Any, **parameters: Any) -> Any:
        return self._run(node, FUNCTIONS[name], *operands, **parameters)

    def _run(self, node: ast.expr, function: Callable[..., Any], *operands: Any, **parameters: Any) -> Any:
        """The result of an operation; what it refuses is marked in the expression."""
        try:
            result = function(*operands, **parameters)
        except ChainruleError as error:
            raise ExpressionError(error.message + self._marked(node)) from error
        except (TypeError, ValueError, ArithmeticError, LookupError, MemoryError) as error:
            self._fail(f"this operation cannot be done: {error}; expected operands that fit it; see its help.", node)
        if result.size > ELEMENTS:
            self._fail(f"this has {result.size} elements; expected at most {ELEMENTS}; use smaller arrays.", node)
        return result


def _floating(value: Any) -> Any:
    value = asarray(value)
    return value if value.dtype.kind in "fc" else value.astype("float64")


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else ""


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return "the imaginary number" if isinstance(node.value, complex) else f"{node.value!r}"
    return f"{type(node).__name__} of Python's grammar"
