"""Angles of sines, cosines and tangents."""

from __future__ import annotations

import math

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.math.coefficients import ASIN, ATAN
from chainrule.native.math.formats import HALF_PI, Format, polynomial, real, split

INFINITY = float("inf")


def _chord(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value]:
    """s and p with asin |x| = s + p, or, where |x| > ½ (third), π/2 − 2(s + p): half the angle to the pole."""
    size = e.abs(x)
    steep = size > 0.5
    z = e.select(steep, (1 - size) * 0.5, size * size)
    s = e.select(steep, e.sqrt(z), size)
    return s, s * z * polynomial(e, z, form.pick(ASIN)), steep


@real
def asin(e: Emitter, form: Format, x: Value) -> Value:
    """asin x within 2 ulp."""
    high, low = split(HALF_PI, form, 2)
    s, p, steep = _chord(e, form, x)
    return e.copysign(e.select(steep, high - (s * 2 - (low - p * 2)), s + p), x)


@real
def acos(e: Emitter, form: Format, x: Value) -> Value:
    """acos x within 2 ulp."""
    high, low = split(HALF_PI, form, 2)
    s, p, steep = _chord(e, form, x)
    flat = high - (e.copysign(s, x) - (low - e.copysign(p, x)))
    near = (s + p) * 2
    return e.select(steep, e.select(x < 0, 2 * high - (s * 2 - (2 * low - p * 2)), near), flat)


def _angle(e: Emitter, form: Format, y: Value, x: Value) -> tuple[Value, Value]:
    """The angle in [0, π/2] of a point with y, x ≥ 0, as a sum of two."""
    flat, steep = y <= x * math.tan(math.pi / 8), y > x * math.tan(3 * math.pi / 8)
    above = e.select(flat, y, e.select(steep, -x, y - x))
    below = e.select(flat, x, e.select(steep, y, y + x))
    t = above / below
    z = t * t
    high, low = split(HALF_PI, form, 2)
    base = e.select(flat, e.like(y, 0), e.select(steep, e.like(y, high), high / 2))
    rest = e.select(flat, e.like(y, 0), e.select(steep, e.like(y, low), low / 2))
    return base, e.fma(t * z, polynomial(e, z, form.pick(ATAN)), rest) + t


@real
def atan(e: Emitter, form: Format, x: Value) -> Value:
    """atan x within 2 ulp."""
    base, rest = _angle(e, form, e.abs(x), e.wide(e.like(x, 1), x.lanes))
    return e.copysign(base + rest, x)


@real
def atan2(e: Emitter, form: Format, y: Value, x: Value) -> Value:
    """The angle of the point (x, y) within 3 ulp."""
    across, up = e.abs(x), e.abs(y)
    endless = e.eq(across, INFINITY) & e.eq(up, INFINITY)
    huge = (across > 2.0 ** (form.bias - 2)) | (up > 2.0 ** (form.bias - 2))
    scale = e.select(huge, e.like(x, 0.25), 1.0)
    origin = e.eq(across, 0) & e.eq(up, 0)
    across = e.select(endless | origin, e.like(x, 1), across * scale)
    up = e.select(endless, e.like(x, 1), up * scale)
    base, rest = _angle(e, form, up, across)
    high, low = split(HALF_PI, form, 2)
    back = (2 * high - base) - (rest - 2 * low)
    behind = e.bitcast(x, form.integer) >> (form.width - 1)
    return e.copysign(e.select(e.ne(behind, 0), back, base + rest), y)
