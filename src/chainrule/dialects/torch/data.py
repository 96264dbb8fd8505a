"""From Python's data to arrays with PyTorch's dtypes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import Box, as_value
from chainrule.dialects.torch.dtypes import default_complex, default_float
from chainrule.dialects.torch.errors import RuntimeDTypeError, refusal
from chainrule.errors import DTypeError


def sizes(given: Any) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    return tuple(map(operator.index, given))


def as_array(function: str, data: Any, wanted: Any) -> Any:
    """A copy of ``data`` in the dtype ``wanted``, or in the one that PyTorch would infer."""
    if isinstance(data, Box):
        value = np.array(data._known(function))  # type: ignore[attr-defined]  # Tensors have it
    elif isinstance(data, (np.ndarray, np.generic)):
        value = np.array(as_value(function, data))
    elif isinstance(data, str):
        raise refusal(DTypeError, f"new(): invalid data type '{type(data).__name__}'")
    elif data is None:
        raise refusal(RuntimeDTypeError, "Could not infer dtype of NoneType")
    else:
        first = _first(data)
        if isinstance(first, Box):
            data = _values(data)
        value = np.array(as_value(function, data))
        if wanted is None and not hasattr(first, "dtype"):
            # Python's numbers take the default dtypes; NumPy's keep theirs.
            wanted = default_float() if value.dtype.kind == "f" else None
            wanted = default_complex() if value.dtype.kind == "c" else wanted
        elif wanted is None and first.dtype.kind == value.dtype.kind:
            wanted = np.dtype(first.dtype)
    if wanted is not None and value.dtype != wanted:
        with np.errstate(over="ignore"):
            value = value.astype(wanted)
    return value[()]


def _first(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _values(data: Any) -> Any:
    """Nested lists of Tensors as nested lists of arrays."""
    if isinstance(data, Box):
        return data._value
    return [_values(item) for item in data] if isinstance(data, (list, tuple)) else data
