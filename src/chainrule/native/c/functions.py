"""Functions of numbers that C has as functions of their own: each is written once, and called where rules ask for it.

What has a branch in it is called for single numbers alone: loops over lanes that call it would be no vectors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.native.c.words import type_of
from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Program
from chainrule.native.language.values import F32, F64, Value
from chainrule.native.math import FUNCTIONS, REAL

PARAMETERS = "xyzabc"
_SUFFIX = {F64: "", F32: "f", np.dtype(np.float16): "h"}


@dataclass(eq=False)
class Function:
    """A function of ``parameters`` that gives ``result``; ``shown`` is a call of it as rules write that."""

    name: str
    shown: str
    program: Program
    parameters: list[Value]
    result: Value

    @property
    def branches(self) -> bool:
        """Whether it is more than instructions that only give a value."""
        return bool(self.program.variables) or not all(isinstance(s, tuple) for s in self.program.block.statements)

    @property
    def short(self) -> bool:
        """Whether it is an instruction, or none."""
        return len(self.program.block.statements) <= 2

    @property
    def about(self) -> str:
        """What it computes, and how well, as it says itself."""
        doc = (REAL[self.name].__doc__ or "").partition("\n\n")[0]
        return f"{self.shown}: {' '.join(doc.split())}" if doc else self.shown

    @property
    def word(self) -> str:
        """What it is called in C, if nothing else is: as what C has itself, and an underscore."""
        return f"{self.name}{_SUFFIX.get(self.result.dtype, self.result.dtype.name)}_"

    def declared(self, name: str) -> str:
        words = [f"{type_of(x.dtype)} {p}" for p, x in zip(PARAMETERS, self.parameters, strict=False)]
        kind = "static" if self.branches else "INLINE"
        return f"{kind} {type_of(self.result.dtype)} {name}({', '.join(words)})"


class Functions:
    """The functions that a program asks for. ``known`` is what its emitter is given for the functions of ``math``."""

    def __init__(self) -> None:
        self.made: dict[Any, Function | None] = {}
        self.known: dict[str, Callable[..., Any]] = {
            **FUNCTIONS, **{name: functools.partial(self._call, name) for name in REAL}
        }  # fmt: skip

    def emitter(self) -> Emitter:
        """One that writes for other machines, and for people."""
        e = Emitter(self.known)
        e.fuses = e.portable = e.readable = True
        return e

    def _call(self, name: str, e: Emitter, *operands: Any) -> Any:
        given = [x for x in operands if _varies(x)]
        if not given:
            return FUNCTIONS[name](e, *operands)
        lanes = max(getattr(x, "lanes", 1) for x in operands)
        function = self._function(name, operands)
        if function is None or function.short or (function.branches and lanes > 1):
            if function is None or not function.short:
                e.note(name, lanes)
            return FUNCTIONS[name](e, *operands)
        return e.pure("function", function.result.dtype, lanes, function, *[e.wide(x, lanes) for x in given])

    def _function(self, name: str, operands: Iterable[Any]) -> Function | None:
        """The function for operands like these, with constants inside; None if it is not one of real numbers alone."""
        operands = list(operands)
        if not all(isinstance(x, (Value, int, float)) for x in operands):
            return None
        key = (name, *map(_key, operands))
        if key not in self.made:
            self.made[key] = self._written(name, operands)
        return self.made[key]

    def _written(self, name: str, operands: Iterable[Any]) -> Function | None:
        e = self.emitter()
        letters = iter(PARAMETERS)
        taken, words, parameters = [], [], []
        for x in operands:
            if _varies(x):
                parameters.append(e.scalar(x.dtype))
                taken.append(parameters[-1])
                words.append(next(letters))
            else:
                number = x.constant if isinstance(x, Value) else x
                taken.append(e.const(number, x.dtype) if isinstance(x, Value) else x)
                words.append(str(number))
        made = FUNCTIONS[name](e, *taken)
        if not isinstance(made, Value) or e.calls or e.leaves:
            return None
        e.give(made)
        return Function(name, f"{name}({', '.join(words)})", e.program(name, []), parameters, made)


def named(functions: Iterable[Function], taken: set[str]) -> dict[Function, str]:
    """A name in C for each, that is not taken yet."""
    names = {}
    for function in functions:
        word = function.word
        while word in taken:
            word += "_"
        taken.add(word)
        names[function] = word
    return names


def in_order(called: Iterable[Function], calls: Callable[[Function], Iterable[Function]]) -> list[Function]:
    """Functions, and those that they call, each after what it calls."""
    found: dict[Function, None] = {}

    def add(function: Function) -> None:
        for other in calls(function):
            add(other)
        found[function] = None

    for function in called:
        add(function)
    return list(found)


def _varies(x: Any) -> bool:
    return not isinstance(x, (int, float)) and getattr(x, "constant", None) is None


def _key(x: Any) -> Any:
    if not isinstance(x, Value):
        return type(x), repr(x)
    return (x.dtype.char, None) if x.constant is None else (x.dtype.char, x.constant.tobytes())
