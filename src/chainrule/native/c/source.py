"""The texts of an exported function: its header and source in C, a program and a module that call it."""

from __future__ import annotations

import keyword
import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.native.c.constants import MANY, constants, declaration, definition
from chainrule.native.c.functions import PARAMETERS, Function, Functions, in_order, named
from chainrule.native.c.linked import LIBRARIES, MACRO, declarations, linked
from chainrule.native.c.text import CText
from chainrule.native.c.words import KEYWORDS, helper, type_in_memory
from chainrule.native.compiler import Lowered
from chainrule.native.drawn import drawn_from
from chainrule.native.language.calls import known
from chainrule.native.libraries import fallback
from chainrule.native.program import Program
from chainrule.spec import Spec

EXAMPLE = ("np", "ctypes", "library", "Path", "aligned")  # names in the example in Python
STACK = 1 << 16  # bytes of intermediate results that are on the stack


def library_name(name: str) -> str:
    return (
        f"lib{name}.dylib"
        if sys.platform == "darwin"
        else f"{name}.dll"
        if sys.platform == "win32"
        else f"lib{name}.so"
    )


def function_of(symbol: str) -> str | None:
    """The function of C that a symbol means."""
    return symbol if symbol in ("free", "realloc") else None


@dataclass(frozen=True)
class Parameter:
    name: str
    spec: Spec
    result: bool

    @property
    def shown(self) -> str:
        return f"{'' if self.result else 'const '}{type_in_memory(self.spec.dtype)} *{self.name}"

    @property
    def count(self) -> int:
        return math.prod(self.spec.shape) * (2 if self.spec.dtype.kind == "c" else 1)


class Source:
    """The texts of one function."""

    def __init__(self, program: Program, lowered: Lowered, name: str, names: Sequence[str], functions: Functions):
        self.program, self.lowered, self.name = program, lowered, name
        self.linked = linked(lowered.loops)
        self.links = f"{LIBRARIES[0]} -lm" if self.linked else "-lm"
        self.command = (
            f"cc -O3 -march=native -fno-math-errno -shared -fPIC {name}.c -o {library_name(name)} {self.links}"
        )
        taken = {name, "arena", "work", MACRO}
        given = list(names) or [node.name() for node in program.owner.graph.inputs]
        self.inputs = [Parameter(_word(n, taken), s, False) for n, s in zip(given, program.inputs, strict=True)]
        single = len(program.outputs) == 1
        outs = ["out" if single else f"out{i}" for i in range(len(program.outputs))]
        self.outputs = [Parameter(_word(n, taken), s, True) for n, s in zip(outs, program.outputs, strict=True)]
        self.arena = lowered.arena
        self.work = self.arena > STACK
        self.routines = {s: f for s in self.lowered.loops.calls if (f := fallback.routine(s)) is not None}
        asked = [f for f in functions.made.values() if f is not None]
        self.names: dict[Function, str] = named(asked, taken)
        data = constants([lowered.loops, *(f.program for f in asked)])
        self.constants = {array: _word(f"c{i}", taken) for i, array in enumerate(data)}
        self.kernel = self._kernel()
        self.functions = self._functions()
        words = [p.shown for p in (*self.inputs, *self.outputs)] + (["void *work"] if self.work else [])
        self.result = "int" if self.kernel.leaves else "void"
        self.prototype = f"{self.result} {name}({', '.join(words) or 'void'})"

    def _kernel(self) -> CText:
        tables = {("inputs", i): (p.name, p.spec.dtype) for i, p in enumerate(self.inputs)}
        tables |= {("outputs", i): (p.name, p.spec.dtype) for i, p in enumerate(self.outputs)}
        notes = {}
        for array, home in self.lowered.lowering.homes.items():
            if home.memory is not None and home.memory.pointer is not None:
                notes[home.memory.pointer.name] = f"{array.name} {list(array.shape)}"
        functions: dict[Any, str] = {**self.names}
        functions |= {s: function_of(s) or f"{self.name}_{known(s)}" for s in self.lowered.loops.calls}
        functions |= {s: f"{MACRO}({known(s)})" for s in self.linked}
        rooms = self.lowered.lowering.arena.rooms
        made = CText(self.lowered.loops, tables, rooms, notes, functions, constants=self.constants)
        made.body()
        return made

    def _functions(self) -> dict[Function, CText]:
        """The functions of numbers that are called, each after those that it calls itself."""
        made: dict[Function, CText] = {}

        def calls(function: Function) -> Iterable[Function]:
            if function not in made:
                text = made[function] = CText(function.program, {}, {}, {}, self.names, constants=self.constants)
                text.named |= {x.name: p for x, p in zip(function.parameters, PARAMETERS, strict=False)}
                text.taken |= set(PARAMETERS)
                text.body()
            return made[function].called

        return {f: made[f] for f in in_order(self.kernel.called, calls)}

    # ------------------------------------------------------------------------------------------ C

    def about(self) -> list[str]:
        """What the arguments are."""
        width = max((len(p.name) for p in (*self.inputs, *self.outputs)), default=0)
        lines = []
        for p in (*self.inputs, *self.outputs):
            shape = "".join(f"[{n}]" for n in p.spec.shape) or "one number"
            parts = ", each a real and an imaginary part" if p.spec.dtype.kind == "c" else ""
            lines.append(f"   {p.name:{width}}  {'out' if p.result else 'in '}  {p.spec.dtype.name}, {shape}{parts}")
        if self.work:
            lines.append(
                f"   work: {self.name.upper()}_WORK bytes, aligned to 64, of the caller's; their content is of no use"
            )
        return lines

    def _streams(self) -> list[str]:
        """What to know of inputs from which random numbers are drawn."""
        lines = []
        for i, blocks in drawn_from(self.program.owner.graph).items():
            lines += [
                f"   {self.inputs[i].name} is where a stream of random numbers stands: a key of two words, a count.",
                f"   Add {blocks} to the count after each call, so that the next one draws other numbers.",
            ]
        return lines

    def _failure(self) -> str:
        """What a result of 1 means."""
        memory = "realloc" in self.lowered.loops.calls
        return f"an index is out of bounds, {'no memory is left, ' if memory else ''}or a matrix is singular"

    def header(self) -> str:
        guard = f"{self.name.upper()}_H"
        leaves = f"Returns 0; or 1 if {self._failure()}: then the outputs are incomplete." if self.kernel.leaves else ""
        libraries = f"Calls LAPACK and BLAS, of 32-bit integers: link with {self.links}." if self.linked else ""
        work = f"#define {self.name.upper()}_WORK {self.arena}\n\n" if self.work else ""
        lines = [
            f"/* {self.name}, written by chainrule.",
            "",
            *self.about(),
            "",
            *self._streams(),
            "   Arrays are row by row; outputs may not overlap with anything.",
            *(f"   {line}" for line in (leaves, libraries) if line),
            "   Writes to nothing but its outputs: threads may call it at once. */",
        ]
        return (
            "\n".join(lines)
            + f"\n#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n{work}"
            + f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{self.prototype};\n\n'
            + "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
        )

    def text(self) -> str:
        """The source: helpers, constants, routines, and the function."""
        parts = [
            f"/* {self.name}, written by chainrule; see {self.name}.h for what it takes.",
            "",
            *(f"   {line}" for line in self._plan()),
            "",
            f"   Fast with: cc -O3 -march=native -fno-math-errno -fno-trapping-math -c {self.name}.c */",
            f'#include "{self.name}.h"',
            "",
            "#include <math.h>",
            "#include <stdbool.h>",
            *(["#include <stdlib.h>"] if self.linked or "free" in self.lowered.loops.calls else []),
            "#include <string.h>",
            "",
            *self._contraction(),
            *declarations(self.lowered.loops, self.linked),
        ]
        routines = [self._routine(*made) for made in self.routines.values()]
        texts = [self.kernel, *self.functions.values(), *(t for t, _ in routines)]
        names = [n for text in texts for n in text.helpers]
        names += [] if all(f.branches for f in self.functions) else ["INLINE"]
        for text in dict.fromkeys(h for n in names for h in helper(n)):
            parts += [text, ""]
        numbers = []
        for program, text in ((self.lowered.loops, self.kernel), *((f.program, t) for f, t in self.functions.items())):
            for name, data in program.data.items():
                if name in text.reached and name not in numbers:
                    numbers.append(name)
                    parts += [declaration(text.pointers[name], data, program.about.get(name, "")), ""]
        for function, text in self.functions.items():
            head = f"/* {function.about} */\n{function.declared(self.names[function])} {{"
            parts += ["\n".join([head, *text.lines, "}"]), ""]
        for _, text in routines:
            parts += [text, ""]
        parts += self._function()
        for name, data in constants([self.lowered.loops, *(f.program for f in self.functions)]).items():
            if name in numbers and data.size > MANY:
                parts += ["", definition(self.constants[name], data)]
        return "\n".join(parts) + "\n"

    def _contraction(self) -> list[str]:
        """Where a rule counts on each operation to be rounded by itself, compilers may not make two of them one."""
        if not any(text.rounds for text in (self.kernel, *self.functions.values())):
            return []
        return [
            "/* Some results here are error terms: x*y + z may not be made one operation. */",
            "#if defined(__clang__)",
            "#pragma STDC FP_CONTRACT OFF",
            "#elif defined(__GNUC__)",
            '#pragma GCC optimize("fp-contract=off")',
            "#elif defined(_MSC_VER)",
            "#pragma fp_contract(off)",
            "#endif",
            "",
        ]

    def _plan(self) -> list[str]:
        arena = self.arena
        where = "of the caller's" if self.work else "on the stack"
        lines = [
            f"{arena} bytes for intermediate results, {where}." if arena else "No memory for intermediate results."
        ]
        calls = [known(s) for s in self.routines]
        if calls:
            shown = ", ".join(calls)
            lines.append(
                f"{shown}: plain loops here; with -D{self.name.upper()}_BLAS, those of the BLAS that is linked."
            )
        return lines

    def _function(self) -> list[str]:
        words = [p.shown.replace("*", "*restrict ") for p in (*self.inputs, *self.outputs)]
        words += ["void *work"] if self.work else []
        lines = [f"{self.result} {self.name}({', '.join(words) or 'void'}) {{"]
        used = re.sub(r"/\*.*?\*/", "", "\n".join(self.kernel.lines), flags=re.DOTALL)
        for p in (*self.inputs, *self.outputs):
            if not re.search(rf"\b{p.name}\b", used):
                lines.append(f"    (void){p.name};")
        if re.search(r"\barena\b", used):
            lines.append(
                "    unsigned char *const arena = work;"
                if self.work
                else f"    _Alignas(64) unsigned char arena[{self.arena}];"
            )
        elif self.work:
            lines.append("    (void)work;")
        end = ["    return 0;"] if self.result == "int" else []
        return [*lines, *self.kernel.lines, *end, "}"]

    def _routine(self, program: Any, parameters: fallback.Parameters) -> tuple[CText, str]:
        text = CText(program, {}, {}, {}, {}, parameters)
        text.body()
        name = f"{self.name}_{known(program.name)}"
        words = [f"{'const ' if const else ''}{type_in_memory(dtype)} *{p}" for p, dtype, const in parameters]
        flag, outside = f"{self.name.upper()}_BLAS", f"{known(program.name)}_"
        lines = [
            f"#ifdef {flag}",
            f"void {outside}({', '.join(words)});",
            f"#define {name} {outside}",
            "#else",
            f"static void {name}({', '.join(words)}) {{",
            *text.lines,
            "}",
            "#endif",
        ]
        return text, "\n".join(lines)

    def main(self) -> str:
        """A program that calls the function once, and shows where its outputs begin."""
        lines = [
            f"/* Calls {self.name} once: cc -O2 {self.name}_main.c {self.name}.c {self.links} */",
            f'#include "{self.name}.h"',
            "",
            "#include <stdio.h>",
            "",
        ]
        lines.append("int main(void) {")
        for p in (*self.inputs, *self.outputs):
            lines.append(f"    static {type_in_memory(p.spec.dtype)} {p.name}[{max(p.count, 1)}];")
        if self.work:
            lines.append(f"    static _Alignas(64) unsigned char work[{self.name.upper()}_WORK];")
        for p in self.inputs:
            number = "0.5f" if p.spec.dtype.itemsize < 8 else "0.5"
            value = number if p.spec.dtype.kind in "fc" and p.spec.dtype != np.float16 else "1"
            lines.append(f"    for (long at = 0; at < {max(p.count, 1)}; at++) {p.name}[at] = {value};")
        words = [p.name for p in (*self.inputs, *self.outputs)] + (["work"] if self.work else [])
        call = f"{self.name}({', '.join(words)})"
        if self.result == "int":
            lines += [
                f"    if ({call} != 0) {{",
                f'        puts("{self._failure()}");',
                "        return 1;",
                "    }",
            ]
        else:
            lines.append(f"    {call};")
        for p in self.outputs:
            shown = min(p.count, 4)
            lines.append(
                f'    for (int at = 0; at < {shown}; at++) printf("{p.name}[%d] = %g\\n", at, (double){p.name}[at]);'
                if shown
                else f'    puts("{p.name} is empty");'
            )
        return "\n".join([*lines, "    return 0;", "}", ""])

    # ------------------------------------------------------------------------------------------ Python

    def example(self) -> str:
        """A module that calls the shared library by ctypes, with NumPy's arrays."""
        names = ", ".join(p.name for p in self.inputs)
        arrays = [f'    {p.name} = np.asarray({p.name}, "{p.spec.dtype.name}", order="C")' for p in self.inputs]
        checks = [
            f"    if {p.name}.shape != {p.spec.shape}:\n"
            f'        raise ValueError(f"{p.name} has shape {{{p.name}.shape}}, and not {p.spec.shape}")'
            for p in self.inputs
        ]
        outs = [f'    {p.name} = np.empty({p.spec.shape}, "{p.spec.dtype.name}")' for p in self.outputs]
        work = []
        words = [f"{p.name}.ctypes" for p in (*self.inputs, *self.outputs)]
        if self.work:
            work = [
                f"    work = np.empty({self.arena} + 64, np.uint8)",
                "    aligned = -(-work.ctypes.data // 64) * 64",
            ]
            words.append("ctypes.c_void_p(aligned)")
        call = f"library.{self.name}({', '.join(words)})"
        if self.result == "int":
            call = f'if {call}:\n        raise ValueError("{self._failure()}")'
        made = ", ".join(p.name for p in self.outputs)
        samples = ", ".join(f'np.full({p.spec.shape}, {_sample(p.spec)}, "{p.spec.dtype.name}")' for p in self.inputs)
        return "\n".join(
            [
                f'"""Calls {self.name} by ctypes: python {self.name}_example.py"""',
                "",
                "import ctypes",
                "from pathlib import Path",
                "",
                "import numpy as np",
                "",
                "try:",
                f'    library = ctypes.CDLL(str(Path(__file__).resolve().parent / "{library_name(self.name)}"))',
                "except OSError as error:",
                f'    help = f"{{error}}\\nMake the library, beside this file, with:\\n{self.command}"',
                "    raise SystemExit(help) from None",
                f"library.{self.name}.restype = {'ctypes.c_int' if self.result == 'int' else 'None'}",
                "",
                "",
                f"def {self.name}({names}):",
                *arrays,
                *checks,
                *outs,
                *work,
                f"    {call}",
                f"    return {made}",
                "",
                "",
                'if __name__ == "__main__":',
                f"    print({self.name}({samples}))",
                "",
            ]
        )


def _word(name: str, taken: set[str]) -> str:
    """A name as C and Python take it, and not taken yet."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "x"
    word = f"x{word}" if word[0].isdigit() else word
    while word in taken or word in KEYWORDS or keyword.iskeyword(word) or word in EXAMPLE:
        word += "_"
    taken.add(word)
    return word


def _sample(spec: Spec) -> str:
    return "0.5" if spec.dtype.kind in "fc" else "1"
