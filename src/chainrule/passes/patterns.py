"""Patterns: expressions of ops, with names for any operand. A rule is a pattern, what to put for it, and when."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from chainrule.box import Box, box
from chainrule.errors import ExpressionError
from chainrule.graph.operands import kept_operands
from chainrule.node import Node
from chainrule.op import REGISTRY
from chainrule.ops import ops
from chainrule.passes.cse import spelled
from chainrule.spec import Spec, distinct, spec_of

# What a call is to a pattern: its op, operands and parameters.
Call = tuple[Any, Sequence[Any], dict[str, Any]]


class Find(Protocol):
    """Where a rewriting takes place."""

    def __call__(self, made: Any) -> Any:
        """What stands for a call that was just made inside a replacement."""
        ...

    def shared(self, x: Any) -> bool:
        """Whether there is more than one use of the result of a call."""
        ...


@dataclass(frozen=True)
class Rule:
    """``pattern`` → ``replacement``, both as text, where ``where(**bound)`` holds, or always.

    In a pattern, functions are ops under the names a printed graph has, names stand for operands or parameters (the
    same thing wherever they are repeated), numbers for constants of that value and sign. ``let`` has more names for the
    replacement: each with a function ``(out, **bound)`` of the Spec of the result and of what is bound. Calls inside of
    the op ``once`` must have no other use, where they would have to stay. ``exact`` rules keep every result to
    the bit, but for the bits of a NaN, or come closer to that of real numbers; others are for ``fast=True``. A rule is
    never applied where it would change a shape or dtype.
    """

    pattern: str
    replacement: str
    where: Callable[..., bool] | None = None
    exact: bool = True
    let: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    once: str = ""
    root: str = field(init=False, compare=False)
    _pattern: Part = field(init=False, repr=False, compare=False)
    _replacement: ast.expr = field(init=False, repr=False, compare=False)
    _heads: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pattern, replacement = _parsed(self.pattern), _parsed(self.replacement)
        if not isinstance(pattern, ast.Call):
            raise ExpressionError(
                f"[rule] the pattern {self.pattern!r} is no call; expected an op of operands; "
                f"write one such as 'sqrt(square(x))'."
            )
        unbound = sorted(set(_names(replacement)) - set(_names(pattern)) - set(self.let))
        if unbound:
            raise ExpressionError(
                f"[rule] {unbound[0]!r} of the replacement {self.replacement!r} is not in the pattern "
                f"{self.pattern!r}; expected names that the pattern binds; add it there."
            )
        root = pattern.func.id  # type: ignore[attr-defined]  # checked
        heads = tuple(map(_head, pattern.args))
        made = {"root": root, "_pattern": _part(pattern), "_replacement": replacement, "_heads": heads}
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def may_fit(self, heads: Sequence[Any]) -> bool:
        """Whether a call of operands with these heads may be one that the rule is about."""
        return len(heads) == len(self._heads) and all(
            mine is None or mine == head for mine, head in zip(self._heads, heads, strict=True)
        )

    def apply(self, call: Call, spec: Spec, find: Find) -> Any:
        """What stands for this call by the rule; None where the rule says nothing."""
        bound = _matched(self._pattern, call, self.once, find)
        if bound is None or (self.where is not None and not self.where(**bound)):
            return None
        if self.let:
            bound |= {name: function(spec, **bound) for name, function in self.let.items()}
        made = self._built(bound, find)
        made = made if isinstance(made, Box) else box(Box.default, np.asarray(made)[()], None)
        return made if spec_of_operand(made) == spec else None

    def _built(self, bound: dict[str, Any], find: Find) -> Any:
        """The replacement, called from its leaves upwards."""
        values: dict[ast.expr, Any] = {}
        for node in reversed(list(_parts(self._replacement))):
            if isinstance(node, ast.Call):
                named = {str(keyword.arg): values[keyword.value] for keyword in node.keywords}
                made = getattr(ops, node.func.id)(*(values[arg] for arg in node.args), **named)  # type: ignore[attr-defined]  # checked
                values[node] = made if node is self._replacement else find(made)
            else:
                values[node] = bound[node.id] if isinstance(node, ast.Name) else _number(node)
        return values[self._replacement]


CONSTANT = object()  # the head of an operand that is a constant


def heads_of(operands: Sequence[Any]) -> tuple[Any, ...]:
    """The name of the op that each operand comes from, or that it is a constant, or None."""
    heads: list[Any] = []
    for x in operands:
        node = x._node if isinstance(x, Box) else None
        if node is None:
            heads.append(CONSTANT)
        else:
            heads.append(node.op.name if x._value is None and node.op is not None and node.symbolic else None)
    return tuple(heads)


def _head(part: ast.expr) -> Any:
    return part.func.id if isinstance(part, ast.Call) else None if isinstance(part, ast.Name) else CONSTANT  # type: ignore[attr-defined]  # checked


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
            fits = bool(node.args) if op.arity is None else len(node.args) == op.arity
            if not fits or not set(given) <= set(op.parameters):
                raise ExpressionError(
                    f"[rule] {ast.unparse(node)!r} does not fit the op {name}; expected {op.arity or 'some'} operands "
                    f"by position and parameters by name: {', '.join(op.parameters) or 'none'}; see a printed graph."
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


class Part(NamedTuple):
    """A part of a pattern: a call with its parts, a name, or a number."""

    op: str = ""
    operands: tuple[Part, ...] = ()
    params: tuple[tuple[str, Part], ...] = ()
    name: str = ""
    number: Any = None


def _part(tree: ast.expr) -> Part:
    if isinstance(tree, ast.Name):
        return Part(name=tree.id)
    if not isinstance(tree, ast.Call):
        return Part(number=_number(tree))
    params = tuple((str(keyword.arg), _part(keyword.value)) for keyword in tree.keywords)
    return Part(tree.func.id, tuple(map(_part, tree.args)), params)  # type: ignore[attr-defined]  # checked


def _matched(pattern: Part, call: Call, once: str, find: Find) -> dict[str, Any] | None:
    """What the names of a pattern stand for in a call; None if it is another call, or has parts in use elsewhere."""
    bound: dict[str, Any] = {}
    waiting: list[tuple[Part, Any]] = []
    if not _enter(pattern, call, waiting):
        return None
    while waiting:
        part, x = waiting.pop()
        if part.op:
            if not _enter(part, call_of(x), waiting) or (once == part.op and find.shared(x)):
                return None
        elif part.name:
            if part.name not in bound:
                bound[part.name] = x
            elif bound[part.name] is not x and spelled(bound[part.name]) != spelled(x):
                return None
        elif not is_number(x, part.number):
            return None
    return bound


def _enter(pattern: Part, call: Call | None, waiting: list[tuple[Part, Any]]) -> bool:
    """Let the parts of a pattern wait beside those of the call that it may be; False if it is another."""
    if call is None or call[0].name != pattern.op or len(call[1]) != len(pattern.operands):
        return False
    op, operands, params = call
    if params:
        named = dict(pattern.params)
        for name, value in params.items():
            if name in named:
                waiting.append((named[name], value))
            elif name not in op.defaults or spelled(value) != spelled(op.defaults[name]):
                return False
    waiting.extend(zip(pattern.operands, operands, strict=True))
    return True


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
    if value is None or isinstance(value, (Spec, complex)):
        return False
    array = distinct(np.asarray(value))
    if array.size == 0 or array.dtype.kind == "c" or array.flat[0] != number:
        return False
    if not (array == number).all():
        return False
    # Among floating-point numbers an integer 0 is +0.0.
    return number != 0 or bool((np.signbit(array.astype(float)) == np.signbit(number)).all())


def spec_of_operand(x: Any) -> Spec:
    """Shape and dtype of an operand; a number counts as an array."""
    if isinstance(x, Box):
        return x._node.spec if x._value is None else spec_of(x._value)
    return spec_of(np.asarray(x))
