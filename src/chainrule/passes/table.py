"""The rules that ``simplify`` knows, and the conditions they are under."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import Box
from chainrule.passes.patterns import Rule, call_of, constant_of, spec_of_operand

# Ops whose results are never infinite, whatever the real operand is.
BOUNDED = frozenset({"sin", "cos", "tanh", "sigmoid", "erf", "erfc", "sign", "atan"})
# Ops that are infinite only where their operand is.
CARRYING = frozenset({"negative", "abs", "reshape", "permute_dims", "broadcast_to", "expand_dims", "squeeze"})


def is_real(x: Any) -> bool:
    return spec_of_operand(x).dtype.kind == "f"


def is_integer(x: Any) -> bool:
    return spec_of_operand(x).dtype.kind in "iu"


def is_finite(x: Any) -> bool:
    """Whether x is known to have no infinity; it may have NaN."""
    for _ in range(10):
        constant = constant_of(x)
        if constant is not None:
            return not np.isinf(constant).any()
        call = call_of(x)
        if call is None or not is_real(call[1][0]):
            return False
        if call[0].name in BOUNDED:
            return True
        if call[0].name not in CARRYING:
            return False
        x = call[1][0]
    return False


def is_nonzero(x: Any) -> bool:
    """Whether x is a constant without zeros."""
    constant = constant_of(x)
    return constant is not None and bool(np.not_equal(constant, 0).all())


def absorbs_nothing(a: Any, b: Any) -> bool:
    """Whether no zero of b can meet an infinity of a, and neither is a mask."""
    return is_real(a) and is_real(b) and (is_finite(a) or is_nonzero(b))


def embeds(x: Any, a: Any, b: Any) -> bool:
    """Whether a cast to ``a`` on the way to ``b`` changes nothing: all of x is in ``a``, and ``b`` rounds once."""
    start = spec_of_operand(x).dtype
    if "c" in (start.kind, a.kind, b.kind) or not np.can_cast(start, a, "safe"):
        return False
    if start.kind in "iu" and a.kind == "f":
        return 8 * start.itemsize <= np.finfo(a).nmant and b.kind == "f"
    # Out of the range of integers, floats of different dtypes are cast in ways of their own.
    return start.kind != "f" or b.kind == "f"


def has_elements(x: Any, **_bound: Any) -> bool:
    return is_real(x) and 0 not in spec_of_operand(x).shape


def real(**bound: Any) -> bool:
    """Whether all operands, as opposed to parameters, are real floating-point; Python's real numbers adapt to these."""
    return all(is_real(x) for x in bound.values() if isinstance(x, (Box, np.ndarray, np.generic, complex)))


def keeps_order(a: Any, **_bound: Any) -> bool:
    return tuple(a) == tuple(range(len(a)))


def undoes(a: Any, b: Any, **_bound: Any) -> bool:
    return [a[i] for i in b] == list(range(len(a)))


def constants(x: Any, a: Any, b: Any) -> bool:
    """Whether a and b are constants, and all is real."""
    return constant_of(a) is not None and constant_of(b) is not None and real(x=x, a=a, b=b)


RULES = [
    # The same to the bit.
    Rule("positive(x)", "x"),
    Rule("negative(negative(x))", "x"),
    Rule("abs(negative(x))", "abs(x)", real),
    Rule("abs(abs(x))", "abs(x)"),
    Rule("square(negative(x))", "square(x)", real),
    Rule("square(abs(x))", "square(x)", real),
    Rule("multiply(x, 1)", "x", real),
    Rule("multiply(1, x)", "x", real),
    Rule("divide(x, 1)", "x", real),
    Rule("subtract(x, 0)", "x", real),
    Rule("add(x, -0.0)", "x", real),
    Rule("add(-0.0, x)", "x", real),
    Rule("add(x, 0)", "x", is_integer),
    Rule("add(0, x)", "x", is_integer),
    Rule("add(x, negative(y))", "subtract(x, y)", real),
    Rule("add(negative(x), y)", "subtract(y, x)", real),
    Rule("subtract(x, negative(y))", "add(x, y)", real),
    Rule("multiply(negative(x), negative(y))", "multiply(x, y)", real),
    Rule("divide(negative(x), negative(y))", "divide(x, y)", real),
    Rule("where(c, x, x)", "x"),
    Rule("where(True, x, y)", "x"),
    Rule("where(False, x, y)", "y"),
    Rule("absorbing_multiply(a, b)", "multiply(a, b)", absorbs_nothing),
    Rule("reshape(x, shape=s)", "x"),
    Rule("broadcast_to(x, shape=s)", "x"),
    Rule("astype(x, dtype=d)", "x"),
    Rule("permute_dims(x, axes=a)", "x", keeps_order),
    Rule("permute_dims(permute_dims(x, axes=a), axes=b)", "x", undoes),
    Rule("reshape(reshape(x, shape=r), shape=s)", "reshape(x, shape=s)"),
    Rule("broadcast_to(broadcast_to(x, shape=r), shape=s)", "broadcast_to(x, shape=s)"),
    Rule("astype(astype(x, dtype=a), dtype=b)", "astype(x, dtype=b)", embeds),
    # Closer to the real number: one rounding, or no overflow, in place of several.
    Rule("log(exp(x))", "x", real),
    Rule("log(add(1, x))", "log1p(x)", real),
    Rule("log(add(x, 1))", "log1p(x)", real),
    Rule("subtract(exp(x), 1)", "expm1(x)", real),
    Rule("log1p(exp(x))", "softplus(x)", real),
    Rule("sqrt(square(x))", "abs(x)", real),
    Rule("sqrt(multiply(x, x))", "abs(x)", real),
    Rule("log(softmax(x, axis=a))", "log_softmax(x, axis=a)", real),
    Rule("log(sum(exp(x), axis=a, keepdims=k))", "logsumexp(x, axis=a, keepdims=k)", has_elements),
    # For numbers that are finite, and whose last bits are nobody's concern.
    Rule("add(x, 0)", "x", exact=False),
    Rule("add(0, x)", "x", exact=False),
    Rule("exp(log(x))", "x", real, exact=False),
    Rule("add(add(x, a), b)", "add(x, add(a, b))", constants, exact=False),
    Rule("add(add(a, x), b)", "add(x, add(a, b))", constants, exact=False),
    Rule("multiply(multiply(x, a), b)", "multiply(x, multiply(a, b))", constants, exact=False),
    Rule("multiply(multiply(a, x), b)", "multiply(x, multiply(a, b))", constants, exact=False),
    Rule("divide(exp(x), sum(exp(x), axis=a, keepdims=True))", "softmax(x, axis=a)", has_elements, exact=False),
]
