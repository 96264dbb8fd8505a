"""What a loop program uses, for printing it: values, variables, pointers; what is not used is not printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.language.calls import raises
from chainrule.native.language.loops import Block, For, If, Pointer, While
from chainrule.native.language.values import Value

EFFECTS = ("store", "set_pointer", "leave_if", "note", "give")  # statements that make nothing to be read


@dataclass
class Use:
    """How often a value is read, and in which blocks."""

    count: int = 0
    blocks: set[int] = field(default_factory=set)
    wide: bool = False  # also as all lanes of a vector


class Uses:
    """The uses in a block and all inside of it."""

    def __init__(self, block: Block):
        self.values: dict[int, Use] = {}
        self.variables: set[str] = set()  # that are read
        self.pointers: set[str] = set()
        self.kinds: dict[str, np.dtype] = {}  # what pointers point to
        self.totals: set[int] = set()  # vectors that are read from variables to be folded
        self._count(block)

    def _count(self, block: Block) -> None:
        blocks = [block]
        order: list[tuple[Block, Any]] = []
        for one in blocks:
            for statement in one.statements:
                order.append((one, statement))
                if isinstance(statement, If):
                    blocks += [] if raises(statement) else [statement.block, statement.orelse]
                elif isinstance(statement, While):
                    blocks += [statement.head, statement.block]
                elif not isinstance(statement, tuple):
                    blocks.append(statement.block)
        for _, statement in order:
            if isinstance(statement, tuple) and statement[0] in ("load", "store", "gather"):
                _, x, pointer = statement[:3]
                self.kinds.setdefault(pointer.name, x.dtype)
        for _, statement in reversed(order):
            if isinstance(statement, tuple) and statement[0] == "at" and statement[1].name in self.kinds:
                self.kinds.setdefault(statement[2].name, self.kinds[statement[1].name])
        for one in blocks:
            self._find_totals(one)
        # What nobody reads is not computed: those who read stand after what they read, or in blocks inside.
        size = -1
        read: Any = None  # what is read by what is kept; at first all is kept
        while size != len(self.values) + len(self.variables) + len(self.pointers):
            size = len(self.values) + len(self.variables) + len(self.pointers) if read else -1
            self.values, self.variables, self.pointers = {}, set(), set()
            for one, statement in order:
                if not isinstance(statement, tuple):
                    self._structure(statement, one)
                elif read is None or _is_kept(statement, *read):
                    self._statement(statement, one)
            read = (self.values, self.variables, self.pointers)

    def _structure(self, statement: Any, block: Block) -> None:
        if isinstance(statement, If):
            self._use((statement.condition,), block)
        elif isinstance(statement, For):
            self._use((statement.start, statement.stop), block)
        elif isinstance(statement, While):
            self._use((statement.condition,), statement.head)

    def _statement(self, statement: Any, block: Block) -> None:
        kind = statement[0]
        if kind == "call":
            self._use(given(*statement[2:]), block)
        elif kind in EFFECTS:
            self._use(statement[1:], block)
        else:
            self._use(statement[2:], block, kind == "splat")
            if kind == "get":
                self.variables.add(statement[2].name)

    def _find_totals(self, block: Block) -> None:
        """Vectors that are read from a variable only to be folded, before it changes: they need no copy."""
        read: dict[int, str] = {}
        for statement in block.statements:
            if not isinstance(statement, tuple):
                read = {}
            elif statement[0] == "get" and statement[1].lanes > 1:
                read[statement[1].name] = statement[2].name
            elif statement[0] == "set":
                read = {value: name for value, name in read.items() if name != statement[1].name}
            elif statement[0] == "across" and statement[3].name in read:
                self.totals.add(statement[3].name)

    def _use(self, x: Any, block: Block, wide: bool = False) -> None:
        if isinstance(x, tuple):
            for part in x:
                self._use(part, block, wide)
        elif isinstance(x, Pointer):
            self.pointers.add(x.name)
        elif isinstance(x, Value) and x.constant is None:
            use = self.values.setdefault(x.name, Use())
            use.count += 1
            use.blocks.add(id(block))
            use.wide = use.wide or wide


def _is_kept(statement: Any, values: dict[int, Use], variables: set[str], pointers: set[str]) -> bool:
    """Whether a statement does something, or makes what is read."""
    kind, made = statement[:2]
    if kind == "call" or kind in EFFECTS:
        return True
    known: Any = variables if kind == "set" else pointers if isinstance(made, Pointer) else values
    return made.name in known


def given(name: str, arguments: Any) -> Any:
    """The arguments of a function in C: SciPy's functions of numbers take one more, which says nothing."""
    return arguments[:-1] if name.startswith("scipy_") else arguments
