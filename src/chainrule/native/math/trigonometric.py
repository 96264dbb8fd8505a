"""sin, cos and tan. x = n·π/2 + r with |r| ≤ π/4, and both sin r and cos r are polynomials, of which n chooses.

r comes in two parts, from π/2 in three (Cody & Waite) while |x| is moderate. Else, where any lane has a large x,
n and r are computed anew from the digits of 2/π that matter to the exponent of x (Payne & Hanek 1983).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import F64, I64, Value
from chainrule.native.math.coefficients import COS, SIN
from chainrule.native.math.formats import (
    FORMATS,
    HALF_PI,
    Format,
    nearest,
    polynomial,
    product_of,
    real,
    split,
    sum_of,
)

MODERATE = (2.0**30, 2.0**14)  # in double and in single precision
FIRST = 13  # the smallest exponent that needs the digits of 2/π

# ⌊2/π · 2¹²⁸⁰⌋
TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a7"
    "3ee88235f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb"
    "09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)


@functools.cache
def digits_of_two_over_pi() -> np.ndarray:
    """Of each exponent e from FIRST on, four numbers with the sum 2/π · 2ᵉ⁻⁵² modulo 8."""
    total = 1280
    table = np.zeros((1024 - FIRST, 4))
    for row, exponent in zip(table, range(FIRST, 1024), strict=True):
        # An integer in units of 2⁻²²⁰
        moved = exponent - 52 + 220 - total
        rest = (TWO_OVER_PI << moved if moved >= 0 else TWO_OVER_PI >> -moved) % (8 << 220)
        for i in range(4):
            drop = max(rest.bit_length() - 53, 0)
            row[i] = float(rest >> drop << drop) * 2.0**-220 if rest else 0.0
            rest -= rest >> drop << drop
    return table.ravel()


def moderate(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value]:
    """r, what must be taken from it, and n in the last bits of an integer."""
    high, middle, low = split(HALF_PI, form, 3)
    n, shifted = nearest(e, form, x, 1 / high)
    first = e.fma(n, -high, x)  # exact
    product = e.rounded("mul", n, middle)
    r = e.rounded("sub", first, product)
    over = e.rounded("sub", product, e.rounded("sub", first, r))
    over = over + e.fma(n, middle, -product)
    return r, e.fma(n, low, over), e.bitcast(shifted, form.integer)


def large(e: Emitter, x: Value) -> tuple[Value, Value, Value]:
    """The same of |x| ≥ 2¹³ in double precision, for any finite x."""
    form = FORMATS[F64]
    bits = e.bitcast(x, I64)
    exponent = ((bits >> 52) & 0x7FF) - (1023 + FIRST)
    exponent = e.select(exponent < 0, e.like(exponent, 0), exponent)
    exponent = e.select(exponent > 1023 - FIRST, e.like(exponent, 0), exponent)
    table = e.constant(digits_of_two_over_pi(), "of each exponent, the digits of 2/pi that matter to large angles")
    whole = e.bitcast((bits & ((1 << 52) - 1)) | (1075 << 52), F64)  # x · 2⁵²⁻ᵉ, an integer
    whole = e.copysign(whole, x)
    high, low = product_of(e, whole, e.gather(table, F64, exponent * 4))
    # Integers are taken away, those in ``n`` counted modulo 4.
    n = e.rint(high * 0.25)
    high = e.fma(n, -4, high)
    terms = [high, low]
    for i in range(1, 4):
        terms += product_of(e, whole, e.gather(table, F64, exponent * 4 + i))
    count: Any = e.like(x, 0)
    total, error = e.like(x, 0), e.like(x, 0)
    for term in terms:
        rounded = e.rint(term)
        count = count + rounded
        part = e.rounded("sub", term, rounded)
        # Neither summand is known to be the larger one (Knuth).
        new = e.rounded("add", total, part)
        back = e.rounded("sub", new, total)
        lost = e.rounded("sub", total, e.rounded("sub", new, back))
        error = e.rounded("add", error, e.rounded("add", lost, e.rounded("sub", part, back)))
        total = new
    rounded = e.rint(total)
    count = count + rounded
    total, error = sum_of(e, e.rounded("sub", total, rounded), error)
    half_pi, rest = split(HALF_PI, form, 2)
    r = e.rounded("mul", total, half_pi)
    under = e.fma(total, half_pi, -r) + e.fma(total, rest, error * half_pi)
    return r, -under, e.bitcast(count + form.shifter, form.integer)


def reduced(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value]:
    """r, what must be taken from it, and an integer congruent to n modulo 4, of any x."""
    places = [e.variable(d, x.lanes) for d in (form.dtype, form.dtype, form.integer)]
    found = moderate(e, form, x)
    far = e.abs(x) > form.pick(MODERATE)
    for place, value in zip(places, found, strict=True):
        e.set(place, value)
    with e.when(e.across("or", far), rare=True):
        r, over, n = large(e, e.cast(x, F64))
        if form.single:
            near = e.cast(r, form.dtype)
            over = e.cast(over - (r - e.cast(near, F64)), form.dtype)
            r, n = near, e.cast(n, form.integer)
        # An infinite x is without a place on the circle.
        r = e.select(e.abs(x) < float("inf"), r, float("nan"))
        for place, new, old in zip(places, (r, over, n), found, strict=True):
            e.set(place, e.select(far, new, old))
    return tuple(e.get(place) for place in places)  # type: ignore[return-value]  # three places were made


def on_circle(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value]:
    """sin r, cos r, and n of any x; asked for twice, as by sin and cos of one x, computed once."""
    key = ("on_circle", x.name, str(x.constant), e.stack[-1])
    if key not in e.computed:
        r, over, n = reduced(e, form, x)
        z = r * r
        cube = z * r
        below = e.fma(over * -0.5, z, over)
        sin = r - e.fma(cube, -polynomial(e, z, form.pick(SIN)), below)
        half = z * 0.5
        one = e.rounded("sub", 1, half)
        left = e.rounded("sub", e.rounded("sub", 1, one), half)
        cos = one + (left + e.fma(z * z, polynomial(e, z, form.pick(COS)), r * over))
        e.computed[key] = sin, cos, n
    return e.computed[key]


def turned(e: Emitter, form: Format, y: Value, n: Value) -> Value:
    """−y where the second last bit of n is set."""
    return e.bitcast(e.bitcast(y, form.integer) ^ ((n & 2) << (form.width - 2)), form.dtype)


@real
def sin(e: Emitter, form: Format, x: Value) -> Value:
    """sin x within 1 ulp."""
    one, other, n = on_circle(e, form, x)
    return turned(e, form, e.select(e.ne(n & 1, 0), other, one), n)


@real
def cos(e: Emitter, form: Format, x: Value) -> Value:
    """cos x within 1 ulp."""
    one, other, n = on_circle(e, form, x)
    return turned(e, form, e.select(e.ne(n & 1, 0), one, other), n + 1)


@real
def tan(e: Emitter, form: Format, x: Value) -> Value:
    """tan x within 3 ulp."""
    one, other, n = on_circle(e, form, x)
    odd = e.ne(n & 1, 0)
    y = e.select(odd, other, one) / e.select(odd, one, other)
    return turned(e, form, y, n << 1)
