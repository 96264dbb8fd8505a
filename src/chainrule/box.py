"""What calls of ops see of their operands: boxes, which Tensors are, and whatever else may be a number or an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.op import Op
from chainrule.spec import Shape, Spec

PLAIN = frozenset({bool, int, float, complex})
_new = object.__new__


class Box:
    """The part of a Tensor that calls see: a value (None for a symbolic one) and a node (None for a constant)."""

    __slots__ = ("__weakref__", "_grad", "_node", "_value")
    _value: Any
    _node: Any
    _grad: Any
    shape: Shape
    dtype: Any

    default: type[Box]  # the class of results when no operand is a Tensor
    # A dialect's own promotion: (op, values) -> values. None means NumPy's.
    promotion: Callable[[Op, tuple[Any, ...]], tuple[Any, ...]] | None = None


def box(cls: type[Box], value: Any, node: Any) -> Any:
    """A Tensor of this class around a value and a node, unchecked."""
    made = _new(cls)
    made._value = value
    made._node = node
    made._grad = None
    return made


def common_class(one: type[Box], other: type[Box]) -> type[Box]:
    """The most derived of two Tensor classes."""
    return one if issubclass(one, other) else other


def is_box(x: Any) -> bool:
    return isinstance(x, Box)


def borrowed(x: Any, value: Any) -> bool:
    """Whether the array taken from an operand is still the caller's, who may write to it."""
    return isinstance(value, np.ndarray) and not isinstance(x, (Box, list, tuple))


def as_value(name: str, x: Any) -> Any:
    """The array or number behind an operand that is not a Tensor; refuses what is not numeric."""
    if x.__class__ in PLAIN or isinstance(x, np.generic):
        if isinstance(x, np.generic) and x.dtype.kind not in "biufc":
            raise not_numeric(name, x)
        if isinstance(x, int) and not -(2**63) <= x < 2**64:
            raise DTypeError(
                f"[{name}] an operand is an integer of {x.bit_length()} bits; expected at most 64; "
                f"convert it with float(n) first."
            )
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise DTypeError(
            f"[{name}] an operand is a masked array, and its mask would be lost; expected a plain array; "
            f"use x.filled(value), or where(mask, a, b)."
        )
    if isinstance(x, (list, tuple)) and any(isinstance(item, Box) for item in x):
        raise DTypeError(
            f"[{name}] an operand is a {type(x).__name__} that holds Tensors; expected one Tensor; "
            f"join them with chainrule.stack(...) or chainrule.concat(...)."
        )
    if isinstance(x, Spec):
        raise DTypeError(f"[{name}] an operand is a Spec, which has no value; expected an array.")
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"[{name}] an operand is not an array: {error}; expected rows of equal length.") from None
    if array.dtype.kind not in "biufc":
        raise not_numeric(name, x)
    return array.astype(array.dtype.newbyteorder("=")) if not array.dtype.isnative else array


def shortened(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 40 else text[:37] + "..."


def not_numeric(name: str, x: Any) -> DTypeError:
    shown = shortened(x)
    return DTypeError(
        f"[{name}] an operand is {shown} of type {type(x).__name__}; expected a Tensor, an array or a number; "
        f"convert it with chainrule.asarray(...) first."
    )


def operand_spec(name: str, x: Any) -> Any:
    """The Spec of any operand; numbers count as 0-d arrays."""
    if isinstance(x, Box):
        source = x._node if x._value is None else x._value
        return Spec(source.shape, source.dtype)
    value = np.asarray(as_value(name, x))
    return Spec(value.shape, value.dtype)
