"""Elementwise functions in PyTorch's spelling: functions of the module, and methods where the first operand is self."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.dialects.torch.dtypes import as_numpy, default_float, plan
from chainrule.dialects.torch.errors import RuntimeDTypeError, RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.ops import ops
from chainrule.spec import Spec

_NO_BOUND = "torch.clamp: At least one of 'min' or 'max' must not be None"


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input + alpha · other."""
    return ops.add(input, other if alpha.__class__ is int and alpha == 1 else ops.multiply(other, alpha))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input − alpha · other."""
    return ops.subtract(input, other if alpha.__class__ is int and alpha == 1 else ops.multiply(other, alpha))


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other − alpha · input."""
    name = "RsubBackward0" if isinstance(other, Box) else "RsubBackward1"
    operands = (input, other) if isinstance(other, Box) else (input,)
    return spell(name, sub(other, input, alpha=alpha), *operands)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """input / other, rounded down (``"floor"``) or toward zero (``"trunc"``) on demand."""
    if rounding_mode is None:
        return ops.divide(input, other)
    if rounding_mode == "floor":
        return ops.floor_divide(input, other)
    if rounding_mode == "trunc":
        quotient = ops.trunc(ops.divide(input, other))
        spec = plan_dtype("floor_divide", input, other)
        return spell("DivBackward1", quotient if quotient._value.dtype == spec else ops.astype(quotient, spec), input)
    raise refusal(
        RuntimeDTypeError,
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'",
    )


def plan_dtype(name: str, *operands: Any) -> Any:
    """The dtype (NumPy's) that PyTorch gives to an elementwise op on these operands."""
    values = [x._value if isinstance(x, Box) else x for x in operands]
    key = tuple((v.dtype, v.ndim) if hasattr(v, "dtype") else v.__class__ for v in values)
    wanted = plan(name, key) or (None,) * len(values)
    cast = [v if want is None else v.astype(want) for v, want in zip(values, wanted, strict=True)]
    return np.result_type(*cast)


def pow(input: Any, exponent: Any) -> Any:
    """input to the power exponent."""
    result = ops.power(input, exponent)
    if isinstance(input, Box) and isinstance(exponent, Box):
        return spell("PowBackward1", result, input, exponent)
    return result


def reciprocal_times(input: Any, other: Any) -> Any:
    """other / input, which PyTorch computes as the product of ``other`` and a reciprocal."""
    if isinstance(other, Box):
        return ops.divide(other, input)
    return ops.multiply(ops.reciprocal(input), other)


def rsqrt(input: Any) -> Any:
    """1 / √input."""
    return spell("RsqrtBackward0", ops.reciprocal(ops.sqrt(input)), input)


def frac(input: Any) -> Any:
    """input without its integer part."""
    return spell("FracBackward0", ops.subtract(input, ops.trunc(input)), input)


def fmod(input: Any, other: Any) -> Any:
    """input − other · trunc(input / other): the remainder with the sign of ``input``."""
    flat = ops.trunc(ops.divide(input, other))
    result = ops.subtract(input, ops.multiply(flat, other))
    wanted = plan_dtype("remainder", input, other)
    result = result if result._value.dtype == wanted else ops.astype(result, wanted)
    return spell("FmodBackward1" if isinstance(other, Box) else "FmodBackward0", result, input)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """input limited to [min, max]; at a bound the derivative is ½, as in the rest of the library."""
    if min is None and max is None:
        raise refusal(RuntimeShapeError, _NO_BOUND)
    result = input if min is None else ops.maximum(input, min)
    result = result if max is None else ops.minimum(result, max)
    bounds = [bound for bound in (min, max) if isinstance(bound, Box)]
    return spell("ClampBackward0" if bounds else "ClampBackward1", result, input, *bounds)


def clamp_min(input: Any, min: Any) -> Any:
    """The larger of input and ``min``."""
    return spell("ClampMinBackward0", ops.maximum(input, min), input)


def clamp_max(input: Any, max: Any) -> Any:
    """The smaller of input and ``max``."""
    return spell("ClampMaxBackward0", ops.minimum(input, max), input)


def sgn(input: Any) -> Any:
    """The sign of input, z/|z| where it is complex."""
    return spell("SgnBackward0", ops.sign(input), input)


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight · (end − input)."""
    result = ops.add(input, ops.multiply(ops.subtract(end, input), weight))
    return spell("LerpBackward1" if isinstance(weight, Box) else "LerpBackward0", result, input, end)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """input + value · tensor1 · tensor2."""
    result = add(input, ops.multiply(tensor1, tensor2), alpha=value)
    return spell("AddcmulBackward0", result, input, tensor1, tensor2)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """input + value · tensor1 / tensor2."""
    result = add(input, ops.divide(tensor1, tensor2), alpha=value)
    return spell("AddcdivBackward0", result, input, tensor1, tensor2)


def deg2rad(input: Any) -> Any:
    """Degrees as radians."""
    return spell("Deg2RadBackward0", ops.multiply(input, math.pi / 180), input)


def rad2deg(input: Any) -> Any:
    """Radians as degrees."""
    return spell("Rad2DegBackward0", ops.multiply(input, 180 / math.pi), input)


def ldexp(input: Any, other: Any) -> Any:
    """input · 2^other."""
    return spell("LdexpBackward0", ops.multiply(input, ops.power(2.0, other)), input, other)


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """``value`` where the mask holds, input elsewhere."""
    result = ops.where(mask, value, input)
    wanted = input._value.dtype
    result = result if result._value.dtype == wanted else ops.astype(result, wanted)
    return spell("MaskedFillBackward0", result, input)


# --------------------------------------------------------------------------- integers: no derivative, no op


def _bits(name: str, logical: Any) -> Any:
    """A function of the bits of integers, and of truth values where these are given."""
    function = getattr(np, name)

    def call(input: Any, *others: Any) -> Any:
        operands = (input, *others)
        cls = next(type(x) for x in operands if isinstance(x, Box))
        values = [x._value if isinstance(x, Box) else x for x in operands]
        if all(np.asarray(v).dtype == bool for v in values):
            return logical(*operands)
        if any(np.asarray(v).dtype.kind not in "biu" for v in values):
            found = next(v for v in values if np.asarray(v).dtype.kind not in "biu")
            raise refusal(
                RuntimeDTypeError,
                f"bitwise functions are defined on integers and truth values, not on {np.asarray(found).dtype}",
            )
        return box(cls, function(*values), None)

    call.__name__ = call.__qualname__ = name
    return call


bitwise_and = _bits("bitwise_and", ops.logical_and)
bitwise_or = _bits("bitwise_or", ops.logical_or)
bitwise_xor = _bits("bitwise_xor", ops.logical_xor)
bitwise_not = _bits("bitwise_not", ops.logical_not)


# ------------------------------------------------------------------------------------- comparing whole arrays


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Where |input − other| ≤ atol + rtol · |other|."""
    if input._value.dtype != other._value.dtype:
        raise refusal(RuntimeDTypeError, f"{_scalar(input)} did not match {_scalar(other)}")
    return box(type(input), np.isclose(input._value, other._value, rtol, atol, equal_nan), None)


def _scalar(x: Any) -> str:
    return x.type().removeprefix("torch.").removesuffix("Tensor")


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether input and other are close everywhere.

    >>> import chainrule.torch as torch
    >>> torch.allclose(torch.ones(2), torch.ones(2) + 1e-7)
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._value.all())


def equal(input: Any, other: Any) -> bool:
    """Whether input and other have one shape and equal elements."""
    return bool(np.array_equal(input._value, other._value))


# ------------------------------------------------------------------------------------------- other dtypes


def to_dtype(input: Any, dtype: Any) -> Any:
    """input in another dtype; itself if it has that already."""
    wanted = as_numpy("to", dtype)
    return input if input._value.dtype == wanted else ops.astype(input, wanted)


def complex(real: Any, imag: Any) -> Any:
    """real + i · imag."""
    return spell("ComplexBackward0", ops.add(real, ops.multiply(imag, 1j)), real, imag)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; with the condition alone, the positions where it holds."""
    if input is None:
        return tuple(box(type(condition), found, None) for found in np.nonzero(np.asarray(condition._value)))
    if float in (input.__class__, other.__class__) and not isinstance(input, Box) and not isinstance(other, Box):
        input = box(type(condition), default_float().type(input), None)
    return ops.where(condition, input, other)


def spec(x: Any) -> Spec:
    """Shape and dtype as NumPy knows them."""
    return Spec(x._value.shape, x._value.dtype)


# Spelled as in the core: the op is the function, and no layer lies between.
_SAME = (
    "abs", "square", "sqrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin",
    "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sign", "floor", "ceil", "trunc",
    "round", "reciprocal", "sigmoid", "relu", "hypot", "logaddexp", "maximum", "minimum", "multiply", "subtract",
    "divide", "floor_divide", "remainder", "negative", "positive", "logical_and", "logical_or", "logical_xor",
    "logical_not", "isnan", "isinf", "isfinite", "not_equal", "less", "less_equal", "greater", "greater_equal", "conj",
)  # fmt: skip
_RENAMED = {
    "neg": "negative", "mul": "multiply", "true_divide": "divide", "absolute": "abs", "fix": "trunc", "eq": "equal",
    "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "clone": "positive",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh",
}  # fmt: skip
FUNCTIONS = {f.__name__: f for f in (
    add, sub, rsub, div, pow, rsqrt, frac, fmod, clamp, clamp_min, clamp_max, sgn, lerp, addcmul, addcdiv, deg2rad,
    rad2deg, ldexp, masked_fill, bitwise_and, bitwise_or, bitwise_xor, bitwise_not, isclose, allclose, equal, complex,
    where,
)}  # fmt: skip
FUNCTIONS |= {name: getattr(ops, name) for name in _SAME}
FUNCTIONS |= {name: getattr(ops, same) for name, same in _RENAMED.items()}
FUNCTIONS["clip"] = clamp
