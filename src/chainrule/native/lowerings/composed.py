"""Ops that are written in other ops: these are traced, and their graph is lowered in place of the op."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import View
from chainrule.node import Node
from chainrule.ops import ops
from chainrule.symbolic import symbol


def composed(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register ``function(xp, *operands, **params)`` as what ops compute: where it gives None, on the host."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        lowers(*names)(functools.partial(inlined, function))
        return function

    return register


def inlined(function: Callable[..., Any], lister: Lister, operands: Sequence[Any], node: Node) -> Any:
    """List what a function of ops computes for these operands."""
    views = [lister.view(x) if isinstance(x, (View, np.ndarray)) else x for x in operands]
    symbols = [symbol(None, x.shape, x.dtype) if isinstance(x, View) else x for x in views]
    made = function(ops, *symbols, **node.params)
    if made is None:
        return None
    outputs = made if isinstance(made, tuple) else (made,)
    graph = Graph([s for s, x in zip(symbols, views, strict=True) if isinstance(x, View)], outputs)
    lister.kept.append(graph)
    found = lister.graph(graph, [x for x in views if isinstance(x, View)])
    wanted = node.spec if isinstance(made, tuple) else (node.spec,)
    for view, spec in zip(found, wanted, strict=True):
        assert (view.shape, view.dtype) == (spec.shape, spec.dtype), (node.op, view.shape, view.dtype, spec)
    return tuple(found) if isinstance(made, tuple) else found[0]


def _count(x: Any, axis: Sequence[int]) -> int:
    return math.prod(x.shape[d] for d in axis)


def _without(xp: Any, x: Any, axis: Sequence[int], keepdims: bool) -> Any:
    """x, reduced with its axes kept, as it was asked for."""
    return x if keepdims else xp.squeeze(x, axis=tuple(axis)) if axis else x


def _floating(xp: Any, x: Any) -> Any:
    return x if x.dtype.kind in "fc" else xp.astype(x, np.float64)


def _half(x: Any) -> bool:
    return x.dtype == np.float16


# ------------------------------------------------------------------------------------------------- exponentials


def _below(xp: Any, x: Any, axis: Sequence[int]) -> tuple[Any, Any]:
    """The largest element of each slice, and how far the others are below it; −∞ is infinitely far below itself."""
    largest = xp.max(x, axis=axis, keepdims=True)
    alike = xp.where(xp.equal(largest, -math.inf), largest, 0)
    return largest, xp.where(xp.logical_and(xp.isinf(largest), xp.equal(x, largest)), alike, xp.subtract(x, largest))


def _total(xp: Any, powers: Any, axis: Sequence[int]) -> Any:
    total = xp.sum(powers, axis=axis, keepdims=True)
    return xp.where(xp.equal(total, 0), 1, total)


@composed("logsumexp")
def _logsumexp(xp: Any, x: Any, *, axis: Sequence[int], keepdims: bool) -> Any:
    if _half(x) or not _count(x, axis):
        return None
    largest, below = _below(xp, _floating(xp, x), axis)
    return _without(xp, xp.add(largest, xp.log(_total(xp, xp.exp(below), axis))), axis, keepdims)


@composed("softmax")
def _softmax(xp: Any, x: Any, *, axis: Sequence[int]) -> Any:
    if _half(x):
        return None
    powers = xp.exp(_below(xp, _floating(xp, x), axis)[1])
    return xp.divide(powers, _total(xp, powers, axis))


@composed("log_softmax")
def _log_softmax(xp: Any, x: Any, *, axis: Sequence[int]) -> Any:
    if _half(x):
        return None
    below = _below(xp, _floating(xp, x), axis)[1]
    return xp.subtract(below, xp.log(_total(xp, xp.exp(below), axis)))


# ------------------------------------------------------------------------------------------ norms and deviations

# By dtype: what numbers beyond the range of squares are multiplied by, and the least square that has all its digits.
_RANGES = {
    np.dtype(kind): (2.0**scale, float(np.finfo(kind).tiny / np.finfo(kind).eps))
    for kind, scale in (("float32", 100), ("float64", 600))
}


def _squares(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return xp.add(xp.square(xp.real(x)), xp.square(xp.imag(x)))
    return xp.square(x)


def _length(xp: Any, x: Any, axis: Sequence[int], keepdims: bool) -> Any:
    """√Σ|x|²: of huge and tiny numbers the squares are summed in other units, as Blue (1978) does, in one look at x."""
    size = xp.abs(x)
    scale, least = _RANGES[size.dtype]
    total, large, small = (
        xp.sum(xp.square(xp.multiply(size, factor)), axis=axis, keepdims=keepdims) if factor != 1
        else xp.sum(_squares(xp, x), axis=axis, keepdims=keepdims)
        for factor in (1, 1 / scale, scale)
    )  # fmt: skip
    out = xp.where(xp.less(total, least), xp.multiply(xp.sqrt(small), 1 / scale), xp.sqrt(total))
    return xp.where(xp.equal(total, math.inf), xp.multiply(xp.sqrt(large), scale), out)


@composed("vector_norm")
def _vector_norm(xp: Any, x: Any, *, ord: float, axis: Sequence[int], keepdims: bool) -> Any:
    if _half(x):
        return None
    x = _floating(xp, x)
    if not _count(x, axis):
        empty = xp.astype(np.zeros(x.shape), np.empty(0, x.dtype).real.dtype)
        return xp.sum(empty, axis=axis, keepdims=keepdims) if ord > 0 else None
    if ord == 2:
        return _length(xp, x, axis, keepdims)
    size = xp.abs(x)
    if ord == 0:
        return xp.sum(xp.not_equal(size, 0), axis=axis, keepdims=keepdims, dtype=size.dtype)
    if ord in (1, math.inf, -math.inf):
        fold = xp.sum if ord == 1 else xp.max if ord > 0 else xp.min
        return fold(size, axis=axis, keepdims=keepdims)
    limits = np.finfo(size.dtype)
    total = xp.sum(xp.power(size, ord), axis=axis, keepdims=True)
    out = xp.power(total, 1 / ord)
    # Where powers leave the range in which they have all their digits: of x in units of its largest.
    outside = xp.logical_or(xp.less(total, float(limits.tiny / limits.eps)), xp.equal(total, math.inf))
    unit = (xp.max if ord > 0 else xp.min)(size, axis=axis, keepdims=True)
    unit = xp.where(xp.logical_or(xp.equal(unit, 0), xp.equal(unit, math.inf)), 1, unit)
    scaled = xp.sum(xp.power(xp.divide(size, unit), ord), axis=axis, keepdims=True)
    return _without(xp, xp.where(outside, xp.multiply(unit, xp.power(scaled, 1 / ord)), out), axis, keepdims)


def _first(xp: Any, x: Any, axis: Sequence[int]) -> Any:
    return xp.gather(x, index=tuple(slice(0, 1) if d in axis else slice(None) for d in range(len(x.shape))))


@composed("center")
def _center(xp: Any, x: Any, *, axis: Sequence[int]) -> Any:
    if _half(x):
        return None
    x = _floating(xp, x)
    # Distances from one of the elements first: more digits than x − mean(x), and exact zeros for constants.
    away = xp.subtract(x, _first(xp, x, axis))
    return xp.subtract(away, xp.divide(xp.sum(away, axis=axis, keepdims=True), _count(x, axis)))


def _degrees(x: Any, axis: Sequence[int], correction: float) -> float:
    degrees = _count(x, axis) - correction
    return degrees if degrees > 0 else math.nan


@composed("var")
def _var(xp: Any, x: Any, *, axis: Sequence[int], correction: float, keepdims: bool) -> Any:
    if _half(x) or not _count(x, axis):
        return None
    total = xp.sum(_squares(xp, _center(xp, x, axis=axis)), axis=axis, keepdims=keepdims)
    return xp.divide(total, _degrees(x, axis, correction))


@composed("std")
def _std(xp: Any, x: Any, *, axis: Sequence[int], correction: float, keepdims: bool) -> Any:
    if _half(x) or not _count(x, axis):
        return None
    away = _center(xp, x, axis=axis)
    return xp.divide(_length(xp, away, axis, keepdims), math.sqrt(_degrees(x, axis, correction)))


@composed("standardize")
def _standardize(xp: Any, x: Any, *, axis: Sequence[int], eps: float, center: bool) -> Any:
    if _half(x):
        return None
    away = _center(xp, x, axis=axis) if center else _floating(xp, x)
    square = xp.divide(xp.sum(xp.square(away), axis=axis, keepdims=True), _count(x, axis))
    deviation = xp.sqrt(xp.add(square, eps))
    zero = xp.equal(deviation, 0)
    return xp.multiply(away, xp.where(zero, 0, xp.divide(1, xp.where(zero, 1, deviation))))


def _blend(xp: Any, running: Any, found: Any, momentum: float) -> Any:
    return xp.add(xp.multiply(1 - momentum, running), xp.multiply(momentum, found))


@composed("update_running_mean")
def _update_mean(xp: Any, x: Any, running: Any, *, axis: Any, momentum: float) -> Any:
    if _half(x) or _half(running) or not _count(x, axis):
        return None
    return _blend(xp, _floating(xp, running), xp.mean(_floating(xp, x), axis=axis), momentum)


@composed("update_running_var")
def _update_var(xp: Any, x: Any, running: Any, *, axis: Any, momentum: float, samples: Any = ()) -> Any:
    if _half(x) or _half(running) or not _count(x, axis):
        return None
    found = xp.var(_floating(xp, x), axis=axis, correction=1, keepdims=True)
    return _blend(xp, _floating(xp, running), xp.mean(found, axis=(*axis, *samples)), momentum)


# ----------------------------------------------------------------------------------------------- rearranging


@composed("cross")
def _cross(xp: Any, x: Any, y: Any, *, axis: int) -> Any:
    dtype = np.result_type(x.dtype, y.dtype)

    def part(z: Any, i: int) -> Any:
        return xp.astype(xp.gather(z, index=(Ellipsis, i, *(slice(None),) * (-1 - axis))), dtype=dtype)

    (a, b, c), (d, e, f) = ([part(z, i) for i in range(3)] for z in (x, y))
    terms = [((b, f), (c, e)), ((c, d), (a, f)), ((a, e), (b, d))]
    made = [xp.subtract(xp.multiply(*left), xp.multiply(*right)) for left, right in terms]
    return xp.stack(made, axis=len(made[0].shape) + 1 + axis)
