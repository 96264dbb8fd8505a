"""log x and what is made of it. x = 2ᵏ·m with √½ ≤ m < √2; log m = 2 artanh s of s = (m − 1)/(m + 1), a polynomial."""

from __future__ import annotations

import struct

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.math.coefficients import LOG
from chainrule.native.math.exponential import exp
from chainrule.native.math.formats import LOG_2, Format, polynomial, real, split, sum_of

INFINITY, NAN = float("inf"), float("nan")
LOG_2_E = "1.44269504088896340735992468100189213742664595415298593413544940693110921918"
LOG_10_E = "0.43429448190325182765112891891660508229439700580366656611445378316586464920"
LOG_10_2 = "0.30102999566398119521373889472449302676818988146210854131042746112710818927"


def root_of_half(form: Format) -> int:
    """The bits of √½."""
    code, integer = ("<f", "<I") if form.single else ("<d", "<Q")
    return struct.unpack(integer, struct.pack(code, 0.5**0.5))[0]


def mantissa(e: Emitter, form: Format, x: Value, low: Value | None = None) -> tuple[Value, Value]:
    """k and m − 1 of a positive normal x, or of x + low."""
    bits = e.bitcast(x, form.integer)
    moved = bits + (form.one - root_of_half(form))
    exponent = moved >> form.digits
    anchor = (form.bias + form.digits) << form.digits  # the bits of 2ᵈⁱᵍⁱᵗˢ: an integer in its last bits is added to it
    k = e.bitcast(exponent | anchor, form.dtype) - (2.0**form.digits + form.bias)
    part = e.bitcast(bits - (exponent << form.digits) + form.one, form.dtype) - 1
    if low is not None:
        inverse = e.bitcast((2 * form.bias << form.digits) - (exponent << form.digits), form.dtype)  # 2⁻ᵏ
        part = e.fma(low, e.select(x < 4 * 2.0**form.digits, inverse, 0.0), part)
    return k, part


def parts(e: Emitter, form: Format, part: Value) -> Value:
    """w with log(1 + f) = f − w."""
    s = part / (part + 2)
    z = s * s
    half_square = part * part * 0.5
    return half_square - s * e.fma(z, polynomial(e, z, form.pick(LOG)), half_square)


def normal(e: Emitter, form: Format, x: Value) -> tuple[Value, Value]:
    """x made normal, if it is positive, and by which power of 2."""
    shift = form.digits + 2
    small = x < form.tiny
    return x * e.select(small, e.like(x, 2.0**shift), 1.0), e.select(small, e.like(x, float(shift)), 0.0)


def ends(e: Emitter, x: Value, y: Value) -> Value:
    """y, or the logarithm of what is not positive and finite."""
    y = e.select(x < INFINITY, y, x)
    return e.select(x <= 0, e.select(e.eq(x, 0), e.like(x, -INFINITY), NAN), y)


@real
def log(e: Emitter, form: Format, x: Value) -> Value:
    """log x within 1 ulp."""
    high, low = split(LOG_2, form, 2)
    scaled, shift = normal(e, form, x)
    k, f = mantissa(e, form, scaled)
    k = k - shift
    w = parts(e, form, f)
    return ends(e, x, e.fma(k, high, f - e.fma(k, -low, w)))


def _to_base(e: Emitter, form: Format, x: Value, unit: str, digit: str) -> Value:
    """k·digit + log(m)·unit in two parts."""
    scaled, shift = normal(e, form, x)
    k, f = mantissa(e, form, scaled)
    k = k - shift
    w = parts(e, form, f)
    log_m = e.rounded("sub", f, w)
    rest = e.rounded("sub", e.rounded("sub", f, log_m), w)
    unit_high, unit_low = split(unit, form, 2)
    high = e.rounded("mul", log_m, unit_high)
    low = e.fma(log_m, unit_high, -high) + e.fma(log_m, unit_low, rest * unit_high)
    digit_high, digit_low = split(digit, form, 2)
    whole = e.rounded("mul", k, digit_high)
    low = low + e.fma(k, digit_low, e.fma(k, digit_high, -whole))
    total, error = sum_of(e, whole, high)
    return ends(e, x, total + (error + low))


@real
def log2(e: Emitter, form: Format, x: Value) -> Value:
    """log₂ x within 1 ulp; of a power of 2 exactly."""
    return _to_base(e, form, x, LOG_2_E, "1")


@real
def log10(e: Emitter, form: Format, x: Value) -> Value:
    """log₁₀ x within 1 ulp; of a power of 10 exactly."""
    return _to_base(e, form, x, LOG_10_E, LOG_10_2)


def _log1p(e: Emitter, form: Format, x: Value, extra: Value | None = None) -> Value:
    """log(1 + x) of x > −1, plus extra · log 2 of x where that is not 0 (1 is then nothing beside x)."""
    high, low = split(LOG_2, form, 2)
    total = x + 1
    # What the sum lost, whichever summand is larger.
    left = total - x
    lost = e.rounded("add", e.rounded("sub", 1.0, left), e.rounded("sub", x, e.rounded("sub", total, left)))
    k, f = mantissa(e, form, total, lost)
    k = k if extra is None else k + extra
    w = parts(e, form, f)
    return e.fma(k, high, f - e.fma(k, -low, w))


@real
def log1p(e: Emitter, form: Format, x: Value) -> Value:
    """log(1 + x) within 2 ulp."""
    y = e.select(e.abs(x) < 2.0 ** (-form.digits - 2), x, _log1p(e, form, x))
    y = e.select(x < INFINITY, y, x)
    return e.select(x <= -1, e.select(e.eq(x, -1), e.like(x, -INFINITY), NAN), y)


@real
def asinh(e: Emitter, form: Format, x: Value) -> Value:
    """asinh x within 3 ulp."""
    size = e.abs(x)
    large = size > 2.0 ** (form.digits // 2 + 2)
    square = size * size
    moderate = size + square / (e.sqrt(square + 1) + 1)
    # log(2x) of a large x.
    y = _log1p(e, form, e.select(large, size - 1, moderate), e.select(large, e.like(x, 1), 0.0))
    y = e.select(size < 2.0 ** (-form.digits // 2 - 2), size, y)
    return e.copysign(e.select(size < INFINITY, y, size), x)


@real
def acosh(e: Emitter, form: Format, x: Value) -> Value:
    """acosh x within 3 ulp."""
    large = x > 2.0 ** (form.digits // 2 + 2)
    above = x - 1
    moderate = above + e.sqrt(e.fma(above, above, above * 2))
    y = _log1p(e, form, e.select(large, above, moderate), e.select(large, e.like(x, 1), 0.0))
    y = e.select(x < INFINITY, y, x)
    return e.select(x < 1, e.like(x, NAN), y)


@real
def atanh(e: Emitter, form: Format, x: Value) -> Value:
    """atanh x within 3 ulp."""
    size = e.abs(x)
    y = log1p(e, (size * 2) / (1 - size)) * 0.5
    y = e.select(size < 2.0 ** (-form.digits // 2 - 2), size, y)
    y = e.select(size > 1, e.like(x, NAN), y)
    return e.copysign(y, x)


@real
def softplus(e: Emitter, _form: Format, x: Value) -> Value:
    """log(1 + eˣ) within 3 ulp."""
    return e.maximum(x, e.like(x, 0)) + log1p(e, exp(e, -e.abs(x)))


@real
def logaddexp(e: Emitter, _form: Format, x: Value, y: Value) -> Value:
    """log(eˣ + eʸ); as good as the sum of the larger of x and y with what is added to it."""
    apart = e.abs(x - y)
    total = e.maximum(x, y) + log1p(e, exp(e, -apart))
    return e.select(e.eq(x, y), x + float(LOG_2), total)
