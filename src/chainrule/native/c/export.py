"""Compiled functions as files that need neither Python nor this library: C, an object file, a shared library.

``f.c`` and ``f.h`` are C11 and need nothing but the standard library: the loops are those that run here, and results
agree to rounding. Comments say which ops loops and straight code compute; tanh and its like are functions of their own.
``f.o`` is the machine code of LLVM for this processor, with the same interface, and is linked to a shared library where
a linker is found. ``f_example.py`` calls that by ctypes, ``f_main.c`` is a program in C.

The function takes a pointer to each input, then to each output, row by row; complex numbers are their two parts. Its
memory for intermediate results is on the stack up to 64 KiB; above that the caller gives it, as a last argument. It
writes to no global, so any number of threads may call it at once, and allocates nothing but for derivatives of loops
whose number of steps is not known before. Equations, decompositions and determinants of more than four rows are done by
LAPACK, which is then linked, as the header says: ``-llapack -lblas``, or another library that has its names.

What gcc -O3 -march=native makes of the C was measured against LLVM's code, one thread of Zen 4, in microseconds:

    value and gradient of Σ tanh(ax+b)·exp(−x²), n = 1,000 | 100,000     2.9 | 259     LLVM 3.9 | 234
    logistic regression, 2,000 × 50                                      116           LLVM 39
    a product of matrices, 100 × 100                                     37            LLVM 37
    a recurrent network, 300 steps of 20                                 328           LLVM 153
    logsumexp of 300 rows of 70                                          30            LLVM 29
    bundle adjustment, 5,000 observations                                532           LLVM 164
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from chainrule.errors import DTypeError, GraphFileError
from chainrule.native.c.functions import Functions
from chainrule.native.c.linked import LIBRARIES
from chainrule.native.c.module import module
from chainrule.native.c.source import Source, function_of, library_name
from chainrule.native.c.words import KEYWORDS
from chainrule.native.compiler import Lowered
from chainrule.native.language.calls import called, calls, known
from chainrule.native.language.loops import Block
from chainrule.native.libraries.blas import SYMBOL
from chainrule.native.machine.code import optimised, processor
from chainrule.native.nests.fuse import Call
from chainrule.native.program import Program


@dataclass
class Exported:
    """The files that were written, and what was not, and why."""

    name: str
    folder: Path
    files: dict[str, str] = field(default_factory=dict)  # file → what it is
    missing: list[str] = field(default_factory=list)
    prototype: str = ""

    def __str__(self) -> str:
        width = max(map(len, self.files))
        lines = [self.prototype, *(f"{name:{width}}  {what}" for name, what in self.files.items())]
        return "\n".join([*lines, *self.missing])

    __repr__ = __str__


def export(program: Program, folder: Any, name: str, names: Sequence[str] = ()) -> Exported:
    """Write a program as C, as an object file, and as a shared library; what was written.

    Raises GraphFileError where the program calls what cannot be shipped, and DTypeError for a name that C cannot have.

    >>> import tempfile
    >>> x = cr.symbol("x", shape=(3,))
    >>> program = cr.native.compile(cr.sum(x * x).graph())
    >>> export(program, tempfile.mkdtemp(), "squares").prototype
    'void squares(const double *x, double *out)'
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in KEYWORDS:
        raise DTypeError(
            f"[export] the name is {name!r}; expected a name that C takes: letters, digits and underscores; "
            f"pass name=..., as name='loss'."
        )
    lowered = Lowered(program.owner.graph, portable=True)
    _shippable(lowered, name)
    functions = Functions()
    # The same loops, to be read: functions of numbers are called, and what is done is said.
    source = Source(program, Lowered(program.owner.graph, emitter=functions.emitter()), name, names, functions)
    path = _folder(folder)
    made = Exported(name, path, prototype=source.prototype)
    texts = {
        f"{name}.h": (source.header(), "the interface"),
        f"{name}.c": (source.text(), "the function in C11, alone"),
        f"{name}_main.c": (source.main(), f"a program that calls it: cc -O2 {name}_main.c {name}.c {source.links}"),
    }
    for file, (text, what) in texts.items():
        (path / file).write_text(text, encoding="utf-8")
        made.files[file] = what
    code = _object(module(source, lowered.loops))
    (path / f"{name}.o").write_bytes(code)
    made.files[f"{name}.o"] = "the same as machine code for this processor"
    library = _linked(path, name, LIBRARIES if source.linked else ("",))
    if library is None:
        what = "LAPACK to link with" if source.linked else "linker"
        made.missing.append(f"no shared library: no {what} was found. Make one with: {source.command}")
    else:
        made.files[library] = "a shared library of that"
    (path / f"{name}_example.py").write_text(source.example(), encoding="utf-8")
    made.files[f"{name}_example.py"] = f"calls {library_name(name)} by ctypes"
    return made


def _folder(given: Any) -> Path:
    """The folder that files are written to, made where it is not there."""
    path = Path(given)
    for one in (path, *path.parents):
        if one.exists() and not one.is_dir():
            raise GraphFileError(
                f"[export] the folder is {str(path)!r}, and {str(one)!r} is a file; expected a folder, or a path at "
                f"which one can be made; write f.export('folder', ...), where all files of the function are put."
            )
    path.mkdir(parents=True, exist_ok=True)
    return path


def _object(text: str) -> bytes:
    """Machine code that may be linked to a shared library."""
    name, features = processor()
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=2, reloc="pic", codemodel="default"
    )
    return target.emit_object(optimised(text))


def _linked(path: Path, name: str, choices: Sequence[str]) -> str | None:
    """Link the object file, if something is there to do it, with one of these libraries; the name of the library."""
    library = library_name(name)
    shared = "-dynamiclib" if sys.platform == "darwin" else "-shared"
    for tool in ("cc", "gcc", "clang", "ld", "ld.lld"):
        if shutil.which(tool) is None:
            continue
        for choice in choices:
            ending = [*choice.split(), *([] if tool.startswith("ld") else ["-lm"])]
            command = [tool, shared, f"{name}.o", "-o", library, *ending]
            done = subprocess.run(command, cwd=path, capture_output=True, check=False)
            if done.returncode == 0:
                return library
    return None


def _shippable(lowered: Lowered, name: str) -> None:
    """Refuse what calls Python, or routines that are written nowhere here."""
    loops = lowered.loops
    foreign = [s for s in calls(loops.block, rare=True) if not s.startswith(("host.", SYMBOL))]
    foreign = list(dict.fromkeys(known(s) for s in foreign if function_of(s) is None))
    if foreign:
        shown = ", ".join(foreign)
        ops = ", ".join(_ops_that_call(lowered, foreign)) or shown
        raise GraphFileError(
            f"[export] {name} calls {shown} of SciPy for {ops}; expected functions that C has, or that are compiled, "
            f"as the files run without Python; compute {ops} outside of the function, and pass the result."
        )
    hosts = called(loops, "host.")
    if hosts:
        shown = ", ".join(hosts)
        raise GraphFileError(
            f"[export] {name} calls NumPy for {shown}; expected ops that are compiled, as the files run without "
            f"Python; compute {shown} outside of the function, and pass the result; explain() lists such calls."
        )


def _ops_that_call(lowered: Lowered, routines: Sequence[str]) -> list[str]:
    """The ops that are done for whole arrays by these routines."""
    lowering, statements = lowered.lowering, lowered.loops.block.statements
    bounds = [*lowering.marks, len(statements)]
    found: dict[str, None] = {}
    for item, start, stop in zip(lowering.items, bounds[:-1], bounds[1:], strict=True):
        inside = calls(Block(0, 0, statements[start:stop]), rare=True)
        if isinstance(item, Call) and any(known(s) in routines for s in inside):
            found[item.statement.name] = None
    return list(found)
