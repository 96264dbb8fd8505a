"""From text of LLVM to machine code in memory.

It is for this computer's processor. The variable ``CHAINRULE_CPU`` asks for code that older ones run too, in files that
are exported, say: ``x86-64`` and its levels ``-v2`` to ``-v4``, or ``generic`` on other architectures.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from chainrule.errors import DomainError
from chainrule.native.machine import cache, halves

# LLVM's -O1 for the generation of code: what -O2 does more is to order the instructions once again, after they have
# their registers. This takes a quarter of the time where blocks are long, and processors order them themselves.
CARE = 1
UNORDERED = 2000  # lines without a label, which LLVM would take longer to put in order than for all else
LONG = 60_000  # lines, for which LLVM takes some 3 s; the time grows faster than their number


# What each level of the x86-64 psABI adds to the one before.
LEVELS = {
    "x86-64": "64bit cmov cx8 fxsr mmx sse sse2",
    "x86-64-v2": "crc32 cx16 popcnt sahf sse3 sse4.1 sse4.2 ssse3",
    "x86-64-v3": "avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave",
    "x86-64-v4": "avx512bw avx512cd avx512dq avx512f avx512vl",
}


@functools.cache
def processor() -> tuple[str, str]:
    """The name of the processor that code is made for, and what it can do: this computer's, or a level of them."""
    asked, own = os.environ.get("CHAINRULE_CPU", ""), llvm.get_host_cpu_features()
    if asked in ("", "native"):
        return llvm.get_host_cpu_name(), own.flatten()
    known = _levels({name for name, has in own.items() if has}, llvm.get_process_triple())
    if asked not in known:
        raise DomainError(
            f"[jit] CHAINRULE_CPU is {asked!r}; expected what this processor can run: {', '.join(known)}, or native; "
            f"set one of them before Python starts."
        )
    return asked, known[asked]


def _levels(features: Set[str], triple: str) -> dict[str, str]:
    """The processors that one with these features can stand for, and what they can do."""
    if not triple.startswith("x86_64"):
        return {"generic": ""}
    found: dict[str, str] = {}
    total: list[str] = []
    for level, more in LEVELS.items():
        total += more.split()
        if features >= set(total):
            found[level] = ",".join(f"+{name}" for name in total)
    return found


def can(feature: str) -> bool:
    """Whether code may use a feature, by its name in LLVM."""
    return f"+{feature}" in processor()[1].split(",")


@functools.cache
def _maker() -> bytes:
    """The versions of what compiles, and what it compiles for."""
    parts = [np.__version__, llvmlite.__version__, str(llvm.llvm_version_info), llvm.get_process_triple(), *processor()]
    # The version of a library that is worked on stays: its files tell.
    root = Path(__file__).parents[2]
    for path in sorted(root.rglob("*.py")):
        with contextlib.suppress(OSError):
            status = path.stat()
            parts.append(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}")
    return cache.digest(*(part.encode() for part in parts))


def fuses() -> bool:
    """Whether x·y + z is an instruction."""
    return not llvm.get_process_triple().startswith("x86_64") or can("fma")


def key_of(kind: str, content: bytes) -> bytes:
    """The key of what is made of this content, by this library, on this computer."""
    return cache.digest(kind.encode(), _maker(), content)


@functools.cache
def machine(level: int = CARE) -> llvm.TargetMachine:
    """The processor, with all that it can do; ``level`` is the care with which code is generated."""
    return _new_machine(level)


def _new_machine(level: int = CARE) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = processor()
    return llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=level, jit=True)


def optimised(text: str, thorough: bool = False) -> llvm.ModuleRef:
    """The module, after the few passes that pay.

    Who wrote the loops has vectorised and unrolled them, and moved out of them what does not change: LLVM's usual
    passes (-O2) take twenty times as long as these three, and the code is no faster. ``thorough`` is for others.
    """
    triple = llvm.get_process_triple()
    if " half" in text and triple.startswith("x86_64") and "apple" not in triple and not can("f16c"):
        text += halves.FUNCTIONS  # which are in libraries of the system at Apple's
    module = llvm.parse_assembly(text)
    module.triple = triple
    module.data_layout = str(machine().target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine(), options)
    if thorough:
        passes = builder.getModulePassManager()
    else:
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return module


def assembly(text: str) -> str:
    """The module as assembly of this processor."""
    return machine().emit_assembly(optimised(text))


def generated(text: str, thorough: bool = False) -> bytes:
    """The module as an object file; of a long one, in little time: code that is three times as slow."""
    module = optimised(text, thorough)
    if text.count("\n") > LONG:
        return machine(0).emit_object(module)
    with _written_order() if longest_block(text) > UNORDERED else contextlib.nullcontext():
        return machine().emit_object(module)


def longest_block(text: str) -> int:
    """About how many lines stand between two that do not begin with a space: labels, and where functions end."""
    return max(part.count("\n") for part in re.split(r"\n[^ \n]", text))


_ordering = threading.Lock()


@contextlib.contextmanager
def _written_order() -> Iterator[None]:
    """Instructions stay in the order in which they were written, near those that use them.

    The time that LLVM takes to order them grows with the square of the loads and stores in a block. It has no option
    for that but one of the whole process: who compiles meanwhile gets code as right, if not as fast.
    """
    with _ordering:
        llvm.set_option("", "-enable-misched=false")
        try:
            yield
        finally:
            llvm.set_option("", "-enable-misched=true")


def object_of(text: str, thorough: bool = False) -> bytes:
    """The module as an object file: one that was made before, or a new one."""
    key = key_of("thorough" if thorough else "text", text.encode())
    found = cache.load(key)
    if found is None:
        found = generated(text, thorough)
        cache.save(key, found)
    return found


def object_named(name: str, text: Callable[[], str]) -> bytes:
    """The object file of a module that its name tells from all others; its text is written where none was made."""
    key = key_of("name", name.encode())
    found = cache.load(key)
    if found is None:
        found = generated(text())
        cache.save(key, found)
    return found


# Names of what machine code calls or reads are known to the whole process while one program looks them up.
_linking = threading.RLock()


class Code:
    """Machine code in memory, which lives as long as this object: a module, or the object file that was made of it.

    ``symbols`` are the addresses of what it calls or reads by name.
    """

    def __init__(self, made: str | bytes, symbols: Mapping[str, int] | None = None, thorough: bool = False):
        content = object_of(made, thorough) if isinstance(made, str) else made
        target = _new_machine()
        empty = llvm.parse_assembly("")
        empty.triple = llvm.get_process_triple()
        self._engine = llvm.create_mcjit_compiler(empty, target)  # which owns both from now on
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(content))
        with _linking:
            for name, address in (symbols or {}).items():
                llvm.add_symbol(name, address)
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        return self._engine.get_function_address(name)
