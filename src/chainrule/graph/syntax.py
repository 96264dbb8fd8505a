"""The syntax of functions: where it stands, what its names stand for, and what Python objects are the library's own."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import types
from collections.abc import Mapping
from typing import Any


class Unquotable(Exception):
    """An object that no text stands for."""


def parse(text: str) -> Any:
    """The syntax of one expression."""
    return ast.parse(text, mode="eval").body


class Operand:
    """Stands for an operand while constants around it are computed: only its place may be read."""

    __slots__ = ("dtype", "shape", "syntax")

    def __init__(self, syntax: Any, spec: Any):
        self.syntax = syntax
        self.shape, self.dtype = getattr(spec, "shape", ()), getattr(spec, "dtype", None)

    def __eq__(self, _other: Any) -> bool:
        raise Unquotable("an operand was compared")

    def __bool__(self) -> bool:
        raise Unquotable("an operand was asked for its truth")

    __hash__ = None  # type: ignore[assignment]  # as it is never equal to anything


def is_ours(obj: Any) -> bool:
    module = getattr(obj, "__module__", None) or getattr(type(obj), "__module__", "")
    return module.split(".")[0] == __name__.split(".")[0]


def is_ours_module(module: Any) -> bool:
    return module.__name__.split(".")[0] == __name__.split(".")[0]


@functools.cache
def _functions(path: str) -> tuple[dict[tuple[str, int], ast.FunctionDef], dict[int, list[ast.Lambda]]]:
    """The defs of a file by name and first line, and its lambdas by line."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    defs, lambdas = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            defs[node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
        elif isinstance(node, ast.Lambda):
            lambdas.setdefault(node.lineno, []).append(node)
    return defs, lambdas


def syntax_of(function: types.FunctionType) -> Any:
    """A fresh copy of the syntax of a def or lambda, found by where its code says it stands."""
    code = function.__code__
    defs, lambdas = _functions(inspect.getsourcefile(function) or code.co_filename)
    found = defs.get((code.co_name, code.co_firstlineno))
    if found is not None:
        return copy.deepcopy(found)
    spots = [(line, column) for line, _, column, _ in code.co_positions() if line is not None and column is not None]
    spots = [spot for spot in spots if spot != (code.co_firstlineno, 0)]
    holding = [
        node
        for node in lambdas.get(code.co_firstlineno, ())
        if all((node.body.lineno, node.body.col_offset) <= spot for spot in spots)
        and all(spot < end_of(node.body) for spot in spots)
    ]
    if not holding:
        raise Unquotable(f"{function.__qualname__} has no source")
    # Of lambdas inside lambdas the inmost.
    return copy.deepcopy(max(holding, key=lambda node: (node.body.lineno, node.body.col_offset)))


def end_of(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def scope(function: types.FunctionType) -> Mapping[str, Any]:
    """What the free names of a function stand for."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}


def bound_names(tree: Any) -> set[str]:
    """The names that a function binds, at any depth."""
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    return names | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} - {
        getattr(tree, "name", None)
    }


def does_more(node: ast.Try) -> bool:
    """Whether a try does more than to tell an error in other words."""
    raising = all(len(handler.body) == 1 and isinstance(handler.body[0], ast.Raise) for handler in node.handlers)
    return not raising or bool(node.orelse or node.finalbody)
