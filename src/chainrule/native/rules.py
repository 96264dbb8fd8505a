"""Rules for one scalar, ``emit=`` of ops: the dtypes in which they get their operands, and for which they are stated.

A rule ``(e, *operands, **params)`` gets values that were cast as the loop of a ufunc casts them: to the dtype of the
result, or, where the result is of a lower kind (of comparisons, of the parts of complex numbers), to the common dtype
of the operands. The condition of ``where`` and the masks of ``absorbing_multiply`` stay booleans. It returns a value of
the dtype of the result, or raises ``Unstated``, which ``stated`` finds out beforehand.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import Pair, Value, part_of
from chainrule.native.math import FUNCTIONS

BOOL = np.dtype(bool)
LEVELS = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
PLAIN = (bool, int, float, complex)


def operand_dtypes(op: Any, operands: Sequence[Any], out: np.dtype) -> list[np.dtype] | None:
    """The dtype of each operand as the rule sees it; None where no dtype holds them all, and the host must help."""
    dtypes = [None if x.__class__ in PLAIN else np.dtype(x.dtype) for x in operands]
    if op.name == "where":
        return [BOOL, out, out]
    known = [d for d in dtypes if d is not None]
    weak = [x for x, d in zip(operands, dtypes, strict=True) if d is None]
    if not all(_has_rules(d) for d in [*known, out]):
        return None
    try:
        common = np.result_type(*known, *(type(x)(0) for x in weak))
    except TypeError:
        return None
    lower = out.kind == "b" or LEVELS[common.kind] > LEVELS[out.kind]
    sees = common if lower or (common.kind == out.kind and common.itemsize > out.itemsize) else out
    if sees.kind in "iu" and not all(np.iinfo(sees).min <= x <= np.iinfo(sees).max for x in weak if x.__class__ is int):
        return None
    if out.kind == "b" and sees.kind == "f" and any(d.kind in "iu" and d.itemsize == 8 for d in known):
        return None  # a float does not hold every such integer, and NumPy compares them as they are
    if op.name == "absorbing_multiply":
        return [BOOL if d == BOOL else sees for d in dtypes]
    return [sees] * len(dtypes)


def _has_rules(dtype: np.dtype) -> bool:
    """Whether compiled code computes with a dtype: half precision, and more than double, are for the host."""
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8)) or dtype.char in "FD"


def as_dtype(e: Emitter, x: Any, dtype: np.dtype) -> Any:
    """A number, or a value, in a dtype."""
    return e.const(x, dtype) if isinstance(x, (*PLAIN, np.generic)) else e.cast(x, dtype)


def stated(op: Any, sees: Sequence[np.dtype], operands: Sequence[Any], out: np.dtype, params: dict[str, Any]) -> bool:
    """Whether the rule of an op says what it makes of such operands, some of which may be numbers."""
    numbers = tuple(
        (type(x).__name__, x.item() if isinstance(x, np.generic) else x)
        if isinstance(x, (*PLAIN, np.generic))
        else None
        for x in operands
    )
    return _stated(op.emit, tuple(sees), numbers, out, tuple(sorted(params.items())))


@functools.lru_cache(10_000)
def _stated(rule: Any, sees: tuple[np.dtype, ...], numbers: Any, out: np.dtype, params: Any) -> bool:
    e = Emitter(FUNCTIONS)
    values = [
        _unknown(e, dtype) if number is None else e.const(number[1], dtype)
        for dtype, number in zip(sees, numbers, strict=True)
    ]
    try:
        return rule(e, *values, **dict(params)).dtype == out
    except Unstated:
        return False


def _unknown(e: Emitter, dtype: np.dtype) -> Any:
    if dtype.kind == "c":
        part = part_of(dtype)
        return Pair(_unknown(e, part), _unknown(e, part))
    e.count += 1
    return Value(e, e.count, dtype, 1, 0)
