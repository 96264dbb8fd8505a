"""The emitter, which writes a loop program: instructions that give a value, memory, loops and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np

from chainrule.native.language.loops import Block, For, If, Parallel, Pointer, Program, Variable, While
from chainrule.native.language.pure import Pure
from chainrule.native.language.values import BOOL, I64, Pair, Value, part_of


class Emitter(Pure):
    """Writes a loop program: what the lowering of graphs uses."""

    def __init__(self, functions: dict[str, Callable[..., Any]] | None = None) -> None:
        super().__init__(functions)
        self.variables: list[Variable] = []
        self.calls: dict[str, tuple[Any, tuple[Any, ...]]] = {}
        self.data: dict[str, np.ndarray] = {}
        self.about: dict[str, str] = {}  # what constants in memory are
        self.leaves = False  # whether the program may fail
        self.computed: dict[Any, Any] = {}  # by functions that branch, in a block
        self.symbols: dict[str, int] = {}  # addresses of C functions that are called by name
        self.kept: list[Any] = []  # what must live as long as the machine code
        self.owned: list[tuple[Pointer, int]] = []  # tables of memory to be freed by who leaves here, and their sizes

    # ------------------------------------------------------------------------------------------ memory

    def pointer_in(self, table: Pointer, position: int) -> Pointer:
        """The pointer at a position of a table of pointers."""
        made = Pointer(f"p{self._number()}", self.stack[-1].level)
        self.stack[-1].statements.append(("pointer", made, table, position))
        return made

    def set_pointer(self, table: Pointer, position: int, pointer: Pointer) -> None:
        """Write a pointer to a position of a table of pointers."""
        self.stack[-1].statements.append(("set_pointer", table, position, pointer))

    def leave_if(self, condition: Value) -> None:
        """Leave the whole program, as failed, where the condition holds."""
        self.leaves = True
        if self.owned:
            with self.when(condition, rare=True):
                for table, count in self.owned:
                    self.free(table, count)
                self.stack[-1].statements.append(("leave_if", self.const(True, BOOL)))
            return
        self.stack[-1].statements.append(("leave_if", condition))

    def free(self, table: Pointer, count: int) -> None:
        """Give back the memory whose addresses are in a table; none is where it is null."""
        for i in range(count):
            self.call("free", None, self.pointer_in(table, i))

    @contextmanager
    def owning(self, table: Pointer, count: int) -> Iterator[None]:
        """What is written here puts memory that it asked the system for into a table, from which it is freed."""
        for i in range(count):
            self.store(table, i, self.const(0, I64))
        self.owned.append((table, count))
        yield
        self.owned.pop()
        self.free(table, count)

    def at(self, pointer: Pointer, dtype: np.dtype, index: Any) -> Pointer:
        """The address of an element."""
        made = Pointer(f"p{self._number()}", self.stack[-1].level)
        self.stack[-1].statements.append(("at", made, pointer, np.dtype(dtype), self.index(index)))
        return made

    def _number(self) -> int:
        self.count += 1
        return self.count

    def load(self, pointer: Any, dtype: np.dtype, index: Any, lanes: int = 1, step: int = 1) -> Any:
        """Elements ``index + step·lane`` of an array in memory; bool is a byte there."""
        return self._load(pointer, np.dtype(dtype), self.index(index), lanes, step)

    def _load(self, pointer: Any, dtype: np.dtype, index: Value, lanes: int, step: int) -> Any:
        if dtype.kind == "c":
            part = part_of(dtype)
            re, im = (self._load(pointer, part, index * 2 + i, lanes, 2 * step) for i in (0, 1))
            return Pair(re, im)
        made = self._new(dtype, lanes, self.stack[-1].level)
        self.stack[-1].statements.append(("load", made, pointer, index, step))
        return made

    def store(self, pointer: Any, index: Any, x: Any, lanes: int = 1, step: int = 1) -> None:
        """Write x to elements ``index + step·lane``."""
        index = self.index(index)
        if isinstance(x, Pair):
            self.store(pointer, index * 2, x.re, lanes, 2 * step)
            self.store(pointer, index * 2 + 1, x.im, lanes, 2 * step)
            return
        self.stack[-1].statements.append(("store", self.wide(x, lanes), pointer, index, step))

    def read(self, pointer: Pointer, dtype: np.dtype, index: Value, lanes: int = 1, step: int = 1) -> Any:
        """As ``load``, of memory that does not change any more at the pointer's level: read once, outside of loops."""
        if dtype.kind == "c":
            part = part_of(dtype)
            return Pair(*(self.read(pointer, part, index * 2 + i, lanes, 2 * step) for i in (0, 1)))
        return self.pure("load", dtype, lanes, pointer, index, step)

    def gather(self, pointer: Any, dtype: np.dtype, index: Value) -> Any:
        """The elements at an index a lane."""
        if np.dtype(dtype).kind == "c":
            part = part_of(dtype)
            return Pair(self.gather(pointer, part, index * 2), self.gather(pointer, part, index * 2 + 1))
        made = self._new(np.dtype(dtype), index.lanes, self.stack[-1].level)
        self.stack[-1].statements.append(("gather", made, pointer, index))
        return made

    def index(self, x: Any) -> Value:
        return x if isinstance(x, Value) else self.const(x, I64)

    def variable(self, dtype: Any, lanes: int = 1) -> Any:
        """A place for a number that changes; a pair of them for complex ones."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            part = part_of(dtype)
            return (self.variable(part, lanes), self.variable(part, lanes))
        made = Variable(f"v{self._number()}", dtype, lanes)
        self.variables.append(made)
        return made

    def get(self, variable: Any) -> Any:
        if isinstance(variable, tuple):
            return Pair(self.get(variable[0]), self.get(variable[1]))
        made = self._new(variable.dtype, variable.lanes, self.stack[-1].level)
        self.stack[-1].statements.append(("get", made, variable))
        return made

    def set(self, variable: Any, x: Any) -> None:
        if isinstance(variable, tuple):
            self.set(variable[0], x.re)
            self.set(variable[1], x.im)
            return
        self.stack[-1].statements.append(("set", variable, self.wide(x, variable.lanes)))

    # ------------------------------------------------------------------------------------------ structure

    @contextmanager
    def inside(self, block: Block) -> Iterator[Block]:
        self.stack.append(block)
        try:
            yield block
        finally:
            self.stack.pop()

    def _block(self, barrier: bool = False) -> Block:
        level = len(self.stack)
        return Block(level, level if barrier else self.stack[-1].barrier)

    @contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1, note: str = "") -> Iterator[Value]:
        """``with e.loop(0, n) as i:`` writes the body of a loop."""
        block = self._block()
        index = self._new(I64, 1, block.level)
        with self.inside(block):
            yield index
        self.stack[-1].statements.append(For(index, self.index(start), self.index(stop), step, block, note))

    @contextmanager
    def parallel(self, chunks: int, note: str = "") -> Iterator[Value]:
        """``with e.parallel(chunks) as c:`` writes what is done for each chunk, which is to write memory of its own."""
        block, outer, owned = self._block(barrier=True), self.variables, self.owned
        index = self._new(I64, 1, block.level)
        self.variables = own = []
        self.owned = []  # which is freed when all chunks are done
        with self.inside(block):
            yield index
        self.variables, self.owned = outer, owned
        self.stack[-1].statements.append(Parallel(index, chunks, block, own, note, tuple(owned)))

    @contextmanager
    def when(self, condition: Value, rare: bool = False) -> Iterator[Block]:
        """``with e.when(c) as orelse:`` writes what is done where c holds; ``with e.inside(orelse):`` the rest."""
        block, orelse = self._block(barrier=True), self._block(barrier=True)
        with self.inside(block):
            yield orelse
        self.stack[-1].statements.append(If(condition, block, orelse, rare))

    def repeat(self, condition: Callable[[], Value], body: Callable[[], None]) -> None:
        """While the condition, which is computed anew each time, holds: the body."""
        head, block = self._block(barrier=True), self._block(barrier=True)
        with self.inside(head):
            holds = condition()
        with self.inside(block):
            body()
        self.stack[-1].statements.append(While(head, holds, block))

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call a C function. Arguments are values, pointers, and Python strings for addresses of its data."""
        types = tuple(x.dtype if isinstance(x, Value) else "pointer" for x in arguments)
        self.calls[name] = (result, types)
        made = None if result is None else self._new(np.dtype(result), 1, self.stack[-1].level)
        self.stack[-1].statements.append(("call", made, name, arguments))
        return made

    def foreign(self, name: str, result: Any, *operands: Value) -> Value:
        """A C function of numbers that depends on nothing else, called lane by lane."""
        lanes = max(x.lanes for x in operands)
        columns = [self.wide(x, lanes) for x in operands]
        return self.row([self.call(name, result, *[self.lane(x, i) for x in columns]) for i in range(lanes)])

    def constant(self, array: np.ndarray, about: str = "") -> Pointer:
        """Memory that holds an array; ``about`` says what it is, to those who read the program."""
        array = np.ascontiguousarray(array)
        content = blake2b(array.reshape(-1).view(np.uint8).data, digest_size=16)
        name = f"data_{content.hexdigest()}"  # the same in every process
        self.data.setdefault(name, array)
        if about:
            self.about[name] = about
        return Pointer(name)

    # ------------------------------------------------------------------------------------------ for people

    def note(self, text: str, lanes: int = 1) -> None:
        """Say what comes, where the program is to be read: amid instructions on vectors, of so many lanes."""
        if self.readable:
            self.stack[-1].statements.append(("note", text, lanes))

    def scalar(self, dtype: np.dtype) -> Value:
        """A number that the program is given."""
        return self._new(dtype, 1, 0)

    def give(self, x: Value) -> None:
        """The number that the program gives."""
        self.stack[-1].statements.append(("give", x))

    def program(self, name: str, pointers: list[Pointer]) -> Program:
        return Program(name, pointers, self.root, self.variables, self.calls, self.data, self.about)
