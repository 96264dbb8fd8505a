"""Windows as views, what is folded over them, and convolutions as products with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.composed import composed
from chainrule.native.lowerings.parts import written
from chainrule.native.statements import Array, Index, View, sliced, viewed
from chainrule.node import Node
from chainrule.ops.nn.resample import _taps
from chainrule.spec import Shape, promote
from chainrule.window import counts

STATEMENTS = 256  # places in a kernel, each of which is a statement where windows are added up
COLUMNS = 1 << 22  # elements of the columns of windows that are made at once


def framed(lister: Lister, x: View, padding: Sequence[tuple[int, int]], fill: Any = 0) -> View:
    """x with ``padding`` around its last axes, or cut off where that is negative: a view where nothing is added."""
    sizes = x.shape[len(x.shape) - len(padding) :]
    inside = zip(sizes, padding, strict=True)
    cut = sliced(x, (..., *(slice(max(0, -a), size - max(0, -b)) for size, (a, b) in inside)))
    if not any(before > 0 or after > 0 for before, after in padding):
        return cut
    wide = [(max(0, before), max(0, after)) for before, after in padding]
    lead = cut.shape[: len(cut.shape) - len(padding)]
    inner = cut.shape[len(lead) :]
    out = Array((*lead, *(a + n + b for n, (a, b) in zip(inner, wide, strict=True))), x.dtype, name="frame")
    return written(
        lister, out, (..., *(slice(a, a + n) for n, (a, _) in zip(inner, wide, strict=True))), cut, fill=fill
    )


def windows(x: View, kernel: Shape, stride: Shape, dilation: Shape) -> View:
    """The windows of the last axes of x as a view, (…, *kernel, *counts)."""
    rank = len(kernel)
    lead = len(x.shape) - rank
    number = counts(x.shape[lead:], kernel=kernel, stride=stride, padding=((0, 0),) * rank, dilation=dilation)

    def change(indices: Sequence[Index]) -> list[Index]:
        inner, outer = indices[lead : lead + rank], indices[lead + rank :]
        places = [k.times(d).plus(t.times(s)) for k, t, d, s in zip(inner, outer, dilation, stride, strict=True)]
        return [*indices[:lead], *places]

    return viewed(x, (*x.shape[:lead], *kernel, *number), change)


@lowers("windows")
def _windows(lister: Lister, operands: Any, node: Node) -> View:
    p = node.params
    return windows(framed(lister, lister.view(operands[0]), p["padding"]), p["kernel"], p["stride"], p["dilation"])


@lowers("window_sum", "window_max")
def _window_fold(lister: Lister, operands: Any, node: Node) -> View | None:
    x, p, op, dtype = lister.view(operands[0]), node.params, node.op, node.dtype
    assert op is not None
    fill: Any = 0
    if op.name == "window_max":
        fill = -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min
    combine = "add" if op.name == "window_sum" else "or" if dtype.kind == "b" else "maximum"
    among = windows(framed(lister, x, p["padding"], fill), p["kernel"], p["stride"], p["dilation"])
    lead = len(x.shape) - len(p["kernel"])
    axes = tuple(range(lead, lead + len(p["kernel"])))
    return lister.reduce(among, axes, False, dtype, combine, fill, name=op.name)


@lowers("overlap_add")
def _overlap_add(lister: Lister, operands: Any, node: Node) -> View | None:
    g, p = lister.view(operands[0]), node.params
    kernel, padding = p["kernel"], p["padding"]
    if math.prod(kernel) > STATEMENTS:
        return None
    rank = len(kernel)
    lead = len(g.shape) - 2 * rank
    whole = tuple(n + a + b for n, (a, b) in zip(p["sizes"], padding, strict=True))
    out = Array((*g.shape[:lead], *whole), node.dtype, name="overlap_add")
    for at in itertools.product(*map(range, kernel)):
        along = zip(at, p["dilation"], p["stride"], g.shape[lead + rank :], strict=True)
        place = (..., *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, s, n in along))
        part = sliced(g, (*(slice(None),) * lead, *at))
        view = written(lister, out, place, part, fill=0, adds=bool(out.makers))
    return framed(lister, view, [(-before, -after) for before, after in padding])


# ------------------------------------------------------------------------------------------------ the largest


def _places(x: Any, p: dict[str, Any]) -> Iterator[tuple[Any, int]]:
    """For each axis of the kernel: where the elements of windows are in x, to broadcast against (*kernel, *counts)."""
    rank = len(p["kernel"])
    sizes = x.shape[len(x.shape) - rank :]
    for d, number in enumerate(counts(sizes, **p)):
        shape = [1] * (2 * rank)
        shape[d], shape[rank + d] = p["kernel"][d], number
        inner, outer = np.arange(p["kernel"][d])[:, None] * p["dilation"][d], np.arange(number) * p["stride"][d]
        yield (inner + outer - p["padding"][d][0]).reshape(shape), sizes[d]


def _inside(xp: Any, x: Any, p: dict[str, Any]) -> Any:
    """Which elements of windows are elements of x, and not of its padding; None if all are."""
    found = None
    for place, size in _places(x, p):
        if (place < 0).any() or (place >= size).any():
            one = (place >= 0) & (place < size)
            found = one if found is None else xp.logical_and(found, one)
    return found


def _ties_of(xp: Any, x: Any, out: Any, p: dict[str, Any]) -> Any:
    rank = len(p["kernel"])
    lead = len(x.shape) - rank
    among = xp.windows(x, **p)
    out = xp.reshape(out, (*out.shape[:lead], *(1,) * rank, *out.shape[lead:]))
    ties = xp.logical_or(xp.equal(among, out), xp.not_equal(among, among))
    inside = _inside(xp, x, p)
    return ties if inside is None else xp.logical_and(ties, inside)


@composed("window_ties")
def _window_ties(xp: Any, x: Any, out: Any, **p: Any) -> Any:
    return _ties_of(xp, x, out, p)


@composed("window_argmax")
def _window_argmax(xp: Any, x: Any, **p: Any) -> Any:
    rank = len(p["kernel"])
    lead = len(x.shape) - rank
    ties = _ties_of(xp, x, xp.window_max(x, **p), p)
    place: Any = np.zeros((), np.int64)
    for at, size in _places(x, p):
        place = xp.add(xp.multiply(place, size), at)
    beyond = math.prod(x.shape[lead:])
    return xp.min(xp.where(ties, place, beyond), axis=tuple(range(lead, lead + rank)))


# ------------------------------------------------------------------------------------------------ convolutions


def _chunks(samples: int, size: int) -> list[slice]:
    step = max(1, COLUMNS // max(size, 1))
    return [slice(start, min(start + step, samples)) for start in range(0, samples, step)]


def _columns(xp: Any, x: Any, groups: int, **p: Any) -> Any:
    """The windows of samples as columns, (samples, groups, channels · kernel, windows)."""
    parts = xp.windows(x, **p)
    return xp.reshape(parts, (x.shape[0], groups, -1, math.prod(parts.shape[2 + len(p["kernel"]) :])))


def _joined(xp: Any, parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


@composed("convolution")
def _convolution(xp: Any, x: Any, w: Any, *, groups: int, **p: Any) -> Any:
    p["kernel"] = w.shape[2:]
    number = counts(x.shape[2:], **p)
    dtype = promote([x, w])
    if dtype.kind == "b" or dtype == np.float16:
        return None
    if not math.prod(w.shape[1:]):
        return xp.astype(np.zeros((x.shape[0], w.shape[0], *number)), dtype)
    weight = xp.reshape(w, (groups, w.shape[0] // groups, -1))
    size = math.prod(w.shape[1:]) * groups * math.prod(number)
    made = [xp.matmul(weight, _columns(xp, x[some], groups, **p)) for some in _chunks(x.shape[0], size)]
    return xp.reshape(_joined(xp, made), (x.shape[0], w.shape[0], *number))


@composed("convolution_input")
def _convolution_input(xp: Any, g: Any, w: Any, *, sizes: Shape, groups: int, **p: Any) -> Any:
    kernel, number = w.shape[2:], g.shape[2:]
    channels = w.shape[1] * groups
    dtype = promote([g, w])
    if dtype.kind == "b" or dtype == np.float16:
        return None
    if not (w.shape[0] and math.prod(number) and math.prod(kernel)):
        return xp.astype(np.zeros((g.shape[0], channels, *sizes)), dtype)
    weight = xp.matrix_transpose(xp.reshape(w, (groups, w.shape[0] // groups, -1)))
    made = []
    for some in _chunks(g.shape[0], channels * math.prod(kernel) * math.prod(number)):
        rows = xp.reshape(g[some], (-1, groups, g.shape[1] // groups, math.prod(number)))
        parts = xp.reshape(xp.matmul(weight, rows), (rows.shape[0], channels, *kernel, *number))
        made.append(xp.overlap_add(parts, sizes=sizes, kernel=kernel, **p))
    return _joined(xp, made)


@composed("convolution_weight")
def _convolution_weight(xp: Any, x: Any, g: Any, *, kernel: Shape, groups: int, **p: Any) -> Any:
    p["kernel"], number = kernel, g.shape[2:]
    dtype = promote([x, g])
    size = x.shape[1] * math.prod(kernel) * math.prod(number)
    if dtype.kind == "b" or dtype == np.float16:
        return None
    if not (x.shape[0] and math.prod(number)):
        return xp.astype(np.zeros((g.shape[1], x.shape[1] // groups, *kernel)), dtype)
    total = None
    for some in _chunks(x.shape[0], size):
        rows = xp.reshape(g[some], (-1, groups, g.shape[1] // groups, math.prod(number)))
        product = xp.matmul(rows, xp.matrix_transpose(_columns(xp, x[some], groups, **p)))
        part = xp.sum(product, axis=0, dtype=dtype)
        total = part if total is None else xp.add(total, part)
    return xp.reshape(total, (g.shape[1], x.shape[1] // groups, *kernel))


@composed("convolve")
def _convolve(xp: Any, a: Any, v: Any, *, mode: str) -> Any:
    dtype = promote([a, v])
    n, m = math.prod(a.shape), math.prod(v.shape)
    a, v = (xp.astype(xp.reshape(z, (-1,)), dtype) for z in (a, v))
    if n < m:
        a, v, n, m = v, a, m, n
    if mode == "valid":
        before = after = 0
    elif mode == "same":
        before, after = m - 1 - (m - 1) // 2, m - 1 - (m - 1 - (m - 1) // 2)
    else:
        before = after = m - 1
    p = {"kernel": (m,), "stride": (1,), "padding": ((before, after),), "dilation": (1,)}
    terms = xp.multiply(xp.windows(a, **p), xp.reshape(xp.flip(v), (m, 1)))
    inside = _inside(xp, a, p)
    terms = terms if inside is None else xp.where(inside, terms, dtype.type(0))
    return xp.any(terms, axis=0) if dtype.kind == "b" else xp.sum(terms, axis=0, dtype=dtype)


# ------------------------------------------------------------------------------------------------ resampling


def _weighted(xp: Any, x: Any, weight: Any, axis: int) -> Any:
    real = x.dtype.type(0).real.dtype
    return xp.multiply(x, weight.astype(real).reshape(-1, *(1,) * (len(x.shape) - axis - 1)))


def _grid(x: Any, kernel: str) -> Any:
    return x.dtype if kernel.startswith("nearest") or x.dtype.kind in "fc" else np.dtype(np.float64)


@composed("resample")
def _resample(xp: Any, x: Any, *, size: int, axis: int, kernel: str, step: float, align_corners: bool) -> Any:
    x = xp.astype(x, _grid(x, kernel))
    places, weights = _taps(x.shape[axis], size, kernel, step, align_corners)
    parts = [xp.take(x, place, axis=axis) for place in places]
    if weights is not None:
        parts = [_weighted(xp, part, weight, axis) for part, weight in zip(parts, weights, strict=True)]
    out = parts[0]
    for part in parts[1:]:
        out = xp.add(out, part)
    return out


@composed("resample_transpose")
def _resample_transpose(xp: Any, g: Any, *, size: int, axis: int, kernel: str, step: float, align_corners: bool) -> Any:
    g = xp.astype(g, _grid(g, kernel))
    places, weights = _taps(size, g.shape[axis], kernel, step, align_corners)
    out = None
    for tap, place in enumerate(places):
        part = g if weights is None else _weighted(xp, g, weights[tap], axis)
        place = place.reshape(-1, *(1,) * (len(g.shape) - axis - 1))
        added = xp.add_along_axis(part, place.reshape((1,) * axis + place.shape), axis=axis, size=size)
        out = added if out is None else xp.add(out, added)
    return out
