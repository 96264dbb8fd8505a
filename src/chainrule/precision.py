"""In which precision SciPy's functions compute, and in which ours give back what was computed in double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import PLAIN

SINGLE = np.dtype(np.float32), np.dtype(np.complex64)
DOUBLE = np.dtype(np.float64)


def real_dtype(*operands: Any) -> Any:
    """The floating dtype of a function of these real numbers."""
    dtype = np.result_type(*operands)
    if dtype.kind == "c":
        raise TypeError("it is a function of real numbers")
    return dtype if dtype.kind == "f" else np.dtype(float)


def precisely(function: Callable[..., Any]) -> Callable[..., Any]:
    """A SciPy function whose result is as precise as its floating operands, where SciPy's own is always double."""

    def value(*operands: Any) -> Any:
        out = function(*operands)
        for x in operands:
            if getattr(x, "dtype", None) is DOUBLE:
                return out
        dtypes = {x.dtype.char for x in operands if hasattr(x, "dtype") and x.dtype.kind in "fc"}
        if not dtypes or not dtypes <= {"f", "F"}:
            return out
        return tuple(map(_single, out)) if isinstance(out, tuple) else _single(out)

    return value


def _single(x: Any) -> Any:
    return x.astype({"d": "f", "D": "F"}.get(x.dtype.char, x.dtype), copy=False)


def weak(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    """A ufunc to which Python numbers beside single precision have it too: to some of SciPy's they do not."""

    def value(*operands: Any) -> Any:
        for x in operands:
            if x.__class__ in PLAIN:
                return ufunc(*_alike(operands))
        return ufunc(*operands)

    value.__wrapped__ = ufunc  # type: ignore[attr-defined]  # by which SciPy's function is known to be ours
    return value


def _alike(operands: tuple[Any, ...]) -> list[Any]:
    dtype = np.result_type(*operands)
    return [dtype.type(x) if dtype in SINGLE and x.__class__ in PLAIN else x for x in operands]
