"""A loop program as text of C11: the same loops in the same order, with the lanes of vectors as the innermost ones.

Numbers that are used once stand where they are used; vector instructions that follow one another share one loop over
the lanes, which compilers turn into vector instructions again. Memory of the program's own that is read in such a loop
is not written there at other places, so the order of lanes does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.c.aliases import ANYWHERE, Root, across, meet, touches
from chainrule.native.c.expressions import LONG, Expressions, as_term, simple, without
from chainrule.native.c.linked import MACRO, letters
from chainrule.native.c.uses import Uses, given
from chainrule.native.c.words import (
    type_in_memory,
    type_of,
)
from chainrule.native.language.calls import known, leaves, raises
from chainrule.native.language.loops import Block, For, If, Parallel, Pointer, Program, Variable, While
from chainrule.native.language.values import BOOL, Value, part_of
from chainrule.native.libraries.blas import SYMBOL

INDEX = "ijkmnpqrstuvw"


@dataclass(eq=False)
class Run:
    """Vector instructions that share a loop over the lanes."""

    lanes: int
    statements: list[Any] = field(default_factory=list)
    loads: list[tuple[Root, Any]] = field(default_factory=list)
    stores: list[tuple[Root, Any]] = field(default_factory=list)


class CText(Expressions):
    """Prints the block of a program as the body of a function of C.

    ``names`` are those of what the pointers in ``tables`` point to, by table and position; ``rooms`` the bytes that
    were given out at each offset of the arena; ``notes`` what is said of pointers; ``functions`` and ``constants`` what
    those are called.
    """

    def __init__(
        self,
        program: Program,
        names: Mapping[tuple[str, int], tuple[str, np.dtype]],
        rooms: Mapping[int, int],
        notes: Mapping[str, str],
        functions: Mapping[Any, str],
        parameters: Sequence[tuple[str, np.dtype, bool]] = (),
        constants: Mapping[str, str] | None = None,
    ):
        self.program, self.rooms, self.notes = program, rooms, notes
        found = Uses(program.block)
        constants = constants or {}
        super().__init__(program.block, found, names, functions, constants.values())
        self.read, self.reached, self.kinds, self.totals = found.variables, found.pointers, found.kinds, found.totals
        self.pointers: dict[str, str] = {}
        self.roots: dict[str, Root] = {}
        self.constant: set[str] = set()  # pointers to what is not written
        self.run: Run | None = None
        self.leaves = False
        self.owned: Any = ()  # tables of memory that is freed where a chunk fails, and their sizes
        for name, data in program.data.items():
            self.pointers[name] = constants[name]
            self.kinds[name] = part_of(data.dtype)
            self.constant.add(name)
            self.roots[name] = (name, 0, math.inf)
        for name, dtype, constant in parameters:
            self.pointers[name], self.kinds[name], self.roots[name] = name, part_of(dtype), (name, 0, math.inf)
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

    def _variables(self, variables: Sequence[Variable]) -> None:
        for v in variables:
            if v.name in self.read:
                made = self.places[v.name] = self.fresh(f"s{v.name[1:]}")
                many = f"[{v.lanes}] = {{0}}" if v.lanes > 1 else " = 0"
                self.emit(f"{type_of(v.dtype)} {made}{many};")

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
        if isinstance(made, Value) and kind not in ("store", "leave_if", "call", "give") and made.name not in self.uses:
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
                "note",
            ):
                unharmed = kind in ("load", "gather") and not self._harmed(self.roots[statement[2].name], None)
                if not unharmed:
                    self._flush()
            getattr(self, f"_{kind}", self._pure)(*statement)

    def _lanes(self, statement: Any) -> int:
        kind = statement[0]
        if kind in ("across", "lane", "row", "call", "leave_if", "at", "pointer", "set_pointer"):
            return 1
        return statement[2] if kind == "note" else statement[1].lanes

    def _harmed(self, root: Root, key: Any) -> bool:
        """Whether instructions of the run write where another one is about to read."""
        assert self.run is not None
        return any(meet(root, other) and (key is None or across(key, k)) for other, k in self.run.stores)

    def _join(self, lanes: int, statement: Any) -> None:
        """Put a vector instruction into the loop over lanes that is being collected."""
        kind = statement[0]
        if self.run is not None and self.run.lanes != lanes:
            self._flush()
        if kind in ("load", "gather", "store") and self.run is not None:
            root, key = self.roots[statement[2].name], self._key(statement)
            harmed = self._harmed(root, key)
            if kind == "store":
                harmed = harmed or any(meet(root, other) and across(key, k) for other, k in self.run.loads)
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
            if s[0] in ("store", "set", "note"):
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

    # ------------------------------------------------------------------------------------------ loops

    def _write_for(self, loop: For) -> None:
        if self._reads(loop.start) | self._reads(loop.stop):
            self._settle(None)
        start, stop = self._bare(loop.start), self.ref(loop.stop)
        self._settle(None)
        name = next((x for x in INDEX if x not in self.loops and x not in self.taken), None)
        name = name or self.fresh(f"i{len(self.loops)}")
        self.named[loop.index.name] = name
        note = self._told(loop.note)
        if note and note != self.said[-1]:
            self.pending.append(note)
        more = f"{name}++" if loop.step == 1 else f"{name} += {loop.step}"
        with self.braces(f"for (int64_t {name} = {start}; {name} < {stop}; {more})"):
            self.loops.append(name)
            self.said.append(note or self.said[-1])
            self.write(loop.block)
            self.said.pop()
            self.loops.pop()

    def _write_parallel(self, loop: Parallel) -> None:
        name = self.named[loop.index.name] = self.fresh("chunk")
        note = self._told(loop.note)
        said = "" if note == self.said[-1] else f"{note}; "
        self.comment(f"{said}in {loop.chunks} chunks that may run at once")
        if not leaves(loop.block):
            self.lines += ["#ifdef _OPENMP", "#pragma omp parallel for", "#endif"]
        with self.braces(f"for (int64_t {name} = 0; {name} < {loop.chunks}; {name}++)"):
            self.loops.append(name)
            self._variables(loop.variables)
            self.owned = loop.owned
            self.said.append(note)
            self.write(loop.block)
            self.said.pop()
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
            self.pending = []
            self.emit("}")

    # ------------------------------------------------------------------------------------------ memory

    def place(self, pointer: Pointer, index: Value, dtype: np.dtype, step: int | None, lanes: int) -> str:
        """An element in memory."""
        name, text = self.pointers[pointer.name], as_term(self.ref(index))
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
        found = [w for w in self.waiting.values() if w.value.lanes == 1 and touches(w.reads, reads)]
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
            if shown.startswith(f"{name} {sign} ") and simple(shown[len(name) + 3 :]):
                self.emit(f"{name} {sign}= {without(shown[len(name) + 3 :])};")
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
        self.pointers[made.name], self.kinds[made.name] = name, part_of(dtype)
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
        base, text = self.pointers[pointer.name], as_term(self.ref(index))
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
        linked = self.functions[name].startswith(MACRO)
        if name.startswith(SYMBOL) and not linked:  # bytes of the arena are numbers of the routine's kind
            kind = "float" if known(name)[0] in "sc" else "double"
            bare = [x.name not in self.program.data and self.kinds[x.name] == np.uint8 for x in arguments]
            shown = [f"({kind} *){text}" if cast else text for text, cast in zip(shown, bare, strict=True)]
        if linked:
            shown += ["1"] * letters(self.program.data, arguments)
        self._settle({*(w for one in self.waiting.values() for w in one.reads)})
        text = f"{self.functions[name]}({', '.join(shown)})"
        if name == "realloc":  # which gives the address as a number
            text = f"(int64_t)(intptr_t)realloc({shown[0]}, (size_t)({shown[1]}))"
        if made is None:
            self.emit(f"{text};")
        elif made.name in self.uses:
            self.named[made.name] = self.fresh(f"t{made.name}")
            self.emit(f"const {type_of(made.dtype)} {self.named[made.name]} = {text};")
