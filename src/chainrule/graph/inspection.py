"""What compiled functions tell of themselves: one face for functions of ``jit``, methods, and programs of symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.box import Box
from chainrule.errors import SymbolError


def nothing_compiled(asked: str, needed: Sequence[str]) -> SymbolError:
    """The error where arguments must say which program is meant, and there are none."""
    shown = ", ".join(needed)
    what = "no arguments were given" if asked == "profile" else "nothing is compiled yet"
    written = ", ".join(["folder", shown] if asked == "export" else [shown])
    return SymbolError(
        f"[{asked}] {what}, and a program is for the shapes and dtypes of some; expected arguments as the "
        f"function takes them: {shown}; write f.{asked}({written})."
    )


@dataclass(frozen=True)
class Inside:
    """A compiled program, what its inputs are called, and ``values()`` for them, where arguments were given."""

    program: Any
    names: Sequence[str]
    values: Callable[[], Sequence[Any]]
    name: str


class Inspected:
    """What is asked of a compiled function: each takes arguments as the function does, and tells of its program.

    A program is for the shapes, dtypes and static arguments of a call. So what is told is of the program for the
    arguments that are given, which is compiled if it was not; without any, of the one that was compiled last.
    """

    __slots__ = ()

    # The program for these arguments; a SymbolError, where what is asked needs some and there are none.
    _inside: Callable[[str, tuple[Any, ...], Mapping[str, Any]], Inside]

    def explain(self, *args: Any, **kwargs: Any) -> Any:
        """What runs: kernels, the ops in each and why others are not in it, operations and bytes, calls, memory."""
        return self._inside("explain", args, kwargs).program.explain()

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """The program as text of LLVM, as it is compiled."""
        return self._inside("llvm", args, kwargs).program.llvm()

    def asm(self, *args: Any, **kwargs: Any) -> str:
        """The machine code as assembly of this processor."""
        return self._inside("asm", args, kwargs).program.asm()

    def memory(self, *args: Any, **kwargs: Any) -> Any:
        """What memory a call takes: inputs, outputs, constants, and the arena with all that stands in it."""
        return self._inside("memory", args, kwargs).program.memory()

    def profile(self, *args: Any, **kwargs: Any) -> Any:
        """How long each kernel takes for these arguments, in a program with the clock read between them."""
        found = self._inside("profile", args, kwargs)
        values = found.values()
        if any(isinstance(x, Box) and x._value is None for x in values):
            raise SymbolError(
                "[profile] an argument is symbolic, and what is timed needs numbers; expected arrays or Tensors with "
                "a value; call profile outside of functions that are traced."
            )
        return found.program.profile(*(x._value if isinstance(x, Box) else x for x in values))

    def export(self, folder: Any, *args: Any, name: str = "", **kwargs: Any) -> Any:
        """Write C, an object file and a shared library that run without Python: see chainrule.native.c.export."""
        found = self._inside("export", args, kwargs)
        return found.program.export(folder, name or found.name, found.names)
