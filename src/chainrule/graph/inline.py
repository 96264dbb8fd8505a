"""A formula in place of a call: the body of a function that is one expression, with all that is known computed."""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.graph.quote import Quotation, Resolve
from chainrule.graph.syntax import Operand, does_more, is_ours, parse, scope, syntax_of

_BINARY: dict[Any, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARE: dict[Any, Any] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.Lt: operator.lt, ast.Gt: operator.gt, ast.LtE: operator.le, ast.GtE: operator.ge,
    ast.In: lambda x, y: x in y, ast.NotIn: lambda x, y: x not in y,
}  # fmt: skip
# NumPy's reductions by the names people know. (Where the axes are given: the defaults differ.)
_REDUCTIONS = {
    "np.add.reduce": "np.sum", "np.multiply.reduce": "np.prod", "np.maximum.reduce": "np.max",
    "np.minimum.reduce": "np.min", "np.logical_and.reduce": "np.all", "np.logical_or.reduce": "np.any",
}  # fmt: skip
_ONE_AXIS = frozenset({*_REDUCTIONS.values(), "np.flip", "np.squeeze", "np.expand_dims", "np.count_nonzero"})


def single_expression(function: Any) -> Any:
    """(arguments, body) of a function of ours that only returns an expression; None for any other."""
    if not isinstance(function, types.FunctionType) or not is_ours(function):
        return None
    tree = syntax_of(function)
    body: list[Any] = [tree.body] if isinstance(tree, ast.Lambda) else tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) == 1 and isinstance(body[0], ast.Try) and not does_more(body[0]):
        body = body[0].body
    if len(body) == 1 and isinstance(body[0], ast.Return):
        body = [body[0].value]
    scopes = (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.NamedExpr)
    if len(body) != 1 or not isinstance(body[0], ast.expr) or any(isinstance(n, scopes) for n in ast.walk(body[0])):
        return None
    return tree.args, body[0]


def inlined(quotation: Quotation, function: Any, operands: list[Operand | Any], params: Mapping[str, Any]) -> Any:
    """The body of such a function in place of its call, with what is known computed; None where it must be called."""
    found = single_expression(function)
    if found is None:
        return None
    arguments, body = found
    named = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if arguments.kwarg is not None or (arguments.vararg is None and len(operands) > len(named)):
        return None
    given = dict(zip(named, operands, strict=False))
    if arguments.vararg is not None:
        given[arguments.vararg.arg] = tuple(operands[len(named) :])
    defaults = inspect.signature(function).parameters
    for name in (*named, *(a.arg for a in arguments.kwonlyargs)):
        if name in params:
            given[name] = params[name]
        elif name not in given:
            given[name] = defaults[name].default
    folded = _Fold(scope(function), given).visit(body)
    # Names of the function's own module first: those of operands are the program's.
    return _Splice(quotation).visit(Resolve(quotation, function, set()).visit(folded))


class Known(ast.expr):
    """Any object whose value is known, among the syntax."""

    _fields = ()

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


class _Fold(ast.NodeTransformer):
    """Computes what depends on parameters, shapes and dtypes alone, which the graph knows."""

    def __init__(self, scope: Mapping[str, Any], given: Mapping[str, Any]):
        self.scope = scope
        self.given = given

    def visit_Constant(self, node: ast.Constant) -> Any:
        return Known(node.value)

    def visit_Name(self, node: ast.Name) -> Any:
        return Known(self.given[node.id]) if node.id in self.given else node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        node.value = self.visit(node.value)
        if not isinstance(node.value, Known):
            return node
        of = node.value.value
        if isinstance(of, Operand):
            if of.dtype is None or node.attr not in ("shape", "dtype", "ndim"):
                return node
            return Known(len(of.shape) if node.attr == "ndim" else getattr(of, node.attr))
        return Known(getattr(of, node.attr)) if isinstance(of, np.dtype) else node

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        self.generic_visit(node)
        items: list[Any] = []
        for item in node.elts:
            starred = isinstance(item, ast.Starred)
            inner = item.value if isinstance(item, ast.Starred) else item
            if not isinstance(inner, Known) or (starred and not isinstance(inner.value, (tuple, range, list))):
                return node
            items += inner.value if starred else [inner.value]
        return Known(tuple(items))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        return self._computed(node, _BINARY.get(type(node.op)), node.left, node.right)

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        results = []
        for left, operation, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            results.append(self._computed(node, _COMPARE.get(type(operation)), left, right))
        if any(result is node for result in results):
            return node
        return Known(all(result.value for result in results))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        function = {ast.Not: operator.not_, ast.USub: operator.neg}.get(type(node.op))
        return self._computed(node, function, node.operand)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        return self._computed(node, operator.getitem, node.value, node.slice)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        test = node.test
        if isinstance(test, Known) and not isinstance(test.value, Operand):
            return node.body if test.value else node.orelse
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        rest = list(node.values)
        while len(rest) > 1 and isinstance(rest[0], Known) and not isinstance(rest[0].value, Operand):
            if bool(rest[0].value) is isinstance(node.op, ast.Or):
                return rest[0]
            rest.pop(0)
        node.values = rest
        return node if len(rest) > 1 else rest[0]

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and not node.keywords:
            function = self.scope.get(node.func.id, getattr(builtins, node.func.id, None))
            ours = isinstance(function, types.FunctionType) and is_ours(function)
            if ours or function in (len, tuple, range, int, max, min, bool, sorted):
                return self._computed(node, function, *node.args)
            if function is getattr and len(node.args) == 2 and isinstance(node.args[1], Known):
                return ast.Attribute(node.args[0], node.args[1].value, ast.Load())
        return node

    def _computed(self, node: Any, function: Any, *parts: Any) -> Any:
        known = all(isinstance(part, Known) and not isinstance(part.value, Operand) for part in parts)
        if function is None or not known:
            return node
        try:
            value = function(*(part.value for part in parts))
        except Exception:  # what cannot be computed now is computed by the program
            return node
        return Known(value) if _is_literal(value) else node


def _is_literal(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_literal, value))
    plain = isinstance(value, (Operand, slice, range, np.dtype)) or value is None or value is Ellipsis
    return plain or type(value) in (bool, int, float, complex, str)


class _Splice(ast.NodeTransformer):
    """Puts what was computed back into syntax, spelled as people spell it."""

    def __init__(self, quotation: Quotation):
        self.quotation = quotation

    def visit_Known(self, node: Known) -> Any:
        value = tuple(node.value) if isinstance(node.value, range) else node.value
        return self.quotation.expression(value)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.slice, Known):
            node.value = self.visit(node.value)
            node.slice = index_syntax(self.quotation, node.slice.value)
            return node
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        for i, argument in reversed(list(enumerate(node.args))):
            inner = argument.value if isinstance(argument, ast.Starred) else None
            if isinstance(inner, Known) and isinstance(inner.value, (tuple, list)):
                node.args[i : i + 1] = [Known(value) for value in inner.value]
        self._dtypes(node)
        node.keywords = [word for word in node.keywords if not _is_default(word)]
        self.generic_visit(node)
        name = ast.unparse(node.func)
        axis = next((word for word in node.keywords if word.arg == "axis"), None)
        if name in _REDUCTIONS and axis is not None:
            node.func, name = parse(_REDUCTIONS[name]), _REDUCTIONS[name]
        if axis is not None and name in _ONE_AXIS and isinstance(axis.value, ast.Tuple) and len(axis.value.elts) == 1:
            axis.value = axis.value.elts[0]
        return node

    def _dtypes(self, node: ast.Call) -> None:
        """Leaves out the dtype that a reduction has by itself; ``dtype=np.float32`` for others."""
        first = node.args[0].value if node.args and isinstance(node.args[0], Known) else None
        for word in list(node.keywords):
            if word.arg == "dtype" and isinstance(word.value, Known) and isinstance(word.value.value, np.dtype):
                own = first.dtype if isinstance(first, Operand) else None
                if own == word.value.value and ast.unparse(node.func) in _REDUCTIONS:
                    node.keywords.remove(word)
                else:
                    word.value = parse(f"np.{word.value.value.name}")


def _is_default(word: ast.keyword) -> bool:
    value = word.value
    return isinstance(value, Known) and (word.arg, value.value) in (("keepdims", False), ("dtype", None))


def index_syntax(quotation: Quotation, index: Any) -> Any:
    """What stands between the brackets of an index."""

    def part(one: Any) -> Any:
        if not isinstance(one, slice):
            return quotation.expression(one)
        ends = [None if end is None else quotation.expression(end) for end in (one.start, one.stop, one.step)]
        return ast.Slice(*ends)

    if type(index) is not tuple:
        return part(index)
    return part(index[0]) if len(index) == 1 else ast.Tuple([part(one) for one in index], ast.Load())
