"""Inverse hyperbolic and trigonometric functions of complex numbers, of those of their parts, with their branch cuts.

T. E. Hull, T. F. Fairgrieve and P. T. P. Tang, Implementing the complex arcsine and arccosine functions using
exception handling, ACM Trans. Math. Softw. 23 (1997) 299; with the bounds that FreeBSD's libm uses. Errors are some
units in the last place of the whole number. A sign of zero says on which side of a cut a number is.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Pair, Value
from chainrule.native.math.complexes import log
from chainrule.native.math.inverse import acos as real_acos
from chainrule.native.math.inverse import asin as real_asin
from chainrule.native.math.inverse import atan2
from chainrule.native.math.logarithm import log as real_log
from chainrule.native.math.logarithm import log1p
from chainrule.native.math.powers import hypot

CROSSOVER, USABLE = 10.0, 0.6417  # the bounds of the paper


def _eps(x: Value) -> float:
    return float(np.finfo(x.dtype).eps)


def _excess(e: Emitter, a: Value, b: Value, length: Value) -> Value:
    """(√(a² + b²) − b) / 2 without cancellation; ``length`` is that root."""
    below, total = b < 0, length + b
    return e.select(below, (length - b) * 0.5, a * (a / e.select(below | e.eq(total, 0), e.like(b, 1), total)) * 0.5)


class _Ellipse:
    """Where x + iy, of which both are at least 0, is on an ellipse with the foci ±i, whose longer half axis is A."""

    def __init__(self, e: Emitter, x: Value, y: Value):
        eps = _eps(x)
        self.e, self.x, self.y = e, x, y
        # From the segment between the foci, the line beyond them, and the foci themselves.
        self.away = (x >= e.abs(y - 1) * eps) & ~(e.eq(y, 1) & (x < eps * eps / 128))
        self.above, self.below = hypot(e, x, y + 1), hypot(e, x, y - 1)
        a = (self.above + self.below) * 0.5
        self.a = e.select(a < 1, e.like(a, 1), a)

    def real(self) -> Value:
        """log(A + √(A² − 1))."""
        e, x, y, a = self.e, self.x, self.y, self.a
        more = _excess(e, x, y + 1, self.above) + _excess(e, x, 1 - y, self.below)
        near = log1p(e, more + e.sqrt(more * (a + 1)))
        flat = x / e.sqrt(e.abs((1 - y) * (1 + y)))
        beyond = log1p(e, (y - 1) + e.sqrt(e.abs((y - 1) * (y + 1))))
        on = e.select(y < 1, flat, e.select(y > 1, beyond, e.sqrt(x)))
        return e.select(a < CROSSOVER, e.select(self.away, near, on), real_log(e, a + e.sqrt(a * a - 1)))

    def sides(self) -> tuple[Value, Value]:
        """Numbers in the proportion of y and √(A² − y²)."""
        e, x, y, a = self.e, self.x, self.y, self.a
        less = _excess(e, x, y + 1, self.above) + _excess(e, x, y - 1, self.below)
        usual = e.sqrt(less * (a + y))
        root = e.sqrt(e.abs((y + 1) * (y - 1)))
        lift = 4 / _eps(x) / _eps(x)
        beyond = y > 1
        side = e.select(beyond, x * lift * y / root, e.select(y < 1, root, e.sqrt(x) * e.sqrt((a + y) * 0.5)))
        lifted = ~self.away & beyond
        return e.select(lifted, y * lift, y), e.select(self.away, usual, side)


def _bounds(e: Emitter, z: Pair) -> tuple[Value, Value, Value, Value]:
    """|x|, |y|, whether one of them is so large, or both so small, that a formula does."""
    x, y, eps = e.abs(z.re), e.abs(z.im), _eps(z.re)
    large = (x > 1 / eps) | (y > 1 / eps)
    small = (x < math.sqrt(6 * eps) / 4) & (y < math.sqrt(6 * eps) / 4)
    return x, y, large, small


def asinh(e: Emitter, z: Pair) -> Pair:
    x, y, large, small = _bounds(e, z)
    far = log(e, Pair(x, y))
    usual = ~(large | small)
    found = _Ellipse(e, e.select(usual, x, e.like(x, 0.5)), e.select(usual, y, e.like(y, 0.5)))
    sine, (up, across) = found.y / found.a, found.sides()
    angle = e.select(
        sine <= USABLE, real_asin(e, e.select(sine <= USABLE, sine, e.like(sine, 0))), atan2(e, up, across)
    )
    re = e.select(large, far.re + math.log(2), e.select(small, x, found.real()))
    im = e.select(large, far.im, e.select(small, y, angle))
    return _with_nan(e, z, Pair(e.copysign(re, z.re), e.copysign(im, z.im)))


def _with_nan(e: Emitter, z: Pair, found: Pair) -> Pair:
    """NaN in a part is NaN in both, but where the other part is infinite."""
    nan = (e.isnan(z.re) | e.isnan(z.im)) & ~e.eq(e.abs(z.re), math.inf) & ~e.eq(e.abs(z.im), math.inf)
    missing = z.re + z.im
    return Pair(e.select(nan, missing, found.re), e.select(nan, missing, found.im))


def asin(e: Emitter, z: Pair) -> Pair:
    found = asinh(e, Pair(z.im, z.re))
    return Pair(found.im, found.re)


def acos(e: Emitter, z: Pair) -> Pair:
    x, y, large, small = _bounds(e, z)
    far = log(e, Pair(x, y))
    usual = ~(large | small)
    found = _Ellipse(e, e.select(usual, y, e.like(y, 0.5)), e.select(usual, x, e.like(x, 0.5)))
    sine, (along, across) = found.y / found.a, found.sides()
    near = real_acos(e, e.copysign(e.select(sine <= USABLE, sine, e.like(sine, 0)), z.re))
    angle = e.select(sine <= USABLE, near, atan2(e, across, e.copysign(along, z.re)))
    one = e.eq(z.re, 1) & e.eq(y, 0)
    re = e.select(large, atan2(e, y, z.re), e.select(small, math.pi / 2 - z.re, e.select(one, e.like(x, 0), angle)))
    im = e.select(large, far.re + math.log(2), e.select(small | one, y, found.real()))
    return _with_nan(e, z, Pair(re, e.copysign(im, e.select(_negative(e, z.im), e.like(im, 1), -1.0))))


def _negative(e: Emitter, x: Value) -> Value:
    """Whether the sign is −, of zeros too."""
    return e.copysign(e.like(x, 1), x) < 0


def acosh(e: Emitter, z: Pair) -> Pair:
    found = acos(e, z)
    return Pair(e.abs(found.im), e.copysign(found.re, z.im))


def atanh(e: Emitter, z: Pair) -> Pair:
    x, y, eps = e.abs(z.re), e.abs(z.im), _eps(z.re)
    large = (x > 1 / eps) | (y > 1 / eps)
    small = (x < math.sqrt(3 * eps) / 2) & (y < math.sqrt(3 * eps) / 2)
    usual = ~(large | small)
    a, b = e.select(usual, x, e.like(x, 0.5)), e.select(usual, y, e.like(y, 0.5))
    flat, pole = b < eps, e.eq(a, 1)
    squares = (a - 1) * (a - 1) + e.select(b < math.sqrt(np.finfo(z.re.dtype).tiny), e.like(b, 0), b * b)
    near = (math.log(2) - real_log(e, b)) * 0.5
    re = e.select(pole & flat, near, log1p(e, a * 4 / squares) * 0.25)
    level = (1 - a) * (1 + a)
    angle = atan2(e, b * 2, e.select(flat, level, level - b * b))
    im = e.select(pole, atan2(e, e.wide(e.like(b, 2), b.lanes), -b), angle) * 0.5
    length = hypot(e, x * 0.25, y * 0.25)
    distant = e.select(e.eq(length, math.inf), e.like(x, 0), x * 0.25 / length * 0.25 / length)
    re = e.select(large, distant, e.select(small | e.eq(x, 0), x, re))
    im = e.select(large & ~e.isnan(y), e.like(y, math.pi / 2), e.select(large | small, y, im))
    real_line = e.eq(y, 0) & (x <= 1)
    found = Pair(e.copysign(re, z.re), e.copysign(e.select(real_line, e.like(y, 0), im), z.im))
    return _with_nan(e, z, found)


def atan(e: Emitter, z: Pair) -> Pair:
    found = atanh(e, Pair(z.im, z.re))
    return Pair(found.im, found.re)


FUNCTIONS = {"asinh": asinh, "acosh": acosh, "atanh": atanh, "asin": asin, "acos": acos, "atan": atan}
