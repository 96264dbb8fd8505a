"""Text of LLVM for functions that deal with objects: statements in order, blocks that are left early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Text:
    """One function, written line by line; values are the names that LLVM knows them by."""

    def __init__(self, head: str):
        self._head = head
        self._places: list[str] = []
        self._lines: list[str] = []
        self._names = 0

    def __str__(self) -> str:
        return "\n".join([f"define {self._head} {{", "start:", *self._places, *self._lines, "}"])

    def _name(self) -> int:
        self._names += 1
        return self._names

    def put(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def let(self, expression: str) -> str:
        name = f"%v{self._name()}"
        self.put(f"{name} = {expression}")
        return name

    # ------------------------------------------------------------------------------------------- memory

    def place(self, kind: str, align: int = 8) -> str:
        """Memory in the frame of the function."""
        name = f"%p{self._name()}"
        self._places.append(f"  {name} = alloca {kind}, align {align}")
        return name

    def at(self, base: str, offset: int | str, scale: str = "i8") -> str:
        return base if offset == 0 else self.let(f"getelementptr {scale}, ptr {base}, i64 {offset}")

    def load(self, kind: str, base: str, offset: int | str = 0, scale: str = "i8") -> str:
        return self.let(f"load {kind}, ptr {self.at(base, offset, scale)}")

    def store(self, kind: str, value: int | str, base: str, offset: int | str = 0, scale: str = "i8") -> None:
        self.put(f"store {kind} {value}, ptr {self.at(base, offset, scale)}")

    # --------------------------------------------------------------------------------------------- flow

    def is_(self, relation: str, kind: str, a: str, b: int | str) -> str:
        return self.let(f"icmp {relation} {kind} {a}, {b}")

    def label(self) -> str:
        return f"l{self._name()}"

    def block(self, label: str) -> None:
        """What follows is reached by ``goto(label)``, and not from above."""
        self._lines.append(f"{label}:")

    def goto(self, label: str) -> None:
        self.put(f"br label %{label}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        self.put(f"br i1 {condition}, label %{yes}, label %{no}")

    def require(self, condition: str, otherwise: str) -> None:
        """Go on only where the condition holds."""
        on = self.label()
        self.branch(condition, on, otherwise)
        self.block(on)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        yes, done = self.label(), self.label()
        self.branch(condition, yes, done)
        self.block(yes)
        yield
        self.goto(done)
        self.block(done)

    @contextmanager
    def count(self, stop: int | str) -> Iterator[str]:
        """The index of a loop from 0 to below ``stop``."""
        place, head, body, done = self.place("i64"), self.label(), self.label(), self.label()
        self.store("i64", 0, place)
        self.goto(head)
        self.block(head)
        index = self.load("i64", place)
        self.branch(self.is_("ult", "i64", index, stop), body, done)
        self.block(body)
        yield index
        self.store("i64", self.let(f"add i64 {index}, 1"), place)
        self.goto(head)
        self.block(done)

    def switch(self, value: str, labels: Sequence[str], otherwise: str) -> None:
        """Go to the label with this number."""
        cases = " ".join(f"i64 {i}, label %{label}" for i, label in enumerate(labels))
        self.put(f"switch i64 {value}, label %{otherwise} [{cases}]")
