"""What is known of operands while a composite runs: their values, if they have any."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box, common_class
from chainrule.errors import DTypeError, SymbolError


def known(x: Any) -> Any:
    """The value of an operand; None of a symbol."""
    return x._value if isinstance(x, Box) else x


def value_of(name: str, x: Any) -> Any:
    """The value of an operand that the shape of the result depends on."""
    if not isinstance(x, Box):
        return as_value(name, x)
    if x._value is None:
        raise SymbolError(
            f"[{name}] an operand is symbolic ({x.dtype}{list(x.shape)}), and the shape of the result depends on its "
            f"values; expected a Tensor with a value; call it outside of the symbolic function."
        )
    return x._value


def constant(value: Any, *operands: Any) -> Any:
    """A Tensor that no gradient is asked of, of the class that operations on the operands have."""
    cls: Any = None
    for x in operands:
        if isinstance(x, Box):
            cls = x.__class__ if cls is None else common_class(cls, x.__class__)
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
    return box(cls or Box.default, value, None)


def integers(name: str, what: str, x: Any) -> Any:
    """An operand that counts or points, as it is; refuses what is no integer."""
    dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
    if dtype.kind not in "iu" and not (hasattr(x, "__len__") and len(x) == 0):
        raise DTypeError(f"[{name}] {what} has dtype {dtype}; expected integers; convert it with astype('int64').")
    return x
