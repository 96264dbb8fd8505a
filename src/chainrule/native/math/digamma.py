"""ψ, the derivative of log Γ, and ψ′. Far from 0 they are their expansions (DLMF 5.11.2 and its derivative).

Near 0, ψ is (z − x₀)·p(z)/z of a z between 1 and 2, where x₀ is its zero, and a sum of reciprocals (5.5.2), added up
as one fraction; ψ′ is a sum of squares of reciprocals and the expansion 6 further. On the left both are reflected
(5.5.4), where any lane is there.
"""

from __future__ import annotations

import math

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import Value
from chainrule.native.math.coefficients import DIGAMMA, DIGAMMA_FAR, TRIGAMMA_FAR
from chainrule.native.math.formats import Format, anchored, polynomial, real, split
from chainrule.native.math.gamma import sine_of_pi, to_integer
from chainrule.native.math.logarithm import log

INFINITY, NAN = float("inf"), float("nan")
ZERO = "1.46163214496836234126265954232572132846819620400644629512958840859878644035"
FAR = 6.0


@real
def digamma(e: Emitter, form: Format, x: Value) -> Value:
    """ψ(x) within 4 ulp; on the left within 4 ulp of |ψ(−x)| + |π cot πx|."""
    size = e.abs(x)
    right, near = _digamma(e, form, size)
    place = e.variable(form.dtype, x.lanes)
    e.set(place, right)
    left = x < 0
    with e.when(e.across("or", left), rare=True):
        r = to_integer(e, size)
        cotangent = sine_of_pi(e, form, 0.5 - e.abs(r)) / sine_of_pi(e, form, r)
        # ψ(−y) = ψ(1 + y) + π·cot πy
        y = e.fma(cotangent, math.pi, e.select(size < 1, near, right + 1 / size))
        y = e.select(size < 2.0 ** (-form.digits - 8), 1 / size, y)
        y = e.select(e.eq(r, 0), e.like(x, NAN), y)
        e.set(place, e.select(left, y, right))
    return e.select(e.eq(x, 0), e.copysign(e.like(x, INFINITY), -x), e.get(place))


def _digamma(e: Emitter, form: Format, x: Value) -> tuple[Value, Value]:
    """ψ(x) of x > 0, and ψ(x + 1) of x < 1."""
    far = x >= FAR
    y = e.select(far, e.like(x, 1), x)
    m = e.floor(y) - 1
    small = m < 0
    z = y - m
    zero, zero_low = split(ZERO, form, 2)
    # z itself may have been rounded, but not where ψ is small.
    apart = (e.select(small, y, z) - e.select(small, e.like(x, zero - 1), zero)) - zero_low
    # (z − x₀)·p(z)/z + 1/z + 1/(z + 1) + …, or less 1/x of x < 1
    wave = anchored(e, z - 1.5, form.pick(DIGAMMA))
    above, below = e.fma(apart, wave, e.select(m > 0, e.like(x, 1), 0.0)), z
    for i in range(1, 4):
        more = m > i
        factor, share = e.select(more, y - i, 1.0), e.select(more, below, 0.0)
        if i == 1:
            factor, share = e.select(small, y, factor), e.select(small, -below, share)
        above, below = e.fma(above, factor, share), below * factor
    quotient = e.select(far, e.like(x, 1), above) / e.select(far, x, below)
    square = quotient * quotient
    tail = e.fma(square, polynomial(e, square, form.pick(DIGAMMA_FAR)), quotient * 0.5)
    return e.select(far, log(e, x) - tail, quotient), apart * wave / z


@real
def trigamma(e: Emitter, form: Format, x: Value) -> Value:
    """ψ′(x) within 4 ulp."""
    size = e.abs(x)
    far = size >= FAR
    y = e.select(far, e.like(x, 1), size)
    inverse = 1 / e.select(far, size, y + FAR)
    square = inverse * inverse
    tail = e.fma(inverse * square, polynomial(e, square, form.pick(TRIGAMMA_FAR)), e.fma(square, 0.5, inverse))
    # Σ 1/(y + i)² for i = 1 … 5
    below = (y + 1) * (y + 1)
    above = e.wide(e.like(x, 1), x.lanes)
    for i in range(2, 6):
        factor = (y + i) * (y + i)
        above, below = e.fma(above, factor, below), below * factor
    first = 1 / y
    # ψ′(x + 1) of the near, ψ′(x) of the far
    rest = e.select(far, tail, above / below + tail)
    right = e.select(far, tail, e.fma(first, first, rest))
    place = e.variable(form.dtype, x.lanes)
    e.set(place, right)
    left = x < 0
    with e.when(e.across("or", left), rare=True):
        r = e.abs(to_integer(e, size))
        wave = 1 / sine_of_pi(e, form, r)
        mirrored = e.fma(wave, wave, e.select(far, square, 0.0) - rest)
        mirrored = e.select(e.eq(r, 0) | e.eq(size, INFINITY), e.like(x, INFINITY), mirrored)
        e.set(place, e.select(left, mirrored, right))
    return e.get(place)


@real
def polygamma(e: Emitter, _form: Format, n: Value, x: Value) -> Value:
    """ψ⁽ⁿ⁾(x) of the constants n = 0 and n = 1."""
    orders = {0: digamma, 1: trigamma}
    order = None if n.constant is None else orders.get(n.constant.item())
    if order is None:
        raise Unstated("polygamma")
    return order(e, x)
