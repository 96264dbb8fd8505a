"""The gamma function, its reciprocal and its logarithm.

Near 0 they are polynomials around 2 and products: Γ(x) = Γ(2 + t)·(x − 1)(x − 2)… or Γ(2 + t)/(x(x + 1)…), of which all
factors but one are exact. Far from it they are Stirling's formula (DLMF 5.11.1), and on the left reflected (5.5.3).
What is far of Γ, and what is on the left of log |Γ|, is computed where any lane asks for it.
"""

from __future__ import annotations

from fractions import Fraction

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import F64, Value
from chainrule.native.math.coefficients import EXP, LOG_GAMMA, RECIPROCAL_GAMMA, SINE_OF_PI, STIRLING
from chainrule.native.math.exponential import EXP_LIMITS, reduced, scaled
from chainrule.native.math.formats import FORMATS, LOG_2, Format, anchored, polynomial, product_of, real, split, sum_of
from chainrule.native.math.logarithm import log, mantissa, normal, parts
from chainrule.native.math.powers import precise_log

INFINITY, NAN = float("inf"), float("nan")
HALF_LOG_TAU = "0.91893853320467274178032973640561763986139747363778341281715154048276569593"
EULER = 0.5772156649015329  # −ψ(1)
FAR = 4.375  # where Stirling's formula begins for log Γ
LIMIT = 190.0  # where Γ has overflown, and 1/Γ is 0 also after 1/(x sin πx) was a factor


def sine_of_pi(e: Emitter, form: Format, r: Value) -> Value:
    """sin(πr)/π of |r| ≤ ½."""
    square = r * r
    return e.fma(r * square, polynomial(e, square, form.pick(SINE_OF_PI)), r)


def to_integer(e: Emitter, x: Value) -> Value:
    """x less the integer nearest to it; NaN for an infinite x."""
    return x - e.rint(x)


# ---------------------------------------------------------------------------------------------- logarithm


@real
def lgamma(e: Emitter, form: Format, x: Value) -> Value:
    """log |Γ(x)| within 4 ulp; on the left within 4 ulp of the larger of |log |Γ(x)||, log |Γ(−x)| and 1."""
    size = e.abs(x)
    right = _lgamma(e, form, size)
    place = e.variable(form.dtype, x.lanes)
    e.set(place, right)
    left = x < 0
    with e.when(e.across("or", left), rare=True):
        r = e.abs(to_integer(e, size))
        # |Γ(−y)| = π/(y·|sin πy|·Γ(y)), which of a small y is Γ(y).
        y = -(log(e, size * sine_of_pi(e, form, r)) + right)
        y = e.select(size < 2.0 ** (-form.digits - 8), right, y)
        y = e.select(e.eq(r, 0), e.like(x, INFINITY), y)
        # As SciPy has it.
        y = e.select(size < INFINITY, y, x)
        e.set(place, e.select(left, y, right))
    return e.get(place)


def _lgamma(e: Emitter, form: Format, x: Value) -> Value:
    """log Γ(x) of x ≥ 0."""
    far = x >= FAR
    y = e.select(far, e.like(x, 2), x)
    n = e.floor(y + 0.6)
    t = y - n
    # log Γ(x) = log Γ(2 + t) + log (x − 1)(x − 2), or − log x(x + 1): one logarithm for all, that of a large x too.
    product = e.select(n < 2, y, 1.0) * e.select(n < 1, y + 1, 1.0)
    for i in (1, 2):
        product = product * e.select(n > i + 1, y - i, 1.0)
    sign = e.select(n < 2, e.like(x, -1), 1.0)
    lifted, shift = normal(e, form, e.select(far, x, product))
    k, f = mantissa(e, form, lifted)
    k = k - shift
    # The first part of log 2 has few digits, so that its product with k is exact.
    short = 2.0 ** (form.digits - 12)
    high = round(float(LOG_2) * short) / short
    rest = parts(e, form, f) - k * float(Fraction(LOG_2) - Fraction(high))
    # Near 1, where log Γ is 0, log x begins with t, so that there is a slope of (1 − γ) − 1 in t: nothing is lost.
    one = e.eq(n, 1) & e.eq(k, 0)
    first, *others = form.pick(LOG_GAMMA)
    slope, main = e.select(one, e.like(x, -EULER), first), e.select(one, e.like(x, 0), sign * e.fma(k, high, f))
    head = e.fma(t, slope, main)
    lost = e.fma(t, slope, e.rounded("sub", main, head))
    near = head + e.fma(t * t, polynomial(e, t, others), lost - sign * rest)
    # (x − ½)(log x − 1) + (½·log 2π − ½) + s/x
    less, error = sum_of(e, k * high - 1, f - rest)
    inverse = 1 / x
    tail = e.fma(inverse, polynomial(e, inverse * inverse, form.pick(STIRLING)), float(HALF_LOG_TAU) - 0.5)
    large = e.fma(x - 0.5, less, e.fma(x - 0.5, error, tail))
    found = e.select(far, large, near)
    found = e.select(x < INFINITY, found, x)
    return e.select(e.eq(x, 0), e.like(x, INFINITY), found)


@real
def loggamma(e: Emitter, _form: Format, x: Value) -> Value:
    """log Γ(x), as good as ``lgamma``; NaN on the left, where it is complex."""
    return e.select(x < 0, e.like(x, NAN), lgamma(e, x))


@real
def gammasgn(e: Emitter, _form: Format, x: Value) -> Value:
    """The sign of Γ(x), of a 0 that of the 0; NaN at the poles."""
    floor = e.floor(x)
    half = floor * 0.5
    sign = e.select(e.ne(e.floor(half), half), e.like(x, -1), 1.0)
    sign = e.select(e.eq(floor, x) | e.eq(x, -INFINITY), e.like(x, NAN), sign)
    sign = e.select(x < 0, sign, e.copysign(e.like(x, 1), x))
    return e.select(e.isnan(x), x, sign)


# ------------------------------------------------------------------------------------- gamma and reciprocal


def _near(e: Emitter, form: Format, x: Value) -> tuple[Value, Value, Value, Value, Value]:
    """p, q and up with Γ(x) = p/q where up, else 1/(p·q); whether that holds; and how far x is from an integer."""
    inside = e.abs(e.rint(x) - 2) <= 6
    y = e.select(inside, x, e.like(x, 2))
    n = e.rint(y)
    t = y - n
    reciprocal = anchored(e, t, form.pick(RECIPROCAL_GAMMA))
    up, count = n > 2, e.abs(n - 2)
    factor, step = e.select(up, y - 1, y), e.select(up, e.like(x, -1), 1.0)
    product, rest = e.select(count > 0, factor, 1.0), e.like(x, 0)
    for i in range(1, 6):
        factor = factor + step
        share = e.select(count > i, factor, 1.0)
        product, error = product_of(e, product, share)
        rest = e.fma(rest, share, error)
    return e.select(e.eq(x, 0), x, product + rest), reciprocal, up, inside, t


@real
def gamma(e: Emitter, form: Format, x: Value) -> Value:
    """Γ(x) within 4 ulp."""
    product, reciprocal, up, inside, t = _near(e, form, x)
    near = e.select(up, product, 1.0) / e.select(up, reciprocal, reciprocal * product)
    near = e.select((x < 0) & e.eq(t, 0), e.like(x, NAN), near)
    return _or_far(e, form, x, near, inside, False)


@real
def rgamma(e: Emitter, form: Format, x: Value) -> Value:
    """1/Γ(x) within 4 ulp."""
    product, reciprocal, up, inside, t = _near(e, form, x)
    near = e.select(up, reciprocal, reciprocal * product) / e.select(up, product, 1.0)
    near = e.select((x < 0) & e.eq(t, 0), e.like(x, 0), near)
    return _or_far(e, form, x, near, inside, True)


def _or_far(e: Emitter, form: Format, x: Value, near: Value, inside: Value, inverse: bool) -> Value:
    """Γ or 1/Γ: near, where x is inside, else by Stirling's formula, in double precision."""
    place = e.variable(form.dtype, x.lanes)
    e.set(place, near)
    with e.when(e.across("or", ~inside), rare=True):
        far = e.cast(_far(e, FORMATS[F64], e.cast(x, F64), inverse), form.dtype)
        e.set(place, e.select(inside, near, far))
    return e.get(place)


def _far(e: Emitter, form: Format, x: Value, inverse: bool) -> Value:
    """Γ or 1/Γ of |x| > 4."""
    size = e.abs(x)
    size = e.select(size < LIMIT, size, e.like(x, LIMIT))
    # (size − ½)·log size − size + ½·log 2π + s/size, in two parts
    log_high, log_low = precise_log(e, form, size)
    share = size - 0.5
    high = e.rounded("mul", share, log_high)
    low = e.fma(share, log_low, e.fma(share, log_high, -high))
    high, error = sum_of(e, high, -size)
    constant, constant_low = split(HALF_LOG_TAU, form, 2)
    high, more = sum_of(e, high, e.like(x, constant))
    part = 1 / size
    high, most = sum_of(e, high, part * polynomial(e, part * part, form.pick(STIRLING)))
    low = low + (error + more + most + constant_low)
    # Γ(−y) = −π/(y·sin πy·Γ(y))
    left = x < 0
    r = to_integer(e, x)
    other = size * e.abs(sine_of_pi(e, form, r))
    half = e.rint(x) * 0.5
    odd = e.ne(e.rint(half), half)
    other = e.select(odd ^ (r < 0), -other, other)
    factor = e.select(left, other if inverse else 1 / other, 1.0)
    down = ~left if inverse else left
    high, low = e.select(down, -high, high), e.select(down, -low, low)
    y = _power(e, form, high, low, factor, down)
    if inverse:
        y = e.select(x >= LIMIT, e.like(x, 0), y)
        none, at_pole = e.eq(x, -INFINITY), 0.0
    else:
        y = e.select(x >= LIMIT, e.like(x, INFINITY), y)
        none, at_pole = e.eq(x, -INFINITY), NAN
    y = e.select(left & (e.eq(r, 0) | none), e.like(x, at_pole), y)
    return e.select(e.isnan(x), x, y)


def _power(e: Emitter, form: Format, high: Value, low: Value, factor: Value, down: Value) -> Value:
    """factor·e^(high + low), rounded once where that is subnormal, and finite where e^high alone is not."""
    r, left, shifted = reduced(e, form, high)
    y = (e.fma(r * r, polynomial(e, r, form.pick(EXP)), left) + r) + 1
    # The factor first, with a power of 2 with which the product is neither subnormal nor too large.
    y = e.fma(y, low, y) * (factor * e.select(down, e.like(high, 2.0**8), 1.0))
    lift: Value = e.select(down, e.like(high, 0), -192.0)
    scale = e.select(down, e.like(high, 2.0**-8), 2.0**192)
    y = scaled(e, form, y, shifted + lift, e.fma(lift, float(LOG_2), high), EXP_LIMITS) * scale
    return e.copysign(y, factor)  # also where it is 0
