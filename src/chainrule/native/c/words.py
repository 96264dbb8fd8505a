"""Words of C11 for loop programs: types, numbers, operators, and the functions that C has no operator for."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|", "xor": "^", "shl": "<<",
    "shr": ">>",
}  # fmt: skip
COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
INTRINSICS = {
    "sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "fma": "fma",
    "copysign": "copysign",
}  # fmt: skip
_WORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true
false main arena work address at l LANES INLINE NAN INFINITY isnan memcpy signbit puts printf sqrt fabs floor ceil trunc
rint fma copysign fmod ldexp frexp lgamma tgamma sqrtf fabsf floorf ceilf truncf rintf fmaf copysignf fmodf ldexpf
frexpf"""
KEYWORDS = frozenset(_WORDS.split())  # names that nothing may have: C's, and those of the texts themselves


@functools.cache
def type_of(dtype: np.dtype) -> str:
    """The type of a number in a register; half precision is computed in single."""
    if dtype.kind == "f":
        return "double" if dtype.itemsize == 8 else "float"
    return "bool" if dtype.kind == "b" else f"{'u' if dtype.kind == 'u' else ''}int{8 * dtype.itemsize}_t"


@functools.cache
def type_in_memory(dtype: np.dtype) -> str:
    """The type of an element of an array; of complex numbers, that of their two parts."""
    if dtype.kind == "c":
        return "float" if dtype.itemsize == 8 else "double"
    if dtype.kind == "b":
        return "uint8_t"
    return "uint16_t" if dtype == np.float16 else type_of(dtype)


def unsigned_of(dtype: np.dtype) -> str:
    """The unsigned type in which integers of this dtype are computed: not narrower than an int, to which C widens."""
    return "uint64_t" if dtype.itemsize == 8 else "uint32_t"


def written(number: Any, dtype: np.dtype) -> str:
    """A constant."""
    if dtype.kind == "b":
        return "true" if number else "false"
    if dtype.kind in "iu":
        value = int(number)
        if value == np.iinfo(dtype).min and value < -(2**31) + 1:
            return f"INT{8 * dtype.itemsize}_MIN"
        if dtype.kind == "u":
            return f"UINT64_C({value})" if dtype.itemsize == 8 else f"{value}u"
        return str(value) if abs(value) < 2**31 else f"INT64_C({value})"
    value, single = float(number), "f" if dtype.itemsize < 8 else ""
    if math.isnan(value):
        return f"(({type_of(dtype)})NAN)"
    if math.isinf(value):
        return f"({'-' if value < 0 else ''}({type_of(dtype)})INFINITY)"
    text = repr(value) if dtype.itemsize == 8 else str(np.float32(value))
    text = text if any(c in text for c in ".e") else f"{text}.0"
    return f"({text}{single})" if text.startswith("-") else f"{text}{single}"


def _saturating(source: str, target: str) -> str:
    """Floats to integers: toward 0, the nearest where out of range, 0 for NaN."""
    kind, made = np.dtype(source), np.dtype(target)
    limits = np.iinfo(made)
    c = "float" if kind.itemsize < 8 else "double"
    # The first power of two beyond the largest integer is a float; the largest integer may not be.
    high = 2.0 ** (8 * made.itemsize - (made.kind == "i"))
    low, f = (-high if made.kind == "i" else 0.0), "f" if c == "float" else ""
    name = type_of(made)
    largest, smallest = (written(made.type(x), made) for x in (limits.max, limits.min))
    return (
        f"static inline {name} {source}_to_{target}({c} x) {{\n"
        f"    return x >= {high!r}{f} ? {largest} : x > {low!r}{f} ? ({name})x : x <= {low!r}{f} ? {smallest} : 0;\n}}"
    )


def _bits(source: str, target: str) -> str:
    a, b = np.dtype(source), np.dtype(target)
    if a == np.float16 or b == np.float16:
        change = f"({type_of(b)})float_to_half(x)" if a == np.float16 else "half_to_float((uint16_t)x)"
        return f"static inline {type_of(b)} bits_{source}_as_{target}({type_of(a)} x) {{\n    return {change};\n}}"
    return (
        f"static inline {type_of(b)} bits_{source}_as_{target}({type_of(a)} x) {{\n"
        f"    {type_of(b)} y;\n    memcpy(&y, &x, sizeof y);\n    return y;\n}}"
    )


HALF = """static inline float half_to_float(uint16_t h) {
    const float magnitude = (h & 0x7C00) == 0x7C00 ? ((h & 0x3FF) ? NAN : INFINITY)
        : (h & 0x7C00) ? ldexpf((float)(1024 + (h & 0x3FF)), (h >> 10 & 31) - 25)
                       : ldexpf((float)(h & 0x3FF), -24);
    return h & 0x8000 ? -magnitude : magnitude;
}

/* Rounded to the nearest, ties to even. */
static inline uint16_t float_to_half(float x) {
    const uint16_t sign = signbit(x) ? 0x8000 : 0;
    const float a = fabsf(x);
    int exponent;
    if (isnan(x)) return (uint16_t)(sign | 0x7E00);
    if (a >= 65520.0f) return (uint16_t)(sign | 0x7C00);
    if (a < 6.103515625e-05f) return (uint16_t)(sign | (uint16_t)rintf(ldexpf(a, 24)));
    (void)frexpf(a, &exponent);
    return (uint16_t)(sign | ((exponent + 13) * 1024 + (int)rintf(ldexpf(a, 11 - exponent))));
}"""
ROUND = "static inline float half_round(float x) {\n    return half_to_float(float_to_half(x));\n}"
ADDRESS = """/* An address in memory that holds numbers at other times. */
#if defined(__GNUC__)
typedef void *address __attribute__((may_alias));
#else
typedef void *address;
#endif"""
LANES = """/* A loop over the lanes of a vector: they do not depend on one another. */
#if defined(__GNUC__) && !defined(__clang__)
#define LANES(l, count) _Pragma("GCC ivdep") for (int l = 0; l < (count); l++)
#else
#define LANES(l, count) for (int l = 0; l < (count); l++)
#endif"""


INLINE = """/* A function that is written out where it is called, so that loops over lanes stay vector instructions. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif"""


def helper(name: str) -> list[str]:
    """The definition of a function that expressions call, after those that it calls itself."""
    if name == "LANES":
        return [LANES]
    if name == "INLINE":
        return [INLINE]
    if name == "address":
        return [ADDRESS]
    if name in ("half_to_float", "float_to_half"):
        return [HALF]
    if name == "half_round":
        return [HALF, ROUND]
    if name.startswith("bits_"):
        source, target = name.removeprefix("bits_").split("_as_")
        return [*([HALF] if "float16" in (source, target) else []), _bits(source, target)]
    return [_saturating(*name.split("_to_"))]
