"""Floating-point numbers as bits, and sums and products without an error: what the functions of ``math`` are made of.

Functions are written once for double and single precision and any number of lanes. They never branch but where said.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import F32, F64, Value


@dataclass(frozen=True)
class Format:
    """A binary format: ``digits`` of the mantissa behind the point, the exponent's bias, integers of its size."""

    dtype: np.dtype
    integer: np.dtype
    digits: int
    bias: int
    single: bool

    @property
    def width(self) -> int:
        """Bits of a number."""
        return 8 * self.dtype.itemsize

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def one(self) -> int:
        """The bits of 1."""
        return self.bias << self.digits

    @property
    def shifter(self) -> float:
        """Added to a number, it leaves the nearest integer in the last bits of the sum."""
        return 1.5 * 2.0**self.digits

    def pick(self, coefficients: Any) -> Any:
        """Those of this precision, of a table or pair for both."""
        return coefficients[self.single]


FORMATS = {F64: Format(F64, np.dtype(np.uint64), 52, 1023, False), F32: Format(F32, np.dtype(np.uint32), 23, 127, True)}

HALF = Format(np.dtype(np.float16), np.dtype(np.uint16), 10, 15, True)  # whose functions are those of single precision


def real(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function ``(e, format, *operands)`` of floats as one ``(e, *operands)``; half precision goes through single."""

    @functools.wraps(function)
    def wrapped(e: Emitter, *operands: Any) -> Any:
        values = e.together(*operands) if len(operands) > 1 else list(operands)
        dtype = values[0].dtype
        if dtype in FORMATS:
            return function(e, FORMATS[dtype], *values)
        return e.cast(function(e, FORMATS[F32], *[e.cast(x, F32) for x in values]), dtype)

    return wrapped


def polynomial(e: Emitter, x: Value, coefficients: Any) -> Value:
    """Σ cₖ xᵏ: even and odd powers apart, so that two chains of additions run side by side."""
    if len(coefficients) <= 4:
        return horner(e, x, coefficients)
    square = x * x
    return e.multiply_add(horner(e, square, coefficients[1::2]), x, horner(e, square, coefficients[::2]))


def anchored(e: Emitter, x: Value, coefficients: Any) -> Value:
    """As ``polynomial``, with the constant added last: where it is most of the sum, little but one rounding is lost."""
    return e.multiply_add(x, polynomial(e, x, coefficients[1:]), coefficients[0])


def horner(e: Emitter, x: Value, coefficients: Any) -> Value:
    total: Any = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = e.multiply_add(x, total, c)
    return total if isinstance(total, Value) else e.wide(e.like(x, total), x.lanes)


def power_of_two(e: Emitter, form: Format, shifted: Value) -> Value:
    """2ⁿ of an integer n in the range of exponents, given n + shifter."""
    bits = (e.bitcast(shifted, form.integer) << form.digits) + form.one
    return e.bitcast(bits, form.dtype)


def nearest(e: Emitter, form: Format, x: Value, factor: float) -> tuple[Value, Value]:
    """The integer n nearest to factor · x, and n + shifter."""
    shifted = e.fma(x, factor, form.shifter)
    return shifted - form.shifter, shifted


@functools.cache
def split(number: str, form: Format, parts: int) -> list[float]:
    """A constant, given in decimal digits, as a sum of numbers of the format."""
    rest, found = Fraction(number), []
    for _ in range(parts):
        part = form.dtype.type(float(rest))
        # No part is negative, so that 0 times any of them is 0 and not −0.
        found.append(float(part if Fraction(float(part)) <= rest else np.nextafter(part, form.dtype.type(0))))
        rest -= Fraction(found[-1])
    return found


def sum_of(e: Emitter, x: Any, y: Any) -> tuple[Value, Value]:
    """x + y and its error, if |x| ≥ |y| or x is a multiple of the last place of y (Dekker 1971)."""
    total = e.rounded("add", x, y)
    return total, e.rounded("sub", y, e.rounded("sub", total, x))


def product_of(e: Emitter, x: Value, y: Value) -> tuple[Value, Value]:
    """x · y and its error."""
    product = e.rounded("mul", x, y)
    return product, e.fma(x, y, -product)


# Constants to 75 digits.
LOG_2 = "0.69314718055994530941723212145817656807550013436025525412068000949339362197"
HALF_PI = "1.57079632679489661923132169163975144209858469968755291048747229615390820314"
