"""Products with logarithms, logits, the losses of robust statistics, and small quotients of sines."""

from __future__ import annotations

import math

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.math.formats import Format, real
from chainrule.native.math.logarithm import log, log1p
from chainrule.native.math.powers import hypot
from chainrule.native.math.trigonometric import sin

INFINITY = float("inf")


@real
def xlogy(e: Emitter, _form: Format, x: Value, y: Value) -> Value:
    """x log y, 0 where x is 0."""
    return e.select(e.eq(x, 0) & ~e.isnan(y), e.like(x, 0), x * log(e, y))


@real
def xlog1py(e: Emitter, _form: Format, x: Value, y: Value) -> Value:
    """x log(1 + y), 0 where x is 0."""
    return e.select(e.eq(x, 0) & ~e.isnan(y), e.like(x, 0), x * log1p(e, y))


@real
def entr(e: Emitter, _form: Format, x: Value) -> Value:
    """−x log x, 0 at 0, −∞ below."""
    y = e.select(e.eq(x, 0), e.like(x, 0), -x * log(e, x))
    return e.select(x < 0, e.like(x, -INFINITY), y)


@real
def logit(e: Emitter, _form: Format, x: Value) -> Value:
    """log(x/(1 − x)), near ½ by the distance from there."""
    s = (x - 0.5) * 2
    middle = (x > 0.3) & (x < 0.65)
    return e.select(middle, log1p(e, s) - log1p(e, -s), log(e, x / (1 - x)))


@real
def huber(e: Emitter, _form: Format, delta: Value, r: Value) -> Value:
    """½r² where |r| ≤ δ, else δ(|r| − ½δ); ∞ for δ < 0."""
    size = e.abs(r)
    y = e.select(size <= delta, r * 0.5 * r, delta * (size - delta * 0.5))
    return e.select(delta < 0, e.like(r, INFINITY), y)


@real
def pseudo_huber(e: Emitter, _form: Format, delta: Value, r: Value) -> Value:
    """δ²(√(1 + (r/δ)²) − 1), 0 where either is 0; ∞ for δ < 0."""
    # δ²(√(1 + v²) − 1) = r²/(1 + √(1 + v²)) of v = r/δ, which is |r|δ of a large v.
    length = hypot(e, r / delta, e.wide(e.like(r, 1), r.lanes)) + 1
    y = e.abs(r) * e.select(length < INFINITY, e.abs(r) / length, delta)
    y = e.select(e.eq(delta, INFINITY), e.like(r, float("nan")), y)
    y = e.select(e.eq(delta, 0) | e.eq(r, 0), e.like(r, 0), y)
    return e.select(delta < 0, e.like(r, INFINITY), y)


@real
def cosm1(e: Emitter, _form: Format, x: Value) -> Value:
    """cos x − 1 = −2 sin²(x/2)."""
    half = sin(e, x * 0.5)
    return half * half * -2


@real
def sinc(e: Emitter, _form: Format, x: Value) -> Value:
    """sin πx/(πx)."""
    angle = e.select(e.eq(x, 0), e.like(x, 1e-20), x) * math.pi
    return sin(e, angle) / angle
