"""A loop program as text of LLVM: its loops and branches, and chunks as functions of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.native.language.loops import Block, For, If, Parallel, Pointer, Program, While
from chainrule.native.language.values import Value
from chainrule.native.machine.instructions import Instructions, type_of


class _Printer(Instructions):
    def write(self, block: Block) -> None:
        for statement in block.statements:
            if isinstance(statement, For):
                self.loop(statement)
            elif isinstance(statement, If):
                self.branch(statement)
            elif isinstance(statement, While):
                self.repeat(statement)
            elif isinstance(statement, Parallel):
                self.parallel(statement)
            else:
                getattr(self, f"_{statement[0]}", self.arithmetic)(*statement)

    def loop(self, loop: For) -> None:
        head, body, done = self.label("loop"), self.label("body"), self.label("done")
        before = self.block
        self.emit(f"br label %{head}")
        at = len(self.lines) + 1
        self.start(head)
        self.emit("")  # the phi, whose other end is not known yet
        more = self.temporary()
        self.emit(f"{more} = icmp slt i64 %x{loop.index.name}, {self.ref(loop.stop)}")
        self.emit(f"br i1 {more}, label %{body}, label %{done}")
        self.start(body)
        self.write(loop.block)
        following = self.temporary()
        self.emit(f"{following} = add nsw i64 %x{loop.index.name}, {loop.step}")
        self.emit(f"br label %{head}")
        self.lines[at] = (
            f"  %x{loop.index.name} = phi i64 [{self.ref(loop.start)}, %{before}], [{following}, %{self.block}]"
        )
        self.start(done)

    def branch(self, branch: If) -> None:
        yes, no, done = self.label("then"), self.label("else"), self.label("done")
        weights = ", !prof !0" if branch.rare else ""
        self.emit(f"br i1 {self.ref(branch.condition)}, label %{yes}, label %{no}{weights}")
        for label, block in ((yes, branch.block), (no, branch.orelse)):
            self.start(label)
            self.write(block)
            self.emit(f"br label %{done}")
        self.start(done)

    def parallel(self, loop: Parallel) -> None:
        """A function of its own, called for every chunk by the threads; what it takes from here is in memory."""
        taken = _taken_from_outside(loop, self.program)
        context, failed, found = (self.temporary() for _ in range(3))
        name = f"{self.program.name}.chunk{self.label('')}"
        self.outer.append(f"  {context} = alloca [{64 * (len(taken) + 1)} x i8], align 64")
        self.emit(f"store i32 0, ptr {context}")
        inside = _Printer(self.program)
        inside.leaving, inside.functions, inside.declared = (
            ["store i32 1, ptr %context", "ret void"],
            self.functions,
            self.declared,
        )
        for i, x in enumerate(taken, 1):
            at = self.temporary()
            self.emit(f"{at} = getelementptr i8, ptr {context}, i64 {64 * i}")
            self.emit(f"store {self.typed(x)}, ptr {at}")
            there = inside.temporary()
            inside.emit(f"{there} = getelementptr i8, ptr %context, i64 {64 * i}")
            kind = type_of(x.dtype, x.lanes) if isinstance(x, Value) else "ptr"
            inside.emit(f"{inside.ref(x)} = load {kind}, ptr {there}")
        inside.write(loop.block)
        inside.emit("ret void")
        self.functions.append(
            "\n".join(
                [
                    f"define internal void @{name}(ptr noalias %context, i64 %x{loop.index.name}) #0 {{",
                    "entry:",
                    *(f"  %{v.name} = alloca {type_of(v.dtype, v.lanes)}, align 64" for v in loop.variables),
                    *inside.outer,
                    *inside.lines,
                    "}",
                ]
            )
        )
        self.declared["chainrule.parallel"] = (
            "declare void @chainrule.parallel(ptr, ptr, ptr, i64)\n@chainrule.pool = external global i8"
        )
        self.emit(f"call void @chainrule.parallel(ptr @chainrule.pool, ptr @{name}, ptr {context}, i64 {loop.chunks})")
        self.emit(f"{found} = load i32, ptr {context}")
        self.emit(f"{failed} = icmp ne i32 {found}, 0")
        leave, stay = self.label("leave"), self.label("stay")
        self.emit(f"br i1 {failed}, label %{leave}, label %{stay}")
        self.start(leave)
        for table, i in [(table, i) for table, count in loop.owned for i in range(count)]:
            at, memory = self.temporary(), self.temporary()
            self.emit(f"{at} = getelementptr ptr, ptr {self.ref(table)}, i64 {i}")
            self.emit(f"{memory} = load ptr, ptr {at}")
            self.emit(f"call void @free(ptr {memory})")
        for line in self.leaving:
            self.emit(line)
        self.start(stay)

    def repeat(self, loop: While) -> None:
        head, body, done = self.label("while"), self.label("body"), self.label("done")
        self.emit(f"br label %{head}")
        self.start(head)
        self.write(loop.head)
        self.emit(f"br i1 {self.ref(loop.condition)}, label %{body}, label %{done}")
        self.start(body)
        self.write(loop.block)
        self.emit(f"br label %{head}")
        self.start(done)


NOTHING_MADE = frozenset({"store", "set", "set_pointer", "leave_if"})  # statements whose parts are all operands


def _taken_from_outside(loop: Parallel, program: Program) -> list[Any]:
    """The values and pointers that a block uses and does not make."""
    used: dict[Any, None] = {}
    made: set[Any] = {loop.index}

    def use(x: Any) -> None:
        if isinstance(x, tuple):
            for part in x:
                use(part)
        elif (isinstance(x, Value) and x.constant is None) or (isinstance(x, Pointer) and x.name not in program.data):
            used[x] = None

    blocks = [loop.block]
    for block in blocks:
        for statement in block.statements:
            if isinstance(statement, tuple):
                if statement[0] not in NOTHING_MADE:
                    made.add(statement[1])
                    use(statement[2:])
                else:
                    use(statement[1:])
            elif isinstance(statement, If):
                use(statement.condition)
                blocks += [statement.block, statement.orelse]
            elif isinstance(statement, While):
                use(statement.condition)
                blocks += [statement.head, statement.block]
            else:
                made.add(statement.index)
                if isinstance(statement, For):
                    use((statement.start, statement.stop))
                blocks.append(statement.block)
    names = {x.name for x in made if x is not None}
    found: dict[Any, Any] = {x.name: x for x in used if x.name not in names}
    return list(found.values())


def text_of(program: Program) -> str:
    """The program as a module of LLVM with one function, which returns 0."""
    printer = _Printer(program)
    printer.write(program.block)
    arguments = ", ".join(f"ptr %{pointer.name}" for pointer in program.pointers)
    places = [f"  %{v.name} = alloca {type_of(v.dtype, v.lanes)}, align 64" for v in program.variables]
    declared = list(printer.declared.values())
    for name, (result, types) in program.calls.items():
        shown = ", ".join("ptr" if t == "pointer" else type_of(t) for t in types)
        declared.append(f"declare {'void' if result is None else type_of(np.dtype(result))} @{name}({shown})")
    declared += [f"@{name} = external constant i8" for name in program.data]
    return "\n".join(
        [
            *declared,
            *printer.functions,
            f"define i32 @{program.name}({arguments}) #0 {{",
            "entry:",
            *places,
            *printer.outer,
            *printer.lines,
            "  ret i32 0",
            "}",
            '!0 = !{!"branch_weights", i32 1, i32 1000000}',
            'attributes #0 = { nounwind "prefer-vector-width"="512" "no-trapping-math"="true" }',
            "",
        ]
    )
