"""What a loop program computes with: values, whose operators are Python's, and pairs of them for complex numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

F64, F32 = np.dtype(np.float64), np.dtype(np.float32)
I64, I32, BOOL = np.dtype(np.int64), np.dtype(np.int32), np.dtype(bool)


def part_of(dtype: np.dtype) -> np.dtype:
    """What an element is made of: of complex numbers, real ones."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def parts_of(dtype: np.dtype) -> int:
    return 2 if dtype.kind == "c" else 1


class Value:
    """A number in a register, or ``lanes`` of them side by side; ``e`` wrote it. Without a name, a constant."""

    __slots__ = ("constant", "dtype", "e", "lanes", "level", "name")

    def __init__(self, e: Any, name: int, dtype: np.dtype, lanes: int, level: int, constant: Any = None):
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
        re = e.select(flat, self.re + self.im * ratio, self.re * ratio + self.im)
        im = e.select(flat, self.im - self.re * ratio, self.im * ratio - self.re)
        zero = e.eq(big, 0)  # by which each part is divided: infinities, and not the NaN of 0 / 0
        scale = e.select(zero, e.like(big, math.inf), scale)
        return Pair(e.select(zero, self.re, re) * scale, e.select(zero, self.im, im) * scale)

    def __rtruediv__(self, other: Any) -> Pair:
        return self.e.pair(other, self) / self

    def __neg__(self) -> Pair:
        return Pair(-self.re, -self.im)
