"""A loop program as text of C11: the same loops in the same order, with the lanes of vectors as the innermost ones.

Numbers that are used once stand where they are used; vector instructions that follow one another share one loop over
the lanes, which compilers turn into vector instructions again. Memory of the program's own that is read in such a loop
is not written there at other places, so the order of lanes does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.calls import raises
from chainrule.native.cuses import Uses, given
from chainrule.native.cwords import (
    COMPARE,
    INTRINSICS,
    KEYWORDS,
    OPERATORS,
    type_in_memory,
    type_of,
    unsigned_of,
    written,
)
from chainrule.native.loops import Block, For, If, Parallel, Pointer, Program, Variable, While
from chainrule.native.values import BOOL, Value

LONG = 110  # characters of an expression, from which it gets a line and a name of its own
ANYWHERE = "*"  # the root of pointers that are read from memory
INDEX = "ijkmnpqrstuvw"

Root = tuple[str, float, float]  # what a pointer points into, and from which byte to which


@dataclass(eq=False)
class Waiting:
    """An expression that is written where its value is used; what it reads that may change before."""

    value: Value
    text: str
    reads: set[str]


@dataclass(eq=False)
class Run:
    """Vector instructions that share a loop over the lanes."""

    lanes: int
    statements: list[Any] = field(default_factory=list)
    loads: list[tuple[Root, Any]] = field(default_factory=list)
    stores: list[tuple[Root, Any]] = field(default_factory=list)


class CText:
    """Prints the block of a program as the body of a function of C.

    ``names`` are those of what the pointers in ``tables`` point to, by table and position; ``rooms`` the bytes that
    were given out at each offset of the arena; ``notes`` what is said of pointers.
    """

    def __init__(
        self,
        program: Program,
        names: Mapping[tuple[str, int], tuple[str, np.dtype]],
        rooms: Mapping[int, int],
        notes: Mapping[str, str],
        functions: Mapping[str, str],
        parameters: Sequence[tuple[str, np.dtype, bool]] = (),
    ):
        self.program, self.tables, self.rooms, self.notes, self.functions = program, names, rooms, notes, functions
        self.lines: list[str] = []
        self.depth = 1
        self.helpers: dict[str, None] = {}
        found = Uses(program.block)
        self.uses, self.read, self.reached, self.kinds, self.totals = (
            found.values, found.variables, found.pointers, found.kinds, found.totals,
        )  # fmt: skip
        self.pointers: dict[str, str] = {}
        self.roots: dict[str, Root] = {}
        self.constant: set[str] = set()  # pointers to what is not written
        self.named: dict[int, str] = {}  # values that have a name
        self.places: dict[str, str] = {}  # names of variables
        self.arrays: set[int] = set()  # vectors that are kept as arrays
        self.sums: dict[int, tuple[int, int]] = {}  # integers that are another one and a constant
        self.indices: set[int] = set()  # integers that count elements: they do not overflow
        self.block: Block = program.block
        self.waiting: dict[int, Waiting] = {}
        self.run: Run | None = None
        self.loops: list[str] = []
        self.taken = {*(name for name, _ in names.values()), *functions.values(), *KEYWORDS, "l"}
        self.leaves = self.rounds = False
        self.owned: Any = ()  # tables of memory that is freed where a chunk fails, and their sizes
        self.same: dict[int, Value] = {}  # vectors all of whose lanes are one number
        for i, (name, data) in enumerate(program.data.items()):
            self.pointers[name] = self.fresh(f"c{i}")
            self.kinds[name] = _part(data.dtype)
            self.constant.add(name)
            self.roots[name] = (name, 0, math.inf)
        for name, dtype, constant in parameters:
            self.pointers[name], self.kinds[name], self.roots[name] = name, _part(dtype), (name, 0, math.inf)
            self.taken.add(name)
            if constant:
                self.constant.add(name)
        self.pointers["arena"], self.kinds["arena"] = "arena", np.dtype(np.uint8)
        self.roots["arena"] = ("arena", 0, math.inf)

    def body(self) -> list[str]:
        self._variables(self.program.variables)
        self.write(self.program.block)
        return self.lines

    # ------------------------------------------------------------------------------------------ words

    def fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def emit(self, line: str) -> None:
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
        return _without(self.ref(x))

    def _variables(self, variables: Sequence[Variable]) -> None:
        for v in variables:
            if v.name in self.read:
                made = self.places[v.name] = self.fresh(f"s{v.name[1:]}")
                many = f"[{v.lanes}] = {{0}}" if v.lanes > 1 else " = 0"
                self.emit(f"{type_of(v.dtype)} {made}{many};")

    def variable(self, v: Variable) -> str:
        return self.places[v.name] + ("[l]" if v.lanes > 1 else "")

    # ------------------------------------------------------------------------------------------ statements

    def write(self, block: Block) -> None:
        around, self.block = self.block, block
        for statement in block.statements:
            if isinstance(statement, tuple):
                self._one(statement)
                continue
            self._flush()
            if not isinstance(statement, (If, For)):
                self._settle(None)
            getattr(self, f"_write_{type(statement).__name__.lower()}")(statement)
        self._flush()
        self._settle(None)
        self.block = around

    def _one(self, statement: Any) -> None:
        kind: str = statement[0]
        made: Any = statement[1]
        lanes = self._lanes(statement)
        if isinstance(made, Value) and kind not in ("store", "leave_if", "call") and made.name not in self.uses:
            return
        if kind in ("at", "pointer") and made.name not in self.reached:
            return
        if kind == "set" and made.name not in self.read:
            return
        if kind == "get" and lanes > 1 and made.name in self.totals:
            self._flush()
            self.named[made.name] = self.places[statement[2].name]
            self.arrays.add(made.name)
        elif kind == "splat":
            number: Value = statement[2]
            self.same[made.name] = self.same.get(number.name, number)
        elif lanes > 1:
            self._join(lanes, statement)
        else:
            if self.run is not None and kind in (
                "across",
                "lane",
                "row",
                "store",
                "call",
                "leave_if",
                "load",
                "gather",
            ):
                unharmed = kind in ("load", "gather") and not self._harmed(self.roots[statement[2].name], None)
                if not unharmed:
                    self._flush()
            getattr(self, f"_{kind}", self._pure)(*statement)

    def _lanes(self, statement: Any) -> int:
        kind = statement[0]
        if kind in ("across", "lane", "row", "call", "leave_if", "at", "pointer", "set_pointer"):
            return 1
        return statement[1].lanes

    def _harmed(self, root: Root, key: Any) -> bool:
        """Whether instructions of the run write where another one is about to read."""
        assert self.run is not None
        return any(_meet(root, other) and (key is None or _across(key, k)) for other, k in self.run.stores)

    def _join(self, lanes: int, statement: Any) -> None:
        """Put a vector instruction into the loop over lanes that is being collected."""
        kind = statement[0]
        if self.run is not None and self.run.lanes != lanes:
            self._flush()
        if kind in ("load", "gather", "store") and self.run is not None:
            root, key = self.roots[statement[2].name], self._key(statement)
            harmed = self._harmed(root, key)
            if kind == "store":
                harmed = harmed or any(_meet(root, other) and _across(key, k) for other, k in self.run.loads)
            if harmed:
                self._flush()
        if self.run is None:
            self.run = Run(lanes)
        if kind in ("load", "gather") and statement[2].name not in self.constant:
            self.run.loads.append((self.roots[statement[2].name], self._key(statement)))
        elif kind == "store":
            self.run.stores.append((self.roots[statement[2].name], self._key(statement)))
        self.run.statements.append(statement)

    def _key(self, statement: Any) -> Any:
        """What tells which elements are read or written: the pointer, the index, its constant part, lanes and steps."""
        index = statement[3]
        if statement[0] == "gather":
            return (statement[2].name, index.name, 0, 0, 0)
        base, offset = self.sums.get(index.name, (index.name, 0))
        if index.constant is not None:
            base, offset = -1, int(index.constant)
        return (statement[2].name, base, offset, statement[1].lanes, statement[4])

    def _flush(self) -> None:
        """Write the loop over lanes."""
        run, self.run = self.run, None
        if run is None:
            return
        inside: dict[int, int] = {}
        counted: list[Any] = [s[1:] if s[0] == "store" else s[2:] for s in run.statements]
        for x in (x for parts in counted for x in parts if isinstance(x, Value)):
            inside[x.name] = inside.get(x.name, 0) + 1
        for s in run.statements:
            if s[0] in ("store", "set"):
                continue
            made = s[1]
            if self.uses[made.name].count > inside.get(made.name, 0):
                self.arrays.add(made.name)
                self.named[made.name] = self.fresh(f"t{made.name}")
                self.emit(f"{type_of(made.dtype)} {self.named[made.name]}[{run.lanes}];")
        around, self.waiting = self.waiting, {}
        # What waits outside and is used here is computed before, unless it is an index.
        for name in list(around):
            if name in inside and len(around[name].text) > LONG // 3:
                self._declare(around.pop(name))
        self.waiting = around
        self.helpers["LANES"] = None
        with self.braces(f"LANES(l, {run.lanes})"):
            for s in run.statements:
                getattr(self, f"_{s[0]}", self._pure)(*s)
            self._settle(None, run.lanes)

    def _declare(self, waiting: Waiting) -> None:
        name = self.named[waiting.value.name] = self.fresh(f"t{waiting.value.name}")
        self.emit(f"const {type_of(waiting.value.dtype)} {name} = {_without(waiting.text)};")

    def _settle(self, reads: set[str] | None, lanes: int = 1) -> None:
        """Give a name to what waits, if it reads something that is about to change; to all if that is not known."""
        for name, waiting in list(self.waiting.items()):
            if waiting.value.lanes == lanes and (reads is None or _touches(waiting.reads, reads)):
                del self.waiting[name]
                self._declare(waiting)

    def _define(self, made: Any, text: str, reads: Any = ()) -> None:
        use = self.uses.get(made.name)
        if use is None:
            return
        if made.name in self.arrays:
            self.emit(f"{self.named[made.name]}[l] = {_without(text)};")
            return
        waiting = Waiting(made, text, set(reads))
        if use.count == 1 and not use.wide and use.blocks == {id(self.block)} and len(text) <= LONG:
            self.waiting[made.name] = waiting
        else:
            self._declare(waiting)

    # ------------------------------------------------------------------------------------------ loops

    def _write_for(self, loop: For) -> None:
        if self._reads(loop.start) | self._reads(loop.stop):
            self._settle(None)
        start, stop = self._bare(loop.start), self.ref(loop.stop)
        self._settle(None)
        name = next((x for x in INDEX if x not in self.loops and x not in self.taken), None)
        name = name or self.fresh(f"i{len(self.loops)}")
        self.named[loop.index.name] = name
        if loop.note:
            self.emit(f"/* {loop.note.replace('*/', '')} */")
        more = f"{name}++" if loop.step == 1 else f"{name} += {loop.step}"
        with self.braces(f"for (int64_t {name} = {start}; {name} < {stop}; {more})"):
            self.loops.append(name)
            self.write(loop.block)
            self.loops.pop()

    def _write_parallel(self, loop: Parallel) -> None:
        name = self.named[loop.index.name] = self.fresh("chunk")
        if loop.note:
            self.emit(f"/* {loop.note.replace('*/', '')}: in {loop.chunks} chunks that may run at once */")
        if not _leaves(loop.block):
            self.lines += ["#ifdef _OPENMP", "#pragma omp parallel for", "#endif"]
        with self.braces(f"for (int64_t {name} = 0; {name} < {loop.chunks}; {name}++)"):
            self.loops.append(name)
            self._variables(loop.variables)
            self.owned = loop.owned
            self.write(loop.block)
            self.owned = ()
            self.loops.pop()

    def _write_while(self, loop: While) -> None:
        with self.braces("for (;;)"):
            # The condition is the last that the head computes, and is read where the head ends.
            around, self.block = self.block, loop.head
            for statement in loop.head.statements:
                if isinstance(statement, tuple):
                    self._one(statement)
                else:
                    self._flush()
                    self._settle(None)
                    getattr(self, f"_write_{type(statement).__name__.lower()}")(statement)
            self._flush()
            self.emit(f"if (!({self._bare(loop.condition)})) break;")
            self._settle(None)
            self.block = around
            self.write(loop.block)

    def _write_if(self, branch: If) -> None:
        condition = self._bare(branch.condition)
        self._settle(None)
        if raises(branch):
            self.leaves = True
            self.emit(f"if ({condition}) return 1;")
            return
        with self.braces(f"if ({condition})"):
            self.write(branch.block)
        if branch.orelse.statements:
            self.lines[-1] += " else {"
            self.depth += 1
            self.write(branch.orelse)
            self.depth -= 1
            self.emit("}")

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
        if kind == "cast":
            return self._converted(x.dtype, made.dtype, shown[0]), found
        if kind == "bitcast":
            return f"{self.help(f'bits_{x.dtype.name}_as_{made.dtype.name}')}({_without(shown[0])})", found
        if kind == "not":
            return (f"!{shown[0]}" if made.dtype == BOOL else f"({type_of(made.dtype)})~{shown[0]}"), found
        if made.dtype.kind == "f":
            self.rounds = self.rounds or kind.startswith("rounded_")
            kind = kind.removeprefix("rounded_")
            if kind == "neg":
                return f"(-{shown[0]})", found
            if kind == "rem":
                return f"fmod{single}({', '.join(map(_without, shown))})", found
            if kind == "scale":
                return f"ldexp{single}({_without(shown[0])}, (int){shown[1]})", found
            if kind in INTRINSICS:
                return f"{INTRINSICS[kind]}{single}({', '.join(map(_without, shown))})", found
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
                f"{self.help(f'{a.name}_to_{b.name}' if a != np.float16 else f'float32_to_{b.name}')}({_without(text)})"
            )
        if b == np.float16:
            return f"{self.help('half_round')}((float){text})"
        return f"({type_of(b)}){text}"

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

    # ------------------------------------------------------------------------------------------ memory

    def place(self, pointer: Pointer, index: Value, dtype: np.dtype, step: int | None, lanes: int) -> str:
        """An element in memory."""
        name, text = self.pointers[pointer.name], _as_term(self.ref(index))
        if lanes > 1 and step is not None:
            lane = "l" if step == 1 else f"{step} * l" if step > 0 else f"({step}) * l"
            text = lane if text == "0" else f"{text} + {lane}"
        if type_in_memory(self.kinds[pointer.name]) != type_in_memory(dtype):
            const = "const " if pointer.name in self.constant else ""
            name = f"(({const}{type_in_memory(dtype)} *){name})"
        return f"{name}[{text}]"

    def _load(self, _kind: str, made: Value, pointer: Pointer, index: Value, step: int | None) -> None:
        reads = self._reads(index) | (set() if pointer.name in self.constant else {self.roots[pointer.name][0]})
        text = self.place(pointer, index, made.dtype, step, made.lanes)
        if made.dtype == BOOL:
            text = f"({text} != 0)"
        elif made.dtype == np.float16:
            text = f"{self.help('half_to_float')}({text})"
        self._define(made, text, reads)

    def _gather(self, kind: str, made: Value, pointer: Pointer, index: Value) -> None:
        self._load(kind, made, pointer, index, None)

    def _store(self, _kind: str, x: Value, pointer: Pointer, index: Value, step: int) -> None:
        shown = self._bare(x)
        place = self.place(pointer, index, x.dtype, step, x.lanes)
        self._settle({self.roots[pointer.name][0]}, x.lanes)
        if x.lanes > 1:
            self._settle_outside({self.roots[pointer.name][0]})
        if x.dtype == np.float16:
            shown = f"{self.help('float_to_half')}({shown})"
        self.emit(f"{place} = {shown};")

    def _settle_outside(self, reads: set[str]) -> None:
        """Numbers that wait outside of a loop over lanes, and read what it writes, are read before it."""
        at = len(self.lines)
        found = [w for w in self.waiting.values() if w.value.lanes == 1 and _touches(w.reads, reads)]
        if not found:
            return
        while not self.lines[at - 1].lstrip().startswith("LANES("):
            at -= 1
        inside, self.lines = self.lines[at - 1 :], self.lines[: at - 1]
        self.depth -= 1
        for waiting in found:
            del self.waiting[waiting.value.name]
            self._declare(waiting)
        self.depth += 1
        self.lines += inside

    def _get(self, _kind: str, made: Value, variable: Variable) -> None:
        self._define(made, self.variable(variable), {variable.name})

    def _set(self, _kind: str, variable: Variable, x: Value) -> None:
        shown = self._bare(x)
        self._settle({variable.name}, variable.lanes)
        name = self.variable(variable)
        for sign in "+*":
            if shown.startswith(f"{name} {sign} ") and _simple(shown[len(name) + 3 :]):
                self.emit(f"{name} {sign}= {_without(shown[len(name) + 3 :])};")
                return
        if shown != name:
            self.emit(f"{name} = {shown};")

    def _leave_if(self, _kind: str, condition: Value) -> None:
        self.leaves = True
        freed = [f"free({self._slot(table, i)}); " for table, count in self.owned for i in range(count)]
        left = f"{{ {''.join(freed)}return 1; }}" if freed else "return 1;"
        self.emit(f"if ({self._bare(condition)}) {left}")

    def _pointer(self, _kind: str, made: Pointer, table: Pointer, position: int) -> None:
        if (table.name, position) not in self.tables:
            # From a table that the program itself has written: it may point anywhere.
            kind = type_in_memory(self.kinds.setdefault(made.name, np.dtype(np.uint8)))
            name = self.pointers[made.name] = self.fresh(made.name)
            self.roots[made.name] = (ANYWHERE, 0, math.inf)
            self.emit(f"{kind} *{name} = ({kind} *){self._slot(table, position)};")
            return
        name, dtype = self.tables[table.name, position]
        self.pointers[made.name], self.kinds[made.name] = name, _part(dtype)
        self.roots[made.name] = (name, 0, math.inf)
        if table.name == "inputs":
            self.constant.add(made.name)

    def _set_pointer(self, _kind: str, table: Pointer, position: int, pointer: Pointer) -> None:
        self.emit(f"{self._slot(table, position)} = (void *){self.pointers[pointer.name]};")

    def _slot(self, table: Pointer, position: int) -> str:
        return f"(({self.help('address')} *){self.pointers[table.name]})[{position}]"

    def _at(self, _kind: str, made: Pointer, pointer: Pointer, dtype: np.dtype, index: Value) -> None:
        what = self.kinds.get(made.name, self.kinds.get(pointer.name, np.dtype(np.uint8)))
        self.kinds[made.name] = what
        root = self.roots[pointer.name]
        if pointer.name == "arena" and index.constant is not None:
            start = int(index.constant)
            root = (f"arena {start}", start, start + self.rooms.get(start, math.inf))
        self.roots[made.name] = root
        if pointer.name in self.constant:
            self.constant.add(made.name)
        base, text = self.pointers[pointer.name], _as_term(self.ref(index))
        kind = ("const " if made.name in self.constant else "") + type_in_memory(what)
        if pointer.name == "arena" or type_in_memory(self.kinds[pointer.name]) != type_in_memory(dtype):
            byte = "const unsigned char" if made.name in self.constant else "unsigned char"
            base = base if pointer.name == "arena" else f"({byte} *){base}"
            size = "" if dtype.itemsize == 1 else f" * {dtype.itemsize}"
            value = f"({base} + {text if not size else f'({text}){size}'})"
            value = f"({kind} *){value}"
        else:
            value = base if text == "0" else f"{base} + {text}"
            if type_in_memory(what) != type_in_memory(dtype):
                value = f"({kind} *)({value})"
        name = self.pointers[made.name] = self.fresh(made.name)
        note = self.notes.get(made.name)
        self.emit(f"{kind} *{name} = {value};" + (f" /* {note} */" if note else ""))

    def _call(self, _kind: str, made: Value | None, name: str, arguments: Any) -> None:
        arguments = given(name, arguments)
        shown = [self._bare(x) if isinstance(x, Value) else self.pointers[x.name] for x in arguments]
        self._settle({*(w for one in self.waiting.values() for w in one.reads)})
        text = f"{self.functions[name]}({', '.join(shown)})"
        if name == "realloc":  # which gives the address as a number
            text = f"(int64_t)(intptr_t)realloc({shown[0]}, (size_t)({shown[1]}))"
        if made is None:
            self.emit(f"{text};")
        elif made.name in self.uses:
            self.named[made.name] = self.fresh(f"t{made.name}")
            self.emit(f"const {type_of(made.dtype)} {self.named[made.name]} = {text};")


# Comparisons of booleans: false is less than true.
_LOGIC = {"lt": "(!{0} & {1})", "le": "(!{0} | {1})", "gt": "({0} & !{1})", "ge": "({0} | !{1})"}


def _without(text: str) -> str:
    """An expression without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else text
    return text


def _as_term(text: str) -> str:
    """An expression without the parentheses around all of it, if something may be added to it then."""
    bare = _without(text)
    return text if any(sign in bare for sign in "?<>&|=%^") else bare


def _simple(text: str) -> bool:
    """Whether no operator stands outside of parentheses in it."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and letter == " ":
            return False
    return True


def _across(a: Any, b: Any) -> bool:
    """Whether two accesses may meet in an element in different lanes."""
    if a == b and a[4]:
        return False
    apart = abs(a[2] - b[2])
    return a[:2] != b[:2] or a[3:] != b[3:] or not a[4] or apart < (a[3] - 1) * abs(a[4]) + 1


def _meet(a: Root, b: Root) -> bool:
    if ANYWHERE in (a[0], b[0]):
        return True
    if a[0].startswith("arena") and b[0].startswith("arena"):
        return a[1] < b[2] and b[1] < a[2]
    return a[0] == b[0]


def _touches(read: set[str], changed: set[str]) -> bool:
    """Whether what is read may be among what changes: roots of memory, and variables."""
    return bool(read & changed) or (ANYWHERE in changed and bool(read)) or (ANYWHERE in read and bool(changed))


def _leaves(block: Block) -> bool:
    blocks = [block]
    for one in blocks:
        for statement in one.statements:
            if isinstance(statement, tuple):
                if statement[0] == "leave_if":
                    return True
            elif isinstance(statement, If):
                if raises(statement):
                    return True
                blocks += [statement.block, statement.orelse]
            elif isinstance(statement, While):
                blocks += [statement.head, statement.block]
            else:
                blocks.append(statement.block)
    return False


def _part(dtype: np.dtype) -> np.dtype:
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
