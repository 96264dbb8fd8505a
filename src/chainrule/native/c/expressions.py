"""Values of a loop program as expressions of C11. Numbers that are used once stand where they are used."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.native.c.aliases import touches
from chainrule.native.c.functions import Function
from chainrule.native.c.uses import Uses
from chainrule.native.c.words import COMPARE, INTRINSICS, KEYWORDS, OPERATORS, type_of, unsigned_of, written
from chainrule.native.language.loops import Block, Variable
from chainrule.native.language.values import BOOL, Value

WIDTH = 112  # of lines of comments
LONG = 110  # characters of an expression, from which it gets a line and a name of its own

# Comparisons of booleans: false is less than true.
_LOGIC = {"lt": "(!{0} & {1})", "le": "(!{0} | {1})", "gt": "({0} & !{1})", "ge": "({0} | !{1})"}


@dataclass(eq=False)
class Waiting:
    """An expression that is written where its value is used; what it reads that may change before."""

    value: Value
    text: str
    reads: set[str]


class Expressions:
    """Prints values: names for what is used several times, the rest where it is used."""

    def __init__(
        self,
        block: Block,
        found: Uses,
        tables: Mapping[tuple[str, int], tuple[str, np.dtype]],
        functions: Mapping[Any, str],
        taken: Iterable[str],
    ):
        self.uses = found.values
        self.lines: list[str] = []
        self.depth = 1
        self.helpers: dict[str, None] = {}
        self.named: dict[int, str] = {}  # values that have a name
        self.places: dict[str, str] = {}  # names of variables
        self.arrays: set[int] = set()  # vectors that are kept as arrays
        self.sums: dict[int, tuple[int, int]] = {}  # integers that are another one and a constant
        self.indices: set[int] = set()  # integers that count elements: they do not overflow
        self.block = block
        self.waiting: dict[int, Waiting] = {}
        self.loops: list[str] = []
        self.tables, self.functions = tables, functions
        self.taken = {*(name for name, _ in tables.values()), *functions.values(), *taken, *KEYWORDS, "l"}
        self.rounds = False
        self.same: dict[int, Value] = {}  # vectors all of whose lanes are one number
        self.pending: list[str] = []  # comments on what is written next
        self.said = [""]  # the comment that holds here, in each of the loops around
        self.called: dict[Function, None] = {}

    # ------------------------------------------------------------------------------------------ words

    def fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def emit(self, line: str) -> None:
        if self.pending:
            text, self.pending = "; ".join(self.pending), []
            self.comment(text)
        self.lines.append("    " * self.depth + line)

    def help(self, name: str) -> str:
        self.helpers[name] = None
        return name

    @contextmanager
    def braces(self, head: str) -> Iterator[None]:
        self.emit(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self.pending = []  # of what is written where it is used
        self.emit("}")

    def ref(self, x: Value) -> str:
        """A value as part of an expression."""
        if x.constant is not None:
            return written(x.constant, x.dtype)
        x = self.same.get(x.name, x)
        waiting = self.waiting.pop(x.name, None)
        if waiting is not None:
            return waiting.text
        return f"{self.named[x.name]}[l]" if x.name in self.arrays else self.named[x.name]

    def _bare(self, x: Value) -> str:
        return without(self.ref(x))

    def variable(self, v: Variable) -> str:
        return self.places[v.name] + ("[l]" if v.lanes > 1 else "")

    # ------------------------------------------------------------------------------------------ what is said

    def comment(self, text: str) -> None:
        words = textwrap.wrap(text.replace("*/", ""), WIDTH - 4 * self.depth, break_long_words=False)
        for i, line in enumerate(words):
            self.emit(f"{'   ' if i else '/* '}{line}{'' if i < len(words) - 1 else ' */'}")

    def _told(self, note: str) -> str:
        """A note with the names of outputs."""
        for (table, i), (name, _) in self.tables.items():
            if table == "outputs":
                note = note.replace(f"{{{i}}}", name)
        return note

    def _note(self, _kind: str, text: str, lanes: int) -> None:
        text = self._told(text)
        if lanes > 1:
            self.pending.append(text)
        elif text != self.said[-1]:
            self.pending.append(text)
            self.said[-1] = text

    # ------------------------------------------------------------------------------------------ what waits

    def _declare(self, waiting: Waiting) -> None:
        name = self.named[waiting.value.name] = self.fresh(f"t{waiting.value.name}")
        self.emit(f"const {type_of(waiting.value.dtype)} {name} = {without(waiting.text)};")

    def _settle(self, reads: set[str] | None, lanes: int = 1) -> None:
        """Give a name to what waits, if it reads something that is about to change; to all if that is not known."""
        for name, waiting in list(self.waiting.items()):
            if waiting.value.lanes == lanes and (reads is None or touches(waiting.reads, reads)):
                del self.waiting[name]
                self._declare(waiting)

    def _define(self, made: Any, text: str, reads: Any = ()) -> None:
        use = self.uses.get(made.name)
        if use is None:
            return
        if made.name in self.arrays:
            self.emit(f"{self.named[made.name]}[l] = {without(text)};")
            return
        waiting = Waiting(made, text, set(reads))
        if use.count == 1 and not use.wide and use.blocks == {id(self.block)} and len(text) <= LONG:
            self.waiting[made.name] = waiting
        else:
            self._declare(waiting)

    # ------------------------------------------------------------------------------------------ arithmetic

    def _pure(self, kind: str, made: Value, *operands: Any) -> None:
        text, reads = self._expression(kind, made, [self._reads(x) for x in operands if isinstance(x, Value)], operands)
        self._define(made, text, reads)

    def _reads(self, x: Value) -> set[str]:
        waiting = self.waiting.get(x.name)
        return waiting.reads if waiting is not None else set()

    def _expression(self, kind: str, made: Value, reads: Any, operands: Any) -> tuple[str, set[str]]:
        found: set[str] = set().union(*reads) if reads else set()
        x: Any = operands[0] if operands else None
        single = "f" if made.dtype.kind == "f" and made.dtype.itemsize < 8 else ""
        if kind == "lane_numbers":
            return "(int64_t)l", found
        if kind in COMPARE:
            return self._comparison(kind, *operands), found
        if kind == "select":
            # What is chosen from has been computed: compilers need not make a branch, and gcc 12 has made wrong ones.
            self._settled(operands[1:])
        shown = [self.ref(y) for y in operands]
        if kind == "select":
            if made.dtype == np.int64 and all(self._is_index(y) for y in operands[1:]):
                self.indices.add(made.name)
            return f"({shown[0]} ? {shown[1]} : {shown[2]})", found
        if kind in ("cast", "truncate"):
            return self._converted(x.dtype, made.dtype, shown[0]), found
        if kind == "bitcast":
            return f"{self.help(f'bits_{x.dtype.name}_as_{made.dtype.name}')}({without(shown[0])})", found
        if kind == "not":
            return (f"!{shown[0]}" if made.dtype == BOOL else f"({type_of(made.dtype)})~{shown[0]}"), found
        if made.dtype.kind == "f":
            self.rounds = self.rounds or kind.startswith("rounded_")
            kind = kind.removeprefix("rounded_")
            if kind == "neg":
                return f"(-{shown[0]})", found
            if kind == "rem":
                return f"fmod{single}({', '.join(map(without, shown))})", found
            if kind == "scale":
                return f"ldexp{single}({without(shown[0])}, (int){shown[1]})", found
            if kind in INTRINSICS:
                return f"{INTRINSICS[kind]}{single}({', '.join(map(without, shown))})", found
            text = f"({shown[0]} {OPERATORS[kind]} {shown[1]})"
            return (f"{self.help('half_round')}{text}" if made.dtype == np.float16 else text), found
        return self._integer(kind, made, shown, operands), found

    def _settled(self, operands: Sequence[Value]) -> None:
        """Give names to what is not one yet."""
        for x in operands:
            waiting = self.waiting.get(x.name)
            if x.constant is None and waiting is not None:
                self._declare(self.waiting.pop(x.name))

    def _comparison(self, kind: str, x: Value, y: Value) -> str:
        if x.dtype.kind == "u" and y.constant is not None and not y.constant and kind in ("lt", "ge"):
            return "false" if kind == "lt" else "true"
        if x.dtype.kind == "u" and x.constant is not None and not x.constant and kind in ("gt", "le"):
            return "false" if kind == "gt" else "true"
        if x.dtype == BOOL and kind not in ("eq", "ne"):
            return _LOGIC[kind].format(self.ref(x), self.ref(y))
        if kind == "ne" and x is y and x.dtype.kind != "f":
            return "false"
        if kind == "ne" and x is y:
            return f"(isnan({self._bare(x)}) != 0)"
        return f"({self.ref(x)} {COMPARE[kind]} {self.ref(y)})"

    def _integer(self, kind: str, made: Value, shown: list[str], operands: Any) -> str:
        name, wide = type_of(made.dtype), unsigned_of(made.dtype)
        if made.dtype == BOOL:
            return (
                f"({shown[0]} {'||' if kind in ('or', 'add') else '&&' if kind in ('and', 'mul') else '!='} {shown[1]})"
            )
        if kind in ("and", "or", "xor"):
            return f"({shown[0]} {OPERATORS[kind]} {shown[1]})"
        if kind in ("add", "sub", "mul") and made.dtype == np.int64 and all(self._is_index(x) for x in operands):
            self.indices.add(made.name)
            if kind == "add" and operands[1].constant is not None:
                base, offset = self.sums.get(operands[0].name, (operands[0].name, 0))
                self.sums[made.name] = base, offset + int(operands[1].constant)
            return f"({shown[0]} {OPERATORS[kind]} {shown[1]})"
        # Signed numbers may not overflow in C, unsigned ones may.
        if kind == "neg":
            return f"({name})(0 - ({wide}){shown[0]})"
        if kind == "abs":
            return f"({name})({shown[0]} < 0 ? 0 - ({wide}){shown[0]} : ({wide}){shown[0]})"
        if kind == "rem" or kind == "div":
            return f"({name})({shown[0]} {OPERATORS[kind]} {shown[1]})"
        if made.dtype.kind == "u" and made.dtype.itemsize >= 4 and kind != "neg":
            return f"({shown[0]} {OPERATORS[kind]} {shown[1]})"
        if kind in ("add", "sub", "mul", "shl"):
            return f"({name})(({wide}){shown[0]} {OPERATORS[kind]} ({wide}){shown[1]})"
        # A constant alone would be an int.
        left = f"({name}){shown[0]}" if operands[0].constant is not None else shown[0]
        return f"({name})({left} {OPERATORS[kind]} {shown[1]})"

    def _is_index(self, x: Value) -> bool:
        """Whether a number counts elements of memory: these do not overflow."""
        return x.constant is not None or self.named.get(x.name) in self.loops or x.name in self.indices

    def _converted(self, a: np.dtype, b: np.dtype, text: str) -> str:
        if a.kind == "f" and b.kind in "iu":
            return (
                f"{self.help(f'{a.name}_to_{b.name}' if a != np.float16 else f'float32_to_{b.name}')}({without(text)})"
            )
        if b == np.float16:
            return f"{self.help('half_round')}((float){text})"
        return f"({type_of(b)}){text}"

    def _function(self, _kind: str, made: Value, function: Function, *operands: Value) -> None:
        self.called[function] = None
        reads: set[str] = set().union(*map(self._reads, operands))
        self._define(made, f"{self.functions[function]}({', '.join(map(self._bare, operands))})", reads)

    def _give(self, _kind: str, x: Value) -> None:
        self.emit(f"return {self._bare(x)};")

    def _across(self, _kind: str, made: Value, kind: str, x: Value) -> None:
        one = x.constant is not None or x.name in self.same
        parts = [self.ref(x)] * x.lanes if one else [f"{self.named[x.name]}[{i}]" for i in range(x.lanes)]
        sign = {"and": "&", "or": "|"}.get(kind, OPERATORS.get(kind, "+"))
        if x.dtype == BOOL:
            sign += sign
        while len(parts) > 1:
            half = (len(parts) + 1) // 2
            parts = [
                f"({parts[i]} {sign} {parts[i + half]})" if i + half < len(parts) else parts[i] for i in range(half)
            ]
        text = parts[0] if x.dtype.kind in "fb" else f"({type_of(made.dtype)}){parts[0]}"
        self._define(made, text)

    def _lane(self, _kind: str, made: Value, x: Value, i: int) -> None:
        self._define(
            made, self.ref(x) if x.name in self.same or x.constant is not None else f"{self.named[x.name]}[{i}]"
        )

    def _row(self, _kind: str, made: Value, *values: Value) -> None:
        if made.name not in self.uses:
            return
        self.named[made.name] = self.fresh(f"t{made.name}")
        self.arrays.add(made.name)
        parts = ", ".join(map(self._bare, values))
        self.emit(f"const {type_of(made.dtype)} {self.named[made.name]}[{made.lanes}] = {{{parts}}};")


def without(text: str) -> str:
    """An expression without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else text
    return text


def as_term(text: str) -> str:
    """An expression without the parentheses around all of it, if something may be added to it then."""
    bare = without(text)
    return text if any(sign in bare for sign in "?<>&|=%^") else bare


def simple(text: str) -> bool:
    """Whether no operator stands outside of parentheses in it."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and letter == " ":
            return False
    return True
