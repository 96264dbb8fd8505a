"""All functions of the module, and the methods made of them: the same ones, in-place ones, casts, operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.dialects.torch import dtypes, picking, pointwise, products, reductions, shapes
from chainrule.dialects.torch.tensor import Tensor
from chainrule.dialects.torch.views import VIEWS, viewing
from chainrule.ops import ops


def _in_place(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **params: Any) -> Any:
        return self._assign(name, function(self, *args, **params))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Write the result of ``{name[:-1]}`` into this Tensor."
    return method


_NO_METHODS = frozenset((
    "cat", "stack", "hstack", "vstack", "column_stack", "meshgrid", "cartesian_prod", "where", "einsum", "tensordot",
    "complex", "concat", "concatenate", "rsub", "atleast_1d", "atleast_2d", "trapezoid", "vander", "view_as_real",
    "view_as_complex", "bucketize",
))  # fmt: skip
_IN_PLACE = (
    "add", "sub", "mul", "div", "true_divide", "floor_divide", "remainder", "fmod", "pow", "neg", "abs", "square",
    "sqrt", "rsqrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "relu", "floor", "ceil", "trunc", "round",
    "frac", "reciprocal", "clamp", "clamp_min", "clamp_max", "clip", "sign", "sgn", "lerp", "addcmul", "addcdiv",
    "masked_fill", "cumsum", "cumprod", "tril", "triu", "deg2rad", "rad2deg", "hypot", "atan2", "logical_and",
    "logical_or", "logical_xor", "logical_not", "multiply", "subtract", "divide", "negative", "absolute", "addmm",
    "addmv", "baddbmm", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not",
)  # fmt: skip
_CASTS = {
    "float": "float32", "double": "float64", "half": "float16", "int": "int32", "long": "int64", "short": "int16",
    "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip


def _cast(name: str) -> Callable[[Any], Any]:
    wanted = dtypes.BY_NAME[name]

    def method(self: Any) -> Any:
        return pointwise.to_dtype(self, wanted)

    method.__doc__ = f"This as {wanted!r}; itself if it is."
    return method


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **pointwise.FUNCTIONS,
    **reductions.FUNCTIONS,
    **shapes.FUNCTIONS,
    **picking.FUNCTIONS,
    **products.FUNCTIONS,
}
FUNCTIONS |= {name: viewing(FUNCTIONS[name]) for name in VIEWS & FUNCTIONS.keys()}


def _install() -> None:
    methods = {name: f for name, f in FUNCTIONS.items() if name not in _NO_METHODS} | shapes.METHODS | picking.METHODS
    methods |= {name: viewing(methods[name]) for name in VIEWS & methods.keys() - FUNCTIONS.keys()}
    methods["where"] = lambda self, condition, other: ops.where(condition, self, other)
    for name, function in methods.items():
        setattr(Tensor, name, function)
    for name in _IN_PLACE:
        setattr(Tensor, f"{name}_", _in_place(FUNCTIONS[name], f"{name}_"))
    for name, dtype in _CASTS.items():
        setattr(Tensor, name, _cast(dtype))
    for spelling in ("and", "or", "xor"):
        bits = FUNCTIONS[f"bitwise_{spelling}"]
        setattr(Tensor, f"__{spelling}__", bits)
        setattr(Tensor, f"__r{spelling}__", bits)
        setattr(Tensor, f"__i{spelling}__", _in_place(bits, f"__i{spelling}__"))
    Tensor.__invert__ = FUNCTIONS["bitwise_not"]


_install()
