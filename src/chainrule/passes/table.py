"""The rules about numbers that ``simplify`` knows, and the conditions they are under."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.passes.cse import spelled
from chainrule.passes.patterns import Rule, call_of, constant_of, spec_of_operand
from chainrule.spec import distinct

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
            return not np.isinf(distinct(np.asarray(constant))).any()
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
    return constant is not None and bool(np.not_equal(distinct(np.asarray(constant)), 0).all())


def adapts(x: Any) -> bool:
    """Whether x is a real number of Python's, which adapts to arrays; True and False are masks."""
    return x.__class__ is float or (x.__class__ is int and abs(x) < 2**53)


def absorbs_nothing(a: Any, b: Any) -> bool:
    """Whether no zero of b can meet an infinity of a, and neither is a mask."""
    if not (is_real(a) or is_real(b)) or not all(is_real(x) or adapts(x) for x in (a, b)):
        return False
    return is_finite(a) or is_nonzero(b)


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


def constants(x: Any, a: Any, b: Any) -> bool:
    """Whether a and b are constants, and all is real."""
    return constant_of(a) is not None and constant_of(b) is not None and real(x=x, a=a, b=b)


def folded(function: Callable[..., Any]) -> Any:
    """Two constants made one, in the precision of the result."""

    def constant(out: Any, a: Any, b: Any, **_bound: Any) -> Any:
        return np.asarray(function(constant_of(a), constant_of(b))).astype(out.dtype)[()]

    return constant


def numeric(x: Any, **_bound: Any) -> bool:
    """Whether x is made of real numbers, integers or floating."""
    return spec_of_operand(x).dtype.kind in "iuf"


def is_even(c: Any, x: Any, **_bound: Any) -> bool:
    """Whether c is a constant array that has one real number everywhere, to the bit, beside an x of its shape."""
    constant = constant_of(c)
    if not isinstance(constant, np.ndarray) or constant.ndim == 0 or constant.dtype.kind != "f" or constant.size == 0:
        return False
    if np.broadcast_shapes(constant.shape, spec_of_operand(x).shape) != spec_of_operand(x).shape:
        return False
    constant = distinct(constant)
    first = constant.flat[0]
    same = (constant == first) & (np.signbit(constant) == np.signbit(first))
    return bool(same.all())


def first(_out: Any, c: Any, **_bound: Any) -> Any:
    return constant_of(c).flat[0]


def full_of(number: float) -> Any:
    return lambda out, **_bound: np.broadcast_to(np.array(number, out.dtype), out.shape)


def is_along(x: Any, m: Any, a: Any, **_bound: Any) -> bool:
    """Whether m is the same number for all elements of a slice of x along the axes a."""
    shape, own = spec_of_operand(x).shape, spec_of_operand(m).shape
    own = (1,) * (len(shape) - len(own)) + own
    axes = a if isinstance(a, tuple) else (a,)
    return real(x=x, m=m) and len(own) == len(shape) and all(own[axis] == 1 for axis in axes)


def is_its_maximum(x: Any, m: Any, a: Any, **_bound: Any) -> bool:
    """Whether m is the maximum of x along the axes a, maybe as a constant to derivatives, and has axes of size 1."""
    if not is_along(x, m, a):
        return False
    call = call_of(m)
    for _ in range(10):
        if call is None or call[0].name not in ("stop_gradient", "reshape", "expand_dims"):
            break
        call = call_of(call[1][0])
    if call is None or call[0].name != "max" or not has_elements(x):
        return False
    axes = (a,) if isinstance(a, int) else a
    shape = spec_of_operand(x).shape
    of = tuple(range(len(shape))) if call[2]["axis"] is None else call[2]["axis"]
    within = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return spelled(call[1][0]) == spelled(x) and sorted(of) == sorted(axes) and spec_of_operand(m).shape == within


def is_shifted_back(x: Any, m: Any, b: Any, a: Any, **_bound: Any) -> bool:
    """Whether b is m, the maximum of x along the axes a, without these axes."""
    if not is_its_maximum(x, m, a):
        return False
    size = spec_of_operand(m).size
    one, other = _source(m), _source(b)
    return spec_of_operand(b).size == size and one is not None and one == other


def _source(x: Any) -> Any:
    """What x is made of but for axes of size 1 and where gradients go: of a maximum, its operand and axes."""
    for _ in range(10):
        call = call_of(x)
        if call is None:
            return None
        if call[0].name == "max":
            return spelled(call[1][0]), call[2]["axis"]
        if call[0].name not in ("stop_gradient", "reshape", "expand_dims", "squeeze"):
            return None
        x = call[1][0]
    return None


SHIFTED = "logsumexp(subtract(x, m), axis=a, keepdims=True)"


def rules() -> list[Rule]:
    """The rules about numbers."""
    return [
        # The same to the bit.
        Rule("positive(x)", "x"),
        Rule("negative(negative(x))", "x"),
        Rule("abs(negative(x))", "abs(x)", real),
        Rule("abs(abs(x))", "abs(x)"),
        Rule("square(negative(x))", "square(x)", real),
        Rule("square(abs(x))", "square(x)", real),
        Rule("multiply(x, x)", "square(x)", numeric),
        Rule("power(x, 2)", "square(x)", numeric),
        Rule("power(x, 1)", "x", real),
        Rule("power(x, 0)", "z", real, let={"z": full_of(1.0)}),
        Rule("power(x, -1)", "reciprocal(x)", real),
        Rule("divide(1, x)", "reciprocal(x)", real),
        Rule("multiply(x, -1)", "negative(x)", real),
        Rule("multiply(-1, x)", "negative(x)", real),
        Rule("divide(x, -1)", "negative(x)", real),
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
        Rule("where(logical_not(c), x, y)", "where(c, y, x)"),
        Rule("where(c, where(c, x, y), z)", "where(c, x, z)"),
        Rule("where(c, x, where(c, y, z))", "where(c, x, z)"),
        Rule("absorbing_multiply(a, b)", "multiply(a, b)", absorbs_nothing),
        Rule("astype(x, dtype=d)", "x"),
        Rule("astype(astype(x, dtype=a), dtype=b)", "astype(x, dtype=b)", embeds),
        *(
            Rule(f"{op}({pair})", f"{op}({pair.replace('c', 'k')})", is_even, let={"k": first})
            for op in ("add", "subtract", "multiply", "divide", "absorbing_multiply")
            for pair in ("c, x", "x, c")
        ),
        # Closer to the real number: one rounding, or no overflow, in place of several.
        Rule("log(exp(x))", "x", real),
        Rule("log(add(1, x))", "log1p(x)", real),
        Rule("log(add(x, 1))", "log1p(x)", real),
        # (0 − x, as −x would turn the sign of a zero.)
        Rule("log(subtract(1, x))", "log1p(subtract(0, x))", real),
        Rule("subtract(exp(x), 1)", "expm1(x)", real),
        Rule("subtract(1, exp(x))", "subtract(0, expm1(x))", real),
        Rule("log1p(exp(x))", "softplus(x)", real),
        Rule("add(x, softplus(negative(x)))", "softplus(x)", real),
        Rule("add(softplus(negative(x)), x)", "softplus(x)", real),
        Rule("log(sigmoid(x))", "negative(softplus(negative(x)))", real),
        Rule("log(add(exp(x), exp(y)))", "logaddexp(x, y)", real),
        Rule("reciprocal(add(1, exp(negative(x))))", "sigmoid(x)", real),
        Rule("reciprocal(add(exp(negative(x)), 1))", "sigmoid(x)", real),
        Rule("reciprocal(add(1, exp(x)))", "sigmoid(negative(x))", real),
        Rule("reciprocal(add(exp(x), 1))", "sigmoid(negative(x))", real),
        Rule("divide(exp(x), add(1, exp(x)))", "sigmoid(x)", real),
        Rule("divide(exp(x), add(exp(x), 1))", "sigmoid(x)", real),
        Rule("divide(subtract(exp(x), exp(negative(x))), add(exp(x), exp(negative(x))))", "tanh(x)", real),
        Rule("divide(subtract(exp(x), exp(negative(x))), 2)", "sinh(x)", real),
        Rule("divide(add(exp(x), exp(negative(x))), 2)", "cosh(x)", real),
        Rule("divide(sinh(x), cosh(x))", "tanh(x)", real),
        Rule("sqrt(square(x))", "abs(x)", real),
        Rule("log(softmax(x, axis=a))", "log_softmax(x, axis=a)", real),
        Rule("log(sum(exp(x), axis=a, keepdims=k))", "logsumexp(x, axis=a, keepdims=k)", has_elements),
        Rule("exp(log_softmax(x, axis=a))", "softmax(x, axis=a)", real),
        # With the maximum taken away first, as it is written by hand. (Rules above have put logsumexp in.)
        Rule(
            "divide(exp(subtract(x, m)), sum(exp(subtract(x, m)), axis=a, keepdims=True))",
            "softmax(x, axis=a)",
            is_its_maximum,
        ),
        Rule("softmax(subtract(x, m), axis=a)", "softmax(x, axis=a)", is_its_maximum),
        Rule("log_softmax(subtract(x, m), axis=a)", "log_softmax(x, axis=a)", is_its_maximum),
        Rule("subtract(x, logsumexp(x, axis=a, keepdims=True))", "log_softmax(x, axis=a)", has_elements),
        *(
            Rule(f"add({pair})", f"logsumexp(x, axis=a, keepdims={keep})", where)
            for keep, b, where in ((True, "m", is_its_maximum), (False, "b", is_shifted_back))
            for pair in (
                f"logsumexp(subtract(x, m), axis=a, keepdims={keep}), {b}",
                f"{b}, logsumexp(subtract(x, m), axis=a, keepdims={keep})",
            )
        ),
        # For numbers that are finite, and whose last bits are nobody's concern.
        Rule("add(x, 0)", "x", exact=False),
        Rule("add(0, x)", "x", exact=False),
        Rule("exp(log(x))", "x", real, exact=False),
        Rule("square(sqrt(x))", "x", real, exact=False),
        Rule("subtract(x, x)", "z", numeric, exact=False, let={"z": full_of(0.0)}),
        Rule("divide(x, x)", "z", real, exact=False, let={"z": full_of(1.0)}),
        Rule("multiply(x, 0)", "z", numeric, exact=False, let={"z": full_of(0.0)}),
        Rule("multiply(0, x)", "z", numeric, exact=False, let={"z": full_of(0.0)}),
        Rule("divide(0, x)", "z", real, exact=False, let={"z": full_of(0.0)}),
        Rule("power(x, 3)", "multiply(square(x), x)", real, exact=False),
        Rule("power(x, 4)", "square(square(x))", real, exact=False),
        Rule("power(x, -2)", "reciprocal(square(x))", real, exact=False),
        Rule("power(x, 0.5)", "sqrt(x)", real, exact=False),
        Rule("power(x, -0.5)", "reciprocal(sqrt(x))", real, exact=False),
        Rule("multiply(x, square(x))", "multiply(square(x), x)", real, exact=False),
        *(
            Rule(f"{op}({pattern})", f"{op}(x, c)", constants, exact=False, let={"c": folded(function)})
            for op, function in (("add", np.add), ("multiply", np.multiply))
            for inner in (f"{op}(x, a)", f"{op}(a, x)")
            for pattern in (f"{inner}, b", f"b, {inner}")
        ),
        Rule("divide(exp(x), sum(exp(x), axis=a, keepdims=True))", "softmax(x, axis=a)", has_elements, exact=False),
        *(
            Rule(f"{op}(subtract(x, m), axis=a)", f"{op}(x, axis=a)", is_along, exact=False)
            for op in ("softmax", "log_softmax")
        ),
        *(
            Rule(f"add({pair})", "logsumexp(x, axis=a, keepdims=True)", is_along, exact=False)
            for pair in (f"{SHIFTED}, m", f"m, {SHIFTED}")
        ),
    ]
