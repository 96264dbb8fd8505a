"""What NumPy makes of quotients, powers, shifts and signs, of floats, integers, booleans and complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import Pair, Value
from chainrule.native.math.formats import FORMATS, HALF, Format, power_of_two, real

INFINITY = float("inf")


def refuse_pairs(name: str, *operands: Any) -> None:
    if any(isinstance(x, Pair) for x in operands):
        raise Unstated(name)


def add(e: Emitter, x: Any, y: Any) -> Any:
    """x + y; of booleans, whether one is true."""
    return x | y if x.dtype.kind == "b" else x + y


def multiply(e: Emitter, x: Any, y: Any) -> Any:
    """x · y; of booleans, whether both are true."""
    return x & y if x.dtype.kind == "b" else x * y


def absorbing_multiply(e: Emitter, x: Any, y: Any) -> Any:
    """x · y, in which a mask absorbs anything, and a 0 of y an infinite x."""
    for mask, other in ((x, y), (y, x)):
        if mask.dtype.kind == "b":
            return e.select(mask, other, e.like(other, 0))
    product = x * y
    if product.dtype.kind not in "fc":
        return product
    return e.select(equal(e, y, e.like(y, 0)) & isinf(e, x), e.like(product, 0), product)


def absolute(e: Emitter, x: Any) -> Any:
    """|x|."""
    if isinstance(x, Pair):
        return e.hypot(x.re, x.im)
    return x if x.dtype.kind in "bu" else e.abs(x)


def sign(e: Emitter, x: Any) -> Any:
    """−1, 0, 1 or NaN."""
    refuse_pairs("sign", x)
    if x.dtype.kind == "u":
        return e.select(e.eq(x, 0), x, e.like(x, 1))
    of_zero = e.select(e.eq(x, 0), e.like(x, 0), x)
    negative = of_zero if x.dtype.kind == "u" else e.select(x < 0, e.like(x, -1), of_zero)
    return e.select(x > 0, e.like(x, 1), negative)


def rounding(kind: str) -> Any:
    def rounded(e: Emitter, x: Any) -> Any:
        if isinstance(x, Pair) and kind == "rint":
            return Pair(e.rint(x.re), e.rint(x.im))
        refuse_pairs(kind, x)
        return e.unary(kind, x) if isinstance(x, Value) and x.is_float else x

    return rounded


# ---------------------------------------------------------------------------------------------- quotients


@real
def fmod(e: Emitter, form: Format, x: Value, y: Value) -> Value:
    """x − y·trunc(x / y), exact; only quotients that have more digits than a number are left to the C library."""
    quotient = x / y
    n = e.trunc(quotient)
    rest = e.fma(-n, y, x)
    # The quotient may have been rounded up to an integer.
    over = (rest < 0) ^ (x < 0)
    step = e.copysign(y, x)
    rest = e.select(over & e.ne(rest, 0), rest + step, rest)
    rest = e.select(e.eq(n, 0) & ~e.isnan(y), x, rest)
    place = e.variable(form.dtype, x.lanes)
    e.set(place, rest)
    large = ~(e.abs(quotient) < 2.0 ** (form.digits - 1))
    with e.when(e.across("or", large), rare=True):
        e.set(place, e.select(large, x % y, rest))
    return e.get(place)


def _divisor(e: Emitter, x: Value, y: Value) -> tuple[Value, Value, Value]:
    """A divisor that integers may be divided by, and where it was 0 or −1."""
    zero = e.eq(y, 0)
    minus = e.like(x, False) if x.dtype.kind == "u" else e.eq(y, -1)
    minus = e.wide(e.const(False, bool), zero.lanes) if x.dtype.kind == "u" else minus
    return e.select(zero | minus, e.like(y, 1), y), zero, minus


def floor_divide(e: Emitter, x: Any, y: Any) -> Any:
    """⌊x / y⌋; of integers, 0 where y is 0."""
    refuse_pairs("floor_divide", x, y)
    if x.dtype.kind == "f":
        return _floor_divide(e, x, y)
    if x.dtype.kind == "b":
        raise Unstated("floor_divide")
    divisor, zero, minus = _divisor(e, x, y)
    quotient = x / divisor
    if x.dtype.kind == "i":
        rest = x - quotient * divisor
        quotient = e.select(e.ne(rest, 0) & ((rest < 0) ^ (divisor < 0)), quotient - 1, quotient)
        quotient = e.select(minus, -x, quotient)
    return e.select(zero, e.like(x, 0), quotient)


@real
def _floor_divide(e: Emitter, _form: Format, x: Value, y: Value) -> Value:
    ratio = x / y
    rest = fmod(e, x, y)
    quotient = (x - rest) / y
    quotient = e.select(e.ne(rest, 0) & ((rest < 0) ^ (y < 0)), quotient - 1, quotient)
    floor = e.floor(quotient)
    floor = e.select(quotient - floor > 0.5, floor + 1, floor)
    floor = e.select(e.eq(quotient, 0), e.copysign(e.like(x, 0), ratio), floor)
    plain = e.eq(y, 0) | isinf(e, x) | isinf(e, y)
    return e.select(plain, e.select(e.eq(y, 0), ratio, e.floor(ratio)), floor)


def remainder(e: Emitter, x: Any, y: Any) -> Any:
    """x − y·⌊x / y⌋, with the sign of y; of integers, 0 where y is 0."""
    refuse_pairs("remainder", x, y)
    if x.dtype.kind == "f":
        rest = fmod(e, x, y)
        moved = e.select((y < 0) ^ (rest < 0), rest + y, rest)
        return e.select(e.eq(rest, 0), e.copysign(e.like(x, 0), y), moved)
    if x.dtype.kind == "b":
        raise Unstated("remainder")
    divisor, zero, minus = _divisor(e, x, y)
    rest = x % divisor
    if x.dtype.kind == "i":
        rest = e.select(e.ne(rest, 0) & ((rest < 0) ^ (divisor < 0)), rest + divisor, rest)
    return e.select(zero | minus, e.like(x, 0), rest)


# ------------------------------------------------------------------------------------------------- powers


def power(e: Emitter, x: Any, y: Any) -> Any:
    """xʸ. Integers have constant powers that are not negative."""
    exponent = None if isinstance(y, Pair) and (y.re.constant is None or y.im.constant is None) else constant(y)
    if exponent is not None:
        if exponent == 0.5 and x.dtype.kind == "f":
            # NumPy's power of ½ is its root.
            return e.sqrt(x)
        most = 4 if x.dtype.kind == "f" else 99  # up to which NumPy's are products too
        if (exponent == int(exponent.real) and -4 <= exponent.real <= most) or x.dtype.kind in "iu":
            return _whole_power(e, x, int(exponent.real))
    if x.dtype.kind not in "fc":
        raise Unstated("power")
    return e.pow(x, y)


def constant(y: Any) -> Any:
    """The number of a constant, or None."""
    if isinstance(y, Pair):
        return complex(y.re.constant, y.im.constant)
    return None if y.constant is None or not np.isfinite(y.constant) else y.constant.item()


def _whole_power(e: Emitter, x: Any, n: int) -> Any:
    if n < 0:
        if x.dtype.kind in "iu":
            raise Unstated("power")
        return e.like(x, 1) / _whole_power(e, x, -n)
    result = None
    while n:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        x = x * x if n else x
    if result is not None:
        return result
    one = e.like(x, 1)
    return Pair(*(e.wide(p, x.lanes) for p in (one.re, one.im))) if isinstance(one, Pair) else e.wide(one, x.lanes)


# ------------------------------------------------------------------------------------------ bits of numbers


def left_shift(e: Emitter, x: Value, y: Value) -> Value:
    """x · 2ʸ in the bits that there are."""
    inside = _inside(e, x, y)
    return e.select(inside, x << e.select(inside, y, e.like(y, 0)), e.like(x, 0))


def right_shift(e: Emitter, x: Value, y: Value) -> Value:
    """⌊x / 2ʸ⌋."""
    inside = _inside(e, x, y)
    outside = e.like(x, 0) if x.dtype.kind == "u" else e.select(x < 0, e.like(x, -1), e.like(x, 0))
    return e.select(inside, x >> e.select(inside, y, e.like(y, 0)), outside)


def _inside(e: Emitter, x: Value, y: Value) -> Value:
    width = e.like(y, 8 * x.dtype.itemsize)
    return y < width if y.dtype.kind == "u" else (y >= 0) & (y < width)


def signbit(e: Emitter, x: Value) -> Value:
    """Whether the sign is negative."""
    if x.is_float:
        return e.bitcast(x, np.dtype(f"i{x.dtype.itemsize}")) < 0
    return x < 0 if x.dtype.kind == "i" else e.ne(x, x)


def isnan(e: Emitter, x: Any) -> Value:
    return e.isnan(x.re) | e.isnan(x.im) if isinstance(x, Pair) else e.isnan(x)


def isinf(e: Emitter, x: Any) -> Value:
    if isinstance(x, Pair):
        return isinf(e, x.re) | isinf(e, x.im)
    return e.eq(e.abs(x), INFINITY) if x.is_float else e.ne(x, x)


def isfinite(e: Emitter, x: Any) -> Value:
    if isinstance(x, Pair):
        return isfinite(e, x.re) & isfinite(e, x.im)
    return e.abs(x) < INFINITY if x.is_float else e.eq(x, x)


def equal(e: Emitter, x: Any, y: Any) -> Value:
    return e.eq(x.re, y.re) & e.eq(x.im, y.im) if isinstance(x, Pair) else e.eq(x, y)


def comparison(kind: str) -> Any:
    def compared(e: Emitter, x: Any, y: Any) -> Value:
        if isinstance(x, Pair):
            # NumPy orders complex numbers by their real parts, and equal ones by the imaginary parts.
            strict = e.compare(kind[:2] if kind[0] in "lg" else kind, x.re, y.re) & ~e.eq(x.re, y.re)
            ordered = ~(e.isnan(x.im) | e.isnan(y.im))
            return (strict & ordered) | (e.eq(x.re, y.re) & e.compare(kind, x.im, y.im))
        return e.compare(kind, x, y)

    return compared


def nextafter(e: Emitter, x: Value, y: Value) -> Value:
    """The number next to x on the way to y."""
    form = HALF if x.dtype == HALF.dtype else FORMATS[x.dtype]
    bits = e.bitcast(x, form.integer)
    outwards = (y > x) ^ (x < 0)
    moved = e.bitcast(e.select(outwards, bits + 1, bits - 1), form.dtype)
    smallest = e.copysign(e.bitcast(e.const(1, form.integer), form.dtype), y)
    moved = e.select(e.eq(x, 0), smallest, moved)
    moved = e.select(e.eq(x, y), y, moved)
    return e.select(e.isnan(x) | e.isnan(y), x + y, moved)


@real
def ldexp(e: Emitter, form: Format, x: Value, n: Value) -> Value:
    """x · 2ⁿ, rounded once."""
    low, high = float(1 - form.bias), float(form.bias)
    # With digits to spare a first product that is subnormal becomes 0 in the end, so none is rounded twice.
    down = low + form.digits + 1
    y = x
    for _ in range(2):
        step = e.select(n < low, e.like(n, down), e.select(n > high, e.like(n, high), 0.0))
        y = y * power_of_two(e, form, step + form.shifter)
        n = n - step
    n = e.select(n < low, e.like(n, low), e.select(n > high, e.like(n, high), n))
    return y * power_of_two(e, form, n + form.shifter)


def exponent(e: Emitter, x: Value) -> Value:
    """The e of x = m·2ᵉ with ½ ≤ |m| < 1, of int32; 0 for 0."""
    if x.dtype.kind != "f":
        raise Unstated("exponent")
    if x.dtype not in FORMATS:
        return exponent(e, e.cast(x, np.float32))
    form = FORMATS[x.dtype]
    small = e.abs(x) < form.tiny
    lifted = x * e.select(small, e.like(x, 2.0 ** (form.digits + 2)), 1.0)
    field = (e.bitcast(lifted, form.integer) >> form.digits) & (2 * form.bias + 1)
    found = e.cast(field, np.int32) - e.select(small, e.const(form.bias + form.digits + 1, np.int32), form.bias - 1)
    return e.select(e.eq(x, 0) | ~isfinite(e, x), e.const(0, np.int32), found)


def heaviside(e: Emitter, x: Value, h: Value) -> Value:
    """0, h or 1 by the sign of x."""
    one = e.select(x > 0, e.like(x, 1), e.select(x < 0, e.like(x, 0), h))
    return e.select(e.isnan(x), x, one)


def fmax(e: Emitter, x: Value, y: Value) -> Value:
    refuse_pairs("fmax", x, y)
    return e.select((x >= y) | e.isnan(y), x, y) if x.is_float else e.maximum(x, y)


def fmin(e: Emitter, x: Value, y: Value) -> Value:
    refuse_pairs("fmin", x, y)
    return e.select((x <= y) | e.isnan(y), x, y) if x.is_float else e.minimum(x, y)


def maximum(e: Emitter, x: Value, y: Value) -> Value:
    refuse_pairs("maximum", x, y)
    return e.maximum(x, y)


def minimum(e: Emitter, x: Value, y: Value) -> Value:
    refuse_pairs("minimum", x, y)
    return e.minimum(x, y)


FUNCTIONS = {
    "plus": add,
    "times": multiply,
    "absorbing_multiply": absorbing_multiply,
    "absolute": absolute,
    "sign": sign,
    "rounded_down": rounding("floor"),
    "rounded_up": rounding("ceil"),
    "truncated": rounding("trunc"),
    "nearest": rounding("rint"),
    "fmod": fmod,
    "floor_divide": floor_divide,
    "remainder": remainder,
    "power": power,
    "left_shift": left_shift,
    "right_shift": right_shift,
    "signbit": signbit,
    "is_nan": isnan,
    "isinf": isinf,
    "isfinite": isfinite,
    "equal": equal,
    "less": comparison("lt"),
    "less_equal": comparison("le"),
    "greater": comparison("gt"),
    "greater_equal": comparison("ge"),
    "nextafter": nextafter,
    "ldexp": ldexp,
    "exponent": exponent,
    "heaviside": heaviside,
    "fmax": fmax,
    "fmin": fmin,
    "larger": maximum,
    "smaller": minimum,
}
