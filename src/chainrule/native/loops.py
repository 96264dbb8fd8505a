"""The loop program: a small structured language of loops, loads, stores and arithmetic on numbers and vectors.

An ``Emitter`` writes it: the lowering of graphs does, and so do the rules for one scalar (``emit=`` of ops, ``math``),
which get the emitter as ``e`` and compute with ``Value``, whose operators are Python's. A pure instruction is written
once however often it is asked for, and in the outermost block that has its operands: so what does not change
in a loop is computed before it. ``llvm`` prints the program for LLVM, ``export`` as C.
"""

from __future__ import annotations

import math as _math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

F64, F32 = np.dtype(np.float64), np.dtype(np.float32)
I64, I32, BOOL = np.dtype(np.int64), np.dtype(np.int32), np.dtype(bool)

# Instructions that only give a value: what they take and give is said where the emitter has a method for them.
ARITHMETIC = frozenset(
    {"add", "sub", "mul", "div", "rem", "neg", "fma", "sqrt", "abs", "floor", "ceil", "trunc", "rint"}
)
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})

LONGEST = 200_000  # values of a program, which take LLVM some 10 s


class TooLong(Exception):
    """What an emitter raises when a program is too long to be compiled in reasonable time."""


class Unstated(Exception):
    """What a rule for one scalar raises for operands that it says nothing of: the op is then called on the host."""


def part_of(dtype: np.dtype) -> np.dtype:
    """What an element is made of: of complex numbers, real ones."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def parts_of(dtype: np.dtype) -> int:
    return 2 if dtype.kind == "c" else 1


class Value:
    """A number in a register, or ``lanes`` of them side by side. Numbers without a name are constants."""

    __slots__ = ("constant", "dtype", "e", "lanes", "level", "name")

    def __init__(self, e: Emitter, name: int, dtype: np.dtype, lanes: int, level: int, constant: Any = None):
        self.e, self.name, self.dtype, self.lanes, self.level, self.constant = e, name, dtype, lanes, level, constant

    def __repr__(self) -> str:
        return f"{self.constant!r}" if self.constant is not None else f"%{self.name}"

    def __add__(self, other: Any) -> Any:
        return self.e.binary("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.e.binary("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.e.binary("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.e.binary("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.e.binary("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.e.binary("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.e.binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.e.binary("div", other, self)

    def __mod__(self, other: Any) -> Any:
        return self.e.binary("rem", self, other)

    def __neg__(self) -> Any:
        return self.e.unary("neg", self)

    def __and__(self, other: Any) -> Any:
        return self.e.binary("and", self, other)

    def __or__(self, other: Any) -> Any:
        return self.e.binary("or", self, other)

    def __xor__(self, other: Any) -> Any:
        return self.e.binary("xor", self, other)

    def __invert__(self) -> Any:
        return self.e.unary("not", self)

    def __lshift__(self, other: Any) -> Any:
        return self.e.binary("shl", self, other)

    def __rshift__(self, other: Any) -> Any:
        """Arithmetic for signed integers, logical for unsigned ones."""
        return self.e.binary("shr", self, other)

    def __lt__(self, other: Any) -> Any:
        return self.e.compare("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return self.e.compare("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return self.e.compare("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return self.e.compare("ge", self, other)

    # == and != stay those of Python, so that values can be keys; ``e.eq`` and ``e.ne`` compare numbers.

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"


class Pair:
    """A complex number: two values. ``dtype`` is the complex one."""

    __slots__ = ("dtype", "e", "im", "re")

    def __init__(self, re: Value, im: Value):
        self.e, self.re, self.im = re.e, re, im
        self.dtype = np.dtype(np.complex64 if re.dtype == F32 else np.complex128)

    lanes = property(lambda self: self.re.lanes)

    def __add__(self, other: Any) -> Pair:
        other = self.e.pair(other, self)
        return Pair(self.re + other.re, self.im + other.im)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Pair:
        other = self.e.pair(other, self)
        return Pair(self.re - other.re, self.im - other.im)

    def __rsub__(self, other: Any) -> Pair:
        return self.e.pair(other, self) - self

    def __mul__(self, other: Any) -> Pair:
        if isinstance(other, (int, float, Value)):
            return Pair(self.re * other, self.im * other)
        other = self.e.pair(other, self)
        return Pair(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Pair:
        if isinstance(other, (int, float, Value)):
            return Pair(self.re / other, self.im / other)
        # Smith (1962), as in NumPy: the larger part of the divisor is divided by first.
        e, other = self.e, self.e.pair(other, self)
        flat = e.abs(other.re) >= e.abs(other.im)
        big, small = e.select(flat, other.re, other.im), e.select(flat, other.im, other.re)
        ratio = small / big
        scale = 1 / (big + small * ratio)
        re = e.select(flat, self.re + self.im * ratio, self.re * ratio + self.im) * scale
        im = e.select(flat, self.im - self.re * ratio, self.im * ratio - self.re) * scale
        return Pair(re, im)

    def __rtruediv__(self, other: Any) -> Pair:
        return self.e.pair(other, self) / self

    def __neg__(self) -> Pair:
        return Pair(-self.re, -self.im)


@dataclass(eq=False, slots=True)
class Pointer:
    """An address that was given: an input, an output, the arena, or memory of the program's own."""

    name: str
    level: int = 0


@dataclass(eq=False, slots=True)
class Variable:
    """A number, or a vector of them, that is assigned to more than once."""

    name: str
    dtype: np.dtype
    lanes: int


@dataclass(eq=False, slots=True)
class Block:
    """Statements one after the other: tuples that begin with their kind; see the methods of ``Emitter``."""

    level: int
    barrier: int  # no pure instruction asked for in this block is written in a block of a lower level
    statements: list[Any] = field(default_factory=list)
    known: dict[Any, Value] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class For:
    """``for index in range(start, stop, step)``."""

    index: Value
    start: Any
    stop: Any
    step: int
    block: Block
    note: str = ""


@dataclass(eq=False, slots=True)
class Parallel:
    """The block for every chunk from 0 to ``chunks``, in any order or at once; with variables of its own."""

    index: Value
    chunks: int
    block: Block
    variables: list[Variable]
    note: str = ""
    owned: tuple[tuple[Pointer, int], ...] = ()  # memory to be freed where a chunk fails


@dataclass(eq=False, slots=True)
class While:
    """Run ``head``, leave if ``condition``, a value of it, is false; else run ``block`` and begin again."""

    head: Block
    condition: Value
    block: Block


@dataclass(eq=False, slots=True)
class If:
    condition: Value
    block: Block
    orelse: Block
    rare: bool = False


@dataclass(eq=False)
class Program:
    """What an emitter wrote: a function of pointers, with the C functions that it calls by name."""

    name: str
    pointers: list[Pointer]
    block: Block
    variables: list[Variable]
    calls: dict[str, tuple[Any, tuple[Any, ...]]]  # name of a C function → result and argument types
    data: dict[str, np.ndarray]  # constants in memory


class Emitter:
    """Writes a loop program. Rules for scalars use ``const``, arithmetic, comparisons, ``select``, and ``math``."""

    def __init__(self, functions: dict[str, Callable[..., Any]] | None = None) -> None:
        self.root = Block(0, 0)
        self.stack = [self.root]
        self.count = 0
        self.variables: list[Variable] = []
        self.calls: dict[str, tuple[Any, tuple[Any, ...]]] = {}
        self.data: dict[str, np.ndarray] = {}
        self.functions = {} if functions is None else functions
        self.scales = False  # whether the machine has AVX-512, which computes x · 2ⁿ of whole registers
        self.portable = False  # whether the program is to be printed for other machines, complete
        self.leaves = False  # whether the program may fail
        self.computed: dict[Any, Any] = {}  # by functions that branch, in a block
        self.symbols: dict[str, int] = {}  # addresses of C functions that are called by name
        self.kept: list[Any] = []  # what must live as long as the machine code
        self.owned: list[tuple[Pointer, int]] = []  # tables of memory to be freed by who leaves here, and their sizes

    def __getattr__(self, name: str) -> Any:
        """A function of ``math``, as in ``e.exp(x)``."""
        try:
            function = self.functions[name]
        except KeyError:
            raise AttributeError(name) from None
        return lambda *operands: function(self, *operands)

    # ------------------------------------------------------------------------------------------ values

    def const(self, number: Any, dtype: Any) -> Any:
        """A constant of a dtype."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            part = part_of(dtype)
            return Pair(self.const(complex(number).real, part), self.const(complex(number).imag, part))
        return Value(self, -1, dtype, 1, 0, dtype.type(number))

    def like(self, x: Any, number: Any) -> Any:
        """A constant of the dtype of ``x``."""
        return self.const(number, x.dtype)

    def pair(self, x: Any, like: Any) -> Pair:
        """Anything as a complex number in the precision of ``like``."""
        if isinstance(x, Pair):
            return x
        part = F32 if like.dtype in (np.complex64, F32) else F64
        if isinstance(x, (int, float, complex)):
            return self.const(x, np.complex64 if part == F32 else np.complex128)
        return Pair(self.cast(x, part), self.const(0, part))

    def pure(self, kind: str, dtype: np.dtype, lanes: int, *operands: Any) -> Value:
        """A value that depends on its operands alone: the one that is known, or a new instruction."""
        key = (kind, dtype.char, lanes, *[_identity(x) for x in operands])
        top = self.stack[-1]
        level = top.barrier
        for x in operands:
            if isinstance(x, (Value, Pointer)) and x.level > level:
                level = x.level
        for block in self.stack[: top.level + 1]:
            found = block.known.get(key)
            if found is not None:
                return found
        block = self.stack[level]
        made = block.known[key] = self._new(dtype, lanes, level)
        block.statements.append((kind, made, *operands))
        return made

    def _new(self, dtype: np.dtype, lanes: int, level: int) -> Value:
        self.count += 1
        if self.count > LONGEST:
            raise TooLong
        return Value(self, self.count, dtype, lanes, level)

    def wide(self, x: Value, lanes: int) -> Value:
        """x in every lane."""
        if x.lanes == lanes:
            return x
        assert x.lanes == 1, (x.lanes, lanes)
        if x.constant is not None:
            return Value(self, -1, x.dtype, lanes, 0, x.constant)
        return self.pure("splat", x.dtype, lanes, x)

    def together(self, *operands: Any) -> list[Value]:
        """The operands as values of one dtype and as many lanes as the widest has; Python's numbers adapt."""
        dtype = next(x.dtype for x in operands if isinstance(x, Value))
        made, lanes = [], 1
        for x in operands:
            if not isinstance(x, Value):
                x = self.const(x, dtype)
            assert x.dtype is dtype or x.dtype == dtype, (x.dtype, dtype)
            lanes = max(lanes, x.lanes)
            made.append(x)
        return [x if x.lanes == lanes else self.wide(x, lanes) for x in made]

    # ------------------------------------------------------------------------------------------ arithmetic

    def binary(self, kind: str, x: Any, y: Any) -> Any:
        """add sub mul div rem (of the sign of x, as in C) and or xor shl shr, of equal dtypes."""
        if isinstance(x, Pair) or isinstance(y, Pair):
            return _COMPLEX[kind](self, x, y)
        x, y = self.together(x, y)
        if x.constant is not None and y.constant is not None and kind in _FOLDED and x.dtype.kind == "f":
            with np.errstate(all="ignore"):
                return self.wide(self.const(_FOLDED[kind](x.constant, y.constant), x.dtype), x.lanes)
        if x.dtype.kind in "iu" and kind in ("add", "mul", "sub"):
            folded = self._integer(kind, x, y)
            if folded is not None:
                return folded
        if kind == "mul" and x.dtype.kind == "f":
            for one, other in ((x, y), (y, x)):
                if one.constant is not None and one.constant == 1:
                    return other
        return self.pure(kind, x.dtype, x.lanes, x, y)

    def _integer(self, kind: str, x: Value, y: Value) -> Value | None:
        """Index arithmetic is mostly of constants, and is done here."""
        if x.constant is not None and y.constant is not None:
            with np.errstate(all="ignore"):
                return self.wide(self.const(_FOLDED[kind](x.constant, y.constant), x.dtype), x.lanes)
        if y.constant is not None and y.constant == (1 if kind == "mul" else 0):
            return x
        if x.constant is not None and x.constant == (1 if kind == "mul" else 0) and kind != "sub":
            return y
        if kind == "mul" and 0 in (x.constant, y.constant):
            return self.wide(self.const(0, x.dtype), x.lanes)
        return None

    def unary(self, kind: str, x: Any) -> Any:
        """neg, not, and for floats sqrt abs floor ceil trunc rint (to even)."""
        if isinstance(x, Pair):
            assert kind == "neg", kind
            return -x
        if kind == "neg" and x.constant is not None and x.dtype.kind == "f":
            return self.wide(self.const(-x.constant, x.dtype), x.lanes)
        return self.pure(kind, x.dtype, x.lanes, x)

    def sqrt(self, x: Value) -> Value:
        return self.unary("sqrt", x)

    def floor(self, x: Value) -> Value:
        return self.unary("floor", x)

    def ceil(self, x: Value) -> Value:
        return self.unary("ceil", x)

    def trunc(self, x: Value) -> Value:
        return self.unary("trunc", x)

    def rint(self, x: Value) -> Value:
        return self.unary("rint", x)

    def abs(self, x: Value) -> Value:
        """|x| of floats and integers."""
        return self.unary("abs", x)

    def fma(self, x: Any, y: Any, z: Any) -> Value:
        """x·y + z, rounded once."""
        x, y, z = self.together(x, y, z)
        return self.pure("fma", x.dtype, x.lanes, x, y, z)

    def rounded(self, kind: str, x: Any, y: Any) -> Value:
        """add, sub or mul of floats with a rounding of its own: never made part of an fma."""
        x, y = self.together(x, y)
        return self.pure(f"rounded_{kind}", x.dtype, x.lanes, x, y)

    def scale(self, x: Value, n: Value) -> Value:
        """x · 2ⁿ of a float n that is whole, rounded once: where ``can_scale`` says that it is an instruction."""
        return self.pure("scale", x.dtype, x.lanes, x, n)

    def can_scale(self, x: Value) -> bool:
        return self.scales and x.lanes * x.dtype.itemsize == 64

    def copysign(self, x: Any, y: Any) -> Value:
        x, y = self.together(x, y)
        return self.pure("copysign", x.dtype, x.lanes, x, y)

    def compare(self, kind: str, x: Any, y: Any) -> Value:
        """eq ne lt le gt ge; with NaN all are false, but ne is true."""
        x, y = self.together(x, y)
        return self.pure(kind, BOOL, x.lanes, x, y)

    def eq(self, x: Any, y: Any) -> Value:
        return self.compare("eq", x, y)

    def ne(self, x: Any, y: Any) -> Value:
        return self.compare("ne", x, y)

    def isnan(self, x: Value) -> Value:
        return self.compare("ne", x, x)

    def select(self, condition: Value, x: Any, y: Any) -> Any:
        """x where the condition holds, else y."""
        if isinstance(x, Pair) or isinstance(y, Pair):
            x, y = self.pair(x, y), self.pair(y, x)
            return Pair(self.select(condition, x.re, y.re), self.select(condition, x.im, y.im))
        if condition.constant is not None:
            return x if condition.constant else y
        x, y = self.together(x, y)
        lanes = max(x.lanes, condition.lanes)
        x, y = self.wide(x, lanes), self.wide(y, lanes)
        return self.pure("select", x.dtype, lanes, self.wide(condition, lanes), x, y)

    def minimum(self, x: Any, y: Any) -> Value:
        """The smaller, or NaN if one is."""
        x, y = self.together(x, y)
        return self.select(self.compare("le", x, y) | self.isnan(x), x, y) if x.is_float else self.select(x <= y, x, y)

    def maximum(self, x: Any, y: Any) -> Value:
        """The larger, or NaN if one is."""
        x, y = self.together(x, y)
        return self.select(self.compare("ge", x, y) | self.isnan(x), x, y) if x.is_float else self.select(x >= y, x, y)

    def cast(self, x: Any, dtype: Any) -> Any:
        """x as another dtype, as C casts: floats to integers toward 0; to bool: whether it is not 0."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            made = self.pair(x, self.const(0, dtype))
            part = part_of(dtype)
            return Pair(self.cast(made.re, part), self.cast(made.im, part))
        if isinstance(x, Pair):
            if dtype.kind == "b":
                return self.ne(x.re, 0) | self.ne(x.im, 0)
            return self.cast(x.re, dtype)
        if x.dtype == dtype:
            return x
        if dtype.kind == "b":
            return self.ne(x, 0)
        if x.constant is not None:
            with np.errstate(all="ignore"):
                return self.wide(self.const(x.constant.astype(dtype), dtype), x.lanes)
        if dtype == np.float16 and x.dtype == F64:
            x = self._odd_single(x)
        if x.is_float and ((dtype.kind in "iu" and dtype.itemsize < 4) or dtype == np.uint32):
            # By way of an integer that holds them all, so that what is out of range wraps, as it does in NumPy.
            x = self.cast(x, np.int64 if dtype == np.uint32 else np.int32)
        return self.pure("cast", dtype, x.lanes, x)

    def _odd_single(self, x: Value) -> Value:
        """x in single precision, with an odd last digit if it is not exact: rounded once more, it is rounded right."""
        unsigned = np.dtype(np.uint32)
        near = self.pure("cast", F32, x.lanes, x)
        back, bits = self.cast(near, F64), self.bitcast(near, unsigned)
        down = self.select(self.abs(back) > self.abs(x), bits - 1, bits)
        return self.bitcast(self.select(self.eq(back, x) | self.isnan(x), bits, down | 1), F32)

    def bitcast(self, x: Value, dtype: Any) -> Value:
        """The bits of x as a number of another dtype of the same size."""
        dtype = np.dtype(dtype)
        if x.constant is not None:
            return self.wide(self.const(np.asarray(x.constant).view(dtype)[()], dtype), x.lanes)
        return self.pure("bitcast", dtype, x.lanes, x)

    def lane_numbers(self, lanes: int) -> Value:
        """0, 1, 2, … of int64, a number a lane."""
        return self.const(0, I64) if lanes == 1 else self.pure("lane_numbers", I64, lanes)

    def across(self, kind: str, x: Any) -> Any:
        """add, mul, minimum, maximum, and, or of all lanes."""
        if x.lanes == 1:
            return x
        if isinstance(x, Pair) and kind == "add":
            return Pair(self.across(kind, x.re), self.across(kind, x.im))
        if kind in ("minimum", "maximum", "mul"):
            # Halves against halves, so that NaN is kept and the order does not depend on the machine.
            parts = [self.lane(x, i) for i in range(x.lanes)]
            while len(parts) > 1:
                half = (len(parts) + 1) // 2
                parts = [
                    self.combine(kind, parts[i], parts[i + half]) if i + half < len(parts) else parts[i]
                    for i in range(half)
                ]
            return parts[0]
        return self.pure("across", x.dtype, 1, kind, x)

    def lane(self, x: Any, i: int) -> Any:
        if isinstance(x, Pair):
            return Pair(self.lane(x.re, i), self.lane(x.im, i))
        return x if x.lanes == 1 else self.pure("lane", x.dtype, 1, x, i)

    def row(self, values: list[Value]) -> Value:
        """Numbers side by side, one a lane."""
        return values[0] if len(values) == 1 else self.pure("row", values[0].dtype, len(values), *values)

    def foreign(self, name: str, result: Any, *operands: Value) -> Value:
        """A C function of numbers that depends on nothing else, called lane by lane."""
        lanes = max(x.lanes for x in operands)
        columns = [self.wide(x, lanes) for x in operands]
        return self.row([self.call(name, result, *[self.lane(x, i) for x in columns]) for i in range(lanes)])

    def combine(self, kind: str, x: Any, y: Any) -> Any:
        """x and y by a reduction's operation; the sum of booleans is whether one is true."""
        if kind == "add" and x.dtype == BOOL:
            kind = "or"
        if kind in ("minimum", "maximum"):
            return getattr(self, kind)(x, y)
        return self.binary(kind, x, y)

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

    def constant(self, array: np.ndarray) -> Pointer:
        """Memory that holds an array."""
        array = np.ascontiguousarray(array)
        content = blake2b(array.reshape(-1).view(np.uint8).data, digest_size=16)
        name = f"data_{content.hexdigest()}"  # the same in every process
        self.data.setdefault(name, array)
        return Pointer(name)

    def program(self, name: str, pointers: list[Pointer]) -> Program:
        return Program(name, pointers, self.root, self.variables, self.calls, self.data)


def _identity(x: Any) -> Any:
    if isinstance(x, Value):
        return x.name if x.constant is None else ("constant", x.dtype.char, x.lanes, x.constant.tobytes())
    return x


_FOLDED: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
}
_COMPLEX: dict[str, Callable[..., Any]] = {
    "add": lambda e, x, y: e.pair(x, y) + y,
    "sub": lambda e, x, y: e.pair(x, y) - e.pair(y, x),
    "mul": lambda e, x, y: x * y if isinstance(x, Pair) else y * x,
    "div": lambda e, x, y: e.pair(x, y) / y,
}
INFINITY = _math.inf
