"""Functions of complex numbers, of those of their parts; ``angles`` has the inverse trigonometric ones.

Errors are some units in the last place of the whole number, not of each part.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Pair, Value
from chainrule.native.math.exponential import cosh as real_cosh
from chainrule.native.math.exponential import exp as real_exp
from chainrule.native.math.exponential import expm1 as real_expm1
from chainrule.native.math.exponential import sinh as real_sinh
from chainrule.native.math.formats import FORMATS
from chainrule.native.math.inverse import atan2
from chainrule.native.math.logarithm import log as real_log
from chainrule.native.math.logarithm import log1p as real_log1p
from chainrule.native.math.powers import hypot
from chainrule.native.math.trigonometric import cos as real_cos
from chainrule.native.math.trigonometric import sin as real_sin
from chainrule.native.math.trigonometric import tan as real_tan

INFINITY = float("inf")


def _endless(e: Emitter, x: Value) -> Value:
    return e.eq(e.abs(x), INFINITY)


def _is_finite(e: Emitter, z: Pair) -> Value:
    return (e.abs(z.re) < INFINITY) & (e.abs(z.im) < INFINITY)


def exp(e: Emitter, z: Pair) -> Pair:
    """e^z."""
    # A product with a small sine may be finite where e^x is not.
    large = 80.0 if FORMATS[z.re.dtype].single else 700.0
    moved = z.re > large
    size = real_exp(e, e.select(moved, z.re - large, z.re))
    more = e.select(moved, e.like(size, math.exp(large)), 1.0)
    re, im = size * real_cos(e, z.im) * more, size * real_sin(e, z.im) * more
    # 0 times anything on the circle is 0, and so is anything times 0.
    nothing = e.eq(z.re, -INFINITY)
    re, im = e.select(nothing, e.like(re, 0), re), e.select(nothing, e.like(im, 0), im)
    return Pair(re, e.select(e.eq(z.im, 0), z.im, im))


def expm1(e: Emitter, z: Pair) -> Pair:
    """e^z − 1."""
    half = real_sin(e, z.im * 0.5)
    whole = exp(e, z)
    re = real_expm1(e, z.re) * real_cos(e, z.im) - half * half * 2
    usual = e.abs(z.re) < 40
    return Pair(e.select(usual, re, whole.re - 1), whole.im)


def log(e: Emitter, z: Pair) -> Pair:
    """log |z| + i arg z; where |z| is near 1 by its distance from there."""
    form = FORMATS[z.re.dtype]
    x, y = e.abs(z.re), e.abs(z.im)
    large, small = e.select(y > x, y, x), e.select(y > x, x, y)
    huge = large > 2.0 ** (form.bias - 4)
    scale, shift = e.select(huge, e.like(x, 0.25), 1.0), e.select(huge, e.like(x, 2 * math.log(2)), 0.0)
    length = hypot(e, large * scale, small * scale)
    far = real_log(e, length) + shift
    near = real_log1p(e, e.fma(small, small, (large - 1) * (large + 1))) * 0.5
    re = e.select((length > 0.5) & (length < 2), near, far)
    return Pair(re, atan2(e, z.im, z.re))


def log1p(e: Emitter, z: Pair) -> Pair:
    """log(1 + z), with all digits near 0 too, where NumPy's has few."""
    x, y = z.re, z.im
    moved = Pair(x + 1, y)
    near = (e.abs(x) < 0.5) & (e.abs(y) < 0.5)
    inside = e.select(near, e.fma(y, y, x * (x + 2)), e.like(x, 0))
    far = log(e, moved)
    return Pair(e.select(near, real_log1p(e, inside) * 0.5, far.re), far.im)


def scaled_log(factor: float) -> Any:
    def function(e: Emitter, z: Pair) -> Pair:
        found = log(e, z)
        return Pair(found.re * factor, found.im * factor)

    return function


def sqrt(e: Emitter, z: Pair) -> Pair:
    """√z with a real part that is not negative."""
    form = FORMATS[z.re.dtype]
    x, y = e.abs(z.re), e.abs(z.im)
    large = e.select(y > x, y, x)
    step = 2.0 ** (form.bias // 2 + 1 & ~1)
    huge, tiny = large > 2.0 ** (form.bias - 4), large < 2.0 ** (-form.bias // 2)
    scale = e.select(huge, e.like(x, 1 / 16), e.select(tiny, e.like(x, step), 1.0))
    back = e.select(huge, e.like(x, 4), e.select(tiny, e.like(x, step**-0.5), 1.0))
    x, y = x * scale, y * scale
    long = e.sqrt((x + hypot(e, x, y)) * 0.5)
    short = e.select(e.eq(long, 0), e.like(x, 0), y / (long * 2))
    long, short = long * back, short * back
    right = ~(z.re < 0)
    re, im = e.select(right, long, short), e.select(right, short, long)
    endless = _endless(e, z.im)
    re = e.select(endless, e.like(re, INFINITY), re)
    return Pair(re, e.copysign(e.select(endless, e.like(im, INFINITY), im), z.im))


def sinh(e: Emitter, z: Pair) -> Pair:
    """sinh z = sinh x cos y + i cosh x sin y."""
    im = e.select(e.eq(z.im, 0), z.im, real_cosh(e, z.re) * real_sin(e, z.im))
    re = e.select(e.eq(z.re, 0), z.re, real_sinh(e, z.re) * real_cos(e, z.im))
    return Pair(re, im)


def cosh(e: Emitter, z: Pair) -> Pair:
    """cosh z = cosh x cos y + i sinh x sin y."""
    im = real_sinh(e, z.re) * real_sin(e, z.im)
    im = e.select(e.eq(z.im, 0) | e.eq(z.re, 0), e.copysign(e.like(im, 0), im), im)
    return Pair(real_cosh(e, z.re) * real_cos(e, z.im), im)


def tanh(e: Emitter, z: Pair) -> Pair:
    """tanh z by Kahan's formula, which does not overflow."""
    most, size = 20.0, e.abs(z.re)
    far = size > most
    t, s = real_tan(e, z.im), real_sinh(e, e.select(far, e.like(size, most), size))
    secant = e.fma(t, t, 1)
    below = e.fma(secant * s, s, 1)
    re = secant * e.sqrt(e.fma(s, s, 1)) * s / below
    distant = real_sin(e, z.im) * real_cos(e, z.im) * 4 * real_exp(e, size * -2)
    im = e.select(far, e.select(_endless(e, size), e.like(size, 0), distant), t / below)
    re = e.copysign(e.select(far, e.like(size, 1), re), z.re)
    return Pair(re, e.select(e.eq(z.im, 0), z.im, im))


def sin(e: Emitter, z: Pair) -> Pair:
    """sin z = −i sinh iz."""
    found = sinh(e, Pair(-z.im, z.re))
    return Pair(found.im, -found.re)


def cos(e: Emitter, z: Pair) -> Pair:
    """cos z = cosh iz."""
    return cosh(e, Pair(-z.im, z.re))


def tan(e: Emitter, z: Pair) -> Pair:
    """tan z = −i tanh iz."""
    found = tanh(e, Pair(-z.im, z.re))
    return Pair(found.im, -found.re)


def pow(e: Emitter, z: Pair, w: Pair) -> Pair:
    """z^w = exp(w·log z); a product where w is an integer below 100, and 0^w = 0 for w with a positive real part.

    As there, an error of the exponent is one of the result, as many times larger as it is large.
    """
    form = FORMATS[z.re.dtype]
    whole = e.eq(w.im, 0) & e.eq(e.rint(w.re), w.re) & (e.abs(w.re) < 100)
    general = exp(e, w * log(e, z))
    count = e.cast(e.select(whole, e.abs(w.re), e.like(w.re, 0)), form.integer)
    product, square = e.like(z, 1), z
    for bit in range(7):
        taken = e.ne(count & (1 << bit), 0)
        product = e.select(taken, product * square, product)
        square = square * square if bit < 6 else square
    # A product that overflows has no inverse, and is not used where the number is finite itself.
    whole = whole & (_is_finite(e, product) | ~_is_finite(e, z))
    found = e.select(whole, e.select(w.re < 0, e.like(z, 1) / product, product), general)
    nothing, constant = e.eq(z.re, 0) & e.eq(z.im, 0), e.eq(w.re, 0) & e.eq(w.im, 0)
    at_zero = e.select(w.re > 0, e.like(w.re, 0), float("nan"))
    found = e.select(nothing, Pair(at_zero, at_zero), found)
    return e.select(constant, e.like(z, 1), found)


FUNCTIONS = {
    "pow": pow,
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "log2": scaled_log(1 / math.log(2)),
    "log10": scaled_log(1 / math.log(10)),
    "square_root": sqrt,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "tan": tan,
}
