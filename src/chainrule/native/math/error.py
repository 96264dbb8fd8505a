"""erf and its complement. Near 0 erf is a polynomial; far from it erfc x = e^(−x²)·p(t)/(1 + 2x), t = (x−3)/(x+3)."""

from __future__ import annotations

from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.math.coefficients import ERF, ERFCX, ERFCX_TO_THE_END, EXP
from chainrule.native.math.exponential import EXP_LIMITS, reduced, scaled
from chainrule.native.math.formats import Format, polynomial, product_of, real, split, sum_of
from chainrule.native.math.logarithm import log, log1p

HALF_ROOT = "0.70710678118654752440084436210484903928483593768847403658833986899536623923"
NEAR, FAR, MOST = 0.75, 3.0, 28.0


def _near(e: Emitter, form: Format, x: Value) -> Value:
    """erf x of |x| ≤ ¾."""
    return e.fma(x, polynomial(e, x * x, form.pick(ERF)), x)


def _far(e: Emitter, form: Format, x: Value, square: Value, low: Value, rest: Any = 0.0) -> Value:
    """erfc x of ¾ ≤ x ≤ 28, given x² in two parts, and what x lacks."""
    below, below_low = sum_of(e, x * 2, e.like(x, 1))
    below_low = below_low + rest * 2
    inverse = 1 / ((x + FAR) * below)
    t = (x - FAR) * below * inverse
    share = (x + FAR) * inverse
    share = e.fma(share, e.fma(-share, below_low, e.fma(-share, below, 1)), share)  # 1/(1 + 2x)
    factor = polynomial(e, t, form.pick(ERFCX)) * share
    return _of_square(e, form, square, low, factor)


def _of_square(e: Emitter, form: Format, square: Value, low: Value, factor: Value) -> Value:
    """factor · e^(−square − low)."""
    r, left, shifted = reduced(e, form, -square)
    power = (e.fma(r * r, polynomial(e, r, form.pick(EXP)), left) + r) + 1
    power = e.fma(power, -low, power)
    # The factor first, so that what is subnormal in the end is rounded once. It is no smaller than 1/64.
    return scaled(e, form, power * factor * 64, shifted, -square, EXP_LIMITS) * (1 / 64)


def _limited(e: Emitter, x: Value) -> Value:
    size = e.abs(x)
    size = e.select(size > MOST, e.like(x, MOST), size)
    return e.select(size < NEAR, e.like(x, NEAR), size)


@real
def erf(e: Emitter, form: Format, x: Value) -> Value:
    """erf x within 2 ulp."""
    size = _limited(e, x)
    far = 1 - _far(e, form, size, *product_of(e, size, size))
    return e.select(e.abs(x) < NEAR, _near(e, form, x), e.copysign(far, x))


@real
def erfc(e: Emitter, form: Format, x: Value) -> Value:
    """1 − erf x within 4 ulp, also where it is small."""
    size = _limited(e, x)
    far = _far(e, form, size, *product_of(e, size, size))
    return e.select(e.abs(x) < NEAR, 1 - _near(e, form, x), e.select(x < 0, 2 - far, far))


@real
def ndtr(e: Emitter, form: Format, x: Value) -> Value:
    """½ erfc(−x/√2), the distribution function of the normal distribution, within 4 ulp."""
    near, size = e.abs(x) * 0.5**0.5, e.abs(x)
    size = e.select(size > 39, e.like(x, 39), size)
    size = e.select(near < NEAR, e.like(x, NEAR * 2**0.5), size)
    square, low = product_of(e, size, size)
    half_root, half_root_low = split(HALF_ROOT, form, 2)
    x_far = e.rounded("mul", size, half_root)
    rest = e.fma(size, half_root_low, e.fma(size, half_root, -x_far))
    far = _far(e, form, x_far, square * 0.5, low * 0.5, rest) * 0.5
    middle = e.fma(_near(e, form, x * 0.5**0.5), 0.5, 0.5)
    return e.select(near < NEAR, middle, e.select(x < 0, far, 1 - far))


def _scaled_far(e: Emitter, form: Format, x: Value) -> Value:
    """e^(x²) erfc x of x ≥ ¾."""
    bounded = e.select(x < 2.0**60, x, 2.0**60)
    t = (bounded - FAR) / (bounded + FAR)
    return polynomial(e, t, form.pick(ERFCX_TO_THE_END)) * (0.5 / (x + 0.5))


@real
def erfcx(e: Emitter, form: Format, x: Value) -> Value:
    """e^(x²) erfc x within 4 ulp."""
    size = e.abs(x)
    far = _scaled_far(e, form, e.select(size < NEAR, e.like(x, NEAR), size))
    bounded = e.select(size > MOST, e.like(x, MOST), size)
    square, low = product_of(e, bounded, bounded)
    r, left, shifted = reduced(e, form, square)
    power = (e.fma(r * r, polynomial(e, r, form.pick(EXP)), left) + r) + 1
    power = scaled(e, form, e.fma(power, low, power), shifted, square, EXP_LIMITS)
    y = e.select(size < NEAR, power * (1 - _near(e, form, x)), e.select(x < 0, power * 2 - far, far))
    return e.select(e.isnan(x), x, y)


@real
def log_ndtr(e: Emitter, form: Format, x: Value) -> Value:
    """log ndtr x within 5 ulp, also where ndtr x is 0."""
    size = e.abs(x)
    tail = ndtr(e, -size)
    low = x < -1
    scaled_tail = _scaled_far(e, form, e.select(low, size * 0.5**0.5, 1.0)) * 0.5
    left = log(e, e.select(low, scaled_tail, tail)) - e.select(low, e.rounded("mul", x * 0.5, x), 0.0)
    return e.select(x < 0, left, log1p(e, -tail))
