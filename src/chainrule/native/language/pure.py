"""Instructions that only give a value: what the rules for one scalar are written in (``emit=`` of ops, ``math``).

They get the emitter as ``e``. A pure instruction is written once however often it is asked for, and in the outermost
block that has its operands: so what does not change in a loop is computed before it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import frexp
from typing import Any

import numpy as np

from chainrule.native.language.loops import Block, Pointer
from chainrule.native.language.values import BOOL, F32, F64, I32, I64, Pair, Value, part_of

LONGEST = 200_000  # values of a program, which take LLVM some 10 s
INVERTIBLE = 2.0**-1000, 2.0**1000  # sizes of numbers whose inverses have all their digits


class TooLong(Exception):
    """What an emitter raises when a program is too long to be compiled in reasonable time."""


class Unstated(Exception):
    """What a rule for one scalar raises for operands that it says nothing of: the op is then called on the host."""


# Whether NumPy makes NaN and what is out of range the least integer, as processors of x86 do; else the nearest, and 0.
with np.errstate(all="ignore"):
    INDEFINITE = bool(np.full(8, np.nan).astype(I64)[0] == np.iinfo(I64).min)


class Pure:
    """Writes instructions that only give a value: ``const``, arithmetic, comparisons, ``select``, and ``math``."""

    def __init__(self, functions: dict[str, Callable[..., Any]] | None = None) -> None:
        self.root = Block(0, 0)
        self.stack = [self.root]
        self.count = 0
        self.constants: dict[Any, Value] = {}
        self.functions = {} if functions is None else functions
        self.portable = False  # whether the program is to be printed for other machines, complete
        self.readable = False  # whether it is to be read by people too: what it does is noted
        self.scales = False  # whether the machine has AVX-512, which computes x · 2ⁿ of whole registers
        self.fuses = True  # whether the machine computes x·y + z at once; else a function of C's does, number by number

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
        key = (number, dtype.num) if number.__class__ is int or (number.__class__ is float and number != 0) else None
        found = self.constants.get(key)
        if found is not None:
            return found
        try:
            made = Value(self, -1, dtype, 1, 0, dtype.type(number))
        except OverflowError:  # what NumPy takes in spite of that, as where does, wraps
            made = Value(self, -1, dtype, 1, 0, np.array(number).astype(dtype)[()])
        if key is not None:
            self.constants[key] = made
        return made

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
        top = self.stack[-1]
        level = top.barrier
        words: list[Any] = [kind, dtype.char, lanes]
        for x in operands:
            if x.__class__ is Value and x.constant is not None:
                words.append(("constant", x.dtype.char, x.lanes, x.constant.tobytes()))
                continue
            if x.__class__ is Value or x.__class__ is Pointer:
                level = max(level, x.level)
            words.append(x.name if x.__class__ is Value else x)
        key = tuple(words)
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
        if len(operands) == 2:
            x, y = operands
            if x.__class__ is Value and y.__class__ is Value and x.lanes == y.lanes and x.dtype is y.dtype:
                return [x, y]
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
        if (
            kind == "div"
            and y.constant is not None
            and x.lanes > 1
            and x.dtype == F64
            and self.fuses
            and not self.portable
        ):
            return self._quotient(x, y)
        return self.pure(kind, x.dtype, x.lanes, x, y)

    def _quotient(self, x: Value, y: Value) -> Value:
        """x / y for a constant y, rounded as a division is, in a third of its time.

        N. Brisebarre, J.-M. Muller and S. K. Raina, Accelerating correctly rounded floating-point division when the
        divisor is known in advance, IEEE Trans. Comput. 53 (2004): q = x · (1/y), corrected by its own remainder.
        """
        number = float(y.constant)
        if not INVERTIBLE[0] <= abs(number) <= INVERTIBLE[1]:
            return self.pure("div", x.dtype, x.lanes, x, y)
        inverse = 1 / abs(number)
        q = x * inverse
        if frexp(number)[0] not in (0.5, -0.5):
            # The remainder is y·q − x, so that a quotient of −0 stays −0; it is NaN where q is infinite.
            better = self.fma(self.fma(q, abs(number), -x), -inverse, q)
            q = self.select(self.isnan(better), q, better)
        return q if number > 0 else -q

    def _integer(self, kind: str, x: Value, y: Value) -> Value | None:
        """Index arithmetic is mostly of constants, and is done here."""
        if x.constant is not None and y.constant is not None:
            exact = _FOLDED[kind](int(x.constant), int(y.constant))
            if x.dtype == I64 and -(1 << 63) <= exact < 1 << 63:
                return self.wide(self.const(exact, x.dtype), x.lanes)
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

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """x·y + z, rounded once or twice, whichever is sooner."""
        return self.fma(x, y, z) if self.fuses else x * y + z

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
        if x.is_float and dtype.kind in "iu":
            return self._to_integer(x, dtype)
        return self.pure("cast", dtype, x.lanes, x)

    def _to_integer(self, x: Value, dtype: np.dtype) -> Value:
        """Floats as integers, those out of range too as NumPy has them (of uint32, as it has single numbers)."""
        if dtype.itemsize < 4 or dtype == np.uint32:
            # By way of an integer that holds them all, so that what is out of range wraps.
            return self.cast(self._to_integer(x, I64 if dtype == np.uint32 else I32), dtype)
        if not INDEFINITE:
            return self.pure("cast", dtype, x.lanes, x)
        x = self.cast(x, F32) if x.dtype == np.float16 else x
        if dtype.kind == "i":
            least = -(2.0 ** (8 * dtype.itemsize - 1))
            inside = (x >= least) & (x < -least)
            return self.select(inside, self.pure("truncate", dtype, x.lanes, x), self.const(int(least), dtype))
        half, least = 2.0**63, self.const(-(2**63), I64)
        high = x >= half  # not of NaN
        found = self._to_integer(self.select(high, x - half, x), I64)
        return self.cast(self.select(high, found ^ least, found), dtype)

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

    def combine(self, kind: str, x: Any, y: Any) -> Any:
        """x and y by a reduction's operation; the sum of booleans is whether one is true."""
        if kind == "add" and x.dtype == BOOL:
            kind = "or"
        if kind in ("minimum", "maximum"):
            return getattr(self, kind)(x, y)
        return self.binary(kind, x, y)


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
