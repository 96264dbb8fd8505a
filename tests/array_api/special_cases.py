"""The special cases of the standard: what functions give at zeros, infinities and NaN, as tables.

A row says: for these first (and these second) arguments, this result; a function of the arguments where it depends.
"""

import math

inf, nan, pi = math.inf, math.nan, math.pi


class Either:
    """A number of either sign."""

    def __init__(self, value: float):
        self.value = value

    def __repr__(self) -> str:
        return f"±{self.value}"


ZERO, INF = (0.0, -0.0), (inf, -inf)
POSITIVE, NEGATIVE = (0.5, 1.0, 3.0), (-0.5, -1.0, -3.0)
NONZERO = POSITIVE + NEGATIVE
FINITE = ZERO + NONZERO
NUMBERS = FINITE + INF
NAN = (nan,)
ALL = NUMBERS + NAN


def first(x, *_y):
    return x


def second(_x, y):
    return y


def product_sign(magnitude):
    """A magnitude with the sign of a product or a quotient."""
    return lambda x, y: math.copysign(magnitude, math.copysign(1, x) * math.copysign(1, y))


ODD = {x: [(NAN, nan), ((0.0,), 0.0), ((-0.0,), -0.0)] for x in ("asin", "asinh", "atan", "atanh", "expm1", "log1p")}
LOGARITHM = [(NAN, nan), ((-1.0, -inf), nan), (ZERO, -inf), ((1.0,), 0.0), ((inf,), inf)]
ROUNDING = [(INF, first), (ZERO, first), (NAN, nan), ((2.0, -3.0, 1e30), first)]

UNARY = {
    "abs": [(NAN, nan), (ZERO, 0.0), (INF, inf), ((-2.5, 2.5), 2.5)],
    "acos": [(NAN, nan), ((1.5, -1.5, inf, -inf), nan), ((1.0,), 0.0), ((-1.0,), pi), (ZERO, pi / 2)],
    "acosh": [(NAN, nan), ((0.5, 0.0, -2.0, -inf), nan), ((1.0,), 0.0), ((inf,), inf)],
    "asin": [*ODD["asin"], ((1.5, -1.5, inf, -inf), nan), ((1.0,), pi / 2), ((-1.0,), -pi / 2)],
    "asinh": [*ODD["asinh"], (INF, first)],
    "atan": [*ODD["atan"], ((inf,), pi / 2), ((-inf,), -pi / 2)],
    "atanh": [*ODD["atanh"], ((1.5, -1.5, inf, -inf), nan), ((1.0,), inf), ((-1.0,), -inf)],
    "ceil": [*ROUNDING, ((2.5,), 3.0), ((-0.5,), -0.0)],
    "cos": [(NAN, nan), (ZERO, 1.0), (INF, nan)],
    "cosh": [(NAN, nan), (ZERO, 1.0), (INF, inf)],
    "exp": [(NAN, nan), (ZERO, 1.0), ((inf,), inf), ((-inf,), 0.0)],
    "expm1": [*ODD["expm1"], ((inf,), inf), ((-inf,), -1.0)],
    "floor": [*ROUNDING, ((2.5,), 2.0), ((-0.5,), -1.0)],
    "isfinite": [(INF + NAN, False), (FINITE, True)],
    "isinf": [(INF, True), (FINITE + NAN, False)],
    "isnan": [(NAN, True), (NUMBERS, False)],
    "log": LOGARITHM,
    "log1p": [*ODD["log1p"], ((-1.5, -inf), nan), ((-1.0,), -inf), ((inf,), inf)],
    "log2": LOGARITHM,
    "log10": LOGARITHM,
    "negative": [(NAN, nan), (NUMBERS, lambda x: -x)],
    "positive": [(NAN, nan), (NUMBERS, first)],
    "reciprocal": [(NAN, nan), ((0.0,), inf), ((-0.0,), -inf), ((inf,), 0.0), ((-inf,), -0.0)],
    "round": [*ROUNDING, ((0.5, 0.25), 0.0), ((1.5, 2.5), 2.0), ((-0.5,), -0.0), ((-1.5, -2.5), -2.0)],
    "sign": [(NAN, nan), ((*NEGATIVE, -inf), -1.0), (ZERO, 0.0), ((*POSITIVE, inf), 1.0)],
    "signbit": [((*POSITIVE, 0.0, inf, nan), False), ((*NEGATIVE, -0.0, -inf, -nan), True)],
    "sin": [(NAN, nan), (ZERO, first), (INF, nan)],
    "sinh": [(NAN, nan), (ZERO + INF, first)],
    "square": [(NAN, nan), (ZERO, 0.0), (INF, inf)],
    "sqrt": [(NAN, nan), ((*NEGATIVE, -inf), nan), (ZERO, first), ((inf,), inf)],
    "tan": [(NAN, nan), (ZERO, first), (INF, nan)],
    "tanh": [(NAN, nan), (ZERO, first), ((inf,), 1.0), ((-inf,), -1.0)],
    "trunc": [*ROUNDING, ((2.5,), 2.0), ((-0.5,), -0.0)],
}

EITHER_NAN = [(NAN, ALL, nan), (ALL, NAN, nan)]
ODD_POWERS, OTHER_POWERS = (1.0, 3.0, 5.0), (0.5, 2.0, 4.0, 2.5)
QUOTIENT = [
    *EITHER_NAN, (INF, INF, nan), (ZERO, ZERO, nan),
    (ZERO, NONZERO, product_sign(0.0)), (NONZERO, ZERO, product_sign(inf)),
]  # fmt: skip

BINARY = {
    "add": [
        *EITHER_NAN, ((inf,), (-inf,), nan), ((-inf,), (inf,), nan), ((inf,), (inf,), inf), ((-inf,), (-inf,), -inf),
        (INF, FINITE, first), (FINITE, INF, second), ((-0.0,), (-0.0,), -0.0), ((-0.0,), (0.0,), 0.0),
        ((0.0,), ZERO, 0.0), (ZERO, NONZERO, second), (NONZERO, ZERO, first), ((3.0,), (-3.0,), 0.0),
    ],
    "atan2": [
        *EITHER_NAN, (POSITIVE, ZERO, pi / 2), (NEGATIVE, ZERO, -pi / 2),
        (ZERO, (*POSITIVE, 0.0, inf), first), ((0.0,), (*NEGATIVE, -0.0, -inf), pi),
        ((-0.0,), (*NEGATIVE, -0.0, -inf), -pi),
        (POSITIVE, (inf,), 0.0), (POSITIVE, (-inf,), pi), (NEGATIVE, (inf,), -0.0), (NEGATIVE, (-inf,), -pi),
        ((inf,), FINITE, pi / 2), ((-inf,), FINITE, -pi / 2), ((inf,), (inf,), pi / 4),
        ((inf,), (-inf,), 3 * pi / 4), ((-inf,), (inf,), -pi / 4), ((-inf,), (-inf,), -3 * pi / 4),
    ],
    "copysign": [
        (NUMBERS, (*NEGATIVE, -0.0, -inf, -nan), lambda x, _: -abs(x)),
        (NUMBERS, (*POSITIVE, 0.0, inf, nan), lambda x, _: abs(x)), (NAN, ALL, nan),
    ],
    "divide": [
        *QUOTIENT, (INF, NONZERO, product_sign(inf)), (FINITE, INF, product_sign(0.0)), (INF, ZERO, product_sign(inf)),
    ],
    "equal": [
        (NAN, ALL, False), (ALL, NAN, False), ((inf,), (inf,), True), ((-inf,), (-inf,), True), (ZERO, ZERO, True),
        ((inf,), (-inf, 1.0), False), ((3.0,), (3.0,), True), ((3.0,), (-3.0,), False),
    ],
    "floor_divide": [
        *QUOTIENT, (INF, NONZERO, product_sign(inf)), (FINITE, INF, product_sign(0.0)), ((7.0,), (2.0,), 3.0),
        ((-7.0,), (2.0,), -4.0),
    ],
    "hypot": [
        (INF, ALL, inf), (ALL, INF, inf), (ZERO, FINITE, lambda _, y: abs(y)), (FINITE, ZERO, lambda x, _: abs(x)),
        (FINITE + NAN, NAN, nan), (NAN, FINITE + NAN, nan), ((3e30,), (4e30,), 5e30),
    ],
    "logaddexp": [
        *EITHER_NAN, ((inf,), NUMBERS, inf), (NUMBERS, (inf,), inf), ((-inf,), (-inf,), -inf),
        ((-inf,), NONZERO, second),
    ],
    "maximum": [*EITHER_NAN, ((inf,), NUMBERS, inf), ((-inf,), NONZERO, second), ((1.0,), (3.0,), 3.0)],
    "minimum": [*EITHER_NAN, ((-inf,), NUMBERS, -inf), ((inf,), NONZERO, second), ((1.0,), (3.0,), 1.0)],
    "multiply": [
        *EITHER_NAN, (INF, ZERO, nan), (ZERO, INF, nan), (INF, INF + NONZERO, product_sign(inf)),
        (NONZERO, INF, product_sign(inf)), (ZERO, FINITE, product_sign(0.0)),
    ],
    "nextafter": [*EITHER_NAN, ((-0.0,), (0.0,), 0.0), ((0.0,), (-0.0,), -0.0), ((1.0,), (1.0,), 1.0)],
    "not_equal": [
        (NAN, ALL, True), (ALL, NAN, True), ((inf,), (-inf,), True), ((-inf,), (inf,), True), ((inf,), (inf,), False),
        (ZERO, ZERO, False), ((3.0,), (1.0,), True),
    ],
    "pow": [
        ((0.0, -0.0, 3.0, -1.0, inf, nan), NAN, nan), (ALL, ZERO, 1.0), (NAN, NONZERO + INF, nan),
        ((3.0, -3.0, inf, -inf), (inf,), inf), ((3.0, -3.0, inf, -inf), (-inf,), 0.0), ((1.0, -1.0), INF, 1.0),
        ((1.0,), ALL, 1.0), ((0.5, -0.5, 0.0, -0.0), (inf,), 0.0), ((0.5, -0.5, 0.0, -0.0), (-inf,), inf),
        ((inf,), POSITIVE, inf), ((inf,), NEGATIVE, 0.0), ((-inf,), ODD_POWERS, -inf), ((-inf,), OTHER_POWERS, inf),
        ((-inf,), tuple(-y for y in ODD_POWERS), -0.0), ((-inf,), tuple(-y for y in OTHER_POWERS), 0.0),
        ((0.0,), POSITIVE, 0.0), ((0.0,), NEGATIVE, inf), ((-0.0,), ODD_POWERS, -0.0), ((-0.0,), OTHER_POWERS, 0.0),
        ((-0.0,), tuple(-y for y in ODD_POWERS), -inf), ((-0.0,), tuple(-y for y in OTHER_POWERS), inf),
        (NEGATIVE, (0.5, -0.5, 2.5), nan),
    ],
    "remainder": [
        *EITHER_NAN, (INF, ALL, nan), (FINITE, ZERO, nan), (ZERO, POSITIVE, 0.0), (ZERO, NEGATIVE, -0.0),
        (POSITIVE, (inf,), first), (POSITIVE, (-inf,), second), (NEGATIVE, (inf,), second),
        (NEGATIVE, (-inf,), first), ((7.0,), (-3.0,), -2.0), ((-7.0,), (3.0,), 2.0),
    ],
    "subtract": [
        *EITHER_NAN, ((inf,), (inf,), nan), ((-inf,), (-inf,), nan), ((inf,), (-inf,), inf), (INF, FINITE, first),
        (FINITE, INF, lambda _, y: -y), ((-0.0,), (0.0,), -0.0), ((0.0,), ZERO, 0.0), ((-0.0,), (-0.0,), 0.0),
        ((3.0,), (3.0,), 0.0),
    ],
}  # fmt: skip


def cis(factor, shift=0.0):
    """factor · (cos b + i sin b) + shift, by parts, so that a zero or an infinity keeps its sign."""
    return lambda _, b: (factor * math.cos(b) + shift if shift else factor * math.cos(b), factor * math.sin(b))


def rounded(a):
    return math.copysign(round(a), a) if math.isfinite(a) else a


# Tables of a complex z = a + bi for b ≥ 0 or NaN; below the real axis the functions are conjugate.
PLUS = (0.0,)
INFINITE = (inf,)
PARTS = (0.5, 1.5, -2.5, -0.5, *ZERO, *INF, nan)
COMPLEX = {
    "abs": [(INF, ALL, inf), (ALL, INF, inf), (ZERO, FINITE, lambda _, b: abs(b)), (FINITE, ZERO, lambda a, _: abs(a)),
            (NAN, FINITE + NAN, nan), (FINITE, NAN, nan)],
    "acos": [
        (ZERO, PLUS, (pi / 2, -0.0)), (ZERO, NAN, (pi / 2, nan)), (FINITE, INFINITE, (pi / 2, -inf)),
        (NONZERO, NAN, (nan, nan)), ((-inf,), POSITIVE, (pi, -inf)), (INFINITE, POSITIVE, (0.0, -inf)),
        ((-inf,), INFINITE, (3 * pi / 4, -inf)), (INFINITE, INFINITE, (pi / 4, -inf)), (INF, NAN, (nan, Either(inf))),
        (NAN, FINITE, (nan, nan)), (NAN, INFINITE, (nan, -inf)), (NAN, NAN, (nan, nan)),
    ],
    "acosh": [
        (ZERO, PLUS, (0.0, pi / 2)), (FINITE, INFINITE, (inf, pi / 2)), (NONZERO, NAN, (nan, nan)),
        (PLUS, NAN, (nan, Either(pi / 2))), ((-inf,), POSITIVE, (inf, pi)), (INFINITE, POSITIVE, (inf, 0.0)),
        ((-inf,), INFINITE, (inf, 3 * pi / 4)), (INFINITE, INFINITE, (inf, pi / 4)), (INF, NAN, (inf, nan)),
        (NAN, FINITE, (nan, nan)), (NAN, INFINITE, (inf, nan)), (NAN, NAN, (nan, nan)),
    ],
    "asinh": [
        (PLUS, PLUS, (0.0, 0.0)), (POSITIVE, INFINITE, (inf, pi / 2)), (FINITE, NAN, (nan, nan)),
        (INFINITE, POSITIVE, (inf, 0.0)), (INFINITE, INFINITE, (inf, pi / 4)), (NAN, PLUS, (nan, 0.0)),
        (NAN, NONZERO, (nan, nan)), (NAN, INFINITE, (Either(inf), nan)), (NAN, NAN, (nan, nan)),
    ],
    "atanh": [
        (PLUS, PLUS, (0.0, 0.0)), (PLUS, NAN, (0.0, nan)), ((1.0,), PLUS, (inf, 0.0)),
        (POSITIVE, INFINITE, (0.0, pi / 2)), (NONZERO, NAN, (nan, nan)), (INFINITE, POSITIVE, (0.0, pi / 2)),
        (INFINITE, INFINITE, (0.0, pi / 2)), (INFINITE, NAN, (0.0, nan)), (NAN, FINITE, (nan, nan)),
        (NAN, INFINITE, (Either(0.0), pi / 2)), (NAN, NAN, (nan, nan)),
    ],
    "cosh": [
        (PLUS, PLUS, (1.0, 0.0)), (PLUS, INFINITE, (nan, Either(0.0))), (PLUS, NAN, (nan, Either(0.0))),
        (NONZERO, INFINITE, (nan, nan)), (NONZERO, NAN, (nan, nan)), (INFINITE, PLUS, (inf, 0.0)),
        (INFINITE, NONZERO, cis(inf)), (INFINITE, INFINITE, (Either(inf), nan)), (INFINITE, NAN, (inf, nan)),
        (NAN, ZERO, (nan, Either(0.0))), (NAN, NONZERO, (nan, nan)), (NAN, NAN, (nan, nan)),
    ],
    "exp": [
        (ZERO, PLUS, (1.0, 0.0)), (FINITE, INFINITE, (nan, nan)), (FINITE, NAN, (nan, nan)),
        (INFINITE, PLUS, (inf, 0.0)),
        ((-inf,), FINITE, cis(0.0)), (INFINITE, NONZERO, cis(inf)), ((-inf,), INFINITE, (Either(0.0), Either(0.0))),
        (INFINITE, INFINITE, (Either(inf), nan)), ((-inf,), NAN, (Either(0.0), Either(0.0))),
        (INFINITE, NAN, (Either(inf), nan)), (NAN, PLUS, (nan, 0.0)), (NAN, (*NONZERO, inf), (nan, nan)),
        (NAN, NAN, (nan, nan)),
    ],
    "expm1": [
        (ZERO, PLUS, (Either(0.0), 0.0)), (FINITE, INFINITE, (nan, nan)), (FINITE, NAN, (nan, nan)),
        (INFINITE, PLUS, (inf, 0.0)),
        ((-inf,), FINITE, cis(0.0, -1.0)), (INFINITE, NONZERO, cis(inf, -1.0)),
        ((-inf,), INFINITE, (-1.0, Either(0.0))),
        (INFINITE, INFINITE, (Either(inf), nan)), ((-inf,), NAN, (-1.0, Either(0.0))),
        (INFINITE, NAN, (Either(inf), nan)), (NAN, PLUS, (nan, 0.0)), (NAN, (*NONZERO, inf), (nan, nan)),
        (NAN, NAN, (nan, nan)),
    ],
    "isfinite": [(NAN + INF, ALL, False), (ALL, NAN + INF, False), (FINITE, FINITE, True)],
    "isinf": [(INF, ALL, True), (ALL, INF, True), (FINITE + NAN, FINITE + NAN, False)],
    "isnan": [(NAN, ALL, True), (ALL, NAN, True), (NUMBERS, NUMBERS, False)],
    "log": [
        ((-0.0,), PLUS, (-inf, pi)), (PLUS, PLUS, (-inf, 0.0)), (FINITE, INFINITE, (inf, pi / 2)),
        (FINITE, NAN, (nan, nan)), ((-inf,), POSITIVE, (inf, pi)), (INFINITE, POSITIVE, (inf, 0.0)),
        ((-inf,), INFINITE, (inf, 3 * pi / 4)), (INFINITE, INFINITE, (inf, pi / 4)), (INF, NAN, (inf, nan)),
        (NAN, FINITE, (nan, nan)), (NAN, INFINITE, (inf, nan)), (NAN, NAN, (nan, nan)),
    ],
    "log1p": [
        ((-1.0,), PLUS, (-inf, 0.0)), (FINITE, INFINITE, (inf, pi / 2)), (FINITE, NAN, (nan, nan)),
        ((-inf,), POSITIVE, (inf, pi)), (INFINITE, POSITIVE, (inf, 0.0)), ((-inf,), INFINITE, (inf, 3 * pi / 4)),
        (INFINITE, INFINITE, (inf, pi / 4)), (INF, NAN, (inf, nan)), (NAN, FINITE, (nan, nan)),
        (NAN, INFINITE, (inf, nan)), (NAN, NAN, (nan, nan)),
    ],
    "round": [(PARTS, PARTS, lambda a, b: (rounded(a), rounded(b)))],
    "sign": [(ZERO, ZERO, (0.0, 0.0)), (NAN, ALL, (nan, nan)), (ALL, NAN, (nan, nan)), ((3.0,), (4.0,), (0.6, 0.8))],
    "sinh": [
        (PLUS, PLUS, (0.0, 0.0)), (PLUS, INFINITE, (Either(0.0), nan)), (PLUS, NAN, (Either(0.0), nan)),
        (POSITIVE, INFINITE, (nan, nan)), (POSITIVE, NAN, (nan, nan)), (INFINITE, PLUS, (inf, 0.0)),
        (INFINITE, POSITIVE, cis(inf)), (INFINITE, INFINITE, (Either(inf), nan)), (INFINITE, NAN, (Either(inf), nan)),
        (NAN, PLUS, (nan, 0.0)), (NAN, NONZERO, (nan, nan)), (NAN, NAN, (nan, nan)),
    ],
    "sqrt": [
        (ZERO, PLUS, (0.0, 0.0)), (ALL, INFINITE, (inf, inf)), (FINITE, NAN, (nan, nan)),
        # The page says NaN for −∞ + bi and i∞ for ∞ + bi; C99, whose branch cuts it follows, and all libraries:
        ((-inf,), POSITIVE, (0.0, inf)), (INFINITE, POSITIVE, (inf, 0.0)),
        ((-inf,), NAN, (nan, Either(inf))), (INFINITE, NAN, (inf, nan)), (NAN, FINITE, (nan, nan)),
        (NAN, NAN, (nan, nan)),
    ],
    "tanh": [
        (PLUS, PLUS, (0.0, 0.0)), (NONZERO, INFINITE, (nan, nan)), (NONZERO, NAN, (nan, nan)),
        (INFINITE, POSITIVE, (1.0, Either(0.0))), (INFINITE, INFINITE, (1.0, Either(0.0))),
        (INFINITE, NAN, (1.0, Either(0.0))), (NAN, PLUS, (nan, 0.0)), (NAN, NONZERO, (nan, nan)),
        (NAN, NAN, (nan, nan)),
    ],
}  # fmt: skip

# Functions that are others of iz: asin z = −i asinh(iz), and so on.
TURNED = {
    "asin": (-1j, "asinh"), "atan": (-1j, "atanh"), "cos": (1, "cosh"), "sin": (-1j, "sinh"), "tan": (-1j, "tanh"),
}  # fmt: skip


def turned(z):
    """iz and −iz without products, whose infinities make NaN."""
    return complex(-z.imag, z.real), complex(z.imag, -z.real)
