"""What compiling gives: the address of a kernel, what it takes and makes, and ways to look inside."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

from chainrule.errors import SymbolError
from chainrule.spec import Spec


@dataclass(frozen=True)
class Program:
    """A C function ``int32_t kernel(void **inputs, void **outputs, void *arena)`` in memory.

    Inputs and outputs point to aligned, C-contiguous data of these Specs, and the arena to that many bytes, aligned to
    64. The kernel returns 0, or another number when a callback on the host raised: see ``libraries.host``.
    """

    address: int
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    arena: int = 0
    long: bool = False  # worth releasing the GIL, which costs as much as a small kernel
    owner: Any = field(default=None, repr=False)  # keeps the machine code in memory
    over: tuple[tuple[int, int], ...] = ()  # (output, input): which may be written over which, one over one

    # What follows is loaded when it is asked for: LLVM is not, before something is compiled.

    def explain(self) -> Any:
        """What runs: see :mod:`chainrule.native.explain`."""
        self._refuse_hosted("explain")
        return importlib.import_module("chainrule.native.explain").explain(self)

    def profile(self, *arrays: Any) -> Any:
        """How long each kernel takes for these arrays: see :mod:`chainrule.native.profile`."""
        self._refuse_hosted("profile")
        return importlib.import_module("chainrule.native.profile").profile(self, arrays)

    def export(self, folder: Any, name: str, names: Any = ()) -> Any:
        """Files that run without Python: see :mod:`chainrule.native.c.export`."""
        self._refuse_hosted("export")
        return importlib.import_module("chainrule.native.c.export").export(self, folder, name, names)

    def memory(self) -> Any:
        """What memory it takes: see :mod:`chainrule.native.footprint`."""
        return importlib.import_module("chainrule.native.footprint").footprint(self)

    def llvm(self) -> str:
        """The program as text of LLVM, as it was compiled."""
        self._refuse_hosted("llvm")
        return self.owner.text

    def asm(self) -> str:
        """The machine code as assembly of this processor."""
        self._refuse_hosted("asm")
        return importlib.import_module("chainrule.native.machine.code").assembly(self.owner.text)

    def _refuse_hosted(self, asked: str) -> None:
        if getattr(self.owner, "callback", None) is not None:
            raise SymbolError(
                f"[{asked}] NumPy runs this function op by op: it is too long to be compiled, or computes with long "
                f"doubles; expected a shorter one, of float64 or less; write what repeats as scan(...), and convert "
                f"with astype('float64')."
            )
