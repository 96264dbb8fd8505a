"""Patterns: expressions of ops, with names for any operand. A rule is a pattern, what to put for it, and when."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import ExpressionError
from chainrule.graph.operands import kept_operands
from chainrule.node import Node
from chainrule.op import REGISTRY
from chainrule.ops import ops
from chainrule.passes.cse import spelled
from chainrule.spec import Spec, spec_of

# What a call is to a pattern: its op, operands and parameters.
Call = tuple[Any, Sequence[Any], dict[str, Any]]


@dataclass(frozen=True)
class Rule:
    """``pattern`` → ``replacement``, both as text, where ``where(**bound)`` holds, or always.

    In a pattern, functions are ops under the names a printed graph has, names stand for operands or parameters (the
    same thing wherever they are repeated), numbers for constants of that value and sign. ``exact`` rules keep every
    result to the bit, but for the bits of a NaN, or come closer to that of real numbers; others are for
    ``fast=True``. A rule is never applied where it would change a shape or dtype.
    """

    pattern: str
    replacement: str
    where: Callable[..., bool] | None = None
    exact: bool = True
    root: str = field(init=False)
    _pattern: ast.Call = field(init=False, repr=False)
    _replacement: ast.expr = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pattern, replacement = _parsed(self.pattern), _parsed(self.replacement)
        if not isinstance(pattern, ast.Call):
            raise ExpressionError(
                f"[rule] the pattern {self.pattern!r} is no call; expected an op of operands; "
                f"write one such as 'sqrt(square(x))'."
            )
        unbound = sorted(set(_names(replacement)) - set(_names(pattern)))
        if unbound:
            raise ExpressionError(
                f"[rule] {unbound[0]!r} of the replacement {self.replacement!r} is not in the pattern "
                f"{self.pattern!r}; expected names that the pattern binds; add it there."
            )
        for name, value in (("root", pattern.func.id), ("_pattern", pattern), ("_replacement", replacement)):  # type: ignore[attr-defined]  # checked
            object.__setattr__(self, name, value)

    def apply(self, call: Call, spec: Spec) -> Any:
        """What stands for this call by the rule; None where the rule says nothing."""
        bound = matched(self._pattern, call)
        if bound is None or (self.where is not None and not self.where(**bound)):
            return None
        made = _built(self._replacement, bound)
        return made if isinstance(made, Box) and spec_of_operand(made) == spec else None


def _parsed(text: str) -> ast.expr:
    """The syntax of a pattern, which has calls of ops, names and numbers only."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ExpressionError(
            f"[rule] {text!r} cannot be read; expected calls of ops, names and numbers; write it like 'log(add(1, x))'."
        ) from None
    for node in _parts(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            if name not in REGISTRY or REGISTRY[name].sequence or REGISTRY[name].outputs is not None:
                raise ExpressionError(
                    f"[rule] {name!r} in {text!r} is no op that a pattern may have; expected one of a number of "
                    f"operands and of one output; take the names from a printed graph."
                )
            op, given = REGISTRY[name], [str(keyword.arg) for keyword in node.keywords]
            if len(node.args) != op.arity or not set(given) <= set(op.parameters):
                raise ExpressionError(
                    f"[rule] {ast.unparse(node)!r} does not fit the op {name}; expected {op.arity} operands by "
                    f"position and its parameters by name: {', '.join(op.parameters) or 'none'}; see a printed graph."
                )
        elif not isinstance(node, ast.Name) and _number(node) is None:
            raise ExpressionError(
                f"[rule] {ast.unparse(node)!r} in {text!r} is no part of a pattern; expected calls of ops, names and "
                f"numbers; write add(x, y) for x + y."
            )
    return tree


def _parts(tree: ast.expr) -> Iterator[ast.expr]:
    waiting = [tree]
    for node in waiting:
        yield node
        if isinstance(node, ast.Call):
            waiting += [*node.args, *(keyword.value for keyword in node.keywords)]


def _names(tree: ast.expr) -> list[str]:
    return [node.id for node in _parts(tree) if isinstance(node, ast.Name)]


def _number(node: ast.expr) -> Any:
    """The number that this is, or None."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, (bool, int, float)) else None


def matched(pattern: ast.Call, call: Call) -> dict[str, Any] | None:
    """What the names of a pattern stand for in a call; None if it is another call."""
    bound: dict[str, Any] = {}
    waiting: list[tuple[ast.expr, Any]] = []

    def enter(pattern: ast.Call, call: Call | None) -> bool:
        if call is None or call[0].name != pattern.func.id or len(call[1]) != len(pattern.args):  # type: ignore[attr-defined]  # checked
            return False
        op, operands, params = call
        wanted = {keyword.arg: keyword.value for keyword in pattern.keywords}
        for name in params.keys() - wanted.keys():
            if name not in op.defaults or spelled(params[name]) != spelled(op.defaults[name]):
                return False
        waiting.extend(zip(pattern.args, operands, strict=True))
        waiting.extend((value, params[name]) for name, value in wanted.items() if name in params)
        return True

    if not enter(pattern, call):
        return None
    while waiting:
        part, x = waiting.pop()
        if isinstance(part, ast.Call):
            if not enter(part, call_of(x)):
                return None
        elif isinstance(part, ast.Name):
            if part.id in bound and spelled(bound[part.id]) != spelled(x):
                return None
            bound[part.id] = x
        elif not is_number(x, _number(part)):
            return None
    return bound


def call_of(x: Any) -> Call | None:
    """The call that a symbolic operand is the result of."""
    node = x._node if isinstance(x, Box) and x._value is None else None
    if node is None or node.op is None or not node.symbolic:
        return None
    return node.op, operands_before(node), node.params


def operands_before(node: Node) -> list[Any]:
    """The operands of a symbolic node, as they were given to it."""
    return [
        value if parent is None else box(Box.default, value, parent)
        for value, parent in zip(kept_operands(node), node.parents, strict=True)
    ]


def constant_of(x: Any) -> Any:
    """The value of an operand that is constant, and whose gradient nobody may ask for; else None."""
    if isinstance(x, Box):
        return x._value if x._node is None else None
    return x


def is_number(x: Any, number: Any) -> bool:
    """Whether x is constant and this number everywhere, with its sign."""
    value = constant_of(x)
    if value is None or isinstance(value, Spec) or np.iscomplexobj(value):
        return False
    array = np.asarray(value)
    # Among floating-point numbers an integer 0 is +0.0.
    signs = np.signbit(array.astype(float)) == np.signbit(number)
    return array.size > 0 and bool(np.all((array == number) & signs))


def spec_of_operand(x: Any) -> Spec:
    """Shape and dtype of an operand; a number counts as an array."""
    if isinstance(x, Box):
        return x._node.spec if x._value is None else spec_of(x._value)
    return spec_of(np.asarray(x))


def _built(tree: ast.expr, bound: dict[str, Any]) -> Any:
    """The replacement, called from its leaves upwards."""
    values: dict[ast.expr, Any] = {}
    for node in reversed(list(_parts(tree))):
        if isinstance(node, ast.Call):
            named = {str(keyword.arg): values[keyword.value] for keyword in node.keywords}
            values[node] = getattr(ops, node.func.id)(*(values[arg] for arg in node.args), **named)  # type: ignore[attr-defined]  # checked
        else:
            values[node] = bound[node.id] if isinstance(node, ast.Name) else _number(node)
    return values[tree]
