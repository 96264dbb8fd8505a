"""eˣ and what is made of it. x = n·log 2 + r with |r| ≤ log(2)/2; eʳ is a polynomial, and 2ⁿ bits of the exponent."""

from __future__ import annotations

from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.math.coefficients import EXP
from chainrule.native.math.formats import LOG_2, Format, nearest, polynomial, power_of_two, real, split, sum_of

# Where results begin to be subnormal, where they are 0, and where they are last finite: of eˣ and of 2ˣ.
EXP_LIMITS = ((-708.0, -746.0, 709.782712893384), (-86.6, -104.5, 88.72283172607422))
EXP2_LIMITS = ((-1020.6, -1077.0, 1023.9999999999999), (-124.6, -152.0, 127.99999237060547))


def reduced(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value]:
    """r, what is left of x − n·log 2 beyond r, and n + shifter."""
    high, low = split(LOG_2, form, 2)
    n, shifted = nearest(e, form, x, 1 / high)
    first = e.fma(n, -high, x)  # exact
    r = e.fma(n, -low, first)
    return r, e.fma(n, -low, e.rounded("sub", first, r)), shifted


def limited(e: Emitter, form: Format, x: Value, limits: Any) -> Value:
    """x where the result is neither 0 nor infinite for sure, and NaN; nearest to it elsewhere."""
    _subnormal, zero, largest = form.pick(limits)
    if not e.can_scale(x):
        return x
    most = largest + 1
    return e.select(x > most, e.like(x, most), e.select(x < zero, e.like(x, zero), x))


def scaled(e: Emitter, form: Format, y: Value, shifted: Value, x: Value, limits: Any) -> Value:
    """y · 2ⁿ for a y near 1, with the limits of x."""
    if e.can_scale(x):
        return e.scale(y, shifted - form.shifter)
    subnormal, zero, largest = form.pick(limits)
    small, lift = x < subnormal, 32.0 if form.single else 64.0
    bits = e.bitcast(e.select(small, shifted + lift, shifted), form.integer) << form.digits
    y = e.bitcast(e.bitcast(y, form.integer) + bits, form.dtype)
    y = e.select(small, y * 2.0**-lift, y)
    return e.select(x <= largest, e.select(x < zero, e.like(x, 0), y), x + float("inf"))


@real
def exp(e: Emitter, form: Format, x: Value) -> Value:
    """eˣ within 1 ulp."""
    x = limited(e, form, x, EXP_LIMITS)
    high, low = split(LOG_2, form, 2)
    n, shifted = nearest(e, form, x, 1 / high)
    r = e.fma(n, -low, e.fma(n, -high, x))
    y = e.fma(r * r, polynomial(e, r, form.pick(EXP)), r) + 1
    return scaled(e, form, y, shifted, x, EXP_LIMITS)


@real
def exp2(e: Emitter, form: Format, x: Value) -> Value:
    """2ˣ within 1 ulp."""
    x = limited(e, form, x, EXP2_LIMITS)
    high, low = split(LOG_2, form, 2)
    n, shifted = nearest(e, form, x, 1.0)
    part = x - n
    r = e.rounded("mul", part, high)
    rest = e.fma(part, low, e.fma(part, high, -r))
    y = (e.fma(r * r, polynomial(e, r, form.pick(EXP)), rest) + r) + 1
    return scaled(e, form, y, shifted, x, EXP2_LIMITS)


def growth(e: Emitter, form: Format, x: Value, down: int) -> tuple[Value, Value]:
    """(eˣ − 1)/2ᵈ as a sum of two, where 2ⁿ⁻ᵈ is a normal number."""
    r, rest, shifted = reduced(e, form, x)
    scale = power_of_two(e, form, shifted - float(down) if down else shifted)
    tail = e.fma(r * r, polynomial(e, r, form.pick(EXP)), rest)
    total, error = sum_of(e, scale - 2.0**-down, e.rounded("mul", scale, r))
    return total, e.fma(scale, tail, error)


@real
def expm1(e: Emitter, form: Format, x: Value) -> Value:
    """eˣ − 1 within 2 ulp."""
    least, largest = -45.0, form.pick(EXP_LIMITS)[2]
    high, low = growth(e, form, e.select(x < least, e.like(x, least), x), 1)
    y = (high + low) * 2
    y = e.select(e.abs(x) < 2.0 ** (-form.digits - 2), x, y)
    return e.select(x <= largest, y, x + float("inf"))


@real
def tanh(e: Emitter, form: Format, x: Value) -> Value:
    """tanh x within 2 ulp."""
    most, size = 10.0 if form.single else 20.0, e.abs(x)
    size = e.select(size > most, e.like(x, most), size)
    high, low = growth(e, form, size * 2, 0)
    y = high + low
    return e.copysign(y / (y + 2), x)


@real
def sinh(e: Emitter, form: Format, x: Value) -> Value:
    """sinh x within 3 ulp."""
    most, size = 89.6 if form.single else 710.6, e.abs(x)
    small = size < 2.0 ** (-form.digits // 2 - 2)
    high, low = growth(e, form, e.select(size > most, e.like(x, most), size), 2)
    quarter = high + low
    y = (quarter + quarter / e.fma(quarter, 4, 1)) * 2
    y = e.select(size > most, e.like(x, float("inf")), y)
    return e.copysign(e.select(small, size, y), x)


@real
def cosh(e: Emitter, form: Format, x: Value) -> Value:
    """cosh x within 2 ulp."""
    most, size = 89.6 if form.single else 710.6, e.abs(x)
    r, _rest, shifted = reduced(e, form, e.select(size > most, e.like(x, most), size))
    y = e.fma(r * r, polynomial(e, r, form.pick(EXP)), r) + 1
    quarter = y * power_of_two(e, form, shifted - 2)
    y = (quarter + 0.0625 / quarter) * 2
    return e.select(size > most, e.like(x, float("inf")), y)


@real
def sigmoid(e: Emitter, _form: Format, x: Value) -> Value:
    """1/(1 + e⁻ˣ) within 2 ulp, also where it is small."""
    power = exp(e, -e.abs(x))
    return e.select(x < 0, power, 1.0) / (power + 1)
