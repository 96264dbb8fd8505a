"""Reductions as NumPy calls them: with ``where=``, ``initial=``, ``dtype=`` and ``ddof=``."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import ops
from chainrule.protocols.arguments import Unmatched, operand
from chainrule.spec import normalize_axes

# What a reduction of nothing gives, and how its result and ``initial=`` are joined.
IDENTITIES = {"sum": 0, "prod": 1, "max": None, "min": None, "all": True, "any": False, "logsumexp": -np.inf}
JOINS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "logsumexp": "logaddexp"}
AVERAGES = ("mean", "var", "std")


def reduce(
    name: str,
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
    ddof: Any = 0,
) -> Any:
    """Our reduction of this name over the elements that ``where`` selects, ``initial`` being one more of them."""
    x = operand(x)
    if name.startswith("nan"):
        name = name.removeprefix("nan")
        where = np.logical_and(where, ops.logical_not(ops.isnan(x)).numpy())
    if dtype is not None:
        x = ops.astype(x, dtype)
    if name in AVERAGES:
        return _average(name, x, axis, keepdims, where, ddof)
    identity = initial if IDENTITIES[name] is None else IDENTITIES[name]
    if where is not True:
        if identity is None:
            raise Unmatched("the argument where= without initial=")
        x = ops.where(where, x, operand(identity if name in ("all", "any") else np.asarray(identity, x.dtype)))
    if initial is None:
        return getattr(ops, name)(x, axis=axis, keepdims=bool(keepdims))
    axes = range(x.ndim) if axis is None else normalize_axes(name, axis, x.ndim)
    if 0 in (x.shape[i] for i in axes):
        shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        return ops.broadcast_to(ops.astype(operand(initial), x.dtype), tuple(shape))
    reduced = getattr(ops, name)(x, axis=axis, keepdims=bool(keepdims))
    return getattr(ops, JOINS[name])(reduced, initial)


def _average(name: str, x: Any, axis: Any, keepdims: Any, where: Any, ddof: Any) -> Any:
    counted = np.broadcast_to(where, x.shape)
    axes = None if axis is None else tuple(np.atleast_1d(axis).tolist())
    count = np.sum(counted, axis=axes, keepdims=True)

    def mean(y: Any, count: Any, keepdims: bool) -> Any:
        y = y if y.dtype.kind in "fc" else ops.astype(y, np.float64)
        total = ops.sum(ops.where(counted, y, np.zeros((), y.dtype)), axis=axes, keepdims=True)
        average = ops.divide(total, np.asarray(count, total.real.dtype))
        return average if keepdims else ops.squeeze(average, axis=tuple(range(x.ndim)) if axes is None else axes)

    if name == "mean":
        return mean(x, count, bool(keepdims))
    deviation = ops.subtract(x, mean(x, count, True))
    square = ops.square(ops.abs(ops.where(counted, deviation, np.zeros((), deviation.dtype))))
    variance = mean(square, np.maximum(count - ddof, 0), bool(keepdims))
    return variance if name == "var" else ops.sqrt(variance)


def rows(x: Any, axis: Any) -> list[Any]:
    """The parts of ``x`` along one axis."""
    if not isinstance(axis, (int, np.integer)):
        raise Unmatched(f"the argument axis={axis!r}")
    return list(ops.unstack(x, axis=int(axis)))


def fold(call: Callable[..., Any], x: Any, axis: Any, keepdims: Any, initial: Any) -> Any:
    """call(…call(call(x₀, x₁), x₂)…, xₙ) along one axis."""
    parts = rows(x, axis)
    parts = parts if initial is None else [ops.broadcast_to(operand(initial), np.delete(x.shape, axis)), *parts]
    if not parts:
        raise Unmatched("a reduction of nothing without initial=")
    reduced = functools.reduce(call, parts)
    return ops.expand_dims(reduced, axis) if keepdims else reduced


def scan(call: Callable[..., Any], x: Any, axis: Any) -> Any:
    """All that ``fold`` passes through."""
    parts = list(itertools.accumulate(rows(x, axis), call))
    return ops.stack(parts, axis=axis) if parts else x
