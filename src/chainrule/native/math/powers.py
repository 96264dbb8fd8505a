"""xʸ, cube roots and lengths."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import F32, F64, Value
from chainrule.native.math.coefficients import EXP, POW
from chainrule.native.math.exponential import EXP_LIMITS, exp, reduced, scaled
from chainrule.native.math.formats import LOG_2, Format, polynomial, product_of, real, split, sum_of
from chainrule.native.math.logarithm import log, mantissa, normal

INFINITY, NAN = float("inf"), float("nan")


def precise_log(e: Emitter, form: Format, x: Value) -> tuple[Value, Value]:
    """log x of x ≥ 0 in two parts, within 2⁻⁶⁴ of its size."""
    lifted, shift = normal(e, form, x)
    k, f = mantissa(e, form, lifted)
    k = k - shift
    # s = f/(2 + f), and what its rounding lost
    below, below_low = sum_of(e, e.like(f, 2), f)
    inverse = 1 / below
    s = e.rounded("mul", f, inverse)
    s_low = e.fma(-s, below_low, e.fma(-s, below, f)) * inverse
    z, z_low = product_of(e, s, s)
    z_low = e.fma(s * 2, s_low, z_low)
    # log m = s·(2 + z·(⅔ + z·(…)))
    third, third_low = split("0." + "6" * 75, form, 2)
    inner, inner_low = sum_of(e, e.like(f, third), z * polynomial(e, z, form.pick(POW)))
    inner_low = inner_low + third_low
    outer, outer_low = product_of(e, z, inner)
    outer_low = outer_low + e.fma(z, inner_low, z_low * inner)
    factor, factor_low = sum_of(e, e.like(f, 2), outer)
    factor_low = factor_low + outer_low
    part, part_low = product_of(e, s, factor)
    part_low = part_low + e.fma(s, factor_low, s_low * factor)
    # The first part of log 2 has few digits, so that its product with k is exact.
    high = float(round(float(LOG_2) * 2**32)) / 2**32
    low = float(Fraction(LOG_2) - Fraction(high))
    total, error = sum_of(e, k * high, part)
    total, rest = sum_of(e, total, e.fma(k, low, part_low + error))
    usual = (x < INFINITY) & (x > 0)
    edge = e.select(e.eq(x, 0), e.like(x, -INFINITY), x)
    return e.select(usual, total, edge), e.select(usual, rest, e.like(x, 0))


@real
def square_root(e: Emitter, _form: Format, x: Value) -> Value:
    """√x, correctly rounded."""
    return e.sqrt(x)


@real
def pow(e: Emitter, form: Format, x: Value, y: Value) -> Value:
    """xʸ within 2 ulp."""
    if form.single:
        wide = e.abs(e.cast(x, F64))
        size = e.cast(exp(e, e.cast(y, F64) * log(e, wide)), F32)
    else:
        log_x, rest = precise_log(e, form, e.abs(x))
        high = e.rounded("mul", y, log_x)
        low = e.fma(y, rest, e.fma(y, log_x, -high))
        bound = 1000.0
        inside = e.abs(high) < bound
        low = e.select(inside, low, e.like(x, 0))
        high = e.select(high > bound, e.like(x, bound), e.select(high < -bound, e.like(x, -bound), high))
        r, left, shifted = reduced(e, form, high)
        size = (e.fma(r * r, polynomial(e, r, form.pick(EXP)), left) + r) + 1
        size = scaled(e, form, e.fma(size, low, size), shifted, high, EXP_LIMITS)
    whole = e.eq(e.rint(y), y) & (e.abs(y) < INFINITY)
    half = y * 0.5
    odd = whole & e.ne(e.rint(half), half)
    size = e.select(e.eq(e.abs(x), 1) & ~e.isnan(y), e.like(x, 1), size)
    below = e.ne(e.bitcast(x, form.integer) >> (form.width - 1), 0)
    size = e.select(odd & below, -size, size)
    nowhere = (x < 0) & (x > -INFINITY) & ~whole & (e.abs(y) < INFINITY)
    size = e.select(nowhere | e.isnan(x) | e.isnan(y), e.like(x, NAN), size)
    return e.select(e.eq(y, 0) | e.eq(x, 1), e.like(x, 1), size)


@real
def cbrt(e: Emitter, form: Format, x: Value) -> Value:
    """∛x within 1 ulp (Kahan's first guess from the bits, a polynomial, and a step of Newton's, as in FreeBSD)."""
    if form.single:
        return e.cast(cbrt(e, e.cast(x, F64)), F32)
    size = e.abs(x)
    small = size < form.tiny
    lifted = size * e.select(small, e.like(x, 2.0**54), 1.0)
    bits = e.bitcast(lifted, form.integer) >> 32
    third = (bits * 0x55555556) >> 32
    guess = e.bitcast((third + 715094163) << 32, form.dtype)
    r = guess * guess * (guess / lifted)
    p = e.fma(r, e.fma(r, 1.621429720105354466140, -1.88497979543377169875), 1.87595182427177009643)
    q = e.fma(r, 0.145996192886612446982, -0.758397934778766047437)
    guess = guess * e.fma(r * r * r, q, p)
    # 23 digits, whose square is exact
    guess = e.bitcast((e.bitcast(guess, form.integer) + 0x80000000) & 0xFFFFFFFFC0000000, form.dtype)
    quotient = lifted / e.rounded("mul", guess, guess)
    y = e.fma(guess, (quotient - guess) / (guess * 2 + quotient), guess)
    y = y * e.select(small, e.like(x, 2.0**-18), 1.0)
    return e.copysign(e.select((size < INFINITY) & (size > 0), y, size), x)


@real
def hypot(e: Emitter, form: Format, x: Value, y: Value) -> Value:
    """√(x² + y²) within 1 ulp, without overflow."""
    x, y = e.abs(x), e.abs(y)
    swap = y > x
    large, small = e.select(swap, y, x), e.select(swap, x, y)
    step = 2.0 ** (form.bias * 5 // 8)
    huge, tiny = large > 2.0 ** (form.bias // 2 - 2), large < 2.0 ** (-form.bias // 2 + form.digits + 2)
    down: Any = e.select(huge, e.like(x, 1 / step), e.select(tiny, e.like(x, step), 1.0))
    up: Any = e.select(huge, e.like(x, step), e.select(tiny, e.like(x, 1 / step), 1.0))
    a, b = large * down, small * down
    square, square_low = product_of(e, a, a)
    other, other_low = product_of(e, b, b)
    total, error = sum_of(e, square, other)
    root = e.sqrt(total)
    # The root of the rounded sum is corrected by what the sum lost.
    rest = e.fma(-root, root, total) + (error + square_low + other_low)
    root = e.select(total > 0, root + rest / (root * 2), root) * up
    endless = e.eq(x, INFINITY) | e.eq(y, INFINITY)
    return e.select(endless, e.like(x, INFINITY), root)
