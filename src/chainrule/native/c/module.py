"""A compiled function as a module of LLVM that stands alone: nothing of this process is in it."""

from __future__ import annotations

import re

from chainrule.native.c.linked import in_module
from chainrule.native.c.source import Source, function_of
from chainrule.native.language.loops import Program
from chainrule.native.machine.llvm import text_of
from chainrule.native.threads.pool import ALONE

POOL = ("declare void @chainrule.parallel(ptr, ptr, ptr, i64)\n", "@chainrule.pool = external global i8\n")
SERIAL = f"""@chainrule.pool = internal global i8 0
define internal void @chainrule.parallel(ptr %pool, ptr %function, ptr %context, i64 %chunks) {{
  call void @alone(ptr %function, ptr %context, i64 %chunks)
  ret void
}}
{ALONE}"""


def module(source: Source, loops: Program) -> str:
    """The program as text of LLVM that calls nothing but functions of C, with a function as the header has it."""
    text = text_of(loops)
    for name, data in loops.data.items():
        content = re.sub("(..)", r"\\\1", data.tobytes().hex().upper())
        held = f'@{name} = internal constant [{data.nbytes} x i8] c"{content}", align 64'
        text = text.replace(f"@{name} = external constant i8", held)
    for declaration in POOL:
        text = text.replace(declaration, "")
    parts = [SERIAL] if "@chainrule.parallel" in text else []
    text = in_module(text, loops, source.linked)
    for symbol in loops.calls:
        found = function_of(symbol)
        if found is not None:
            text = text.replace(f"@{symbol}(", f"@{found}(")
        elif symbol.startswith("host."):  # where Python would say what has gone wrong
            text = _undeclared(text, symbol)
            parts.append(f"define internal i32 @{symbol}(ptr %inputs, ptr %outputs, ptr %arena) {{\n  ret i32 1\n}}")
    for symbol, (program, parameters) in source.routines.items():
        text = _undeclared(text, symbol)
        kept = [x for x in text_of(program).splitlines() if not x.startswith(("!0", "attributes"))]
        kept = [x for x in kept if not x.startswith("declare") or f"{x}\n" not in text]
        parts.append("\n".join(kept).replace(f"define i32 @{symbol}(", f"define internal i32 @{symbol}.made("))
        words = ", ".join(f"ptr %{name}" for name, *_ in parameters)
        parts.append(
            f"define internal void @{symbol}({words}) {{\n  %code = call i32 @{symbol}.made({words})\n  ret void\n}}"
        )
    text = text.replace("define i32 @kernel", "define internal i32 @kernel")
    return "\n".join([text, *parts, _entry(source)])


def _undeclared(text: str, symbol: str) -> str:
    return re.sub(rf"declare \w+ @{re.escape(symbol)}\(.*\)\n", "", text)


def _entry(source: Source) -> str:
    """The function with an argument for each array: it makes the tables that the kernel wants."""
    count = len(source.inputs) + len(source.outputs)
    words = [*(f"ptr %a{i}" for i in range(count)), *(["ptr %work"] if source.work else [])]
    result = "i32" if source.result == "int" else "void"
    lines = [f"define {result} @{source.name}({', '.join(words)}) #0 {{"]
    number = 0
    for table, arrays in (("inputs", source.inputs), ("outputs", source.outputs)):
        lines.append(f"  %{table} = alloca [{max(len(arrays), 1)} x ptr], align 8")
        for i in range(len(arrays)):
            lines.append(f"  %{table}{i} = getelementptr ptr, ptr %{table}, i64 {i}")
            lines.append(f"  store ptr %a{number}, ptr %{table}{i}")
            number += 1
    arena = "%work" if source.work else "%arena"
    if not source.work:
        lines.append(f"  %arena = alloca [{max(source.arena, 1)} x i8], align 64")
    lines.append(f"  %code = call i32 @kernel(ptr %inputs, ptr %outputs, ptr {arena})")
    return "\n".join([*lines, "  ret i32 %code" if result == "i32" else "  ret void", "}", ""])
