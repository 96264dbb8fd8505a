"""What files are made of: shapes, dtypes and arrays as JSON, and how large they may be."""

from __future__ import annotations

import base64
import math
import re
from typing import Any

import numpy as np

from chainrule.errors import GraphFileError
from chainrule.spec import Specs

# What a file may ask for: bytes of text, nodes in all, graphs inside graphs and tuples inside tuples, axes, elements of
# one result (which are not allocated, but counted with), and elements of a constant that are written as digits.
BYTES, NODES, DEPTH, AXES, ELEMENTS, DIGITS = 1 << 30, 1_000_000, 20, 64, 1 << 48, 64
DTYPES = frozenset(
    np.dtype(kind).name for kind in ("?", "b", "h", "i", "q", "B", "H", "I", "Q", "e", "f", "d", "g", "F", "D", "G")
)


def refused(wrong: str, expected: str) -> GraphFileError:
    return GraphFileError(
        f"[load] this is no graph: {wrong}; expected {expected}; save the graph again with Graph.save."
    )


def shown(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 40 else text[:37] + "..."


def fields_of(data: Any, what: str, *keys: str) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(keys):
        raise refused(f"{what} is {shown(data)}", f"an object of {', '.join(keys)}")
    return data


def list_of(data: Any, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise refused(f"its {what} are {shown(data)}", "a list")
    return data


def shape_from(data: Any) -> tuple[int, ...]:
    return bounded(tuple(list_of(data, "axes")))


def bounded(shape: Any) -> Any:
    """The shape, or Specs of several outputs, if NumPy could have such an array."""
    shapes = [spec.shape for spec in shape] if isinstance(shape, Specs) else [shape]
    for one in shapes:
        # Ops that only rules call believe their parameters.
        if type(one) is not tuple or not all(type(size) is int and size >= 0 for size in one):
            raise refused(f"a shape is {shown(one)}", "sizes of at least 0")
        if len(one) > AXES or math.prod(max(size, 1) for size in one) > ELEMENTS:
            raise refused(f"a shape is {shown(one)}", f"at most {AXES} axes and {ELEMENTS} elements")
    return shape


def dtype_from(name: Any) -> Any:
    if not isinstance(name, str) or name not in DTYPES:
        raise refused(f"a dtype is {shown(name)}", "a numeric dtype that NumPy has here")
    return np.dtype(name)


def array_from(data: Any, wanted: tuple[int, ...] | None = None) -> Any:
    if not isinstance(data, dict) or not {"dtype", "shape"} < set(data):
        raise refused(f"an array is {shown(data)}", "its dtype, shape, and digits or bytes")
    shape, dtype = shape_from(data["shape"]), dtype_from(data["dtype"])
    size = math.prod(shape)
    if wanted is not None and shape != wanted:
        raise refused(f"a scalar has shape {shape}", "no axes")
    if set(data) == {"dtype", "shape", "digits"}:
        digits = list_of(data["digits"], "digits")
        plain = {"b": (bool,), "i": (int,), "u": (int,), "f": (float, int)}.get(dtype.kind, ())
        if len(digits) != size or any(type(x) not in plain for x in digits):
            raise refused(f"an array of {size} elements has digits {shown(digits)}", f"{size} of {dtype}")
        try:
            with np.errstate(over="raise"):
                return np.array(digits, dtype).reshape(shape)
        except (OverflowError, FloatingPointError):
            raise refused(f"digits are {shown(digits)}", f"numbers that {dtype} can hold") from None
    text = data.get("bytes")
    if set(data) != {"dtype", "shape", "bytes"} or not isinstance(text, str):
        raise refused(f"an array is {shown(data)}", "its dtype, shape, and digits or bytes")
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) or len(text) != -(-size * dtype.itemsize // 3) * 4:
        raise refused(f"an array of {size} elements has {len(text)} characters of bytes", "base 64 of all of them")
    raw = base64.b64decode(text)
    if len(raw) != size * dtype.itemsize or (dtype.kind == "b" and raw.strip(b"\0\1")):
        raise refused(f"an array of {size} elements has {len(raw)} bytes", f"{dtype.itemsize} for each {dtype}")
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def array_data(array: Any) -> dict[str, Any]:
    head = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if array.size <= DIGITS and array.dtype.kind in "biu":
        return {**head, "digits": array.ravel().tolist()}
    if array.size <= DIGITS and array.dtype.name in ("float64", "float32", "float16") and np.isfinite(array).all():
        return {**head, "digits": array.ravel().tolist()}
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return {**head, "bytes": base64.b64encode(data).decode()}
